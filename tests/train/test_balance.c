/* test_balance.c -- shares of a step: which text stands for which rows, and which times for which
 * shares.  That ranks train by them: cluster.ranks and host.ranks_balance. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "train/balance.h"

enum { MOST = 8 };

static void check_refused(double *weights, const char *text, size_t num, const char *words)
{
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__balance_parse(weights, text, num));
    CHECK(strstr(kerf_last_error(), words) != NULL);
}

static int64_t sum_of(const int64_t *rows, size_t num)
{
    int64_t sum = 0;
    for (size_t i = 0; i < num; i++)
        sum += rows[i];
    return sum;
}

static void test_texts(void)
{
    static const struct {
        const char *text;
        size_t num;
        int64_t batch, rows[MOST];
    } CASES[] = {
        {NULL, 3, 8, {3, 3, 2}},
        {"even", 4, 10, {3, 3, 2, 2}},
        {"measure", 2, 5, {3, 2}},
        {"3,1", 2, 384, {288, 96}},
        {"3,2,1", 3, 96, {48, 32, 16}},
        {"261,123", 2, 384, {261, 123}},
        {"0.5,1.5", 2, 8, {2, 6}},
        {"1000,1,1", 3, 5, {3, 1, 1}},
        {"1,1000", 2, 2, {1, 1}},
        {"1,1,1e9", 3, 1000, {1, 1, 998}},
        {"1,2,2", 3, 7, {1, 3, 3}},
        {"2,1,1,1,1", 5, 10, {3, 2, 2, 2, 1}},
        {"1,1,1,1,1,1,1,1", 8, 9, {2, 1, 1, 1, 1, 1, 1, 1}},
        {"7", 1, 32, {32}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const size_t num = CASES[i].num;
        double weights[MOST];
        int64_t rows[MOST];
        CHECK_OK(kerf__balance_parse(weights, CASES[i].text, num));
        kerf__balance_cut(rows, weights, num, CASES[i].batch);
        CHECK(memcmp(rows, CASES[i].rows, num * sizeof *rows) == 0);
        char *again = kerf__balance_text(rows, num); /* the list is itself again */
        CHECK_OK(kerf__balance_parse(weights, again, num));
        kerf__balance_cut(rows, weights, num, CASES[i].batch);
        CHECK(memcmp(rows, CASES[i].rows, num * sizeof *rows) == 0);
        free(again);
    }
}

static void test_refused(void)
{
    static const char *const BAD[] = {"",     ",",   "3,",  ",3",   "3,,1",  "fast", "3,x", "0,1",
                                      "-1,2", "nan", "inf", "1e10", " 1, 2", "0x",   "3;1", "Even"};
    double weights[MOST];
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        check_refused(weights, BAD[i], 2, "must be even, measure, or shares of ranks above 0");
        check_refused(NULL, BAD[i], 0, BAD[i]);
    }
    check_refused(weights, "3,2,1", 2,
                  "balance 3,2,1 has 3 shares: must be one for each of 2 ranks");
    CHECK_OK(kerf__balance_parse(NULL, "3,2,1", 0)); /* alone there is nobody to count */
}

/* From times of steps to rows: all are ready at once, as far as whole rows go. */
static void test_times(void)
{
    static const struct {
        size_t num;
        int64_t batch;
        kerf__pace paces[MOST];
        int64_t rows[MOST];
    } CASES[] = {
        /* alike; twice as fast; by one size alone */
        {2, 64, {{{32, 16}, {8, 4}}, {{32, 16}, {8, 4}}}, {32, 32}},
        {2, 96, {{{48, 24}, {24, 12}}, {{48, 24}, {48, 24}}}, {64, 32}},
        {2, 96, {{{48, 0}, {24, 0}}, {{48, 0}, {48, 0}}}, {64, 32}},
        /* 16 ms before the first row, 1 ms a row; 2 ms a row: both need 32 rows' 48 ms... */
        {2, 56, {{{28, 14}, {44, 30}}, {{28, 14}, {56, 28}}}, {32, 24}},
        /* who is not ready with one row in time takes one; the others share the rest */
        {3, 31, {{{10, 5}, {10, 5}}, {{10, 5}, {20, 10}}, {{10, 5}, {9000, 4500}}}, {20, 10, 1}},
        /* noise: less time for more rows, or more than in proportion: through 0 */
        {2, 90, {{{45, 22}, {10, 12}}, {{45, 22}, {20, 2}}}, {60, 30}},
        {2, 2, {{{1, 0}, {1, 0}}, {{1, 0}, {9, 0}}}, {1, 1}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        double weights[MOST];
        int64_t rows[MOST];
        kerf__balance_weigh(weights, CASES[i].paces, CASES[i].num, CASES[i].batch);
        kerf__balance_cut(rows, weights, CASES[i].num, CASES[i].batch);
        CHECK(memcmp(rows, CASES[i].rows, CASES[i].num * sizeof *rows) == 0);
    }
}

/* Whatever the shares: whole rows, 1 at least, less than one beside what was asked for where that
 * is more than one, and all of the batch. */
static void test_any(void)
{
    uint32_t seed = 7;
    for (int round = 0; round < 2000; round++) {
        double weights[MOST], sum = 0;
        int64_t rows[MOST];
        int is_above_one = 1;
        const size_t num = 1 + (size_t)round % MOST;
        const int64_t batch = (int64_t)num + round % 97;
        for (size_t i = 0; i < num; i++) {
            seed = seed * 1664525u + 1013904223u;
            weights[i] = 1e-3 + (double)(seed >> 8) / (1 << 20);
            sum += weights[i];
        }
        kerf__balance_cut(rows, weights, num, batch);
        CHECK(sum_of(rows, num) == batch);
        for (size_t i = 0; i < num; i++) {
            is_above_one &= weights[i] * (double)batch >= sum;
            CHECK(rows[i] >= 1);
        }
        for (size_t i = 0; i < num && is_above_one; i++)
            CHECK(fabs((double)rows[i] - weights[i] * (double)batch / sum) < 1);
    }
}

int main(void)
{
    test_texts();
    test_refused();
    test_times();
    test_any();
    return check_result();
}
