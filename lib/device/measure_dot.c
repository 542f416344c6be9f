/* device/measure_dot.c -- how fast each form of the dot product is; part of measure.c.
 *
 * Chains multiply each other's sums, so nothing can be taken out of the loop; the host follows
 * them with the definition, kerf__dot_exact().  Of wide forms some share a word, as they do in the
 * kernels: what a form does with it first counts once. */
#include <stdio.h>
#include <string.h>

#include "device/dot.h"
#include "device/measure.h"

enum {
    BUDGET_MS = 25,
    WIDE_CHAINS = 12,
    WIDE_SHARED = 3,
    CHAINS = 4,
    FACTOR = 0x7b31d5a9
}; /* odd bytes, two of them negative */

static uint32_t rotated(uint32_t word, int bits)
{
    return bits == 0 ? word : word << bits | word >> (32 - bits);
}

static int is_right(const kerf__chain *c, const void *lane, int rounds)
{
    const int shared = c->wide ? WIDE_SHARED : 1;
    int32_t a[WIDE_CHAINS], total = 0, value;
    for (int i = 0; i < c->chains; i++)
        a[i] = 0x01234567 * (i + 1);
    for (int r = 0; r < rounds; r++)
        for (int i = 0; i < c->chains; i++)
            a[i] =
                kerf__dot_exact(c->dot, c->sign, (uint32_t)a[(i / shared + 1) * shared % c->chains],
                                rotated(FACTOR, 8 * (i % shared)), a[i]);
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
    char shared[32] = "";
    c.chains = c.wide ? WIDE_CHAINS : CHAINS;
    if (c.wide)
        snprintf(shared, sizeof shared, " -DPROBE_SHARED=%d", WIDE_SHARED);
    snprintf(c.options, sizeof c.options, "%s -DPROBE_DOT_RATE=%s -DPROBE_CHAINS=%d%s",
             kerf__dot_options(dev, dot), kerf__dot_function(sign), c.chains, shared);
    return (dev->info.features.dot[dot] >> sign & 1) != 0
               ? kerf__measure_chain(dev, &c, BUDGET_MS, unrest)
               : 0;
}
