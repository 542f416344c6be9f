/* io/external.c -- tensor data in a file beside the model.
 *
 * The name comes from the model, so it may try to reach any file of the user's.  It must be
 * relative and without "..", and what it leads to after all links must still lie in the
 * model's folder and be a regular file. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "io/io_internal.h"

typedef struct external {
    const char *location;
    uint64_t offset, length;
    int has_length;
} external;

/* Plain decimal digits only. */
static int read_number(uint64_t *out, const char *text)
{
    uint64_t x = 0;
    if (*text == '\0')
        return 0;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9' || x > (UINT64_MAX - 9) / 10)
            return 0;
        x = x * 10 + (uint64_t)(*text - '0');
    }
    *out = x;
    return 1;
}

static kerf_status read_entries(external *e, Onnx__StringStringEntryProto *const *entries,
                                size_t num_entries, const char *what)
{
    *e = (external){.location = ""};
    for (size_t i = 0; i < num_entries; i++) {
        const char *key = kerf__text(entries[i]->key), *text = kerf__text(entries[i]->value);
        int good = 1;
        if (strcmp(key, "location") == 0) {
            e->location = text;
        } else if (strcmp(key, "offset") == 0) {
            good = read_number(&e->offset, text);
        } else if (strcmp(key, "length") == 0) {
            good = read_number(&e->length, text);
            e->has_length = 1;
        } /* "checksum" and what later versions add change nothing */
        if (!good)
            return kerf__fail(KERF_ERR_FORMAT, "%s: external data: %s is '%s', must be a number",
                              what, key, text);
    }
    if (e->location[0] == '\0')
        return kerf__fail(KERF_ERR_FORMAT, "%s: external data has no location", what);
    return KERF_OK;
}

/* 1 if a part of the path is "..". */
static int climbs(const char *path)
{
    while (*path != '\0') {
        size_t length = strcspn(path, "/\\");
        if (length == 2 && path[0] == '.' && path[1] == '.')
            return 1;
        path += length;
        path += strspn(path, "/\\");
    }
    return 0;
}

static int lies_in(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    if (length > 0 && folder[length - 1] == '/') /* the root itself */
        length--;
    return strncmp(path, folder, length) == 0 && path[length] == '/';
}

/* The true path of the location, in fresh memory, once it is sure that it may be read. */
static kerf_status resolve(char **out, const external *e, const char *folder, const char *what)
{
    *out = NULL;
    if (folder == NULL)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: has external data, which a model from memory or a pipe cannot have",
                          what);
    if (e->location[0] == '/' || e->location[0] == '\\' || climbs(e->location))
        return kerf__fail(KERF_ERR_FORMAT, "%s: external data '%s' must lie in the model's folder",
                          what, e->location);
    char *joined = kerf__path_join(folder, e->location);
    if (joined == NULL)
        return kerf__fail_memory(what, strlen(e->location));
    char *true_folder = realpath(folder, NULL);
    char *true_path = true_folder != NULL ? realpath(joined, NULL) : NULL;
    kerf_status status = KERF_OK;
    if (true_path == NULL)
        status = kerf__fail(KERF_ERR_FILE, "%s: external data '%s' cannot be read: %s", what,
                            joined, kerf__errno_text(errno));
    else if (!lies_in(true_path, true_folder))
        status = kerf__fail(KERF_ERR_FORMAT,
                            "%s: external data '%s' is a link out of the model's folder", what,
                            e->location);
    free(joined);
    free(true_folder);
    if (status != KERF_OK) {
        free(true_path);
        return status;
    }
    *out = true_path;
    return KERF_OK;
}

static kerf_status check_range(const external *e, const struct stat *info, size_t num_bytes,
                               const char *what)
{
    if (!S_ISREG(info->st_mode))
        return kerf__fail(KERF_ERR_FILE, "%s: external data '%s' is not a file", what, e->location);
    if (e->has_length && e->length != num_bytes)
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: external data has %llu bytes, must be %zu like its shape", what,
                          (unsigned long long)e->length, num_bytes);
    uint64_t size = (uint64_t)info->st_size;
    if (e->offset > size || num_bytes > size - e->offset)
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: external data '%s' has %llu bytes, must have %zu from byte %llu on",
                          what, e->location, (unsigned long long)size, num_bytes,
                          (unsigned long long)e->offset);
    return KERF_OK;
}

static kerf_status read_range(void *dst, int fd, const external *e, size_t num_bytes,
                              const char *what)
{
    char *at = dst;
    for (size_t done = 0; done < num_bytes;) {
        ssize_t got = pread(fd, at + done, num_bytes - done, (off_t)(e->offset + done));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return kerf__fail(KERF_ERR_FILE, "%s: external data '%s' cannot be read: %s", what,
                              e->location, got < 0 ? kerf__errno_text(errno) : "it became shorter");
        done += (size_t)got;
    }
    return KERF_OK;
}

kerf_status kerf__external_read(void **out, Onnx__StringStringEntryProto *const *entries,
                                size_t num_entries, size_t num_bytes, const char *folder,
                                const char *what)
{
    *out = NULL;
    external e;
    char *path;
    KERF__TRY(read_entries(&e, entries, num_entries, what));
    kerf_status status = resolve(&path, &e, folder, what);
    if (path == NULL)
        return status;
    /* No link is followed any more, and a pipe does not make us wait. */
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    free(path);
    if (fd < 0)
        return kerf__fail(KERF_ERR_FILE, "%s: external data '%s' cannot be read: %s", what,
                          e.location, kerf__errno_text(errno));
    struct stat info;
    if (fstat(fd, &info) != 0)
        status = kerf__fail(KERF_ERR_FILE, "%s: external data '%s' cannot be read: %s", what,
                            e.location, kerf__errno_text(errno));
    if (status == KERF_OK)
        status = check_range(&e, &info, num_bytes, what);
    void *bytes = NULL;
    if (status == KERF_OK && (bytes = kerf__alloc(num_bytes, 1)) == NULL)
        status = kerf__fail_memory(what, num_bytes);
    if (status == KERF_OK)
        status = read_range(bytes, fd, &e, num_bytes, what);
    close(fd);
    if (status != KERF_OK) {
        free(bytes);
        return status;
    }
    *out = bytes;
    return KERF_OK;
}
