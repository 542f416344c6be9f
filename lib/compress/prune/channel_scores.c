/* compress/prune/channel_scores.c -- numbers by which channels are compared: of the weights that
 * make them, in double precision on the host, or of what samples have shown.  Other halves:
 * channel_choose.c, train/channel_watch.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "compress/prune/channels_internal.h"

kerf_status kerf__channel_read(const kerf_state *s, const kerf_value *v, float **out)
{
    const size_t num = (size_t)kerf_shape_num_elements(v->shape);
    *out = kerf__alloc(num, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("channels", num * sizeof **out);
    if (v->kind == KERF__VALUE_STATE)
        return kerf_state_read(s, v->state_id, *out);
    memcpy(*out, v->constant->data, num * sizeof **out);
    return KERF_OK;
}

kerf__channel_extent kerf__channel_extent_of(kerf_shape shape, int axis)
{
    kerf__channel_extent e = {1, (size_t)shape.dims[axis], 1};
    for (int k = 0; k < shape.rank; k++)
        if (k != axis)
            *(k < axis ? &e.outer : &e.inner) *= (size_t)shape.dims[k];
    return e;
}

/* ---- one index of an axis ----------------------------------------------------------------------
 */

typedef double (*measure)(const float *x, kerf__channel_extent e, size_t at);

/* Folds |x| of all elements at one index. */
#define EACH(statement)                                                                            \
    double sum = 0;                                                                                \
    for (size_t o = 0; o < e.outer; o++)                                                           \
        for (size_t i = 0; i < e.inner; i++) {                                                     \
            const double a = fabs((double)x[(o * e.num + at) * e.inner + i]);                      \
            statement;                                                                             \
        }

static double l1(const float *x, kerf__channel_extent e, size_t at)
{
    EACH(sum += a)
    return sum;
}

static double l2(const float *x, kerf__channel_extent e, size_t at)
{
    EACH(sum += a * a)
    return sqrt(sum);
}

static double linf(const float *x, kerf__channel_extent e, size_t at)
{
    EACH(sum = fmax(sum, a))
    return sum;
}

static double distance(const float *x, kerf__channel_extent e, size_t p, size_t q)
{
    double sum = 0;
    for (size_t o = 0; o < e.outer; o++) {
        const float *a = x + (o * e.num + p) * e.inner, *b = x + (o * e.num + q) * e.inner;
        for (size_t i = 0; i < e.inner; i++)
            sum += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    }
    return sqrt(sum);
}

static double median_distance(const float *x, kerf__channel_extent e, size_t at)
{
    double sum = 0;
    for (size_t i = 0; i < e.num; i++)
        sum += distance(x, e, at, i);
    return sum;
}

/* ---- whole axes
 * ---------------------------------------------------------------------------------- */

static const measure MEASURES[KERF_NUM_CHANNEL_CRITERIA] = {
    [KERF_CHANNEL_L1] = l1,     [KERF_CHANNEL_L2] = l2,
    [KERF_CHANNEL_LINF] = linf, [KERF_CHANNEL_FPGM] = median_distance,
    [KERF_CHANNEL_BN] = l1,     [KERF_CHANNEL_LAMP] = l2,
};

/* Each index's number goes to the channel that it belongs to. */
static kerf_status add_axis(const kerf_channels *c, const kerf_state *s, measure of,
                            kerf__channel_axis a, double *sums /* by slot of the root */)
{
    float *x;
    const kerf__channel_extent e = kerf__channel_extent_of(a.value->shape, a.axis);
    if (a.value->type != KERF_F32)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "channels: '%s' is %s, must be f32 to compare channels by", a.value->name,
                          kerf_type_name(a.value->type));
    kerf_status status = kerf__channel_read(s, a.value, &x);
    for (size_t i = 0; status == KERF_OK && i < e.num; i++)
        sums[kerf__channel_root(c, kerf__channel_slot(c, a.value, a.axis, (int64_t)i))] +=
            of(x, e, i);
    free(x);
    return status;
}

/* 1 if the axis is that of BatchNormalization's scale. */
static int is_scale(const kerf_channels *c, const kerf_value *v)
{
    for (size_t i = 0; i < c->graph->num_nodes; i++) {
        const kerf_node *n = c->graph->nodes[i];
        if (strcmp(n->op, "BatchNormalization") == 0 && n->inputs[1] == v)
            return 1;
    }
    return 0;
}

static kerf_status measure_axes(const kerf_channels *c, const kerf_state *s,
                                const kerf_channel_options *o, const kerf__channel_group *group,
                                double *sums)
{
    size_t num = 0;
    for (size_t i = 0; i < group->told.num_members; i++) {
        const kerf__channel_axis a = group->axes[i];
        const int counts =
            o->criterion == KERF_CHANNEL_BN ? is_scale(c, a.value) : group->members[i].is_output;
        if (counts)
            KERF__TRY(add_axis(c, s, MEASURES[o->criterion], a, sums));
        num += counts != 0;
    }
    if (num == 0)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "channels: '%s' has no BatchNormalization behind it, so there is no scale "
            "to go by; must be skipped, or by another criterion",
            group->members[0].weight);
    for (int64_t i = 0; i < group->told.num; i++)
        group->scores[i] = sums[group->roots[i]] / (double)num;
    return KERF_OK;
}

/* ---- what comes after --------------------------------------------------------------------------
 */

/* Squares, each over the sum of all that are not smaller. */
static kerf_status divide_by_larger(double *scores, size_t num)
{
    double *was = kerf__alloc(num, sizeof *was);
    if (was == NULL)
        return kerf__fail_memory("channels", num * sizeof *was);
    memcpy(was, scores, num * sizeof *was);
    for (size_t i = 0; i < num; i++) {
        double sum = 0;
        for (size_t k = 0; k < num; k++)
            sum += was[k] >= was[i] ? was[k] * was[k] : 0;
        scores[i] = sum > 0 ? was[i] * was[i] / sum : 0;
    }
    free(was);
    return KERF_OK;
}

/* So that groups can be compared: their mean is 1. */
static void divide_by_mean(double *scores, size_t num)
{
    double sum = 0;
    for (size_t i = 0; i < num; i++)
        sum += scores[i];
    for (size_t i = 0; sum > 0 && i < num; i++)
        scores[i] *= (double)num / sum;
}

static void draw(kerf__channel_group *group, uint64_t seed, uint32_t id)
{
    const kerf__random key = kerf__random_key(seed, KERF__RANDOM_PRUNE, id);
    for (int64_t i = 0; i < group->told.num; i++)
        group->scores[i] = kerf__random_float(key, 0, (uint64_t)i);
}

/* ---- what samples have shown -------------------------------------------------------------------
 */

/* What channels lack that have no number; NULL: the criterion needs no samples. */
static const char *const LACKS[KERF_NUM_CHANNEL_CRITERIA] = {
    [KERF_CHANNEL_TAYLOR] = "weights that are trained",
    [KERF_CHANNEL_RANK] = "feature maps",
    [KERF_CHANNEL_ZEROS] = "activation behind it",
};

int kerf_channels_need_data(kerf_channel_criterion criterion)
{
    return (unsigned)criterion < KERF_NUM_CHANNEL_CRITERIA && LACKS[criterion] != NULL;
}

static kerf_status take_seen(const kerf_channels *c, const kerf_channel_options *o,
                             const kerf__channel_group *group)
{
    if (c->seen == NULL || c->seen_by != o->criterion)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "channels: this criterion goes by samples; must be told after "
                          "kerf_channels_watch() by the same");
    for (int64_t i = 0; i < group->told.num; i++) {
        const uint32_t root = group->roots[i];
        if (c->num_seen[root] <= 0)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "channels: '%s' has no %s to go by; must be skipped, or by another "
                              "criterion",
                              group->members[0].weight, LACKS[o->criterion]);
        group->scores[i] = c->seen[root] / c->num_seen[root];
    }
    return KERF_OK;
}

/* ---- all of it
 * -----------------------------------------------------------------------------------
 */

/* Numbers that mean the same in every group, as they are. */
static const char COMPARES[KERF_NUM_CHANNEL_CRITERIA] = {
    [KERF_CHANNEL_BN] = 1, [KERF_CHANNEL_TAYLOR] = 1, [KERF_CHANNEL_ZEROS] = 1};

static kerf_status measure_weights(kerf_channels *c, const kerf_state *s,
                                   const kerf_channel_options *o, kerf__channel_group *group)
{
    double *sums = kerf__alloc(c->num_slots, sizeof *sums);
    kerf_status status = sums != NULL ? measure_axes(c, s, o, group, sums)
                                      : kerf__fail_memory("channels", c->num_slots * sizeof *sums);
    free(sums);
    return status;
}

static kerf_status score(kerf_channels *c, const kerf_state *s, const kerf_channel_options *o,
                         kerf__channel_group *group)
{
    const size_t num = (size_t)group->told.num;
    KERF__TRY(kerf_channels_need_data(o->criterion) ? take_seen(c, o, group)
                                                    : measure_weights(c, s, o, group));
    if (o->criterion == KERF_CHANNEL_LAMP)
        return divide_by_larger(group->scores, num);
    if (o->scope != KERF_CHANNEL_SCOPE_LAYER && !COMPARES[o->criterion])
        divide_by_mean(group->scores, num);
    return KERF_OK;
}

kerf_status kerf__channel_score(kerf_channels *c, const kerf_state *s,
                                const kerf_channel_options *o, kerf__channel_group *group)
{
    const size_t num = (size_t)group->told.num;
    if (group->scores == NULL)
        group->scores = kerf__alloc(num, sizeof *group->scores);
    if (group->scores == NULL)
        return kerf__fail_memory("channels", num * sizeof *group->scores);
    if (o->criterion != KERF_CHANNEL_RANDOM)
        return score(c, s, o, group);
    draw(group, o->seed, (uint32_t)(group - c->groups));
    return KERF_OK;
}
