/* same_graph.h -- compares two graphs and their states, bit by bit. */
#ifndef KERF_TESTS_SAME_GRAPH_H
#define KERF_TESTS_SAME_GRAPH_H

#include <string.h>

#include "check.h"
#include "graph/graph_internal.h"
#include "kerf/state.h"

static inline void check_same_text(const char *what, const char *got, const char *want)
{
    if (got != NULL && want != NULL && strcmp(got, want) == 0)
        return;
    printf("%s is '%s', must be '%s'\n", what, got != NULL ? got : "(none)",
           want != NULL ? want : "(none)");
    check_failures++;
}

static inline void check_message(const char *want)
{
    check_same_text("message", kerf_last_error(), want);
}

static inline int same_tensor(const kerf_tensor *a, const kerf_tensor *b)
{
    return kerf_tensor_type(a) == kerf_tensor_type(b) &&
           kerf_shape_equal(kerf_tensor_shape(a), kerf_tensor_shape(b)) &&
           memcmp(kerf_tensor_data((kerf_tensor *)a), kerf_tensor_data((kerf_tensor *)b),
                  kerf_tensor_size_bytes(a)) == 0;
}

static inline int same_floats(const float *a, const float *b, size_t num)
{
    return num == 0 || memcmp(a, b, num * sizeof *a) == 0;
}

static inline int same_attribute(const kerf__attribute *a, const kerf__attribute *b)
{
    if (b == NULL || a->kind != b->kind || a->num != b->num || a->as_int != b->as_int ||
        !same_floats(&a->as_float, &b->as_float, 1))
        return 0;
    switch (a->kind) {
    case KERF__ATTRIBUTE_INTS:
        return a->num == 0 || memcmp(a->ints, b->ints, a->num * sizeof *a->ints) == 0;
    case KERF__ATTRIBUTE_FLOATS:
        return same_floats(a->floats, b->floats, a->num);
    case KERF__ATTRIBUTE_STRING:
        return strcmp(a->string, b->string) == 0;
    case KERF__ATTRIBUTE_TENSOR:
        return same_tensor(a->tensor, b->tensor);
    default:
        return 1;
    }
}

/* Dimensions may stand for the same symbol under different numbers. */
static inline int same_shape(const kerf_value *a, const kerf_value *b)
{
    int same = a->shape.rank == b->shape.rank;
    for (int d = 0; same && d < a->shape.rank; d++) {
        int64_t x = a->shape.dims[d], y = b->shape.dims[d];
        same = (x < 0) == (y < 0) && (x < 0 ? strcmp(kerf_graph_symbol_name(a->graph, x),
                                                     kerf_graph_symbol_name(b->graph, y)) == 0
                                            : x == y);
    }
    return same;
}

static inline void check_same_value(const kerf_value *a, const kerf_value *b)
{
    CHECK((a == NULL) == (b == NULL));
    if (a == NULL || b == NULL)
        return;
    check_same_text("value", b->name, a->name);
    int same = a->kind == b->kind && a->type == b->type && a->next_of == b->next_of;
    if (!same || (a->kind == KERF__VALUE_CONSTANT && !same_tensor(a->constant, b->constant))) {
        printf("value '%s' is not the same\n", a->name);
        check_failures++;
    }
}

static inline void check_same_node(const kerf_node *a, const kerf_node *b)
{
    check_same_text("operation", b->op, a->op);
    check_same_text("node", b->name, a->name);
    CHECK(a->num_inputs == b->num_inputs && a->num_outputs == b->num_outputs &&
          a->num_attributes == b->num_attributes);
    for (int i = 0; i < a->num_inputs && i < b->num_inputs; i++)
        check_same_value(a->inputs[i], b->inputs[i]);
    for (int i = 0; i < a->num_outputs && i < b->num_outputs; i++)
        check_same_value(a->outputs[i], b->outputs[i]);
    for (size_t i = 0; i < a->num_attributes; i++)
        if (!same_attribute(&a->attributes[i], kerf__node_attribute(b, a->attributes[i].key))) {
            printf("attribute '%s' of '%s' is not the same\n", a->attributes[i].key, a->name);
            check_failures++;
        }
}

/* Nodes, inputs, outputs and metadata; shapes of inputs and outputs.  Metadata of b that
 * stands for what a file says outside ("kerf.graph") is passed over. */
static inline void check_same_graph(const kerf_graph *a, const kerf_graph *b)
{
    CHECK(a->num_nodes == b->num_nodes && a->num_inputs == b->num_inputs &&
          a->num_outputs == b->num_outputs);
    for (size_t i = 0; i < a->num_nodes && i < b->num_nodes; i++)
        check_same_node(a->nodes[i], b->nodes[i]);
    for (size_t i = 0; i < a->num_inputs && i < b->num_inputs; i++) {
        check_same_value(a->inputs[i], b->inputs[i]);
        CHECK(same_shape(a->inputs[i], b->inputs[i]));
    }
    for (size_t i = 0; i < a->num_outputs && i < b->num_outputs; i++) {
        check_same_value(a->outputs[i], b->outputs[i]);
        CHECK(same_shape(a->outputs[i], b->outputs[i]));
    }
    for (size_t i = 0; i < a->num_metadata; i++)
        check_same_text(a->metadata[2 * i], kerf_graph_metadata(b, a->metadata[2 * i]),
                        a->metadata[2 * i + 1]);
}

/* Every entry of a is in b, by name. */
static inline void check_same_state(const kerf_state *a, const kerf_state *b)
{
    for (int id = 0; id < kerf_state_num_ids(a); id++) {
        const kerf_state_entry *x = kerf_state_get(a, id), *y = kerf_state_find(b, x->name);
        if (y == NULL || x->role != y->role || !same_tensor(x->tensor, y->tensor)) {
            printf("state '%s' is not the same\n", x->name);
            check_failures++;
        }
    }
}

#endif
