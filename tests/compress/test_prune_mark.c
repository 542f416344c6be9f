/* test_prune_mark.c -- marking, patterns and options; all on the host. */
#include <string.h>

#include "check.h"
#include "compress/prune/prune_internal.h"
#include "kerf/nets.h"

static kerf_graph *g;
static kerf_state *s;

static void begin(void)
{
    CHECK_OK(kerf_net_create(&g, &s, "lenet-300-100", &(kerf_net_options){.seed = 1}, NULL));
}

static void end(void)
{
    kerf_state_destroy(s);
    kerf_graph_destroy(g);
}

static int num_masks(void)
{
    int num = 0;
    for (size_t i = 0; i < g->num_nodes; i++)
        num += strcmp(g->nodes[i]->op, "kerf.Mask") == 0;
    return num;
}

static int is_marked(const char *weight)
{
    const kerf_value *v = kerf_graph_find(g, weight);
    return kerf_state_find_owned(s, v->state_id, KERF_ROLE_MASK) != NULL;
}

static void test_marking_is_idempotent(void)
{
    kerf_prune_options o = {.amount = 0.5};
    begin();
    CHECK_OK(kerf_prune_mark(g, s, &o));
    CHECK(num_masks() == 3);
    int num_ids = kerf_state_num_ids(s), num_nodes = kerf_graph_num_nodes(g);
    CHECK_OK(kerf_prune_mark(g, s, &o));
    CHECK(kerf_state_num_ids(s) == num_ids && kerf_graph_num_nodes(g) == num_nodes);
    CHECK_OK(kerf_graph_verify(g));
    CHECK(!is_marked("fc1.bias"));
    end();
}

/* The mask stands between the weight and its only reader, and is all ones. */
static void test_the_rewrite(void)
{
    begin();
    CHECK_OK(kerf_prune_mark(g, s, &(kerf_prune_options){.amount = 0.5}));
    const kerf_value *weight = kerf_graph_find(g, "fc2.weight");
    CHECK(kerf__value_num_uses(weight) == 1);
    const kerf_state_entry *e = kerf_state_find_owned(s, weight->state_id, KERF_ROLE_MASK);
    CHECK(e != NULL && kerf_tensor_type(e->tensor) == KERF_BOOL);
    CHECK(kerf_shape_equal(kerf_tensor_shape(e->tensor), KERF_SHAPE(100, 300)));
    static unsigned char mask[30000];
    CHECK_OK(kerf_state_read(s, e->id, mask));
    int ones = 0;
    for (int i = 0; i < 30000; i++)
        ones += mask[i] == 1;
    CHECK(ones == 30000);
    end();
}

static void test_biases_on_request(void)
{
    begin();
    CHECK_OK(kerf_prune_mark(g, s, &(kerf_prune_options){.amount = 0.5, .biases = 1}));
    CHECK(num_masks() == 6);
    CHECK(is_marked("fc1.bias"));
    end();
}

static void check_chosen(kerf_prune_options o, int fc1, int fc2, int fc3)
{
    begin();
    CHECK_OK(kerf_prune_mark(g, s, &o));
    CHECK(is_marked("fc1.weight") == fc1);
    CHECK(is_marked("fc2.weight") == fc2);
    CHECK(is_marked("fc3.weight") == fc3);
    end();
}

#define LIST(...)                                                                                  \
    (const char *const[]){__VA_ARGS__}, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)

static kerf_prune_options layers(const char *const *patterns, size_t num)
{
    return (kerf_prune_options){.amount = 0.5, .layers = patterns, .num_layers = num};
}

static kerf_prune_options skip(const char *const *patterns, size_t num)
{
    return (kerf_prune_options){.amount = 0.5, .skip = patterns, .num_skip = num};
}

static void test_patterns(void)
{
    check_chosen(layers(LIST("fc2")), 0, 1, 0);
    check_chosen(layers(LIST("fc[13].weight")), 1, 0, 1);
    check_chosen(layers(LIST("op:Gemm")), 1, 1, 1);
    check_chosen(layers(LIST("first", "last")), 1, 0, 1);
    check_chosen(skip(LIST("last")), 1, 1, 0);
    check_chosen(skip(LIST("fc1", "fc2")), 0, 0, 1);
}

static void check_refused(kerf_prune_options o, kerf_status status, const char *must_say)
{
    begin();
    CHECK_STATUS(status, kerf_prune_mark(g, s, &o));
    if (strstr(kerf_last_error(), must_say) == NULL) {
        printf("'%s' does not say '%s'\n", kerf_last_error(), must_say);
        check_failures++;
    }
    CHECK(num_masks() == 0);
    end();
}

static void test_what_is_refused(void)
{
    const kerf_prune_amount too_much = {"fc1", 1.0}, unknown = {"conv9", 0.5};
    check_refused((kerf_prune_options){.amount = 1.2}, KERF_ERR_ARGUMENT,
                  "sparsity of all layers is 1.2: must be at least 0 and below 1");
    check_refused((kerf_prune_options){.amount = (double)NAN}, KERF_ERR_ARGUMENT,
                  "must be at least 0");
    check_refused((kerf_prune_options){.amounts = &too_much, .num_amounts = 1}, KERF_ERR_ARGUMENT,
                  "sparsity of fc1 is 1");
    check_refused((kerf_prune_options){.amounts = &unknown, .num_amounts = 1}, KERF_ERR_ARGUMENT,
                  "'conv9' fits no layer; there are fc1.weight (Gemm fc1), fc2.weight");
    check_refused(
        (kerf_prune_options){.min_keep = 0.5}, KERF_ERR_ARGUMENT,
        "a share of 0.5 that every layer keeps: must be at least 0 and below 1, with global scope");
    check_refused((kerf_prune_options){.method = KERF_PRUNE_STD, .amount = -1}, KERF_ERR_ARGUMENT,
                  "s of all layers is -1: must be at least 0");
    check_refused((kerf_prune_options){.method = KERF_PRUNE_STD, .scope = KERF_SCOPE_GLOBAL},
                  KERF_ERR_ARGUMENT, "method std with global scope");
    check_refused((kerf_prune_options){.method = KERF_PRUNE_MASK}, KERF_ERR_ARGUMENT,
                  "must have a mask file");
    check_refused(layers(LIST("fc2", "conv*")), KERF_ERR_ARGUMENT, "'conv*' fits no layer");
    check_refused(skip(LIST("fc*")), KERF_ERR_ARGUMENT, "no layer is left to prune");
}

/* A file's zeros become masks where there are many of them, and only there. */
static void test_keep_zeros(void)
{
    static float weight[30000];
    int num_kept, id;
    begin();
    id = kerf_state_find(s, "fc2.weight")->id;
    CHECK_OK(kerf_state_read(s, id, weight));
    for (int i = 0; i < 30000; i += 2)
        weight[i] = 0;
    CHECK_OK(kerf_state_write(s, id, weight));
    CHECK_OK(kerf_prune_keep_zeros(g, s, 0.4, &num_kept));
    CHECK(num_kept == 1 && num_masks() == 1);
    int64_t nonzeros;
    CHECK_OK(
        kerf__mask_read_nonzeros(s, kerf_state_find_owned(s, id, KERF_ROLE_MASK)->id, &nonzeros));
    CHECK(nonzeros == 15000);
    CHECK_OK(kerf_prune_keep_zeros(g, s, 0.4, &num_kept));
    CHECK(num_kept == 0);
    end();
}

static void test_curves(void)
{
    const kerf_prune_curve curves[] = {KERF_CURVE_ONCE, KERF_CURVE_LINEAR, KERF_CURVE_CUBIC,
                                       KERF_CURVE_EXP};
    for (int c = 0; c < 4; c++) {
        CHECK(kerf_prune_curve_at(curves[c], 0, 8) == 0);
        CHECK(kerf_prune_curve_at(curves[c], 8, 8) == 1);
        for (int i = 1; i < 8; i++)
            CHECK(kerf_prune_curve_at(curves[c], i, 8) >= kerf_prune_curve_at(curves[c], i - 1, 8));
    }
    CHECK(kerf_prune_curve_at(KERF_CURVE_ONCE, 1, 8) == 1);
    CHECK(kerf_prune_curve_at(KERF_CURVE_LINEAR, 2, 8) == 0.25);
    CHECK(kerf_prune_curve_at(KERF_CURVE_CUBIC, 4, 8) == 1 - 0.125);
    /* Exponential: the same factor on what is left, 1 % at the end. */
    double a = 1 - 0.99 * kerf_prune_curve_at(KERF_CURVE_EXP, 2, 8);
    double b = 1 - 0.99 * kerf_prune_curve_at(KERF_CURVE_EXP, 4, 8);
    CHECK(fabs(a * a - b) < 1e-12 && fabs(b - 0.1) < 1e-12);
}

int main(void)
{
    test_marking_is_idempotent();
    test_the_rewrite();
    test_biases_on_request();
    test_patterns();
    test_what_is_refused();
    test_keep_zeros();
    test_curves();
    return check_result();
}
