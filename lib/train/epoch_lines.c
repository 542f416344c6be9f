/* train/epoch_lines.c -- metrics.jsonl, a line an epoch; see train_internal.h.
 *
 * A line is a function of the epoch's numbers and of the schedule, and the checkpoint holds both:
 * a run that is resumed writes the lines of the epochs before anew, and none stands there twice. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "train/train_internal.h"

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* The step with which epoch `index` (from 1) ends; the last may be a part of one. */
static int64_t end_of(const kerf__schedule *s, int64_t index)
{
    const int64_t end = index * s->steps_per_epoch;
    return end < s->num_steps ? end : s->num_steps;
}

/* Of training, with the time that measuring took. */
static double images_per_second(const kerf__run *run, const kerf_epoch *e)
{
    const int64_t steps = end_of(&run->schedule, e->epoch) - end_of(&run->schedule, e->epoch - 1);
    return (double)(steps * run->options->batch) / e->seconds;
}

/* What happened since the epoch before was measured: [{"at": epochs, "what": name}].  What falls
 * on an epoch's end comes behind its measuring, so it is told with the next. */
static json_t *events_of(const kerf__schedule *s, int64_t epoch)
{
    json_t *list = json_array();
    int64_t ended = 0; /* epochs */
    for (size_t i = 0; i < s->num && ended < epoch; i++) {
        const kerf__event *event = &s->events[i];
        const char *name = kerf__event_name(event->kind);
        ended += event->kind == KERF__EVENT_EPOCH;
        if (name != NULL && ended == epoch - 1)
            json_array_append_new(list, json_pack("{s:f,s:s}", "at",
                                                  (double)event->step / (double)s->steps_per_epoch,
                                                  "what", name));
    }
    return list;
}

static json_t *epoch_json(const kerf__run *run, const kerf_epoch *e)
{
    json_t *line =
        json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "epoch", (json_int_t)e->epoch, "loss",
                  number(e->loss), "val_top1", number(e->val_top1), "val_loss", number(e->val_loss),
                  "lr", number(e->lr), "seconds", number(e->seconds), "sparsity",
                  number(e->sparsity), "images_per_s", number(images_per_second(run, e)));
    json_t *events = events_of(&run->schedule, e->epoch);
    if (json_array_size(events) > 0)
        json_object_set(line, "events", events);
    json_decref(events);
    return line;
}

static kerf_status put_lines(FILE *stream, const kerf__run *run, const kerf_epoch *epochs,
                             size_t num)
{
    for (size_t i = 0; i < num; i++) {
        json_t *line = epoch_json(run, &epochs[i]);
        char *text = line != NULL ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
        json_decref(line);
        if (text == NULL)
            return kerf__fail_memory("metrics", 256);
        fprintf(stream, "%s\n", text);
        free(text);
    }
    return KERF_OK;
}

kerf_status kerf__run_write_metrics(const kerf__run *run)
{
    kerf__new_file file;
    if (run->folder.path == NULL)
        return KERF_OK;
    KERF__TRY(kerf__new_file_begin(&file, run->folder.metrics));
    kerf_status status = put_lines(file.stream, run, run->epochs, run->num_epochs);
    if (status == KERF_OK)
        return kerf__new_file_commit(&file);
    kerf__new_file_cancel(&file);
    return status;
}

kerf_status kerf__run_add_metrics(const kerf__run *run, const kerf_epoch *epoch)
{
    if (run->folder.path == NULL)
        return KERF_OK;
    FILE *stream = fopen(run->folder.metrics, "ab");
    kerf_status status = stream != NULL ? put_lines(stream, run, epoch, 1) : KERF_OK;
    int failed = stream == NULL || ferror(stream) != 0;
    if (stream != NULL && fclose(stream) != 0)
        failed = 1;
    if (status == KERF_OK && failed)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be written: %s", run->folder.metrics,
                          kerf__errno_text(errno));
    return status;
}
