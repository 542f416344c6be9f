/* ops/conv_common.c -- reads a convolution from its node and checks it; see conv_common.h.
 *
 * Attributes are numbers of a file that nobody has looked at yet.  Each is at most MOST = 2^30,
 * tensors have less than 2^31 elements, and what is computed from them is computed in int64;
 * then sizes are small enough for the ints of kernels. */
#include "ops/conv_common.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/fail.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"

#define MOST ((int64_t)1 << 30)

enum { NUM_AXES = 2 }; /* of an image */

typedef enum pad_kind { PAD_GIVEN, PAD_VALID, PAD_SAME_UPPER, PAD_SAME_LOWER } pad_kind;

/* The node's numbers, one an axis; pads: all befores, then all behinds. */
typedef struct numbers {
    int num_axes;
    pad_kind pad;
    int64_t kernel[NUM_AXES], strides[NUM_AXES], dilations[NUM_AXES], pads[2 * NUM_AXES];
    int64_t output_padding[NUM_AXES], output_shape[NUM_AXES]; /* of ConvTranspose; shape 0: none */
} numbers;

/* What a node computes, and where its operands stand; 0: it has no such input. */
typedef struct kind {
    const char *op;
    kerf__conv_direction direction;
    int weights; /* or the second tensor that a gradient is made of */
    int bias, residual;
    int is_integer; /* of bytes, the bias of int32 */
    int is_sparse;  /* weights are values without zeros, whose shape is attribute weights_shape */
    int has_lanes;  /* a fifth dimension has samples that are one pixel */
} kind;

static const kind KINDS[] = {
    {"Conv", KERF__CONV_DST, 1, 2, 3, 0, 0, 0},
    {"ConvInteger", KERF__CONV_DST, 1, 0, 0, 1, 0, 0},
    {"QLinearConv", KERF__CONV_DST, 3, 8, 9, 1, 0, 0},
    {"ConvTranspose", KERF__CONV_SRC, 1, 2, 0, 0, 0, 0},
    {"kerf.ConvGradInput", KERF__CONV_SRC, 1, 0, 0, 0, 0, 0},
    {"kerf.ConvGradWeights", KERF__CONV_WEIGHTS, 1, 0, 0, 0, 0, 0},
    {"kerf.SparseConv", KERF__CONV_DST, 1, 4, 5, 0, 1, 1},
    {"kerf.SparseConvGradInput", KERF__CONV_SRC, 1, 0, 0, 0, 1, 1},
    {"kerf.SparseQLinearConv", KERF__CONV_DST, 3, 8, 9, 1, 1, 0},
    {"kerf.SparseConvGrad", KERF__CONV_WEIGHTS, 1, 0, 0, 0, 0, 1},
};

static const kind *kind_of(const kerf_node *n)
{
    const kind *k = KINDS;
    while (strcmp(k->op, n->op) != 0)
        k++;
    return k;
}

static kerf__conv_direction direction_of(const kerf_node *n)
{
    return kind_of(n)->direction;
}

/* Of weights that are known by their values alone; rank 0 if the node does not tell. */
static kerf_shape told_shape(const kerf_node *n)
{
    size_t num;
    const int64_t *dims = kerf_node_ints(n, "weights_shape", &num);
    kerf_shape shape = {.rank = 0};
    for (; dims != NULL && (size_t)shape.rank < num && shape.rank < KERF_MAX_RANK; shape.rank++)
        shape.dims[shape.rank] = dims[shape.rank];
    return shape;
}

/* As ONNX has it, however it lies in memory, and without lanes. */
static kerf_shape shape_of(const kerf_node *n, int input)
{
    const kind *k = kind_of(n);
    if (k->is_sparse && input == k->weights)
        return told_shape(n);
    kerf_shape shape = kerf__input_plain_shape(n, input);
    if (k->has_lanes && shape.rank == 5)
        shape.rank = 4;
    return shape;
}

/* Samples that are one pixel. */
static int64_t lanes_of(const kerf_node *n, int input)
{
    const kerf_shape shape = n->inputs[input]->shape;
    return kind_of(n)->has_lanes && shape.rank == 5 ? shape.dims[4] : 1;
}

static const kerf_value *weights_of(const kerf_node *n)
{
    return n->inputs[kind_of(n)->weights];
}

static kerf_shape weights_shape(const kerf_node *n)
{
    return shape_of(n, kind_of(n)->weights);
}

/* ---- attributes ---------------------------------------------------------------------------- */

/* A list of `num` numbers from least to MOST, or `otherwise` for each. */
static kerf_status read_list(const kerf_node *n, const char *key, int num, int64_t least,
                             int64_t otherwise, int64_t *out)
{
    kerf__ints list;
    KERF__TRY(kerf__node_get_ints(n, key, n->num_inputs, &list));
    if (list.given && list.num != (size_t)num)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has %zu numbers, must have %d", key, list.num,
                               num);
    for (int i = 0; i < num; i++) {
        out[i] = list.given ? list.items[i] : otherwise;
        if (list.given && (out[i] < least || out[i] > MOST))
            return kerf__fail_node(KERF_ERR_SHAPE, n, "%s holds %lld, must be from %lld to %lld",
                                   key, (long long)out[i], (long long)least, (long long)MOST);
    }
    return KERF_OK;
}

static kerf_status read_auto_pad(const kerf_node *n, pad_kind *out)
{
    static const char *const NAMES[] = {"NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"};
    const char *name = kerf_node_string(n, "auto_pad", NAMES[PAD_GIVEN]);
    for (int i = 0; i < 4; i++)
        if (strcmp(name, NAMES[i]) == 0) {
            *out = (pad_kind)i;
            return KERF_OK;
        }
    return kerf__fail_node(KERF_ERR_SHAPE, n,
                           "auto_pad is \"%.40s\", must be NOTSET, VALID, SAME_UPPER or SAME_LOWER",
                           name);
}

/* kernel_shape may be left out where there are weights to tell it. */
static kerf_status read_kernel(const kerf_node *n, numbers *x)
{
    const kerf_shape weights = weights_shape(n);
    char text[128];
    if (direction_of(n) == KERF__CONV_WEIGHTS)
        return read_list(n, "kernel_shape", x->num_axes, 1, 1, x->kernel);
    KERF__TRY(read_list(n, "kernel_shape", x->num_axes, 1, 0, x->kernel));
    for (int i = 0; i < x->num_axes; i++) {
        if (x->kernel[i] != 0 && x->kernel[i] != weights.dims[2 + i])
            return kerf__fail_node(
                KERF_ERR_SHAPE, n, "kernel_shape holds %lld, must be %lld as weights %s are %s",
                (long long)x->kernel[i], (long long)weights.dims[2 + i], weights_of(n)->name,
                kerf_shape_text(weights, text, sizeof text));
        x->kernel[i] = weights.dims[2 + i];
    }
    return KERF_OK;
}

static kerf_status read_numbers(const kerf_node *n, numbers *x)
{
    *x = (numbers){.num_axes = shape_of(n, 0).rank - 2};
    KERF__TRY(read_kernel(n, x));
    KERF__TRY(read_list(n, "strides", x->num_axes, 1, 1, x->strides));
    KERF__TRY(read_list(n, "dilations", x->num_axes, 1, 1, x->dilations));
    KERF__TRY(read_list(n, "pads", 2 * x->num_axes, -MOST, 0, x->pads));
    KERF__TRY(read_auto_pad(n, &x->pad));
    KERF__TRY(read_list(n, "output_padding", x->num_axes, 0, 0, x->output_padding));
    return read_list(n, "output_shape", x->num_axes, 1, 0, x->output_shape);
}

kerf__activation kerf__activation_of(const kerf_node *n)
{
    const char *name = kerf_node_string(n, "activation", "");
    kerf__activation a = {1, -INFINITY, INFINITY};
    if (strcmp(name, "relu") == 0)
        a.low = 0;
    else if (strcmp(name, "leaky_relu") == 0)
        a.slope = kerf_node_float(n, "activation_alpha", 0.01f);
    else if (strcmp(name, "clip") == 0) {
        a.low = kerf_node_float(n, "activation_min", -INFINITY);
        a.high = kerf_node_float(n, "activation_max", INFINITY);
    }
    return a;
}

/* ---- tensors ------------------------------------------------------------------------------- */

static kerf_status check_tensor(const kerf_node *n, int i)
{
    const kerf_value *v = n->inputs[i];
    const kerf_shape shape = shape_of(n, i);
    char text[128];
    KERF__TRY(kind_of(n)->is_integer ? kerf__node_check_bytes(n, i)
                                     : kerf__node_check_stored(n, i));
    if (shape.rank != 3 && shape.rank != 4)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "%s has %d dimensions, supported are 3 (1-D) and 4 (2-D)", v->name,
                               shape.rank);
    if (shape.rank != shape_of(n, 0).rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has %d dimensions, must have %d like %s",
                               v->name, shape.rank, shape_of(n, 0).rank, n->inputs[0]->name);
    if (kerf__value_elements(v) >= (int64_t)1 << 31)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "%s has 2^31 elements or more, supported are fewer", v->name);
    for (int d = 0; d < shape.rank; d++)
        if (shape.dims[d] < 1 && (d > 0 || (i > 0 && direction_of(n) != KERF__CONV_WEIGHTS)))
            return kerf__fail_node(KERF_ERR_SHAPE, n, "%s is %s, only a batch may be empty",
                                   v->name, kerf_shape_text(shape, text, sizeof text));
    return KERF_OK;
}

/* Channels of a tensor by group. */
static kerf_status read_channels(const kerf_node *n, int input, int dim, int groups, int *out)
{
    const int64_t channels = shape_of(n, input).dims[dim];
    if (channels % groups != 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "%s has %lld channels, must be a multiple of group, %d",
                               n->inputs[input]->name, (long long)channels, groups);
    *out = (int)(channels / groups);
    return KERF_OK;
}

static kerf_status read_lanes(const kerf_node *n, kerf__conv *v)
{
    enum { MOST_LANES = 64 };
    const int64_t lanes = lanes_of(n, 0), others = lanes_of(n, 1);
    if (lanes < 1 || lanes > MOST_LANES)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "%s has %lld samples to a pixel, supported are 1 to %d",
                               n->inputs[0]->name, (long long)lanes, MOST_LANES);
    if (v->direction == KERF__CONV_WEIGHTS && others != lanes)
        return kerf__fail_node(
            KERF_ERR_SHAPE, n, "%s has %lld samples to a pixel, must have %lld like %s",
            n->inputs[1]->name, (long long)others, (long long)lanes, n->inputs[0]->name);
    v->lanes = (int)lanes;
    return KERF_OK;
}

/* Weights must fit the tensor that is read with them. */
static kerf_status check_weights(const kerf_node *n, int dim, int64_t must)
{
    char text[128];
    const kerf_shape weights = weights_shape(n);
    if (weights.dims[dim] == must)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n,
                           "weights %s are %s, dimension %d must be %lld: %s has %lld channels",
                           weights_of(n)->name, kerf_shape_text(weights, text, sizeof text), dim,
                           (long long)must, n->inputs[0]->name, (long long)shape_of(n, 0).dims[1]);
}

static kerf_status read_dst_channels(const kerf_node *n, kerf__conv *v)
{
    KERF__TRY(read_channels(n, 0, 1, v->groups, &v->src_channels));
    const int weights = kind_of(n)->weights, in_words = kerf__input_layout(n, weights) == KERF__V16;
    KERF__TRY(read_channels(n, weights, 0, v->groups, &v->dst_channels));
    return check_weights(n, 1,
                         in_words ? kerf__ceil_div_int(v->src_channels, KERF__WORD) * KERF__WORD
                                  : v->src_channels);
}

static kerf_status read_src_channels(const kerf_node *n, kerf__conv *v)
{
    KERF__TRY(check_weights(n, 0, shape_of(n, 0).dims[1]));
    KERF__TRY(read_channels(n, 0, 1, v->groups, &v->dst_channels));
    return read_channels(n, 1, 1, 1, &v->src_channels);
}

static kerf_status read_weights_channels(const kerf_node *n, kerf__conv *v)
{
    const kerf_shape src = shape_of(n, 0), dst = shape_of(n, 1);
    if (src.dims[0] != dst.dims[0])
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has a batch of %lld, must be %lld like %s",
                               n->inputs[1]->name, (long long)dst.dims[0], (long long)src.dims[0],
                               n->inputs[0]->name);
    KERF__TRY(read_channels(n, 0, 1, v->groups, &v->src_channels));
    return read_channels(n, 1, 1, v->groups, &v->dst_channels);
}

static kerf_status read_all_channels(const kerf_node *n, kerf__conv *v)
{
    static kerf_status (*const READ[])(const kerf_node *, kerf__conv *) = {
        [KERF__CONV_DST] = read_dst_channels,
        [KERF__CONV_SRC] = read_src_channels,
        [KERF__CONV_WEIGHTS] = read_weights_channels,
    };
    const int64_t groups = kerf_node_int(n, "group", 1);
    if (groups < 1 || groups > shape_of(n, 0).dims[1])
        return kerf__fail_node(KERF_ERR_SHAPE, n, "group is %lld, must be from 1 to %lld",
                               (long long)groups, (long long)shape_of(n, 0).dims[1]);
    v->n = (int)shape_of(n, 0).dims[0];
    v->groups = (int)groups;
    return READ[v->direction](n, v);
}

/* ---- sizes --------------------------------------------------------------------------------- */

/* Zeros before and behind, in all `total`; an odd one goes behind for SAME_UPPER. */
static void split_pads(kerf__conv_axis *a, int64_t total, int more_behind)
{
    total = total < 0 ? 0 : total;
    a->pad = (int)(more_behind ? total / 2 : total - total / 2);
    a->pad_end = (int)(total - a->pad);
}

static kerf_status check_reach(const kerf_node *n, const kerf__conv_axis *a, int64_t padded)
{
    const int64_t reach = kerf__conv_reach(a);
    if (padded >= reach && padded <= MOST)
        return KERF_OK;
    if (padded > MOST)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "an image of %lld pixels with its padding, supported are up to %lld",
                               (long long)padded, (long long)MOST);
    return kerf__fail_node(KERF_ERR_SHAPE, n,
                           "a kernel that reaches over %lld pixels, must be up to %lld: %d, and "
                           "padding of %d and %d",
                           (long long)reach, (long long)padded, a->src, a->pad, a->pad_end);
}

/* dst from src. */
static kerf_status size_dst(const kerf_node *n, const numbers *x, int i, kerf__conv_axis *a)
{
    a->src = (int)shape_of(n, 0).dims[2 + i];
    const int64_t same = (a->src + (int64_t)a->stride - 1) / a->stride;
    if (x->pad == PAD_VALID)
        split_pads(a, 0, 0);
    else if (x->pad != PAD_GIVEN) {
        const int64_t total = (same - 1) * a->stride + kerf__conv_reach(a) - a->src;
        if (total > MOST)
            return check_reach(n, a, total);
        split_pads(a, total, x->pad == PAD_SAME_UPPER);
    }
    const int64_t padded = (int64_t)a->src + a->pad + a->pad_end;
    KERF__TRY(check_reach(n, a, padded));
    a->dst = (int)((padded - kerf__conv_reach(a)) / a->stride + 1);
    return KERF_OK;
}

/* src from dst, as ConvTranspose has it.  Rows of src that no kernel reaches are 0. */
static kerf_status size_src(const kerf_node *n, const numbers *x, int i, kerf__conv_axis *a)
{
    a->dst = (int)shape_of(n, 0).dims[2 + i];
    const int64_t full = (int64_t)a->stride * (a->dst - 1) + kerf__conv_reach(a);
    const int64_t whole = full + x->output_padding[i];
    int64_t src = x->output_shape[i];
    if (x->output_padding[i] > 0 && x->output_padding[i] >= a->stride &&
        x->output_padding[i] >= a->dilation)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "output_padding holds %lld, must be below stride or dilation",
                               (long long)x->output_padding[i]);
    if (whole > MOST)
        return check_reach(n, a, whole);
    if (src == 0 && x->pad != PAD_GIVEN && x->pad != PAD_VALID)
        src = (int64_t)a->dst * a->stride;
    if (src != 0)
        split_pads(a, whole - src, x->pad == PAD_SAME_UPPER);
    else if (x->pad == PAD_VALID)
        split_pads(a, 0, 0);
    if (src == 0)
        src = whole - a->pad - a->pad_end;
    if (src < 1 || src > MOST)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "the result has a size of %lld, must be 1 to %lld", (long long)src,
                               (long long)MOST);
    a->src = (int)src;
    a->pad_end = (int)(full - src - a->pad);
    return KERF_OK;
}

/* Both are known: a gradient. */
static kerf_status check_sizes(const kerf_node *n, int64_t src, int64_t dst, kerf__conv_axis *a)
{
    a->src = (int)src;
    a->dst = (int)dst;
    const int64_t padded = src + a->pad + a->pad_end;
    KERF__TRY(check_reach(n, a, padded));
    const int64_t must = (padded - kerf__conv_reach(a)) / a->stride + 1;
    if (dst == must)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n, "the gradient has a size of %lld, must be %lld",
                           (long long)dst, (long long)must);
}

static kerf_status size_axis(const kerf_node *n, const numbers *x, int i, kerf__conv_axis *a)
{
    const kerf_shape first_shape = shape_of(n, 0), second_shape = weights_shape(n);
    const int64_t *first = first_shape.dims, *second = second_shape.dims;
    *a = (kerf__conv_axis){.kernel = (int)x->kernel[i],
                           .stride = (int)x->strides[i],
                           .dilation = (int)x->dilations[i],
                           .pad = (int)x->pads[i],
                           .pad_end = (int)x->pads[x->num_axes + i]};
    if (direction_of(n) == KERF__CONV_DST)
        return size_dst(n, x, i, a);
    if (kerf__node_is(n, "ConvTranspose"))
        return size_src(n, x, i, a);
    if (direction_of(n) == KERF__CONV_WEIGHTS)
        return check_sizes(n, first[2 + i], second[2 + i], a);
    if (x->output_shape[i] == 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "output_shape is left out, must be there");
    return check_sizes(n, x->output_shape[i], first[2 + i], a);
}

/* ---- all of it ----------------------------------------------------------------------------- */

static int has_input(const kerf_node *n, int i)
{
    return i > 0 && i < n->num_inputs && n->inputs[i] != NULL;
}

static kerf_status check_extras(const kerf_node *n, kerf__conv *v)
{
    const kind *k = kind_of(n);
    const int64_t channels =
        (int64_t)v->groups * (v->direction == KERF__CONV_DST ? v->dst_channels : v->src_channels);
    v->has_bias = has_input(n, k->bias);
    v->has_residual = has_input(n, k->residual);
    if (v->has_bias) {
        KERF__TRY(kerf__node_check_type(n, k->bias, k->is_integer ? KERF_S32 : KERF_F32));
        KERF__TRY(kerf__node_check_shape(n, k->bias, KERF_SHAPE(channels)));
    }
    if (!v->has_residual)
        return KERF_OK;
    return k->is_integer ? kerf__node_check_bytes(n, k->residual)
                         : kerf__node_check_stored(n, k->residual);
}

kerf_status kerf__conv_read(const kerf_node *n, kerf__conv *out)
{
    numbers x;
    kerf__conv v = {.direction = direction_of(n),
                    .activation = kerf__activation_of(n),
                    .h = {1, 1, 1, 0, 0, 1, 1}};
    KERF__TRY(check_tensor(n, 0));
    KERF__TRY(check_tensor(n, kind_of(n)->weights));
    KERF__TRY(read_lanes(n, &v));
    KERF__TRY(read_all_channels(n, &v));
    KERF__TRY(read_numbers(n, &x));
    if (x.num_axes == 2)
        KERF__TRY(size_axis(n, &x, 0, &v.h));
    KERF__TRY(size_axis(n, &x, x.num_axes - 1, &v.w));
    KERF__TRY(check_extras(n, &v));
    *out = v;
    return KERF_OK;
}

kerf__conv kerf__conv_of(const kerf_node *n)
{
    kerf__conv v = {0};
    const kerf_status status = kerf__conv_read(n, &v);
    assert(status == KERF_OK); /* infer has read it */
    (void)status;
    return v;
}

double kerf__conv_macs(const kerf__conv *v)
{
    return (double)v->n * v->groups * v->dst_channels * v->h.dst * v->w.dst *
           ((double)v->src_channels * v->h.kernel * v->w.kernel);
}

double kerf__conv_pairs(const kerf__conv_axis *a)
{
    double pairs = 0;
    for (int k = 0; k < a->kernel; k++) {
        const int64_t shift =
            (int64_t)k * a->dilation - a->pad; /* pixel p meets p * stride + shift */
        const int64_t first = shift >= 0 ? 0 : (a->stride - 1 - shift) / a->stride;
        const int64_t end = shift >= a->src ? 0 : (a->src - shift + a->stride - 1) / a->stride;
        if (first < end && first < a->dst)
            pairs += (double)((end < a->dst ? end : a->dst) - first);
    }
    return pairs;
}

kerf__buffer *kerf__conv_bias(const kerf__op_case *c, const kerf__conv *v)
{
    return v->has_bias ? kerf__in(c, kind_of(c->node)->bias) : kerf__out(c, 0);
}

kerf__buffer *kerf__conv_residual(const kerf__op_case *c, const kerf__conv *v)
{
    return v->has_residual ? kerf__in(c, kind_of(c->node)->residual) : kerf__out(c, 0);
}
