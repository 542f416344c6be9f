/* test_channels.c -- channels that go together: found, chosen and taken out.
 *
 * What must hold: channels whose weights are all 0 change no output when they go, of networks of
 * any build; and what is left after any choice still runs. */
#include "random_network.h"

#include <math.h>

#include "compress/prune/channels_internal.h"

static kerf_device *dev;

enum { SAMPLES = 2, MOST_OUT = 2048 };

/* ---- running
 * ------------------------------------------------------------------------------------- */

static size_t run(const kerf_graph *g, kerf_state *s, float *out)
{
    static float x[SAMPLES * 3 * 224 * 224];
    kerf_plan *p = NULL;
    const char *in = kerf_value_name(kerf_graph_input(g, 0)),
               *end = kerf_value_name(kerf_graph_output(g, 0));
    CHECK_OK(kerf_plan_create(&p, g, s,
                              &(kerf_plan_options){.batch = SAMPLES, .zeros = KERF_ZEROS_DENSE}));
    if (p == NULL)
        return 0;
    const size_t num = (size_t)kerf_shape_num_elements(kerf_tensor_shape(kerf_plan_input(p, in)));
    const kerf__random random = kerf__random_key(3, KERF__RANDOM_TEST, 1);
    for (size_t i = 0; i < num; i++)
        x[i] = kerf__random_float(random, 0, i) - 0.5f;
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, in), x));
    CHECK_OK(kerf_plan_run(p));
    const kerf_tensor *t = kerf_plan_output(p, end);
    const size_t num_out = (size_t)kerf_shape_num_elements(kerf_tensor_shape(t));
    CHECK(num_out <= MOST_OUT);
    CHECK_OK(kerf_tensor_read(t, out));
    kerf_plan_destroy(p);
    return num_out;
}

static void compare(const char *what, const float *got, const float *want, size_t num)
{
    double exact[MOST_OUT];
    for (size_t i = 0; i < num; i++)
        exact[i] = (double)want[i];
    check_close(what, got, exact, num, check_tolerance(8, 4096));
}

/* ---- zeroing
 * ------------------------------------------------------------------------------------- */

static void zero_value(const kerf_channels *c, kerf_state *s, const kerf_value *v)
{
    const size_t num = (size_t)kerf_shape_num_elements(v->shape);
    float *x = malloc((num + 1) * sizeof *x);
    CHECK_OK(kerf_state_read(s, v->state_id, x));
    for (int axis = 0; axis < v->shape.rank; axis++) {
        const kerf__channel_extent e = kerf__channel_extent_of(v->shape, axis);
        for (size_t i = 0; i < num; i++) {
            const size_t at = i / e.inner % e.num;
            if (c->goes[kerf__channel_root(c, kerf__channel_slot(c, v, axis, (int64_t)at))])
                x[i] = 0;
        }
    }
    CHECK_OK(kerf_state_write(s, v->state_id, x));
    free(x);
}

static int64_t count_gone(const kerf_channels *c)
{
    int64_t gone = 0;
    kerf_channel_group group;
    for (int i = 0; i < kerf_channels_num_groups(c); i++) {
        CHECK_OK(kerf_channels_get_group(c, i, &group));
        gone += group.num - group.kept;
    }
    return gone;
}

/* Weights of 30 % of all channels become 0. */
static int64_t zero_some(const kerf_graph *g, kerf_state *s, uint64_t seed)
{
    kerf_channels *c;
    CHECK_OK(kerf_channels_find(&c, g, s));
    const kerf_channel_options o = {.criterion = KERF_CHANNEL_RANDOM, .amount = 0.3, .seed = seed};
    const kerf_status status = kerf_channels_choose(c, s, &o);
    for (size_t i = 0; status == KERF_OK && i < c->graph->num_values; i++)
        if (c->graph->values[i]->kind == KERF__VALUE_STATE)
            zero_value(c, s, c->graph->values[i]);
    const int64_t gone = status == KERF_OK ? count_gone(c) : 0;
    kerf_channels_destroy(c);
    return gone;
}

/* Returns how many channels went. */
static int64_t check_dead(const char *name, kerf_graph *g, kerf_state *s, uint64_t seed)
{
    static float before[MOST_OUT], after[MOST_OUT];
    kerf_channels *c;
    const int64_t zeroed = zero_some(g, s, seed);
    const size_t num = run(g, s, before);
    CHECK_OK(kerf_channels_find(&c, g, s));
    CHECK_OK(kerf_channels_choose_dead(c, s));
    const int64_t gone = count_gone(c);
    if (gone < zeroed) {
        printf("%s: %lld channels are 0, but %lld go\n", name, (long long)zeroed, (long long)gone);
        check_failures++;
    }
    CHECK_OK(kerf_channels_remove(c, g, s));
    kerf_channels_destroy(c);
    CHECK_OK(kerf_graph_verify(g));
    CHECK(run(g, s, after) == num);
    compare(name, after, before, num);
    return gone;
}

static void test_dead_channels_of_random_networks(void)
{
    const int num = getenv("KERF_TEST_SMALL") != NULL ? 3 : 200;
    int64_t gone = 0;
    for (int i = 0; i < num && check_failures == 0; i++) {
        char name[32];
        random_network n = random_network_make(dev, (uint64_t)i);
        snprintf(name, sizeof name, "network %d", i);
        gone += check_dead(name, n.g, n.s, (uint64_t)i);
        random_network_free(&n);
    }
    CHECK(gone > 3 * num);
}

static void test_dead_channels_of_every_net(void)
{
    const kerf_net_info *info;
    const int is_small = getenv("KERF_TEST_SMALL") != NULL;
    for (int i = 0; (info = kerf_net_list(i)) != NULL; i++) {
        kerf_graph *g;
        kerf_state *s;
        if (is_small && info->input[1] > 28)
            continue;
        kerf_net_options o = {.seed = 4, .width = info->input[1] > 64 ? 0.25 : 1};
        CHECK_OK(kerf_net_create(&g, &s, info->name, &o, dev));
        CHECK(check_dead(info->name, g, s, 5) > 0);
        kerf_graph_destroy(g);
        kerf_state_destroy(s);
    }
}

/* Whatever is chosen, what is left runs. */
static void test_any_choice_runs(void)
{
    const int num = getenv("KERF_TEST_SMALL") != NULL ? 2 : 60;
    static float out[MOST_OUT];
    for (int i = 0; i < num && check_failures == 0; i++) {
        random_network n = random_network_make(dev, 1000 + (uint64_t)i);
        kerf_channels *c;
        CHECK_OK(kerf_channels_find(&c, n.g, n.s));
        const kerf_channel_options o = {.criterion = (kerf_channel_criterion)(i % 4),
                                        .scope = (kerf_channel_scope)(i % 3),
                                        .amount = 0.1 * (1 + i % 9)};
        if (kerf_channels_choose(c, n.s, &o) == KERF_OK) {
            double before, after;
            CHECK_OK(kerf_channels_macs(c, &before, &after));
            CHECK(after <= before);
            CHECK_OK(kerf_channels_remove(c, n.g, n.s));
            CHECK(run(n.g, n.s, out) == SAMPLES * RANDOM_CLASSES);
        }
        kerf_channels_destroy(c);
        random_network_free(&n);
    }
}

/* ---- known answers
 * ---------------------------------------------------------------------------------- */

static kerf_graph *g;
static kerf_state *s;
static kerf_channels *c;

static void begin(const char *net, int shapes_only)
{
    const kerf_net_options o = {.seed = 1, .shapes_only = shapes_only};
    CHECK_OK(kerf_net_create(&g, &s, net, &o, NULL));
    CHECK_OK(kerf_channels_find(&c, g, s));
}

static void end(void)
{
    kerf_channels_destroy(c);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

/* The group that this layer makes. */
static kerf_channel_group group_of(const char *weight, int *at)
{
    kerf_channel_group group = {0};
    for (*at = 0; *at < kerf_channels_num_groups(c); ++*at) {
        CHECK_OK(kerf_channels_get_group(c, *at, &group));
        for (size_t i = 0; i < group.num_members; i++)
            if (group.members[i].is_output && strcmp(group.members[i].weight, weight) == 0)
                return group;
    }
    CHECK(!"no group of this layer");
    return group;
}

static int has_member(const kerf_channel_group *group, const char *weight, int axis)
{
    for (size_t i = 0; i < group->num_members; i++)
        if (group->members[i].axis == axis && strcmp(group->members[i].weight, weight) == 0)
            return 1;
    return 0;
}

static void test_groups_of_a_residual_network(void)
{
    int at;
    begin("resnet-50", 1);
    const kerf_channel_group inner = group_of("layer1.0.conv1.weight", &at);
    CHECK(inner.num == 64 && inner.fixed == NULL);
    CHECK(has_member(&inner, "layer1.0.bn1.weight", 0));
    CHECK(has_member(&inner, "layer1.0.conv2.weight", 1));
    CHECK(!has_member(&inner, "layer1.0.conv2.weight", 0));
    /* The sums of a stage tie all that is added. */
    const kerf_channel_group sum = group_of("layer1.0.conv3.weight", &at);
    CHECK(sum.num == 256 && has_member(&sum, "layer1.2.conv3.weight", 0));
    CHECK(has_member(&sum, "layer2.0.conv1.weight", 1));
    const kerf_channel_group last = group_of("fc.weight", &at);
    CHECK(last.fixed != NULL && strstr(last.fixed, "output") != NULL);
    end();
}

/* 40 % of ResNet-50's layer1.0.conv1, by L2: 38 of 64 stay. */
static void test_forty_percent_of_a_layer(void)
{
    int at;
    const char *layer[1] = {"layer1.0.conv1"};
    begin("resnet-50", 0);
    CHECK_OK(kerf_channels_choose(
        c, s,
        &(kerf_channel_options){
            .criterion = KERF_CHANNEL_L2, .amount = 0.4, .layers = layer, .num_layers = 1}));
    const kerf_channel_group group = group_of("layer1.0.conv1.weight", &at);
    CHECK(group.kept == 38 && count_gone(c) == 26);
    const double *scores = kerf_channels_scores(c, at);
    const char *stay = kerf_channels_stay(c, at);
    for (int i = 0; i < 64; i++) /* none that goes is larger than one that stays */
        for (int k = 0; k < 64; k++)
            CHECK(stay[i] || !stay[k] || scores[i] <= scores[k]);
    CHECK_OK(kerf_channels_remove(c, g, s));
    CHECK(kerf_graph_find(g, "layer1.0.conv1.weight")->shape.dims[0] == 38);
    CHECK(kerf_graph_find(g, "layer1.0.conv2.weight")->shape.dims[1] == 38);
    CHECK(kerf_state_find(s, "layer1.0.bn1.running_var")->shape.dims[0] == 38);
    end();
}

static void test_bounds_and_rounding(void)
{
    int at;
    begin("lenet-300-100", 0);
    kerf_channel_options o = {.amount = 0.5, .round_to = 16};
    CHECK_OK(kerf_channels_choose(c, s, &o));
    CHECK(group_of("fc1.weight", &at).kept == 160); /* 150, up */
    CHECK(group_of("fc2.weight", &at).kept == 64);  /* 50, up */
    o = (kerf_channel_options){.amount = 0.99, .least = 7};
    CHECK_OK(kerf_channels_choose(c, s, &o));
    CHECK(group_of("fc1.weight", &at).kept == 7 && group_of("fc2.weight", &at).kept == 7);
    o = (kerf_channel_options){.amount = 0.995, .round_to = 512};
    CHECK_OK(kerf_channels_choose(c, s, &o));
    CHECK(group_of("fc2.weight", &at).kept == 100); /* no more than there are */
    end();
}

static kerf_channels_found find(kerf_channel_target target, int packed)
{
    const kerf_channel_options o = {.criterion = KERF_CHANNEL_L2};
    const kerf_channel_search how = {.packed = packed};
    kerf_channels_found found = {0};
    CHECK_OK(kerf_channels_choose_target(c, g, s, &o, &target, &how, &found));
    return found;
}

static void test_half_of_the_multiply_adds(void)
{
    double before, after;
    begin("resnet-18", 0);
    const kerf_channels_found found = find((kerf_channel_target){0.5, NAN, NAN}, 0);
    CHECK_OK(kerf_channels_macs(c, &before, &after));
    CHECK(after <= 0.5 * before && after > 0.49 * before);
    CHECK(found.amount > 0.2 && found.amount < 0.4 && found.left.macs == after / before);
    CHECK(find((kerf_channel_target){1, NAN, NAN}, 0).amount == 0); /* it holds already */
    CHECK(strstr(find((kerf_channel_target){1e-6, NAN, NAN}, 0).missed, "are left, must be 0.0 %"));
    end();
}

static size_t file_bytes(int packed)
{
    void *file;
    size_t num;
    CHECK_OK(packed ? kerf_packed_serialize(g, s, &file, &num, NULL, NULL)
                    : kerf_onnx_serialize(g, s, &file, &num));
    free(file);
    return num;
}

/* The file is no larger than asked for, and would be with one step less. */
static void test_bytes_of_the_file(void)
{
    for (int packed = 0; packed < 2; packed++) {
        begin("lenet-300-100", 0);
        const double whole = (double)file_bytes(packed);
        const kerf_channels_found found = find((kerf_channel_target){NAN, whole / 3, NAN}, packed);
        CHECK(found.missed[0] == '\0' && isnan(found.left.macs) && isnan(found.left.ms));
        CHECK_OK(kerf_channels_remove(c, g, s));
        const double cut = (double)file_bytes(packed);
        CHECK(cut == found.left.bytes && cut <= whole / 3 && cut > whole / 3 - 16e3);
        end();
    }
    begin("lenet-300-100", 0);
    CHECK(strstr(find((kerf_channel_target){NAN, 100, NAN}, 0).missed,
                 "the file takes at least ") != NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT,
                 kerf_channels_choose_target(c, g, s, &(kerf_channel_options){0},
                                             &(kerf_channel_target){NAN, NAN, 1},
                                             &(kerf_channel_search){0}, &(kerf_channels_found){0}));
    CHECK(strstr(kerf_last_error(), "must lie on a device") != NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT,
                 kerf_channels_choose_target(c, g, s, &(kerf_channel_options){0},
                                             &(kerf_channel_target){NAN, NAN, NAN},
                                             &(kerf_channel_search){0}, &(kerf_channels_found){0}));
    CHECK(strstr(kerf_last_error(), "there must be a bound") != NULL);
    end();
}

/* What is chosen was measured, and keeps the bound. */
static void test_time_of_a_run(void)
{
    kerf_channels_found found;
    const kerf_channel_options o = {.criterion = KERF_CHANNEL_L2};
    const kerf_net_options net = {.seed = 1};
    const kerf_channel_search how = {0};
    kerf_channel_target whole, target = {NAN, NAN, 1};
    CHECK_OK(kerf_net_create(&g, &s, "lenet-300-100", &net, dev));
    CHECK_OK(kerf_channels_find(&c, g, s));
    CHECK_OK(kerf_channels_measure(c, g, s, &target, &how, &whole));
    CHECK(whole.ms > 0 && isnan(whole.bytes));
    target.ms = 1e-9;
    CHECK_OK(kerf_channels_choose_target(c, g, s, &o, &target, &how, &found));
    CHECK(strstr(found.missed, "a run takes at least ") != NULL && found.left.ms > 0);
    target.ms = 1e9;
    CHECK_OK(kerf_channels_choose_target(c, g, s, &o, &target, &how, &found));
    CHECK(found.missed[0] == '\0' && found.amount == 0 && count_gone(c) == 0);
    end();
}

/* The mask and the moments of a weight are cut with it. */
static void test_masks_go_along(void)
{
    begin("lenet-300-100", 0);
    CHECK_OK(kerf_prune_mark(g, s, &(kerf_prune_options){.amount = 0.5}));
    kerf_channels_destroy(c);
    CHECK_OK(kerf_channels_find(&c, g, s));
    CHECK_OK(kerf_channels_choose(c, s, &(kerf_channel_options){.amount = 0.5}));
    CHECK_OK(kerf_channels_remove(c, g, s));
    const kerf_state_entry *mask = kerf_state_find(s, "fc2.weight.mask");
    CHECK(mask != NULL && kerf_shape_equal(mask->shape, KERF_SHAPE(50, 150)));
    CHECK_OK(kerf_graph_verify(g));
    end();
}

static void test_refusals(void)
{
    begin("lenet-300-100", 0);
    const struct {
        kerf_channel_options o;
        const char *says;
    } BAD[] = {
        {{.amount = 1}, "below 1"},
        {{.amount = -0.1}, "at least 0"},
        {{.amount = 0.5, .criterion = KERF_CHANNEL_BN}, "BatchNormalization"},
        {{.amount = 0.5, .layers = (const char *const[]){"conv9"}, .num_layers = 1}, "fits no"},
        {{.amount = 0.5, .layers = (const char *const[]){"fc3"}, .num_layers = 1}, "--groups"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_channels_choose(c, s, &BAD[i].o));
        CHECK(strstr(kerf_last_error(), BAD[i].says) != NULL);
    }
    end();
}

int main(void)
{
    dev = check_open_device();
    test_groups_of_a_residual_network();
    test_forty_percent_of_a_layer();
    test_bounds_and_rounding();
    test_half_of_the_multiply_adds();
    test_bytes_of_the_file();
    test_time_of_a_run();
    test_masks_go_along();
    test_refusals();
    test_any_choice_runs();
    test_dead_channels_of_random_networks();
    test_dead_channels_of_every_net();
    kerf_device_close(dev);
    return check_result();
}
