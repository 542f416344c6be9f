/* run_list.c -- folders of runs, and sweep.json, which names those of a grid; see run_list.h. */
#include "run_list.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "text.h"

enum { MOST_RUNS = 1024 };

static int add_run(const options *o, run_list *list, const char *dir)
{
    if (list->num == MOST_RUNS)
        return fail_work(o, "%s: one run too many: must be %d at most", dir, MOST_RUNS);
    run_record *runs = realloc(list->runs, (list->num + 1) * sizeof *runs);
    if (runs == NULL)
        return fail_memory(o);
    list->runs = runs;
    return run_read(o, &runs[list->num++], dir);
}

/* ---- grids -------------------------------------------------------------------------------------
 */

/* "sparsity=0.9, bits=4" of "steps.0.prune.sparsity=0.9" and so on. */
static void point_name(char *name, size_t name_bytes, const json_t *sets)
{
    size_t used = 0;
    name[0] = '\0';
    for (size_t i = 0; i < json_array_size(sets) && used < name_bytes; i++) {
        const char *set = json_string_value(json_array_get(sets, i));
        const char *key = set != NULL ? set : "?";
        for (const char *p = key; *p != '\0' && *p != '='; p++)
            if (*p == '.')
                key = p + 1;
        used += (size_t)snprintf(name + used, name_bytes - used, "%s%s", i > 0 ? ", " : "", key);
    }
    clean_text(name);
}

/* Grids may have been moved, so only the folder's own name counts; NULL: it leads elsewhere. */
static const char *folder_of(const json_t *seed)
{
    const char *path = json_string_value(json_object_get(seed, "run"));
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : path;
    return name == NULL || name[0] == '\0' || name[0] == '.' ? NULL : name;
}

static int add_seed(const options *o, run_list *list, const char *grid, const json_t *point,
                    const json_t *seed)
{
    const char *folder = folder_of(seed);
    if (folder == NULL)
        return fail_work(o, "%s/sweep.json: \"run\" must be the name of a folder", grid);
    char *dir = path_join(grid, folder), name[96];
    int code = dir != NULL ? add_run(o, list, dir) : fail_memory(o);
    point_name(name, sizeof name, json_object_get(point, "set"));
    if (code == 0 && name[0] != '\0') {
        run_record *r = &list->runs[list->num - 1];
        snprintf(r->name, sizeof r->name, "%s-s%.0f", name, r->seed);
    }
    free(dir);
    return code;
}

static int add_grid(const options *o, run_list *list, const char *grid, const json_t *points)
{
    int code = 0;
    for (size_t i = 0; i < json_array_size(points) && code == 0; i++) {
        const json_t *point = json_array_get(points, i), *seeds = json_object_get(point, "seeds");
        for (size_t k = 0; k < json_array_size(seeds) && code == 0; k++)
            code = add_seed(o, list, grid, point, json_array_get(seeds, k));
    }
    if (code == 0 && list->num == 0)
        code = fail_work(o, "%s/sweep.json: names no run", grid);
    return code;
}

static int read_grid(const options *o, run_list *list, const char *grid, const char *path)
{
    char *text = NULL;
    int code = run_read_text(o, path, &text);
    json_t *object = code == 0 ? json_loads(text, 0, NULL) : NULL;
    if (code == 0)
        code = json_is_object(object) ? add_grid(o, list, grid, json_object_get(object, "points"))
                                      : fail_work(o, "%s: must be a JSON object", path);
    json_decref(object);
    free(text);
    return code;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

int run_list_read(const options *o, run_list *list)
{
    int code = 0;
    *list = (run_list){0};
    for (size_t i = 0; i < o->words.num && code == 0; i++) {
        char *path = path_join(o->words.items[i], "sweep.json");
        if (path == NULL)
            return fail_memory(o);
        code = file_exists(path) ? read_grid(o, list, o->words.items[i], path)
                                 : add_run(o, list, o->words.items[i]);
        free(path);
    }
    return code;
}

void run_list_free(run_list *list)
{
    for (size_t i = 0; i < list->num; i++)
        run_free(&list->runs[i]);
    free(list->runs);
    *list = (run_list){0};
}
