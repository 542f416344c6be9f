/* bench_rate.c -- what a case's times say of the device.
 *
 * The share of peak is of the limit that binds: multiply-adds, or copying where the tensors are at
 * least twice as large as the caches (below that a copy's speed bounds nothing).  No device is
 * faster than its limits, so a share above 1 says that one of the two figures is wrong.  Rates are
 * of the multiply-adds of the definition, shares of those that the kernel really does, of floats
 * or of bytes. */
#include <math.h>
#include <string.h>

#include "bench_suite.h"

double multiply_peak(const char *variant, const kerf_device_peaks *peaks)
{
    static const struct {
        const char *method;
        int is_integer;
        double fewer; /* multiplies of the definition for one that is done */
    } METHODS[] = {
        {"conv_winograd", 0, 36.0 / 16},
        {"matmul_integer", 1, 1},
        {"qlinear_conv", 1, 1},
    };
    for (size_t i = 0; i < sizeof METHODS / sizeof METHODS[0]; i++)
        if (strncmp(variant, METHODS[i].method, strlen(METHODS[i].method)) == 0)
            return (METHODS[i].is_integer ? peaks->int8_gops : peaks->f32_gflops) *
                   METHODS[i].fewer;
    return peaks->f32_gflops;
}

void case_rate(case_result *r, double bytes, const kerf_device_peaks *peaks, uint64_t cache_bytes)
{
    double ms = timing_summarize(&r->times).median;
    int is_large = bytes >= 2 * (double)cache_bytes;
    r->gflops = r->c->flops > 0 ? 1e-6 * r->c->flops / ms : (double)NAN;
    r->gbps = 1e-6 * bytes / ms;
    const double peak = multiply_peak(r->variant, peaks);
    double of_flops = peak > 0 ? r->gflops / peak : (double)NAN;
    double of_copy = peaks->copy_gbps > 0 && is_large ? r->gbps / peaks->copy_gbps : (double)NAN;
    r->of_peak = fmax(of_flops, of_copy); /* of NAN and a number the number */
    if (!(r->of_peak > 1))
        return;
    r->outcome = CASE_DOUBTED;
    snprintf(r->verdict.why, sizeof r->verdict.why,
             "%.2f of the measured peak: one of the two was measured on a busy machine",
             r->of_peak);
}
