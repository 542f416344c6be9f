/* train/bucket_zeros.c -- weights that a hard mask holds at 0, their gradients and moments need not
 * travel; see buckets.h.
 *
 * All ranks have the same masks, so a bucket's places are a list that each makes for itself,
 * again whenever a mask has another version.  What travels is moved together within the bucket's
 * floats, and apart again behind the sum; what did not travel is 0 then, which nobody reads. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"
#include "train/buckets.h"

/* ---- which masks ----------------------------------------------------------------------------- */

/* That of the weight, or of the one that it belongs to; what is compact has no zeros to leave out.
 */
static int mask_of(const kerf__buckets *b, const kerf_state_entry *e)
{
    return e->compact != NULL ? -1 : kerf__plan_mask_of(b->plan, e->owner >= 0 ? e->owner : e->id);
}

kerf_status kerf__buckets_find_masks(kerf__buckets *b, size_t num_ids)
{
    b->masks = kerf__alloc(num_ids, sizeof *b->masks);
    b->seen = kerf__alloc(num_ids, sizeof *b->seen);
    if (b->masks == NULL || b->seen == NULL)
        return kerf__fail_memory("train", num_ids * sizeof *b->seen);
    for (size_t i = 0; i < num_ids; i++) {
        b->masks[i] = mask_of(b, kerf_state_get(b->s, b->ids[i]));
        b->seen[i] = UINT64_MAX;
    }
    return KERF_OK;
}

/* 1 if some mask of the bucket is another one than at the last look. */
static int has_changed(const kerf__buckets *b, const kerf__bucket *bucket)
{
    int changed = 0;
    for (size_t i = bucket->first_id; i < bucket->first_id + bucket->num_ids; i++) {
        if (b->masks[i] < 0)
            continue;
        const uint64_t version = kerf_state_get(b->s, b->masks[i])->version;
        changed |= version != b->seen[i];
        b->seen[i] = version;
    }
    return changed;
}

/* ---- places ---------------------------------------------------------------------------------- */

/* Where mask is not 0; mask NULL: everywhere. */
static void add_places(kerf__bucket *bucket, size_t begin, const unsigned char *mask, size_t num)
{
    for (size_t k = 0; k < num; k++)
        if (mask == NULL || mask[k] != 0)
            bucket->places[bucket->num_places++] = (uint32_t)(begin + k);
}

static kerf_status add_places_of(const kerf__buckets *b, kerf__bucket *bucket, size_t i,
                                 size_t begin)
{
    const size_t num = kerf_tensor_num_elements(kerf_state_get(b->s, b->ids[i])->tensor);
    unsigned char *mask = NULL;
    kerf_status status = KERF_OK;
    if (b->masks[i] >= 0) {
        mask = kerf__alloc(num, 1);
        status = mask != NULL ? kerf_state_read(b->s, b->masks[i], mask)
                              : kerf__fail_memory("train", num);
    }
    if (status == KERF_OK)
        add_places(bucket, begin, mask, num);
    free(mask);
    return status;
}

/* Fewer, in as much memory as they need; where all are left there is no list. */
static void settle_places(kerf__bucket *bucket)
{
    if (bucket->num_places == bucket->num_floats) {
        free(bucket->places);
        bucket->places = NULL;
        return;
    }
    if (bucket->num_places == 0)
        bucket->places[bucket->num_places++] = 0; /* a sum of nothing is none */
    uint32_t *fewer = kerf__realloc(bucket->places, bucket->num_places, sizeof *bucket->places);
    bucket->places = fewer != NULL ? fewer : bucket->places;
}

static kerf_status find_places(const kerf__buckets *b, kerf__bucket *bucket)
{
    size_t begin = 0;
    free(bucket->places);
    bucket->num_places = 0;
    bucket->places = kerf__alloc(bucket->num_floats, sizeof *bucket->places);
    if (bucket->places == NULL)
        return kerf__fail_memory("train", bucket->num_floats * sizeof *bucket->places);
    for (size_t i = bucket->first_id; i < bucket->first_id + bucket->num_ids; i++) {
        KERF__TRY(add_places_of(b, bucket, i, begin));
        begin += kerf_tensor_num_elements(kerf_state_get(b->s, b->ids[i])->tensor);
    }
    add_places(bucket, begin, NULL, bucket->num_floats - begin); /* what is no gradient */
    settle_places(bucket);
    return KERF_OK;
}

kerf_status kerf__buckets_follow_masks(kerf__buckets *b)
{
    for (size_t k = 0; k < b->num; k++)
        if (has_changed(b, &b->at[k]))
            KERF__TRY(find_places(b, &b->at[k]));
    return KERF_OK;
}

/* ---- there and back -------------------------------------------------------------------------- */

size_t kerf__bucket_pack(kerf__bucket *bucket)
{
    if (bucket->places == NULL)
        return bucket->num_floats;
    for (size_t i = 0; i < bucket->num_places; i++)
        bucket->floats[i] = bucket->floats[bucket->places[i]];
    return bucket->num_places;
}

/* From behind: a place is never in front of what lies there packed. */
void kerf__bucket_unpack(kerf__bucket *bucket)
{
    size_t end = bucket->num_floats;
    if (bucket->places == NULL)
        return;
    for (size_t i = bucket->num_places; i-- > 0;) {
        const size_t place = bucket->places[i];
        const float x = bucket->floats[i];
        memset(&bucket->floats[place], 0, (end - place) * sizeof x);
        bucket->floats[place] = x;
        end = place;
    }
    memset(bucket->floats, 0, end * sizeof *bucket->floats);
}
