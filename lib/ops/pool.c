/* ops/pool.c -- MaxPool, AveragePool, LpPool, their global forms, and their gradients.
 *
 *     MaxPool(src (N, C, ...)) -> dst, [places int64]
 *     kerf.MaxPoolGrad(src, diff_dst) -> diff_src
 *     kerf.AveragePoolGrad(diff_dst) -> diff_src        the attribute `shape` is that of src
 *
 * The gradient of a maximum finds it again: that costs a look at src, which the layer before
 * keeps anyway, and saves the forward pass from writing places.  ONNX's Global... operations
 * are a window over the whole plane; so is any other node whose window happens to be that.
 *
 * Maxima are of bytes, too: what a plan that runs on integers asks for.
 *
 * Device side: kernels/pool.cl; for CPU devices pool_wide.c and, where 16 channels lie side by
 * side, pool_blocked.c and pool_bytes.c.  Definition: tests/ref/ref_pool.c. */
#include "ops/pool_common.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"

extern const kerf__source kerf__source_pool;

static const struct formula {
    const char *op;
    kerf__pool_kind kind;
    int global;
} FORMULAS[] = {
    {"AveragePool", KERF__POOL_AVERAGE, 0},
    {"GlobalAveragePool", KERF__POOL_AVERAGE, 1},
    {"GlobalLpPool", KERF__POOL_POWER, 1},
    {"GlobalMaxPool", KERF__POOL_MAX, 1},
    {"LpPool", KERF__POOL_POWER, 0},
    {"MaxPool", KERF__POOL_MAX, 0},
    {"kerf.AveragePoolGrad", KERF__POOL_AVERAGE, 0},
    {"kerf.MaxPoolGrad", KERF__POOL_MAX, 0},
};

static const struct formula *formula_of(const kerf_node *n)
{
    const struct formula *f = FORMULAS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static int is_blocked(const kerf_node *n)
{
    return kerf__node_attribute(n, "layouts") != NULL;
}

/* The shape as it lies in memory and, in blocks, lanes left out; a gradient that does not take
 * src is told it. */
static kerf_status src_of(const kerf_node *n, kerf_shape *src)
{
    kerf__ints shape;
    *src = n->inputs[0]->shape;
    if (strcmp(n->op, "kerf.AveragePoolGrad") == 0) {
        KERF__TRY(kerf__node_get_ints(n, "shape", INT_MAX, &shape));
        src->rank = (int)shape.num;
        for (size_t i = 0; i < shape.num; i++)
            src->dims[i] = shape.items[i];
        if (kerf_shape_num_elements(*src) < 0)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "shape has a dimension below 0");
        if (is_blocked(n))
            *src = kerf__layout_shape(KERF__C16, *src);
    }
    src->rank -= is_blocked(n) && src->rank > 0;
    return KERF_OK;
}

/* And the lanes put in again. */
static kerf_shape with_lanes(const kerf__pool *p, kerf_shape shape)
{
    if (p->lanes > 1)
        shape.dims[shape.rank++] = (int64_t)p->lanes;
    return shape;
}

/* Halves are computed as floats. */
static kerf_type computed_type(kerf_type stored)
{
    return stored == KERF_F16 ? KERF_F32 : stored;
}

static kerf_status read_pool(const kerf_node *n, kerf__pool *p)
{
    const struct formula *f = formula_of(n);
    const int64_t power = kerf_node_int(n, "p", 2);
    *p = (kerf__pool){.kind = f->kind,
                      .lanes = is_blocked(n) ? KERF__LANES : 1,
                      .type = computed_type(n->inputs[0]->type)};
    KERF__TRY(src_of(n, &p->src));
    KERF__TRY(f->global ? kerf__node_global_window(n, p->src, &p->window)
                        : kerf__node_window(n, p->src, NULL, &p->window));
    if (power < 1 || power > 1024)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "p is %lld, must be in [1, 1024]",
                               (long long)power);
    p->planes = (size_t)p->src.dims[0] * (size_t)p->src.dims[1];
    p->p = f->kind == KERF__POOL_POWER ? (float)power : 0.0f;
    p->with_pads = kerf_node_int(n, "count_include_pad", 0) != 0;
    return KERF_OK;
}

kerf__pool kerf__pool_of(const kerf_node *n)
{
    kerf__pool p = {.planes = 0};
    return read_pool(n, &p) == KERF_OK ? p : (kerf__pool){.planes = 0};
}

static size_t plane_of(const kerf__pool *p, int dst)
{
    size_t num = 1;
    for (int i = 0; i < KERF__SPATIAL; i++)
        num *= (size_t)(dst ? p->window.axes[i].dst : p->window.axes[i].src);
    return num;
}

size_t kerf__pool_src_plane(const kerf__pool *p)
{
    return plane_of(p, 0);
}

size_t kerf__pool_dst_plane(const kerf__pool *p)
{
    return plane_of(p, 1);
}

const char *kerf__pool_options(kerf__pool_kind kind)
{
    static const char *const OPTIONS[] = {"-DPOOL=Max", "-DPOOL=Average", "-DPOOL=Power"};
    return OPTIONS[kind];
}

static int is_byte(kerf_type type)
{
    return type == KERF_U8 || type == KERF_S8;
}

static kerf_status infer(kerf_node *n)
{
    kerf__pool p;
    if (formula_of(n)->kind != KERF__POOL_MAX || !is_byte(n->inputs[0]->type))
        KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(read_pool(n, &p));
    const kerf_shape dst = with_lanes(&p, kerf__window_dst(&p.window, p.src));
    kerf__set_output(n, 0, p.type, dst);
    kerf__set_output(n, 1, KERF_S64, dst);
    return KERF_OK;
}

/* What arrives comes last. */
static kerf_status infer_grad(kerf_node *n)
{
    kerf__pool p;
    const int diff = n->num_inputs - 1;
    for (int i = 0; i <= diff; i++)
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    KERF__TRY(read_pool(n, &p));
    KERF__TRY(kerf__node_check_shape(n, diff, with_lanes(&p, kerf__window_dst(&p.window, p.src))));
    kerf__set_output(n, 0, KERF_F32, with_lanes(&p, p.src));
    return KERF_OK;
}

/* ---- gradients ----------------------------------------------------------------------------- */

/* What arrived, or NULL if nothing did or nobody wants it. */
static kerf_value *arrived(kerf__gradients *grads, const kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    return kerf__gradient_wanted(grads, n->inputs[0]) ? diff : NULL;
}

/* A node over the windows of n, which may have come without attributes for them. */
static kerf_status add_windows(kerf__gradients *grads, const kerf_node *n, const char *op,
                               kerf_value *const *inputs, int num_inputs, kerf_value **out)
{
    kerf_node *node;
    const kerf_shape src = n->inputs[0]->shape;
    KERF__TRY(kerf__gradient_add_node(grads, op, n, "grad", inputs, num_inputs, &node));
    KERF__TRY(kerf__node_copy_attributes(node, n));
    if (formula_of(n)->global)
        KERF__TRY(kerf_node_set_ints(node, "kernel_shape", src.dims + 2, (size_t)src.rank - 2));
    if (num_inputs == 1)
        KERF__TRY(kerf_node_set_ints(node, "shape", src.dims, (size_t)src.rank));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status gradient_max(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = arrived(grads, n);
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(
        add_windows(grads, n, "kerf.MaxPoolGrad", (kerf_value *[]){n->inputs[0], diff}, 2, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

static kerf_status gradient_average(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = arrived(grads, n);
    if (diff == NULL)
        return KERF_OK;
    KERF__TRY(add_windows(grads, n, "kerf.AveragePoolGrad", &diff, 1, &diff));
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

/* A share of one number a plane: nothing needs a kernel of its own. */
static kerf_status gradient_global_average(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = arrived(grads, n);
    kerf_node *share, *all;
    if (diff == NULL)
        return KERF_OK;
    const kerf__pool p = kerf__pool_of(n);
    KERF__TRY(kerf__gradient_node(grads, "kerf.Scale", n, "grad.share", &diff, 1, &share));
    KERF__TRY(kerf_node_set_float(share, "scale", 1.0f / (float)kerf__pool_src_plane(&p)));
    KERF__TRY(kerf__gradient_add_node(grads, "Expand", n, "grad", share->outputs, 1, &all));
    KERF__TRY(kerf_node_set_ints(all, "shape", p.src.dims, (size_t)p.src.rank));
    KERF__TRY(kerf__node_infer(all));
    return kerf__gradient_add(grads, n->inputs[0], all->outputs[0]);
}

/* Nobody trains through it; said here, since no rule at all would mean a gradient of 0. */
static kerf_status gradient_power(kerf__gradients *grads, kerf_node *n)
{
    if (arrived(grads, n) == NULL)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "this operation has no gradient");
}

/* ---- launches ------------------------------------------------------------------------------ */

static int has_places(const kerf_node *n)
{
    return n->num_outputs > 1 && n->outputs[1] != NULL;
}

/* An item walks over one window. */
static int fits_items(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    return kerf__fits_31_bits(c) && p.lanes == 1 &&
           kerf__window_taps(&p.window) <= KERF__MOST_ITERATIONS;
}

/* Or over the windows above it, and each as far as it must. */
static int fits_grad_items(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    size_t num = kerf__window_taps(&p.window);
    for (int i = 0; i < KERF__SPATIAL; i++) {
        const kerf__window_axis *a = &p.window.axes[i];
        const size_t reach = (size_t)(a->kernel - 1) * (size_t)a->dilation + 1;
        const size_t over = reach / (size_t)a->stride + 1;
        num *= over < (size_t)a->dst ? over : (size_t)a->dst;
        if (num > KERF__MOST_ITERATIONS)
            return 0;
    }
    return kerf__fits_31_bits(c) && p.lanes == 1;
}

const char *kerf__pool_type_options(kerf_type type)
{
    return type == KERF_U8   ? " -DT=uchar -DLEAST=0"
           : type == KERF_S8 ? " -DT=char -DLEAST=-128"
                             : "";
}

static kerf_status build_items(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    const int places = has_places(c->node);
    char options[64];
    snprintf(options, sizeof options, "%s%s%s", kerf__pool_options(p.kind),
             places ? " -DWITH_PLACES=1" : "", kerf__pool_type_options(p.type));
    kerf__arg args[32] = {
        ARG(kerf__in(c, 0)),       ARG(kerf__out(c, 0)),
        ARG(kerf__out(c, places)), ARG(p.p),
        ARG(p.with_pads),          ARG((int)(kerf_node_int(c->node, "storage_order", 0) != 0)),
        ARG((unsigned)p.planes),
    };
    return kerf__emit(c, &kerf__source_pool, "pool_items", options, args,
                      kerf__window_args(&p.window, 3, args, 7),
                      kerf__grid_items(p.planes * kerf__pool_dst_plane(&p)));
}

static kerf_status build_max_grad(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    kerf__arg args[32] = {ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                          ARG((unsigned)p.planes)};
    return kerf__emit(c, &kerf__source_pool, "max_pool_grad_items", kerf__pool_options(p.kind),
                      args, kerf__window_args(&p.window, 3, args, 4),
                      kerf__grid_items(p.planes * kerf__pool_src_plane(&p)));
}

static kerf_status build_average_grad(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    kerf__arg args[32] = {ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(p.with_pads),
                          ARG((unsigned)p.planes)};
    return kerf__emit(c, &kerf__source_pool, "average_pool_grad_items", kerf__pool_options(p.kind),
                      args, kerf__window_args(&p.window, 3, args, 4),
                      kerf__grid_items(p.planes * kerf__pool_src_plane(&p)));
}

/* One window that is the plane, nothing around it. */
int kerf__pool_is_plane(const kerf__op_case *c, const kerf__pool *p)
{
    int same = kerf__pool_dst_plane(p) == 1 && p->lanes == 1 && !has_places(c->node) &&
               p->type == KERF_F32 && kerf__fits_31_bits(c);
    for (int i = 0; i < KERF__SPATIAL; i++) {
        const kerf__window_axis *a = &p->window.axes[i];
        same = same && a->kernel == a->src && a->before == 0 && a->dilation == 1;
    }
    return same;
}

static int fits_planes(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    return kerf__pool_is_plane(c, &p) && kerf__pool_src_plane(&p) / 64 < KERF__MOST_ITERATIONS;
}

static kerf_status build_planes(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    const kerf__grid grid = {1, {p.planes, 1, 1}, {64, 1, 1}};
    return kerf__emit(c, &kerf__source_pool, "pool_planes", kerf__pool_options(p.kind),
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(p.p),
                                 ARG((unsigned)kerf__pool_src_plane(&p))),
                      grid);
}

/* Where its neighbours are in blocks anyway: a plane's pixels then come as whole vectors. */
static kerf__wish wish(const kerf_node *n, kerf__layouts *out)
{
    const kerf__pool p = kerf__pool_of(n);
    if (has_places(n) || !kerf__pool_can_block(&p))
        return KERF__STAYS;
    for (int i = 0; i < n->num_inputs; i++)
        out->inputs[i] = KERF__C16;
    out->outputs[0] = KERF__C16;
    return KERF__FOLLOWS;
}

/* ---- the table ----------------------------------------------------------------------------- */

#define WIDE_OR_ITEMS                                                                              \
    {.name = "pool_blocked",                                                                       \
     .wide = 1,                                                                                    \
     .halves = 1,                                                                                  \
     .fits = kerf__pool_fits_blocked,                                                              \
     .build = kerf__pool_build_blocked},                                                           \
        {.name = "pool_rows",                                                                      \
         .wide = 1,                                                                                \
         .fits = kerf__pool_fits_rows,                                                             \
         .build = kerf__pool_build_rows},                                                          \
        {.name = "pool_lines",                                                                     \
         .wide = 1,                                                                                \
         .fits = kerf__pool_fits_lines,                                                            \
         .build = kerf__pool_build_lines},                                                         \
        {.name = "pool_planes", .halves = 1, .fits = fits_planes, .build = build_planes},          \
    {                                                                                              \
        .name = "pool_items", .halves = 1, .fits = fits_items, .build = build_items                \
    }

static const kerf__variant VARIANTS[] = {WIDE_OR_ITEMS};
static const kerf__variant MAX_VARIANTS[] = {
    {.name = "pool_bytes",
     .wide = 1,
     .fits = kerf__pool_fits_bytes,
     .build = kerf__pool_build_bytes},
    WIDE_OR_ITEMS,
};
static const kerf__variant MAX_GRAD_VARIANTS[] = {
    {.name = "max_pool_grad_blocked",
     .wide = 1,
     .fits = kerf__pool_fits_blocked,
     .build = kerf__pool_build_max_grad_blocked},
    {.name = "max_pool_grad_bands",
     .wide = 1,
     .fits = kerf__pool_fits_grad_lines,
     .build = kerf__pool_build_max_grad},
    {.name = "max_pool_grad_items", .fits = fits_grad_items, .build = build_max_grad},
};
static const kerf__variant AVERAGE_GRAD_VARIANTS[] = {
    {.name = "average_pool_grad_blocked",
     .wide = 1,
     .fits = kerf__pool_fits_blocked,
     .build = kerf__pool_build_average_grad_blocked},
    {.name = "average_pool_grad_lines",
     .wide = 1,
     .fits = kerf__pool_fits_grad_lines,
     .build = kerf__pool_build_average_grad},
    {.name = "average_pool_grad_items", .fits = fits_grad_items, .build = build_average_grad},
};

#define ENTRY(name, inputs, outputs, shapes, rule, table, stored)                                  \
    {                                                                                              \
        .op = (name), .min_inputs = (inputs), .max_inputs = (inputs), .num_outputs = (outputs),    \
        .infer = (shapes), .gradient = (rule), .layouts = wish, .variants = (table),               \
        .num_variants = sizeof(table) / sizeof(table)[0], .halves = (stored)                       \
    }

extern const kerf__op kerf__ops_pool[];
const kerf__op kerf__ops_pool[] = {
    ENTRY("AveragePool", 1, 1, infer, gradient_average, VARIANTS, 1),
    ENTRY("GlobalAveragePool", 1, 1, infer, gradient_global_average, VARIANTS, 1),
    ENTRY("GlobalLpPool", 1, 1, infer, gradient_power, VARIANTS, 1),
    ENTRY("GlobalMaxPool", 1, 1, infer, gradient_max, MAX_VARIANTS, 1),
    ENTRY("LpPool", 1, 1, infer, gradient_power, VARIANTS, 1),
    ENTRY("MaxPool", 1, 2, infer, gradient_max, MAX_VARIANTS, 1),
    ENTRY("kerf.AveragePoolGrad", 1, 1, infer_grad, NULL, AVERAGE_GRAD_VARIANTS, 0),
    ENTRY("kerf.MaxPoolGrad", 2, 1, infer_grad, NULL, MAX_GRAD_VARIANTS, 0),
    {.op = NULL},
};
