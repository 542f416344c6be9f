/* data/source_cifar.c -- CIFAR-10 and CIFAR-100 in their binary versions (Krizhevsky 2009).
 *
 * Files of equal records without any head: the labels, a byte each, then 32 x 32 pixels of red,
 * of green and of blue.  CIFAR-100 has a coarse and a fine label; the fine one counts. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"

enum { IMAGE_BYTES = 3 * 32 * 32, MAX_FILES = 5, MOST_NAME_BYTES = 1 << 16 };

typedef struct format {
    const char *folder; /* as the archive names it */
    int num_classes, num_labels;
    const char *train[MAX_FILES + 1], *test[2], *names;
    const char *prep; /* of the training split */
} format;

static const format CIFAR10 = {
    .folder = "cifar-10-batches-bin",
    .num_classes = 10,
    .num_labels = 1,
    .train = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
              "data_batch_5.bin"},
    .test = {"test_batch.bin"},
    .names = "batches.meta.txt",
    .prep = "scale=1/255,mean=0.4914:0.4822:0.4465,std=0.2470:0.2435:0.2616",
};
static const format CIFAR100 = {
    .folder = "cifar-100-binary",
    .num_classes = 100,
    .num_labels = 2,
    .train = {"train.bin"},
    .test = {"test.bin"},
    .names = "fine_label_names.txt",
    .prep = "scale=1/255,mean=0.5071:0.4865:0.4409,std=0.2673:0.2564:0.2762",
};

/* ---- files -------------------------------------------------------------------------------- */

/* *there becomes 1 if there is a DIR/NAME, else stays. */
static kerf_status look_for(int *there, const char *dir, const char *name)
{
    struct stat info;
    char *path = kerf__path_join(dir, name);
    if (path == NULL)
        return kerf__fail_memory("data", strlen(dir));
    if (stat(path, &info) == 0)
        *there = 1;
    free(path);
    return KERF_OK;
}

static kerf_status read_file(const char *dir, const char *name, size_t max_bytes, void **bytes,
                             size_t *num_bytes)
{
    char *path = kerf__path_join(dir, name);
    if (path == NULL)
        return kerf__fail_memory("data", strlen(dir));
    kerf_status status = kerf__file_read(path, max_bytes, bytes, num_bytes);
    free(path);
    return status;
}

/* Appends the records of one file. */
static kerf_status append(kerf__samples *s, const format *f, const char *name, const uint8_t *bytes,
                          size_t num_bytes)
{
    size_t record_bytes = (size_t)f->num_labels + IMAGE_BYTES, num = num_bytes / record_bytes;
    if (num == 0 || num_bytes % record_bytes != 0)
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: has %zu bytes, must have a whole number of records of %zu", name,
                          num_bytes, record_bytes);
    size_t before = (size_t)s->num, all = before + num;
    uint8_t *images = kerf__realloc(s->images, all, IMAGE_BYTES);
    if (images == NULL)
        return kerf__fail_memory(name, all * IMAGE_BYTES);
    s->images = images;
    int32_t *labels = kerf__realloc(s->labels, all, sizeof *labels);
    if (labels == NULL)
        return kerf__fail_memory(name, all * sizeof *labels);
    s->labels = labels;
    for (size_t i = 0; i < num; i++, bytes += record_bytes) {
        labels[before + i] = bytes[f->num_labels - 1];
        memcpy(images + (before + i) * IMAGE_BYTES, bytes + f->num_labels, IMAGE_BYTES);
    }
    s->num = (int64_t)all;
    return KERF_OK;
}

/* All files of a split, or none of them. */
static kerf_status read_split(kerf__samples *s, const format *f, const char *dir,
                              const char *const *names)
{
    int any = 0;
    for (int i = 0; names[i] != NULL; i++)
        KERF__TRY(look_for(&any, dir, names[i]));
    for (int i = 0; any && names[i] != NULL; i++) {
        void *bytes;
        size_t num_bytes;
        KERF__TRY(read_file(dir, names[i], 0, &bytes, &num_bytes));
        kerf_status status = append(s, f, names[i], bytes, num_bytes);
        free(bytes);
        KERF__TRY(status);
    }
    return KERF_OK;
}

static kerf_status read_names(kerf_dataset *d, const format *f, const char *dir)
{
    void *bytes;
    size_t num_bytes;
    int there = 0;
    KERF__TRY(look_for(&there, dir, f->names));
    if (!there)
        return KERF_OK;
    KERF__TRY(read_file(dir, f->names, MOST_NAME_BYTES, &bytes, &num_bytes));
    kerf_status status = kerf__dataset_name_classes(d, bytes, f->names);
    free(bytes);
    return status;
}

/* ---- the two sources ------------------------------------------------------------------------ */

static kerf_status read_folder(kerf_dataset *d, const format *f, const char *dir)
{
    d->type = KERF_U8;
    d->sample = KERF_SHAPE(3, 32, 32);
    d->num_classes = f->num_classes;
    d->default_prep = f->prep;
    KERF__TRY(read_split(&d->train, f, dir, f->train));
    KERF__TRY(read_split(&d->test, f, dir, f->test));
    if (d->train.num == 0 && d->test.num == 0)
        return kerf__fail(KERF_ERR_FILE,
                          "%s: has neither %s nor %s, and no folder %s with them; the binary "
                          "version is needed",
                          dir, f->train[0], f->test[0], f->folder);
    return read_names(d, f, dir);
}

/* DIR, or what the archive made in it. */
static kerf_status open_folder(kerf_dataset *d, const format *f, const char *dir)
{
    int there = 0;
    KERF__TRY(look_for(&there, dir, f->folder));
    if (!there)
        return read_folder(d, f, dir);
    char *below = kerf__path_join(dir, f->folder);
    if (below == NULL)
        return kerf__fail_memory("data", strlen(dir));
    kerf_status status = read_folder(d, f, below);
    free(below);
    return status;
}

kerf_status kerf__source_cifar10(kerf_dataset *d, const char *rest)
{
    return open_folder(d, &CIFAR10, rest);
}

kerf_status kerf__source_cifar100(kerf_dataset *d, const char *rest)
{
    return open_folder(d, &CIFAR100, rest);
}
