/* ops/matmul_integer_packed.c -- products of bytes by packed weights, for CPU devices.
 *
 * Weights are asked for in layout k4, or n4 where they are transposed, as vpdpbusd takes them:
 * those that no step changes once and for all runs, those that training rounds anew in each step.
 * matmul_integer_vnni is that instruction, where the device has it, matmul_integer_pairs vpmaddwd
 * on the same bytes widened in registers; matmul_integer_packed says it in C.
 *
 * Device side: kernels/matmul_integer_packed.cl. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/integer_common.h"
#include "ops/layout_common.h"
#include "ops/matmul_integer_common.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_matmul_integer_packed;

enum { ROWS, VECTORS };
#define TILE(rows, vectors)                                                                        \
    {                                                                                              \
#rows "x" #vectors, "-DMR=" #rows " -DNV=" #vectors,                                       \
        {                                                                                          \
            rows, vectors                                                                          \
        }                                                                                          \
    }
const kerf__candidate kerf__matmul_packed_candidates[KERF__MATMUL_NUM_PACKED] = {
    TILE(8, 2),
    TILE(4, 4),
    TILE(1, 4),
};

/* ---- layouts and shapes -------------------------------------------------------------------- */

static kerf__layout layout_of(const kerf_node *n)
{
    return kerf__input_layout(n, kerf__matmul_bytes_of(n).b);
}

int kerf__matmul_is_packed(const kerf_node *n)
{
    return layout_of(n) != KERF__PLAIN;
}

/* The plain shape of k by n weights. */
static kerf_shape weights_shape(kerf__layout layout, int64_t k, int64_t n)
{
    return layout == KERF__N4 ? KERF_SHAPE(n, k) : KERF_SHAPE(k, n);
}

/* Packed weights do not tell how many columns they have, but the plan has noted it. */
static int64_t num_columns(const kerf_node *n)
{
    const int b = kerf__matmul_bytes_of(n).b;
    size_t num;
    const int64_t *noted = kerf_node_ints(n, "laid_channels", &num);
    return noted != NULL && (size_t)b < num ? noted[b] : n->inputs[b]->shape.dims[0] * KERF__LANES;
}

kerf_status kerf__matmul_packed_infer(kerf_node *n, kerf_type type)
{
    const kerf__matmul_bytes b = kerf__matmul_bytes_of(n);
    const kerf_shape packed = n->inputs[b.b]->shape;
    kerf_shape dst = n->inputs[b.a]->shape;
    if (dst.rank < 2 || packed.rank < 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "packed weights take matrices alone");
    const int64_t k = dst.dims[dst.rank - 1], columns = num_columns(n);
    const kerf_shape must =
        kerf__layout_shape(layout_of(n), weights_shape(layout_of(n), k, columns));
    KERF__TRY(kerf__node_check_shape(n, b.b, must));
    dst.dims[dst.rank - 1] = columns;
    kerf__set_output(n, 0, type, dst);
    return KERF_OK;
}

kerf__packed_sizes kerf__matmul_packed_sizes(const kerf_node *n)
{
    const kerf_shape a = n->inputs[kerf__matmul_bytes_of(n).a]->shape;
    const kerf_shape dst = n->outputs[0]->shape;
    return (kerf__packed_sizes){.m = (int)kerf__shape_product(dst, 0, dst.rank - 1),
                                .n = (int)dst.dims[dst.rank - 1],
                                .k = (int)a.dims[a.rank - 1]};
}

static int is_weights(const kerf_value *v)
{
    return (v->kind == KERF__VALUE_STATE || v->kind == KERF__VALUE_CONSTANT ||
            kerf__node_is(v->producer, "QuantizeLinear")) &&
           v->shape.rank == 2;
}

kerf__wish kerf__matmul_packed_layouts(const kerf_node *n, kerf__layouts *out)
{
    const kerf__matmul_bytes b = kerf__matmul_bytes_of(n);
    const kerf_value *weights = n->inputs[b.b];
    const kerf__layout layout = kerf_node_int(n, "transB", 0) != 0 ? KERF__N4 : KERF__K4;
    const int has_rows = kerf__has_many(n, b.a_zero) || kerf__has_many(n, b.a_scale);
    if (!is_weights(weights) || has_rows || n->inputs[b.a]->shape.rank < 2 ||
        kerf__value_elements(n->outputs[0]) == 0 || kerf__value_elements(weights) == 0 ||
        kerf_shape_num_elements(kerf__layout_shape(layout, weights->shape)) > INT32_MAX)
        return KERF__STAYS;
    out->inputs[b.b] = layout;
    return KERF__SEEKS;
}

/* ---- launches ------------------------------------------------------------------------------ */

static int fits(const kerf__op_case *c, kerf_dot form)
{
    return kerf__matmul_is_packed(c->node) && kerf__fits_31_bits(c) && kerf__has_dot_us(c, form);
}

/* Cycles of one core: a tile takes no less than its chain of sums. */
static double guess(const kerf__op_case *c, kerf_dot form)
{
    const int *tile = c->option.candidate->parameters;
    const kerf__packed_sizes s = kerf__matmul_packed_sizes(c->node);
    const double units = kerf_device_get_info(c->dev)->compute_units;
    const int products = tile[ROWS] * tile[VECTORS];
    const double tiles =
        ceil((double)s.m / tile[ROWS]) * ceil((double)s.n / (KERF__LANES * tile[VECTORS]));
    const double step = (products > 4 ? products : 4) * kerf__dot_cycles(form) + 1;
    return (tiles > units ? tiles : units) * (ceil(s.k / 4.0) * step + 20.0 * products);
}

/* How many tiles an item takes, as gemm_wide.c has it. */
static int num_turns(const kerf__op_case *c, kerf__packed_sizes s, size_t rows, size_t panels)
{
    enum { WORDS = 512, MOST = 8, GROUPS_A_UNIT = 16 };
    const size_t groups = GROUPS_A_UNIT * (size_t)kerf_device_get_info(c->dev)->compute_units;
    int turns = WORDS / kerf__ceil_div_int(s.k, 4);
    turns = turns < MOST ? turns : MOST;
    while (turns > 1 && rows * panels / (size_t)turns < groups)
        turns--;
    return turns > 1 ? turns : 1;
}

static kerf_status build(const kerf__op_case *c, kerf_dot form)
{
    const int *tile = c->option.candidate->parameters;
    const kerf__packed_sizes s = kerf__matmul_packed_sizes(c->node);
    const size_t rows = kerf__ceil_div((size_t)s.m, (size_t)tile[ROWS]);
    const size_t panels = kerf__ceil_div((size_t)s.n, (size_t)KERF__LANES * (size_t)tile[VECTORS]);
    const int turns = num_turns(c, s, rows, panels);
    const int numbers[] = {s.m, s.n, s.k, turns};
    kerf__arg args[KERF__MOST_MATMUL_ARGS];
    const kerf__matmul_bytes b = kerf__matmul_bytes_of(c->node);
    char options[96];
    int num = kerf__matmul_bytes_args(c, args);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        args[num++] = ARG(numbers[i]);
    snprintf(options, sizeof options, "%s%s %s%s%s", kerf__matmul_bytes_options(c->node),
             c->option.candidate->options, kerf__dot_options(c->dev, form),
             kerf__has_sign(c->node, b.a) ? " -DA_SIGNED" : "",
             !kerf__has_no_zero(c->node, b.b, b.b_zero) ? " -DROW_SUMS" : "");
    return kerf__emit(c, &kerf__source_matmul_integer_packed, "matmul_integer_packed", options,
                      args, num, kerf__grid_wide(kerf__ceil_div(rows, (size_t)turns), panels, 1));
}

#define FORM(name, form)                                                                           \
    int kerf__matmul_##name##_fits(const kerf__op_case *c)                                         \
    {                                                                                              \
        return fits(c, form);                                                                      \
    }                                                                                              \
    double kerf__matmul_##name##_guess(const kerf__op_case *c)                                     \
    {                                                                                              \
        return guess(c, form);                                                                     \
    }                                                                                              \
    kerf_status kerf__matmul_##name##_build(const kerf__op_case *c)                                \
    {                                                                                              \
        return build(c, form);                                                                     \
    }
KERF__MATMUL_FORM_LIST(FORM)
