/* base/alloc.c -- host memory with a switch that makes the n-th allocation fail. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"

static _Thread_local long fail_at; /* 0: never.  For tests; see alloc.h. */

void kerf__alloc_fail_at(long n)
{
    fail_at = n;
}

static int must_fail(void)
{
    return fail_at > 0 && --fail_at == 0;
}

void *kerf__alloc(size_t num, size_t element_bytes)
{
    if (must_fail() || (element_bytes != 0 && num > SIZE_MAX / element_bytes))
        return NULL;
    size_t bytes = num * element_bytes;
    return calloc(bytes > 0 ? bytes : 1, 1);
}

void *kerf__realloc(void *old, size_t num, size_t element_bytes)
{
    if (must_fail() || (element_bytes != 0 && num > SIZE_MAX / element_bytes))
        return NULL;
    size_t bytes = num * element_bytes;
    return realloc(old, bytes > 0 ? bytes : 1);
}

char *kerf__strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = kerf__alloc(bytes, 1);
    return copy != NULL ? memcpy(copy, text, bytes) : NULL;
}

#undef kerf__fail_memory
kerf_status kerf__fail_memory(const char *what, size_t num_bytes)
{
    return kerf__fail(KERF_ERR_MEMORY, "%s: cannot allocate %zu bytes of host memory", what,
                      num_bytes);
}

int kerf__grow(void **array, size_t *capacity, size_t num, size_t element_bytes)
{
    if (num < *capacity)
        return 1;
    size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
    void *larger = kerf__realloc(*array, wanted, element_bytes);
    if (larger == NULL)
        return 0;
    *array = larger;
    *capacity = wanted;
    return 1;
}
