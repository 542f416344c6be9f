/* train/teacher.c -- the network that a student learns from: a plan of its own, in evaluation mode.
 *
 * It takes each batch before the student's plan does (flight.c), on the same device and queue, and
 * the student's plan reads its output where it lies (kerf_tap). */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "kerf/io.h"
#include "plan/plan_internal.h"
#include "train/train_internal.h"

/* What the student's images are made by must be what the teacher was trained with. */
static kerf_status check_prep(const kerf__run *run, const kerf_graph *teacher)
{
    const char *is = kerf_graph_metadata(run->g, "kerf.prep");
    const char *must = kerf_graph_metadata(teacher, "kerf.prep");
    if (must == NULL || is == NULL || strcmp(is, must) == 0)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "distill: images are prepared by '%s', must be as the teacher knows them: "
                      "'%s'",
                      is, must);
}

static kerf_status check_classes(const kerf__run *run)
{
    char text[128];
    const kerf_shape is = kerf_tensor_shape(kerf__teacher_output(run));
    const int num_classes = kerf_dataset_num_classes(run->d);
    if (is.rank == 2 && is.dims[0] == run->options->batch && is.dims[1] == num_classes)
        return KERF_OK;
    return kerf__fail(
        KERF_ERR_SHAPE,
        "distill: the teacher's output is %s, must be (%lld, %d): one number for each "
        "class of the data",
        kerf_shape_text(is, text, sizeof text), (long long)run->options->batch, num_classes);
}

kerf_status kerf__run_open_teacher(kerf__run *run, const char *choices)
{
    const kerf_distillation *distill = &run->options->distill;
    kerf_known_input known;
    kerf_plan_options plan = {
        .mode = KERF_EVALUATE, .batch = run->options->batch, .choices = choices, .inputs = &known};
    if (distill->teacher == NULL)
        return KERF_OK;
    if (kerf_state_device(distill->state) != kerf_state_device(run->s))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "distill: the teacher's state must lie on the student's "
                          "device");
    KERF__TRY(check_prep(run, distill->teacher));
    const kerf_shape sample = kerf_loader_sample_shape(run->loader);
    KERF__TRY(kerf__check_sample(kerf_graph_input(distill->teacher, 0), sample));
    plan.num_inputs = kerf__known_input(distill->teacher, sample, &known);
    KERF__TRY(kerf_plan_create(&run->teacher, distill->teacher, distill->state, &plan));
    run->flight.teacher = run->teacher;
    run->flight.teacher_input = kerf_value_name(kerf_graph_input(distill->teacher, 0));
    return check_classes(run);
}

const kerf_tensor *kerf__teacher_output(const kerf__run *run)
{
    if (run->teacher == NULL)
        return NULL;
    const kerf_value *output = kerf_graph_output(run->options->distill.teacher, 0);
    return kerf_plan_output(run->teacher, kerf_value_name(output));
}

void kerf__teacher_step(kerf_step *step, const kerf__run *run)
{
    const kerf_distillation *distill = &run->options->distill;
    const double done = (double)(step->step - 1) / (double)run->schedule.num_steps;
    const double last =
        distill->last_temperature > 0 ? distill->last_temperature : distill->temperature;
    step->labels = (float)(1 - distill->alpha);
    step->taps[0] = (float)distill->alpha;
    step->temperature = (float)(distill->temperature + (last - distill->temperature) * done);
}

/* ---- which one it is ------------------------------------------------------------------------- */

static kerf_status add_entry(XXH64_state_t *hash, const kerf_state *s, const kerf_state_entry *e)
{
    const size_t num_bytes = kerf_tensor_size_bytes(e->tensor);
    void *bytes = kerf__alloc(num_bytes + 1, 1);
    if (bytes == NULL)
        return kerf__fail_memory("distill", num_bytes);
    kerf_status status = num_bytes > 0 ? kerf_state_read(s, e->id, bytes) : KERF_OK;
    XXH64_update(hash, e->name, strlen(e->name));
    XXH64_update(hash, bytes, num_bytes);
    free(bytes);
    return status;
}

static kerf_status add_teacher(XXH64_state_t *hash, const kerf_distillation *distill)
{
    void *graph;
    size_t num_bytes;
    KERF__TRY(kerf_graph_serialize(distill->teacher, &graph, &num_bytes));
    XXH64_update(hash, graph, num_bytes);
    free(graph);
    for (int id = 0; id < kerf_state_num_ids(distill->state); id++) {
        const kerf_state_entry *e = kerf_state_get(distill->state, id);
        if (e != NULL && e->role != KERF_ROLE_METRIC)
            KERF__TRY(add_entry(hash, distill->state, e));
    }
    return KERF_OK;
}

kerf_status kerf__teacher_digest(const kerf_distillation *distill, uint64_t *out)
{
    XXH64_state_t *hash = XXH64_createState();
    if (hash == NULL)
        return kerf__fail_memory("distill", 64);
    XXH64_reset(hash, 0);
    kerf_status status = add_teacher(hash, distill);
    *out = XXH64_digest(hash);
    XXH64_freeState(hash);
    return status;
}
