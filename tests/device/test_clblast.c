/* test_clblast.c -- CLBlast through a foreign launch, against the definition of SGEMM. */
#include "check.h"

#include <string.h>

#include "device/clblast.h"
#include "device/device_internal.h"

enum { M = 37, N = 21, K = 50 };

static double element(const float *x, int trans, size_t rows, size_t cols, size_t i, size_t j)
{
    return trans ? (double)x[j * rows + i] : (double)x[i * cols + j];
}

static void fill(float *x, size_t num, unsigned seed)
{
    for (size_t i = 0; i < num; i++)
        x[i] = (float)((i * 2654435761u + seed * 40503u) % 2001u) * 1e-3f - 1.0f;
}

static void test_sgemm(kerf_device *dev, int trans_a, int trans_b, float beta)
{
    float a[M * K], b[K * N], c[M * N], got[M * N];
    double want[M * N];
    fill(a, M * K, 1);
    fill(b, K * N, 2);
    fill(c, M * N, 3);
    for (size_t i = 0; i < M; i++) {
        for (size_t j = 0; j < N; j++) {
            double sum = (double)beta * (double)c[i * N + j];
            for (size_t k = 0; k < K; k++)
                sum += 0.5 * element(a, trans_a, M, K, i, k) * element(b, trans_b, K, N, k, j);
            want[i * N + j] = sum;
        }
    }
    kerf__clblast_sgemm gemm = {NULL, NULL, NULL, trans_a, trans_b, M, N, K, 0.5f, beta};
    kerf__launch *launch = NULL;
    CHECK_OK(kerf__buffer_create(&gemm.a, dev, sizeof a));
    CHECK_OK(kerf__buffer_create(&gemm.b, dev, sizeof b));
    CHECK_OK(kerf__buffer_create(&gemm.dst, dev, sizeof c));
    CHECK_OK(kerf__buffer_write(gemm.a, 0, a, sizeof a));
    CHECK_OK(kerf__buffer_write(gemm.b, 0, b, sizeof b));
    CHECK_OK(kerf__buffer_write(gemm.dst, 0, c, sizeof c));
    CHECK_OK(kerf__clblast_create_sgemm(&launch, dev, &gemm));
    CHECK_OK(kerf__launch_enqueue(launch));
    CHECK_OK(kerf__buffer_read(gemm.dst, 0, got, sizeof got));
    check_close("sgemm", got, want, M * N, check_tolerance(4, K));
    kerf__launch_destroy(launch);
    kerf__buffer_destroy(gemm.a);
    kerf__buffer_destroy(gemm.b);
    kerf__buffer_destroy(gemm.dst);
}

int main(void)
{
    kerf_device *dev = check_open_device();
    if (kerf__clblast_available()) {
        for (int i = 0; i < 4; i++)
            test_sgemm(dev, i & 1, i >> 1, i == 3 ? 1.0f : 0.0f);
    } else {
        kerf__launch *launch = NULL;
        kerf__clblast_sgemm gemm = {NULL, NULL, NULL, 0, 0, M, N, K, 1.0f, 0.0f};
        CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf__clblast_create_sgemm(&launch, dev, &gemm));
        CHECK(launch == NULL && strstr(kerf_last_error(), "clblast") != NULL);
    }
    kerf_device_close(dev);
    return check_result();
}
