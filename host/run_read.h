/* run_read.h -- a run's folder, read for its report.  Other half: run_read.c.
 *
 * Folders come from anywhere: every number and text is checked for its kind, counts have bounds,
 * and what is missing is NAN or empty.  Whoever shows a text has it escaped for where it goes. */
#ifndef HOST_RUN_READ_H
#define HOST_RUN_READ_H

#include <jansson.h>

#include "layer_stats.h"
#include "say.h"

enum {
    RUN_MOST_EPOCHS = 65536,
    RUN_MOST_EVENTS = 4096,
    RUN_MOST_LAYERS = 4096,
    RUN_MOST_STAGES = 64
};

/* Unknown is NAN, here and below. */
typedef struct run_epoch {
    double epoch, loss, val_top1, val_loss, lr, seconds, sparsity, images_per_s;
} run_epoch;
typedef struct run_event {
    double at; /* epochs */
    char what[32];
} run_event;

/* A network, or a layer of one. */
typedef struct run_side {
    double weights, nonzeros, bits, bytes, macs, ms;
} run_side;
typedef struct run_standing {
    double top1, top5, loss, samples;
    run_side all;
} run_standing;

enum { RUN_BEFORE, RUN_AFTER, RUN_SIDES };
extern const char *const run_sides[RUN_SIDES]; /* "before", "after" */

/* How weights are spread (layer_stats.h); num_norms 0 and end NAN: not known. */
typedef struct run_weights {
    double end, snr_db;
    double bins[RUN_SIDES][LAYER_BINS];
    double *norms[RUN_SIDES]; /* owned */
    size_t num_norms[RUN_SIDES];
} run_weights;
typedef struct run_layer {
    char name[128];
    run_side side[RUN_SIDES]; /* .weights NAN: the layer is not there */
    run_weights *weights;     /* owned; NULL: not known */
} run_layer;

typedef struct run_record {
    char name[128]; /* of the folder, or of the sweep's point */
    run_epoch *epochs;
    run_event *events;
    run_layer *layers; /* all owned, as the texts */
    size_t num_epochs, num_events, num_layers;
    int is_finished; /* there is a summary */
    run_standing standing[RUN_SIDES];
    double seconds, seed;
    char *command;      /* with its words; "" unknown */
    char *recipe;       /* recipe.yaml; "" without */
    char *environment;  /* "device: ..." and so on, a line each */
    char (*stages)[64]; /* names of folders in this one, whose runs followed each other */
    size_t num_stages;
} run_record;

/* Each takes a file's text; 0, or 1 with `why` it cannot be. */
typedef struct run_why {
    char text[256];
} run_why;
int run_parse_metrics(run_record *r, const char *text, run_why *why);
int run_parse_summary(run_record *r, const char *text, run_why *why);
int run_parse_layers(run_record *r, const char *text, run_why *why);
int run_parse_recipe(run_record *r, const char *text, run_why *why);
int run_take_layers(run_record *r, const json_t *object, run_why *why); /* as layers.json has */

/* Reads what is there of metrics.jsonl, summary.json, layers.json and recipe.yaml.  0 or an exit
 * code after a message.  Free it in any case. */
int run_read(const options *o, run_record *r, const char *dir);
/* Puts a stage's run behind those that r holds, and lets it go: epochs go on counting, layers are
 * before the first and after the last. 0: memory is short (run_stages.c). */
int run_append_stage(run_record *r, run_record *stage, const char *name);
/* The layer of this name, made if it is not there; NULL if there are too many. */
run_layer *run_layer_named(run_record *r, const char *name);
/* A file of a run, not too large and no pipe; *text is NULL if it is not there. */
int run_read_text(const options *o, const char *path, char **text);
void run_init(run_record *r);
void run_free(run_record *r);

/* Absolute paths in a text keep their last part alone, in place: a page shows no machine's. */
void hide_folders(char *text);

#endif
