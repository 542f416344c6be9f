/* Fuzzes packed files: the checksum is made right first, so that what lies behind it is reached. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "io/packed_internal.h"
#include "kerf/io.h"
#include "kerf/packed.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

enum { MOST = 2048 }; /* few bytes may stand for many weights */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    static uint8_t file[MOST];
    kerf_graph *g;
    kerf_state *s;
    void *written;
    if (num_bytes < KERF__PACKED_HEADER || num_bytes > MOST)
        return 0;
    memcpy(file, bytes, num_bytes);
    kerf__packed_seal(file, num_bytes, file[4]);
    if (kerf_packed_parse(&g, &s, file, num_bytes, NULL) != KERF_OK)
        return 0;
    if (kerf_packed_serialize(g, s, &written, &num_bytes, NULL, NULL) == KERF_OK)
        free(written);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return 0;
}
