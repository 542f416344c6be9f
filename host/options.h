/* options.h -- a command line, taken apart.  Other half: options.c (the parser),
 * option_table.c (one row an option), help.c (prints the same rows).
 *
 * An option means the same everywhere, so all of them live in one struct and one table; a
 * command says which groups it takes. */
#ifndef HOST_OPTIONS_H
#define HOST_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "kerf/prune.h"

typedef struct text_list {
    const char **items; /* owned; the texts are argv's */
    size_t num;
} text_list;

/* --sparsity 0.9, or 'fc1=0.92,*=0.74': one value, or by layer. */
typedef struct amounts {
    double value;
    kerf_prune_amount *items; /* owned, with their patterns */
    size_t num;
    char *text; /* owned: what the patterns point into */
} amounts;

/* Which commands take an option: a command accepts the rows of its groups. */
enum {
    GROUP_ALWAYS = 1,
    GROUP_OUTPUT = 2,
    GROUP_DATA = 4,
    GROUP_TRAIN = 8,
    GROUP_PRUNE = 16,
    GROUP_EVAL = 32,
    GROUP_INFER = 64,
    GROUP_BENCH = 128,
    GROUP_TUNE = 256,
    GROUP_NEW = 512,
    GROUP_SEED = 1024,
    GROUP_BATCH = 2048,
    GROUP_RUN = 4096,
    GROUP_DEMO = 8192,
    GROUP_EPOCHS = 16384, /* prune counts by --retrain and --finetune */
    GROUP_DEVICES = 32768,
    GROUP_PREP = 65536, /* without data */
    GROUP_QUANTIZE = 131072,
    GROUP_EXPORT = 262144,
    GROUP_DISTILL = 524288,
    GROUP_ON = 1048576, /* may run at another end */
    GROUP_RECIPE = 8388608,
    GROUP_REPORT = 33554432,
    GROUP_SHARE = 16777216,
    GROUP_PACK = 67108864,
    GROUP_RANKS = 134217728 /* work that several ranks share */
};

enum { MAX_GIVEN = 128 };

typedef struct options {
    const char *command; /* for messages */
    struct ranks *ranks; /* borrowed; NULL: none yet (ranks.h) */
    int argc;            /* the words after it, to say how to resume */
    char **argv;         /* borrowed */
    unsigned groups;     /* what this command takes */
    text_list words;     /* what is no option */
    int help, json, quiet, verbose, force;
    const char *device, *output, *on, *on_binary;
    int64_t seed;

    const char *data, *split, *prep, *augment, *classes_file;
    int64_t val, batch, memory;

    double max_launch_ms, rank_timeout;
    int precision; /* as kerf_precision counts */
    double epochs, lr, momentum, weight_decay, warmup;
    int gradients, batch_norm, optimizer, schedule, loss, no_keep_zeros, resume, tensorboard;
    text_list freeze;
    const char *penalty, *balance;
    double penalty_from, penalty_until;
    const char *run_dir;
    double alpha, temperature, last_temperature, beta, hint_epochs;
    double label_smoothing, mixup, clip;
    int64_t accumulate, local_steps;
    const char *distill, *teacher_device;
    int cache;
    text_list taps;

    amounts sparsity, s;
    int method, scope, curve, biases;
    int64_t events;
    double retrain, finetune, lift, rewind, min_keep;
    text_list layers, skip;
    const char *mask, *structure, *macs;
    int remove, groups_only, criterion, gates;
    double keep;
    int64_t round_to, min_channels;
    const char *classes; /* of the data; num_classes of a new network */

    int profile;
    int mode, activations, asymmetric, symmetric, analyse, equalize, bias_correct, adaround,
        learn_ranges;
    const char *weights, *per, *observer, *ranges;
    int64_t bits; /* of shared weights */
    int init;
    int64_t calibrate;
    double freeze_observers;
    const char *size, *latency;
    double max_drop;

    int format; /* of a report */
    const char *csv, *svg, *markdown;

    int test; /* of a packed file */
    int bundle;

    const char *reference, *labels;
    double min_top1, max_ms, warm, duration, budget, width;
    int64_t top, runs, num_classes;
    text_list inputs;
    int train, dense, crossover, start, costs, list, compare, measure, check;
    int64_t suite;
    const char *shape;
    text_list cases, beside, sets, sweeps;
    int64_t num_seeds;
    int dry, print_recipe;
    const char *find;

    const char *given[MAX_GIVEN]; /* names of the options that were there */
    size_t num_given;
} options;

typedef enum option_kind {
    OPTION_FLAG,   /* int */
    OPTION_TEXT,   /* const char * */
    OPTION_LIST,   /* text_list; repeatable */
    OPTION_WHOLE,  /* int64_t */
    OPTION_REAL,   /* double */
    OPTION_BYTES,  /* int64_t; "512M" */
    OPTION_CHOICE, /* int: place in `choices` */
    OPTION_AMOUNTS /* amounts */
} option_kind;

/* How the ends of a range count. */
enum { RANGE_NONE = 0, RANGE_MIN = 1, RANGE_ABOVE = 2, RANGE_MAX = 4, RANGE_BELOW = 8 };

typedef struct option_row {
    const char *name; /* without the dashes */
    char letter;      /* or 0 */
    option_kind kind;
    unsigned groups;
    size_t offset; /* in options */
    const char *value, *help;
    const char *choices; /* "a|b|c" */
    int range;
    double min, max;
} option_row;

extern const option_row option_rows[];
extern const size_t num_option_rows;

/* Fills *o; 0 or EXIT_USAGE (EXIT_FAILED for what is not there yet) after a message.
 * Values start as o holds them.  Call options_free() in any case. */
int options_parse(options *o, int argc, char **argv);
void options_free(options *o);
int options_given(const options *o, const char *name);

/* Looks up by name or letter among the rows of `groups`; NULL. */
const option_row *option_find(unsigned groups, const char *name, size_t length);

/* Used by the rows' kinds; 0 or EXIT_USAGE. */
int amounts_parse(const options *o, const option_row *row, const char *text, amounts *a);
int number_in_range(const options *o, const option_row *row, const char *text, double x);

#endif
