/* accuracy.c -- accuracy at density: a LeNet on Fashion-MNIST, dense and pruned.
 *
 *     bench_accuracy [--net lenet-300-100|lenet-5] [--seeds N] [--epochs E] [--device SPEC]
 *
 * The recipe of bench/peers/torch_prune.py: dense for E epochs, then from there once more as
 * long for each sparsity, magnitude over all layers, masks chosen anew every 100 steps on a
 * cubic curve that ends after 60 % of the steps; SGD 0.05 with Nesterov momentum on a
 * cosine, batch 128, nothing held back, the last epoch's weights.  The test split is read
 * once a network.  Prints one JSON object a line, keys as the other script's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "kerf/kerf.h"

static const double SPARSITIES[] = {0.90, 0.95, 0.97, 0.98, 0.99};
enum { NUM_SPARSITIES = sizeof SPARSITIES / sizeof SPARSITIES[0], NUM = NUM_SPARSITIES + 1 };

static kerf_device *dev;
static kerf_dataset *data;

static kerf_train_options recipe(double epochs, uint64_t seed)
{
    kerf_train_options o = kerf_train_defaults();
    o.epochs = epochs;
    o.seed = seed;
    o.keep_best = 0;
    return o;
}

static double top1(const kerf_graph *g, kerf_state *s)
{
    kerf_evaluation e;
    bench_ok(kerf_evaluate(g, s, data, KERF_SPLIT_TEST, 1000, NULL, &e, NULL));
    return e.top1;
}

/* Prunes copies of the dense network while training them on. */
static double prune(const kerf_graph *dense, const kerf_state *weights, double sparsity,
                    double epochs, uint64_t seed)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_train_options o = recipe(epochs, seed + 1000);
    double per_epoch = (double)(kerf_dataset_num_samples(data, KERF_SPLIT_TRAIN) / o.batch);
    o.prune = (kerf_prune_schedule){.options = {.scope = KERF_SCOPE_GLOBAL, .amount = sparsity},
                                    .curve = KERF_CURVE_CUBIC,
                                    .events = (int)((0.6 * epochs * per_epoch + 100) / 100),
                                    .start = 100 / per_epoch,
                                    .every = 100 / per_epoch};
    bench_ok(kerf_graph_copy(&g, dense));
    bench_ok(kerf_state_copy(&s, weights, dev));
    bench_ok(kerf_train(g, s, data, &o));
    double result = top1(g, s);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return result;
}

/* Minutes pass between two lines of results. */
static double tell(uint64_t seed, const char *what, double percent)
{
    fprintf(stderr, "seed %d, %s: %.2f\n", (int)seed, what, percent);
    return percent;
}

static void run_seed(const char *net, uint64_t seed, double epochs, double results[NUM])
{
    kerf_graph *g;
    kerf_state *s;
    bench_ok(kerf_net_create(&g, &s, net, &(kerf_net_options){.seed = seed}, dev));
    kerf_train_options o = recipe(epochs, seed);
    bench_ok(kerf_train(g, s, data, &o));
    results[0] = tell(seed, "dense", top1(g, s));
    for (int i = 0; i < NUM_SPARSITIES; i++)
        results[i + 1] = tell(seed, "pruned", prune(g, s, SPARSITIES[i], epochs, seed));
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
}

static void print_results(const double results[NUM])
{
    printf("{\"dense\": %.4f", results[0]);
    for (int i = 0; i < NUM_SPARSITIES; i++)
        printf(", \"%g\": %.4f", SPARSITIES[i], results[i + 1]);
    printf("}}\n");
    fflush(stdout);
}

static const char *option(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return argv[i + 1];
    return otherwise;
}

int main(int argc, char **argv)
{
    const char *net = option(argc, argv, "--net", "lenet-300-100");
    const int seeds = atoi(option(argc, argv, "--seeds", "5"));
    const double epochs = atof(option(argc, argv, "--epochs", "20"));
    double mean[NUM] = {0};
    bench_ok(kerf_device_open(&dev, option(argc, argv, "--device", NULL)));
    bench_ok(kerf_dataset_open(&data, "fashion-mnist"));
    for (int seed = 1; seed <= seeds; seed++) {
        double results[NUM];
        run_seed(net, (uint64_t)seed, epochs, results);
        printf("{\"seed\": %d, \"top1\": ", seed);
        print_results(results);
        for (int i = 0; i < NUM; i++)
            mean[i] += results[i] / seeds;
    }
    printf("{\"mean\": ");
    print_results(mean);
    kerf_dataset_close(data);
    kerf_device_close(dev);
    return 0;
}
