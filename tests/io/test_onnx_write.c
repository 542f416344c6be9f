/* What is written to ONNX and comes back: the same graph, the same bits; masks become zeros;
 * what ONNX cannot hold is refused by name. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "kerf/io.h"
#include "kerf/nets.h"
#include "same_graph.h"

typedef struct model {
    kerf_graph *g;
    kerf_state *s;
} model;

static void destroy(model m)
{
    kerf_graph_destroy(m.g);
    kerf_state_destroy(m.s);
}

static model create_net(void)
{
    model m;
    const kerf_net_options small = {.input = {1, 3, 5}, .width = 0.03, .seed = 5};
    CHECK_OK(kerf_net_create(&m.g, &m.s, "lenet-300-100", &small, NULL));
    return m;
}

/* Through bytes and back. */
static model reread(model m)
{
    model back = {0};
    void *bytes, *again;
    size_t num_bytes, num_again;
    CHECK_OK(kerf_onnx_serialize(m.g, m.s, &bytes, &num_bytes));
    CHECK_OK(kerf_onnx_parse(&back.g, &back.s, bytes, num_bytes, NULL, NULL));
    CHECK_OK(kerf_onnx_serialize(m.g, m.s, &again, &num_again));
    CHECK(num_bytes == num_again && memcmp(bytes, again, num_bytes) == 0);
    free(bytes);
    free(again);
    return back;
}

static void test_round_trip(void)
{
    model m = create_net();
    CHECK_OK(kerf_graph_set_metadata(m.g, "kerf.prep", "scale=1/255"));
    model back = reread(m);
    check_same_graph(m.g, back.g);
    check_same_state(m.s, back.s);
    check_same_state(back.s, m.s);
    destroy(back);
    destroy(m);
}

/* The big one, through a file. */
static void test_file(void)
{
    model m, back;
    char path[] = "/tmp/kerf-test-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    close(fd);
    CHECK_OK(kerf_net_create(&m.g, &m.s, "lenet-300-100", NULL, NULL));
    CHECK_OK(kerf_onnx_write(m.g, m.s, path));
    CHECK_OK(kerf_onnx_read(&back.g, &back.s, path, NULL));
    check_same_graph(m.g, back.g);
    check_same_state(m.s, back.s);
    unlink(path);
    destroy(back);
    destroy(m);
}

/* Every kind of attribute, constants of every type that ONNX has, a foreign operator, an
 * input left out, a second output, a scalar. */
static model create_odd(void)
{
    model m = {0};
    kerf_value *x, *w, *c, *inputs[4];
    kerf_node *n;
    kerf_tensor *t;
    CHECK_OK(kerf_graph_create(&m.g));
    CHECK_OK(kerf_state_create(&m.s, NULL));
    int64_t batch = kerf_graph_symbol(m.g, "batch");
    CHECK_OK(kerf_graph_add_input(m.g, "x", KERF_F32, KERF_SHAPE(batch, 0, 2), &x));
    int id;
    CHECK_OK(kerf_state_add(m.s, "w", KERF_ROLE_WEIGHT, -1, KERF_F32, KERF_SHAPE(2, 1), &id));
    CHECK_OK(kerf_state_write(m.s, id, (const float[]){-0.0f, 1e-42f}));
    CHECK_OK(kerf_graph_add_state(m.g, "w", id, KERF_F32, KERF_SHAPE(2, 1), &w));
    static const kerf_type types[] = {KERF_S64, KERF_S32, KERF_U8, KERF_S8, KERF_BOOL, KERF_S16,
                                      KERF_U16, KERF_U4,  KERF_S4, KERF_U2, KERF_S2};
    enum { NUM_TYPES = sizeof types / sizeof types[0] };
    inputs[0] = x;
    inputs[1] = w;
    inputs[2] = NULL;
    for (int i = 0; i < NUM_TYPES; i++) {
        char name[8] = "ca", node_name[16] = "odda";
        name[1] = node_name[3] = (char)('a' + i);
        CHECK_OK(kerf_tensor_create(&t, NULL, types[i], KERF_SHAPE(3)));
        ((unsigned char *)kerf_tensor_data(t))[0] = 1;
        CHECK_OK(kerf_graph_add_constant(m.g, name, t, &c));
        inputs[3] = c;
        CHECK_OK(kerf_graph_add_node(m.g, "org.example.Odd", node_name, inputs, 4, 2, &n));
        inputs[0] = kerf_node_output(n, 1);
    }
    CHECK_OK(kerf_node_set_int(n, "int", INT64_MIN));
    CHECK_OK(kerf_node_set_float(n, "float", -INFINITY));
    CHECK_OK(kerf_node_set_ints(n, "ints", (const int64_t[]){-1, INT64_MAX}, 2));
    CHECK_OK(kerf_node_set_ints(n, "no ints", NULL, 0));
    CHECK_OK(kerf_node_set_floats(n, "floats", (const float[]){0.5f, -0.0f}, 2));
    CHECK_OK(kerf_node_set_string(n, "string", "\xC3\xA9\n\xFF"));
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_F16, KERF_SCALAR));
    CHECK_OK(kerf__node_set_tensor(n, "tensor", t));
    kerf_value *out = kerf_node_output(n, 0);
    out->type = KERF_S64;
    out->shape = KERF_SCALAR;
    CHECK_OK(kerf_graph_add_output(m.g, out));
    CHECK_OK(kerf_graph_set_metadata(m.g, "kerf.opset.org.example", "3"));
    CHECK_OK(kerf_graph_set_metadata(m.g, "kerf.graph", "odd graph"));
    CHECK_OK(kerf_graph_set_metadata(m.g, "author", ""));
    return m;
}

/* 1 if the bytes hold the text. */
static int holds(const char *bytes, size_t num_bytes, const char *text)
{
    size_t length = strlen(text);
    for (size_t i = 0; i + length <= num_bytes; i++)
        if (memcmp(bytes + i, text, length) == 0)
            return 1;
    return 0;
}

static void test_odd(void)
{
    model m = create_odd(), back = reread(m);
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_onnx_serialize(m.g, m.s, &bytes, &num_bytes));
    CHECK(holds(bytes, num_bytes, "odd graph") && holds(bytes, num_bytes, "author"));
    CHECK(!holds(bytes, num_bytes, "kerf.graph") && !holds(bytes, num_bytes, "kerf.opset"));
    free(bytes);
    check_same_graph(m.g, back.g);
    check_same_state(m.s, back.s);
    destroy(back);
    destroy(m);
}

/* ---- masks ------------------------------------------------------------------------------- */

/* Puts a mask behind fc1.weight whose every third element is 0; returns its result. */
static kerf_value *add_mask(model m)
{
    kerf_value *w = kerf_graph_find(m.g, "fc1.weight"), *mask;
    kerf_node *gemm = NULL, *n;
    for (int i = 0; i < kerf_graph_num_nodes(m.g); i++)
        if (strcmp(kerf_node_name(kerf_graph_node(m.g, i)), "fc1") == 0)
            gemm = kerf_graph_node(m.g, i);
    size_t num = (size_t)kerf_shape_num_elements(w->shape);
    unsigned char *bits = calloc(num, 1);
    for (size_t i = 0; i < num; i++)
        bits[i] = i % 3 != 0;
    int id;
    CHECK_OK(kerf_state_add(m.s, "fc1.weight.mask", KERF_ROLE_MASK, w->state_id, KERF_BOOL,
                            w->shape, &id));
    CHECK_OK(kerf_state_write(m.s, id, bits));
    CHECK_OK(kerf_graph_add_state(m.g, "fc1.weight.mask", id, KERF_BOOL, w->shape, &mask));
    CHECK_OK(
        kerf_graph_add_node(m.g, "kerf.Mask", "fc1.masked", (kerf_value *[]){w, mask}, 2, 1, &n));
    kerf_node_output(n, 0)->shape = w->shape;
    kerf__node_set_input(gemm, 1, kerf_node_output(n, 0));
    CHECK_OK(kerf__graph_sort(m.g));
    free(bits);
    return kerf_node_output(n, 0);
}

static void check_masked(const kerf_state *s, const kerf_state *back, const char *name)
{
    const kerf_state_entry *got = kerf_state_find(back, name);
    CHECK(got != NULL);
    if (got == NULL)
        return;
    const float *w = kerf_tensor_data(kerf_state_find(s, "fc1.weight")->tensor);
    const float *x = kerf_tensor_data(got->tensor);
    for (size_t i = 0; i < kerf_tensor_num_elements(got->tensor); i++) {
        float want = i % 3 != 0 ? w[i] : 0.0f;
        CHECK(memcmp(&x[i], &want, sizeof want) == 0);
    }
}

static void test_mask(void)
{
    model m = create_net(), plain = create_net();
    add_mask(m);
    model back = reread(m);
    check_same_graph(plain.g, back.g); /* the file is as if there had never been a mask */
    CHECK(kerf_state_find(back.s, "fc1.weight.mask") == NULL);
    check_masked(m.s, back.s, "fc1.weight");
    check_same_state(plain.s, m.s); /* masked in the file only */
    destroy(back);
    destroy(plain);
    destroy(m);
}

/* A weight that something else reads unmasked stands in the file twice. */
static void test_mask_of_shared_weight(void)
{
    model m = create_net();
    add_mask(m);
    CHECK_OK(kerf_graph_add_output(m.g, kerf_graph_find(m.g, "fc1.weight")));
    model back = reread(m);
    check_masked(m.s, back.s, "fc1.masked");
    check_same_value(kerf_graph_find(m.g, "fc1.weight"), kerf_graph_output(back.g, 1));
    CHECK(same_tensor(kerf_state_find(m.s, "fc1.weight")->tensor,
                      kerf_state_find(back.s, "fc1.weight")->tensor));
    destroy(back);
    destroy(m);
}

static void test_mask_as_output(void)
{
    model m = create_net();
    CHECK_OK(kerf_graph_add_output(m.g, add_mask(m)));
    model back = reread(m);
    check_masked(m.s, back.s, "fc1.masked");
    CHECK(kerf_state_find(back.s, "fc1.weight") == NULL);
    destroy(back);
    destroy(m);
}

/* ---- refused ----------------------------------------------------------------------------- */

static void check_refused(model m, kerf_status status, const char *message)
{
    void *bytes;
    size_t num_bytes;
    CHECK_STATUS(status, kerf_onnx_serialize(m.g, m.s, &bytes, &num_bytes));
    CHECK(bytes == NULL && num_bytes == 0);
    check_message(message);
}

static void test_refused_nodes(void)
{
    kerf_node *n;
    model m = create_net();
    kerf_value *in = kerf_graph_input(m.g, 0);
    CHECK_OK(kerf_graph_add_node(m.g, "kerf.ReluGrad", "back", &in, 1, 1, &n));
    check_refused(m, KERF_ERR_UNSUPPORTED,
                  "node 'back' (kerf.ReluGrad): is Kerf's own and cannot be written to ONNX");
    destroy(m);
    m = create_net();
    CHECK_OK(kerf_node_set_int(kerf_graph_node(m.g, 1), "transC", 1));
    check_refused(m, KERF_ERR_UNSUPPORTED,
                  "node 'fc1' (Gemm): attribute 'transC' is not ONNX's and cannot be written");
    destroy(m);
    m = create_net();
    in = kerf_graph_input(m.g, 0);
    CHECK_OK(kerf_graph_add_node(m.g, "kerf.Mask", "m", (kerf_value *[]){in, in}, 2, 1, &n));
    check_refused(m, KERF_ERR_UNSUPPORTED,
                  "node 'm' (kerf.Mask): masks what is computed; only masks of weights can be "
                  "written to ONNX");
    destroy(m);
    m = create_net();
    kerf_value *w = kerf_graph_find(m.g, "fc1.weight"), *b = kerf_graph_find(m.g, "fc1.bias");
    CHECK_OK(kerf_graph_add_node(m.g, "kerf.Mask", "m", (kerf_value *[]){w, b}, 2, 1, &n));
    check_refused(m, KERF_ERR_SHAPE,
                  "node 'm' (kerf.Mask): the mask must be bool and have the weight's shape");
    destroy(m);
}

static void test_refused_state(void)
{
    model m = create_net();
    kerf_state_drop(m.s, kerf_value_state(kerf_graph_find(m.g, "fc2.bias")));
    check_refused(m, KERF_ERR_ARGUMENT, "'fc2.bias' is state 3, which the state does not hold");
    check_refused((model){m.g, NULL}, KERF_ERR_ARGUMENT,
                  "'fc1.weight' is state 0, which the state does not hold");
    destroy(m);
    m = create_net();
    CHECK_OK(kerf_state_slice(m.s, 0, 0, (const int64_t[]){0}, 1));
    check_refused(m, KERF_ERR_SHAPE, "'fc1.weight' has another type or shape than its state");
    destroy(m);
}

/* 2 GiB of zeros that nobody touches: refused before anything is copied. */
static void test_too_large(void)
{
    model m = create_net();
    kerf_value *c;
    kerf_tensor *t;
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_U8, KERF_SHAPE(1024, 2048, 1024)));
    CHECK_OK(kerf_graph_add_constant(m.g, "c", t, &c));
    CHECK_OK(kerf_graph_add_output(m.g, c));
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_onnx_serialize(m.g, m.s, &bytes, &num_bytes));
    CHECK(bytes == NULL);
    CHECK(strncmp(kerf_last_error(), "the model takes 21474", 21) == 0);
    CHECK(strstr(kerf_last_error(), " bytes, an ONNX file holds less than 2 GiB") != NULL);
    destroy(m);
}

/* A target that cannot be written stays as it is, and nothing else appears. */
static void test_refused_file(void)
{
    model m = create_net();
    CHECK_STATUS(KERF_ERR_FILE, kerf_onnx_write(m.g, m.s, "/nowhere/net.onnx"));
    check_message("/nowhere/net.onnx: cannot be written: No such file or directory");
    destroy(m);
}

/* ---- without memory ---------------------------------------------------------------------- */

static void test_no_memory(void)
{
    model m = create_net();
    add_mask(m);
    for (long n = 1;; n++) {
        void *bytes;
        size_t num_bytes;
        kerf__alloc_fail_at(n);
        kerf_status status = kerf_onnx_serialize(m.g, m.s, &bytes, &num_bytes);
        kerf__alloc_fail_at(0);
        CHECK((status == KERF_OK) == (bytes != NULL));
        free(bytes);
        if (status == KERF_OK)
            break;
        CHECK(status == KERF_ERR_MEMORY);
    }
    destroy(m);
}

int main(void)
{
    test_round_trip();
    test_file();
    test_odd();
    test_mask();
    test_mask_of_shared_weight();
    test_mask_as_output();
    test_refused_nodes();
    test_refused_state();
    test_too_large();
    test_refused_file();
    test_no_memory();
    return check_result();
}
