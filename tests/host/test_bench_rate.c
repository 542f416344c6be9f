/* test_bench_rate.c -- shares of peak: of which limit, and when a case is not believed. */
#include <string.h>

#include "../../host/bench_suite.h"
#include "check.h"

enum { MIB = 1 << 20 };
static const kerf_device_peaks PEAKS = {.f32_gflops = 100, .int8_gops = 400, .copy_gbps = 10};

/* Three samples of `ms`. */
static case_result rated(double flops, double bytes, double ms, const kerf_device_peaks *peaks)
{
    static bench_case c;
    case_result r = {.c = &c};
    c.flops = flops;
    for (int i = 0; i < 3; i++)
        CHECK(timing_add(&r.times, ms));
    case_rate(&r, bytes, peaks, 8 * MIB);
    timing_free(&r.times);
    return r;
}

static int is(double got, double want)
{
    return fabs(got - want) < 1e-9 || (isnan(got) && isnan(want));
}

static void test_limits(void)
{
    case_result product = rated(5e7, 3 * MIB, 1, &PEAKS);
    CHECK(is(product.gflops, 50) && is(product.gbps, 3.145728) && is(product.of_peak, 0.5));
    CHECK(product.outcome == CASE_TIMED && product.verdict.why[0] == '\0');
    case_result large = rated(0, 16 * MIB, 4, &PEAKS);
    CHECK(isnan(large.gflops) && is(large.of_peak, 16e-6 * MIB / 4 / 10));
    case_result cached = rated(0, 16 * MIB - 1, 0.1, &PEAKS); /* 168 GB/s */
    CHECK(isnan(cached.of_peak) && cached.outcome == CASE_TIMED);
    case_result thin = rated(2e6, 16 * MIB, 4, &PEAKS); /* a product bound by memory */
    CHECK(is(thin.of_peak, 16e-6 * MIB / 4 / 10));
    case_result unknown = rated(5e7, 16 * MIB, 1, &(kerf_device_peaks){0});
    CHECK(isnan(unknown.of_peak) && unknown.outcome == CASE_TIMED);
}

/* 36 multiply-adds of the definition are 16. */
static void test_saved(void)
{
    static bench_case c = {.flops = 1.8e8};
    case_result r = {.c = &c, .variant = "conv_winograd/4x6"};
    CHECK(timing_add(&r.times, 1));
    case_rate(&r, 1, &PEAKS, 8 * MIB);
    CHECK(is(r.gflops, 180) && is(r.of_peak, 0.8) && r.outcome == CASE_TIMED);
    timing_free(&r.times);
    CHECK(is(multiply_peak("conv_wide/4x7", &PEAKS), 100));
}

/* Bytes have a limit of their own. */
static void test_integers(void)
{
    CHECK(is(multiply_peak("qlinear_conv_wide/2x14", &PEAKS), 400));
    CHECK(is(multiply_peak("matmul_integer_simt", &PEAKS), 400));
}

static void test_doubts(void)
{
    case_result exact = rated(1e8, 1, 1, &PEAKS);
    CHECK(exact.outcome == CASE_TIMED);
    case_result fast = rated(1.25e8, 1, 1, &PEAKS);
    CHECK(fast.outcome == CASE_DOUBTED);
    CHECK(strcmp(fast.verdict.why,
                 "1.25 of the measured peak: one of the two was measured on a busy "
                 "machine") == 0);
    CHECK(rated(0, 16 * MIB, 1, &PEAKS).outcome == CASE_DOUBTED);
}

int main(void)
{
    test_limits();
    test_saved();
    test_integers();
    test_doubts();
    return check_result();
}
