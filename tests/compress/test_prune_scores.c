/* test_prune_scores.c -- methods that choose by what training remembers, and those with weights
 * that come back, against sorting on the host. */
#include <string.h>

#include "pruned_layer.h"

enum { ROWS = 23, COLUMNS = 17, NUM = ROWS * COLUMNS };
static kerf_device *dev;
static float weights[NUM], scores[NUM];
static int score; /* the state that training would keep */

static void make(network *n)
{
    const kerf_shape shape = KERF_SHAPE(ROWS, COLUMNS);
    make_layer(n, dev, "MatMul", KERF_SHAPE(2, ROWS), shape, weights);
    CHECK_OK(kerf_state_add(n->s, "l.weight.score", KERF_ROLE_MOMENT, n->weight, KERF_F32, shape,
                            &score));
    CHECK_OK(kerf_state_write(n->s, score, scores));
}

/* 1 where fewer than `num` of those that `from` has stand before element i, smallest first. */
static void smallest(const double *x, const unsigned char *from, int num, unsigned char *out)
{
    for (int i = 0; i < NUM; i++) {
        int before = 0;
        for (int k = 0; k < NUM; k++)
            before += from[k] && (x[k] < x[i] || (x[k] == x[i] && k < i));
        out[i] = from[i] && before < num;
    }
}

static void check_gone(const char *what, const network *n, const double *x, int num)
{
    static unsigned char all[NUM], gone[NUM];
    int wrong = 0;
    memset(all, 1, sizeof all);
    smallest(x, all, num, gone);
    for (int i = 0; i < NUM; i++)
        wrong += n->kept[i] == gone[i];
    if (wrong > 0)
        printf("%s: %d masks are wrong\n", what, wrong);
    CHECK(wrong == 0);
}

/* ---- by what was remembered --------------------------------------------------------------- */

static double by_size(int i)
{
    return fabs((double)scores[i]);
}
static double by_sign(int i)
{
    return (double)scores[i];
}
static double by_second_order(int i)
{
    return fabs((double)(weights[i] * scores[i] * weights[i]));
}

static void test_remembered(void)
{
    static const struct {
        const char *name;
        kerf_prune_method method;
        double (*number)(int i);
    } CASES[] = {
        {"taylor", KERF_PRUNE_TAYLOR, by_size},
        {"snip", KERF_PRUNE_SNIP, by_size},
        {"movement", KERF_PRUNE_MOVEMENT, by_sign},
        {"obd", KERF_PRUNE_OBD, by_second_order},
    };
    for (size_t c = 0; c < sizeof CASES / sizeof CASES[0]; c++) {
        static network n;
        double x[NUM];
        for (int i = 0; i < NUM; i++)
            x[i] = CASES[c].number(i);
        make(&n);
        kerf_pruner *p = begin(&n, &(kerf_prune_options){.method = CASES[c].method, .amount = 0.6});
        apply(&n, p, 1);
        check_gone(CASES[c].name, &n, x, (int)floor(0.6 * NUM + 0.5));
        kerf_pruner_destroy(p);
        unmake(&n);
    }
}

/* Without a training there is nothing to choose by. */
static void test_not_remembered(void)
{
    static network n;
    kerf_pruner *p;
    const kerf_prune_options o = {.method = KERF_PRUNE_TAYLOR, .amount = 0.5};
    make(&n);
    kerf_state_drop(n.s, score);
    CHECK_OK(kerf_prune_mark(n.g, n.s, &o));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_pruner_create(&p, n.g, n.s, &o));
    CHECK(strstr(kerf_last_error(), "'l.weight' has no score yet: this method chooses by "
                                    "gradients, so it must be part of a training") != NULL);
    unmake(&n);
}

/* ---- weights that come back --------------------------------------------------------------- */

/* The weight lives on, so another one may take its place; what is out of surgery needs a tenth
 * more than what stays. */
static void test_soft(kerf_prune_method method)
{
    static network n;
    double x[NUM];
    float now[NUM];
    const int gone = (int)floor(0.5 * NUM + 0.5);
    make(&n);
    kerf_pruner *p = begin(&n, &(kerf_prune_options){.method = method, .amount = 0.5});
    for (int i = 0; i < NUM; i++)
        x[i] = fabs((double)weights[i]);
    apply(&n, p, 1);
    for (int i = 0; i < NUM && method == KERF_PRUNE_SURGERY; i++)
        x[i] = fabs((double)weights[i]); /* all were alive */
    check_gone("soft", &n, x, gone);
    CHECK_OK(kerf_state_read(n.s, n.weight, now));
    CHECK(memcmp(now, weights, sizeof now) == 0);
    for (int i = 0; i < NUM; i++)
        now[i] = weights[i] * (i % 3 == 0 ? 1.05f : i % 3 == 1 ? 1.5f : 1.0f);
    for (int i = 0; i < NUM; i++)
        x[i] = fabs((double)now[i]) *
               (method == KERF_PRUNE_SURGERY && !n.kept[i] ? (double)(1 / 1.1f) : 1);
    CHECK_OK(kerf_state_write(n.s, n.weight, now));
    apply(&n, p, 1);
    check_gone("soft, again", &n, x, gone);
    kerf_pruner_destroy(p);
    CHECK_OK(kerf_prune_harden(n.g, n.s));
    CHECK_OK(kerf_state_read(n.s, n.weight, now));
    for (int i = 0; i < NUM; i++)
        CHECK(n.kept[i] || now[i] == 0);
    unmake(&n);
}

/* 30 % of what is alive goes beyond the amount, and as many come back by gradient. */
static void test_rigl(void)
{
    static network n;
    static unsigned char all[NUM], taken[NUM], closed[NUM], want[NUM];
    double x[NUM], slope[NUM];
    const int gone = (int)floor(0.8 * NUM + 0.5), more = (int)floor(0.3 * (NUM - gone) + 0.5);
    int grown = 0;
    make(&n);
    kerf_pruner *p = begin(&n, &(kerf_prune_options){.method = KERF_PRUNE_RIGL, .amount = 0.8});
    memset(all, 1, sizeof all);
    for (int i = 0; i < NUM; i++) {
        x[i] = fabs((double)weights[i]);
        slope[i] = -fabs((double)scores[i]);
    }
    smallest(x, all, gone + more, taken);
    smallest(slope, taken, more, want); /* the steepest of those that went */
    apply(&n, p, 1);
    for (int i = 0; i < NUM; i++) {
        closed[i] = taken[i] && !want[i];
        CHECK(n.kept[i] == !closed[i]);
        grown += n.kept[i] && taken[i];
    }
    CHECK(grown == more);
    kerf_pruner_destroy(p);
    unmake(&n);
}

int main(void)
{
    unsigned x = 12345;
    dev = check_open_device();
    for (int i = 0; i < NUM; i++) {
        x = x * 1664525u + 1013904223u;
        weights[i] = (float)(x >> 16) / 65536.0f - 0.5f;
        x = x * 1664525u + 1013904223u;
        scores[i] = (float)(x >> 16) / 65536.0f - 0.5f;
    }
    test_remembered();
    test_not_remembered();
    test_soft(KERF_PRUNE_SOFT);
    test_soft(KERF_PRUNE_SURGERY);
    test_rigl();
    kerf_device_close(dev);
    return check_result();
}
