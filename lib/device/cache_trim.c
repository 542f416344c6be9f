/* device/cache_trim.c -- keeps the cache of programs from growing without end.
 *
 * Least recently used goes first; a file's time of change is when it was last used, since a
 * load touches it.  Several processes may load, save and trim at once: a file is opened or
 * removed as a whole, and one that is missing is only built again. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/device_internal.h"

enum { DEFAULT_MIB = 256, FORGOTTEN_SECONDS = 3600 };

typedef struct cached {
    char *path; /* owned */
    uint64_t bytes;
    struct timespec used;
} cached;

typedef struct file_list {
    cached *files; /* owned */
    size_t num, capacity;
} file_list;

uint64_t kerf__program_cache_bytes(void)
{
    const char *text = getenv("KERF_CACHE_MIB");
    char *end = NULL;
    double told = text != NULL ? strtod(text, &end) : -1;
    if (text == NULL || end == text || *end != '\0' || !(told >= 0 && told < 1e9))
        told = DEFAULT_MIB;
    return (uint64_t)(told * (1 << 20));
}

static void add(file_list *list, char *path)
{
    struct stat info;
    if (path == NULL || lstat(path, &info) != 0 || !S_ISREG(info.st_mode) ||
        !kerf__grow((void **)&list->files, &list->capacity, list->num, sizeof *list->files)) {
        free(path);
        return;
    }
    list->files[list->num++] = (cached){path, (uint64_t)info.st_size, info.st_mtim};
}

static void add_all(file_list *list, const char *folder)
{
    DIR *dir = opendir(folder);
    for (struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;)
        add(list, kerf__path_join(folder, e->d_name));
    if (dir != NULL)
        closedir(dir);
}

static int latest_first(const void *a, const void *b)
{
    const struct timespec *x = &((const cached *)a)->used, *y = &((const cached *)b)->used;
    if (x->tv_sec != y->tv_sec)
        return x->tv_sec < y->tv_sec ? 1 : -1;
    return (x->tv_nsec < y->tv_nsec) - (x->tv_nsec > y->tv_nsec);
}

/* What is not a program's file is one that is being written, or that a process was killed
 * while writing. */
static int is_too_much(const cached *file, uint64_t *sum, uint64_t limit)
{
    const char *end = strrchr(file->path, '.');
    if (end == NULL || strcmp(end, ".bin") != 0)
        return time(NULL) - file->used.tv_sec > FORGOTTEN_SECONDS;
    *sum += file->bytes;
    return *sum > limit;
}

void kerf__program_cache_trim(void)
{
    const uint64_t limit = kerf__program_cache_bytes();
    file_list list = {0};
    uint64_t sum = 0;
    char *folder = kerf__cache_path("programs", "", 0);
    if (folder != NULL)
        add_all(&list, folder);
    if (list.num > 0)
        qsort(list.files, list.num, sizeof *list.files, latest_first);
    for (size_t i = 0; i < list.num; i++) {
        if (is_too_much(&list.files[i], &sum, limit))
            unlink(list.files[i].path);
        free(list.files[i].path);
    }
    free(list.files);
    free(folder);
}
