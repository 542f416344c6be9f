/* compress/quantize/bits_cost.c -- what a network takes: bytes of its file. */
#include <stdlib.h>

#include "base/fail.h"
#include "compress/quantize/bits_internal.h"
#include "kerf/io.h"

kerf_status kerf__bits_bytes(const kerf_graph *g, const kerf_state *s, double *bytes)
{
    void *file;
    size_t num;
    KERF__TRY(kerf_onnx_serialize(g, s, &file, &num));
    free(file);
    *bytes = (double)num;
    return KERF_OK;
}
