/* compress/quantize/learn_layer.c -- which of a layer's weights go down and which up (AdaRound,
 * Nagel et al. 2020, sections 3.3 to 3.5).
 *
 *     v --> Sigmoid --> * 1.2 - 0.1 --> Clip to [0, 1] = h      weights = down + step * h
 *     taken --> layer --> Relu --> distance from what is to be given, a share of that of nearest
 *                                  rounding, - weight * sum of |2h - 1|^beta
 *
 * v begins where h makes the weights what they are.  For a while only the distance counts; then
 * beta falls, and the sum draws each h to 0 or 1 where the distance lets it.  Adam on the device
 * moves v; the layer is a network of its own, with a loss of its own. */
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/learn_internal.h"
#include "kerf/plan.h"
#include "tensor/tensor_internal.h"

/* The ends of h before they are clipped, so that it comes to 0 and 1. */
static const float STRETCH = 1.2f, BELOW = 0.1f;
static const float RATE = 0.02f, WEIGHT = 10, FIRST_BETA = 20, LAST_BETA = 2, WARM = 0.2f;
/* |v| that makes h 0 or 1 for good. */
static const float FAR = 100;

enum { FLIGHT = 3 };

typedef struct learner {
    const kerf__lesson *x;
    kerf_graph *g;    /* owned, as all here */
    kerf_state *s;    /* v alone, and what Adam keeps */
    kerf_plan *score; /* gives the distance of the v that s has */
    float *down, *step, *v, *schedule /* beta, weight; a pair a step */;
    size_t num, num_free; /* of weights; of those that have a choice */
    int id;               /* of v */
    double nearest;       /* distance of nearest rounding */
    kerf_value *h, *distance;
} learner;

static const char V[] = "v", TAKEN[] = "taken", GIVEN[] = "given", DISTANCE[] = "distance";
static const char LOSS[] = "loss", BETA[] = "beta", PULL[] = "pull";

/* ---- the network ----------------------------------------------------------------------- */

static kerf_status add(kerf_graph *g, const char *op, const char *name, kerf_value *const *inputs,
                       int num, kerf_value **out)
{
    kerf_node *n;
    KERF__TRY(kerf_graph_add_node(g, op, name, inputs, num, 1, &n));
    *out = n->outputs[0];
    return KERF_OK;
}

static kerf_status add_scaled(kerf_graph *g, kerf_value *v, float factor, kerf_value **out)
{
    KERF__TRY(add(g, "kerf.Scale", NULL, &v, 1, out));
    return kerf_node_set_float((*out)->producer, "scale", factor);
}

static kerf_status add_two(kerf_graph *g, const char *op, kerf_value *a, kerf_value *b,
                           kerf_value **out)
{
    return add(g, op, NULL, (kerf_value *[]){a, b}, 2, out);
}

static kerf_status add_numbers(kerf_graph *g, const float *numbers, kerf_shape shape,
                               kerf_value **out)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, shape));
    for (size_t i = 0; i < t->num_elements; i++)
        ((float *)t->data)[i] = numbers[i];
    return kerf_graph_add_constant(g, NULL, t, out);
}

static kerf_status add_shifted(kerf_graph *g, kerf_value *v, float factor, float offset,
                               kerf_value **out)
{
    kerf_value *constant;
    KERF__TRY(add_scaled(g, v, factor, &v));
    KERF__TRY(add_numbers(g, &offset, KERF_SCALAR, &constant));
    return add_two(g, "Add", v, constant, out);
}

/* h, and the weights that it makes. */
static kerf_status add_weights(learner *a, kerf_value **out)
{
    const kerf_shape shape = a->x->layer->weight->shape;
    kerf_graph *g = a->g;
    kerf_value *v, *step, *down;
    KERF__TRY(kerf_graph_add_state(g, V, a->id, KERF_F32, shape, &v));
    KERF__TRY(add_numbers(g, a->down, shape, &down));
    KERF__TRY(add_numbers(g, a->step, shape, &step));
    KERF__TRY(add(g, "Sigmoid", NULL, &v, 1, &v));
    KERF__TRY(add_shifted(g, v, STRETCH, -BELOW, &v));
    KERF__TRY(add(g, "Clip", NULL, &v, 1, &a->h));
    KERF__TRY(kerf_node_set_float(a->h->producer, "min", 0));
    KERF__TRY(kerf_node_set_float(a->h->producer, "max", 1));
    KERF__TRY(add_two(g, "Mul", step, a->h, out));
    return add_two(g, "Add", down, *out, out);
}

/* A constant or state of the network as a constant here. */
static kerf_status copy_numbers(learner *a, const kerf_value *v, kerf_value **out)
{
    float *numbers;
    KERF__TRY(kerf__quantize_read(a->x->s, v, &numbers));
    kerf_status status = add_numbers(a->g, numbers, v->shape, out);
    free(numbers);
    return status;
}

static kerf_status copy_node(learner *a, const kerf_node *n, kerf_value *const *inputs, int num,
                             kerf_value **out)
{
    KERF__TRY(add(a->g, n->op, NULL, inputs, num, out));
    return kerf__node_copy_attributes((*out)->producer, n);
}

/* A Clip with bounds that are no floats would not be at a layer's end. */
static kerf_status add_activation(learner *a, kerf_value **v)
{
    const kerf_node *layer = a->x->layer->node, *end = kerf__layer_end(layer)->producer;
    kerf_value *inputs[3] = {*v};
    if (end == layer)
        return KERF_OK;
    for (int i = 1; i < end->num_inputs && i < 3; i++)
        if (end->inputs[i] != NULL)
            KERF__TRY(copy_numbers(a, end->inputs[i], &inputs[i]));
    return copy_node(a, end, inputs, end->num_inputs, v);
}

static kerf_status add_layer(learner *a)
{
    const kerf__lesson *x = a->x;
    kerf_value *inputs[3] = {NULL}, *given, *v;
    KERF__TRY(kerf_graph_add_input(a->g, TAKEN, KERF_F32, x->taken.shape, &inputs[0]));
    KERF__TRY(kerf_graph_add_input(a->g, GIVEN, KERF_F32, x->given.shape, &given));
    KERF__TRY(add_weights(a, &inputs[1]));
    if (x->layer->bias != NULL)
        KERF__TRY(copy_numbers(a, x->layer->bias, &inputs[2]));
    KERF__TRY(copy_node(a, x->layer->node, inputs, x->layer->bias != NULL ? 3 : 2, &v));
    KERF__TRY(add_activation(a, &v));
    KERF__TRY(add(a->g, "kerf.MseLoss", DISTANCE, (kerf_value *[]){v, given}, 2, &a->distance));
    return kerf_graph_add_output(a->g, a->distance);
}

/* The distance of nearest rounding counts as much as all weights that have a choice: so neither
 * a layer's size nor that of its numbers changes what the sum is worth. */
static kerf_status add_loss(learner *a)
{
    kerf_graph *g = a->g;
    kerf_value *beta, *pull, *distance, *v, *loss;
    KERF__TRY(kerf_graph_add_input(g, BETA, KERF_F32, KERF_SCALAR, &beta));
    KERF__TRY(kerf_graph_add_input(g, PULL, KERF_F32, KERF_SCALAR, &pull));
    KERF__TRY(add_scaled(g, a->distance, (float)((double)a->num_free / a->nearest), &distance));
    KERF__TRY(add_shifted(g, a->h, 2, -1, &v));
    KERF__TRY(add(g, "Abs", NULL, &v, 1, &v));
    KERF__TRY(add_two(g, "Pow", v, beta, &v));
    KERF__TRY(add(g, "ReduceSum", NULL, &v, 1, &v));
    KERF__TRY(kerf_node_set_int(v->producer, "keepdims", 0));
    KERF__TRY(add_two(g, "Mul", v, pull, &v));
    KERF__TRY(add(g, "Sub", LOSS, (kerf_value *[]){distance, v}, 2, &loss));
    return kerf_graph_add_output(g, loss);
}

/* ---- where weights stand --------------------------------------------------------------- */

static kerf_status make_choices(learner *a, const float *weights, int *is_up)
{
    const kerf__lesson *x = a->x;
    kerf_quantize_options nearest = *x->options;
    const kerf__rounding how = kerf__layer_rounding(&nearest, x->layer);
    kerf__rounded r;
    nearest.learned = NULL;
    KERF__TRY(kerf__layer_round(&r, x->s, &nearest, x->layer, how));
    kerf__rounded_choices(&r, &how, weights, a->down, a->step);
    for (size_t i = 0; i < a->num; i++) {
        const double above = kerf__rounded_number(&r, &how, i) - (double)a->down[i];
        is_up[i] = above > (double)a->step[i] / 2;
        a->num_free += a->step[i] > 0;
    }
    kerf__rounded_free(&r);
    return KERF_OK;
}

/* v of an h that makes the weight what it is; any, where there is no choice. */
static float first_v(float weight, float down, float step)
{
    const float h = step > 0 ? fminf(fmaxf((weight - down) / step, 0), 1) : 0.5f;
    const float share = (h + BELOW) / STRETCH;
    return logf(share / (1 - share));
}

/* ---- distances ------------------------------------------------------------------------- */

static kerf_status feed(kerf_plan *p, const kerf__lesson *x, size_t batch)
{
    KERF__TRY(kerf_plan_feed(p, TAKEN, x->taken.data + batch * x->taken.floats,
                             x->taken.floats * sizeof(float)));
    return kerf_plan_feed(p, GIVEN, x->given.data + batch * x->given.floats,
                          x->given.floats * sizeof(float));
}

/* The mean over all batches, each weight up or down. */
static kerf_status measure(learner *a, const int *is_up, double *out)
{
    double sum = 0;
    for (size_t i = 0; i < a->num; i++)
        a->v[i] = is_up[i] ? FAR : -FAR;
    KERF__TRY(kerf_state_write(a->s, a->id, a->v));
    for (size_t batch = 0; batch < a->x->num; batch++) {
        float distance;
        KERF__TRY(feed(a->score, a->x, batch));
        KERF__TRY(kerf_plan_run(a->score));
        KERF__TRY(kerf_tensor_read(kerf_plan_output(a->score, DISTANCE), &distance));
        sum += (double)distance;
    }
    *out = sum / (double)a->x->num;
    return KERF_OK;
}

/* ---- learning -------------------------------------------------------------------------- */

static void fill_schedule(learner *a)
{
    const float steps = (float)a->x->steps, warm = WARM * steps;
    for (int64_t i = 0; i < a->x->steps; i++) {
        const float done = fmaxf((float)i - warm, 0) / (steps - warm);
        a->schedule[2 * i] = FIRST_BETA + (LAST_BETA - FIRST_BETA) * done;
        a->schedule[2 * i + 1] = WEIGHT * done;
    }
}

static kerf_status queue_step(const learner *a, kerf_plan *p, int64_t i)
{
    const float *schedule = a->schedule + 2 * i;
    KERF__TRY(feed(p, a->x, (size_t)i % a->x->num));
    KERF__TRY(kerf_plan_feed(p, BETA, &schedule[0], sizeof *schedule));
    KERF__TRY(kerf_plan_feed(p, PULL, &schedule[1], sizeof *schedule));
    KERF__TRY(kerf_plan_set_step(p, &(kerf_step){.lr = RATE, .step = i + 1}));
    return kerf_plan_run(p);
}

static kerf_status take_steps(const learner *a, kerf_plan *p)
{
    uint64_t tokens[FLIGHT];
    for (int64_t i = 0; i < a->x->steps; i++) {
        if (i >= FLIGHT)
            KERF__TRY(kerf_plan_finish(p, tokens[i % FLIGHT]));
        KERF__TRY(queue_step(a, p, i));
        KERF__TRY(kerf_plan_mark(p, &tokens[i % FLIGHT]));
        KERF__TRY(a->x->tell(a->x->context));
    }
    return KERF_OK;
}

/* From the weights as they are to a v that says down or up. */
static kerf_status train(learner *a, const float *weights)
{
    const kerf_plan_options options = {
        .mode = KERF_TRAIN,
        .batch = 1,
        .loss = KERF_LOSS_GIVEN,
        .output = LOSS,
        .optimizer = {.kind = KERF_ADAM, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f}};
    kerf_plan *p;
    for (size_t i = 0; i < a->num; i++)
        a->v[i] = first_v(weights[i], a->down[i], a->step[i]);
    KERF__TRY(kerf_state_write(a->s, a->id, a->v));
    KERF__TRY(add_loss(a));
    KERF__TRY(kerf_plan_create(&p, a->g, a->s, &options));
    kerf_status status = take_steps(a, p);
    kerf_status waited = kerf_device_finish(kerf_state_device(a->s)); /* batches may be queued */
    kerf_plan_destroy(p);
    KERF__TRY(status);
    KERF__TRY(waited);
    return kerf_state_read(a->s, a->id, a->v);
}

/* ---- all of it ------------------------------------------------------------------------- */

static kerf_status open_learner(learner *a)
{
    const kerf_shape shape = a->x->layer->weight->shape;
    a->num = (size_t)kerf_shape_num_elements(shape);
    a->down = kerf__alloc(a->num, sizeof *a->down);
    a->step = kerf__alloc(a->num, sizeof *a->step);
    a->v = kerf__alloc(a->num, sizeof *a->v);
    a->schedule = kerf__alloc(2 * (size_t)a->x->steps, sizeof *a->schedule);
    if (a->down == NULL || a->step == NULL || a->v == NULL || a->schedule == NULL)
        return kerf__fail_memory("learn", 3 * a->num * sizeof *a->v);
    fill_schedule(a);
    KERF__TRY(kerf_graph_create(&a->g));
    KERF__TRY(kerf_state_create(&a->s, kerf_state_device(a->x->s)));
    return kerf_state_add(a->s, V, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &a->id);
}

static void close_learner(learner *a)
{
    kerf_plan_destroy(a->score);
    kerf_graph_destroy(a->g);
    kerf_state_destroy(a->s);
    free(a->down);
    free(a->step);
    free(a->v);
    free(a->schedule);
}

/* is_up comes as nearest rounding has it, and stays so if nothing better is found. */
static kerf_status learn(learner *a, const float *weights, int *is_up, int *learned)
{
    const kerf_plan_options score = {.mode = KERF_EVALUATE, .batch = 1};
    double distance;
    KERF__TRY(make_choices(a, weights, is_up));
    KERF__TRY(add_layer(a));
    KERF__TRY(kerf_plan_create(&a->score, a->g, a->s, &score));
    KERF__TRY(measure(a, is_up, &a->nearest));
    if (a->num_free == 0 || !(a->nearest > 0) || !isfinite(a->nearest))
        return KERF_OK;
    KERF__TRY(train(a, weights));
    for (size_t i = 0; i < a->num; i++)
        learned[i] = a->v[i] >= 0;
    KERF__TRY(measure(a, learned, &distance));
    for (size_t i = 0; distance < a->nearest && i < a->num; i++)
        is_up[i] = learned[i];
    return KERF_OK;
}

kerf_status kerf__learn_layer(const kerf__lesson *x, float *targets)
{
    learner a = {.x = x};
    kerf_status status = open_learner(&a);
    int *is_up = kerf__alloc(2 * a.num, sizeof *is_up);
    if (status == KERF_OK && is_up == NULL)
        status = kerf__fail_memory("learn", 2 * a.num * sizeof *is_up);
    if (status == KERF_OK)
        status = learn(&a, targets, is_up, is_up + a.num);
    for (size_t i = 0; status == KERF_OK && i < a.num; i++)
        targets[i] = a.down[i] + (is_up[i] ? a.step[i] : 0);
    free(is_up);
    close_learner(&a);
    return status;
}
