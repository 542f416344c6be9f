/* plan/gates.h -- gates: what is trained beside a weight to say whether it is worth its place.
 *
 * In the model graph (compress/prune/prune_gates.c) stands
 *
 *     kerf.Gate(weight, parameter) -> what the layer multiplies by;  attributes
 *         kind   "l0" or "variational", a row of the table in gates.c
 *         rate   of the parameter: times the learning rate of weights
 *
 * A plan puts the formulas of the kind in its place: in training one that is sampled anew in each
 * step, and a term of the loss; in an evaluation what it settles to.  Each kind has a file of its
 * own, named as the literature names it. */
#ifndef KERF_PLAN_GATES_H
#define KERF_PLAN_GATES_H

#include "plan/plan_internal.h"

/* A gate while its formulas are written down. */
typedef struct kerf__gate {
    kerf_graph *g;
    kerf_value *weight, *parameter; /* the parameter's shape is the weight's, or broadcasts to it */
    kerf_value *mask;               /* the weight's, or NULL: what is 0 there must not get noise */
    kerf_value *noise;              /* of the parameter's shape; in training */
} kerf__gate;

typedef struct kerf__gate_kind {
    const char *name, *noise; /* noise: kerf.Noise's value */
    float begin;              /* the parameter of a fresh gate */
    kerf_status (*add_sampled)(const kerf__gate *gate, kerf_value **out);
    kerf_status (*add_settled)(const kerf__gate *gate, kerf_value **out);
    /* What the loss counts, a number an element of the parameter. */
    kerf_status (*add_cost)(const kerf__gate *gate, kerf_value **out);
} kerf__gate_kind;

extern const kerf__gate_kind kerf__gate_l0, kerf__gate_variational;
const kerf__gate_kind *kerf__gate_kind_of(const char *name); /* NULL: there is none */

/* Formulas in the place of gates; in training behind the loss, which gets their part. */
kerf_status kerf__plan_set_gates(kerf__planning *p);
/* The gate whose parameter v is, or NULL. */
const kerf_node *kerf__gate_of(const kerf_value *v);
/* A number for a name, for keys of random numbers (dropping.c). */
uint32_t kerf__plan_hash(const char *text);

#endif
