/* train/run_setup.c -- everything between a call and its first step, and the end of it all.
 *
 * What can be refused is refused before the folder is touched. */
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
#include "plan/tap_regressor.h"
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

static kerf_status check_network(kerf__run *run)
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
    return kerf__run_take_teachers(run);
}

static kerf_status prepare_graph(kerf__run *run)
{
    KERF__TRY(kerf__run_check_prunes(run));
    for (size_t i = 0; i < run->schedule.num_prunes; i++)
        KERF__TRY(kerf_prune_mark(run->g, run->s, &run->schedule.prunes[i].options));
    KERF__TRY(kerf__run_add_gates(run));
    KERF__TRY(kerf_graph_serialize(run->g, &run->graph, &run->graph_bytes));
    return kerf__train_options_text(&run->options_text, run);
}

kerf_status kerf__run_open_loader(kerf__run *run)
{
    kerf_loader_options loader = {.split = KERF_SPLIT_TRAIN,
                                  .batch = kerf__part_size(run->options),
                                  .shuffle = 1,
                                  .first_row = run->balance.first,
                                  .num_rows = kerf__own_rows(run),
                                  .seed = run->options->seed};
    const char *prep = kerf_graph_metadata(run->g, "kerf.prep");
    KERF__TRY(kerf_prep_parse(&loader.prep, prep));
    if (run->options->augment != NULL)
        KERF__TRY(kerf_augment_parse(&loader.augment, run->options->augment));
    kerf_loader_destroy(run->loader);
    return kerf_loader_create(&run->loader, run->d, &loader);
}

static kerf_status prepare_schedule(kerf__run *run)
{
    KERF__TRY(kerf__run_open_loader(run));
    KERF__TRY(kerf__schedule_create(&run->schedule, run->given,
                                    kerf_loader_num_batches(run->loader) /
                                        kerf__num_parts(run->options)));
    if (run->schedule.quantize_step >= 0)
        run->own.freeze_observers = run->schedule.freeze_observers;
    return KERF_OK;
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void begin_clocks(kerf__run *run)
{
    run->epoch_ms = run->run_ms = kerf__now_ms();
    run->told_ms = -INFINITY; /* the first step is told at once: the run is on its way */
    run->run_step = run->position.step;
}

kerf_status kerf__run_begin(kerf__run *run)
{
    const kerf_train_options *o = run->options = &run->own;
    KERF__TRY(check_network(run));
    KERF__TRY(kerf__run_balance(run));
    KERF__TRY(prepare_schedule(run));
    KERF__TRY(prepare_graph(run));
    KERF__TRY(kerf__run_compare_ranks(run));
    KERF__TRY(kerf__run_folder_open(&run->folder, o->run_dir, kerf__rank(o) == 0));
    if (o->resume)
        KERF__TRY(kerf__run_load(run));
    else
        kerf__run_forget(run->s);
    KERF__TRY(kerf__run_compare_positions(run)); /* of folders of the same path on machines */
    if (kerf__rank(o) > 0)                       /* all read, one writes */
        kerf__run_folder_close(&run->folder);
    KERF__TRY(kerf__run_measure_balance(run));
    KERF__TRY(kerf__run_make_plans(run));
    KERF__TRY(kerf__run_take_state(run));
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
    kerf__run_drop_plans(run);
    kerf_graph_destroy(run->rounding);
    if (run->teaching.num_taps > 0)
        kerf__plan_drop_regressors(run->s);
    kerf__teaching_free(&run->teaching);
    kerf__mixing_free(&run->mixing);
    kerf_loader_destroy(run->loader);
    free(run->balance.rows);
    free(run->balance.measured);
    kerf_state_destroy(run->best);
    free(run->epochs);
    free(run->graph);
    free(run->choices);
    free(run->options_text);
    kerf__schedule_free(&run->schedule);
    kerf__run_folder_close(&run->folder);
}
