/* Fuzzes the reader of ONNX and that of saved graphs.
 *
 * Beyond "does not crash": what was read passes its checks, and if it can be written, it
 * reads back and is written with the same bytes again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "kerf/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static void must(int condition)
{
    if (!condition)
        abort();
}

static void check_written(const void *bytes, size_t num_bytes)
{
    kerf_graph *g;
    kerf_state *s;
    void *again;
    size_t num_again;
    must(kerf_onnx_parse(&g, &s, bytes, num_bytes, NULL, NULL) == KERF_OK);
    must(kerf_onnx_serialize(g, s, &again, &num_again) == KERF_OK);
    must(num_again == num_bytes && memcmp(again, bytes, num_bytes) == 0);
    free(again);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

static void parse_saved(const void *bytes, size_t num_bytes)
{
    kerf_graph *g;
    void *again;
    size_t num_again;
    if (kerf_graph_parse(&g, bytes, num_bytes) != KERF_OK)
        return;
    must(kerf_graph_verify(g) == KERF_OK);
    must(kerf_graph_serialize(g, &again, &num_again) == KERF_OK);
    free(again);
    kerf_graph_destroy(g);
}

/* The graph as a checkpoint saves it, whole and then with a few bytes changed, which ones
 * and how the input says. */
static void check_saved(const kerf_graph *g, const uint8_t *input, size_t num_input)
{
    kerf_graph *back;
    uint8_t *bytes;
    size_t num_bytes;
    must(kerf_graph_serialize(g, (void **)&bytes, &num_bytes) == KERF_OK);
    must(kerf_graph_parse(&back, bytes, num_bytes) == KERF_OK);
    kerf_graph_destroy(back);
    for (size_t i = 0; i + 2 < num_input && i < 30; i += 3) {
        bytes[((size_t)input[i] << 8 | input[i + 1]) % num_bytes] ^= input[i + 2];
        parse_saved(bytes, num_bytes);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    kerf_graph *g;
    kerf_state *s;
    void *written;
    size_t num_written;
    parse_saved(bytes, num_bytes);
    if (kerf_onnx_parse(&g, &s, bytes, num_bytes, ".", NULL) != KERF_OK)
        return 0;
    must(kerf_graph_verify(g) == KERF_OK);
    if (kerf_onnx_serialize(g, s, &written, &num_written) == KERF_OK)
        check_written(written, num_written);
    check_saved(g, bytes, num_bytes);
    free(written);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return 0;
}
