/* openblas_peer.c -- the products of `kerf bench` by OpenBLAS; see peer.h. */
#define _POSIX_C_SOURCE 200809L
#include <cblas.h>

#include "peer.h"

static struct {
    peer_case c;
    float *a, *b, *dst; /* owned */
} now;

static int open_case(const peer_case *c)
{
    if (strcmp(c->family, "gemm") != 0)
        return 0;
    now.c = *c;
    now.a = peer_fill((size_t)(c->m * c->k));
    now.b = peer_fill((size_t)(c->k * c->n));
    now.dst = peer_fill((size_t)(c->m * c->n));
    return 1;
}

static void run(void)
{
    const int m = (int)now.c.m, n = (int)now.c.n, k = (int)now.c.k;
    cblas_sgemm(CblasRowMajor, now.c.trans_a ? CblasTrans : CblasNoTrans,
                now.c.trans_b ? CblasTrans : CblasNoTrans, m, n, k, 1.0f, now.a,
                now.c.trans_a ? m : k, now.b, now.c.trans_b ? k : n, 0.0f, now.dst, n);
}

static void close_case(void)
{
    free(now.a);
    free(now.b);
    free(now.dst);
}

int main(void)
{
    return peer_main(&(peer_library){.open = open_case, .run = run, .close = close_case});
}
