/* cmd_bench.c -- `kerf bench`: products of matrices (bench_gemm.c), or models
 * (bench_model.c). */
#include <string.h>

#include "bench.h"
#include "command.h"

int cmd_bench(const options *o)
{
    int wants_gemm = o->words.num == 0 || strcmp(o->words.items[0], "gemm") == 0;
    if (wants_gemm && (o->train || o->shape != NULL || options_given(o, "batch")))
        return fail_usage(o, "--%s: goes with a model: kerf bench M.onnx",
                          o->train           ? "train"
                          : o->shape != NULL ? "shape"
                                             : "batch");
    kerf_device *dev;
    kerf_status status = kerf_device_open(&dev, o->device);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    int code = wants_gemm ? bench_gemm(o, dev) : bench_models(o, dev);
    kerf_device_close(dev);
    return code;
}
