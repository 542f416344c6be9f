/* decoupled_loss.cl -- soft targets in two parts: one row's loss and its gradient.
 *
 * logits, teacher (m, k), labels (m), settings[at]: what both parts count, settings[at + 2]: the
 * temperature; others: what the second part counts beside the first.  With z = logits / T, y the
 * true class and r = log sum of exp(z) over all others:
 *
 *     first     of two numbers, p = sigmoid(z_y - r) and 1 - p: KL(teacher's || student's)
 *     second    of all but y, softmaxes of z: KL(teacher's || student's)
 *
 * Nothing but differences to a largest number is an exponent, and the first part is of
 * log(1 + exp(-|x|)), so nothing overflows, and nothing is lost where a network is sure.  A label
 * outside 0 to k - 1: the row's loss is NaN and its gradient 0.  With one class there are no
 * others.
 *
 * A group has whole rows, whose columns its GROUP items share, V each: one item of 16 on CPU
 * devices, 64 of one on GPUs.
 * Limit: exp, two an element, twice.  Host side: lib/ops/decoupled_loss.c. */
#ifndef GROUP
#define GROUP 1
#endif
#include "rows.clh"
#include "exp.clh"
#include "mean.clh"

/* Equal logits have a gradient of exactly 0: no product is rounded less than its opposite. */
#pragma OPENCL FP_CONTRACT OFF

#if GROUP == 1
#define LANES_OF(name)
#define ALL(x)     sum_lanes(x)
#define TOP_ALL(x) max_lanes(x)
#else
#include "group.clh"
#define LANES_OF(name) local float name[GROUP];
#define ALL(x)         group_sum(x, lanes)
#define TOP_ALL(x)     group_max(x, lanes)
#endif

/* Far below all others: its exponential is 0, and it lies nowhere apart. */
#define NOTHING    -1e30f
#define IS_TRUE(i) (LANES + (intv)((int)(i)) == (intv)(label))
/* A row's numbers but the true class's. */
#define OTHERS(p, i)                                                                               \
    select(load_some((p) + (i), k - (i), room - (i), NOTHING), (floatv)(NOTHING), IS_TRUE(i))

/* log(sigmoid(x)) */
static inline float log_sigmoid(float x)
{
    return fmin(x, 0.0f) - log1p(exp(-fabs(x)));
}

static inline float sigmoid(float x)
{
    const float e = exp(-fabs(x));
    return (x >= 0.0f ? 1.0f : e) / (1.0f + e);
}

kernel void decoupled_rows(global const float *logits, global const float *teacher,
                           global const int *labels, global const float *settings,
                           global float *diff_logits, global float *losses, float others, uint at,
                           uint m, uint k, uint rows)
{
    LANES_OF(lanes)
    const float weight = settings[at], temperature = settings[at + 2], slope = 1.0f / temperature;
    const uint item = (uint)get_local_id(0), begin = (uint)get_group_id(0) * rows;
    const uint end = min(begin + rows, m);
    for (uint row = begin; row < end; row++) {
        const size_t first = (size_t)row * k, room = (size_t)(end - row) * k;
        global const float *x = logits + first, *y = teacher + first;
        const int given = labels[row], is_class = given >= 0 && (uint)given < k;
        const int label = is_class ? given : 0;
        floatv lanes_x = (floatv)(NOTHING), lanes_y = (floatv)(NOTHING);
        for (uint i = item * V; i < k; i += GROUP * V) {
            lanes_x = fmax(lanes_x, OTHERS(x, i));
            lanes_y = fmax(lanes_y, OTHERS(y, i));
        }
        const float top_x = TOP_ALL(lanes_x), top_y = TOP_ALL(lanes_y);

        floatv part_x = (floatv)(0.0f), part_y = (floatv)(0.0f), part = (floatv)(0.0f);
        for (uint i = item * V; i < k; i += GROUP * V) {
            const floatv u = OTHERS(x, i) - top_x, v = OTHERS(y, i) - top_y;
            const floatv e = exp_below_0(v * slope);
            part_x += exp_below_0(u * slope);
            part_y += e;
            part += e * (v - u);
        }
        const float sum_x = ALL(part_x), sum_y = ALL(part_y), apart = ALL(part);

        /* How far the true class is above all others, of both networks. */
        const float sure_x = (x[label] - top_x) * slope - log(sum_x);
        const float sure_y = (y[label] - top_y) * slope - log(sum_y);
        const int has_others = k > 1;
        const float is = sigmoid(sure_x), must = sigmoid(sure_y);
        if (item == 0) {
            const float about_true =
                must * (log_sigmoid(sure_y) - log_sigmoid(sure_x)) +
                sigmoid(-sure_y) * (log_sigmoid(-sure_y) - log_sigmoid(-sure_x));
            const float about_others = apart * slope / sum_y + log(sum_x) - log(sum_y);
            const float loss = has_others ? about_true + others * about_others : 0.0f;
            losses[row] = is_class ? weight * temperature * temperature * loss : NAN;
        }
        const float by = is_class && has_others ? weight * temperature / (float)m : 0.0f;
        const float at_label = by * (is - must);
        const float by_x = (others * by - at_label) / sum_x, by_y = others * by / sum_y;
        for (uint i = item * V; i < k; i += GROUP * V) {
            const floatv u = OTHERS(x, i) - top_x, v = OTHERS(y, i) - top_y;
            const floatv d = exp_below_0(u * slope) * by_x - exp_below_0(v * slope) * by_y;
            store_some(has_others ? select(d, (floatv)(at_label), IS_TRUE(i)) : (floatv)(0.0f),
                       diff_logits + first + i, k - i);
        }
    }
}
