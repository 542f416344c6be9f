/* compress/prune/prune_dsd.c -- dense, sparse, dense: the mask is lifted, and what it held at 0 is
 * trained from there.
 *
 * Han et al. 2017, "DSD: dense-sparse-dense training for deep neural networks". */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"

kerf_status kerf_prune_lift(kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e == NULL || e->role != KERF_ROLE_MASK || kerf_tensor_size_bytes(e->tensor) == 0)
            continue;
        const size_t num = kerf_tensor_num_elements(e->tensor);
        char *ones = kerf__alloc(num, 1);
        if (ones == NULL)
            return kerf__fail_memory("prune", num);
        memset(ones, 1, num);
        kerf_status status = kerf_state_write(s, id, ones);
        free(ones);
        KERF__TRY(status);
    }
    return KERF_OK;
}
