/* train/mixing.h -- mixup: samples of each batch mixed in pairs, and their labels with them (Zhang,
 * Cisse, Dauphin, Lopez-Paz 2018, "mixup: Beyond Empirical Risk Minimization").
 *
 * A mixer is a plan of one node (kerf.Mix) on a device: the batch is fed to it, and all plans there
 * read theirs where it writes, so a teacher sees what its student sees.  The student's plan knows
 * of labels' pairs itself (kerf_plan_options.mixes).  Other half: mixing.c. */
#ifndef KERF_TRAIN_MIXING_H
#define KERF_TRAIN_MIXING_H

#include "kerf/train.h"

typedef struct kerf__mixer {
    kerf_device *dev; /* borrowed */
    kerf_graph *g;    /* owned, as the next two */
    kerf_state *s;
    kerf_plan *plan;
} kerf__mixer;

typedef struct kerf__mixing {
    kerf__mixer mixers[1 + KERF_MOST_TEACHERS]; /* the student's device has the first */
    size_t num;                                 /* 0: nothing is mixed */
    float share;                                /* of this step */
} kerf__mixing;

/* What the first of a pair counts in step `step` (from 1): Beta(alpha, alpha) of nothing else. */
float kerf__mix_share(double alpha, uint64_t seed, int64_t step);

/* One for this device, if it has none yet. */
kerf_status kerf__mixing_add(kerf__mixing *m, kerf_device *dev, int64_t batch, kerf_shape sample);
void kerf__mixing_free(kerf__mixing *m);
/* Where the batch lies, mixed; NULL: nothing is mixed there. */
const kerf_tensor *kerf__mixing_output(const kerf__mixing *m, const kerf_device *dev);
/* Feeds and mixes, on the first `num` devices. */
kerf_status kerf__mixing_take(const kerf__mixing *m, size_t num, const void *images,
                              size_t num_bytes);

#endif
