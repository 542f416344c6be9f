/* train/round_event.c -- roundings that come into the network in the middle of a run, or integers
 * at its end (kerf_quantize_event).
 *
 * The run's graph `g` stays what the user gave, with batch norms folded; `trained` is the copy with
 * roundings that plans are made of from then on.  Ranges are states there, even those that never
 * move: so a checkpoint holds all that a copy is made of, and a run that is taken up behind this
 * event makes the same again. */
#include <stdlib.h>

#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"
#include "graph/graph_internal.h"
#include "kerf/io.h"
#include "train/train_internal.h"

/* Behind a fold weights are others, by factors, so what a step remembers of their gradients is
 * forgotten. */
static kerf_status fold(kerf__run *run)
{
    const kerf_quantize_event *e = run->schedule.quantize;
    const size_t num_nodes = run->g->num_nodes;
    KERF__TRY(kerf_quantize_fold(run->g, run->s));
    if (e->equalize)
        KERF__TRY(kerf_quantize_equalize(run->g, run->s, &e->options));
    if (run->g->num_nodes != num_nodes || e->equalize)
        kerf__run_forget(run->s);
    return KERF_OK;
}

/* *found is to be destroyed, and NULL where the caller knows them already. */
static kerf_status find_ranges(kerf__run *run, kerf_ranges **found, const kerf_ranges **ranges)
{
    const kerf_quantize_event *e = run->schedule.quantize;
    kerf_calibrate_options how = e->calibrate;
    how.prep = kerf_graph_metadata(run->g, "kerf.prep");
    how.ranks = run->options->ranks;
    *found = NULL;
    *ranges = e->options.ranges;
    if (*ranges != NULL)
        return KERF_OK;
    KERF__TRY(kerf_calibrate(found, run->g, run->s, run->d, &e->options, &how));
    *ranges = *found;
    return KERF_OK;
}

/* The copy that rounds by these ranges; what plans were made of before is done with. */
static kerf_status make_copy(kerf__run *run, const kerf_ranges *ranges)
{
    kerf_quantize_options q = run->schedule.quantize->options;
    q.ranges = ranges;
    KERF__TRY(kerf_quantize_rounding(&run->rounding, run->g, run->s, &q));
    run->trained = run->rounding;
    free(run->graph);
    run->graph = NULL;
    return kerf_graph_serialize(run->trained, &run->graph, &run->graph_bytes);
}

/* Those in the state, which loses them. */
static kerf_status take_ranges(kerf__run *run, kerf_ranges **ranges)
{
    kerf_ranges *none;
    kerf_quantize_options q = run->schedule.quantize->options;
    KERF__TRY(kerf__ranges_create(&none)); /* as nobody has others */
    q.ranges = none;
    kerf_status status = kerf_quantize_take_ranges(ranges, run->g, run->s, &q);
    kerf_ranges_destroy(none);
    return status;
}

kerf_status kerf__run_round(kerf__run *run)
{
    kerf_ranges *found;
    const kerf_ranges *ranges;
    kerf__run_drop_plans(run);
    KERF__TRY(fold(run));
    kerf_status status = find_ranges(run, &found, &ranges);
    if (status == KERF_OK)
        status = make_copy(run, ranges);
    kerf_ranges_destroy(found);
    return status == KERF_OK ? kerf__run_make_plans(run) : status;
}

kerf_status kerf__run_round_again(kerf__run *run, const kerf_state *saved)
{
    kerf_ranges *ranges;
    KERF__TRY(fold(run));
    KERF__TRY(kerf__run_put_back(run->s, saved));
    KERF__TRY(take_ranges(run, &ranges));
    kerf_status status = make_copy(run, ranges);
    kerf_ranges_destroy(ranges);
    return status;
}

kerf_status kerf__run_share(kerf__run *run)
{
    if (run->schedule.share == NULL)
        return KERF_OK;
    kerf__run_drop_plans(run);
    return kerf_share_mark(run->g, run->s, run->schedule.share);
}

kerf_status kerf__run_quantize(kerf__run *run)
{
    const kerf_quantize_event *e = run->schedule.quantize;
    kerf_ranges *found = NULL;
    kerf_status status = KERF_OK;
    if (e == NULL)
        return KERF_OK;
    kerf_quantize_options q = e->options;
    if (!e->trains && q.mode == KERF_QUANTIZE_STATIC) {
        kerf__run_drop_plans(run);
        KERF__TRY(fold(run));
        status = find_ranges(run, &found, &q.ranges);
    } else if (e->trains) {
        status = take_ranges(run, &found);
        q.ranges = found;
    }
    if (status == KERF_OK)
        status = kerf_quantize(run->g, run->s, &q);
    kerf_ranges_destroy(found);
    return status;
}
