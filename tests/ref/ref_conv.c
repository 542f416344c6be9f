/* ref_conv.c -- the definition of Conv, ConvTranspose and their gradients: every product of a
 * convolution once, added to the tensor that is asked for. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

/* One direction of the image; src and dst are those of Conv, whatever is computed. */
typedef struct axis {
    int64_t kernel, stride, dilation, pad, src, dst;
} axis;

typedef enum target { DST, SRC, WEIGHTS } target;

typedef struct sizes {
    target target;                                 /* what is computed */
    int64_t n, groups, src_channels, dst_channels; /* channels of all groups */
    axis a[2];
} sizes;

static int is(const kerf_node *n, const char *op)
{
    return strcmp(n->op, op) == 0;
}

/* Number i of a list, or `otherwise` if the node does not have it. */
static int64_t number(const kerf_node *n, const char *key, int i, int64_t otherwise)
{
    size_t num;
    const int64_t *list = kerf_node_ints(n, key, &num);
    return list != NULL && (size_t)i < num ? list[i] : otherwise;
}

/* The zeros before src.  SAME asks for ceil(src / stride) of dst from Conv and for dst * stride
 * of src from ConvTranspose, and parts what is needed; ConvTranspose's output_shape does too. */
static int64_t pad_before(const kerf_node *n, int i, const axis *a)
{
    const char *kind = kerf_node_string(n, "auto_pad", "NOTSET");
    const int64_t behind = (a->dst - 1) * a->stride + (a->kernel - 1) * a->dilation + 1 +
                           number(n, "output_padding", i, 0);
    const int64_t total = behind > a->src ? behind - a->src : 0;
    const int is_same = strncmp(kind, "SAME", 4) == 0;
    if (strcmp(kind, "VALID") == 0 && number(n, "output_shape", i, 0) == 0)
        return 0;
    if (is_same || (is(n, "ConvTranspose") && number(n, "output_shape", i, 0) != 0))
        return strcmp(kind, "SAME_UPPER") == 0 ? total / 2 : total - total / 2;
    return number(n, "pads", i, 0);
}

static sizes sizes_of(const kerf_node *n)
{
    const target result = is(n, "Conv") ? DST : is(n, "kerf.ConvGradWeights") ? WEIGHTS : SRC;
    const kerf_shape out = n->outputs[0]->shape;
    const kerf_shape first = n->inputs[0]->shape, second = n->inputs[1]->shape;
    const kerf_shape src = result == SRC ? out : first;
    const kerf_shape dst = result == DST ? out : result == SRC ? first : second;
    const kerf_shape weights = result == WEIGHTS ? out : second;
    sizes v = {result,      src.dims[0], kerf_node_int(n, "group", 1),
               src.dims[1], dst.dims[1], {{1, 1, 1, 0, 1, 1}, {1, 1, 1, 0, 1, 1}}};
    for (int i = 0; i < src.rank - 2; i++) {
        axis *a = &v.a[4 - src.rank + i];
        *a = (axis){weights.dims[2 + i],
                    number(n, "strides", i, 1),
                    number(n, "dilations", i, 1),
                    0,
                    src.dims[2 + i],
                    dst.dims[2 + i]};
        a->pad = pad_before(n, i, a);
    }
    return v;
}

/* The places of one product in the three tensors. */
typedef struct places {
    int64_t src, weights, dst;
} places;

static void add(const double *const *inputs, double *out, target result, places at)
{
    if (result == DST)
        out[at.dst] += inputs[0][at.src] * inputs[1][at.weights];
    else if (result == WEIGHTS)
        out[at.weights] += inputs[0][at.src] * inputs[1][at.dst];
    else
        out[at.src] += inputs[0][at.dst] * inputs[1][at.weights];
}

/* Where tap i at pixel `at` of dst reads src; outside it is padding. */
static int64_t place(const axis *a, int64_t at, int64_t i)
{
    return at * a->stride - a->pad + i * a->dilation;
}

/* All products of one channel of dst with one of src (c counts within the group). */
static void channel_pair(const double *const *inputs, double *out, const sizes *v, int64_t image,
                         int64_t k, int64_t c)
{
    const int64_t group_src = v->src_channels / v->groups;
    const int64_t group = k / (v->dst_channels / v->groups);
    const int64_t src = image * v->src_channels + group * group_src + c;
    const int64_t dst = image * v->dst_channels + k;
    const axis *h = &v->a[0], *w = &v->a[1];
    for (int64_t p = 0; p < h->dst; p++)
        for (int64_t q = 0; q < w->dst; q++)
            for (int64_t r = 0; r < h->kernel; r++)
                for (int64_t s = 0; s < w->kernel; s++) {
                    const int64_t y = place(h, p, r), x = place(w, q, s);
                    if (y >= 0 && y < h->src && x >= 0 && x < w->src)
                        add(inputs, out, v->target,
                            (places){(src * h->src + y) * w->src + x,
                                     ((k * group_src + c) * h->kernel + r) * w->kernel + s,
                                     (dst * h->dst + p) * w->dst + q});
                }
}

static double activate(const kerf_node *n, double x)
{
    const char *name = kerf_node_string(n, "activation", "");
    if (strcmp(name, "relu") == 0)
        return x < 0 ? 0 : x;
    if (strcmp(name, "leaky_relu") == 0)
        return x < 0 ? x * (double)kerf_node_float(n, "activation_alpha", 0.01f) : x;
    if (strcmp(name, "clip") == 0) {
        const double low = (double)kerf_node_float(n, "activation_min", -INFINITY);
        const double high = (double)kerf_node_float(n, "activation_max", INFINITY);
        return x < low ? low : x > high ? high : x;
    }
    return x;
}

static void finish(const kerf_node *n, const double *const *inputs, double *out)
{
    const kerf_shape shape = n->outputs[0]->shape;
    const int64_t num = kerf_shape_num_elements(shape);
    for (int64_t i = 0; i < num; i++) {
        const int64_t plane = shape.dims[2] * (shape.rank == 4 ? shape.dims[3] : 1);
        if (n->num_inputs > 2 && n->inputs[2] != NULL)
            out[i] += inputs[2][i / plane % shape.dims[1]];
        if (n->num_inputs > 3 && n->inputs[3] != NULL)
            out[i] += inputs[3][i];
        out[i] = activate(n, out[i]);
    }
}

REF(conv)
{
    const sizes v = sizes_of(n);
    const int64_t num = kerf_shape_num_elements(n->outputs[0]->shape);
    for (int64_t i = 0; i < num; i++)
        outputs[0][i] = 0;
    for (int64_t image = 0; image < v.n; image++)
        for (int64_t k = 0; k < v.dst_channels; k++)
            for (int64_t c = 0; c < v.src_channels / v.groups; c++)
                channel_pair(inputs, outputs[0], &v, image, k, c);
    finish(n, inputs, outputs[0]);
}
