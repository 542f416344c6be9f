/* train/record.c -- fields into bytes and back; see record.h. */
#include "train/record.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { CHECKSUM_BYTES = 8 };

static void store(unsigned char *dst, uint64_t x, int num_bytes)
{
    for (int i = 0; i < num_bytes; i++)
        dst[i] = (unsigned char)(x >> (8 * i));
}

static uint64_t load(const unsigned char *src, int num_bytes)
{
    uint64_t x = 0;
    for (int i = 0; i < num_bytes; i++)
        x |= (uint64_t)src[i] << (8 * i);
    return x;
}

/* ---- writing --------------------------------------------------------------------------- */

kerf_status kerf__record_begin(kerf__record_writer *w, FILE *stream)
{
    *w = (kerf__record_writer){.stream = stream, .hash = XXH64_createState()};
    if (w->hash == NULL)
        return kerf__fail_memory("checkpoint", 64);
    XXH64_reset(w->hash, 0);
    return KERF_OK;
}

void kerf__record_put(kerf__record_writer *w, const void *bytes, size_t num_bytes)
{
    if (num_bytes == 0 || w->failed)
        return;
    XXH64_update(w->hash, bytes, num_bytes);
    w->failed = fwrite(bytes, 1, num_bytes, w->stream) != num_bytes;
}

void kerf__record_put_u32(kerf__record_writer *w, uint32_t x)
{
    unsigned char bytes[4];
    store(bytes, x, 4);
    kerf__record_put(w, bytes, 4);
}

void kerf__record_put_i64(kerf__record_writer *w, int64_t x)
{
    unsigned char bytes[8];
    store(bytes, (uint64_t)x, 8);
    kerf__record_put(w, bytes, 8);
}

void kerf__record_put_f64(kerf__record_writer *w, double x)
{
    int64_t bits;
    memcpy(&bits, &x, sizeof bits);
    kerf__record_put_i64(w, bits);
}

void kerf__record_put_block(kerf__record_writer *w, const void *bytes, size_t num_bytes)
{
    kerf__record_put_i64(w, (int64_t)num_bytes);
    kerf__record_put(w, bytes, num_bytes);
}

void kerf__record_put_text(kerf__record_writer *w, const char *text)
{
    kerf__record_put_block(w, text, text != NULL ? strlen(text) : 0);
}

int kerf__record_end(kerf__record_writer *w)
{
    unsigned char bytes[CHECKSUM_BYTES];
    store(bytes, XXH64_digest(w->hash), CHECKSUM_BYTES);
    XXH64_freeState(w->hash);
    w->hash = NULL;
    return !w->failed && fwrite(bytes, 1, CHECKSUM_BYTES, w->stream) == CHECKSUM_BYTES;
}

/* ---- reading --------------------------------------------------------------------------- */

int kerf__record_open(kerf__record_reader *r, const void *bytes, size_t num_bytes)
{
    *r = (kerf__record_reader){.at = bytes};
    if (num_bytes < CHECKSUM_BYTES)
        return 0;
    r->left = num_bytes - CHECKSUM_BYTES;
    return XXH64(bytes, r->left, 0) == load(r->at + r->left, CHECKSUM_BYTES);
}

const void *kerf__record_get(kerf__record_reader *r, size_t num_bytes)
{
    if (r->bad || num_bytes > r->left) {
        r->bad = 1;
        return NULL;
    }
    const unsigned char *at = r->at;
    r->at += num_bytes;
    r->left -= num_bytes;
    return at;
}

uint32_t kerf__record_get_u32(kerf__record_reader *r)
{
    const unsigned char *bytes = kerf__record_get(r, 4);
    return bytes != NULL ? (uint32_t)load(bytes, 4) : 0;
}

int64_t kerf__record_get_i64(kerf__record_reader *r)
{
    const unsigned char *bytes = kerf__record_get(r, 8);
    return bytes != NULL ? (int64_t)load(bytes, 8) : 0;
}

double kerf__record_get_f64(kerf__record_reader *r)
{
    int64_t bits = kerf__record_get_i64(r);
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

const void *kerf__record_get_block(kerf__record_reader *r, size_t *num_bytes)
{
    int64_t num = kerf__record_get_i64(r);
    if (num < 0 || (uint64_t)num > r->left)
        r->bad = 1;
    *num_bytes = r->bad ? 0 : (size_t)num;
    return kerf__record_get(r, *num_bytes);
}

char *kerf__record_get_text(kerf__record_reader *r)
{
    size_t num_bytes;
    const void *bytes = kerf__record_get_block(r, &num_bytes);
    char *text = bytes != NULL ? kerf__alloc(num_bytes + 1, 1) : NULL;
    if (text != NULL)
        memcpy(text, bytes, num_bytes);
    return text;
}
