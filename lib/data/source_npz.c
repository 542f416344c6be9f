/* data/source_npz.c -- one .npz file as a data set: x and y, or x_train, y_train, x_test and
 * y_test as Keras names them.  Other arrays are passed over.
 *
 * Arrays come in any order, and labels are checked against their images: so all are taken out
 * first. */
#include <string.h>

#include "base/fail.h"
#include "data/data_internal.h"
#include "tensor/tensor_internal.h"

enum { X_TRAIN, Y_TRAIN, X_TEST, Y_TEST, NUM_PARTS };

static const struct {
    const char *name;
    int part;
} NAMES[] = {
    {"x", X_TRAIN},       {"x_train", X_TRAIN}, {"y", Y_TRAIN},
    {"y_train", Y_TRAIN}, {"x_test", X_TEST},   {"y_test", Y_TEST},
};
enum { NUM_NAMES = sizeof NAMES / sizeof NAMES[0] };

typedef struct parts {
    const char *path;               /* borrowed */
    kerf_tensor *arrays[NUM_PARTS]; /* owned */
} parts;

/* The tensor is lent, so its bytes are copied. */
static kerf_status keep(void *context, const char *name, const kerf_tensor *t)
{
    parts *p = context;
    for (int i = 0; i < NUM_NAMES; i++) {
        if (strcmp(name, NAMES[i].name) != 0)
            continue;
        kerf_tensor **to = &p->arrays[NAMES[i].part];
        if (*to != NULL)
            return kerf__fail(KERF_ERR_FORMAT, "%s: has '%s' twice, by one of its names", p->path,
                              name);
        KERF__TRY(kerf_tensor_create(to, NULL, t->type, t->shape));
        memcpy((*to)->data, t->data, t->size_bytes);
    }
    return KERF_OK;
}

static kerf_status take(kerf_dataset *d, parts *p)
{
    if (p->arrays[X_TRAIN] == NULL && p->arrays[X_TEST] == NULL)
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: must hold x and y, or x_train, y_train, x_test and y_test", p->path);
    for (int i = 0; i < NUM_PARTS; i += 2) {
        kerf__samples *s = i == X_TRAIN ? &d->train : &d->test;
        kerf_tensor *x = p->arrays[i], *y = p->arrays[i + 1];
        if (x != NULL)
            KERF__TRY(kerf__samples_take_images(d, s, x, p->path));
        if (y != NULL)
            KERF__TRY(kerf__samples_take_labels(d, s, y, p->path));
    }
    return KERF_OK;
}

kerf_status kerf__source_npz(kerf_dataset *d, const char *rest)
{
    parts p = {.path = rest};
    kerf_status status = kerf__npz_read(rest, keep, &p);
    if (status == KERF_OK)
        status = take(d, &p);
    for (int i = 0; i < NUM_PARTS; i++)
        kerf_tensor_destroy(p.arrays[i]);
    return status;
}
