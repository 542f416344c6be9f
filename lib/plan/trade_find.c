/* plan/trade_find.c -- the point of a curve that keeps a target.  What is chosen was measured; the
 * curve's sums only say where to look. */
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "plan/trade.h"

/* A bound that is NAN holds nothing back. */
static int is_within(double x, double bound)
{
    return !(x > bound);
}

int kerf__trade_has_cost(const kerf_target *t)
{
    return isfinite(t->bytes) || isfinite(t->ms);
}

static int is_behind(const kerf_target *t, const kerf__trade_point *p)
{
    return kerf__trade_has_cost(t) ? is_within(p->bytes, t->bytes) && is_within(p->ms, t->ms)
                                   : !is_within(p->lost, t->max_drop);
}

kerf_status kerf__trade_find(size_t *behind, const kerf_target *t, size_t num_moves,
                             kerf__trade_measure measure, void *context)
{
    size_t before = 0;
    *behind = num_moves + 1;
    while (*behind - before > 1) {
        const size_t middle = (before + *behind) / 2;
        kerf__trade_point here;
        KERF__TRY(measure(context, middle, &here));
        if (is_behind(t, &here))
            *behind = middle;
        else
            before = middle;
    }
    return KERF_OK;
}

void kerf__trade_tell_missed(char *text, size_t text_bytes, const kerf_target *t,
                             const kerf__trade_point *p, const char *what_takes)
{
    text[0] = '\0';
    if (!is_within(p->bytes, t->bytes))
        snprintf(text, text_bytes, "%s at least %.0f bytes, must take %.0f at most", what_takes,
                 p->bytes, t->bytes);
    else if (!is_within(p->ms, t->ms))
        snprintf(text, text_bytes, "a run takes at least %.3g ms, must take %.3g at most", p->ms,
                 t->ms);
    else if (!is_within(p->lost, t->max_drop))
        snprintf(text, text_bytes, "at least %.2f points are lost, must be %.2f at most", p->lost,
                 t->max_drop);
}

kerf_status kerf__trade_check(const kerf_target *t, const char *who)
{
    if (!kerf__trade_has_cost(t) && !isfinite(t->max_drop))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "%s: there must be a bound to look for: of points, bytes or milliseconds",
                          who);
    if ((isfinite(t->bytes) && t->bytes <= 0) || (isfinite(t->ms) && t->ms <= 0) ||
        (isfinite(t->max_drop) && t->max_drop < 0))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "%s: bounds are %g points, %g bytes, %g ms, must be above 0", who,
                          t->max_drop, t->bytes, t->ms);
    return KERF_OK;
}
