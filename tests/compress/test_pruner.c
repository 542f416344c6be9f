/* test_pruner.c -- choosing masks on the device against sorting on the host: exact counts,
 * ties, scopes and methods, and zeroes in all that belongs to a pruned weight. */
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "check.h"
#include "kerf/kerf.h"

/* Two layers: (LARGE, 3) and (7, 5) elements, one of more than a group's worth. */
enum { LARGE = 347, NUM_0 = LARGE * 3, NUM_1 = 35, NUM = NUM_0 + NUM_1 };

typedef struct network {
    kerf_graph *g;
    kerf_state *s;
    int weights[2], moments[2];
} network;

static kerf_device *dev;

static void add_layer(network *n, int i, kerf_shape shape)
{
    char name[32];
    kerf_value *inputs[2];
    kerf_node *node;
    snprintf(name, sizeof name, "x%d", i);
    CHECK_OK(kerf_graph_add_input(n->g, name, KERF_F32, KERF_SHAPE(2, shape.dims[0]), &inputs[0]));
    snprintf(name, sizeof name, "layer%d.weight", i);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &n->weights[i]));
    CHECK_OK(kerf_graph_add_state(n->g, name, n->weights[i], KERF_F32, shape, &inputs[1]));
    snprintf(name, sizeof name, "layer%d.moment", i);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_MOMENT, n->weights[i], KERF_F32, shape,
                            &n->moments[i]));
    snprintf(name, sizeof name, "layer%d", i);
    CHECK_OK(kerf_graph_add_node(n->g, "MatMul", name, inputs, 2, 1, &node));
    CHECK_OK(kerf_graph_add_output(n->g, kerf_node_output(node, 0)));
}

static network make(const float *weights)
{
    static float moments[NUM];
    network n;
    for (int i = 0; i < NUM; i++)
        moments[i] = 1 + (float)i;
    CHECK_OK(kerf_graph_create(&n.g));
    CHECK_OK(kerf_state_create(&n.s, dev));
    add_layer(&n, 0, KERF_SHAPE(LARGE, 3));
    add_layer(&n, 1, KERF_SHAPE(7, 5));
    for (int i = 0; i < 2; i++) {
        CHECK_OK(kerf_state_write(n.s, n.weights[i], weights + i * NUM_0));
        CHECK_OK(kerf_state_write(n.s, n.moments[i], moments + i * NUM_0));
    }
    return n;
}

static void unmake(network *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

/* Plain pseudo-random weights; every third has an equal a few places on. */
static void fill(float *weights)
{
    unsigned x = 12345;
    for (int i = 0; i < NUM; i++) {
        x = x * 1664525u + 1013904223u;
        weights[i] = (float)(x >> 16) / 65536.0f - 0.5f;
        if (i % 3 == 0 && i > 6)
            weights[i] = -weights[i - 6];
    }
}

static void read_masks(const network *n, unsigned char *masks)
{
    for (int i = 0; i < 2; i++)
        CHECK_OK(kerf_state_read(n->s,
                                 kerf_state_find_owned(n->s, n->weights[i], KERF_ROLE_MASK)->id,
                                 masks + i * NUM_0));
}

/* ---- the long way ------------------------------------------------------------------------ */

/* The `count` smallest of num go: what is gone already first, then by magnitude, then by
 * place. */
static void prune_host(const float *x, unsigned char *mask, int num, int count)
{
    int gone = 0;
    for (int i = 0; i < num; i++)
        gone += mask[i] == 0;
    while (gone < count) {
        int least = -1;
        for (int i = 0; i < num; i++)
            if (mask[i] != 0 && (least < 0 || fabsf(x[i]) < fabsf(x[least])))
                least = i;
        mask[least] = 0;
        gone++;
    }
}

static void prune_both(const float *x, unsigned char *masks, double amount, int global)
{
    if (global) {
        prune_host(x, masks, NUM, (int)floor(amount * NUM + 0.5));
        return;
    }
    prune_host(x, masks, NUM_0, (int)floor(amount * NUM_0 + 0.5));
    prune_host(x + NUM_0, masks + NUM_0, NUM_1, (int)floor(amount * NUM_1 + 0.5));
}

static void check_masks(const char *what, const unsigned char *got, const unsigned char *want)
{
    int wrong = 0;
    for (int i = 0; i < NUM; i++)
        wrong += got[i] != want[i];
    if (wrong == 0)
        return;
    printf("%s: %d of %d masks are wrong\n", what, wrong, NUM);
    check_failures++;
}

/* Weight and moment are exactly 0 behind the mask and untouched before it. */
static void check_zeroed(const network *n, const float *weights, const unsigned char *masks)
{
    static float got[NUM], moments[NUM];
    for (int i = 0; i < 2; i++) {
        CHECK_OK(kerf_state_read(n->s, n->weights[i], got + i * NUM_0));
        CHECK_OK(kerf_state_read(n->s, n->moments[i], moments + i * NUM_0));
    }
    int wrong = 0;
    for (int i = 0; i < NUM; i++) {
        wrong += got[i] != (masks[i] ? weights[i] : 0);
        wrong += moments[i] != (masks[i] ? 1 + (float)i : 0);
    }
    CHECK(wrong == 0);
}

/* ---- magnitude ---------------------------------------------------------------------------- */

/* A run of events; each counts from the whole, and nothing comes back. */
static void test_magnitude(const float *weights, int global)
{
    static const double STEPS[] = {0, 0.1, 0.5, 0.5, 0.77, 1};
    static unsigned char masks[NUM], want[NUM];
    const kerf_prune_options o = {.amount = 0.987,
                                  .scope = global ? KERF_SCOPE_GLOBAL : KERF_SCOPE_LAYER};
    network n = make(weights);
    kerf_pruner *p;
    char what[64];
    memset(want, 1, sizeof want);
    CHECK_OK(kerf_prune_mark(n.g, n.s, &o));
    CHECK_OK(kerf_pruner_create(&p, n.g, n.s, &o));
    for (size_t i = 0; i < sizeof STEPS / sizeof STEPS[0]; i++) {
        CHECK_OK(kerf_pruner_apply(p, STEPS[i]));
        prune_both(weights, want, 0.987 * STEPS[i], global);
        read_masks(&n, masks);
        snprintf(what, sizeof what, "magnitude, %s, %g", global ? "global" : "layer", STEPS[i]);
        check_masks(what, masks, want);
        check_zeroed(&n, weights, want);
    }
    kerf_pruner_destroy(p);
    unmake(&n);
}

static void test_table(const float *weights)
{
    static unsigned char want[NUM];
    const kerf_prune_options o = {.amount = 0.5};
    network n = make(weights);
    kerf_pruner *p;
    kerf_prune_layer l;
    memset(want, 1, sizeof want);
    prune_both(weights, want, 0.5, 0);
    CHECK_OK(kerf_prune_mark(n.g, n.s, &o));
    CHECK_OK(kerf_pruner_create(&p, n.g, n.s, &o));
    CHECK(kerf_pruner_num_layers(p) == 2);
    CHECK_OK(kerf_pruner_read_layer(p, 0, &l));
    CHECK(strcmp(l.name, "layer0.weight") == 0 && l.total == NUM_0 && l.nonzeros == NUM_0);
    CHECK(isnan(l.threshold) && kerf_shape_equal(l.shape, KERF_SHAPE(LARGE, 3)));
    CHECK_OK(kerf_pruner_apply(p, 1));
    CHECK_OK(kerf_pruner_read_layer(p, 0, &l));
    CHECK(l.nonzeros == NUM_0 - (int)floor(0.5 * NUM_0 + 0.5));
    float largest = 0;
    for (int i = 0; i < NUM_0; i++)
        if (!want[i])
            largest = fmaxf(largest, fabsf(weights[i]));
    CHECK(l.threshold == (double)largest);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_pruner_read_layer(p, 2, &l));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_pruner_apply(p, 1.5));
    kerf_pruner_destroy(p);
    unmake(&n);
}

static void test_amounts_by_layer(const float *weights)
{
    const kerf_prune_amount amounts[] = {{"layer1", 0.2}, {"*", 0.9}};
    const kerf_prune_options o = {.amounts = amounts, .num_amounts = 2};
    network n = make(weights);
    kerf_pruner *p;
    kerf_prune_layer l;
    CHECK_OK(kerf_prune_mark(n.g, n.s, &o));
    CHECK_OK(kerf_pruner_create(&p, n.g, n.s, &o));
    CHECK_OK(kerf_pruner_apply(p, 1));
    CHECK_OK(kerf_pruner_read_layer(p, 0, &l));
    CHECK(l.total - l.nonzeros == (int)floor(0.9 * NUM_0 + 0.5));
    CHECK_OK(kerf_pruner_read_layer(p, 1, &l));
    CHECK(l.total - l.nonzeros == 7);
    kerf_pruner_destroy(p);
    unmake(&n);
}

static void test_unmarked_is_refused(const float *weights)
{
    network n = make(weights);
    kerf_pruner *p;
    CHECK_STATUS(KERF_ERR_ARGUMENT,
                 kerf_pruner_create(&p, n.g, n.s, &(kerf_prune_options){.amount = 0.5}));
    CHECK(p == NULL && strstr(kerf_last_error(), "'layer0.weight' has no mask") != NULL);
    unmake(&n);
}

/* ---- the other methods ---------------------------------------------------------------------- */

static void choose(const float *weights, const kerf_prune_options *o, unsigned char *masks)
{
    network n = make(weights);
    kerf_pruner *p;
    CHECK_OK(kerf_prune_mark(n.g, n.s, o));
    CHECK_OK(kerf_pruner_create(&p, n.g, n.s, o));
    CHECK_OK(kerf_pruner_apply(p, 0.5));
    CHECK_OK(kerf_pruner_apply(p, 1));
    read_masks(&n, masks);
    check_zeroed(&n, weights, masks);
    kerf_pruner_destroy(p);
    unmake(&n);
}

static int count_zeros(const unsigned char *mask, int num)
{
    int zeros = 0;
    for (int i = 0; i < num; i++)
        zeros += mask[i] == 0;
    return zeros;
}

/* Layer 1 would lose nearly all, as its weights are small; it keeps its share, and layer 0 gives
 * the rest. */
static void test_bounds(const float *weights)
{
    static unsigned char masks[NUM], want[NUM];
    static float uneven[NUM];
    const kerf_prune_amount amounts[] = {{"layer1", 0.6}};
    kerf_prune_options o = {
        .amount = 0.8, .scope = KERF_SCOPE_GLOBAL, .amounts = amounts, .num_amounts = 1};
    const int count = (int)floor(0.8 * NUM + 0.5), of_1 = (int)floor(0.6 * NUM_1);
    const int most_of_1 = (int)floor(0.85 * NUM_1);
    for (int i = 0; i < NUM; i++)
        uneven[i] = weights[i] * (i < NUM_0 ? 1 : 1e-3f);
    choose(uneven, &o, masks);
    memset(want, 1, sizeof want);
    prune_host(uneven, want, NUM_0, count - of_1);
    prune_host(uneven + NUM_0, want + NUM_0, NUM_1, of_1);
    check_masks("bounds", masks, want);
    o.num_amounts = 0;
    o.min_keep = 0.15;
    choose(uneven, &o, masks);
    memset(want, 1, sizeof want);
    prune_host(uneven, want, NUM_0, count - most_of_1);
    prune_host(uneven + NUM_0, want + NUM_0, NUM_1, most_of_1);
    check_masks("at least 0.15", masks, want);
}

static void test_bounds_too_narrow(const float *weights)
{
    const kerf_prune_options o = {.amount = 0.8, .scope = KERF_SCOPE_GLOBAL, .min_keep = 0.3};
    network n = make(weights);
    kerf_pruner *p;
    CHECK_OK(kerf_prune_mark(n.g, n.s, &o));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_pruner_create(&p, n.g, n.s, &o));
    CHECK(strstr(kerf_last_error(), "sparsity of all layers is 0.8, but their bounds leave") !=
          NULL);
    unmake(&n);
}

static void test_random(const float *weights)
{
    static unsigned char a[NUM], b[NUM];
    static float others[NUM];
    kerf_prune_options o = {.method = KERF_PRUNE_RANDOM, .amount = 0.7, .seed = 3};
    choose(weights, &o, a);
    CHECK(count_zeros(a, NUM_0) == (int)floor(0.7 * NUM_0 + 0.5));
    CHECK(count_zeros(a + NUM_0, NUM_1) == (int)floor(0.7 * NUM_1 + 0.5));
    for (int i = 0; i < NUM; i++)
        others[i] = weights[NUM - 1 - i] * 3;
    choose(others, &o, b);
    check_masks("same seed, other weights", b, a);
    o.seed = 4;
    choose(weights, &o, b);
    CHECK(memcmp(a, b, sizeof a) != 0);
}

static double deviation(const float *x, int num)
{
    double mean = 0, sum = 0;
    for (int i = 0; i < num; i++)
        mean += (double)x[i] / num;
    for (int i = 0; i < num; i++)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    return sqrt(sum / num);
}

static void check_std_layer(const kerf_pruner *p, int i, const float *x, int num, double s)
{
    kerf_prune_layer l;
    double threshold = s * deviation(x, num);
    int64_t below = 0, near = 0;
    CHECK_OK(kerf_pruner_read_layer(p, i, &l));
    for (int k = 0; k < num; k++) {
        below += fabs((double)x[k]) <= threshold;
        near += fabs(fabs((double)x[k]) - threshold) < 1e-5;
    }
    CHECK(fabs(l.threshold - threshold) <= check_tolerance(4, (size_t)num) * threshold);
    CHECK(llabs(l.total - l.nonzeros - below) <= near);
}

static void test_std(const float *weights)
{
    const kerf_prune_amount amounts[] = {{"layer1", 0.25}};
    const kerf_prune_options o = {
        .method = KERF_PRUNE_STD, .amount = 1.1, .amounts = amounts, .num_amounts = 1};
    network n = make(weights);
    kerf_pruner *p;
    CHECK_OK(kerf_prune_mark(n.g, n.s, &o));
    CHECK_OK(kerf_pruner_create(&p, n.g, n.s, &o));
    CHECK_OK(kerf_pruner_apply(p, 1));
    check_std_layer(p, 0, weights, NUM_0, 1.1);
    check_std_layer(p, 1, weights + NUM_0, NUM_1, 0.25);
    kerf_pruner_destroy(p);
    unmake(&n);
}

/* ---- a file of masks ------------------------------------------------------------------------ */

static void put16(FILE *f, unsigned x)
{
    fputc((int)(x & 255u), f);
    fputc((int)(x >> 8 & 255u), f);
}

static void put32(FILE *f, unsigned long x)
{
    put16(f, (unsigned)(x & 0xFFFFu));
    put16(f, (unsigned)(x >> 16 & 0xFFFFu));
}

/* A .npy of booleans in 64 bytes of header. */
static size_t make_npy(unsigned char *npy, const char *shape, const unsigned char *mask, int num)
{
    char header[119];
    int length = snprintf(header, sizeof header,
                          "{'descr': '|b1', 'fortran_order': False, 'shape': %s, }", shape);
    memset(header + length, ' ', sizeof header - (size_t)length);
    header[117] = '\n';
    memcpy(npy, "\x93NUMPY\x01\x00\x76\x00", 10);
    memcpy(npy + 10, header, 118);
    memcpy(npy + 128, mask, (size_t)num);
    return 128 + (size_t)num;
}

typedef struct zip_entry {
    const char *name, *shape;
    const unsigned char *mask;
    int num;
} zip_entry;

/* Fields that the local and the central header share. */
static void put_common(FILE *f, const zip_entry *e, const unsigned char *npy, size_t num_bytes)
{
    put16(f, 20);
    put16(f, 0);
    put16(f, 0); /* stored */
    put32(f, 0);
    put32(f, crc32(0, npy, (unsigned)num_bytes));
    put32(f, num_bytes);
    put32(f, num_bytes);
    put16(f, (unsigned)strlen(e->name));
    put16(f, 0);
}

static void write_npz(const char *path, const zip_entry *entries, int num)
{
    static unsigned char npy[2][NUM + 256];
    long at[2];
    size_t bytes[2];
    FILE *f = fopen(path, "wb");
    for (int i = 0; i < num; i++) {
        at[i] = ftell(f);
        bytes[i] = make_npy(npy[i], entries[i].shape, entries[i].mask, entries[i].num);
        put32(f, 0x04034b50);
        put_common(f, &entries[i], npy[i], bytes[i]);
        fputs(entries[i].name, f);
        fwrite(npy[i], 1, bytes[i], f);
    }
    long central = ftell(f);
    for (int i = 0; i < num; i++) {
        put32(f, 0x02014b50);
        put16(f, 20);
        put_common(f, &entries[i], npy[i], bytes[i]);
        put16(f, 0); /* comment, disk, internal, external attributes */
        put16(f, 0);
        put16(f, 0);
        put32(f, 0);
        put32(f, (unsigned long)at[i]);
        fputs(entries[i].name, f);
    }
    long end = ftell(f);
    put32(f, 0x06054b50);
    put32(f, 0);
    put16(f, (unsigned)num);
    put16(f, (unsigned)num);
    put32(f, (unsigned long)(end - central));
    put32(f, (unsigned long)central);
    put16(f, 0);
    fclose(f);
}

static void check_file_refused(const float *weights, const kerf_prune_options *o,
                               const char *must_say)
{
    network n = make(weights);
    kerf_pruner *p;
    CHECK_OK(kerf_prune_mark(n.g, n.s, o));
    CHECK(kerf_pruner_create(&p, n.g, n.s, o) != KERF_OK && p == NULL);
    if (strstr(kerf_last_error(), must_say) == NULL) {
        printf("'%s' does not say '%s'\n", kerf_last_error(), must_say);
        check_failures++;
    }
    unmake(&n);
}

static void test_file(const float *weights)
{
    static unsigned char want[NUM], got[NUM];
    char path[64];
    snprintf(path, sizeof path, "/tmp/kerf-masks-%ld.npz", (long)getpid());
    const kerf_prune_options o = {.method = KERF_PRUNE_MASK, .mask_file = path};
    for (int i = 0; i < NUM; i++)
        want[i] = i % 7 != 0 && i % 5 != 0;
    const zip_entry entries[] = {{"layer0.weight.npy", "(347, 3)", want, NUM_0},
                                 {"layer1.weight.npy", "(7, 5)", want + NUM_0, NUM_1}};
    const zip_entry wrong[] = {entries[0], {"layer1.weight.npy", "(5, 7)", want + NUM_0, NUM_1}};
    write_npz(path, entries, 2);
    choose(weights, &o, got);
    check_masks("from a file", got, want);
    write_npz(path, entries, 1);
    check_file_refused(weights, &o, "has no mask 'layer1.weight'");
    write_npz(path, wrong, 2);
    check_file_refused(weights, &o, "mask 'layer1.weight' is (5, 7), must be (7, 5)");
    unlink(path);
    check_file_refused(weights, &o, "cannot be read");
}

int main(void)
{
    static float weights[NUM], equal[NUM];
    dev = check_open_device();
    fill(weights);
    for (int i = 0; i < NUM; i++)
        equal[i] = i % 2 ? 0.25f : -0.25f;
    for (int global = 0; global <= 1; global++) {
        test_magnitude(weights, global);
        test_magnitude(equal, global);
    }
    test_table(weights);
    test_amounts_by_layer(weights);
    test_unmarked_is_refused(weights);
    test_bounds(weights);
    test_bounds_too_narrow(weights);
    test_random(weights);
    test_std(weights);
    test_file(weights);
    kerf_device_close(dev);
    return check_result();
}
