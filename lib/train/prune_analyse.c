/* train/prune_analyse.c -- what each layer can lose: its smallest weights alone are taken, more and
 * more of them, and the network is measured; then they are put back.
 *
 * On a copy of the network, with one pair of plans for all of it: masks are data.  Nothing is
 * trained in between, so what is lost says which layers are delicate, not how well they would
 * heal. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"
#include "train/evaluate.h"

static const double SHARES[KERF_NUM_SENSITIVITY_SHARES] = {0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98};

double kerf_sensitivity_share(int i)
{
    return SHARES[i];
}

typedef struct scan {
    kerf_graph *g; /* owned: the copy, as all here */
    kerf_state *s;
    kerf__evaluator evaluator;
    kerf__prune_targets targets;
    double top1; /* of the whole network */
    const kerf_analyse_options *how;
    int64_t done, num; /* measurements */
} scan;

/* ---- one layer ----------------------------------------------------------------------------- */

static kerf_status measure(scan *x, double *top1)
{
    kerf_evaluation e;
    KERF__TRY(kerf__evaluator_run(&x->evaluator, &e, NULL));
    *top1 = e.top1;
    x->done++;
    if (x->how->progress != NULL && x->how->progress(x->how->context, x->done, x->num) != 0)
        return kerf__fail(KERF_ERR_CANCELLED, "prune: stopped after %lld of %lld measurements",
                          (long long)x->done, (long long)x->num);
    return KERF_OK;
}

static kerf_status walk_shares(scan *x, kerf_pruner *p, kerf_sensitivity *out)
{
    const double most = SHARES[KERF_NUM_SENSITIVITY_SHARES - 1];
    for (int i = 0; i < KERF_NUM_SENSITIVITY_SHARES; i++) {
        double top1;
        KERF__TRY(kerf_pruner_apply(p, SHARES[i] / most));
        KERF__TRY(measure(x, &top1));
        out->lost[i] = x->top1 - top1;
    }
    return KERF_OK;
}

/* A weight and its mask as they were. */
typedef struct kept {
    int weight_id, mask_id;
    void *weight, *mask; /* owned */
} kept;

static kerf_status keep(kept *k, const kerf_state *s, const kerf__prune_target *t)
{
    const kerf_tensor *weight = kerf_state_get(s, t->weight->state_id)->tensor;
    *k = (kept){.weight_id = t->weight->state_id, .mask_id = t->mask->state_id};
    k->weight = kerf__alloc(kerf_tensor_size_bytes(weight), 1);
    k->mask = kerf__alloc(kerf_tensor_num_elements(weight), 1);
    if (k->weight == NULL || k->mask == NULL)
        return kerf__fail_memory("prune", kerf_tensor_size_bytes(weight));
    KERF__TRY(kerf_state_read(s, k->weight_id, k->weight));
    return kerf_state_read(s, k->mask_id, k->mask);
}

static kerf_status put_back(const kept *k, kerf_state *s)
{
    KERF__TRY(kerf_state_write(s, k->weight_id, k->weight));
    return kerf_state_write(s, k->mask_id, k->mask);
}

static kerf_status scan_layer(scan *x, const kerf_prune_options *options, size_t i,
                              kerf_sensitivity *out)
{
    const kerf__prune_target *t = &x->targets.at[i];
    kerf_prune_options alone = *options;
    kerf_pruner *p = NULL;
    kept k;
    char *pattern = kerf__alloc(2 * strlen(t->weight->name) + 1, 1);
    const char *layers[] = {pattern};
    if (pattern == NULL)
        return kerf__fail_memory("prune", strlen(t->weight->name));
    kerf__quote_pattern(pattern, t->weight->name);
    alone.amount = SHARES[KERF_NUM_SENSITIVITY_SHARES - 1];
    alone.layers = layers;
    alone.num_layers = 1;
    alone.num_skip = alone.num_amounts = 0;
    kerf_status status = keep(&k, x->s, t);
    if (status == KERF_OK)
        status = kerf_pruner_create(&p, x->g, x->s, &alone);
    if (status == KERF_OK)
        status = walk_shares(x, p, out);
    kerf_pruner_destroy(p);
    if (status == KERF_OK)
        status = put_back(&k, x->s);
    free(k.weight);
    free(k.mask);
    free(pattern);
    return status;
}

/* ---- all of them --------------------------------------------------------------------------- */

kerf_split kerf__split_to_judge(const kerf_dataset *d)
{
    static const kerf_split ORDER[] = {KERF_SPLIT_VAL, KERF_SPLIT_TEST, KERF_SPLIT_TRAIN};
    size_t i = 0;
    while (i < 2 && kerf_dataset_num_samples(d, ORDER[i]) == 0)
        i++;
    return ORDER[i];
}

static kerf_status open_scan(scan *x, const kerf_graph *g, const kerf_state *s,
                             const kerf_dataset *d, const kerf_prune_options *options)
{
    const kerf__evaluator_options evaluator = {.split = kerf__split_to_judge(d),
                                               .batch = x->how->batch > 0 ? x->how->batch : 256,
                                               .prep = x->how->prep,
                                               .loss = KERF_LOSS_CROSS_ENTROPY,
                                               .ranks = x->how->ranks};
    if (kerf_dataset_num_classes(d) < 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: the data has no labels, must have some to "
                                             "count what is lost");
    KERF__TRY(kerf_graph_copy(&x->g, g));
    KERF__TRY(kerf_state_copy(&x->s, s, kerf_state_device(s)));
    KERF__TRY(kerf_prune_mark(x->g, x->s, options));
    KERF__TRY(kerf__prune_find(&x->targets, x->g, x->s, options->biases));
    KERF__TRY(kerf__prune_choose(&x->targets, options));
    x->num = 1 + (int64_t)x->targets.num * KERF_NUM_SENSITIVITY_SHARES;
    KERF__TRY(kerf__evaluator_create(&x->evaluator, x->g, x->s, d, &evaluator));
    return measure(x, &x->top1);
}

static void close_scan(scan *x)
{
    kerf__prune_targets_free(&x->targets);
    kerf__evaluator_free(&x->evaluator);
    kerf_graph_destroy(x->g);
    kerf_state_destroy(x->s);
}

static kerf_status scan_all(scan *x, const kerf_prune_options *options, kerf_sensitivity *out)
{
    for (size_t i = 0; i < x->targets.num; i++) {
        const kerf_value *weight = x->targets.at[i].weight;
        snprintf(out[i].name, sizeof out[i].name, "%s", weight->name);
        out[i].total = kerf_shape_num_elements(weight->shape);
        KERF__TRY(scan_layer(x, options, i, &out[i]));
    }
    return KERF_OK;
}

kerf_status kerf_prune_analyse(kerf_sensitivity **out, size_t *num, const kerf_graph *g,
                               const kerf_state *s, const kerf_dataset *d,
                               const kerf_prune_options *options, const kerf_analyse_options *how)
{
    scan x = {.how = how};
    kerf_prune_options plain = *options;
    *out = NULL;
    *num = 0;
    if (kerf_prune_needs_training(options->method) || options->method > KERF_PRUNE_RANDOM ||
        options->structure == KERF_STRUCTURE_N_OF_M)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: sensitivities are of a share of each layer; must be method "
                          "magnitude or random, and no N of M");
    plain.scope = KERF_SCOPE_LAYER;
    plain.amount = plain.min_keep = 0;
    plain.num_amounts = 0;
    kerf_status status = open_scan(&x, g, s, d, &plain);
    kerf_sensitivity *found = status == KERF_OK ? kerf__alloc(x.targets.num, sizeof *found) : NULL;
    if (status == KERF_OK && found == NULL)
        status = kerf__fail_memory("prune", x.targets.num * sizeof *found);
    if (status == KERF_OK)
        status = scan_all(&x, &plain, found);
    if (status == KERF_OK) {
        *out = found;
        *num = x.targets.num;
        found = NULL;
    }
    free(found);
    close_scan(&x);
    return status;
}
