/* data/source_npy.c -- NumPy arrays as a data set: images, and labels if there are any. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/data_internal.h"
#include "tensor/tensor_internal.h"

/* (N, F) is (N, F, 1, 1), (N, H, W) is (N, 1, H, W). */
static kerf_status take_images(kerf_dataset *d, kerf_tensor *x, const char *path)
{
    const int64_t *dims = x->shape.dims;
    int rank = x->shape.rank;
    if (rank < 2 || rank > 4 || (x->type != KERF_U8 && x->type != KERF_F32))
        return kerf__fail(KERF_ERR_SHAPE,
                          "%s: has %d dimensions of %s, must have 2 to 4 (N, C, H, W) of uint8 or "
                          "float32",
                          path, rank, kerf_type_name(x->type));
    if (x->num_elements == 0)
        return kerf__fail(KERF_ERR_SHAPE, "%s: is empty", path);
    d->sample = rank == 2   ? KERF_SHAPE(dims[1], 1, 1)
                : rank == 3 ? KERF_SHAPE(1, dims[1], dims[2])
                            : KERF_SHAPE(dims[1], dims[2], dims[3]);
    d->type = x->type;
    d->default_prep = x->type == KERF_U8 ? "unit" : "raw";
    d->train.num = dims[0];
    d->train.images = x->data;
    x->data = NULL; /* the bytes are the data set's now */
    return KERF_OK;
}

static int64_t label_at(const kerf_tensor *y, size_t i)
{
    switch (y->type) {
    case KERF_S64:
        return ((const int64_t *)y->data)[i];
    case KERF_S32:
        return ((const int32_t *)y->data)[i];
    default:
        return ((const uint8_t *)y->data)[i];
    }
}

static kerf_status take_labels(kerf_dataset *d, const kerf_tensor *y, const char *path)
{
    char text[256];
    if ((y->type != KERF_S64 && y->type != KERF_S32 && y->type != KERF_U8) || y->shape.rank != 1 ||
        y->shape.dims[0] != d->train.num)
        return kerf__fail(KERF_ERR_SHAPE,
                          "%s: is %s %s, must be int64, int32 or uint8 (%lld), a label an image",
                          path, kerf_type_name(y->type),
                          kerf_shape_text(y->shape, text, sizeof text), (long long)d->train.num);
    d->train.labels = kerf__alloc(y->num_elements, sizeof *d->train.labels);
    if (d->train.labels == NULL)
        return kerf__fail_memory(path, y->num_elements * sizeof *d->train.labels);
    for (size_t i = 0; i < y->num_elements; i++) {
        int64_t label = label_at(y, i);
        if (label < 0 || label >= 1 << 20) /* nobody has a million classes, but a bug may */
            return kerf__fail(KERF_ERR_FORMAT, "%s: sample %zu has label %lld, must be 0 to %d",
                              path, i, (long long)label, (1 << 20) - 1);
        d->train.labels[i] = (int32_t)label;
        if (label >= d->num_classes)
            d->num_classes = (int)label + 1;
    }
    return KERF_OK;
}

kerf_status kerf__source_npy(kerf_dataset *d, const char *rest)
{
    char *images = kerf__strdup(rest);
    if (images == NULL)
        return kerf__fail_memory("data", strlen(rest));
    char *labels = strchr(images, ',');
    if (labels != NULL)
        *labels++ = '\0';
    kerf_tensor *x = NULL, *y = NULL;
    kerf_status status = kerf_npy_read(&x, images);
    if (status == KERF_OK)
        status = take_images(d, x, images);
    if (status == KERF_OK && labels != NULL) {
        status = kerf_npy_read(&y, labels);
        if (status == KERF_OK)
            status = take_labels(d, y, labels);
    }
    kerf_tensor_destroy(x);
    kerf_tensor_destroy(y);
    free(images);
    return status;
}
