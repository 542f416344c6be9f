/* test_idx.c -- IDX files, plain and packed, whole, cut at every byte and lying. */
#include <errno.h>

#include "base/alloc.h"
#include "data/data_internal.h"
#include "data_files.h"

/* 3 images of 2 x 4 with bytes 0, 7, 14... */
static blob images(void)
{
    blob b = idx_head(3, 3, 2, 4);
    for (int i = 0; i < 24; i++)
        put(&b, &(unsigned char){(unsigned char)(i * 7)}, 1);
    return b;
}

static void check_images(const blob *b)
{
    kerf__idx idx;
    CHECK_OK(kerf__idx_parse(&idx, "images", b->bytes, b->num, 3));
    CHECK(idx.dims[0] == 3 && idx.dims[1] == 2 && idx.dims[2] == 4 && idx.num_items == 24);
    for (int i = 0; idx.items != NULL && i < 24; i++)
        CHECK(idx.items[i] == (unsigned char)(i * 7));
    free(idx.items);
}

static kerf_status parse(const blob *b, size_t num_bytes, int rank)
{
    kerf__idx idx;
    /* A copy of exactly these bytes: reading past them is seen by the sanitizer. */
    unsigned char *exact = malloc(num_bytes > 0 ? num_bytes : 1);
    memcpy(exact, b->bytes, num_bytes);
    kerf_status status = kerf__idx_parse(&idx, "f", exact, num_bytes, rank);
    CHECK((status == KERF_OK) == (idx.items != NULL));
    free(idx.items);
    free(exact);
    return status;
}

static void test_cut(const blob *whole)
{
    for (size_t num = 0; num < whole->num; num++)
        CHECK_ERROR(KERF_ERR_FORMAT, "f: ", parse(whole, num, 3));
    CHECK_OK(parse(whole, whole->num, 3));
    blob longer = *whole;
    put(&longer, "x", 1);
    CHECK_ERROR(KERF_ERR_FORMAT, "f: is damaged: more follows than its header says",
                parse(&longer, longer.num, 3));
}

/* One flipped bit in a packed file never passes unseen: gzip has a checksum. */
static void test_flipped(const blob *gz)
{
    kerf__idx idx;
    for (size_t i = 10; i < gz->num; i++) { /* the 10 before are gzip's own head */
        blob b = *gz;
        b.bytes[i] ^= 4;
        CHECK(kerf__idx_parse(&idx, "f", b.bytes, b.num, 3) != KERF_OK);
    }
}

static void test_lies(void)
{
    blob b = images();
    CHECK_ERROR(KERF_ERR_FORMAT, "f: has 3 dimensions, must have 1", parse(&b, b.num, 1));
    b.bytes[2] = 0x0d;
    CHECK_ERROR(KERF_ERR_UNSUPPORTED, "f: holds items of IDX type 0x0d, must be 0x08 (bytes)",
                parse(&b, b.num, 3));
    b.bytes[0] = 'P';
    CHECK_ERROR(KERF_ERR_FORMAT, "f: begins with 50 00, an IDX file begins with 00 00",
                parse(&b, b.num, 3));
    b = idx_head(3, 4, 2, 4); /* one image more than there is */
    put(&b, images().bytes + 16, 24);
    CHECK_ERROR(KERF_ERR_FORMAT, "f: is cut or damaged: says that 32 more bytes follow",
                parse(&b, b.num, 3));
    b = idx_head(3, 1, 0, 4);
    CHECK_ERROR(KERF_ERR_FORMAT, "f: dimension 1 is 0", parse(&b, b.num, 3));
    b = idx_head(3, 0xffffffff, 0xffffffff, 0xffffffff);
    CHECK_ERROR(KERF_ERR_FORMAT, "f: its dimensions make more than 2^62 bytes",
                parse(&b, b.num, 3));
    b = idx_head(3, 0x40000000, 0x4000, 0x4000); /* 2^58 bytes, packed in a few */
    b = packed(&b, 31);
    CHECK_ERROR(KERF_ERR_FORMAT, "f: is cut or damaged: says that", parse(&b, b.num, 3));
    b = idx_head(3, 0, 2, 4);
    CHECK_OK(parse(&b, b.num, 3)); /* nothing in it, but true */
}

static void test_files(void)
{
    const char *dir = make_folder();
    kerf__idx idx;
    blob b = images();
    save(dir, "a", &b);
    CHECK_OK(kerf__idx_read(&idx, path_in(dir, "a"), 3));
    CHECK(idx.items[23] == 161);
    free(idx.items);
    CHECK_ERROR(KERF_ERR_FILE, "cannot be read: No such file",
                kerf__idx_read(&idx, path_in(dir, "b"), 3));
    CHECK_ERROR(KERF_ERR_FILE, "is a folder, must be a file", kerf__idx_read(&idx, dir, 3));
    erase(dir, "a");
    CHECK(rmdir(dir) == 0);
}

static void test_no_memory(const blob *b)
{
    kerf_status status = KERF_ERR_MEMORY;
    int n = 0;
    while (status != KERF_OK && n < 100) {
        kerf__idx idx;
        kerf__alloc_fail_at(++n);
        status = kerf__idx_parse(&idx, "f", b->bytes, b->num, 3);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        free(idx.items);
    }
    CHECK(n > 2 && n < 100);
}

int main(void)
{
    blob plain = images(), gz = packed(&plain, 31);
    check_images(&plain);
    check_images(&gz);
    test_cut(&plain);
    test_cut(&gz);
    test_flipped(&gz);
    test_lies();
    test_files();
    test_no_memory(&plain);
    test_no_memory(&gz);
    return check_result();
}
