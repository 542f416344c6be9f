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
#ifndef WEIGHTED
#define WEIGHTED 1
#endif
#ifndef IGNORE
#define IGNORE 1 /* labels that are `ignored` count for nothing */
#endif
#ifndef REDUCE
#define REDUCE 0 /* 1: an item adds its losses and weights up */
#endif
#ifndef GROUP
#define GROUP 64
#endif

kernel void nll_rows(global const float *log_prob, global const LABEL *labels,
                     global const float *weights, global float *dst, int ignored, uint m, uint k,
                     uint inner, uint rows)
{
    const uint item = (uint)get_global_id(0), begin = item * rows, end = min(begin + rows, m);
    float loss = 0.0f, weight = 0.0f;
    if (begin >= m)
        return;
    for (uint r = begin; r < end; r++) {
        const LABEL label = labels[r];
        float w = 1.0f, x = NAN;
        if (IGNORE && label == (LABEL)ignored) {
            w = 0.0f;
            x = 0.0f;
        } else if (label >= 0 && label < (LABEL)k) {
            const uint class_ = (uint)label;
#if WEIGHTED
            w = weights[class_];
#endif
            x = log_prob[(r / inner * k + class_) * inner + r % inner];
        }
#if REDUCE
        loss -= w * x;
        weight += w;
#else
        dst[r] = -w * x;
#endif
    }
#if REDUCE
    dst[2 * item] = loss;
    dst[2 * item + 1] = weight;
#endif
}

/* dst = sum of losses, over the sum of weights with MEAN; parts (num, 2); one group, whose items
 * add strided parts, then halves upon halves: the order is fixed. */
#ifndef MEAN
#define MEAN 1
#endif
kernel void nll_join(global const float *parts, global float *dst, uint num)
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
        dst[0] = MEAN ? losses[0] / weights[0] : losses[0];
}
