/* ops/resize.c -- Resize and Upsample: nearest for every type, linear in float32, one axis after
 * the other, and their gradients.
 *
 *     kerf.ResizeGrad(diff_dst) -> diff_src
 *         shape, starts, steps   of every axis of diff_src: length, place 0, distance of places
 *         linear, bias, sign     as the kernel takes them
 *
 * Scales and sizes are constants.  Device side: kernels/resize.cl.  Definition:
 * tests/ref/ref_resize.c. */
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_resize;

/* From `from` to `to` elements; places in units of 2^-32. */
typedef struct axis {
    int64_t from, to, start, step;
} axis;

typedef struct resizing {
    int rank, linear, sign;
    unsigned bias;
    axis axes[KERF_MAX_RANK];
} resizing;

static const double ONE = 4294967296.0;
static const float MOST_SCALE = 1e6f;

static int is_gradient(const kerf_node *n)
{
    return strcmp(n->op, "kerf.ResizeGrad") == 0;
}

/* ---- scales and sizes -------------------------------------------------------------------- */

/* What is asked of each axis; -1 and 0 where nothing is. */
typedef struct wish {
    float scales[KERF_MAX_RANK];
    int64_t sizes[KERF_MAX_RANK];
} wish;

/* A list that has a number for each of the axes that attribute `axes` names, or for all. */
static kerf_status spread(const kerf_node *n, size_t num, int *axes)
{
    const int rank = n->inputs[0]->shape.rank;
    size_t named;
    const int64_t *given = kerf_node_ints(n, "axes", &named);
    if (given == NULL)
        named = (size_t)rank;
    if (num != named || named > (size_t)rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %zu scales or sizes, must have %zu", num,
                               named);
    for (size_t i = 0; i < named; i++)
        KERF__TRY(kerf__node_axis(n, given != NULL ? given[i] : (int64_t)i, rank, &axes[i]));
    return KERF_OK;
}

/* Input i as a constant of this type; *t is NULL if it is left out or empty. */
static kerf_status list_input(const kerf_node *n, int i, kerf_type type, const kerf_tensor **t)
{
    *t = NULL;
    if (i >= n->num_inputs || n->inputs[i] == NULL || kerf__value_elements(n->inputs[i]) == 0)
        return KERF_OK;
    if (n->inputs[i]->kind != KERF__VALUE_CONSTANT)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s must be a constant",
                               n->inputs[i]->name);
    KERF__TRY(kerf__node_check_type(n, i, type));
    *t = n->inputs[i]->constant;
    return KERF_OK;
}

static kerf_status set_scales(const kerf_node *n, const float *scales, size_t num, wish *w)
{
    int axes[KERF_MAX_RANK];
    KERF__TRY(spread(n, num, axes));
    for (size_t i = 0; i < num; i++) {
        if (!(scales[i] > 0) || scales[i] > MOST_SCALE)
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "scale %zu is %g, must be above 0, at most %g", i,
                                   (double)scales[i], (double)MOST_SCALE);
        w->scales[axes[i]] = scales[i];
    }
    return KERF_OK;
}

/* All axes keep one scale, the least or the largest, where the policy says so. */
static void keep_ratio(const kerf_node *n, wish *w)
{
    const kerf_shape src = n->inputs[0]->shape;
    const char *policy = kerf_node_string(n, "keep_aspect_ratio_policy", "stretch");
    const int smaller = strcmp(policy, "not_smaller") == 0;
    double scale = smaller ? 0 : INFINITY;
    if (strcmp(policy, "stretch") == 0)
        return;
    for (int i = 0; i < src.rank; i++)
        if (w->sizes[i] >= 0) {
            const double own = (double)w->sizes[i] / (double)src.dims[i];
            scale = smaller ? fmax(scale, own) : fmin(scale, own);
        }
    for (int i = 0; i < src.rank; i++)
        if (w->sizes[i] >= 0) {
            w->sizes[i] = (int64_t)floor(scale * (double)src.dims[i] + 0.5);
            w->scales[i] = (float)scale;
        }
}

static kerf_status set_sizes(const kerf_node *n, const int64_t *sizes, size_t num, wish *w)
{
    int axes[KERF_MAX_RANK];
    KERF__TRY(spread(n, num, axes));
    for (size_t i = 0; i < num; i++) {
        if (sizes[i] < 1 || sizes[i] > INT32_MAX)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "size %zu is %lld, must be 1 to 2147483647",
                                   i, (long long)sizes[i]);
        w->sizes[axes[i]] = sizes[i];
    }
    keep_ratio(n, w);
    return KERF_OK;
}

/* Opset 10, as Upsample, has scales behind its input; 11 has a region, scales and sizes; Upsample
 * of 7 has an attribute. */
static kerf_status wish_of(const kerf_node *n, wish *w)
{
    const kerf_tensor *scales, *sizes;
    const kerf__attribute *given = kerf__node_attribute(n, "scales");
    for (int i = 0; i < KERF_MAX_RANK; i++)
        w->sizes[i] = -1;
    memset(w->scales, 0, sizeof w->scales);
    KERF__TRY(list_input(n, n->num_inputs == 2 ? 1 : 2, KERF_F32, &scales));
    KERF__TRY(list_input(n, 3, KERF_S64, &sizes));
    if (sizes != NULL)
        return set_sizes(n, sizes->data, sizes->num_elements, w);
    if (scales != NULL)
        return set_scales(n, scales->data, scales->num_elements, w);
    if (given != NULL && given->kind == KERF__ATTRIBUTE_FLOATS)
        return set_scales(n, given->floats, given->num, w);
    return kerf__fail_node(KERF_ERR_SHAPE, n, "has neither scales nor sizes, must have one");
}

/* ---- places ------------------------------------------------------------------------------ */

/* Where place 0 lies and how far the next is, for `from` elements and a scale. */
typedef struct line {
    double start, step;
} line;

static line half_pixel(double from, double to, double scale)
{
    (void)from;
    (void)to;
    return (line){0.5 / scale - 0.5, 1 / scale};
}

static line half_pixel_symmetric(double from, double to, double scale)
{
    const double centre = from / 2 * (1 - to / (scale * from));
    return (line){centre + 0.5 / scale - 0.5, 1 / scale};
}

static line pytorch_half_pixel(double from, double to, double scale)
{
    return to > 1 ? half_pixel(from, to, scale) : (line){0, 0};
}

/* The standard counts with the length that a scale gives before it is rounded down. */
static line align_corners(double from, double to, double scale)
{
    return (line){0, to > 1 ? (from - 1) / (scale * from - 1) : 0};
}

static line asymmetric(double from, double to, double scale)
{
    (void)from;
    (void)to;
    return (line){0, 1 / scale};
}

static line tf_half_pixel_for_nn(double from, double to, double scale)
{
    (void)from;
    (void)to;
    return (line){0.5 / scale, 1 / scale};
}

static const struct {
    const char *name;
    line (*of)(double from, double to, double scale);
} TRANSFORMATIONS[] = {
    {"align_corners", align_corners},
    {"asymmetric", asymmetric},
    {"half_pixel", half_pixel},
    {"half_pixel_symmetric", half_pixel_symmetric},
    {"pytorch_half_pixel", pytorch_half_pixel},
    {"tf_half_pixel_for_nn", tf_half_pixel_for_nn},
};

/* The smallest difference that counts is 2^-16, that is 65536 units. */
static const struct {
    const char *name;
    int sign;
    unsigned bias;
} ROUNDINGS[] = {
    {"ceil", -1, 65536u},
    {"floor", 1, 65536u},
    {"round_prefer_ceil", 1, 2147483648u + 65536u},
    {"round_prefer_floor", -1, 2147483648u + 65536u},
};

enum { NUM_TRANSFORMATIONS = sizeof TRANSFORMATIONS / sizeof TRANSFORMATIONS[0] };
enum { NUM_ROUNDINGS = sizeof ROUNDINGS / sizeof ROUNDINGS[0] };

static kerf_status unknown(const kerf_node *n, const char *key, const char *value)
{
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "%s is %.40s, which is not supported", key,
                           value);
}

/* Before 11 there was one way. */
static int is_old(const kerf_node *n)
{
    return n->num_inputs < 3;
}

static kerf_status set_mode(const kerf_node *n, resizing *r)
{
    const char *mode = kerf_node_string(n, "mode", "nearest");
    const char *name =
        is_old(n) ? "floor" : kerf_node_string(n, "nearest_mode", "round_prefer_floor");
    size_t i = 0;
    r->linear = strcmp(mode, "linear") == 0;
    if (!r->linear && strcmp(mode, "nearest") != 0)
        return unknown(n, "mode", mode);
    if (kerf_node_int(n, "antialias", 0) != 0)
        return unknown(n, "antialias", "1");
    while (i < NUM_ROUNDINGS && strcmp(ROUNDINGS[i].name, name) != 0)
        i++;
    if (i == NUM_ROUNDINGS)
        return unknown(n, "nearest_mode", name);
    r->sign = ROUNDINGS[i].sign;
    r->bias = ROUNDINGS[i].bias;
    return KERF_OK;
}

static kerf_status set_axes(const kerf_node *n, const wish *w, resizing *r)
{
    const char *key = "coordinate_transformation_mode";
    const char *name = is_old(n) ? "asymmetric" : kerf_node_string(n, key, "half_pixel");
    size_t k = 0;
    while (k < NUM_TRANSFORMATIONS && strcmp(TRANSFORMATIONS[k].name, name) != 0)
        k++;
    if (k == NUM_TRANSFORMATIONS)
        return unknown(n, key, name);
    for (int i = 0; i < r->rank; i++) {
        const int64_t from = n->inputs[0]->shape.dims[i];
        const double exact = w->sizes[i] >= 0 ? (double)w->sizes[i] / (double)from : 1;
        const double scale = w->scales[i] > 0 ? (double)w->scales[i] : exact;
        const int64_t to = w->sizes[i] >= 0   ? w->sizes[i]
                           : w->scales[i] > 0 ? (int64_t)floorf(w->scales[i] * (float)from)
                                              : from;
        if (from < 1 || from > INT32_MAX || to < 1 || to > INT32_MAX)
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "dimension %d goes from %lld to %lld, must be 1 to 2147483647",
                                   i, (long long)from, (long long)to);
        const line l = TRANSFORMATIONS[k].of((double)from, (double)to, scale);
        r->axes[i] = from == to && scale == 1
                         ? (axis){from, to, 0, (int64_t)ONE}
                         : (axis){from, to, llrint(l.start * ONE), llrint(l.step * ONE)};
    }
    return KERF_OK;
}

static kerf_status of_forward(const kerf_node *n, resizing *r)
{
    wish w;
    *r = (resizing){.rank = n->inputs[0]->shape.rank};
    KERF__TRY(set_mode(n, r));
    KERF__TRY(wish_of(n, &w));
    return set_axes(n, &w, r);
}

static kerf_status of_gradient(const kerf_node *n, resizing *r)
{
    kerf__ints shape, starts, steps;
    const kerf_shape dst = n->inputs[0]->shape;
    KERF__TRY(kerf__node_get_ints(n, "shape", 1, &shape));
    KERF__TRY(kerf__node_get_ints(n, "starts", 1, &starts));
    KERF__TRY(kerf__node_get_ints(n, "steps", 1, &steps));
    const size_t rank = (size_t)dst.rank;
    if (shape.num != rank || starts.num != rank || steps.num != rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "shape, starts and steps must have %d numbers",
                               dst.rank);
    *r = (resizing){.rank = dst.rank,
                    .linear = (int)kerf_node_int(n, "linear", 0),
                    .sign = (int)kerf_node_int(n, "sign", 1),
                    .bias = (unsigned)kerf_node_int(n, "bias", 0)};
    for (int i = 0; i < r->rank; i++) {
        if (shape.items[i] < 1 || dst.dims[i] < 1)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "dimension %d is 0, must be 1 or more", i);
        r->axes[i] = (axis){shape.items[i], dst.dims[i], starts.items[i], steps.items[i]};
    }
    return KERF_OK;
}

static kerf_status resizing_of(const kerf_node *n, resizing *r)
{
    return is_gradient(n) ? of_gradient(n, r) : of_forward(n, r);
}

/* ---- shapes and gradient ------------------------------------------------------------------- */

static kerf_status infer(kerf_node *n)
{
    resizing r;
    const kerf_type type = n->inputs[0]->type;
    KERF__TRY(resizing_of(n, &r));
    if (r.linear || is_gradient(n))
        KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    if (kerf_type_bits(type) < 8)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input is %s, must be of 8 bits or more",
                               kerf_type_name(type));
    kerf_shape dst = {r.rank, {0}};
    for (int i = 0; i < r.rank; i++)
        dst.dims[i] = is_gradient(n) ? r.axes[i].from : r.axes[i].to;
    kerf__set_output(n, 0, type, dst);
    return KERF_OK;
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    resizing r;
    int64_t numbers[3][KERF_MAX_RANK];
    static const char *const KEYS[] = {"shape", "starts", "steps"};
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    KERF__TRY(resizing_of(n, &r));
    for (int i = 0; i < r.rank; i++) {
        numbers[0][i] = r.axes[i].from;
        numbers[1][i] = r.axes[i].start;
        numbers[2][i] = r.axes[i].step;
    }
    KERF__TRY(kerf__gradient_add_node(grads, "kerf.ResizeGrad", n, "grad", &diff, 1, &node));
    for (int i = 0; i < 3 && r.rank > 0; i++)
        KERF__TRY(kerf_node_set_ints(node, KEYS[i], numbers[i], (size_t)r.rank));
    KERF__TRY(kerf_node_set_int(node, "linear", r.linear));
    KERF__TRY(kerf_node_set_int(node, "sign", r.sign));
    KERF__TRY(kerf_node_set_int(node, "bias", (int64_t)r.bias));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

/* ---- launches ---------------------------------------------------------------------------- */

static int is_kept(const axis *a)
{
    return a->from == a->to && a->start == 0 && a->step == (int64_t)ONE;
}

/* The axes that change, in their order; one that does not if none does. */
static int passes_of(const resizing *r, int *axes)
{
    int num = 0;
    for (int i = 0; i < r->rank; i++)
        if (!is_kept(&r->axes[i]))
            axes[num++] = i;
    if (num == 0)
        axes[num++] = 0;
    return num;
}

/* The shape after so many passes. */
static kerf_shape shape_after(const kerf_node *n, const resizing *r, const int *axes, int num)
{
    kerf_shape shape = n->inputs[0]->shape;
    for (int i = 0; i < num && r->rank > 0; i++)
        shape.dims[axes[i]] = is_gradient(n) ? r->axes[axes[i]].from : r->axes[axes[i]].to;
    return shape;
}

/* Results between two passes stand in scratch, one behind the other. */
static size_t elements_between(const kerf_node *n, const resizing *r, const int *axes, int num)
{
    size_t sum = 0;
    for (int i = 1; i <= num; i++)
        sum += (size_t)kerf_shape_num_elements(shape_after(n, r, axes, i));
    return sum;
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    int axes[KERF_MAX_RANK];
    resizing r;
    if (resizing_of(c->node, &r) != KERF_OK)
        return 0; /* cannot be: infer has read it */
    return elements_between(c->node, &r, axes, passes_of(&r, axes) - 1) *
           (kerf_type_bits(c->node->inputs[0]->type) / 8);
}

static const char *options_of(const kerf_node *n, const resizing *r)
{
    const size_t bits = kerf_type_bits(n->inputs[0]->type);
    if (r->linear || is_gradient(n))
        return r->linear ? "-DT=float -DLINEAR=1" : "-DT=float -DLINEAR=0";
    return bits == 8    ? "-DT=uchar -DLINEAR=0"
           : bits == 16 ? "-DT=ushort -DLINEAR=0"
           : bits == 32 ? "-DT=float -DLINEAR=0"
                        : "-DT=ulong -DLINEAR=0";
}

static kerf_status emit_pass(const kerf__op_case *c, const resizing *r, const int *axes, int pass)
{
    const kerf_node *n = c->node;
    const kerf_shape before = shape_after(n, r, axes, pass);
    const axis a = r->rank > 0 ? r->axes[axes[pass]] : (axis){1, 1, 0, (int64_t)ONE};
    const int last = pass + 1 == passes_of(r, (int[KERF_MAX_RANK]){0});
    const size_t num = (size_t)kerf_shape_num_elements(shape_after(n, r, axes, pass + 1));
    size_t m = 1, k = 1;
    for (int i = 0; i < before.rank; i++)
        *(i < axes[pass] ? &m : &k) *= i == axes[pass] ? 1 : (size_t)before.dims[i];
    const size_t chunk = kerf__is_wide(c) ? kerf__pieces_an_item(c, num, 1, 1024) : 1;
    const size_t items = kerf__ceil_div(num, chunk);
    const size_t from = pass > 1 ? elements_between(n, r, axes, pass - 1) : 0;
    const size_t to = last ? 0 : elements_between(n, r, axes, pass);
    return kerf__emit(
        c, &kerf__source_resize, is_gradient(n) ? "resize_grad" : "resize", options_of(n, r),
        KERF__ARGS(ARG(pass > 0 ? c->scratch : kerf__in(c, 0)),
                   ARG(last ? kerf__out(c, 0) : c->scratch), ARG((unsigned)from), ARG((unsigned)to),
                   ARG((unsigned)m), ARG((unsigned)a.from), ARG((unsigned)a.to), ARG((unsigned)k),
                   ARG((unsigned)(uint64_t)a.start), ARG((int)(a.start >> 32)),
                   ARG((unsigned)(uint64_t)a.step), ARG((int)(a.step >> 32)), ARG(r->bias),
                   ARG(r->sign), ARG((unsigned)chunk)),
        kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static kerf_status build(const kerf__op_case *c)
{
    int axes[KERF_MAX_RANK];
    resizing r;
    KERF__TRY(resizing_of(c->node, &r));
    const int num = passes_of(&r, axes);
    for (int i = 0; i < num; i++)
        KERF__TRY(emit_pass(c, &r, axes, i));
    return KERF_OK;
}

/* What lies between two passes is counted like the rest. */
static int fits(const kerf__op_case *c)
{
    const size_t bytes = kerf_type_bits(c->node->inputs[0]->type) / 8;
    return kerf__fits_31_bits(c) && scratch_bytes(c) / bytes < (size_t)1 << 31;
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("resize", .fits = fits, .scratch_bytes = scratch_bytes, .build = build),
};

#define ENTRY(name, most, rule)                                                                    \
    {                                                                                              \
        .op = (name), .min_inputs = 1, .max_inputs = (most), .num_outputs = 1, .infer = infer,     \
        .gradient = (rule), .variants = VARIANTS, .num_variants = 2                                \
    }

extern const kerf__op kerf__ops_resize[];
const kerf__op kerf__ops_resize[] = {
    ENTRY("Resize", 4, gradient),
    ENTRY("Upsample", 2, gradient),
    ENTRY("kerf.ResizeGrad", 1, NULL),
    {.op = NULL},
};
