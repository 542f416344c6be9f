/* data/source_npy.c -- NumPy arrays as a data set: images, and labels if there are any.
 * One array a file here, all in one file in source_npz.c. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/data_internal.h"
#include "tensor/tensor_internal.h"

/* (N, F) is (N, F, 1, 1), (N, H, W) is (N, 1, H, W). */
static kerf_shape sample_shape(const kerf_tensor *x)
{
    const int64_t *dims = x->shape.dims;
    switch (x->shape.rank) {
    case 2:
        return KERF_SHAPE(dims[1], 1, 1);
    case 3:
        return KERF_SHAPE(1, dims[1], dims[2]);
    default:
        return KERF_SHAPE(dims[1], dims[2], dims[3]);
    }
}

static kerf_status check_images(const kerf_dataset *d, const kerf_tensor *x, const char *name)
{
    char got[128], want[128];
    int rank = x->shape.rank;
    if (rank < 2 || rank > 4 || (x->type != KERF_U8 && x->type != KERF_F32))
        return kerf__fail(KERF_ERR_SHAPE,
                          "%s: has %d dimensions of %s, must have 2 to 4 (N, C, H, W) of uint8 or "
                          "float32",
                          name, rank, kerf_type_name(x->type));
    if (x->num_elements == 0)
        return kerf__fail(KERF_ERR_SHAPE, "%s: is empty", name);
    kerf_shape sample = sample_shape(x);
    if (d->sample.rank != 0 && (!kerf_shape_equal(sample, d->sample) || x->type != d->type))
        return kerf__fail(KERF_ERR_SHAPE,
                          "%s: a sample is %s %s, must be %s %s like the training samples", name,
                          kerf_type_name(x->type), kerf_shape_text(sample, got, sizeof got),
                          kerf_type_name(d->type), kerf_shape_text(d->sample, want, sizeof want));
    return KERF_OK;
}

kerf_status kerf__samples_take_images(kerf_dataset *d, kerf__samples *s, kerf_tensor *x,
                                      const char *name)
{
    KERF__TRY(check_images(d, x, name));
    d->sample = sample_shape(x);
    d->type = x->type;
    d->default_prep = x->type == KERF_U8 ? "unit" : "raw";
    s->num = x->shape.dims[0];
    s->images = x->data;
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

static int is_label_type(kerf_type type)
{
    return type == KERF_S64 || type == KERF_S32 || type == KERF_U8;
}

kerf_status kerf__samples_take_labels(kerf_dataset *d, kerf__samples *s, const kerf_tensor *y,
                                      const char *name)
{
    char text[256];
    int is_column = y->shape.rank == 2 && y->shape.dims[1] == 1;
    if (!is_label_type(y->type) || (y->shape.rank != 1 && !is_column) || y->shape.dims[0] != s->num)
        return kerf__fail(KERF_ERR_SHAPE,
                          "%s: is %s %s, must be int64, int32 or uint8 (%lld), a label an image",
                          name, kerf_type_name(y->type),
                          kerf_shape_text(y->shape, text, sizeof text), (long long)s->num);
    s->labels = kerf__alloc(y->num_elements, sizeof *s->labels);
    if (s->labels == NULL)
        return kerf__fail_memory(name, y->num_elements * sizeof *s->labels);
    for (size_t i = 0; i < y->num_elements; i++) {
        int64_t label = label_at(y, i);
        if (label < 0 || label >= 1 << 20) /* nobody has a million classes, but a bug may */
            return kerf__fail(KERF_ERR_FORMAT, "%s: sample %zu has label %lld, must be 0 to %d",
                              name, i, (long long)label, (1 << 20) - 1);
        s->labels[i] = (int32_t)label;
        if (label >= d->num_classes)
            d->num_classes = (int)label + 1;
    }
    return KERF_OK;
}

/* ---- the source --------------------------------------------------------------------------- */

static kerf_status read_images(kerf_dataset *d, kerf__samples *s, const char *path)
{
    kerf_tensor *x = NULL;
    kerf_status status = kerf_npy_read(&x, path);
    if (status == KERF_OK)
        status = kerf__samples_take_images(d, s, x, path);
    kerf_tensor_destroy(x);
    return status;
}

static kerf_status read_labels(kerf_dataset *d, kerf__samples *s, const char *path)
{
    kerf_tensor *y = NULL;
    kerf_status status = kerf_npy_read(&y, path);
    if (status == KERF_OK)
        status = kerf__samples_take_labels(d, s, y, path);
    kerf_tensor_destroy(y);
    return status;
}

/* Takes "A,B,C,D" apart in place; the number of texts, more than 4 if there are. */
static int split_list(char *text, char *items[4])
{
    int num = 0;
    while (text != NULL) {
        char *comma = strchr(text, ',');
        if (num == 4)
            return 5;
        if (comma != NULL)
            *comma++ = '\0';
        items[num++] = text;
        text = comma;
    }
    return num;
}

kerf_status kerf__source_npy(kerf_dataset *d, const char *rest)
{
    char *items[4], *text = kerf__strdup(rest);
    if (text == NULL)
        return kerf__fail_memory("data", strlen(rest));
    int num = split_list(text, items);
    kerf_status status = KERF_OK;
    if (num != 1 && num != 2 && num != 4)
        status = kerf__fail(KERF_ERR_ARGUMENT,
                            "data 'npy:%s': must be npy:X.npy[,Y.npy[,XTEST.npy,YTEST.npy]]", rest);
    for (int i = 0; status == KERF_OK && i < num; i++) {
        kerf__samples *s = i < 2 ? &d->train : &d->test;
        status = i % 2 == 0 ? read_images(d, s, items[i]) : read_labels(d, s, items[i]);
    }
    free(text);
    return status;
}
