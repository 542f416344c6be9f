/* train/buckets.h -- gradients on their way to other ranks, bucket by bucket while the rest of the
 * backward pass runs; and weights with all that updates change, where they become means.  Other
 * halves: buckets.c, bucket_zeros.c; when: exchange.c; what else ranks exchange: ranks.c. */
#ifndef KERF_TRAIN_BUCKETS_H
#define KERF_TRAIN_BUCKETS_H

#include "device/buffer.h"
#include "kerf/plan.h"
#include "kerf/ranks.h"

/* Gradients, or what becomes a mean, that follow each other, and travel as one. */
typedef struct kerf__bucket {
    size_t first_id, num_ids;
    size_t begin;  /* as a place among all floats that travel */
    float *floats; /* of the staging memory, or the device's; NULL: not mapped now */
    size_t num_floats;
    int is_mapped;    /* 1: one tensor, which stays where it is, as the device shares memory */
    kerf__mark *mark; /* owned; behind which the floats are there */
    uint32_t *places; /* owned; of the floats that travel, ascending; NULL: all do */
    size_t num_places;
} kerf__bucket;

typedef struct kerf__buckets {
    kerf_plan *plan; /* borrowed, as the next two; NULL: none yet */
    kerf_state *s;
    const kerf_ranks *ranks;
    int *ids;         /* owned; of states, gradients' in the order in which they are ready */
    int *masks;       /* owned; of each: the mask by which few of it travel; -1: none */
    uint64_t *seen;   /* owned; which versions of them the places are of */
    kerf__bucket *at; /* owned; (num) */
    size_t num;
    float *staging;       /* owned; all that is not mapped, and one number more */
    size_t num_floats;    /* of all buckets */
    float share;          /* what they count in means; 0: they are gradients, which become sums */
    int codes;            /* 1: they travel by a byte each */
    float *errors;        /* owned; what bytes left out of these; NULL: none ever travelled so */
    size_t queued;        /* how many buckets of this step the device has in its queue */
    size_t begun, summed; /* how many are on their way, and back */
    kerf_exchange *exchange; /* borrowed; what is counted; NULL: nothing */
} kerf__buckets;

/* What is worth a message, 4 MiB, and small enough that several are under way. */
enum { KERF__BUCKET_FLOATS = 1 << 20 };

/* For a plan that sums gradients, and its state; buckets of so many floats at least, but the last.
 */
kerf_status kerf__buckets_create(kerf__buckets *b, kerf_plan *plan, kerf_state *s,
                                 const kerf_ranks *ranks, size_t least_floats);
/* The same of all floats that the plan leaves in the state for the next step: weights, moments,
 * statistics, ranges. */
kerf_status kerf__buckets_create_means(kerf__buckets *b, kerf_plan *plan, kerf_state *s,
                                       const kerf_ranks *ranks, size_t least_floats);
/* From the next run on gradients travel by a byte each, or as floats again. */
kerf_status kerf__buckets_code(kerf__buckets *b, int codes);
/* What bytes left out is given up: behind an event all ranks begin alike, whatever their number. */
void kerf__buckets_forget(kerf__buckets *b);
void kerf__buckets_free(kerf__buckets *b);
/* Queues a run of the plan, the last of a step, and behind each bucket's part its way to the host.
 */
kerf_status kerf__buckets_run(kerf__buckets *b);
/* Within that run, where the device is through with all that is queued: sums go on, and begin. */
kerf_status kerf__buckets_begin_queued(kerf__buckets *b);
/* In the place of a run: a step of which nothing travels is counted. */
void kerf__buckets_rest(kerf__buckets *b);
/* Of means, in which this rank's count `share`: queues their way to the host, behind what is
 * queued. */
kerf_status kerf__buckets_fetch(kerf__buckets *b, float share);
/* Sums them up as they come; behind it the states hold the sums (means) over ranks, once what is
 * queued is done.  *stop: in: this rank wants to stop; out: one of all does. */
kerf_status kerf__buckets_sum(kerf__buckets *b, int *stop);

/* ---- bucket_zeros.c ---- */
kerf_status kerf__buckets_find_masks(kerf__buckets *b, size_t num_ids);
/* Before a step, as masks may have changed; waits where they have. */
kerf_status kerf__buckets_follow_masks(kerf__buckets *b);
/* What travels, in front; how many these are.  And all in their places again. */
size_t kerf__bucket_pack(kerf__bucket *bucket);
void kerf__bucket_unpack(kerf__bucket *bucket);

#endif
