/* ops/step_grad.c -- the gradient of a rounding by its step size and by what it rounds (LSQ, Esser
 * et al. 2020; of ranges with two ends LSQ+, Bhalgat et al. 2020).
 *
 *     kerf.StepGrad (x, diff, scale, zero point)  -> gradient of x, of the range's end [, of its
 *                                                    low end]
 *
 * There is one end for all, or one an element of `axis`, as scales are.  Attributes up, down and
 * span say what an end moves (kernels/step_grad.cl); a span, all steps of a range, is there where
 * the low end is.
 *
 * What is trained is the end of a range, not its step: |end| = up * step.  The paper's gradient of
 * a step, times its g = 1 / sqrt(N * up), moves it by lr * g * slope; the same relative move of
 * the end wants up times as much, so `factor` is up * g = sqrt(up / N).  N counts the numbers that
 * share the step: weights, or of an activation those of a sample, for the loss is a mean over a
 * batch, and so is each gradient of it.  That is for few bits: the slope grows with `up` where
 * numbers saturate, and of 8 bits moves ends hundreds of times as far as their own gradient says.
 * So from 4 bits on ends move as those of 4 bits do.
 *
 * Device side: kernels/step_grad.cl.  Definition: tests/ref/ref_step_grad.c. */
#include "ops/step_grad_common.h"

#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "device/quirks.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_step_grad;

enum { SRC, DIFF, SCALE, ZERO }; /* inputs */
enum { PASSED, END, LOW };       /* outputs */
enum { GROUP = 64 };
enum {
    INTEGERS =
        1 << KERF_U8 | 1 << KERF_S8 | 1 << KERF_U16 | 1 << KERF_S16 | 1 << KERF_S4 | 1 << KERF_S2
};

static int has_low(const kerf_node *n)
{
    return n->num_outputs > LOW;
}

/* How many integers an end moves by: attribute up, down or span. */
static int64_t steps_of(const kerf_node *n, const char *key)
{
    return kerf_node_int(n, key, 0);
}

/* ---- shapes -------------------------------------------------------------------------------- */

/* Channels of `num` numbers each: rows, or with `is_columns` columns of so many rows. */
typedef struct lines {
    size_t channels, num;
    int is_columns;
} lines;

static int axis_of(const kerf_node *n)
{
    return (int)kerf_node_int(n, "axis", 0);
}

static lines lines_of(const kerf_node *n)
{
    const kerf_shape src = n->inputs[SRC]->shape;
    const size_t channels = (size_t)kerf__value_elements(n->inputs[SCALE]);
    const size_t num = (size_t)kerf__value_elements(n->inputs[SRC]) / channels;
    return (lines){channels, num, channels > 1 && axis_of(n) > 0 && axis_of(n) == src.rank - 1};
}

static kerf_status check_scales(const kerf_node *n)
{
    const kerf_shape src = n->inputs[SRC]->shape;
    const int64_t channels = kerf__value_elements(n->inputs[SCALE]);
    const int axis = axis_of(n);
    if (channels == 1)
        return KERF_OK;
    if ((axis == 0 || axis == src.rank - 1) && axis < src.rank && src.dims[axis] == channels)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n,
                           "there are %lld scales along axis %d, must be one, or one an index of "
                           "the first axis or the last",
                           (long long)channels, axis);
}

static kerf_status infer(kerf_node *n)
{
    const kerf_type type = n->inputs[ZERO]->type;
    KERF__TRY(kerf__node_check_type(n, SRC, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, DIFF, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, SCALE, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, DIFF, n->inputs[SRC]->shape));
    KERF__TRY(kerf__node_check_shape(n, ZERO, n->inputs[SCALE]->shape));
    if ((INTEGERS >> type & 1) == 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "its integers are %s, must be of 8 or 16 bits, or of 4 or 2 with a "
                               "sign",
                               kerf_type_name(type));
    KERF__TRY(check_scales(n));
    if (n->num_outputs < END + 1 || n->num_outputs > LOW + 1 ||
        (steps_of(n, "span") > 0) != has_low(n))
        return kerf__fail_node(
            KERF_ERR_SHAPE, n,
            "it has %d outputs and a span of %lld, must have 2 and 0, or 3 and 1 "
            "or more",
            n->num_outputs, (long long)steps_of(n, "span"));
    kerf__set_output(n, PASSED, KERF_F32, n->inputs[SRC]->shape);
    kerf__set_output(n, END, KERF_F32, n->inputs[SCALE]->shape);
    kerf__set_output(n, LOW, KERF_F32, n->inputs[SCALE]->shape);
    return KERF_OK;
}

/* ---- the rule of QuantizeLinear ------------------------------------------------------------- */

/* The ends that a scale is made of. */
typedef struct ends {
    kerf_value *end, *low; /* low: NULL where there is none that is trained */
    int is_range;
} ends;

static int is_trained(const kerf__gradients *grads, const kerf_value *v)
{
    return v->kind == KERF__VALUE_STATE && kerf__gradient_wanted(grads, v);
}

/* A range of activations is rounded by at many places; those that learn it say so. */
static ends ends_of(const kerf__gradients *grads, const kerf_node *quantize)
{
    const kerf_node *n = quantize->inputs[1]->producer;
    ends e = {0};
    if (kerf__node_is(n, "kerf.QuantizeLayer"))
        e.end = n->inputs[0];
    e.is_range =
        kerf__node_is(n, "kerf.TrainedRange") && kerf_node_int(quantize, "kerf.learns", 0) != 0;
    if (e.is_range) {
        e.end = n->inputs[1];
        e.low = is_trained(grads, n->inputs[0]) ? n->inputs[0] : NULL;
    }
    if (e.end != NULL && !is_trained(grads, e.end))
        e.end = NULL;
    return e;
}

int kerf__learns_step(const kerf__gradients *grads, const kerf_node *quantize)
{
    return quantize->num_inputs > 2 && ends_of(grads, quantize).end != NULL;
}

static kerf_status set_factor(kerf_node *n, int64_t up, double num)
{
    enum { MOST = 15 }; /* of 4 bits without a sign */
    const double root = sqrt((double)(up < MOST ? up : MOST));
    return kerf_node_set_float(n, "factor",
                               (float)(root * root * root / ((double)up * sqrt(fmax(num, 1)))));
}

/* Numbers of a range's integers: all of them are above a low end of 0. */
static kerf_status set_range(kerf_node *n, const ends *e, size_t bits)
{
    const kerf_shape src = n->inputs[SRC]->shape;
    const int64_t steps = ((int64_t)1 << bits) - 1;
    const size_t batch = src.rank > 0 && src.dims[0] > 0 ? (size_t)src.dims[0] : 1;
    const double num = (double)kerf__value_elements(n->inputs[SRC]) / (double)batch;
    KERF__TRY(kerf_node_set_int(n, "up", steps));
    if (e->low != NULL)
        KERF__TRY(kerf_node_set_int(n, "span", steps));
    return set_factor(n, steps, num);
}

static kerf_status set_layer(kerf_node *n, size_t bits)
{
    const int64_t most = ((int64_t)1 << (bits - 1)) - 1;
    KERF__TRY(kerf_node_set_int(n, "up", most));
    KERF__TRY(kerf_node_set_int(n, "down", -most - 1));
    return set_factor(n, most, (double)lines_of(n).num);
}

kerf_status kerf__pass_step(kerf__gradients *grads, kerf_node *quantize, kerf_value *diff)
{
    const ends e = ends_of(grads, quantize);
    kerf_value *inputs[] = {quantize->inputs[0], diff, quantize->inputs[1], quantize->inputs[2]},
               *added;
    kerf_node *n;
    KERF__TRY(kerf__gradient_add_node(grads, "kerf.StepGrad", quantize, "grad", inputs, 4, &n));
    KERF__TRY(kerf__graph_add_output_value(n->graph, n, NULL, &added));
    if (e.low != NULL)
        KERF__TRY(kerf__graph_add_output_value(n->graph, n, NULL, &added));
    KERF__TRY(kerf_node_set_int(n, "axis", kerf_node_int(quantize, "axis", 1)));
    const size_t bits = kerf_type_bits(quantize->inputs[2]->type);
    KERF__TRY(e.is_range ? set_range(n, &e, bits) : set_layer(n, bits));
    KERF__TRY(kerf__node_infer(n));
    KERF__TRY(kerf__gradient_add(grads, e.end, n->outputs[END]));
    if (e.low != NULL)
        KERF__TRY(kerf__gradient_add(grads, e.low, n->outputs[LOW]));
    return kerf__gradient_wanted(grads, quantize->inputs[0])
               ? kerf__gradient_add(grads, quantize->inputs[0], n->outputs[PASSED])
               : KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* How the work is cut. */
typedef struct cut {
    lines lines;
    size_t chunk, parts, items; /* items: of rows or columns */
    size_t rows;                /* an item's */
} cut;

/* Wide: of rows by vectors, of columns by rows; else as many as keep all groups busy. */
static size_t chunk_of(const kerf__op_case *c, const lines *l)
{
    enum { LEAST = 512, GPU_ROWS = 4096, GPU_COLUMNS = 256, WIDE_COLUMNS = 1024 };
    if (l->is_columns)
        return kerf__is_wide(c) ? WIDE_COLUMNS : GPU_COLUMNS;
    if (!kerf__is_wide(c))
        return GPU_ROWS;
    const size_t vectors = kerf__ceil_div(l->num, KERF__LANES);
    return KERF__LANES * kerf__pieces_an_item(c, vectors, 1, LEAST);
}

static cut cut_of(const kerf__op_case *c)
{
    enum { LEAST = 2048 };
    const lines l = lines_of(c->node);
    cut x = {.lines = l, .chunk = chunk_of(c, &l), .rows = 1};
    const size_t lanes = kerf__is_wide(c) ? KERF__LANES : GROUP;
    x.parts = kerf__ceil_div(l.num, x.chunk);
    x.parts = x.parts > 0 ? x.parts : 1;
    if (kerf__is_wide(c) && !l.is_columns && x.parts == 1)
        x.rows = kerf__pieces_an_item(c, l.channels, kerf__ceil_div(l.num, KERF__LANES),
                                      LEAST / (l.num + 1) + 1);
    x.items = kerf__ceil_div(l.channels, l.is_columns ? lanes : x.rows);
    return x;
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    const cut x = cut_of(c);
    return x.parts > 1 ? 3 * x.lines.channels * x.parts * sizeof(float) : 0;
}

/* Planes, as kernels/step_grad.cl has them. */
typedef struct planes {
    size_t plane, blocks, lanes;
} planes;

static planes planes_of(const kerf__op_case *c, const cut *x)
{
    const kerf_shape laid = c->node->inputs[SRC]->shape;
    if (kerf__input_layout(c->node, SRC) == KERF__PLAIN)
        return (planes){x->lines.num > 0 ? x->lines.num : 1, 1, KERF__LANES};
    const size_t blocks = (size_t)laid.dims[1];
    const size_t channels = (size_t)kerf__input_plain_shape(c->node, SRC).dims[1];
    return (planes){kerf__shape_product(laid, 2, laid.rank), blocks,
                    channels - (blocks - 1) * KERF__LANES};
}

static kerf__buffer *low_of(const kerf__op_case *c)
{
    return kerf__out(c, has_low(c->node) ? LOW : END); /* never touched where there is none */
}

static kerf_status join(const kerf__op_case *c, const cut *x, const char *options)
{
    const kerf_node *n = c->node;
    const int wide = kerf__is_wide(c);
    const size_t chunk = wide ? kerf__pieces_an_item(c, x->lines.channels, 3 * x->parts, 256) : 1;
    const size_t groups = kerf__ceil_div(x->lines.channels, chunk);
    return kerf__emit(c, &kerf__source_step_grad, "step_grad_join", options,
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, END)), ARG(low_of(c)),
                                 ARG(kerf_node_float(n, "factor", 0)),
                                 ARG((float)steps_of(n, "up")), ARG((float)steps_of(n, "down")),
                                 ARG((float)steps_of(n, "span")), ARG((unsigned)x->lines.channels),
                                 ARG((unsigned)x->parts), ARG((unsigned)chunk)),
                      (kerf__grid){1, {groups, 1, 1}, {wide ? 1 : GROUP, 1, 1}});
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const kerf_type type = n->inputs[ZERO]->type;
    const cut x = cut_of(c);
    const planes p = planes_of(c, &x);
    char options[64];
    snprintf(options, sizeof options, "-DV=%d -DBITS=%zu -DSIGNED=%d", kerf__is_wide(c) ? 16 : 1,
             kerf_type_bits(type), kerf__type_has_sign(type));
    const kerf__arg args[] = {ARG(kerf__in(c, SRC)),
                              ARG(kerf__in(c, DIFF)),
                              ARG(kerf__in(c, SCALE)),
                              ARG(kerf__in(c, ZERO)),
                              ARG(kerf__out(c, PASSED)),
                              ARG(kerf__out(c, END)),
                              ARG(low_of(c)),
                              ARG(x.parts > 1 ? c->scratch : kerf__out(c, END)),
                              ARG(kerf_node_float(n, "factor", 0)),
                              ARG((float)steps_of(n, "up")),
                              ARG((float)steps_of(n, "down")),
                              ARG((float)steps_of(n, "span")),
                              ARG((unsigned)x.lines.channels),
                              ARG((unsigned)x.lines.num),
                              ARG((unsigned)x.chunk),
                              ARG((unsigned)x.rows),
                              ARG((unsigned)p.plane),
                              ARG((unsigned)p.blocks),
                              ARG((unsigned)p.lanes)};
    enum { ALL = sizeof args / sizeof args[0], OF_COLUMNS = ALL - 4 };
    const size_t items = kerf__is_wide(c) ? 1 : GROUP;
    KERF__TRY(kerf__emit(c, &kerf__source_step_grad,
                         x.lines.is_columns ? "step_grad_columns" : "step_grad_rows", options, args,
                         x.lines.is_columns ? OF_COLUMNS : ALL,
                         (kerf__grid){2, {x.items, x.parts, 1}, {items, 1, 1}}));
    return x.parts > 1 ? join(c, &x, options) : KERF_OK;
}

/* llvmpipe, which that quirk is of, takes vectors of 16 apart and compiles this for minutes. */
static int fits_wide(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) &&
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS) &&
           (kerf__input_layout(c->node, SRC) == KERF__PLAIN ||
            kerf__input_plain_shape(c->node, SRC).rank > 1);
}

static int fits_simt(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && kerf__input_layout(c->node, SRC) == KERF__PLAIN;
}

static const kerf__variant VARIANTS[] = {
    {.name = "step_grad_wide",
     .wide = 1,
     .fits = fits_wide,
     .scratch_bytes = scratch_bytes,
     .build = build},
    {.name = "step_grad_simt", .fits = fits_simt, .scratch_bytes = scratch_bytes, .build = build},
};

extern const kerf__op kerf__ops_step_grad[];
const kerf__op kerf__ops_step_grad[] = {
    {.op = "kerf.StepGrad",
     .min_inputs = 4,
     .max_inputs = 4,
     .num_outputs = -1,
     .infer = infer,
     .layouts = kerf__wish_elementwise,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0],
     .in_place = 1u << SRC | 1u << DIFF},
    {.op = NULL},
};
