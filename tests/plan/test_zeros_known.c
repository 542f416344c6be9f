/* test_zeros_known.c -- what was measured of layers with and without their zeros decides what a
 * plan skips: both ways, in an evaluation and in training, on any device; what nobody can have
 * measured does not, and a run that goes on is not told anything new.
 *
 * The store is this process's memory: nothing is measured here and nothing written. */
#include <string.h>

#include "device/tuning.h"
#include "kerf/prune.h"
#include "op_check.h"
#include "plan/zeros_known.h"
#include "sparse_nets.h"

enum { BATCH = 16, CHANNELS = 16, SIZE = 4, CLASSES = 16, WIDE = 32 };

static kerf_device *dev;
static float x[BATCH * CHANNELS * SIZE * SIZE];
static int32_t labels[BATCH];

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
} net;

static const kerf_plan_options EVALUATE = {.batch = 1}, TRAIN = {.mode = KERF_TRAIN,
                                                                 .batch = BATCH,
                                                                 .loss = KERF_LOSS_CROSS_ENTROPY,
                                                                 .optimizer = {.momentum = 0.9f}};

/* ---- networks -------------------------------------------------------------------------------- */

static kerf_value *add(net *n, const char *op, kerf_value *const *inputs, int num)
{
    kerf_node *made;
    CHECK_OK(kerf_graph_add_node(n->g, op, NULL, inputs, num, 1, &made));
    return made->outputs[0];
}

static kerf_value *add_conv(net *n, kerf_value *src, const char *name, int to, int from)
{
    static float w[WIDE * CHANNELS * 9];
    const kerf_shape shape = KERF_SHAPE(to, from, 3, 3);
    int id;
    kerf_value *v;
    op_check_fill(w, (size_t)to * (size_t)from * 9, 2);
    CHECK_OK(kerf_state_add(n->s, name, KERF_ROLE_WEIGHT, -1, KERF_F32, shape, &id));
    CHECK_OK(kerf_state_write(n->s, id, w));
    CHECK_OK(kerf_graph_add_state(n->g, name, id, KERF_F32, shape, &v));
    v = add(n, "Conv", (kerf_value *[]){src, v}, 2);
    CHECK_OK(kerf_node_set_ints(v->producer, "pads", (int64_t[]){1, 1, 1, 1}, 4));
    return v;
}

/* Two convolutions, 32 channels of 2x2 pixels between them, of which every `every`-th weight is
 * kept. */
static void begin(net *n, unsigned every)
{
    kerf_value *v;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(
        n->g, "x", KERF_F32, KERF_SHAPE(kerf_graph_symbol(n->g, "N"), CHANNELS, SIZE, SIZE), &v));
    v = add_conv(n, v, "a", WIDE, CHANNELS);
    CHECK_OK(kerf_node_set_ints(v->producer, "strides", (int64_t[]){2, 2}, 2));
    v = add(n, "Relu", &v, 1);
    v = add_conv(n, v, "b", CLASSES, WIDE);
    v = add(n, "GlobalAveragePool", &v, 1);
    v = add(n, "Flatten", &v, 1);
    CHECK_OK(kerf_graph_add_output(n->g, v));
    CHECK_OK(kerf_prune_mark(n->g, n->s, &(kerf_prune_options){.amount = 0.9}));
    sparse_nets_prune(n->s, every);
}

static void end(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static kerf_plan *make_plan(const net *n, const kerf_plan_options *like, kerf_zeros zeros,
                            const char *choices)
{
    kerf_plan *p;
    kerf_plan_options o = *like;
    o.zeros = zeros;
    o.choices = choices;
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, &o));
    CHECK_OK(kerf_plan_verify(p));
    return p;
}

static int num_sparse(const net *n, const kerf_plan_options *like, const char *choices)
{
    kerf_plan *p = make_plan(n, like, KERF_ZEROS_AUTO, choices);
    const int num =
        sparse_nets_count(p, "kerf.SparseConv") + sparse_nets_count(p, "kerf.SparseConvGrad");
    kerf_plan_destroy(p);
    return num;
}

/* ---- the store ------------------------------------------------------------------------------- */

/* Calls `set` with the key and the density of whatever a plan could compute without zeros. */
static void for_all_keys(const net *n, const kerf_plan_options *like,
                         void (*set)(const char *key, double density, const void *context),
                         const void *context)
{
    kerf_plan *p;
    kerf_plan_options o = *like;
    o.zeros = KERF_ZEROS_SPARSE;
    CHECK_OK(kerf__plan_draft(&p, n->g, n->s, &o));
    for (size_t i = 0; i < p->graph->num_nodes; i++)
        if (kerf__zeros_mark_of(p->graph->nodes[i]) != NULL)
            set(kerf__zeros_mark_of(p->graph->nodes[i]), kerf__zeros_density_of(p->graph->nodes[i]),
                context);
    kerf_plan_destroy(p);
}

static void set_ratio(const char *key, double density, const void *ratio)
{
    CHECK_OK(kerf__zeros_remember(dev, key, density, 1, *(const double *)ratio));
}

static void set_text(const char *key, double density, const void *text)
{
    (void)density;
    CHECK_OK(kerf__tuning_set(dev, key, text, 0));
}

static void remember(const net *n, const kerf_plan_options *like, double ratio)
{
    for_all_keys(n, like, set_ratio, &ratio);
}

/* ---- choosing -------------------------------------------------------------------------------- */

/* Layers that are sparse by the guess become dense, and the other way round. */
static void check_both_ways(const kerf_plan_options *like, int all)
{
    kerf_plan_options untuned = *like;
    untuned.untuned = 1;
    net few, many; /* weights left: sparse, dense by the guess of CPU devices */
    begin(&few, 50);
    begin(&many, 4);
    remember(&few, like, 2);
    CHECK(num_sparse(&few, like, NULL) == 0);
    remember(&few, like, 0.5);
    CHECK(num_sparse(&few, like, NULL) == all);
    CHECK(num_sparse(&many, like, NULL) == 0); /* nothing is known of so many */
    remember(&many, like, 0.05);
    CHECK(num_sparse(&many, like, NULL) == all);
    CHECK(num_sparse(&many, &untuned, NULL) == 0);
    for_all_keys(&few, like, set_text, "guess");
    for_all_keys(&many, like, set_text, "guess");
    CHECK(num_sparse(&few, like, NULL) == num_sparse(&few, &untuned, NULL));
    CHECK(num_sparse(&many, like, NULL) == 0);
    end(&few);
    end(&many);
}

static void test_both_ways(void)
{
    check_both_ways(&EVALUATE, 2);
    /* Forward twice and the first layer's source has none: three products and two gradients. */
    check_both_ways(&TRAIN, 5);
}

/* Lines that nobody can have written after measuring. */
static void test_hostile_lines(void)
{
    static const char *const TEXTS[] = {
        "0.25",        "0.25 1",       "0.25 1 0.1 1", "0.25 -1 0.1",    "0.25 1 -0.1", "0.25 0 0",
        "0.25 1 0",    "0.25 nan 0.1", "0.25 inf 1",   "0.5 1 0.1",      "0.01 1 0.01", "sparse",
        "0.25 1 0.1x", "0.25,1,0.1",   "1e999 1 0.1",  "0x1p-2 1 0.1 ; "};
    net n;
    begin(&n, 4);
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        for_all_keys(&n, &EVALUATE, set_text, TEXTS[i]);
        const int num = num_sparse(&n, &EVALUATE, NULL);
        if (num != 0)
            printf("'%s' is believed\n", TEXTS[i]);
        CHECK(num == 0);
    }
    for_all_keys(&n, &EVALUATE, set_text, "0.25 1 0.1"); /* and this is */
    CHECK(num_sparse(&n, &EVALUATE, NULL) == 2);
    for_all_keys(&n, &EVALUATE, set_text, "guess");
    end(&n);
}

/* Between what is known to be faster and to be slower stands the guess. */
static void test_bounds(void)
{
    const kerf__zeros_known nothing = {0}, both = {2, {0.05, 0.2}, {0.5, 1.1}},
                            fast = {1, {0.05}, {0.5}}, odd = {2, {0.05, 0.2}, {1.1, 0.5}},
                            slow = {2, {0.05, 0.2}, {1.2, 1.1}};
    const double near = 1e-12;
    CHECK(fabs(kerf__zeros_most_density(&nothing, 0, 0.15) - 0.15) < near);
    CHECK(kerf__zeros_most_density(&nothing, 0, -1) < 0);
    CHECK(fabs(kerf__zeros_most_density(&both, 0, 0.15) - 0.15) < near);
    CHECK(kerf__zeros_most_density(&both, 0, 0.3) < 0.2);
    CHECK(kerf__zeros_most_density(&both, 0, 0.3) > 0.19);
    /* Half the time at 5 %: at least as fast at 9.7 %. */
    CHECK(fabs(kerf__zeros_most_density(&fast, 0, 0.01) - 0.097) < near);
    CHECK(fabs(kerf__zeros_most_density(&fast, 0, 0.5) - 0.5) < near);
    /* A border that costs another half of it. */
    CHECK(kerf__zeros_most_density(&fast, 0.5, 0.3) < 0.05);
    CHECK(kerf__zeros_most_density(&odd, 0, 0.1) < 0.05); /* the doubt counts against it */
    CHECK(kerf__zeros_most_density(&slow, 0, 0.5) < 0.05);
}

/* ---- a run that goes on ---------------------------------------------------------------------- */

static void check_refused(const net *n, const char *choices, const char *words)
{
    kerf_plan *p;
    kerf_plan_options o = EVALUATE;
    o.choices = choices;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_create(&p, n->g, n->s, &o));
    if (strstr(kerf_last_error(), words) == NULL)
        printf("no '%s' in '%s'\n", words, kerf_last_error());
    CHECK(strstr(kerf_last_error(), words) != NULL);
}

/* In `choices`, what stands behind the first key of zeros becomes `answer`. */
static void put_answer(char *choices, size_t room, const char *answer)
{
    static char rest[1 << 16];
    char *key = strstr(choices, "\"zeros "), *begin = strstr(key, "\": \"") + 4,
         *behind = strchr(begin, '"');
    snprintf(rest, sizeof rest, "%s", behind);
    snprintf(begin, room - (size_t)(begin - choices), "%s%s", answer, rest);
}

static void test_choices(void)
{
    static char wrong[1 << 16];
    char *guessed, *told;
    net n;
    begin(&n, 4);
    kerf_plan *p = make_plan(&n, &EVALUATE, KERF_ZEROS_AUTO, NULL);
    CHECK_OK(kerf_plan_choices(p, &guessed));
    kerf_plan_destroy(p);
    remember(&n, &EVALUATE, 0.05);
    p = make_plan(&n, &EVALUATE, KERF_ZEROS_AUTO, NULL);
    CHECK_OK(kerf_plan_choices(p, &told));
    kerf_plan_destroy(p);
    CHECK(num_sparse(&n, &EVALUATE, guessed) == 0); /* though it is known to be faster by now */
    for_all_keys(&n, &EVALUATE, set_text, "guess");
    CHECK(num_sparse(&n, &EVALUATE, NULL) == 0);
    CHECK(num_sparse(&n, &EVALUATE, told) == 2);
    snprintf(wrong, sizeof wrong, "%s", told);
    put_answer(wrong, sizeof wrong, "0.25");
    check_refused(&n, wrong, "say '0.25' of its zeros, must be pairs of a density and a ratio");
    put_answer(wrong, sizeof wrong, "0.25 x");
    check_refused(&n, wrong, "say '0.25 x' of its zeros, must be");
    free(guessed);
    free(told);
    end(&n);
}

/* ---- training -------------------------------------------------------------------------------- */

static void train(const net *n, kerf_zeros zeros)
{
    kerf_plan *p = make_plan(n, &TRAIN, zeros, NULL);
    for (int step = 1; step <= 2; step++) {
        CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
        CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
        CHECK_OK(kerf_plan_set_step(p, &(kerf_step){.lr = 0.01f, .step = step}));
        CHECK_OK(kerf_plan_run(p));
    }
    kerf_plan_destroy(p);
}

/* On a GPU, too, where nothing is sparse without having been measured. */
static void test_training(void)
{
    net nets[3];
    for (int i = 0; i < 3; i++) { /* the third does the same as the second */
        begin(&nets[i], 20);
        if (i == 0)
            remember(&nets[0], &TRAIN, 0.5);
        train(&nets[i], i == 0 ? KERF_ZEROS_DENSE : KERF_ZEROS_AUTO);
    }
    CHECK(num_sparse(&nets[1], &TRAIN, NULL) == 5);
    sparse_nets_compare(nets[1].s, nets[0].s, check_tolerance(8, BATCH * SIZE * SIZE * WIDE * 9));
    sparse_nets_compare(nets[1].s, nets[2].s, 0);
    for (int i = 0; i < 3; i++)
        end(&nets[i]);
}

/* ---- measuring ------------------------------------------------------------------------------- */

typedef struct seen {
    int num, stop_at;
} seen;

static int see(void *context, const kerf_zeros_time *t)
{
    seen *s = context;
    CHECK(strncmp(t->which, "zeros train 5% ", 15) == 0 || strncmp(t->which, "zeros 5% ", 9) == 0);
    CHECK(t->density > 0.03 && t->density < 0.0525);
    CHECK(t->dense_ms > 0 && t->sparse_ms > 0);
    CHECK(kerf__tuning_find(dev, t->which) != NULL);
    return ++s->num == s->stop_at;
}

/* Every direction of every layer is timed, and known from then on. */
static void check_measuring(const kerf_plan_options *like, int num)
{
    net n;
    seen s = {0};
    kerf_zeros_time all;
    begin(&n, 20);
    for_all_keys(&n, like, set_text, "guess");
    const kerf_tune_target target = {n.g, n.s, *like};
    CHECK_OK(kerf_tune_zeros(&target, see, &s, &all));
    CHECK(s.num == num && all.dense_ms > 0 && all.sparse_ms > 0);
    s = (seen){.stop_at = 1};
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_tune_zeros(&target, see, &s, NULL));
    end(&n);
}

static void test_measuring(void)
{
    check_measuring(&EVALUATE, 2);
    if (!op_check_small()) /* the same in more directions, and slow */
        check_measuring(&TRAIN, 5);
}

int main(void)
{
    char folder[] = "/tmp/kerf-zeros-XXXXXX"; /* what is measured here is nobody else's */
    dev = check_open_device();
    op_check_fill(x, sizeof x / sizeof *x, 1);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % CLASSES;
    test_both_ways();
    test_hostile_lines();
    test_bounds();
    test_choices();
    test_training();
    if (mkdtemp(folder) != NULL)
        setenv("KERF_CACHE_DIR", folder, 1);
    test_measuring();
    kerf_device_close(dev);
    return check_result();
}
