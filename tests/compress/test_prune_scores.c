/* test_prune_scores.c -- methods that choose by what training remembers, and those with weights
 * that come back, against sorting on the host. */
#include <string.h>

#include "pruned_layer.h"

/* Of MatMul's weight: inputs by outputs. */
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

/* ---- by units ------------------------------------------------------------------------------ */

/* Methods and what a weight counts by; those of weights that come back, before any went. */
static double by_weight(int i)
{
    return fabs((double)weights[i]);
}

static const struct way {
    const char *name;
    kerf_prune_method method;
    double (*number)(int i);
} WAYS[] = {
    {"taylor", KERF_PRUNE_TAYLOR, by_size},     {"snip", KERF_PRUNE_SNIP, by_size},
    {"movement", KERF_PRUNE_MOVEMENT, by_sign}, {"obd", KERF_PRUNE_OBD, by_second_order},
    {"soft", KERF_PRUNE_SOFT, by_weight},       {"surgery", KERF_PRUNE_SURGERY, by_weight},
};

/* Units of `outputs` by `inputs`: the sum of what their weights count by. */
typedef struct units {
    int inputs, outputs, num;
    double sum[NUM], slope[NUM];
    int kept[NUM], size[NUM];
} units;

static int unit_of(const units *u, int i)
{
    const int a_row = (COLUMNS + u->outputs - 1) / u->outputs;
    return i / COLUMNS / u->inputs * a_row + i % COLUMNS / u->outputs;
}

static void count_units(units *u, int outputs, int inputs, const network *n,
                        double (*number)(int i))
{
    memset(u, 0, sizeof *u);
    u->outputs = outputs;
    u->inputs = inputs;
    for (int i = 0; i < NUM; i++) {
        const int k = unit_of(u, i);
        u->num = k >= u->num ? k + 1 : u->num;
        u->sum[k] += number(i);
        u->slope[k] += by_size(i);
        u->kept[k] += n->kept[i];
        u->size[k]++;
    }
    for (int k = 0; k < u->num; k++)
        CHECK(u->kept[k] == 0 || u->kept[k] == u->size[k]);
}

static void test_units(const struct way *way, kerf_prune_structure structure, int outputs,
                       int inputs)
{
    static network n;
    static units u;
    double least_kept = INFINITY, most_gone = -INFINITY;
    int gone = 0;
    make(&n);
    kerf_pruner *p = begin(&n, &(kerf_prune_options){.method = way->method,
                                                     .amount = 0.6,
                                                     .structure = structure,
                                                     .block = {outputs, inputs}});
    apply(&n, p, 1);
    count_units(&u, outputs, inputs, &n, way->number);
    for (int k = 0; k < u.num; k++) {
        gone += u.kept[k] == 0;
        if (u.kept[k] > 0)
            least_kept = fmin(least_kept, u.sum[k]);
        else
            most_gone = fmax(most_gone, u.sum[k]);
    }
    if (most_gone > least_kept + 1e-5)
        printf("%s, %dx%d: %g went, %g is kept\n", way->name, outputs, inputs, most_gone,
               least_kept);
    CHECK(most_gone <= least_kept + 1e-5);
    CHECK(gone == (int)floor(0.6 * u.num + 0.5));
    kerf_pruner_destroy(p);
    unmake(&n);
}

/* Of four inputs the two that count most. */
static void test_two_of_four(const struct way *way)
{
    static network n;
    int wrong = 0;
    make(&n);
    kerf_pruner *p =
        begin(&n, &(kerf_prune_options){
                      .method = way->method, .structure = KERF_STRUCTURE_N_OF_M, .block = {2, 4}});
    apply(&n, p, 1);
    for (int i = 0; i < NUM; i++) {
        int above = 0;
        for (int k = 0; k < NUM; k++)
            above += k % COLUMNS == i % COLUMNS && k / COLUMNS / 4 == i / COLUMNS / 4 &&
                     way->number(k) > way->number(i);
        wrong += n.kept[i] != (above < 2);
    }
    if (wrong > 0)
        printf("%s, 2:4: %d masks are wrong\n", way->name, wrong);
    CHECK(wrong == 0);
    kerf_pruner_destroy(p);
    unmake(&n);
}

/* Whole blocks go, and of these the steepest come back. */
static void test_rigl_units(void)
{
    static network n;
    static units u;
    const int outputs = 2, inputs = 3;
    int gone = 0, grown = 0, wrong = 0;
    make(&n);
    kerf_pruner *p = begin(&n, &(kerf_prune_options){.method = KERF_PRUNE_RIGL,
                                                     .amount = 0.6,
                                                     .structure = KERF_STRUCTURE_BLOCK,
                                                     .block = {outputs, inputs}});
    apply(&n, p, 1);
    count_units(&u, outputs, inputs, &n, by_weight);
    const int must_go = (int)floor(0.6 * u.num + 0.5);
    const int more = (int)floor(0.3 * (u.num - must_go) + 0.5);
    for (int k = 0; k < u.num; k++) {
        int smaller = 0, steeper = 0;
        for (int j = 0; j < u.num; j++)
            smaller += u.sum[j] < u.sum[k];
        const int was_taken = smaller < must_go + more;
        gone += u.kept[k] == 0;
        grown += was_taken && u.kept[k] > 0;
        for (int j = 0; j < u.num; j++)
            steeper += u.kept[j] == 0 && u.slope[j] > u.slope[k] + 1e-5;
        wrong += (was_taken && u.kept[k] > 0 && steeper > 0) || (!was_taken && u.kept[k] == 0);
    }
    CHECK(wrong == 0);
    CHECK(gone == must_go && grown == more);
    kerf_pruner_destroy(p);
    unmake(&n);
}

static void test_structures(void)
{
    for (size_t i = 0; i < sizeof WAYS / sizeof WAYS[0]; i++) {
        test_units(&WAYS[i], KERF_STRUCTURE_BLOCK, 4, 1);
        test_units(&WAYS[i], KERF_STRUCTURE_BLOCK, 2, 3);
        test_units(&WAYS[i], KERF_STRUCTURE_KERNEL, 1, 1);
        test_units(&WAYS[i], KERF_STRUCTURE_CHANNEL, 1, ROWS);
        test_two_of_four(&WAYS[i]);
    }
    test_rigl_units();
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
    test_structures();
    kerf_device_close(dev);
    return check_result();
}
