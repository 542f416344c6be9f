/* compress/prune/prune_lottery.c -- lottery tickets: after each event the weights that are left go
 * back to what they were early in training, and are trained again from there.
 *
 * Frankle and Carbin 2019, "The lottery ticket hypothesis"; back to an early epoch and not to the
 * beginning: Frankle et al. 2020, "Linear mode connectivity and the lottery ticket hypothesis".
 *
 * All trained weights go back, biases too, and moments to 0.  What they were is kept beside them
 * ("fc1.weight.rewind"), so a checkpoint holds it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/prune_internal.h"

static const char SUFFIX[] = ".rewind";

static int is_kept(const kerf_state_entry *e)
{
    const size_t length = strlen(e->name), suffix = sizeof SUFFIX - 1;
    return e->role == KERF_ROLE_MOMENT && length > suffix &&
           strcmp(e->name + length - suffix, SUFFIX) == 0;
}

static kerf_status keep_one(kerf_state *s, int id)
{
    const kerf_state_entry *e = kerf_state_get(s, id);
    const size_t bytes = strlen(e->name) + sizeof SUFFIX;
    int kept;
    char *name = kerf__alloc(bytes, 1);
    if (name == NULL)
        return kerf__fail_memory("prune", bytes);
    snprintf(name, bytes, "%s%s", e->name, SUFFIX);
    kerf_status status = KERF_OK;
    if (kerf_state_find(s, name) == NULL)
        status = kerf_state_add(s, name, KERF_ROLE_MOMENT, id, KERF_F32,
                                kerf_tensor_shape(e->tensor), &kept);
    free(name);
    return status;
}

kerf_status kerf__lottery_begin(kerf_state *s)
{
    const int num = kerf_state_num_ids(s); /* of what is there now */
    for (int id = 0; id < num; id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_WEIGHT && kerf_tensor_type(e->tensor) == KERF_F32)
            KERF__TRY(keep_one(s, id));
    }
    return KERF_OK;
}

/* ---- keeping ------------------------------------------------------------------------------ */

/* Queued, on the device. */
static kerf_status copy(kerf_state *s, int from, int to)
{
    KERF__TRY(kerf_tensor_copy(kerf_state_get(s, from)->tensor, kerf_state_get(s, to)->tensor));
    kerf_state_touch(s, to);
    return KERF_OK;
}

kerf_status kerf__lottery_keep(kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && is_kept(e))
            KERF__TRY(copy(s, e->owner, id));
    }
    return KERF_OK;
}

/* ---- going back ---------------------------------------------------------------------------- */

static kerf_status clear(kerf_state *s, int id)
{
    const size_t num = (size_t)kerf_shape_num_elements(kerf_state_get(s, id)->shape);
    float *zeros = kerf__alloc(num, sizeof *zeros); /* which clears */
    if (zeros == NULL)
        return kerf__fail_memory("prune", num * sizeof *zeros);
    kerf_status status = num > 0 ? kerf_state_write(s, id, zeros) : KERF_OK;
    free(zeros);
    return status;
}

kerf_status kerf__lottery_rewind(kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e == NULL || e->role != KERF_ROLE_MOMENT || kerf_tensor_type(e->tensor) != KERF_F32)
            continue;
        /* An event has put zeros behind the masks of what is kept, as of every moment. */
        KERF__TRY(is_kept(e) ? copy(s, id, e->owner) : clear(s, id));
    }
    return KERF_OK;
}
