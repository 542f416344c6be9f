/* data/source_idx.c -- folders of four IDX files: MNIST, Fashion-MNIST and their kin. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"

/* Xiao, Rasul, Vollgraf 2017. */
static const char *const FASHION_NAMES[] = {"T-shirt/top", "Trouser",   "Pullover", "Dress",
                                            "Coat",        "Sandal",    "Shirt",    "Sneaker",
                                            "Bag",         "Ankle boot"};
enum { NUM_FASHION_NAMES = sizeof FASHION_NAMES / sizeof FASHION_NAMES[0] };

/* Where distributions put data sets. */
static const char *const SYSTEM_FOLDERS[] = {"/usr/share/datasets", "/usr/local/share/datasets",
                                             "/usr/share"};
enum { NUM_SYSTEM_FOLDERS = sizeof SYSTEM_FOLDERS / sizeof SYSTEM_FOLDERS[0] };

/* ---- one split: two files ------------------------------------------------------------------- */

/* The path of DIR/NAME or DIR/NAME.gz, *out NULL if there is neither. */
static kerf_status find_file(char **out, const char *dir, const char *name)
{
    size_t bytes = strlen(dir) + strlen(name) + 8;
    struct stat info;
    *out = kerf__alloc(bytes, 1);
    if (*out == NULL)
        return kerf__fail_memory("data", bytes);
    for (int packed = 0; packed <= 1; packed++) {
        snprintf(*out, bytes, "%s/%s%s", dir, name, packed ? ".gz" : "");
        if (stat(*out, &info) == 0)
            return KERF_OK;
    }
    free(*out);
    *out = NULL;
    return KERF_OK;
}

/* idx->items NULL if there is no such file. */
static kerf_status read_file(kerf__idx *idx, const char *dir, const char *name, int rank)
{
    char *path;
    *idx = (kerf__idx){.dims = {0}};
    KERF__TRY(find_file(&path, dir, name));
    kerf_status status = path != NULL ? kerf__idx_read(idx, path, rank) : KERF_OK;
    free(path);
    return status;
}

static kerf_status check_pair(const char *dir, const char *split, const kerf__idx *images,
                              const kerf__idx *labels)
{
    if (images->items == NULL || labels->items == NULL)
        return kerf__fail(KERF_ERR_FILE, "%s: has %s-%s but no %s-%s, with or without .gz", dir,
                          split, images->items != NULL ? "images-idx3-ubyte" : "labels-idx1-ubyte",
                          split, images->items != NULL ? "labels-idx1-ubyte" : "images-idx3-ubyte");
    if (images->dims[0] != labels->dims[0])
        return kerf__fail(KERF_ERR_FORMAT, "%s: has %lld %s images but %lld labels, must be equal",
                          dir, (long long)images->dims[0], split, (long long)labels->dims[0]);
    return KERF_OK;
}

/* Takes the images over and widens the labels. */
static kerf_status fill_samples(kerf__samples *s, kerf__idx *images, const kerf__idx *labels)
{
    s->labels = kerf__alloc(labels->num_items, sizeof *s->labels);
    if (s->labels == NULL)
        return kerf__fail_memory("data", labels->num_items * sizeof *s->labels);
    for (size_t i = 0; i < labels->num_items; i++)
        s->labels[i] = labels->items[i];
    s->num = images->dims[0];
    s->images = images->items;
    images->items = NULL;
    return KERF_OK;
}

static kerf_status check_size(const kerf_dataset *d, const char *dir, const char *split,
                              const kerf__idx *images)
{
    if (d->sample.rank == 0 ||
        (images->dims[1] == d->sample.dims[1] && images->dims[2] == d->sample.dims[2]))
        return KERF_OK;
    return kerf__fail(KERF_ERR_FORMAT,
                      "%s: %s images are %lld x %lld, must be %lld x %lld like the others", dir,
                      split, (long long)images->dims[1], (long long)images->dims[2],
                      (long long)d->sample.dims[1], (long long)d->sample.dims[2]);
}

/* `split` is "train" or "t10k", as the files are called; without files it stays empty. */
static kerf_status read_split(kerf_dataset *d, kerf__samples *s, const char *dir, const char *split)
{
    kerf__idx images = {.dims = {0}}, labels = {.dims = {0}};
    char name[64];
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", split);
    kerf_status status = read_file(&images, dir, name, 3);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", split);
    if (status == KERF_OK)
        status = read_file(&labels, dir, name, 1);
    if (status == KERF_OK && (images.items != NULL || labels.items != NULL)) {
        status = check_pair(dir, split, &images, &labels);
        if (status == KERF_OK)
            status = check_size(d, dir, split, &images);
        if (status == KERF_OK)
            status = fill_samples(s, &images, &labels);
        if (status == KERF_OK)
            d->sample = KERF_SHAPE(1, images.dims[1], images.dims[2]);
    }
    free(images.items);
    free(labels.items);
    return status;
}

static kerf_status read_folder(kerf_dataset *d, const char *dir)
{
    d->type = KERF_U8;
    KERF__TRY(read_split(d, &d->train, dir, "train"));
    KERF__TRY(read_split(d, &d->test, dir, "t10k"));
    if (d->sample.rank == 0)
        return kerf__fail(KERF_ERR_FILE,
                          "%s: has neither train-images-idx3-ubyte nor t10k-images-idx3-ubyte, "
                          "with or without .gz",
                          dir);
    return KERF_OK;
}

/* ---- the two sources ------------------------------------------------------------------------ */

/* One more than the largest label of the training samples (of all, without any). */
static int count_classes(const kerf_dataset *d)
{
    const kerf__samples *s = d->train.num > 0 ? &d->train : &d->test;
    int num = 1;
    for (int64_t i = 0; i < s->num; i++)
        if (s->labels[i] >= num)
            num = s->labels[i] + 1;
    return num;
}

kerf_status kerf__source_idx(kerf_dataset *d, const char *rest)
{
    KERF__TRY(read_folder(d, rest));
    d->default_prep = "unit";
    d->num_classes = count_classes(d);
    return KERF_OK;
}

/* 1 if the folder holds any of the four files. */
static kerf_status looks_right(int *right, const char *dir)
{
    char *path;
    KERF__TRY(find_file(&path, dir, "t10k-images-idx3-ubyte"));
    if (path == NULL)
        KERF__TRY(find_file(&path, dir, "train-images-idx3-ubyte"));
    *right = path != NULL;
    free(path);
    return KERF_OK;
}

/* *out is BASE/fashion-mnist or BASE itself, or NULL. */
static kerf_status find_below(char **out, const char *base, int itself)
{
    int right = 0;
    *out = kerf__path_join(base, "fashion-mnist");
    kerf_status status = *out != NULL ? looks_right(&right, *out) : kerf__fail_memory("data", 64);
    if (status == KERF_OK && !right && itself) {
        memcpy(*out, base, strlen(base) + 1); /* shorter than what it replaces */
        status = looks_right(&right, *out);
    }
    if (status != KERF_OK || !right) {
        free(*out);
        *out = NULL;
    }
    return status;
}

static kerf_status find_fashion(char **out)
{
    const char *own = getenv("KERF_DATA_DIR");
    if (own != NULL && own[0] != '\0') {
        KERF__TRY(find_below(out, own, 1));
        if (*out == NULL)
            return kerf__fail(KERF_ERR_FILE,
                              "data 'fashion-mnist': KERF_DATA_DIR is %s, which holds neither the "
                              "IDX files nor a folder fashion-mnist with them",
                              own);
        return KERF_OK;
    }
    for (int i = 0; i < NUM_SYSTEM_FOLDERS; i++) {
        KERF__TRY(find_below(out, SYSTEM_FOLDERS[i], 0));
        if (*out != NULL)
            return KERF_OK;
    }
    return kerf__fail(KERF_ERR_FILE,
                      "data 'fashion-mnist': not found below %s; install dataset-fashion-mnist or "
                      "set KERF_DATA_DIR to its folder",
                      SYSTEM_FOLDERS[0]);
}

kerf_status kerf__source_fashion(kerf_dataset *d, const char *rest)
{
    (void)rest;
    char *dir;
    KERF__TRY(find_fashion(&dir));
    kerf_status status = read_folder(d, dir);
    free(dir);
    d->num_classes = NUM_FASHION_NAMES;
    d->class_names = FASHION_NAMES;
    d->default_prep = "scale=1/255,mean=0.286,std=0.353"; /* of its training split */
    return status;
}
