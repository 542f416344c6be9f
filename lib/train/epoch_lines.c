/* train/epoch_lines.c -- metrics.jsonl, a line an epoch, and the same for TensorBoard; see
 * train_internal.h.
 *
 * What is told of an epoch is a function of its numbers and of the schedule, and the checkpoint
 * holds both: a run that is resumed writes the epochs before anew, and none stands there twice. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "train/event_file.h"
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

static kerf_status put_line(FILE *stream, const kerf__run *run, const kerf_epoch *e)
{
    json_t *line = epoch_json(run, e);
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(line);
    if (text == NULL)
        return kerf__fail_memory("metrics", 256);
    fprintf(stream, "%s\n", text);
    free(text);
    return KERF_OK;
}

/* ---- TensorBoard ----------------------------------------------------------------------------- */

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Epochs of before a resume are dated as if the run had not stopped. */
static double ended_at(const kerf__run *run, const kerf_epoch *e)
{
    double at = seconds_now();
    for (size_t i = 0; i < run->num_epochs; i++)
        if (run->epochs[i].epoch > e->epoch)
            at -= run->epochs[i].seconds;
    return at;
}

static kerf_status put_scalars(FILE *stream, const kerf__run *run, const kerf_epoch *e)
{
    const kerf__scalar scalars[] = {
        {"loss", e->loss}, {"val_top1", e->val_top1}, {"val_loss", e->val_loss},
        {"lr", e->lr},     {"sparsity", e->sparsity}, {"images_per_s", images_per_second(run, e)}};
    return kerf__event_put_scalars(stream, ended_at(run, e), end_of(&run->schedule, e->epoch),
                                   scalars, sizeof scalars / sizeof scalars[0]);
}

static kerf_status put_version(FILE *stream)
{
    return kerf__event_put_version(stream, seconds_now());
}

/* ---- both files ------------------------------------------------------------------------------ */

/* begin NULL: nothing stands before the epochs. */
typedef struct epoch_file {
    const char *path; /* NULL: there is none */
    kerf_status (*begin)(FILE *stream);
    kerf_status (*put)(FILE *stream, const kerf__run *run, const kerf_epoch *e);
} epoch_file;
enum { NUM_FILES = 2 };

static void list_files(const kerf__run *run, epoch_file files[NUM_FILES])
{
    files[0] = (epoch_file){run->folder.metrics, NULL, put_line};
    files[1] = (epoch_file){run->options->tensorboard ? run->folder.events : NULL, put_version,
                            put_scalars};
}

static kerf_status write_file(const epoch_file *f, const kerf__run *run)
{
    kerf__new_file file;
    if (f->path == NULL)
        return KERF_OK;
    KERF__TRY(kerf__new_file_begin(&file, f->path));
    kerf_status status = f->begin != NULL ? f->begin(file.stream) : KERF_OK;
    for (size_t i = 0; i < run->num_epochs && status == KERF_OK; i++)
        status = f->put(file.stream, run, &run->epochs[i]);
    if (status == KERF_OK)
        return kerf__new_file_commit(&file);
    kerf__new_file_cancel(&file);
    return status;
}

static kerf_status add_to_file(const epoch_file *f, const kerf__run *run, const kerf_epoch *e)
{
    if (f->path == NULL)
        return KERF_OK;
    FILE *stream = fopen(f->path, "ab");
    kerf_status status = stream != NULL ? f->put(stream, run, e) : KERF_OK;
    int failed = stream == NULL || ferror(stream) != 0;
    if (stream != NULL && fclose(stream) != 0)
        failed = 1;
    if (status == KERF_OK && failed)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be written: %s", f->path,
                          kerf__errno_text(errno));
    return status;
}

kerf_status kerf__run_write_metrics(const kerf__run *run)
{
    epoch_file files[NUM_FILES];
    if (run->folder.path == NULL)
        return KERF_OK;
    list_files(run, files);
    if (!run->options->tensorboard)
        unlink(run->folder.events); /* an earlier run's, which would be taken for this one's */
    for (int i = 0; i < NUM_FILES; i++)
        KERF__TRY(write_file(&files[i], run));
    return KERF_OK;
}

kerf_status kerf__run_add_metrics(const kerf__run *run, const kerf_epoch *epoch)
{
    epoch_file files[NUM_FILES];
    if (run->folder.path == NULL)
        return KERF_OK;
    list_files(run, files);
    for (int i = 0; i < NUM_FILES; i++)
        KERF__TRY(add_to_file(&files[i], run, epoch));
    return KERF_OK;
}
