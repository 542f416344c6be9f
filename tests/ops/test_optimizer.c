/* test_optimizer.c -- SGD, Adam and AdamW against ref_optimizer.c and PyTorch's numbers. */
#include "op_check.h"
#include "ref/ref.h"

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

enum { MAX = 1 << 17 };
static kerf_device *dev;
static float weight[MAX], grad[MAX], first[MAX], second[MAX];
static unsigned char mask[MAX];
static int starts[MAX], sources[MAX];
static float step[KERF__STEP_FLOATS];

typedef struct recipe {
    int is_adam, has_moment, has_mask, flag; /* flag: nesterov or decoupled */
    float momentum, decay;
} recipe;

static const recipe RECIPES[] = {
    {0, 0, 0, 0, 0, 0},          {0, 0, 1, 0, 0, 0.01f},    {0, 1, 0, 0, 0.9f, 0},
    {0, 1, 0, 1, 0.9f, 0.0005f}, {0, 1, 1, 0, 0.5f, 0.01f}, {0, 1, 1, 1, 0.9f, 0.01f},
    {1, 1, 0, 0, 0, 0},          {1, 1, 0, 0, 0, 0.01f},    {1, 1, 1, 0, 0, 0.01f},
    {1, 1, 0, 1, 0, 0.01f},      {1, 1, 1, 1, 0, 0.01f},
};

static void begin(op_check *c, const recipe *r, size_t num)
{
    const kerf_shape shape = KERF_SHAPE((int64_t)num);
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, shape, weight);
    op_check_input(c, KERF_F32, shape, grad);
    if (r->has_moment)
        op_check_input(c, KERF_F32, shape, first);
    else
        op_check_skip(c);
    if (r->is_adam)
        op_check_input(c, KERF_F32, shape, second);
    if (r->has_mask)
        op_check_input(c, KERF_BOOL, shape, mask);
    else
        op_check_skip(c);
    op_check_input(c, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS), step);
    op_check_node(c, r->is_adam ? "kerf.AdamUpdate" : "kerf.SgdUpdate",
                  1 + r->has_moment + r->is_adam);
    CHECK_OK(kerf_node_set_float(c->node, "weight_decay", r->decay));
    if (!r->is_adam)
        CHECK_OK(kerf_node_set_float(c->node, "momentum", r->momentum));
    CHECK_OK(kerf_node_set_int(c->node, r->is_adam ? "decoupled" : "nesterov", r->flag));
}

/* A pattern of every third element or none of the first rows, in rows of 5, and room for more. */
static int fill_pattern(size_t num)
{
    int count = 0;
    for (size_t i = 0; i < num; i++) {
        if (i % 5 == 0)
            starts[i / 5] = count;
        if (i >= 10 && i % 3 == 0)
            sources[count++] = (int)i;
    }
    starts[(num + 4) / 5] = count;
    sources[count] = 0; /* is not updated */
    return count + 1;
}

static void begin_sparse(op_check *c, const recipe *r, size_t num)
{
    const int64_t capacity = fill_pattern(num);
    op_check_begin(c, dev);
    op_check_input(c, KERF_F32, KERF_SHAPE((int64_t)num), weight);
    op_check_input(c, KERF_F32, KERF_SHAPE(capacity), grad);
    if (r->has_moment)
        op_check_input(c, KERF_F32, KERF_SHAPE(capacity), first);
    else
        op_check_skip(c);
    if (r->is_adam)
        op_check_input(c, KERF_F32, KERF_SHAPE(capacity), second);
    op_check_skip(c);
    op_check_input(c, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS), step);
    op_check_input(c, KERF_S32, KERF_SHAPE((int64_t)(num + 4) / 5 + 1), starts);
    op_check_input(c, KERF_S32, KERF_SHAPE(capacity), sources);
    op_check_node(c, r->is_adam ? "kerf.AdamUpdate" : "kerf.SgdUpdate",
                  1 + r->has_moment + r->is_adam);
    CHECK_OK(kerf_node_set_float(c->node, "weight_decay", r->decay));
    if (!r->is_adam)
        CHECK_OK(kerf_node_set_float(c->node, "momentum", r->momentum));
    CHECK_OK(kerf_node_set_int(c->node, r->is_adam ? "decoupled" : "nesterov", r->flag));
}

static void set_step(int t)
{
    step[KERF__STEP_LR] = 0.05f;
    step[KERF__STEP_BIAS1] = (float)(1 / (1 - pow(0.9, t)));
    step[KERF__STEP_BIAS2] = (float)(1 / (1 - pow(0.999, t)));
    step[KERF__STEP_NUMBER] = (float)t;
}

static void fill(size_t num)
{
    op_check_fill(weight, num, 1);
    op_check_fill(grad, num, 2);
    op_check_fill(first, num, 3);
    op_check_fill(second, num, 4);
    for (size_t i = 0; i < num; i++) {
        second[i] = fabsf(second[i]) + 0.01f;
        mask[i] = i % 3 != 1;
    }
}

/* Apart, then with all outputs on their inputs, as a plan lays them. */
static void test_formulas(void)
{
    static const size_t SIZES[] = {0, 1, 15, 16, 17, 65, 1003, MAX - 1};
    static const int SGD_ALIAS[] = {0, 2}, ADAM_ALIAS[] = {0, 2, 3};
    set_step(3);
    for (size_t i = 0; i < LENGTH(SIZES) - 2 * (size_t)op_check_small(); i++)
        for (size_t j = 0; j < LENGTH(RECIPES); j++) {
            op_check c;
            fill(SIZES[i]);
            begin(&c, &RECIPES[j], SIZES[i]);
            op_check_variants(&c, ref_optimizer, check_tolerance(4, 1));
            op_check_all(&c, ref_optimizer, check_tolerance(4, 1),
                         RECIPES[j].is_adam ? ADAM_ALIAS : SGD_ALIAS);
            op_check_end(&c);
        }
}

/* Entries of a pattern alone, apart and on their inputs. */
static void test_sparse(void)
{
    static const size_t SIZES[] = {1, 11, 65, 1003, 30001};
    static const int SGD_ALIAS[] = {0, 2}, ADAM_ALIAS[] = {0, 2, 3};
    set_step(3);
    for (size_t i = 0; i < LENGTH(SIZES) - 2 * (size_t)op_check_small(); i++)
        for (size_t j = 0; j < LENGTH(RECIPES); j++) {
            op_check c;
            if (RECIPES[j].has_mask)
                continue;
            fill(SIZES[i]);
            begin_sparse(&c, &RECIPES[j], SIZES[i]);
            op_check_variants(&c, ref_optimizer, check_tolerance(4, 1));
            op_check_all(&c, ref_optimizer, check_tolerance(4, 1),
                         RECIPES[j].is_adam ? ADAM_ALIAS : SGD_ALIAS);
            op_check_end(&c);
        }
}

/* Whatever the gradient, weight and moments hold, behind a 0 of the mask all becomes +0. */
static void test_mask_holds(void)
{
    static const float STRANGE[] = {NAN, INFINITY, -INFINITY, FLT_MAX, -1.0f};
    enum { NUM = 35 };
    for (size_t j = 0; j < LENGTH(RECIPES); j++) {
        op_check c;
        naive n = {0};
        float got[NUM];
        if (!RECIPES[j].has_mask)
            continue;
        fill(NUM);
        for (int i = 0; i < NUM; i++) {
            mask[i] = i >= 30;
            grad[i] = first[i] = STRANGE[i % 5];
            weight[i] = STRANGE[(i + 1) % 5];
        }
        begin(&c, &RECIPES[j], NUM);
        CHECK_OK(kerf__node_infer(c.node));
        CHECK_OK(naive_create(&n, dev, c.graph));
        for (int i = 0; i < c.num_inputs; i++)
            if (c.inputs[i] != NULL)
                CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[i]), c.data[i]));
        CHECK_OK(naive_run(&n));
        for (int k = 0; k < c.node->num_outputs; k++) {
            CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[k]), got));
            for (int i = 0; i < 30; i++)
                CHECK(got[i] == 0 && !signbit(got[i]));
        }
        naive_destroy(&n);
        op_check_end(&c);
    }
}

/* All bits stay but those behind a mask's 0, whatever the gradient holds. */
static void test_skipped(void)
{
    static const int SGD_ALIAS[] = {0, 2}, ADAM_ALIAS[] = {0, 2, 3};
    enum { NUM = 35 };
    step[KERF__STEP_SKIP] = 1;
    for (size_t j = 0; j < LENGTH(RECIPES); j++)
        for (int is_sparse = 0; is_sparse <= !RECIPES[j].has_mask; is_sparse++) {
            op_check c;
            fill(NUM);
            for (int i = 0; i < NUM; i++)
                grad[i] = i % 2 == 0 ? NAN : -INFINITY;
            (is_sparse ? begin_sparse : begin)(&c, &RECIPES[j], NUM);
            op_check_variants(&c, ref_optimizer, 0);
            op_check_all(&c, ref_optimizer, 0, RECIPES[j].is_adam ? ADAM_ALIAS : SGD_ALIAS);
            op_check_end(&c);
        }
    step[KERF__STEP_SKIP] = 0;
}

/* Three steps from weight 1 with gradients 0.5, -0.25, 1 as torch.optim 2.x gives them
 * (learning rate 0.05, weight decay 0.01). */
static const struct {
    recipe r;
    float want;
} TORCH[] = {
    {{0, 1, 0, 0, 0.9f, 0.01f}, 0.903237444f},
    {{0, 1, 0, 1, 0.9f, 0.01f}, 0.848985096f},
    {{1, 1, 0, 0, 0, 0.01f}, 0.902251686f},
    {{1, 1, 0, 1, 0, 0.01f}, 0.902334966f},
};

static void test_as_torch(void)
{
    static const float GRADIENTS[] = {0.5f, -0.25f, 1.0f};
    for (size_t j = 0; j < LENGTH(TORCH); j++) {
        double want = (double)TORCH[j].want;
        weight[0] = 1;
        first[0] = second[0] = 0;
        for (int t = 1; t <= 3; t++) {
            op_check c;
            naive n = {0};
            grad[0] = GRADIENTS[t - 1];
            set_step(t);
            begin(&c, &TORCH[j].r, 1);
            CHECK_OK(kerf__node_infer(c.node));
            CHECK_OK(naive_create(&n, dev, c.graph));
            for (int i = 0; i < c.num_inputs; i++)
                if (c.inputs[i] != NULL)
                    CHECK_OK(kerf_tensor_write(naive_tensor(&n, c.inputs[i]), c.data[i]));
            CHECK_OK(naive_run(&n));
            CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[0]), weight));
            CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[1]), first));
            if (TORCH[j].r.is_adam)
                CHECK_OK(kerf_tensor_read(naive_tensor(&n, c.node->outputs[2]), second));
            naive_destroy(&n);
            op_check_end(&c);
        }
        check_close("torch", weight, &want, 1, check_tolerance(8, 3));
    }
}

/* Ends of ranges: steps that are small, too large, no numbers; signs and 0.  Apart from them the
 * largest and the smallest ends, of which tolerances would let anything pass. */
static void check_bounded(const recipe *r, const float *ends, const float *slopes, size_t num)
{
    enum { NUM = 67 };
    op_check c;
    fill(NUM);
    for (size_t i = 0; i < NUM; i++) {
        weight[i] = i < num ? ends[i] : weight[i] * fabsf(ends[0]);
        grad[i] = i < num ? slopes[i] : grad[i] * fabsf(ends[0]) * (i % 2 == 0 ? 30 : 1);
        first[i] *= fabsf(ends[0]);
        second[i] *= fabsf(ends[0]);
    }
    begin(&c, r, NUM);
    CHECK_OK(kerf_node_set_int(c.node, "bounded", 1));
    op_check_variants(&c, ref_optimizer, check_tolerance(4, 1));
    op_check_end(&c);
}

static void test_bounded(void)
{
    static const float ENDS[] = {0.5f, 0, 0.5f, -0.25f, 0.125f, -1, 0.75f, -0.5f},
                       SLOPES[] = {1e6f, 5, NAN, INFINITY, -INFINITY, -1e6f, 1e-6f, 1e6f},
                       SMALL[] = {0x1p-60f, -0x1p-60f, 0x1p-59f}, LARGE[] = {0x1p56f, -0x1p57f},
                       UP[] = {1e6f, -1e6f, 1e6f}, DOWN[] = {-0x1p62f, 0x1p62f};
    set_step(3);
    for (size_t j = 0; j < LENGTH(RECIPES); j++) {
        if (RECIPES[j].has_mask || RECIPES[j].decay != 0)
            continue;
        for (int observe = 1; observe >= 0; observe--) {
            step[KERF__STEP_OBSERVE] = 0.01f * (float)observe;
            check_bounded(&RECIPES[j], ENDS, SLOPES, LENGTH(ENDS));
        }
        step[KERF__STEP_OBSERVE] = 0.01f;
        if (!RECIPES[j].is_adam) {
            check_bounded(&RECIPES[j], SMALL, UP, LENGTH(SMALL));
            check_bounded(&RECIPES[j], LARGE, DOWN, LENGTH(LARGE));
        }
    }
    step[KERF__STEP_OBSERVE] = 0;
}

static void test_what_is_refused(void)
{
    op_check c;
    fill(4);
    op_check_begin(&c, dev);
    op_check_input(&c, KERF_F32, KERF_SHAPE(4), weight);
    op_check_input(&c, KERF_F32, KERF_SHAPE(3), grad);
    op_check_skip(&c);
    op_check_skip(&c);
    op_check_input(&c, KERF_F32, KERF_SHAPE(KERF__STEP_FLOATS), step);
    op_check_node(&c, "kerf.SgdUpdate", 1);
    op_check_refused(&c, KERF_ERR_SHAPE, "input in1 is (3), must be (4)");
    op_check_end(&c);
    begin_sparse(&c, &RECIPES[2], 20);
    kerf__node_set_input(c.node, 3, c.inputs[0]);
    op_check_refused(&c, KERF_ERR_SHAPE, "has a mask beside a pattern, must have one of them");
    op_check_end(&c);
}

int main(void)
{
    dev = check_open_device();
    test_formulas();
    test_sparse();
    test_mask_holds();
    test_skipped();
    test_as_torch();
    test_bounded();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
