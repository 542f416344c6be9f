/* recipe/recipe_keys.h -- what may stand in a recipe: one row a key.  Other half: recipe_keys.c.
 *
 * The rows are all there is to say of a key.  By them a recipe is checked, completed with defaults
 * and put into structs (recipe_read.c), keys are guessed that were misspelt, and values that
 * --set gives are like those of the file.  Names are those of the command's options. */
#ifndef KERF_RECIPE_KEYS_H
#define KERF_RECIPE_KEYS_H

#include "kerf/recipe.h"

typedef enum kerf__key_kind {
    KERF__KEY_TEXT,    /* const char *; NULL for "" */
    KERF__KEY_REAL,    /* double */
    KERF__KEY_TIME,    /* kerf_time: "1.5", "500 steps", "60%"; NAN for "": nobody says */
    KERF__KEY_WHOLE,   /* int64_t */
    KERF__KEY_FLAG,    /* int */
    KERF__KEY_CHOICE,  /* int: place in `choices` */
    KERF__KEY_LIST,    /* kerf__texts */
    KERF__KEY_AMOUNTS, /* kerf__amounts */
    KERF__KEY_SECTION, /* a map, with keys of its own */
    KERF__KEY_STEPS,   /* a list of maps with one key each, of `section` */
    KERF__KEY_STAGES,  /* a list of maps, each a `section` */
    KERF__KEY_LATER    /* not in this version */
} kerf__key_kind;

/* How the ends of a range count. */
enum { KERF__MIN = 1, KERF__ABOVE = 2, KERF__MAX = 4, KERF__BELOW = 8 };

typedef struct kerf__section kerf__section;
typedef struct kerf__key {
    const char *name;
    kerf__key_kind kind;
    size_t offset;        /* in the section's struct */
    const char *fallback; /* where it does not stand; "=end": what `end` is; NULL: it must stand */
    const char *adaptive; /* the same where `optimizer` is not sgd; NULL: no other */
    const char *choices;  /* "a|b|c" */
    int range;
    double min, max;
    const kerf__section *section;
} kerf__key;

struct kerf__section {
    const char *name; /* for messages; "" at the top */
    const kerf__key *keys;
    size_t num;
};

typedef struct kerf__texts {
    const char **items;
    size_t num;
} kerf__texts;
/* One value, or by layer: "fc1=0.92,*=0.74". */
typedef struct kerf__amounts {
    double value;
    kerf_prune_amount *items;
    size_t num;
} kerf__amounts;

/* ---- the structs, as the file has them ------------------------------------------------------- */

typedef struct kerf__recipe_train {
    double epochs, clip, lr, momentum, weight_decay, label_smoothing, mixup;
    kerf_time warmup;
    int64_t batch, accumulate, memory;
    int batch_norm, optimizer, schedule, loss, precision;
    const char *augment, *balance;
    kerf__texts freeze;
} kerf__recipe_train;

typedef struct kerf__recipe_prune {
    kerf_time start, end, every, lift, rewind;
    double min_keep;
    int method, scope, curve, biases;
    kerf__amounts sparsity, s;
    const char *structure, *mask;
    kerf__texts layers, skip;
} kerf__recipe_prune;

typedef struct kerf__recipe_quantize {
    kerf_time start, freeze_observers;
    int64_t calibrate;
    int mode, activations, asymmetric, learn_ranges, equalize, bias_correct;
    const char *weights, *per, *observer;
    kerf__texts layers, skip;
} kerf__recipe_quantize;

typedef struct kerf__recipe_distill {
    kerf_time start, end;
    double temperature, last_temperature, alpha, beta, hint_epochs;
    kerf__texts teacher, taps;
    const char *teacher_device;
    int cache;
} kerf__recipe_distill;

typedef struct kerf__recipe_share {
    int64_t bits, block;
    int init;
    kerf__texts layers, skip;
} kerf__recipe_share;

typedef struct kerf__recipe_lr {
    kerf_time start, warmup;
    double lr;
    int schedule;
} kerf__recipe_lr;

typedef struct kerf__recipe_freeze {
    kerf_time start, end;
    kerf__texts layers;
} kerf__recipe_freeze;

/* evaluate, checkpoint */
typedef struct kerf__recipe_repeat {
    kerf_time start, end, every;
} kerf__recipe_repeat;

typedef struct kerf__recipe_penalty {
    kerf_time start, end;
    double strength;
    int kind;
    kerf__texts layers, skip;
} kerf__recipe_penalty;

typedef struct kerf__recipe_exchange {
    kerf_time start, end;
    int gradients;
    int64_t local_steps;
} kerf__recipe_exchange;

typedef struct kerf__recipe_remove {
    int structure, criterion, scope, curve;
    kerf__amounts sparsity;
    const char *macs;
    double retrain;
    int64_t events, calibrate, round_to, min_channels;
    kerf__texts layers, skip;
} kerf__recipe_remove;

typedef enum kerf__recipe_step_kind {
    KERF__STEP_PRUNE,
    KERF__STEP_QUANTIZE,
    KERF__STEP_DISTILL,
    KERF__STEP_SHARE,
    KERF__STEP_LR,
    KERF__STEP_FREEZE,
    KERF__STEP_EVALUATE,
    KERF__STEP_CHECKPOINT,
    KERF__STEP_PENALTY,
    KERF__STEP_EXCHANGE,
    KERF__STEP_REMOVE,
    KERF__NUM_STEP_KINDS
} kerf__recipe_step_kind;

/* What `of` holds is said by the key. */
typedef struct kerf__recipe_step {
    const kerf__key *key;
    const struct kerf__tree *at;
    union {
        kerf__recipe_prune prune;
        kerf__recipe_quantize quantize;
        kerf__recipe_distill distill;
        kerf__recipe_share share;
        kerf__recipe_lr lr;
        kerf__recipe_freeze freeze;
        kerf__recipe_repeat repeat;
        kerf__recipe_penalty penalty;
        kerf__recipe_exchange exchange;
        kerf__recipe_remove remove;
    } of;
} kerf__recipe_step;
typedef struct kerf__recipe_steps {
    kerf__recipe_step *items;
    size_t num;
} kerf__recipe_steps;

typedef struct kerf__recipe_phase {
    const char *name;
    kerf__recipe_train train;
    kerf__recipe_steps steps;
} kerf__recipe_phase;
typedef struct kerf__recipe_phases {
    kerf__recipe_phase *items;
    size_t num;
} kerf__recipe_phases;

typedef struct kerf__recipe_top {
    int64_t version, val, seed;
    const char *model, *data, *classes, *prep, *dir;
    double width;
    int no_keep_zeros;
    kerf__texts formats;
    kerf__recipe_phase whole; /* where there are no stages */
    kerf__recipe_phases stages;
} kerf__recipe_top;

/* At the top, without and with stages. */
extern const kerf__section kerf__recipe_plain_section, kerf__recipe_staged_section;

kerf__recipe_step_kind kerf__recipe_kind_of(const kerf__recipe_step *step);

/* The row of a key, or NULL. */
const kerf__key *kerf__key_find(const kerf__section *section, const char *name);
/* The row that is most like it, or NULL. */
const char *kerf__key_near(const kerf__section *section, const char *name);

#endif
