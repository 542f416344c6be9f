/* plan/tap_regressor.c -- a student's features brought to a teacher's width by a layer that is
 * trained with them (Romero et al. 2015): a convolution of 1x1 for images, a product for rows.
 *
 * The layer is part of the training graph alone, so no file ever has it.  Its weights lie in the
 * state, as "kerf.regressor.I.weight" and ".bias" for tap I, so that checkpoints hold them; whoever
 * trains drops them at the end (kerf__plan_drop_regressors). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "plan/tap_regressor.h"

static const char PREFIX[] = "kerf.regressor.";

/* Uniform within 1 / sqrt(fan_in), as fresh layers are (nets/layers.c). */
static kerf_status draw(const kerf__planning *p, int id, int tap, int64_t fan_in)
{
    kerf_state *s = p->plan->state;
    const size_t num = (size_t)kerf_shape_num_elements(kerf_state_get(s, id)->shape);
    const kerf__random key =
        kerf__random_key(p->options->seed, KERF__RANDOM_INIT, 0x40000000u + (uint32_t)tap);
    const float bound = (float)(1 / sqrt((double)fan_in));
    float *data = kerf__alloc(num, sizeof *data);
    if (data == NULL)
        return kerf__fail_memory("plan", num * sizeof *data);
    for (size_t i = 0; i < num; i++)
        data[i] = (2 * kerf__random_float(key, 0, i) - 1) * bound;
    kerf_status status = kerf_state_write(s, id, data);
    free(data);
    return status;
}

/* A plan that is made again finds what the one before has trained; fan_in 0: all zeros at first. */
static kerf_status find_or_add(const kerf__planning *p, int tap, const char *what, kerf_shape shape,
                               int64_t fan_in, kerf_value **out)
{
    char name[64];
    int id;
    snprintf(name, sizeof name, "%s%d.%s", PREFIX, tap, what);
    const kerf_state_entry *e = kerf_state_find(p->plan->state, name);
    if (e != NULL && kerf_shape_equal(e->shape, shape))
        return kerf_graph_add_state(p->plan->graph, name, e->id, KERF_F32, shape, out);
    if (e != NULL)
        kerf_state_drop(p->plan->state, e->id);
    KERF__TRY(kerf_state_add(p->plan->state, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    if (fan_in > 0)
        KERF__TRY(draw(p, id, tap, fan_in));
    return kerf_graph_add_state(p->plan->graph, name, id, KERF_F32, shape, out);
}

int kerf__plan_can_regress(kerf_shape student, kerf_shape teacher)
{
    int is_same = student.rank == teacher.rank && student.rank >= 2 && student.rank <= 4;
    for (int i = 0; is_same && i < student.rank; i++)
        is_same = i == 1 || student.dims[i] == teacher.dims[i];
    return is_same;
}

kerf_status kerf__plan_add_regressor(const kerf__planning *p, int tap, kerf_value *student,
                                     kerf_shape teacher, kerf_value **out)
{
    const int64_t from = student->shape.dims[1], to = teacher.dims[1];
    kerf_shape shape = KERF_SHAPE(to, from);
    kerf_value *inputs[3] = {student};
    kerf_node *node;
    for (shape.rank = 2; shape.rank < student->shape.rank; shape.rank++)
        shape.dims[shape.rank] = 1;
    KERF__TRY(find_or_add(p, tap, "weight", shape, from, &inputs[1]));
    KERF__TRY(find_or_add(p, tap, "bias", KERF_SHAPE(to), 0, &inputs[2]));
    KERF__TRY(kerf__plan_append(p->plan->graph, shape.rank == 2 ? "Gemm" : "Conv", "kerf.regressor",
                                inputs, 3, 1, &node));
    if (shape.rank == 2)
        KERF__TRY(kerf_node_set_int(node, "transB", 1));
    *out = node->outputs[0];
    return kerf__node_infer(node);
}

void kerf__plan_drop_regressors(kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_WEIGHT &&
            strncmp(e->name, PREFIX, sizeof PREFIX - 1) == 0)
            kerf_state_drop(s, id);
    }
}
