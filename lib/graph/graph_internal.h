/* graph/graph_internal.h -- what lies inside a graph, and edits that only the library makes.
 *
 * Upper rooms read these fields; they change them through functions only, but for type,
 * shape and next_of of a value, which shape rules and the training graph set.
 *
 * Other half: graph.c (life, looking), graph_build.c, attributes.c, edit.c, sort.c, verify.c,
 * layer_pattern.c. */
#ifndef KERF_GRAPH_INTERNAL_H
#define KERF_GRAPH_INTERNAL_H

#include "base/names.h"
#include "kerf/graph.h"

typedef enum kerf__value_kind {
    KERF__VALUE_INPUT,
    KERF__VALUE_STATE,
    KERF__VALUE_CONSTANT,
    KERF__VALUE_RESULT /* of a node */
} kerf__value_kind;

struct kerf_value {
    char *name; /* owned */
    kerf__value_kind kind;
    kerf_type type;
    kerf_shape shape;      /* rank -1: not known yet */
    int index;             /* position in graph->values */
    int state_id;          /* KIND_STATE, else -1 */
    int next_of;           /* RESULT that is the next value of this state, else -1 */
    kerf_tensor *constant; /* KIND_CONSTANT, owned, host */
    kerf_node *producer;   /* RESULT, else NULL */
    kerf_graph *graph;     /* borrowed */
};

typedef enum kerf__attribute_kind {
    KERF__ATTRIBUTE_INT,
    KERF__ATTRIBUTE_FLOAT,
    KERF__ATTRIBUTE_INTS,
    KERF__ATTRIBUTE_FLOATS,
    KERF__ATTRIBUTE_STRING,
    KERF__ATTRIBUTE_TENSOR
} kerf__attribute_kind;

typedef struct kerf__attribute {
    char *key; /* owned */
    kerf__attribute_kind kind;
    int64_t as_int;
    float as_float;
    int64_t *ints;       /* owned */
    float *floats;       /* owned */
    char *string;        /* owned */
    kerf_tensor *tensor; /* owned, host */
    size_t num;
} kerf__attribute;

struct kerf_node {
    char *op, *name;                /* owned */
    kerf_value **inputs, **outputs; /* arrays owned; an input may be NULL */
    int num_inputs, num_outputs;
    kerf__attribute *attributes; /* owned, in order of setting */
    size_t num_attributes, attribute_capacity;
    int index;         /* position in graph->nodes */
    kerf_graph *graph; /* borrowed */
};

struct kerf_graph {
    kerf_value **values; /* owned, each too */
    kerf_node **nodes;   /* owned, each too; in order */
    kerf_value **inputs, **outputs;
    size_t num_values, num_nodes, num_inputs, num_outputs;
    size_t value_capacity, node_capacity, input_capacity, output_capacity;
    char **symbols; /* symbol i is dimension -1 - i */
    size_t num_symbols, symbol_capacity;
    char **metadata; /* key, text, key, text */
    size_t num_metadata, metadata_capacity;
    kerf__names names; /* of values */
};

/* Appends a value without a meaning yet; name NULL or "" gives a fresh one. */
kerf_status kerf__graph_add_value(kerf_graph *g, const char *name, kerf__value_kind kind,
                                  kerf_value **out);
/* For a graph that is read back value by value: v, a result nobody makes yet, becomes the
 * node's next output; v, an input, the graph's next input. */
kerf_status kerf__node_adopt_output(kerf_node *n, kerf_value *v);
kerf_status kerf__graph_list_input(kerf_graph *g, kerf_value *v);
/* Takes back what was appended last, which nobody may use yet. */
void kerf__graph_pop_value(kerf_graph *g);
void kerf__value_destroy(kerf_value *v); /* NULL is allowed, as below */
void kerf__node_destroy(kerf_node *n);

int kerf__node_is(const kerf_node *n, const char *op);                            /* n NULL: 0 */
const kerf__attribute *kerf__node_attribute(const kerf_node *n, const char *key); /* or NULL */
kerf_status kerf__node_set_tensor(kerf_node *n, const char *key, kerf_tensor *t /* taken */);
kerf_status kerf__node_copy_attributes(kerf_node *dst, const kerf_node *src);

/* A name that no value has yet: `base`, or `base` with a number behind it.  Owned by the
 * caller; NULL without memory. */
char *kerf__graph_fresh_name(const kerf_graph *g, const char *base);

/* Everyone who reads `old` (graph outputs too) reads `replacement` instead. */
void kerf__graph_replace_uses(kerf_graph *g, kerf_value *old, kerf_value *replacement);
int kerf__value_num_uses(const kerf_value *v); /* by nodes and as graph output */
/* The node whose input alone v is, once; NULL: it has more uses, or is an output of the graph. */
kerf_node *kerf__value_only_reader(const kerf_value *v);
void kerf__node_set_input(kerf_node *n, int i, kerf_value *v);
/* n stands for `was` from here on, in tables too: they change names. */
void kerf__node_take_name(kerf_node *n, kerf_node *was);
/* Each stands where the other stood. */
void kerf__graph_swap_nodes(kerf_node *a, kerf_node *b);
/* The same where the node may have too few inputs; those between are left out. */
kerf_status kerf__node_put_input(kerf_node *n, int i, kerf_value *v);
/* Left-out inputs at the end say nothing, and go. */
void kerf__node_trim_inputs(kerf_node *n);
kerf_status kerf__node_set_op(kerf_node *n, const char *op);
void kerf__node_remove_attribute(kerf_node *n, const char *key); /* one it lacks is fine */
/* Takes out values whose index was set to -1: nobody lists them any more. */
void kerf__graph_sweep_values(kerf_graph *g);
/* v is the graph's one output from here on. */
kerf_status kerf__graph_keep_output(kerf_graph *g, kerf_value *v);
/* Takes out the last output, which nobody reads. */
void kerf__node_pop_output(kerf_node *n);
/* Takes out a node whose outputs nobody reads; its outputs go with it. */
void kerf__graph_remove_node(kerf_graph *g, kerf_node *n);
/* Takes out nodes that lead to no graph output and no next value, and states and constants
 * that nobody reads (inputs stay). */
void kerf__graph_remove_dead(kerf_graph *g);
/* Puts nodes into an order in which each follows what it reads; an error names a node on a
 * cycle.  Stable: nodes that need not move keep their order. */
kerf_status kerf__graph_sort(kerf_graph *g);
/* 1 if a pattern means the layer in which node `user` multiplies by `weight`: a shell pattern on
 * the weight's name ("fc1.weight"), that name's stem ("fc1") or the node's; "op:Gemm", or "first"
 * or "last" of the layers that the caller has (layer_pattern.c). */
int kerf__layer_fits(const char *pattern, const kerf_value *weight, const kerf_node *user,
                     const kerf_node *first, const kerf_node *last);
/* A name as a pattern that means it and nothing else; room for twice its length. */
void kerf__quote_pattern(char *pattern, const char *name);
/* Gives a node one more output; name NULL or "" gives a fresh one. */
kerf_status kerf__graph_add_output_value(kerf_graph *g, kerf_node *n, const char *name,
                                         kerf_value **out);

#endif
