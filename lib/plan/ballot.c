/* plan/ballot.c -- results of one node, compared; see node_trial.h. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "plan/node_trial.h"

/* ---- one output --------------------------------------------------------------------- */

static size_t value_bytes(const kerf_value *v)
{
    return v->shape.rank < 0 ? 0 : (size_t)kerf__tensor_bytes(v->type, v->shape);
}

size_t kerf__outputs_bytes(const kerf_node *n)
{
    size_t bytes = 0;
    for (int i = 0; i < n->num_outputs; i++)
        bytes += value_bytes(n->outputs[i]);
    return bytes;
}

double kerf__num_terms(const kerf_node *n, const kerf_value *output)
{
    double most = kerf_node_macs(n);
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            most = fmax(most, (double)kerf_shape_num_elements(n->inputs[i]->shape));
    return fmax(1, most / fmax(1, (double)kerf_shape_num_elements(output->shape)));
}

double kerf__float_gap(const float *got, const float *want, size_t num)
{
    double largest = 0, worst = 0;
    for (size_t i = 0; i < num; i++)
        if (isfinite(want[i]))
            largest = fmax(largest, fabs((double)want[i]));
    for (size_t i = 0; i < num; i++) {
        const double gap = fabs((double)got[i] - (double)want[i]);
        if (got[i] == want[i] || (isnan(got[i]) && isnan(want[i])))
            continue;
        if (!isfinite(gap))
            return INFINITY;
        worst = fmax(worst, gap);
    }
    return worst == 0 ? 0 : worst / largest;
}

static kerf__gap output_gap(const kerf_node *n, const kerf_value *v, const char *got,
                            const char *want, double factor)
{
    kerf__gap gap = {0};
    if (v->type == KERF_F32) {
        gap.rel =
            kerf__float_gap((const void *)got, (const void *)want, value_bytes(v) / sizeof(float));
        gap.tolerance = 8 * (double)FLT_EPSILON * sqrt(kerf__num_terms(n, v)) * factor;
    } else {
        gap.rel = memcmp(got, want, value_bytes(v)) == 0 ? 0 : 1;
    }
    gap.is_within = gap.rel <= gap.tolerance;
    return gap;
}

/* Of the first output that is out of tolerance, else the largest. */
static kerf__gap gap_between(const kerf_node *n, const char *got, const char *want, double factor)
{
    kerf__gap worst = {.is_within = 1};
    for (int i = 0; i < n->num_outputs; i++) {
        const kerf_value *v = n->outputs[i];
        const kerf__gap gap = output_gap(n, v, got, want, factor);
        if (!gap.is_within)
            return gap;
        if (gap.rel >= worst.rel)
            worst = gap;
        got += value_bytes(v);
        want += value_bytes(v);
    }
    return worst;
}

/* ---- votes -------------------------------------------------------------------------- */

static double factor_of(const kerf__variant *variant)
{
    return variant->error_factor > 0 ? variant->error_factor : 1;
}

static void count_vote(kerf__result *r, const kerf_device *dev, const kerf__variant *variant)
{
    r->votes += r->device != dev || r->variant != variant;
    r->device = dev;
    r->variant = variant;
}

kerf_status kerf__ballot_vote(kerf__ballot *b, char *bytes, const kerf_device *dev,
                              const kerf__variant *variant, int *result, kerf__gap *gap)
{
    const double factor = factor_of(variant);
    for (size_t i = 0; i < b->num; i++) {
        kerf__result *r = &b->items[i];
        *gap = gap_between(b->node, bytes, r->bytes, fmax(factor, r->factor));
        if (!gap->is_within)
            continue;
        free(bytes);
        *result = (int)i;
        count_vote(r, dev, variant);
        return KERF_OK;
    }
    if (!kerf__grow((void **)&b->items, &b->capacity, b->num, sizeof *b->items)) {
        free(bytes);
        return kerf__fail_memory("ballot", sizeof *b->items);
    }
    *gap = (kerf__gap){.is_within = 1};
    *result = (int)b->num;
    b->items[b->num] = (kerf__result){.bytes = bytes, .factor = factor};
    count_vote(&b->items[b->num++], dev, variant);
    return KERF_OK;
}

int kerf__ballot_winner(const kerf__ballot *b)
{
    size_t best = 0;
    for (size_t i = 1; i < b->num; i++)
        if (b->items[i].votes > b->items[best].votes)
            best = i;
    return (int)best;
}

kerf__gap kerf__ballot_gap(const kerf__ballot *b, int result, int from)
{
    const kerf__result *got = &b->items[result], *want = &b->items[from];
    return gap_between(b->node, got->bytes, want->bytes, fmax(got->factor, want->factor));
}

void kerf__ballot_clear(kerf__ballot *b)
{
    for (size_t i = 0; i < b->num; i++)
        free(b->items[i].bytes);
    free(b->items);
    *b = (kerf__ballot){0};
}
