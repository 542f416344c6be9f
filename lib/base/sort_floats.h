/* base/sort_floats.h -- floats in order; other half: sort_floats.c. */
#ifndef KERF_BASE_SORT_FLOATS_H
#define KERF_BASE_SORT_FLOATS_H

#include <stddef.h>

#include "kerf/base.h"

/* Ascending, -0 in front of 0; NaNs at the ends, by their signs.  Takes eight bytes a number while
 * it works; fails for want of memory alone, and x is as it was then. */
kerf_status kerf__sort_floats(float *x, size_t num);

#endif
