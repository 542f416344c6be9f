/* train/run_setup.c -- everything between a call and its first step, and the end of it all.
 *
 * What can be refused is refused before the folder is touched.  Choices of kernels are
 * fixed here, once: those of the checkpoint, of the caller, or of the tuning store. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "compress/prune/prune_internal.h"
#include "kerf/io.h"
#include "plan/plan_internal.h"
#include "train/train_internal.h"

/* ---- what cannot work is said first --------------------------------------------------------- */

static kerf_status check_numbers(const kerf_state *s, const kerf_state_entry *e)
{
    size_t num = kerf_tensor_num_elements(e->tensor), bad = 0;
    float *data = kerf__alloc(num, sizeof *data);
    if (data == NULL)
        return kerf__fail_memory("train", num * sizeof *data);
    kerf_status status = num > 0 ? kerf_state_read(s, e->id, data) : KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        bad += isfinite(data[i]) ? 0 : 1;
    free(data);
    if (bad == 0)
        return status;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "train: weight '%s' holds %zu values that are not finite numbers; nothing "
                      "can be learned from there",
                      e->name, bad);
}

static kerf_status check_weights(const kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_WEIGHT && kerf_tensor_type(e->tensor) == KERF_F32)
            KERF__TRY(check_numbers(s, e));
    }
    return KERF_OK;
}

static kerf_status prepare_graph(kerf__run *run)
{
    const kerf_train_options *o = run->options;
    int64_t num_outputs;
    kerf_prep prep;
    KERF__TRY(kerf__train_check_options(o, run->d));
    const char *text = kerf__choose_prep(o->prep, run->g, run->d);
    KERF__TRY(kerf_prep_parse(&prep, text));
    KERF__TRY(kerf__check_network(run->g, run->d, &prep, &num_outputs));
    KERF__TRY(check_weights(run->s));
    if (kerf_graph_metadata(run->g, "kerf.prep") != text)
        KERF__TRY(kerf_graph_set_metadata(run->g, "kerf.prep", text));
    if (o->prune.events > 0)
        KERF__TRY(kerf_prune_mark(run->g, run->s, &o->prune.options));
    KERF__TRY(kerf__run_add_gates(run));
    return kerf_graph_serialize(run->g, &run->graph, &run->graph_bytes);
}

static kerf_status prepare_schedule(kerf__run *run)
{
    kerf_loader_options loader = {.split = KERF_SPLIT_TRAIN,
                                  .batch = run->options->batch,
                                  .shuffle = 1,
                                  .seed = run->options->seed};
    const char *prep = kerf_graph_metadata(run->g, "kerf.prep");
    KERF__TRY(kerf_prep_parse(&loader.prep, prep));
    if (run->options->augment != NULL)
        KERF__TRY(kerf_augment_parse(&loader.augment, run->options->augment));
    KERF__TRY(kerf_loader_create(&run->loader, run->d, &loader));
    KERF__TRY(
        kerf__schedule_create(&run->schedule, run->options, kerf_loader_num_batches(run->loader)));
    return kerf__train_options_text(&run->options_text, run->options, run->g, run->d);
}

/* A run with fewer steps before it is over before joined launches have paid for their compiling,
 * seconds where none is kept, by a tenth of a millisecond or two a step. */
enum { JOINED_STEPS = 10000 };

/* ---- plans and choices ----------------------------------------------------------------------- */

static kerf_status make_plan(kerf__run *run, const char *choices)
{
    const kerf_train_options *o = run->options;
    kerf_known_input known;
    kerf_plan_options plan = {.mode = KERF_TRAIN,
                              .batch = o->batch,
                              .loss = o->loss,
                              .optimizer = o->optimizer,
                              .choices = choices,
                              .freeze = o->freeze,
                              .num_freeze = o->num_freeze,
                              .seed = o->seed,
                              .inputs = &known,
                              .memory_bytes = o->memory_bytes};
    kerf_shrunk_weight *shrunk;
    const kerf_tap tap = {KERF_TAP_SOFT_TARGETS, kerf__teacher_output(run)};
    plan.taps = &tap;
    plan.num_taps = run->teacher != NULL;
    plan.num_inputs = kerf__known_input(run->g, kerf_loader_sample_shape(run->loader), &known);
    kerf_status status = kerf__run_shrunk(run, &shrunk, &plan.num_shrunk);
    plan.shrunk = shrunk;
    if (status == KERF_OK)
        status = kerf_plan_create(&run->plan, run->g, run->s, &plan);
    free(shrunk);
    KERF__TRY(status);
    const int64_t left = run->schedule.num_steps - run->position.step;
    return left >= JOINED_STEPS ? kerf_plan_join(run->plan) : KERF_OK;
}

static kerf_status make_evaluator(kerf__run *run, const char *choices)
{
    const kerf_train_options *o = run->options;
    const kerf__evaluator_options evaluator = {
        .split = KERF_SPLIT_VAL, .batch = o->batch, .loss = o->loss, .choices = choices};
    if (kerf_dataset_num_samples(run->d, KERF_SPLIT_VAL) == 0)
        return KERF_OK;
    return kerf__evaluator_create(&run->evaluator, run->g, run->s, run->d, &evaluator);
}

static kerf_status is_stale(kerf_plan *plan, int *out)
{
    int is_this = 0;
    if (plan != NULL)
        KERF__TRY(kerf_plan_is_stale(plan, &is_this));
    *out |= is_this;
    return KERF_OK;
}

/* The pruner is bound to moments that the new plan may have laid out anew. */
static kerf_status follow_layouts(kerf__run *run)
{
    if (run->pruner == NULL)
        return KERF_OK;
    kerf_pruner_destroy(run->pruner);
    run->pruner = NULL;
    return kerf__pruner_create(&run->pruner, run->g, run->s, &run->options->prune.options,
                               run->choices);
}

kerf_status kerf__run_follow_zeros(kerf__run *run)
{
    int is_plan = 0, is_evaluator = 0;
    KERF__TRY(is_stale(run->plan, &is_plan));
    KERF__TRY(is_stale(run->evaluator.full, &is_evaluator));
    KERF__TRY(is_stale(run->evaluator.rest, &is_evaluator));
    if (is_plan) {
        kerf_plan_destroy(run->plan);
        run->plan = NULL;
        KERF__TRY(make_plan(run, run->choices));
        KERF__TRY(follow_layouts(run));
    }
    if (is_evaluator) {
        kerf__evaluator_free(&run->evaluator);
        KERF__TRY(make_evaluator(run, run->choices));
    }
    return is_plan || is_evaluator ? kerf__run_collect_choices(run) : KERF_OK;
}

static kerf_status make_plans(kerf__run *run, const char *choices)
{
    const kerf_train_options *o = run->options;
    KERF__TRY(kerf__run_open_teacher(run, choices));
    KERF__TRY(make_plan(run, choices));
    KERF__TRY(make_evaluator(run, choices));
    if (o->prune.events == 0)
        return KERF_OK;
    if (o->prune.rewinds)
        KERF__TRY(kerf__lottery_begin(run->s));
    /* After the training plan: the pruner zeroes the moments that this plan has made. */
    return kerf__pruner_create(&run->pruner, run->g, run->s, &o->prune.options, choices);
}

static kerf_status add_choices(json_t *all, const kerf_plan *plan)
{
    char *text;
    if (plan == NULL)
        return KERF_OK;
    KERF__TRY(kerf_plan_choices(plan, &text));
    json_t *some = json_loads(text, 0, NULL);
    int failed = some == NULL || json_object_update(all, some) != 0;
    json_decref(some);
    free(text);
    return failed ? kerf__fail_memory("train", 1024) : KERF_OK;
}

/* In run->choices and, if they are others than before, in the run's folder. */
static kerf_status keep_choices(kerf__run *run, char *text /* taken */)
{
    const int is_new = run->choices == NULL || strcmp(run->choices, text) != 0;
    free(run->choices);
    run->choices = text;
    if (run->folder.path == NULL || (!is_new && access(run->folder.choices, F_OK) == 0))
        return KERF_OK;
    return kerf__file_write(run->folder.choices, text, strlen(text));
}

kerf_status kerf__run_collect_choices(kerf__run *run)
{
    json_t *all = json_object();
    kerf_status status = all != NULL ? KERF_OK : kerf__fail_memory("train", 64);
    const kerf_plan *plans[] = {run->plan, run->teacher, run->evaluator.full, run->evaluator.rest,
                                run->pruner != NULL ? kerf__pruner_plan(run->pruner) : NULL};
    for (size_t i = 0; status == KERF_OK && i < sizeof plans / sizeof plans[0]; i++)
        status = add_choices(all, plans[i]);
    char *text = status == KERF_OK ? json_dumps(all, JSON_INDENT(2) | JSON_SORT_KEYS) : NULL;
    json_decref(all);
    if (status == KERF_OK && text == NULL)
        status = kerf__fail_memory("train", 1024);
    return status == KERF_OK ? keep_choices(run, text) : status;
}

/* ---- begin and end --------------------------------------------------------------------------- */

/* Zeros among all that layers multiply by, from the masks. */
kerf_status kerf__run_read_sparsity(kerf__run *run)
{
    kerf__prune_targets targets;
    KERF__TRY(kerf__prune_find(&targets, run->g, run->s, 0));
    int64_t zeros = 0, total = 0;
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < targets.num; i++) {
        size_t num = (size_t)kerf_shape_num_elements(targets.at[i].weight->shape);
        int64_t nonzeros = (int64_t)num;
        if (targets.at[i].mask != NULL)
            status = kerf__mask_read_nonzeros(run->s, targets.at[i].mask->state_id, &nonzeros);
        zeros += (int64_t)num - nonzeros;
        total += (int64_t)num;
    }
    kerf__prune_targets_free(&targets);
    run->sparsity = total > 0 ? (double)zeros / (double)total : 0;
    return status;
}

static void begin_clocks(kerf__run *run)
{
    run->epoch_ms = run->run_ms = kerf__now_ms();
    run->told_ms = -INFINITY; /* the first step is told at once: the run is on its way */
    run->run_step = run->position.step;
}

kerf_status kerf__run_begin(kerf__run *run)
{
    const kerf_train_options *o = run->options;
    KERF__TRY(prepare_graph(run));
    KERF__TRY(prepare_schedule(run));
    KERF__TRY(kerf__run_folder_open(&run->folder, o->run_dir));
    if (o->resume)
        KERF__TRY(kerf__run_load(run));
    else
        kerf__run_forget(run->s);
    KERF__TRY(make_plans(run, run->choices != NULL ? run->choices : o->choices));
    KERF__TRY(kerf__run_collect_choices(run));
    KERF__TRY(kerf__run_read_sparsity(run));
    KERF__TRY(kerf__run_write_metrics(run));
    begin_clocks(run);
    return kerf__run_save(run);
}

void kerf__run_end(kerf__run *run)
{
    if (run->loader != NULL) /* a copy out of its memory may still be queued after a failure */
        (void)kerf_device_finish(kerf_state_device(run->s));
    if (run->flight.num > 0) {
        kerf_status ignored = kerf__flight_land(&run->flight, run->loader);
        (void)ignored;
    }
    kerf_pruner_destroy(run->pruner);
    kerf__evaluator_free(&run->evaluator);
    kerf_plan_destroy(run->plan);
    kerf_plan_destroy(run->teacher);
    kerf_loader_destroy(run->loader);
    kerf_state_destroy(run->best);
    free(run->epochs);
    free(run->graph);
    free(run->choices);
    free(run->options_text);
    kerf__schedule_free(&run->schedule);
    kerf__run_folder_close(&run->folder);
}
