/* test_channel_watch.c -- what samples show of channels, beside plain ways to find the same: the
 * loss with a channel a little larger and smaller, activations counted on the host, ranks by
 * elimination. */
#include <math.h>

#include "compress/prune/channels_internal.h"
#include "small_run.h"

enum { NUM = 16, SIDE = 8, CLASSES = 3, FIRST = 6, SECOND = 5, CHANNELS_MOST = 6 };

static kerf_device *dev;
static kerf_graph *g;
static kerf_state *s;
static kerf_dataset *d;
static kerf_channels *c;

/* ---- a network ------------------------------------------------------------------------------- */

static uint32_t drawn;

static float number(void)
{
    drawn = drawn * 1664525u + 1013904223u;
    return (float)(drawn >> 8) / (float)(1 << 24) - 0.5f;
}

static kerf_value *parameter(const char *name, kerf_role role, kerf_shape shape, float around)
{
    float x[512];
    int id;
    kerf_value *v;
    const int64_t num = kerf_shape_num_elements(shape);
    for (int64_t i = 0; i < num; i++)
        x[i] = around + number();
    CHECK_OK(kerf_state_add(s, name, role, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(s, id, x));
    CHECK_OK(kerf_graph_add_state(g, name, id, KERF_F32, shape, &v));
    return v;
}

static kerf_value *weight(const char *name, kerf_shape shape)
{
    return parameter(name, KERF_ROLE_WEIGHT, shape, 0);
}

static kerf_value *node(const char *op, const char *name, kerf_value *const *inputs, int num)
{
    kerf_node *n;
    CHECK_OK(kerf_graph_add_node(g, op, name, inputs, num, 1, &n));
    if (strcmp(op, "Gemm") == 0)
        CHECK_OK(kerf_node_set_int(n, "transB", 1));
    return kerf_node_output(n, 0);
}

/* Conv Relu, Conv BatchNormalization Relu, Conv of 1x1 that nothing follows, Gemm. */
static void build(void)
{
    kerf_value *x;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_state_create(&s, dev));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32,
                                  KERF_SHAPE(kerf_graph_symbol(g, "N"), 1, SIDE, SIDE), &x));
    x = node("Conv", "conv1",
             (kerf_value *[]){x, weight("conv1.weight", KERF_SHAPE(FIRST, 1, 3, 3)),
                              weight("conv1.bias", KERF_SHAPE(FIRST))},
             3);
    x = node("Relu", "relu1", &x, 1);
    x = node("Conv", "conv2",
             (kerf_value *[]){x, weight("conv2.weight", KERF_SHAPE(SECOND, FIRST, 3, 3))}, 2);
    x = node(
        "BatchNormalization", "bn2",
        (kerf_value *[]){x, weight("bn2.weight", KERF_SHAPE(SECOND)),
                         weight("bn2.bias", KERF_SHAPE(SECOND)),
                         parameter("bn2.mean", KERF_ROLE_STATISTIC, KERF_SHAPE(SECOND), 0),
                         parameter("bn2.variance", KERF_ROLE_STATISTIC, KERF_SHAPE(SECOND), 1.5f)},
        5);
    x = node("Relu", "relu2", &x, 1);
    x = node("Conv", "conv3",
             (kerf_value *[]){x, weight("conv3.weight", KERF_SHAPE(4, SECOND, 1, 1))}, 2);
    x = node("GlobalAveragePool", "pool", &x, 1);
    x = node("Flatten", "flat", &x, 1);
    x = node("Gemm", "fc",
             (kerf_value *[]){x, weight("fc.weight", KERF_SHAPE(CLASSES, 4)),
                              weight("fc.bias", KERF_SHAPE(CLASSES))},
             3);
    CHECK_OK(kerf_graph_add_output(g, x));
}

static float images[NUM * SIDE * SIDE];

static void open_data(void)
{
    int32_t labels[NUM];
    char x[64], y[64], spec[160];
    for (int i = 0; i < NUM; i++)
        labels[i] = i % CLASSES;
    for (int i = 0; i < NUM * SIDE * SIDE; i++)
        images[i] = 8 * number();
    snprintf(x, sizeof x, "/tmp/kerf-wx-%ld.npy", (long)getpid());
    snprintf(y, sizeof y, "/tmp/kerf-wy-%ld.npy", (long)getpid());
    snprintf(spec, sizeof spec, "npy:%s,%s", x, y);
    small_write_npy(x, KERF_F32, KERF_SHAPE(NUM, 1, SIDE, SIDE), images);
    small_write_npy(y, KERF_S32, KERF_SHAPE(NUM), labels);
    CHECK_OK(kerf_dataset_open(&d, spec));
    unlink(x);
    unlink(y);
}

static void begin(void)
{
    drawn = 7;
    build();
    open_data();
    CHECK_OK(kerf_channels_find(&c, g, s));
}

static void end(void)
{
    kerf_channels_destroy(c);
    kerf_dataset_close(d);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

/* ---- what is found -----------------------------------------------------------------------------
 */

static const kerf_watch_options ALL = {.samples = NUM, .batch = NUM, .prep = "raw"};

/* Numbers of the layers that fit. */
static void find(kerf_channel_criterion criterion, const char *layer, const kerf_watch_options *how,
                 float *out)
{
    const uint64_t before = small_digest(s);
    CHECK_OK(kerf_channels_watch(c, g, s, d, criterion, how));
    CHECK(small_digest(s) == before);
    CHECK_OK(kerf_channels_choose(
        c, s,
        &(kerf_channel_options){
            .criterion = criterion, .amount = 0.4, .layers = &layer, .num_layers = 1}));
    for (int i = 0; i < kerf_channels_num_groups(c); i++) {
        kerf_channel_group group;
        CHECK_OK(kerf_channels_get_group(c, i, &group));
        for (int64_t k = 0; group.kept < group.num && k < group.num; k++)
            out[k] = (float)kerf_channels_scores(c, i)[k];
    }
}

/* ---- the loss
 * ------------------------------------------------------------------------------------ */

static double loss_now(void)
{
    kerf_evaluation e;
    CHECK_OK(kerf_evaluate(g, s, d, KERF_SPLIT_TRAIN, NUM, "raw", &e, NULL));
    return e.loss;
}

static void scale(const char *name, int64_t channel, float factor)
{
    float x[512];
    const kerf_state_entry *e = kerf_state_find(s, name);
    const int64_t each = kerf_shape_num_elements(e->shape) / e->shape.dims[0];
    CHECK_OK(kerf_state_read(s, e->id, x));
    for (int64_t i = channel * each; i < (channel + 1) * each; i++)
        x[i] *= factor;
    CHECK_OK(kerf_state_write(s, e->id, x));
}

/* The derivative of the loss by a factor on a channel, squared. */
static double square_of_slope(const char *const *names, int64_t channel)
{
    const float h = 1.0f / 64;
    double loss[2];
    for (int side = 0; side < 2; side++) {
        const float factor = side == 0 ? 1 - h : 1 + h;
        for (int i = 0; i < 2; i++)
            scale(names[i], channel, factor);
        loss[side] = loss_now();
        for (int i = 0; i < 2; i++)
            scale(names[i], channel, 1 / factor);
    }
    const double slope = (loss[1] - loss[0]) / (2 * (double)h);
    return slope * slope;
}

static void check_slopes(const char *layer, const char *const *names, int num)
{
    const int checked = small_is_tiny() ? 1 : num;
    float got[CHANNELS_MOST];
    double want[CHANNELS_MOST];
    find(KERF_CHANNEL_TAYLOR, layer, &ALL, got);
    for (int i = 0; i < checked; i++)
        want[i] = square_of_slope(names, i);
    check_close(layer, got, want, (size_t)checked, 1e-2); /* of a difference of floats */
}

static void test_slopes_of_the_loss(void)
{
    begin();
    check_slopes("conv1", (const char *const[]){"conv1.weight", "conv1.bias"}, FIRST);
    check_slopes("conv2", (const char *const[]){"bn2.weight", "bn2.bias"}, SECOND);
    end();
}

/* Of each batch a square, and the mean of those. */
static void test_batches_are_squared_one_by_one(void)
{
    float whole[CHANNELS_MOST], halves[CHANNELS_MOST];
    const kerf_watch_options two = {.samples = NUM, .batch = NUM / 2, .prep = "raw"};
    begin();
    find(KERF_CHANNEL_TAYLOR, "conv1", &ALL, whole);
    find(KERF_CHANNEL_TAYLOR, "conv1", &two, halves);
    for (int i = 0; i < FIRST; i++) /* a mean of squares is no smaller than the mean's square */
        CHECK(halves[i] > whole[i] * 0.999f);
    end();
}

/* ---- activations
 * ----------------------------------------------------------------------------------- */

/* What the network gives there, of all samples. */
static kerf_shape activations(const char *name, float *out)
{
    kerf_graph *copy;
    kerf_plan *p;
    CHECK_OK(kerf_graph_copy(&copy, g));
    CHECK_OK(kerf_graph_add_output(copy, kerf_graph_find(copy, name)));
    CHECK_OK(kerf_plan_create(&p, copy, s, &(kerf_plan_options){.batch = NUM}));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "x"), images));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, name), out));
    const kerf_shape shape = kerf_tensor_shape(kerf_plan_output(p, name));
    kerf_plan_destroy(p);
    kerf_graph_destroy(copy);
    return shape;
}

static int64_t rank_by_elimination(const float *map, int64_t side)
{
    double a[SIDE][SIDE];
    int64_t rank = 0;
    for (int64_t i = 0; i < side * side; i++)
        a[i / side][i % side] = (double)map[i];
    for (; rank < side; rank++) {
        int64_t row = rank, column = rank;
        for (int64_t i = rank; i < side; i++)
            for (int64_t k = rank; k < side; k++)
                if (fabs(a[i][k]) > fabs(a[row][column])) {
                    row = i;
                    column = k;
                }
        if (fabs(a[row][column]) < 1e-5)
            break;
        for (int64_t k = 0; k < side; k++) {
            const double x = a[row][k];
            a[row][k] = a[rank][k];
            a[rank][k] = x;
        }
        for (int64_t i = 0; i < side; i++) {
            const double x = a[i][column];
            a[i][column] = a[i][rank];
            a[i][rank] = x;
        }
        for (int64_t i = rank + 1; i < side; i++) {
            const double factor = a[i][rank] / a[rank][rank];
            for (int64_t k = rank; k < side; k++)
                a[i][k] -= factor * a[rank][k];
        }
    }
    return rank;
}

static void check_maps(const char *layer, const char *behind)
{
    static float maps[NUM * FIRST * SIDE * SIDE];
    float zeros[CHANNELS_MOST], ranks[CHANNELS_MOST];
    double share[CHANNELS_MOST] = {0}, rank[CHANNELS_MOST] = {0};
    const kerf_shape shape = activations(behind, maps);
    const int64_t channels = shape.dims[1], side = shape.dims[2], each = side * side;
    for (int64_t i = 0; i < NUM * channels; i++) {
        for (int64_t k = 0; k < each; k++)
            share[i % channels] += (maps[i * each + k] != 0) / (double)(NUM * each);
        rank[i % channels] += (double)rank_by_elimination(maps + i * each, side) / NUM;
    }
    if (strncmp(behind, "relu", 4) == 0) {
        find(KERF_CHANNEL_ZEROS, layer, &ALL, zeros);
        check_close("zeros", zeros, share, (size_t)channels, check_tolerance(4, (size_t)each));
    }
    find(KERF_CHANNEL_RANK, layer, &ALL, ranks);
    check_close("rank", ranks, rank, (size_t)channels, check_tolerance(4, NUM));
}

static void test_zeros_and_ranks(void)
{
    begin();
    check_maps("conv1", "relu1");
    check_maps("conv2", "relu2");
    check_maps("conv3", "conv3");
    end();
}

/* Columns are sums of `rank` others. */
static void test_ranks_of_products(void)
{
    enum { ROWS = 9, COLS = 7 };
    for (int rank = 0; rank <= COLS; rank++) {
        double left[ROWS][COLS], right[COLS][COLS], map[ROWS * COLS] = {0};
        for (int i = 0; i < ROWS * COLS; i++)
            left[i / COLS][i % COLS] = (double)number();
        for (int i = 0; i < COLS * COLS; i++)
            right[i / COLS][i % COLS] = (double)number();
        for (int i = 0; i < ROWS * COLS; i++)
            for (int k = 0; k < rank; k++)
                map[i] += left[i / COLS][k] * right[k][i % COLS];
        for (int i = 0; i < ROWS * COLS; i++)
            map[i] = (double)(float)map[i];
        CHECK(kerf__channel_map_rank(map, ROWS, COLS) == (size_t)rank);
    }
    double flat[6] = {1, NAN, 2, 3, 4, 5};
    CHECK(kerf__channel_map_rank(flat, 2, 3) <= 2);
}

/* ---- what cannot be had
 * ------------------------------------------------------------------------------ */

static void check_refused(kerf_channel_criterion criterion, const char *layer, const char *says)
{
    const kerf_channel_options o = {
        .criterion = criterion, .amount = 0.4, .layers = &layer, .num_layers = layer != NULL};
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_channels_choose(c, s, &o));
    CHECK(strstr(kerf_last_error(), says) != NULL);
}

static void test_refusals(void)
{
    begin();
    check_refused(KERF_CHANNEL_TAYLOR, NULL, "kerf_channels_watch()");
    CHECK_OK(kerf_channels_watch(c, g, s, d, KERF_CHANNEL_ZEROS, &ALL));
    check_refused(KERF_CHANNEL_RANK, NULL, "kerf_channels_watch()");
    check_refused(KERF_CHANNEL_ZEROS, "conv3",
                  "'conv3.weight' has no activation behind it to go by");
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_channels_watch(c, g, s, d, KERF_CHANNEL_L2, &ALL));
    CHECK(strstr(kerf_last_error(), "must be taylor, rank or zeros") != NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_channels_watch(c, g, s, d, KERF_CHANNEL_RANK,
                                                        &(kerf_watch_options){.samples = -1}));
    CHECK(strstr(kerf_last_error(), "must be some") != NULL);
    end();
}

int main(void)
{
    dev = check_open_device();
    test_ranks_of_products();
    test_zeros_and_ranks();
    test_slopes_of_the_loss();
    if (!small_is_tiny())
        test_batches_are_squared_one_by_one();
    test_refusals();
    kerf_device_close(dev);
    return check_result();
}
