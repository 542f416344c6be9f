/* recipe/recipe.c -- recipes from and to files; see kerf/recipe.h. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "kerf/io.h"
#include "recipe/recipe_internal.h"

enum { MOST_BYTES = 1 << 20 };

int kerf__recipe_take(kerf__recipe *r, void *fresh)
{
    if (!kerf__grow((void **)&r->kept, &r->kept_capacity, r->num_kept, sizeof *r->kept)) {
        free(fresh);
        return 0;
    }
    r->kept[r->num_kept++] = fresh;
    return 1;
}

void *kerf__recipe_keep(kerf__recipe *r, size_t num, size_t element_bytes)
{
    void *fresh = kerf__alloc(num, element_bytes);
    return fresh != NULL && kerf__recipe_take(r, fresh) ? fresh : NULL;
}

void kerf_recipe_destroy(kerf_recipe *recipe)
{
    kerf__recipe *r = (kerf__recipe *)recipe;
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->num_kept; i++)
        free(r->kept[i]);
    free(r->kept);
    kerf__tree_free(&r->tree);
    free(r);
}

/* "runs/NAME" of a recipe NAME.yaml. */
static kerf_status name_folder(kerf__recipe *r, const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
    kerf__tree *output = kerf__tree_find(&r->tree, "output");
    kerf__tree *dir = output != NULL ? kerf__tree_find(output, "dir") : NULL;
    if (r->top.dir != NULL || dir == NULL)
        return KERF_OK;
    const char *dot = strrchr(name, '.');
    const int length = dot != NULL && dot != name ? (int)(dot - name) : (int)strlen(name);
    const size_t num_bytes = strlen(name) + 8;
    free(dir->text);
    dir->text = kerf__alloc(num_bytes, 1);
    if (dir->text == NULL)
        return kerf__fail_memory("recipe", num_bytes);
    snprintf(dir->text, num_bytes, "runs/%.*s", length, strcmp(path, "-") == 0 ? "recipe" : name);
    r->top.dir = dir->text;
    return KERF_OK;
}

static kerf_status parse(kerf__recipe *r, const char *text, size_t num_bytes, const char *name,
                         const char *const *sets, size_t num_sets)
{
    const char *from = strcmp(name, "-") == 0 ? "standard input" : name;
    KERF__TRY(kerf__tree_parse(&r->tree, text, num_bytes, from, 1));
    for (size_t i = 0; i < num_sets; i++)
        KERF__TRY(kerf__tree_set(&r->tree, sets[i]));
    KERF__TRY(kerf__recipe_fill(r));
    KERF__TRY(name_folder(r, name));
    return kerf__recipe_build(r);
}

kerf_status kerf_recipe_parse(kerf_recipe **out, const char *text, size_t num_bytes,
                              const char *name, const char *const *sets, size_t num_sets)
{
    *out = NULL;
    kerf__recipe *r = kerf__alloc(1, sizeof *r);
    if (r == NULL)
        return kerf__fail_memory("recipe", sizeof *r);
    kerf_status status = parse(r, text, num_bytes, name, sets, num_sets);
    if (status == KERF_OK)
        *out = &r->as;
    else
        kerf_recipe_destroy(&r->as);
    return status;
}

kerf_status kerf_recipe_read(kerf_recipe **out, const char *path, const char *const *sets,
                             size_t num_sets)
{
    void *text;
    size_t num_bytes;
    *out = NULL;
    KERF__TRY(kerf__file_read(path, MOST_BYTES, &text, &num_bytes));
    kerf_status status = kerf_recipe_parse(out, text, num_bytes, path, sets, num_sets);
    free(text);
    return status;
}

kerf_status kerf_recipe_write(const kerf_recipe *recipe, const char *path)
{
    const kerf__recipe *r = (const kerf__recipe *)recipe;
    kerf__new_file f;
    KERF__TRY(kerf__new_file_begin(&f, path));
    kerf__tree_print(&r->tree, f.stream);
    if (!ferror(f.stream))
        return kerf__new_file_commit(&f);
    kerf__new_file_cancel(&f);
    return kerf__fail(KERF_ERR_FILE, "%s: cannot be written: is the disk full?", path);
}

/* ---- the network ---------------------------------------------------------------------------- */

static int is_net(const char *name)
{
    const kerf_net_info *info;
    for (int i = 0; (info = kerf_net_list(i)) != NULL; i++)
        if (strcmp(info->name, name) == 0)
            return 1;
    return 0;
}

/* The sample as it is prepared, if somebody said how. */
static kerf_status sample_shape(kerf_shape *out, const kerf_recipe *r, const kerf_dataset *d)
{
    kerf_prep prep;
    *out = kerf_dataset_sample_shape(d);
    const char *text = r->prep != NULL ? r->prep : kerf_dataset_default_prep(d);
    if (text == NULL)
        return KERF_OK;
    KERF__TRY(kerf_prep_parse(&prep, text));
    return kerf_prep_shape(out, &prep, kerf_dataset_sample_shape(d));
}

/* What the file alone could not tell. */
static kerf_status check_with(const kerf_recipe *recipe, const kerf_dataset *d)
{
    const kerf__recipe *r = (const kerf__recipe *)recipe;
    const kerf__recipe_phases phases = kerf__recipe_phases_of(r);
    int64_t num = kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN);
    if (kerf_dataset_num_samples(d, KERF_SPLIT_VAL) == 0) /* not held back yet */
        num -= recipe->val;
    const kerf_recipe_stage *stage = recipe->stages;
    for (size_t i = 0; i < phases.num; i++) {
        kerf__recipe_round round = {1, kerf__recipe_num_rounds(&phases.items[i])};
        for (; round.at <= round.num; round.at++)
            KERF__TRY(kerf__recipe_check_steps(stage++, &phases.items[i].steps, round, num));
    }
    return KERF_OK;
}

kerf_status kerf_recipe_make_model(kerf_graph **g, kerf_state **s, const kerf_recipe *r,
                                   const kerf_dataset *d, kerf_device *dev)
{
    kerf_shape shape;
    *g = NULL;
    *s = NULL;
    KERF__TRY(check_with(r, d));
    if (!is_net(r->model))
        return kerf_onnx_read(g, s, r->model, dev);
    KERF__TRY(sample_shape(&shape, r, d));
    const kerf_net_options net = {.classes = kerf_dataset_num_classes(d),
                                  .input = {shape.dims[0], shape.dims[1], shape.dims[2]},
                                  .width = r->width,
                                  .seed = r->seed};
    return kerf_net_create(g, s, r->model, &net, dev);
}
