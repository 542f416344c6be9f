/* plan/precision.c -- whether a network is better stored in halves: faster on this device, and with
 * the same results.
 *
 * Both plans run in turn on random inputs, as when tuning; halves must be faster for sure.  The
 * answer is kept in the tuning store as that of these weights in these shapes, since other weights
 * may not agree: cases of the kernels (case.c) and all states go into its name.  Of a training the
 * two plans are of precision f32 and mixed, each with a state of its own, and take steps of no
 * length; its answer is that of the shapes alone.
 *
 * A result agrees if it differs from that of floats by no more than 8 roundings of a half at random
 * in the longest sum, which is what deep networks carry on, relative to the largest number. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/tuning.h"
#include "plan/node_trial.h"
#include "plan/tune_gain.h"

static const char *const NAMES[] = {[KERF_PRECISION_F32] = "f32",
                                    [KERF_PRECISION_F16] = "f16",
                                    [KERF_PRECISION_MIXED] = "mixed",
                                    [KERF_PRECISION_AUTO] = "auto"};

const char *kerf_precision_name(kerf_precision precision)
{
    return NAMES[precision];
}

/* ---- what it is kept as -------------------------------------------------------------------- */

/* Whose states those of a training are, is not asked: it changes them. */
static kerf_status add_states(uint64_t *hash, const kerf_plan *draft)
{
    for (size_t i = 0; i < draft->graph->num_values; i++) {
        const kerf_value *v = draft->graph->values[i];
        if (v->state_id < 0)
            continue;
        const size_t num_bytes = kerf_state_get(draft->state, v->state_id)->tensor->size_bytes;
        void *bytes = kerf__alloc(num_bytes + 1, 1);
        if (bytes == NULL)
            return kerf__fail_memory("plan", num_bytes);
        kerf_status status = kerf_state_read(draft->state, v->state_id, bytes);
        *hash = XXH64(bytes, num_bytes, *hash);
        free(bytes);
        KERF__TRY(status);
    }
    return KERF_OK;
}

kerf_status kerf__plan_precision_key(char **key, const kerf_tune_target *whole)
{
    enum { ROOM = 32 };
    kerf_plan *draft;
    uint64_t hash = 0;
    *key = NULL;
    KERF__TRY(kerf__plan_draft(&draft, whole->g, whole->s, &whole->options));
    for (size_t i = 0; i < draft->num_nodes; i++)
        if (draft->nodes[i].which != NULL)
            hash = XXH64(draft->nodes[i].which, strlen(draft->nodes[i].which) + 1, hash);
    kerf_status status = draft->mode == KERF_TRAIN ? KERF_OK : add_states(&hash, draft);
    kerf_plan_destroy(draft);
    KERF__TRY(status);
    *key = kerf__alloc(ROOM, 1);
    if (*key == NULL)
        return kerf__fail_memory("plan", ROOM);
    snprintf(*key, ROOM, "precision %016" PRIx64, hash);
    return KERF_OK;
}

/* ---- whether they agree -------------------------------------------------------------------- */

static double most_terms(const kerf_plan *p)
{
    double most = 1;
    for (size_t i = 0; i < p->graph->num_nodes; i++)
        most = fmax(most, kerf__num_terms(p->graph->nodes[i], p->graph->nodes[i]->outputs[0]));
    return most;
}

static kerf_status read_gap(const kerf_tensor *whole, const kerf_tensor *half, double *gap)
{
    float *want = kerf__alloc(2 * whole->num_elements + 1, sizeof *want);
    if (want == NULL)
        return kerf__fail_memory("plan", 2 * whole->size_bytes);
    float *got = want + whole->num_elements;
    kerf_status status = kerf_tensor_read(whole, want);
    if (status == KERF_OK)
        status = kerf_tensor_read(half, got);
    *gap = kerf__float_gap(got, want, whole->num_elements);
    for (size_t i = 0; i < whole->num_elements; i++)
        *gap = isfinite(got[i]) || !isfinite(want[i]) ? *gap : INFINITY;
    free(want);
    return status;
}

/* Integers are of floats that agree: of two nearly equal ones either may be the largest. */
static kerf_status compare(const kerf_plan *whole, const kerf_plan *half, int *agrees)
{
    const double tolerance = 8 * 0x1p-11 * sqrt(most_terms(whole));
    *agrees = 1;
    for (size_t i = 0; i < whole->outputs.num && *agrees; i++) {
        const kerf_tensor *want = whole->tensors[whole->outputs.items[i].value->index];
        const kerf_tensor *got = half->tensors[half->outputs.items[i].value->index];
        double gap = 0;
        if (want->type != KERF_F32 || got->type != KERF_F32)
            continue;
        KERF__TRY(read_gap(want, got, &gap));
        *agrees = gap <= tolerance;
    }
    return KERF_OK;
}

/* ---- measuring ------------------------------------------------------------------------------ */

/* Halves in an evaluation, mixed in training. */
static kerf_precision smaller(const kerf_tune_target *whole)
{
    return whole->options.mode == KERF_TRAIN ? KERF_PRECISION_MIXED : KERF_PRECISION_F16;
}

/* Pairs leave behind what both made of the same inputs. */
static kerf_status measure(const kerf_tune_target *whole, const kerf_tune_target *half,
                           const char *key, kerf_precision *precision)
{
    kerf_plan *a = NULL, *b = NULL;
    kerf_tune_gain gain = {0};
    int agrees = 0;
    kerf_status status = kerf_plan_create(&a, whole->g, whole->s, &whole->options);
    if (status == KERF_OK)
        status = kerf_plan_create(&b, half->g, half->s, &half->options);
    if (status == KERF_OK)
        status = kerf__tune_time_pairs(a, b, 0, &gain);
    if (status == KERF_OK)
        status = compare(a, b, &agrees);
    kerf_plan_destroy(a);
    kerf_plan_destroy(b);
    KERF__TRY(status);
    *precision = agrees && gain.high < 1 ? smaller(whole) : KERF_PRECISION_F32;
    KERF__TRY(kerf__tuning_set(kerf_state_device(whole->s), key, NAMES[*precision], gain.tuned_ms));
    return kerf__tuning_save(kerf_state_device(whole->s));
}

static int find_known(const kerf_tune_target *whole, const char *key, kerf_precision *precision)
{
    const char *known = kerf__tuning_find(kerf_state_device(whole->s), key);
    const kerf_precision words[] = {KERF_PRECISION_F32, smaller(whole)};
    for (int i = 0; known != NULL && i < 2; i++)
        if (strcmp(known, NAMES[words[i]]) == 0) {
            *precision = words[i];
            return 1;
        }
    return 0;
}

/* Training changes states: both work on copies. */
static kerf_status measure_alone(kerf_tune_target whole, kerf_tune_target half, const char *key,
                                 kerf_precision *precision)
{
    kerf_state *copies[2] = {NULL, NULL};
    if (whole.options.mode != KERF_TRAIN)
        return measure(&whole, &half, key, precision);
    kerf_status status = kerf__tune_second_state(&copies[0], whole.s, KERF_TRAIN);
    if (status == KERF_OK)
        status = kerf__tune_second_state(&copies[1], half.s, KERF_TRAIN);
    whole.s = copies[0];
    half.s = copies[1];
    if (status == KERF_OK)
        status = measure(&whole, &half, key, precision);
    kerf_state_destroy(copies[0]);
    kerf_state_destroy(copies[1]);
    return status;
}

kerf_status kerf_plan_choose_precision(const kerf_tune_target *whole, const kerf_tune_target *half,
                                       kerf_precision *precision)
{
    kerf_tune_target floats = *whole, halves = *half;
    char *key;
    floats.options.precision = KERF_PRECISION_F32;
    halves.options.precision = smaller(whole);
    *precision = KERF_PRECISION_F32;
    KERF__TRY(kerf__plan_precision_key(&key, &floats));
    kerf_status status =
        find_known(whole, key, precision) ? KERF_OK : measure_alone(floats, halves, key, precision);
    free(key);
    return status;
}
