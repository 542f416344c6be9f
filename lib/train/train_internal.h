/* train/train_internal.h -- a run and who does what to it.
 *
 * (1) position says how far the run is: so many steps, so many events of the schedule.
 * (2) Between events nothing happens but steps; an event finds no step in flight.
 * (3) Whatever the next step depends on is in graph, state, options or position; so what a
 *     checkpoint holds is enough.
 *
 *   train.c          the loop: steps up to the next event, the event, and again
 *   events.c         what each event does
 *   epoch_lines.c    what the folder tells of each epoch
 *   round_event.c    that of quantization
 *   resume.c         checkpoints of this run, written and taken up again
 *   run_setup.c      what comes before the first step
 *   run_plans.c      plans and pruners, and their choices
 *   schedule_add.c   which events the caller's list makes
 *   forecast.c       what a run will be, before it is
 *   prune_check.c    whether prunings get along
 *   teacher.c        what a student learns from, with teacher_taps.c and tap_text.c (teaching.h)
 *   mixing.c         samples mixed with each other (mixing.h)
 *   exchange.c       what ranks exchange in a step, by which of them, and where they meet again
 *   ranks.c          what they exchange at events; gradients and means on their way: buckets.h;
 *                    what batch norms ask for within a run: norms.h
 *   balance.c        which samples of a step are whose, with balance_measure.c (balance.h)
 *   penalty.c        which weights a penalty draws to 0
 *   train_options.c  checking options, and their text form */
#ifndef KERF_TRAIN_INTERNAL_H
#define KERF_TRAIN_INTERNAL_H

#include "kerf/prune.h"
#include "train/balance.h"
#include "train/buckets.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/norms.h"
#include "train/run_folder.h"
#include "train/schedule.h"

typedef struct kerf__run {
    kerf_graph *g; /* borrowed, as the next three */
    kerf_state *s;
    const kerf_dataset *d;
    const kerf_train_options *given;
    const kerf_graph *trained; /* what plans are made of: g, or `rounding` */

    kerf_train_options own;            /* those given, with what single events of the list say */
    const kerf_train_options *options; /* these */
    kerf__schedule schedule;           /* owned, as all below */
    kerf__run_folder folder;
    char *options_text, *choices;
    void *graph; /* `trained`, serialized */
    size_t graph_bytes;
    kerf_graph *rounding; /* NULL: none yet */

    kerf_plan *plan;
    kerf_loader *loader;
    kerf__evaluator evaluator; /* .samples 0: no validation split */
    kerf_pruner **pruners;     /* one a pruning of the schedule; NULL: none yet */
    kerf__teaching teaching;   /* .num_teachers 0: none */
    kerf__mixing mixing;
    kerf__balance balance;

    kerf__position position;
    kerf_epoch *epochs;
    size_t num_epochs, epoch_capacity;
    kerf_state *best; /* host; NULL: none yet */

    kerf__flight flight;
    int loading;                    /* the loader stands at position.step */
    int64_t saved_step, saved_next; /* position of the last checkpoint; -1: none */
    kerf__buckets buckets, means;   /* .plan NULL: no other ranks; of means: they never meet so */
    kerf__norms norms;              /* of batch norms by all ranks' samples */
    int is_apart;                   /* 1: this rank's state is another than that of others */
    double loss, sparsity;          /* as last read, for the callback */
    double epoch_ms;                /* when this epoch (or its part in this process) began */
    double run_ms, told_ms;
    int64_t run_step; /* step at which this process began */
    const char *warning;
    char warning_text[512];
    int wishes_stop, cancelled; /* one of all does; all are agreed, and stop before the next step */
} kerf__run;

/* ---- train_options.c ---- */
kerf_status kerf__train_check_options(const kerf_train_options *options, const kerf_dataset *d);
/* With fields set that single events of the list say: the teacher. */
kerf_train_options kerf__train_own_options(const kerf_train_options *given);
/* Parts of a step, and samples of each over all ranks; loaders are made for them. */
int64_t kerf__num_parts(const kerf_train_options *options);
int64_t kerf__part_size(const kerf_train_options *options);
/* What the plan of a part takes of them; the rest, and this rank's share of the part's samples,
 * depends on the network, or on the run. */
kerf_plan_options kerf__plan_options_of(const kerf_train_options *options);
/* What decides the result, a line each: NAME=VALUE; the caller frees it. */
kerf_status kerf__train_options_text(char **text, const kerf__run *run);

/* ---- run_setup.c ---- */
/* Another one in its place, of this rank's rows. */
kerf_status kerf__run_open_loader(kerf__run *run);
/* Everything up to the first step; on resume from where the checkpoint stands. */
kerf_status kerf__run_begin(kerf__run *run);
void kerf__run_end(kerf__run *run);

/* ---- run_plans.c ---- */
/* All plans and pruners of the graph as it stands, by the choices of the run. */
kerf_status kerf__run_make_plans(kerf__run *run);
void kerf__run_drop_plans(kerf__run *run);
/* What all plans of the run have chosen, as one object, and in choices.json; once more before a
 * checkpoint, as a first launch may have been refused since. */
kerf_status kerf__run_collect_choices(kerf__run *run);
/* Behind new masks, with nothing in flight: plans that would be others now are made anew, so that
 * a run that is resumed has the same. */
kerf_status kerf__run_follow_zeros(kerf__run *run);
/* The plan of training again, with other weights frozen. */
kerf_status kerf__run_follow_frozen(kerf__run *run);

/* ---- prune_check.c ---- */
/* Prunings that choose the same layer at one time, or by two methods, are refused by its name. */
kerf_status kerf__run_check_prunes(const kerf__run *run);

/* ---- round_event.c ---- */
/* Roundings come into the network; all plans are others from here on. */
kerf_status kerf__run_round(kerf__run *run);
/* The same copy once more, before plans are made, where a checkpoint is from behind that. */
kerf_status kerf__run_round_again(kerf__run *run, const kerf_state *saved);
/* At the end of all: weights of g take few values, or are integers. */
kerf_status kerf__run_share(kerf__run *run);
kerf_status kerf__run_quantize(kerf__run *run);

/* ---- ranks.c ---- */
int64_t kerf__num_ranks(const kerf_train_options *options);
int kerf__rank(const kerf_train_options *options);
/* What rank 0 has: all decide by the same numbers. */
kerf_status kerf__run_take_first(const kerf__run *run, void *bytes, size_t num_bytes);
/* Nothing is in flight: all ranks' states become the same. */
kerf_status kerf__run_align(const kerf__run *run);
/* The same where statistics are nobody's own either: they, too, are what rank 0 has. */
kerf_status kerf__run_take_state(const kerf__run *run);
/* Ranks with other options, networks or versions are refused by all. */
kerf_status kerf__run_compare_ranks(const kerf__run *run);
/* The same of where they stand, which a checkpoint says. */
kerf_status kerf__run_compare_positions(const kerf__run *run);

/* Which rows are whose: by the options' shares, at first even where they are measured. */
kerf_status kerf__run_balance(kerf__run *run);
/* By others. */
void kerf__run_cut(kerf__run *run, const double *weights);
/* Samples of each part of a step that this rank takes; what its plans are made for. */
int64_t kerf__own_rows(const kerf__run *run);

/* ---- balance_measure.c ---- */
/* Before the first step, with the state as it will begin: where options say so, other rows. */
kerf_status kerf__run_measure_balance(kerf__run *run);
/* ---- exchange.c ---- */
/* What a part of this rank's counts in the step's update: of all samples, or of its own. */
float kerf__exchange_share(const kerf__run *run, const kerf__exchange *x);
/* What it counts where things become means: who sees more samples counts for more. */
float kerf__run_share_of_means(const kerf__run *run);
/* Before a part's run is queued: what is queued with it. */
kerf_status kerf__exchange_queue(kerf__run *run, const kerf__exchange *x, int is_last);
/* Behind the last part of this step (from 1): what ranks do together. */
kerf_status kerf__exchange_finish(kerf__run *run, const kerf__exchange *x, int64_t step);
/* All that updates change becomes the mean of all ranks', where they are apart. */
kerf_status kerf__run_meet(kerf__run *run);
/* This rank would stop; all do, once they are agreed: at sums, or by the second one, which nobody
 * else calls alone. */
void kerf__run_wish_stop(kerf__run *run);
kerf_status kerf__run_agree_to_stop(kerf__run *run);

/* ---- penalty.c ---- */
/* What the penalty draws to 0, for a plan's options; the caller frees the list, also on failure. */
kerf_status kerf__run_shrunk(const kerf__run *run, kerf_shrunk_weight **out, size_t *num);

/* Puts them into the graph, where the penalty is one of gates. */
kerf_status kerf__run_add_gates(const kerf__run *run);

/* ---- teacher.c ---- */
/* Copies of teachers' graphs, and of the student as it is where it is its own teacher, and what is
 * learned of which layer; before anything changes it. */
kerf_status kerf__run_take_teachers(kerf__run *run);
/* The plans of teachers, if there are any and they are not open yet, whose outputs the student's
 * plan will read. */
kerf_status kerf__run_open_teachers(kerf__run *run, const char *choices);
/* Their plans alone, on the devices that they are on. */
kerf_status kerf__run_open_teacher_plans(kerf__run *run, const char *choices);
/* Where all plans of a device read the batch: where it is mixed, or the first teacher has it; NULL:
 * the student's own plan is the only one, and has it. */
const kerf_tensor *kerf__run_input_place(const kerf__run *run, const kerf_device *dev);
/* 1 if a teacher is on the student's device. */
int kerf__run_is_beside(const kerf__run *run, const kerf__teacher *teacher);

/* ---- teacher_keep.c ---- */
/* A file in their place, which is made if the folder has none of these teachers and data. */
kerf_status kerf__run_open_cache(kerf__run *run, const char *choices);

/* ---- teacher.c, too ---- */
/* What the student's plan is to learn of teachers. */
void kerf__run_add_taps(const kerf__run *run, kerf_plan_options *plan);
/* What teachers and labels count in a step (from 1). */
void kerf__teacher_step(kerf_step *step, const kerf__run *run);

/* ---- train.c ---- */
/* A run before its beginning. */
kerf__run kerf__run_of(kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                       const kerf_train_options *options);
kerf_status kerf__run_step(kerf__run *run);
/* Calls back with what has just happened and where the run stands; remembers a wish to stop. */
void kerf__run_tell(kerf__run *run, const kerf_train_progress *happened);

/* ---- events.c ---- */
/* How many of the weights are pruned, for the epoch's line and the callback; waits. */
kerf_status kerf__run_read_sparsity(kerf__run *run);
kerf_status kerf__run_event(kerf__run *run, const kerf__event *event);

/* ---- epoch_lines.c ---- */
/* metrics.jsonl: replaced by all epochs of the run, or one more line. */
kerf_status kerf__run_write_metrics(const kerf__run *run);
kerf_status kerf__run_add_metrics(const kerf__run *run, const kerf_epoch *epoch);

/* ---- resume.c ---- */
/* Writes the checkpoint, if there is a folder and it does not hold this position already. */
kerf_status kerf__run_save(kerf__run *run);
/* Reads the checkpoint, or the previous one if that is damaged; KERF_ERR_ARGUMENT names the
 * option that differs. */
kerf_status kerf__run_load(kerf__run *run);
/* Writes the entries of another state, on the host, into this one's of the same names. */
kerf_status kerf__run_put_back(kerf_state *s, const kerf_state *from);
/* Copies weights and statistics of the best epoch into the state. */
kerf_status kerf__run_restore_best(kerf__run *run);
/* Drops what an earlier run left: moments, sums. */
void kerf__run_forget(kerf_state *s);

#endif
