/* tensor/tensor.c -- making, freeing and copying tensors.
 *
 * A tensor is bytes with a type and a shape, in a device's buffer or in host memory.  What
 * device/buffer.h says about order and waiting holds here. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "tensor/tensor_internal.h"

/* Everything but the bytes. */
static kerf_status create_empty(kerf_tensor **out, kerf_device *dev, kerf_type type,
                                kerf_shape shape)
{
    *out = NULL;
    int64_t bytes = kerf__tensor_bytes(type, shape);
    if (bytes < 0 || (uint64_t)bytes > SIZE_MAX / 2) {
        char text[256];
        return kerf__fail(
            KERF_ERR_SHAPE,
            "tensor: shape %s of %s is impossible; a tensor has 0 to %d dimensions of "
            "0 or more and less than 2^62 bytes",
            kerf_shape_text(shape, text, sizeof text), kerf_type_name(type), KERF_MAX_RANK);
    }
    kerf_tensor *t = kerf__alloc(1, sizeof *t);
    if (t == NULL)
        return kerf__fail_memory("tensor", sizeof *t);
    *t = (kerf_tensor){.dev = dev,
                       .type = type,
                       .shape = shape,
                       .num_elements = (size_t)kerf_shape_num_elements(shape),
                       .size_bytes = (size_t)bytes};
    *out = t;
    return KERF_OK;
}

static kerf_status create_zeros(kerf_tensor *t)
{
    if (t->dev == NULL) {
        t->data = kerf__alloc(t->size_bytes, 1);
        return t->data != NULL ? KERF_OK : kerf__fail_memory("tensor", t->size_bytes);
    }
    KERF__TRY(kerf__buffer_create(&t->buffer, t->dev, t->size_bytes));
    return t->size_bytes > 0 ? kerf__buffer_fill_zero(t->buffer, 0, t->size_bytes) : KERF_OK;
}

kerf_status kerf_tensor_create(kerf_tensor **out, kerf_device *dev, kerf_type type,
                               kerf_shape shape)
{
    KERF__TRY(create_empty(out, dev, type, shape));
    kerf_status status = create_zeros(*out);
    if (status != KERF_OK) {
        kerf_tensor_destroy(*out);
        *out = NULL;
    }
    return status;
}

kerf_status kerf__tensor_create_view(kerf_tensor **out, kerf_device *dev, kerf__buffer *parent,
                                     size_t offset_bytes, kerf_type type, kerf_shape shape)
{
    KERF__TRY(create_empty(out, dev, type, shape));
    kerf_status status =
        kerf__buffer_create_view(&(*out)->buffer, parent, offset_bytes, (*out)->size_bytes);
    if (status != KERF_OK) {
        kerf_tensor_destroy(*out);
        *out = NULL;
    }
    return status;
}

void kerf_tensor_destroy(kerf_tensor *t)
{
    if (t == NULL)
        return;
    kerf__buffer_destroy(t->buffer);
    free(t->data);
    free(t);
}

kerf_type kerf_tensor_type(const kerf_tensor *t)
{
    return t->type;
}

kerf_shape kerf_tensor_shape(const kerf_tensor *t)
{
    return t->shape;
}

size_t kerf_tensor_num_elements(const kerf_tensor *t)
{
    return t->num_elements;
}

size_t kerf_tensor_size_bytes(const kerf_tensor *t)
{
    return t->size_bytes;
}

kerf_device *kerf_tensor_device(const kerf_tensor *t)
{
    return t->dev;
}

void *kerf_tensor_data(kerf_tensor *t)
{
    return t->data;
}

kerf_status kerf_tensor_write(kerf_tensor *t, const void *src)
{
    if (t->size_bytes == 0)
        return KERF_OK;
    if (t->dev != NULL)
        return kerf__buffer_write(t->buffer, 0, src, t->size_bytes);
    memcpy(t->data, src, t->size_bytes);
    return KERF_OK;
}

kerf_status kerf_tensor_read(const kerf_tensor *t, void *dst)
{
    if (t->size_bytes == 0)
        return KERF_OK;
    if (t->dev != NULL)
        return kerf__buffer_read(t->buffer, 0, dst, t->size_bytes);
    memcpy(dst, t->data, t->size_bytes);
    return KERF_OK;
}

kerf_status kerf_tensor_map(kerf_tensor *t, kerf_map how, void **data)
{
    *data = t->data;
    if (t->dev == NULL)
        return KERF_OK;
    return kerf__buffer_map(t->buffer, how == KERF_MAP_WRITE, data);
}

kerf_status kerf_tensor_unmap(kerf_tensor *t, void *data)
{
    return t->dev == NULL ? KERF_OK : kerf__buffer_unmap(t->buffer, data);
}

/* Two devices share no queue and often no driver, so the bytes pass through the host. */
static kerf_status copy_through_host(const kerf_tensor *src, kerf_tensor *dst)
{
    void *bytes = kerf__alloc(src->size_bytes, 1);
    if (bytes == NULL)
        return kerf__fail_memory("tensor copy", src->size_bytes);
    kerf_status status = kerf_tensor_read(src, bytes);
    if (status == KERF_OK)
        status = kerf_tensor_write(dst, bytes);
    free(bytes);
    return status;
}

kerf_status kerf_tensor_copy(const kerf_tensor *src, kerf_tensor *dst)
{
    if (src->type != dst->type || !kerf_shape_equal(src->shape, dst->shape)) {
        char from[256], to[256];
        return kerf__fail(KERF_ERR_SHAPE, "tensor copy: dst is %s %s, must be %s %s like src",
                          kerf_type_name(dst->type), kerf_shape_text(dst->shape, to, sizeof to),
                          kerf_type_name(src->type),
                          kerf_shape_text(src->shape, from, sizeof from));
    }
    if (src->size_bytes == 0 || src == dst)
        return KERF_OK;
    if (src->dev == NULL)
        return kerf_tensor_write(dst, src->data);
    if (dst->dev == NULL)
        return kerf_tensor_read(src, dst->data);
    if (src->dev == dst->dev)
        return kerf__buffer_copy(src->buffer, 0, dst->buffer, 0, src->size_bytes);
    return copy_through_host(src, dst);
}
