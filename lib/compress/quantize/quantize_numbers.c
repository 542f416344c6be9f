/* compress/quantize/quantize_numbers.c -- from ranges to scales and zero points, and weights to
 * integers, on the host: once a file, where no kernel would show.
 *
 *     q = clamp(round_half_even(x / scale) + zero_point)        as kernels/quant.clh rounds
 *
 * A range always holds 0, so that padding, a Relu's zeros and pruned weights stay exact. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "tensor/tensor_internal.h"

static const struct {
    int low, high;
} LIMITS[KERF_NUM_TYPES] = {
    [KERF_U16] = {0, 65535}, [KERF_S16] = {-32768, 32767}, [KERF_U8] = {0, 255},
    [KERF_S8] = {-128, 127}, [KERF_U4] = {0, 15},          [KERF_S4] = {-8, 7},
    [KERF_U2] = {0, 3},      [KERF_S2] = {-2, 1},
};

static double clamp(double x, double low, double high)
{
    return fmin(fmax(x, low), high);
}

int kerf__quant_most(kerf_type type)
{
    return LIMITS[type].high;
}

/* In floats: as kernels/trained_range.cl does it while a network is trained, bit for bit. */
kerf_quant kerf__quant_of_range(double low, double high, kerf_type type, int symmetric,
                                double least)
{
    kerf_quant q = {1, 0, LIMITS[type].low, LIMITS[type].high};
    if (symmetric)
        q.qmin = -q.qmax;
    low = (double)(float)fmin(low, 0);
    high = (double)(float)fmax(high, 0);
    const double most = symmetric ? fmax(-low, high) : (double)((float)high - (float)low);
    if (most > 0 || least > 0)
        q.scale =
            (float)fmax(most / (q.qmax - (symmetric ? 0 : q.qmin)), fmax(least, KERF__LEAST_SCALE));
    if (!symmetric)
        q.zero_point =
            (int)clamp(q.qmin - (double)rintf((float)(low / (double)q.scale)), q.qmin, q.qmax);
    return q;
}

/* ---- where a weight's scale is ---------------------------------------------------------- */

/* Weight i stands at i / inner % size on the axis; blocks of `block` along it share a scale. */
typedef struct groups {
    size_t inner, size, block, num;
    kerf_shape shape;
} groups;

static groups find_groups(kerf_shape shape, const kerf__rounding *how)
{
    groups g = {.inner = 1, .size = 1, .block = 1, .num = 1, .shape = KERF_SCALAR};
    if (how->axis < 0)
        return g;
    for (int d = how->axis + 1; d < shape.rank; d++)
        g.inner *= (size_t)shape.dims[d];
    g.size = (size_t)shape.dims[how->axis];
    g.shape = KERF_SHAPE(shape.dims[how->axis]);
    if (how->block > 0) {
        g.block = (size_t)how->block;
        g.shape = shape;
        g.shape.dims[how->axis] = (int64_t)((g.size + g.block - 1) / g.block);
    }
    g.num = (size_t)kerf_shape_num_elements(g.shape);
    return g;
}

static size_t group_of(const groups *g, const kerf__rounding *how, size_t i)
{
    const size_t at = i / g->inner % g->size;
    if (how->block == 0)
        return at;
    const size_t num_blocks = (g->size + g->block - 1) / g->block;
    return (i / g->inner / g->size * num_blocks + at / g->block) * g->inner + i % g->inner;
}

/* ---- rounding --------------------------------------------------------------------------- */

void kerf__put_integer(kerf_tensor *t, size_t i, int x)
{
    const size_t bits = kerf_type_bits(t->type);
    if (bits == 16) {
        ((uint16_t *)t->data)[i] = (uint16_t)x;
        return;
    }
    unsigned char *byte = (unsigned char *)t->data + i * bits / 8;
    *byte = (unsigned char)(*byte | ((unsigned)x & ((1u << bits) - 1)) << (i * bits % 8));
}

static void fill_scales(kerf__rounded *out, const double *low, const double *high,
                        const kerf__rounding *how, size_t num)
{
    for (size_t k = 0; k < num; k++) {
        const double least = how->least != NULL ? how->least[k] : 0;
        const double end = how->ends != NULL ? how->ends[k] : high[k];
        const kerf_quant q = kerf__quant_of_range(how->ends != NULL ? -end : low[k], end, how->type,
                                                  how->symmetric, least);
        ((float *)out->scales->data)[k] = q.scale;
        kerf__put_integer(out->zeros, k, q.zero_point);
    }
}

/* Where integers end.  By learned ends weights saturate, and there is use for one more below. */
static kerf_quant limits_of(const kerf__rounding *how)
{
    return kerf__quant_of_range(0, 0, how->type, how->symmetric && how->ends == NULL, 0);
}

static void fill_integers(kerf__rounded *out, const float *weights, const groups *g,
                          const kerf__rounding *how)
{
    const kerf_quant limits = limits_of(how);
    const float *targets = how->targets != NULL ? how->targets : weights;
    for (size_t i = 0; i < out->integers->num_elements; i++) {
        const size_t k = group_of(g, how, i);
        const float scale = ((const float *)out->scales->data)[k];
        const double q =
            (double)rintf(targets[i] / scale) + (double)kerf__tensor_int(out->zeros, k);
        kerf__put_integer(out->integers, i, (int)clamp(q, limits.qmin, limits.qmax));
    }
}

static kerf_status create_tensors(kerf__rounded *out, kerf_shape shape, const groups *g,
                                  kerf_type type)
{
    KERF__TRY(kerf_tensor_create(&out->integers, NULL, type, shape));
    KERF__TRY(kerf_tensor_create(&out->scales, NULL, KERF_F32, g->shape));
    return kerf_tensor_create(&out->zeros, NULL, type, g->shape);
}

kerf_status kerf__round_weights(kerf__rounded *out, const float *weights, kerf_shape shape,
                                const kerf__rounding *how)
{
    const groups g = find_groups(shape, how);
    *out = (kerf__rounded){0};
    double *low = kerf__alloc(2 * g.num, sizeof *low);
    if (low == NULL)
        return kerf__fail_memory("quantize", 2 * g.num * sizeof *low);
    double *high = low + g.num; /* both are 0: every range holds it */
    for (size_t i = 0; i < (size_t)kerf_shape_num_elements(shape); i++) {
        const size_t k = group_of(&g, how, i);
        low[k] = fmin(low[k], (double)weights[i]);
        high[k] = fmax(high[k], (double)weights[i]);
    }
    kerf_status status = create_tensors(out, shape, &g, how->type);
    if (status == KERF_OK) {
        fill_scales(out, low, high, how, g.num);
        fill_integers(out, weights, &g, how);
    } else {
        kerf__rounded_free(out);
    }
    free(low);
    return status;
}

double kerf__rounded_number(const kerf__rounded *r, const kerf__rounding *how, size_t i)
{
    const groups g = find_groups(r->integers->shape, how);
    const size_t k = group_of(&g, how, i);
    const double above = (double)(kerf__tensor_int(r->integers, i) - kerf__tensor_int(r->zeros, k));
    return above * (double)((const float *)r->scales->data)[k];
}

void kerf__rounded_choices(const kerf__rounded *r, const kerf__rounding *how, const float *weights,
                           float *down, float *step)
{
    const groups g = find_groups(r->integers->shape, how);
    const kerf_quant limits = limits_of(how);
    for (size_t i = 0; i < r->integers->num_elements; i++) {
        const size_t k = group_of(&g, how, i);
        const float scale = ((const float *)r->scales->data)[k], x = weights[i] / scale;
        const double zero = (double)kerf__tensor_int(r->zeros, k);
        const double lowest = limits.qmin - zero, highest = limits.qmax - zero;
        const double low = clamp((double)floorf(x), lowest, highest);
        const double high = clamp((double)ceilf(x), lowest, highest);
        down[i] = (float)low * scale;
        step[i] = (float)(high - low) * scale;
    }
}

void kerf__rounded_free(kerf__rounded *r)
{
    kerf_tensor_destroy(r->integers);
    kerf_tensor_destroy(r->scales);
    kerf_tensor_destroy(r->zeros);
    *r = (kerf__rounded){0};
}
