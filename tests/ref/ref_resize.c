/* ref_resize.c -- Resize element by element: where an output lies in the input, as the operator's
 * formulas say, and what stands there.  The gradient gives every element's share back. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

static int old_form(const kerf_node *n)
{
    return n->num_inputs < 3;
}

/* The scale of an axis, from the list of scales or of sizes, which name all axes here. */
static double scale_of(const kerf_node *n, int axis)
{
    const int at = n->num_inputs == 2 ? 1 : 2;
    const kerf__attribute *given = kerf__node_attribute(n, "scales");
    if (n->num_inputs > 3 && n->inputs[3] != NULL)
        return (double)((const int64_t *)kerf_tensor_data(n->inputs[3]->constant))[axis] /
               (double)n->inputs[0]->shape.dims[axis];
    if (at < n->num_inputs)
        return (double)((const float *)kerf_tensor_data(n->inputs[at]->constant))[axis];
    return (double)given->floats[axis];
}

static double place_forward(const kerf_node *n, int axis, int64_t j)
{
    const double from = (double)n->inputs[0]->shape.dims[axis];
    const double to = (double)n->outputs[0]->shape.dims[axis], s = scale_of(n, axis);
    const char *mode = old_form(n)
                           ? "asymmetric"
                           : kerf_node_string(n, "coordinate_transformation_mode", "half_pixel");
    const double x = (double)j;
    if (from == to && s == 1) /* an axis that stays is left alone, whatever its formula says */
        return x;
    if (strcmp(mode, "asymmetric") == 0)
        return x / s;
    if (strcmp(mode, "align_corners") == 0)
        return to == 1 ? 0 : x * (from - 1) / (s * from - 1);
    if (strcmp(mode, "pytorch_half_pixel") == 0 && to == 1)
        return 0;
    if (strcmp(mode, "tf_half_pixel_for_nn") == 0)
        return (x + 0.5) / s;
    if (strcmp(mode, "half_pixel_symmetric") == 0)
        return from / 2 * (1 - to / (s * from)) + (x + 0.5) / s - 0.5;
    return (x + 0.5) / s - 0.5;
}

/* What is closer to a whole number, or to the middle of two, than this lies there. */
static double nearest(const kerf_node *n, double x)
{
    const double near = 1.0 / 65536;
    const char *mode =
        old_form(n) ? "floor" : kerf_node_string(n, "nearest_mode", "round_prefer_floor");
    if (strcmp(mode, "floor") == 0)
        return floor(x + near);
    if (strcmp(mode, "ceil") == 0)
        return ceil(x - near);
    return strcmp(mode, "round_prefer_ceil") == 0 ? floor(x + 0.5 + near) : ceil(x - 0.5 - near);
}

/* Weight of element i of an axis in element j. */
static double share(const kerf_node *n, int axis, int64_t i, int64_t j, int gradient)
{
    const double last = (double)(gradient ? n->outputs : n->inputs)[0]->shape.dims[axis] - 1;
    size_t num;
    double x, low, high;
    if (gradient) {
        const double unit = 4294967296.0, bias = (double)kerf_node_int(n, "bias", 0) / unit;
        const double sign = (double)kerf_node_int(n, "sign", 1);
        x = ((double)kerf_node_ints(n, "starts", &num)[axis] +
             (double)j * (double)kerf_node_ints(n, "steps", &num)[axis]) /
            unit;
        low = kerf_node_int(n, "linear", 0) ? floor(x) : sign * floor(sign * x + bias);
    } else {
        x = place_forward(n, axis, j);
        low = strcmp(kerf_node_string(n, "mode", "nearest"), "linear") == 0 ? floor(x)
                                                                            : nearest(n, x);
    }
    const int linear = gradient ? kerf_node_int(n, "linear", 0) != 0
                                : strcmp(kerf_node_string(n, "mode", "nearest"), "linear") == 0;
    const double rest = linear ? x - low : 0;
    high = fmin(fmax(low + linear, 0), last);
    low = fmin(fmax(low, 0), last);
    return ((double)i == low) * (1 - rest) + ((double)i == high) * rest;
}

REF(resize)
{
    const int gradient = strcmp(n->op, "kerf.ResizeGrad") == 0;
    const kerf_shape dst = n->outputs[0]->shape, src = n->inputs[0]->shape;
    for (int64_t o = 0; o < kerf_shape_num_elements(dst); o++) {
        outputs[0][o] = 0;
        for (int64_t s = 0; s < kerf_shape_num_elements(src); s++) {
            int64_t rest_o = o, rest_s = s;
            double weight = 1;
            for (int k = src.rank - 1; k >= 0 && weight != 0; k--) {
                const int64_t i = rest_s % src.dims[k], j = rest_o % dst.dims[k];
                weight *= gradient ? share(n, k, j, i, 1) : share(n, k, i, j, 0);
                rest_s /= src.dims[k];
                rest_o /= dst.dims[k];
            }
            outputs[0][o] += weight != 0 ? weight * inputs[0][s] : 0;
        }
    }
}
