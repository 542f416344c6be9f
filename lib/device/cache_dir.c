/* device/cache_dir.c -- the folder that programs, verdicts and tuning are kept in, and the one
 * that stands in for it.
 *
 * Asked for at each use and never remembered, so that a test can change the environment. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/device_internal.h"

const char *kerf_cache_dir(void)
{
    static const struct {
        const char *variable, *below;
    } PLACES[] = {{"KERF_CACHE_DIR", ""}, {"XDG_CACHE_HOME", "/kerf"}, {"HOME", "/.cache/kerf"}};
    static _Thread_local char dir[4096];
    dir[0] = '\0';
    for (size_t i = 0; i < sizeof PLACES / sizeof PLACES[0]; i++) {
        const char *value = getenv(PLACES[i].variable);
        if (value == NULL || (*value == '\0' && i > 0))
            continue;
        if (*value == '\0')
            break; /* KERF_CACHE_DIR= asks for none */
        int length = snprintf(dir, sizeof dir, "%s%s", value, PLACES[i].below);
        if (length >= (int)sizeof dir)
            dir[0] = '\0'; /* a path that was cut would be another folder */
        break;
    }
    return dir;
}

char *kerf__cache_path(const char *folder, const char *name, int make)
{
    const char *cache = kerf_cache_dir();
    char *dir = *cache != '\0' ? kerf__path_join(cache, folder) : NULL;
    char *path = NULL;
    if (dir != NULL && (!make || kerf__make_dirs(dir) == KERF_OK))
        path = kerf__path_join(dir, name);
    free(dir);
    return path;
}

/* ---- the spare folder ------------------------------------------------------------------ */

/* It lies where others may write too, so it counts only if it is ours alone. */
static int is_ours(const char *dir)
{
    struct stat info;
    return lstat(dir, &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == geteuid() &&
           (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int spare_dir(char *dir, size_t dir_bytes)
{
    const char *session = getenv("XDG_RUNTIME_DIR"), *temporary = getenv("TMPDIR");
    int length = session != NULL && *session != '\0'
                     ? snprintf(dir, dir_bytes, "%s/kerf", session)
                     : snprintf(dir, dir_bytes, "%s/kerf-%lu",
                                temporary != NULL && *temporary != '\0' ? temporary : "/tmp",
                                (unsigned long)geteuid());
    return length > 0 && length < (int)dir_bytes;
}

char *kerf__cache_spare_path(const char *folder, const char *name, int make)
{
    char dir[4096];
    const char *told = getenv("KERF_CACHE_DIR");
    if ((told != NULL && *told == '\0') || !spare_dir(dir, sizeof dir))
        return NULL; /* KERF_CACHE_DIR= asks that nothing is kept */
    if (make)
        mkdir(dir, S_IRWXU); /* what was in its place is looked at next */
    if (!is_ours(dir))
        return NULL;
    char *below = kerf__path_join(dir, folder), *path = NULL;
    if (below != NULL && (!make || kerf__make_dirs(below) == KERF_OK))
        path = kerf__path_join(below, name);
    free(below);
    return path;
}
