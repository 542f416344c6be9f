/* ops/qlinear_add.c -- the sum of two tensors of bytes, as ONNX Runtime's operator of that name has
 * it; plans make it of DequantizeLinear, Add and QuantizeLinear (lib/plan/fuse_integer.c).
 *
 *     com.microsoft.QLinearAdd(a, a_scale, a_zero_point?, b, b_scale, b_zero_point?,
 *                              scale, zero_point?) -> sum
 *
 * uint8 or int8 on both sides, each of its own, and one shape.  Attributes `low` and `high` bound
 * the result: an activation that fusing took in.
 *
 * Device side: kernels/qlinear_add.cl.  Definition: tests/ref/ref_qlinear_add.c. */
#include <stdint.h>
#include <stdio.h>

#include "base/fail.h"
#include "ops/layout_common.h"
#include "ops/integer_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_qlinear_add;

/* The inputs come in threes; the last of them is the result's, which has no first. */
enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, SCALE, ZERO };

/* ---- shapes -------------------------------------------------------------------------------- */

/* Without a zero point the result is like a. */
static kerf_type type_of(const kerf_node *n)
{
    return kerf_node_input(n, ZERO) != NULL ? n->inputs[ZERO]->type : n->inputs[A]->type;
}

static int least_of(const kerf_node *n)
{
    return type_of(n) == KERF_S8 ? INT8_MIN : 0;
}

static kerf_status check_numbers(const kerf_node *n, int scale, kerf_type type)
{
    KERF__TRY(kerf__node_check_numbers(n, scale, KERF_F32, KERF__ALONE));
    return kerf__node_check_numbers(n, scale + 1, type, KERF__ALONE);
}

static kerf_status infer(kerf_node *n)
{
    for (int i = 0; i <= SCALE; i++)
        if (kerf_node_input(n, i) == NULL && i != A_ZERO && i != B_ZERO)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "input %d is left out, must be there", i);
    KERF__TRY(kerf__node_check_bytes(n, A));
    KERF__TRY(kerf__node_check_bytes(n, B));
    KERF__TRY(kerf__node_check_shape(n, B, n->inputs[A]->shape));
    if (kerf_node_input(n, ZERO) != NULL)
        KERF__TRY(kerf__node_check_bytes(n, ZERO));
    KERF__TRY(check_numbers(n, A_SCALE, n->inputs[A]->type));
    KERF__TRY(check_numbers(n, B_SCALE, n->inputs[B]->type));
    KERF__TRY(check_numbers(n, SCALE, type_of(n)));
    KERF__TRY(kerf__node_check_bounds(n, type_of(n)));
    kerf__set_output(n, 0, type_of(n), n->inputs[A]->shape);
    return KERF_OK;
}

/* Elements are alike wherever they lie. */
static kerf__wish wish(const kerf_node *n, kerf__layouts *out)
{
    const kerf_shape shape = n->outputs[0]->shape;
    if (shape.rank < 3 || kerf__layout_shape(KERF__C16, shape).rank < 0)
        return KERF__STAYS;
    out->inputs[A] = out->inputs[B] = out->outputs[0] = KERF__C16;
    return KERF__FOLLOWS;
}

/* ---- launches ------------------------------------------------------------------------------ */

static kerf_status build(const kerf__op_case *c)
{
    enum { SIGN = 0x80, MOST_ARGUMENTS = 20 };
    static const int OPERANDS[] = {A, B}, SCALES[] = {A_SCALE, B_SCALE, SCALE};
    const kerf_node *n = c->node;
    const kerf_type types[] = {n->inputs[A]->type, n->inputs[B]->type, type_of(n)};
    const size_t num_elements = (size_t)kerf__value_elements(n->outputs[0]);
    const int least = least_of(n);
    kerf__arg args[MOST_ARGUMENTS];
    char options[16];
    unsigned chunk;
    int num = 0;
    const kerf__grid grid = kerf__grid_flat(c, num_elements, &chunk);
    for (int i = 0; i < 2; i++)
        args[num++] = ARG(kerf__in(c, OPERANDS[i]));
    for (int i = 0; i < 3; i++)
        args[num++] = ARG(kerf__in(c, SCALES[i]));
    for (int i = 0; i < 3; i++) /* one that is left out is never read */
        args[num++] =
            ARG(kerf__in(c, kerf_node_input(n, SCALES[i] + 1) != NULL ? SCALES[i] + 1 : A));
    args[num++] = ARG(kerf__out(c, 0));
    for (int i = 0; i < 3; i++)
        args[num++] = ARG(kerf_node_input(n, SCALES[i] + 1) != NULL ? 1 : 0);
    for (int i = 0; i < 3; i++)
        args[num++] = ARG(types[i] == KERF_S8 ? SIGN : 0);
    args[num++] = ARG((int)kerf_node_int(n, "low", least));
    args[num++] = ARG((int)kerf_node_int(n, "high", least + UINT8_MAX));
    args[num++] = ARG((unsigned)num_elements);
    args[num++] = ARG(chunk);
    snprintf(options, sizeof options, "-DV=%d", kerf__is_wide(c) ? 16 : 4);
    return kerf__emit(c, &kerf__source_qlinear_add, "qlinear_add", options, args, num, grid);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("qlinear_add", .fits = kerf__fits_31_bits, .build = build),
};

extern const kerf__op kerf__ops_qlinear_add[];
const kerf__op kerf__ops_qlinear_add[] = {
    {.op = "com.microsoft.QLinearAdd",
     .min_inputs = 2, /* the third may be left out; infer() sees to the rest */
     .max_inputs = 8,
     .num_outputs = 1,
     .infer = infer,
     .layouts = wish,
     .variants = VARIANTS,
     .num_variants = sizeof VARIANTS / sizeof VARIANTS[0],
     .in_place = 1u << A | 1u << B},
    {.op = NULL},
};
