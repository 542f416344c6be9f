/* train_prune_export.c -- trains LeNet-300-100 on Fashion-MNIST, prunes 95 % of its weights
 * step by step while it goes on training, and writes an ONNX file.
 *
 *     train_prune_export [OUT.onnx [EPOCHS [DATA]]]      lenet.onnx 5 fashion-mnist */
#include <stdio.h>
#include <stdlib.h>

#include <kerf/kerf.h>

/* One line for every call that can fail. */
static void check(kerf_status status)
{
    if (status == KERF_OK)
        return;
    fprintf(stderr, "%s: %s\n", kerf_status_name(status), kerf_last_error());
    exit(1);
}

static int show(void *context, const kerf_train_progress *p)
{
    (void)context;
    if (p->finished != NULL)
        printf("epoch %2d  loss %.4f  pruned %4.1f %%\n", (int)p->finished->epoch,
               p->finished->loss, 100 * p->finished->sparsity);
    return 0; /* anything else would stop the run */
}

static void report(const char *what, kerf_graph *g, kerf_state *s, kerf_dataset *data)
{
    kerf_evaluation e;
    check(kerf_evaluate(g, s, data, KERF_SPLIT_TEST, 1000, NULL, &e, NULL));
    printf("%s: %.2f +- %.2f %% of %d test images right\n", what, e.top1, e.top1_ci95,
           (int)e.samples);
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "lenet.onnx";
    const double epochs = argc > 2 ? atof(argv[2]) : 5;
    kerf_device *device;
    kerf_dataset *data;
    kerf_graph *graph;
    kerf_state *state;

    check(kerf_device_open(&device, NULL)); /* KERF_DEVICE, else a GPU, else any */
    printf("device: %s\n", kerf_device_name(device));
    check(kerf_dataset_open(&data, argc > 3 ? argv[3] : "fashion-mnist"));
    const kerf_shape sample = kerf_dataset_sample_shape(data);
    const kerf_net_options net = {.classes = kerf_dataset_num_classes(data),
                                  .input = {sample.dims[0], sample.dims[1], sample.dims[2]},
                                  .seed = 1};
    check(kerf_net_create(&graph, &state, "lenet-300-100", &net, device));

    /* Dense first. */
    kerf_train_options options = kerf_train_defaults();
    options.epochs = epochs;
    options.callback = show;
    check(kerf_train(graph, state, data, &options));
    report("dense", graph, state, data);

    /* As long again, with 20 prunings in the first 60 % of it: the smallest magnitudes of all
     * layers together go, many at first and few at the end. */
    options.prune = (kerf_prune_schedule){
        .options = {.method = KERF_PRUNE_MAGNITUDE, .scope = KERF_SCOPE_GLOBAL, .amount = 0.95},
        .curve = KERF_CURVE_CUBIC,
        .events = 20,
        .start = 0,
        .every = 0.6 * epochs / 19};
    check(kerf_train(graph, state, data, &options));
    report("pruned", graph, state, data);

    check(kerf_onnx_write(graph, state, path));
    printf("wrote %s\n", path);

    kerf_state_destroy(state);
    kerf_graph_destroy(graph);
    kerf_dataset_close(data);
    kerf_device_close(device);
    return 0;
}
