/* ops/trilu.c -- Trilu: the upper or lower triangle of the last two dimensions.
 *
 * Its gradient is the same triangle of what arrives.
 *
 * Device side: kernels/trilu.cl.  Definition: tests/ref/ref_trilu.c. */
#include <stdio.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_trilu;

/* Which diagonal is the border: a constant, clamped to those just outside the matrix. */
static kerf_status diagonal_of(const kerf_node *n, int64_t *k)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t least = -src.dims[src.rank - 2], most = src.dims[src.rank - 1];
    kerf__ints list;
    *k = 0;
    KERF__TRY(kerf__node_get_ints(n, "k", 1, &list));
    if (!list.given)
        return KERF_OK;
    if (list.num != 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "k has %zu numbers, must have one", list.num);
    *k = list.items[0] < least ? least : list.items[0] > most ? most : list.items[0];
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    const kerf_value *src = n->inputs[0];
    char text[128];
    int64_t k;
    if (kerf_type_bits(src->type) < 8)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be of 8 bits or more",
                               src->name, kerf_type_name(src->type));
    if (src->shape.rank < 2)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s is %s, must be (..., M, N)", src->name,
                               kerf_shape_text(src->shape, text, sizeof text));
    KERF__TRY(diagonal_of(n, &k));
    kerf__set_output(n, 0, src->type, src->shape);
    return KERF_OK;
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_node *node;
    int64_t k;
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    KERF__TRY(diagonal_of(n, &k));
    KERF__TRY(kerf__gradient_add_node(grads, "Trilu", n, "grad", &diff, 1, &node));
    KERF__TRY(kerf_node_set_int(node, "upper", kerf_node_int(n, "upper", 1)));
    KERF__TRY(kerf_node_set_ints(node, "k", &k, 1));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const kerf_shape src = n->inputs[0]->shape;
    const size_t num = (size_t)kerf__value_elements(n->inputs[0]);
    const size_t chunk = kerf__is_wide(c) ? kerf__pieces_an_item(c, num, 1, 4096) : 1;
    const size_t items = kerf__ceil_div(num, chunk);
    char options[48];
    int64_t k;
    KERF__TRY(diagonal_of(n, &k));
    snprintf(options, sizeof options, "-DT=%s -DUPPER=%d",
             kerf__unsigned_of_bits(kerf_type_bits(n->inputs[0]->type)),
             kerf_node_int(n, "upper", 1) != 0);
    return kerf__emit(c, &kerf__source_trilu, "trilu", options,
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG((int)k),
                                 ARG((unsigned)src.dims[src.rank - 2]),
                                 ARG((unsigned)src.dims[src.rank - 1]), ARG((unsigned)num),
                                 ARG((unsigned)chunk)),
                      kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("trilu", .fits = kerf__fits_31_bits, .build = build),
};

extern const kerf__op kerf__ops_trilu[];
const kerf__op kerf__ops_trilu[] = {
    {.op = "Trilu",
     .min_inputs = 1,
     .max_inputs = 2,
     .num_outputs = 1,
     .infer = infer,
     .gradient = gradient,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0],
     .in_place = 1},
    {.op = NULL},
};
