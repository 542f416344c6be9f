/* plan/formula.h -- writing a formula down as nodes of a graph, each with its shape inferred. */
#ifndef KERF_PLAN_FORMULA_H
#define KERF_PLAN_FORMULA_H

#include "graph/graph_internal.h"

/* op(a), or op(a, b) where b is not NULL. */
kerf_status kerf__formula(kerf_graph *g, const char *op, kerf_value *a, kerf_value *b,
                          kerf_value **out);
/* op(a, x) with a number. */
kerf_status kerf__formula_with(kerf_graph *g, const char *op, kerf_value *a, float x,
                               kerf_value **out);
kerf_status kerf__formula_number(kerf_graph *g, float x, kerf_value **out);
/* The sum of all elements, a scalar. */
kerf_status kerf__formula_sum(kerf_graph *g, kerf_value *a, kerf_value **out);
/* One number of the step buffer (KERF__STEP_SHRINK and its like), of shape (1). */
kerf_status kerf__formula_step(kerf_graph *g, kerf_value *step, int which, kerf_value **out);

#endif
