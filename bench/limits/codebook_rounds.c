/* codebook_rounds.c -- whether k-means belongs on the device: what finding a codebook takes on the
 * host (compress/share/codebook.c: sorted once, a round is 2^bits searches), beside what its rounds
 * would take on the device if each did nothing but read the weights once.
 *
 *     tests/device_run.sh pocl build/release/tests/codebook_rounds [WEIGHTS]
 *
 * Weights are like a layer's, most of them small; both in turns, the median of all pairs.  What
 * bounds the device is reading at its best (limits.h): sums of a round's entries, and their order,
 * come to it. */
#include "base/random.h"
#include "bench.h"
#include "compress/share/codebook.h"
#include "limits/limits.h"

enum { PAIRS = 5, BITS = 4 };

typedef struct layer {
    float *x;
    unsigned char *indices;
    size_t num;
} layer;

/* Sums of four numbers are nearly normal. */
static layer make_layer(size_t num)
{
    const kerf__random r = kerf__random_key(1, KERF__RANDOM_TEST, 0);
    layer l = {malloc(num * sizeof *l.x), malloc(num), num};
    for (size_t i = 0; l.x != NULL && i < num; i++) {
        double sum = 0;
        for (uint64_t k = 0; k < 4; k++)
            sum += (double)kerf__random_u32(r, k, i) / 4294967296.0 - 0.5;
        l.x[i] = (float)(0.05 * sum);
    }
    if (l.x == NULL || l.indices == NULL) {
        fprintf(stderr, "no memory for %zu weights\n", num);
        exit(1);
    }
    return l;
}

static double find_ms(const layer *l, int *num_rounds)
{
    float entries[1 << BITS];
    kerf__codebook found = {.entries = entries, .indices = l->indices};
    const kerf_share_options options = {.bits = BITS, .init = KERF_SHARE_LINEAR};
    const double start = kerf__now_ms();
    bench_ok(kerf__codebook_find(l->x, l->num, &options, 0, 0, &found));
    *num_rounds = found.num_rounds;
    return kerf__now_ms() - start;
}

static void measure(kerf_device *dev, size_t num)
{
    double host[PAIRS], reading[PAIRS], ratio[PAIRS];
    int rounds = 0;
    limits l;
    layer x = make_layer(num);
    limits_open(&l, dev, LIMITS_READ, (double)(num * sizeof(float)));
    limits_rate(&l); /* the first compiles */
    for (int i = 0; i < PAIRS; i++) {
        host[i] = find_ms(&x, &rounds);
        reading[i] = 1e-6 * (double)(num * sizeof(float)) / limits_rate(&l);
        ratio[i] = rounds * reading[i] / host[i];
    }
    qsort(host, PAIRS, sizeof *host, bench_order);
    qsort(reading, PAIRS, sizeof *reading, bench_order);
    qsort(ratio, PAIRS, sizeof *ratio, bench_order);
    printf("%zu,%d,%.1f,%.3f,%.1f,%.2f,%.2f,%.2f\n", num, rounds, host[PAIRS / 2],
           reading[PAIRS / 2], rounds * reading[PAIRS / 2], ratio[PAIRS / 2], ratio[0],
           ratio[PAIRS - 1]);
    limits_close(&l);
    free(x.x);
    free(x.indices);
}

int main(int argc, char **argv)
{
    static const size_t SIZES[] = {400000, 2359296,
                                   23454912}; /* a layer, ResNet-50's largest, all */
    kerf_device *dev;
    bench_ok(kerf_device_open(&dev, NULL));
    printf(
        "%s\nweights,rounds,host ms,reading once ms,reading each round ms,of the host's,low,high\n",
        kerf_device_name(dev));
    if (argc == 2)
        measure(dev, strtoul(argv[1], NULL, 10));
    for (size_t i = 0; argc != 2 && i < sizeof SIZES / sizeof SIZES[0]; i++)
        measure(dev, SIZES[i]);
    kerf_device_close(dev);
    return 0;
}
