/* tensor/types.c -- the table of types, and arithmetic on shapes.
 *
 * Sizes stay below 2^62 so that sums and products of two of them, and a factor of 2, fit
 * 64 bits with their sign. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "kerf/tensor.h"
#include "tensor/tensor_internal.h"

static const struct {
    const char *name;
    size_t bits;
    int onnx;
} TYPES[KERF_NUM_TYPES] = {
#define X(type, bits, text, onnx) [type] = {text, bits, onnx},
    KERF_TYPE_LIST(X)
#undef X
};

static const int64_t LARGEST = (int64_t)1 << 62;

const char *kerf_type_name(kerf_type type)
{
    return (unsigned)type < KERF_NUM_TYPES ? TYPES[type].name : "unknown";
}

size_t kerf_type_bits(kerf_type type)
{
    return (unsigned)type < KERF_NUM_TYPES ? TYPES[type].bits : 0;
}

int kerf__onnx_number(kerf_type type)
{
    return TYPES[type].onnx;
}

kerf_type kerf__type_of_onnx(int64_t number)
{
    int i = 0;
    while (i < KERF_NUM_TYPES && TYPES[i].onnx != number)
        i++;
    return (kerf_type)i;
}

int kerf__type_has_sign(kerf_type type)
{
    enum {
        SIGNED = 1 << KERF_S2 | 1 << KERF_S4 | 1 << KERF_S8 | 1 << KERF_S16 | 1 << KERF_S32 |
                 1 << KERF_S64
    };
    return (unsigned)type < KERF_NUM_TYPES && (SIGNED >> type & 1) != 0;
}

int kerf_shape_equal(kerf_shape a, kerf_shape b)
{
    if (a.rank != b.rank)
        return 0;
    for (int i = 0; i < a.rank; i++)
        if (a.dims[i] != b.dims[i])
            return 0;
    return 1;
}

int64_t kerf_shape_num_elements(kerf_shape shape)
{
    if (shape.rank < 0 || shape.rank > KERF_MAX_RANK)
        return -1;
    int empty = 0;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dims[i] < 0)
            return -1;
        empty |= shape.dims[i] == 0;
    }
    if (empty) /* first, as the other dimensions may overflow and it would not matter */
        return 0;
    int64_t num = 1;
    for (int i = 0; i < shape.rank; i++) {
        if (shape.dims[i] > LARGEST / num)
            return -1;
        num *= shape.dims[i];
    }
    return num;
}

int64_t kerf__tensor_bytes(kerf_type type, kerf_shape shape)
{
    int64_t num = kerf_shape_num_elements(shape), bits = (int64_t)kerf_type_bits(type);
    if (num < 0 || bits == 0)
        return -1;
    if (bits < 8)
        return (num / 8) * bits + (num % 8 * bits + 7) / 8;
    return num > LARGEST / (bits / 8) ? -1 : num * (bits / 8);
}

/* Of packed types, the element's bits in its byte; those with a sign have it in the highest. */
static int64_t packed_int(kerf_type type, const unsigned char *bytes, size_t i)
{
    const size_t bits = TYPES[type].bits, in_byte = 8 / bits;
    const int x = bytes[i / in_byte] >> i % in_byte * bits & ((1 << bits) - 1);
    const int has_sign = type == KERF_S4 || type == KERF_S2;
    return has_sign && x >> (bits - 1) != 0 ? x - (1 << bits) : x;
}

int64_t kerf__tensor_int(const kerf_tensor *t, size_t i)
{
    switch (t->type) {
    case KERF_S64:
        return ((const int64_t *)t->data)[i];
    case KERF_S32:
        return ((const int32_t *)t->data)[i];
    case KERF_S16:
        return ((const int16_t *)t->data)[i];
    case KERF_U16:
        return ((const uint16_t *)t->data)[i];
    case KERF_S8:
        return ((const int8_t *)t->data)[i];
    case KERF_U8:
    case KERF_BOOL:
        return ((const uint8_t *)t->data)[i];
    default:
        return packed_int(t->type, t->data, i);
    }
}

const char *kerf_shape_text(kerf_shape shape, char *text, size_t text_bytes)
{
    assert(text_bytes > 0);
    size_t num = 0;
    text[0] = '\0';
    for (int i = 0; i <= shape.rank && num < text_bytes; i++) {
        const char *before = i == 0 ? "(" : i < shape.rank ? ", " : "";
        int got;
        if (i == shape.rank)
            got = snprintf(text + num, text_bytes - num, "%s)", before);
        else if (shape.dims[i] < 0)
            got = snprintf(text + num, text_bytes - num, "%s?", before);
        else
            got = snprintf(text + num, text_bytes - num, "%s%" PRId64, before, shape.dims[i]);
        num += (size_t)got;
    }
    if (shape.rank < 0)
        snprintf(text, text_bytes, "unknown");
    return text;
}
