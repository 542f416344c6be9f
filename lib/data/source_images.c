/* data/source_images.c -- a folder of images: below DIR/CLASS, or below DIR/train/CLASS and so on
 * with val and test; files without class folders are unlabelled.
 *
 * Classes are the folders of the first split that is there, by name; samples go by class, then
 * by name, so that the same folder is the same data set everywhere.  Nothing is decoded here
 * but the first image, for its size. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"

/* Names by which files count as images; what they hold is found when they are decoded. */
static const char *const SUFFIXES[] = {".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".pnm"};
enum { NUM_SUFFIXES = sizeof SUFFIXES / sizeof SUFFIXES[0], MOST_CLASSES = 1 << 20 };

static const char *const SPLITS[] = {"train", "val", "test"};
enum { NUM_SPLITS = 3 };

/* ---- names in a folder --------------------------------------------------------------------- */

typedef struct name_list {
    char **names; /* owned, with the texts */
    size_t num, capacity;
} name_list;

static void free_names(name_list *l)
{
    for (size_t i = 0; i < l->num; i++)
        free(l->names[i]);
    free(l->names);
    *l = (name_list){0};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int is_image_name(const char *name)
{
    const char *suffix = strrchr(name, '.');
    for (int i = 0; suffix != NULL && i < NUM_SUFFIXES; i++)
        if (strcasecmp(suffix, SUFFIXES[i]) == 0)
            return 1;
    return 0;
}

static kerf_status is_folder(int *yes, const char *dir, const char *name)
{
    struct stat info;
    char *path = kerf__path_join(dir, name);
    if (path == NULL)
        return kerf__fail_memory("data", strlen(dir));
    *yes = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    free(path);
    return KERF_OK;
}

static kerf_status add_name(name_list *l, const char *name)
{
    if (!kerf__grow((void **)&l->names, &l->capacity, l->num, sizeof *l->names))
        return kerf__fail_memory("data", l->num * sizeof *l->names);
    l->names[l->num] = kerf__strdup(name);
    if (l->names[l->num] == NULL)
        return kerf__fail_memory("data", strlen(name));
    l->num++;
    return KERF_OK;
}

/* An image into files, a folder into folders, anything else and what is hidden into neither. */
static kerf_status sort_in(name_list *folders, name_list *files, const char *dir, const char *name)
{
    int yes = 0;
    if (name[0] == '.')
        return KERF_OK;
    KERF__TRY(is_folder(&yes, dir, name));
    if (yes)
        return add_name(folders, name);
    return is_image_name(name) ? add_name(files, name) : KERF_OK;
}

static kerf_status list_folder(name_list *folders, name_list *files, const char *dir)
{
    kerf_status status = KERF_OK;
    DIR *d = opendir(dir);
    if (d == NULL)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be opened as a folder", dir);
    for (struct dirent *e; status == KERF_OK && (e = readdir(d)) != NULL;)
        status = sort_in(folders, files, dir, e->d_name);
    closedir(d);
    if (folders->num > 0)
        qsort(folders->names, folders->num, sizeof *folders->names, by_name);
    if (files->num > 0)
        qsort(files->names, files->num, sizeof *files->names, by_name);
    return status;
}

/* ---- samples ------------------------------------------------------------------------------ */

/* Appends DIR/NAME for all names, with one label (below 0: without). */
static kerf_status append(kerf__samples *s, const char *dir, const name_list *files, int label)
{
    const size_t before = (size_t)s->num, all = before + files->num;
    char **paths = kerf__realloc(s->paths, all, sizeof *paths);
    if (paths == NULL)
        return kerf__fail_memory("data", all * sizeof *paths);
    s->paths = paths;
    if (label >= 0) {
        int32_t *labels = kerf__realloc(s->labels, all, sizeof *labels);
        if (labels == NULL)
            return kerf__fail_memory("data", all * sizeof *labels);
        s->labels = labels;
    }
    for (size_t i = 0; i < files->num; i++) {
        s->paths[before + i] = kerf__path_join(dir, files->names[i]);
        if (s->paths[before + i] == NULL)
            return kerf__fail_memory("data", strlen(dir));
        if (label >= 0)
            s->labels[before + i] = label;
        s->num++; /* one by one, so that what is there is freed */
    }
    return KERF_OK;
}

/* The folders of the first split name the classes; others may only repeat them. */
static kerf_status name_classes(kerf_dataset *d, name_list *folders)
{
    if (folders->num > MOST_CLASSES)
        return kerf__fail(KERF_ERR_FORMAT, "data '%s': has %zu folders, at most %d can be classes",
                          d->spec, folders->num, MOST_CLASSES);
    d->num_classes = (int)folders->num;
    size_t bytes = 1;
    for (size_t i = 0; i < folders->num; i++)
        bytes += strlen(folders->names[i]) + 1;
    d->own_names = kerf__alloc(folders->num, sizeof *d->own_names);
    char *at = d->names_text = kerf__alloc(bytes, 1);
    if (at == NULL || d->own_names == NULL)
        return kerf__fail_memory("data", bytes);
    for (size_t i = 0; i < folders->num; i++) {
        d->own_names[i] = strcpy(at, folders->names[i]);
        at += strlen(at) + 1;
    }
    d->class_names = d->own_names;
    return KERF_OK;
}

static int find_class(const kerf_dataset *d, const char *name)
{
    const char *const *found =
        bsearch(&name, d->own_names, (size_t)d->num_classes, sizeof *d->own_names, by_name);
    return found != NULL ? (int)(found - d->class_names) : -1;
}

static kerf_status append_class(kerf_dataset *d, kerf__samples *s, const char *dir,
                                const char *name)
{
    name_list folders = {0}, files = {0};
    int label = find_class(d, name);
    if (label < 0)
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: class %s is none of the %d of the first split's folders", dir, name,
                          d->num_classes);
    char *path = kerf__path_join(dir, name);
    if (path == NULL)
        return kerf__fail_memory("data", strlen(dir));
    kerf_status status = list_folder(&folders, &files, path);
    if (status == KERF_OK)
        status = append(s, path, &files, label);
    free_names(&folders);
    free_names(&files);
    free(path);
    return status;
}

/* Class folders, or files alone; all splits must be of one kind. */
static kerf_status append_lists(kerf_dataset *d, kerf__samples *s, const char *dir,
                                name_list *folders, const name_list *files)
{
    const int is_first = d->train.num == 0 && d->test.num == 0;
    if (folders->num > 0 && is_first)
        KERF__TRY(name_classes(d, folders));
    if ((folders->num > 0) != (d->num_classes > 0))
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: has %s class folders, must be like the first split, which has %s",
                          dir, folders->num > 0 ? "" : "no", d->num_classes > 0 ? "some" : "none");
    for (size_t i = 0; i < folders->num; i++)
        KERF__TRY(append_class(d, s, dir, folders->names[i]));
    return folders->num == 0 && files->num > 0 ? append(s, dir, files, -1) : KERF_OK;
}

static kerf_status append_split(kerf_dataset *d, kerf__samples *s, const char *dir)
{
    name_list folders = {0}, files = {0};
    const int64_t before = s->num;
    kerf_status status = list_folder(&folders, &files, dir);
    if (status == KERF_OK)
        status = append_lists(d, s, dir, &folders, &files);
    if (status == KERF_OK && s->num == before)
        status = kerf__fail(KERF_ERR_FILE, "%s: holds no images (.png .jpg .jpeg .ppm .pgm)", dir);
    free_names(&folders);
    free_names(&files);
    return status;
}

/* DIR/train, DIR/val and DIR/test as far as they are there; *num counts them. */
static kerf_status append_splits(kerf_dataset *d, const char *dir, int *num)
{
    for (int i = 0; i < NUM_SPLITS; i++) {
        int there = 0;
        KERF__TRY(is_folder(&there, dir, SPLITS[i]));
        if (!there)
            continue;
        const int64_t before = d->train.num;
        char *path = kerf__path_join(dir, SPLITS[i]);
        if (path == NULL)
            return kerf__fail_memory("data", strlen(dir));
        kerf_status status = append_split(d, i == 2 ? &d->test : &d->train, path);
        free(path);
        KERF__TRY(status);
        d->num_val = i == 1 ? d->train.num - before : d->num_val;
        (*num)++;
    }
    return KERF_OK;
}

kerf_status kerf__source_images(kerf_dataset *d, const char *rest)
{
    int num = 0;
    kerf__picture first;
    d->type = KERF_U8;
    d->default_prep = "unit";
    KERF__TRY(append_splits(d, rest, &num));
    if (num == 0)
        KERF__TRY(append_split(d, &d->train, rest));
    KERF__TRY(kerf__picture_read(&first, d->train.num > 0 ? d->train.paths[0] : d->test.paths[0]));
    d->sample = KERF_SHAPE(first.channels, first.height, first.width);
    kerf__picture_free(&first);
    return KERF_OK;
}
