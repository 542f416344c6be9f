/* tensor/tensor_internal.h -- what lies inside a kerf_tensor, and views. */
#ifndef KERF_TENSOR_INTERNAL_H
#define KERF_TENSOR_INTERNAL_H

#include "device/buffer.h"
#include "kerf/tensor.h"

struct kerf_tensor {
    kerf_device *dev;     /* borrowed; NULL: host */
    kerf__buffer *buffer; /* owned; on a device */
    void *data;           /* owned; on the host, 64-byte aligned is not promised */
    kerf_type type;
    kerf_shape shape;
    size_t num_elements, size_bytes;
};

/* A tensor on a part of a buffer, which must outlive it. */
kerf_status kerf__tensor_create_view(kerf_tensor **out, kerf_device *dev, kerf__buffer *parent,
                                     size_t offset_bytes, kerf_type type, kerf_shape shape);
/* A type's number in ONNX's TensorProto, and the type of one, KERF_NUM_TYPES if there is none. */
int kerf__onnx_number(kerf_type type);
kerf_type kerf__type_of_onnx(int64_t number);
/* 1 for integers below 0, too. */
int kerf__type_has_sign(kerf_type type);
/* Element i of a tensor of integers (or bools) on the host, whatever their type. */
int64_t kerf__tensor_int(const kerf_tensor *t, size_t i);
/* Bytes that a tensor takes, or -1 if that cannot be said in 62 bits. */
int64_t kerf__tensor_bytes(kerf_type type, kerf_shape shape);

#endif
