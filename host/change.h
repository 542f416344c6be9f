/* change.h -- what train and prune share: a run that changes a model, with its folder, its
 * progress, and the before -> after that it ends with.  Other halves: change.c (the run),
 * change_report.c (tables and JSON). */
#ifndef HOST_CHANGE_H
#define HOST_CHANGE_H

#include "layer_stats.h"
#include "progress.h"
#include "session.h"

/* A model as it stands: measured before and after. */
typedef struct standing {
    evaluation e, held_back; /* of the test split, and of samples that steer */
    layer_list layers;
} standing;

typedef struct change {
    const options *o;
    session s;
    standing before, after;
    network_values values; /* before */
    kerf_train_options train;
    kerf_exchange exchange; /* of ranks; counted while it trains */
    kerf_event events[3];   /* what the command line adds to those of train */
    kerf_penalty penalty;   /* what these point to */
    kerf_quantize_event quantize;
    int in_rounds; /* 1: pruning stops when a round loses more than --max-drop */
    kerf_prune_rounds rounds;
    int64_t held_back; /* training samples, to steer by, that nobody asked for */
    char *run_dir;     /* owned; NULL: no training, no folder */
    json_t *epochs;    /* owned */
    char *balance;     /* owned; of ranks, as measured; NULL: was not */
    json_t *more;      /* owned; what a command adds to its JSON; NULL: nothing */
    progress bar;
    double start_ms;
    int64_t epoch, num_epochs; /* where training stands */
} change;

/* Opens everything and measures `before`. */
int change_begin(change *c, const options *o);
/* Zeros of layers that have more than KEPT_ZEROS of them become masks, unless --no-keep-zeros. */
kerf_status change_keep_zeros(change *c);
/* Makes the run's folder, --run-dir or one beside the output, which change_finish() fills; part of
 * change_train().  0 or an exit code after a message. */
int change_make_folder(change *c);
/* Samples that steer: of the training split, unless some are held back already.  Before anything
 * is measured on them. */
int change_hold_back(change *c);
/* Trains by these options, but for what change_begin() has set for any: who is told of progress,
 * and whether a run is taken up. */
void change_use(change *c, const kerf_train_options *train);
/* One more event of c->train, of at most as many as c->events holds. */
void change_add_event(change *c, const kerf_event *event);
/* Keeps zeros, then trains by c->train. */
int change_train(change *c);
/* The same for a round before the last, in its folder c->train.run_dir. */
int change_train_round(change *c);
/* Measures `after`, writes the model and fills the run's folder. */
int change_store(change *c);
/* The same, and prints tables or JSON. */
int change_finish(change *c);
/* The same where a target was missed: the model goes into the run's folder and nowhere else. */
int change_keep_missed(change *c);
void change_close(change *c);

/* What was pruned, a line a layer, and how much is alive. */
void print_pruned(const kerf_pruner *p, FILE *out);

int change_report(const change *c);
json_t *change_json(const change *c);
/* The same for the run's folder, with what repeats it: command, seed, environment. */
json_t *change_summary_json(const change *c);
/* The folder's layers.json: both layer tables and how weights are spread.  NULL after a failure. */
json_t *change_layers_json(const change *c);

#endif
