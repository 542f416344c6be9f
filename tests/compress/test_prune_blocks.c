/* test_prune_blocks.c -- structures: whole units go, those with the smallest sums, as many as the
 * amount says, whichever axes the layer's outputs and inputs are on. */
#include <string.h>

#include "pruned_layer.h"

static kerf_device *dev;

/* A layer and where its rows (outputs) and columns (inputs) are. */
typedef struct layer_case {
    const char *op;
    kerf_shape shape; /* of the weight */
    int rows, columns, trans_b;
} layer_case;

static const layer_case LAYERS[] = {
    {"Conv", {4, {10, 6, 3, 3}}, 0, 1, 0},
    {"ConvTranspose", {4, {6, 10, 3, 3}}, 1, 0, 0},
    {"MatMul", {2, {30, 17}}, 1, 0, 0},
    {"Gemm", {2, {17, 30}}, 0, 1, 1},
};

/* The layer's weights. */
static size_t num;
static float data[MOST_WEIGHTS];

static kerf_shape input_shape(const layer_case *l)
{
    const int64_t inputs = l->shape.dims[l->columns];
    return l->shape.rank == 4 ? KERF_SHAPE(1, inputs, 8, 8) : KERF_SHAPE(2, inputs);
}

static void make(network *n, const layer_case *l)
{
    unsigned x = 12345;
    num = (size_t)kerf_shape_num_elements(l->shape);
    for (size_t i = 0; i < num; i++) {
        x = x * 1664525u + 1013904223u;
        data[i] = (float)(x >> 16) / 65536.0f - 0.5f;
    }
    make_layer(n, dev, l->op, input_shape(l), l->shape, data);
    if (l->trans_b)
        CHECK_OK(kerf_node_set_int(n->layer, "transB", 1));
}

/* ---- the long way ------------------------------------------------------------------------ */

/* Place of element i along an axis. */
static int64_t place(kerf_shape s, int axis, size_t i)
{
    int64_t stride = 1;
    for (int k = axis + 1; k < s.rank; k++)
        stride *= s.dims[k];
    return (int64_t)i / stride % s.dims[axis];
}

/* The unit of element i; block 0 means all. */
static size_t unit_of(const layer_case *l, const int64_t block[3], size_t i)
{
    const int64_t r = place(l->shape, l->rows, i), c = place(l->shape, l->columns, i);
    const int64_t t = l->shape.rank == 4 ? (int64_t)i % 9 : 0;
    const int64_t at[3] = {r, c, t};
    size_t unit = 0;
    for (int k = 0; k < 3; k++)
        unit = unit * 64 + (block[k] > 0 ? (size_t)(at[k] / block[k]) : 0);
    return unit;
}

static void check_units(const network *n, const layer_case *l, const int64_t block[3],
                        double amount)
{
    static double sums[64 * 64 * 64];
    static int kept[64 * 64 * 64], size[64 * 64 * 64];
    const size_t most = 64 * 64 * 64;
    double least_kept = INFINITY, most_gone = 0;
    int units = 0, gone = 0;
    memset(sums, 0, sizeof sums);
    memset(kept, 0, sizeof kept);
    memset(size, 0, sizeof size);
    for (size_t i = 0; i < num; i++) {
        const size_t u = unit_of(l, block, i);
        sums[u] += (double)fabsf(data[i]);
        kept[u] += n->kept[i];
        size[u]++;
    }
    for (size_t u = 0; u < most; u++) {
        CHECK(kept[u] == 0 || kept[u] == size[u]);
        units += size[u] > 0;
        gone += size[u] > 0 && kept[u] == 0;
        if (kept[u] > 0)
            least_kept = fmin(least_kept, sums[u]);
        else if (size[u] > 0)
            most_gone = fmax(most_gone, sums[u]);
    }
    CHECK(gone == (int)floor(amount * units + 0.5));
    CHECK(most_gone <= least_kept * 1.000001);
}

static void test_units(const layer_case *l, kerf_prune_structure structure, const int64_t block[3])
{
    static network n;
    const kerf_prune_options o = {
        .amount = 0.7, .structure = structure, .block = {block[0], block[1]}};
    make(&n, l);
    kerf_pruner *p = begin(&n, &o);
    apply(&n, p, 0.5);
    check_units(&n, l, block, 0.35);
    apply(&n, p, 1);
    check_units(&n, l, block, 0.7);
    kerf_prune_layer told;
    CHECK_OK(kerf_pruner_read_layer(p, 0, &told));
    CHECK(told.asked == 0.7 && told.nearest >= 0.65 && told.nearest <= 0.75);
    if (structure == KERF_STRUCTURE_CHANNEL) /* all of one size */
        CHECK(fabs(told.nearest - (1 - (double)told.nonzeros / (double)told.total)) < 1e-12);
    kerf_pruner_destroy(p);
    unmake(&n);
}

/* Of each four inputs two stay, the larger ones; of the last group, which is short, all do. */
static void test_n_of_m(const layer_case *l)
{
    static network n;
    const int64_t block[3] = {1, 4, 1};
    const kerf_prune_options o = {.structure = KERF_STRUCTURE_N_OF_M, .block = {2, 4}};
    make(&n, l);
    kerf_pruner *p = begin(&n, &o);
    for (int event = 1; event <= 2; event++) {
        apply(&n, p, event / 2.0);
        for (size_t i = 0; i < num; i++) {
            int above = 0;
            for (size_t k = 0; k < num; k++)
                above +=
                    unit_of(l, block, k) == unit_of(l, block, i) && fabsf(data[k]) > fabsf(data[i]);
            CHECK(n.kept[i] == (above < 4 - event));
        }
    }
    kerf_prune_layer told;
    CHECK_OK(kerf_pruner_read_layer(p, 0, &told));
    CHECK(told.asked == 0.5);
    CHECK(fabs(told.nearest - (1 - (double)told.nonzeros / (double)told.total)) < 1e-12);
    kerf_pruner_destroy(p);
    unmake(&n);
}

/* In global scope blocks of several layers are compared by the mean of a weight, and std counts it
 * too: a deviation's worth of blocks goes whole. */
static void test_other_choices(void)
{
    static network n;
    kerf_prune_options o = {.amount = 0.5,
                            .structure = KERF_STRUCTURE_BLOCK,
                            .block = {2, 3},
                            .scope = KERF_SCOPE_GLOBAL};
    make(&n, &LAYERS[0]);
    kerf_pruner *p = begin(&n, &o);
    apply(&n, p, 1);
    check_units(&n, &LAYERS[0], (int64_t[]){2, 3, 1}, 0.5);
    kerf_pruner_destroy(p);
    unmake(&n);
    make(&n, &LAYERS[0]);
    o = (kerf_prune_options){
        .method = KERF_PRUNE_STD, .amount = 0.9, .structure = KERF_STRUCTURE_KERNEL};
    p = begin(&n, &o);
    apply(&n, p, 1);
    int gone = 0;
    for (size_t i = 0; i < num; i++) {
        CHECK(n.kept[i] == n.kept[i - i % 9]);
        gone += n.kept[i] == 0;
    }
    CHECK(gone > 0 && gone < (int)num);
    kerf_pruner_destroy(p);
    unmake(&n);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void refuse(kerf_prune_options o, const char *message)
{
    static network n;
    make(&n, &LAYERS[0]);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_prune_mark(n.g, n.s, &o));
    if (strstr(kerf_last_error(), message) == NULL) {
        printf("message is '%s', must hold '%s'\n", kerf_last_error(), message);
        check_failures++;
    }
    unmake(&n);
}

static void test_refused(void)
{
    refuse((kerf_prune_options){.structure = KERF_STRUCTURE_N_OF_M, .block = {4, 4}},
           "4 of 4: must keep at least 1, fewer than all, of at most 64");
    refuse((kerf_prune_options){.structure = KERF_STRUCTURE_N_OF_M, .block = {2, 4}, .amount = 0.5},
           "2 of 4 says how many weights of each layer go; must be without a sparsity");
    refuse((kerf_prune_options){.structure = KERF_STRUCTURE_BLOCK, .block = {0, 4}},
           "blocks of 0x4: both must be from 1 to 1024");
    refuse((kerf_prune_options){.structure = KERF_STRUCTURE_KERNEL,
                                .method = KERF_PRUNE_MASK,
                                .mask_file = "m.npz"},
           "method mask with a structure: the file says which weights go");
    refuse((kerf_prune_options){.structure = KERF_STRUCTURE_KERNEL, .biases = 1},
           "biases have no inputs to make blocks of");
}

/* Of 36 words of filters (2, 5, 3, 3), the last of one channel, a quarter is left whole. */
static void check_words(const signed char *w)
{
    int num_left = 0;
    for (int k = 0; k < 2; k++)
        for (int tap = 0; tap < 9; tap++) {
            const signed char *first = w + k * 45 + tap;
            num_left += first[0] != 0;
            num_left += first[4 * 9] != 0;
            for (int c = 1; c < 4; c++)
                CHECK(first[c * 9] == first[0]);
        }
    CHECK(num_left == 9);
}

static void make_words(kerf_graph *g, const char *name, kerf_type type, kerf_tensor **t)
{
    kerf_value *v;
    CHECK_OK(kerf_tensor_create(t, NULL, type, KERF_SHAPE(2, 5, 3, 3)));
    memset(kerf_tensor_data(*t), 1, kerf_tensor_size_bytes(*t));
    CHECK_OK(kerf_graph_add_constant(g, name, *t, &v));
}

static void test_words(void)
{
    kerf_graph *g;
    kerf_tensor *bytes, *again, *unsigned_bytes;
    CHECK_OK(kerf_graph_create(&g));
    make_words(g, "bytes", KERF_S8, &bytes);
    make_words(g, "again", KERF_S8, &again);
    make_words(g, "unsigned", KERF_U8, &unsigned_bytes);
    CHECK(kerf_prune_words(g, 0.25, 7) == 2);
    check_words(kerf_tensor_data(bytes));
    check_words(kerf_tensor_data(again));
    CHECK(memcmp(kerf_tensor_data(bytes), kerf_tensor_data(again), 90) != 0);
    CHECK(((unsigned char *)kerf_tensor_data(unsigned_bytes))[0] == 1);
    CHECK(kerf_prune_words(g, 0, 7) == 2);
    CHECK(((signed char *)kerf_tensor_data(bytes))[0] == 0);
    kerf_graph_destroy(g);
}

int main(void)
{
    dev = check_open_device();
    for (size_t i = 0; i < sizeof LAYERS / sizeof LAYERS[0]; i++) {
        test_units(&LAYERS[i], KERF_STRUCTURE_BLOCK, (int64_t[]){4, 1, 1});
        test_units(&LAYERS[i], KERF_STRUCTURE_BLOCK, (int64_t[]){2, 4, 1});
        test_units(&LAYERS[i], KERF_STRUCTURE_KERNEL, (int64_t[]){1, 1, 0});
        test_units(&LAYERS[i], KERF_STRUCTURE_CHANNEL, (int64_t[]){1, 0, 0});
        test_n_of_m(&LAYERS[i]);
    }
    test_other_choices();
    test_words();
    test_refused();
    kerf_device_close(dev);
    return check_result();
}
