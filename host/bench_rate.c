/* bench_rate.c -- what a case's times say of the device.
 *
 * The share of peak is of the limit that binds: multiply-adds, or copying where the tensors are at
 * least twice as large as the caches (below that a copy's speed bounds nothing).  No device is
 * faster than its limits, so a share above 1 says that one of the two figures is wrong.  Rates are
 * of the multiply-adds of the definition, shares of those that the kernel really does. */
#include <math.h>
#include <string.h>

#include "bench_suite.h"

double share_multiplied(const char *variant)
{
    static const struct {
        const char *method;
        double share;
    } FEWER[] = {{"conv_winograd", 16.0 / 36}};
    for (size_t i = 0; i < sizeof FEWER / sizeof FEWER[0]; i++)
        if (strncmp(variant, FEWER[i].method, strlen(FEWER[i].method)) == 0)
            return FEWER[i].share;
    return 1;
}

void case_rate(case_result *r, double bytes, const kerf_device_peaks *peaks, uint64_t cache_bytes)
{
    double ms = timing_summarize(&r->times).median;
    int is_large = bytes >= 2 * (double)cache_bytes;
    r->gflops = r->c->flops > 0 ? 1e-6 * r->c->flops / ms : (double)NAN;
    r->gbps = 1e-6 * bytes / ms;
    double of_flops = peaks->f32_gflops > 0
                          ? r->gflops * share_multiplied(r->variant) / peaks->f32_gflops
                          : (double)NAN;
    double of_copy = peaks->copy_gbps > 0 && is_large ? r->gbps / peaks->copy_gbps : (double)NAN;
    r->of_peak = fmax(of_flops, of_copy); /* of NAN and a number the number */
    if (!(r->of_peak > 1))
        return;
    r->outcome = CASE_DOUBTED;
    snprintf(r->verdict.why, sizeof r->verdict.why,
             "%.2f of the measured peak: one of the two was measured on a busy machine",
             r->of_peak);
}
