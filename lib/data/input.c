/* data/input.c -- one input of a network from a file, array or image, by its content. */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"
#include "tensor/tensor_internal.h"

/* One image as a data set of one sample. */
static kerf_status prepare_image(kerf_tensor **out, const char *name, kerf__picture *picture,
                                 const kerf_prep *prep)
{
    const kerf_dataset d = {.type = KERF_U8,
                            .sample = KERF_SHAPE(3, picture->height, picture->width)};
    const kerf__samples one = {.images = picture->own, .num = 1};
    kerf__preparer p;
    kerf_status status = kerf__preparer_create(&p, &d, prep, &(kerf_augment){0}, 0);
    if (status == KERF_OK) {
        const int64_t *dims = p.shape.dims;
        status = kerf_tensor_create(out, NULL, KERF_F32, KERF_SHAPE(1, dims[0], dims[1], dims[2]));
    }
    if (status == KERF_OK)
        status = kerf__prepare(&p, &d, &one, 0, 0, (*out)->data);
    kerf__preparer_free(&p);
    return kerf__fail_of(status, name);
}

static kerf_status parse_image(kerf_tensor **out, const char *name, const void *bytes,
                               size_t num_bytes, const kerf_prep *prep)
{
    kerf__picture picture;
    KERF__TRY(kerf__picture_parse(&picture, name, bytes, num_bytes));
    kerf_status status =
        prep != NULL
            ? prepare_image(out, name, &picture, prep)
            : kerf__fail(KERF_ERR_ARGUMENT,
                         "%s: is an image, and nothing says how it becomes an input, must be said "
                         "by --prep, such as --prep imagenet",
                         name);
    kerf__picture_free(&picture);
    return status;
}

kerf_status kerf_input_read(kerf_tensor **out, const char *path, const kerf_prep *prep)
{
    void *bytes;
    size_t num_bytes;
    *out = NULL;
    KERF__TRY(kerf__file_read(path, 0, &bytes, &num_bytes));
    kerf_status status = num_bytes >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0
                             ? kerf__npy_parse(out, path, bytes, num_bytes)
                             : parse_image(out, path, bytes, num_bytes, prep);
    free(bytes);
    if (status != KERF_OK) {
        kerf_tensor_destroy(*out);
        *out = NULL;
    }
    return status;
}
