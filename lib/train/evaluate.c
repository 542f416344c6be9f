/* train/evaluate.c -- loss, hits and confusion over every sample of a split; see evaluate.h.
 *
 * Loss and hits are summed on the device and read once.  The confusion table alone needs
 * each batch's outputs on the host, so asking for it costs a wait a batch. */
#include "train/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/together.h"
#include "data/deal.h"
#include "plan/plan_internal.h"

/* ---- does the network fit the data ---------------------------------------------------------- */

static kerf_status check_output(const kerf_graph *g, const kerf_dataset *d, int64_t *num_outputs)
{
    kerf_shape shape = kerf_value_shape(kerf_graph_output(g, 0));
    char text[128];
    if (kerf_dataset_num_classes(d) == 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "the data has no labels, must have them to train or measure with");
    *num_outputs = shape.rank == 2 ? shape.dims[1] : 0;
    if (*num_outputs >= kerf_dataset_num_classes(d) && *num_outputs > 0)
        return KERF_OK;
    if (*num_outputs > 0) /* names the sample: one wrong label is likelier than a wrong network */
        return kerf_dataset_check_labels(d, (int)*num_outputs);
    return kerf__fail(KERF_ERR_SHAPE,
                      "network gives %s, but the data has %d classes: must be (batch, classes)",
                      kerf_shape_text(shape, text, sizeof text), kerf_dataset_num_classes(d));
}

kerf_status kerf__check_network(const kerf_graph *g, const kerf_dataset *d, const kerf_prep *prep,
                                int64_t *num_outputs)
{
    kerf_shape sample;
    kerf_known_input known;
    if (kerf_graph_num_inputs(g) != 1 || kerf_graph_num_outputs(g) < 1)
        return kerf__fail(KERF_ERR_SHAPE,
                          "network has %d inputs and %d outputs: must have one input and at "
                          "least one output to be trained or measured",
                          kerf_graph_num_inputs(g), kerf_graph_num_outputs(g));
    kerf_graph *bound;
    KERF__TRY(kerf_prep_shape(&sample, prep, kerf_dataset_sample_shape(d)));
    KERF__TRY(kerf_graph_copy(&bound, g));
    kerf_status status = kerf_graph_bind(bound, &known, kerf__known_input(g, sample, &known));
    if (status == KERF_OK)
        status = kerf_graph_infer(bound, 1);
    if (status == KERF_OK)
        status = kerf__check_sample(kerf_graph_input(bound, 0), sample);
    if (status == KERF_OK && num_outputs != NULL)
        status = check_output(bound, d, num_outputs);
    kerf_graph_destroy(bound);
    return status;
}

const char *kerf__choose_prep(const char *prep, const kerf_graph *g, const kerf_dataset *d)
{
    if (prep == NULL)
        prep = kerf_graph_metadata(g, "kerf.prep");
    return prep != NULL ? prep : kerf_dataset_default_prep(d);
}

/* ---- plans and loader ------------------------------------------------------------------------ */

static kerf_status create_plans(kerf__evaluator *e, const kerf_graph *g, kerf_state *s,
                                const kerf__evaluator_options *options)
{
    kerf_known_input known;
    kerf_plan_options plan = {.mode = KERF_EVALUATE,
                              .loss = options->loss,
                              .precision = options->precision,
                              .choices = options->choices,
                              .inputs = &known};
    plan.num_inputs = kerf__known_input(g, kerf_loader_sample_shape(e->loader), &known);
    plan.batch = e->batch;
    if (e->samples >= e->batch)
        KERF__TRY(kerf_plan_create(&e->full, g, s, &plan));
    plan.batch = e->samples % e->batch;
    if (plan.batch > 0)
        KERF__TRY(kerf_plan_create(&e->rest, g, s, &plan));
    return KERF_OK;
}

static kerf_status create_all(kerf__evaluator *e, const kerf_graph *g, kerf_state *s,
                              const kerf_dataset *d, const kerf__evaluator_options *options)
{
    kerf_loader_options loader = {.split = options->split,
                                  .batch = e->batch,
                                  .keep_rest = 1,
                                  .shuffle = options->most_samples > 0};
    kerf__loader_deal(&loader, options->ranks);
    KERF__TRY(kerf_prep_parse(&loader.prep, kerf__choose_prep(options->prep, g, d)));
    KERF__TRY(kerf__check_network(g, d, &loader.prep, &e->num_outputs));
    e->is_guest = options->loader != NULL;
    e->loader = options->loader;
    if (!e->is_guest)
        KERF__TRY(kerf_loader_create(&e->loader, d, &loader));
    return create_plans(e, g, s, options);
}

kerf_status kerf__evaluator_create(kerf__evaluator *e, const kerf_graph *g, kerf_state *s,
                                   const kerf_dataset *d, const kerf__evaluator_options *options)
{
    *e = (kerf__evaluator){
        .dev = kerf_state_device(s), .batch = options->batch, .ranks = options->ranks};
    e->samples = kerf_dataset_num_samples(d, options->split);
    e->num_classes = kerf_dataset_num_classes(d);
    if (options->most_samples > 0 && e->samples > options->most_samples)
        e->samples = options->most_samples / e->batch * e->batch;
    if (options->batch < 1 || options->batch > INT32_MAX)
        return kerf__fail(KERF_ERR_ARGUMENT, "evaluate: batch %lld: must be at least 1",
                          (long long)options->batch);
    if (e->samples < 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "evaluate: this split of the data has no samples");
    kerf_status status = create_all(e, g, s, d, options);
    if (status != KERF_OK) {
        kerf__evaluator_free(e);
        return status;
    }
    e->input = kerf_value_name(kerf_graph_input(g, 0));
    e->output = kerf_value_name(kerf_graph_output(g, 0));
    return KERF_OK;
}

void kerf__evaluator_free(kerf__evaluator *e)
{
    if (e->loader != NULL) /* a copy out of its memory may still be queued after a failure */
        (void)kerf_device_finish(e->dev);
    if (!e->is_guest)
        kerf_loader_destroy(e->loader);
    kerf_plan_destroy(e->rest);
    kerf_plan_destroy(e->full);
    *e = (kerf__evaluator){0};
}

/* ---- running ------------------------------------------------------------------------------- */

/* The first of the largest; a row without a number counts as class 0. */
static int64_t largest(const float *row, int64_t num)
{
    int64_t best = 0;
    for (int64_t i = 1; i < num; i++)
        if (row[i] > row[best])
            best = i;
    return best;
}

kerf_status kerf__evaluator_count(const kerf__evaluator *e, const kerf_plan *plan,
                                  const int32_t *labels, int64_t num_samples, int64_t *confusion)
{
    const kerf_tensor *output = kerf_plan_output(plan, e->output);
    size_t num = (size_t)(num_samples * e->num_outputs);
    float *rows = kerf__alloc(num, sizeof *rows);
    if (rows == NULL)
        return kerf__fail_memory("evaluate", num * sizeof *rows);
    kerf_status status = kerf_tensor_read(output, rows);
    for (int64_t i = 0; status == KERF_OK && i < num_samples; i++) {
        int64_t guess = largest(rows + i * e->num_outputs, e->num_outputs);
        if (guess < e->num_classes) /* an output without a class is no guess at any */
            confusion[labels[i] * e->num_classes + guess]++;
    }
    free(rows);
    return status;
}

static kerf_status run_batches(kerf__evaluator *e, kerf__flight *flight, int64_t *confusion,
                               int checks_halves)
{
    kerf_batch batch;
    const int64_t own = kerf__ranks_own(e->ranks), every = kerf__ranks_num(e->ranks);
    if (own * e->batch >= e->samples)
        return KERF_OK;
    KERF__TRY(kerf_loader_begin(e->loader, 0, 0));
    for (int64_t seen = own * e->batch; seen < e->samples; seen += every * e->batch) {
        KERF__TRY(kerf_loader_next(e->loader, &batch));
        kerf_plan *plan = batch.num_samples == e->batch ? e->full : e->rest;
        KERF__TRY(kerf__flight_launch(flight, e->loader, plan, e->input, &batch));
        if (confusion != NULL)
            KERF__TRY(kerf__evaluator_count(e, plan, batch.labels, batch.num_samples, confusion));
        if (checks_halves)
            KERF__TRY(kerf_plan_check_halves(plan));
    }
    return KERF_OK;
}

/* Metrics may be one sum that both plans add to, or one each. */
kerf_status kerf__evaluator_read(kerf__evaluator *e, kerf_metrics *sum)
{
    kerf_plan *const plans[] = {e->full, e->rest};
    *sum = (kerf_metrics){0};
    for (int i = 0; i < 2; i++) {
        kerf_metrics m;
        if (plans[i] == NULL)
            continue;
        KERF__TRY(kerf_plan_read_metrics(plans[i], &m));
        sum->loss += m.loss;
        sum->top1 += m.top1;
        sum->top5 += m.top5;
        sum->samples += m.samples;
    }
    return KERF_OK;
}

/* Half the width of Wilson's interval (1927) for a share p of n, at 95 %: unlike the normal
 * one it is right near 0 and 1 too. */
static double wilson(double p, double n)
{
    const double z = 1.959963984540054;
    return z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n));
}

/* Of a sample. */
static double macs_of(const kerf__evaluator *e)
{
    return e->full != NULL ? kerf_plan_macs(e->full) / (double)e->batch
                           : kerf_plan_macs(e->rest) / (double)(e->samples % e->batch);
}

static void fill_result(const kerf__evaluator *e, const kerf_metrics *m, double ms,
                        kerf_evaluation *result)
{
    double num = (double)e->samples;
    *result = (kerf_evaluation){.samples = e->samples,
                                .batch = e->batch,
                                .top1 = 100 * m->top1 / num,
                                .top5 = 100 * m->top5 / num,
                                .top1_ci95 = 100 * wilson(m->top1 / num, num),
                                .loss = m->loss / num,
                                .ms_per_batch = ms * (double)e->batch / num,
                                .macs = macs_of(e)};
}

/* Says which layer of halves made the loss no number, if one did: all batches once more. */
static kerf_status check_halves(kerf__evaluator *e, double loss)
{
    kerf__flight flight = {0};
    if (isfinite(loss) || !kerf__plan_makes_halves(e->full != NULL ? e->full : e->rest))
        return KERF_OK;
    kerf_status status = run_batches(e, &flight, NULL, 1);
    kerf_status landed = kerf__flight_land(&flight, e->loader);
    return status != KERF_OK ? status : landed;
}

kerf_status kerf__evaluator_conclude(kerf__evaluator *e, const kerf_metrics *sum, double ms,
                                     kerf_evaluation *result)
{
    KERF__TRY(check_halves(e, sum->loss));
    fill_result(e, sum, ms, result);
    return KERF_OK;
}

/* ---- over all ranks ------------------------------------------------------------------------ */

kerf_status kerf__metrics_join(const kerf_ranks *ranks, kerf_metrics *m)
{
    double sums[4] = {m->loss, m->top1, m->top5, (double)m->samples};
    KERF__TRY(kerf__ranks_sum(ranks, sums, 4));
    *m = (kerf_metrics){sums[0], sums[1], sums[2], (int64_t)sums[3]};
    return KERF_OK;
}

/* Counts are whole numbers that a double holds. */
static kerf_status sum_counts(const kerf_ranks *ranks, int64_t *counts, size_t num)
{
    double *sums = kerf__alloc(num, sizeof *sums);
    if (sums == NULL)
        return kerf__fail_memory("evaluate", num * sizeof *sums);
    for (size_t i = 0; i < num; i++)
        sums[i] = (double)counts[i];
    const kerf_status status = kerf__ranks_sum(ranks, sums, num);
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        counts[i] = (int64_t)sums[i];
    free(sums);
    return status;
}

/* What ranks measured becomes what all did; milliseconds are rank 0's. */
static kerf_status conclude(kerf__evaluator *e, kerf_metrics *sum, double ms,
                            kerf_evaluation *result, int64_t *confusion)
{
    const size_t classes = (size_t)e->num_classes;
    KERF__TRY(kerf__metrics_join(e->ranks, sum));
    if (confusion != NULL && e->ranks != NULL)
        KERF__TRY(sum_counts(e->ranks, confusion, classes * classes));
    KERF__TRY(kerf__evaluator_conclude(e, sum, ms, result));
    return kerf__ranks_take_first(e->ranks, result, sizeof *result);
}

kerf_status kerf__evaluator_run(kerf__evaluator *e, kerf_evaluation *result, int64_t *confusion)
{
    kerf__flight flight = {0};
    kerf_metrics metrics;
    if (confusion != NULL)
        memset(confusion, 0, (size_t)e->num_classes * (size_t)e->num_classes * sizeof *confusion);
    KERF__TRY(kerf__evaluator_read(e, &metrics)); /* what others left in them */
    double begin_ms = kerf__now_ms();
    kerf_status status = run_batches(e, &flight, confusion, 0);
    kerf_status landed = kerf__flight_land(&flight, e->loader);
    KERF__TRY(status != KERF_OK ? status : landed);
    KERF__TRY(kerf__evaluator_read(e, &metrics));
    return conclude(e, &metrics, kerf__now_ms() - begin_ms, result, confusion);
}

kerf_status kerf_evaluate(const kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                          kerf_split split, int64_t batch, const char *prep,
                          kerf_evaluation *result, int64_t *confusion)
{
    return kerf_evaluate_as(g, s, d, split, batch, prep, KERF_PRECISION_F32, NULL, result,
                            confusion);
}

kerf_status kerf_evaluate_as(const kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                             kerf_split split, int64_t batch, const char *prep,
                             kerf_precision precision, const kerf_ranks *ranks,
                             kerf_evaluation *result, int64_t *confusion)
{
    kerf__evaluator e;
    kerf__evaluator_options options = {.split = split,
                                       .batch = batch,
                                       .prep = prep,
                                       .loss = KERF_LOSS_CROSS_ENTROPY,
                                       .precision = precision,
                                       .ranks = ranks};
    KERF__TRY(kerf__evaluator_create(&e, g, s, d, &options));
    kerf_status status = kerf__evaluator_run(&e, result, confusion);
    kerf__evaluator_free(&e);
    return status;
}
