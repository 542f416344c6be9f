/* ref_quantize_layer.c -- a scale at a time, each quotient a float as IEEE has it. */
#include <math.h>

#include "ref/ref.h"

static double scale_of(double most, double most_bias, double x_scale, double largest)
{
    const float by_weights = (float)(most / largest);
    const float by_bias = (float)(most_bias * 0x1p-30 / x_scale);
    if (most == 0 && most_bias == 0)
        return 1;
    if (isnan(by_weights) || isnan(by_bias))
        return (double)NAN;
    return (double)fmaxf(fmaxf(by_weights, by_bias), 0x1p-60f);
}

static double integer_of(double bias, float scale)
{
    const double whole = (double)rintf((float)bias / scale);
    return isnan(whole) ? 0 : fmin(fmax(whole, -0x1p31), 0x1.fffffep30);
}

REF(quantize_layer)
{
    const int has_bias = n->num_inputs == 3;
    const int64_t num = kerf_shape_num_elements(n->inputs[0]->shape);
    const int64_t channels = has_bias ? kerf_shape_num_elements(n->inputs[2]->shape) : num;
    const double largest = (double)kerf_node_int(n, "largest", 0);
    for (int64_t i = 0; i < num; i++) {
        const int64_t begin = i * (channels / num), end = begin + channels / num;
        double most_bias = 0;
        for (int64_t k = begin; has_bias && k < end; k++)
            most_bias = isnan(inputs[2][k]) || isnan(most_bias)
                            ? (double)NAN
                            : fmax(most_bias, fabs(inputs[2][k]));
        outputs[0][i] = scale_of(inputs[0][i], most_bias, has_bias ? inputs[1][0] : 1, largest);
        if (!has_bias)
            continue;
        const float scale = (float)inputs[1][0] * (float)outputs[0][i];
        outputs[2][i] = (double)scale;
        for (int64_t k = begin; k < end; k++)
            outputs[1][k] = integer_of(inputs[2][k], scale);
    }
}
