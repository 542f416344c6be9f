/* load_and_run.c -- reads an ONNX file and runs it on zeros, or on an array of a .npy file.
 *
 *     load_and_run MODEL.onnx [INPUT.npy] */
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

int main(int argc, char **argv)
{
    kerf_device *device;
    kerf_graph *graph;
    kerf_state *state;
    kerf_plan *plan;
    kerf_tensor *array = NULL;
    if (argc < 2) {
        fprintf(stderr, "usage: load_and_run MODEL.onnx [INPUT.npy]\n");
        return 2;
    }
    check(kerf_device_open(&device, NULL));
    check(kerf_onnx_read(&graph, &state, argv[1], device));

    /* A plan binds the batch; planned once, it can run many times. */
    const kerf_plan_options options = {.mode = KERF_EVALUATE, .batch = 1};
    check(kerf_plan_create(&plan, graph, state, &options));
    kerf_tensor *input = kerf_plan_input(plan, kerf_value_name(kerf_graph_input(graph, 0)));
    kerf_tensor *output = kerf_plan_output(plan, kerf_value_name(kerf_graph_output(graph, 0)));
    if (argc > 2) {
        check(kerf_npy_read(&array, argv[2]));
        check(kerf_tensor_copy(array, input));
    }
    check(kerf_plan_run(plan));

    float *numbers = malloc(kerf_tensor_size_bytes(output));
    if (numbers == NULL)
        return 1;
    check(kerf_tensor_read(output, numbers)); /* waits for the run */
    for (size_t i = 0; i < kerf_tensor_num_elements(output); i++)
        printf("%g\n", (double)numbers[i]);

    free(numbers);
    kerf_tensor_destroy(array);
    kerf_plan_destroy(plan);
    kerf_state_destroy(state);
    kerf_graph_destroy(graph);
    kerf_device_close(device);
    return 0;
}
