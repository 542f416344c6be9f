/* plan/fuse_passing.c -- what only moves numbers, or takes the largest of some, does so with the
 * integers themselves.
 *
 *     DequantizeLinear(x) -> Transpose, say -> QuantizeLinear
 *     DequantizeLinear(a), DequantizeLinear(b), ... -> Concat -> QuantizeLinear
 *
 * with one scale and zero point on all sides is the operation on x, or on a, b, ...: an integer
 * that became a float becomes itself again, since two roundings move a quotient of up to 2^16 by
 * less than a half.  Only a scale so small or large that kernels/quant.clh does not promise
 * its division stays.
 *
 * Other halves: fuse.c, which has the order of rules; fuse_integer.c: what computes. */
#include <string.h>

#include "base/fail.h"
#include "plan/plan_internal.h"

/* Maxima pass, since a larger integer is a larger float; nothing but padding gives the least there
 * is on either way. */
static const struct {
    const char *op;
    int joins;        /* all its inputs are moved, not the first alone */
    const char *mode; /* the only one that computes nothing; NULL: whichever it is in */
    size_t most_bits; /* of integers that it takes; 0: any */
} MOVES[] = {
    {"Concat", 1, NULL, 0},        {"DepthToSpace", 0, NULL, 0}, {"Flatten", 0, NULL, 0},
    {"GlobalMaxPool", 0, NULL, 8}, {"Identity", 0, NULL, 0},     {"MaxPool", 0, NULL, 8},
    {"Reshape", 0, NULL, 0},       {"Resize", 0, "nearest", 0},  {"Slice", 0, NULL, 0},
    {"SpaceToDepth", 0, NULL, 0},  {"Squeeze", 0, NULL, 0},      {"Tile", 0, NULL, 0},
    {"Transpose", 0, NULL, 0},     {"Unsqueeze", 0, NULL, 0},
};

/* How many inputs it moves, the first ones; 0: it does something else. */
static int num_moved(const kerf_node *n, kerf_type type)
{
    for (size_t i = 0; n != NULL && i < sizeof MOVES / sizeof MOVES[0]; i++) {
        const char *mode = MOVES[i].mode;
        if (strcmp(MOVES[i].op, n->op) == 0 &&
            (MOVES[i].most_bits == 0 || kerf_type_bits(type) <= MOVES[i].most_bits) &&
            (mode == NULL || strcmp(mode, kerf_node_string(n, "mode", mode)) == 0))
            return MOVES[i].joins ? n->num_inputs : 1;
    }
    return 0;
}

static const kerf_value *zero_of(const kerf_node *n)
{
    return n->num_inputs > 2 ? n->inputs[2] : NULL;
}

/* 1 if v came of integers of the same meaning as those that `quantize` makes, by a scale whose
 * multiples every device divides exactly enough. */
static int comes_of_same(const kerf_value *v, const kerf_node *quantize)
{
    const kerf_node *n = v->producer;
    const kerf_type type = quantize->outputs[0]->type;
    return kerf__node_is(n, "DequantizeLinear") && n->inputs[0]->type == type &&
           kerf_type_bits(type) >= 8 && kerf__plan_is_plain_scale(n->inputs[1], 0x1p100f) &&
           kerf__plan_holds_same(n->inputs[1], quantize->inputs[1]) &&
           kerf__plan_holds_same(zero_of(n), zero_of(quantize));
}

kerf_status kerf__plan_fuse_passing(kerf_graph *g, kerf_node *quantize)
{
    const kerf_value *floats = quantize->inputs[0];
    kerf_node *n = floats->producer;
    const int num = num_moved(n, quantize->outputs[0]->type);
    if (num == 0 || !kerf__plan_is_read_once(floats) || quantize->outputs[0]->next_of >= 0)
        return KERF_OK;
    for (int i = 0; i < num; i++)
        if (!comes_of_same(n->inputs[i], quantize))
            return KERF_OK;
    for (int i = 0; i < num; i++)
        kerf__node_set_input(n, i, n->inputs[i]->producer->inputs[0]);
    KERF__TRY(kerf__node_infer(n));
    kerf__graph_replace_uses(g, quantize->outputs[0], n->outputs[0]);
    return KERF_OK;
}
