/* schedule.c -- one run that prunes, then trains with the roundings of int8, on a schedule.
 *
 *     schedule [OUT.onnx [EPOCHS [DATA]]]      int8.onnx 10 fashion-mnist */
#include <stdio.h>
#include <stdlib.h>

#include <kerf/kerf.h>

static void check(kerf_status status)
{
    if (status == KERF_OK)
        return;
    fprintf(stderr, "%s: %s\n", kerf_status_name(status), kerf_last_error());
    exit(1);
}

/* Here a program may look at anything, and stop the run. */
static int show_step(void *context, int64_t step)
{
    (void)context;
    printf("\r%d steps", (int)step);
    return 0;
}

int main(int argc, char **argv)
{
    const double epochs = argc > 2 ? atof(argv[2]) : 10;
    kerf_device *device;
    kerf_dataset *data;
    kerf_graph *graph;
    kerf_state *state;
    check(kerf_device_open(&device, NULL));
    check(kerf_dataset_open(&data, argc > 3 ? argv[3] : "fashion-mnist"));
    const kerf_shape sample = kerf_dataset_sample_shape(data);
    const kerf_net_options net = {.classes = kerf_dataset_num_classes(data),
                                  .input = {sample.dims[0], sample.dims[1], sample.dims[2]},
                                  .seed = 1};
    check(kerf_net_create(&graph, &state, "lenet-300-100", &net, device));

    /* 90 % of the weights go within the first half; roundings come after 60 %, with a lower rate,
     * and the last layer stays as it is in the last tenth. */
    const kerf_prune_event prune = {.options = {.amount = 0.9, .scope = KERF_SCOPE_GLOBAL},
                                    .curve = KERF_CURVE_CUBIC};
    const kerf_quantize_event quantize = {.options = kerf_quantize_defaults(KERF_QUANTIZE_STATIC),
                                          .calibrate = {.samples = 512, .batch = 32, .seed = 1},
                                          .trains = 1,
                                          .freeze_observers = {0.8, KERF_SHARES}};
    const char *last_layer = "fc3*";
    const kerf_event events[] = {
        {KERF_EVENT_PRUNE,
         {0, KERF_EPOCHS},
         {0.5, KERF_SHARES},
         {0.05, KERF_SHARES},
         .prune = &prune},
        {KERF_EVENT_QUANTIZE, .start = {0.6, KERF_SHARES}, .quantize = &quantize},
        {KERF_EVENT_LR, .start = {0.6, KERF_SHARES},
         .lr = {.lr = 0.005, .schedule = KERF_LR_COSINE}},
        {KERF_EVENT_FREEZE, .start = {0.9, KERF_SHARES}, .freeze = {&last_layer, 1}},
        {KERF_EVENT_CALL, .every = {100, KERF_STEPS}, .call = {show_step, NULL}},
    };
    kerf_train_options options = kerf_train_defaults();
    options.epochs = epochs;
    options.events = events;
    options.num_events = sizeof events / sizeof events[0];
    check(kerf_train(graph, state, data, &options));

    kerf_evaluation e;
    check(kerf_evaluate(graph, state, data, KERF_SPLIT_TEST, 1000, NULL, &e, NULL));
    printf("\npruned and int8: %.2f +- %.2f %% of %d test images right\n", e.top1, e.top1_ci95,
           (int)e.samples);
    check(kerf_onnx_write(graph, state, argc > 1 ? argv[1] : "int8.onnx"));
    kerf_state_destroy(state);
    kerf_graph_destroy(graph);
    kerf_dataset_close(data);
    kerf_device_close(device);
    return 0;
}
