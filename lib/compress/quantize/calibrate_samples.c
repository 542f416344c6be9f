/* compress/quantize/calibrate_samples.c -- samples of a data set, through a network batch by batch.
 */
#include "base/fail.h"
#include "base/together.h"
#include "compress/quantize/calibrate_internal.h"
#include "data/deal.h"
#include "plan/plan_internal.h"

/* ---- samples --------------------------------------------------------------------------- */

static kerf_split choose_split(const kerf_dataset *d)
{
    kerf_split split = KERF_SPLIT_TRAIN;
    while (split < KERF_SPLIT_TEST && kerf_dataset_num_samples(d, split) == 0)
        split++;
    return split;
}

/* Before anything is planned: what is fed to a plan is only bytes. */
static kerf_status check_shape(const kerf__samples *x, const kerf_graph *g)
{
    kerf_graph *bound;
    kerf_known_input known;
    KERF__TRY(kerf_graph_copy(&bound, g));
    kerf_status status = kerf_graph_bind(bound, &known, kerf__samples_known(x, g, &known));
    if (status == KERF_OK)
        status = kerf_graph_infer(bound, 1);
    if (status == KERF_OK)
        status =
            kerf__check_sample(kerf_graph_input(bound, 0), kerf_loader_sample_shape(x->loader));
    kerf_graph_destroy(bound);
    return status;
}

kerf_status kerf__samples_open(kerf__samples *out, const kerf_graph *g, const kerf_dataset *d,
                               const kerf_calibrate_options *how)
{
    return kerf__samples_open_split(out, g, d, how, choose_split(d), how->samples);
}

kerf_status kerf__samples_open_split(kerf__samples *out, const kerf_graph *g, const kerf_dataset *d,
                                     const kerf_calibrate_options *how, kerf_split split,
                                     int64_t num)
{
    kerf_loader_options loader = {.split = split, .shuffle = 1, .keep_rest = 1, .seed = how->seed};
    const char *prep = how->prep != NULL ? how->prep : kerf_graph_metadata(g, "kerf.prep");
    const int64_t there = kerf_dataset_num_samples(d, loader.split);
    *out = (kerf__samples){.how = how};
    if (kerf_graph_num_inputs(g) != 1)
        return kerf__fail(KERF_ERR_SHAPE, "calibrate: the network has %d inputs, must have one",
                          kerf_graph_num_inputs(g));
    if (num < 1 || how->batch < 1 || there < 1)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "calibrate: %lld of %lld samples in batches of %lld: all three must be at least 1",
            (long long)num, (long long)there, (long long)how->batch);
    out->num = num < there ? num : there;
    out->batch = loader.batch = how->batch < out->num ? how->batch : out->num;
    kerf__loader_deal(&loader, how->ranks);
    KERF__TRY(kerf_prep_parse(&loader.prep, prep != NULL ? prep : kerf_dataset_default_prep(d)));
    KERF__TRY(kerf_loader_create(&out->loader, d, &loader));
    return check_shape(out, g);
}

void kerf__samples_close(kerf__samples *x)
{
    kerf_loader_destroy(x->loader);
    x->loader = NULL;
}

int64_t kerf__samples_num_batches(const kerf__samples *x)
{
    return (x->num + x->batch - 1) / x->batch;
}

int64_t kerf__samples_num_own(const kerf__samples *x)
{
    const int64_t behind = kerf__samples_num_batches(x) - kerf__ranks_own(x->how->ranks);
    const int64_t every = kerf__ranks_num(x->how->ranks);
    return behind > 0 ? (behind + every - 1) / every : 0;
}

/* The others are as far. */
static kerf_status tell(kerf__samples *x, int64_t num)
{
    const kerf_calibrate_options *how = x->how;
    x->seen += num * kerf__ranks_num(how->ranks);
    x->seen = x->seen < x->to_see ? x->seen : x->to_see;
    if (how->progress != NULL && how->progress(how->context, x->seen, x->to_see) != 0)
        return kerf__fail(KERF_ERR_CANCELLED, "calibrate: stopped");
    return KERF_OK;
}

kerf_status kerf__samples_each(kerf__samples *x,
                               kerf_status (*take)(void *context, const float *images, int64_t num),
                               void *context)
{
    kerf_batch batch;
    const int64_t own = kerf__ranks_own(x->how->ranks), every = kerf__ranks_num(x->how->ranks);
    if (kerf__samples_num_own(x) == 0)
        return KERF_OK;
    KERF__TRY(kerf_loader_begin(x->loader, 0, 0));
    for (int64_t seen = own * x->batch; seen < x->num; seen += every * x->batch) {
        const int64_t left = x->num - seen, num = left < x->batch ? left : x->batch;
        KERF__TRY(kerf_loader_next(x->loader, &batch));
        x->labels = batch.labels;
        kerf_status status = take(context, batch.images, num);
        x->labels = NULL;
        kerf_loader_release(x->loader, &batch);
        KERF__TRY(status);
        KERF__TRY(tell(x, num));
    }
    return KERF_OK;
}

/* ---- plans ----------------------------------------------------------------------------- */

size_t kerf__samples_known(const kerf__samples *x, const kerf_graph *g, kerf_known_input *known)
{
    return kerf__known_input(g, kerf_loader_sample_shape(x->loader), known);
}

kerf_status kerf__sample_plans_create(kerf__sample_plans *out, const kerf__samples *x,
                                      const kerf_graph *g, kerf_state *s)
{
    kerf_known_input known;
    kerf_plan_options plan = {.mode = KERF_EVALUATE, .inputs = &known, .batch = x->batch};
    *out = (kerf__sample_plans){.dev = kerf_state_device(s),
                                .input = kerf_value_name(kerf_graph_input(g, 0)),
                                .batch = x->batch};
    out->sample_bytes =
        sizeof(float) * (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(x->loader));
    plan.num_inputs = kerf__samples_known(x, g, &known);
    KERF__TRY(kerf_plan_create(&out->full, g, s, &plan));
    plan.batch = x->num % x->batch;
    return plan.batch > 0 ? kerf_plan_create(&out->rest, g, s, &plan) : KERF_OK;
}

void kerf__sample_plans_destroy(kerf__sample_plans *p)
{
    if (p->dev != NULL)
        (void)kerf_device_finish(p->dev); /* after a failure a copy may still be queued */
    kerf_plan_destroy(p->full);
    kerf_plan_destroy(p->rest);
    *p = (kerf__sample_plans){0};
}

kerf_status kerf__sample_plans_run(const kerf__sample_plans *p, const float *images, int64_t num,
                                   kerf_plan **ran)
{
    uint64_t token;
    *ran = num == p->batch ? p->full : p->rest;
    KERF__TRY(kerf_plan_feed(*ran, p->input, images, (size_t)num * p->sample_bytes));
    KERF__TRY(kerf_plan_run(*ran));
    KERF__TRY(kerf_plan_mark(*ran, &token));
    return kerf_plan_finish(*ran, token);
}
