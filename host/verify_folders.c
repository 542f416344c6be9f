/* verify_folders.c -- `kerf verify DIR...`: ONNX's own tests, and the model zoo's, on a device.
 *
 * A folder with a model.onnx is a test; any other is searched for such folders, one level deep.
 * All run in one process: kernels that two of them need are built once. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "files.h"
#include "folder_case.h"
#include "interrupt.h"
#include "progress.h"

typedef struct case_list {
    folder_case *items; /* owned, with their paths */
    size_t num, capacity;
} case_list;

static int compare_paths(const void *a, const void *b)
{
    return strcmp(((const folder_case *)a)->path, ((const folder_case *)b)->path);
}

/* Takes the path over. */
static int add_case(const options *o, case_list *list, char *path)
{
    if (list->num == list->capacity) {
        const size_t capacity = 2 * list->capacity + 16;
        folder_case *larger = realloc(list->items, capacity * sizeof *larger);
        if (larger == NULL) {
            free(path);
            return fail_memory(o);
        }
        list->items = larger;
        list->capacity = capacity;
    }
    list->items[list->num++] = (folder_case){.path = path};
    return 0;
}

static int has_model(const char *path)
{
    char *model = path_join(path, "model.onnx");
    const int there = model != NULL && file_exists(model);
    free(model);
    return there;
}

static int add_folder(const options *o, case_list *list, const char *path)
{
    const size_t first = list->num;
    DIR *dir = opendir(path);
    int code = 0;
    if (dir == NULL)
        return fail_work(o, "%s: must be a folder with a model.onnx, or with such folders", path);
    for (const struct dirent *e = NULL; code == 0 && (e = readdir(dir)) != NULL;) {
        char *inside = path_join(path, e->d_name);
        if (inside == NULL)
            code = fail_memory(o);
        else if (e->d_name[0] != '.' && has_model(inside))
            code = add_case(o, list, inside);
        else
            free(inside);
    }
    closedir(dir);
    if (code == 0 && list->num == first)
        code = fail_work(o, "%s: has no model.onnx, and none of its folders has one", path);
    if (list->num > first)
        qsort(list->items + first, list->num - first, sizeof *list->items, compare_paths);
    return code;
}

static int add_all(const options *o, case_list *list)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < o->words.num; i++) {
        char *path = path_join(o->words.items[i], "");
        if (path == NULL)
            return fail_memory(o);
        for (size_t end = strlen(path); end > 1 && path[end - 1] == '/'; end--)
            path[end - 1] = '\0';
        if (has_model(path)) {
            code = add_case(o, list, path);
        } else {
            code = add_folder(o, list, path);
            free(path);
        }
    }
    return code;
}

static int run_all(const options *o, case_list *list)
{
    kerf_device *dev;
    progress bar;
    kerf_status status = open_device(&dev, o, o->device);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    interrupt_catch();
    progress_begin(&bar, o, "verify");
    for (size_t i = 0; i < list->num && !interrupted(); i++) {
        progress_count(&bar, (double)i + 1, (double)list->num, folder_case_name(&list->items[i]));
        folder_case_run(&list->items[i], dev);
    }
    progress_clear(&bar);
    kerf_device_close(dev);
    return interrupted() ? EXIT_INTERRUPTED : folder_report(o, list->items, list->num);
}

int verify_folders(const options *o)
{
    case_list list = {0};
    int code = add_all(o, &list);
    if (code == 0)
        code = run_all(o, &list);
    for (size_t i = 0; i < list.num; i++)
        free(list.items[i].path);
    free(list.items);
    return code;
}
