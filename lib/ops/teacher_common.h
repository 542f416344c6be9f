/* ops/teacher_common.h -- losses of logits beside a teacher's: what kerf.DistillationLoss and
 * kerf.DecoupledLoss have in common.
 *
 *     loss(logits (N, C), teacher (N, C), labels (N) int32, settings) -> loss (), diff_logits (N,
 * C)
 *
 * Attribute at: where in the settings the node's three begin.  Other half: teacher_common.c. */
#ifndef KERF_OPS_TEACHER_COMMON_H
#define KERF_OPS_TEACHER_COMMON_H

#include "ops/rows_common.h"

/* The shape rule; what: of the settings, as messages call them. */
kerf_status kerf__teacher_infer(kerf_node *n, const char *what);
/* Losses of rows. */
size_t kerf__teacher_scratch(const kerf__op_case *c);

#endif
