/* golden_file.h -- a file of tests/golden/packed in memory. */
#ifndef KERF_TESTS_GOLDEN_FILE_H
#define KERF_TESTS_GOLDEN_FILE_H

#include "check.h"

/* The caller frees it. */
static inline void *golden_file_read(const char *name, size_t *num_bytes)
{
    enum { MOST = 1 << 16 };
    char path[1024];
    const char *source = getenv("KERF_TEST_SOURCE");
    snprintf(path, sizeof path, "%s/tests/golden/packed/%s", source != NULL ? source : ".", name);
    FILE *file = fopen(path, "rb");
    void *bytes = malloc(MOST);
    *num_bytes = file != NULL && bytes != NULL ? fread(bytes, 1, MOST, file) : 0;
    CHECK(*num_bytes > 0);
    if (file != NULL)
        fclose(file);
    return bytes;
}

#endif
