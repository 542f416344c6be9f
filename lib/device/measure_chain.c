/* device/measure_chain.c -- how many operations a device does, out of registers alone; part of
 * measure.c.  What the chains compute is in measure_float.c and measure_dot.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/measure.h"
#include "device/quirks.h"

/* A sample is long enough to hide the launch and short enough to find the cores free now and
 * then on a busy machine.  Floats count exactly below 2^24 rounds. */
enum {
    MIN_MS = 1,
    MIN_LAUNCHES = 10,
    FEW = 4,
    MOST_ROUNDS = 1 << 22,
    MOST_ROUNDS_IN_LOOP = 1 << 14,
    ATTEMPTS = 6
};

/* A chain with so many rounds, and once more with twice as many. */
typedef struct pair {
    const kerf__chain *chain;
    kerf__buffer *dst;       /* owned */
    void *host;              /* owned; as large as dst */
    kerf__launch *launch[2]; /* owned */
    kerf__times times[2];
    int rounds;
} pair;

/* Enough groups to give every unit the same share of them. */
static kerf__grid chain_grid(const kerf_device *dev, const kerf__chain *c)
{
    size_t units = dev->info.compute_units > 0 ? dev->info.compute_units : 1;
    if (c->wide)
        return kerf__grid_wide(8 * units, 1, 1);
    size_t group = dev->info.max_group < 64 ? dev->info.max_group : 64;
    return (kerf__grid){1, {32 * units, 1, 1}, {group, 1, 1}};
}

static kerf_status make_launch(kerf_device *dev, pair *p, int i)
{
    const kerf__chain *c = p->chain;
    int rounds = p->rounds << i;
    kerf__arg args[4] = {ARG(p->dst), ARG(rounds), c->more[0], c->more[1]};
    kerf__launch_destroy(p->launch[i]);
    p->times[i].num = 0;
    return kerf__launch_create(&p->launch[i], dev, &kerf__source_probe, c->entry, c->options, args,
                               2 + c->num_more, chain_grid(dev, c));
}

/* Takes a time; 0 if the kernel failed. */
static int sample(kerf_device *dev, pair *p, int i)
{
    double ms = kerf__measure_launch(dev, p->launch[i]);
    if (ms < 0)
        return 0;
    kerf__times_add(&p->times[i], ms);
    return 1;
}

static int numbers_are_right(kerf_device *dev, pair *p, int i)
{
    const kerf__chain *c = p->chain;
    size_t bytes = kerf__buffer_size_bytes(p->dst), lane = (size_t)c->lane_bytes;
    if (!sample(dev, p, i) || kerf__buffer_read(p->dst, 0, p->host, bytes) != KERF_OK ||
        !c->is_right(c, p->host, p->rounds << i))
        return 0;
    for (size_t at = lane; at < bytes; at += lane) /* all lanes do the same */
        if (memcmp((char *)p->host + at, p->host, lane) != 0)
            return 0;
    return 1;
}

/* The best of a few, as something else may run; a negative number if the kernel failed. */
static double time_rounds(kerf_device *dev, pair *p, int rounds)
{
    p->rounds = rounds;
    if (make_launch(dev, p, 0) != KERF_OK)
        return -1;
    for (int i = 0; i < FEW; i++)
        if (!sample(dev, p, 0))
            return -1;
    return kerf__times_best(&p->times[0]);
}

/* As many rounds as hide a launch, which one round is.  The very first run compiles. */
static int find_rounds(kerf_device *dev, pair *p)
{
    int cut = kerf__has_quirk(&dev->info, KERF__QUIRK_LONG_LOOPS);
    int rounds = 256, most = cut ? MOST_ROUNDS_IN_LOOP : MOST_ROUNDS;
    double launch_ms = time_rounds(dev, p, 1), ms = launch_ms;
    double enough_ms = fmax(MIN_MS, MIN_LAUNCHES * launch_ms);
    for (; ms >= 0 && rounds <= most; rounds *= 2)
        if ((ms = time_rounds(dev, p, rounds)) >= enough_ms)
            break;
    return ms >= 0 && make_launch(dev, p, 1) == KERF_OK;
}

/* In turns, so that both meet the same state of the machine. */
static int take_times(kerf_device *dev, pair *p, double budget_ms)
{
    const double start = kerf__now_ms();
    do {
        if (!sample(dev, p, 0) || !sample(dev, p, 1))
            return 0;
    } while (kerf__now_ms() - start < budget_ms);
    return 1;
}

static double rate(kerf_device *dev, pair *p, double budget_ms, double *unrest)
{
    const kerf__chain *c = p->chain;
    double lanes = (double)kerf__buffer_size_bytes(p->dst) / c->lane_bytes;
    if (!find_rounds(dev, p) || !numbers_are_right(dev, p, 0) || !numbers_are_right(dev, p, 1))
        return 0;
    for (int attempt = 0; attempt < ATTEMPTS && take_times(dev, p, budget_ms); attempt++) {
        double once = kerf__times_best(&p->times[0]), twice = kerf__times_best(&p->times[1]);
        if (twice < 1.8 * once || twice > 2.2 * once)
            continue;
        kerf__times_unrest(&p->times[1], unrest);
        return lanes * c->chains * 2.0 * p->rounds * c->operations / (twice * 1e6);
    }
    *unrest = KERF__NO_REST;
    return 0;
}

double kerf__measure_chain(kerf_device *dev, const kerf__chain *chain, double budget_ms,
                           double *unrest)
{
    pair p = {.chain = chain};
    kerf__grid grid = chain_grid(dev, chain);
    size_t bytes = grid.groups[0] * grid.group[0] * (size_t)(chain->lanes * chain->lane_bytes);
    double result = 0;
    p.host = kerf__alloc(bytes, 1);
    if (p.host != NULL && kerf__buffer_create(&p.dst, dev, bytes) == KERF_OK)
        result = rate(dev, &p, budget_ms, unrest);
    kerf__launch_destroy(p.launch[0]);
    kerf__launch_destroy(p.launch[1]);
    kerf__buffer_destroy(p.dst);
    free(p.host);
    return result;
}
