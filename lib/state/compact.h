/* state/compact.h -- moments of a pruned weight in less memory: of what its mask leaves alone.
 *
 * Behind a hard mask moments are 0 and stay so.  A plan that updates the entries of a pattern alone
 * (plan/compact_moments.c) asks for moments of these entries, in the pattern's order and with its
 * room; whoever reads or writes the entry, checkpoints among them, sees all of it as before.
 * Changing form passes through the host: a plan is made then, or masks have changed.
 *
 * Other half: compact.c, and state.c for the entries. */
#ifndef KERF_STATE_COMPACT_H
#define KERF_STATE_COMPACT_H

#include "kerf/state.h"

/* By rows or by columns of (rows, columns ...): as patterns list their entries, transposed too. */
typedef enum kerf__compact_order { KERF__BY_ROWS, KERF__BY_COLUMNS } kerf__compact_order;

typedef struct kerf__compact {
    kerf__compact_order order;
    uint64_t mask_version; /* of the mask when the places were listed */
    size_t num;
    int32_t places[]; /* of the elements in the whole tensor, in their order */
} kerf__compact;

/* Room for `num` places; freed with free(). */
kerf_status kerf__compact_create(kerf__compact **out, kerf__compact_order order, size_t num);
/* Where a mask of this shape is not 0; freed with free(). */
kerf_status kerf__compact_list(kerf__compact **out, const unsigned char *mask, kerf_shape shape,
                               kerf__compact_order order);
/* From the whole to what is kept of it, and back over zeros. */
void kerf__compact_gather(const kerf__compact *c, const float *whole, float *kept);
void kerf__compact_scatter(const kerf__compact *c, const float *kept, float *whole);
/* To other places in the same order, of a tensor of this shape: 0 for those that are new. */
void kerf__compact_move(const kerf__compact *from, const float *src, const kerf__compact *to,
                        float *dst, kerf_shape shape);

/* Moment `id` is kept compact by its weight's mask as it is now, with room for `capacity` elements
 * (its tensor stays if it has just that), or whole again; nothing happens if it is so already. */
kerf_status kerf__state_pack(kerf_state *s, int id, int64_t capacity, kerf__compact_order order);
kerf_status kerf__state_unpack(kerf_state *s, int id);
/* A compact moment follows its weight's mask, of which the places are known: faster, as it happens
 * between steps.  `num` must find room in the tensor, which stays. */
kerf_status kerf__state_follow(kerf_state *s, int id, const int32_t *places, size_t num);
/* 1 if `id` is compact and its mask has changed since. */
int kerf__state_lags(const kerf_state *s, int id);

/* How many tensors were put in the place of others; an entry's layout is that number when its own
 * was, or 0.  So plans, which are bound to tensors, see whether these are still there. */
uint64_t kerf__state_layouts(const kerf_state *s);

#endif
