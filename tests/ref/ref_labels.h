/* ref_labels.h -- what a loss wants of a row's logits, where labels are pairs (mixup) or smoothed,
 * too; the definition of kernels/soft_labels.clh. */
#ifndef KERF_TESTS_REF_LABELS_H
#define KERF_TESTS_REF_LABELS_H

#include <stdint.h>

/* Row r of m into q: labels[r] counts `share`, labels[m - 1 - r] the rest of 1, and of it all
 * `smoothing` goes to all k classes alike.  0: a label that counts is no class. */
static inline int ref_wanted(const double *labels, double share, double smoothing, int64_t r,
                             int64_t m, double *q, int64_t k)
{
    const double own[2] = {labels[r], labels[m - 1 - r]}, by[2] = {share, 1 - share};
    int is_right = 1;
    for (int64_t i = 0; i < k; i++)
        q[i] = smoothing / (double)k;
    for (int i = 0; i < 2; i++) {
        const int is_class = own[i] >= 0 && own[i] < (double)k;
        is_right &= is_class || by[i] == 0;
        if (is_class)
            q[(int64_t)own[i]] += (1 - smoothing) * by[i];
    }
    return is_right;
}

#endif
