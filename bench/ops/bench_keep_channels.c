/* bench_keep_channels.c -- which channels a gate keeps, beside the fastest way to read. */
#include "op_bench.h"
#include "ref/ref.h"

static void run(op_bench *b, const char *op, int num_outputs, int64_t channels)
{
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(1, channels));
    op_check_node(&b->c, op, num_outputs);
    CHECK_OK(kerf_node_set_int(b->c.node, "k", channels / 2));
    op_bench_end(b, ref_keep_channels, 0, "half");
}

static void run_take(op_bench *b, int64_t channels, int64_t taps)
{
    static int32_t places[1024];
    static float scale[1024];
    const kerf_shape half = KERF_SHAPE(channels / 2);
    for (int32_t i = 0; i < 1024; i++) {
        places[i] = i * 2 % (int32_t)channels;
        scale[i] = 1;
    }
    op_bench_begin(b);
    op_bench_random(b, KERF_SHAPE(channels, channels, taps, taps));
    op_check_input(&b->c, KERF_S32, half, places);
    op_check_input(&b->c, KERF_S32, half, places);
    op_check_input(&b->c, KERF_F32, half, scale);
    op_check_node(&b->c, "kerf.TakeFilters", 1);
    op_bench_end(b, ref_keep_channels, 0, "half of both");
}

static void run_all(op_bench *b)
{
    run(b, "kerf.TopChannels", 2, 64);
    run(b, "kerf.TopChannels", 2, 512);
    run(b, "kerf.KeepChannels", 1, 64);
    run(b, "kerf.KeepChannels", 1, 512);
    run_take(b, 128, 3);
    run_take(b, 512, 3);
    run_take(b, 512, 1);
}

int main(void)
{
    return op_bench_main_beside(LIMITS_READ, run_all);
}
