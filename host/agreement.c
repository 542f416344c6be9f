/* agreement.c -- how often two models choose the same class; needs no labels.
 *
 * Both get the same batches.  The last one is filled up with zeros, and only what is real
 * is counted. */
#include <stdlib.h>
#include <string.h>

#include "session.h"

/* One of the two models, ready to run. */
typedef struct side {
    kerf_plan *plan;   /* owned */
    const char *input; /* borrowed */
    kerf_tensor *output;
    float *logits; /* owned (batch, classes) */
    int64_t classes;
} side;

static kerf_status side_open(side *a, const model *m, int64_t batch, kerf_precision precision)
{
    kerf_plan_options plan_options = {
        .mode = KERF_EVALUATE, .batch = batch, .precision = precision};
    kerf_status status = kerf_plan_create(&a->plan, m->g, m->s, &plan_options);
    if (status != KERF_OK)
        return status;
    a->input = kerf_value_name(kerf_graph_input(m->g, 0));
    a->output = kerf_plan_output(a->plan, kerf_value_name(kerf_graph_output(m->g, 0)));
    if (a->output == NULL)
        return KERF_ERR_SHAPE;
    a->classes = (int64_t)kerf_tensor_num_elements(a->output) / batch;
    a->logits = malloc(kerf_tensor_size_bytes(a->output));
    return a->logits != NULL ? KERF_OK : KERF_ERR_MEMORY;
}

static void side_close(side *a)
{
    kerf_plan_destroy(a->plan);
    free(a->logits);
}

static kerf_status side_run(side *a, const float *images, size_t num_bytes)
{
    kerf_status status = kerf_plan_feed(a->plan, a->input, images, num_bytes);
    if (status == KERF_OK)
        status = kerf_plan_run(a->plan);
    if (status == KERF_OK)
        status = kerf_tensor_read(a->output, a->logits);
    return status == KERF_OK ? kerf_plan_check_halves(a->plan) : status;
}

static int64_t largest(const side *a, int64_t sample)
{
    const float *row = a->logits + sample * a->classes;
    int64_t best = 0;
    for (int64_t c = 1; c < a->classes; c++)
        best = row[c] > row[best] ? c : best;
    return best;
}

/* Runs all batches through both; counts what agrees. */
static kerf_status compare(side sides[2], kerf_loader *l, float *images, size_t sample_bytes,
                           int64_t batch, int64_t *num_same, int64_t *num_all)
{
    for (;;) {
        kerf_batch b;
        kerf_status status = kerf_loader_next(l, &b);
        if (status != KERF_OK || b.num_samples == 0)
            return status;
        memset(images, 0, (size_t)batch * sample_bytes);
        memcpy(images, b.images, (size_t)b.num_samples * sample_bytes);
        kerf_loader_release(l, &b);
        for (int k = 0; k < 2 && status == KERF_OK; k++)
            status = side_run(&sides[k], images, (size_t)batch * sample_bytes);
        if (status != KERF_OK)
            return status;
        for (int64_t i = 0; i < b.num_samples; i++)
            *num_same += largest(&sides[0], i) == largest(&sides[1], i);
        *num_all += b.num_samples;
    }
}

kerf_status measure_agreement(const session *s, const model *reference, kerf_split split,
                              int64_t batch, double *percent)
{
    side sides[2] = {{0}};
    kerf_loader *l = NULL;
    kerf_loader_options load = {.split = split, .batch = batch, .keep_rest = 1, .seed = 1};
    int64_t num_same = 0, num_all = 0;
    size_t sample_bytes = 0;
    float *images = NULL;
    kerf_status status = kerf_prep_parse(&load.prep, s->prep);
    if (status == KERF_OK)
        status = kerf_loader_create(&l, s->data, &load);
    if (status == KERF_OK) {
        sample_bytes = (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(l)) * sizeof(float);
        images = calloc((size_t)batch, sample_bytes);
        status = images != NULL ? KERF_OK : KERF_ERR_MEMORY;
    }
    if (status == KERF_OK)
        status = side_open(&sides[0], &s->m, batch, s->precision);
    if (status == KERF_OK)
        status = side_open(&sides[1], reference, batch, KERF_PRECISION_F32);
    if (status == KERF_OK)
        status = kerf_loader_begin(l, 0, 0);
    if (status == KERF_OK)
        status = compare(sides, l, images, sample_bytes, batch, &num_same, &num_all);
    *percent = num_all > 0 ? 100.0 * (double)num_same / (double)num_all : 0;
    kerf_loader_destroy(l);
    side_close(&sides[0]);
    side_close(&sides[1]);
    free(images);
    return status;
}
