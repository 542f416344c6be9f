/* ref_pool.c -- the definitions: every window, tap by tap, forward and gradient in one walk.
 * In blocks of 16 channels (attribute "layouts") each lane is a plane of its own. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

enum { MAX_AXES = 3 };

typedef struct window {
    int num;
    int64_t lanes; /* elements of one plane lie that far apart */
    int64_t src[MAX_AXES], dst[MAX_AXES], kernel[MAX_AXES], stride[MAX_AXES], dilation[MAX_AXES];
    int64_t before[MAX_AXES], after[MAX_AXES];
} window;

static int64_t item(const kerf_node *n, const char *key, int i, int64_t otherwise)
{
    size_t num;
    const int64_t *items = kerf_node_ints(n, key, &num);
    return items != NULL ? items[i] : otherwise;
}

/* dst is taken from the node: how many windows there are is a matter of the shape rule. */
static window window_of(const kerf_node *n, const kerf_shape src, const kerf_shape dst)
{
    const int blocked = kerf__node_attribute(n, "layouts") != NULL;
    window w = {.num = src.rank - 2 - blocked, .lanes = blocked ? 16 : 1};
    const char *mode = kerf_node_string(n, "auto_pad", "NOTSET");
    const int global = strstr(n->op, "Global") != NULL, same = strncmp(mode, "SAME", 4) == 0;
    for (int i = 0; i < w.num; i++) {
        w.src[i] = src.dims[2 + i];
        w.dst[i] = dst.dims[2 + i];
        w.kernel[i] = global ? w.src[i] : item(n, "kernel_shape", i, 1);
        w.stride[i] = item(n, "strides", i, 1);
        w.dilation[i] = item(n, "dilations", i, 1);
        w.before[i] = item(n, "pads", i, 0);
        w.after[i] = item(n, "pads", i + w.num, 0);
        const int64_t reach = (w.kernel[i] - 1) * w.dilation[i] + 1;
        int64_t total = (w.dst[i] - 1) * w.stride[i] + reach - w.src[i];
        if (!same)
            continue;
        total = total > 0 ? total : 0;
        w.before[i] = strcmp(mode, "SAME_LOWER") == 0 ? total - total / 2 : total / 2;
        w.after[i] = total - w.before[i];
    }
    return w;
}

static int64_t volume(const int64_t *dims, int num)
{
    int64_t all = 1;
    for (int i = 0; i < num; i++)
        all *= dims[i];
    return all;
}

/* Splits a flat index by dims, the last the fastest. */
static void split(int64_t flat, const int64_t *dims, int num, int64_t *index)
{
    for (int i = num - 1; i >= 0; i--) {
        index[i] = flat % dims[i];
        flat /= dims[i];
    }
}

/* Where tap `tap` of window `step` lies in its plane; -1 in the padding, -2 behind it. */
static int64_t position(const window *w, int64_t step, int64_t tap, int64_t *index)
{
    int64_t o[MAX_AXES], k[MAX_AXES], at = 0, outside = 0;
    split(step, w->dst, w->num, o);
    split(tap, w->kernel, w->num, k);
    for (int i = 0; i < w->num; i++) {
        index[i] = o[i] * w->stride[i] - w->before[i] + k[i] * w->dilation[i];
        if (index[i] < 0 || index[i] >= w->src[i])
            outside = outside == -2 || index[i] >= w->src[i] + w->after[i] ? -2 : -1;
        at = at * w->src[i] + index[i];
    }
    return outside < 0 ? outside : at;
}

/* One window: its value, what a mean is the quotient of, and its maximum's place. */
typedef struct found {
    double value, sum, count;
    int64_t place, place_by_columns;
} found;

static found look(const kerf_node *n, const window *w, const double *plane, int64_t step)
{
    const int max = strstr(n->op, "Max") != NULL, power = strstr(n->op, "Lp") != NULL;
    const int with_pads = kerf_node_int(n, "count_include_pad", 0) != 0;
    const double p = (double)kerf_node_int(n, "p", 2);
    const kerf_type type = n->inputs[0]->type;
    const double least = type == KERF_U8 ? 0 : type == KERF_S8 ? -128 : -INFINITY;
    found f = {max ? least : 0, 0, 0, -1, -1};
    for (int64_t tap = 0; tap < volume(w->kernel, w->num); tap++) {
        int64_t index[MAX_AXES];
        const int64_t at = position(w, step, tap, index);
        f.count += at >= 0 || (at == -1 && with_pads);
        if (at < 0 || plane == NULL)
            continue;
        const double value = plane[at * w->lanes];
        if (!max) {
            f.value += power ? pow(fabs(value), p) : value;
            continue;
        }
        if (f.place >= 0 && !(value > f.value || (isnan(value) && !isnan(f.value))))
            continue;
        f.value = value;
        f.place = at;
        f.place_by_columns = 0;
        for (int i = w->num - 1; i >= 0; i--)
            f.place_by_columns = f.place_by_columns * w->src[i] + index[i];
    }
    f.sum = f.value;
    if (power)
        f.value = pow(f.value, 1 / p);
    else if (!max && f.count > 0)
        f.value /= f.count;
    return f;
}

/* Where plane i of that many elements begins. */
static int64_t plane_at(const window *w, int64_t i, int64_t size)
{
    return i / w->lanes * size * w->lanes + i % w->lanes;
}

static void forward(const kerf_node *n, const double *src, double *dst, double *places)
{
    const kerf_shape shape = n->inputs[0]->shape;
    const window w = window_of(n, shape, n->outputs[0]->shape);
    const int64_t planes = shape.dims[0] * shape.dims[1] * w.lanes, size = volume(w.src, w.num);
    const int64_t steps = volume(w.dst, w.num);
    const int by_columns = kerf_node_int(n, "storage_order", 0) != 0;
    for (int64_t i = 0; i < planes * steps; i++) {
        const int64_t plane = plane_at(&w, i / steps, size);
        const found f = look(n, &w, src + plane, i % steps);
        dst[plane_at(&w, i / steps, steps) + i % steps * w.lanes] = f.value;
        if (places != NULL)
            places[i] =
                (double)(f.place < 0 ? -1 : plane + (by_columns ? f.place_by_columns : f.place));
    }
}

void ref_pool_sums(const kerf_node *n, const double *src, double *sums, double *counts)
{
    const kerf_shape shape = n->inputs[0]->shape;
    const window w = window_of(n, shape, n->outputs[0]->shape);
    const int64_t planes = shape.dims[0] * shape.dims[1], size = volume(w.src, w.num);
    const int64_t steps = volume(w.dst, w.num);
    for (int64_t i = 0; i < planes * steps; i++) {
        const found f = look(n, &w, src + i / steps * size, i % steps);
        sums[i] = f.sum;
        counts[i] = f.count;
    }
}

static void backward(const kerf_node *n, const double *src, const double *diff_dst,
                     double *diff_src)
{
    const kerf_shape shape = n->outputs[0]->shape;
    const window w = window_of(n, shape, n->inputs[n->num_inputs - 1]->shape);
    const int64_t planes = shape.dims[0] * shape.dims[1] * w.lanes, size = volume(w.src, w.num);
    const int64_t steps = volume(w.dst, w.num), taps = volume(w.kernel, w.num);
    memset(diff_src, 0, (size_t)(planes * size) * sizeof *diff_src);
    for (int64_t i = 0; i < planes * steps; i++) {
        const int64_t plane = plane_at(&w, i / steps, size);
        const double diff = diff_dst[plane_at(&w, i / steps, steps) + i % steps * w.lanes];
        const found f = look(n, &w, src != NULL ? src + plane : NULL, i % steps);
        if (src != NULL && f.place >= 0)
            diff_src[plane + f.place * w.lanes] += diff;
        for (int64_t tap = 0; src == NULL && tap < taps; tap++) {
            int64_t index[MAX_AXES];
            const int64_t at = position(&w, i % steps, tap, index);
            if (at >= 0)
                diff_src[plane + at * w.lanes] += diff / f.count;
        }
    }
}

REF(pool)
{
    if (strcmp(n->op, "kerf.MaxPoolGrad") == 0)
        backward(n, inputs[0], inputs[1], outputs[0]);
    else if (strcmp(n->op, "kerf.AveragePoolGrad") == 0)
        backward(n, NULL, inputs[0], outputs[0]);
    else
        forward(n, inputs[0], outputs[0], n->num_outputs > 1 ? outputs[1] : NULL);
}
