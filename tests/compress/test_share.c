/* test_share.c -- weights that take few values: codebooks are what k-means ends with, networks
 * compute by them, and training moves entries by the sums of their weights' gradients. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "compress/share/codebook.h"
#include "kerf/kerf.h"
#include "op_check.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

enum { MOST = 4000, BATCH = 16, FEATURES = 80, HIDDEN = 64, CLASSES = 5 };
static kerf_device *dev;

/* ---- codebooks ------------------------------------------------------------------------------- */

static void fill(float *x, size_t num, unsigned seed, unsigned every_zero)
{
    op_check_fill(x, num, seed);
    for (size_t i = 0; i < num; i++) {
        x[i] = x[i] * x[i] * x[i];
        if (every_zero > 0 && (i * 2654435761u >> 7) % every_zero != 0)
            x[i] = 0;
    }
}

/* Each number has the entry that is nearest, and each entry is the mean of its numbers. */
static void check_codebook(const float *x, size_t num, const float *c, const unsigned char *at,
                           int bits, int has_zero)
{
    const size_t k = (size_t)1 << bits, own = has_zero ? 1 : 0;
    double sums[256] = {0}, counts[256] = {0};
    CHECK(!has_zero || c[0] == 0);
    for (size_t i = own + 1; i < k; i++)
        CHECK(c[i - 1] <= c[i]);
    for (size_t i = 0; i < num; i++) {
        CHECK(at[i] < k);
        sums[at[i]] += (double)x[i];
        counts[at[i]]++;
        if (has_zero && x[i] == 0) {
            CHECK(at[i] == 0);
            continue;
        }
        CHECK(at[i] >= own);
        for (size_t e = own; e < k; e++)
            CHECK(fabs((double)x[i] - (double)c[at[i]]) <=
                  fabs((double)x[i] - (double)c[e]) + 1e-9);
    }
    for (size_t e = own; e < k; e++)
        CHECK(counts[e] == 0 || fabs(sums[e] / counts[e] - (double)c[e]) < 1e-6);
}

static double error_of(const float *x, size_t num, const float *c, const unsigned char *at)
{
    double error = 0;
    for (size_t i = 0; i < num; i++)
        error += pow((double)x[i] - (double)c[at[i]], 2);
    return error;
}

static void test_codebooks(void)
{
    static float x[MOST], c[256];
    static unsigned char at[MOST];
    kerf__codebook found = {.entries = c, .indices = at};
    for (int init = 0; init < KERF_NUM_SHARE_INITS; init++)
        for (int bits = 1; bits <= 8; bits += init == 0 ? 1 : 3) {
            const kerf_share_options o = {.bits = bits, .init = (kerf_share_init)init, .seed = 1};
            for (int has_zero = 0; has_zero <= 1; has_zero++) {
                fill(x, MOST, (unsigned)bits, has_zero ? 4 : 0);
                CHECK_OK(kerf__codebook_find(x, MOST, &o, has_zero, 0, &found));
                check_codebook(x, MOST, c, at, bits, has_zero);
            }
            /* Rounds only lessen the error that even steps begin with. */
            const double step = 2.0 / ((1 << bits) - 1);
            fill(x, MOST, (unsigned)bits, 0);
            CHECK_OK(kerf__codebook_find(x, MOST, &o, 0, 0, &found));
            CHECK(init != KERF_SHARE_LINEAR || error_of(x, MOST, c, at) < MOST * step * step / 4);
        }
}

/* As many entries as numbers, one number, zeros alone: each is kept as it is. */
static void test_few_numbers(void)
{
    static const float FEW[] = {0.5f, -1, 0.5f, 2, 0, -1, 0};
    const kerf_share_options o = {.bits = 3};
    float c[8];
    unsigned char at[7];
    kerf__codebook found = {.entries = c, .indices = at};
    for (size_t num = 1; num <= 7; num++)
        for (int has_zero = 0; has_zero <= 1; has_zero++) {
            const float *x = FEW + 7 - num;
            CHECK_OK(kerf__codebook_find(x, num, &o, has_zero, 0, &found));
            for (size_t i = 0; i < num; i++)
                CHECK(fabsf(c[at[i]] - x[i]) < 1e-6f && (x[i] != 0 || !has_zero || at[i] == 0));
        }
}

static void test_random_seeds(void)
{
    static float x[MOST], c[3][16];
    static unsigned char at[MOST];
    fill(x, MOST, 3, 0);
    for (int i = 0; i < 3; i++) {
        const kerf_share_options o = {.bits = 4, .init = KERF_SHARE_RANDOM, .seed = i == 2 ? 2 : 1};
        kerf__codebook found = {.entries = c[i], .indices = at};
        CHECK_OK(kerf__codebook_find(x, MOST, &o, 0, 7, &found));
    }
    CHECK(memcmp(c[0], c[1], sizeof c[0]) == 0 && memcmp(c[0], c[2], sizeof c[0]) != 0);
}

/* ---- networks -------------------------------------------------------------------------------- */

typedef struct network {
    kerf_graph *g;
    kerf_state *s;
} network;

static kerf_value *add_layer(network *n, kerf_value *v, const char *name, int64_t in, int64_t out,
                             unsigned every_zero)
{
    static float w[FEATURES * HIDDEN];
    char text[32];
    int id;
    kerf_value *weight;
    kerf_node *node;
    snprintf(text, sizeof text, "%s.weight", name);
    CHECK_OK(kerf_state_add(n->s, text, KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(out, in), &id));
    CHECK_OK(kerf_graph_add_state(n->g, text, id, KERF_F32, KERF_SHAPE(out, in), &weight));
    fill(w, (size_t)(in * out), (unsigned)in, every_zero);
    CHECK_OK(kerf_state_write(n->s, id, w));
    CHECK_OK(kerf_graph_add_node(n->g, "Gemm", name, (kerf_value *[]){v, weight}, 2, 1, &node));
    CHECK_OK(kerf_node_set_int(node, "transB", 1));
    return node->outputs[0];
}

static network make(void)
{
    network n;
    kerf_value *v;
    kerf_node *relu;
    CHECK_OK(kerf_graph_create(&n.g));
    CHECK_OK(kerf_state_create(&n.s, dev));
    CHECK_OK(kerf_graph_add_input(n.g, "x", KERF_F32, KERF_SHAPE(BATCH, FEATURES), &v));
    v = add_layer(&n, v, "fc1", FEATURES, HIDDEN, 50);
    CHECK_OK(kerf_graph_add_node(n.g, "Relu", "relu", &v, 1, 1, &relu));
    v = add_layer(&n, relu->outputs[0], "fc2", HIDDEN, CLASSES, 0);
    CHECK_OK(kerf_graph_add_output(n.g, v));
    return n;
}

static void end(network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static void read_entry(const network *n, const char *name, float *x)
{
    const kerf_state_entry *e = kerf_state_find(n->s, name);
    CHECK(e != NULL);
    CHECK_OK(kerf_state_read(n->s, e->id, x));
}

static int index_of(const network *n, const char *name, size_t i)
{
    const kerf_value *v = kerf_graph_find(n->g, name);
    CHECK(v != NULL && v->type == KERF_U4);
    return (int)kerf__tensor_int(v->constant, i);
}

static kerf_plan *plan_of(const network *n, kerf_mode mode)
{
    kerf_plan *p;
    const kerf_plan_options o = {.mode = mode,
                                 .batch = BATCH,
                                 .loss =
                                     mode == KERF_TRAIN ? KERF_LOSS_CROSS_ENTROPY : KERF_LOSS_NONE,
                                 .untuned = 1};
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, &o));
    CHECK_OK(kerf_plan_verify(p));
    return p;
}

static void feed(kerf_plan *p)
{
    static float x[BATCH * FEATURES];
    op_check_fill(x, BATCH * FEATURES, 5);
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(kerf_device_finish(dev));
}

/* Of the first layer little is left, and a plan knows, whatever its weights are made of. */
static void check_sparse(const kerf_plan *p)
{
    int num = 0;
    for (size_t i = 0; i < p->graph->num_nodes; i++)
        num += kerf__node_is(p->graph->nodes[i], "kerf.SparseMatMul");
    CHECK(num == 1);
}

static void evaluate(const network *n, float *y)
{
    kerf_plan *p = plan_of(n, KERF_EVALUATE);
    check_sparse(p);
    feed(p);
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, kerf_value_name(kerf_graph_output(n->g, 0))), y));
    kerf_plan_destroy(p);
}

static void step(const network *n, float lr)
{
    static int32_t labels[BATCH];
    kerf_plan *p = plan_of(n, KERF_TRAIN);
    const kerf_step one = {.step = 1, .lr = lr};
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % CLASSES;
    feed(p);
    CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(p, &one));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_device_finish(dev));
    kerf_plan_destroy(p);
}

/* The weights that a shared layer computes with. */
static void spread(const network *n, const char *layer, size_t num, size_t blocks, float *w)
{
    static float c[FEATURES * HIDDEN];
    char text[64];
    snprintf(text, sizeof text, "%s.weight.codebook", layer);
    read_entry(n, text, c);
    const size_t entries = kerf_tensor_num_elements(kerf_state_find(n->s, text)->tensor) / blocks;
    snprintf(text, sizeof text, "%s.weight.indices", layer);
    for (size_t i = 0; i < num; i++)
        w[i] = c[i * blocks / num * entries + (size_t)index_of(n, text, i)];
}

/* A network with the shared values in its weights, to compare with. */
static network unshared(const network *n, size_t blocks)
{
    static float w[FEATURES * HIDDEN];
    network other = make();
    spread(n, "fc1", FEATURES * HIDDEN, blocks, w);
    CHECK_OK(kerf_state_write(other.s, kerf_state_find(other.s, "fc1.weight")->id, w));
    if (kerf_state_find(n->s, "fc2.weight.codebook") != NULL) {
        spread(n, "fc2", HIDDEN * CLASSES, 1, w);
        CHECK_OK(kerf_state_write(other.s, kerf_state_find(other.s, "fc2.weight")->id, w));
    }
    return other;
}

static void test_network(int64_t block)
{
    static const char *const ONLY[] = {"fc1"};
    const size_t blocks = block > 0 ? FEATURES * HIDDEN / (size_t)block : 1;
    float y[2][BATCH * CLASSES];
    double want[BATCH * CLASSES];
    const kerf_share_options o = {
        .bits = 3, .block = block, .layers = ONLY, .num_layers = block > 0};
    network n = make();
    CHECK_OK(kerf_share_mark(n.g, n.s, &o));
    CHECK_OK(kerf_graph_verify(n.g));
    CHECK(kerf_state_find(n.s, "fc1.weight") == NULL && kerf_graph_find(n.g, "fc1.weight") == NULL);
    CHECK((kerf_state_find(n.s, "fc2.weight") == NULL) == (block == 0));
    network other = unshared(&n, blocks);
    evaluate(&n, y[0]);
    evaluate(&other, y[1]);
    for (int i = 0; i < BATCH * CLASSES; i++)
        want[i] = (double)y[1][i];
    check_close("y", y[0], want, BATCH * CLASSES, check_tolerance(8, FEATURES));
    end(&other);
    end(&n);
}

/* One step of plain descent: an entry moves by what all its weights would have, zero stays. */
static void test_training(void)
{
    static float before[FEATURES * HIDDEN], after[FEATURES * HIDDEN];
    const size_t num = FEATURES * HIDDEN;
    const kerf_share_options o = {.bits = 3};
    float was[8], is[8];
    double want[8] = {0};
    network n = make();
    CHECK_OK(kerf_share_mark(n.g, n.s, &o));
    network other = unshared(&n, 1);
    read_entry(&n, "fc1.weight.codebook", was);
    read_entry(&other, "fc1.weight", before);
    step(&n, 0.5f);
    step(&other, 0.5f);
    read_entry(&n, "fc1.weight.codebook", is);
    read_entry(&other, "fc1.weight", after);
    for (size_t i = 0; i < num; i++)
        want[index_of(&n, "fc1.weight.indices", i)] += (double)after[i] - (double)before[i];
    CHECK(was[0] == 0 && is[0] == 0);
    want[0] = 0;
    for (int e = 0; e < 8; e++)
        want[e] += (double)was[e];
    CHECK(memcmp(was, is, sizeof was) != 0);
    check_close("entries", is, want, 8, check_tolerance(64, num));
    end(&other);
    end(&n);
}

/* What a file brings has no mask: it comes back. */
static void test_keep_zeros(void)
{
    const kerf_share_options o = {.bits = 3};
    int num;
    network n = make();
    CHECK_OK(kerf_share_mark(n.g, n.s, &o));
    CHECK_OK(kerf_share_keep_zeros(n.g, n.s, &num));
    CHECK(num == 0); /* there is one already */
    kerf_node *mask = kerf_graph_find(n.g, "fc1.weight.codebook.masked")->producer;
    kerf__graph_replace_uses(n.g, mask->outputs[0], mask->inputs[0]);
    kerf__graph_remove_dead(n.g);
    CHECK_OK(kerf_share_keep_zeros(n.g, n.s, &num));
    CHECK(num == 1);
    step(&n, 0.5f);
    float c[8];
    read_entry(&n, "fc1.weight.codebook", c);
    CHECK(c[0] == 0);
    end(&n);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void check_refused(const kerf_share_options *o, const char *words)
{
    network n = make();
    const int num = kerf_graph_num_nodes(n.g);
    CHECK(kerf_share_mark(n.g, n.s, o) != KERF_OK);
    CHECK(strstr(kerf_last_error(), words) != NULL);
    CHECK(kerf_graph_num_nodes(n.g) == num);
    end(&n);
}

static void test_refused(void)
{
    static const char *const NONE[] = {"conv*"};
    check_refused(&(kerf_share_options){.bits = 0}, "indices of 0 bits, must be 1 to 8");
    check_refused(&(kerf_share_options){.bits = 9}, "indices of 9 bits, must be 1 to 8");
    check_refused(&(kerf_share_options){.bits = 4, .block = 16},
                  "a block is of 16 weights, must be of 32 or more");
    check_refused(&(kerf_share_options){.bits = 2, .block = 77},
                  "has 5120 weights, must be a multiple of the block of 77");
    check_refused(&(kerf_share_options){.bits = 4, .layers = NONE, .num_layers = 1},
                  "'conv*' fits no layer; the first of them is fc1.weight (Gemm fc1)");
    network n = make();
    float w[FEATURES * HIDDEN];
    fill(w, FEATURES * HIDDEN, 1, 0);
    w[7] = NAN;
    CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "fc1.weight")->id, w));
    CHECK(kerf_share_mark(n.g, n.s, &(kerf_share_options){.bits = 4}) == KERF_ERR_ARGUMENT);
    CHECK(strstr(kerf_last_error(), "element 7 of 'fc1.weight' is nan, must be a finite") != NULL);
    end(&n);
}

int main(void)
{
    dev = check_open_device();
    test_codebooks();
    test_few_numbers();
    test_random_seeds();
    test_network(0);
    test_network(128);
    test_training();
    test_keep_zeros();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
