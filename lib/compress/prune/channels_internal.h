/* compress/prune/channels_internal.h -- what the files about channels share.
 *
 * slot: an index along an axis of a value.  A value of shape (N, C, H, W) has N + C + H + W slots.
 * Every operation says which slots of its operands stand or fall together; those are joined into
 * sets (union-find).  A set without anything that fixes it is a channel.
 *
 *   channel_sets.c    slots and sets
 *   channel_rules.c   what each operation says; channel_views.c: those that move and reshape
 *   channel_groups.c  sets to groups
 *   channel_scores.c  numbers by which channels go
 *   channel_rank.c    the rank of a feature map
 *   channel_choose.c  which go
 *   channel_target.c  how many go, for a bound on what is left
 *   channel_dead.c    which add nothing
 *   channel_cut.c     taking them out
 *
 * What needs samples is found by train/channel_watch.c. */
#ifndef KERF_COMPRESS_CHANNELS_INTERNAL_H
#define KERF_COMPRESS_CHANNELS_INTERNAL_H

#include "compress/prune/prune_internal.h"
#include "kerf/channels.h"
#include "tensor/tensor_internal.h"

/* What fixes a set. */
typedef struct kerf__channel_reason {
    char text[256];
} kerf__channel_reason;

typedef struct kerf__channel_axis {
    const kerf_value *value; /* in the inferred graph */
    int axis;
} kerf__channel_axis;

typedef struct kerf__channel_group {
    kerf_channel_group told;
    kerf_channel_member *members; /* owned, as all here */
    kerf__channel_axis *axes;     /* of the members */
    size_t capacity;
    uint32_t *roots; /* of its channels */
    double *scores;  /* NULL: not looked at */
    char *stay;
} kerf__channel_group;

struct kerf_channels {
    kerf_graph *model; /* copy as it was given: of what can be edited; owned, as all here */
    kerf_graph *graph; /* the same with bound shapes, for a batch of 1 */
    kerf__prune_targets targets;
    size_t *first;    /* by value index: its first slot */
    uint32_t *parent; /* by slot */
    uint32_t *why;    /* by root: 0, or the reason's number from 1 */
    size_t num_slots;
    kerf__channel_reason *reasons;
    size_t num_reasons, reason_capacity;
    kerf__channel_group *groups;
    size_t num_groups, group_capacity;
    char *goes; /* by root: 1 if that channel goes */
    /* What samples have shown, by root: sums, and of how many numbers; NULL: nothing yet. */
    double *seen, *num_seen;
    kerf_channel_criterion seen_by;
};

/* ---- channel_sets.c ---- */
kerf_status kerf__channel_slots(kerf_channels *c);
size_t kerf__channel_slot(const kerf_channels *c, const kerf_value *v, int axis, int64_t i);
uint32_t kerf__channel_root(const kerf_channels *c, size_t slot);
void kerf__channel_join(kerf_channels *c, size_t a, size_t b);
/* Positions of two axes of the same length, one by one. */
void kerf__channel_join_axes(kerf_channels *c, const kerf_value *a, int axis_a, const kerf_value *b,
                             int axis_b);
/* The number of a reason that node n gives, or nobody (n NULL). */
kerf_status kerf__channel_add_reason(kerf_channels *c, const kerf_node *n, const char *text,
                                     uint32_t *out);
void kerf__channel_fix(kerf_channels *c, const kerf_value *v, int axis, uint32_t reason);
void kerf__channel_fix_all(kerf_channels *c, const kerf_value *v, uint32_t reason);
/* 1 if every slot of the axis is fixed. */
int kerf__channel_is_fixed(const kerf_channels *c, const kerf_value *v, int axis);
/* Slots of an axis that stay. */
int64_t kerf__channel_left(const kerf_channels *c, const kerf_value *v, int axis);

/* ---- rules ---- */
typedef kerf_status (*kerf__channel_rule)(kerf_channels *c, const kerf_node *n);
/* Lets every node say what it ties and fixes. */
kerf_status kerf__channel_walk(kerf_channels *c);
/* What node n, which may not be followed, touches: all of it. */
kerf_status kerf__channel_fix_node(kerf_channels *c, const kerf_node *n, const char *why);
/* Input 0 and the output have the same axes: those of `bits`, and any that changes its length, stay
 * as they are. */
kerf_status kerf__channel_pass_but(kerf_channels *c, const kerf_node *n, unsigned bits,
                                   const char *why);
kerf_status kerf__channel_reshape(kerf_channels *c, const kerf_node *n);
kerf_status kerf__channel_transpose(kerf_channels *c, const kerf_node *n);
kerf_status kerf__channel_concat(kerf_channels *c, const kerf_node *n);
kerf_status kerf__channel_split(kerf_channels *c, const kerf_node *n);
kerf_status kerf__channel_pad(kerf_channels *c, const kerf_node *n);
kerf_status kerf__channel_slice(kerf_channels *c, const kerf_node *n);
kerf_status kerf__channel_resize(kerf_channels *c, const kerf_node *n);
kerf_status kerf__channel_expand(kerf_channels *c, const kerf_node *n);
/* Element k of the list of sizes that node `n` of the model graph has as an input: the constant
 * that holds it and where in it; 0: it is computed, and follows by itself. */
typedef struct kerf__channel_number {
    kerf_node *reader; /* whose input `input` the constant is */
    int input;
    size_t at;
} kerf__channel_number;
int kerf__channel_find_number(kerf_node *n, int input, int k, kerf__channel_number *out);

/* ---- the rest ---- */
/* A copy with bound shapes, for a batch of 1. */
kerf_status kerf__channel_infer(kerf_graph **out, const kerf_graph *model);
kerf_status kerf__channel_find_groups(kerf_channels *c);
kerf_status kerf__channel_score(kerf_channels *c, const kerf_state *s,
                                const kerf_channel_options *o, kerf__channel_group *group);
/* As kerf_channels_choose(), with options that are checked; s NULL: by the numbers that are there.
 */
kerf_status kerf__channel_choose_by(kerf_channels *c, const kerf_state *s,
                                    const kerf_channel_options *o);
/* ---- bounds: channel_target.c, of depth, too ---- */
double kerf__channel_graph_macs(const kerf_graph *inferred);
kerf_status kerf__channel_check_target(const kerf_channel_target *t, const kerf_state *s,
                                       const kerf_channel_search *how);
/* Bytes and ms of a network, as far as they are bounded. */
kerf_status kerf__channel_measure_cut(const kerf_graph *g, kerf_state *s,
                                      const kerf_channel_target *target,
                                      const kerf_channel_search *how, kerf_channel_target *left);
/* Which bound is broken; "": none. */
void kerf__channel_tell_missed(char *text, size_t text_bytes, const kerf_channel_target *t,
                               const kerf_channel_target *left);

/* ---- small things ---- */
/* Of rows * cols numbers (row-major), which it destroys: how many columns are no sum of others but
 * for rounding of floats. */
size_t kerf__channel_map_rank(double *map, size_t rows, size_t cols);
/* A value's numbers as floats: of a state, or a constant; the caller frees them. */
kerf_status kerf__channel_read(const kerf_state *s, const kerf_value *v, float **out);
/* outer x dims[axis] x inner. */
typedef struct kerf__channel_extent {
    size_t outer, num, inner;
} kerf__channel_extent;
kerf__channel_extent kerf__channel_extent_of(kerf_shape shape, int axis);
/* The smaller graph with bound shapes, without any weights. */
kerf_status kerf__channel_cut_copy(kerf_graph **out, const kerf_channels *c);

#endif
