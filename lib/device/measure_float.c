/* device/measure_float.c -- multiply-adds of floats and halves; part of measure.c.
 *
 * A round multiplies by 1 and adds 1, which floats do exactly below 2^24; the compiler does not
 * know that and so has to do all the work.  Halves cannot count so far: with factor 0.5 every
 * chain runs to 2 and so does the total. */
#include <stdio.h>
#include <string.h>

#include "device/measure.h"

enum { BUDGET_MS = 100 };

static int float_is_right(const kerf__chain *c, const void *lane, int rounds)
{
    float value;
    memcpy(&value, lane, sizeof value);
    return value == (float)rounds + 0.5f * (float)(c->chains * (c->chains - 1));
}

static int half_is_right(const kerf__chain *c, const void *lane, int rounds)
{
    uint16_t bits;
    (void)c;
    memcpy(&bits, lane, sizeof bits);
    return rounds < 64 || bits == 0x4000;
}

/* As many chains as the registers of the usual CPUs hold: 32 of AVX-512, 16 of AVX. */
static double measure(kerf_device *dev, kerf__chain *c, const char *element, double *unrest)
{
    int floats = dev->info.features.vector_floats;
    c->entry = "probe_multiply_add";
    c->operations = 2;
    c->num_more = 2;
    c->wide = dev->info.type == KERF_DEVICE_CPU;
    c->lanes = c->wide ? 16 : 4;
    c->chains = !c->wide ? 4 : floats >= 16 ? 12 : floats >= 8 ? 6 : 3;
    snprintf(c->options, sizeof c->options,
             "-DPROBE_VECTOR=%s%d -DPROBE_CHAINS=%d -DPROBE_MULTIPLY_ADD=%s%s", element, c->lanes,
             c->chains, dev->has_fma ? "fma" : "mad",
             strcmp(element, "half") == 0 ? " -DPROBE_HALF" : "");
    return kerf__measure_chain(dev, c, BUDGET_MS, unrest);
}

double kerf__measure_f32(kerf_device *dev, double *unrest)
{
    kerf__chain c = {.lane_bytes = 4,
                     .is_right = float_is_right,
                     .more = {kerf__arg_float(1), kerf__arg_float(1)}};
    return measure(dev, &c, "float", unrest);
}

double kerf__measure_f16(kerf_device *dev, double *unrest)
{
    kerf__chain c = {.lane_bytes = 2,
                     .is_right = half_is_right,
                     .more = {kerf__arg_float(0.5f), kerf__arg_float(1)}};
    return dev->info.features.f16 ? measure(dev, &c, "half", unrest) : 0;
}
