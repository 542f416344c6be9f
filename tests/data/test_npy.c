/* test_npy.c -- .npy headers of every kind and .npz files, whole, cut and lying. */
#include "base/alloc.h"
#include "data/data_internal.h"
#include "data_files.h"
#include "kerf/device.h"

static blob npy(const char *dictionary, const void *items, size_t num_bytes)
{
    blob b = {.num = 0};
    size_t length = strlen(dictionary);
    put(&b, "\x93NUMPY\x01\x00", 8);
    put(&b, (unsigned char[]){(unsigned char)length, (unsigned char)(length >> 8)}, 2);
    put(&b, dictionary, length);
    put(&b, items, num_bytes);
    return b;
}

#define DICTIONARY(descr, order, shape)                                                            \
    "{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }"

static kerf_status parse(const blob *b, size_t num_bytes)
{
    kerf_tensor *t;
    unsigned char *exact = malloc(num_bytes > 0 ? num_bytes : 1);
    memcpy(exact, b->bytes, num_bytes);
    kerf_status status = kerf__npy_parse(&t, "f", exact, num_bytes);
    CHECK((status == KERF_OK) == (t != NULL));
    kerf_tensor_destroy(t);
    free(exact);
    return status;
}

static const float FLOATS[] = {1, -2, 3.5f, 0, 5, 6};

/* Dictionaries that all say: six floats, (2, 3). */
static void test_dictionaries(void)
{
    static const char *const GOOD[] = {
        DICTIONARY("<f4", "False", "(2, 3)"),
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n",
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
        "{\"descr\":\"<f4\",\"fortran_order\":False,\"shape\":(2,3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2L, 3L)}\n",
        " { 'descr' : '=f4' , 'fortran_order' : False , 'shape' : ( 2 , 3 , ) } ",
    };
    static const char *const BAD[] = {
        "",
        "{",
        "}",
        "{}",
        "[1]",
        "{'descr'}",
        "{'descr': '<f4'}",
        "{'descr': '<f4', 'fortran_order': False}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': [2, 3]}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
        "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,2,3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
        "{'descr': '<f4aaaaaaaaaaaaaaaaaaaa', 'fortran_order': False, 'shape': (2, 3)}",
    };
    for (size_t i = 0; i < sizeof GOOD / sizeof GOOD[0]; i++) {
        blob b = npy(GOOD[i], FLOATS, sizeof FLOATS);
        kerf_tensor *t;
        CHECK_OK(kerf__npy_parse(&t, GOOD[i], b.bytes, b.num));
        CHECK(kerf_tensor_type(t) == KERF_F32);
        CHECK(kerf_shape_equal(kerf_tensor_shape(t), KERF_SHAPE(2, 3)));
        CHECK(memcmp(kerf_tensor_data(t), FLOATS, sizeof FLOATS) == 0);
        kerf_tensor_destroy(t);
    }
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        blob b = npy(BAD[i], FLOATS, sizeof FLOATS);
        CHECK_ERROR(KERF_ERR_FORMAT, "f: its header must be {'descr'", parse(&b, b.num));
    }
}

static void test_types(void)
{
    static const struct {
        const char *dictionary;
        kerf_type type;
    } TYPES[] = {
        {DICTIONARY("<f4", "False", "(2,)"), KERF_F32},
        {DICTIONARY("<f2", "False", "(4,)"), KERF_F16},
        {DICTIONARY("<i4", "False", "(2,)"), KERF_S32},
        {DICTIONARY("<i8", "False", "()"), KERF_S64},
        {DICTIONARY("|u1", "False", "(8,)"), KERF_U8},
        {DICTIONARY("|i1", "False", "(8,)"), KERF_S8},
        {DICTIONARY("|b1", "False", "(8,)"), KERF_BOOL},
        {DICTIONARY("<i2", "False", "(4,)"), KERF_S16},
        {DICTIONARY("<u2", "False", "(4,)"), KERF_U16},
        {DICTIONARY("<f8", "True", "(1,)"), KERF_F32},
    };
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        blob b = npy(TYPES[i].dictionary, FLOATS, 8);
        kerf_tensor *t;
        CHECK_OK(kerf__npy_parse(&t, "f", b.bytes, b.num));
        CHECK(t != NULL && kerf_tensor_type(t) == TYPES[i].type);
        kerf_tensor_destroy(t);
    }
    const double doubles[] = {0.1, 1e300, -0.0};
    blob b = npy(DICTIONARY("<f8", "False", "(3,)"), doubles, sizeof doubles);
    kerf_tensor *t;
    CHECK_OK(kerf__npy_parse(&t, "f", b.bytes, b.num));
    const float *x = kerf_tensor_data(t);
    CHECK(x[0] == 0.1f && isinf(x[1]) && x[2] == 0 && signbit(x[2]));
    kerf_tensor_destroy(t);
}

static void test_refused(void)
{
    blob b = npy(DICTIONARY(">f4", "False", "(2, 3)"), FLOATS, sizeof FLOATS);
    CHECK_ERROR(KERF_ERR_UNSUPPORTED, "f: holds items '>f4', must be one of", parse(&b, b.num));
    b = npy(DICTIONARY("<f4", "True", "(2, 3)"), FLOATS, sizeof FLOATS);
    CHECK_ERROR(KERF_ERR_UNSUPPORTED, "f: is in Fortran's order", parse(&b, b.num));
    b = npy(DICTIONARY("<f4", "False", "(2, 4)"), FLOATS, sizeof FLOATS);
    CHECK_ERROR(KERF_ERR_FORMAT, "f: has 24 bytes of items, must have 32 for (2, 4)",
                parse(&b, b.num));
    b = npy(DICTIONARY("<f4", "False", "(2, 2)"), FLOATS, sizeof FLOATS);
    CHECK_ERROR(KERF_ERR_FORMAT, "must have 16", parse(&b, b.num));
    b = npy(DICTIONARY("<f4", "False", "(4611686018427387904, 4)"), FLOATS, sizeof FLOATS);
    CHECK_ERROR(KERF_ERR_FORMAT, "f: has 24 bytes of items", parse(&b, b.num));
    b = npy(DICTIONARY("<f4", "False", "(2, 3)"), FLOATS, sizeof FLOATS);
    for (size_t num = 0; num < b.num; num++)
        CHECK_ERROR(KERF_ERR_FORMAT, "f: ", parse(&b, num));
    b.bytes[6] = 4;
    CHECK_ERROR(KERF_ERR_UNSUPPORTED, "f: is .npy version 4, must be 1 to 3", parse(&b, b.num));
    b.bytes[1] = 'n';
    CHECK_ERROR(KERF_ERR_FORMAT, "f: is not a .npy file", parse(&b, b.num));
}

/* Versions 2 and 3 have a length of four bytes. */
static void test_versions(void)
{
    const char *text = DICTIONARY("<f4", "False", "(6,)");
    for (unsigned char version = 2; version <= 3; version++) {
        blob b = {.num = 0};
        put(&b, "\x93NUMPY", 6);
        put(&b, (unsigned char[]){version, 0, (unsigned char)strlen(text), 0, 0, 0}, 6);
        put(&b, text, strlen(text));
        put(&b, FLOATS, sizeof FLOATS);
        CHECK_OK(parse(&b, b.num));
        for (size_t num = 0; num < b.num; num++)
            CHECK_ERROR(KERF_ERR_FORMAT, "f: ", parse(&b, num));
    }
}

static void test_write(void)
{
    static const kerf_type TYPES[] = {KERF_F32, KERF_F16,  KERF_S32, KERF_S64, KERF_U8,
                                      KERF_S8,  KERF_BOOL, KERF_S16, KERF_U16};
    const kerf_shape shapes[] = {KERF_SCALAR, KERF_SHAPE(5), KERF_SHAPE(2, 0, 3),
                                 KERF_SHAPE(1, 2, 1, 2, 1, 2, 1, 2)};
    const char *dir = make_folder();
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        for (size_t k = 0; k < sizeof shapes / sizeof shapes[0]; k++) {
            kerf_tensor *t, *back;
            CHECK_OK(kerf_tensor_create(&t, NULL, TYPES[i], shapes[k]));
            memset(kerf_tensor_data(t), 1, kerf_tensor_size_bytes(t));
            CHECK_OK(kerf_npy_write(t, path_in(dir, "t.npy")));
            CHECK_OK(kerf_npy_read(&back, path_in(dir, "t.npy")));
            CHECK(kerf_tensor_type(back) == TYPES[i]);
            CHECK(kerf_shape_equal(kerf_tensor_shape(back), shapes[k]));
            CHECK(memcmp(kerf_tensor_data(t), kerf_tensor_data(back), kerf_tensor_size_bytes(t)) ==
                  0);
            struct stat info;
            CHECK(stat(path_in(dir, "t.npy"), &info) == 0 &&
                  ((size_t)info.st_size - kerf_tensor_size_bytes(t)) % 64 == 0);
            kerf_tensor_destroy(t);
            kerf_tensor_destroy(back);
        }
    }
    kerf_tensor *t;
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_U4, KERF_SHAPE(5)));
    CHECK_ERROR(KERF_ERR_UNSUPPORTED, "cannot hold packed uint4",
                kerf_npy_write(t, path_in(dir, "u.npy")));
    kerf_tensor_destroy(t);
    CHECK_ERROR(KERF_ERR_FILE, "cannot be read", kerf_npy_read(&t, path_in(dir, "u.npy")));
    CHECK(t == NULL);
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_U8, KERF_SHAPE(5)));
    CHECK_ERROR(KERF_ERR_FILE, "cannot be written", kerf_npy_write(t, path_in(dir, "none/t.npy")));
    kerf_tensor_destroy(t);
    erase(dir, "t.npy");
    CHECK(rmdir(dir) == 0);
}

/* ---- .npz --------------------------------------------------------------------------------- */

static void put_u16(blob *b, unsigned x)
{
    put(b, (unsigned char[]){(unsigned char)x, (unsigned char)(x >> 8)}, 2);
}

static void put_u32(blob *b, uint32_t x)
{
    put_u16(b, x & 0xffff);
    put_u16(b, x >> 16);
}

/* What test_lies bends. */
typedef struct zip_options {
    unsigned method, flags, num_entries, volume;
    uint32_t checksum_flip, plain_bytes, offset, more_packed;
} zip_options;

/* One entry "fc1.npy", its sizes in the directory only, as NumPy writes it. */
static blob zip(const blob *content, zip_options o)
{
    blob z = {.num = 0}, data = o.method == 8 ? packed(content, -15) : *content;
    const char *name = "fc1.npy";
    put(&z, "PK\3\4", 4);
    for (int i = 0; i < 11; i++)
        put_u16(&z, i == 6 || i == 7 || i == 8 || i == 9 ? 0xffff : 0);
    put_u16(&z, 7);
    put_u16(&z, 0);
    z.num = 30;
    z.bytes[26] = 7; /* length of the name, then of what more there is */
    z.bytes[27] = 0;
    z.bytes[28] = 4;
    z.bytes[29] = 0;
    put(&z, name, 7);
    put(&z, "more", 4);
    put(&z, data.bytes, data.num);
    uint32_t directory = (uint32_t)z.num;
    put(&z, "PK\1\2", 4);
    put_u32(&z, 0);
    put_u16(&z, o.flags);
    put_u16(&z, o.method);
    put_u32(&z, 0);
    put_u32(&z, (uint32_t)crc32(0, content->bytes, (unsigned)content->num) ^ o.checksum_flip);
    put_u32(&z, (uint32_t)data.num + o.more_packed);
    put_u32(&z, o.plain_bytes != 0 ? o.plain_bytes : (uint32_t)content->num);
    put_u16(&z, 7);
    for (int i = 0; i < 4; i++)
        put_u16(&z, 0);
    put_u32(&z, 0);
    put_u32(&z, o.offset);
    put(&z, name, 7);
    uint32_t end = (uint32_t)z.num;
    put(&z, "PK\5\6", 4);
    put_u16(&z, o.volume);
    put_u16(&z, 0);
    put_u16(&z, o.num_entries);
    put_u16(&z, o.num_entries);
    put_u32(&z, end - directory);
    put_u32(&z, directory);
    put_u16(&z, 3);
    put(&z, "end", 3); /* a comment */
    return z;
}

static kerf_status count(void *context, const char *name, const kerf_tensor *t)
{
    CHECK(strcmp(name, "fc1") == 0 && kerf_tensor_num_elements(t) == 6);
    ++*(int *)context;
    return KERF_OK;
}

static kerf_status refuse(void *context, const char *name, const kerf_tensor *t)
{
    (void)context, (void)name, (void)t;
    return KERF_ERR_CANCELLED;
}

static kerf_status parse_zip(const blob *z, size_t num_bytes)
{
    int num = 0;
    unsigned char *exact = malloc(num_bytes > 0 ? num_bytes : 1);
    memcpy(exact, z->bytes, num_bytes);
    kerf_status status = kerf__npz_parse("f", exact, num_bytes, count, &num);
    CHECK(num == (status == KERF_OK));
    free(exact);
    return status;
}

static blob content(void)
{
    return npy(DICTIONARY("<f4", "False", "(2, 3)"), FLOATS, sizeof FLOATS);
}

static void test_npz(unsigned method)
{
    blob inside = content();
    blob z = zip(&inside, (zip_options){.method = method, .num_entries = 1});
    CHECK_OK(parse_zip(&z, z.num));
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf__npz_parse("f", z.bytes, z.num, refuse, NULL));
    for (size_t num = 0; num < z.num; num++)
        CHECK_ERROR(KERF_ERR_FORMAT, "f: ", parse_zip(&z, num));
    for (size_t i = 0; i < z.num; i++) { /* any bit may flip: no crash, and no wrong array */
        blob flipped = z;
        int num = 0;
        flipped.bytes[i] ^= 1;
        (void)!kerf__npz_parse("f", flipped.bytes, flipped.num, refuse, &num);
    }
}

static void test_npz_lies(void)
{
    static const struct {
        zip_options options;
        kerf_status status;
        const char *words;
    } LIES[] = {
        {{.num_entries = 1, .checksum_flip = 1}, KERF_ERR_FORMAT, "a checksum is wrong"},
        {{.num_entries = 1, .flags = 1}, KERF_ERR_UNSUPPORTED, "fc1.npy is encrypted"},
        {{.num_entries = 1, .method = 12}, KERF_ERR_UNSUPPORTED, "packed by method 12"},
        {{.num_entries = 1, .plain_bytes = 0xffffffff}, KERF_ERR_UNSUPPORTED, "needs zip64"},
        {{.num_entries = 1, .offset = 0xffffffff}, KERF_ERR_UNSUPPORTED, "needs zip64"},
        {{.num_entries = 0xffff}, KERF_ERR_UNSUPPORTED, "needs zip64"},
        {{.num_entries = 1, .volume = 1}, KERF_ERR_UNSUPPORTED, "one volume of several"},
        {{.num_entries = 1, .offset = 9}, KERF_ERR_FORMAT, "not where it should be"},
        {{.num_entries = 1, .more_packed = 1000, .plain_bytes = 1100},
         KERF_ERR_FORMAT,
         "an entry is cut"},
        {{.num_entries = 1, .plain_bytes = 0xfffffff0}, KERF_ERR_FORMAT, "is cut or damaged"},
        {{.num_entries = 1, .plain_bytes = 20}, KERF_ERR_FORMAT, "more follows"},
        {{.num_entries = 1, .method = 8, .plain_bytes = 20}, KERF_ERR_FORMAT, "more follows"},
    };
    blob inside = content();
    for (size_t i = 0; i < sizeof LIES / sizeof LIES[0]; i++) {
        blob z = zip(&inside, LIES[i].options);
        CHECK_ERROR(LIES[i].status, LIES[i].words, parse_zip(&z, z.num));
    }
    /* Two entries said, one there. */
    blob z = zip(&inside, (zip_options){.num_entries = 2});
    int num = 0;
    CHECK_ERROR(KERF_ERR_FORMAT, "its directory is cut",
                kerf__npz_parse("f", z.bytes, z.num, count, &num));
    CHECK(num == 1);
    z.bytes[z.num - 3 - 22 - 3] = 'x'; /* "fc1.npy" in the directory: "fc1.xpy" and so on */
    CHECK_ERROR(KERF_ERR_FORMAT, "must hold .npy files only",
                kerf__npz_parse("f", z.bytes, z.num, count, &num));
}

static void test_npz_no_memory(void)
{
    blob inside = content(), z = zip(&inside, (zip_options){.method = 8, .num_entries = 1});
    kerf_status status = KERF_ERR_MEMORY;
    int n = 0;
    while (status != KERF_OK && n < 100) {
        int num = 0;
        kerf__alloc_fail_at(++n);
        status = kerf__npz_parse("f", z.bytes, z.num, count, &num);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
    }
    CHECK(n > 5 && n < 100);
}

int main(void)
{
    test_dictionaries();
    test_types();
    test_refused();
    test_versions();
    test_write();
    test_npz(0);
    test_npz(8);
    test_npz_lies();
    test_npz_no_memory();
    return check_result();
}
