/* compress/quantize/quantize_half.c -- weights as float16, for half the bytes and next to no loss.
 *
 *     x --> Conv, Gemm, MatMul --> y
 *     float16 --> Cast --^
 *
 * The operator stays as it is.  A plan keeps the halves on the device, and widens them once;
 * nothing is rounded but the weights, to the nearest half, a tie to the even one. */
#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "tensor/tensor_internal.h"

/* Of a half: bits of the fraction; exponents of the smallest normal one and of the first that is
 * too large, as steps of the code. */
enum { FRACTION = 10, LEAST = -14, SIGN = 0x8000, INFINITE = 0x7C00 };

/* Codes count halves up from 0, so the exponent is steps of 2^10 codes; smaller ones than the least
 * normal number have its steps. */
static unsigned half_of(float x)
{
    const double size = fabs((double)x);
    const int exponent = size >= ldexp(1, LEAST) ? ilogb(size) : LEAST;
    const double steps = rint(ldexp(size, FRACTION - exponent));
    const unsigned code = ((unsigned)(exponent - LEAST) << FRACTION) + (unsigned)steps;
    return code | (signbit(x) ? SIGN : 0u);
}

double kerf__half_number(float x)
{
    const unsigned code = half_of(x) & ~(unsigned)SIGN, exponent = code >> FRACTION;
    const unsigned fraction = code & ((1u << FRACTION) - 1);
    const double size =
        exponent == 0 ? ldexp(fraction, LEAST - FRACTION)
                      : ldexp((1u << FRACTION) + fraction, LEAST - 1 - FRACTION + (int)exponent);
    return signbit(x) ? -size : size;
}

static kerf_status make_halves(kerf_tensor **out, const kerf_value *v, const float *x)
{
    KERF__TRY(kerf_tensor_create(out, NULL, KERF_F16, v->shape));
    uint16_t *halves = (*out)->data;
    for (size_t i = 0; i < (*out)->num_elements; i++) {
        const unsigned code = fabsf(x[i]) < 0x1p16f ? half_of(x[i]) : INFINITE;
        if ((code & ~(unsigned)SIGN) >= INFINITE) {
            kerf_tensor_destroy(*out);
            *out = NULL;
            return kerf__fail(KERF_ERR_UNSUPPORTED,
                              "quantize: weight %zu of %s is %g, must be within 65504 for float16",
                              i, v->name, (double)x[i]);
        }
        halves[i] = (uint16_t)code;
    }
    return KERF_OK;
}

kerf_status kerf__quantize_half(kerf_graph *g, const kerf_state *s, const kerf__quantize_layer *l)
{
    enum { TO_FLOAT32 = 1 };
    float *x;
    kerf_tensor *t;
    kerf_value *halves;
    kerf_node *cast;
    KERF__TRY(kerf__quantize_read(s, l->weight, &x));
    kerf_status status = make_halves(&t, l->weight, x);
    free(x);
    KERF__TRY(status);
    KERF__TRY(kerf__add_constant(g, l->weight->name, "f16", t, &halves));
    KERF__TRY(kerf__add_node(g, "Cast", l->weight->name, "f32", &halves, 1, KERF_F32,
                             l->weight->shape, &cast));
    KERF__TRY(kerf_node_set_int(cast, "to", TO_FLOAT32));
    kerf__node_set_input(l->node, 1, cast->outputs[0]);
    return KERF_OK;
}

/* By these options nothing but the want of layers is a wrong argument. */
kerf_status kerf_quantize_halves(kerf_graph *g, kerf_state *s)
{
    kerf_quantize_options options = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    kerf__quantize_layers layers;
    options.weights = KERF_F16;
    KERF__TRY(kerf_quantize_fold(g, s));
    const kerf_status found = kerf__quantize_find(&layers, g, &options);
    kerf__quantize_layers_free(&layers);
    if (found == KERF_ERR_ARGUMENT)
        return KERF_OK;
    return found == KERF_OK ? kerf_quantize(g, s, &options) : found;
}
