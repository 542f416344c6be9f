/* data/npz.c -- NumPy's .npz: a zip file of .npy files, stored or deflated.
 *
 * Read from the directory at the end, as NumPy does: it alone has the sizes (NumPy writes
 * entries as a stream).  Zip64, encryption and several volumes are refused. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"

enum { END_BYTES = 22, ENTRY_BYTES = 46, LOCAL_BYTES = 30, MAX_COMMENT = 65535 };

typedef struct archive {
    const char *name; /* of the file, for messages */
    const unsigned char *bytes;
    size_t num_bytes;
} archive;

typedef struct entry {
    char name[256];
    unsigned flags, method;
    uint32_t checksum, packed_bytes, plain_bytes, offset;
} entry;

static uint32_t read_u16(const unsigned char *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8;
}

static uint32_t read_u32(const unsigned char *b)
{
    return read_u16(b) | read_u16(b + 2) << 16;
}

static kerf_status damaged(const archive *a, const char *what)
{
    return kerf__fail(KERF_ERR_FORMAT, "%s: is not a whole .npz file: %s", a->name, what);
}

/* The record at the end, behind which lies a comment of any length. */
static const unsigned char *find_end(const archive *a)
{
    for (size_t back = END_BYTES; back <= a->num_bytes && back <= END_BYTES + MAX_COMMENT; back++) {
        const unsigned char *b = a->bytes + a->num_bytes - back;
        if (memcmp(b, "PK\5\6", 4) == 0 && read_u16(b + 20) == back - END_BYTES)
            return b;
    }
    return NULL;
}

/* Reads the directory's entry at *at and moves behind it. */
static kerf_status read_entry(const archive *a, size_t *at, entry *e)
{
    const unsigned char *b = a->bytes + *at;
    if (a->num_bytes - *at < ENTRY_BYTES || memcmp(b, "PK\1\2", 4) != 0)
        return damaged(a, "its directory is cut");
    size_t name_bytes = read_u16(b + 28), more = read_u16(b + 30) + read_u16(b + 32);
    if (a->num_bytes - *at - ENTRY_BYTES < name_bytes + more)
        return damaged(a, "its directory is cut");
    if (name_bytes >= sizeof e->name)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: has a name of %zu bytes, must be below %zu",
                          a->name, name_bytes, sizeof e->name);
    *e = (entry){.flags = read_u16(b + 8),
                 .method = read_u16(b + 10),
                 .checksum = read_u32(b + 16),
                 .packed_bytes = read_u32(b + 20),
                 .plain_bytes = read_u32(b + 24),
                 .offset = read_u32(b + 42)};
    memcpy(e->name, b + ENTRY_BYTES, name_bytes);
    *at += ENTRY_BYTES + name_bytes + more;
    return KERF_OK;
}

static kerf_status check_entry(const archive *a, const entry *e)
{
    if (e->flags & 1)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: %s is encrypted", a->name, e->name);
    if (e->packed_bytes == UINT32_MAX || e->plain_bytes == UINT32_MAX || e->offset == UINT32_MAX)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: %s needs zip64, must be below 4 GiB", a->name,
                          e->name);
    if (e->method != 0 && e->method != 8)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: %s is packed by method %u, must be stored or deflated", a->name,
                          e->name, e->method);
    if (a->num_bytes < LOCAL_BYTES || e->offset > a->num_bytes - LOCAL_BYTES ||
        memcmp(a->bytes + e->offset, "PK\3\4", 4) != 0)
        return damaged(a, "an entry is not where it should be");
    return KERF_OK;
}

/* Plain bytes of an entry into fresh memory. */
static kerf_status unpack(const archive *a, const entry *e, void **plain)
{
    *plain = NULL;
    KERF__TRY(check_entry(a, e));
    const unsigned char *local = a->bytes + e->offset;
    size_t start = e->offset + LOCAL_BYTES + read_u16(local + 26) + read_u16(local + 28);
    if (start > a->num_bytes || a->num_bytes - start < e->packed_bytes)
        return damaged(a, "an entry is cut");
    kerf__unpack *u;
    KERF__TRY(kerf__unpack_open(&u, a->name, e->method == 0 ? KERF__PLAIN : KERF__DEFLATE,
                                a->bytes + start, e->packed_bytes));
    kerf_status status = kerf__unpack_expect(u, e->plain_bytes);
    if (status == KERF_OK && (*plain = kerf__alloc(e->plain_bytes, 1)) == NULL)
        status = kerf__fail_memory(a->name, e->plain_bytes);
    if (status == KERF_OK)
        status = kerf__unpack_take(u, *plain, e->plain_bytes);
    if (status == KERF_OK)
        status = kerf__unpack_end(u);
    kerf__unpack_close(u);
    if (status == KERF_OK && crc32(crc32(0, NULL, 0), *plain, e->plain_bytes) != e->checksum)
        status = damaged(a, "a checksum is wrong");
    return status;
}

static kerf_status visit(const archive *a, const entry *e, kerf__npz_found found, void *context)
{
    char name[256 + 16];
    snprintf(name, sizeof name, "%s", e->name);
    size_t length = strlen(name);
    if (length < 4 || strcmp(name + length - 4, ".npy") != 0)
        return kerf__fail(KERF_ERR_FORMAT, "%s: holds '%s', must hold .npy files only", a->name,
                          e->name);
    name[length - 4] = '\0';
    void *plain;
    kerf_tensor *t = NULL;
    kerf_status status = unpack(a, e, &plain);
    if (status == KERF_OK)
        status = kerf__npy_parse(&t, a->name, plain, e->plain_bytes);
    free(plain);
    if (status == KERF_OK)
        status = found(context, name, t);
    kerf_tensor_destroy(t);
    return status;
}

kerf_status kerf__npz_parse(const char *name, const void *bytes, size_t num_bytes,
                            kerf__npz_found found, void *context)
{
    archive a = {name, bytes, num_bytes};
    const unsigned char *end = find_end(&a);
    if (end == NULL)
        return damaged(&a, "no zip directory at its end");
    uint32_t num = read_u16(end + 10), offset = read_u32(end + 16);
    if (num == UINT16_MAX || offset == UINT32_MAX)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: needs zip64, must be below 4 GiB", name);
    if (read_u16(end + 4) != 0 || read_u16(end + 8) != num)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: is one volume of several", name);
    size_t at = offset;
    if (at > num_bytes)
        return damaged(&a, "its directory is cut");
    for (uint32_t i = 0; i < num; i++) {
        entry e;
        KERF__TRY(read_entry(&a, &at, &e));
        KERF__TRY(visit(&a, &e, found, context));
    }
    return KERF_OK;
}

kerf_status kerf__npz_read(const char *path, kerf__npz_found found, void *context)
{
    void *bytes;
    size_t num_bytes;
    KERF__TRY(kerf__file_read(path, 0, &bytes, &num_bytes));
    kerf_status status = kerf__npz_parse(path, bytes, num_bytes, found, context);
    free(bytes);
    return status;
}
