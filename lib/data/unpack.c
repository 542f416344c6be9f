/* data/unpack.c -- bytes from memory as they are or through zlib, in the pieces asked for.
 *
 * A file says how much it holds before it holds it, so no more is unpacked than it said,
 * and nothing is allocated that its packed bytes could not make: a small hostile file
 * costs little. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/data_internal.h"

/* Deflate makes at most 1032 bytes of one (zlib's "technical details"). */
enum { MOST_FROM_ONE = 1032 };

struct kerf__unpack {
    const char *name; /* borrowed */
    kerf__packing packing;
    const unsigned char *bytes; /* borrowed; PLAIN: the rest */
    size_t num_bytes;           /* of the rest; packed: not yet given to zlib */
    z_stream z;
    int ended; /* zlib saw the end and its checksum was right */
};

static void *allocate(void *context, unsigned num, unsigned element_bytes)
{
    (void)context;
    return kerf__alloc(num, element_bytes);
}

static void release(void *context, void *block)
{
    (void)context;
    free(block);
}

kerf_status kerf__unpack_open(kerf__unpack **out, const char *name, kerf__packing packing,
                              const void *bytes, size_t num_bytes)
{
    kerf__unpack *u = *out = kerf__alloc(1, sizeof *u);
    if (u == NULL)
        return kerf__fail_memory(name, sizeof *u);
    *u = (kerf__unpack){.name = name, .packing = packing, .bytes = bytes, .num_bytes = num_bytes};
    u->z.zalloc = allocate;
    u->z.zfree = release;
    int window = packing == KERF__GZIP ? 15 + 16 : -15; /* zlib's codes for the two wrappings */
    if (packing != KERF__PLAIN && inflateInit2(&u->z, window) != Z_OK) {
        free(u);
        *out = NULL;
        return kerf__fail_memory(name, sizeof *u);
    }
    return KERF_OK;
}

void kerf__unpack_close(kerf__unpack *u)
{
    if (u == NULL)
        return;
    if (u->packing != KERF__PLAIN)
        inflateEnd(&u->z);
    free(u);
}

static kerf_status fail_cut(const kerf__unpack *u, size_t missing)
{
    return kerf__fail(KERF_ERR_FORMAT, "%s: is cut, %zu bytes are missing", u->name, missing);
}

static kerf_status fail_damaged(const kerf__unpack *u)
{
    return kerf__fail(KERF_ERR_FORMAT, "%s: is damaged: %s", u->name,
                      u->z.msg != NULL ? u->z.msg : "the packed data make no sense");
}

/* zlib counts in 32 bits: hands over what it used up. */
static void feed(kerf__unpack *u)
{
    if (u->z.avail_in != 0 || u->num_bytes == 0)
        return;
    size_t piece = u->num_bytes < (1u << 30) ? u->num_bytes : (1u << 30);
    u->z.next_in = (unsigned char *)(uintptr_t)u->bytes; /* zlib only reads there */
    u->z.avail_in = (unsigned)piece;
    u->bytes += piece;
    u->num_bytes -= piece;
}

static kerf_status inflate_some(kerf__unpack *u, unsigned char *dst, size_t num_bytes)
{
    while (num_bytes > 0) {
        size_t piece = num_bytes < (1u << 30) ? num_bytes : (1u << 30);
        if (u->ended)
            return fail_cut(u, num_bytes);
        feed(u);
        u->z.next_out = dst;
        u->z.avail_out = (unsigned)piece;
        int got = inflate(&u->z, Z_NO_FLUSH);
        size_t made = piece - u->z.avail_out;
        dst += made;
        num_bytes -= made;
        u->ended = got == Z_STREAM_END;
        if (got == Z_MEM_ERROR)
            return kerf__fail_memory(u->name, piece);
        if (got == Z_BUF_ERROR || (got == Z_OK && made == 0 && u->z.avail_in + u->num_bytes == 0))
            return fail_cut(u, num_bytes);
        if (got != Z_OK && got != Z_STREAM_END)
            return fail_damaged(u);
    }
    return KERF_OK;
}

kerf_status kerf__unpack_take(kerf__unpack *u, void *dst, size_t num_bytes)
{
    if (u->packing != KERF__PLAIN)
        return inflate_some(u, dst, num_bytes);
    if (num_bytes > u->num_bytes)
        return fail_cut(u, num_bytes - u->num_bytes);
    if (num_bytes > 0)
        memcpy(dst, u->bytes, num_bytes);
    u->bytes += num_bytes;
    u->num_bytes -= num_bytes;
    return KERF_OK;
}

kerf_status kerf__unpack_expect(kerf__unpack *u, uint64_t num_bytes)
{
    uint64_t left = u->num_bytes;
    if (u->packing != KERF__PLAIN) /* what zlib holds back fits its window twice over */
        left = (left + u->z.avail_in + 65536) * MOST_FROM_ONE;
    if (num_bytes <= left)
        return KERF_OK;
    return kerf__fail(KERF_ERR_FORMAT, "%s: is cut or damaged: says that %llu more bytes follow",
                      u->name, (unsigned long long)num_bytes);
}

kerf_status kerf__unpack_end(kerf__unpack *u)
{
    unsigned char more;
    if (u->packing != KERF__PLAIN && !u->ended) {
        feed(u);
        u->z.next_out = &more;
        u->z.avail_out = 1;
        int got = inflate(&u->z, Z_NO_FLUSH);
        u->ended = got == Z_STREAM_END;
        if (got == Z_DATA_ERROR)
            return fail_damaged(u);
        if (u->z.avail_out != 0 && !u->ended)
            return fail_cut(u, 1);
        if (u->z.avail_out == 0)
            u->num_bytes++; /* it unpacks to more than was said */
    }
    size_t left = u->num_bytes + u->z.avail_in;
    if (left != 0)
        return kerf__fail(KERF_ERR_FORMAT, "%s: is damaged: more follows than its header says",
                          u->name);
    return KERF_OK;
}
