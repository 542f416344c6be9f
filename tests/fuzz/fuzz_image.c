/* Fuzzes the decoder of PNG, JPEG and PPM.
 *
 * Beyond "does not crash": every byte of the planes can be read, and resizing takes them all. */
#include <stdint.h>
#include <stdlib.h>

#include "data/data_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    kerf__picture p;
    if (kerf__picture_parse(&p, "fuzz", bytes, num_bytes) == KERF_OK &&
        p.height * p.width < 1 << 20 && kerf__picture_resize(&p, 3, 5) != KERF_OK)
        abort();
    kerf__picture_free(&p);
    return 0;
}
