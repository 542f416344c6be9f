/* quantize_errors.h -- `kerf quantize --analyse`: what rounding costs, layer by layer.  Other half:
 * quantize_errors.c. */
#ifndef HOST_QUANTIZE_ERRORS_H
#define HOST_QUANTIZE_ERRORS_H

#include "change.h"

typedef struct layer_errors {
    kerf_layer_error *items; /* owned */
    size_t num;
    int has_labels; /* 0: lost is of agreement with the original */
} layer_errors;

/* What .lost of the library's answers counts: "top-1 lost", or "agreement lost" without labels. */
const char *errors_lost(int has_labels);
/* Before the model is rewritten.  Free it in any case. */
kerf_status errors_measure(const change *c, layer_errors *out, const kerf_quantize_options *q,
                           const kerf_calibrate_options *how);
void errors_free(layer_errors *e);
void errors_print(const layer_errors *e, FILE *out);
json_t *errors_json(const layer_errors *e);

#endif
