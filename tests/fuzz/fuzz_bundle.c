/* Fuzzes what packed files know of devices: the input is the section itself, behind its tag. */
#include <stdint.h>
#include <stdlib.h>

#include "io/bundle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    kerf_bundle *b;
    if (kerf__bundle_parse(&b, (kerf__reading){bytes, num_bytes}) != KERF_OK)
        return 0;
    for (size_t i = 0; i < kerf_bundle_num_devices(b); i++)
        if (kerf_bundle_get_device(b, i).program_bytes > num_bytes)
            abort();
    kerf_bundle_destroy(b);
    return 0;
}
