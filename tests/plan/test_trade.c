/* test_trade.c -- trade-offs by layer: the curve against all networks there are, and points of it
 * that keep a target. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "plan/trade.h"

static float next_random(void)
{
    static unsigned x = 4711;
    x = x * 1664525u + 1013904223u;
    return (float)(x >> 8) / 16777216.0f - 0.5f;
}

/* ---- the curve ------------------------------------------------------------------------- */

enum { LAYERS = 4, TYPES = 3, NETWORKS = 3 * 3 * 3 * 3 };

static void sum_network(const kerf__trade_table *t, int which, double *noise, double *cost)
{
    *noise = *cost = 0;
    for (size_t l = 0; l < LAYERS; l++, which /= TYPES) {
        *noise += t->harm[l * TYPES + (size_t)(which % TYPES)];
        *cost += t->cost[l * TYPES + (size_t)(which % TYPES)];
    }
}

/* No network at all costs as little with less noise than a point of the curve. */
static void check_point(const kerf__trade_table *t, const int *type)
{
    double noise = 0, cost = 0, other_noise, other_cost;
    for (size_t l = 0; l < LAYERS; l++) {
        noise += t->harm[l * TYPES + (size_t)type[l]];
        cost += t->cost[l * TYPES + (size_t)type[l]];
    }
    for (int which = 0; which < NETWORKS; which++) {
        sum_network(t, which, &other_noise, &other_cost);
        CHECK(other_cost > cost + 1e-9 || other_noise >= noise - 1e-9);
    }
}

static void test_curve(void)
{
    double noise[LAYERS * TYPES], cost[LAYERS * TYPES];
    kerf__trade_move moves[LAYERS * (TYPES - 1)];
    const kerf__trade_table t = {noise, cost, LAYERS, TYPES};
    for (int again = 0; again < 50; again++) {
        int type[LAYERS] = {0};
        for (int i = 0; i < LAYERS * TYPES; i++) {
            noise[i] = i % TYPES == 0 ? 0 : (double)next_random() + 0.5;
            cost[i] = i % TYPES == 0 ? 1 : (double)next_random() + 0.5;
        }
        const size_t num = kerf__trade_curve(&t, moves);
        CHECK(num >= LAYERS && num <= LAYERS * (TYPES - 1));
        for (size_t i = 0; i < num; i++) {
            CHECK(type[moves[i].layer] == moves[i].from);
            type[moves[i].layer] = moves[i].to;
            check_point(&t, type);
        }
        for (size_t l = 0; l < LAYERS; l++) /* it ends at the cheapest */
            for (size_t k = 0; k < TYPES; k++)
                CHECK(cost[l * TYPES + (size_t)type[l]] <= cost[l * TYPES + k]);
    }
}

/* ---- targets --------------------------------------------------------------------------- */

enum { MOVES = 100 };

/* Move n leaves 1000 - 10 n bytes, takes 2 - n / 100 ms and loses n / 10 points. */
static kerf_status measure(void *context, size_t n, kerf__trade_point *out)
{
    ++*(int *)context;
    CHECK(n > 0 && n <= MOVES);
    *out = (kerf__trade_point){(double)n / 10, 1000 - 10 * (double)n, 2 - (double)n / 100};
    return KERF_OK;
}

static void test_find(void)
{
    static const struct {
        kerf_target target;
        size_t behind;
    } cases[] = {
        {{2, NAN, NAN}, 21}, /* the first that loses more */
        {{0, NAN, NAN}, 1},          {{10, NAN, NAN}, MOVES + 1},
        {{NAN, 500, NAN}, 50}, /* the first that is small enough */
        {{NAN, 499, NAN}, 51},       {{NAN, NAN, 1.505}, 50},
        {{NAN, 900, 1.505}, 50},     {{NAN, 5, NAN}, 100},
        {{NAN, -1, NAN}, MOVES + 1}, {{1, 300, 1.9}, 70}, /* loss does not say where to look */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int num = 0;
        size_t behind;
        CHECK_OK(kerf__trade_find(&behind, &cases[i].target, MOVES, measure, &num));
        CHECK(behind == cases[i].behind && num <= 7);
    }
}

static void test_missed(void)
{
    static const struct {
        kerf_target target;
        const char *words;
    } cases[] = {
        {{2, 500, 1.5}, ""},
        {{NAN, NAN, NAN}, ""},
        {{0.5, 500, NAN}, "at least 1.00 points are lost, must be 0.50 at most"},
        {{NAN, 400, NAN}, "it takes at least 500 bytes, must take 400 at most"},
        {{0.5, NAN, 1}, "a run takes at least 1.5 ms, must take 1 at most"},
    };
    const kerf__trade_point p = {1, 500, 1.5};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        kerf__trade_tell_missed(text, sizeof text, &cases[i].target, &p, "it takes");
        CHECK(strcmp(text, cases[i].words) == 0);
    }
}

static void test_check(void)
{
    CHECK_OK(kerf__trade_check(&(kerf_target){0, NAN, NAN}, "prune"));
    CHECK(kerf__trade_check(&(kerf_target){NAN, NAN, NAN}, "prune") == KERF_ERR_ARGUMENT);
    CHECK(strstr(kerf_last_error(), "prune: there must be a bound") != NULL);
    CHECK(kerf__trade_check(&(kerf_target){NAN, 0, NAN}, "prune") == KERF_ERR_ARGUMENT);
    CHECK(kerf__trade_check(&(kerf_target){NAN, NAN, -1}, "prune") == KERF_ERR_ARGUMENT);
    CHECK(kerf__trade_check(&(kerf_target){-1, 9, NAN}, "prune") == KERF_ERR_ARGUMENT);
    CHECK(strstr(kerf_last_error(), "bounds are -1 points, 9 bytes") != NULL);
}

int main(void)
{
    test_curve();
    test_find();
    test_missed();
    test_check();
    return check_result();
}
