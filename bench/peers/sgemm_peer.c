/* sgemm_peer.c -- matrix products by another library, for bench_gemm --beside: the two take
 * turns in one run, each in a process of its own because their thread pools disturb each
 * other.
 *
 *     sgemm_peer onednn|openblas
 *
 * A line "M N K TRANS_A TRANS_B CALLS" comes in, the milliseconds of one call go out. */
#define _POSIX_C_SOURCE 200809L
#include <cblas.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct problem {
    int m, n, k, trans_a, trans_b, calls;
    float *a, *b, *dst;
} problem;

static void dnnl_ok(dnnl_status_t status)
{
    if (status == dnnl_success)
        return;
    fprintf(stderr, "sgemm_peer: oneDNN gave status %d\n", (int)status);
    exit(1);
}

static double now_ms(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static double time_openblas(const problem *p)
{
    const double start = now_ms();
    for (int i = 0; i < p->calls; i++)
        cblas_sgemm(CblasRowMajor, p->trans_a ? CblasTrans : CblasNoTrans,
                    p->trans_b ? CblasTrans : CblasNoTrans, p->m, p->n, p->k, 1.0f, p->a,
                    p->trans_a ? p->m : p->k, p->b, p->trans_b ? p->k : p->n, 0.0f, p->dst, p->n);
    return (now_ms() - start) / p->calls;
}

static dnnl_memory_desc_t matrix(int rows, int columns, int is_transposed)
{
    dnnl_memory_desc_t desc;
    dnnl_ok(dnnl_memory_desc_init_by_tag(&desc, 2, (dnnl_dims_t){rows, columns}, dnnl_f32,
                                         is_transposed ? dnnl_ba : dnnl_ab));
    return desc;
}

static double time_onednn(const problem *p)
{
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_matmul_desc_t desc;
    dnnl_primitive_desc_t primitive_desc;
    dnnl_primitive_t matmul;
    dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, NULL}, {DNNL_ARG_WEIGHTS, NULL}, {DNNL_ARG_DST, NULL}};
    const dnnl_memory_desc_t a = matrix(p->m, p->k, p->trans_a);
    const dnnl_memory_desc_t b = matrix(p->k, p->n, p->trans_b), dst = matrix(p->m, p->n, 0);
    dnnl_ok(dnnl_engine_create(&engine, dnnl_cpu, 0));
    dnnl_ok(dnnl_stream_create(&stream, engine, dnnl_stream_default_flags));
    dnnl_ok(dnnl_matmul_desc_init(&desc, &a, &b, NULL, &dst));
    dnnl_ok(dnnl_primitive_desc_create(&primitive_desc, &desc, NULL, engine, NULL));
    dnnl_ok(dnnl_primitive_create(&matmul, primitive_desc));
    dnnl_ok(dnnl_memory_create(&args[0].memory, &a, engine, p->a));
    dnnl_ok(dnnl_memory_create(&args[1].memory, &b, engine, p->b));
    dnnl_ok(dnnl_memory_create(&args[2].memory, &dst, engine, p->dst));
    dnnl_ok(dnnl_primitive_execute(matmul, stream, 3, args)); /* the first one allocates */
    dnnl_ok(dnnl_stream_wait(stream));
    const double start = now_ms();
    for (int i = 0; i < p->calls; i++)
        dnnl_ok(dnnl_primitive_execute(matmul, stream, 3, args));
    dnnl_ok(dnnl_stream_wait(stream));
    const double ms = (now_ms() - start) / p->calls;
    for (int i = 0; i < 3; i++)
        dnnl_memory_destroy(args[i].memory);
    dnnl_primitive_destroy(matmul);
    dnnl_primitive_desc_destroy(primitive_desc);
    dnnl_stream_destroy(stream);
    dnnl_engine_destroy(engine);
    return ms;
}

static float *fill(size_t num)
{
    float *x = aligned_alloc(64, (num * sizeof *x + 63) / 64 * 64);
    for (size_t i = 0; x != NULL && i < num; i++)
        x[i] = (float)(i * 2654435761u % 1000) / 500.0f - 1.0f;
    return x;
}

/* Threads of OpenMP spin for a while after their work; the other side waits for that. */
static void let_threads_rest(void)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
}

int main(int argc, char **argv)
{
    problem p;
    char line[256];
    if (argc != 2 || (strcmp(argv[1], "onednn") != 0 && strcmp(argv[1], "openblas") != 0)) {
        fprintf(stderr, "usage: sgemm_peer onednn|openblas\n");
        return 2;
    }
    while (fgets(line, sizeof line, stdin) != NULL) {
        if (sscanf(line, "%d %d %d %d %d %d", &p.m, &p.n, &p.k, &p.trans_a, &p.trans_b, &p.calls) !=
            6)
            return 2;
        p.a = fill((size_t)p.m * (size_t)p.k);
        p.b = fill((size_t)p.k * (size_t)p.n);
        p.dst = fill((size_t)p.m * (size_t)p.n);
        if (p.a == NULL || p.b == NULL || p.dst == NULL)
            return 1;
        const double ms = strcmp(argv[1], "onednn") == 0 ? time_onednn(&p) : time_openblas(&p);
        let_threads_rest();
        printf("%.6f\n", ms);
        fflush(stdout);
        free(p.a);
        free(p.b);
        free(p.dst);
    }
    return 0;
}
