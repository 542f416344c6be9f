/* plan/skip_channels.c -- channels that gates drop (kerf/boost.h) are not computed.
 *
 * A gate keeps k channels, whatever the sample, so the convolution with those alone has shapes that
 * are known while planning: any kernel computes it, on every device. Only which they are is found
 * by the run:
 *
 *     places, kept = TopChannels(saliency)
 *     some = Conv(x, TakeFilters(W, places, places of x, kept), TakeFilters(b, places, kept))
 *
 * What follows channel by channel (Relu, pooling) follows with those alone, and the next layers
 * take but the inputs that are there.  Whoever else reads the gate's result gets all of it, with
 * zeros at their places.
 *
 * Of N samples each has channels, and so filters, of its own.  That is a convolution in N groups of
 * one sample, whose channels are those of all: `some` has the shape (1, N * k, ...), for the same
 * bytes as (N, k, ...).
 *
 * words.  whole: a value with all channels.  some: the same with those that are kept.
 *
 * Runs before fuse.c, but for batch norms, which become parts of their convolutions first. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "ops/conv_wide.h"
#include "ops/layout_common.h"
#include "plan/channel_gate.h"
#include "plan/plan_internal.h"

/* Multiply-adds that must be saved beyond those of the gate itself, and for each weight that is
 * copied and laid out anew.  Tried in VGG-16 on 32x32, whose layers are of all kinds (PoCL, two
 * cores of Sapphire Rapids; time beside the network without gates): 15e6 and 100 1.007, 8e6 and 100
 * 0.935, 5e6 and 100 0.885, 2e6 and 100 0.918; 5e6 with 50 0.885, with 30 0.844, with 15 0.852.
 * On GPUs none was timed. */
#define LEAST_SAVED  5e6
#define FOR_A_WEIGHT 30.0
/* Groups are not computed by Winograd's method: what takes its multiply-adds this share of the
 * time. VGG-16, 8 samples, PoCL, two cores of Zen 3 under load: 200 to 265 GFLOPS beside 130 to
 * 180, and 0.47 ns to copy a weight and lay it out, as long as 35 multiply-adds. */
#define A_WINOGRAD 0.6
/* What a layer copies of all samples, at most: as much memory is taken twice. */
#define MOST_COPIED (16 << 20)

typedef struct kept {
    kerf_value *whole, *some, *places; /* borrowed; places (N * k) */
} kept;

typedef struct skipping {
    kerf_graph *g;
    int in_blocks; /* groups of several samples are fast in blocks of channels alone */
    kept *at;      /* owned */
    size_t num, capacity;
} skipping;

static const kept *find(const skipping *s, const kerf_value *whole)
{
    for (size_t i = 0; i < s->num; i++)
        if (s->at[i].whole == whole)
            return &s->at[i];
    return NULL;
}

static kerf_status note(skipping *s, kerf_value *whole, kerf_value *some, kerf_value *places)
{
    if (!kerf__grow((void **)&s->at, &s->capacity, s->num, sizeof *s->at))
        return kerf__fail_memory("plan", s->num * sizeof *s->at);
    s->at[s->num++] = (kept){whole, some, places};
    return KERF_OK;
}

/* ---- the pattern ----------------------------------------------------------------------------- */

typedef struct gate {
    kerf_node *conv;
    kerf_value *saliency; /* (N, C) */
    int64_t k;
} gate;

static int is_gate(const kerf_node *mul, gate *out)
{
    kerf__channel_gate found;
    if (!kerf__node_is(mul, "Mul"))
        return 0;
    const kerf_node *spread = kerf__made_by(mul->inputs[1], "Unsqueeze");
    out->conv = kerf__made_by(mul->inputs[0], "Conv");
    if (spread == NULL || out->conv == NULL ||
        !kerf__is_channel_gate(spread->inputs[0]->producer, &found))
        return 0;
    out->saliency = found.saliency;
    const kerf_shape shape = out->saliency->shape, dst = mul->inputs[0]->shape;
    if (dst.rank < 3 || shape.dims[0] < 1 || shape.dims[0] != dst.dims[0] ||
        shape.dims[1] != dst.dims[1] || spread->outputs[0]->shape.rank != dst.rank ||
        found.k == shape.dims[1])
        return 0;
    out->k = found.k;
    return 1;
}

/* A convolution whose filters may be taken apart. */
static int is_layer(const kerf_node *n)
{
    return kerf__node_is(n, "Conv") && kerf_node_int(n, "group", 1) == 1 &&
           n->inputs[1]->type == KERF_F32 && n->num_inputs <= 3;
}

/* Each channel's result is of that channel alone, and of zeros zero. */
static int is_channelwise(const kerf_node *n)
{
    static const char *const OPS[] = {"Relu", "MaxPool", "AveragePool", "GlobalAveragePool",
                                      "GlobalMaxPool"};
    const kerf_shape src = n->inputs[0]->shape;
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (kerf__node_is(n, OPS[i]))
            return n->num_outputs == 1;
    return kerf__node_is(n, "Flatten") && kerf_node_int(n, "axis", 1) == 1 &&
           kerf_shape_num_elements(src) == src.dims[0] * src.dims[1];
}

/* ---- building -------------------------------------------------------------------------------- */

static kerf_status reshape(skipping *s, kerf_value *v, kerf_shape shape, kerf_value **out)
{
    kerf_node *n;
    *out = v;
    if (kerf_shape_equal(v->shape, shape))
        return KERF_OK;
    KERF__TRY(kerf_graph_add_node(s->g, "Reshape", NULL, &v, 1, 1, &n));
    KERF__TRY(kerf_node_set_ints(n, "shape", shape.dims, (size_t)shape.rank));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

/* (N, C, ...) with the samples' channels side by side. */
static kerf_shape as_one_sample(kerf_shape shape)
{
    shape.dims[1] *= shape.dims[0];
    shape.dims[0] = 1;
    return shape;
}

/* n with other inputs; it takes n's name.  A convolution has so many groups. */
static kerf_status add_like(skipping *s, kerf_node *n, kerf_value *const *inputs, int64_t groups,
                            kerf_value **out)
{
    kerf_node *like;
    KERF__TRY(kerf_graph_add_node(s->g, n->op, NULL, inputs, n->num_inputs, 1, &like));
    KERF__TRY(kerf__node_copy_attributes(like, n));
    if (kerf__node_is(n, "Conv"))
        KERF__TRY(kerf_node_set_int(like, "group", groups));
    kerf__node_take_name(like, n);
    *out = like->outputs[0];
    return kerf__node_infer(like);
}

static kerf_status add_places(skipping *s, const gate *found, kerf_value **places,
                              kerf_value **scale)
{
    kerf_node *top;
    KERF__TRY(kerf_graph_add_node(s->g, "kerf.TopChannels", NULL, &found->saliency, 1, 2, &top));
    KERF__TRY(kerf_node_set_int(top, "k", found->k));
    KERF__TRY(kerf__node_infer(top));
    *scale = top->outputs[1];
    const int64_t all = kerf_shape_num_elements(top->outputs[0]->shape);
    return reshape(s, top->outputs[0], KERF_SHAPE(all), places);
}

/* Inputs as TakeFilters has them, those behind the last that is there left out. */
static kerf_status take(skipping *s, kerf_value *const *inputs, int64_t samples, kerf_value **out)
{
    kerf_node *n;
    int num = 4;
    while (inputs[num - 1] == NULL)
        num--;
    KERF__TRY(kerf_graph_add_node(s->g, "kerf.TakeFilters", NULL, inputs, num, 1, &n));
    KERF__TRY(kerf_node_set_int(n, "samples", samples));
    *out = n->outputs[0];
    return kerf__node_infer(n);
}

/* The gate's convolution, of the channels that are there and are kept. */
static kerf_status skip_gate(skipping *s, kerf_node *mul, const gate *found)
{
    kerf_node *const conv = found->conv;
    const kept *src = find(s, conv->inputs[0]);
    const int64_t samples = found->saliency->shape.dims[0];
    kerf_value *in_places = src != NULL ? src->places : NULL, *inputs[3], *places, *scale, *some;
    KERF__TRY(add_places(s, found, &places, &scale));
    if (src != NULL)
        inputs[0] = src->some;
    else
        KERF__TRY(reshape(s, conv->inputs[0], as_one_sample(conv->inputs[0]->shape), &inputs[0]));
    KERF__TRY(
        take(s, (kerf_value *[]){conv->inputs[1], places, in_places, scale}, samples, &inputs[1]));
    if (conv->num_inputs > 2)
        KERF__TRY(
            take(s, (kerf_value *[]){conv->inputs[2], places, NULL, scale}, samples, &inputs[2]));
    KERF__TRY(add_like(s, conv, inputs, samples, &some));
    return note(s, mul->outputs[0], some, places);
}

/* A layer of which all outputs are wanted, of the inputs that are there. */
static kerf_status skip_inputs(skipping *s, kerf_node *n, const kept *src)
{
    const int64_t samples = src->whole->shape.dims[0];
    kerf_value *inputs[3] = {src->some, NULL, n->num_inputs > 2 ? n->inputs[2] : NULL}, *all;
    KERF__TRY(
        take(s, (kerf_value *[]){n->inputs[1], NULL, src->places, NULL}, samples, &inputs[1]));
    if (inputs[2] != NULL && samples > 1)
        KERF__TRY(take(s, (kerf_value *[]){inputs[2], NULL, NULL, NULL}, samples, &inputs[2]));
    KERF__TRY(add_like(s, n, inputs, samples, &all));
    KERF__TRY(reshape(s, all, n->outputs[0]->shape, &all));
    return kerf__plan_replace(s->g, n->outputs[0], all);
}

static kerf_status follow(skipping *s, kerf_node *n, const kept *src)
{
    kerf_value *const places = src->places, *some;
    KERF__TRY(add_like(s, n, &src->some, 1, &some));
    return note(s, n->outputs[0], some, places);
}

/* All channels again, for whoever wants them. */
static kerf_status spread(skipping *s, const kept *k)
{
    kerf_node *n;
    kerf_value *all;
    const kerf_shape shape = as_one_sample(k->whole->shape);
    KERF__TRY(kerf_graph_add_node(s->g, "kerf.GatherGrad", NULL,
                                  (kerf_value *[]){k->places, k->some}, 2, 1, &n));
    KERF__TRY(kerf_node_set_int(n, "axis", 1));
    KERF__TRY(kerf_node_set_ints(n, "shape", shape.dims, (size_t)shape.rank));
    KERF__TRY(kerf__node_infer(n));
    KERF__TRY(reshape(s, n->outputs[0], k->whole->shape, &all));
    return kerf__plan_replace(s->g, k->whole, all);
}

/* ---- which ----------------------------------------------------------------------------------- */

/* Multiply-adds of a sample that are saved where n has this share of its filters. */
static double saved_macs(const kerf_node *n, int64_t samples, double share)
{
    const kerf__conv v = kerf__conv_of(n);
    const double whole = samples > 1 && kerf__conv_winograd_pays(&v) ? A_WINOGRAD : 1;
    return kerf__conv_macs(&v) / (double)samples * (whole - share);
}

/* 1 if groups of several samples are fast, and there is room for their filters. */
static int can_group(const skipping *s, int64_t inputs, int64_t outputs, double num_copied)
{
    return s->in_blocks && inputs % KERF__LANES == 0 && outputs % KERF__LANES == 0 &&
           num_copied <= MOST_COPIED;
}

/* Of n with so many of its outputs and the inputs that are there. */
static int is_worth_it(const skipping *s, const kerf_node *n, int64_t outputs)
{
    const kept *src = find(s, n->inputs[0]);
    const kerf_shape filters = n->inputs[1]->shape;
    const int64_t samples = n->inputs[0]->shape.dims[0];
    const int64_t inputs = src != NULL ? src->some->shape.dims[1] / samples : filters.dims[1];
    const double share = (double)(inputs * outputs) / (double)(filters.dims[0] * filters.dims[1]);
    const double copied = share * (double)kerf_shape_num_elements(filters);
    if (samples > 1 && !can_group(s, inputs, outputs, (double)samples * copied))
        return 0;
    return saved_macs(n, samples, share) >= LEAST_SAVED + FOR_A_WEIGHT * copied;
}

static int may_skip(const skipping *s, const kerf_node *mul, gate *found)
{
    return is_gate(mul, found) && kerf__plan_is_read_once(mul->inputs[0]) &&
           is_layer(found->conv) && is_worth_it(s, found->conv, found->k);
}

/* What has a gate that skips is done there. */
static kerf_status look_at_layer(skipping *s, kerf_node *n, const kept *src)
{
    gate found;
    const kerf_node *reader = kerf__value_only_reader(n->outputs[0]);
    const int waits = reader != NULL && may_skip(s, reader, &found);
    return !waits && is_worth_it(s, n, n->inputs[1]->shape.dims[0]) ? skip_inputs(s, n, src)
                                                                    : KERF_OK;
}

static kerf_status look_at(skipping *s, kerf_node *n)
{
    gate found;
    const kept *src = n->num_inputs > 0 && n->inputs[0] != NULL ? find(s, n->inputs[0]) : NULL;
    if (may_skip(s, n, &found))
        return skip_gate(s, n, &found);
    if (src != NULL && is_channelwise(n))
        return follow(s, n, src);
    return src != NULL && is_layer(n) ? look_at_layer(s, n, src) : KERF_OK;
}

static int has_gate(const kerf_graph *g)
{
    kerf__channel_gate found;
    int has = 0;
    for (size_t i = 0; i < g->num_nodes && !has; i++)
        has = kerf__is_channel_gate(g->nodes[i], &found);
    return has;
}

static kerf_status skip(skipping *s)
{
    const size_t num = s->g->num_nodes;
    for (size_t i = 0; i < num; i++)
        KERF__TRY(look_at(s, s->g->nodes[i]));
    for (size_t i = 0; i < s->num; i++)
        KERF__TRY(spread(s, &s->at[i]));
    KERF__TRY(kerf__graph_sort(s->g));
    kerf__graph_remove_dead(s->g);
    return KERF_OK;
}

kerf_status kerf__plan_skip_channels(kerf__planning *p)
{
    static const kerf__plan_rule NORMS[] = {{"BatchNormalization", kerf__plan_fuse_batch_norm}};
    skipping s = {.g = p->plan->graph, .in_blocks = kerf__plan_lays(p->plan->dev)};
    if (p->plan->mode != KERF_EVALUATE || !has_gate(s.g))
        return KERF_OK;
    KERF__TRY(kerf__plan_apply(s.g, NORMS, 1));
    const kerf_status status = skip(&s);
    free(s.at);
    return status;
}
