/* state.h -- every tensor that outlives a plan.
 *
 * An entry has an id that never changes, a role, and the weight it belongs to; so a
 * weight and its mask and moments are edited together.  All entries have plain row-major
 * ONNX shapes.  Graphs name entries by id, plans borrow their tensors.
 *
 * A version counts the changes of an entry; what was derived from it (a packed weight)
 * remembers the version it was made from.
 *
 * Thread safety: that of the device; a state without a device lies in host memory. */
#ifndef KERF_STATE_H
#define KERF_STATE_H

#include "kerf/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_state kerf_state;

#define KERF_ROLE_LIST(X)                                                                          \
    X(KERF_ROLE_WEIGHT, "weight")       /* trained */                                              \
    X(KERF_ROLE_MASK, "mask")           /* bool, shape of its weight; 0 is pruned */               \
    X(KERF_ROLE_MOMENT, "moment")       /* an optimizer's memory of its weight */                  \
    X(KERF_ROLE_STATISTIC, "statistic") /* running mean and variance */                            \
    X(KERF_ROLE_RANGE, "range")         /* what a quantizer has seen */                            \
    X(KERF_ROLE_CODEBOOK, "codebook")                                                              \
    X(KERF_ROLE_FEEDBACK, "feedback") /* error left over from compressed gradients */              \
    X(KERF_ROLE_METRIC, "metric")     /* sums of loss and hits, read once in a while */            \
    X(KERF_ROLE_GRADIENT, "gradient") /* summed up within a step; 0 between steps */

typedef enum kerf_role {
#define X(name, text) name,
    KERF_ROLE_LIST(X)
#undef X
} kerf_role;

typedef struct kerf_state_entry {
    int id, owner; /* owner: id of the weight this belongs to, -1 for none */
    kerf_role role;
    const char *name; /* unique; lives as long as the entry */
    kerf_shape shape; /* of what is written and read */
    /* Owned by the state.  It has the shape above, but for a moment that a plan keeps compact: what
     * its weight's mask leaves of it, `compact` says where (lib/state/compact.h). */
    kerf_tensor *tensor;
    struct kerf__compact *compact;
    uint64_t version, layout; /* layout: another one whenever the tensor is another one */
} kerf_state_entry;

/* dev NULL keeps everything in host memory (reading a file needs no device). */
KERF_API kerf_status kerf_state_create(kerf_state **out, kerf_device *dev);
KERF_API void kerf_state_destroy(kerf_state *s); /* NULL is allowed */
/* The same entries with the same ids on another device, or on the host (dev NULL). */
KERF_API kerf_status kerf_state_copy(kerf_state **out, const kerf_state *src, kerf_device *dev);
KERF_API kerf_device *kerf_state_device(const kerf_state *s);

/* Adds an entry filled with zeros.  owner -1 for none. */
KERF_API kerf_status kerf_state_add(kerf_state *s, const char *name, kerf_role role, int owner,
                                    kerf_type type, kerf_shape shape, int *id);
/* Ids run from 0 to num_ids - 1; a dropped one gives NULL. */
KERF_API int kerf_state_num_ids(const kerf_state *s);
/* Of all entries, on the device. */
KERF_API size_t kerf_state_bytes(const kerf_state *s);
KERF_API const kerf_state_entry *kerf_state_get(const kerf_state *s, int id);
KERF_API const kerf_state_entry *kerf_state_find(const kerf_state *s, const char *name);
/* The first entry of this role that belongs to `owner`, or NULL. */
KERF_API const kerf_state_entry *kerf_state_find_owned(const kerf_state *s, int owner,
                                                       kerf_role role);

/* Whole entries, of their shape, from and to host memory; they wait.  A write makes a new version.
 */
KERF_API kerf_status kerf_state_write(kerf_state *s, int id, const void *src);
KERF_API kerf_status kerf_state_read(const kerf_state *s, int id, void *dst);
/* Tells that something else (a plan) changed the entry. */
KERF_API void kerf_state_touch(kerf_state *s, int id);

/* The three edits, each on a weight and all that belongs to it (of the same shape); they
 * may wait for the device.  A failed edit leaves everything as it was.  slice keeps the `num`
 * indices `keep` (ascending) along `axis`; replace puts another tensor (taken over, also on
 * failure) in its place and drops what no longer fits; drop removes the entry and its dependants.
 */
KERF_API kerf_status kerf_state_slice(kerf_state *s, int id, int axis, const int64_t *keep,
                                      size_t num);
KERF_API kerf_status kerf_state_replace(kerf_state *s, int id, kerf_tensor *t);
KERF_API void kerf_state_drop(kerf_state *s, int id);

#ifdef __cplusplus
}
#endif
#endif
