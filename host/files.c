/* files.c -- small files of the command's own; see files.h. */
#include "files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ranks.h"
#include "text.h"

static int write_failed(const options *o, const char *path)
{
    return fail_work(o, "%s: cannot be written: %s", path, strerror(errno));
}

int file_write(const options *o, const char *path, const char *text, size_t num_bytes)
{
    if (!ranks_writes(o))
        return 0;
    char *temporary = malloc(strlen(path) + 32);
    if (temporary == NULL)
        return fail_memory(o);
    sprintf(temporary, "%s.%ld.tmp", path, (long)getpid());
    FILE *f = fopen(temporary, "wb");
    int good = f != NULL && fwrite(text, 1, num_bytes, f) == num_bytes && fflush(f) == 0 &&
               fsync(fileno(f)) == 0;
    if (f != NULL && fclose(f) != 0)
        good = 0;
    int code = good && rename(temporary, path) == 0 ? 0 : write_failed(o, path);
    if (code != 0 && f != NULL)
        unlink(temporary);
    free(temporary);
    return code;
}

int file_write_json(const options *o, const char *path, const json_t *object)
{
    char *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
    if (text == NULL)
        return fail_memory(o);
    int code = file_write(o, path, text, strlen(text));
    free(text);
    return code;
}

int file_read_text(const options *o, const char *path, char **text)
{
    enum { LARGEST = 1 << 24 };
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (f == NULL)
        return fail_work(o, "%s: cannot be read: %s", path, strerror(errno));
    size_t num = 0, capacity = 4096;
    *text = malloc(capacity);
    while (*text != NULL && num < LARGEST) {
        size_t got = fread(*text + num, 1, capacity - num - 1, f);
        num += got;
        if (got == 0)
            break;
        if (num + 1 < capacity)
            continue;
        char *larger = realloc(*text, capacity *= 2);
        if (larger == NULL)
            free(*text);
        *text = larger;
    }
    int failed = ferror(f);
    if (f != stdin)
        fclose(f);
    if (*text == NULL)
        return fail_memory(o);
    (*text)[num] = '\0';
    return failed ? fail_work(o, "%s: cannot be read", path) : 0;
}

int file_read_lines(const options *o, const char *path, char **text, char ***lines, size_t *num)
{
    *text = NULL;
    *lines = NULL;
    *num = 0;
    int code = file_read_text(o, path, text);
    if (code != 0 || *text == NULL)
        return code;
    size_t num_breaks = 1;
    for (const char *p = *text; *p != '\0'; p++)
        num_breaks += *p == '\n';
    *lines = malloc(num_breaks * sizeof **lines);
    if (*lines == NULL)
        return fail_memory(o);
    for (char *p = *text; *p != '\0'; (*num)++) {
        (*lines)[*num] = p;
        p += strcspn(p, "\n");
        if (*p == '\n')
            *p++ = '\0';
        (*lines)[*num][strcspn((*lines)[*num], "\r")] = '\0';
    }
    return 0;
}

int file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

int folder_make(const options *o, const char *path)
{
    if (!ranks_writes(o) || mkdir(path, 0777) == 0)
        return 0;
    int number = errno;
    struct stat info;
    if (number == EEXIST && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return 0;
    return fail_work(o, "%s: the folder cannot be made: %s", path, strerror(number));
}

int folders_make(const options *o, const char *path)
{
    int code = 0;
    char *part = copy_text(path, strlen(path), 0);
    if (part == NULL)
        return fail_memory(o);
    for (char *slash = part; code == 0 && (slash = strchr(slash + 1, '/')) != NULL;) {
        *slash = '\0';
        code = folder_make(o, part);
        *slash = '/';
    }
    free(part);
    return code == 0 ? folder_make(o, path) : code;
}

char *path_join(const char *dir, const char *name)
{
    size_t bytes = strlen(dir) + strlen(name) + 2;
    char *path = malloc(bytes);
    if (path != NULL)
        snprintf(path, bytes, "%s/%s", dir, name);
    return path;
}

double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

int folder_has(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    const int there = path != NULL && file_exists(path);
    free(path);
    return there;
}

int folder_has_checkpoint(const char *dir)
{
    return folder_has(dir, "checkpoint") || folder_has(dir, "checkpoint.old");
}

json_t *folder_read_json(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    json_t *object = path != NULL ? json_load_file(path, 0, NULL) : NULL;
    free(path);
    return object;
}
