/* train/checkpoint.h -- a run between two steps, as one file.  Other half: checkpoint.c.
 *
 *   magic, version | options, device, choices (texts) | model graph | position | epochs |
 *   state: every entry | best epoch's weights, if any | checksum of all before
 *
 * A file that is cut or changed anywhere has another checksum; one with a good checksum is
 * still read within bounds, since whoever writes a hostile file can count too. */
#ifndef KERF_TRAIN_CHECKPOINT_H
#define KERF_TRAIN_CHECKPOINT_H

#include "kerf/graph.h"
#include "kerf/state.h"
#include "kerf/train.h"

/* All that the next step depends on beside graph, state and options. */
typedef struct kerf__position {
    int64_t step; /* steps done */
    int64_t next; /* events of the schedule done */
    double loss;  /* sum over the samples of this epoch so far, as read */
    int64_t samples;
    double seconds;     /* spent on this epoch so far */
    int64_t best_epoch; /* 0: none yet */
    double best_top1, best_loss;
} kerf__position;

typedef struct kerf__checkpoint {
    char *options; /* what decides the result, a line each: NAME=VALUE */
    char *device;  /* identity */
    char *choices; /* JSON */
    void *graph;   /* serialized */
    size_t graph_bytes;
    kerf__position position;
    kerf_epoch *epochs;
    size_t num_epochs;
    kerf_state *state;
    kerf_state *best; /* NULL: none */
} kerf__checkpoint;

/* Writes beside `path`, syncs, moves what was there to `previous`, renames. */
kerf_status kerf__checkpoint_write(const kerf__checkpoint *c, const char *path,
                                   const char *previous);
/* The caller frees what is in *c; the states lie in host memory. */
kerf_status kerf__checkpoint_read(kerf__checkpoint *c, const char *path);
void kerf__checkpoint_free(kerf__checkpoint *c);

#endif
