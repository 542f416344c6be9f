/* find_range.h -- what a bisection asks for next, and what it may ask for after that, so that
 * several trials run at once.  Other half: find_range.c.
 *
 * Values are 0 to last.  Up to some value the search goes on, behind it it does not; the first two
 * questions are for both ends. */
#ifndef HOST_FIND_RANGE_H
#define HOST_FIND_RANGE_H

#include <stddef.h>

/* Goes on at low, and not at high; -1 and last + 1: as if there were such values. */
typedef struct find_range {
    int low, high, last;
} find_range;

find_range find_range_of(int last);
/* The value that is to be tried; -1: there is nothing left to ask. */
int find_range_asks(find_range r);
/* Behind the answer for the value that was asked for. */
find_range find_range_behind(find_range r, int goes_on);
/* The value asked for, and those that are next whatever comes of it, the nearest first: up to
 * `most` of them, but for those that are known (last + 1).  0: memory is short. */
size_t find_range_ahead(find_range r, const char *is_known, int *out, size_t most);

#endif
