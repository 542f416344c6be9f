/* top_k_mask.cl -- masks out the smallest of many weights: a radix select on the device.
 *
 * Every weight has a key of 31 bits (mask_key.clh): 0 where the mask is 0 already, else more the
 * larger |score| is, NaN last; with SIGNED the score itself counts.  Three passes look at the
 * digits of the keys from the top: count how often each digit comes among the keys that begin as
 * the cut does (histogram, sum), and walk up until `count` keys are reached (pick).  Then the cut
 * is known: keys below it go, keys above stay.  Of the keys that equal it the first ones go,
 * in the order of tensors and elements, as many as are missing; only where some of them stay
 * does that take work (ties).
 *
 * Integers only, so any order of counting gives the same.  Two styles of histogram:
 *     wide  an item has a slot of its own, each digit SUB times over, since the same digit
 *           often comes twice in a row and an addition would wait for the last one's store
 *     simt  a group of 64 counts in local memory by atomics, then adds to the one slot
 *
 * The new mask may lie on the old one.  Limit: the first histogram, about an addition in
 * memory a weight; then memory.  Host side: lib/ops/top_k_mask.c. */
#include "common.clh"
#include "mask_key.clh"

#ifndef WIDE
#define WIDE 1
#endif
#ifndef BINS
#define BINS 8192u
#endif
#define SUB (WIDE ? 4u : 1u)

/* The work buffer, in words: the state, then slots, totals and ties at the places that are
 * given as arguments. */
#define CUT       0 /* its upper bits */
#define REMAINING 1 /* how many of the keys that begin so still have to go */
#define TIES      2 /* how many do begin so */
#define TAKEN     3 /* of the ties, by now */

static inline uintv keys_of(floatv score, intv mask)
{
    const uintv bits = AS_UINTV(score);
#if SIGNED
    const uintv order = bits ^ select((uintv)(1u << 31), (uintv)(~0u), AS_INTV(score) < (intv)(0));
    const uintv rank = select(order, (uintv)(~0u), isnan(score)) >> 1;
#else
    const uintv rank = bits & (uintv)(0x7FFFFFFFu);
#endif
    const uintv key = min(rank, (uintv)(0x7FFFFFFEu)) + (uintv)(1u);
    return select((uintv)(0u), key, mask != (intv)(0));
}

kernel void top_k_begin(global const int *count, global uint *work, uint slots_at, uint total,
                        uint num_words, uint chunk)
{
    uint i = min((uint)get_global_id(0) * chunk, num_words);
    const uint end = min(i + chunk, num_words);
    for (; i < end; i++)
        work[slots_at + i] = 0;
    if (get_global_id(0) == 0) {
        work[CUT] = 0;
        work[REMAINING] = min((uint)max(*count, 0), total);
        work[TIES] = 0;
        work[TAKEN] = 0;
    }
}

#if WIDE
#if V == 16
/* Sixteen scores, of which those that are masked have the key 0 and are counted apart: in
 * retraining nearly all are. */
static inline uint count_vector(global const float *score, global const uchar *mask,
                                global uint *slot, uint cut, uint shift, uint digits, uint above)
{
    const uint16 sub = (uint16)(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3);
    const uchar16 alive = min(vload16(0, mask), (uchar16)(1));
    const ulong2 lanes = as_ulong2(alive);
    if ((lanes.x | lanes.y) == 0)
        return 0;
    const uintv key = keys_of(LOADV(score), convert_int16(alive));
    const uintv fits = select((uintv)(0u), (uintv)(1u), (key & above) == (uintv)(cut));
    const ulong2 take = as_ulong2(convert_uchar16(fits) & alive);
    uint at[V];
    vstore16(((key >> shift) & (digits - 1u)) * SUB + sub, 0, at);
    if ((take.x & take.y) == 0x0101010101010101ul) {
        for (uint j = 0; j < V; j++)
            slot[at[j]]++;
        return V;
    }
    for (ulong rest = take.x; rest != 0; rest &= rest - 1)
        slot[at[(63u - (uint)clz(rest & (0 - rest))) / 8u]]++;
    for (ulong rest = take.y; rest != 0; rest &= rest - 1)
        slot[at[8u + (63u - (uint)clz(rest & (0 - rest))) / 8u]]++;
    return (uint)(popcount(lanes.x) + popcount(lanes.y));
}

/* Digits of the keys whose bits `above` are those of the cut. */
static inline void count_digits(global const float *score, global const uchar *mask,
                                global uint *slot, uint cut, uint shift, uint digits, uint above,
                                uint begin, uint end)
{
    uint i = begin, num_alive = 0;
    for (; i + V <= end; i += V)
        num_alive += count_vector(score + i, mask + i, slot, cut, shift, digits, above);
    const uint num_masked = i - begin - num_alive;
    if (cut == 0)
        slot[0] += num_masked;
    for (; i < end; i++) {
        const uint key = mask_key_of(score[i], mask[i]);
        if ((key & above) == cut)
            slot[((key >> shift) & (digits - 1u)) * SUB]++;
    }
}

kernel void top_k_histogram(global const float *score, global const uchar *mask, global uint *work,
                            uint slots_at, uint shift, uint digits, uint above, uint num,
                            uint chunk)
{
    const uint begin = min((uint)get_global_id(0) * chunk, num);
    count_digits(score, mask, work + slots_at + get_global_id(0) * (BINS * SUB), work[CUT], shift,
                 digits, above, begin, min(begin + chunk, num));
}
#endif
#else
kernel void top_k_histogram(global const float *score, global const uchar *mask, global uint *work,
                            uint slots_at, uint shift, uint digits, uint above, uint num,
                            uint chunk)
{
    local uint counts[BINS];
    const uint item = (uint)get_local_id(0), cut = work[CUT];
    const uint begin = min((uint)get_group_id(0) * chunk, num), end = min(begin + chunk, num);
    for (uint b = item; b < digits; b += 64)
        counts[b] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint i = begin + item; i < end; i += 64) {
        const uint key = mask_key_of(score[i], mask[i]);
        if ((key & above) == cut)
            atomic_inc(&counts[(key >> shift) & (digits - 1u)]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (uint b = item; b < digits; b += 64)
        if (counts[b] != 0)
            atomic_add(&work[slots_at + b], counts[b]);
}
#endif

/* Adds the slots up and leaves them empty for the next pass. */
static inline void sum_digits(global uint *work, uint slots_at, uint totals_at, uint num_slots,
                              uint begin, uint end)
{
    for (uint b = begin; b < end; b++) {
        uint total = 0;
        for (uint s = 0; s < num_slots; s++)
            for (uint k = 0; k < SUB; k++) {
                const size_t at = slots_at + (size_t)s * (BINS * SUB) + b * SUB + k;
                total += work[at];
                work[at] = 0;
            }
        work[totals_at + b] = total;
    }
}

/* Walks up to the digit in which the count is reached. */
static inline void pick_digit(global const int *count, global uint *work, global float *threshold,
                              uint totals_at, uint shift, uint digits)
{
    uint b = 0, below = 0;
    const uint remaining = work[REMAINING];
    while (b < digits - 1u && below + work[totals_at + b] < remaining)
        below += work[totals_at + b++];
    const uint cut = work[CUT] | b << shift;
    work[CUT] = cut;
    work[REMAINING] = remaining - below;
    work[TIES] = work[totals_at + b];
    if (shift == 0)
        *threshold = *count > 0 && cut > 0 ? mask_key_score(cut) : NAN;
}

kernel void top_k_sum(global uint *work, uint slots_at, uint totals_at, uint num_slots, uint digits,
                      uint chunk)
{
    const uint begin = min((uint)get_global_id(0) * chunk, digits);
    sum_digits(work, slots_at, totals_at, num_slots, begin, min(begin + chunk, digits));
}

kernel void top_k_pick(global const int *count, global uint *work, global float *threshold,
                       uint totals_at, uint shift, uint digits)
{
    if (get_global_id(0) == 0)
        pick_digit(count, work, threshold, totals_at, shift, digits);
}

#if WIDE
/* Both, of few digits in few slots: handing out two launches would take longer. */
kernel void top_k_sum_pick(global const int *count, global uint *work, global float *threshold,
                           uint slots_at, uint totals_at, uint num_slots, uint shift, uint digits)
{
    if (get_global_id(0) > 0)
        return;
    sum_digits(work, slots_at, totals_at, num_slots, 0, digits);
    pick_digit(count, work, threshold, totals_at, shift, digits);
}
#endif

/* Keys below the cut go.  Those on it go if all must, else they stay until top_k_ties. */
kernel void top_k_apply(global const float *score, global const uchar *mask,
                        global const uint *work, global uchar *dst, uint num, uint chunk)
{
    const uint first = work[CUT] + (work[REMAINING] == work[TIES] ? 1u : 0u);
    const uint stays = max(first, 1u); /* what was masked has the key 0 */
    uint i = min((uint)get_global_id(0) * chunk, num);
    const uint end = min(i + chunk, num);
    for (; i + V <= end; i += V) {
        const uintv key = keys_of(LOADV(score + i), LOADMASK(mask + i));
        /* 1 where key >= stays.  The comparison itself, narrowed to bytes, is 255 in
         * oclgrind 21.10. */
        STOREMASK(min(sub_sat(key, (uintv)(stays - 1u)), (uintv)(1u)), dst + i);
    }
    for (; i < end; i++)
        dst[i] = (uchar)(mask_key_of(score[i], mask[i]) >= stays);
}

static inline int has_open_ties(global const uint *work)
{
    return work[CUT] != 0 && work[REMAINING] != work[TIES];
}

/* How many keys of a chunk lie on the cut.  The new mask is read: it still has them all. */
kernel void top_k_count_ties(global const float *score, global const uchar *mask, global uint *work,
                             uint ties_at, uint num, uint chunk)
{
    const uint begin = (uint)get_global_id(0) * chunk, end = min(begin + chunk, num);
    if (!has_open_ties(work) || begin >= num)
        return;
    uint found = 0;
    for (uint i = begin; i < end; i++)
        found += mask_key_of(score[i], mask[i]) == work[CUT];
    work[ties_at + (uint)get_global_id(0)] = found;
}

/* Every chunk's number of ties before it. */
kernel void top_k_scan_ties(global uint *work, uint ties_at, uint num)
{
    uint before = 0;
    if (!has_open_ties(work) || get_global_id(0) > 0)
        return;
    for (uint i = 0; i < num; i++) {
        const uint here = work[ties_at + i];
        work[ties_at + i] = before;
        before += here;
    }
}

kernel void top_k_ties(global const float *score, global const uint *work, global uchar *mask,
                       uint ties_at, uint num, uint chunk)
{
    const uint begin = (uint)get_global_id(0) * chunk, end = min(begin + chunk, num);
    if (!has_open_ties(work) || begin >= num)
        return;
    uint before = work[ties_at + (uint)get_global_id(0)];
    for (uint i = begin; i < end && before < work[REMAINING]; i++)
        if (mask_key_of(score[i], mask[i]) == work[CUT]) {
            mask[i] = 0;
            before++;
        }
}

#if WIDE
/* The same where one item walks through all, tensor after tensor. */
kernel void top_k_ties_in_order(global const float *score, global uint *work, global uchar *mask,
                                uint num)
{
    if (!has_open_ties(work) || get_global_id(0) > 0)
        return;
    uint taken = work[TAKEN];
    for (uint i = 0; i < num && taken < work[REMAINING]; i++)
        if (mask_key_of(score[i], mask[i]) == work[CUT]) {
            mask[i] = 0;
            taken++;
        }
    work[TAKEN] = taken;
}
#endif
