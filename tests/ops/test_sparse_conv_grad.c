/* test_sparse_conv_grad.c -- SparseConvGrad against ref_sparse_conv_grad.c: whatever the window and
 * the lanes, and patterns from no weight at all to all of them. */
#include "ops/conv_case.h"
#include "ops/sparse_conv_case.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 18 };
static kerf_device *dev;
static float x[MAX], z[MAX];

/* Shapes in pixels; of these `lanes` samples each. */
typedef struct lane_case {
    conv_case t;
    int64_t lanes;
} lane_case;

static kerf_shape with_lanes(kerf_shape s, int64_t lanes)
{
    if (lanes > 1 && s.rank < 5)
        s.dims[s.rank++] = lanes;
    return s;
}

static void begin(op_check *c, const lane_case *l, const sparse_case *s)
{
    const conv_case *t = &l->t;
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, with_lanes(t->x, l->lanes), x);
    op_check_input(c, KERF_F32, with_lanes(t->y, l->lanes), z);
    op_check_input(c, KERF_S32, KERF_SHAPE(s->num_rows + 1), s->starts);
    op_check_input(c, KERF_S32, KERF_SHAPE(s->num + 1), s->offsets); /* one belongs to nobody */
    op_check_node(c, "kerf.SparseConvGrad", 1);
    conv_case_set_attributes(c->node, t);
    CHECK_OK(kerf_node_set_ints(c->node, "kernel_shape", t->w.dims + 2, (size_t)t->w.rank - 2));
}

static void check_pattern(const lane_case *l, const sparse_case *s)
{
    const int64_t terms = kerf_shape_num_elements(l->t.y) / l->t.y.dims[1] * l->lanes;
    op_check c;
    begin(&c, l, s);
    op_check_variants(&c, ref_sparse_conv_grad, check_tolerance(4, (size_t)terms));
    op_check_end(&c);
}

static int is_odd(int row)
{
    return row % 2 != 0;
}

static void check_kept(const lane_case *l, unsigned kept, int (*is_empty)(int))
{
    sparse_case s = sparse_case_create(l->t.w, kept, is_empty);
    check_pattern(l, &s);
    sparse_case_destroy(&s);
}

/* clang-format off */
#define S(...) {sizeof (int64_t[]){__VA_ARGS__} / sizeof(int64_t), {__VA_ARGS__}}
#define XWY(a, b, c) .x = a, .w = b, .y = c

static const lane_case CASES[] = {
    {{XWY(S(2, 3, 5, 6), S(4, 3, 3, 3), S(2, 4, 5, 6)), .pads = {1, 1, 1, 1}}, 16},
    {{XWY(S(1, 1, 1, 1), S(1, 1, 1, 1), S(1, 1, 1, 1))}, 16},
    {{XWY(S(1, 1, 2, 2), S(2, 1, 3, 3), S(1, 2, 6, 6)), .pads = {3, 3, 3, 3}}, 16}, /* taps that meet zeros alone */
    {{XWY(S(3, 2, 8, 9), S(3, 2, 3, 3), S(3, 3, 4, 5)), .pads = {1, 1, 1, 1}, .strides = {2, 2}}, 16},
    {{XWY(S(1, 2, 9, 8), S(3, 2, 3, 2), S(1, 3, 5, 5)), .pads = {2, 3, 2, 1}, .dilations = {2, 3}, .strides = {2, 2}}, 16},
    {{XWY(S(1, 6, 5, 6), S(4, 3, 3, 3), S(1, 4, 5, 6)), .pads = {1, 1, 1, 1}, .group = 2}, 16},
    {{XWY(S(2, 3, 19), S(5, 3, 3), S(2, 5, 17))}, 1},
    {{XWY(S(1, 2, 7, 8), S(3, 2, 3, 3), S(1, 3, 4, 6)), .pads = {-1, 1, 0, -1}}, 3},
    {{XWY(S(2, 3, 5, 6), S(4, 3, 3, 3), S(2, 4, 5, 6)), .pads = {1, 1, 1, 1}}, 1},
    {{XWY(S(2, 2, 8, 9), S(70, 2, 1, 1), S(2, 70, 4, 5)), .strides = {2, 2}}, 1},
    {{XWY(S(1, 2, 9, 10), S(3, 2, 1, 1), S(1, 3, 5, 5)), .strides = {2, 2}}, 16},
    {{XWY(S(1, 2, 13, 17), S(3, 2, 3, 2), S(1, 3, 4, 6)), .pads = {0, 1, 0, 1}, .strides = {3, 3}}, 16},
    {{XWY(S(1, 2, 4, 7), S(3, 2, 3, 3), S(1, 3, 4, 7)), .pads = {1, 1, 1, 1}}, 16},
    {{XWY(S(0, 3, 5, 6), S(4, 3, 3, 3), S(0, 4, 5, 6)), .pads = {1, 1, 1, 1}}, 16},
    /* Large ones, left out where time is dear. */
    {{XWY(S(2, 20, 12, 12), S(5, 20, 5, 5), S(2, 5, 8, 8))}, 16},                   /* several images a strip */
    {{XWY(S(1, 32, 16, 16), S(3, 32, 3, 3), S(1, 3, 16, 16)), .pads = {1, 1, 1, 1}}, 16}, /* several strips */
};
/* clang-format on */
enum { NUM_LARGE = 2 };

static void test_cases(void)
{
    for (size_t i = 0; i < LENGTH(CASES) - (op_check_small() ? NUM_LARGE : 0); i++) {
        check_kept(&CASES[i], 300, NULL);
        if (!op_check_small())
            check_kept(&CASES[i], 100, is_odd);
    }
}

/* No weight, one, all of them. */
static void test_patterns(void)
{
    const lane_case *l = &CASES[0];
    sparse_case one = sparse_case_create(l->t.w, 0, NULL);
    check_kept(l, 0, NULL);
    check_kept(l, 1000, NULL);
    one.offsets[0] = 2 * 256 + 8;
    one.num = 1;
    for (int k = 3; k <= one.num_rows; k++)
        one.starts[k] = 1;
    check_pattern(l, &one);
    sparse_case_destroy(&one);
}

static void test_messages(void)
{
    lane_case l = CASES[0];
    sparse_case s = sparse_case_create(l.t.w, 300, NULL);
    op_check c;
    l.lanes = 65;
    begin(&c, &l, &s);
    op_check_refused(&c, KERF_ERR_UNSUPPORTED,
                     "in0 has 65 samples to a pixel, supported are 1 to 64");
    op_check_end(&c);
    l.lanes = 16;
    l.t.y = KERF_SHAPE(2, 4, 5, 6, 8);
    begin(&c, &l, &s);
    op_check_refused(&c, KERF_ERR_SHAPE, "in1 has 8 samples to a pixel, must have 16 like in0");
    op_check_end(&c);
    l.t.y = KERF_SHAPE(2, 5, 5, 6);
    begin(&c, &l, &s);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in2 is (5), must be (6)");
    op_check_end(&c);
    sparse_case_destroy(&s);
}

int main(void)
{
    dev = check_open_device();
    op_check_fill(x, MAX, 1);
    op_check_fill(z, MAX, 4);
    test_cases();
    test_patterns();
    test_messages();
    kerf_device_close(dev);
    return check_result();
}
