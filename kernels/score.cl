/* score.cl -- what pruning remembers of a weight from step to step, beside its update.
 *
 * next = keep score + take VALUE, where -DVALUE names a formula of weight and gradient.  next lies
 * on score: an item reads an element before it writes it. Limit: memory.  Host side:
 * lib/ops/score.c. */
#include "common.clh"

#define value_gradient(w, g) (g)
#define value_taylor(w, g)   fabs((w) * (g))
#define value_fisher(w, g)   ((g) * (g))
#define value_movement(w, g) (-(w) * (g))

#ifndef VALUE
#define VALUE value_taylor
#endif

kernel void score_update(global const float *score, global const float *weight,
                         global const float *grad, global float *next, float keep, float take,
                         uint num, uint chunk)
{
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (; i + V <= end; i += V) {
        const floatv value = VALUE(LOADV(weight + i), LOADV(grad + i));
        STOREV(keep * LOADV(score + i) + take * value, next + i);
    }
    for (; i < end; i++) {
        const float value = VALUE(weight[i], grad[i]);
        next[i] = keep * score[i] + take * value;
    }
}
