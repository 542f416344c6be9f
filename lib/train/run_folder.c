/* train/run_folder.c -- the folder of a run; see run_folder.h.
 *
 * The lock is flock's: the kernel lets it go when the process dies, however it dies, so a
 * run that was killed leaves nothing to clean up. */
#define _DEFAULT_SOURCE /* flock */
#include "train/run_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"

static kerf_status name_files(kerf__run_folder *f, const char *path)
{
    f->path = kerf__strdup(path);
    f->checkpoint = kerf__path_join(path, "checkpoint");
    f->previous = kerf__path_join(path, "checkpoint.old");
    f->metrics = kerf__path_join(path, "metrics.jsonl");
    f->choices = kerf__path_join(path, "choices.json");
    if (!f->path || !f->checkpoint || !f->previous || !f->metrics || !f->choices)
        return kerf__fail_memory(path, 5 * strlen(path));
    return KERF_OK;
}

static kerf_status in_use(const kerf__run_folder *f)
{
    char who[32] = "";
    ssize_t got = pread(f->lock, who, sizeof who - 1, 0);
    who[got > 0 ? got : 0] = '\0';
    who[strcspn(who, "\n")] = '\0';
    return kerf__fail(KERF_ERR_FILE,
                      "%s: process %s is working here; wait until it ends or take another folder",
                      f->path, who[0] != '\0' ? who : "(unknown)");
}

static kerf_status take_lock(kerf__run_folder *f)
{
    char *path = kerf__path_join(f->path, "lock");
    if (path == NULL)
        return kerf__fail_memory(f->path, strlen(f->path));
    f->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    free(path);
    if (f->lock < 0)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be locked: %s", f->path,
                          kerf__errno_text(errno));
    if (flock(f->lock, LOCK_EX | LOCK_NB) != 0)
        return in_use(f);
    char who[32];
    int num = snprintf(who, sizeof who, "%ld\n", (long)getpid());
    if (ftruncate(f->lock, 0) != 0 || pwrite(f->lock, who, (size_t)num, 0) != num)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be written: %s", f->path,
                          kerf__errno_text(errno));
    return KERF_OK;
}

kerf_status kerf__run_folder_open(kerf__run_folder *f, const char *path)
{
    *f = (kerf__run_folder){.lock = -1};
    if (path == NULL)
        return KERF_OK;
    kerf_status status = kerf__make_dirs(path);
    if (status == KERF_OK)
        status = name_files(f, path);
    if (status == KERF_OK)
        status = take_lock(f);
    if (status != KERF_OK)
        kerf__run_folder_close(f);
    return status;
}

void kerf__run_folder_close(kerf__run_folder *f)
{
    if (f->path != NULL && f->lock >= 0)
        close(f->lock);
    free(f->path);
    free(f->checkpoint);
    free(f->previous);
    free(f->metrics);
    free(f->choices);
    *f = (kerf__run_folder){.lock = -1};
}

/* ---- metrics.jsonl ------------------------------------------------------------------------ */

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* One line, for free(); NULL without memory. */
static char *epoch_line(const kerf_epoch *e)
{
    json_t *line = json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o}", "epoch", (json_int_t)e->epoch,
                             "loss", number(e->loss), "val_top1", number(e->val_top1), "val_loss",
                             number(e->val_loss), "lr", number(e->lr), "seconds",
                             number(e->seconds), "sparsity", number(e->sparsity));
    char *text = line != NULL ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(line);
    return text;
}

static kerf_status put_lines(FILE *stream, const kerf_epoch *epochs, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        char *line = epoch_line(&epochs[i]);
        if (line == NULL)
            return kerf__fail_memory("metrics", 256);
        fprintf(stream, "%s\n", line);
        free(line);
    }
    return KERF_OK;
}

kerf_status kerf__run_folder_write_metrics(const kerf__run_folder *f, const kerf_epoch *epochs,
                                           size_t num)
{
    kerf__new_file file;
    if (f->path == NULL)
        return KERF_OK;
    KERF__TRY(kerf__new_file_begin(&file, f->metrics));
    kerf_status status = put_lines(file.stream, epochs, num);
    if (status == KERF_OK)
        return kerf__new_file_commit(&file);
    kerf__new_file_cancel(&file);
    return status;
}

kerf_status kerf__run_folder_add_metrics(const kerf__run_folder *f, const kerf_epoch *epoch)
{
    if (f->path == NULL)
        return KERF_OK;
    FILE *stream = fopen(f->metrics, "ab");
    kerf_status status = stream != NULL ? put_lines(stream, epoch, 1) : KERF_OK;
    int failed = stream == NULL || ferror(stream) != 0;
    if (stream != NULL && fclose(stream) != 0)
        failed = 1;
    if (status == KERF_OK && failed)
        return kerf__fail(KERF_ERR_FILE, "%s: cannot be written: %s", f->metrics,
                          kerf__errno_text(errno));
    return status;
}
