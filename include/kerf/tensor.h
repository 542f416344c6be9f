/* tensor.h -- types, shapes and arrays, on a device or on the host.
 *
 * Thread safety: that of the device the tensor was made on; host tensors (made with
 * no device) may be read by any number of threads. */
#ifndef KERF_TENSOR_H
#define KERF_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#include "kerf/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* name, bits an element, text, number in ONNX's TensorProto.  Types below 8 bits are
 * packed, element 0 in the lowest bits.  Checkpoints hold the place in this list. */
#define KERF_TYPE_LIST(X)                                                                          \
    X(KERF_F32, 32, "float32", 1)                                                                  \
    X(KERF_F16, 16, "float16", 10)                                                                 \
    X(KERF_S32, 32, "int32", 6)                                                                    \
    X(KERF_S64, 64, "int64", 7)                                                                    \
    X(KERF_U8, 8, "uint8", 2)                                                                      \
    X(KERF_S8, 8, "int8", 3)                                                                       \
    X(KERF_U4, 4, "uint4", 21)                                                                     \
    X(KERF_S4, 4, "int4", 22)                                                                      \
    X(KERF_U2, 2, "uint2", 25)                                                                     \
    X(KERF_S2, 2, "int2", 26)                                                                      \
    X(KERF_BOOL, 8, "bool", 9)                                                                     \
    X(KERF_S16, 16, "int16", 5)                                                                    \
    X(KERF_U16, 16, "uint16", 4)

typedef enum kerf_type {
#define X(name, bits, text, onnx) name,
    KERF_TYPE_LIST(X)
#undef X
        KERF_NUM_TYPES
} kerf_type;

KERF_API const char *kerf_type_name(kerf_type type); /* "float32" */
KERF_API size_t kerf_type_bits(kerf_type type);

/* Up to 8 dimensions, outermost first; rank 0 is a scalar.  A dimension of a graph's
 * value may be negative: a symbol such as the batch (see graph.h).  A tensor's never. */
enum { KERF_MAX_RANK = 8 };
typedef struct kerf_shape {
    int rank;
    int64_t dims[KERF_MAX_RANK];
} kerf_shape;

/* KERF_SHAPE(64, 784); KERF_SCALAR is the shape of one element. */
#define KERF_SHAPE(...)                                                                            \
    ((kerf_shape){(int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), {__VA_ARGS__}})
#define KERF_SCALAR ((kerf_shape){0, {0}})

KERF_API int kerf_shape_equal(kerf_shape a, kerf_shape b);
/* Product of the dimensions, or -1 if one is symbolic or the product is above 2^62. */
KERF_API int64_t kerf_shape_num_elements(kerf_shape shape);
/* "(64, 784)" into text; symbols are written "?".  Returns text. */
KERF_API const char *kerf_shape_text(kerf_shape shape, char *text, size_t text_bytes);

typedef struct kerf_tensor kerf_tensor;

/* Makes a tensor, filled with zeros; the caller owns it.  With dev NULL it lies in host
 * memory.  The device is borrowed and must outlive it.  Dimensions are 0 or more.
 * On failure *out is NULL. */
KERF_API kerf_status kerf_tensor_create(kerf_tensor **out, kerf_device *dev, kerf_type type,
                                        kerf_shape shape);
KERF_API void kerf_tensor_destroy(kerf_tensor *t); /* NULL is allowed */

KERF_API kerf_type kerf_tensor_type(const kerf_tensor *t);
KERF_API kerf_shape kerf_tensor_shape(const kerf_tensor *t);
KERF_API size_t kerf_tensor_num_elements(const kerf_tensor *t);
KERF_API size_t kerf_tensor_size_bytes(const kerf_tensor *t);
KERF_API kerf_device *kerf_tensor_device(const kerf_tensor *t); /* NULL: host */
KERF_API void *kerf_tensor_data(kerf_tensor *t);                /* host tensors; else NULL */

/* All bytes to or from the host; both wait until the copy is done. */
KERF_API kerf_status kerf_tensor_write(kerf_tensor *t, const void *src);
KERF_API kerf_status kerf_tensor_read(const kerf_tensor *t, void *dst);

/* The bytes themselves, without a copy where the device shares the host's memory (see
 * kerf_device_info); waits for what was queued.  KERF_MAP_WRITE: all are to be written, what was
 * there is lost.  Between map and unmap no plan that uses the tensor may run. */
typedef enum kerf_map { KERF_MAP_READ, KERF_MAP_WRITE } kerf_map;
KERF_API kerf_status kerf_tensor_map(kerf_tensor *t, kerf_map how, void **data);
KERF_API kerf_status kerf_tensor_unmap(kerf_tensor *t, void *data);

/* Copies between tensors of the same type and shape.  On one device it is only queued;
 * from or to the host it waits. */
KERF_API kerf_status kerf_tensor_copy(const kerf_tensor *src, kerf_tensor *dst);

/* How a float becomes a small integer and comes back:
 *
 *     q = clamp(round_half_even(x / scale) + zero_point, qmin, qmax)
 *     y = (q - zero_point) * scale
 *
 * scale is finite and above 0; qmin <= zero_point <= qmax, both within 2^20 of 0. */
typedef struct kerf_quant {
    float scale;
    int zero_point, qmin, qmax;
} kerf_quant;

#ifdef __cplusplus
}
#endif
#endif
