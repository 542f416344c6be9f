/* test_depth.c -- residual blocks: found in networks of all builds, judged, and taken out; what is
 * left computes what the network without them computes. */
#include <math.h>

#include "compress/random_network.h"
#include "residual_net.h"
#include "small_run.h"

enum { SIDE = 4, CHANNELS = 8, BATCH = 4, NUM_OUT = BATCH * RESIDUAL_CLASSES };

static kerf_device *dev;
static residual_net net;
static kerf_depth *d;

static void begin(void)
{
    net = residual_net_make(dev, SIDE, CHANNELS);
    CHECK_OK(kerf_depth_find(&d, net.g, net.s));
}

static void end(void)
{
    kerf_depth_destroy(d);
    residual_net_free(&net);
}

static kerf_depth_block block_at(int i)
{
    kerf_depth_block b = {0};
    CHECK_OK(kerf_depth_get_block(d, i, &b));
    return b;
}

static void fill_state(const char *name, float x)
{
    float all[CHANNELS];
    for (int i = 0; i < CHANNELS; i++)
        all[i] = x;
    CHECK_OK(kerf_state_write(net.s, kerf_state_find(net.s, name)->id, all));
}

/* Block i (from 1) adds nothing. */
static void silence(int i)
{
    char name[32];
    snprintf(name, sizeof name, "bn%d.weight", 2 * i + 1);
    fill_state(name, 0);
    snprintf(name, sizeof name, "bn%d.bias", 2 * i + 1);
    fill_state(name, 0);
}

static void run(float *out)
{
    kerf_plan *p;
    float x[BATCH * SIDE * SIDE];
    for (int i = 0; i < BATCH * SIDE * SIDE; i++)
        x[i] = (float)((i * 37) % 23) / 11.0f - 1.0f;
    CHECK_OK(kerf_plan_create(&p, net.g, net.s, &(kerf_plan_options){.batch = BATCH}));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "x"), x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, "fc"), out));
    kerf_plan_destroy(p);
}

/* ---- finding --------------------------------------------------------------------------------- */

static void check_net(const char *name, int free, int fixed, const char *why)
{
    const kerf_net_options o = {.seed = 1, .shapes_only = 1};
    kerf_graph *g;
    kerf_state *s;
    int counts[2] = {0, 0};
    CHECK_OK(kerf_net_create(&g, &s, name, &o, NULL));
    CHECK_OK(kerf_depth_find(&d, g, s));
    for (int i = 0; i < kerf_depth_num_blocks(d); i++) {
        const kerf_depth_block b = block_at(i);
        counts[b.fixed != NULL]++;
        CHECK(b.fixed == NULL || strstr(b.fixed, why) != NULL);
        CHECK(b.num_layers >= 2 && b.macs > 0 && b.stays && isnan(b.lost));
    }
    CHECK(counts[0] == free && counts[1] == fixed);
    kerf_depth_destroy(d);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

/* Stages begin with a block that changes shape. */
static void test_blocks_of_every_net(void)
{
    check_net("resnet-18", 5, 3, "its shortcut makes (1, ");
    check_net("resnet-50", 12, 4, "its shortcut makes (1, ");
    check_net("mobilenet-v2", 10, 0, "");
    check_net("vgg-16-cifar", 0, 0, "");
    check_net("lenet-5", 0, 0, "");
}

/* Two more outputs: of what stands inside a block, and of a sum. */
static void test_what_must_stay(void)
{
    begin();
    CHECK(kerf_depth_num_blocks(d) == RESIDUAL_BLOCKS && block_at(1).fixed == NULL);
    CHECK(block_at(0).num_layers == 2 && strcmp(block_at(0).name, "add1") == 0);
    CHECK(strcmp(block_at(1).layers[0], "conv4.weight") == 0);
    kerf_depth_destroy(d);
    CHECK_OK(kerf_graph_add_output(net.g, kerf_graph_find(net.g, "relu2")));
    CHECK_OK(kerf_graph_add_output(net.g, kerf_graph_find(net.g, "add2")));
    CHECK_OK(kerf_depth_find(&d, net.g, net.s));
    CHECK(strstr(block_at(0).fixed, "'relu2' inside of it is read elsewhere") != NULL);
    CHECK(strstr(block_at(1).fixed, "its sum is an output") != NULL);
    CHECK_OK(kerf_depth_judge(d, net.g, net.s, NULL, &(kerf_analyse_options){0}));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_depth_choose(d, &(kerf_depth_options){.amount = 0.5}));
    CHECK(strstr(kerf_last_error(), "none of the residual blocks may go") != NULL);
    end();
}

/* A sum of what was made of more than one of its operands, and one that shares what is inside. */
static void test_what_is_none(void)
{
    kerf_value *x, *first, *second, *sum;
    net = (residual_net){NULL, NULL, 0};
    CHECK_OK(kerf_graph_create(&net.g));
    CHECK_OK(kerf_state_create(&net.s, dev));
    CHECK_OK(kerf_graph_add_input(net.g, "x", KERF_F32, KERF_SHAPE(1, CHANNELS, SIDE, SIDE), &x));
    first = residual_node(&net, "Relu", "first", &x, 1);
    second = residual_layer(&net, first, 1, CHANNELS, CHANNELS);
    sum = residual_layer(&net, second, 2, CHANNELS, CHANNELS);
    sum = residual_node(&net, "Add", "one", (kerf_value *[]){sum, first}, 2);
    sum = residual_node(&net, "Add", "two", (kerf_value *[]){second, sum}, 2);
    CHECK_OK(kerf_graph_add_output(net.g, residual_node(&net, "Relu", "end", &sum, 1)));
    CHECK_OK(kerf_depth_find(&d, net.g, net.s));
    CHECK(kerf_depth_num_blocks(d) == 2);
    CHECK(block_at(0).fixed != NULL && strstr(block_at(0).fixed, "'bn1' inside of it is read"));
    CHECK(block_at(1).fixed != NULL && strstr(block_at(1).fixed, "has layers of its own"));
    end();
}

/* ---- judging and taking out
 * ---------------------------------------------------------------------- */

/* The block that adds nothing is the one that goes, and nothing changes. */
static void check_silent(int which, kerf_dataset *data)
{
    float before[NUM_OUT], after[NUM_OUT];
    double want[NUM_OUT];
    begin();
    silence(which);
    run(before);
    CHECK_OK(kerf_depth_judge(d, net.g, net.s, data, &(kerf_analyse_options){.batch = 64}));
    const kerf_depth_block silent = block_at(which - 1), other = block_at(2 - which);
    CHECK(isnan(silent.lost) == (data == NULL) && fabs(silent.harm) < 1e-6);
    CHECK(other.harm > 1e-4 || other.lost > 0 || other.lost < 0 || other.harm < -1e-4);
    CHECK_OK(kerf_depth_choose(d, &(kerf_depth_options){.amount = 0.5}));
    CHECK(!block_at(which - 1).stays || (data != NULL && other.lost < 0));
    if (!block_at(which - 1).stays) {
        CHECK_OK(kerf_depth_remove(d, net.g, net.s));
        CHECK_OK(kerf_graph_verify(net.g));
        CHECK(kerf_state_find(net.s, which == 1 ? "bn3.weight" : "bn5.weight") == NULL);
        CHECK(kerf_state_find(net.s, which == 1 ? "bn5.weight" : "bn3.weight") != NULL);
        run(after);
        for (int i = 0; i < NUM_OUT; i++)
            want[i] = (double)before[i];
        check_close("without a silent block", after, want, NUM_OUT, check_tolerance(8, 72));
    }
    end();
}

/* Both gone: what is left is what the first layer and the last make. */
static void test_all_of_them(void)
{
    float got[NUM_OUT], whole[NUM_OUT];
    double want[NUM_OUT];
    begin();
    silence(1);
    silence(2);
    run(whole);
    end();
    begin();
    CHECK_OK(kerf_depth_judge(d, net.g, net.s, NULL, &(kerf_analyse_options){0}));
    CHECK_OK(kerf_depth_choose(d, &(kerf_depth_options){.amount = 1}));
    CHECK_OK(kerf_depth_remove(d, net.g, net.s));
    run(got);
    for (int i = 0; i < NUM_OUT; i++)
        want[i] = (double)whole[i];
    check_close("without any block", got, want, NUM_OUT, check_tolerance(8, 72));
    end();
}

/* Whatever goes, what is left runs. */
static void test_random_networks(void)
{
    const int num = small_is_tiny() ? 2 : 100;
    int64_t gone = 0, found = 0;
    for (int i = 0; i < num && check_failures == 0; i++) {
        random_network n = random_network_make(dev, 3000 + (uint64_t)i);
        kerf_plan *p;
        CHECK_OK(kerf_depth_find(&d, n.g, n.s));
        if (kerf_depth_choose(d, &(kerf_depth_options){.amount = 1}) == KERF_OK) {
            CHECK_OK(kerf_depth_remove(d, n.g, n.s));
            CHECK_OK(kerf_graph_verify(n.g));
            CHECK_OK(kerf_plan_create(&p, n.g, n.s, &(kerf_plan_options){.batch = BATCH}));
            CHECK_OK(kerf_plan_run(p));
            CHECK_OK(kerf_device_finish(dev));
            kerf_plan_destroy(p);
        }
        found += kerf_depth_num_blocks(d);
        for (int k = 0; k < kerf_depth_num_blocks(d); k++)
            gone += !block_at(k).stays;
        kerf_depth_destroy(d);
        random_network_free(&n);
    }
    printf("%lld of %lld blocks of random networks go\n", (long long)gone, (long long)found);
    CHECK(small_is_tiny() || gone > 5);
}

/* ---- bounds
 * ---------------------------------------------------------------------------------------- */

static kerf_channels_found find(kerf_channel_target target)
{
    const kerf_channel_search how = {0};
    kerf_channels_found found = {0};
    CHECK_OK(
        kerf_depth_choose_target(d, net.g, net.s, &(kerf_depth_options){0}, &target, &how, &found));
    return found;
}

static void test_bounds(void)
{
    double before, after;
    void *file;
    size_t bytes;
    begin();
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_depth_choose(d, &(kerf_depth_options){.amount = 0.5}));
    CHECK(strstr(kerf_last_error(), "kerf_depth_judge()") != NULL);
    CHECK_OK(kerf_depth_judge(d, net.g, net.s, NULL, &(kerf_analyse_options){0}));
    CHECK(find((kerf_channel_target){1, NAN, NAN}).amount == 0);
    CHECK(find((kerf_channel_target){0.6, NAN, NAN}).amount == 0.5);
    CHECK_OK(kerf_depth_macs(d, &before, &after));
    CHECK(after == before - block_at(0).macs && after <= 0.6 * before);
    CHECK(strstr(find((kerf_channel_target){1e-3, NAN, NAN}).missed, "are left, must be 0.1 %"));
    CHECK(find((kerf_channel_target){NAN, NAN, 1e9}).amount == 0);
    CHECK(strstr(find((kerf_channel_target){NAN, 100, NAN}).missed, "the file takes at least"));
    CHECK_OK(kerf_onnx_serialize(net.g, net.s, &file, &bytes));
    free(file);
    const kerf_channels_found found = find((kerf_channel_target){NAN, 0.7 * (double)bytes, NAN});
    CHECK(found.missed[0] == '\0' && found.amount == 0.5);
    CHECK_OK(kerf_depth_remove(d, net.g, net.s));
    CHECK_OK(kerf_onnx_serialize(net.g, net.s, &file, &bytes));
    free(file);
    CHECK((double)bytes == found.left.bytes);
    end();
}

static void test_layers_are_chosen(void)
{
    const char *const first[] = {"conv2"}, *const none[] = {"conv1"};
    begin();
    CHECK_OK(kerf_depth_judge(d, net.g, net.s, NULL, &(kerf_analyse_options){0}));
    CHECK_OK(
        kerf_depth_choose(d, &(kerf_depth_options){.amount = 1, .layers = first, .num_layers = 1}));
    CHECK(!block_at(0).stays && block_at(1).stays);
    CHECK_OK(
        kerf_depth_choose(d, &(kerf_depth_options){.amount = 1, .skip = first, .num_skip = 1}));
    CHECK(block_at(0).stays && !block_at(1).stays);
    CHECK_STATUS(
        KERF_ERR_ARGUMENT,
        kerf_depth_choose(d, &(kerf_depth_options){.amount = 1, .layers = none, .num_layers = 1}));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_depth_choose(d, &(kerf_depth_options){.amount = 1.5}));
    CHECK(strstr(kerf_last_error(), "must be 0 to 1") != NULL);
    end();
}

int main(void)
{
    kerf_dataset *data;
    dev = check_open_device();
    test_blocks_of_every_net();
    test_what_must_stay();
    test_what_is_none();
    check_silent(1, NULL);
    check_silent(2, NULL);
    if (!small_is_tiny()) {
        CHECK_OK(kerf_dataset_open(&data, "random:1,4,4,3"));
        CHECK_OK(kerf_dataset_hold_back(data, 256, 1));
        check_silent(1, data);
        check_silent(2, data);
        kerf_dataset_close(data);
    }
    test_all_of_them();
    test_random_networks();
    test_bounds();
    test_layers_are_chosen();
    kerf_device_close(dev);
    return check_result();
}
