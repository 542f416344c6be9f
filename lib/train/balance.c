/* train/balance.c -- shares of ranks, as numbers and as text; see balance.h. */
#include "train/balance.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* ---- text ---------------------------------------------------------------------------------- */

static int is_word(const char *text, const char *word)
{
    return strcmp(text, word) == 0;
}

int kerf__balance_is_measured(const char *text)
{
    return text != NULL && is_word(text, "measure");
}

static kerf_status refused(const char *text)
{
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "train: balance %s: must be even, measure, or shares of ranks above 0, like "
                      "3,1",
                      text);
}

/* The next share, and where the one behind it begins; NULL: it is none. */
static const char *read_share(const char *at, double *share)
{
    static const double MOST = 1e9;
    char *end;
    if (strchr("0123456789.", *at) == NULL || *at == '\0') /* strtod takes "inf" and blanks, too */
        return NULL;
    *share = strtod(at, &end);
    if (end == at || !(*share > 0 && *share <= MOST) || (*end != ',' && *end != '\0'))
        return NULL;
    return *end == ',' && end[1] != '\0' ? end + 1 : *end == '\0' ? end : NULL;
}

static kerf_status read_shares(double *weights, const char *text, size_t num)
{
    size_t found = 0;
    for (const char *at = text; *at != '\0' || found == 0; found++) {
        double share = 0;
        at = read_share(at, &share);
        if (at == NULL)
            return refused(text);
        if (weights != NULL && found < num)
            weights[found] = share;
    }
    if (weights == NULL || found == num)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "train: balance %s has %zu share%s: must be one for each of %zu ranks", text,
                      found, found == 1 ? "" : "s", num);
}

kerf_status kerf__balance_parse(double *weights, const char *text, size_t num)
{
    if (text != NULL && !is_word(text, "even") && !kerf__balance_is_measured(text))
        return read_shares(weights, text, num);
    for (size_t i = 0; weights != NULL && i < num; i++)
        weights[i] = 1;
    return KERF_OK;
}

char *kerf__balance_text(const int64_t *rows, size_t num)
{
    enum { MOST = 24 }; /* a number and its comma */
    char *text = kerf__alloc(num + 1, MOST), *at = text;
    for (size_t i = 0; text != NULL && i < num; i++)
        at += snprintf(at, MOST, "%s%" PRId64, i > 0 ? "," : "", rows[i]);
    return text;
}

/* ---- numbers ------------------------------------------------------------------------------- */

/* ms = fixed + per_row * rows. */
typedef struct line {
    double fixed, per_row;
} line;

/* Through what was measured; through 0 where that would say that rows take no time, or that none
 * take less than that: noise. */
static line line_of(const kerf__pace *p)
{
    static const double LEAST = 0.125; /* of a step's time is its rows' */
    const double plain = p->ms[0] / p->rows[0];
    const double slope = p->rows[1] > 0 ? (p->ms[0] - p->ms[1]) / (p->rows[0] - p->rows[1]) : plain;
    if (!(slope >= LEAST * plain && slope < plain))
        return (line){0, plain};
    return (line){p->ms[0] - slope * p->rows[0], slope};
}

static double rows_within(const kerf__pace *p, double ms)
{
    const line l = line_of(p);
    return (ms - l.fixed) / l.per_row;
}

/* When all whose weight is still 0 are ready with the rest of the batch; the others take a row. */
static double time_of(const double *weights, const kerf__pace *paces, size_t num, int64_t batch)
{
    double rows = (double)batch, rates = 0;
    for (size_t i = 0; i < num; i++) {
        const line l = line_of(&paces[i]);
        rows += weights[i] > 0 ? -1 : l.fixed / l.per_row;
        rates += weights[i] > 0 ? 0 : 1 / l.per_row;
    }
    return rows / rates;
}

void kerf__balance_weigh(double *weights, const kerf__pace *paces, size_t num, int64_t batch)
{
    size_t num_slow; /* who is not ready with even one row in time */
    for (size_t i = 0; i < num; i++)
        weights[i] = 0;
    do {
        const double ms = time_of(weights, paces, num, batch);
        num_slow = 0;
        for (size_t i = 0; i < num; i++)
            if (weights[i] == 0 && rows_within(&paces[i], ms) < 1) {
                weights[i] = 1;
                num_slow++;
            }
        for (size_t i = 0; i < num && num_slow == 0; i++)
            if (weights[i] == 0)
                weights[i] = rows_within(&paces[i], ms);
    } while (num_slow > 0);
}

static double sum_of(const double *weights, size_t num)
{
    double sum = 0;
    for (size_t i = 0; i < num; i++)
        sum += weights[i];
    return sum;
}

/* Who lacks most (sign 1), or has most too many (-1) and can give. */
static size_t furthest(const int64_t *rows, const double *weights, size_t num, double by, int sign)
{
    size_t found = 0;
    double most = -INFINITY;
    for (size_t i = 0; i < num; i++) {
        const double lacks = sign * (weights[i] * by - (double)rows[i]);
        if (lacks > most && (sign > 0 || rows[i] > 1)) {
            most = lacks;
            found = i;
        }
    }
    return found;
}

void kerf__balance_cut(int64_t *rows, const double *weights, size_t num, int64_t batch)
{
    const double sum = sum_of(weights, num);
    int64_t left = batch;
    for (size_t i = 0; i < num; i++) {
        const int64_t whole = (int64_t)floor(weights[i] * (double)batch / sum);
        rows[i] = whole > 1 ? whole : 1;
        left -= rows[i];
    }
    for (; left > 0; left--)
        rows[furthest(rows, weights, num, (double)batch / sum, 1)]++;
    for (; left < 0; left++)
        rows[furthest(rows, weights, num, (double)batch / sum, -1)]--;
}
