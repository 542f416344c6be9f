/* plan/arena.c -- offsets in one buffer for blocks that live for a while.
 *
 * Largest first, each into the smallest gap that fits between the blocks that live at the
 * same time (Pisarchyk and Lee 2020, "greedy by size"; within a few percent of the best
 * on usual networks).  Two blocks of the same size are placed in their order, so the same
 * graph gives the same offsets. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/plan_internal.h"

static int lives_with(const kerf__block *a, const kerf__block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Larger first, then the earlier one (which lies before in the array). */
static int compare_sizes(const void *x, const void *y)
{
    const kerf__block *a = *(kerf__block *const *)x, *b = *(kerf__block *const *)y;
    if (a->size_bytes != b->size_bytes)
        return a->size_bytes < b->size_bytes ? 1 : -1;
    return (a > b) - (a < b);
}

/* The start of the smallest gap among `placed` (sorted by offset) that takes `size`. */
static size_t find_offset(kerf__block *const *placed, size_t num, const kerf__block *block,
                          size_t size, size_t align)
{
    size_t end = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
    for (size_t i = 0; i < num; i++) {
        const kerf__block *other = placed[i];
        if (!lives_with(block, other))
            continue;
        if (other->offset_bytes > end && other->offset_bytes - end >= size &&
            other->offset_bytes - end < best_gap) {
            best = end;
            best_gap = other->offset_bytes - end;
        }
        const size_t behind = (other->offset_bytes + other->size_bytes + align - 1) / align * align;
        end = behind > end ? behind : end;
    }
    return best != SIZE_MAX ? best : end;
}

/* Puts the block into `placed`, which stays sorted by offset. */
static void insert(kerf__block **placed, size_t num, kerf__block *block)
{
    size_t i = num;
    for (; i > 0 && placed[i - 1]->offset_bytes > block->offset_bytes; i--)
        placed[i] = placed[i - 1];
    placed[i] = block;
}

kerf_status kerf__arena_pack(kerf__block *blocks, size_t num, size_t align_bytes,
                             size_t *arena_bytes)
{
    kerf__block **sorted = kerf__alloc(2 * num, sizeof *sorted), **placed = sorted + num;
    size_t num_sorted = 0, most = 0;
    if (sorted == NULL)
        return kerf__fail_memory("plan", 2 * num * sizeof *sorted);
    for (size_t i = 0; i < num; i++)
        if (blocks[i].kind == KERF__BLOCK_ARENA)
            sorted[num_sorted++] = &blocks[i];
    qsort(sorted, num_sorted, sizeof *sorted, compare_sizes);
    for (size_t i = 0; i < num_sorted; i++) {
        kerf__block *b = sorted[i];
        const size_t size = b->size_bytes > 0 ? b->size_bytes : 1;
        b->offset_bytes = find_offset(placed, i, b, size, align_bytes);
        insert(placed, i, b);
        most = b->offset_bytes + size > most ? b->offset_bytes + size : most;
    }
    free(sorted);
    *arena_bytes = (most + align_bytes - 1) / align_bytes * align_bytes;
    return KERF_OK;
}
