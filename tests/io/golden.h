/* golden.h -- the files of tests/golden, one after the other. */
#ifndef KERF_TESTS_GOLDEN_H
#define KERF_TESTS_GOLDEN_H

#include <dirent.h>
#include <string.h>

#include "base/file.h"
#include "check.h"

enum { GOLDEN_PATH = 1024 };

/* The folder "good" or "bad" into text of GOLDEN_PATH bytes. */
static inline const char *golden_folder(const char *which, char *text)
{
    const char *source = getenv("KERF_TEST_SOURCE");
    snprintf(text, GOLDEN_PATH, "%s/tests/golden/%s", source != NULL ? source : ".", which);
    return text;
}

/* Calls visit for each model of a folder; fewer than `least` are a failure. */
static inline void golden_each(const char *which, int least, void (*visit)(const char *path))
{
    char folder[GOLDEN_PATH], path[2 * GOLDEN_PATH];
    int num = 0;
    DIR *dir = opendir(golden_folder(which, folder));
    for (const struct dirent *e = NULL; dir != NULL && (e = readdir(dir)) != NULL;) {
        const char *suffix = strrchr(e->d_name, '.');
        if (suffix == NULL || strcmp(suffix, ".onnx") != 0)
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        visit(path);
        num++;
    }
    if (dir != NULL)
        closedir(dir);
    if (num < least) {
        printf("%s: %d models, must be at least %d\n", folder, num, least);
        check_failures++;
    }
}

#endif
