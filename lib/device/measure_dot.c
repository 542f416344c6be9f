/* device/measure_dot.c -- how fast each form of the dot product is; part of measure.c.
 *
 * Each chain's factor is its neighbour's sum, so nothing can be taken out of the loop; the host
 * follows the sums with the definition, kerf__dot_exact(). */
#include <stdio.h>
#include <string.h>

#include "device/dot.h"
#include "device/measure.h"

enum {
    BUDGET_MS = 25,
    WIDE_CHAINS = 12,
    CHAINS = 4,
    FACTOR = 0x7b31d5a9
}; /* odd bytes, two of them negative */

static int is_right(const kerf__chain *c, const void *lane, int rounds)
{
    int32_t a[WIDE_CHAINS], total = 0, value;
    for (int i = 0; i < c->chains; i++)
        a[i] = 0x01234567 * (i + 1);
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < c->chains; i++)
            a[i] = kerf__dot_exact(c->dot, c->sign, (uint32_t)a[(i + 1) % c->chains], FACTOR, a[i]);
    for (int i = 0; i < c->chains; i++)
        total ^= a[i];
    memcpy(&value, lane, sizeof value);
    return value == total;
}

double kerf__measure_dot(kerf_device *dev, kerf_dot dot, int sign, double *unrest)
{
    kerf__chain c = {.entry = "probe_dot_rate",
                     .lanes = kerf__dot_words(dev, dot),
                     .wide = kerf__dot_words(dev, dot) > 1,
                     .lane_bytes = 4,
                     .operations = 8,
                     .is_right = is_right,
                     .more = {kerf__arg_uint(FACTOR)},
                     .num_more = 1,
                     .dot = dot,
                     .sign = sign};
    c.chains = c.wide ? WIDE_CHAINS : CHAINS;
    snprintf(c.options, sizeof c.options, "%s -DPROBE_DOT_RATE=%s -DPROBE_CHAINS=%d",
             kerf__dot_options(dev, dot), kerf__dot_function(sign), c.chains);
    return (dev->info.features.dot[dot] >> sign & 1) != 0
               ? kerf__measure_chain(dev, &c, BUDGET_MS, unrest)
               : 0;
}
