/* train/balance.h -- how many rows of each part of a step every rank takes.
 *
 * weights: how much each rank takes in proportion to the others.  rows: whole samples, 1 at least,
 * which add up to the part.  pace: what a rank needs for how many rows.  Whoever has the same
 * numbers comes to the same rows, so ranks need only agree on what was measured.
 * Other halves: balance.c computes, balance_measure.c asks the clock. */
#ifndef KERF_BALANCE_H
#define KERF_BALANCE_H

#include <stdint.h>

#include "kerf/base.h"

typedef struct kerf__balance {
    int64_t *rows;  /* owned; (num ranks) */
    int64_t first;  /* of this rank's rows within a part */
    char *measured; /* owned; these rows as kerf_train_options.balance; NULL: were not measured */
    int is_told;
} kerf__balance;

/* A step of so many rows takes so long; rows[1] is less than rows[0], or 0: only one was tried. */
typedef struct kerf__pace {
    double rows[2], ms[2];
} kerf__pace;

/* 1: the rows wait for kerf__run_measure_balance(). */
int kerf__balance_is_measured(const char *text);
/* Of kerf_train_options.balance for so many ranks; "even" and "measure" weigh all alike.  Weights
 * (num), or NULL: only looks whether the text is one. */
kerf_status kerf__balance_parse(double *weights, const char *text, size_t num);
/* The weights by which all are ready at the same time with `batch` rows, which is num at least. */
void kerf__balance_weigh(double *weights, const kerf__pace *paces, size_t num, int64_t batch);
/* Rows (num) in proportion to weights, as near as whole numbers get; of equals the first have one
 * more.  Rows, as weights, give themselves. */
void kerf__balance_cut(int64_t *rows, const double *weights, size_t num, int64_t batch);
/* "3,1", the caller frees it; NULL when memory is short. */
char *kerf__balance_text(const int64_t *rows, size_t num);

#endif
