/* test_block_mask.c -- masks of blocks, kernels and groups against ref_block_mask.c. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 40000 };
static kerf_device *dev;
static float score[MAX];
static unsigned char mask[MAX], blocks[MAX];

/* A weight, which of its axes are what, and how it is cut. */
typedef struct cut {
    kerf_shape shape;
    int rows, columns;
    int64_t block[3];
} cut;

static const cut CUTS[] = {
    {{2, {1, 1}}, 0, 1, {1, 1, 1}},       {{2, {70, 33}}, 0, 1, {4, 1, 1}},
    {{2, {70, 33}}, 0, 1, {1, 4, 1}},     {{2, {33, 70}}, 1, 0, {8, 2, 1}},
    {{2, {7, 300}}, 0, 1, {1, 0, 0}},     {{4, {9, 5, 3, 3}}, 0, 1, {4, 2, 1}},
    {{4, {9, 5, 3, 3}}, 0, 1, {1, 1, 0}}, {{4, {9, 5, 3, 3}}, 0, 1, {1, 0, 0}},
    {{4, {5, 9, 2, 3}}, 1, 0, {2, 2, 1}}, {{3, {3, 17, 11}}, 2, 1, {4, 4, 1}},
    {{2, {130, 257}}, 0, 1, {4, 4, 1}},
};
static const cut RANKS[] = {
    {{2, {1, 1}}, 0, 1, {1, 4, 1}},       {{2, {70, 33}}, 0, 1, {1, 4, 1}},
    {{2, {33, 70}}, 1, 0, {1, 8, 1}},     {{4, {9, 5, 3, 3}}, 0, 1, {1, 4, 1}},
    {{3, {3, 17, 11}}, 2, 1, {1, 64, 1}}, {{2, {65, 66}}, 0, 1, {1, 2, 1}},
};

static size_t fill(kerf_shape shape)
{
    const size_t num = (size_t)kerf_shape_num_elements(shape);
    op_check_fill(score, num, (unsigned)num);
    for (size_t i = 0; i < num; i++) {
        score[i] = i % 5 == 0 ? 0.25f : score[i]; /* ties */
        mask[i] = (i * 2654435761u >> 7) % 4 != 0;
        blocks[i] = (i * 2654435761u >> 9) % 3 != 0;
    }
    return num;
}

static void add_node(op_check *c, const char *op, int num_outputs, const cut *x, int is_signed)
{
    op_check_node(c, op, num_outputs);
    CHECK_OK(kerf_node_set_int(c->node, "rows", x->rows));
    CHECK_OK(kerf_node_set_int(c->node, "columns", x->columns));
    CHECK_OK(kerf_node_set_ints(c->node, "block", x->block, 3));
    CHECK_OK(kerf_node_set_int(c->node, "signed", is_signed));
}

static void check_scores(const cut *x, int is_signed)
{
    op_check c;
    fill(x->shape);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, x->shape, score);
    op_check_input(&c, KERF_BOOL, x->shape, mask);
    add_node(&c, "kerf.BlockScores", 2, x, is_signed);
    op_check_variants(&c, ref_block_mask, check_tolerance(2, 300));
    op_check_end(&c);
}

/* As many blocks as the shape rule says. */
static int64_t num_blocks(const cut *x)
{
    op_check c;
    fill(x->shape);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, x->shape, score);
    op_check_input(&c, KERF_BOOL, x->shape, mask);
    add_node(&c, "kerf.BlockScores", 2, x, 0);
    CHECK_OK(kerf__node_infer(c.node));
    const int64_t num = kerf_shape_num_elements(c.node->outputs[0]->shape);
    op_check_end(&c);
    return num;
}

static void check_spread(const cut *x)
{
    static const int ALIAS[] = {1};
    op_check c;
    const int64_t num = num_blocks(x);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_BOOL, KERF_SHAPE(num), blocks);
    op_check_input(&c, KERF_BOOL, x->shape, mask);
    add_node(&c, "kerf.BlockMask", 1, x, 0);
    op_check_variants(&c, ref_block_mask, 0);
    op_check_all(&c, ref_block_mask, 0, ALIAS);
    op_check_end(&c);
}

static void check_rank(const cut *x, int32_t keep, int is_signed)
{
    op_check c;
    const size_t num = fill(x->shape);
    if (num > 40)
        score[33] = NAN;
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_S32, KERF_SCALAR, &keep);
    op_check_input(&c, KERF_F32, x->shape, score);
    op_check_input(&c, KERF_BOOL, x->shape, mask);
    add_node(&c, "kerf.RankMask", 1, x, is_signed);
    op_check_variants(&c, ref_block_mask, 0);
    op_check_end(&c);
}

static void test_all(void)
{
    for (size_t i = 0; i < LENGTH(CUTS) - 2 * (size_t)op_check_small(); i++) {
        check_scores(&CUTS[i], i % 2 == 1);
        check_spread(&CUTS[i]);
    }
    for (size_t i = 0; i < LENGTH(RANKS) - 2 * (size_t)op_check_small(); i++)
        for (int32_t keep = 0; keep <= (op_check_small() ? 1 : 4); keep++)
            check_rank(&RANKS[i], keep, keep % 2);
}

static void refuse(const char *op, const cut *x, const char *message)
{
    op_check c;
    const int32_t keep = 1;
    const int is_rank = strcmp(op, "kerf.RankMask") == 0;
    fill(x->shape);
    op_check_begin(&c, dev);
    if (is_rank)
        op_check_input(&c, KERF_S32, KERF_SCALAR, &keep);
    op_check_input(&c, KERF_F32, x->shape, score);
    op_check_input(&c, KERF_BOOL, x->shape, mask);
    add_node(&c, op, is_rank ? 1 : 2, x, 0);
    op_check_refused(&c, KERF_ERR_SHAPE, message);
    op_check_end(&c);
}

static void test_what_is_refused(void)
{
    refuse("kerf.BlockScores", &(cut){{4, {3, 3, 3, 3}}, 1, 2, {1, 1, 1}},
           "rows are axis 1 and columns axis 2 of 4, must be the first two or the last two");
    refuse("kerf.BlockScores", &(cut){{1, {5}}, 0, 1, {1, 1, 1}}, "must be the first two");
    refuse("kerf.BlockScores", &(cut){{2, {5, 5}}, 0, 1, {-1, 1, 1}},
           "block must be a number of rows, of columns and of taps");
    refuse("kerf.RankMask", &(cut){{2, {5, 5}}, 0, 1, {2, 2, 1}},
           "a block is 2x2x1, must be at most 64 columns of one row");
}

int main(void)
{
    dev = check_open_device();
    test_all();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
