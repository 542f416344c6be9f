/* ops/norm.c -- LayerNormalization, InstanceNormalization, GroupNormalization: rows are
 * normalised by their own mean and variance, then scaled.
 *
 *     LayerNormalization(src, scale, [bias]) -> dst, [mean, inverse deviation]
 *     InstanceNormalization, GroupNormalization(src (N, C, ...), scale, bias) -> the same
 *     kerf.NormGrad(src (m, k), diff (m, k), mean (m), inverse deviation (m)) -> diff_src
 *
 * They differ in what a row is and where its elements find their scale (see `rows`).  The last
 * two outputs of instance and group normalisation are Kerf's own, for the gradient; ONNX 18's
 * group normalisation has a scale a group, 21's one a channel: its length tells.
 *
 * Device side: kernels/norm.cl.  Definition: tests/ref/ref_norm.c. */
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_norm;

/* ---- shapes -------------------------------------------------------------------------------- */

/* (m, k); element j of row r has scale (r % period) * span + j / inner. */
typedef struct rows {
    size_t m, k, period, span, inner;
} rows;

static kerf_status layer_rows(const kerf_node *n, rows *out)
{
    const kerf_shape src = n->inputs[0]->shape;
    int axis;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", -1), src.rank, &axis));
    if (kerf_node_int(n, "stash_type", 1) != 1)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "stash_type is %lld, must be 1 (float)",
                               (long long)kerf_node_int(n, "stash_type", 1));
    *out = (rows){1, 1, 1, 0, 1};
    for (int i = 0; i < src.rank; i++)
        *(i < axis ? &out->m : &out->k) *= (size_t)src.dims[i];
    return KERF_OK;
}

static size_t pixels_of(kerf_shape src)
{
    size_t pixels = 1;
    for (int i = 2; i < src.rank; i++)
        pixels *= (size_t)src.dims[i];
    return pixels;
}

static kerf_status check_image(const kerf_node *n)
{
    char text[128];
    const kerf_shape src = n->inputs[0]->shape;
    if (src.rank < 3)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input is %s, must be (N, C, ...)",
                               kerf_shape_text(src, text, sizeof text));
    return KERF_OK;
}

static kerf_status instance_rows(const kerf_node *n, rows *out)
{
    KERF__TRY(check_image(n));
    const kerf_shape src = n->inputs[0]->shape;
    const size_t pixels = pixels_of(src);
    *out = (rows){(size_t)(src.dims[0] * src.dims[1]), pixels, (size_t)src.dims[1], 1,
                  pixels > 1 ? pixels : 1};
    return KERF_OK;
}

static kerf_status group_rows(const kerf_node *n, rows *out)
{
    KERF__TRY(check_image(n));
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t groups = kerf_node_int(n, "num_groups", 0), channels = src.dims[1];
    if (groups < 1 || channels % groups != 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "num_groups is %lld, must divide the %lld channels",
                               (long long)groups, (long long)channels);
    const size_t pixels = pixels_of(src), each = (size_t)(channels / groups);
    const int per_group = kerf__value_elements(n->inputs[1]) == groups;
    const size_t k = each * pixels, inner = per_group ? k : pixels;
    *out = (rows){(size_t)(src.dims[0] * groups), k, (size_t)groups, per_group ? 1 : each,
                  inner > 1 ? inner : 1};
    return KERF_OK;
}

static const struct formula {
    const char *op;
    kerf_status (*rows)(const kerf_node *n, rows *out);
    int per_element; /* a scale for each element of a row, else for each of a period */
} FORMULAS[] = {
    {"GroupNormalization", group_rows, 0},
    {"InstanceNormalization", instance_rows, 0},
    {"LayerNormalization", layer_rows, 1},
};

static const struct formula *formula_of(const kerf_node *n)
{
    const struct formula *f = FORMULAS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

static rows rows_of(const kerf_node *n)
{
    rows r = {0, 0, 1, 0, 1};
    if (strcmp(n->op, "kerf.NormGrad") != 0)
        return formula_of(n)->rows(n, &r) == KERF_OK ? r : (rows){0, 0, 1, 0, 1};
    r.m = (size_t)n->inputs[0]->shape.dims[0];
    r.k = (size_t)n->inputs[0]->shape.dims[1];
    return r;
}

/* How many numbers scale and bias have. */
static size_t num_scales(const kerf_node *n, const rows *r)
{
    return formula_of(n)->per_element ? r->k : r->period * r->span;
}

/* The shape that the statistics have: ONNX's for LayerNormalization, flat for the others. */
static kerf_shape statistics_shape(const kerf_node *n, const rows *r)
{
    kerf_shape shape = n->inputs[0]->shape;
    const int axis = (int)kerf_node_int(n, "axis", -1);
    if (!formula_of(n)->per_element)
        return KERF_SHAPE((int64_t)r->m);
    for (int i = axis < 0 ? axis + shape.rank : axis; i < shape.rank; i++)
        shape.dims[i] = 1;
    return shape;
}

static kerf_status infer(kerf_node *n)
{
    rows r;
    const float epsilon = kerf_node_float(n, "epsilon", 1e-5f);
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    KERF__TRY(formula_of(n)->rows(n, &r));
    for (int i = 1; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL && (size_t)kerf__value_elements(n->inputs[i]) != num_scales(n, &r))
            return kerf__fail_node(
                KERF_ERR_SHAPE, n, "input %s has %lld numbers, must have %zu", n->inputs[i]->name,
                (long long)kerf__value_elements(n->inputs[i]), num_scales(n, &r));
    if (!(epsilon >= 0))
        return kerf__fail_node(KERF_ERR_SHAPE, n, "epsilon is %g, must be at least 0",
                               (double)epsilon);
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    for (int i = 1; i < 3; i++)
        kerf__set_output(n, i, KERF_F32, statistics_shape(n, &r));
    return KERF_OK;
}

static kerf_status infer_grad(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    for (int i = 0; i < 4; i++)
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    if (src.rank != 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s has %d dimensions, must have 2",
                               n->inputs[0]->name, src.rank);
    KERF__TRY(kerf__node_check_shape(n, 1, src));
    for (int i = 2; i < 4; i++)
        KERF__TRY(kerf__node_check_shape(n, i, KERF_SHAPE(src.dims[0])));
    kerf__set_output(n, 0, KERF_F32, src);
    return KERF_OK;
}

/* ---- the gradient -------------------------------------------------------------------------- */

/* What a gradient rule works on.  `view` is src with the scale along one axis. */
typedef struct pass {
    kerf__gradients *grads;
    kerf_node *n;
    rows r;
    kerf_shape view, scale_view;
    int64_t reduced[2]; /* axes of view that the scale lacks */
    size_t num_reduced;
} pass;

static kerf_status two(const pass *p, const char *op, kerf_value *a, kerf_value *b,
                       kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_node(p->grads, op, p->n, "grad", (kerf_value *[]){a, b}, 2, &node));
    *out = node->outputs[0];
    return KERF_OK;
}

static kerf_status shaped(const pass *p, kerf_value *v, kerf_shape shape, kerf_value **out)
{
    return kerf__gradient_reshape(p->grads, p->n, v, shape, out);
}

static kerf_status need_statistics(kerf_graph *g, kerf_node *n)
{
    kerf_value *added;
    while (n->num_outputs < 3)
        KERF__TRY(kerf__graph_add_output_value(g, n, NULL, &added));
    return infer(n);
}

static kerf_status add_src(const pass *p, kerf_value *diff)
{
    const kerf_shape flat = KERF_SHAPE((int64_t)p->r.m, (int64_t)p->r.k);
    const kerf_shape each = KERF_SHAPE((int64_t)p->r.m);
    kerf_value *inputs[4], *scale;
    kerf_node *node;
    KERF__TRY(shaped(p, p->n->inputs[1], p->scale_view, &scale));
    KERF__TRY(two(p, "Mul", diff, scale, &diff));
    KERF__TRY(shaped(p, p->n->inputs[0], flat, &inputs[0]));
    KERF__TRY(shaped(p, diff, flat, &inputs[1]));
    KERF__TRY(shaped(p, p->n->outputs[1], each, &inputs[2]));
    KERF__TRY(shaped(p, p->n->outputs[2], each, &inputs[3]));
    KERF__TRY(kerf__gradient_node(p->grads, "kerf.NormGrad", p->n, "grad", inputs, 4, &node));
    KERF__TRY(shaped(p, node->outputs[0], p->n->inputs[0]->shape, &diff));
    return kerf__gradient_add(p->grads, p->n->inputs[0], diff);
}

/* Sums over the axes that scale and bias lack. */
static kerf_status add_sum(const pass *p, int input, kerf_value *diff)
{
    kerf_node *node;
    KERF__TRY(kerf__gradient_add_node(p->grads, "ReduceSum", p->n, "grad", &diff, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "axes", p->reduced, p->num_reduced));
    KERF__TRY(kerf_node_set_int(node, "keepdims", 0));
    KERF__TRY(kerf__node_infer(node));
    KERF__TRY(shaped(p, node->outputs[0], p->n->inputs[input]->shape, &diff));
    return kerf__gradient_add(p->grads, p->n->inputs[input], diff);
}

static kerf_status add_scale(const pass *p, kerf_value *diff)
{
    const kerf_shape flat = KERF_SHAPE((int64_t)p->r.m, (int64_t)p->r.k);
    const kerf_shape each = KERF_SHAPE((int64_t)p->r.m, 1);
    kerf_value *x, *mean, *inv;
    KERF__TRY(shaped(p, p->n->inputs[0], flat, &x));
    KERF__TRY(shaped(p, p->n->outputs[1], each, &mean));
    KERF__TRY(shaped(p, p->n->outputs[2], each, &inv));
    KERF__TRY(two(p, "Sub", x, mean, &x));
    KERF__TRY(two(p, "Mul", x, inv, &x));
    KERF__TRY(shaped(p, x, p->view, &x));
    KERF__TRY(two(p, "Mul", x, diff, &x));
    return add_sum(p, 1, x);
}

static pass pass_of(kerf__gradients *grads, kerf_node *n)
{
    pass p = {.grads = grads, .n = n, .r = rows_of(n), .reduced = {0, 2}, .num_reduced = 2};
    const int64_t images = n->inputs[0]->shape.dims[0], scales = (int64_t)num_scales(n, &p.r);
    p.view = KERF_SHAPE(images, scales, kerf__value_elements(n->inputs[0]) / (images * scales));
    p.scale_view = KERF_SHAPE(scales, 1);
    if (!formula_of(n)->per_element)
        return p;
    p.view = KERF_SHAPE((int64_t)p.r.m, (int64_t)p.r.k);
    p.scale_view = KERF_SHAPE((int64_t)p.r.k);
    p.num_reduced = 1;
    return p;
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    if (diff == NULL || kerf__value_elements(n->inputs[0]) == 0)
        return KERF_OK;
    const pass p = pass_of(grads, n);
    KERF__TRY(need_statistics(grads->graph, n));
    KERF__TRY(shaped(&p, diff, p.view, &diff));
    if (kerf__gradient_wanted(grads, n->inputs[0]))
        KERF__TRY(add_src(&p, diff));
    if (kerf__gradient_wanted(grads, n->inputs[1]))
        KERF__TRY(add_scale(&p, diff));
    if (n->num_inputs > 2 && kerf__gradient_wanted(grads, n->inputs[2]))
        KERF__TRY(add_sum(&p, 2, diff));
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Three times over a row. */
static int fits_rows(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && rows_of(c->node).k / 16 < KERF__MOST_ITERATIONS / 3;
}

static int fits_groups(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && rows_of(c->node).k / 64 < KERF__MOST_ITERATIONS / 3;
}

/* Behind the tensors: k or, for items of several rows, m, k and how many. */
static int add_sizes(const kerf__op_case *c, const rows *r, kerf__arg *args, int at,
                     kerf__grid *grid)
{
    if (!kerf__is_wide(c)) {
        args[at++] = ARG((unsigned)r->k);
        *grid = (kerf__grid){1, {r->k > 0 ? r->m : 0, 1, 1}, {64, 1, 1}};
        return at;
    }
    const size_t cost = 3 * (r->k / 16 + r->k / r->inner + 1);
    const size_t an_item = kerf__pieces_an_item(c, r->m, cost, 512 / cost + 1);
    args[at++] = ARG((unsigned)r->m);
    args[at++] = ARG((unsigned)r->k);
    args[at++] = ARG((unsigned)an_item);
    *grid = kerf__grid_wide(r->k > 0 ? kerf__ceil_div(r->m, an_item) : 0, 1, 1);
    return at;
}

static const char *options_of(const kerf__op_case *c)
{
    return kerf__is_wide(c) ? "-DV=16" : "-DV=1";
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const rows r = rows_of(n);
    const int has_bias = n->num_inputs > 2 && n->inputs[2] != NULL;
    const int has_statistics = n->num_outputs > 2;
    kerf__grid grid;
    kerf__arg args[20] = {
        ARG(kerf__in(c, 0)),
        ARG(kerf__in(c, 1)),
        ARG(kerf__in(c, has_bias ? 2 : 1)),
        ARG(kerf__out(c, 0)),
        ARG(kerf__out(c, has_statistics ? 1 : 0)),
        ARG(kerf__out(c, has_statistics ? 2 : 0)),
        ARG(kerf_node_float(n, "epsilon", 1e-5f)),
        ARG((unsigned)has_bias),
        ARG((unsigned)has_statistics),
    };
    int at = add_sizes(c, &r, args, 9, &grid);
    args[at++] = ARG((unsigned)r.period);
    args[at++] = ARG((unsigned)r.span);
    args[at++] = ARG((unsigned)r.inner);
    return kerf__emit(c, &kerf__source_norm, kerf__is_wide(c) ? "norm_rows" : "norm_groups",
                      options_of(c), args, at, grid);
}

static kerf_status build_grad(const kerf__op_case *c)
{
    const rows r = rows_of(c->node);
    kerf__grid grid;
    kerf__arg args[8] = {ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                         ARG(kerf__in(c, 3)), ARG(kerf__out(c, 0))};
    const int at = add_sizes(c, &r, args, 5, &grid);
    return kerf__emit(c, &kerf__source_norm,
                      kerf__is_wide(c) ? "norm_grad_rows" : "norm_grad_groups", options_of(c), args,
                      at, grid);
}

static const kerf__variant VARIANTS[] = {
    {.name = "norm_rows", .wide = 1, .fits = fits_rows, .build = build},
    {.name = "norm_groups", .fits = fits_groups, .build = build},
};
static const kerf__variant GRAD_VARIANTS[] = {
    {.name = "norm_grad_rows", .wide = 1, .fits = fits_rows, .build = build_grad},
    {.name = "norm_grad_groups", .fits = fits_groups, .build = build_grad},
};

#define ENTRY(name, least)                                                                         \
    {                                                                                              \
        .op = (name), .min_inputs = (least), .max_inputs = 3, .num_outputs = 3, .infer = infer,    \
        .gradient = gradient, .variants = VARIANTS,                                                \
        .num_variants = sizeof VARIANTS / sizeof VARIANTS[0], .in_place = 1u                       \
    }

extern const kerf__op kerf__ops_norm[];
const kerf__op kerf__ops_norm[] = {
    ENTRY("GroupNormalization", 3),
    ENTRY("InstanceNormalization", 3),
    ENTRY("LayerNormalization", 2),
    {.op = "kerf.NormGrad",
     .min_inputs = 4,
     .max_inputs = 4,
     .num_outputs = 1,
     .infer = infer_grad,
     .variants = GRAD_VARIANTS,
     .num_variants = sizeof GRAD_VARIANTS / sizeof GRAD_VARIANTS[0],
     .in_place = 3u},
    {.op = NULL},
};
