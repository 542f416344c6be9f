/* cmd_run.c -- `kerf run`: a whole experiment as a recipe tells it, stage by stage.
 *
 * A stage is a run like those of the single commands (change.h), with options that the recipe
 * gives in the place of the command line.  Its model goes on by file, so a run that was stopped
 * finds all that is done in its folder. */
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "command.h"
#include "distill.h"
#include "files.h"
#include "find.h"
#include "json.h"
#include "prune_channels.h"
#include "ranks.h"
#include "run_dry.h"
#include "run_removal.h"
#include "sweep.h"
#include "target.h"
#include "text.h"

typedef struct recipe_run {
    const options *o;
    kerf_recipe *r;
    const char *dir; /* the recipe's */
    char *model;     /* owned; the file that the next stage begins with */
} recipe_run;

/* ---- the folder ----------------------------------------------------------------------------- */

static int check_folder(const recipe_run *run)
{
    const options *o = run->o;
    const int is_there = folder_has(run->dir, "recipe.yaml");
    if (o->resume && !is_there)
        return fail_work(o, "--resume: %s holds no run to go on with", run->dir);
    if (!o->resume && is_there && !o->force)
        return fail_work(o, "%s: holds a run: --resume goes on with it, -f starts over", run->dir);
    return 0;
}

static int write_recipe(const recipe_run *run)
{
    char *path = path_join(run->dir, "recipe.yaml");
    if (path == NULL)
        return fail_memory(run->o);
    kerf_status status = kerf_recipe_write(run->r, path);
    free(path);
    return status == KERF_OK ? 0 : fail_kerf(run->o, status);
}

/* ---- the first model ------------------------------------------------------------------------ */

static kerf_status make_model(const recipe_run *run, const char *path)
{
    kerf_dataset *data;
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    kerf_status status = kerf_dataset_open(&data, run->r->data);
    if (status == KERF_OK && run->r->classes != NULL)
        status = kerf_dataset_set_classes(data, run->r->classes);
    if (status == KERF_OK)
        status = kerf_recipe_make_model(&g, &s, run->r, data, NULL);
    if (status == KERF_OK)
        status = kerf_onnx_write(g, s, path);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    kerf_dataset_close(data);
    return status;
}

static int begin_model(const recipe_run *run)
{
    if (run->o->resume && file_exists(run->model))
        return 0;
    kerf_status status = make_model(run, run->model);
    return status == KERF_OK ? 0 : fail_kerf(run->o, status);
}

/* On one rank: what the stages of all begin with. */
static int fill_folder(const recipe_run *run)
{
    const int code = write_recipe(run);
    return code == 0 ? begin_model(run) : code;
}

/* ---- stages --------------------------------------------------------------------------------- */

static int has_stages(const recipe_run *run)
{
    return run->r->num_stages > 1 || run->r->stages[0].name[0] != '\0';
}

/* What the command line of a single command would say. */
static options stage_options(const recipe_run *run, const char *dir, const char *output)
{
    const kerf_recipe *r = run->r;
    options o = *run->o;
    o.words = (text_list){(const char **)&run->model, 1};
    o.output = output;
    o.run_dir = dir;
    o.force = 1;
    o.data = r->data;
    o.classes = r->classes;
    o.prep = r->prep;
    o.val = r->val;
    o.seed = (int64_t)r->seed;
    o.no_keep_zeros = !r->keep_zeros;
    return o;
}

/* Files of teachers, on the device of the run or their own. */
static int open_teachers(const options *o, const kerf_recipe_stage *stage, const change *c,
                         distillation *d)
{
    if (stage->num_teachers == 0)
        return 0;
    int code = distill_read_teachers(o, d, stage->teachers, stage->num_teachers,
                                     stage->teacher_device, c->s.dev);
    stage->distill->more = d->teachers;
    stage->distill->num_more = d->num;
    return code;
}

static int run_stage(const recipe_run *run, const kerf_recipe_stage *stage, const options *o)
{
    change c;
    distillation d = {.num = 0};
    int code = change_begin(&c, o);
    if (code == 0)
        code = open_teachers(o, stage, &c, &d);
    if (code == 0 && stage->removal != NULL)
        code = channels_remove(&c, stage->removal->before, stage->removal->part);
    if (code == 0) {
        change_use(&c, &stage->train);
        code = change_train(&c);
    }
    distill_free(o, &d);
    if (code == 0) /* of several, one object tells of all */
        code = o->json && has_stages(run) ? change_store(&c) : change_finish(&c);
    change_close(&c);
    return code;
}

/* Done before: its own words once more. */
static int tell_finished(const recipe_run *run, const char *dir)
{
    say(run->o, "%s: is finished", dir);
    if (!run->o->json || has_stages(run) || !ranks_writes(run->o))
        return 0;
    json_t *summary = folder_read_json(dir, "summary.json");
    return summary != NULL ? json_finish(run->o, summary)
                           : fail_work(run->o, "%s: has no summary.json that can be read", dir);
}

/* Rank 0 makes the folder, and says for all what it has of the stage. */
static int take_stage(const recipe_run *run, const char *dir, int *is_begun, int *is_finished)
{
    const options *o = run->o;
    const int code = ranks_agree(o, folder_make(o, dir));
    int has[] = {o->resume && folder_has_checkpoint(dir),
                 o->resume && folder_has(dir, "summary.json")};
    const int failed = code != 0 ? code : ranks_take_first(o, has, sizeof has);
    *is_begun = has[0];
    *is_finished = has[1];
    return failed;
}

static int go_through(recipe_run *run, const kerf_recipe_stage *stage, const char *dir,
                      const char *output)
{
    options o = stage_options(run, dir, output);
    int is_finished;
    if (stage->removal != NULL)
        removal_say(&o, stage->removal);
    const int code = take_stage(run, dir, &o.resume, &is_finished);
    if (code != 0)
        return code;
    return is_finished ? tell_finished(run, dir) : run_stage(run, stage, &o);
}

/* A stage of a name has a folder of that name; the next begins with what lies there. */
static int do_stage(recipe_run *run, const kerf_recipe_stage *stage)
{
    char *dir = stage->name[0] != '\0' ? path_join(run->dir, stage->name)
                                       : copy_text(run->dir, strlen(run->dir), 0);
    char *output = dir != NULL ? path_join(dir, "model.onnx") : NULL;
    if (output == NULL) {
        free(dir);
        return fail_memory(run->o);
    }
    if (stage->name[0] != '\0')
        say(run->o, "stage %s", stage->name);
    int code = go_through(run, stage, dir, output);
    free(dir);
    free(run->model);
    run->model = output;
    return code;
}

/* ---- the end -------------------------------------------------------------------------------- */

static json_t *read_summary(const recipe_run *run, const kerf_recipe_stage *stage)
{
    char *dir = path_join(run->dir, stage->name);
    json_t *object = dir != NULL ? folder_read_json(dir, "summary.json") : NULL;
    free(dir);
    return object;
}

/* Before the first, after the last, and all epochs between, each with its stage. */
static void add_stage(json_t *all, const json_t *one, const char *name)
{
    size_t i;
    json_t *epoch, *epochs = json_object_get(all, "epochs");
    json_t *seconds = json_object_get(all, "seconds");
    if (json_object_get(all, "before") == NULL)
        json_object_set(all, "before", json_object_get(one, "before"));
    json_object_set(all, "after", json_object_get(one, "after"));
    json_object_set(all, "seed", json_object_get(one, "seed"));
    json_object_set(all, "environment", json_object_get(one, "environment"));
    json_array_append_new(json_object_get(all, "stages"), json_string(name));
    json_real_set(seconds,
                  json_real_value(seconds) + json_number_value(json_object_get(one, "seconds")));
    json_array_foreach(json_object_get(one, "epochs"), i, epoch)
    {
        json_t *copy = json_copy(epoch);
        json_object_set_new(copy, "stage", json_string(name));
        json_array_append_new(epochs, copy);
    }
}

static json_t *join_summaries(const recipe_run *run, const char *output)
{
    json_t *all = json_begin();
    json_object_set_new(all, "seconds", json_real(0));
    json_object_set_new(all, "epochs", json_array());
    json_object_set_new(all, "stages", json_array());
    for (size_t i = 0; i < run->r->num_stages; i++) {
        json_t *one = read_summary(run, &run->r->stages[i]);
        add_stage(all, one, run->r->stages[i].name);
        json_decref(one);
    }
    json_object_set_new(all, "output", json_text(output));
    return all;
}

/* The last stage's model is that of the run. */
static int copy_model(const recipe_run *run, const char *output)
{
    model m;
    int code = model_read(run->o, &m, run->model, NULL);
    if (code == 0)
        code = model_write(run->o, m.g, m.s, output);
    model_free(&m);
    return code;
}

static int finish_stages(const recipe_run *run)
{
    char *output = path_join(run->dir, "model.onnx"), *path = path_join(run->dir, "summary.json");
    json_t *all = join_summaries(run, output != NULL ? output : "");
    int code = output != NULL && path != NULL ? copy_model(run, output) : fail_memory(run->o);
    if (code == 0)
        code = file_write_json(run->o, path, all);
    if (code == 0 && run->o->json)
        code = json_finish(run->o, json_incref(all));
    json_decref(all);
    free(output);
    free(path);
    return code;
}

/* output.formats: what stands beside model.onnx. */
static int write_packed(const recipe_run *run)
{
    model m;
    char *from = path_join(run->dir, "model.onnx"), *to = path_join(run->dir, "model.kerf");
    int code =
        from != NULL && to != NULL ? model_read(run->o, &m, from, NULL) : fail_memory(run->o);
    if (code == 0) {
        code = model_write(run->o, m.g, m.s, to);
        model_free(&m);
    }
    free(from);
    free(to);
    return code;
}

static int write_page(const recipe_run *run)
{
    const char *words[] = {run->dir};
    options o = *run->o;
    o.words = (text_list){words, 1};
    o.output = NULL;
    o.json = 0;
    return cmd_report(&o);
}

static int write_formats(const recipe_run *run)
{
    int code = run->r->packs ? write_packed(run) : 0;
    return code == 0 && run->r->reports ? write_page(run) : code;
}

/* What happens in the folder, which nobody else touches meanwhile. */
static int work(recipe_run *run)
{
    run->model = path_join(run->dir, "start.onnx");
    if (run->model == NULL)
        return fail_memory(run->o);
    int code = ranks_agree(run->o, ranks_writes(run->o) ? fill_folder(run) : 0);
    for (size_t i = 0; code == 0 && i < run->r->num_stages; i++)
        code = do_stage(run, &run->r->stages[i]);
    if (!ranks_writes(run->o))
        return code;
    if (code == 0 && has_stages(run))
        code = finish_stages(run);
    return code == 0 ? write_formats(run) : code;
}

/* On one rank. */
static int take_folder(const recipe_run *run, kerf_folder_lock **lock)
{
    const int code = check_folder(run);
    if (code != 0)
        return code;
    kerf_status status = kerf_folder_lock_open(lock, run->dir);
    return status == KERF_OK ? 0 : fail_kerf(run->o, status);
}

static int run_recipe(recipe_run *run)
{
    kerf_folder_lock *lock = NULL;
    int code = ranks_agree(run->o, ranks_writes(run->o) ? take_folder(run, &lock) : 0);
    if (code == 0)
        code = work(run);
    kerf_folder_lock_close(lock);
    return code;
}

static int read_recipe(const options *o, kerf_recipe **r)
{
    kerf_status status = kerf_recipe_read(r, o->words.items[0], o->sets.items, o->sets.num);
    if (status != KERF_OK && strncmp(kerf_last_error(), "--set ", 6) == 0)
        return fail_usage(o, "%s", kerf_last_error());
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

int cmd_run(const options *o)
{
    recipe_run run = {.o = o};
    int code = ranks_compare_recipe(o);
    if (code == 0)
        code = read_recipe(o, &run.r);
    if (code != 0)
        return code;
    run.dir = o->output != NULL ? o->output : run.r->dir;
    if (o->dry)
        code = run_dry(o, run.r);
    else if (o->find != NULL)
        code = find_run(o, run.r, run.dir);
    else if (target_wanted(o))
        code = fail_usage(o, "--max-drop, --size, --latency: are what --find KEY=A..B looks for");
    else if (sweep_wanted(o))
        code = sweep_run(o, run.dir, (int64_t)run.r->seed);
    else
        code = run_recipe(&run);
    free(run.model);
    kerf_recipe_destroy(run.r);
    return code;
}
