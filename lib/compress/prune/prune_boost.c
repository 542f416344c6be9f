/* compress/prune/prune_boost.c -- gates that keep the channels which matter for this input; see
 * kerf/boost.h.
 *
 *     x -> GlobalAveragePool -> Flatten -> Gemm -> Relu -> saliency (N, C)
 *     rank = ReduceSum(Cast(Greater(saliency (N, 1, C), saliency (N, C, 1))))   of each channel
 *     scale = Where(Less(rank, k), saliency, 0)
 *     y = Mul(Conv(x), scale (N, C, 1, 1))
 *
 * A channel is kept if fewer than k are more salient.  This is TopK said by nodes that take any
 * float: of equal ones at the border all stay, and k is a scalar constant that anyone can change.
 * C x C comparisons are less than a thousandth of the convolution's work. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"
#include "kerf/boost.h"
#include "tensor/tensor_internal.h"

/* How the node that compares ranks with k is called, behind the convolution's name: by this gates
 * are found again, in files too. */
static const char KEPT[] = ".gate.kept";

/* ---- which convolutions ------------------------------------------------------------------------
 */

typedef struct targets {
    kerf_node **at; /* owned */
    size_t num, capacity;
} targets;

static int is_candidate(const kerf_node *n)
{
    return kerf__node_is(n, "Conv") && kerf_node_int(n, "group", 1) == 1 &&
           n->inputs[1]->shape.rank >= 3 && n->inputs[1]->shape.dims[0] > 0;
}

static kerf_status find_all(targets *out, const kerf_graph *g)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        if (!is_candidate(g->nodes[i]))
            continue;
        if (!kerf__grow((void **)&out->at, &out->capacity, out->num, sizeof *out->at))
            return kerf__fail_memory("prune", out->num * sizeof *out->at);
        out->at[out->num++] = g->nodes[i];
    }
    return out->num > 0 ? KERF_OK
                        : kerf__fail(KERF_ERR_ARGUMENT,
                                     "prune: gates stand behind convolutions without groups, the "
                                     "network has none");
}

static int fits_one(const char *const *patterns, size_t num, const targets *all, size_t i)
{
    for (size_t k = 0; k < num; k++)
        if (kerf__layer_fits(patterns[k], all->at[i]->inputs[1], all->at[i], all->at[0],
                             all->at[all->num - 1]))
            return 1;
    return 0;
}

static kerf_status check_patterns(const char *const *patterns, size_t num, const targets *all)
{
    for (size_t k = 0; k < num; k++) {
        int fits = 0;
        for (size_t i = 0; i < all->num && !fits; i++)
            fits = fits_one(&patterns[k], 1, all, i);
        if (!fits)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "prune: '%s' fits no convolution without groups; the first of them "
                              "is %s",
                              patterns[k], all->at[0]->name);
    }
    return KERF_OK;
}

static int is_chosen(const kerf_boost_options *o, const targets *all, size_t i)
{
    if (fits_one(o->skip, o->num_skip, all, i))
        return 0;
    return o->num_layers > 0 ? fits_one(o->layers, o->num_layers, all, i)
                             : all->at[i]->inputs[0]->kind != KERF__VALUE_INPUT;
}

static kerf_node *find_kept(const kerf_graph *g, const char *conv)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        const char *name = g->nodes[i]->name;
        const size_t length = strlen(conv);
        if (kerf__node_is(g->nodes[i], "Less") && strncmp(name, conv, length) == 0 &&
            strcmp(name + length, KEPT) == 0)
            return g->nodes[i];
    }
    return NULL;
}

/* ---- building ----------------------------------------------------------------------------------
 */

typedef struct builder {
    kerf_graph *g;
    kerf_state *s;
    const char *conv; /* what names begin with */
    kerf_status status;
} builder;

static char *name_of(builder *b, const char *suffix)
{
    char *name = kerf__prune_fresh_name(b->g, b->s, b->conv, suffix);
    if (name == NULL)
        b->status = kerf__fail_memory("prune", strlen(b->conv));
    return name;
}

/* NULL after a failure, as all here; then every later call does nothing. */
static kerf_node *node(builder *b, const char *op, const char *suffix, kerf_value *const *inputs,
                       int num_inputs)
{
    kerf_node *n = NULL;
    char *name = b->status == KERF_OK ? name_of(b, suffix) : NULL;
    if (name != NULL)
        b->status = kerf_graph_add_node(b->g, op, name, inputs, num_inputs, 1, &n);
    free(name);
    return b->status == KERF_OK ? n : NULL;
}

static kerf_value *result(builder *b, const char *op, const char *suffix, kerf_value *const *inputs,
                          int num_inputs)
{
    kerf_node *n = node(b, op, suffix, inputs, num_inputs);
    return n != NULL ? n->outputs[0] : NULL;
}

static kerf_value *constant(builder *b, const char *suffix, kerf_type type, kerf_shape shape,
                            const void *numbers)
{
    kerf_tensor *t;
    kerf_value *v = NULL;
    char *name = b->status == KERF_OK ? name_of(b, suffix) : NULL;
    if (name != NULL)
        b->status = kerf_tensor_create(&t, NULL, type, shape);
    if (name != NULL && b->status == KERF_OK) {
        memcpy(kerf_tensor_data(t), numbers, kerf_tensor_size_bytes(t));
        b->status = kerf_graph_add_constant(b->g, name, t, &v);
    }
    free(name);
    return v;
}

static kerf_value *weight(builder *b, const char *suffix, kerf_shape shape, float x)
{
    int id = -1;
    kerf_value *v = NULL;
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    char *name = b->status == KERF_OK ? name_of(b, suffix) : NULL;
    float *numbers = kerf__alloc(num, sizeof *numbers);
    if (name != NULL && numbers == NULL)
        b->status = kerf__fail_memory("prune", num * sizeof *numbers);
    for (size_t i = 0; numbers != NULL && i < num; i++)
        numbers[i] = x;
    if (name != NULL && b->status == KERF_OK)
        b->status = kerf_state_add(b->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id);
    if (name != NULL && b->status == KERF_OK)
        b->status = kerf_state_write(b->s, id, numbers);
    if (name != NULL && b->status == KERF_OK)
        b->status = kerf_graph_add_state(b->g, name, id, KERF_F32, shape, &v);
    free(numbers);
    free(name);
    return v;
}

static kerf_value *unsqueeze(builder *b, const char *suffix, kerf_value *v, const int64_t *axes,
                             int num)
{
    char text[64];
    snprintf(text, sizeof text, "%s_axes", suffix);
    kerf_value *at = constant(b, text, KERF_S64, KERF_SHAPE(num), axes);
    return result(b, "Unsqueeze", suffix, (kerf_value *[]){v, at}, 2);
}

/* ---- one gate ----------------------------------------------------------------------------------
 */

/* Added to 1 it is nothing, so saliencies begin equal; but it is no zero, which training would
 * keep. */
#define NEXT_TO_NOTHING 1e-30f

/* (N, C), each 1 at first. */
static kerf_value *add_saliency(builder *b, const kerf_node *conv)
{
    const kerf_shape filters = conv->inputs[1]->shape;
    kerf_value *mean = result(b, "GlobalAveragePool", "gate.mean", &conv->inputs[0], 1);
    kerf_value *flat = result(b, "Flatten", "gate.flat", &mean, 1);
    kerf_value *w =
        weight(b, "gate.weight", KERF_SHAPE(filters.dims[0], filters.dims[1]), NEXT_TO_NOTHING);
    kerf_value *bias = weight(b, "gate.bias", KERF_SHAPE(filters.dims[0]), 1);
    kerf_node *linear = node(b, "Gemm", "gate", (kerf_value *[]){flat, w, bias}, 3);
    if (linear == NULL)
        return NULL;
    b->status = kerf_node_set_int(linear, "transB", 1);
    return result(b, "Relu", "gate.saliency", linear->outputs, 1);
}

/* How many are more salient; a sum of whole numbers, which is exact. */
static kerf_value *add_rank(builder *b, kerf_value *saliency)
{
    enum { ONNX_FLOAT = 1 };
    static const int64_t ROW[] = {1}, COLUMN[] = {2};
    kerf_value *row = unsqueeze(b, "gate.row", saliency, ROW, 1);
    kerf_value *column = unsqueeze(b, "gate.column", saliency, COLUMN, 1);
    kerf_value *above = result(b, "Greater", "gate.above", (kerf_value *[]){row, column}, 2);
    kerf_node *ones = node(b, "Cast", "gate.ones", &above, 1);
    if (ones == NULL)
        return NULL;
    ones->inputs[0]->type = KERF_BOOL;
    b->status = kerf_node_set_int(ones, "to", ONNX_FLOAT);
    kerf_value *axes = constant(b, "gate.rank_axes", KERF_S64, KERF_SHAPE(1), COLUMN);
    kerf_node *sum = node(b, "ReduceSum", "gate.rank", (kerf_value *[]){ones->outputs[0], axes}, 2);
    if (sum == NULL)
        return NULL;
    b->status = kerf_node_set_int(sum, "keepdims", 0);
    return sum->outputs[0];
}

static float kept_of(int64_t channels, double share)
{
    const double kept = floor((double)channels * share + 0.5);
    return (float)(kept < 1 ? 1 : kept > (double)channels ? (double)channels : kept);
}

/* Behind batch normalization, which would scale the channel anew. */
static kerf_value *result_of(const kerf_node *conv)
{
    kerf_node *reader = kerf__value_only_reader(conv->outputs[0]);
    return kerf__node_is(reader, "BatchNormalization") && reader->inputs[0] == conv->outputs[0]
               ? reader->outputs[0]
               : conv->outputs[0];
}

static kerf_status add_gate(kerf_graph *g, kerf_state *s, const kerf_node *conv, double keep)
{
    static const int64_t SPATIAL[] = {2, 3, 4};
    builder b = {.g = g, .s = s, .conv = conv->name};
    const float k = kept_of(conv->inputs[1]->shape.dims[0], keep), none = 0;
    kerf_value *v = result_of(conv);
    kerf_value *saliency = add_saliency(&b, conv), *rank = add_rank(&b, saliency);
    kerf_value *most = constant(&b, "gate.k", KERF_F32, KERF_SCALAR, &k);
    kerf_value *zero = constant(&b, "gate.none", KERF_F32, KERF_SCALAR, &none);
    kerf_value *kept = result(&b, "Less", KEPT + 1, (kerf_value *[]){rank, most}, 2);
    if (kept == NULL)
        return b.status;
    kept->type = KERF_BOOL;
    kerf_value *scale =
        result(&b, "Where", "gate.scale", (kerf_value *[]){kept, saliency, zero}, 3);
    scale = unsqueeze(&b, "gate.scales", scale, SPATIAL, conv->inputs[1]->shape.rank - 2);
    kerf_node *scaled = node(&b, "Mul", "gated", (kerf_value *[]){v, scale}, 2);
    if (scaled == NULL)
        return b.status;
    scaled->outputs[0]->shape = v->shape;
    kerf__graph_replace_uses(g, v, scaled->outputs[0]);
    kerf__node_set_input(scaled, 0, v);
    return KERF_OK;
}

/* k of a gate, or NULL if the node is none. */
static kerf_value *most_of(const kerf_node *n)
{
    const size_t length = strlen(n->name), suffix = sizeof KEPT - 1;
    if (!kerf__node_is(n, "Less") || length <= suffix ||
        strcmp(n->name + length - suffix, KEPT) != 0)
        return NULL;
    kerf_value *k = n->inputs[1];
    return k->kind == KERF__VALUE_CONSTANT && k->type == KERF_F32 && k->constant->num_elements == 1
               ? k
               : NULL;
}

static int64_t channels_of(const kerf_node *conv)
{
    const kerf_shape filters = conv->inputs[1]->shape;
    return filters.rank > 0 ? filters.dims[0] : 0;
}

/* k of a gate that is there. */
static void set_share(const kerf_node *kept, const kerf_node *conv, double share)
{
    kerf_value *most = most_of(kept);
    if (most != NULL)
        *(float *)kerf_tensor_data(most->constant) = kept_of(channels_of(conv), share);
}

static kerf_status check_keep(double keep)
{
    return keep > 0 && keep <= 1
               ? KERF_OK
               : kerf__fail(KERF_ERR_ARGUMENT,
                            "gates keep %g of the channels, must be above 0 and at most 1", keep);
}

kerf_status kerf_boost_mark(kerf_graph *g, kerf_state *s, const kerf_boost_options *options)
{
    targets t = {0};
    int num = 0;
    KERF__TRY(check_keep(options->keep));
    kerf_status status = find_all(&t, g);
    if (status == KERF_OK)
        status = check_patterns(options->layers, options->num_layers, &t);
    if (status == KERF_OK)
        status = check_patterns(options->skip, options->num_skip, &t);
    for (size_t i = 0; status == KERF_OK && i < t.num; i++)
        if (is_chosen(options, &t, i)) {
            const kerf_node *kept = find_kept(g, t.at[i]->name);
            if (kept == NULL)
                status = add_gate(g, s, t.at[i], options->keep);
            else
                set_share(kept, t.at[i], options->keep);
            num++;
        }
    if (status == KERF_OK && num == 0)
        status = kerf__fail(KERF_ERR_ARGUMENT,
                            "prune: no convolution is chosen for a gate; those that read an input "
                            "of the network are only by their name, such as %s",
                            t.at[0]->name);
    free(t.at);
    return status == KERF_OK ? kerf__graph_sort(g) : status;
}

/* ---- gates that are there ----------------------------------------------------------------------
 */

/* The convolution before a gate, by its name. */
static const kerf_node *conv_of(const kerf_graph *g, const kerf_node *kept)
{
    const size_t length = strlen(kept->name) - (sizeof KEPT - 1);
    for (size_t i = 0; i < g->num_nodes; i++)
        if (kerf__node_is(g->nodes[i], "Conv") && strlen(g->nodes[i]->name) == length &&
            strncmp(g->nodes[i]->name, kept->name, length) == 0)
            return g->nodes[i];
    return NULL;
}

static const kerf_node *gate_at(const kerf_graph *g, int i, const kerf_node **conv)
{
    for (size_t k = 0; k < g->num_nodes; k++) {
        *conv = most_of(g->nodes[k]) != NULL ? conv_of(g, g->nodes[k]) : NULL;
        if (*conv != NULL && i-- == 0)
            return g->nodes[k];
    }
    return NULL;
}

int kerf_boost_num(const kerf_graph *g)
{
    const kerf_node *conv;
    int num = 0;
    while (gate_at(g, num, &conv) != NULL)
        num++;
    return num;
}

static const char *scale_of(const kerf_graph *g, const kerf_node *kept)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (kerf__node_is(g->nodes[i], "Where") && g->nodes[i]->inputs[0] == kept->outputs[0])
            return g->nodes[i]->outputs[0]->name;
    return NULL;
}

kerf_status kerf_boost_get(const kerf_graph *g, int i, kerf_boost_gate *out)
{
    const kerf_node *conv, *kept = i < 0 ? NULL : gate_at(g, i, &conv);
    if (kept == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "the network has no gate %d", i);
    const float k = *(const float *)kerf_tensor_data(most_of(kept)->constant);
    const int64_t channels = channels_of(conv);
    *out = (kerf_boost_gate){conv->name, k < (float)channels ? (int64_t)k : channels, channels,
                             scale_of(g, kept)};
    return KERF_OK;
}

kerf_status kerf_boost_keep(kerf_graph *g, double share)
{
    const kerf_node *conv, *kept;
    KERF__TRY(check_keep(share));
    for (int i = 0; (kept = gate_at(g, i, &conv)) != NULL; i++)
        set_share(kept, conv, share);
    return kerf_boost_num(g) > 0
               ? KERF_OK
               : kerf__fail(KERF_ERR_ARGUMENT,
                            "the network has no gates of channels; kerf prune --gates makes them");
}
