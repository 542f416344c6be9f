/* train.h -- training, evaluating, and checkpoints.
 *
 * A run is: epochs of batches in an order fixed by the seed, a learning rate that is a
 * function of the step, and events at fixed steps (pruning).  Everything that decides the
 * result is in the checkpoint, so a run that was stopped anywhere ends with the same
 * bits as one that was not, on the same device. */
#ifndef KERF_TRAIN_H
#define KERF_TRAIN_H

#include "kerf/channels.h"
#include "kerf/data.h"
#include "kerf/depth.h"
#include "kerf/plan.h"
#include "kerf/prune.h"
#include "kerf/ranks.h"
#include "kerf/schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Pruning inside a run: `events` times, the first after `start` epochs, then every
 * `every` epochs (fractions count steps), then no more. */
typedef struct kerf_prune_schedule {
    kerf_prune_options options;
    kerf_prune_curve curve;
    int events;          /* 0: no pruning */
    double start, every; /* epochs */
    double lift;         /* epochs after which all masks are lifted (Han et al. 2017); 0: never */
    int rewinds;         /* 1: after each event weights go back to what they were after */
    double rewind;       /* ... so many epochs, and the learning rate with them (lottery tickets) */
} kerf_prune_schedule;

/* A line of metrics.jsonl: what one epoch brought. */
typedef struct kerf_epoch {
    int64_t epoch;                                          /* from 1 */
    double loss, val_top1, val_loss, lr, seconds, sparsity; /* NAN: unknown */
} kerf_epoch;

/* Where a run stands; given to the progress callback a few times a second. */
typedef struct kerf_train_progress {
    int64_t epoch, num_epochs, step, num_steps; /* step of the whole run */
    double samples_per_second, seconds_left, loss, sparsity;
    const kerf_epoch *finished;              /* an epoch that has just ended, or NULL */
    const kerf_pruner *pruned;               /* a pruning event that has just happened, or NULL */
    const struct kerf_evaluation *evaluated; /* an evaluation between the ends of epochs, or NULL */
    const char *warning;                     /* something to tell the user, once, or NULL */
    const char
        *balance; /* samples of each rank by what was just measured, as in options; or NULL */
} kerf_train_progress;
/* Nonzero: finish the step, write the checkpoint, return KERF_ERR_CANCELLED. */
typedef int (*kerf_train_callback)(void *context, const kerf_train_progress *progress);

/* A network that knows more; it stays as it is. */
typedef struct kerf_teacher {
    const kerf_graph *g; /* gets what the student gets, as it is prepared */
    kerf_state *s; /* on the student's device, or on another, from which what it says is copied */
} kerf_teacher;
enum { KERF_MOST_TEACHERS = 4 };

/* What a student learns of a teacher's layer.  A layer is the name of a value or of a node, or that
 * of its weight less the last part ("fc1" of "fc1.weight"), or a shell pattern on these that means
 * as many layers of both networks. */
typedef struct kerf_learned_tap {
    const char *student, *teacher;
    int from; /* which teacher, from 0 */
    kerf_tap_loss loss;
    double weight;
    double others;        /* as in kerf_tap */
    kerf_time start, end; /* between which it counts; end 0: to the end of the run */
    const char *place;    /* that messages of its layers begin with: "lenet.yaml:7"; NULL: none */
} kerf_learned_tap;
/* As people write it: "conv2=conv3:mse:0.5@0-5", "fc1:mse@10%-500 steps", "2#relu*:cosine"; without
 * a weight it counts 1.
 * What it points into is *kept, which the caller frees with free(), also on failure. */
KERF_API kerf_status kerf_learned_tap_parse(kerf_learned_tap *out, const char *text, void **kept);

/* Teachers, and what they count beside labels (Hinton, Vinyals, Dean 2015):
 * loss = alpha T^2 KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha) of labels
 *        + what taps add; of several teachers the mean. */
typedef struct kerf_distillation {
    const kerf_graph *teacher; /* the first one; NULL: none */
    kerf_state *state;         /* as in kerf_teacher */
    const kerf_teacher *more;  /* and others */
    size_t num_more;
    int self;                /* 1: the student as it is when the run begins teaches, first of all */
    double alpha;            /* 0 to 1; at 0 with taps, outputs need not have as many classes */
    double temperature;      /* > 0 */
    double last_temperature; /* to which it goes on a straight line; 0: it stays */
    const kerf_learned_tap *taps;
    size_t num_taps;
    double hint_epochs; /* at the beginning, in which only taps count (FitNets' hints) */
    int cache; /* 1: teachers are asked once, and run_dir's file teacher.cache says it from then on,
                * in later runs of it, too; without augment alone.  The same bits */
} kerf_distillation;

/* Whose samples batch normalisation takes its statistics of. */
typedef enum kerf_batch_norm {
    KERF_BATCH_NORM_APART,   /* each rank its own; the running ones become the mean at events */
    KERF_BATCH_NORM_TOGETHER /* all ranks' of a part: they are one batch, as it would be on one
                              * device; all wait for each other, twice a batch norm and part */
} kerf_batch_norm;

typedef struct kerf_train_options {
    double epochs;      /* fractions allowed */
    int64_t batch;      /* samples of a step */
    int64_t accumulate; /* a step's samples go through the network in so many equal parts, as their
                         * gradients add up (0: 1); what looks at a batch, batch normalisation and
                         * mixup, looks at a part */
    const kerf_ranks *ranks; /* borrowed: each takes its share of every part of a step, and all end
                              * with the same network; rank 0 alone writes into run_dir, from which
                              * all resume, however many they were (NULL: one alone) */
    const char *balance;     /* those shares: "even", "measure": what each earns by the time of some
                              * steps before the first, or numbers in proportion, one a rank: "3,1"; a
                              * rank has whole samples, one at least (NULL: even) */
    kerf_batch_norm batch_norm; /* of ranks; one alone has all samples */
    kerf_exchange *exchange;    /* borrowed: what ranks exchange is counted here (NULL: nowhere) */
    double clip;                /* of gradients; see kerf_plan_options (0: none) */
    kerf_precision precision;   /* F32, MIXED or AUTO; measuring is in float32 */
    double loss_scale;          /* see kerf_plan_options (0: 65536) */
    int64_t scale_steps;        /* the same (0: 2000) */
    double lr;
    kerf_lr_schedule schedule;
    kerf_time warmup; /* of linear rise */
    kerf_optimizer optimizer;
    kerf_loss loss;
    uint64_t seed;
    const char *prep;    /* NULL: the graph's, else the data set's */
    const char *augment; /* of training samples, kerf_augment_parse(); NULL: none */
    double smoothing;    /* what all classes alike take from each label, with cross entropy alone */
    double mixup; /* > 0: samples of a batch are mixed in pairs, and their labels, by shares of
                   * Beta(mixup, mixup), one a step; with cross entropy alone */
    const char *choices;       /* NULL: store or guess */
    const char *run_dir;       /* checkpoint, metrics.jsonl, choices.json; NULL: none */
    int tensorboard;           /* 1: run_dir gets an event file for TensorBoard, too */
    int resume;                /* 1: go on from run_dir's checkpoint */
    int keep_best;             /* 1: end with the best epoch's weights (validation split); epochs
                                * before the last pruning event do not count, and with gates none
                                * but the last */
    size_t memory_bytes;       /* on the device; see kerf_plan_options (0: no bound) */
    const char *const *freeze; /* shell patterns of weights that are not trained */
    size_t num_freeze;
    double freeze_observers; /* epochs, fractions too, from which on trained ranges, those of
                              * activations and those that are learned (kerf_quantize_rounding),
                              * stay */
    kerf_prune_schedule prune;
    const kerf_event *events; /* more of them, in any order */
    size_t num_events;
    kerf_distillation distill;    /* with cross entropy alone */
    kerf_train_callback callback; /* may be NULL */
    void *context;
} kerf_train_options;

/* batch 128, lr 0.05 cosine, SGD 0.9 with Nesterov and weight decay 1e-4, seed 1. */
KERF_API kerf_train_options kerf_train_defaults(void);

/* Trains `s` (on a device) in place; marks `g` where the schedule prunes, and rewrites it where
 * that quantizes.  The text that prepared the images goes into the graph's metadata ("kerf.prep").
 * KERF_ERR_DIVERGED on a loss that is not a number, with advice; the weights are then
 * those of the last checkpoint's best epoch if there is one. */
KERF_API kerf_status kerf_train(kerf_graph *g, kerf_state *s, kerf_dataset *d,
                                const kerf_train_options *options);

/* ---- before a run ----------------------------------------------------------------------- */

/* Something that will happen. */
typedef struct kerf_instant {
    int64_t step;
    double epoch;
    const char *what; /* "prune"; lives for ever */
    double share;     /* of a pruning's amount, or the learning rate; -1: has none */
} kerf_instant;
/* All but the ends of epochs, in the order of time; the caller frees *out with free(). */
KERF_API kerf_status kerf_train_timetable(kerf_instant **out, size_t *num,
                                          const kerf_train_options *options,
                                          int64_t steps_per_epoch);

/* What a run will take.  g and s stay as they are: some steps are run on copies. */
typedef struct kerf_forecast {
    int64_t num_steps, steps_per_epoch;
    double step_ms; /* of plain training */
    size_t arena_bytes /* the largest allocation */, state_bytes;
    uint64_t device_bytes, most_bytes; /* what the device has, and gives in one piece */
    int64_t batch; /* that of the options; another: theirs does not fit, this does; 0: none does */
} kerf_forecast;
KERF_API kerf_status kerf_train_forecast(kerf_forecast *out, const kerf_graph *g,
                                         const kerf_state *s, kerf_dataset *d,
                                         const kerf_train_options *options);

typedef struct kerf_evaluation {
    int64_t samples, batch;
    double top1, top5; /* percent */
    double top1_ci95;  /* half the width of top1's 95 % interval (Wilson 1927), in points */
    double loss;
    double ms_per_batch; /* copies and waiting included */
    double macs;         /* of a sample; what a plan skips is not counted */
} kerf_evaluation;

/* What came of pruning in rounds. */
typedef struct kerf_prune_rounds {
    int tried, kept; /* rounds; kept 0: even the first lost too much, and is what the state holds */
    double before;   /* top-1 on held back samples */
    double lost;     /* points, of what the state holds */
    double lost_last; /* of the last round that was tried */
} kerf_prune_rounds;

/* As kerf_train(), but each event of the schedule is a round, a run of its own of `prune.every`
 * epochs (and `prune.start` before its pruning) that begins where the round before ended; rounds
 * end when one loses more than `max_drop` points of top-1 on held back samples, and the state
 * holds what the one before it left.  Rounds have folders of their own in run_dir: "round-1". */
KERF_API kerf_status kerf_prune_until(kerf_prune_rounds *out, kerf_graph *g, kerf_state *s,
                                      kerf_dataset *d, const kerf_train_options *options,
                                      double max_drop);

/* Every sample of a split.  confusion, if not NULL, has classes * classes counts, true
 * class outermost.  prep NULL: the graph's, else the data set's. */
KERF_API kerf_status kerf_evaluate(const kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                                   kerf_split split, int64_t batch, const char *prep,
                                   kerf_evaluation *result, int64_t *confusion);
/* The same in a precision (plan.h), and shared with ranks that all call it: batches are dealt out,
 * and all have the same result (NULL: one alone). */
KERF_API kerf_status kerf_evaluate_as(const kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                                      kerf_split split, int64_t batch, const char *prep,
                                      kerf_precision precision, const kerf_ranks *ranks,
                                      kerf_evaluation *result, int64_t *confusion);

/* The same on several devices at once, each with a state of its own of the same entries: whoever is
 * free takes the next batch, so faster devices take more.  taken, (num_states), gets how many
 * samples each took.  Between calls states belong to the caller's thread; in here each has one. */
KERF_API kerf_status kerf_evaluate_together(const kerf_graph *g, kerf_state *const *states,
                                            size_t num_states, const kerf_dataset *d,
                                            kerf_split split, int64_t batch, const char *prep,
                                            kerf_precision precision, kerf_evaluation *result,
                                            int64_t *confusion, int64_t *taken);

/* ---- what layers can lose -------------------------------------------------------------- */

enum { KERF_NUM_SENSITIVITY_SHARES = 7 };
KERF_API double kerf_sensitivity_share(int i); /* 0.5 to 0.98 */
typedef struct kerf_sensitivity {
    char name[128]; /* of the weight */
    int64_t total;
    double lost[KERF_NUM_SENSITIVITY_SHARES]; /* points of top-1, by share; below 0: gained */
} kerf_sensitivity;
typedef struct kerf_analyse_options {
    int64_t batch;           /* 0: 256 */
    const char *prep;        /* NULL: the graph's, else the data set's */
    const kerf_costs *costs; /* kerf_prune_find_amounts(): of the device that ms are of; NULL: the
                              * state's */
    const kerf_ranks *ranks; /* borrowed: all call it, share the measuring, and have the same
                              * result, with rank 0's milliseconds (NULL: one alone) */
    /* Nonzero stops; may be NULL. */
    int (*progress)(void *context, int64_t done, int64_t num);
    void *context;
} kerf_analyse_options;
/* Takes each chosen layer's smallest weights (or units) alone, share by share, without training,
 * and measures on held back samples (else on the test split).  g and s stay as they are; the caller
 * frees *out. */
KERF_API kerf_status kerf_prune_analyse(kerf_sensitivity **out, size_t *num, const kerf_graph *g,
                                        const kerf_state *s, const kerf_dataset *d,
                                        const kerf_prune_options *options,
                                        const kerf_analyse_options *how);

/* ---- what channels do ------------------------------------------------------------------ */

typedef struct kerf_watch_options {
    int64_t samples; /* of the training split, chosen by seed, else of another; whole batches
                      * (0: 256) */
    int64_t batch;   /* 0: 32, by rank 8 */
    uint64_t seed;
    const char *prep;        /* NULL: the graph's, else the data set's */
    const kerf_ranks *ranks; /* borrowed: all call it, share the samples, and see the same (NULL:
                              * one alone) */
    /* Samples that were looked at, and all; nonzero stops; may be NULL. */
    int (*progress)(void *context, int64_t done, int64_t num);
    void *context;
} kerf_watch_options;
/* Runs a copy of the network on samples, for a criterion that goes by them:
 *   taylor  of each batch the square of the sum of weight times gradient, over all weights that
 *           make a channel, or over scale and shift of the batch normalisation behind it; needs
 *           labels
 *   rank    that of each picture, behind an activation where there is one
 *   zeros   behind activations
 * as means over batches, samples and places.  c keeps them for kerf_channels_choose(); g and s must
 * be those that it was found in, and stay as they are. */
KERF_API kerf_status kerf_channels_watch(kerf_channels *c, const kerf_graph *g, const kerf_state *s,
                                         const kerf_dataset *d, kerf_channel_criterion criterion,
                                         const kerf_watch_options *how);

/* Measures the network without each residual block alone, for kerf_depth_choose(): on held back
 * samples (else on the test split), without training; data NULL: by its outputs on random samples.
 * g and s must be those that blocks were found in, and stay as they are. */
KERF_API kerf_status kerf_depth_judge(kerf_depth *d, const kerf_graph *g, const kerf_state *s,
                                      const kerf_dataset *data, const kerf_analyse_options *how);

/* Amounts by layer, and what the network is with all of its layers pruned so, without training. */
typedef struct kerf_prune_found {
    kerf_prune_amount *amounts;
    size_t num_amounts;
    char *patterns;   /* what the amounts point into */
    double lost;      /* points of top-1, on held back samples */
    double bytes, ms; /* of the weights that are left, 4 each; NAN: not looked at */
    char missed[256]; /* "", or which bound does not hold, and the best that can be had */
} kerf_prune_found;
/* Amounts, among those that the analysis looks at, by which the target holds before any training:
 * of ever smaller networks (with a bound on ms, ever faster) the first within the bounds on bytes
 * and ms, with a bound on loss alone the last. */
KERF_API kerf_status kerf_prune_find_amounts(kerf_prune_found **out, const kerf_graph *g,
                                             const kerf_state *s, const kerf_dataset *d,
                                             const kerf_prune_options *options,
                                             const kerf_target *target,
                                             const kerf_analyse_options *how);
KERF_API void kerf_prune_found_destroy(kerf_prune_found *found); /* NULL is allowed */

/* A preparation that was tried on some samples. */
enum { KERF_MOST_GUESSES = 16 };
typedef struct kerf_prep_guess {
    char prep[160];
    int64_t samples;
    double top1, loss;
} kerf_prep_guess;
/* Tries the usual preparations of a classifier, as far as its input and the data allow, on up to
 * 1000 samples of a split; the best is the first of *num.  guesses has room for
 * KERF_MOST_GUESSES. */
KERF_API kerf_status kerf_guess_prep(const kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                                     kerf_split split, int64_t batch, kerf_prep_guess *guesses,
                                     size_t *num);

/* ---- folders ------------------------------------------------------------------------ */

/* A folder in which one process works at a time: made where it is not there, locked until it is
 * closed or the process ends in whatever way, and rid of what a process that was killed had half
 * written.  In use: KERF_ERR_FILE, which says by whom.  kerf_train() locks its run_dir by itself;
 * this is for those that keep more there. */
typedef struct kerf_folder_lock kerf_folder_lock;
KERF_API kerf_status kerf_folder_lock_open(kerf_folder_lock **out, const char *dir);
KERF_API void kerf_folder_lock_close(kerf_folder_lock *lock); /* NULL is allowed */

/* ---- checkpoints -------------------------------------------------------------------- */

/* Graph and state of a checkpoint (best != 0: the best epoch's weights). */
KERF_API kerf_status kerf_checkpoint_read(kerf_graph **g, kerf_state **s, const char *path,
                                          int best, kerf_device *dev);

#ifdef __cplusplus
}
#endif
#endif
