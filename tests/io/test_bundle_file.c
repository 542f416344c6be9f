/* test_bundle_file.c -- what packed files know of devices, as bytes: kept from device to device,
 * refused where it cannot be true, and no changed byte does harm.  What devices take of it is in
 * tests/plan/test_bundle.c. */
#include <string.h>

#include "base/alloc.h"
#include "check.h"
#include "io/bundle.h"
#include "io/packed_internal.h"
#include "kerf/kerf.h"
#include "packed_network.h"

static file copy_of(file f)
{
    file out = {malloc(f.num), f.num};
    memcpy(out.bytes, f.bytes, f.num);
    return out;
}

/* As if a device of that name had been there. */
static void add_device(kerf_bundle *b, const char *id, size_t num_choices, size_t num_programs)
{
    char text[64];
    CHECK(kerf__grow((void **)&b->devices, &b->capacity, b->num, sizeof *b->devices));
    kerf__bundle_device *d = &b->devices[b->num++];
    *d = (kerf__bundle_device){.choices = kerf__alloc(num_choices, sizeof *d->choices),
                               .programs = kerf__alloc(num_programs, sizeof *d->programs),
                               .num_choices = num_choices,
                               .num_programs = num_programs};
    for (int i = 0; i < KERF__BUNDLE_TEXTS; i++)
        d->texts[i] = kerf__strdup(i == KERF__BUNDLE_ID ? id : "text");
    for (size_t i = 0; i < num_choices; i++) {
        snprintf(text, sizeof text, "m=%zu n=2 k=3 f32", i);
        d->choices[i] = (kerf__bundle_choice){kerf__strdup(text), kerf__strdup("gemm_wide/n6x4d")};
    }
    for (size_t i = 0; i < num_programs; i++) {
        d->programs[i] = (kerf__bundle_program){kerf__alloc(100 + i, 1), 100 + i};
        memset(d->programs[i].at, (int)i, 100 + i);
    }
}

static file with_devices(file plain, size_t num)
{
    char id[40];
    kerf_bundle *b;
    file f = copy_of(plain);
    CHECK_OK(kerf__bundle_create(&b));
    for (size_t i = 0; i < num; i++) {
        snprintf(id, sizeof id, "device %zu", i);
        add_device(b, id, 3 + i, i);
    }
    CHECK_OK(kerf_bundle_attach(b, &f.bytes, &f.num));
    kerf_bundle_destroy(b);
    return f;
}

static kerf_status read_model(file f)
{
    kerf_graph *g;
    kerf_state *s;
    const kerf_status status = kerf_packed_parse(&g, &s, f.bytes, f.num, NULL);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

static void check_devices(file f, size_t num)
{
    kerf_bundle *b;
    CHECK_OK(read_model(f));
    CHECK_OK(kerf_bundle_parse(&b, f.bytes, f.num));
    CHECK(kerf_bundle_num_devices(b) == num);
    for (size_t i = 0; i < num; i++) {
        const kerf_bundle_device d = kerf_bundle_get_device(b, i);
        CHECK(d.id[7] == (char)('0' + i) && strcmp(d.driver, "text") == 0);
        CHECK(d.num_choices == 3 + i && d.num_programs == i);
        CHECK(d.program_bytes == 100 * i + i * (i > 0 ? i - 1 : 0) / 2);
        CHECK(strcmp(b->devices[i].choices[2].which, "m=2 n=2 k=3 f32") == 0);
        CHECK(strcmp(b->devices[i].choices[2].choice, "gemm_wide/n6x4d") == 0);
        for (size_t k = 0; k < i; k++)
            CHECK(b->devices[i].programs[k].at[99] == k);
    }
    kerf_bundle_destroy(b);
}

/* Files without one stay what they were, and a bundle can be taken off again. */
static void test_there_and_back(void)
{
    file plain = packed_network();
    check_devices(plain, 0);
    CHECK(((unsigned char *)plain.bytes)[4] == 1);
    for (size_t num = 1; num < 4; num++) {
        file f = with_devices(plain, num);
        check_devices(f, num);
        CHECK(((unsigned char *)f.bytes)[4] == 2);
        file fewer = with_devices(f, 1);
        check_devices(fewer, 1);
        file none = with_devices(f, 0);
        CHECK(none.num == plain.num && memcmp(none.bytes, plain.bytes, plain.num) == 0);
        free(none.bytes);
        free(fewer.bytes);
        free(f.bytes);
    }
    kerf_bundle *b;
    CHECK_OK(kerf_bundle_parse(&b, "\x08\x07", 2)); /* no packed file */
    CHECK(kerf_bundle_num_devices(b) == 0);
    kerf_bundle_destroy(b);
    free(plain.bytes);
}

/* The same file with other bytes behind the tensors. */
static kerf_status read_with(file plain, const char *tag, const void *section, size_t num,
                             size_t told)
{
    kerf__bytes out = {0};
    CHECK_OK(kerf__bytes_add(&out, plain.bytes, plain.num));
    CHECK_OK(kerf__bytes_add(&out, tag, strlen(tag)));
    CHECK_OK(kerf__bytes_add_number(&out, told));
    CHECK_OK(kerf__bytes_add(&out, section, num));
    kerf__packed_seal(out.at, out.num, 2);
    const kerf_status status = read_model((file){out.at, out.num});
    kerf__bytes_free(&out);
    return status;
}

static void expect_refused(file plain, const char *section, size_t num, const char *words)
{
    CHECK_STATUS(KERF_ERR_FORMAT, read_with(plain, "BNDL", section, num, num));
    CHECK(strstr(kerf_last_error(), words) != NULL);
}

static void test_sections(void)
{
    file plain = packed_network();
    CHECK_OK(read_with(plain, "NEWS", "abc", 3, 3)); /* what is not known is passed over */
    CHECK_OK(read_with(plain, "BNDL", "\2xyz", 4, 4));
    CHECK_OK(read_with(plain, "BNDL", "\1\0", 2, 2));
    CHECK_STATUS(KERF_ERR_FORMAT, read_with(plain, "BNDL", "", 0, 0));
    CHECK_STATUS(KERF_ERR_FORMAT, read_with(plain, "BNDL", "\1\0", 2, 3));
    CHECK_STATUS(KERF_ERR_FORMAT, read_with(plain, "BN", "", 0, 0));
    CHECK_STATUS(KERF_ERR_FORMAT, read_with(plain, "BNDL", "\1\0BNDL\2\1\0", 9, 2));
    CHECK(strstr(kerf_last_error(), "must have one bundle") != NULL);
    expect_refused(plain, "\1\0x", 3, "left over of its bundle");
    expect_refused(plain, "\1\1\0\0\0\0\0\0\0\0", 10, "left over of its bundle");
    expect_refused(plain, "\1\377\1", 3, "cannot be true");
    expect_refused(plain, "\1\1\1\n\0\0\0\0\0\0", 10, "has byte 10 in it");
    expect_refused(plain, "\1\1\0\0\0\0\0\377\7", 9, "cannot be true");
    expect_refused(plain, "\1\1\0\0\0\0\0\0\1\5", 10, "larger than 1");
    free(plain.bytes);
}

static kerf_status read_bundle(file f)
{
    kerf_bundle *b;
    const kerf_status status = kerf_bundle_parse(&b, f.bytes, f.num);
    kerf_bundle_destroy(b);
    return status;
}

/* Each byte behind the tensors changed: refused, as the checksum tells.  With the checksum made
 * anew: refused or not, but never any harm (sanitizers look on). */
static void test_flips(void)
{
    file plain = packed_network(), f = with_devices(plain, 3);
    unsigned char *bytes = f.bytes, kept[8];
    memcpy(kept, bytes + KERF__PACKED_DIGEST_AT, sizeof kept);
    for (size_t at = plain.num; at < f.num; at++) {
        const unsigned char was = bytes[at];
        bytes[at] ^= (unsigned char)(1u << at % 8);
        CHECK_STATUS(KERF_ERR_FORMAT, read_bundle(f));
        kerf__packed_seal(bytes, f.num, bytes[4]);
        (void)read_bundle(f);
        memcpy(bytes + KERF__PACKED_DIGEST_AT, kept, sizeof kept);
        bytes[at] = was;
    }
    check_devices(f, 3);
    free(f.bytes);
    free(plain.bytes);
}

int main(void)
{
    test_there_and_back();
    test_sections();
    test_flips();
    return check_result();
}
