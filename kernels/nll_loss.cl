/* nll_loss.cl -- the negative log likelihood of the true class, of every sample or added up.
 *
 * log_prob (n, k, inner), labels (n, inner), weights (k).  An item has `rows` neighbouring labels:
 * many in wide form, few in SIMT form, where neighbours' labels lie `rows` apart.
 *
 * A label that is to be ignored counts for nothing, in the sum of weights too.  Any other label
 * outside 0 to k - 1 is never used as an index: its loss is NaN.
 *
 * Limit: a gather of one float from each k.  Host side: lib/ops/nll_loss.c. */
#ifndef LABEL
#define LABEL int /* or long */
#endif
#ifndef GROUP
#define GROUP 64
#endif

/* `weighted`: by the weight of the class; `ignores`: labels that are `ignored` count for nothing;
 * `reduces`: an item adds up, dst is its loss and its weight. */
kernel void nll_rows(global const float *log_prob, global const LABEL *labels,
                     global const float *weights, global float *dst, uint weighted, uint ignores,
                     int ignored, uint reduces, uint m, uint k, uint inner, uint rows)
{
    const uint item = (uint)get_global_id(0), begin = item * rows, end = min(begin + rows, m);
    float loss = 0.0f, weight = 0.0f;
    if (begin >= m)
        return;
    for (uint r = begin; r < end; r++) {
        const LABEL label = labels[r];
        float w = 1.0f, x = NAN;
        if (ignores && label == (LABEL)ignored) {
            w = 0.0f;
            x = 0.0f;
        } else if (label >= 0 && label < (LABEL)k) {
            const uint class_ = (uint)label;
            if (weighted)
                w = weights[class_];
            x = log_prob[(r / inner * k + class_) * inner + r % inner];
        }
        loss -= w * x;
        weight += w;
        if (!reduces)
            dst[r] = -w * x;
    }
    if (reduces) {
        dst[2 * item] = loss;
        dst[2 * item + 1] = weight;
    }
}

/* dst = sum of losses, over the sum of weights if `mean`; parts (num, 2); one group, whose items
 * add strided parts, then halves upon halves: the order is fixed. */
kernel void nll_join(global const float *parts, global float *dst, uint mean, uint num)
{
    local float losses[GROUP], weights[GROUP];
    const uint item = (uint)get_local_id(0);
    float loss = 0.0f, weight = 0.0f;
    for (uint i = item; i < num; i += GROUP) {
        loss += parts[2 * i];
        weight += parts[2 * i + 1];
    }
    losses[item] = loss;
    weights[item] = weight;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint h = GROUP / 2; h > 0; h /= 2) {
        if (item < h) {
            losses[item] += losses[item + h];
            weights[item] += weights[item + h];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (item == 0)
        dst[0] = mean ? losses[0] / weights[0] : losses[0];
}
