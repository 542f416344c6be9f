/* ref_qlinear_add.c -- DequantizeLinear of both, Add, QuantizeLinear; each float is rounded. */
#include "ref/ref.h"
#include "ref/ref_quant.h"

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, SCALE, ZERO };

static kerf_quant quant_of(const kerf_node *n, const double *const *in, kerf_type type, int scale)
{
    const int has_zero = scale + 1 < n->num_inputs && n->inputs[scale + 1] != NULL;
    return ref_quant_range(type, in[scale][0], has_zero ? in[scale + 1][0] : 0);
}

void ref_qlinear_add(const kerf_node *n, const double *const *in, double *const *out)
{
    const kerf_type type = n->outputs[0]->type;
    const kerf_quant a = quant_of(n, in, n->inputs[A]->type, A_SCALE);
    const kerf_quant b = quant_of(n, in, n->inputs[B]->type, B_SCALE);
    const kerf_quant sum = quant_of(n, in, type, SCALE);
    const double low = (double)kerf_node_int(n, "low", sum.qmin);
    const double high = (double)kerf_node_int(n, "high", sum.qmax);
    for (int64_t i = 0; i < kerf_shape_num_elements(n->outputs[0]->shape); i++) {
        const float x = (float)(ref_quant_to_float(in[A][i], a) + ref_quant_to_float(in[B][i], b));
        const double q = ref_quant_of_float((double)x, sum);
        out[0][i] = q < low ? low : q > high ? high : q;
    }
}
