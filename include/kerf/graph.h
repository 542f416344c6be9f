/* graph.h -- a network as a graph of ONNX-named nodes.
 *
 * Words.  value: an edge; it has a name, a type and a shape.  node: an operation on
 * values.  state: a tensor that outlives a run, such as a weight; the graph only knows
 * its number, kerf_state holds it.  symbol: a dimension that is known only when a plan
 * binds it, such as the batch; written as a negative number in a shape.
 *
 * Nodes stand in an order in which each comes after what it reads.  Names of values are
 * unique.  A node's operation is ONNX's type ("Gemm"); Kerf's own have the prefix
 * "kerf." ("kerf.Mask").  Operators have the meaning of opset 17.
 *
 * Ownership: the graph owns its values and nodes; pointers live until it is destroyed
 * or they are removed.  Thread safety: one thread at a time. */
#ifndef KERF_GRAPH_H
#define KERF_GRAPH_H

#include "kerf/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_graph kerf_graph;
typedef struct kerf_value kerf_value;
typedef struct kerf_node kerf_node;

KERF_API kerf_status kerf_graph_create(kerf_graph **out);
KERF_API void kerf_graph_destroy(kerf_graph *g); /* NULL is allowed */
KERF_API kerf_status kerf_graph_copy(kerf_graph **out, const kerf_graph *src);

/* The negative dimension that stands for the symbol `name` ("N"), made on first use;
 * 0 without memory.  A symbol's name: NULL where `dim` is none. */
KERF_API int64_t kerf_graph_symbol(kerf_graph *g, const char *name);
KERF_API const char *kerf_graph_symbol_name(const kerf_graph *g, int64_t dim);

/* ---- building: what is made comes back through the last argument ---------------- */

KERF_API kerf_status kerf_graph_add_input(kerf_graph *g, const char *name, kerf_type type,
                                          kerf_shape shape, kerf_value **out);
/* A value that is entry `state_id` of the kerf_state that goes with this graph. */
KERF_API kerf_status kerf_graph_add_state(kerf_graph *g, const char *name, int state_id,
                                          kerf_type type, kerf_shape shape, kerf_value **out);
/* A value known now; the graph takes the host tensor over, also on failure. */
KERF_API kerf_status kerf_graph_add_constant(kerf_graph *g, const char *name, kerf_tensor *t,
                                             kerf_value **out);
/* Appends a node.  An input may be NULL where ONNX allows it to be left out.  Outputs get
 * the node's name (":1", ":2" behind it from the second on; see kerf_value_rename); without
 * a name (NULL or "") the node gets a fresh one, and so do values above. */
KERF_API kerf_status kerf_graph_add_node(kerf_graph *g, const char *op, const char *name,
                                         kerf_value *const *inputs, int num_inputs, int num_outputs,
                                         kerf_node **out);
KERF_API kerf_status kerf_graph_add_output(kerf_graph *g, kerf_value *value);
KERF_API kerf_status kerf_value_rename(kerf_graph *g, kerf_value *value, const char *name);

KERF_API kerf_status kerf_node_set_int(kerf_node *n, const char *key, int64_t x);
KERF_API kerf_status kerf_node_set_float(kerf_node *n, const char *key, float x);
KERF_API kerf_status kerf_node_set_ints(kerf_node *n, const char *key, const int64_t *x,
                                        size_t num);
KERF_API kerf_status kerf_node_set_floats(kerf_node *n, const char *key, const float *x,
                                          size_t num);
KERF_API kerf_status kerf_node_set_string(kerf_node *n, const char *key, const char *x);

/* ---- looking -------------------------------------------------------------------- */

KERF_API int kerf_graph_num_inputs(const kerf_graph *g);
KERF_API int kerf_graph_num_outputs(const kerf_graph *g);
KERF_API int kerf_graph_num_nodes(const kerf_graph *g);
KERF_API kerf_value *kerf_graph_input(const kerf_graph *g, int i); /* NULL: no such, as below */
KERF_API kerf_value *kerf_graph_output(const kerf_graph *g, int i);
KERF_API kerf_node *kerf_graph_node(const kerf_graph *g, int i);
KERF_API kerf_value *kerf_graph_find(const kerf_graph *g, const char *name); /* or NULL */

KERF_API const char *kerf_value_name(const kerf_value *v);
KERF_API kerf_type kerf_value_type(const kerf_value *v);
KERF_API kerf_shape kerf_value_shape(const kerf_value *v);
KERF_API int kerf_value_state(const kerf_value *v);                   /* its state's id, or -1 */
KERF_API const kerf_tensor *kerf_value_constant(const kerf_value *v); /* in host memory; or NULL */

KERF_API const char *kerf_node_op(const kerf_node *n);
KERF_API const char *kerf_node_name(const kerf_node *n);
KERF_API int kerf_node_num_inputs(const kerf_node *n);
KERF_API int kerf_node_num_outputs(const kerf_node *n);
KERF_API kerf_value *kerf_node_input(const kerf_node *n, int i); /* NULL: left out */
KERF_API kerf_value *kerf_node_output(const kerf_node *n, int i);
KERF_API int64_t kerf_node_int(const kerf_node *n, const char *key, int64_t otherwise);
KERF_API float kerf_node_float(const kerf_node *n, const char *key, float otherwise);
KERF_API const char *kerf_node_string(const kerf_node *n, const char *key, const char *otherwise);
/* NULL with *num 0 where the attribute is missing. */
KERF_API const int64_t *kerf_node_ints(const kerf_node *n, const char *key, size_t *num);

/* Free text that travels in the file, such as "kerf.prep"; NULL takes a key away. */
KERF_API kerf_status kerf_graph_set_metadata(kerf_graph *g, const char *key, const char *text);
KERF_API const char *kerf_graph_metadata(const kerf_graph *g, const char *key); /* or NULL */

/* Everything promised above, checked: order, names, links both ways, no cycle. */
KERF_API kerf_status kerf_graph_verify(const kerf_graph *g);

#ifdef __cplusplus
}
#endif
#endif
