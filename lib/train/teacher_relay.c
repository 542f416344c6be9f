/* train/teacher_relay.c -- a step's batch to the teachers, and what they say to the student
 * (teaching.h).
 *
 * A teacher on the student's device writes where the student reads.  What another device, or a
 * file, has goes through the host: into a slot, and queued from there to a tensor of the student's
 * device.  A slot may be read until its step is done, so there is one more than steps in flight. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/buffer.h"
#include "tensor/tensor_internal.h"
#include "train/teaching.h"

kerf_status kerf__teaching_add_relay(kerf__teaching *t, size_t tap, kerf_shape shape)
{
    kerf__relay *relay = &t->relays[tap];
    KERF__TRY(kerf_tensor_create(&relay->place, t->dev, KERF_F32, shape));
    for (int i = 0; i < KERF__RELAY_SLOTS; i++) {
        const size_t num_bytes = kerf_tensor_size_bytes(relay->place);
        relay->slots[i] = kerf__alloc(num_bytes, 1);
        if (relay->slots[i] == NULL)
            return kerf__fail_memory("distill", num_bytes);
    }
    t->taps[tap].teacher = relay->place;
    return KERF_OK;
}

void kerf__teaching_free_relays(kerf__teaching *t)
{
    for (size_t i = 0; i < KERF_MOST_TAPS; i++) {
        kerf_tensor_destroy(t->relays[i].place);
        for (int k = 0; k < KERF__RELAY_SLOTS; k++)
            free(t->relays[i].slots[k]);
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

const kerf_tensor *kerf__teaching_input(const kerf__teaching *t, const kerf_device *dev)
{
    for (size_t i = 0; i < t->num_teachers; i++) {
        const kerf__teacher *teacher = &t->teachers[i];
        if (teacher->plan != NULL && kerf_state_device(teacher->s) == dev)
            return kerf_plan_input(teacher->plan, kerf_value_name(kerf_graph_input(teacher->g, 0)));
    }
    return NULL;
}

/* The first one of a device takes the batch for all that are there. */
static int takes_batch(const kerf__teaching *t, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (kerf_state_device(t->teachers[k].s) == kerf_state_device(t->teachers[i].s))
            return 0;
    return 1;
}

kerf_status kerf__teaching_ask(const kerf__teaching *t, const void *images, size_t num_bytes,
                               int has_batch)
{
    for (size_t i = 0; i < t->num_teachers; i++) {
        const kerf__teacher *teacher = &t->teachers[i];
        const char *input = kerf_value_name(kerf_graph_input(teacher->g, 0));
        if (!has_batch && takes_batch(t, i))
            KERF__TRY(kerf_plan_feed(teacher->plan, input, images, num_bytes));
        KERF__TRY(kerf_plan_run(teacher->plan));
    }
    return KERF_OK;
}

const kerf_tensor *kerf__teaching_said(const kerf__teaching *t, size_t tap)
{
    const kerf__lesson *l = &t->lessons[tap];
    return kerf_plan_output(t->teachers[l->from].plan, kerf_value_name(l->learned));
}

/* ---- passing on ------------------------------------------------------------------------------ */

static kerf_status pass_on(kerf__teaching *t, size_t tap, const kerf_batch *batch)
{
    const kerf__relay *relay = &t->relays[tap];
    void *slot = relay->slots[t->turn];
    KERF__TRY(t->cache != NULL ? kerf__teacher_cache_read(t->cache, tap, batch->samples,
                                                          batch->num_samples, slot)
                               : kerf_tensor_read(kerf__teaching_said(t, tap), slot));
    return kerf__buffer_upload(relay->place->buffer, 0, slot, kerf_tensor_size_bytes(relay->place));
}

kerf_status kerf__teaching_take(kerf__teaching *t, const kerf_batch *batch, size_t num_bytes,
                                int *has_batch)
{
    if (t->cache == NULL)
        KERF__TRY(kerf__teaching_ask(t, batch->images, num_bytes, *has_batch));
    for (size_t i = 0; i < t->num_taps; i++)
        if (t->relays[i].place != NULL)
            KERF__TRY(pass_on(t, i, batch));
    t->turn = (t->turn + 1) % KERF__RELAY_SLOTS;
    *has_batch |= kerf__teaching_input(t, t->dev) != NULL;
    return KERF_OK;
}
