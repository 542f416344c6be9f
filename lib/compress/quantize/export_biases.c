/* compress/quantize/export_biases.c -- biases of integers, in the form that readers take.
 *
 * ONNX Runtime and OpenVINO add them to int32 sums, so their scale must be that of the sums: the
 * input's times the weights'.  One that does not fit int32 so becomes floats, which both take, too.
 * TensorRT wants floats always. */
#include <math.h>

#include "base/fail.h"
#include "compress/quantize/export_internal.h"
#include "tensor/tensor_internal.h"

static double at(const kerf_value *scales, size_t i)
{
    const kerf_tensor *t = scales->constant;
    return (double)((const float *)t->data)[t->num_elements > 1 ? i : 0];
}

/* 1 if the scales fit the bias element by element, and it is plain: what int32 biases are. */
static int is_bias(const kerf_node *bias, const kerf_node *weights)
{
    const size_t num = bias->inputs[0]->constant->num_elements;
    const size_t own = bias->inputs[1]->constant->num_elements,
                 theirs = weights->inputs[1]->constant->num_elements;
    return bias->inputs[0]->type == KERF_S32 && bias->inputs[1]->type == KERF_F32 &&
           weights->inputs[1]->type == KERF_F32 && kerf_node_input(bias, 2) == NULL &&
           (own == 1 || own == num) && (theirs == 1 || theirs == num);
}

static kerf_status put_floats(kerf_graph *g, kerf_node *n, const kerf_node *bias)
{
    const kerf_tensor *integers = bias->inputs[0]->constant;
    kerf_tensor *t;
    kerf_value *v;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, integers->shape));
    for (size_t i = 0; i < integers->num_elements; i++)
        ((float *)t->data)[i] =
            (float)((double)((const int32_t *)integers->data)[i] * at(bias->inputs[1], i));
    KERF__TRY(kerf__add_constant(g, kerf_node_input(n, 2)->name, "floats", t, &v));
    kerf__node_set_input(n, 2, v);
    return KERF_OK;
}

/* Fills integers of the scale of the sums; 0: one does not fit int32. */
static int fill_integers(kerf__rounded *out, const kerf_node *bias, const kerf_node *weights,
                         double x_scale)
{
    const kerf_tensor *was = bias->inputs[0]->constant;
    for (size_t i = 0; i < out->scales->num_elements; i++)
        ((float *)out->scales->data)[i] = (float)x_scale * (float)at(weights->inputs[1], i);
    for (size_t i = 0; i < was->num_elements; i++) {
        const double number = (double)((const int32_t *)was->data)[i] * at(bias->inputs[1], i);
        const double scale = (double)(float)((float)x_scale * (float)at(weights->inputs[1], i));
        const double q = rint(number / scale);
        if (!(fabs(q) < 0x1p30)) /* half is left to the sums */
            return 0;
        ((int32_t *)out->integers->data)[i] = (int32_t)q;
    }
    return 1;
}

static kerf_status put_integers(kerf_graph *g, kerf_node *n, const kerf_node *bias,
                                const kerf_node *weights, double x_scale)
{
    kerf__rounded r = {0};
    kerf_value *v = NULL;
    const kerf_shape scales = weights->inputs[1]->constant->num_elements > 1
                                  ? KERF_SHAPE((int64_t)bias->inputs[0]->constant->num_elements)
                                  : KERF_SCALAR;
    kerf_status status =
        kerf_tensor_create(&r.integers, NULL, KERF_S32, bias->inputs[0]->constant->shape);
    if (status == KERF_OK)
        status = kerf_tensor_create(&r.scales, NULL, KERF_F32, scales);
    const int fits = status == KERF_OK && fill_integers(&r, bias, weights, x_scale);
    if (fits)
        status = kerf__add_dequantized(g, kerf_node_input(n, 2)->name, &r, scales.rank > 0 ? 0 : -1,
                                       0, &v);
    kerf__rounded_free(&r);
    KERF__TRY(status);
    if (!fits)
        return put_floats(g, n, bias);
    kerf__node_set_input(n, 2, v);
    return KERF_OK;
}

kerf_status kerf__export_biases(kerf__exporting *x)
{
    const size_t num = x->g->num_nodes;
    for (size_t i = 0; i < num; i++) {
        kerf_node *n = x->g->nodes[i];
        kerf__scaling src;
        if (!kerf__node_is(n, "Conv") && !kerf__node_is(n, "Gemm"))
            continue;
        const kerf_node *bias = kerf__stored_by(kerf_node_input(n, 2)),
                        *weights = kerf__stored_by(kerf_node_input(n, 1)),
                        *dq = kerf__rounded_by(kerf_node_input(n, 0));
        if (bias == NULL || weights == NULL || !is_bias(bias, weights))
            continue;
        if (x->profile == KERF_PROFILE_TRT) {
            KERF__TRY(kerf__export_note(x, n->name, "its bias stored as floats"));
            KERF__TRY(put_floats(x->g, n, bias));
        } else if (dq != NULL && kerf__scaling_of(&src, dq) &&
                   !kerf__has_scale_of_sums(n, bias, weights)) {
            KERF__TRY(kerf__export_note(x, n->name, "its bias rounded with the scale of the sums"));
            KERF__TRY(put_integers(x->g, n, bias, weights, src.scale));
        }
    }
    return KERF_OK;
}
