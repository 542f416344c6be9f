/* ops/softmax.c -- Softmax, LogSoftmax and their gradients, along one axis.
 *
 * Device side: kernels/softmax.cl.  Definition: tests/ref/ref_softmax.c. */
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_softmax;

/* src as (m, k, n), k the axis. */
typedef struct sizes {
    size_t m, k, n;
} sizes;

static sizes sizes_of(const kerf_node *node)
{
    const kerf_shape src = node->inputs[0]->shape;
    sizes s = {1, 1, 1};
    int axis = (int)kerf_node_int(node, "axis", -1);
    if (axis < 0)
        axis += src.rank;
    for (int i = 0; i < src.rank; i++)
        *(i < axis ? &s.m : i == axis ? &s.k : &s.n) *= (size_t)src.dims[i];
    return s;
}

static int is_gradient(const kerf_node *n)
{
    return n->num_inputs == 2;
}

static int is_log(const kerf_node *n)
{
    return strstr(n->op, "Log") != NULL;
}

static kerf_status infer(kerf_node *n)
{
    int axis;
    for (int i = 0; i < n->num_inputs; i++)
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    if (is_gradient(n))
        KERF__TRY(kerf__node_check_shape(n, 1, n->inputs[0]->shape));
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", -1), n->inputs[0]->shape.rank, &axis));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    KERF__TRY(kerf__gradient_add_node(grads, is_log(n) ? "kerf.LogSoftmaxGrad" : "kerf.SoftmaxGrad",
                                      n, "grad", (kerf_value *[]){n->outputs[0], diff}, 2, &node));
    KERF__TRY(kerf__node_copy_attributes(node, n));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

/* ---- launches ------------------------------------------------------------------------------ */

static int fits_lines(const kerf__op_case *c)
{
    return kerf__value_elements(c->node->inputs[0]) < (int64_t)1 << 31;
}

static int fits_group(const kerf__op_case *c)
{
    return fits_lines(c) && sizes_of(c->node).n == 1;
}

/* Inputs, output, then up to three sizes. */
static kerf_status emit(const kerf__op_case *c, const char *forward, const char *backward,
                        const size_t *numbers, int num_numbers, kerf__grid grid)
{
    kerf__arg args[8];
    int num = 0;
    for (int i = 0; i < c->node->num_inputs; i++)
        args[num++] = ARG(kerf__in(c, i));
    args[num++] = ARG(kerf__out(c, 0));
    for (int i = 0; i < num_numbers; i++)
        args[num++] = ARG((unsigned)numbers[i]);
    static const char *const OPTIONS[2][2] = {{"-DV=1 -DLOG=0", "-DV=1 -DLOG=1"},
                                              {"-DV=16 -DLOG=0", "-DV=16 -DLOG=1"}};
    return kerf__emit(c, &kerf__source_softmax, is_gradient(c->node) ? backward : forward,
                      OPTIONS[kerf__is_wide(c)][is_log(c->node)], args, num, grid);
}

static kerf_status build_rows(const kerf__op_case *c)
{
    const sizes s = sizes_of(c->node);
    const size_t vectors = s.k / 16 + 1;
    const size_t rows = kerf__pieces_an_item(c, s.m, 3 * vectors + 16, 64 / vectors + 1);
    return emit(c, "softmax_rows", "softmax_grad_rows", (size_t[]){s.m, s.k, rows}, 3,
                kerf__grid_wide(s.k > 0 ? kerf__ceil_div(s.m, rows) : 0, 1, 1));
}

static kerf_status build_group(const kerf__op_case *c)
{
    const sizes s = sizes_of(c->node);
    const kerf__grid grid = {1, {s.k > 0 ? s.m : 0, 1, 1}, {64, 1, 1}};
    return emit(c, "softmax_group", "softmax_grad_group", (size_t[]){s.k}, 1, grid);
}

static kerf_status build_lines(const kerf__op_case *c)
{
    const sizes s = sizes_of(c->node);
    return emit(c, "softmax_lines", "softmax_grad_lines", (size_t[]){s.m, s.k, s.n}, 3,
                kerf__grid_items(s.k > 0 ? s.m * s.n : 0));
}

/* A line of few elements busies no group: an item each is better then. */
static double guess_group(const kerf__op_case *c)
{
    return sizes_of(c->node).k < 64 ? 3 : 1;
}

static double guess_lines(const kerf__op_case *c)
{
    (void)c;
    return 2;
}

static double guess_rows(const kerf__op_case *c)
{
    (void)c;
    return 0;
}

static const kerf__variant VARIANTS[] = {
    {.name = "softmax_rows",
     .wide = 1,
     .fits = fits_group,
     .guess = guess_rows,
     .build = build_rows},
    {.name = "softmax_group", .fits = fits_group, .guess = guess_group, .build = build_group},
    {.name = "softmax_lines", .fits = fits_lines, .guess = guess_lines, .build = build_lines},
};

#define ENTRY(name, num, rule)                                                                     \
    {                                                                                              \
        .op = (name), .min_inputs = (num), .max_inputs = (num), .num_outputs = 1, .infer = infer,  \
        .gradient = (rule), .variants = VARIANTS,                                                  \
        .num_variants = sizeof VARIANTS / sizeof VARIANTS[0], .in_place = (num) == 2 ? 3u : 1u     \
    }

extern const kerf__op kerf__ops_softmax[];
const kerf__op kerf__ops_softmax[] = {
    ENTRY("LogSoftmax", 1, gradient),
    ENTRY("Softmax", 1, gradient),
    ENTRY("kerf.LogSoftmaxGrad", 2, NULL),
    ENTRY("kerf.SoftmaxGrad", 2, NULL),
    {.op = NULL},
};
