/* train/depth_judge.c -- how much each residual block is missed: the network without it alone,
 * measured; see kerf/depth.h.
 *
 * With data by points of top-1, on what is held back, and by the loss; without, by how far the
 * outputs move on random samples.  Nothing is trained, so it says which blocks are delicate, not
 * how well the rest would heal.  Other half: compress/prune/depth_choose.c. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "base/together.h"
#include "compress/prune/depth_internal.h"
#include "train/evaluate.h"

typedef struct judging {
    kerf_depth *d;
    kerf_state *s; /* owned: a copy */
    const kerf_dataset *data;
    const kerf_analyse_options *how;
    kerf_evaluation whole; /* with data */
    float *outputs;        /* owned; without, those of the whole network */
    size_t num_outputs;
    int64_t done, num;
} judging;

/* ---- with data ----------------------------------------------------------------------------- */

static kerf_status evaluate(const judging *x, const kerf_graph *g, kerf_evaluation *out)
{
    kerf__evaluator e;
    const kerf__evaluator_options options = {.split = kerf__split_to_judge(x->data),
                                             .batch = x->how->batch > 0 ? x->how->batch : 256,
                                             .prep = x->how->prep,
                                             .loss = KERF_LOSS_CROSS_ENTROPY,
                                             .ranks = x->how->ranks};
    KERF__TRY(kerf__evaluator_create(&e, g, x->s, x->data, &options));
    kerf_status status = kerf__evaluator_run(&e, out, NULL);
    kerf__evaluator_free(&e);
    return status;
}

/* ---- without ------------------------------------------------------------------------------- */

/* Every input becomes noise around 0. */
static kerf_status fill(kerf_plan *p, const kerf_graph *g)
{
    for (int i = 0; i < kerf_graph_num_inputs(g); i++) {
        kerf_tensor *t = kerf_plan_input(p, kerf_value_name(kerf_graph_input(g, i)));
        if (t == NULL || kerf_tensor_type(t) != KERF_F32)
            return kerf__fail(KERF_ERR_UNSUPPORTED,
                              "depth: '%s' must be float32 for random samples; data tell better",
                              kerf_value_name(kerf_graph_input(g, i)));
        const size_t num = kerf_tensor_num_elements(t);
        const kerf__random key = kerf__random_key(1, KERF__RANDOM_PRUNE, (uint32_t)i);
        float *x = kerf__alloc(num, sizeof *x);
        if (x == NULL)
            return kerf__fail_memory("depth", num * sizeof *x);
        for (size_t k = 0; k < num; k++)
            x[k] = 4 * kerf__random_float(key, 0, k) - 2;
        kerf_status status = kerf_tensor_write(t, x);
        free(x);
        KERF__TRY(status);
    }
    return KERF_OK;
}

static kerf_status read_outputs(const kerf_plan *p, const kerf_graph *g, float **out, size_t *num)
{
    const kerf_tensor *t = kerf_plan_output(p, kerf_value_name(kerf_graph_output(g, 0)));
    *num = kerf_tensor_num_elements(t);
    *out = kerf__alloc(*num, sizeof **out);
    return *out != NULL ? kerf_tensor_read(t, *out)
                        : kerf__fail_memory("depth", *num * sizeof **out);
}

static kerf_status run(const judging *x, const kerf_graph *g, float **out, size_t *num)
{
    enum { BATCH = 8 };
    kerf_plan *p;
    *out = NULL;
    KERF__TRY(kerf_plan_create(&p, g, x->s, &(kerf_plan_options){.batch = BATCH}));
    kerf_status status = fill(p, g);
    if (status == KERF_OK)
        status = kerf_plan_run(p);
    if (status == KERF_OK)
        status = read_outputs(p, g, out, num);
    kerf_plan_destroy(p);
    return status;
}

/* The squared difference over the square. */
static double change_of(const float *now, const float *was, size_t num)
{
    double sum = 0, square = 0;
    for (size_t i = 0; i < num; i++) {
        sum += ((double)now[i] - (double)was[i]) * ((double)now[i] - (double)was[i]);
        square += (double)was[i] * (double)was[i];
    }
    return square > 0 ? sum / square : sum;
}

/* ---- a block ------------------------------------------------------------------------------- */

static kerf_status measure(const judging *x, const kerf_graph *g, kerf_depth_block *told)
{
    kerf_evaluation e;
    float *outputs;
    size_t num;
    if (x->data != NULL) {
        KERF__TRY(evaluate(x, g, &e));
        told->lost = x->whole.top1 - e.top1;
        told->harm = e.loss - x->whole.loss;
        return KERF_OK;
    }
    kerf_status status = run(x, g, &outputs, &num);
    if (status == KERF_OK)
        told->harm = change_of(outputs, x->outputs, num);
    free(outputs);
    KERF__TRY(status);
    return kerf__ranks_take_first(x->how->ranks, &told->harm, sizeof told->harm);
}

static kerf_status judge_block(const judging *x, const kerf_graph *g, kerf__depth_block *block)
{
    kerf_graph *without;
    KERF__TRY(kerf_graph_copy(&without, g));
    kerf__depth_bypass(block, without);
    kerf__graph_remove_dead(without);
    kerf_status status = measure(x, without, &block->told);
    kerf_graph_destroy(without);
    return status;
}

static kerf_status tell(judging *x)
{
    x->done++;
    return x->how->progress == NULL || x->how->progress(x->how->context, x->done, x->num) == 0
               ? KERF_OK
               : kerf__fail(KERF_ERR_CANCELLED, "depth: stopped after %lld of %lld measurements",
                            (long long)x->done, (long long)x->num);
}

static kerf_status judge(judging *x, const kerf_graph *g)
{
    KERF__TRY(x->data != NULL ? evaluate(x, g, &x->whole)
                              : run(x, g, &x->outputs, &x->num_outputs));
    KERF__TRY(tell(x));
    for (size_t i = 0; i < x->d->num_blocks; i++) {
        if (x->d->blocks[i].told.fixed != NULL)
            continue;
        KERF__TRY(judge_block(x, g, &x->d->blocks[i]));
        KERF__TRY(tell(x));
    }
    return KERF_OK;
}

kerf_status kerf_depth_judge(kerf_depth *d, const kerf_graph *g, const kerf_state *s,
                             const kerf_dataset *data, const kerf_analyse_options *how)
{
    judging x = {.d = d, .data = data, .how = how, .num = 1};
    for (size_t i = 0; i < d->num_blocks; i++)
        x.num += d->blocks[i].told.fixed == NULL;
    if (data != NULL && kerf_dataset_num_classes(data) < 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "depth: the data has no labels, must have some to "
                                             "count what is lost; or go without data");
    d->is_judged = 0;
    kerf_status status = kerf_state_copy(&x.s, s, kerf_state_device(s));
    if (status == KERF_OK)
        status = judge(&x, g);
    d->is_judged = status == KERF_OK;
    free(x.outputs);
    kerf_state_destroy(x.s);
    return status;
}
