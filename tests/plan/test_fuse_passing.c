/* test_fuse_passing.c -- what only moves numbers between DequantizeLinear and QuantizeLinear moves
 * the integers, all of which come out as they were; what would change them stays as it is. */
#include <string.h>

#include "check.h"
#include "op_check.h"
#include "plan/plan_internal.h"
#include "plan/unfused.h"

enum { CHANNELS = 4, SIZE = 8, NUM = CHANNELS * SIZE * SIZE, MOST = 4 * NUM };
static kerf_device *dev;

/* What a case has; the rest is 0. */
typedef struct setup {
    const char *op;
    kerf_type type; /* of the integers before, and behind */
    float scale;    /* before, and behind but for */
    float factor;   /* this */
    int zero, moved_zero;
    int is_read;  /* the floats are an output, too */
    int is_fused; /* wanted: integers are moved */
    const char *mode;
} setup;

/* ---- graphs ---------------------------------------------------------------------------------- */

/* Both ends have constants of their own, which hold the same. */
static kerf_value *linear(kerf_graph *g, const char *op, const setup *s, kerf_value *x, float scale,
                          int zero)
{
    const int16_t number = (int16_t)zero;
    kerf_value *inputs[] = {x, unfused_constant(g, KERF_F32, KERF_SCALAR, &scale),
                            unfused_constant(g, s->type, KERF_SCALAR, &number)};
    return unfused_add(g, op, inputs, 3);
}

static kerf_value *ints(kerf_graph *g, const int64_t *items, int num)
{
    return unfused_constant(g, KERF_S64, KERF_SHAPE(num), items);
}

static kerf_value *move(kerf_graph *g, const setup *s, kerf_value *x)
{
    static const int64_t SHAPE[] = {CHANNELS, -1}, FIRST[] = {1, 2}, LAST[] = {3, 8},
                         AXES[] = {1, 3}, NEW[] = {2}, TIMES[] = {1, 2, 1, 1};
    static const float SCALES[] = {1, 1, 2, 2};
    const char *op = s->op;
    kerf_node *n;
    kerf_value *v;
    if (strcmp(op, "Concat") == 0)
        v = unfused_add(g, op, (kerf_value *[]){x, x}, 2);
    else if (strcmp(op, "Reshape") == 0)
        v = unfused_add(g, op, (kerf_value *[]){x, ints(g, SHAPE, 2)}, 2);
    else if (strcmp(op, "Resize") == 0)
        v = unfused_add(
            g, op, (kerf_value *[]){x, NULL, unfused_constant(g, KERF_F32, KERF_SHAPE(4), SCALES)},
            3);
    else if (strcmp(op, "Slice") == 0)
        v = unfused_add(
            g, op, (kerf_value *[]){x, ints(g, FIRST, 2), ints(g, LAST, 2), ints(g, AXES, 2)}, 4);
    else if (strcmp(op, "Tile") == 0)
        v = unfused_add(g, op, (kerf_value *[]){x, ints(g, TIMES, 4)}, 2);
    else if (strcmp(op, "Unsqueeze") == 0)
        v = unfused_add(g, op, (kerf_value *[]){x, ints(g, NEW, 1)}, 2);
    else
        v = unfused_add(g, op, &x, 1);
    n = v->producer;
    if (strcmp(op, "Concat") == 0)
        CHECK_OK(kerf_node_set_int(n, "axis", 1));
    if (strcmp(op, "DepthToSpace") == 0 || strcmp(op, "SpaceToDepth") == 0)
        CHECK_OK(kerf_node_set_int(n, "blocksize", 2));
    if (strcmp(op, "MaxPool") == 0) { /* of padding alone */
        CHECK_OK(kerf_node_set_ints(n, "kernel_shape", (const int64_t[]){2, 2}, 2));
        CHECK_OK(kerf_node_set_ints(n, "dilations", (const int64_t[]){9, 1}, 2));
        CHECK_OK(kerf_node_set_ints(n, "pads", (const int64_t[]){1, 0, 1, 1}, 4));
    }
    if (s->mode != NULL)
        CHECK_OK(kerf_node_set_string(n, "mode", s->mode));
    return v;
}

static kerf_graph *graph_of(const setup *s)
{
    kerf_graph *g;
    kerf_value *x, *v;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", s->type, KERF_SHAPE(1, CHANNELS, SIZE, SIZE), &x));
    v = move(g, s, linear(g, "DequantizeLinear", s, x, s->scale, s->zero));
    if (s->is_read)
        CHECK_OK(kerf_graph_add_output(g, v));
    CHECK_OK(kerf_graph_add_output(
        g, linear(g, "QuantizeLinear", s, v, s->scale * s->factor, s->zero + s->moved_zero)));
    return g;
}

/* ---- both ways ------------------------------------------------------------------------------- */

static void check(setup s)
{
    int16_t x[NUM], got[MOST] = {0}, want[MOST] = {0};
    uint8_t bytes[NUM];
    kerf_plan *p;
    kerf_state *state;
    kerf_graph *g = graph_of(&s);
    const int is_byte = kerf_type_bits(s.type) == 8;
    for (int i = 0; i < NUM; i++) {
        x[i] = (int16_t)(i * 257 - 32768);
        bytes[i] = (uint8_t)i; /* every one there is */
    }
    const void *data = is_byte ? (const void *)bytes : x;
    CHECK_OK(kerf_state_create(&state, dev));
    CHECK_OK(kerf_plan_create(&p, g, state, &(kerf_plan_options){.batch = 1}));
    CHECK_OK(kerf_plan_verify(p));
    CHECK(unfused_count(p->graph, "DequantizeLinear") == !s.is_fused);
    CHECK(unfused_count(p->graph, "QuantizeLinear") == !s.is_fused);
    unfused_run(dev, g, g->num_outputs - 1, data, want);
    CHECK_OK(kerf_plan_feed(p, "x", data, is_byte ? sizeof bytes : sizeof x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, p->outputs.items[p->outputs.num - 1].name), got));
    CHECK(memcmp(got, want, sizeof want) == 0);
    kerf_plan_destroy(p);
    kerf_state_destroy(state);
    kerf_graph_destroy(g);
}

int main(void)
{
    static const char *const OPS[] = {"Concat",  "DepthToSpace", "Flatten",   "Identity",
                                      "Reshape", "Resize",       "Slice",     "SpaceToDepth",
                                      "Squeeze", "Tile",         "Transpose", "Unsqueeze",
                                      "MaxPool", "GlobalMaxPool"};
    dev = check_open_device();
    const setup plain = {.op = "Transpose",
                         .type = KERF_U8,
                         .scale = 0.0137f,
                         .factor = 1,
                         .zero = 100,
                         .is_fused = 1};
    setup s = plain;
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++) {
        s.op = OPS[i];
        check(s);
    }
    s = plain, s.type = KERF_S8, s.zero = -3;
    check(s);
    s = plain, s.type = KERF_S16, s.zero = 7;
    check(s);
    s = plain, s.op = "MaxPool", s.zero = 0;
    check(s);
    s.is_fused = 0, s.type = KERF_S16;
    check(s);
    s = plain, s.op = "MaxPool", s.type = KERF_S8, s.zero = -3;
    check(s);
    s = plain, s.is_fused = 0, s.factor = 1.01f;
    check(s);
    s = plain, s.is_fused = 0, s.moved_zero = 1;
    check(s);
    s = plain, s.is_fused = 0, s.is_read = 1;
    check(s);
    s = plain, s.is_fused = 0, s.scale = 0x1p-110f; /* a division may lose its rest */
    check(s);
    s = plain, s.is_fused = 0, s.op = "Resize", s.mode = "linear";
    check(s);
    s = plain, s.is_fused = 0, s.op = "Relu";
    check(s);
    kerf_device_close(dev);
    return check_result();
}
