/* test_types.c -- sizes of shapes and types up to where 64 bits end, and their texts. */
#include <string.h>

#include "check.h"
#include "tensor/tensor_internal.h"

static void test_num_elements(void)
{
    const int64_t big = (int64_t)1 << 31;
    CHECK(kerf_shape_num_elements(KERF_SCALAR) == 1);
    CHECK(kerf_shape_num_elements(KERF_SHAPE(2, 3, 4)) == 24);
    CHECK(kerf_shape_num_elements(KERF_SHAPE(2, -1)) == -1);
    CHECK(kerf_shape_num_elements(KERF_SHAPE(0, -1)) == -1);
    CHECK(kerf_shape_num_elements(KERF_SHAPE(big, big)) == (int64_t)1 << 62);
    CHECK(kerf_shape_num_elements(KERF_SHAPE(big, big, 2)) == -1);
    CHECK(kerf_shape_num_elements(KERF_SHAPE(big, big + 1)) == -1);
    CHECK(kerf_shape_num_elements(KERF_SHAPE(INT64_MAX, INT64_MAX, 0)) == 0);
    CHECK(kerf_shape_num_elements((kerf_shape){-1, {0}}) == -1);
    CHECK(kerf_shape_num_elements((kerf_shape){9, {0}}) == -1);
}

static void test_bytes(void)
{
    const int64_t big = (int64_t)1 << 60;
    CHECK(kerf__tensor_bytes(KERF_F32, KERF_SHAPE(3)) == 12);
    CHECK(kerf__tensor_bytes(KERF_S64, KERF_SCALAR) == 8);
    CHECK(kerf__tensor_bytes(KERF_F32, KERF_SHAPE(big)) == big * 4);
    CHECK(kerf__tensor_bytes(KERF_F32, KERF_SHAPE(big + 1)) == -1);
    CHECK(kerf__tensor_bytes(KERF_U4, KERF_SHAPE(7)) == 4);
    CHECK(kerf__tensor_bytes(KERF_U4, KERF_SHAPE(8)) == 4);
    CHECK(kerf__tensor_bytes(KERF_S2, KERF_SHAPE(9)) == 3);
    CHECK(kerf__tensor_bytes(KERF_S2, KERF_SHAPE(big * 4)) == big);
    CHECK(kerf__tensor_bytes(KERF_BOOL, KERF_SHAPE(5)) == 5);
    CHECK(kerf__tensor_bytes(KERF_NUM_TYPES, KERF_SHAPE(5)) == -1);
}

/* Every bit pattern of a byte, or both ends of larger types. */
static void test_ints(void)
{
    static const struct {
        kerf_type type;
        int64_t want[5];
    } CASES[] = {
        {KERF_U2, {1, 2, 0, 3, 1}},           {KERF_S2, {1, -2, 0, -1, 1}},
        {KERF_U4, {9, 12, 1, 0, 0}},          {KERF_S4, {-7, -4, 1, 0, 0}},
        {KERF_U8, {0xC9, 1, 0, 0, 0}},        {KERF_S8, {-55, 1, 0, 0, 0}},
        {KERF_U16, {0x1C9, 0, 0xFFFF, 0, 0}}, {KERF_S16, {0x1C9, 0, -1, 0, 0}},
        {KERF_S32, {0x1C9, 0xFFFF, 0, 0, 0}}, {KERF_S64, {0xFFFF000001C9, 0, 0, 0, 0}},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        kerf_tensor *t;
        CHECK_OK(kerf_tensor_create(&t, NULL, CASES[i].type, KERF_SHAPE(5)));
        const size_t bytes = kerf_tensor_size_bytes(t);
        memcpy(kerf_tensor_data(t), "\xC9\x01\0\0\xFF\xFF", bytes < 6 ? bytes < 2 ? bytes : 2 : 6);
        for (size_t k = 0; k < 5; k++)
            CHECK(kerf__tensor_int(t, k) == CASES[i].want[k]);
        kerf_tensor_destroy(t);
    }
}

static void test_equal(void)
{
    CHECK(kerf_shape_equal(KERF_SHAPE(2, 3), KERF_SHAPE(2, 3)));
    CHECK(!kerf_shape_equal(KERF_SHAPE(2, 3), KERF_SHAPE(3, 2)));
    CHECK(!kerf_shape_equal(KERF_SHAPE(2, 3), KERF_SHAPE(2, 3, 1)));
    CHECK(kerf_shape_equal(KERF_SCALAR, KERF_SCALAR));
}

static void check_text(kerf_shape shape, size_t text_bytes, const char *want)
{
    char text[64];
    memset(text, '#', sizeof text);
    CHECK(kerf_shape_text(shape, text, text_bytes) == text);
    if (strcmp(text, want) != 0) {
        printf("text is '%s', must be '%s'\n", text, want);
        check_failures++;
    }
    CHECK(text[text_bytes] == '#'); /* cut, never beyond */
}

static void test_texts(void)
{
    check_text(KERF_SHAPE(64, 784), 60, "(64, 784)");
    check_text(KERF_SHAPE(-1, 784), 60, "(?, 784)");
    check_text(KERF_SHAPE(5), 60, "(5)");
    check_text(KERF_SCALAR, 60, "()");
    check_text((kerf_shape){-1, {0}}, 60, "unknown");
    check_text(KERF_SHAPE(64, 784), 6, "(64, ");
    check_text(KERF_SHAPE(64, 784), 1, "");
    CHECK(strcmp(kerf_type_name(KERF_S8), "int8") == 0 && kerf_type_bits(KERF_U2) == 2);
    CHECK(strcmp(kerf_type_name((kerf_type)99), "unknown") == 0);
    CHECK(kerf_type_bits((kerf_type)-1) == 0);
}

int main(void)
{
    test_num_elements();
    test_bytes();
    test_ints();
    test_equal();
    test_texts();
    return check_result();
}
