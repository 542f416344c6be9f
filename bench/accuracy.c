/* accuracy.c -- accuracy at density: a LeNet on Fashion-MNIST, dense and pruned.
 *
 *     bench_accuracy [--net lenet-300-100|lenet-5] [--recipe peer|whole] [--seeds N] [--epochs E]
 *                    [--device SPEC]
 *
 * Recipe peer is that of bench/peers/torch_prune.py: dense for E epochs, then from there once more
 * as long for each sparsity, magnitude over all layers, masks chosen anew every 100 steps on a
 * cubic curve that ends after 60 % of the steps; SGD 0.05 with Nesterov momentum on a
 * cosine, batch 128, nothing held back, the last epoch's weights.  Recipe whole spends the same
 * epochs at once: fresh weights are trained for 2E epochs on one cosine, pruned on the way by the
 * same curve; the dense network it is compared with trains as long.  The test split is read once a
 * network.  Prints one JSON object a line, keys as the other script's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "kerf/kerf.h"

/* What is asked of a recipe: where a run begins and how long it is. */
typedef struct recipe_kind {
    const char *name;
    int from_dense; /* pruning goes on from the dense network; else from fresh weights */
    double lengths; /* of a run, in --epochs */
    double sparsities[5];
} recipe_kind;

static const recipe_kind RECIPES[] = {
    {"peer", 1, 1, {0.90, 0.95, 0.97, 0.98, 0.99}},
    {"whole", 0, 2, {0.97, 0.98, 0.99, 0.995, 0.998}},
};
enum { NUM_SPARSITIES = 5, NUM = NUM_SPARSITIES + 1 };

static kerf_device *dev;
static kerf_dataset *data;
static const recipe_kind *kind = &RECIPES[0];

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

/* Prunes copies of a network while training them on. */
static double prune(const kerf_graph *from, const kerf_state *weights, double sparsity,
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
    bench_ok(kerf_graph_copy(&g, from));
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
    kerf_state *fresh, *s;
    const double length = kind->lengths * epochs;
    bench_ok(kerf_net_create(&g, &fresh, net, &(kerf_net_options){.seed = seed}, dev));
    bench_ok(kerf_state_copy(&s, fresh, dev));
    kerf_train_options o = recipe(length, seed);
    bench_ok(kerf_train(g, s, data, &o));
    results[0] = tell(seed, "dense", top1(g, s));
    for (int i = 0; i < NUM_SPARSITIES; i++)
        results[i + 1] =
            tell(seed, "pruned",
                 prune(g, kind->from_dense ? s : fresh, kind->sparsities[i], length, seed));
    kerf_state_destroy(s);
    kerf_state_destroy(fresh);
    kerf_graph_destroy(g);
}

static void print_results(const double results[NUM])
{
    printf("{\"dense\": %.4f", results[0]);
    for (int i = 0; i < NUM_SPARSITIES; i++)
        printf(", \"%g\": %.4f", kind->sparsities[i], results[i + 1]);
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
    if (strcmp(option(argc, argv, "--recipe", "peer"), RECIPES[1].name) == 0)
        kind = &RECIPES[1];
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
