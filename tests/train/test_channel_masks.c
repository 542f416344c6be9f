/* test_channel_masks.c -- channels that are masked and not removed: training goes on around them,
 * and not one of their weights or moments moves from 0, by any optimizer; also where a file had the
 * zeros, and nobody says which they are. */
#include "residual_net.h"
#include "small_run.h"

enum { SIDE = 4, CHANNELS = 8, EACH = CHANNELS * 9, GONE = CHANNELS / 2 };

static kerf_device *dev;

static kerf_train_options options_of(kerf_optimizer_kind kind)
{
    kerf_train_options o = kerf_train_defaults();
    o.optimizer.kind = kind;
    if (kind != KERF_SGD)
        o.optimizer = (kerf_optimizer){
            .kind = kind, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f, .weight_decay = 0.01f};
    o.batch = small_is_tiny() ? 4 : 32;
    o.epochs = (small_is_tiny() ? 4.0 : 8.0) * (double)o.batch / 8192; /* some steps */
    o.lr = 0.01;
    return o;
}

static void read_rows(const kerf_state *s, const char *name, float *out)
{
    const kerf_state_entry *e = kerf_state_find(s, name);
    CHECK(e != NULL && kerf_shape_num_elements(e->shape) == CHANNELS * EACH);
    if (e != NULL)
        CHECK_OK(kerf_state_read(s, e->id, out));
}

/* 1 for each row that is all zeros; none is partly so. */
static int find_zero_rows(const float *x, char *is_zero)
{
    int rows = 0;
    for (int i = 0; i < CHANNELS; i++) {
        int zeros = 0;
        for (int k = 0; k < EACH; k++)
            zeros += x[i * EACH + k] == 0;
        CHECK(zeros == 0 || zeros == EACH);
        is_zero[i] = (char)(zeros == EACH);
        rows += is_zero[i];
    }
    return rows;
}

static void train(residual_net *n, const kerf_train_options *o)
{
    kerf_dataset *d;
    CHECK_OK(kerf_dataset_open(&d, "random:1,4,4,3"));
    CHECK_OK(kerf_train(n->g, n->s, d, o));
    kerf_dataset_close(d);
}

/* Half of the channels go behind two steps; the others train on, and only they. */
static void test_masked(kerf_optimizer_kind kind)
{
    static const char *const moments[] = {"conv2.weight.momentum", "conv2.weight.adam_m",
                                          "conv2.weight.adam_v"};
    static float x[CHANNELS * EACH], moment[CHANNELS * EACH];
    char is_zero[CHANNELS], is_still[CHANNELS];
    residual_net n = residual_net_make(dev, SIDE, CHANNELS);
    kerf_train_options o = options_of(kind);
    o.prune = (kerf_prune_schedule){.options = {.amount = 0.5, .structure = KERF_STRUCTURE_CHANNEL},
                                    .events = 1,
                                    .start = o.epochs / 4,
                                    .every = 1};
    train(&n, &o);
    read_rows(n.s, "conv2.weight", x);
    CHECK(find_zero_rows(x, is_zero) == GONE);
    for (size_t i = kind == KERF_SGD ? 0 : 1; i < (kind == KERF_SGD ? 1 : 3); i++) {
        read_rows(n.s, moments[i], moment);
        CHECK(find_zero_rows(moment, is_still) == GONE);
        CHECK(memcmp(is_zero, is_still, CHANNELS) == 0);
    }
    residual_net_free(&n);
}

/* A file with zeros, marked as kerf does before it trains. */
static void test_kept(kerf_optimizer_kind kind)
{
    static float x[CHANNELS * EACH], was[CHANNELS * EACH];
    char is_zero[CHANNELS], is_still[CHANNELS];
    int num_kept;
    residual_net n = residual_net_make(dev, SIDE, CHANNELS);
    const kerf_train_options o = options_of(kind);
    read_rows(n.s, "conv4.weight", x);
    memset(x + EACH, 0, 2 * EACH * sizeof *x); /* channels 1 and 2 */
    CHECK_OK(kerf_state_write(n.s, kerf_state_find(n.s, "conv4.weight")->id, x));
    memcpy(was, x, sizeof x);
    CHECK_OK(kerf_prune_keep_zeros(n.g, n.s, 0.05, &num_kept));
    CHECK(num_kept == 1 && find_zero_rows(x, is_zero) == 2);
    train(&n, &o);
    read_rows(n.s, "conv4.weight", x);
    CHECK(find_zero_rows(x, is_still) == 2 && memcmp(is_zero, is_still, CHANNELS) == 0);
    CHECK(memcmp(x, was, sizeof x) != 0);
    residual_net_free(&n);
}

int main(void)
{
    static const kerf_optimizer_kind all[] = {KERF_SGD, KERF_ADAM, KERF_ADAMW};
    dev = check_open_device();
    for (int i = 0; i < (small_is_tiny() ? 1 : 3); i++)
        test_masked(all[i]);
    if (!small_is_tiny())
        test_kept(KERF_ADAMW);
    kerf_device_close(dev);
    return check_result();
}
