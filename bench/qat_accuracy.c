/* qat_accuracy.c -- what weights of few bits cost a LeNet-5 on Fashion-MNIST, as they come and
 * trained with their roundings.
 *
 *     qat_accuracy [SEEDS [EPOCHS [MORE [BITS]]]]
 *
 * For each seed: EPOCHS as floats; then, from there, MORE at a tenth of the rate three times, as
 * floats, with roundings (weights of BITS, activations uint8, ranges of 512 samples) and with
 * roundings whose ranges are learned.  What is lost is
 * counted from the network that was trained as floats for as long.  Nothing is held back, the last
 * epoch's weights are taken, and the test split is read once a network.  A line a seed. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"
#include "kerf/kerf.h"

static kerf_device *dev;
static kerf_dataset *data;

/* A network with its weights. */
typedef struct model {
    kerf_graph *g;
    kerf_state *s;
} model;

static model copy_of(const model *m)
{
    model copy;
    bench_ok(kerf_graph_copy(&copy.g, m->g));
    bench_ok(kerf_state_copy(&copy.s, m->s, dev));
    return copy;
}

static void destroy(model *m)
{
    kerf_graph_destroy(m->g);
    kerf_state_destroy(m->s);
}

static void train(kerf_graph *g, kerf_state *s, double epochs, double rate, uint64_t seed)
{
    kerf_train_options o = kerf_train_defaults();
    o.epochs = epochs;
    o.lr *= rate;
    o.seed = seed;
    o.keep_best = 0;
    o.freeze_observers = epochs; /* counts where ranges are learned */
    bench_ok(kerf_train(g, s, data, &o));
}

static double top1(const model *m)
{
    kerf_evaluation e;
    bench_ok(kerf_evaluate(m->g, m->s, data, KERF_SPLIT_TEST, 1000, NULL, &e, NULL));
    return e.top1;
}

static double quantized_top1(const model *m, const kerf_quantize_options *q)
{
    model copy = copy_of(m);
    bench_ok(kerf_quantize(copy.g, copy.s, q));
    const double result = top1(&copy);
    destroy(&copy);
    return result;
}

typedef struct results {
    double dense, longer, as_it_comes, trained, learned; /* top-1 in percent */
} results;

static double trained_top1(const model *m, kerf_quantize_options q, double more, uint64_t seed)
{
    model copy = copy_of(m);
    kerf_ranges *ranges = NULL;
    kerf_graph *rounding;
    bench_ok(kerf_quantize_rounding(&rounding, copy.g, q.learn_ranges ? copy.s : NULL, &q));
    train(rounding, copy.s, more, 0.1, seed + 1000);
    if (q.learn_ranges) {
        bench_ok(kerf_quantize_take_ranges(&ranges, copy.g, copy.s, &q));
        q.ranges = ranges;
    }
    const double result = quantized_top1(&copy, &q);
    kerf_graph_destroy(rounding);
    kerf_ranges_destroy(ranges);
    destroy(&copy);
    return result;
}

static results run_seed(uint64_t seed, double epochs, double more, kerf_type weights)
{
    const kerf_calibrate_options how = {.samples = 512, .batch = 32, .seed = seed};
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    kerf_ranges *ranges;
    results r;
    model m;
    bench_ok(kerf_net_create(&m.g, &m.s, "lenet-5", &(kerf_net_options){.seed = seed}, dev));
    train(m.g, m.s, epochs, 1, seed);
    r.dense = top1(&m);
    model longer = copy_of(&m);
    train(longer.g, longer.s, more, 0.1, seed + 1000);
    r.longer = top1(&longer);
    q.weights = weights;
    bench_ok(kerf_calibrate(&ranges, m.g, m.s, data, &q, &how));
    q.ranges = ranges;
    r.as_it_comes = quantized_top1(&m, &q);
    r.trained = trained_top1(&m, q, more, seed);
    q.learn_ranges = 1;
    r.learned = trained_top1(&m, q, more, seed);
    kerf_ranges_destroy(ranges);
    destroy(&longer);
    destroy(&m);
    return r;
}

static double argument(int argc, char **argv, int i, double otherwise)
{
    return i < argc ? atof(argv[i]) : otherwise;
}

int main(int argc, char **argv)
{
    const int seeds = (int)argument(argc, argv, 1, 3);
    const double epochs = argument(argc, argv, 2, 12), more = argument(argc, argv, 3, 3);
    const int bits = (int)argument(argc, argv, 4, 4);
    double lost = 0, lost_learned = 0;
    bench_ok(kerf_device_open(&dev, NULL));
    bench_ok(kerf_dataset_open(&data, "fashion-mnist"));
    printf("seed,float,float_longer,static_%dbit,qat_%dbit,lost,learned_%dbit,lost\n", bits, bits,
           bits);
    for (int seed = 1; seed <= seeds; seed++) {
        const results r = run_seed((uint64_t)seed, epochs, more,
                                   bits == 8   ? KERF_S8
                                   : bits == 4 ? KERF_S4
                                               : KERF_S2);
        printf("%d,%.2f,%.2f,%.2f,%.2f,%.2f,%.2f,%.2f\n", seed, r.dense, r.longer, r.as_it_comes,
               r.trained, r.longer - r.trained, r.learned, r.longer - r.learned);
        fflush(stdout);
        lost += (r.longer - r.trained) / seeds;
        lost_learned += (r.longer - r.learned) / seeds;
    }
    printf("mean,,,,,%.2f,,%.2f\n", lost, lost_learned);
    kerf_dataset_close(data);
    kerf_device_close(dev);
    return 0;
}
