/* sparse_case.h -- patterns for the tests and benches of sparse products. */
#ifndef KERF_SPARSE_CASE_H
#define KERF_SPARSE_CASE_H

#include <stdlib.h>

/* Rows of up to `length` entries, `percent` of them there; every seventh row is empty, and with
 * `percent` 0 all.  offsets has room for rows * length; returns the number of entries. */
static inline int sparse_case_fill(int *starts, int *offsets, int rows, int length, int percent)
{
    int num = 0;
    starts[0] = 0;
    for (int r = 0; r < rows; r++) {
        for (int i = 0; i < length && (r % 7 != 6 || percent == 100); i++)
            if ((int)(((unsigned)(r * length + i) * 2654435761u >> 9) % 100u) < percent)
                offsets[num++] = i;
        starts[r + 1] = num;
    }
    return num;
}

#endif
