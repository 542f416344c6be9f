/* plan/fold_prep.c -- the numbers of a preparation, moved from the images into the network.
 *
 * Of channel c the network sees a x + b, with a = scale / std and b = -mean / std.  A Conv or Gemm
 * that reads the input takes a into its weights and, where nothing is padded, b into its bias.
 * Padding adds zeros behind the preparation: there b stays in front, as an Add of b / a.  Anything
 * else that reads the input gets a Mul and an Add in front.  What is left of the preparation
 * (colours, size, layout) is about whole pictures, and stays with the file. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "kerf/data.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

typedef struct folding {
    kerf_graph *g;
    kerf_state *s;
    kerf_prep prep;
    kerf_value *input;
    int64_t channels;
    double *a, *b; /* owned; (channels) */
} folding;

/* ---- constants and nodes in front ---------------------------------------------------------- */

/* One number a channel, so shaped that it is broadcast over the input. */
static kerf_status add_numbers(const folding *f, const double *numbers, kerf_value **out)
{
    kerf_tensor *t;
    const int rank = f->input->shape.rank;
    kerf_shape shape = {rank == 4 && !f->prep.channels_last ? 3 : 1, {f->channels, 1, 1}};
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, shape));
    for (int64_t c = 0; c < f->channels; c++)
        ((float *)t->data)[c] = (float)numbers[c];
    return kerf_graph_add_constant(f->g, NULL, t, out);
}

/* Whoever reads the input reads this node of it instead; *at is where the next one goes. */
static kerf_status put_in_front(const folding *f, const char *op, const double *numbers,
                                kerf_value **at)
{
    kerf_value *constant;
    kerf_node *n;
    KERF__TRY(add_numbers(f, numbers, &constant));
    char *name = kerf__graph_fresh_name(f->g, "prep");
    if (name == NULL)
        return kerf__fail_memory("prep", sizeof "prep");
    kerf_status status =
        kerf_graph_add_node(f->g, op, name, (kerf_value *[]){*at, constant}, 2, 1, &n);
    free(name);
    KERF__TRY(status);
    kerf__graph_replace_uses(f->g, *at, n->outputs[0]);
    kerf__node_set_input(n, 0, *at);
    n->outputs[0]->type = f->input->type;
    n->outputs[0]->shape = f->input->shape;
    *at = n->outputs[0];
    return kerf__graph_sort(f->g);
}

static int all_are(const folding *f, const double *numbers, double x)
{
    for (int64_t c = 0; c < f->channels; c++)
        if (numbers[c] != x)
            return 0;
    return 1;
}

static kerf_status fold_into_nodes(const folding *f)
{
    kerf_value *at = f->input;
    if (!all_are(f, f->a, 1))
        KERF__TRY(put_in_front(f, "Mul", f->a, &at));
    return all_are(f, f->b, 0) ? KERF_OK : put_in_front(f, "Add", f->b, &at);
}

/* ---- the layer that reads the input -------------------------------------------------------- */

/* Weights as (outputs, groups of channels, elements of one), seen through their strides. */
typedef struct layer {
    kerf_node *node;
    int64_t outputs, inputs;                /* elements that a result takes in */
    int64_t output_stride, input_stride;    /* in the weights */
    int64_t per_channel, groups, is_padded; /* elements of a channel; groups of outputs */
} layer;

/* The only reader, which takes v as its first input; NULL. */
static kerf_node *only_taker(const kerf_value *v)
{
    kerf_node *n = kerf__value_only_reader(v);
    return n != NULL && n->inputs[0] == v ? n : NULL;
}

static int is_own_state(const kerf_value *v)
{
    return v->kind == KERF__VALUE_STATE && v->type == KERF_F32 && kerf__value_num_uses(v) == 1;
}

static int has_padding(const kerf_node *n)
{
    const kerf__attribute *pads = kerf__node_attribute(n, "pads");
    const char *how = kerf_node_string(n, "auto_pad", "NOTSET");
    int some = strcmp(how, "NOTSET") != 0 && strcmp(how, "VALID") != 0;
    for (size_t i = 0; pads != NULL && i < pads->num; i++)
        some |= pads->ints[i] != 0;
    return some;
}

static int is_conv(const folding *f, kerf_node *n, layer *l)
{
    const kerf_shape w = n->inputs[1]->shape;
    const int64_t groups = kerf_node_int(n, "group", 1);
    if (!kerf__node_is(n, "Conv") || w.rank != 4 || f->prep.channels_last || groups < 1 ||
        w.dims[1] * groups != f->channels || w.dims[0] % groups != 0)
        return 0;
    const int64_t area = w.dims[2] * w.dims[3];
    *l = (layer){n, w.dims[0], w.dims[1] * area, w.dims[1] * area, 1, area, groups, has_padding(n)};
    return 1;
}

/* Behind a Flatten the elements of a channel lie side by side. */
static int is_gemm(const folding *f, kerf_node *n, layer *l)
{
    const kerf_shape w = n->inputs[1]->shape;
    const int turned = kerf_node_int(n, "transB", 0) != 0;
    const int64_t inputs = w.rank == 2 ? w.dims[turned ? 1 : 0] : 0;
    if (!kerf__node_is(n, "Gemm") || inputs < 1 || inputs % f->channels != 0 ||
        f->prep.channels_last || kerf_node_int(n, "transA", 0) != 0 ||
        kerf_node_float(n, "alpha", 1) != 1 || kerf_node_float(n, "beta", 1) != 1)
        return 0;
    *l = (layer){n,
                 w.dims[turned ? 0 : 1],
                 inputs,
                 turned ? inputs : 1,
                 turned ? 1 : w.dims[1],
                 inputs / f->channels,
                 1,
                 0};
    return 1;
}

static int find_layer(const folding *f, layer *l)
{
    kerf_node *n = only_taker(f->input);
    if (kerf__node_is(n, "Flatten") && kerf_node_int(n, "axis", 1) == 1)
        n = only_taker(n->outputs[0]);
    if (n == NULL || n->num_inputs < 2 || n->inputs[1] == NULL || !is_own_state(n->inputs[1]))
        return 0;
    const kerf_value *bias = n->num_inputs > 2 ? n->inputs[2] : NULL;
    if (!is_conv(f, n, l) && !is_gemm(f, n, l))
        return 0;
    return bias == NULL ||
           (is_own_state(bias) && bias->shape.rank == 1 && bias->shape.dims[0] == l->outputs);
}

/* ---- weights and bias ------------------------------------------------------------------------ */

static kerf_status find_bias(const folding *f, const layer *l, int *id)
{
    char name[256];
    kerf_value *v;
    if (l->node->num_inputs > 2 && l->node->inputs[2] != NULL) {
        *id = l->node->inputs[2]->state_id;
        return KERF_OK;
    }
    snprintf(name, sizeof name, "%.200s.prep.bias", l->node->inputs[1]->name);
    const kerf_shape shape = KERF_SHAPE(l->outputs);
    KERF__TRY(kerf_state_add(f->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, id));
    KERF__TRY(kerf_graph_add_state(f->g, name, *id, KERF_F32, shape, &v));
    return kerf__node_put_input(l->node, 2, v);
}

/* bias += weights b, then weights *= a. */
static void fold_numbers(const folding *f, const layer *l, float *weights, float *bias)
{
    const int64_t in_group = f->channels / l->groups, out_group = l->outputs / l->groups;
    for (int64_t o = 0; o < l->outputs; o++) {
        const int64_t first = o / out_group * in_group;
        double sum = 0;
        for (int64_t i = 0; i < l->inputs; i++) {
            float *w = &weights[o * l->output_stride + i * l->input_stride];
            const int64_t c = first + i / l->per_channel;
            sum += (double)*w * f->b[c];
            *w = (float)((double)*w * f->a[c]);
        }
        if (bias != NULL)
            bias[o] = (float)((double)bias[o] + sum);
    }
}

static kerf_status fold_states(const folding *f, const layer *l, int weights_id, int bias_id)
{
    float *weights = kerf__alloc((size_t)(l->outputs * l->inputs), sizeof *weights);
    float *bias = kerf__alloc((size_t)l->outputs, sizeof *bias);
    kerf_status status = weights == NULL || bias == NULL
                             ? kerf__fail_memory("prep", (size_t)(l->outputs * l->inputs) * 4)
                             : kerf_state_read(f->s, weights_id, weights);
    if (status == KERF_OK && bias_id >= 0)
        status = kerf_state_read(f->s, bias_id, bias);
    if (status == KERF_OK) {
        fold_numbers(f, l, weights, bias_id >= 0 ? bias : NULL);
        status = kerf_state_write(f->s, weights_id, weights);
    }
    if (status == KERF_OK && bias_id >= 0)
        status = kerf_state_write(f->s, bias_id, bias);
    free(weights);
    free(bias);
    return status;
}

static kerf_status fold_into_layer(const folding *f, const layer *l)
{
    int bias_id = -1;
    if (!l->is_padded && !all_are(f, f->b, 0))
        KERF__TRY(find_bias(f, l, &bias_id));
    KERF__TRY(fold_states(f, l, l->node->inputs[1]->state_id, bias_id));
    if (!l->is_padded || all_are(f, f->b, 0))
        return KERF_OK;
    for (int64_t c = 0; c < f->channels; c++)
        f->b[c] /= f->a[c];
    kerf_value *at = f->input;
    return put_in_front(f, "Add", f->b, &at);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* What is about whole pictures; "raw" if there is nothing of it. */
static void write_rest(const kerf_prep *p, char *text, size_t text_bytes)
{
    static const char *const COLORS[] = {[KERF_COLORS_KEEP] = "",
                                         [KERF_COLORS_RGB] = "rgb,",
                                         [KERF_COLORS_BGR] = "bgr,",
                                         [KERF_COLORS_GRAY] = "gray,"};
    char resize[40] = "", crop[40] = "";
    if (p->resize_shorter)
        snprintf(resize, sizeof resize, "resize=%d,", p->resize_width);
    else if (p->resize_width > 0)
        snprintf(resize, sizeof resize, "resize=%dx%d,", p->resize_width, p->resize_height);
    if (p->crop_width > 0)
        snprintf(crop, sizeof crop, "crop=%dx%d,", p->crop_width, p->crop_height);
    snprintf(text, text_bytes, "%s%s%s%sscale=1", resize, crop, COLORS[p->colors],
             p->channels_last ? "layout=nhwc," : "");
}

static kerf_status find_numbers(folding *f)
{
    const kerf_shape shape = f->input->shape;
    f->channels = shape.rank == 4 ? shape.dims[f->prep.channels_last ? 3 : 1] : 1;
    if (f->channels < 1 || f->channels > 4)
        return kerf__fail(KERF_ERR_SHAPE, "prep: input '%s' must have 1 to 4 channels to fold into",
                          f->input->name);
    f->a = kerf__alloc((size_t)f->channels, sizeof *f->a);
    f->b = kerf__alloc((size_t)f->channels, sizeof *f->b);
    if (f->a == NULL || f->b == NULL)
        return kerf__fail_memory("prep", (size_t)f->channels * sizeof *f->a);
    for (int64_t c = 0; c < f->channels; c++) {
        f->a[c] = (double)f->prep.scale / (double)f->prep.std[c];
        f->b[c] = -(double)f->prep.mean[c] / (double)f->prep.std[c];
        if (!isfinite(f->a[c]) || !isfinite(f->b[c]))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "prep: scale, mean and std of channel %lld cannot be folded, must be "
                              "numbers",
                              (long long)c);
    }
    return KERF_OK;
}

static kerf_status fold(folding *f)
{
    layer l;
    char rest[160];
    KERF__TRY(find_numbers(f));
    if (!all_are(f, f->a, 1) || !all_are(f, f->b, 0))
        KERF__TRY(find_layer(f, &l) ? fold_into_layer(f, &l) : fold_into_nodes(f));
    write_rest(&f->prep, rest, sizeof rest);
    return kerf_graph_set_metadata(f->g, "kerf.prep", rest);
}

kerf_status kerf_graph_fold_prep(kerf_graph *g, kerf_state *s, const char *prep)
{
    folding f = {.g = g, .s = s};
    const char *text = prep != NULL ? prep : kerf_graph_metadata(g, "kerf.prep");
    if (text == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "prep: the model does not say how its images are "
                                             "prepared, must be told");
    KERF__TRY(kerf_prep_parse(&f.prep, text));
    if (g->num_inputs != 1 || g->inputs[0]->type != KERF_F32)
        return kerf__fail(KERF_ERR_SHAPE, "prep: the model must have one input, of float32");
    f.input = g->inputs[0];
    kerf_status status = fold(&f);
    free(f.a);
    free(f.b);
    return status;
}
