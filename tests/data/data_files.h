/* data_files.h -- making IDX, gzip and zip bytes for the tests of lib/data.
 *
 * Written by zlib and by hand, not by the library, so that its readers meet other people's
 * files.  Buffers are static: one at a time. */
#ifndef KERF_TESTS_DATA_FILES_H
#define KERF_TESTS_DATA_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "check.h"
#include "kerf/data.h"

typedef struct blob {
    unsigned char bytes[8192];
    size_t num;
} blob;

static inline void put(blob *b, const void *bytes, size_t num)
{
    if (b->num + num > sizeof b->bytes)
        abort();
    memcpy(b->bytes + b->num, bytes, num);
    b->num += num;
}

static inline void put_u32_big(blob *b, uint32_t x)
{
    unsigned char bytes[4] = {(unsigned char)(x >> 24), (unsigned char)(x >> 16),
                              (unsigned char)(x >> 8), (unsigned char)x};
    put(b, bytes, 4);
}

/* The head of an IDX file of bytes. */
static inline blob idx_head(int rank, uint32_t d0, uint32_t d1, uint32_t d2)
{
    const uint32_t dims[] = {d0, d1, d2};
    blob b = {.num = 0};
    put_u32_big(&b, 0x0800u + (uint32_t)rank);
    for (int i = 0; i < rank; i++)
        put_u32_big(&b, dims[i]);
    return b;
}

/* window_bits as deflateInit2 takes it: 31 for gzip, -15 for bare deflate. */
static inline blob packed(const blob *plain, int window_bits)
{
    blob b = {.num = 0};
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)plain->bytes,
                  .avail_in = (unsigned)plain->num,
                  .next_out = b.bytes,
                  .avail_out = sizeof b.bytes};
    if (deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) != Z_OK ||
        deflate(&z, Z_FINISH) != Z_STREAM_END)
        abort();
    b.num = z.total_out;
    deflateEnd(&z);
    return b;
}

/* A folder of this process alone; removed by remove_folder. */
static inline const char *make_folder(void)
{
    static char dir[64];
    snprintf(dir, sizeof dir, "/tmp/kerf-test-XXXXXX");
    if (mkdtemp(dir) == NULL)
        abort();
    return dir;
}

static inline const char *path_in(const char *dir, const char *name)
{
    static char path[2][512];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", dir, name);
    return path[turn];
}

static inline void save(const char *dir, const char *name, const blob *b)
{
    FILE *f = fopen(path_in(dir, name), "wb");
    if (f == NULL || fwrite(b->bytes, 1, b->num, f) != b->num || fclose(f) != 0)
        abort();
}

static inline void erase(const char *dir, const char *name)
{
    unlink(path_in(dir, name));
}

/* The last message must hold the words and be one line. */
static inline void check_words(const char *file, int line, const char *words)
{
    if (strstr(kerf_last_error(), words) != NULL && strchr(kerf_last_error(), '\n') == NULL)
        return;
    printf("%s:%d: '%s' lacks '%s'\n", file, line, kerf_last_error(), words);
    check_failures++;
}

#define CHECK_ERROR(want, words, call)                                                             \
    do {                                                                                           \
        CHECK_STATUS(want, call);                                                                  \
        check_words(__FILE__, __LINE__, words);                                                    \
    } while (0)

#endif
