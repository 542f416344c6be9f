/* Fuzzes the readers of .npy and .npz files.
 *
 * Beyond "does not crash": an array that was read has the size that its shape says. */
#include <stdint.h>
#include <stdlib.h>

#include "data/data_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static kerf_status check(void *context, const char *name, const kerf_tensor *t)
{
    (void)context;
    int64_t num = kerf_shape_num_elements(kerf_tensor_shape(t));
    size_t bits = kerf_type_bits(kerf_tensor_type(t));
    if (name == NULL || num < 0 || (size_t)num != kerf_tensor_num_elements(t) ||
        kerf_tensor_size_bytes(t) != (size_t)num * bits / 8)
        abort();
    return KERF_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    kerf_tensor *t;
    if (kerf__npy_parse(&t, "fuzz", bytes, num_bytes) == KERF_OK &&
        check(NULL, "fuzz", t) != KERF_OK)
        abort();
    kerf_tensor_destroy(t);
    (void)!kerf__npz_parse("fuzz", bytes, num_bytes, check, NULL);
    return 0;
}
