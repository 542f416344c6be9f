/* distillation_loss.cl -- soft targets and the true class: one row's loss and its gradient.
 *
 * logits, teacher (m, k), labels (m), settings[at ...]: what soft targets count, what labels
 * count, the temperature.
 * A group has whole rows: in wide form (V = 16, GROUP = 1) several, one after the other, in
 * SIMT form (V = 1, GROUP = 64) one, whose columns its items share.  A row comes from memory
 * once; its other readings hit the first cache.
 *
 * Every exponent is at most 0 (each softmax is about its own largest logit), so nothing
 * overflows: 1e4 / 0.5 is the worst that is met.  A label outside 0 to k - 1 is never used as
 * an index: its row's loss is NaN and its gradient 0, as in SoftmaxCrossEntropyLoss.
 *
 * Limit: exp, two or three an element; they are kept in local memory where a row fits.  On two
 * cores of Zen 5 under PoCL 4096 x 1000 take 1.06 ms; 1.09 by exp with its reduction by two fma and
 * the label compared with each column; 1.15 with rows asked for ahead but not their gradient; 1.36
 * where nothing is asked for; 1.2 with a gradient that is stored past the caches. Host side:
 * lib/ops/distillation_loss.c. */
#include "rows.clh"
#include "exp.clh"
#include "mean.clh"
#include "soft_labels.clh"

/* Equal logits have a gradient of exactly 0: no product is rounded less than its opposite. */
#pragma OPENCL FP_CONTRACT OFF

#if GROUP == 1
/* ---- wide: an item has whole rows ---- */

/* Bodies of loops over a row, for whole vectors and for what is left, where a number behind the
 * row's end is far below all others: its exponential is 0, and it lies nowhere apart. */
#define EACH(take)                                                                                 \
    {                                                                                              \
        uint i = 0;                                                                                \
        for (; i + V <= k; i += V)                                                                 \
            take(1);                                                                               \
        if (i < k)                                                                                 \
            take(0);                                                                               \
    }
#define AT(p, whole) ((whole) ? LOADV((p) + i) : load_some((p) + i, k - i, room - i, -1e30f))

/* Asks for what comes while this row's exponentials are computed: the next row, and where this
 * one's gradient will be written.  They lie on other pages, where no CPU's own prefetcher goes. */
#if defined __x86_64__ || defined __aarch64__
#define ASK(p, write) __builtin_prefetch((const void *)(size_t)(p), write)
#else
#define ASK(p, write)
#endif

#define TAKE_TOPS(whole)                                                                           \
    {                                                                                              \
        const floatv u = AT(x, whole), v = AT(y, whole);                                           \
        lanes_x = select(lanes_x, u, u > lanes_x);                                                 \
        lanes_y = select(lanes_y, v, v > lanes_y);                                                 \
    }

/* exp(u) of exp(u / T): where T is 1, 2, 3 or 4 a product of these, half as much work as an exp;
 * power 0: it is none of them. */
static inline floatv hard_exp(floatv soft, floatv u, uint power)
{
    if (power == 0)
        return exp_below_0(u);
    const floatv two = soft * soft;
    return power == 1 ? soft : power == 2 ? two : power == 3 ? two * soft : two * two;
}

#if KEEP
#define KEEP_EXPS                                                                                  \
    STOREV(soft_u, kept + 3 * i);                                                                  \
    STOREV(soft_v, kept + 3 * i + V);                                                              \
    if (power == 0)                                                                                \
        STOREV(hard_u, kept + 3 * i + 2 * V);
#define EXPS_AGAIN(whole)                                                                          \
    const floatv soft_u = LOADV(kept + 3 * i), soft_v = LOADV(kept + 3 * i + V);                   \
    const floatv hard_u =                                                                          \
        power == 0 ? LOADV(kept + 3 * i + 2 * V) : hard_exp(soft_u, soft_u, power);
#else
#define KEEP_EXPS
#define EXPS_AGAIN(whole)                                                                          \
    const floatv u = AT(x, whole) - top_x, v = AT(y, whole) - top_y;                               \
    const floatv soft_u = exp2_below_0(u * slope_2), soft_v = exp2_below_0(v * slope_2);           \
    const floatv hard_u = hard_exp(soft_u, u, power);
#endif

#if SOFT
#define TAKE_ALL(whole)                                                                            \
    lanes_all += (whole) ? u : select((floatv)(0.0f), u, LANES + (intv)((int)i) < (intv)((int)k));
#define ASKED(i) (WANTED(w, i) * at_label)
#else
#define TAKE_ALL(whole)
#define ASKED(i) 0.0f /* the label is one element, behind the loop */
#endif

#define TAKE_SUMS(whole)                                                                           \
    {                                                                                              \
        ASK(x + k + i, 0);                                                                         \
        ASK(y + k + i, 0);                                                                         \
        ASK(diff_logits + first + i, 1);                                                           \
        const floatv u = AT(x, whole) - top_x, v = AT(y, whole) - top_y;                           \
        const floatv soft_u = exp2_below_0(u * slope_2), soft_v = exp2_below_0(v * slope_2);       \
        const floatv hard_u = hard_exp(soft_u, u, power);                                          \
        lanes_soft_x += soft_u;                                                                    \
        lanes_soft_y += soft_v;                                                                    \
        lanes_hard_x += hard_u;                                                                    \
        lanes_apart = fma(soft_v, v - u, lanes_apart);                                             \
        TAKE_ALL(whole)                                                                            \
        KEEP_EXPS                                                                                  \
    }

#define PUT_GRADIENT(whole)                                                                        \
    {                                                                                              \
        EXPS_AGAIN(whole)                                                                          \
        const floatv d = soft_u * by_x - soft_v * by_y + (hard_u * by_hard - ASKED(i));            \
        if (whole)                                                                                 \
            STOREV(d, diff_logits + first + i);                                                    \
        else                                                                                       \
            store_some(d, diff_logits + first + i, k - i);                                         \
    }

kernel void distill_rows(global const float *logits, global const float *teacher,
                         global const int *labels, global const float *settings,
                         global float *diff_logits, global float *losses, local float *kept,
                         uint at, uint m, uint k, uint rows AND_HOW)
{
    const float soft = settings[at], hard = settings[at + 1];
    const float temperature = settings[at + 2], slope = 1.0f / temperature;
    const float slope_2 = slope * LOG2_E;
    const uint whole_t = temperature <= 4.0f ? (uint)temperature : 0;
    /* Where labels count nothing any number will do for their exponentials. */
    const uint power = hard == 0.0f ? 1 : (float)whole_t == temperature ? whole_t : 0;
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    for (uint row = begin; row < end; row++) {
        const size_t first = (size_t)row * k, room = (size_t)(end - row) * k;
        global const float *x = logits + first, *y = teacher + first;
        floatv lanes_x = (floatv)(-INFINITY), lanes_y = (floatv)(-INFINITY);
        EACH(TAKE_TOPS)
        const float top_x = max_lanes(lanes_x), top_y = max_lanes(lanes_y);

        floatv lanes_soft_x = (floatv)(0.0f), lanes_soft_y = (floatv)(0.0f);
        floatv lanes_hard_x = (floatv)(0.0f), lanes_apart = (floatv)(0.0f);
#if SOFT
        floatv lanes_all = (floatv)(0.0f);
#endif
        EACH(TAKE_SUMS)
        const float soft_x = sum_lanes(lanes_soft_x), soft_y = sum_lanes(lanes_soft_y);
        const float hard_x = sum_lanes(lanes_hard_x), apart = sum_lanes(lanes_apart);

#if SOFT
        const wanted w = wanted_of(labels, mix, smoothing, row, m, k);
        const int is_right = w.is_right || hard == 0.0f;
        const float said = w.by_first * (x[w.first] - top_x) + w.by_second * (x[w.second] - top_x) +
                           w.by_each * sum_lanes(lanes_all);
        const float surprise = log(hard_x) - said;
#else
        const int label = labels[row], is_class = label >= 0 && (uint)label < k;
        const int is_right = is_class || hard == 0.0f;
        const float surprise = is_class ? log(hard_x) - (x[label] - top_x) : 0.0f;
#endif
        const float divergence = apart * slope / soft_y + log(soft_x) - log(soft_y);
        losses[row] =
            is_right ? soft * temperature * temperature * divergence + hard * surprise : NAN;
        const float mean = is_right ? 1.0f / (float)m : 0.0f, at_label = hard * mean;
        const float by_x = soft * temperature * mean / soft_x, by_hard = at_label / hard_x;
        const float by_y = soft * temperature * mean / soft_y;
        EACH(PUT_GRADIENT)
#if !SOFT
        if (is_class)
            diff_logits[first + label] -= at_label;
#endif
    }
}
#else
/* ---- SIMT: a group has a row, its items share the columns ---- */

/* Halves upon halves, so the order is fixed; all items get the result. */
#define DEFINE_GROUP(name, joined)                                                                 \
    static inline float name(float x, local float *parts)                                          \
    {                                                                                              \
        const uint item = (uint)get_local_id(0);                                                   \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        parts[item] = x;                                                                           \
        barrier(CLK_LOCAL_MEM_FENCE);                                                              \
        for (uint h = GROUP / 2; h > 0; h /= 2) {                                                  \
            if (item < h) {                                                                        \
                const float a = parts[item], b = parts[item + h];                                  \
                parts[item] = joined;                                                              \
            }                                                                                      \
            barrier(CLK_LOCAL_MEM_FENCE);                                                          \
        }                                                                                          \
        return parts[0];                                                                           \
    }
DEFINE_GROUP(group_max, fmax(a, b))
DEFINE_GROUP(group_sum, a + b)

kernel void distill_row(global const float *logits, global const float *teacher,
                        global const int *labels, global const float *settings,
                        global float *diff_logits, global float *losses, uint at, uint m,
                        uint k AND_HOW)
{
    local float parts[GROUP];
    const float soft = settings[at], hard = settings[at + 1];
    const float temperature = settings[at + 2], slope = 1.0f / temperature;
    const uint row = (uint)get_group_id(0), item = (uint)get_local_id(0);
    global const float *x = logits + (size_t)row * k, *y = teacher + (size_t)row * k;
    float top_x = -INFINITY, top_y = -INFINITY;
    for (uint i = item; i < k; i += GROUP) {
        top_x = fmax(top_x, x[i]);
        top_y = fmax(top_y, y[i]);
    }
    top_x = group_max(top_x, parts);
    top_y = group_max(top_y, parts);

    float soft_x = 0.0f, soft_y = 0.0f, hard_x = 0.0f, apart = 0.0f;
#if SOFT
    float all = 0.0f;
#endif
    for (uint i = item; i < k; i += GROUP) {
        const float u = x[i] - top_x, v = y[i] - top_y, e = exp(v * slope);
        soft_x += exp(u * slope);
        soft_y += e;
        hard_x += exp(u);
        apart += e * (v - u);
#if SOFT
        all += u;
#endif
    }
    soft_x = group_sum(soft_x, parts);
    soft_y = group_sum(soft_y, parts);
    hard_x = group_sum(hard_x, parts);
    apart = group_sum(apart, parts);

#if SOFT
    all = group_sum(all, parts);
    const wanted w = wanted_of(labels, mix, smoothing, row, m, k);
    const int is_right = w.is_right || hard == 0.0f;
    const float surprise = log(hard_x) - (w.by_first * (x[w.first] - top_x) +
                                          w.by_second * (x[w.second] - top_x) + w.by_each * all);
#define ASKED(i) (WANTED(w, i) * at_label)
#else
    const int label = labels[row], is_class = label >= 0 && (uint)label < k;
    const int is_right = is_class || hard == 0.0f;
    const float surprise = is_class ? log(hard_x) - (x[label] - top_x) : 0.0f;
#define ASKED(i) ((int)(i) == label ? at_label : 0.0f)
#endif
    if (item == 0) {
        const float divergence = apart * slope / soft_y + log(soft_x) - log(soft_y);
        losses[row] =
            is_right ? soft * temperature * temperature * divergence + hard * surprise : NAN;
    }
    const float mean = is_right ? 1.0f / (float)m : 0.0f, at_label = hard * mean;
    const float by_x = soft * temperature * mean / soft_x, by_hard = at_label / hard_x;
    const float by_y = soft * temperature * mean / soft_y;
    for (uint i = item; i < k; i += GROUP) {
        const float u = x[i] - top_x, v = y[i] - top_y;
        diff_logits[(size_t)row * k + i] =
            exp(u * slope) * by_x - exp(v * slope) * by_y + (exp(u) * by_hard - ASKED(i));
    }
}
#endif
