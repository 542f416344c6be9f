/* base/alloc.h -- host memory; every allocation of the library passes here, so that a test
 * can make the n-th one fail (kerf__alloc_fail_at).  Other half: alloc.c. */
#ifndef KERF_BASE_ALLOC_H
#define KERF_BASE_ALLOC_H

#include <stddef.h>

#include "kerf/base.h"

/* Zeroed memory for `num` elements; NULL on overflow or when there is none.  0 elements
 * give a pointer that may be freed.  Freed with free(). */
void *kerf__alloc(size_t num, size_t element_bytes);
/* A larger block with the old content; the new part is not zeroed.  NULL leaves the old. */
void *kerf__realloc(void *old, size_t num, size_t element_bytes);
char *kerf__strdup(const char *text);

/* The one message for a failed allocation. */
kerf_status kerf__fail_memory(const char *what, size_t num_bytes);
#ifdef __clang_analyzer__ /* as in fail.h */
#define kerf__fail_memory(what, num_bytes)                                                         \
    ((void)kerf__fail_memory(what, num_bytes), KERF_ERR_MEMORY)
#endif

/* Tests: the n-th allocation from now fails (1 is the next); 0 switches that off. */
KERF_API void kerf__alloc_fail_at(long n);

/* Makes room for one more element behind `num` in a growing array of `*capacity`:
 *     if (!kerf__grow((void **)&g->nodes, &g->capacity, g->num_nodes, sizeof *g->nodes)) */
int kerf__grow(void **array, size_t *capacity, size_t num, size_t element_bytes);

#endif
