/* test_plan.c -- what a plan takes, refuses and promises, on graphs of a few nodes. */
#include <string.h>

#include "check.h"
#include "plan/plan_internal.h"

static kerf_device *dev;

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_value *x, *w; /* (N, 4) and (4) */
} net;

static const float W[4] = {1, -2, 3, -4};

static void begin(net *n)
{
    int id;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, dev));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(kerf_graph_symbol(n->g, "N"), 4),
                                  &n->x));
    CHECK_OK(kerf_state_add(n->s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(4), &id));
    CHECK_OK(kerf_state_write(n->s, id, W));
    CHECK_OK(kerf_graph_add_state(n->g, "w", id, KERF_F32, KERF_SHAPE(4), &n->w));
}

static void end(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
}

static kerf_value *node(net *n, const char *op, const char *name, kerf_value *a, kerf_value *b)
{
    kerf_node *made;
    kerf_value *inputs[] = {a, b};
    CHECK_OK(kerf_graph_add_node(n->g, op, name, inputs, b != NULL ? 2 : 1, 1, &made));
    return made->outputs[0];
}

static kerf_plan *plan(net *n, int64_t batch)
{
    kerf_plan *p;
    CHECK_OK(kerf_plan_create(&p, n->g, n->s, &(kerf_plan_options){.batch = batch}));
    CHECK_OK(kerf_plan_verify(p));
    return p;
}

static void check_says(const char *words)
{
    if (strstr(kerf_last_error(), words) != NULL)
        return;
    printf("message \"%s\" does not say \"%s\"\n", kerf_last_error(), words);
    check_failures++;
}

static void refuse(net *n, kerf_plan_options options, kerf_status status, const char *words)
{
    kerf_plan *p;
    CHECK_STATUS(status, kerf_plan_create(&p, n->g, n->s, &options));
    CHECK(p == NULL);
    check_says(words);
}

static void check_output(const kerf_plan *p, const char *name, const float *want, size_t num)
{
    float got[64];
    CHECK(kerf_plan_output(p, name) != NULL);
    CHECK(kerf_tensor_num_elements(kerf_plan_output(p, name)) == num);
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, name), got));
    for (size_t i = 0; i < num; i++)
        CHECK(got[i] == want[i]);
}

/* ---- evaluation -------------------------------------------------------------------- */

static void test_evaluate(void)
{
    const float x[8] = {1, 2, 3, 4, -1, -1, -1, -1};
    const float want[8] = {2, 0, 6, 0, 0, 0, 2, 0}; /* relu(x + w) */
    net n;
    begin(&n);
    kerf_value *sum = node(&n, "Add", "sum", n.x, n.w);
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Relu", "y", sum, NULL)));
    kerf_plan *p = plan(&n, 2);
    CHECK(kerf_shape_equal(kerf_tensor_shape(kerf_plan_output(p, "y")), KERF_SHAPE(2, 4)));
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    for (int i = 0; i < 3; i++) { /* nothing is used up by a run */
        CHECK_OK(kerf_plan_run(p));
        check_output(p, "y", want, 8);
    }
    CHECK(kerf_plan_input(p, "y") == NULL && kerf_plan_output(p, "x") == NULL);
    CHECK(kerf_plan_input(p, "kerf.step") == NULL);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_feed(p, "z", x, sizeof x));
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_plan_feed(p, "x", x, 16));
    check_says("input 'x' is fed 16 bytes, must be 32");
    kerf_metrics m;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_read_metrics(p, &m));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_set_step(p, &(kerf_step){.lr = 0.1f, .step = 1}));
    CHECK(kerf_graph_input(n.g, 0)->shape.dims[0] < 0); /* the model itself stays open */
    kerf_plan_destroy(p);
    end(&n);
}

/* A batch without an element in it, and outputs that are inputs or states. */
static void test_ends(void)
{
    float x[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    net n;
    begin(&n);
    CHECK_OK(kerf_graph_add_output(n.g, n.x));
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Identity", "same", n.x, NULL)));
    CHECK_OK(kerf_graph_add_output(n.g, n.w));
    kerf_plan *p = plan(&n, 2);
    CHECK_OK(kerf_plan_feed(p, "x", x, sizeof x));
    CHECK_OK(kerf_plan_run(p));
    check_output(p, "x", x, 8);
    check_output(p, "same", x, 8);
    check_output(p, "w", W, 4);
    CHECK(kerf_plan_num_steps(p) == 0);
    kerf_plan_destroy(p);
    end(&n);
}

static void test_empty(void)
{
    net n;
    kerf_value *none;
    begin(&n);
    CHECK_OK(kerf_graph_add_input(n.g, "none", KERF_F32, KERF_SHAPE(0, 4), &none));
    kerf_value *sum = node(&n, "Add", "sum", none, n.w);
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Relu", "y", sum, NULL)));
    kerf_plan *p = plan(&n, 1);
    CHECK_OK(kerf_plan_feed(p, "none", NULL, 0));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_device_finish(dev));
    CHECK(kerf_tensor_num_elements(kerf_plan_output(p, "y")) == 0);
    kerf_plan_destroy(p);
    end(&n);
}

/* ---- states ------------------------------------------------------------------------ */

static void read_state(const net *n, const char *name, float *x)
{
    CHECK_OK(kerf_state_read(n->s, kerf_state_find(n->s, name)->id, x));
}

/* No output at all: a plan that only moves states on, as the pruner's do. */
static void test_next_values(void)
{
    const float scale = 0.5f, want[4] = {0.25f, -0.5f, 0.75f, -1};
    float got[4];
    net n;
    kerf_value *factor;
    begin(&n);
    CHECK_OK(kerf_graph_add_input(n.g, "factor", KERF_F32, KERF_SCALAR, &factor));
    kerf_value *next = node(&n, "Mul", "next", n.w, factor);
    next->next_of = n.w->state_id;
    const uint64_t version = kerf_state_find(n.s, "w")->version;
    kerf_plan *p = plan(&n, 1);
    CHECK_OK(kerf_plan_feed(p, "factor", &scale, sizeof scale));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_plan_run(p));
    read_state(&n, "w", got);
    CHECK(memcmp(got, want, sizeof got) == 0);
    CHECK(kerf_state_find(n.s, "w")->version == version + 2);
    CHECK(p->arena_bytes == 0); /* it works in place */
    kerf_plan_destroy(p);
    end(&n);
}

/* Two states take each other's value, plainly and computed: no order of writing in place
 * would do. */
static void test_swap(const char *op, float factor)
{
    const float V[4] = {10, 20, 30, 40};
    float w[4], v[4];
    net n;
    int id;
    kerf_value *other;
    begin(&n);
    CHECK_OK(kerf_state_add(n.s, "v", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(4), &id));
    CHECK_OK(kerf_state_write(n.s, id, V));
    CHECK_OK(kerf_graph_add_state(n.g, "v", id, KERF_F32, KERF_SHAPE(4), &other));
    node(&n, op, "to_w", other, NULL)->next_of = n.w->state_id;
    node(&n, op, "to_v", n.w, NULL)->next_of = id;
    kerf_plan *p = plan(&n, 1);
    CHECK_OK(kerf_plan_run(p));
    read_state(&n, "w", w);
    read_state(&n, "v", v);
    for (int i = 0; i < 4; i++)
        CHECK(w[i] == factor * V[i] && v[i] == factor * W[i]);
    kerf_plan_destroy(p);
    end(&n);
}

/* The old value is read by all, however the nodes stand; the next one through its result. */
static void test_old_and_next(void)
{
    const float want_old[4] = {-1, 2, -3, 4}, want_next[4] = {3, -6, 9, -12};
    net n;
    begin(&n);
    kerf_value *next = node(&n, "Add", "next", n.w, n.w);
    next->next_of = n.w->state_id;
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Neg", "old", n.w, NULL)));
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Add", "both", next, n.w)));
    kerf_plan *p = plan(&n, 1);
    CHECK_OK(kerf_plan_run(p));
    check_output(p, "old", want_old, 4);
    check_output(p, "both", want_next, 4);
    kerf_plan_destroy(p);
    end(&n);
}

/* ---- without a device --------------------------------------------------------------- */

static void test_infer(void)
{
    net n;
    kerf_value *both, *weights;
    kerf_node *product;
    begin(&n);
    CHECK_OK(kerf_graph_add_input(n.g, "both", KERF_F32, KERF_SHAPE(5, kerf_graph_symbol(n.g, "N")),
                                  &both));
    CHECK_OK(kerf_graph_add_state(n.g, "weights", 1, KERF_F32, KERF_SHAPE(4, 7), &weights));
    CHECK_OK(kerf_graph_add_node(n.g, "MatMul", "product", (kerf_value *[]){n.x, weights}, 2, 1,
                                 &product));
    kerf_value *y = node(&n, "Relu", "y", product->outputs[0], NULL);
    CHECK_OK(kerf_graph_infer(n.g, 3));
    CHECK(kerf_shape_equal(n.x->shape, KERF_SHAPE(3, 4)));
    CHECK(kerf_shape_equal(both->shape, KERF_SHAPE(5, 3))); /* the same symbol */
    CHECK(kerf_shape_equal(y->shape, KERF_SHAPE(3, 7)));
    CHECK(kerf_node_macs(product) == 3 * 4 * 7);
    CHECK(kerf_node_macs(y->producer) == 0);
    end(&n);
}

/* ---- refusals ---------------------------------------------------------------------- */

static void test_refusals(void)
{
    net n;
    kerf_value *image;
    begin(&n);
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Relu", "y", n.x, NULL)));
    refuse(&n, (kerf_plan_options){.batch = 0}, KERF_ERR_ARGUMENT,
           "batch is 0, must be at least 1");
    refuse(&n, (kerf_plan_options){.batch = 1, .mode = KERF_TRAIN}, KERF_ERR_ARGUMENT,
           "training must have a loss");
    refuse(&n, (kerf_plan_options){.batch = 1, .choices = "[1]"}, KERF_ERR_FORMAT,
           "choices: must be a JSON object");
    refuse(&n,
           (kerf_plan_options){.batch = 1, .loss = KERF_LOSS_CROSS_ENTROPY, .output = "nothing"},
           KERF_ERR_ARGUMENT, "no value 'nothing' for the loss");
    node(&n, "Frobnicate", "odd one", n.x, NULL);
    refuse(&n, (kerf_plan_options){.batch = 1}, KERF_ERR_UNSUPPORTED,
           "Frobnicate odd one: this operation is not supported");
    end(&n);

    begin(&n);
    CHECK_OK(kerf_graph_add_input(n.g, "image", KERF_F32,
                                  KERF_SHAPE(1, kerf_graph_symbol(n.g, "H")), &image));
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Relu", "y", image, NULL)));
    refuse(&n, (kerf_plan_options){.batch = 1}, KERF_ERR_SHAPE,
           "dimension 1 of input 'image' is 'H', must be a number");
    end(&n);
}

static void test_states_must_agree(void)
{
    net n;
    kerf_value *v;
    begin(&n);
    CHECK_OK(kerf_graph_add_state(n.g, "gone", 7, KERF_F32, KERF_SHAPE(4), &v));
    CHECK_OK(kerf_graph_add_output(n.g, v));
    refuse(&n, (kerf_plan_options){.batch = 1}, KERF_ERR_ARGUMENT,
           "'gone' is entry 7 of the state, which is not there");
    end(&n);

    begin(&n);
    n.w->shape = KERF_SHAPE(5);
    CHECK_OK(kerf_graph_add_output(n.g, n.w));
    refuse(&n, (kerf_plan_options){.batch = 1}, KERF_ERR_SHAPE,
           "'w' is float32 (5), must be float32 (4) like its entry 'w'");
    end(&n);

    kerf_state *host;
    kerf_plan *p;
    begin(&n);
    CHECK_OK(kerf_state_create(&host, NULL));
    CHECK_STATUS(KERF_ERR_ARGUMENT,
                 kerf_plan_create(&p, n.g, host, &(kerf_plan_options){.batch = 1}));
    check_says("lies in host memory");
    kerf_state_destroy(host);
    end(&n);
}

/* ---- choices ----------------------------------------------------------------------- */

static void test_choices(void)
{
    net n;
    char *json, *again;
    begin(&n);
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Relu", "y", n.x, NULL)));
    kerf_plan *p = plan(&n, 2), *q;
    CHECK_OK(kerf_plan_choices(p, &json));
    CHECK(strstr(json, "\"Relu float32(2,4) > float32(2,4)\"") != NULL);
    CHECK_OK(kerf_plan_create(&q, n.g, n.s, &(kerf_plan_options){.batch = 2, .choices = json}));
    CHECK_OK(kerf_plan_choices(q, &again));
    CHECK(strcmp(json, again) == 0);
    kerf_plan_destroy(q);
    refuse(&n,
           (kerf_plan_options){.batch = 2,
                               .choices = "{\"Relu float32(2,4) > float32(2,4)\": \"abacus\"}"},
           KERF_ERR_ARGUMENT, "Relu y: the choices name 'abacus'");
    free(json);
    free(again);
    kerf_plan_destroy(p);
    end(&n);
}

/* Two nodes that differ in a constant input only are two cases. */
static void test_constants_in_cases(void)
{
    net n;
    char *json;
    begin(&n);
    for (int64_t axis = 0; axis < 2; axis++) {
        kerf_tensor *t;
        kerf_value *axes;
        CHECK_OK(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SHAPE(1)));
        CHECK_OK(kerf_tensor_write(t, &axis));
        CHECK_OK(kerf_graph_add_constant(n.g, NULL, t, &axes));
        CHECK_OK(kerf_graph_add_output(n.g, node(&n, "ReduceSum", NULL, n.x, axes)));
    }
    kerf_plan *p = plan(&n, 4);
    CHECK_OK(kerf_plan_choices(p, &json));
    CHECK(strstr(json, "float32(4,4) int64(1)=0 > float32(1,4)") != NULL);
    CHECK(strstr(json, "float32(4,4) int64(1)=1 > float32(4,1)") != NULL);
    free(json);
    kerf_plan_destroy(p);
    end(&n);
}

/* ---- marks and steps --------------------------------------------------------------- */

static void test_marks(void)
{
    net n;
    uint64_t token[5], later;
    begin(&n);
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Relu", "y", n.x, NULL)));
    kerf_plan *p = plan(&n, 2);
    for (int i = 0; i < 4; i++) {
        CHECK_OK(kerf_plan_run(p));
        CHECK_OK(kerf_plan_mark(p, &token[i]));
    }
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_mark(p, &token[4]));
    check_says("4 marks are open");
    CHECK_OK(kerf_plan_finish(p, token[0]));
    CHECK_OK(kerf_plan_finish(p, token[0])); /* again is no harm */
    CHECK_OK(kerf_plan_mark(p, &later));
    CHECK_OK(kerf_plan_finish(p, token[2]));
    CHECK_OK(kerf_plan_finish(p, later));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_finish(p, 99));
    kerf_plan_destroy(p); /* with marks still open */
    end(&n);
}

static void test_steps(void)
{
    net n;
    kerf_plan_step step;
    double ms = -1;
    begin(&n);
    kerf_value *flat = node(&n, "Flatten", "flat", n.x, NULL); /* no work: no step */
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Relu", "y", flat, NULL)));
    kerf_plan *p = plan(&n, 2);
    CHECK(kerf_plan_num_steps(p) == 1);
    CHECK_OK(kerf_plan_get_step(p, 0, &step));
    CHECK(strcmp(step.op, "Relu") == 0 && strcmp(step.name, "y") == 0);
    CHECK(strcmp(step.direction, "forward") == 0 && step.bytes == 64);
    CHECK_OK(kerf_plan_time_step(p, 0, 3, &ms));
    CHECK(ms >= 0);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_get_step(p, 1, &step));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_time_step(p, 0, 0, &ms));
    kerf_plan_destroy(p);
    end(&n);
}

/* kerf_plan_verify finds each kind of fault when it is put in by hand. */
/* More elements than a kernel counts, whatever memory there is. */
static void test_too_large(void)
{
    net n;
    begin(&n);
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Relu", "y", n.x, NULL)));
    refuse(&n, (kerf_plan_options){.batch = 1 << 29}, KERF_ERR_UNSUPPORTED,
           "Relu y: 'x' is (536870912, 4), must have less than 2^31 elements");
    end(&n);
}

static void test_verify_can_fail(void)
{
    net n;
    begin(&n);
    kerf_value *a = node(&n, "Neg", "a", n.x, NULL), *b = node(&n, "Abs", "b", n.x, NULL);
    CHECK_OK(kerf_graph_add_output(n.g, node(&n, "Add", "y", a, b)));
    kerf_plan *p = plan(&n, 64);
    kerf__block *block = &p->blocks[p->block_of[p->graph->nodes[1]->outputs[0]->index]];
    const kerf__block was = *block;
    block->offset_bytes =
        p->blocks[p->block_of[p->graph->nodes[0]->outputs[0]->index]].offset_bytes;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_verify(p));
    check_says("after something was written over it");
    block->offset_bytes = p->arena_bytes;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_plan_verify(p));
    check_says("does not fit the arena");
    *block = was;
    CHECK_OK(kerf_plan_verify(p));
    kerf_plan_destroy(p);
    end(&n);
}

int main(void)
{
    dev = check_open_device();
    test_evaluate();
    test_ends();
    test_empty();
    test_next_values();
    test_swap("Identity", 1);
    test_swap("Neg", -1);
    test_old_and_next();
    test_infer();
    test_refusals();
    test_states_must_agree();
    test_choices();
    test_constants_in_cases();
    test_marks();
    test_steps();
    test_too_large();
    test_verify_can_fail();
    kerf_device_close(dev);
    return check_result();
}
