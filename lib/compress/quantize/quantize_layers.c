/* compress/quantize/quantize_layers.c -- which nodes of a graph can multiply integers, and which
 * of them patterns choose. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "ops/integer_common.h"

/* ---- finding --------------------------------------------------------------------------- */

/* The stored floats behind v, seen through a mask; NULL if there are none. */
static kerf_value *stored(kerf_value *v)
{
    if (v != NULL && kerf__node_is(v->producer, "kerf.Mask"))
        v = v->producer->inputs[0];
    const int is_stored =
        v != NULL && (v->kind == KERF__VALUE_STATE || v->kind == KERF__VALUE_CONSTANT);
    return is_stored && v->type == KERF_F32 ? v : NULL;
}

/* Each tells whether the node is in a form that integer kernels take, and where its channels are.
 */
static int take_conv(const kerf_node *n, kerf__quantize_layer *l)
{
    (void)n;
    l->axis = 0;
    return l->weight->shape.rank >= 3;
}

static int take_gemm(const kerf_node *n, kerf__quantize_layer *l)
{
    l->axis = kerf_node_int(n, "transB", 0) != 0 ? 0 : 1;
    return l->weight->shape.rank == 2 && kerf_node_int(n, "transA", 0) == 0 &&
           kerf_node_float(n, "alpha", 1) == 1 &&
           (n->num_inputs < 3 || kerf_node_float(n, "beta", 1) == 1);
}

static int take_matmul(const kerf_node *n, kerf__quantize_layer *l)
{
    (void)n;
    l->axis = 1;
    return l->weight->shape.rank == 2;
}

static const struct {
    const char *op;
    int (*take)(const kerf_node *n, kerf__quantize_layer *l);
} FORMS[] = {{"Conv", take_conv}, {"Gemm", take_gemm}, {"MatMul", take_matmul}};

static int take_bias(const kerf_node *n, kerf__quantize_layer *l)
{
    if (n->num_inputs < 3 || n->inputs[2] == NULL)
        return 1;
    l->bias = stored(n->inputs[2]);
    return l->bias != NULL && kerf_shape_num_elements(l->bias->shape) == l->channels;
}

static int take_layer(kerf_node *n, kerf__quantize_layer *l)
{
    *l = (kerf__quantize_layer){.node = n};
    for (size_t i = 0; i < sizeof FORMS / sizeof FORMS[0]; i++) {
        if (strcmp(FORMS[i].op, n->op) != 0)
            continue;
        l->weight = stored(n->inputs[1]);
        if (l->weight == NULL || !kerf__is_activation(n->inputs[0]) || !FORMS[i].take(n, l) ||
            kerf_shape_num_elements(l->weight->shape) < 1)
            return 0;
        l->channels = l->weight->shape.dims[l->axis];
        l->terms = kerf_shape_num_elements(l->weight->shape) / l->channels;
        return take_bias(n, l);
    }
    return 0;
}

static kerf_status take_all(kerf__quantize_layers *out, const kerf_graph *g)
{
    kerf__quantize_layer l;
    for (size_t i = 0; i < g->num_nodes; i++) {
        if (!take_layer(g->nodes[i], &l))
            continue;
        if (!kerf__grow((void **)&out->at, &out->capacity, out->num, sizeof *out->at))
            return kerf__fail_memory("quantize", out->num * sizeof *out->at);
        out->at[out->num++] = l;
    }
    return KERF_OK;
}

/* ---- channels of weights --------------------------------------------------------------- */

int kerf__layer_is_conv(const kerf__quantize_layer *l)
{
    return kerf__node_is(l->node, "Conv");
}

int kerf__layer_has_bias(const kerf__quantize_layer *l)
{
    return !kerf__node_is(l->node, "MatMul");
}

static size_t num_groups(const kerf__quantize_layer *l)
{
    return kerf__layer_is_conv(l) ? (size_t)kerf_node_int(l->node, "group", 1) : 1;
}

size_t kerf__layer_num_inputs(const kerf__quantize_layer *l)
{
    return (size_t)l->weight->shape.dims[1 - l->axis] * num_groups(l);
}

/* Weights that lie behind one another with the same index in `axis`. */
static size_t num_inside(const kerf__quantize_layer *l, int axis)
{
    size_t num = 1;
    for (int i = axis + 1; i < l->weight->shape.rank; i++)
        num *= (size_t)l->weight->shape.dims[i];
    return num;
}

size_t kerf__layer_made(const kerf__quantize_layer *l, size_t i)
{
    return i / num_inside(l, l->axis) % (size_t)l->channels;
}

size_t kerf__layer_taken(const kerf__quantize_layer *l, size_t i)
{
    const int axis = 1 - l->axis;
    const size_t a_group = (size_t)l->weight->shape.dims[axis];
    const size_t channels_a_group = (size_t)l->channels / num_groups(l);
    return kerf__layer_made(l, i) / channels_a_group * a_group + i / num_inside(l, axis) % a_group;
}

/* ---- choosing -------------------------------------------------------------------------- */

static int fits(const char *pattern, const kerf__quantize_layers *all, size_t i)
{
    return kerf__layer_fits(pattern, all->at[i].weight, all->at[i].node, all->at[0].node,
                            all->at[all->num - 1].node);
}

/* What a layer becomes: the first choice that fits, else what holds for all. */
static void assign(kerf__quantize_layers *all, const kerf_quantize_options *options)
{
    for (size_t i = 0; i < all->num; i++) {
        kerf__quantize_layer *l = &all->at[i];
        l->weights = options->weights;
        l->mode = options->mode;
        for (size_t k = options->num_choices; k-- > 0;)
            if (fits(options->choices[k].pattern, all, i)) {
                l->weights = options->choices[k].weights;
                l->mode = options->choices[k].mode;
            }
    }
}

static int fits_any(const char *const *patterns, size_t num, const kerf__quantize_layers *all,
                    size_t i)
{
    for (size_t k = 0; k < num; k++)
        if (fits(patterns[k], all, i))
            return 1;
    return 0;
}

/* "Conv conv1, Gemm fc1", cut where text ends. */
static void list_layers(char *text, size_t text_bytes, const kerf__quantize_layers *all)
{
    size_t used = 0;
    snprintf(text, text_bytes, "none");
    for (size_t i = 0; i < all->num && used < text_bytes; i++) {
        int more = snprintf(text + used, text_bytes - used, "%s%s %s", i > 0 ? ", " : "",
                            all->at[i].node->op, all->at[i].node->name);
        used += more > 0 ? (size_t)more : 0;
    }
}

static kerf_status check_pattern(const char *pattern, const kerf__quantize_layers *all)
{
    char text[2048];
    for (size_t i = 0; i < all->num; i++)
        if (fits(pattern, all, i))
            return KERF_OK;
    list_layers(text, sizeof text, all);
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "quantize: '%s' fits no layer that can be integers; there are %s", pattern,
                      text);
}

static kerf_status check_patterns(const kerf__quantize_layers *all,
                                  const kerf_quantize_options *options)
{
    for (size_t i = 0; i < options->num_layers; i++)
        KERF__TRY(check_pattern(options->layers[i], all));
    for (size_t i = 0; i < options->num_skip; i++)
        KERF__TRY(check_pattern(options->skip[i], all));
    for (size_t i = 0; i < options->num_choices; i++)
        KERF__TRY(check_pattern(options->choices[i].pattern, all));
    return KERF_OK;
}

static kerf_status choose(kerf__quantize_layers *layers, const kerf_quantize_options *options)
{
    const kerf__quantize_layers all = *layers;
    char *keep = kerf__alloc(all.num, 1);
    if (keep == NULL)
        return kerf__fail_memory("quantize", all.num);
    /* All are judged before any goes: "last" means the last of all. */
    for (size_t i = 0; i < all.num; i++)
        keep[i] =
            all.at[i].weights != KERF_F32 &&
            (options->num_layers == 0 || fits_any(options->layers, options->num_layers, &all, i)) &&
            !fits_any(options->skip, options->num_skip, &all, i);
    layers->num = 0;
    for (size_t i = 0; i < all.num; i++)
        if (keep[i])
            layers->at[layers->num++] = layers->at[i];
    free(keep);
    return KERF_OK;
}

/* Dynamic quantization is for matrices: a convolution of ONNX's ConvInteger is slow everywhere. */
static void drop_convolutions(kerf__quantize_layers *layers)
{
    size_t num = 0;
    for (size_t i = 0; i < layers->num; i++)
        if (!kerf__layer_is_conv(&layers->at[i]))
            layers->at[num++] = layers->at[i];
    layers->num = num;
}

static kerf_status check_layer(const kerf__quantize_layer *l)
{
    if (l->mode == KERF_QUANTIZE_DYNAMIC && kerf__layer_is_conv(l))
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "quantize: layer %s is a Conv, must be a Gemm or MatMul in mode dynamic",
                          l->node->name);
    if (l->mode != KERF_QUANTIZE_WEIGHT_ONLY && l->terms > KERF__LONGEST_SUM)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "quantize: layer %s adds up %lld products, must be up to %d to fit "
                          "int32; leave it out with --skip",
                          l->node->name, (long long)l->terms, KERF__LONGEST_SUM);
    return KERF_OK;
}

static kerf_status find(kerf__quantize_layers *out, const kerf_graph *g,
                        const kerf_quantize_options *options)
{
    KERF__TRY(take_all(out, g));
    if (options->mode == KERF_QUANTIZE_DYNAMIC)
        drop_convolutions(out);
    KERF__TRY(check_patterns(out, options));
    assign(out, options);
    KERF__TRY(choose(out, options));
    if (out->num == 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: no layer is left; the network must have a %s whose weights "
                          "are stored as floats",
                          options->mode == KERF_QUANTIZE_DYNAMIC ? "Gemm or MatMul"
                                                                 : "Conv, Gemm or MatMul");
    return KERF_OK;
}

kerf_status kerf__quantize_find(kerf__quantize_layers *out, const kerf_graph *g,
                                const kerf_quantize_options *options)
{
    *out = (kerf__quantize_layers){0};
    kerf_status status = find(out, g, options);
    for (size_t i = 0; status == KERF_OK && i < out->num; i++)
        status = check_layer(&out->at[i]);
    if (status != KERF_OK)
        kerf__quantize_layers_free(out);
    return status;
}

kerf_status kerf__quantize_find_any(kerf__quantize_layers *out, const kerf_graph *g,
                                    const kerf_quantize_options *options)
{
    kerf_quantize_options any = *options;
    KERF__TRY(kerf__quantize_find(out, g, options)); /* what is refused is refused here, too */
    kerf__quantize_layers_free(out);
    any.weights = KERF_S8;
    any.num_choices = 0;
    kerf_status status = find(out, g, &any);
    if (status != KERF_OK)
        kerf__quantize_layers_free(out);
    return status;
}

void kerf__quantize_layers_free(kerf__quantize_layers *layers)
{
    free(layers->at);
    *layers = (kerf__quantize_layers){0};
}
