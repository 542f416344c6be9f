/* softmax_cross_entropy.cl -- log-softmax, the loss of the true class, and the gradient.
 *
 * logits (m, k), labels (m).  An item has whole rows: many in wide form (V = 16), one in SIMT
 * form (V = 1), where neighbours' rows lie k apart; k is small where that is used.
 *
 * A label outside 0 to k - 1 is never used as an index: its row's loss is NaN, so training
 * stops and says so, and its gradient is 0.
 *
 * Limit: exp, and with few classes the launches.  Host side: lib/ops/softmax_cross_entropy.c. */
#include "rows.clh"
#include "mean.clh"
#include "soft_labels.clh"

/* log_prob[log_prob_at ...]: where nobody reads it, it lies in scratch behind the sums. */
kernel void cross_entropy_rows(global const float *logits, global const int *labels,
                               global float *log_prob, global float *sums, uint log_prob_at, uint m,
                               uint k, uint rows AND_HOW)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    log_prob += log_prob_at;
    for (uint r = begin; r < end; r++) {
        global const float *x = logits + (size_t)r * k;
        global float *y = log_prob + (size_t)r * k;
        const size_t room = (size_t)(end - r) * k;
        floatv top = (floatv)(-INFINITY), sum = (floatv)(0.0f);
        for (uint i = 0; i < k; i += V)
            top = fmax(top, load_some(x + i, k - i, room - i, -INFINITY));
        const float most = max_lanes(top);
        for (uint i = 0; i < k; i += V)
            sum += exp(load_some(x + i, k - i, room - i, -INFINITY) - most);
        const float by = log(sum_lanes(sum));
        for (uint i = 0; i < k; i += V)
            store_some(load_some(x + i, k - i, room - i, 0.0f) - most - by, y + i, k - i);
#if SOFT
        const wanted w = wanted_of(labels, mix, smoothing, r, m, k);
        floatv all = (floatv)(0.0f);
        for (uint i = 0; i < k; i += V)
            all += load_some(x + i, k - i, room - i, most) - most;
        const float said = w.by_first * (x[w.first] - most) + w.by_second * (x[w.second] - most) +
                           w.by_each * sum_lanes(all);
        sums[r] = w.is_right ? by - said : NAN;
#else
        const int label = labels[r];
        sums[r] = label >= 0 && (uint)label < k ? -(x[label] - most - by) : NAN;
#endif
    }
}

kernel void cross_entropy_grad_rows(global const float *log_prob, global const int *labels,
                                    global const float *diff_loss, global float *diff_logits,
                                    uint m, uint k, uint rows AND_HOW)
{
    const uint begin = (uint)get_global_id(0) * rows, end = min(begin + rows, m);
    const float by = *diff_loss / (float)m;
    for (uint r = begin; r < end; r++) {
        const size_t at = (size_t)r * k, room = (size_t)(end - r) * k;
#if SOFT
        const wanted w = wanted_of(labels, mix, smoothing, r, m, k);
        const float scale = w.is_right ? by : 0.0f;
#else
        const int label = labels[r];
        const float scale = label >= 0 && (uint)label < k ? by : 0.0f;
#endif
        for (uint i = 0; i < k; i += V) {
            const floatv p = exp(load_some(log_prob + at + i, k - i, room - i, 0.0f));
#if SOFT
            const floatv is_true = WANTED(w, i);
#else
            const floatv is_true =
                select((floatv)(0.0f), (floatv)(1.0f), LANES + (intv)((int)i) == (intv)(label));
#endif
            store_some((p - is_true) * scale, diff_logits + at + i, k - i);
        }
    }
}
