/* schedule.h -- what happens when in a run of kerf_train(): a list of events.
 *
 * An event happens between two steps, or acts from one to another.  At one instant the order is:
 * the end of an epoch (measured, its checkpoint), evaluations, prunings, what lifts masks,
 * quantization, freezing, checkpoints, calls; of one kind the order of the list.  A checkpoint may
 * be taken up between any two of them, to the same bits.
 *
 * kerf_train_options has fields of its own for what single commands want: its pruning, teacher and
 * learning rate are events like those of the list. */
#ifndef KERF_SCHEDULE_H
#define KERF_SCHEDULE_H

#include "kerf/prune.h"
#include "kerf/quantize.h"
#include "kerf/share.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum kerf_time_unit {
    KERF_EPOCHS, /* fractions count steps */
    KERF_STEPS,
    KERF_SHARES, /* of the whole run, 0 to 1 */
    KERF_NUM_TIME_UNITS
} kerf_time_unit;

/* A moment of a run, counted from its beginning, or the time between two:
 * {1.5, KERF_EPOCHS}, {500, KERF_STEPS}, {0.6, KERF_SHARES}.  All become whole steps, the nearest,
 * when the run begins. */
typedef struct kerf_time {
    double value;
    kerf_time_unit unit;
} kerf_time;

typedef enum kerf_lr_schedule {
    KERF_LR_CONST,
    KERF_LR_STEP,   /* times 0.1 after each third of the steps */
    KERF_LR_COSINE, /* to 0 (Loshchilov and Hutter 2017) */
    KERF_LR_EXP,    /* to 1 % of it */
    KERF_LR_LINEAR  /* to 0 */
} kerf_lr_schedule;

typedef enum kerf_event_kind {
    KERF_EVENT_EVALUATE,   /* held back samples are measured, beyond the ends of epochs */
    KERF_EVENT_PRUNE,      /* at start, then every `every`, the last not behind end */
    KERF_EVENT_QUANTIZE,   /* once */
    KERF_EVENT_FREEZE,     /* weights get no updates from start to end */
    KERF_EVENT_DISTILL,    /* a teacher counts from start to end */
    KERF_EVENT_LR,         /* a new curve begins; it ends where the next begins */
    KERF_EVENT_CHECKPOINT, /* beyond those at the ends of epochs and around changes */
    KERF_EVENT_CALL,
    KERF_EVENT_SHARE,    /* at the end of the run, whatever its times */
    KERF_EVENT_PENALTY,  /* acts from start to end */
    KERF_EVENT_EXCHANGE, /* how ranks train together from start to end */
    KERF_NUM_EVENT_KINDS
} kerf_event_kind;

/* Prunings of one list may choose the same layer only by one method, and one after the other. */
typedef struct kerf_prune_event {
    kerf_prune_options options;
    kerf_prune_curve curve; /* over the prunings from start to end */
    kerf_time lift;         /* as in kerf_prune_schedule, as the next two */
    int rewinds;
    kerf_time rewind;
} kerf_prune_event;

/* From `start` on the network is trained with its roundings (kerf_quantize_rounding): batch norms
 * are folded, ranges found there and then, masks and moments kept.  At the end of the run the graph
 * has integers, as after kerf_quantize(). */
typedef struct kerf_quantize_event {
    kerf_quantize_options options;    /* learned NULL */
    kerf_calibrate_options calibrate; /* of static modes, unless options.ranges says them */
    int trains;                       /* 0: nothing is trained so, all happens at the run's end */
    int equalize;                     /* 1: kerf_quantize_equalize() first */
    kerf_time freeze_observers;       /* up to which ranges follow what is seen */
} kerf_quantize_event;

/* What draws weights of layers to 0 while they are trained, until some are 0: by proximal steps
 * (Parikh and Boyd 2014), or by gates beside the weights, which are trained with them and are gone
 * at the end of the run, where masks stand in their place. */
typedef enum kerf_penalty_kind {
    KERF_PENALTY_NONE,
    KERF_PENALTY_L1,    /* the sum of magnitudes (Tibshirani 1996) */
    KERF_PENALTY_GROUP, /* group lasso: of norms of all that leads to one output, times the root of
                         * how many those are (Yuan and Lin 2006, Wen et al. 2016) */
    KERF_PENALTY_L0,    /* hard concrete gates: how many weights are not 0, in expectation
                         * (Louizos et al. 2018) */
    KERF_PENALTY_L0_GROUP,    /* the same, a gate for all that leads to one output, each of which
                               * counts */
    KERF_PENALTY_VARIATIONAL, /* variational dropout: weights that bear much noise go (Molchanov et
                               * al. 2017) */
    KERF_PENALTY_BN,          /* the sum of magnitudes of the scales of batch normalisation behind
                               * layers, so that whole channels can go by them (Liu et al. 2017,
                               * network slimming) */
    KERF_PENALTY_SALIENCY,    /* not of weights: the sum of saliencies that gates of channels make,
                               * mean over samples (kerf/boost.h; Gao et al. 2019); of all gates, so
                               * without layers and skip */
    KERF_NUM_PENALTIES
} kerf_penalty_kind;
/* Of one list there may be one. */
typedef struct kerf_penalty {
    kerf_penalty_kind kind;
    double strength;           /* of gates: in the sum of losses over all training samples */
    const char *const *layers; /* as those of kerf_prune_options, like the next three */
    size_t num_layers;
    const char *const *skip;
    size_t num_skip;
} kerf_penalty;

typedef struct kerf_lr_event {
    double lr;
    kerf_lr_schedule schedule;
    kerf_time warmup; /* of linear rise */
} kerf_lr_event;

typedef struct kerf_freeze_event {
    const char *const *patterns; /* shell patterns of weights */
    size_t num_patterns;
} kerf_freeze_event;

typedef enum kerf_gradients {
    KERF_GRADIENTS_F32,
    KERF_GRADIENTS_INT8 /* a byte each, whose scale is that of the largest of about a million; what
                         * that leaves out comes into the next step's, up to the next event */
} kerf_gradients;

/* What ranks (kerf/ranks.h) send each other; outside of such events, gradients as floats in every
 * step.  Events of one run do not overlap; alone they have no effect. */
typedef struct kerf_exchange_event {
    kerf_gradients gradients;
    int64_t local_steps; /* more than 1: each rank makes so many steps by its own gradients alone,
                          * then weights, moments and statistics become the mean of all ranks', as
                          * they do at every event (local SGD, Stich 2019; Lin et al. 2020); of
                          * gradients as floats, in float32 (0: 1) */
} kerf_exchange_event;

/* Nonzero stops the run, as a progress callback does.  Nothing is in flight. */
typedef struct kerf_call_event {
    int (*call)(void *context, int64_t step);
    void *context;
} kerf_call_event;

typedef struct kerf_event {
    kerf_event_kind kind;
    kerf_time start, end; /* end 0: that of the run; of prunings: start */
    kerf_time every;      /* 0: once */
    union {               /* borrowed, and untouched as long as the run goes */
        const kerf_prune_event *prune;
        const kerf_quantize_event *quantize;
        const struct kerf_distillation *distill;
        const kerf_share_options *share;
        const kerf_penalty *penalty;
        kerf_lr_event lr;
        kerf_freeze_event freeze;
        kerf_call_event call;
        kerf_exchange_event exchange;
    };
} kerf_event;

#ifdef __cplusplus
}
#endif
#endif
