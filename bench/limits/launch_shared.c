/* launch_shared.c -- what it costs that the cores of a device come together for a launch and part
 * after it: LAUNCHES launches of multiply-adds in registers beside one launch of as many rounds,
 * in turns.  Each core has so many equal items.  What is lost a launch is lost once a layer by a
 * network of small layers, however good its kernels are; with one item in all no core waits for
 * another, which leaves the call and the driver's thread.
 *
 *     tests/device_run.sh pocl build/release/tests/launch_shared */
#include "bench.h"
#include "limits/limits.h"

enum { PAIRS = 15, LAUNCHES = 50 };
/* 0: one item in all. */
static const size_t ITEMS_A_CORE[] = {0, 1, 4, 16};
static const unsigned ROUNDS[] = {300, 1000, 3000, 10000};

static kerf__launch *make_launch(kerf_device *dev, kerf__buffer *dst, size_t items, unsigned rounds)
{
    kerf__launch *launch;
    bench_ok(kerf__launch_create(&launch, dev, &LIMITS_SOURCE, "limits_multiply_add", "",
                                 KERF__ARGS(ARG(dst), ARG(rounds), ARG(1.0f), ARG(1.0f)),
                                 kerf__grid_wide(items, 1, 1)));
    return launch;
}

static void time_rounds(kerf_device *dev, kerf__buffer *dst, size_t items, unsigned rounds)
{
    double whole[PAIRS], lost[PAIRS];
    kerf__launch *one = make_launch(dev, dst, items, rounds * LAUNCHES);
    kerf__launch *many = make_launch(dev, dst, items, rounds);
    bench_sample_ms(dev, limits_body, one, 1); /* the first compiles */
    for (int i = 0; i < PAIRS; i++) {
        whole[i] = bench_sample_ms(dev, limits_body, one, 1) * 1e3 / LAUNCHES;
        lost[i] = bench_sample_ms(dev, limits_body, many, LAUNCHES) * 1e3 - whole[i];
    }
    qsort(whole, PAIRS, sizeof whole[0], bench_order);
    qsort(lost, PAIRS, sizeof lost[0], bench_order);
    printf("%zu,%.0f,%.1f,%.1f,%.1f\n", items, whole[PAIRS / 2], lost[PAIRS / 2], lost[3],
           lost[PAIRS - 4]);
    kerf__launch_destroy(one);
    kerf__launch_destroy(many);
}

int main(void)
{
    kerf_device *dev;
    kerf__buffer *dst;
    bench_ok(kerf_device_open(&dev, NULL));
    const size_t cores = (size_t)kerf_device_get_info(dev)->compute_units;
    bench_ok(kerf__buffer_create(&dst, dev, 64 * 16 * cores));
    printf("%s\nitems,us of work a launch,us lost a launch,low,high\n", kerf_device_name(dev));
    for (size_t i = 0; i < sizeof ITEMS_A_CORE / sizeof ITEMS_A_CORE[0]; i++)
        for (size_t r = 0; r < sizeof ROUNDS / sizeof ROUNDS[0]; r++) {
            const size_t items = ITEMS_A_CORE[i] * cores;
            time_rounds(dev, dst, items > 0 ? items : 1, ROUNDS[r]);
        }
    kerf__buffer_destroy(dst);
    kerf_device_close(dev);
    return 0;
}
