/* ops/move_rules.c -- which rule an operation that only moves data has, and what comes of it; see
 * move_common.h. */
#include <string.h>

#include "base/fail.h"
#include "ops/move_common.h"

static const kerf__move_rule *rule_of(const kerf_node *n)
{
    static const struct {
        const char *op;
        const kerf__move_rule *rule;
    } RULES[] = {
        {"Concat", &kerf__move_concat},
        {"DepthToSpace", &kerf__move_blocks},
        {"Pad", &kerf__move_pad},
        {"Slice", &kerf__move_slice},
        {"SpaceToDepth", &kerf__move_blocks},
        {"Split", &kerf__move_split},
        {"Tile", &kerf__move_tile},
        {"Transpose", &kerf__move_transpose},
        {"kerf.SliceGrad", &kerf__move_slice_grad},
    };
    int i = 0;
    while (strcmp(RULES[i].op, n->op) != 0)
        i++;
    return RULES[i].rule;
}

int kerf__move_num_boxes(const kerf_node *n)
{
    const kerf__move_rule *r = rule_of(n);
    if (r->num_boxes != NULL)
        return r->num_boxes(n);
    return r->each == KERF__MOVE_INPUT    ? n->num_inputs
           : r->each == KERF__MOVE_OUTPUT ? n->num_outputs
                                          : 1;
}

kerf__box kerf__move_box(const kerf_node *n, int i)
{
    const kerf__move_rule *r = rule_of(n);
    kerf__box b = {.src = r->each == KERF__MOVE_INPUT ? i : 0,
                   .dst = r->each == KERF__MOVE_OUTPUT ? i : 0};
    if (kerf__value_elements(n->inputs[b.src]) == 0 ||
        kerf__value_elements(n->outputs[b.dst]) == 0 || i >= kerf__move_num_boxes(n))
        return (kerf__box){.rank = 1};
    r->box(n, i, &b);
    return kerf__box_finish(&b);
}

int kerf__move_fills(const kerf_node *n, uint64_t *bits)
{
    const kerf__move_rule *r = rule_of(n);
    return r->fills != NULL && r->fills(n, bits);
}

kerf_status kerf__move_infer(kerf_node *n)
{
    KERF__TRY(kerf__node_check_movable(n, 0));
    KERF__TRY(rule_of(n)->infer(n));
    for (int i = 0; i < n->num_outputs; i++)
        if (kerf__value_elements(n->outputs[i]) < 0)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "its result is larger than 2^62 bytes");
    const int rank = kerf__move_box(n, 0).rank; /* of several, none has more than its input */
    if (rank > KERF__BOX_RANK)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "copies over %d dimensions, supported are up to %d", rank,
                               KERF__BOX_RANK);
    return KERF_OK;
}
