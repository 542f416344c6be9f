/* compress/quantize/bits_judge.c -- what a network's outputs are worth beside those of the floats:
 * noise, and samples that are no longer right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/together.h"
#include "compress/quantize/bits_internal.h"

/* All samples once through a network, or this rank's; sums become those of all. */
typedef struct pass {
    kerf__judge *judge;       /* borrowed */
    kerf__sample_plans plans; /* owned, as both */
    float *rows;              /* of a batch */
    const char *output;
    int64_t at; /* samples so far */
    double squared, was, right;
} pass;

static size_t largest(const float *row, size_t num)
{
    size_t best = 0;
    for (size_t i = 1; i < num; i++)
        best = row[i] > row[best] ? i : best;
    return best;
}

static void add_row(pass *p, const float *is, const float *was, const int32_t *label)
{
    const size_t row = p->judge->row, best = largest(is, row);
    for (size_t i = 0; i < row; i++) {
        p->squared += ((double)is[i] - (double)was[i]) * ((double)is[i] - (double)was[i]);
        p->was += (double)was[i] * (double)was[i];
    }
    p->right += label != NULL ? *label >= 0 && best == (size_t)*label : best == largest(was, row);
}

/* The first pass makes the rows that others are held against. */
static kerf_status take_batch(void *context, const float *images, int64_t num)
{
    pass *p = context;
    kerf__judge *j = p->judge;
    kerf_plan *ran;
    KERF__TRY(kerf__sample_plans_run(&p->plans, images, num, &ran));
    const kerf_tensor *output = kerf_plan_output(ran, p->output);
    float *was = j->outputs + (size_t)p->at * j->row, *is = p->rows != NULL ? p->rows : was;
    if (kerf_tensor_type(output) != KERF_F32 ||
        kerf_tensor_num_elements(output) != (size_t)num * j->row)
        return kerf__fail(KERF_ERR_SHAPE, "quantize: output '%s' must have floats, a row a sample",
                          p->output);
    KERF__TRY(kerf_tensor_read(output, is));
    for (size_t i = 0; i < (size_t)num; i++)
        add_row(p, is + i * j->row, was + i * j->row,
                j->samples.labels != NULL ? &j->samples.labels[i] : NULL);
    p->at += num;
    return KERF_OK;
}

static kerf_status run_pass(pass *p, const kerf_graph *g, kerf_state *s)
{
    kerf__judge *j = p->judge;
    p->output = kerf_value_name(kerf_graph_output(g, 0));
    KERF__TRY(kerf__sample_plans_create(&p->plans, &j->samples, g, s));
    if (j->outputs == NULL) {
        const kerf_tensor *output = kerf_plan_output(p->plans.full, p->output);
        j->row = kerf_tensor_num_elements(output) / (size_t)j->samples.batch;
        j->outputs =
            kerf__alloc((size_t)kerf__samples_num_own(&j->samples) * (size_t)j->samples.batch,
                        j->row * sizeof *j->outputs);
        if (j->outputs == NULL)
            return kerf__fail_memory("quantize",
                                     (size_t)j->samples.num * j->row * sizeof *j->outputs);
    } else {
        p->rows = kerf__alloc((size_t)j->samples.batch, j->row * sizeof *p->rows);
        if (p->rows == NULL)
            return kerf__fail_memory("quantize", (size_t)j->samples.batch * j->row);
    }
    return kerf__samples_each(&j->samples, take_batch, p);
}

static kerf_status judge(kerf__judge *j, const kerf_graph *g, kerf_state *s, pass *p)
{
    *p = (pass){.judge = j};
    kerf_status status = run_pass(p, g, s);
    kerf__sample_plans_destroy(&p->plans);
    free(p->rows);
    double sums[] = {p->squared, p->was, p->right};
    if (status == KERF_OK)
        status = kerf__ranks_sum(j->samples.how->ranks, sums, 3);
    p->squared = sums[0];
    p->was = sums[1];
    p->right = sums[2];
    return status;
}

/* ---- all of it ------------------------------------------------------------------------- */

static kerf_split split_of(const kerf_dataset *d)
{
    static const kerf_split ORDER[] = {KERF_SPLIT_VAL, KERF_SPLIT_TEST, KERF_SPLIT_TRAIN};
    size_t i = 0;
    while (i < 2 && kerf_dataset_num_samples(d, ORDER[i]) == 0)
        i++;
    return ORDER[i];
}

kerf_status kerf__judge_open(kerf__judge *j, const kerf_graph *g, kerf_state *s,
                             const kerf_dataset *d, const kerf_calibrate_options *how,
                             size_t num_passes)
{
    pass first;
    const kerf_split split = split_of(d);
    *j = (kerf__judge){.g = g, .s = s};
    KERF__TRY(kerf__samples_open_split(&j->samples, g, d, how, split,
                                       kerf_dataset_num_samples(d, split)));
    j->samples.to_see = (int64_t)num_passes * j->samples.num;
    KERF__TRY(judge(j, g, s, &first));
    j->right = first.right;
    return KERF_OK;
}

void kerf__judge_close(kerf__judge *j)
{
    kerf__samples_close(&j->samples);
    free(j->outputs);
    *j = (kerf__judge){0};
}

kerf_status kerf__judge_network(kerf__judge *j, const kerf_graph *g, kerf_state *s,
                                kerf__verdict *out)
{
    enum { ALL_IS_NOISE = 1000000 }; /* what is no number, too */
    pass p;
    KERF__TRY(judge(j, g, s, &p));
    out->noise = p.was > 0 ? p.squared / p.was : p.squared;
    out->noise = out->noise < ALL_IS_NOISE ? out->noise : ALL_IS_NOISE;
    out->lost = 100 * (j->right - p.right) / (double)j->samples.num;
    return KERF_OK;
}

kerf_status kerf__quantize_copy(kerf_graph **g_out, kerf_state **s_out, const kerf_graph *g,
                                const kerf_state *s, const kerf_quantize_options *options)
{
    *s_out = NULL;
    KERF__TRY(kerf_graph_copy(g_out, g));
    kerf_status status = kerf_state_copy(s_out, s, kerf_state_device(s));
    if (status == KERF_OK)
        status = kerf_quantize(*g_out, *s_out, options);
    if (status == KERF_OK)
        return KERF_OK;
    kerf_graph_destroy(*g_out);
    kerf_state_destroy(*s_out);
    *g_out = NULL;
    *s_out = NULL;
    return status;
}

kerf_status kerf__judge_quantized(kerf__judge *j, const kerf_quantize_options *options,
                                  kerf__verdict *out)
{
    kerf_graph *g;
    kerf_state *s;
    KERF__TRY(kerf__quantize_copy(&g, &s, j->g, j->s, options));
    kerf_status status = kerf__judge_network(j, g, s, out);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}
