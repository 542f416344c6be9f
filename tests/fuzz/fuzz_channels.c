/* Fuzzes `kerf prune --remove`: of any file, channels and residual blocks are found, some are
 * chosen, and what is left without them passes its checks, or the choice is refused before anything
 * is touched. */
#include <stdint.h>
#include <stdlib.h>

#include "kerf/channels.h"
#include "kerf/depth.h"
#include "kerf/io.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static void must(int condition)
{
    if (!condition)
        abort();
}

/* A graph that something was taken out of. */
static void look_at(const kerf_graph *g, const kerf_state *s)
{
    void *written;
    size_t num;
    must(kerf_graph_verify(g) == KERF_OK);
    if (kerf_onnx_serialize(g, s, &written, &num) == KERF_OK)
        free(written);
}

static void check(kerf_graph *g, kerf_state *s, int is_dead)
{
    kerf_channels *c;
    kerf_channel_options o = {.criterion = KERF_CHANNEL_RANDOM, .amount = 0.5};
    if (kerf_channels_find(&c, g, s) != KERF_OK)
        return;
    if (is_dead ? kerf_channels_choose_dead(c, s) == KERF_OK
                : kerf_channels_choose(c, s, &o) == KERF_OK)
        if (kerf_channels_remove(c, g, s) == KERF_OK)
            look_at(g, s);
    kerf_channels_destroy(c);
}

static void check_depth(kerf_graph *g, kerf_state *s)
{
    kerf_depth *d;
    if (kerf_depth_find(&d, g, s) != KERF_OK)
        return;
    if (kerf_depth_choose(d, &(kerf_depth_options){.amount = 1}) == KERF_OK &&
        kerf_depth_remove(d, g, s) == KERF_OK)
        look_at(g, s);
    kerf_depth_destroy(d);
}

/* Each choice gets the file anew: it is cut in place. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    kerf_graph *g;
    kerf_state *s;
    for (int what = 0; what < 3; what++) {
        if (kerf_onnx_parse(&g, &s, bytes, num_bytes, ".", NULL) != KERF_OK)
            return 0;
        if (what < 2)
            check(g, s, what);
        else
            check_depth(g, s);
        kerf_graph_destroy(g);
        kerf_state_destroy(s);
    }
    return 0;
}
