/* bench_node.c -- makes a case's node, plans it, runs it; see bench_node.h. */
#include "bench_node.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

/* ---- the graph ----------------------------------------------------------------------------- */

static kerf_type type_of(case_fill fill)
{
    return fill == FILL_MASK                           ? KERF_BOOL
           : fill == FILL_LABELS || fill == FILL_COUNT ? KERF_S32
                                                       : KERF_F32;
}

static void input_name(int i, char name[2])
{
    name[0] = (char)('a' + i);
    name[1] = '\0';
}

static kerf_status add_inputs(const bench_case *c, kerf_graph *g, kerf_value **values)
{
    kerf_status status = KERF_OK;
    for (int i = 0; status == KERF_OK && i < c->num_inputs; i++) {
        char name[2];
        input_name(i, name);
        values[i] = NULL;
        if (c->inputs[i].fill != FILL_NONE)
            status = kerf_graph_add_input(g, name, type_of(c->inputs[i].fill), c->inputs[i].shape,
                                          &values[i]);
    }
    return status;
}

static kerf_status set_window(const bench_case *c, kerf_node *node)
{
    const case_conv *v = &c->conv;
    const int64_t strides[] = {v->stride, v->stride}, pads[] = {v->pad, v->pad, v->pad, v->pad};
    kerf_status status = kerf_node_set_ints(node, "kernel_shape", v->weights.dims + 2, 2);
    if (status == KERF_OK)
        status = kerf_node_set_ints(node, "strides", strides, 2);
    if (status == KERF_OK)
        status = kerf_node_set_ints(node, "pads", pads, 4);
    if (status == KERF_OK)
        status = kerf_node_set_int(node, "group", v->group);
    if (status == KERF_OK && strcmp(c->node, "kerf.ConvGradInput") == 0)
        status = kerf_node_set_ints(node, "output_shape", v->src.dims + 2, 2);
    return status;
}

/* What each family tells its node; momentum and Nesterov's form as the command trains. */
static kerf_status set_attributes(const bench_case *c, kerf_node *node)
{
    kerf_status status = KERF_OK;
    if (c->num_axes > 0)
        status = kerf_node_set_ints(node, "axes", c->axes, c->num_axes);
    if (c->conv.group > 0)
        status = set_window(c, node);
    if (status == KERF_OK && c->trans_a)
        status = kerf_node_set_int(node, "transA", 1);
    if (status == KERF_OK && c->trans_b)
        status = kerf_node_set_int(node, "transB", 1);
    if (status == KERF_OK && strcmp(c->node, "kerf.SgdUpdate") == 0)
        status = kerf_node_set_float(node, "momentum", 0.9f);
    if (status == KERF_OK && strcmp(c->node, "kerf.SgdUpdate") == 0)
        status = kerf_node_set_int(node, "nesterov", 1);
    return status;
}

kerf_status case_graph(const bench_case *c, kerf_device *dev, kerf_graph **g, kerf_state **s)
{
    kerf_value *inputs[CASE_INPUTS];
    kerf_node *node;
    *s = NULL;
    kerf_status status = kerf_graph_create(g);
    if (status == KERF_OK)
        status = kerf_state_create(s, dev);
    if (status == KERF_OK)
        status = add_inputs(c, *g, inputs);
    if (status == KERF_OK)
        status =
            kerf_graph_add_node(*g, c->node, "y", inputs, c->num_inputs, c->num_outputs, &node);
    if (status == KERF_OK)
        status = set_attributes(c, node);
    for (int i = 0; status == KERF_OK && i < c->num_outputs; i++)
        status = kerf_graph_add_output(*g, kerf_node_output(node, i));
    return status;
}

/* Bytes of all tensors and of the largest; in double, since nothing says they are few. */
static double tensor_bytes(const kerf_value *v)
{
    double bytes = (double)kerf_type_bits(kerf_value_type(v)) / 8;
    kerf_shape shape = kerf_value_shape(v);
    for (int i = 0; i < shape.rank; i++)
        bytes *= (double)shape.dims[i];
    return bytes;
}

static void compare_bytes(const kerf_graph *g, const kerf_device_info *info, case_verdict *v)
{
    double all = 0, largest = 0;
    char needs[32], has[32];
    for (int i = 0; i < kerf_graph_num_inputs(g) + kerf_graph_num_outputs(g); i++) {
        int num = kerf_graph_num_inputs(g);
        double bytes =
            tensor_bytes(i < num ? kerf_graph_input(g, i) : kerf_graph_output(g, i - num));
        all += bytes;
        largest = fmax(largest, bytes);
    }
    int is_one = largest > (double)info->max_alloc_bytes;
    if (is_one || all > (double)info->global_bytes)
        snprintf(v->why, sizeof v->why, "needs %s%s, the device has %s",
                 bytes_text(is_one ? largest : all, needs, sizeof needs),
                 is_one ? " in one piece" : "",
                 bytes_text((double)(is_one ? info->max_alloc_bytes : info->global_bytes), has,
                            sizeof has));
}

kerf_status case_fits(const bench_case *c, kerf_device *dev, case_verdict *v)
{
    kerf_graph *g;
    kerf_state *s;
    *v = (case_verdict){0};
    kerf_status status = case_graph(c, dev, &g, &s);
    if (status == KERF_OK)
        status = kerf_graph_infer(g, 1);
    if (status == KERF_OK)
        compare_bytes(g, kerf_device_get_info(dev), v);
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
    return status;
}

/* ---- numbers ------------------------------------------------------------------------------- */

void fill_random(float *x, size_t num, uint64_t seed)
{
    for (size_t i = 0; i < num; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        x[i] = (float)(seed >> 40) / 8388608.0f - 1.0f;
    }
}

static void fill_labels(int32_t *labels, size_t num, int64_t classes)
{
    for (size_t i = 0; i < num; i++)
        labels[i] = (int32_t)((int64_t)i * 7 % classes);
}

static void fill_step(float *step)
{
    static const float numbers[] = {0.01f, 1.1f, 1.2f, 3}; /* rate, Adam's corrections, number */
    memset(step, 0, 16 * sizeof *step);
    memcpy(step, numbers, sizeof numbers);
}

static void fill_input(const bench_case *c, int i, void *data)
{
    size_t num = (size_t)kerf_shape_num_elements(c->inputs[i].shape);
    switch (c->inputs[i].fill) {
    case FILL_NONE:
        break;
    case FILL_VALUES:
        fill_random(data, num, (uint64_t)i + 1);
        break;
    case FILL_POSITIVE:
        fill_random(data, num, (uint64_t)i + 1);
        for (size_t k = 0; k < num; k++)
            ((float *)data)[k] = fabsf(((float *)data)[k]);
        break;
    case FILL_LABELS:
        fill_labels(data, num, c->inputs[0].shape.dims[1]);
        break;
    case FILL_MASK:
        for (size_t k = 0; k < num; k++)
            ((unsigned char *)data)[k] = (k * 2654435761u >> 16) & 1;
        break;
    case FILL_STEP:
        fill_step(data);
        break;
    case FILL_COUNT:
        *(int32_t *)data =
            (int32_t)fmin(INT32_MAX, 0.9 * (double)kerf_shape_num_elements(c->inputs[1].shape));
        break;
    }
}

static kerf_status write_input(bench_node *n, int i)
{
    size_t num_bytes = case_input_bytes(&n->c->inputs[i]);
    char name[2];
    if (n->c->inputs[i].fill == FILL_NONE)
        return KERF_OK;
    n->data.inputs[i] = malloc(num_bytes);
    if (n->data.inputs[i] == NULL)
        return KERF_ERR_MEMORY;
    n->bytes += (double)num_bytes;
    fill_input(n->c, i, n->data.inputs[i]);
    input_name(i, name);
    return kerf_tensor_write(kerf_plan_input(n->plan, name), n->data.inputs[i]);
}

static kerf_tensor *output_of(const bench_node *n, int i)
{
    return kerf_plan_output(n->plan, kerf_value_name(kerf_graph_output(n->g, i)));
}

/* ---- the plan ------------------------------------------------------------------------------ */

kerf_status bench_node_open(bench_node *n, const bench_case *c, kerf_device *dev)
{
    kerf_plan_options plan_options = {.mode = KERF_EVALUATE, .batch = 1};
    *n = (bench_node){.c = c};
    kerf_status status = case_graph(c, dev, &n->g, &n->s);
    if (status == KERF_OK)
        status = kerf_plan_create(&n->plan, n->g, n->s, &plan_options);
    for (int i = 0; status == KERF_OK && i < c->num_inputs; i++)
        status = write_input(n, i);
    for (int i = 0; status == KERF_OK && i < c->num_outputs; i++) {
        size_t num_bytes = kerf_tensor_size_bytes(output_of(n, i));
        n->data.outputs[i] = malloc(num_bytes);
        n->bytes += (double)num_bytes;
        status = n->data.outputs[i] != NULL ? KERF_OK : KERF_ERR_MEMORY;
    }
    return status;
}

void bench_node_close(bench_node *n)
{
    kerf_plan_destroy(n->plan);
    kerf_state_destroy(n->s);
    kerf_graph_destroy(n->g);
    for (int i = 0; i < CASE_INPUTS; i++)
        free(n->data.inputs[i]);
    for (int i = 0; i < CASE_OUTPUTS; i++)
        free(n->data.outputs[i]);
    *n = (bench_node){0};
}

static kerf_status finish(kerf_plan *p)
{
    uint64_t token;
    kerf_status status = kerf_plan_mark(p, &token);
    return status == KERF_OK ? kerf_plan_finish(p, token) : status;
}

kerf_status run_and_finish(kerf_plan *p)
{
    kerf_status status = kerf_plan_run(p);
    return status == KERF_OK ? finish(p) : status;
}

kerf_status bench_node_run(bench_node *n, int64_t times)
{
    kerf_status status = KERF_OK;
    for (int64_t i = 0; status == KERF_OK && i < times; i++)
        status = kerf_plan_run(n->plan);
    return status == KERF_OK ? finish(n->plan) : status;
}

kerf_status bench_node_check(bench_node *n, case_verdict *v)
{
    kerf_status status = bench_node_run(n, 1);
    *v = (case_verdict){0};
    for (int i = 0; status == KERF_OK && i < n->c->num_outputs; i++)
        status = kerf_tensor_read(output_of(n, i), n->data.outputs[i]);
    if (status == KERF_OK)
        n->c->family->check(n->c, &n->data, v);
    return status;
}

const char *main_variant(const kerf_plan *p)
{
    kerf_plan_step step, best = {.variant = "?"};
    for (int i = 0; i < kerf_plan_num_steps(p); i++)
        if (kerf_plan_get_step(p, i, &step) == KERF_OK && step.macs >= best.macs)
            best = step;
    return best.variant;
}
