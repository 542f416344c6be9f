/* train/channel_watch.h -- what channels do with samples, for the criteria that go by it.
 *
 *   channel_watch.c    samples, batch by batch, and the table of criteria
 *   channel_maps.c     looks at activations: zeros, ranks
 *   channel_taylor.c   looks at gradients of weights */
#ifndef KERF_TRAIN_CHANNEL_WATCH_H
#define KERF_TRAIN_CHANNEL_WATCH_H

#include "compress/prune/channels_internal.h"
#include "train/evaluate.h"

/* A value that is looked at, and the axis in which its channels lie. */
typedef struct kerf__watch_site {
    kerf__channel_axis at; /* in the channels' graph */
    const char *output;    /* in the watch's graph: what is read; borrowed from it */
} kerf__watch_site;

/* A weight whose gradient is looked at. */
typedef struct kerf__watch_weight {
    kerf__channel_axis at;
    int moment; /* id of the state that holds the gradient */
} kerf__watch_weight;

typedef struct kerf__watch {
    kerf_channels *c; /* borrowed */
    kerf_graph *g;    /* owned: a copy, as all here */
    kerf_state *s;
    kerf_loader *loader;
    kerf_plan *plan;
    int64_t batch, num_batches;
    kerf__watch_site *sites;
    size_t num_sites, site_capacity;
    kerf__watch_weight *weights;
    size_t num_weights, weight_capacity;
    double *sums; /* by root, of a batch */
} kerf__watch;

/* A criterion's half: before the plan is made, its options, behind it, and behind each run. */
typedef struct kerf__watch_way {
    int64_t batch; /* unless the caller says another */
    int needs_labels;
    kerf_status (*begin)(kerf__watch *w);
    kerf_status (*make_plan)(kerf__watch *w, kerf_plan_options *plan);
    kerf_status (*take)(kerf__watch *w);
} kerf__watch_way;
extern const kerf__watch_way kerf__watch_zeros, kerf__watch_rank, kerf__watch_taylor;

/* The channel that index i of this axis belongs to has shown x. */
void kerf__watch_add(const kerf__watch *w, kerf__channel_axis at, int64_t i, double x);

#endif
