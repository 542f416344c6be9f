/* plan/tap_loss.c -- what a student learns of teachers: a loss for each tap, all of them added.
 *
 * A tap's loss is a value of the student and an input that lies where the teacher has it, brought
 * into a form by ordinary nodes, whose gradients autodiff finds, and compared by one node that
 * gives loss and gradient together.  What each counts lies in the value "kerf.taps", so no
 * schedule makes a new plan.  With soft targets of the output as the first tap the labels' loss
 * is part of that node, which has their exponentials already. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/tap_regressor.h"
#include "tensor/tensor_internal.h"

/* One tap while its loss is made. */
typedef struct tap {
    kerf__planning *p;
    const kerf_tap *given;
    kerf_value *student, *teacher;
    int64_t at; /* of what it counts, in "kerf.taps" */
} tap;

/* ---- what must hold ------------------------------------------------------------------------ */

static kerf_status fail_shapes(const tap *t, const char *must)
{
    char is[128];
    return kerf__fail(KERF_ERR_SHAPE,
                      "plan: the teacher's output is %s %s, must be float32 %s, like '%s'",
                      kerf_type_name(t->teacher->type),
                      kerf_shape_text(t->teacher->shape, is, sizeof is), must, t->student->name);
}

static kerf_status check_same_shape(const tap *t)
{
    char must[128];
    if (kerf_shape_equal(t->teacher->shape, t->student->shape) && t->teacher->type == KERF_F32)
        return KERF_OK;
    return fail_shapes(t, kerf_shape_text(t->student->shape, must, sizeof must));
}

/* ---- losses -------------------------------------------------------------------------------- */

/* Soft targets, and with the first tap, if it is of the same logits, labels. */
static kerf_status add_soft_targets(const tap *t, kerf_value **loss)
{
    kerf_node *node;
    const int has_labels = t->at == 0 && t->p->plan->labels_in_tap;
    kerf_value *mix = has_labels ? t->p->mix : NULL;
    KERF__TRY(check_same_shape(t));
    KERF__TRY(kerf__plan_append(
        t->p->plan->graph, "kerf.DistillationLoss", "kerf.loss",
        (kerf_value *[]){t->student, t->teacher, t->p->labels, t->p->plan->tap_settings, mix},
        mix != NULL ? 5 : 4, 2, &node));
    KERF__TRY(kerf_node_set_int(node, "at", t->at));
    if (mix != NULL)
        KERF__TRY(kerf_node_set_float(node, "smoothing", t->p->options->smoothing));
    *loss = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status add_decoupled(const tap *t, kerf_value **loss)
{
    kerf_node *node;
    if (t->p->options->mixes)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: a tap of decoupled soft targets wants one true "
                                             "class a sample, must be without mixed ones");
    KERF__TRY(check_same_shape(t));
    KERF__TRY(kerf__plan_append(
        t->p->plan->graph, "kerf.DecoupledLoss", "kerf.loss",
        (kerf_value *[]){t->student, t->teacher, t->p->labels, t->p->plan->tap_settings}, 4, 2,
        &node));
    KERF__TRY(kerf_node_set_int(node, "at", t->at));
    KERF__TRY(kerf_node_set_float(node, "others", (float)t->given->others));
    *loss = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status compare(const tap *t, kerf_value *student, kerf_value *teacher, const char *by,
                           float scale, kerf_value **loss)
{
    kerf_node *node;
    KERF__TRY(kerf__plan_append(t->p->plan->graph, "kerf.FeatureLoss", "kerf.loss",
                                (kerf_value *[]){student, teacher, t->p->plan->tap_settings}, 3, 2,
                                &node));
    KERF__TRY(kerf_node_set_string(node, "loss", by));
    KERF__TRY(kerf_node_set_int(node, "at", t->at));
    KERF__TRY(kerf_node_set_float(node, "scale", scale));
    *loss = node->outputs[0];
    return kerf__node_infer(node);
}

/* ---- what features are brought into --------------------------------------------------------- */

/* A node with one output, of which shapes are known. */
static kerf_status make(const tap *t, const char *op, kerf_value *const *inputs, int num_inputs,
                        kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__plan_append(t->p->plan->graph, op, "kerf.loss", inputs, num_inputs, 1, &node));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

/* Over one axis. */
static kerf_status reduce(const tap *t, const char *op, kerf_value *v, int64_t axis, int keep,
                          kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__plan_append(t->p->plan->graph, op, "kerf.loss", &v, 1, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "axes", &axis, 1));
    KERF__TRY(kerf_node_set_int(node, "keepdims", keep));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status reshape(const tap *t, kerf_value *v, kerf_shape shape, kerf_value **out)
{
    kerf_node *node;
    *out = v;
    if (kerf_shape_equal(v->shape, shape))
        return KERF_OK;
    KERF__TRY(kerf__plan_append(t->p->plan->graph, "Reshape", "kerf.loss", &v, 1, 1, &node));
    KERF__TRY(kerf_node_set_ints(node, "shape", shape.dims, (size_t)shape.rank));
    KERF__TRY(kerf_node_set_int(node, "allowzero", 1));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

/* (N, all the rest). */
static kerf_status as_rows(const tap *t, kerf_value *v, kerf_value **out)
{
    const int64_t n = v->shape.dims[0], num = kerf_shape_num_elements(v->shape);
    return reshape(t, v, KERF_SHAPE(n, n > 0 ? num / n : 0), out);
}

/* Each sample's product with each of the batch: (N, N). */
static kerf_status make_products(const tap *t, kerf_value *rows, kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__plan_append(t->p->plan->graph, "Gemm", "kerf.loss",
                                (kerf_value *[]){rows, rows}, 2, 1, &node));
    KERF__TRY(kerf_node_set_int(node, "transB", 1));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

static kerf_status scale(const tap *t, kerf_value *v, float by, kerf_value **out)
{
    kerf_node *node;
    KERF__TRY(kerf__plan_append(t->p->plan->graph, "kerf.Scale", "kerf.loss", &v, 1, 1, &node));
    KERF__TRY(kerf_node_set_float(node, "scale", by));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

/* A constant; (n, n) with another number on the diagonal, or (1). */
static kerf_status add_constant(const tap *t, kerf_shape shape, float diagonal, float others,
                                kerf_value **out)
{
    kerf_tensor *matrix;
    KERF__TRY(kerf_tensor_create(&matrix, NULL, KERF_F32, shape));
    float *numbers = matrix->data;
    const int64_t num = kerf_shape_num_elements(shape), n = shape.dims[0];
    for (int64_t i = 0; i < num; i++)
        numbers[i] = i % (n + 1) == 0 ? diagonal : others;
    return kerf_graph_add_constant(t->p->plan->graph, NULL, matrix, out);
}

/* The batch's samples beside each other: they must be as many, whatever else they are. */
static kerf_status check_same_samples(const tap *t)
{
    char must[32];
    if (t->student->shape.rank >= 1 && t->teacher->shape.rank >= 1 &&
        t->student->shape.dims[0] == t->teacher->shape.dims[0])
        return KERF_OK;
    snprintf(must, sizeof must, "of %lld samples", (long long)t->student->shape.dims[0]);
    return fail_shapes(t, must);
}

/* ---- losses of features --------------------------------------------------------------------- */

/* Of other widths: through a layer that is trained to bring them to the teacher's. */
static kerf_status add_mse(const tap *t, kerf_value **loss)
{
    kerf_value *student = t->student;
    if (!kerf_shape_equal(student->shape, t->teacher->shape) &&
        kerf__plan_can_regress(student->shape, t->teacher->shape))
        KERF__TRY(kerf__plan_add_regressor(t->p, (int)(t->at / KERF__TAP_FLOATS), t->student,
                                           t->teacher->shape, &student));
    else
        KERF__TRY(check_same_shape(t));
    return compare(t, student, t->teacher, "mse", 1, loss);
}

static kerf_status add_cosine(const tap *t, kerf_value **loss)
{
    KERF__TRY(check_same_shape(t));
    return compare(t, t->student, t->teacher, "cosine", 1, loss);
}

/* Where squares of all channels are large: (N, places). */
static kerf_status make_map(const tap *t, kerf_value *v, kerf_value **out)
{
    kerf_value *map;
    KERF__TRY(reduce(t, "ReduceSumSquare", v, 1, 0, &map));
    return as_rows(t, map, out);
}

/* The mean over samples and places of the squared distance of both maps' directions. */
static kerf_status add_attention(const tap *t, kerf_value **loss)
{
    const kerf_shape s = t->student->shape, u = t->teacher->shape;
    kerf_value *mine, *theirs;
    int is_alike = s.rank >= 3 && s.rank == u.rank;
    for (int i = 0; is_alike && i < s.rank; i++)
        is_alike = i == 1 || s.dims[i] == u.dims[i];
    if (!is_alike)
        return fail_shapes(t, "of images of the same sides");
    KERF__TRY(make_map(t, t->student, &mine));
    KERF__TRY(make_map(t, t->teacher, &theirs));
    return compare(t, mine, theirs, "cosine", 2 / (float)mine->shape.dims[1], loss);
}

/* The squared distance of rows' directions, over N^2. */
static kerf_status add_similarity(const tap *t, kerf_value **loss)
{
    kerf_value *mine, *theirs;
    KERF__TRY(check_same_samples(t));
    KERF__TRY(as_rows(t, t->student, &mine));
    KERF__TRY(as_rows(t, t->teacher, &theirs));
    KERF__TRY(make_products(t, mine, &mine));
    KERF__TRY(make_products(t, theirs, &theirs));
    return compare(t, mine, theirs, "cosine", 2 / (float)mine->shape.dims[0], loss);
}

/* Squared distances between samples: |x|^2 + |y|^2 - 2 xy, about the batch's mean, which leaves
 * more of the digits. */
static kerf_status make_squares(const tap *t, kerf_value *v, kerf_value **out)
{
    kerf_value *x, *mean, *lengths, *turned, *products;
    KERF__TRY(as_rows(t, v, &x));
    KERF__TRY(reduce(t, "ReduceMean", x, 0, 1, &mean));
    KERF__TRY(make(t, "Sub", (kerf_value *[]){x, mean}, 2, &x));
    KERF__TRY(reduce(t, "ReduceSumSquare", x, 1, 1, &lengths));
    KERF__TRY(reshape(t, lengths, KERF_SHAPE(1, v->shape.dims[0]), &turned));
    KERF__TRY(make(t, "Add", (kerf_value *[]){lengths, turned}, 2, &lengths));
    KERF__TRY(make_products(t, x, &products));
    KERF__TRY(scale(t, products, 2, &products));
    return make(t, "Sub", (kerf_value *[]){lengths, products}, 2, out);
}

/* Over the mean of what is not on the diagonal, which is 0. */
static kerf_status divide_by_mean(const tap *t, kerf_value *d, kerf_value **out)
{
    const int64_t n = d->shape.dims[0];
    kerf_value *sum;
    KERF__TRY(reshape(t, d, KERF_SHAPE(n * n), &sum));
    KERF__TRY(reduce(t, "ReduceSum", sum, 0, 1, &sum));
    KERF__TRY(make(t, "Div", (kerf_value *[]){d, sum}, 2, &d));
    return scale(t, d, (float)(n * (n - 1)), out);
}

/* Distances over their mean, 0 on the diagonal; what rounding takes below 1e-12 is that. */
static kerf_status make_distances(const tap *t, kerf_value *v, kerf_value **out)
{
    const int64_t n = v->shape.dims[0];
    kerf_value *least, *apart, *d;
    KERF__TRY(make_squares(t, v, &d));
    KERF__TRY(add_constant(t, KERF_SHAPE(1), 1e-12f, 0, &least));
    KERF__TRY(make(t, "Max", (kerf_value *[]){d, least}, 2, &d));
    KERF__TRY(make(t, "Sqrt", &d, 1, &d));
    KERF__TRY(add_constant(t, KERF_SHAPE(n, n), 0, 1, &apart));
    KERF__TRY(make(t, "Mul", (kerf_value *[]){d, apart}, 2, &d));
    return divide_by_mean(t, d, out);
}

static kerf_status add_distance(const tap *t, kerf_value **loss)
{
    kerf_value *mine, *theirs;
    KERF__TRY(check_same_samples(t));
    if (t->student->shape.dims[0] < 2)
        return fail_shapes(t, "of two samples or more");
    KERF__TRY(make_distances(t, t->student, &mine));
    KERF__TRY(make_distances(t, t->teacher, &theirs));
    return compare(t, mine, theirs, "huber", 1, loss);
}

/* Angles are found by the loss itself, of squared distances; these over their mean say when samples
 * are one. */
static kerf_status add_angle(const tap *t, kerf_value **loss)
{
    kerf_node *node;
    kerf_value *mine, *theirs;
    KERF__TRY(check_same_samples(t));
    if (t->student->shape.dims[0] < 3)
        return fail_shapes(t, "of three samples or more");
    KERF__TRY(make_squares(t, t->student, &mine));
    KERF__TRY(divide_by_mean(t, mine, &mine));
    KERF__TRY(make_squares(t, t->teacher, &theirs));
    KERF__TRY(divide_by_mean(t, theirs, &theirs));
    KERF__TRY(kerf__plan_append(t->p->plan->graph, "kerf.AngleLoss", "kerf.loss",
                                (kerf_value *[]){mine, theirs, t->p->plan->tap_settings}, 3, 2,
                                &node));
    KERF__TRY(kerf_node_set_int(node, "at", t->at));
    *loss = node->outputs[0];
    return kerf__node_infer(node);
}

static const struct {
    const char *name;
    kerf_status (*add)(const tap *t, kerf_value **loss);
} LOSSES[KERF_NUM_TAP_LOSSES] = {
    [KERF_TAP_SOFT_TARGETS] = {"soft", add_soft_targets},
    [KERF_TAP_MSE] = {"mse", add_mse},
    [KERF_TAP_COSINE] = {"cosine", add_cosine},
    [KERF_TAP_ATTENTION] = {"attention", add_attention},
    [KERF_TAP_SIMILARITY] = {"similarity", add_similarity},
    [KERF_TAP_DISTANCE] = {"distance", add_distance},
    [KERF_TAP_DECOUPLED] = {"dkd", add_decoupled},
    [KERF_TAP_ANGLE] = {"angle", add_angle},
};

const char *kerf_tap_loss_name(kerf_tap_loss loss)
{
    return (unsigned)loss < KERF_NUM_TAP_LOSSES ? LOSSES[loss].name : NULL;
}

/* ---- where they are ------------------------------------------------------------------------ */

static kerf_status share(kerf_plan *plan, const kerf_value *v, const kerf_tensor *place)
{
    if (place->dev != plan->dev)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "plan: '%s' is to lie where another device has it, "
                          "must be on the student's device",
                          v->name);
    plan->shared[plan->num_shared++] = (kerf__shared){v, place};
    return KERF_OK;
}

kerf_status kerf__plan_share_input(kerf__planning *p)
{
    const kerf_tensor *place = p->options->input_place;
    const kerf_value *v = p->plan->inputs.num > 0 ? p->plan->inputs.items[0].value : NULL;
    if (place == NULL || v == NULL)
        return KERF_OK;
    if (place->type != v->type ||
        place->size_bytes != (size_t)kerf__tensor_bytes(v->type, v->shape))
        return kerf__fail(KERF_ERR_SHAPE,
                          "plan: input '%s' is to lie where others have %zu bytes, "
                          "must be %zu",
                          v->name, place->size_bytes,
                          (size_t)kerf__tensor_bytes(v->type, v->shape));
    return share(p->plan, v, place);
}

kerf_status kerf__plan_add_input(kerf_graph *g, const char *base, kerf_type type, kerf_shape shape,
                                 kerf_value **out)
{
    char *name = kerf__graph_fresh_name(g, base);
    if (name == NULL)
        return kerf__fail_memory("plan", strlen(base));
    kerf_status status = kerf_graph_add_input(g, name, type, shape, out);
    free(name);
    return status;
}

static kerf_status find_ends(tap *t)
{
    const kerf_tap *given = t->given;
    kerf_graph *g = t->p->plan->graph;
    t->student = given->student != NULL ? kerf_graph_find(g, given->student) : t->p->target;
    if (t->student == NULL || t->student->type != KERF_F32)
        return kerf__fail(KERF_ERR_ARGUMENT, "plan: the graph has no value '%s' of float32 to tap",
                          given->student);
    KERF__TRY(kerf__plan_add_input(g, "kerf.teacher", given->teacher->type, given->teacher->shape,
                                   &t->teacher));
    return share(t->p->plan, t->teacher, given->teacher);
}

int kerf__plan_taps_take_labels(const kerf__planning *p)
{
    const kerf_tap *first = p->options->taps;
    return p->options->num_taps > 0 && first->loss == KERF_TAP_SOFT_TARGETS &&
           first->student == NULL;
}

/* ---- together ------------------------------------------------------------------------------ */

static kerf_status join(kerf__planning *p, const char *op, kerf_value *with)
{
    kerf_node *node;
    KERF__TRY(kerf__plan_append(p->plan->graph, op, "kerf.loss", (kerf_value *[]){p->loss, with}, 2,
                                1, &node));
    p->loss = node->outputs[0];
    return kerf__node_infer(node);
}

/* The labels' loss, alone so far, times what it counts. */
static kerf_status weigh_labels(kerf__planning *p)
{
    const int64_t at = KERF__TAPS_LABELS;
    kerf_tensor *t;
    kerf_value *place;
    kerf_node *weight;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SCALAR));
    kerf_status status = kerf_tensor_write(t, &at);
    if (status != KERF_OK) {
        kerf_tensor_destroy(t);
        return status;
    }
    KERF__TRY(kerf_graph_add_constant(p->plan->graph, NULL, t, &place));
    KERF__TRY(kerf__plan_append(p->plan->graph, "Gather", "kerf.loss",
                                (kerf_value *[]){p->plan->tap_settings, place}, 2, 1, &weight));
    KERF__TRY(kerf__node_infer(weight));
    return join(p, "Mul", weight->outputs[0]);
}

kerf_status kerf__plan_add_taps(kerf__planning *p)
{
    if (p->options->num_taps == 0)
        return KERF_OK;
    p->plan->labels_in_tap = kerf__plan_taps_take_labels(p);
    KERF__TRY(kerf__plan_add_input(p->plan->graph, "kerf.taps", KERF_F32,
                                   KERF_SHAPE(KERF__TAPS_FLOATS), &p->plan->tap_settings));
    if (!p->plan->labels_in_tap)
        KERF__TRY(weigh_labels(p));
    for (size_t i = 0; i < p->options->num_taps; i++) {
        tap t = {.p = p, .given = &p->options->taps[i], .at = (int64_t)i * KERF__TAP_FLOATS};
        kerf_value *loss;
        KERF__TRY(find_ends(&t));
        KERF__TRY(LOSSES[p->options->taps[i].loss].add(&t, &loss));
        if (p->loss == NULL)
            p->loss = loss;
        else
            KERF__TRY(join(p, "Add", loss));
    }
    return KERF_OK;
}
