/* ops/quantize.c -- QuantizeLinear, DequantizeLinear and what is made of them.
 *
 *     QuantizeLinear      (x, scale, zero point?)        floats become integers
 *     DequantizeLinear    (q, scale, zero point?)        and come back
 *     kerf.FakeQuant      (x, scale, zero point?)        both at once: lib/plan/fuse_quant.c
 *     kerf.QuantizeGrad   (x, diff, scale, zero point?)  diff where x was within the range
 *     kerf.QuantizeRange  (low, high)                    what scale and zero point hold a range
 *
 * The gradient of an integer is that of the number it stands for ("straight through"): it passes
 * DequantizeLinear as it is, and QuantizeLinear where the integer was not saturated.  Where the
 * step is learned, too, both come of one pass (step_grad.c).
 *
 * Scales are one for all, one an element of `axis`, or one a block of `block_size` along it.
 * Attribute bits: a byte saturates as an integer of so many bits does.
 *
 * Device side: kernels/quantize.cl, arithmetic in kernels/quant.clh.  Definition:
 * tests/ref/ref_quantize.c. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "device/quirks.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"
#include "ops/step_grad_common.h"

extern const kerf__source kerf__source_quantize;

/* ---- the family ---------------------------------------------------------------------------- */

typedef struct task {
    const char *op, *name; /* of the node, and in the kernel */
    kerf_type src;         /* NUM_TYPES: the integers */
    int scale;             /* which input; zero points follow */
    int gives_floats;
} task;

static const task TASKS[] = {
    {"DequantizeLinear", "DEQUANTIZE", KERF_NUM_TYPES, 1, 1},
    {"QuantizeLinear", "QUANTIZE", KERF_F32, 1, 0},
    {"kerf.FakeQuant", "FAKE", KERF_F32, 1, 1},
    {"kerf.QuantizeGrad", "PASS", KERF_F32, 2, 1},
};

static const task *task_of(const kerf_node *n)
{
    const task *t = TASKS;
    while (strcmp(t->op, n->op) != 0)
        t++;
    return t;
}

static int is_dequantize(const task *t)
{
    return t->src == KERF_NUM_TYPES;
}

static const kerf_value *zero_of(const kerf_node *n)
{
    const int i = task_of(n)->scale + 1;
    return i < n->num_inputs ? n->inputs[i] : NULL;
}

/* ---- types --------------------------------------------------------------------------------- */

/* int32 comes back from sums and is no target. */
static const struct {
    int is_integer, only_comes_back;
} INTEGERS[KERF_NUM_TYPES] = {
    [KERF_U8] = {1, 0}, [KERF_S8] = {1, 0},  [KERF_U16] = {1, 0},
    [KERF_U4] = {1, 0}, [KERF_S16] = {1, 0}, [KERF_S4] = {1, 0},
    [KERF_U2] = {1, 0}, [KERF_S2] = {1, 0},  [KERF_S32] = {1, 1},
};

/* The integers' type: the zero point's, or what output_dtype says, or uint8. */
static kerf_type integer_type(const kerf_node *n)
{
    enum { UINT8 = 2 };
    const kerf_value *zero = zero_of(n);
    const int64_t told = kerf_node_int(n, "output_dtype", 0);
    if (is_dequantize(task_of(n)))
        return n->inputs[0]->type;
    return zero != NULL ? zero->type : kerf__type_of_onnx(told != 0 ? told : UINT8);
}

static kerf_status check_integers(const kerf_node *n, kerf_type type)
{
    const int comes_back = is_dequantize(task_of(n));
    if (type < KERF_NUM_TYPES && INTEGERS[type].is_integer &&
        (comes_back || !INTEGERS[type].only_comes_back))
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                           "its integers are %s, must be of 2, 4, 8 or 16 bits%s",
                           kerf_type_name(type), comes_back ? ", or int32" : "");
}

/* What output_dtype of a DequantizeLinear tells is the float's type. */
static kerf_status check_told_type(const kerf_node *n, kerf_type type)
{
    const int64_t told = kerf_node_int(n, "output_dtype", 0);
    const kerf_type must = is_dequantize(task_of(n)) ? KERF_F32 : type;
    if (told == 0 || kerf__type_of_onnx(told) == must)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "output_dtype is %lld, must be that of %s",
                           (long long)told, kerf_type_name(must));
}

static kerf_status check_precision(const kerf_node *n)
{
    enum { FLOAT32 = 1 };
    const int64_t precision = kerf_node_int(n, "precision", 0);
    if (precision == 0 || precision == FLOAT32)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "precision is %lld, must be that of float32",
                           (long long)precision);
}

/* Where QuantizeLinear saturates before its type does; 0: where that does. */
static int64_t bits_of(const kerf_node *n)
{
    return kerf_node_int(n, "bits", 0);
}

static kerf_status check_bits(const kerf_node *n, kerf_type type)
{
    if (bits_of(n) == 0 || (strcmp(n->op, "QuantizeLinear") == 0 && type == KERF_S8 &&
                            bits_of(n) > 1 && bits_of(n) < 8))
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                           "bits is %lld, must be from 2 to 7, of integers that are int8",
                           (long long)bits_of(n));
}

static kerf_status check_types(const kerf_node *n)
{
    const task *t = task_of(n);
    const kerf_type type = integer_type(n);
    if (!is_dequantize(t))
        KERF__TRY(kerf__node_check_type(n, 0, t->src));
    KERF__TRY(kerf__node_check_type(n, t->scale, KERF_F32));
    KERF__TRY(check_integers(n, type));
    KERF__TRY(check_bits(n, type));
    KERF__TRY(check_precision(n));
    if (zero_of(n) != NULL)
        KERF__TRY(kerf__node_check_type(n, t->scale + 1, type));
    return check_told_type(n, type);
}

/* ---- where an element's scale is ------------------------------------------------------------ */

/* As kernels/quantize.cl has it. */
typedef struct places {
    size_t n, width, d, b, outer, block;
} places;

static size_t at_least_one(size_t num)
{
    return num > 0 ? num : 1;
}

/* The shape that scales must have for blocks of `size` along axis; 0: one an element of axis. */
static kerf_shape scale_shape(kerf_shape src, int axis, int64_t size)
{
    if (size == 0)
        return KERF_SHAPE(src.dims[axis]);
    src.dims[axis] = (int64_t)kerf__ceil_div((size_t)src.dims[axis], (size_t)size);
    return src;
}

static kerf_status find_places(const kerf_node *n, places *out)
{
    const int scale = task_of(n)->scale;
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t size = kerf_node_int(n, "block_size", 0);
    const size_t num = at_least_one(kerf__shape_product(src, 0, src.rank));
    int axis;
    *out = (places){num, num, 1, 1, 0, 0};
    if (size == 0 && kerf__value_elements(n->inputs[scale]) == 1)
        return KERF_OK;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", 1), src.rank, &axis));
    if (size < 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "block_size is %lld, must be 0 or more",
                               (long long)size);
    KERF__TRY(kerf__node_check_shape(n, scale, scale_shape(src, axis, size)));
    const size_t channels = at_least_one((size_t)src.dims[axis]);
    const size_t inner = at_least_one(kerf__shape_product(src, axis + 1, src.rank));
    const size_t block = (size_t)size, blocks = size > 0 ? kerf__ceil_div(channels, block) : 0;
    if (size == 0)
        *out = inner > 1 ? (places){inner, inner, channels, 1, 0, 1}
                         : (places){channels, 1, 1, 1, 0, 0};
    else
        *out = inner > 1 ? (places){inner, 1, channels, block, blocks * inner, inner}
                         : (places){channels, block, 1, 1, blocks, 0};
    return KERF_OK;
}

/* ---- what scales and zero points hold ------------------------------------------------------- */

static kerf_status check_scales(const kerf_node *n, const kerf_value *scale)
{
    if (scale->kind != KERF__VALUE_CONSTANT)
        return KERF_OK;
    const float *x = scale->constant->data;
    for (size_t i = 0; i < scale->constant->num_elements; i++)
        if (!(x[i] >= 0x1p-126f && x[i] <= 0x1p100f))
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "element %zu of %s is %g, must be in [2^-126, 2^100]", i,
                                   scale->name, (double)x[i]);
    return KERF_OK;
}

/* Those of int32 must be known to be 0: a difference of two of them may need 33 bits. */
static kerf_status check_zeros(const kerf_node *n, const kerf_value *zero, const kerf_value *scale)
{
    if (kerf__value_elements(zero) != 1 || kerf__value_elements(scale) != 1)
        KERF__TRY(kerf__node_check_shape(n, task_of(n)->scale + 1, scale->shape));
    for (size_t i = 0; zero->type == KERF_S32 && i < (size_t)kerf__value_elements(zero); i++)
        if (zero->kind != KERF__VALUE_CONSTANT || kerf__tensor_int(zero->constant, i) != 0)
            return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                                   "zero point %s of int32 must be a constant 0", zero->name);
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    const task *t = task_of(n);
    const kerf_value *zero = zero_of(n), *scale = n->inputs[t->scale];
    places p;
    KERF__TRY(check_types(n));
    KERF__TRY(find_places(n, &p));
    KERF__TRY(check_scales(n, scale));
    if (zero != NULL)
        KERF__TRY(check_zeros(n, zero, scale));
    if (t->scale > 1)
        KERF__TRY(kerf__node_check_shape(n, 1, n->inputs[0]->shape));
    kerf__set_output(n, 0, t->gives_floats ? KERF_F32 : integer_type(n), n->inputs[0]->shape);
    return KERF_OK;
}

static kerf_status infer_range(kerf_node *n)
{
    for (int i = 0; i < 2; i++) {
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, i, KERF_SCALAR));
    }
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    kerf__set_output(n, 1, KERF_U8, KERF_SCALAR);
    return KERF_OK;
}

/* ---- gradients ----------------------------------------------------------------------------- */

static kerf_status pass_through(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    return kerf__gradient_add(grads, n->inputs[0], diff);
}

static kerf_status pass_within(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    kerf_value *inputs[] = {n->inputs[0], diff, n->inputs[1], NULL};
    const int has_zero = zero_of(n) != NULL;
    kerf_node *node;
    if (diff != NULL && kerf__learns_step(grads, n))
        return kerf__pass_step(grads, n, diff);
    if (diff == NULL || !kerf__gradient_wanted(grads, n->inputs[0]))
        return KERF_OK;
    if (has_zero)
        inputs[3] = n->inputs[2];
    KERF__TRY(kerf__gradient_add_node(grads, "kerf.QuantizeGrad", n, "grad", inputs, 3 + has_zero,
                                      &node));
    KERF__TRY(kerf__node_copy_attributes(node, n));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

/* ---- layouts ------------------------------------------------------------------------------- */

/* Bytes and what they stand for, of one scale: number by number, wherever those lie. */
static kerf__wish follow_blocks(const kerf_node *n, kerf__layouts *out)
{
    const kerf_value *integers = is_dequantize(task_of(n)) ? n->inputs[0] : n->outputs[0];
    const kerf_shape shape = integers->shape;
    if (shape.rank < 3 || kerf__layout_shape(KERF__C16, shape).rank < 0 ||
        kerf_type_bits(integers->type) != 8 || kerf__value_elements(n->inputs[1]) != 1)
        return KERF__STAYS;
    out->inputs[0] = out->outputs[0] = KERF__C16;
    return KERF__FOLLOWS;
}

/* ---- launches ------------------------------------------------------------------------------ */

static kerf_status emit(const kerf__op_case *c, const char *style)
{
    enum { MOST_ARGUMENTS = 16 };
    const kerf_node *n = c->node;
    const task *t = task_of(n);
    const kerf_value *zero = zero_of(n);
    const size_t num = (size_t)kerf__value_elements(n->inputs[0]);
    const kerf_type type = integer_type(n);
    kerf__arg args[MOST_ARGUMENTS];
    int num_args = 0;
    unsigned chunk;
    places p;
    char options[96], limit[32] = "";
    KERF__TRY(find_places(n, &p));
    const kerf__grid grid = kerf__grid_flat(c, num, &chunk);
    for (int i = 0; i <= t->scale; i++)
        args[num_args++] = ARG(kerf__in(c, i));
    args[num_args++] = ARG(kerf__in(c, zero != NULL ? t->scale + 1 : t->scale)); /* never read */
    args[num_args++] = ARG(kerf__out(c, 0));
    args[num_args++] = ARG(zero != NULL ? 1u : 0u);
    const size_t numbers[] = {num, chunk, p.n, p.width, p.d, p.b, p.outer, p.block};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        args[num_args++] = ARG((unsigned)numbers[i]);
    if (bits_of(n) != 0)
        snprintf(limit, sizeof limit, " -DLIMIT=%d", 1 << (bits_of(n) - 1));
    snprintf(options, sizeof options, "-DTASK=%s -DBITS=%zu -DSIGNED=%d -DV=%d%s%s", t->name,
             kerf_type_bits(type), kerf__type_has_sign(type), kerf__is_wide(c) ? 16 : 4, limit,
             style);
    return kerf__emit(c, &kerf__source_quantize, "quantize", options, args, num_args, grid);
}

static kerf_status build(const kerf__op_case *c)
{
    return emit(c, "");
}

/* llvmpipe, which that quirk is of, takes vectors of 16 apart and compiles this for minutes. */
static int fits_wide(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) &&
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

/* Stores that pass the caches by, for results that caches do not hold; in place the line that is
 * written was read just now. */
static int fits_stream(const kerf__op_case *c)
{
    return kerf_device_get_info(c->dev)->features.streaming_stores && fits_wide(c);
}

static double guess_stream(const kerf__op_case *c)
{
    enum { FIRST = -1, LAST = 100 };
    const kerf_value *src = c->node->inputs[0], *dst = c->node->outputs[0];
    const int64_t bytes =
        kerf__tensor_bytes(src->type, src->shape) + kerf__tensor_bytes(dst->type, dst->shape);
    return (uint64_t)bytes > kerf_device_get_info(c->dev)->cache_bytes ? FIRST : LAST;
}

static kerf_status build_stream(const kerf__op_case *c)
{
    const int in_place = kerf__buffer_same_start(kerf__in(c, 0), kerf__out(c, 0)) ||
                         kerf__buffer_same_start(kerf__in(c, 1), kerf__out(c, 0));
    return emit(c, in_place ? "" : " -DSTREAM");
}

static kerf_status build_range(const kerf__op_case *c)
{
    return kerf__emit(c, &kerf__source_quantize, "quantize_range", "-DTASK=RANGE -DV=4",
                      KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                                 ARG(kerf__out(c, 1))),
                      kerf__grid_wide(1, 1, 1));
}

static const kerf__variant VARIANTS[] = {
    {.name = "quantize_stream",
     .wide = 1,
     .fits = fits_stream,
     .guess = guess_stream,
     .build = build_stream},
    {.name = "quantize_wide", .wide = 1, .fits = fits_wide, .build = build},
    {.name = "quantize_simt", .fits = kerf__fits_31_bits, .build = build},
};
static const kerf__variant RANGE_VARIANTS[] = {
    KERF__BOTH_STYLES("quantize_range", .fits = kerf__fits_31_bits, .build = build_range),
};

#define ENTRY(name, num, rule, wish, places)                                                       \
    {                                                                                              \
        .op = (name), .min_inputs = (num), .max_inputs = (num) + 1, .num_outputs = 1,              \
        .infer = infer, .gradient = (rule), .layouts = (wish), .variants = VARIANTS,               \
        .num_variants = sizeof VARIANTS / sizeof VARIANTS[0], .in_place = (places)                 \
    }

extern const kerf__op kerf__ops_quantize[];
const kerf__op kerf__ops_quantize[] = {
    ENTRY("DequantizeLinear", 2, pass_through, follow_blocks, 0u),
    ENTRY("QuantizeLinear", 2, pass_within, follow_blocks, 0u),
    ENTRY("kerf.FakeQuant", 2, NULL, kerf__wish_elementwise, 1u),
    ENTRY("kerf.QuantizeGrad", 3, NULL, kerf__wish_elementwise, 3u),
    {.op = "kerf.QuantizeRange",
     .min_inputs = 2,
     .max_inputs = 2,
     .num_outputs = 2,
     .infer = infer_range,
     .variants = RANGE_VARIANTS,
     .num_variants = sizeof RANGE_VARIANTS / sizeof RANGE_VARIANTS[0]},
    {.op = NULL},
};
