/* join.cl -- many launches as one, for CPU devices where coming together for a launch costs as much
 * as a small layer's work.  Host half: lib/device/join.c; join_program.c writes JOINED and makes
 * the program that this one is linked with.
 *
 * A row is a launch: which kernel, how many items, its arguments.  Items are alone in their groups.
 * A row's items are cut into ranges, of which each group of this kernel, one a core, has a home: it
 * takes items there one by one, then what is left of other ranges, and goes on to the next row when
 * all items of this one are done.  So a core mostly reads what it has written itself, the same part
 * of a picture, which its caches still hold.  A group waits only for items that another group has
 * taken and is working on, never for a group to begin: one core alone does all.  Whoever works on
 * an item, it computes the same: the bits are those of launches one by one.
 *
 * Counters are 0 before and after: the last group to leave clears them.
 *
 * Measured (PoCL 3.1, 2 cores of Zen 5, 60 launches of 16 items of 0.5 us): 11.2 us a launch one by
 * one, 5.4 us joined. */
#ifndef JOINED
#define JOINED(X)
#endif

#if defined(__x86_64__) && defined(KERF_YIELD)
static inline void offer_core(void)
{
    long answer = KERF_YIELD;
    __asm__ volatile("syscall" : "+a"(answer) : : "rcx", "r11", "memory");
}
#define OFFER_CORE() offer_core()
#elif defined(__aarch64__) && defined(KERF_YIELD)
static inline void offer_core(void)
{
    register long answer __asm__("x0");
    register long number __asm__("x8") = KERF_YIELD;
    __asm__ volatile("svc #0" : "=r"(answer) : "r"(number) : "memory");
}
#define OFFER_CORE() offer_core()
#else
#define OFFER_CORE()
#endif
#define PATIENCE 200u

#define ROW_UNIT   0 /* words of a row */
#define ROW_GROUPS 1
#define ROW_ARGS   4
#define LINE       16 /* counters stand a cache line apart */

#define DECLARE(i)                                                                                 \
    void kerf_unit_##i(uint4 item, uint4 size, global const ulong *args, local uchar *scratch);
#define RUN(i)                                                                                     \
    case i:                                                                                        \
        kerf_unit_##i(item, size, args, scratch);                                                  \
        break;
JOINED(DECLARE)

static inline void run_item(uint unit, uint4 item, uint4 size, global const ulong *args,
                            local uchar *scratch)
{
    switch (unit) {
        JOINED(RUN)
    default:
        break;
    }
}

/* Until all items are done. Whoever works on the last one may have lost its core to another
 * process: after a while ours is offered, which the system takes if it has a use for it
 * (sched_yield). */
static inline void await(volatile global uint *done, uint total)
{
    for (uint looks = 0u; *done < total; looks++)
        if (looks > PATIENCE)
            OFFER_CORE();
}

/* How many items of a range were left for this group. */
static inline uint run_range(global const ulong *row, volatile global uint *taken, uint begin,
                             uint end, uint4 size, local uchar *scratch)
{
    uint mine = 0u;
    if (*taken >= end - begin)
        return 0u;
    for (uint i = begin + atomic_inc(taken); i < end; i = begin + atomic_inc(taken), mine++) {
        const uint4 item = {i % size.x, i / size.x % size.y, i / (size.x * size.y), 0u};
        run_item((uint)row[ROW_UNIT], item, size, row + ROW_ARGS, scratch);
    }
    return mine;
}

/* counters: what is taken of each range, then what is done of all. */
static inline void run_row(global const ulong *row, volatile global uint *counters, uint ranges,
                           uint home, local uchar *scratch)
{
    const uint4 size = {(uint)row[ROW_GROUPS], (uint)row[ROW_GROUPS + 1], (uint)row[ROW_GROUPS + 2],
                        1u};
    const uint total = size.x * size.y * size.z;
    volatile global uint *done = counters + ranges * LINE;
    uint mine = 0u;
    for (uint i = 0u; i < ranges; i++) {
        const ulong range = (home + i) % ranges;
        mine += run_range(row, counters + range * LINE, (uint)(range * total / ranges),
                          (uint)((range + 1u) * total / ranges), size, scratch);
    }
    mem_fence(CLK_GLOBAL_MEM_FENCE);
    atomic_add(done, mine);
    await(done, total);
    mem_fence(CLK_GLOBAL_MEM_FENCE);
}

kernel void join(global const ulong *rows, volatile global uint *counters, local uchar *scratch,
                 uint num_rows, uint row_words, uint groups, uint ranges)
{
    const uint lines = ranges + 1u, home = (uint)get_group_id(0) % ranges;
    for (uint r = 0; r < num_rows; r++)
        run_row(rows + (size_t)r * row_words, counters + r * lines * LINE, ranges, home, scratch);
    volatile global uint *left = counters + num_rows * lines * LINE;
    if (atomic_inc(left) + 1u < groups)
        return;
    for (uint i = 0; i < num_rows * lines; i++)
        atomic_xchg(counters + i * LINE, 0u);
    atomic_xchg(left, 0u);
}

/* Where a buffer lies: on CPU devices for as long as it lives. */
kernel void join_address(global const uchar *buffer, global ulong *dst, uint i)
{
    dst[i] = (ulong)buffer;
}
