/* compress/prune/channel_target.c -- how many channels go, so that what is left keeps a bound: by
 * halves of one amount for all that is chosen, each network made, and the file or the run measured
 * that is bounded.  Other half: channel_choose.c. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "compress/prune/channels_internal.h"
#include "kerf/packed.h"
#include "kerf/io.h"
#include "plan/trade.h"

enum { STEPS = 1024, MEASURED = 11 /* the last step, and halves */ };

/* ---- multiply-adds ------------------------------------------------------------------------ */

double kerf__channel_graph_macs(const kerf_graph *g)
{
    double sum = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        sum += kerf_node_macs(g->nodes[i]);
    return sum;
}

kerf_status kerf_channels_macs(const kerf_channels *c, double *before, double *after)
{
    kerf_graph *g;
    *before = kerf__channel_graph_macs(c->graph);
    *after = NAN;
    KERF__TRY(kerf__channel_cut_copy(&g, c));
    *after = kerf__channel_graph_macs(g);
    kerf_graph_destroy(g);
    return KERF_OK;
}

static kerf_status measure_macs(const kerf_channels *c, double *share)
{
    double before, after;
    KERF__TRY(kerf_channels_macs(c, &before, &after));
    *share = before > 0 ? after / before : 1;
    return KERF_OK;
}

/* ---- file and run --------------------------------------------------------------------------- */

static kerf_status measure_bytes(const kerf_graph *g, const kerf_state *s, int packed,
                                 double *bytes)
{
    void *file;
    size_t num;
    KERF__TRY(packed ? kerf_packed_serialize(g, s, &file, &num, NULL, NULL)
                     : kerf_onnx_serialize(g, s, &file, &num));
    free(file);
    *bytes = (double)num;
    return KERF_OK;
}

static kerf_status measure_ms(const kerf_graph *g, kerf_state *s, const kerf_channel_search *how,
                              double *ms)
{
    const kerf__trade_clock clock = {how->costs, how->inputs, how->num_inputs, how->ranks};
    return kerf__trade_run_ms(&clock, g, s, ms);
}

kerf_status kerf__channel_measure_cut(const kerf_graph *g, kerf_state *s,
                                      const kerf_channel_target *target,
                                      const kerf_channel_search *how, kerf_channel_target *left)
{
    if (isfinite(target->bytes))
        KERF__TRY(measure_bytes(g, s, how->packed, &left->bytes));
    return isfinite(target->ms) ? measure_ms(g, s, how, &left->ms) : KERF_OK;
}

kerf_status kerf_channels_measure(const kerf_channels *c, const kerf_graph *g, const kerf_state *s,
                                  const kerf_channel_target *target, const kerf_channel_search *how,
                                  kerf_channel_target *left)
{
    kerf_graph *cut;
    kerf_state *state = NULL;
    *left = (kerf_channel_target){NAN, NAN, NAN};
    if (isfinite(target->macs))
        KERF__TRY(measure_macs(c, &left->macs));
    if (!isfinite(target->bytes) && !isfinite(target->ms))
        return KERF_OK;
    KERF__TRY(kerf_graph_copy(&cut, g));
    kerf_status status = kerf_state_copy(&state, s, kerf_state_device(s));
    if (status == KERF_OK)
        status = kerf_channels_remove(c, cut, state);
    if (status == KERF_OK)
        status = kerf__channel_measure_cut(cut, state, target, how, left);
    kerf_graph_destroy(cut);
    kerf_state_destroy(state);
    return status;
}

/* ---- the bounds ------------------------------------------------------------------------------ */

static kerf_target as_target(const kerf_channel_target *t)
{
    return (kerf_target){.max_drop = NAN, .bytes = t->bytes, .ms = t->ms};
}

kerf_status kerf__channel_check_target(const kerf_channel_target *t, const kerf_state *s,
                                       const kerf_channel_search *how)
{
    const kerf_target rest = as_target(t);
    if (isfinite(t->macs) && !(t->macs > 0 && t->macs <= 1))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "channels: %g of the multiply-adds are to be left, must be above 0 and "
                          "at most 1",
                          t->macs);
    if (isfinite(t->ms) && how->costs == NULL && kerf_state_device(s) == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "channels: a bound on milliseconds is measured, so "
                                             "the state must lie on a device");
    return isfinite(t->macs) && !kerf__trade_has_cost(&rest) ? KERF_OK
                                                             : kerf__trade_check(&rest, "channels");
}

void kerf__channel_tell_missed(char *text, size_t text_bytes, const kerf_channel_target *t,
                               const kerf_channel_target *left)
{
    const kerf_target rest = as_target(t);
    const kerf__trade_point point = {.lost = NAN, .bytes = left->bytes, .ms = left->ms};
    if (left->macs > t->macs)
        snprintf(text, text_bytes,
                 "with all that may go gone %.1f %% of the multiply-adds are left, must be %.1f %%",
                 100 * left->macs, 100 * t->macs);
    else
        kerf__trade_tell_missed(text, text_bytes, &rest, &point, "the file takes");
}

/* ---- searching ------------------------------------------------------------------------------- */

typedef struct search {
    kerf_channels *c;
    const kerf_graph *g;
    const kerf_state *s;
    kerf_channel_options options;
    const kerf_channel_target *target;
    const kerf_channel_search *how;
    int measured;
} search;

static kerf_status tell(search *x)
{
    x->measured++;
    return x->how->progress == NULL || x->how->progress(x->how->context, x->measured, MEASURED) == 0
               ? KERF_OK
               : kerf__fail(KERF_ERR_CANCELLED, "channels: stopped after %d of %d networks",
                            x->measured, MEASURED);
}

/* The choice of `step` of STEPS, and what it leaves. */
static kerf_status try_step(search *x, int step, kerf_channels_found *out)
{
    x->options.amount = out->amount = (double)step / STEPS;
    KERF__TRY(kerf__channel_choose_by(x->c, NULL, &x->options));
    KERF__TRY(kerf_channels_measure(x->c, x->g, x->s, x->target, x->how, &out->left));
    kerf__channel_tell_missed(out->missed, sizeof out->missed, x->target, &out->left);
    return tell(x);
}

/* The smallest step that is enough, between one that is not and `found`, which is. */
static kerf_status halve(search *x, kerf_channels_found *found)
{
    int low = -1, high = STEPS - 1;
    while (high - low > 1) {
        const int middle = (low + high) / 2;
        kerf_channels_found here;
        KERF__TRY(try_step(x, middle, &here));
        if (here.missed[0] != '\0') {
            low = middle;
            continue;
        }
        high = middle;
        *found = here;
    }
    x->options.amount = found->amount;
    return kerf__channel_choose_by(x->c, NULL, &x->options);
}

kerf_status kerf_channels_choose_target(kerf_channels *c, const kerf_graph *g, const kerf_state *s,
                                        const kerf_channel_options *options,
                                        const kerf_channel_target *target,
                                        const kerf_channel_search *how, kerf_channels_found *found)
{
    search x = {c, g, s, *options, target, how, 0};
    KERF__TRY(kerf__channel_check_target(target, s, how));
    x.options.num_amounts = 0;
    x.options.amount = 0;
    KERF__TRY(kerf_channels_choose(c, s, &x.options)); /* the numbers, and options are checked */
    KERF__TRY(try_step(&x, STEPS - 1, found));
    return found->missed[0] != '\0' ? KERF_OK : halve(&x, found);
}
