/* test_folder.h -- a fresh folder for one test, taken away at its end. */
#ifndef KERF_TEST_FOLDER_H
#define KERF_TEST_FOLDER_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct test_folder {
    char path[256];
} test_folder;

static inline void test_folder_make(test_folder *f)
{
    const char *base = getenv("TMPDIR");
    memset(f, 0, sizeof *f);
    snprintf(f->path, sizeof f->path, "%s/kerf-test-XXXXXX", base != NULL ? base : "/tmp");
    if (mkdtemp(f->path) == NULL) {
        printf("cannot make %s\n", f->path);
        exit(1);
    }
}

/* "PATH/name"; good until eight more are asked for. */
static inline const char *test_folder_path(const test_folder *f, const char *name)
{
    static char text[8][520];
    static int next;
    char *path = text[next++ % 8];
    snprintf(path, sizeof text[0], "%s/%s", f->path, name);
    return path;
}

static inline void test_folder_remove(test_folder *f)
{
    DIR *dir = opendir(f->path);
    for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
        if (e->d_name[0] != '.')
            unlink(test_folder_path(f, e->d_name));
    if (dir != NULL)
        closedir(dir);
    rmdir(f->path);
}

#endif
