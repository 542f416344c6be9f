/* test_sparse_pattern.c -- SparsePattern and SparseValues against ref_sparse_pattern.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 16 };
static kerf_device *dev;
static float weight[MAX];
static unsigned char mask[MAX];
static int sources[MAX];

/* One in `every` is not zero; 0: none.  Strange floats are among them. */
static void fill(size_t num, unsigned every)
{
    op_check_fill(weight, num, 3);
    for (size_t i = 0; i < num; i++) {
        mask[i] = every != 0 && (i * 2654435761u >> 9) % every == 0;
        weight[i] = mask[i] == 0 ? (i % 2 ? -0.0f : 0.0f)
                    : i % 7 == 3 ? NAN
                    : i % 7 == 5 ? FLT_MIN
                                 : weight[i];
    }
}

static void begin(op_check *c, kerf_shape shape, int by_mask, int64_t capacity)
{
    op_check_begin(c, dev);
    op_check_input(c, by_mask ? KERF_BOOL : KERF_F32, shape,
                   by_mask ? (void *)mask : (void *)weight);
    op_check_node(c, "kerf.SparsePattern", 4);
    CHECK_OK(kerf_node_set_int(c->node, "capacity", capacity));
}

/* By weights and by their mask, rows as they lie and turned. */
static void check(kerf_shape shape, int64_t capacity)
{
    for (int by_mask = 0; by_mask < 2; by_mask++)
        for (int turned = 0; turned < 2; turned++) {
            op_check c;
            begin(&c, shape, by_mask, capacity);
            CHECK_OK(kerf_node_set_int(c.node, "transposed", turned));
            op_check_variants(&c, ref_sparse_pattern, 0);
            op_check_end(&c);
        }
}

static void test_shapes(void)
{
    const kerf_shape SHAPES[] = {
        KERF_SHAPE(1, 1),    KERF_SHAPE(3, 15),      KERF_SHAPE(17, 16),  KERF_SHAPE(2, 65),
        KERF_SHAPE(65, 2),   KERF_SHAPE(5, 3, 3, 3), KERF_SHAPE(9, 4, 5), KERF_SHAPE(4, 33, 2, 3),
        KERF_SHAPE(60, 131), KERF_SHAPE(130, 60),
    };
    for (size_t i = 0; i < LENGTH(SHAPES) - 2 * (size_t)op_check_small(); i++) {
        const size_t num = (size_t)kerf_shape_num_elements(SHAPES[i]);
        fill(num, 5);
        check(SHAPES[i], (int64_t)num / 2 + 1);
    }
}

/* Nothing, all, one alone at either end, and rows without any. */
static void test_densities(void)
{
    const kerf_shape shape = KERF_SHAPE(19, 21);
    fill(19 * 21, 0);
    check(shape, 1);
    check(shape, 40);
    weight[0] = 1;
    mask[0] = 1;
    check(shape, 1);
    weight[0] = 0;
    mask[0] = 0;
    weight[19 * 21 - 1] = -1;
    mask[19 * 21 - 1] = 1;
    check(shape, 3);
    fill(19 * 21, 1);
    check(shape, 19 * 21);
    fill(19 * 21, 2);
    memset(weight + 21, 0, 2 * 21 * sizeof *weight);
    memset(mask + 21, 0, 2 * 21);
    check(shape, 19 * 21);
}

/* More than capacity is counted, and never written. */
static void test_capacity(void)
{
    fill(19 * 21, 2);
    check(KERF_SHAPE(19, 21), 1);
    check(KERF_SHAPE(19, 21), 100);
    fill(4 * 5 * 9, 1);
    check(KERF_SHAPE(4, 5, 3, 3), 77);
}

/* Offsets of a padded picture, and of a gradient's, which walks the other way. */
static void test_strides(void)
{
    static const int STRIDES[2][3] = {{1000, 30, 1}, {900, -34, -7}};
    fill(6 * 5 * 9, 3);
    for (int i = 0; i < 2; i++) {
        op_check c;
        begin(&c, KERF_SHAPE(6, 5, 3, 3), 1, 100);
        CHECK_OK(kerf_node_set_int(c.node, "transposed", i));
        CHECK_OK(kerf_node_set_int(c.node, "origin", 8 * i));
        CHECK_OK(kerf_node_set_int(c.node, "stride_c", STRIDES[i][0]));
        CHECK_OK(kerf_node_set_int(c.node, "stride_r", STRIDES[i][1]));
        CHECK_OK(kerf_node_set_int(c.node, "stride_s", STRIDES[i][2]));
        op_check_variants(&c, ref_sparse_pattern, 0);
        op_check_end(&c);
    }
}

/* Rows in chunks of channels, the last of them smaller. */
static void test_chunks(void)
{
    static const int64_t CHUNKS[] = {1, 3, 4, 7, 9};
    fill(6 * 7 * 9, 3);
    for (size_t i = 0; i < LENGTH(CHUNKS); i++) {
        op_check c;
        begin(&c, KERF_SHAPE(6, 7, 3, 3), i % 2, i == 2 ? 20 : 200);
        CHECK_OK(kerf_node_set_int(c.node, "chunk", CHUNKS[i]));
        CHECK_OK(kerf_node_set_int(c.node, "stride_c", 1000));
        CHECK_OK(kerf_node_set_int(c.node, "stride_r", 30));
        op_check_variants(&c, ref_sparse_pattern, 0);
        op_check_end(&c);
    }
}

static void test_values(void)
{
    static const int64_t SIZES[] = {1, 63, 64, 65, 3001};
    fill(50 * 70, 2);
    for (size_t i = 0; i < LENGTH(SIZES); i++) {
        op_check c;
        for (int j = 0; j < SIZES[i]; j++)
            sources[j] = (int)((unsigned)j * 2654435761u % 3500u);
        op_check_begin(&c, dev);
        op_check_input(&c, KERF_F32, KERF_SHAPE(50, 70), weight);
        op_check_input(&c, KERF_S32, KERF_SHAPE(SIZES[i]), sources);
        op_check_node(&c, "kerf.SparseValues", 1);
        op_check_variants(&c, ref_sparse_pattern, 0);
        op_check_end(&c);
    }
}

static void test_what_is_refused(void)
{
    op_check c;
    begin(&c, KERF_SHAPE(4, 5), 1, 0);
    op_check_refused(&c, KERF_ERR_ARGUMENT,
                     "kerf.SparsePattern checked: capacity is 0, must be 1 to 2^31 - 1");
    op_check_end(&c);
    begin(&c, KERF_SHAPE(4, 5), 1, 20);
    CHECK_OK(kerf_node_set_int(c.node, "chunk", 2));
    CHECK_OK(kerf_node_set_int(c.node, "transposed", 1));
    op_check_refused(&c, KERF_ERR_UNSUPPORTED,
                     "chunk is 2 of 5 channels, supported are chunks of what is not transposed");
    op_check_end(&c);
    begin(&c, KERF_SHAPE(20), 1, 20);
    op_check_refused(&c, KERF_ERR_SHAPE,
                     "input in0 is (20), must have 2 to 4 dimensions, and 1 to 2^31 - 1 elements");
    op_check_end(&c);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S32, KERF_SHAPE(4, 5), sources);
    op_check_node(&c, "kerf.SparsePattern", 4);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED,
                     "input in0 is int32, must be float32, uint8 or bool");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_shapes();
    test_densities();
    test_capacity();
    test_strides();
    test_chunks();
    test_values();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
