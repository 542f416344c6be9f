/* optimizer.cl -- one step of SGD or Adam, a weight and its moments in one pass.
 *
 * -DMASK=1: where the mask is 0, weight and moments become exactly 0 whatever the gradient
 * holds, NaN included.  -DMOMENT, -DNESTEROV, -DDECOUPLED choose the formula; the learning
 * rate and what else changes from step to step come from the step buffer (ops/op.h).
 *
 * -DBOUNDED=1: an end of a range that is learned.  Its size changes by an eighth at most, within
 * 2^-60 and 2^56; one that is 0 stays, as all do where the gradient makes no number
 * or the step buffer says that ranges are frozen.
 *
 * In a step that the step buffer says is skipped all stays what it was, whatever the gradient
 * holds, but for what the mask prunes.
 *
 * Outputs lie on the inputs: an item reads an element of all before it writes it.
 *
 * -DSPARSE=1: gradient and moments are those of a pattern's entries alone (sparse_pattern.cl), and
 * no other weight is touched: behind a hard mask all is 0 and stays so. Limit: memory.  Host side:
 * lib/ops/optimizer.c. */
#include "common.clh"

#ifndef MASK
#define MASK 1
#endif
#ifndef MOMENT
#define MOMENT 1
#endif
#ifndef NESTEROV
#define NESTEROV 0
#endif
#ifndef DECOUPLED
#define DECOUPLED 0
#endif
#ifndef SPARSE
#define SPARSE 0
#endif

#ifndef BOUNDED
#define BOUNDED 0
#endif

/* Places in the step buffer, as in ops/op.h. */
#define STEP_LR      0
#define STEP_BIAS1   1
#define STEP_BIAS2   2
#define STEP_OBSERVE 4
#define STEP_SKIP    7

#if MASK
#define MASK_ARGUMENT      global const uchar *mask,
#define ALIVE(T, x, alive) select((T)(0.0f), x, alive)
#define ALIVE_V            LOADMASK(mask + i) != (intv)(0)
#define ALIVE_1            (mask[i] != 0)
#else
#define MASK_ARGUMENT
#define ALIVE(T, x, alive) (x)
#define ALIVE_V            1
#define ALIVE_1            1
#endif

#if MOMENT
#define MOMENT_ARGUMENT      global const float *moment,
#define NEXT_MOMENT_ARGUMENT global float *next_moment,
#else
#define MOMENT_ARGUMENT
#define NEXT_MOMENT_ARGUMENT
#endif

#if SPARSE
#define PATTERN_ARGUMENTS global const int *starts, global const int *sources,
#define ROWS_ARGUMENT     , uint rows
#define NUM               min(num, (uint)starts[rows])
#define AT                (uint) sources[i]
#else
#define PATTERN_ARGUMENTS
#define ROWS_ARGUMENT
#define NUM num
#define AT  i
#endif

/* What an update leaves alone, where the next value lies elsewhere. */
kernel void optimizer_keep(global const float *src, global float *dst, uint num, uint chunk)
{
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (; i < end; i++)
        dst[i] = src[i];
}

#if BOUNDED
#define LEAST_END 0x1p-60f
#define MOST_END  0x1p56f
#define RATE      (step[STEP_OBSERVE] > 0.0f ? step[STEP_LR] : 0.0f)
#define BOUND(T, w, next)                                                                          \
    const T way_out = sign(w), size = fabs(w), to = way_out * (next);                              \
    const T shrunk = select(size, 0.875f * size, size > LEAST_END);                                \
    const T grown = select(size, 1.125f * size, size < MOST_END);                                  \
    const T bounded = way_out * fmin(fmax(select(size, to, to == to), shrunk), grown);
#else
#define RATE              step[STEP_LR]
#define BOUND(T, w, next) const T bounded = next;
#endif

#define KEPT(was, next) (is_skipped ? (was) : (next))

/* PyTorch's SGD: g += decay w; v = momentum v + g; w -= lr (g + momentum v, or v). */
#define SGD(T, w, g, v, alive)                                                                     \
    const T slope = g + decay * w;                                                                 \
    const T speed = momentum * v + slope;                                                          \
    const T way = MOMENT ? (NESTEROV ? slope + momentum * speed : speed) : slope;                  \
    BOUND(T, w, w - lr * way)                                                                      \
    const T next = ALIVE(T, KEPT(w, bounded), alive);

kernel void sgd(global const float *weight, global const float *grad,
                MOMENT_ARGUMENT MASK_ARGUMENT global const float *step,
                PATTERN_ARGUMENTS global float *next_weight, NEXT_MOMENT_ARGUMENT float momentum,
                float decay, uint num, uint chunk ROWS_ARGUMENT)
{
    const int is_skipped = step[STEP_SKIP] > 0.0f;
    const float lr = RATE;
    uint i = min((uint)get_global_id(0) * chunk, NUM);
    const uint end = min(i + chunk, NUM);
    for (; !SPARSE && i + V <= end; i += V) {
        const floatv w = LOADV(weight + i), g = LOADV(grad + i);
#if MOMENT
        const floatv v = LOADV(moment + i);
#else
        const floatv v = (floatv)(0.0f);
#endif
        SGD(floatv, w, g, v, ALIVE_V)
        STOREV(next, next_weight + i);
#if MOMENT
        STOREV(ALIVE(floatv, KEPT(v, speed), ALIVE_V), next_moment + i);
#endif
    }
    for (; i < end; i++) {
        const uint at = AT;
        const float w = weight[at], g = grad[i];
#if MOMENT
        const float v = moment[i];
#else
        const float v = 0.0f;
#endif
        SGD(float, w, g, v, ALIVE_1)
        next_weight[at] = next;
#if MOMENT
        next_moment[i] = ALIVE(float, KEPT(v, speed), ALIVE_1);
#endif
    }
}

/* PyTorch's Adam and AdamW; bias1 and bias2 are 1 / (1 - beta^t). */
#define ADAM(T, w, g, m, v, alive)                                                                 \
    const T slope = DECOUPLED ? g : g + decay * w;                                                 \
    const T base = DECOUPLED ? w - lr * decay * w : w;                                             \
    const T next_m_ = beta1 * m + (1.0f - beta1) * slope;                                          \
    const T next_v_ = beta2 * v + (1.0f - beta2) * slope * slope;                                  \
    const T way = bias1 * next_m_ / (sqrt(bias2 * next_v_) + epsilon);                             \
    BOUND(T, w, base - lr * way)                                                                   \
    const T next = ALIVE(T, KEPT(w, bounded), alive);

kernel void adam(global const float *weight, global const float *grad, global const float *moment,
                 global const float *second, MASK_ARGUMENT global const float *step,
                 PATTERN_ARGUMENTS global float *next_weight, global float *next_moment,
                 global float *next_second, float beta1, float beta2, float epsilon, float decay,
                 uint num, uint chunk ROWS_ARGUMENT)
{
    const int is_skipped = step[STEP_SKIP] > 0.0f;
    const float lr = RATE, bias1 = step[STEP_BIAS1], bias2 = step[STEP_BIAS2];
    uint i = min((uint)get_global_id(0) * chunk, NUM);
    const uint end = min(i + chunk, NUM);
    for (; !SPARSE && i + V <= end; i += V) {
        const floatv w = LOADV(weight + i), g = LOADV(grad + i);
        const floatv m = LOADV(moment + i), v = LOADV(second + i);
        ADAM(floatv, w, g, m, v, ALIVE_V)
        STOREV(next, next_weight + i);
        STOREV(ALIVE(floatv, KEPT(m, next_m_), ALIVE_V), next_moment + i);
        STOREV(ALIVE(floatv, KEPT(v, next_v_), ALIVE_V), next_second + i);
    }
    for (; i < end; i++) {
        const uint at = AT;
        const float w = weight[at], g = grad[i], m = moment[i], v = second[i];
        ADAM(float, w, g, m, v, ALIVE_1)
        next_weight[at] = next;
        next_moment[i] = ALIVE(float, KEPT(m, next_m_), ALIVE_1);
        next_second[i] = ALIVE(float, KEPT(v, next_v_), ALIVE_1);
    }
}
