/* classifier.c -- a network that names classes; see classifier.h. */
#include "classifier.h"

#include <stdlib.h>
#include <string.h>

struct classifier {
    kerf_device *device;
    kerf_graph *graph;
    kerf_state *state;
    kerf_plan *plan;
    kerf_tensor *input, *output; /* the plan's */
};

static kerf_status open_plan(classifier *c)
{
    const kerf_plan_options options = {.mode = KERF_EVALUATE, .batch = 1};
    const kerf_status status = kerf_plan_create(&c->plan, c->graph, c->state, &options);
    if (status != KERF_OK)
        return status;
    c->input = kerf_plan_input(c->plan, kerf_value_name(kerf_graph_input(c->graph, 0)));
    c->output = kerf_plan_output(c->plan, kerf_value_name(kerf_graph_output(c->graph, 0)));
    if (kerf_tensor_type(c->input) != KERF_F32 || kerf_tensor_type(c->output) != KERF_F32)
        return KERF_ERR_UNSUPPORTED;
    return kerf_plan_run(c->plan); /* zeros: builds and warms what is there */
}

kerf_status classifier_open(classifier **out, const void *model, size_t num_bytes)
{
    *out = NULL;
    classifier *c = calloc(1, sizeof *c);
    if (c == NULL)
        return KERF_ERR_MEMORY;
    kerf_status status = kerf_device_open(&c->device, NULL);
    if (status == KERF_OK)
        status = kerf_model_parse(&c->graph, &c->state, model, num_bytes, c->device);
    if (status == KERF_OK)
        status = open_plan(c);
    if (status == KERF_OK)
        *out = c;
    else
        classifier_close(c);
    return status;
}

void classifier_close(classifier *c)
{
    if (c == NULL)
        return;
    kerf_plan_destroy(c->plan);
    kerf_state_destroy(c->state);
    kerf_graph_destroy(c->graph);
    kerf_device_close(c->device);
    free(c);
}

size_t classifier_num_inputs(const classifier *c)
{
    return kerf_tensor_num_elements(c->input);
}

size_t classifier_num_classes(const classifier *c)
{
    return kerf_tensor_num_elements(c->output);
}

static kerf_status put(kerf_tensor *t, const float *numbers)
{
    void *data;
    const kerf_status status = kerf_tensor_map(t, KERF_MAP_WRITE, &data);
    if (status != KERF_OK)
        return status;
    memcpy(data, numbers, kerf_tensor_size_bytes(t));
    return kerf_tensor_unmap(t, data);
}

static kerf_status get(kerf_tensor *t, float *numbers)
{
    void *data;
    const kerf_status status = kerf_tensor_map(t, KERF_MAP_READ, &data);
    if (status != KERF_OK)
        return status;
    memcpy(numbers, data, kerf_tensor_size_bytes(t));
    return kerf_tensor_unmap(t, data);
}

kerf_status classifier_run(classifier *c, const float *picture, float *scores)
{
    kerf_status status = put(c->input, picture);
    if (status == KERF_OK)
        status = kerf_plan_run(c->plan);
    return status == KERF_OK ? get(c->output, scores) : status;
}
