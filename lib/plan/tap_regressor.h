/* plan/tap_regressor.h -- layers that bring a student's features to a teacher's width.  Other half:
 * tap_regressor.c. */
#ifndef KERF_PLAN_TAP_REGRESSOR_H
#define KERF_PLAN_TAP_REGRESSOR_H

#include "plan/plan_internal.h"

/* 1 if these differ in nothing but the second axis: (N, C), (N, C, L) or (N, C, H, W). */
int kerf__plan_can_regress(kerf_shape student, kerf_shape teacher);
/* The layer of tap `tap` behind `student`; the state gains what it is trained to. */
kerf_status kerf__plan_add_regressor(const kerf__planning *p, int tap, kerf_value *student,
                                     kerf_shape teacher, kerf_value **out);
/* Takes all of them out of a state that no plan reads any more. */
void kerf__plan_drop_regressors(kerf_state *s);

#endif
