/* train/channel_watch.c -- runs a copy of the network on samples and keeps what channels show; see
 * channel_watch.h.  Other half: compress/prune/channel_scores.c, which makes numbers of it. */
#include "train/channel_watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/together.h"
#include "data/deal.h"
#include "plan/plan_internal.h"

static const kerf__watch_way *const WAYS[KERF_NUM_CHANNEL_CRITERIA] = {
    [KERF_CHANNEL_TAYLOR] = &kerf__watch_taylor,
    [KERF_CHANNEL_RANK] = &kerf__watch_rank,
    [KERF_CHANNEL_ZEROS] = &kerf__watch_zeros,
};

void kerf__watch_add(const kerf__watch *w, kerf__channel_axis at, int64_t i, double x)
{
    const uint32_t root = kerf__channel_root(w->c, kerf__channel_slot(w->c, at.value, at.axis, i));
    w->c->seen[root] += x;
    w->c->num_seen[root]++;
}

/* ---- before -------------------------------------------------------------------------------- */

static kerf_status forget(kerf_channels *c)
{
    if (c->seen == NULL)
        c->seen = kerf__alloc(c->num_slots, sizeof *c->seen);
    if (c->num_seen == NULL)
        c->num_seen = kerf__alloc(c->num_slots, sizeof *c->num_seen);
    if (c->seen == NULL || c->num_seen == NULL)
        return kerf__fail_memory("channels", c->num_slots * sizeof *c->seen);
    memset(c->seen, 0, c->num_slots * sizeof *c->seen);
    memset(c->num_seen, 0, c->num_slots * sizeof *c->num_seen);
    return KERF_OK;
}

static kerf_status open_samples(kerf__watch *w, const kerf_dataset *d, const kerf__watch_way *way,
                                const kerf_watch_options *how)
{
    enum { SAMPLES = 256 };
    kerf_loader_options loader = {.shuffle = 1, .seed = how->seed};
    loader.split = kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) > 0 ? KERF_SPLIT_TRAIN
                                                                     : kerf__split_to_judge(d);
    const int64_t there = kerf_dataset_num_samples(d, loader.split);
    const int64_t wanted = how->samples > 0 ? how->samples : SAMPLES;
    const int64_t num = wanted < there ? wanted : there;
    int64_t num_outputs;
    if (num < 1 || how->samples < 0 || how->batch < 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "channels: %lld of %lld samples in batches of %lld: must be some",
                          (long long)wanted, (long long)there, (long long)how->batch);
    w->batch = how->batch > 0 ? how->batch : way->batch;
    w->batch = w->batch < num ? w->batch : num;
    w->num_batches = num / w->batch;
    loader.batch = w->batch;
    kerf__loader_deal(&loader, how->ranks);
    KERF__TRY(kerf_prep_parse(&loader.prep, kerf__choose_prep(how->prep, w->g, d)));
    KERF__TRY(kerf__check_network(w->g, d, &loader.prep, way->needs_labels ? &num_outputs : NULL));
    return kerf_loader_create(&w->loader, d, &loader);
}

static kerf_status open_watch(kerf__watch *w, const kerf_graph *g, const kerf_state *s,
                              const kerf_dataset *d, const kerf__watch_way *way,
                              const kerf_watch_options *how)
{
    kerf_known_input known;
    KERF__TRY(forget(w->c));
    KERF__TRY(kerf_graph_copy(&w->g, g));
    KERF__TRY(kerf_state_copy(&w->s, s, kerf_state_device(s)));
    KERF__TRY(open_samples(w, d, way, how));
    KERF__TRY(way->begin(w));
    kerf_plan_options plan = {.batch = w->batch, .inputs = &known, .seed = how->seed};
    plan.num_inputs = kerf__known_input(w->g, kerf_loader_sample_shape(w->loader), &known);
    return way->make_plan(w, &plan);
}

static void close_watch(kerf__watch *w)
{
    if (w->s != NULL) /* a copy may still be queued after a failure */
        (void)kerf_device_finish(kerf_state_device(w->s));
    kerf_plan_destroy(w->plan);
    kerf_loader_destroy(w->loader);
    kerf_graph_destroy(w->g);
    kerf_state_destroy(w->s);
    free(w->sites);
    free(w->weights);
    free(w->sums);
}

/* ---- running ------------------------------------------------------------------------------- */

static kerf_status run(const kerf__watch *w, const kerf_batch *batch, int has_labels)
{
    const size_t num = (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(w->loader));
    const char *input = kerf_value_name(kerf_graph_input(w->g, 0));
    uint64_t token;
    KERF__TRY(
        kerf_plan_feed(w->plan, input, batch->images, (size_t)w->batch * num * sizeof(float)));
    if (has_labels)
        KERF__TRY(
            kerf_plan_feed(w->plan, "labels", batch->labels, (size_t)w->batch * sizeof(int32_t)));
    KERF__TRY(kerf_plan_run(w->plan));
    KERF__TRY(kerf_plan_mark(w->plan, &token));
    return kerf_plan_finish(w->plan, token);
}

/* Every rank its own of the batches. */
static kerf_status run_all(kerf__watch *w, const kerf__watch_way *way,
                           const kerf_watch_options *how)
{
    kerf_batch batch;
    const int64_t own = kerf__ranks_own(how->ranks);
    if (own >= w->num_batches)
        return KERF_OK;
    KERF__TRY(kerf_loader_begin(w->loader, 0, 0));
    for (int64_t i = own; i < w->num_batches; i += kerf__ranks_num(how->ranks)) {
        KERF__TRY(kerf_loader_next(w->loader, &batch));
        kerf_status status = run(w, &batch, way->needs_labels);
        kerf_loader_release(w->loader, &batch);
        KERF__TRY(status);
        KERF__TRY(way->take(w));
        if (how->progress != NULL &&
            how->progress(how->context, (i + 1) * w->batch, w->num_batches * w->batch) != 0)
            return kerf__fail(KERF_ERR_CANCELLED, "channels: stopped");
    }
    return KERF_OK;
}

/* What all have seen. */
static kerf_status share_seen(kerf_channels *c, const kerf_ranks *ranks)
{
    KERF__TRY(kerf__ranks_sum(ranks, c->seen, c->num_slots));
    return kerf__ranks_sum(ranks, c->num_seen, c->num_slots);
}

kerf_status kerf_channels_watch(kerf_channels *c, const kerf_graph *g, const kerf_state *s,
                                const kerf_dataset *d, kerf_channel_criterion criterion,
                                const kerf_watch_options *how)
{
    kerf__watch w = {.c = c};
    if (!kerf_channels_need_data(criterion))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "channels: criterion %d needs no samples; must be "
                          "taylor, rank or zeros to be watched",
                          (int)criterion);
    kerf_status status = open_watch(&w, g, s, d, WAYS[criterion], how);
    if (status == KERF_OK)
        status = run_all(&w, WAYS[criterion], how);
    if (status == KERF_OK)
        status = share_seen(c, how->ranks);
    close_watch(&w);
    c->seen_by = status == KERF_OK ? criterion : KERF_NUM_CHANNEL_CRITERIA;
    return status;
}
