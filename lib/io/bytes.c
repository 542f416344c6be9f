/* io/bytes.c -- see bytes.h. */
#include "io/bytes.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

kerf_status kerf__bytes_add(kerf__bytes *b, const void *bytes, size_t num)
{
    if (num == 0)
        return KERF_OK;
    if (num > b->capacity - b->num) {
        const size_t capacity = (b->num + num) * 2;
        unsigned char *larger = kerf__realloc(b->at, capacity, 1);
        if (larger == NULL)
            return kerf__fail_memory("packed file", capacity);
        b->at = larger;
        b->capacity = capacity;
    }
    memcpy(b->at + b->num, bytes, num);
    b->num += num;
    return KERF_OK;
}

kerf_status kerf__bytes_add_number(kerf__bytes *b, uint64_t x)
{
    unsigned char groups[10];
    size_t num = 0;
    do {
        groups[num++] = (unsigned char)((x & 127) | (x > 127 ? 128 : 0));
        x >>= 7;
    } while (x != 0);
    return kerf__bytes_add(b, groups, num);
}

void kerf__bytes_free(kerf__bytes *b)
{
    free(b->at);
    *b = (kerf__bytes){0};
}

kerf_status kerf__reading_take(kerf__reading *r, size_t num, const unsigned char **bytes)
{
    if (num > r->left)
        return kerf__fail(KERF_ERR_FORMAT, "packed file: %zu bytes are missing", num - r->left);
    *bytes = r->at;
    r->at += num;
    r->left -= num;
    return KERF_OK;
}

kerf_status kerf__reading_number(kerf__reading *r, uint64_t most, uint64_t *x)
{
    const unsigned char *group = NULL;
    int shift = 0;
    *x = 0;
    do {
        KERF__TRY(kerf__reading_take(r, 1, &group));
        *x |= (uint64_t)(*group & 127) << shift;
        shift += 7;
    } while (*group > 127 && shift < 63);
    return *group <= 127 && *x <= most
               ? KERF_OK
               : kerf__fail(KERF_ERR_FORMAT, "packed file: a number is larger than %llu",
                            (unsigned long long)most);
}
