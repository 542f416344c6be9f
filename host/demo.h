/* demo.h -- the tour's pieces.  Other halves: cmd_demo.c tells the story, demo_curve.c walks
 * the three ways of pruning, demo_page.c makes the page. */
#ifndef HOST_DEMO_H
#define HOST_DEMO_H

#include "model.h"
#include "progress.h"

/* A network with its weights. */
typedef struct net {
    kerf_graph *g; /* owned */
    kerf_state *s; /* owned */
} net;

enum { DEMO_LEVELS = 8, DEMO_WAYS = 3 };
extern const double demo_levels[DEMO_LEVELS]; /* percent removed */
extern const char *const demo_ways[DEMO_WAYS];
enum { DEMO_CHOSEN = 5 }; /* the level that pruned.onnx is made at */

typedef struct demo {
    const options *o;
    const char *dir;
    kerf_device *dev;   /* owned */
    kerf_dataset *data; /* owned */
    net dense, pruned;
    double dense_top1, pruned_top1;
    double top1[DEMO_WAYS][DEMO_LEVELS];
    double epochs_trained, start_ms;
    layer_list before, after;
    progress bar;
} demo;

/* Percent of the test images that are right. */
kerf_status demo_top1(const demo *d, const net *n, double *top1);
/* Trains a network, always by the same recipe; prune may be NULL. */
kerf_status demo_train(demo *d, net *n, double epochs, const kerf_prune_schedule *prune);
kerf_status net_copy(net *out, const net *src, kerf_device *dev);
void net_free(net *n);

/* Fills top1: all levels, all ways. */
kerf_status demo_walk(demo *d);
/* Fills pruned: the chosen level, step by step, with more epochs. */
kerf_status demo_keep(demo *d);
/* Writes report.html. */
int demo_page(const demo *d);

#endif
