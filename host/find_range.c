/* find_range.c -- the tree of a bisection: each question, and behind it that for either answer; see
 * find_range.h. */
#include "find_range.h"

#include <stdlib.h>

find_range find_range_of(int last)
{
    return (find_range){-1, last + 1, last};
}

int find_range_asks(find_range r)
{
    if (r.high - r.low <= 1)
        return -1;
    if (r.low < 0)
        return 0;
    return r.high > r.last ? r.last : r.low + (r.high - r.low) / 2;
}

find_range find_range_behind(find_range r, int goes_on)
{
    const int at = find_range_asks(r);
    *(goes_on ? &r.low : &r.high) = at;
    return r;
}

/* Level by level; no value is asked for twice in a tree, so it has as many questions as values. */
size_t find_range_ahead(find_range r, const char *is_known, int *out, size_t most)
{
    size_t num = 0, num_left = 1;
    find_range *left = calloc(2 * (size_t)r.last + 4, sizeof *left);
    if (left == NULL)
        return 0;
    left[0] = r;
    for (size_t i = 0; i < num_left && num < most; i++) {
        const int at = find_range_asks(left[i]);
        if (at < 0)
            continue;
        if (!is_known[at])
            out[num++] = at;
        left[num_left++] = find_range_behind(left[i], 1);
        left[num_left++] = find_range_behind(left[i], 0);
    }
    free(left);
    return num;
}
