/* compress/prune/prune_random.c -- random numbers in the place of magnitudes.
 *
 * A weight's number is a function of seed, weight and element, the same at every event and
 * on every machine; so what one event takes, a later one would take too, and two devices
 * choose the same masks. */
#include "base/fail.h"
#include "base/random.h"
#include "compress/prune/prune_internal.h"

kerf_status kerf__prune_random_numbers(kerf_tensor **out, const kerf_prune_options *options,
                                       const kerf__prune_target *target)
{
    KERF__TRY(kerf_tensor_create(out, NULL, KERF_F32, target->weight->shape));
    kerf__random r =
        kerf__random_key(options->seed, KERF__RANDOM_PRUNE, (uint32_t)target->weight->state_id);
    float *numbers = kerf_tensor_data(*out);
    size_t num = kerf_tensor_num_elements(*out);
    for (size_t i = 0; i < num; i += 4) {
        uint32_t block[4];
        kerf__random_block(r, 0, i / 4, block);
        for (size_t k = i; k < num && k < i + 4; k++)
            numbers[k] = (float)(block[k - i] >> 8) * (1.0f / 16777216.0f);
    }
    return KERF_OK;
}
