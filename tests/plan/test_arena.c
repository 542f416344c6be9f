/* test_arena.c -- packing blocks into the arena: never two live ones on the same bytes, and
 * not much more memory than the most that is live at once. */
#include <stdint.h>

#include "base/random.h"
#include "check.h"
#include "plan/plan_internal.h"

enum { MAX_BLOCKS = 200, PLACES = 60 };

static kerf__random rng;
static uint64_t drawn;

static int below(int bound)
{
    return (int)kerf__random_below(rng, 0, drawn++, (uint64_t)bound);
}

/* Mostly short lives, some long, sizes over four decades, empty ones too. */
static void make_blocks(kerf__block *blocks, int num)
{
    static const int SIZES[] = {1, 10, 1000, 20000};
    for (int i = 0; i < num; i++) {
        const int first = below(PLACES), length = below(10) == 0 ? below(PLACES) : below(4);
        blocks[i] = (kerf__block){.kind = KERF__BLOCK_ARENA,
                                  .first = first,
                                  .last = first + length,
                                  .size_bytes = (size_t)below(SIZES[below(4)])};
    }
}

/* The most bytes (rounded up to whole `align`) that live at one place. */
static size_t peak(const kerf__block *blocks, int num, size_t align)
{
    size_t most = 0;
    for (int place = 0; place < 2 * PLACES; place++) {
        size_t live = 0;
        for (int i = 0; i < num; i++)
            if (blocks[i].first <= place && place <= blocks[i].last)
                live += (blocks[i].size_bytes + (blocks[i].size_bytes == 0) + align - 1) / align *
                        align;
        most = live > most ? live : most;
    }
    return most;
}

static void check_packed(const kerf__block *blocks, int num, size_t align, size_t arena)
{
    for (int i = 0; i < num; i++) {
        const kerf__block *a = &blocks[i];
        CHECK(a->offset_bytes % align == 0);
        CHECK(a->offset_bytes + a->size_bytes <= arena);
        for (int k = 0; k < i; k++) {
            const kerf__block *b = &blocks[k];
            const int together = a->first <= b->last && b->first <= a->last;
            const int overlap = a->offset_bytes < b->offset_bytes + b->size_bytes &&
                                b->offset_bytes < a->offset_bytes + a->size_bytes;
            CHECK(!(together && overlap));
        }
    }
}

static void test_random(void)
{
    static const size_t ALIGNS[] = {1, 128, 4096};
    kerf__block blocks[MAX_BLOCKS];
    double worst = 0;
    for (int round = 0; round < 300; round++) {
        const int num = below(MAX_BLOCKS);
        const size_t align = ALIGNS[below(3)];
        size_t arena = 0;
        make_blocks(blocks, num);
        CHECK_OK(kerf__arena_pack(blocks, (size_t)num, align, &arena));
        check_packed(blocks, num, align, arena);
        const size_t least = peak(blocks, num, align);
        if (least > 0)
            worst = fmax(worst, (double)arena / (double)least);
    }
    printf("arena over the most that lives at once: %.3f at worst\n", worst);
    CHECK(worst < 1.35);
}

/* Blocks of equal size that follow each other take two places in turn. */
static void test_chain(void)
{
    kerf__block blocks[10];
    size_t arena;
    for (int i = 0; i < 10; i++)
        blocks[i] =
            (kerf__block){.kind = KERF__BLOCK_ARENA, .first = i, .last = i + 1, .size_bytes = 256};
    CHECK_OK(kerf__arena_pack(blocks, 10, 128, &arena));
    check_packed(blocks, 10, 128, arena);
    CHECK(arena == 512);
}

static void test_nothing(void)
{
    size_t arena = 1;
    kerf__block states[2] = {{.kind = KERF__BLOCK_STATE, .size_bytes = 64},
                             {.kind = KERF__BLOCK_OWN, .size_bytes = 64}};
    CHECK_OK(kerf__arena_pack(states, 0, 128, &arena));
    CHECK(arena == 0);
    CHECK_OK(kerf__arena_pack(states, 2, 128, &arena));
    CHECK(arena == 0);
}

int main(void)
{
    rng = kerf__random_key(3, KERF__RANDOM_TEST, 0);
    test_random();
    test_chain();
    test_nothing();
    return check_result();
}
