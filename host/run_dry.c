/* run_dry.c -- the timetable of a recipe, and what it will take; see run_dry.h.
 *
 * Every stage is measured with the network that the first begins with: what a stage leaves is not
 * known, but its steps cost no more than these. */
#include "run_dry.h"

#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "json.h"
#include "progress.h"
#include "run_removal.h"
#include "table.h"

typedef struct dry {
    const options *o;
    const kerf_recipe *r;
    kerf_device *dev;
    kerf_dataset *data;
    kerf_graph *g;
    kerf_state *s;
    json_t *stages;
} dry;

static kerf_status open_all(dry *d)
{
    const kerf_recipe *r = d->r;
    kerf_status status = open_device(&d->dev, d->o, d->o->device);
    if (status == KERF_OK)
        status = kerf_dataset_open(&d->data, r->data);
    if (status == KERF_OK && r->classes != NULL)
        status = kerf_dataset_set_classes(d->data, r->classes);
    if (status == KERF_OK && r->val > 0)
        status = kerf_dataset_hold_back(d->data, r->val, r->seed);
    return status == KERF_OK ? kerf_recipe_make_model(&d->g, &d->s, r, d->data, d->dev) : status;
}

static void close_all(dry *d)
{
    kerf_graph_destroy(d->g);
    kerf_state_destroy(d->s);
    kerf_dataset_close(d->data);
    close_device(d->o, d->dev);
}

/* ---- a stage -------------------------------------------------------------------------------- */

static void print_instants(const kerf_instant *at, size_t num, FILE *out)
{
    table *t = table_create(">epoch|>step|what|>");
    for (size_t i = 0; i < num; i++) {
        const int is_rate = strcmp(at[i].what, "learning rate") == 0;
        table_cell(t, "%.2f", at[i].epoch);
        table_cell(t, "%lld", (long long)at[i].step);
        table_cell(t, "%s", at[i].what);
        if (at[i].share < 0)
            table_cell(t, "%s", "");
        else if (is_rate)
            table_cell(t, "%g", at[i].share);
        else
            table_cell(t, "%.1f %% of the amount", 100 * at[i].share);
    }
    if (num > 0)
        table_print(t, out);
    table_destroy(t);
}

static double seconds_of(const kerf_forecast *f)
{
    return f->step_ms * (double)f->num_steps / 1e3;
}

static void print_forecast(const kerf_forecast *f, FILE *out)
{
    char time[32], arena[32], states[32], device[32], most[32];
    fprintf(out,
            "%lld steps of %.2f ms: %s of training\n"
            "%s at most in one piece (the device gives %s), %s of weights and their moments; the "
            "device has %s\n\n",
            (long long)f->num_steps, f->step_ms, time_text(seconds_of(f), time, sizeof time),
            bytes_text((double)f->arena_bytes, arena, sizeof arena),
            bytes_text((double)f->most_bytes, most, sizeof most),
            bytes_text((double)f->state_bytes, states, sizeof states),
            bytes_text((double)f->device_bytes, device, sizeof device));
}

/* What goes before the first step. */
static void print_removal(const kerf_recipe_stage *stage, FILE *out)
{
    char text[192];
    if (stage->removal == NULL)
        return;
    removal_text(stage->removal, text, sizeof text);
    fprintf(out, "first, taken out: %s\n", text);
}

static json_t *removal_json(const kerf_recipe_stage *stage)
{
    char text[192];
    if (stage->removal == NULL)
        return json_null();
    removal_text(stage->removal, text, sizeof text);
    return json_text(text);
}

static json_t *stage_json(const kerf_recipe_stage *stage, const kerf_forecast *f,
                          const kerf_instant *at, size_t num)
{
    json_t *events = json_array();
    for (size_t i = 0; i < num; i++)
        json_array_append_new(events,
                              json_pack("{s:f,s:I,s:s,s:o}", "at", at[i].epoch, "step",
                                        (json_int_t)at[i].step, "what", at[i].what, "value",
                                        at[i].share < 0 ? json_null() : json_real(at[i].share)));
    return json_pack("{s:s,s:o,s:f,s:I,s:f,s:f,s:I,s:I,s:o}", "name", stage->name, "removed",
                     removal_json(stage), "epochs", stage->train.epochs, "steps",
                     (json_int_t)f->num_steps, "step_ms", f->step_ms, "seconds", seconds_of(f),
                     "peak_bytes", (json_int_t)(f->arena_bytes + f->state_bytes), "largest_bytes",
                     (json_int_t)f->arena_bytes, "events", events);
}

static int fail_batch(const dry *d, const kerf_recipe_stage *stage, const kerf_forecast *f)
{
    char device[32], most[32];
    bytes_text((double)f->device_bytes, device, sizeof device);
    bytes_text((double)f->most_bytes, most, sizeof most);
    if (f->batch == 0)
        return fail_work(d->o, "train.batch %lld: does not fit into the device's %s, nor does 1",
                         (long long)stage->train.batch, device);
    return fail_work(
        d->o,
        "train.batch %lld: does not fit into the device's %s, of which one piece has %s "
        "at most; %lld does",
        (long long)stage->train.batch, device, most, (long long)f->batch);
}

static int look_at_stage(dry *d, const kerf_recipe_stage *stage)
{
    kerf_forecast f;
    kerf_instant *at;
    size_t num;
    kerf_train_options train = stage->train;
    train.prep = d->r->prep;
    kerf_status status = kerf_train_forecast(&f, d->g, d->s, d->data, &train);
    if (status != KERF_OK)
        return fail_kerf(d->o, status);
    if (f.batch != train.batch)
        return fail_batch(d, stage, &f);
    status = kerf_train_timetable(&at, &num, &stage->train, f.steps_per_epoch);
    if (status != KERF_OK)
        return fail_kerf(d->o, status);
    if (d->o->json) {
        json_array_append_new(d->stages, stage_json(stage, &f, at, num));
    } else {
        printf("%s%s%g epochs of %lld steps\n", stage->name, stage->name[0] ? ": " : "",
               stage->train.epochs, (long long)f.steps_per_epoch);
        print_removal(stage, stdout);
        print_instants(at, num, stdout);
        print_forecast(&f, stdout);
    }
    free(at);
    return 0;
}

int run_dry(const options *o, const kerf_recipe *r)
{
    dry d = {.o = o, .r = r, .stages = json_array()};
    kerf_status status = open_all(&d);
    int code = status == KERF_OK ? 0 : fail_kerf(o, status);
    for (size_t i = 0; code == 0 && i < r->num_stages; i++)
        code = look_at_stage(&d, &r->stages[i]);
    if (code == 0 && o->json) {
        json_t *object = json_begin();
        json_object_set(object, "stages", d.stages);
        code = json_finish(o, object);
    }
    json_decref(d.stages);
    close_all(&d);
    return code;
}
