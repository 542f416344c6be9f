/* ref_move.c -- where every element of the output comes from, asked one by one.
 *
 * An index is a list of coordinates; each operation is a rule from those of the output to
 * those of the input. */
#include "ref/ref.h"

#include <string.h>

enum { RANK = KERF_MAX_RANK };

static void coordinates(kerf_shape shape, int64_t i, int64_t *at)
{
    for (int k = shape.rank - 1; k >= 0; k--) {
        at[k] = i % shape.dims[k];
        i /= shape.dims[k];
    }
}

static int64_t position(kerf_shape shape, const int64_t *at)
{
    int64_t i = 0;
    for (int k = 0; k < shape.rank; k++)
        i = i * shape.dims[k] + at[k];
    return i;
}

/* The list in attribute `key` or constant input `input`; *num 0 if it is in neither. */
static const int64_t *list(const kerf_node *n, const char *key, int input, size_t *num)
{
    if (input < n->num_inputs && n->inputs[input] != NULL) {
        *num = kerf_tensor_num_elements(n->inputs[input]->constant);
        return kerf_tensor_data(n->inputs[input]->constant);
    }
    return kerf_node_ints(n, key, num);
}

static void from_transpose(const kerf_node *n, const int64_t *to, int64_t *from)
{
    size_t num;
    const int64_t *perm = kerf_node_ints(n, "perm", &num);
    const int rank = n->inputs[0]->shape.rank;
    for (int i = 0; i < rank; i++)
        from[perm != NULL ? perm[i] : rank - 1 - i] = to[i];
}

static void from_tile(const kerf_node *n, const int64_t *to, int64_t *from)
{
    for (int i = 0; i < n->inputs[0]->shape.rank; i++)
        from[i] = to[i] % n->inputs[0]->shape.dims[i];
}

/* As the words of the operator: for i in range(len(x))[start:end:step]. */
static void from_slice(const kerf_node *n, const int64_t *to, int64_t *from)
{
    size_t num, num_axes, num_steps;
    const int64_t *starts = list(n, "starts", 1, &num), *axes = list(n, "axes", 3, &num_axes);
    const int64_t *steps = list(n, "steps", 4, &num_steps);
    const kerf_shape src = n->inputs[0]->shape;
    for (int i = 0; i < src.rank; i++)
        from[i] = to[i];
    for (size_t k = 0; k < num; k++) {
        const int64_t axis = axes == NULL ? (int64_t)k : axes[k] + (axes[k] < 0 ? src.rank : 0);
        const int64_t step = steps == NULL ? 1 : steps[k], dim = src.dims[axis];
        int64_t start = starts[k] < 0 ? starts[k] + dim : starts[k];
        if (start > (step < 0 ? dim - 1 : dim))
            start = step < 0 ? dim - 1 : dim;
        from[axis] = (start < 0 ? 0 : start) + to[axis] * step;
    }
}

/* Pixel (h, w) of channel c lies in block (h / b, w / b), where it is number (h % b, w % b). */
static void from_depth_to_space(const kerf_node *n, const int64_t *to, int64_t *from)
{
    const int64_t b = kerf_node_int(n, "blocksize", 1), inside = to[2] % b * b + to[3] % b;
    const int64_t channels = n->inputs[0]->shape.dims[1] / (b * b);
    const int crd = strcmp(kerf_node_string(n, "mode", "DCR"), "CRD") == 0;
    from[0] = to[0];
    from[1] = crd ? to[1] * b * b + inside : inside * channels + to[1];
    from[2] = to[2] / b;
    from[3] = to[3] / b;
}

static void from_space_to_depth(const kerf_node *n, const int64_t *to, int64_t *from)
{
    const int64_t b = kerf_node_int(n, "blocksize", 1), channels = n->inputs[0]->shape.dims[1];
    const int crd = strcmp(kerf_node_string(n, "mode", "DCR"), "CRD") == 0;
    const int64_t inside = crd ? to[1] % (b * b) : to[1] / channels;
    from[0] = to[0];
    from[1] = crd ? to[1] / (b * b) : to[1] % channels;
    from[2] = to[2] * b + inside / b;
    from[3] = to[3] * b + inside % b;
}

static const struct {
    const char *op;
    void (*from)(const kerf_node *n, const int64_t *to, int64_t *from);
} RULES[] = {
    {"DepthToSpace", from_depth_to_space}, {"Slice", from_slice},
    {"SpaceToDepth", from_space_to_depth}, {"Tile", from_tile},
    {"Transpose", from_transpose},
};

static int axis_of(const kerf_node *n)
{
    const int64_t axis = kerf_node_int(n, "axis", 0);
    return (int)(axis < 0 ? axis + n->inputs[0]->shape.rank : axis);
}

static void concat(const kerf_node *n, const double *const *inputs, double *dst)
{
    const kerf_shape shape = n->outputs[0]->shape;
    for (int64_t i = 0; i < kerf_shape_num_elements(shape); i++) {
        int64_t at[RANK];
        int part = 0;
        coordinates(shape, i, at);
        while (at[axis_of(n)] >= n->inputs[part]->shape.dims[axis_of(n)])
            at[axis_of(n)] -= n->inputs[part++]->shape.dims[axis_of(n)];
        dst[i] = inputs[part][position(n->inputs[part]->shape, at)];
    }
}

static void split(const kerf_node *n, const double *src, double *const *outputs)
{
    const kerf_shape shape = n->inputs[0]->shape;
    for (int64_t i = 0; i < kerf_shape_num_elements(shape); i++) {
        int64_t at[RANK];
        int part = 0;
        coordinates(shape, i, at);
        while (at[axis_of(n)] >= n->outputs[part]->shape.dims[axis_of(n)])
            at[axis_of(n)] -= n->outputs[part++]->shape.dims[axis_of(n)];
        outputs[part][position(n->outputs[part]->shape, at)] = src[i];
    }
}

static void slice_grad(const kerf_node *n, const double *src, double *dst)
{
    size_t num;
    const int64_t *starts = kerf_node_ints(n, "starts", &num);
    const int64_t *steps = kerf_node_ints(n, "steps", &num);
    for (int64_t i = 0; i < kerf_shape_num_elements(n->outputs[0]->shape); i++)
        dst[i] = 0;
    for (int64_t i = 0; i < kerf_shape_num_elements(n->inputs[0]->shape); i++) {
        int64_t at[RANK];
        coordinates(n->inputs[0]->shape, i, at);
        for (int k = 0; k < n->inputs[0]->shape.rank; k++)
            at[k] = starts[k] + at[k] * steps[k];
        dst[position(n->outputs[0]->shape, at)] = src[i];
    }
}

/* Where coordinate i of a padded line of `dim` comes from; -1: from nowhere. */
static int64_t unpadded(const char *mode, int64_t i, int64_t dim)
{
    if (i >= 0 && i < dim)
        return i;
    if (strcmp(mode, "edge") == 0)
        return i < 0 ? 0 : dim - 1;
    if (strcmp(mode, "reflect") == 0)
        return i < 0 ? -i : 2 * (dim - 1) - i;
    return strcmp(mode, "wrap") == 0 ? (i + dim) % dim : -1;
}

static void pad(const kerf_node *n, const double *const *inputs, double *dst)
{
    const kerf_shape src = n->inputs[0]->shape, shape = n->outputs[0]->shape;
    const double value = n->num_inputs > 2 && n->inputs[2] != NULL ? inputs[2][0] : 0;
    size_t num, num_axes;
    const int64_t *pads = list(n, "pads", 1, &num), *axes = list(n, "axes", 3, &num_axes);
    for (int64_t i = 0; i < kerf_shape_num_elements(shape); i++) {
        int64_t at[RANK];
        int inside = 1;
        coordinates(shape, i, at);
        for (size_t a = 0; a < num / 2; a++)
            at[axes == NULL ? (int64_t)a : axes[a] + (axes[a] < 0 ? src.rank : 0)] -= pads[a];
        for (int k = 0; k < src.rank; k++) {
            at[k] = unpadded(kerf_node_string(n, "mode", "constant"), at[k], src.dims[k]);
            inside &= at[k] >= 0;
        }
        dst[i] = inside ? inputs[0][position(src, at)] : value;
    }
}

REF(move)
{
    const kerf_shape dst = n->outputs[0]->shape;
    if (strcmp(n->op, "Concat") == 0)
        concat(n, inputs, outputs[0]);
    else if (strcmp(n->op, "Split") == 0)
        split(n, inputs[0], outputs);
    else if (strcmp(n->op, "Pad") == 0)
        pad(n, inputs, outputs[0]);
    else if (strcmp(n->op, "kerf.SliceGrad") == 0)
        slice_grad(n, inputs[0], outputs[0]);
    for (size_t r = 0; r < sizeof RULES / sizeof RULES[0]; r++)
        for (int64_t i = 0; strcmp(RULES[r].op, n->op) == 0 && i < kerf_shape_num_elements(dst);
             i++) {
            int64_t to[RANK], from[RANK];
            coordinates(dst, i, to);
            RULES[r].from(n, to, from);
            outputs[0][i] = inputs[0][position(n->inputs[0]->shape, from)];
        }
}
