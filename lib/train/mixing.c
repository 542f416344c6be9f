/* train/mixing.c -- how much of which sample, and the plans that mix; see mixing.h. */
#include "train/mixing.h"

#include <math.h>

#include "base/fail.h"
#include "base/random.h"
#include "device/buffer.h"
#include "tensor/tensor_internal.h"

/* ---- how much -------------------------------------------------------------------------------- */

/* Numbers of one step, one after the other. */
typedef struct draws {
    kerf__random random;
    uint64_t stream, next;
} draws;

/* Above 0 and below 1. */
static double draw(draws *d)
{
    return ((double)kerf__random_u32(d->random, d->stream, d->next++) + 0.5) / 4294967296.0;
}

static double draw_normal(draws *d)
{
    const double radius = sqrt(-2 * log(draw(d)));
    return radius * cos(6.283185307179586 * draw(d));
}

/* The logarithm of a number of Gamma(a, 1), a >= 1 (Marsaglia and Tsang 2000). */
static double log_gamma_above(draws *d, double a)
{
    const double mean = a - 1.0 / 3, by = 1 / sqrt(9 * mean);
    for (;;) {
        const double x = draw_normal(d), root = 1 + by * x, v = root * root * root;
        if (root > 0 && log(draw(d)) < 0.5 * x * x + mean - mean * v + mean * log(v))
            return log(mean) + log(v);
    }
}

/* Of any a > 0; logarithms, as for small ones the numbers themselves are 0. */
static double log_gamma_of(draws *d, double a)
{
    if (a >= 1)
        return log_gamma_above(d, a);
    const double above = log_gamma_above(d, a + 1);
    return above + log(draw(d)) / a;
}

float kerf__mix_share(double alpha, uint64_t seed, int64_t step)
{
    draws d = {.random = kerf__random_key(seed, KERF__RANDOM_MIX, 0), .stream = (uint64_t)step};
    const double x = log_gamma_of(&d, alpha), y = log_gamma_of(&d, alpha);
    return (float)(1 / (1 + exp(y - x)));
}

/* ---- plans that mix -------------------------------------------------------------------------- */

static kerf_status make_graph(kerf__mixer *m, int64_t batch, kerf_shape sample)
{
    kerf_shape shape = {.rank = sample.rank + 1, .dims = {batch}};
    kerf_value *ends[2];
    kerf_node *node;
    for (int i = 0; i < sample.rank; i++)
        shape.dims[i + 1] = sample.dims[i];
    KERF__TRY(kerf_graph_create(&m->g));
    KERF__TRY(kerf_graph_add_input(m->g, "samples", KERF_F32, shape, &ends[0]));
    KERF__TRY(kerf_graph_add_input(m->g, "share", KERF_F32, KERF_SHAPE(1), &ends[1]));
    KERF__TRY(kerf_graph_add_node(m->g, "kerf.Mix", "mixed", ends, 2, 1, &node));
    return kerf_graph_add_output(m->g, kerf_node_output(node, 0));
}

kerf_status kerf__mixing_add(kerf__mixing *m, kerf_device *dev, int64_t batch, kerf_shape sample)
{
    const kerf_plan_options o = {.mode = KERF_EVALUATE, .batch = batch};
    if (kerf__mixing_output(m, dev) != NULL)
        return KERF_OK;
    kerf__mixer *mixer = &m->mixers[m->num++];
    mixer->dev = dev;
    KERF__TRY(kerf_state_create(&mixer->s, dev));
    KERF__TRY(make_graph(mixer, batch, sample));
    return kerf_plan_create(&mixer->plan, mixer->g, mixer->s, &o);
}

void kerf__mixing_free(kerf__mixing *m)
{
    for (size_t i = 0; i < m->num; i++) {
        kerf_plan_destroy(m->mixers[i].plan);
        kerf_graph_destroy(m->mixers[i].g);
        kerf_state_destroy(m->mixers[i].s);
    }
    *m = (kerf__mixing){.num = 0};
}

const kerf_tensor *kerf__mixing_output(const kerf__mixing *m, const kerf_device *dev)
{
    for (size_t i = 0; i < m->num; i++)
        if (m->mixers[i].dev == dev)
            return kerf_plan_output(m->mixers[i].plan, "mixed");
    return NULL;
}

kerf_status kerf__mixing_take(const kerf__mixing *m, size_t num, const void *images,
                              size_t num_bytes)
{
    for (size_t i = 0; i < num; i++) {
        kerf_plan *plan = m->mixers[i].plan;
        KERF__TRY(kerf_plan_feed(plan, "samples", images, num_bytes));
        KERF__TRY(
            kerf__buffer_put(kerf_plan_input(plan, "share")->buffer, &m->share, sizeof m->share));
        KERF__TRY(kerf_plan_run(plan));
    }
    return KERF_OK;
}
