/* data/dataset.c -- the life of a data set, its splits, and the list of its sources. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "data/data_internal.h"

/* A name that ends in ':' has something behind it. */
static const struct {
    const char *name;
    kerf_status (*open)(kerf_dataset *d, const char *rest);
} SOURCES[] = {
    {"fashion-mnist", kerf__source_fashion},
    {"idx:", kerf__source_idx},
    {"cifar10:", kerf__source_cifar10},
    {"cifar100:", kerf__source_cifar100},
    {"images:", kerf__source_images},
    {"npy:", kerf__source_npy},
    {"npz:", kerf__source_npz},
    {"random:", kerf__source_random},
};
enum { NUM_SOURCES = sizeof SOURCES / sizeof SOURCES[0] };

static kerf_status open_source(kerf_dataset *d, const char *spec)
{
    for (int i = 0; i < NUM_SOURCES; i++) {
        size_t length = strlen(SOURCES[i].name);
        int has_rest = SOURCES[i].name[length - 1] == ':';
        if (strncmp(spec, SOURCES[i].name, length) == 0 && (has_rest || spec[length] == '\0'))
            return SOURCES[i].open(d, spec + length);
    }
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "data '%s': must be fashion-mnist, idx:DIR, cifar10:DIR, cifar100:DIR, "
                      "images:DIR, npy:X.npy[,Y.npy], npz:FILE or random:C,H,W,CLASSES",
                      spec);
}

kerf_status kerf_dataset_open(kerf_dataset **out, const char *spec)
{
    kerf_dataset *d = kerf__alloc(1, sizeof *d);
    *out = NULL;
    if (d == NULL)
        return kerf__fail_memory("data", sizeof *d);
    d->spec = kerf__strdup(spec);
    kerf_status status =
        d->spec != NULL ? open_source(d, d->spec) : kerf__fail_memory("data", strlen(spec));
    if (status == KERF_OK && d->num_classes > 0)
        status = kerf_dataset_check_labels(d, d->num_classes);
    d->num_held_back = d->num_val;
    d->sample_bytes = (size_t)kerf_shape_num_elements(d->sample) * kerf_type_bits(d->type) / 8;
    if (status != KERF_OK) {
        kerf_dataset_close(d);
        return status;
    }
    *out = d;
    return KERF_OK;
}

static void free_samples(kerf__samples *s)
{
    for (int64_t i = 0; s->paths != NULL && i < s->num; i++)
        free(s->paths[i]);
    free(s->paths);
    free(s->images);
    free(s->labels);
}

void kerf_dataset_close(kerf_dataset *d)
{
    if (d == NULL)
        return;
    free_samples(&d->train);
    free_samples(&d->test);
    free(d->own_names);
    free(d->names_text);
    free(d->order);
    free(d->spec);
    free(d);
}

/* ---- splits ------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

kerf_status kerf_dataset_hold_back(kerf_dataset *d, int64_t num, uint64_t seed)
{
    if (num < 0 || (num > 0 && num >= d->train.num))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "data '%s': cannot hold back %" PRId64 " of %" PRId64
                          " training samples, must be 0 or more and leave one",
                          d->spec, num, d->train.num);
    if (d->num_val > 0) /* nothing to choose */
        return num == 0 ? KERF_OK
                        : kerf__fail(KERF_ERR_ARGUMENT,
                                     "data '%s': has %" PRId64 " validation samples of its own, "
                                     "none can be held back",
                                     d->spec, d->num_val);
    int64_t *order = kerf__alloc((size_t)d->train.num, sizeof *order);
    if (order == NULL)
        return kerf__fail_memory("data", (size_t)d->train.num * sizeof *order);
    int64_t kept = d->train.num - num;
    kerf__random_permutation(kerf__random_key(seed, KERF__RANDOM_HOLD_BACK, 0), 0, order,
                             d->train.num);
    qsort(order, (size_t)kept, sizeof *order, compare);
    qsort(order + kept, (size_t)num, sizeof *order, compare);
    free(d->order);
    d->order = order;
    d->num_held_back = num;
    return KERF_OK;
}

int64_t kerf_dataset_num_samples(const kerf_dataset *d, kerf_split split)
{
    switch (split) {
    case KERF_SPLIT_TRAIN:
        return d->train.num - d->num_held_back;
    case KERF_SPLIT_VAL:
        return d->num_held_back;
    case KERF_SPLIT_TEST:
        return d->test.num;
    }
    return 0;
}

const kerf__samples *kerf__dataset_locate(const kerf_dataset *d, kerf_split split, int64_t i,
                                          int64_t *place)
{
    if (split == KERF_SPLIT_TEST) {
        *place = i;
        return &d->test;
    }
    int64_t before = split == KERF_SPLIT_VAL ? d->train.num - d->num_held_back : 0;
    *place = d->order != NULL ? d->order[before + i] : before + i;
    return &d->train;
}

/* ---- class names -------------------------------------------------------------------------- */

/* The lines of d->names_text into d->own_names, which has room for all; how many, or -1. */
static int split_lines(kerf_dataset *d)
{
    int num = 0;
    char *line = d->names_text;
    while (*line != '\0') {
        char *end = line + strcspn(line, "\n"), *next = *end != '\0' ? end + 1 : end;
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        if (*line != '\0' && num == d->num_classes)
            return -1;
        if (*line != '\0')
            d->own_names[num++] = line;
        line = next;
    }
    return num;
}

kerf_status kerf__dataset_name_classes(kerf_dataset *d, const char *text, const char *name)
{
    d->names_text = kerf__strdup(text);
    d->own_names = kerf__alloc((size_t)d->num_classes, sizeof *d->own_names);
    if (d->names_text == NULL || d->own_names == NULL)
        return kerf__fail_memory(name, strlen(text));
    int num = split_lines(d);
    if (num != d->num_classes)
        return kerf__fail(KERF_ERR_FORMAT, "%s: must name %d classes, one a line, names %s", name,
                          d->num_classes, num < 0 ? "more" : "fewer");
    d->class_names = d->own_names;
    return KERF_OK;
}

/* ---- looking ------------------------------------------------------------------------------ */

kerf_shape kerf_dataset_sample_shape(const kerf_dataset *d)
{
    return d->sample;
}

int kerf_dataset_num_classes(const kerf_dataset *d)
{
    return d->num_classes;
}

const char *kerf_dataset_class_name(const kerf_dataset *d, int c)
{
    return d->class_names != NULL && c >= 0 && c < d->num_classes ? d->class_names[c] : NULL;
}

const char *kerf_dataset_default_prep(const kerf_dataset *d)
{
    return d->default_prep;
}

static kerf_status check_labels(const kerf_dataset *d, const kerf__samples *s, const char *split,
                                int num_classes)
{
    for (int64_t i = 0; s->labels != NULL && i < s->num; i++)
        if (s->labels[i] < 0 || s->labels[i] >= num_classes)
            return kerf__fail(KERF_ERR_FORMAT,
                              "data '%s': %s sample %" PRId64 " has label %" PRId32
                              ", must be 0 to %d",
                              d->spec, split, i, s->labels[i], num_classes - 1);
    return KERF_OK;
}

kerf_status kerf_dataset_check_labels(const kerf_dataset *d, int num_classes)
{
    KERF__TRY(check_labels(d, &d->train, "training", num_classes));
    return check_labels(d, &d->test, "test", num_classes);
}
