/* channels.h -- taking channels out for real: a smaller network, not one with zeros.
 *
 * A channel cannot go alone: what makes it, what scales it and what reads it shrink together, and
 * a residual sum ties the channels of all that it adds.  Which elements of which axes go together
 * is found from the graph itself (kerf_channels_find), each such set is a channel here, and
 * channels that lie in the same axes of the same weights are a group (Fang et al. 2023, "DepGraph:
 * towards any structural pruning").
 *
 *     kerf_channels_find(&c, g, s);
 *     kerf_channels_choose(c, s, &options);   which of them go, or kerf_channels_choose_target()
 *     kerf_channels_remove(c, g, s);          and they are gone from graph and state
 *
 * Thread safety: that of graph and state. */
#ifndef KERF_CHANNELS_H
#define KERF_CHANNELS_H

#include "kerf/plan.h"
#include "kerf/prune.h"
#include "kerf/ranks.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_channels kerf_channels;

/* An axis of a weight in which a group's channels lie. */
typedef struct kerf_channel_member {
    const char *weight; /* its name; lives as long as the channels */
    int axis;
    int is_output; /* 1: a layer makes the channels by it; 0: it reads, scales or shifts them */
} kerf_channel_member;

typedef struct kerf_channel_group {
    int64_t num, kept; /* channels there are, and those that stay */
    const char *fixed; /* why none may go; NULL: they may */
    const kerf_channel_member *members;
    size_t num_members;
} kerf_channel_group;

/* Finds the groups, of every layer's outputs; borrows nothing.  What must stay as it is (the
 * graph's inputs and outputs, what a Softmax or LayerNormalization runs over, whatever operation
 * it cannot follow) fixes the channels that it touches, and says why. */
KERF_API kerf_status kerf_channels_find(kerf_channels **out, const kerf_graph *g,
                                        const kerf_state *s);
KERF_API void kerf_channels_destroy(kerf_channels *c); /* NULL is allowed */
/* Groups in the order of the layers that make them. */
KERF_API int kerf_channels_num_groups(const kerf_channels *c);
KERF_API kerf_status kerf_channels_get_group(const kerf_channels *c, int i,
                                             kerf_channel_group *group);

/* By which number of a channel the smallest go: of all weights that make it, the mean over those
 * layers. */
typedef enum kerf_channel_criterion {
    KERF_CHANNEL_L1, /* the sum of magnitudes (Li et al. 2017) */
    KERF_CHANNEL_L2,
    KERF_CHANNEL_LINF,
    KERF_CHANNEL_FPGM, /* the sum of distances to all others (He et al. 2019, geometric median) */
    KERF_CHANNEL_BN,   /* the magnitude of BatchNormalization's scale (Liu et al. 2017, slimming) */
    KERF_CHANNEL_LAMP, /* the square of L2 over those of all that are not smaller (Lee et al. 2021)
                        */
    KERF_CHANNEL_RANDOM, /* by the seed */
    /* This and what follows go by what samples show, so kerf_channels_watch() comes first: */
    KERF_CHANNEL_TAYLOR, /* the square of how much the loss would change without it, to first order
                          * (Molchanov et al. 2019) */
    KERF_CHANNEL_RANK,   /* the rank of its feature maps (Lin et al. 2020, HRank) */
    KERF_CHANNEL_ZEROS,  /* the share of activations that are not 0 (Hu et al. 2016, APoZ) */
    KERF_NUM_CHANNEL_CRITERIA
} kerf_channel_criterion;

/* 1 if the criterion goes by samples. */
KERF_API int kerf_channels_need_data(kerf_channel_criterion criterion);

typedef enum kerf_channel_scope {
    KERF_CHANNEL_SCOPE_LAYER,     /* so much of each group */
    KERF_CHANNEL_SCOPE_GLOBAL,    /* of all together, by numbers over the mean of their group, where
                                   * they do not compare as they are (bn, lamp, taylor, zeros) */
    KERF_CHANNEL_SCOPE_ISOMORPHIC /* of all groups of the same build together (Fang et al. 2024) */
} kerf_channel_scope;

typedef struct kerf_channel_options {
    kerf_channel_criterion criterion;
    kerf_channel_scope scope;
    double amount;                    /* share of channels that goes, 0 to below 1 */
    const kerf_prune_amount *amounts; /* by layer, as in kerf_prune_options; scope layer */
    size_t num_amounts;
    const char *const *layers, *const *skip; /* shell patterns of layers; a group is chosen if one
                                              * of those that make it is, and none is skipped */
    size_t num_layers, num_skip;
    int64_t least;    /* channels that a group keeps at least (0: 1) */
    int64_t round_to; /* what is kept is a multiple of it, or all (0: 1) */
    uint64_t seed;    /* random */
} kerf_channel_options;

/* Decides which channels go: floor(amount * num + 0.5) of each group (of all together), those with
 * the smallest numbers, at a tie the one that comes first; then as many come back, the largest
 * first, as `least` and `round_to` ask for.  Reads weights. */
KERF_API kerf_status kerf_channels_choose(kerf_channels *c, const kerf_state *s,
                                          const kerf_channel_options *options);
/* Decides that those go which add nothing: no output of the network changes but for rounding. */
KERF_API kerf_status kerf_channels_choose_dead(kerf_channels *c, const kerf_state *s);
/* Numbers of a group's channels by the last choice, `num` of them, and which stay (1); both live
 * until the next choice.  NULL before one, or where the group was not looked at. */
KERF_API const double *kerf_channels_scores(const kerf_channels *c, int group);
KERF_API const char *kerf_channels_stay(const kerf_channels *c, int group);

/* Which places of a weight's axis, of which it must have `num`, stay by the last choice: 1 or 0. */
KERF_API kerf_status kerf_channels_read_stay(const kerf_channels *c, const char *weight, int axis,
                                             char *stay, size_t num);

/* Multiply-adds of one sample, as the network is and without what goes. */
KERF_API kerf_status kerf_channels_macs(const kerf_channels *c, double *before, double *after);

/* What must hold of what is left; NAN: there is no such bound. */
typedef struct kerf_channel_target {
    double macs;  /* share of the multiply-adds */
    double bytes; /* of the file */
    double ms;    /* of a run with one sample, the median of some */
} kerf_channel_target;

typedef struct kerf_channel_search {
    int packed;                     /* 1: the file is kerf_packed_write()'s; 0: ONNX */
    const kerf_known_input *inputs; /* for ms, where shapes are open */
    size_t num_inputs;
    const kerf_costs *costs; /* of the device that ms are of; NULL: the state's */
    const kerf_ranks *ranks; /* borrowed: all call it, and go by rank 0's clock (NULL: one alone) */
    /* Networks that were measured, and all; nonzero stops; may be NULL. */
    int (*progress)(void *context, int64_t done, int64_t num);
    void *context;
} kerf_channel_search;

typedef struct kerf_channels_found {
    double amount;
    kerf_channel_target left; /* what was measured; NAN: there was no bound */
    char missed[256];         /* "", or which bound does not hold, and the best that can be had */
} kerf_channels_found;

/* As kerf_channels_choose(), with the smallest amount by which all bounds hold; with the largest
 * where none is enough, and found->missed says so.  It is found by halves, so a device on which a
 * smaller network takes longer may hide a smaller amount.  g and s, those that channels were found
 * in, stay as they are. */
KERF_API kerf_status kerf_channels_choose_target(
    kerf_channels *c, const kerf_graph *g, const kerf_state *s, const kerf_channel_options *options,
    const kerf_channel_target *target, const kerf_channel_search *how, kerf_channels_found *found);
/* What is left by the last choice, of what the target bounds. */
KERF_API kerf_status kerf_channels_measure(const kerf_channels *c, const kerf_graph *g,
                                           const kerf_state *s, const kerf_channel_target *target,
                                           const kerf_channel_search *how,
                                           kerf_channel_target *left);

/* Takes what goes out of graph and state, which must be those that channels were found in; weights
 * take their masks and moments along.  Before anything is touched the smaller graph is proven to
 * have consistent shapes.  A failure behind that (no memory) leaves both in no use.  The channels
 * are to be found anew behind it. */
KERF_API kerf_status kerf_channels_remove(const kerf_channels *c, kerf_graph *g, kerf_state *s);

#ifdef __cplusplus
}
#endif
#endif
