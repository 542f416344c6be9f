/* packed_pace.c -- how fast packed files are decoded to the device.
 *
 *     tests/device_run.sh pocl build/release/tests/packed_pace M.kerf...
 *
 * The file is in memory already.  A weight counts four bytes, however it is stored; a line a file:
 * its bytes, its weights in megabytes, megabytes of weights a second, the fastest and the median
 * of the rounds. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "bench.h"
#include "graph/graph_internal.h"
#include "kerf/kerf.h"

enum { ROUNDS = 9 };

static double weights_bytes(const kerf_graph *g)
{
    double num = 0;
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->kind == KERF__VALUE_STATE || g->values[i]->kind == KERF__VALUE_CONSTANT)
            num += (double)kerf_shape_num_elements(g->values[i]->shape);
    return 4 * num;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void measure(const char *path, kerf_device *dev)
{
    void *bytes;
    size_t num_bytes;
    double ms[ROUNDS], weights = 0;
    bench_ok(kerf__file_read(path, 0, &bytes, &num_bytes));
    for (int round = 0; round < ROUNDS; round++) {
        kerf_graph *g;
        kerf_state *s;
        const double begin = kerf__now_ms();
        bench_ok(kerf_packed_parse(&g, &s, bytes, num_bytes, dev));
        bench_ok(kerf_device_finish(dev));
        ms[round] = kerf__now_ms() - begin;
        weights = weights_bytes(g);
        kerf_graph_destroy(g);
        kerf_state_destroy(s);
    }
    qsort(ms, ROUNDS, sizeof *ms, ascending);
    printf("%s: %zu bytes, %.1f MB of weights, %.0f (%.0f) MB/s\n", path, num_bytes, weights / 1e6,
           weights / 1e3 / ms[0], weights / 1e3 / ms[ROUNDS / 2]);
    free(bytes);
}

int main(int argc, char **argv)
{
    kerf_device *dev;
    bench_ok(kerf_device_open(&dev, NULL));
    for (int i = 1; i < argc; i++)
        measure(argv[i], dev);
    kerf_device_close(dev);
    return 0;
}
