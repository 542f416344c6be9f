/* packed_check.h -- a product of bytes with its weights packed, as the plan would have them:
 *
 *     op_check_node(&c, "MatMulInteger", 1);          with its attributes, shapes inferred
 *     if (packed_begin(&packed, &c, weights)) {       an input's number
 *         op_check_variants(&packed, packed_reference, 0);
 *         op_check_end(&packed);
 *     } */
#ifndef KERF_PACKED_CHECK_H
#define KERF_PACKED_CHECK_H

#include "laid_check.h"
#include "op_check.h"
#include "ops/layout_common.h"
#include "ref/ref.h"

static const op_check *packed_from; /* which the definition knows */

static inline void packed_reference(const kerf_node *n, const double *const *inputs,
                                    double *const *outputs)
{
    (void)n;
    (void)inputs;
    ref_matmul_integer(packed_from->node, (const double *const *)packed_from->numbers, outputs);
}

static inline void packed_add_weights(op_check *to, const op_check *from, int i,
                                      kerf__layout layout)
{
    const kerf_value *v = from->inputs[i];
    const kerf_shape laid = kerf__layout_shape(layout, v->shape);
    const size_t num = (size_t)kerf_shape_num_elements(laid);
    double *numbers = malloc((num + 1) * sizeof *numbers);
    uint8_t *data = malloc(num + 1);
    ref_pack_words(v->type, v->shape, kerf__layout_axis(layout), from->numbers[i], numbers);
    for (size_t k = 0; k < num; k++)
        data[k] = (uint8_t)(int)numbers[k];
    op_check_input(to, v->type, laid, data);
    free(numbers);
    free(data);
}

/* What the node wishes of weights that no step changes. */
static inline int packed_is_wished(const op_check *c, int weights, kerf__layouts *layouts)
{
    kerf_value *v = c->inputs[weights];
    *layouts = (kerf__layouts){0};
    v->kind = KERF__VALUE_STATE;
    const kerf__wish wish = kerf__op_find(c->node->op)->layouts(c->node, layouts);
    v->kind = KERF__VALUE_INPUT;
    return wish == KERF__SEEKS && laid_is_done_on(c);
}

static inline void packed_add_input(op_check *to, const op_check *from, int i, int weights,
                                    kerf__layout layout)
{
    const kerf_value *v = from->inputs[i];
    if (v == NULL)
        op_check_skip(to);
    else if (i == weights)
        packed_add_weights(to, from, i, layout);
    else if (v->kind == KERF__VALUE_CONSTANT)
        op_check_constant(to, v->type, v->shape, from->data[i]);
    else
        op_check_input(to, v->type, v->shape, from->data[i]);
}

/* 0 where the node does not ask for them, or the device's plans lay nothing out. */
static inline int packed_begin(op_check *to, const op_check *from, int weights)
{
    kerf__layouts layouts;
    if (!packed_is_wished(from, weights, &layouts))
        return 0;
    op_check_begin(to, from->dev);
    for (int i = 0; i < from->num_inputs; i++)
        packed_add_input(to, from, i, weights, layouts.inputs[weights]);
    op_check_node(to, from->node->op, from->node->num_outputs);
    CHECK_OK(kerf__node_note_channels(from->node, &layouts));
    CHECK_OK(kerf__node_copy_attributes(to->node, from->node));
    CHECK_OK(kerf__node_set_layouts(to->node, &layouts));
    packed_from = from;
    return 1;
}

#endif
