/* train/flight.c -- keeping three steps in flight; see evaluate.h.
 *
 * Three are enough to hide the host's work behind the device's and few enough that Ctrl-C
 * and errors are near.  A batch's memory goes back to the loader when the device is through
 * with it. */
#include <string.h>

#include "base/fail.h"
#include "train/evaluate.h"

/* Waits for the oldest step. */
static kerf_status land_one(kerf__flight *f, kerf_loader *loader)
{
    kerf_status status = kerf_plan_finish(f->plans[0], f->tokens[0]);
    kerf_loader_release(loader, &f->batches[0]);
    f->num--;
    memmove(f->plans, f->plans + 1, (size_t)f->num * sizeof f->plans[0]);
    memmove(f->tokens, f->tokens + 1, (size_t)f->num * sizeof f->tokens[0]);
    memmove(f->batches, f->batches + 1, (size_t)f->num * sizeof f->batches[0]);
    return status;
}

static kerf_status queue(const kerf__flight *f, kerf_plan *plan, const kerf_loader *loader,
                         const char *input, const kerf_batch *batch)
{
    size_t num = (size_t)batch->num_samples;
    size_t sample_floats = (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(loader));
    const size_t bytes = num * sample_floats * sizeof(float);
    int has_batch = f->mixing != NULL;
    if (f->mixing != NULL) /* where nobody teaches any more, on the student's device alone */
        KERF__TRY(kerf__mixing_take(f->mixing, f->teaching != NULL ? f->mixing->num : 1,
                                    batch->images, bytes));
    if (f->teaching != NULL)
        KERF__TRY(kerf__teaching_take(f->teaching, batch, bytes, &has_batch));
    if (!has_batch)
        KERF__TRY(kerf_plan_feed(plan, input, batch->images, bytes));
    KERF__TRY(kerf_plan_feed(plan, "labels", batch->labels, num * sizeof(int32_t)));
    KERF__TRY(f->buckets != NULL ? kerf__buckets_run(f->buckets) : kerf_plan_run(plan));
    return f->updates ? kerf_plan_update(plan) : KERF_OK;
}

kerf_status kerf__flight_launch(kerf__flight *f, kerf_loader *loader, kerf_plan *plan,
                                const char *input, const kerf_batch *batch)
{
    kerf_status status = KERF_OK;
    if (f->num == KERF__FLIGHT_STEPS)
        status = land_one(f, loader);
    if (status == KERF_OK)
        status = queue(f, plan, loader, input, batch);
    if (status == KERF_OK)
        status = kerf_plan_mark(plan, &f->tokens[f->num]);
    if (status != KERF_OK) {
        kerf_loader_release(loader, batch);
        return status;
    }
    f->plans[f->num] = plan;
    f->batches[f->num++] = *batch;
    return KERF_OK;
}

kerf_status kerf__flight_land(kerf__flight *f, kerf_loader *loader)
{
    kerf_status status = KERF_OK;
    while (f->num > 0) {
        kerf_status landed = land_one(f, loader);
        status = status == KERF_OK ? landed : status;
    }
    return status;
}
