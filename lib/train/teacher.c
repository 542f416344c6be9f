/* train/teacher.c -- teachers at work: their plans, and which networks they are (teaching.h). */
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "kerf/io.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"
#include "train/train_internal.h"

/* ---- who they are -------------------------------------------------------------------------- */

int kerf__is_taught(const kerf_distillation *distill)
{
    return distill->self || distill->teacher != NULL || distill->num_more > 0;
}

static kerf_teacher teacher_at(const kerf_distillation *distill, size_t i)
{
    if (distill->teacher == NULL)
        return distill->more[i];
    return i == 0 ? (kerf_teacher){distill->teacher, distill->state} : distill->more[i - 1];
}

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

/* ---- which networks they are --------------------------------------------------------------- */

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

static kerf_status add_teacher(XXH64_state_t *hash, const kerf_graph *g, const kerf_state *s)
{
    void *graph;
    size_t num_bytes;
    KERF__TRY(kerf_graph_serialize(g, &graph, &num_bytes));
    XXH64_update(hash, graph, num_bytes);
    free(graph);
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role != KERF_ROLE_METRIC)
            KERF__TRY(add_entry(hash, s, e));
    }
    return KERF_OK;
}

static kerf_status take_digest(kerf__teaching *t)
{
    XXH64_state_t *hash = XXH64_createState();
    kerf_status status = KERF_OK;
    if (hash == NULL)
        return kerf__fail_memory("distill", 64);
    XXH64_reset(hash, 0);
    for (size_t i = 0; status == KERF_OK && i < t->num_teachers; i++)
        status = add_teacher(hash, t->teachers[i].g, t->teachers[i].s);
    t->digest = XXH64_digest(hash);
    XXH64_freeState(hash);
    return status;
}

/* ---- taking them --------------------------------------------------------------------------- */

static kerf_status take_self(kerf__run *run)
{
    kerf__teaching *t = &run->teaching;
    kerf__teacher *self = &t->teachers[t->num_teachers++];
    KERF__TRY(kerf_graph_copy(&self->g, run->g));
    KERF__TRY(kerf_state_copy(&self->s, run->s, kerf_state_device(run->s)));
    t->keeps_self = 1;
    kerf__run_forget(self->s);
    return KERF_OK;
}

static kerf_status take_given(kerf__run *run, kerf_teacher given)
{
    kerf__teacher *teacher = &run->teaching.teachers[run->teaching.num_teachers++];
    if (kerf_state_device(given.s) == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "distill: the teacher's state lies in host memory, "
                                             "must lie on a device");
    KERF__TRY(check_prep(run, given.g));
    teacher->s = given.s;
    return kerf_graph_copy(&teacher->g, given.g);
}

kerf_status kerf__run_take_teachers(kerf__run *run)
{
    const kerf_distillation *distill = &run->options->distill;
    const size_t num = (distill->teacher != NULL) + distill->num_more;
    if (!kerf__is_taught(distill))
        return KERF_OK;
    if (num + (distill->self != 0) > KERF_MOST_TEACHERS)
        return kerf__fail(KERF_ERR_ARGUMENT, "distill: %zu teachers, must be at most %d",
                          num + (distill->self != 0), KERF_MOST_TEACHERS);
    run->teaching.dev = kerf_state_device(run->s);
    if (distill->self)
        KERF__TRY(take_self(run));
    for (size_t i = 0; i < num; i++)
        KERF__TRY(take_given(run, teacher_at(distill, i)));
    KERF__TRY(take_digest(&run->teaching));
    return kerf__teaching_find_lessons(&run->teaching, distill, run->g);
}

/* ---- their plans --------------------------------------------------------------------------- */

/* Choices are those of the student's device; another one has its own. */
static kerf_status open_teacher(const kerf__run *run, kerf__teacher *teacher, const char *choices)
{
    kerf_known_input known;
    kerf_plan_options plan = {.mode = KERF_EVALUATE,
                              .batch = kerf__own_rows(run),
                              .choices = kerf__run_is_beside(run, teacher) ? choices : NULL,
                              .inputs = &known};
    const kerf_shape sample = kerf_loader_sample_shape(run->loader);
    plan.input_place = kerf__run_input_place(run, kerf_state_device(teacher->s));
    KERF__TRY(kerf__check_sample(kerf_graph_input(teacher->g, 0), sample));
    plan.num_inputs = kerf__known_input(teacher->g, sample, &known);
    return kerf_plan_create(&teacher->plan, teacher->g, teacher->s, &plan);
}

static kerf_status check_classes(const kerf__run *run, kerf_shape is)
{
    char text[128];
    const int num_classes = kerf_dataset_num_classes(run->d);
    if (is.rank == 2 && is.dims[0] == kerf__own_rows(run) && is.dims[1] == num_classes)
        return KERF_OK;
    return kerf__fail(
        KERF_ERR_SHAPE,
        "distill: the teacher's output is %s, must be (%lld, %d): one number for each "
        "class of the data",
        kerf_shape_text(is, text, sizeof text), (long long)kerf__own_rows(run), num_classes);
}

/* A run that is taken up behind a teacher's time reads what it has never written, times 0: that
 * must be numbers. */
static kerf_status find_output(kerf__run *run, size_t tap)
{
    kerf__teaching *t = &run->teaching;
    const kerf_tensor *output = kerf__teaching_said(t, tap);
    if (!kerf__run_is_beside(run, &t->teachers[t->lessons[tap].from]))
        return kerf__teaching_add_relay(t, tap, output->shape);
    t->taps[tap].teacher = output;
    return kerf__buffer_fill_zero(output->buffer, 0, output->size_bytes);
}

const kerf_tensor *kerf__run_input_place(const kerf__run *run, const kerf_device *dev)
{
    const kerf_tensor *mixed = kerf__mixing_output(&run->mixing, dev);
    return mixed != NULL ? mixed : kerf__teaching_input(&run->teaching, dev);
}

int kerf__run_is_beside(const kerf__run *run, const kerf__teacher *teacher)
{
    return kerf_state_device(teacher->s) == kerf_state_device(run->s);
}

kerf_status kerf__run_open_teacher_plans(kerf__run *run, const char *choices)
{
    kerf__teaching *t = &run->teaching;
    for (size_t i = 0; i < t->num_teachers; i++)
        KERF__TRY(open_teacher(run, &t->teachers[i], choices));
    return KERF_OK;
}

kerf_status kerf__run_open_teachers(kerf__run *run, const char *choices)
{
    kerf__teaching *t = &run->teaching;
    const int is_kept = run->options->distill.cache;
    if (t->num_teachers == 0 || t->taps[0].teacher != NULL)
        return KERF_OK;
    run->flight.teaching = t;
    KERF__TRY(is_kept ? kerf__run_open_cache(run, choices)
                      : kerf__run_open_teacher_plans(run, choices));
    for (size_t i = 0; i < t->num_taps; i++) {
        if (!is_kept)
            KERF__TRY(find_output(run, i));
        if (t->lessons[i].student == NULL)
            KERF__TRY(check_classes(run, kerf_tensor_shape(t->taps[i].teacher)));
    }
    return KERF_OK;
}

void kerf__run_add_taps(const kerf__run *run, kerf_plan_options *plan)
{
    plan->taps = run->teaching.taps;
    plan->num_taps = run->teaching.num_taps;
    plan->input_place = kerf__run_input_place(run, kerf_state_device(run->s));
}

void kerf__teacher_step(kerf_step *step, const kerf__run *run)
{
    const kerf_distillation *distill = &run->options->distill;
    const double done = (double)(step->step - 1) / (double)run->schedule.num_steps;
    const double last =
        distill->last_temperature > 0 ? distill->last_temperature : distill->temperature;
    kerf__teaching_weigh(step, &run->teaching, distill, &run->schedule);
    step->temperature = (float)(distill->temperature + (last - distill->temperature) * done);
}
