/* device/trial_dot.c -- which forms of the dot product are there and right; part of trial.c. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "device/dot.h"
#include "device/trial.h"

/* Among the first words are both ends of the range on both sides: pairs of products that do not
 * fit into 16 bits tell instructions apart that saturate halfway. */
static void fill(uint32_t *a, uint32_t *b, size_t num)
{
    static const uint32_t ENDS[] = {0x80808080, 0x7f7f7f7f, 0xffffffff, 0x00000000};
    for (size_t i = 0; i < num; i++) {
        a[i] = i < 16 ? ENDS[i % 4] : kerf__trial_noise(3, i);
        b[i] = i < 16 ? ENDS[i / 4] : kerf__trial_noise(4, i);
    }
}

/* Wide forms are alone in their group, as in the kernels that use them. */
static kerf__grid dot_grid(const kerf_device *dev, kerf_dot dot)
{
    return kerf__dot_words(dev, dot) > 1 ? kerf__grid_wide(KERF__TRIAL_ITEMS, 1, 1)
                                         : kerf__trial_grid(dev);
}

static int try_sign(kerf_device *dev, kerf_dot dot, int sign, const char *options)
{
    const size_t words = (size_t)kerf__dot_words(dev, dot), num = words * KERF__TRIAL_ITEMS;
    const size_t bytes = num * sizeof(uint32_t);
    uint32_t *a = kerf__alloc(3, bytes), *b = a + num;
    if (a == NULL)
        return 0;
    int32_t *dst = (int32_t *)(b + num);
    fill(a, b, num);
    int good = kerf__trial_run(
        dev, &(kerf__trial){.entry = sign == KERF_S8S8 ? "probe_dot_ss" : "probe_dot_us",
                            .options = options,
                            .data = {a, b, dst},
                            .bytes = {bytes, bytes, bytes},
                            .num = 3,
                            .grid = dot_grid(dev, dot)});
    for (size_t i = 0; i < num && good; i++)
        good = dst[i] == kerf__dot_exact(dot, sign, a[i], b[i], (int32_t)(i / words));
    free(a);
    return good;
}

int kerf__trial_dot(kerf_device *dev, kerf_dot dot)
{
    char options[128];
    int signs = 0;
    snprintf(options, sizeof options, "%s -DPROBE_DOT", kerf__dot_options(dev, dot));
    if (!kerf__dot_may_try(&dev->info, dot) ||
        kerf__program_build(dev, &kerf__source_probe, options) != KERF_OK)
        return 0;
    for (int sign = 0; sign < KERF_NUM_SIGNS; sign++)
        signs |= try_sign(dev, dot, sign, options) << sign;
    return signs;
}
