/* Fuzzes `kerf export`: what a file becomes for each reader passes its checks, and reads back where
 * it can be written. */
#include <stdint.h>
#include <stdlib.h>

#include "kerf/io.h"
#include "kerf/quantize.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static void must(int condition)
{
    if (!condition)
        abort();
}

static void predict(const kerf_graph *g, kerf_profile profile)
{
    kerf_export_node *nodes;
    size_t num;
    must(kerf_export_predict(&nodes, &num, g, profile) == KERF_OK);
    free(nodes);
}

static void check(kerf_graph *g, const kerf_state *s, kerf_profile profile)
{
    kerf_export_change *changes;
    size_t num;
    void *written;
    predict(g, profile);
    if (kerf_export(g, profile, &changes, &num) != KERF_OK)
        return;
    free(changes);
    must(kerf_graph_verify(g) == KERF_OK);
    predict(g, profile);
    if (kerf_onnx_serialize(g, s, &written, &num) == KERF_OK)
        free(written);
}

/* Each reader gets the file anew: it is rewritten in place. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    kerf_graph *g;
    kerf_state *s;
    for (int profile = 0; profile < KERF_NUM_PROFILES; profile++) {
        if (kerf_onnx_parse(&g, &s, bytes, num_bytes, ".", NULL) != KERF_OK)
            return 0;
        check(g, s, (kerf_profile)profile);
        kerf_graph_destroy(g);
        kerf_state_destroy(s);
    }
    return 0;
}
