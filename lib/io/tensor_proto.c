/* io/tensor_proto.c -- tensors, types and shapes out of protos.
 *
 * A tensor's data stands in one of five fields, or in a file beside.  Every way ends in the
 * same plain bytes, whose number must be exactly what type and shape ask for, so that a
 * tensor is never larger than what was really read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io_internal.h"
#include "tensor/tensor_internal.h"

/* ---- types ------------------------------------------------------------------------------- */

/* ONNX's other types, for messages. */
static const struct {
    int number;
    const char *name;
} FOREIGN[] = {
    {8, "string"},      {11, "float64"},  {12, "uint32"}, {13, "uint64"}, {14, "complex64"},
    {15, "complex128"}, {16, "bfloat16"}, {17, "float8"}, {18, "float8"}, {19, "float8"},
    {20, "float8"},     {23, "float4"},   {24, "float8"},
};

const char *kerf__onnx_type_name(int number)
{
    const kerf_type type = kerf__type_of_onnx(number);
    if (type < KERF_NUM_TYPES)
        return kerf_type_name(type);
    for (size_t i = 0; i < sizeof FOREIGN / sizeof FOREIGN[0]; i++)
        if (FOREIGN[i].number == number)
            return FOREIGN[i].name;
    return NULL;
}

kerf_status kerf__onnx_type(kerf_type *out, int number, const char *what)
{
    const kerf_type type = kerf__type_of_onnx(number);
    if (type < KERF_NUM_TYPES) {
        *out = type;
        return KERF_OK;
    }
    if (kerf__onnx_type_name(number) != NULL)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: has type %s, which is not supported; float32 is", what,
                          kerf__onnx_type_name(number));
    return kerf__fail(KERF_ERR_FORMAT, "%s: has type number %d, which ONNX does not know", what,
                      number);
}

/* ---- arrays ------------------------------------------------------------------------------ */

static kerf_status read_dims(kerf__array *a, const Onnx__TensorProto *t, const char *what)
{
    if (t->n_dims > KERF_MAX_RANK)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: has %zu dimensions, at most %d are supported",
                          what, t->n_dims, KERF_MAX_RANK);
    a->shape = KERF_SCALAR;
    a->shape.rank = (int)t->n_dims;
    for (size_t d = 0; d < t->n_dims; d++) {
        if (t->dims[d] < 0)
            return kerf__fail(KERF_ERR_FORMAT,
                              "%s: dimension %zu is %" PRId64 ", must be 0 or more", what, d,
                              t->dims[d]);
        a->shape.dims[d] = t->dims[d];
    }
    int64_t num_bytes = kerf__tensor_bytes(a->type, a->shape);
    if (num_bytes < 0 || (uint64_t)num_bytes > SIZE_MAX / 2) {
        char text[256];
        return kerf__fail(KERF_ERR_FORMAT, "%s: shape %s is too large to be true", what,
                          kerf_shape_text(a->shape, text, sizeof text));
    }
    a->num_bytes = (size_t)num_bytes;
    return KERF_OK;
}

static kerf_status fail_size(const kerf__array *a, const char *what, size_t got, size_t want,
                             const char *unit)
{
    char text[256];
    return kerf__fail(KERF_ERR_FORMAT, "%s: has %zu %s, must be %zu for shape %s of %s", what, got,
                      unit, want, kerf_shape_text(a->shape, text, sizeof text),
                      kerf_type_name(a->type));
}

/* What one int32_data entry may be, and how many bytes of it count.  Types below 8 bits
 * come a byte at a time. */
typedef struct narrow {
    int64_t min, max;
    size_t bytes;
} narrow;

static narrow narrow_of(kerf_type type)
{
    switch (type) {
    case KERF_F16:
    case KERF_U16:
        return (narrow){0, UINT16_MAX, 2};
    case KERF_S16:
        return (narrow){INT16_MIN, INT16_MAX, 2};
    case KERF_S8:
        return (narrow){INT8_MIN, INT8_MAX, 1};
    case KERF_BOOL:
        return (narrow){0, 1, 1};
    case KERF_S32:
        return (narrow){INT32_MIN, INT32_MAX, 4};
    default:
        return (narrow){0, UINT8_MAX, 1};
    }
}

static kerf_status read_int32_data(kerf__array *a, const Onnx__TensorProto *t, const char *what)
{
    narrow n = narrow_of(a->type);
    if (t->n_int32_data != a->num_bytes / n.bytes)
        return fail_size(a, what, t->n_int32_data, a->num_bytes / n.bytes, "numbers");
    unsigned char *dst = a->owned = kerf__alloc(a->num_bytes, 1);
    if (dst == NULL)
        return kerf__fail_memory(what, a->num_bytes);
    for (size_t i = 0; i < t->n_int32_data; i++) {
        int32_t x = t->int32_data[i];
        if (x < n.min || x > n.max)
            return kerf__fail(KERF_ERR_FORMAT, "%s: number %zu is %" PRId32 ", not a %s", what, i,
                              x, kerf_type_name(a->type));
        memcpy(dst + i * n.bytes, &x, n.bytes); /* little-endian: the low bytes come first */
    }
    a->bytes = dst;
    return KERF_OK;
}

/* A field whose elements are the type's own. */
static kerf_status borrow(kerf__array *a, const void *bytes, size_t num, size_t element_bytes,
                          const char *what)
{
    if (num != a->num_bytes / element_bytes || a->num_bytes % element_bytes != 0)
        return fail_size(a, what, num, a->num_bytes / element_bytes,
                         element_bytes == 1 ? "bytes of data" : "numbers");
    a->bytes = bytes;
    return KERF_OK;
}

static kerf_status read_typed(kerf__array *a, const Onnx__TensorProto *t, const char *what)
{
    switch (a->type) {
    case KERF_F32:
        return borrow(a, t->float_data, t->n_float_data, sizeof(float), what);
    case KERF_S64:
        return borrow(a, t->int64_data, t->n_int64_data, sizeof(int64_t), what);
    default:
        return read_int32_data(a, t, what);
    }
}

static kerf_status read_data(kerf__array *a, const Onnx__TensorProto *t,
                             const kerf__outside *outside, const char *what)
{
    int num_fields = (t->has_raw_data && t->raw_data.len > 0) + (t->n_float_data > 0) +
                     (t->n_int32_data > 0) + (t->n_int64_data > 0) + (t->n_string_data > 0) +
                     (t->n_double_data > 0) + (t->n_uint64_data > 0);
    int external =
        t->has_data_location && t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    if (num_fields + external > 1)
        return kerf__fail(KERF_ERR_FORMAT, "%s: has its data in %d fields, must be one", what,
                          num_fields + external);
    if (t->segment != NULL)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: is stored in segments, which is not supported",
                          what);
    if (external && outside != NULL && outside->packed != NULL)
        return kerf__packed_take(a, t, outside->packed, what);
    if (external) {
        KERF__TRY(kerf__external_read(&a->owned, t->external_data, t->n_external_data, a->num_bytes,
                                      outside != NULL ? outside->folder : NULL, what));
        a->bytes = a->owned;
        return KERF_OK;
    }
    if (t->has_raw_data && (t->raw_data.len > 0 || num_fields == 0))
        return borrow(a, t->raw_data.data, t->raw_data.len, 1, what);
    return read_typed(a, t, what);
}

/* NaN in any place of a network makes every result NaN, so it is refused at the door. */
kerf_status kerf__array_check(const kerf__array *a, const char *what)
{
    const unsigned char *bytes = a->bytes;
    size_t width = kerf_type_bits(a->type) / 8, i = a->num_bytes;
    if (a->type == KERF_F32) {
        for (i = 0; i < a->num_bytes; i += 4) {
            uint32_t x;
            memcpy(&x, bytes + i, sizeof x);
            if ((x & 0x7FFFFFFFu) > 0x7F800000u)
                break;
        }
    } else if (a->type == KERF_F16) {
        for (i = 0; i < a->num_bytes; i += 2)
            if (((bytes[i + 1] & 0x7Fu) << 8 | bytes[i]) > 0x7C00u)
                break;
    } else if (a->type == KERF_BOOL) {
        for (i = 0; i < a->num_bytes && bytes[i] <= 1; i++)
            ;
    }
    if (i == a->num_bytes)
        return KERF_OK;
    return kerf__fail(KERF_ERR_FORMAT, "%s: element %zu is not a %s", what, i / width,
                      a->type == KERF_BOOL ? "bool, must be 0 or 1" : "number (NaN)");
}

kerf_status kerf__array_take(kerf__array *out, const Onnx__TensorProto *t,
                             const kerf__outside *outside, const char *what)
{
    *out = (kerf__array){0};
    KERF__TRY(kerf__onnx_type(&out->type, t->data_type, what));
    KERF__TRY(read_dims(out, t, what));
    kerf_status status = read_data(out, t, outside, what);
    if (status != KERF_OK)
        kerf__array_free(out);
    return status;
}

kerf_status kerf__array_read(kerf__array *out, const Onnx__TensorProto *t,
                             const kerf__outside *outside, const char *what)
{
    KERF__TRY(kerf__array_take(out, t, outside, what));
    kerf_status status = kerf__array_check(out, what);
    if (status != KERF_OK)
        kerf__array_free(out);
    return status;
}

void kerf__array_free(kerf__array *a)
{
    free(a->owned);
    *a = (kerf__array){0};
}

kerf_status kerf__array_to_tensor(kerf_tensor **out, const kerf__array *a)
{
    KERF__TRY(kerf_tensor_create(out, NULL, a->type, a->shape));
    if (a->num_bytes > 0)
        memcpy(kerf_tensor_data(*out), a->bytes, a->num_bytes);
    return KERF_OK;
}
