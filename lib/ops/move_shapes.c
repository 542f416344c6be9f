/* ops/move_shapes.c -- operations that put all of their input elsewhere: Transpose, DepthToSpace,
 * SpaceToDepth, Tile.  A box each (move_common.h). */
#include <string.h>

#include "base/fail.h"
#include "ops/move_common.h"

/* All of src in another order: dimension i of the result is perm[i] of src. */
static void add_permuted(kerf__box *b, kerf_shape src, const int *perm)
{
    int64_t strides[KERF_MAX_RANK], stride = 1;
    kerf__move_strides(src, strides);
    for (int i = 0; i < src.rank; i++)
        kerf__box_add_dim(b, src.dims[perm[i]], strides[perm[i]], 0);
    for (int i = src.rank - 1; i >= 0; i--) {
        b->dst_strides[i] = stride;
        stride *= b->dims[i];
    }
}

/* ---- Transpose --------------------------------------------------------------------------- */

static kerf_status permutation(const kerf_node *n, int *perm)
{
    const int rank = n->inputs[0]->shape.rank;
    unsigned seen = 0;
    size_t num;
    const int64_t *given = kerf_node_ints(n, "perm", &num);
    for (int i = 0; i < rank; i++)
        perm[i] = rank - 1 - i;
    if (given == NULL)
        return KERF_OK;
    if (num != (size_t)rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "perm has %zu numbers, must have %d", num, rank);
    for (int i = 0; i < rank; i++) {
        if (given[i] < 0 || given[i] >= rank || (seen >> given[i] & 1u) != 0)
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "perm[%d] is %lld, must be each of 0 to %d once", i,
                                   (long long)given[i], rank - 1);
        seen |= 1u << given[i];
        perm[i] = (int)given[i];
    }
    return KERF_OK;
}

static kerf_status infer_transpose(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf_shape dst = src;
    int perm[KERF_MAX_RANK];
    KERF__TRY(permutation(n, perm));
    for (int i = 0; i < src.rank; i++)
        dst.dims[i] = src.dims[perm[i]];
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static void box_transpose(const kerf_node *n, int i, kerf__box *b)
{
    int perm[KERF_MAX_RANK];
    (void)i;
    if (permutation(n, perm) == KERF_OK) /* it was, in infer */
        add_permuted(b, n->inputs[0]->shape, perm);
}

/* ---- DepthToSpace, SpaceToDepth ------------------------------------------------------------ */

/* Six dimensions and their order.  mode CRD has a block's pixels inside a channel, DCR, which is
 * all that ONNX knows for SpaceToDepth, channels inside a block's pixel. */
typedef struct blocks {
    kerf_shape six;
    int perm[6];
} blocks;

static int is_crd(const kerf_node *n)
{
    return strcmp(kerf_node_string(n, "mode", "DCR"), "CRD") == 0;
}

static blocks blocks_of(const kerf_node *n)
{
    const kerf_shape s = n->inputs[0]->shape;
    const int64_t b = kerf_node_int(n, "blocksize", 1);
    const int64_t N = s.dims[0], C = s.dims[1], H = s.dims[2], W = s.dims[3];
    if (strcmp(n->op, "SpaceToDepth") == 0)
        return is_crd(n) ? (blocks){{6, {N, C, H / b, b, W / b, b}}, {0, 1, 3, 5, 2, 4}}
                         : (blocks){{6, {N, C, H / b, b, W / b, b}}, {0, 3, 5, 1, 2, 4}};
    return is_crd(n) ? (blocks){{6, {N, C / (b * b), b, b, H, W}}, {0, 1, 4, 2, 5, 3}}
                     : (blocks){{6, {N, b, b, C / (b * b), H, W}}, {0, 3, 4, 1, 5, 2}};
}

static kerf_status infer_blocks(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t b = kerf_node_int(n, "blocksize", 0);
    const int to_depth = strcmp(n->op, "SpaceToDepth") == 0;
    char text[128];
    if (src.rank != 4 || b < 1 || b > 32768 ||
        (to_depth ? src.dims[2] % b != 0 || src.dims[3] % b != 0 : src.dims[1] % (b * b) != 0))
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "input is %s, blocksize %lld; must be (N, C, H, W) with %s",
                               kerf_shape_text(src, text, sizeof text), (long long)b,
                               to_depth ? "H and W multiples of it" : "C a multiple of its square");
    const int64_t area = b * b;
    if (!to_depth && (src.dims[2] > KERF__MOST_MOVED / b || src.dims[3] > KERF__MOST_MOVED / b))
        return kerf__fail_node(KERF_ERR_SHAPE, n, "its result is larger than 2^62 bytes");
    const kerf_shape dst =
        to_depth ? KERF_SHAPE(src.dims[0],
                              src.dims[1] > KERF__MOST_MOVED / area ? -1 : src.dims[1] * area,
                              src.dims[2] / b, src.dims[3] / b)
                 : KERF_SHAPE(src.dims[0], src.dims[1] / area, src.dims[2] * b, src.dims[3] * b);
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static void box_blocks(const kerf_node *n, int i, kerf__box *b)
{
    const blocks k = blocks_of(n);
    (void)i;
    add_permuted(b, k.six, k.perm);
}

/* ---- Tile -------------------------------------------------------------------------------- */

static kerf_status infer_tile(kerf_node *n)
{
    kerf_shape dst = n->inputs[0]->shape;
    kerf__ints repeats;
    KERF__TRY(kerf__node_get_ints(n, "repeats", 1, &repeats));
    if (repeats.num != (size_t)dst.rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %zu repeats, must have %d", repeats.num,
                               dst.rank);
    for (int i = 0; i < dst.rank; i++) {
        if (repeats.items[i] < 0 ||
            (dst.dims[i] > 0 && repeats.items[i] > KERF__MOST_MOVED / dst.dims[i]))
            return kerf__fail_node(KERF_ERR_SHAPE, n,
                                   "repeats[%d] is %lld, must be 0 or more and the result below "
                                   "2^62",
                                   i, (long long)repeats.items[i]);
        dst.dims[i] *= repeats.items[i];
    }
    kerf__set_output(n, 0, n->inputs[0]->type, dst);
    return KERF_OK;
}

static void box_tile(const kerf_node *n, int i, kerf__box *b)
{
    const kerf_shape src = n->inputs[0]->shape, dst = n->outputs[0]->shape;
    int64_t from[KERF_MAX_RANK], to[KERF_MAX_RANK];
    (void)i;
    kerf__move_strides(src, from);
    kerf__move_strides(dst, to);
    for (int k = 0; k < src.rank; k++) {
        kerf__box_add_dim(b, dst.dims[k] / src.dims[k], 0, to[k] * src.dims[k]);
        kerf__box_add_dim(b, src.dims[k], from[k], to[k]);
    }
}

/* ---- rules ------------------------------------------------------------------------------- */

const kerf__move_rule kerf__move_transpose = {.infer = infer_transpose, .box = box_transpose};
const kerf__move_rule kerf__move_blocks = {.infer = infer_blocks, .box = box_blocks};
const kerf__move_rule kerf__move_tile = {.infer = infer_tile, .box = box_tile};
