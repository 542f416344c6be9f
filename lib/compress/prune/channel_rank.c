/* compress/prune/channel_rank.c -- the rank of a feature map: by orthogonal columns, the longest
 * first (Golub 1965), which tells ranks as well as singular values do where numbers do not lie on
 * the border on purpose.  Other half: train/channel_watch.c. */
#include <float.h>
#include <math.h>

#include "compress/prune/channels_internal.h"

static double dot(const double *map, size_t rows, size_t cols, size_t a, size_t b)
{
    double sum = 0;
    for (size_t i = 0; i < rows; i++)
        sum += map[i * cols + a] * map[i * cols + b];
    return sum;
}

/* The longest of the columns from `first` on. */
static double find_longest(const double *map, size_t rows, size_t cols, size_t first, size_t *at)
{
    double most = -1;
    *at = first;
    for (size_t k = first; k < cols; k++) {
        const double length = dot(map, rows, cols, k, k);
        if (length > most) {
            most = length;
            *at = k;
        }
    }
    return sqrt(most);
}

static void swap(double *map, size_t rows, size_t cols, size_t a, size_t b)
{
    for (size_t i = 0; i < rows; i++) {
        const double x = map[i * cols + a];
        map[i * cols + a] = map[i * cols + b];
        map[i * cols + b] = x;
    }
}

/* Columns behind `at` lose what they have of its direction. */
static void project(double *map, size_t rows, size_t cols, size_t at)
{
    const double square = dot(map, rows, cols, at, at);
    for (size_t k = at + 1; k < cols; k++) {
        const double share = dot(map, rows, cols, at, k) / square;
        for (size_t i = 0; i < rows; i++)
            map[i * cols + k] -= share * map[i * cols + at];
    }
}

size_t kerf__channel_map_rank(double *map, size_t rows, size_t cols)
{
    const size_t most = rows < cols ? rows : cols;
    double bound = 0;
    for (size_t rank = 0; rank < most; rank++) {
        size_t at;
        const double length = find_longest(map, rows, cols, rank, &at);
        if (rank == 0)
            bound = length * (double)(rows > cols ? rows : cols) * (double)FLT_EPSILON;
        if (!(length > bound)) /* what is no number has rank 0 */
            return rank;
        swap(map, rows, cols, rank, at);
        project(map, rows, cols, rank);
    }
    return most;
}
