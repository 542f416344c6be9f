/* state/compact.c -- see compact.h. */
#include "state/compact.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* Eight elements at a time: little is left. */
static int64_t next_alive(const unsigned char *mask, int64_t i, int64_t num)
{
    uint64_t eight = 0;
    while (i + 8 <= num && (memcpy(&eight, mask + i, sizeof eight), eight == 0))
        i += 8;
    while (i < num && mask[i] == 0)
        i++;
    return i;
}

static void list_rows(const unsigned char *mask, int64_t num, int32_t *places)
{
    size_t found = 0;
    for (int64_t i = next_alive(mask, 0, num); i < num; i = next_alive(mask, i + 1, num))
        places[found++] = (int32_t)i;
}

/* Elements of a column that lie together (taps) stay in their order. */
static void list_columns(const unsigned char *mask, kerf_shape shape, int64_t num, int32_t *places)
{
    const int64_t rows = shape.dims[0], columns = shape.dims[1], taps = num / (rows * columns);
    size_t found = 0;
    for (int64_t c = 0; c < columns; c++)
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = (r * columns + c) * taps, end = i + taps; i < end; i++)
                if (mask[i] != 0)
                    places[found++] = (int32_t)i;
}

kerf_status kerf__compact_create(kerf__compact **out, kerf__compact_order order, size_t num)
{
    const size_t bytes = sizeof **out + num * sizeof(*out)->places[0];
    *out = kerf__alloc(bytes, 1);
    if (*out == NULL)
        return kerf__fail_memory("state", bytes);
    (*out)->order = order;
    (*out)->num = num;
    return KERF_OK;
}

static size_t count(const unsigned char *mask, int64_t num)
{
    size_t found = 0;
    for (int64_t i = 0; i < num; i++)
        found += mask[i] != 0;
    return found;
}

kerf_status kerf__compact_list(kerf__compact **out, const unsigned char *mask, kerf_shape shape,
                               kerf__compact_order order)
{
    const int64_t num = kerf_shape_num_elements(shape);
    KERF__TRY(kerf__compact_create(out, order, count(mask, num)));
    if (order == KERF__BY_ROWS)
        list_rows(mask, num, (*out)->places);
    else
        list_columns(mask, shape, num, (*out)->places);
    return KERF_OK;
}

void kerf__compact_gather(const kerf__compact *c, const float *whole, float *kept)
{
    for (size_t i = 0; i < c->num; i++)
        kept[i] = whole[c->places[i]];
}

void kerf__compact_scatter(const kerf__compact *c, const float *kept, float *whole)
{
    for (size_t i = 0; i < c->num; i++)
        whole[c->places[i]] = kept[i];
}

/* By columns: where the place lies once rows and columns are exchanged. */
static int64_t rank_of(int32_t place, kerf__compact_order order, uint32_t rows, uint32_t columns,
                       uint32_t taps)
{
    const uint32_t at = taps == 1 ? (uint32_t)place : (uint32_t)place / taps;
    if (order == KERF__BY_ROWS)
        return place;
    return ((int64_t)(at % columns) * rows + at / columns) * taps + ((uint32_t)place - at * taps);
}

void kerf__compact_move(const kerf__compact *from, const float *src, const kerf__compact *to,
                        float *dst, kerf_shape shape)
{
    const uint32_t rows = (uint32_t)shape.dims[0], columns = (uint32_t)shape.dims[1];
    const uint32_t taps =
        to->num > 0 ? (uint32_t)(kerf_shape_num_elements(shape) / ((int64_t)rows * columns)) : 1;
    int64_t was = -1; /* rank of from's element j - 1 */
    size_t j = 0;
    for (size_t i = 0; i < to->num; i++) {
        const int64_t rank = rank_of(to->places[i], to->order, rows, columns, taps);
        while (was < rank && j < from->num)
            was = rank_of(from->places[j++], from->order, rows, columns, taps);
        dst[i] = was == rank ? src[j - 1] : 0;
    }
}
