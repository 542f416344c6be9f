/* base/file.c -- whole files in, whole files out; see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"

const char *kerf__errno_text(int number)
{
    static _Thread_local char text[128];
    if (strerror_r(number, text, sizeof text) != 0)
        snprintf(text, sizeof text, "error %d", number);
    return text;
}

double kerf__now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

char *kerf__path_join(const char *dir, const char *name)
{
    size_t bytes = strlen(dir) + strlen(name) + 2;
    char *path = kerf__alloc(bytes, 1);
    if (path != NULL)
        snprintf(path, bytes, "%s/%s", dir, name);
    return path;
}

/* ---- reading --------------------------------------------------------------------------- */

static kerf_status read_failed(const char *path)
{
    return kerf__fail(KERF_ERR_FILE, "%s: cannot be read: %s", path, kerf__errno_text(errno));
}

/* Reads to the end in growing pieces: a pipe does not tell its size. */
static kerf_status read_stream(FILE *stream, const char *path, size_t max_bytes, void **bytes,
                               size_t *num_bytes)
{
    char *data = NULL;
    size_t num = 0, capacity = 0;
    for (;;) {
        if (num + 1 >= capacity) {
            size_t wanted = capacity == 0 ? 65536 : capacity * 2;
            char *larger = kerf__realloc(data, wanted, 1);
            if (larger == NULL) {
                free(data);
                return kerf__fail_memory(path, wanted);
            }
            data = larger;
            capacity = wanted;
        }
        size_t got = fread(data + num, 1, capacity - num - 1, stream);
        num += got;
        if (max_bytes != 0 && num > max_bytes) {
            free(data);
            return kerf__fail(KERF_ERR_FILE, "%s: is larger than %zu bytes, the most that is read",
                              path, max_bytes);
        }
        if (got == 0)
            break;
    }
    if (ferror(stream)) {
        free(data);
        return read_failed(path);
    }
    data[num] = '\0';
    *bytes = data;
    *num_bytes = num;
    return KERF_OK;
}

kerf_status kerf__file_read(const char *path, size_t max_bytes, void **bytes, size_t *num_bytes)
{
    *bytes = NULL;
    *num_bytes = 0;
    if (strcmp(path, "-") == 0)
        return read_stream(stdin, "standard input", max_bytes, bytes, num_bytes);
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return kerf__fail(KERF_ERR_FILE, "%s: is a folder, must be a file", path);
    FILE *stream = fopen(path, "rb");
    if (stream == NULL)
        return read_failed(path);
    kerf_status status = read_stream(stream, path, max_bytes, bytes, num_bytes);
    fclose(stream);
    return status;
}

/* ---- writing --------------------------------------------------------------------------- */

static kerf_status write_failed(const char *path)
{
    return kerf__fail(KERF_ERR_FILE, "%s: cannot be written: %s", path, kerf__errno_text(errno));
}

/* A device or a pipe is written to, never replaced. */
static int is_special(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

kerf_status kerf__new_file_begin(kerf__new_file *f, const char *path)
{
    *f = (kerf__new_file){0};
    size_t bytes = strlen(path) + 32;
    f->path = kerf__strdup(path);
    f->temporary = kerf__alloc(bytes, 1);
    if (f->path == NULL || f->temporary == NULL) {
        kerf__new_file_cancel(f);
        return kerf__fail_memory(path, bytes);
    }
    if (is_special(path)) {
        free(f->temporary);
        f->temporary = NULL;
    } else {
        snprintf(f->temporary, bytes, "%s.%ld.tmp", path, (long)getpid());
    }
    f->stream = fopen(f->temporary != NULL ? f->temporary : path, "wb");
    if (f->stream == NULL) {
        kerf_status status = write_failed(path);
        free(f->temporary);
        f->temporary = NULL;
        kerf__new_file_cancel(f);
        return status;
    }
    return KERF_OK;
}

/* The rename is on disk only when the folder is. */
static void sync_folder(const char *path)
{
    char *folder = kerf__strdup(path);
    if (folder == NULL)
        return;
    char *slash = strrchr(folder, '/');
    if (slash != NULL)
        *(slash == folder ? slash + 1 : slash) = '\0';
    int fd = open(slash != NULL ? folder : ".", O_RDONLY);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(folder);
}

kerf_status kerf__new_file_commit(kerf__new_file *f)
{
    int good = fflush(f->stream) == 0 && !ferror(f->stream) &&
               (f->temporary == NULL || fsync(fileno(f->stream)) == 0);
    if (fclose(f->stream) != 0)
        good = 0;
    f->stream = NULL;
    kerf_status status = KERF_OK;
    if (!good || (f->temporary != NULL && rename(f->temporary, f->path) != 0)) {
        status = write_failed(f->path);
    } else {
        sync_folder(f->path);
        free(f->temporary);
        f->temporary = NULL; /* it is the target now */
    }
    kerf__new_file_cancel(f);
    return status;
}

void kerf__new_file_cancel(kerf__new_file *f)
{
    if (f->stream != NULL)
        fclose(f->stream);
    if (f->temporary != NULL)
        unlink(f->temporary);
    free(f->temporary);
    free(f->path);
    *f = (kerf__new_file){0};
}

static kerf_status write_stdout(const void *bytes, size_t num_bytes)
{
    if (fwrite(bytes, 1, num_bytes, stdout) != num_bytes || fflush(stdout) != 0)
        return write_failed("standard output");
    return KERF_OK;
}

kerf_status kerf__file_write(const char *path, const void *bytes, size_t num_bytes)
{
    if (strcmp(path, "-") == 0)
        return write_stdout(bytes, num_bytes);
    kerf__new_file f;
    KERF__TRY(kerf__new_file_begin(&f, path));
    if (fwrite(bytes, 1, num_bytes, f.stream) != num_bytes) {
        kerf_status status = write_failed(path);
        kerf__new_file_cancel(&f);
        return status;
    }
    return kerf__new_file_commit(&f);
}

kerf_status kerf__make_dirs(const char *path)
{
    char *copy = kerf__strdup(path);
    if (copy == NULL)
        return kerf__fail_memory(path, strlen(path));
    int failed = 0;
    for (char *p = copy + 1; !failed; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char kept = *p;
        *p = '\0';
        failed = mkdir(copy, 0777) != 0 && errno != EEXIST;
        *p = kept;
        if (kept == '\0')
            break;
    }
    free(copy);
    return failed ? write_failed(path) : KERF_OK;
}
