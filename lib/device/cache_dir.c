/* device/cache_dir.c -- the folder that programs, verdicts and tuning are kept in.
 *
 * The environment is asked at each use and never remembered, so that a test can change it; what the
 * program itself said counts more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "device/device_internal.h"

/* What the program said, if it did. */
static char told_dir[4096];
static int is_told;

kerf_status kerf_set_cache_dir(const char *dir)
{
    if (dir != NULL && strlen(dir) >= sizeof told_dir)
        return kerf__fail(KERF_ERR_ARGUMENT, "cache folder: %zu letters, must be fewer than %zu",
                          strlen(dir), sizeof told_dir);
    is_told = dir != NULL;
    snprintf(told_dir, sizeof told_dir, "%s", is_told ? dir : "");
    return KERF_OK;
}

const char *kerf_cache_dir(void)
{
    if (is_told)
        return told_dir;
    static const struct {
        const char *variable, *below;
    } PLACES[] = {{"KERF_CACHE_DIR", ""},
                  {"XDG_CACHE_HOME", "/kerf"},
                  {"HOME", "/.cache/kerf"},
                  {"LOCALAPPDATA", "/kerf"}};
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
