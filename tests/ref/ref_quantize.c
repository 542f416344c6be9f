/* ref_quantize.c -- an element at a time; where its scale is follows from its coordinate. */
#include <math.h>
#include <string.h>

#include "ref/ref.h"
#include "ref/ref_quant.h"

static int is(const kerf_node *n, const char *op)
{
    return strcmp(n->op, op) == 0;
}

/* Element i of src, in the order of memory. */
static int64_t scale_at(const kerf_node *n, kerf_shape src, kerf_shape scale, int64_t i)
{
    const int64_t size = kerf_node_int(n, "block_size", 0);
    int64_t axis = kerf_node_int(n, "axis", 1), at = 0, inner = 1;
    int64_t coordinates[KERF_MAX_RANK];
    if (size == 0 && kerf_shape_num_elements(scale) == 1)
        return 0;
    if (axis < 0)
        axis += src.rank;
    for (int d = src.rank - 1; d >= 0; d--) {
        coordinates[d] = i / inner % src.dims[d];
        inner *= src.dims[d];
    }
    if (size == 0)
        return coordinates[axis];
    coordinates[axis] /= size;
    for (int d = 0; d < src.rank; d++)
        at = at * scale.dims[d] + coordinates[d];
    return at;
}

static kerf_type integers_of(const kerf_node *n, int zero)
{
    static const int NUMBERS[KERF_NUM_TYPES] = {
#define X(type, bits, text, onnx) [type] = (onnx),
        KERF_TYPE_LIST(X)
#undef X
    };
    if (is(n, "DequantizeLinear"))
        return n->inputs[0]->type;
    if (zero < n->num_inputs)
        return n->inputs[zero]->type;
    for (int i = 0; i < KERF_NUM_TYPES; i++)
        if (NUMBERS[i] == kerf_node_int(n, "output_dtype", 2))
            return (kerf_type)i;
    return KERF_U8;
}

static double element(const kerf_node *n, double x, double diff, kerf_quant q)
{
    if (is(n, "QuantizeLinear"))
        return ref_quant_of_float(x, q);
    if (is(n, "DequantizeLinear"))
        return ref_quant_to_float(x, q);
    if (is(n, "kerf.FakeQuant"))
        return ref_quant_to_float(ref_quant_of_float(x, q), q);
    return ref_quant_is_within(x, q) ? diff : 0;
}

/* The range holds 0; the integers are uint8. */
static void range(const double *low, const double *high, double *scale, double *zero)
{
    const float bottom = *low < 0 ? (float)*low : 0, top = *high > 0 ? (float)*high : 0;
    const float step = (top - bottom) / 255;
    const float used = step >= 0x1p-126f ? step : 1;
    const double zero_point =
        ref_quant_of_float((double)-bottom, ref_quant_range(KERF_U8, (double)used, 0));
    const int is_finite = isfinite(*low) && isfinite(*high) && step <= 0x1p100f;
    *scale = is_finite ? (double)used : (double)NAN;
    *zero = is_finite ? zero_point : 0;
}

REF(quantize)
{
    if (is(n, "kerf.QuantizeRange")) {
        range(inputs[0], inputs[1], outputs[0], outputs[1]);
        return;
    }
    const int at = is(n, "kerf.QuantizeGrad") ? 2 : 1, has_zero = n->num_inputs > at + 1;
    const kerf_shape src = n->inputs[0]->shape;
    for (int64_t i = 0; i < kerf_shape_num_elements(src); i++) {
        const int64_t k = scale_at(n, src, n->inputs[at]->shape, i);
        kerf_quant q = ref_quant_range(integers_of(n, at + 1), inputs[at][k],
                                       has_zero ? inputs[at + 1][k] : 0);
        if (kerf_node_int(n, "bits", 0) != 0) {
            q.qmin = -(1 << (kerf_node_int(n, "bits", 0) - 1));
            q.qmax = -q.qmin - 1;
        }
        outputs[0][i] = element(n, inputs[0][i], at == 2 ? inputs[1][i] : 0, q);
    }
}
