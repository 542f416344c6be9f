/* ops/window_common.c -- see window_common.h. */
#include "ops/window_common.h"

#include <limits.h>
#include <string.h>

#include "base/fail.h"

/* The attribute alone: no input stands for it. */
static kerf_status ints_of(const kerf_node *n, const char *key, size_t num, int64_t least,
                           int64_t otherwise, int64_t *items)
{
    kerf__ints given;
    KERF__TRY(kerf__node_get_ints(n, key, INT_MAX, &given));
    if (given.given && given.num != num)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has %zu numbers, must have %zu", key,
                               given.num, num);
    if (!given.given && otherwise < least)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has no %s, must have %zu numbers", key, num);
    for (size_t i = 0; i < num; i++) {
        items[i] = given.given ? given.items[i] : otherwise;
        if (items[i] < least || items[i] > INT_MAX)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has %lld, must be in [%lld, %d]", key,
                                   (long long)items[i], (long long)least, INT_MAX);
    }
    return KERF_OK;
}

/* One axis as the node gives it, in numbers that cannot overflow while they are checked. */
typedef struct axis {
    int64_t src, kernel, stride, dilation, before, after;
} axis;

static int64_t reach_of(const axis *a)
{
    return (a->kernel - 1) * a->dilation + 1;
}

/* As many steps as a stride divides the source into, padded evenly; what is odd goes to the
 * end (upper) or the beginning (lower). */
static void pad_to_same(axis *a, int lower)
{
    const int64_t steps = (a->src + a->stride - 1) / a->stride;
    const int64_t total = (steps - 1) * a->stride + reach_of(a) - a->src;
    const int64_t most = total > 0 ? total - total / 2 : 0, rest = total > 0 ? total / 2 : 0;
    a->before = lower ? most : rest;
    a->after = lower ? rest : most;
}

static kerf_status finish_axis(const kerf_node *n, const axis *a, int ceil, kerf__window_axis *out)
{
    const int64_t room = a->src + a->before + a->after - reach_of(a);
    if (a->src < 1 || room < 0)
        return kerf__fail_node(
            KERF_ERR_SHAPE, n, "a window of %lld does not fit into %lld with padding %lld and %lld",
            (long long)reach_of(a), (long long)a->src, (long long)a->before, (long long)a->after);
    if (a->before >= reach_of(a) || a->after >= reach_of(a))
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "padding is %lld and %lld, must be less than the window's %lld",
                               (long long)a->before, (long long)a->after, (long long)reach_of(a));
    int64_t steps = (ceil ? room + a->stride - 1 : room) / a->stride + 1;
    if ((steps - 1) * a->stride >= a->src + a->before)
        steps--; /* it would begin behind the source: nothing but padding */
    /* What says nothing must not be large. */
    const int64_t stride = steps > 1 ? a->stride : 1, dilation = a->kernel > 1 ? a->dilation : 1;
    /* Kernels reach one step and one window past the end. */
    if (a->src + a->before + a->after + reach_of(a) + stride > INT_MAX)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "an axis with padding has more than %d",
                               INT_MAX);
    *out = (kerf__window_axis){(int)a->src,   (int)steps,     (int)a->kernel, (int)stride,
                               (int)dilation, (int)a->before, (int)a->after};
    return KERF_OK;
}

static kerf_status spatial_of(const kerf_node *n, kerf_shape src, size_t *num)
{
    char text[128];
    if (src.rank < 3 || src.rank > 2 + KERF__SPATIAL)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "input is %s, must be (N, C) and 1 to %d more dimensions",
                               kerf_shape_text(src, text, sizeof text), KERF__SPATIAL);
    *num = (size_t)src.rank - 2;
    return KERF_OK;
}

static void clear(kerf__window *w, size_t num)
{
    w->num = (int)num;
    for (int i = 0; i < KERF__SPATIAL; i++)
        w->axes[i] = (kerf__window_axis){1, 1, 1, 1, 1, 0, 0};
}

static kerf_status auto_pad_of(const kerf_node *n, int *same, int *lower, int *explicit_pads)
{
    const char *mode = kerf_node_string(n, "auto_pad", "NOTSET");
    *lower = strcmp(mode, "SAME_LOWER") == 0;
    *same = *lower || strcmp(mode, "SAME_UPPER") == 0;
    *explicit_pads = strcmp(mode, "NOTSET") == 0;
    if (!*same && !*explicit_pads && strcmp(mode, "VALID") != 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "auto_pad is %s, must be NOTSET, VALID, SAME_UPPER or SAME_LOWER",
                               mode);
    return KERF_OK;
}

kerf_status kerf__node_window(const kerf_node *n, kerf_shape src, const int64_t *kernel,
                              kerf__window *out)
{
    int64_t kernels[KERF_MAX_RANK], strides[KERF_MAX_RANK], dilations[KERF_MAX_RANK];
    int64_t pads[2 * KERF_MAX_RANK];
    size_t num = 0;
    int same, lower, explicit_pads;
    const int ceil = kerf_node_int(n, "ceil_mode", 0) != 0;
    KERF__TRY(spatial_of(n, src, &num));
    KERF__TRY(ints_of(n, "kernel_shape", num, 1, 0, kernels));
    KERF__TRY(ints_of(n, "strides", num, 1, 1, strides));
    KERF__TRY(ints_of(n, "dilations", num, 1, 1, dilations));
    KERF__TRY(ints_of(n, "pads", 2 * num, 0, 0, pads));
    KERF__TRY(auto_pad_of(n, &same, &lower, &explicit_pads));
    clear(out, num);
    for (size_t i = 0; i < num; i++) {
        axis a = {src.dims[2 + i],
                  kernel != NULL ? kernel[i] : kernels[i],
                  strides[i],
                  dilations[i],
                  explicit_pads ? pads[i] : 0,
                  explicit_pads ? pads[num + i] : 0};
        if (same)
            pad_to_same(&a, lower);
        KERF__TRY(finish_axis(n, &a, ceil, &out->axes[KERF__SPATIAL - num + i]));
    }
    return KERF_OK;
}

kerf_status kerf__node_global_window(const kerf_node *n, kerf_shape src, kerf__window *out)
{
    size_t num = 0;
    KERF__TRY(spatial_of(n, src, &num));
    clear(out, num);
    for (size_t i = 0; i < num; i++) {
        const axis a = {src.dims[2 + i], src.dims[2 + i], 1, 1, 0, 0};
        KERF__TRY(finish_axis(n, &a, 0, &out->axes[KERF__SPATIAL - num + i]));
    }
    return KERF_OK;
}

kerf_shape kerf__window_dst(const kerf__window *w, kerf_shape src)
{
    for (int i = 0; i < w->num; i++)
        src.dims[2 + i] = w->axes[KERF__SPATIAL - w->num + i].dst;
    return src;
}

size_t kerf__window_taps(const kerf__window *w)
{
    size_t taps = 1;
    for (int i = 0; i < KERF__SPATIAL; i++) {
        const size_t kernel = (size_t)w->axes[i].kernel;
        taps = taps > INT_MAX / kernel ? INT_MAX : taps * kernel;
    }
    return taps;
}

int kerf__window_args(const kerf__window *w, int num, kerf__arg *args, int at)
{
    for (int i = KERF__SPATIAL - num; i < KERF__SPATIAL; i++) {
        const kerf__window_axis *a = &w->axes[i];
        const int numbers[KERF__WINDOW_ARGS] = {a->src,      a->dst,    a->kernel, a->stride,
                                                a->dilation, a->before, a->after};
        for (int j = 0; j < KERF__WINDOW_ARGS; j++)
            args[at++] = ARG(numbers[j]);
    }
    return at;
}
