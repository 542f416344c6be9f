/* io/onnx_tensor.c -- a tensor that is a file of its own, as ONNX's test folders hold inputs and
 * outputs (input_0.pb). */
#include <stdlib.h>

#include "base/fail.h"
#include "base/file.h"
#include "io/io_internal.h"

static kerf_status parse(kerf_tensor **out, const Onnx__TensorProto *proto, const char *what)
{
    kerf__array array;
    /* NaN may be what is asked for: IsNaN has a test, too. */
    KERF__TRY(kerf__array_take(&array, proto, NULL, what));
    kerf_status status = kerf__array_to_tensor(out, &array);
    kerf__array_free(&array);
    return status;
}

kerf_status kerf_onnx_read_tensor(kerf_tensor **out, const char *path)
{
    *out = NULL;
    void *bytes;
    size_t num_bytes;
    Onnx__TensorProto *proto = NULL;
    KERF__TRY(kerf__file_read(path, INT32_MAX, &bytes, &num_bytes));
    kerf_status status = kerf__tensor_proto_unpack(&proto, bytes, num_bytes);
    if (status == KERF_OK)
        status = parse(out, proto, "tensor");
    kerf__tensor_proto_free(proto);
    free(bytes);
    return status == KERF_OK ? KERF_OK : kerf__fail_clean(status, path);
}
