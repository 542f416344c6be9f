/* device/trial_join.c -- can launches be queued as one (join.h)?  By doing it: launches that each
 * read what all items of the one before wrote, joined and queued twice, since counters must be as
 * before.  Other half: trial.c. */
#include <string.h>

#include "device/join.h"
#include "device/quirks.h"
#include "device/trial.h"

enum { ITEMS = KERF__TRIAL_ITEMS, JOINED = 24, JOINED_GROUPS = 40 };

static void join_by_hand(uint32_t words[2][ITEMS])
{
    for (int r = 0; r < JOINED; r++)
        for (uint32_t j = 0; j < ITEMS; j++)
            words[(r + 1) % 2][j] = words[r % 2][(j * 7u + 3u) % ITEMS] * 3u + j;
}

static kerf_status run_joined(kerf_device *dev, kerf__buffer **buffers, kerf__launch **launches,
                              kerf__launch **joined)
{
    const unsigned n = ITEMS;
    for (int r = 0; r < JOINED; r++)
        KERF__TRY(
            kerf__launch_create(&launches[r], dev, &kerf__source_probe, "probe_join", "",
                                KERF__ARGS(ARG(buffers[r % 2]), ARG(buffers[(r + 1) % 2]), ARG(n),
                                           kerf__arg_local((ITEMS / JOINED_GROUPS + 1) * sizeof n)),
                                kerf__grid_wide(JOINED_GROUPS, 1, 1)));
    KERF__TRY(kerf__launch_join(joined, dev, launches, JOINED));
    for (int i = 0; i < 2; i++) /* counters are as before */
        KERF__TRY(kerf__launch_enqueue(*joined));
    return kerf_device_finish(dev);
}

/* What device memory holds in `words` after the launches, twice; 0 if they cannot be made. */
static int join_on_device(kerf_device *dev, const uint32_t *words, uint32_t *got)
{
    const size_t bytes = ITEMS * sizeof *words;
    kerf__buffer *buffers[2] = {NULL};
    kerf__launch *launches[JOINED] = {NULL}, *joined = NULL;
    kerf_status status = KERF_OK;
    for (int i = 0; i < 2 && status == KERF_OK; i++)
        status = kerf__buffer_create(&buffers[i], dev, bytes);
    if (status == KERF_OK)
        status = kerf__buffer_write(buffers[0], 0, words, bytes);
    if (status == KERF_OK)
        status = run_joined(dev, buffers, launches, &joined);
    if (status == KERF_OK)
        status = kerf__buffer_read(buffers[0], 0, got, bytes);
    kerf__launch_destroy(joined);
    for (int r = 0; r < JOINED; r++)
        kerf__launch_destroy(launches[r]);
    for (int i = 0; i < 2; i++)
        kerf__buffer_destroy(buffers[i]);
    return status == KERF_OK;
}

/* On CPU devices alone: elsewhere a group may wait for one that never begins. A loop that is left
 * after so many turns is no way to wait. */
int kerf__trial_joins(kerf_device *dev)
{
    uint32_t words[2][ITEMS], got[ITEMS];
    if (dev->info.type != KERF_DEVICE_CPU || kerf__has_quirk(&dev->info, KERF__QUIRK_LONG_LOOPS) ||
        kerf__has_quirk(&dev->info, KERF__QUIRK_NO_JOINS))
        return 0;
    for (uint32_t i = 0; i < ITEMS; i++)
        words[0][i] = kerf__trial_noise(9, i);
    const int good = join_on_device(dev, words[0], got);
    join_by_hand(words);
    join_by_hand(words);
    return good && memcmp(got, words[0], sizeof got) == 0;
}
