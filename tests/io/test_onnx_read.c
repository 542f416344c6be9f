/* Reading ONNX: every golden model, what becomes of it, and every fault told in its words. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "golden.h"
#include "kerf/io.h"
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

static model read_golden(const char *which, const char *name)
{
    char folder[GOLDEN_PATH], path[2 * GOLDEN_PATH];
    model m;
    snprintf(path, sizeof path, "%s/%s.onnx", golden_folder(which, folder), name);
    CHECK_OK(kerf_onnx_read(&m.g, &m.s, path, NULL));
    if (m.g == NULL)
        exit(check_result());
    return m;
}

static model read_good(const char *name)
{
    return read_golden("good", name);
}

/* ---- all of good ------------------------------------------------------------------------- */

/* Read, written and read again is the same. */
static void check_good(const char *path)
{
    model m, back;
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_onnx_read(&m.g, &m.s, path, NULL));
    if (m.g == NULL)
        return;
    CHECK_OK(kerf_graph_verify(m.g));
    CHECK_OK(kerf_onnx_serialize(m.g, m.s, &bytes, &num_bytes));
    CHECK_OK(kerf_onnx_parse(&back.g, &back.s, bytes, num_bytes, NULL, NULL));
    int renamed = strstr(path, "node_names_twice") != NULL; /* see test_node_names */
    if (back.g != NULL && !renamed) {
        check_same_graph(m.g, back.g);
        check_same_state(m.s, back.s);
    }
    free(bytes);
    destroy(back);
    destroy(m);
}

/* ---- some of good, looked at ------------------------------------------------------------- */

static void test_mlp(void)
{
    model m = read_good("mlp_13");
    const kerf_state_entry *w = kerf_state_find(m.s, "fc1.weight");
    CHECK(w != NULL && w->role == KERF_ROLE_WEIGHT);
    const float *x = kerf_tensor_data(w->tensor);
    for (int i = 0; i < 20; i++)
        CHECK(x[i] == (float)(i * 7 % 11 - 5) / 8);
    kerf_node *fc1 = kerf_graph_node(m.g, 1);
    check_same_text("node", kerf_node_name(fc1), "fc1");
    CHECK(kerf_node_int(fc1, "transB", 0) == 1);
    kerf_shape in = kerf_value_shape(kerf_graph_input(m.g, 0));
    CHECK(in.rank == 4 && in.dims[3] == 2);
    check_same_text("symbol", kerf_graph_symbol_name(m.g, in.dims[0]), "N");
    destroy(m);
    m = read_good("mlp_17");
    check_same_text("prep", kerf_graph_metadata(m.g, "kerf.prep"), "scale=1/255");
    check_same_text("author", kerf_graph_metadata(m.g, "author"), "golden");
    destroy(m);
}

static const void *constant(model m, const char *name, kerf_type type)
{
    static const unsigned char none[64];
    const kerf_value *v = kerf_graph_find(m.g, name);
    CHECK(v != NULL && v->kind == KERF__VALUE_CONSTANT && v->type == type);
    return v != NULL && v->constant != NULL ? kerf_tensor_data(v->constant) : none;
}

static void test_types(void)
{
    model m = read_good("typed_data");
    CHECK(memcmp(constant(m, "i", KERF_S32), (const int32_t[]){INT32_MIN, INT32_MAX}, 8) == 0);
    CHECK(memcmp(constant(m, "l", KERF_S64), (const int64_t[]){INT64_MIN, INT64_MAX}, 16) == 0);
    CHECK(memcmp(constant(m, "u", KERF_U8), "\x00\xFF", 2) == 0);
    CHECK(memcmp(constant(m, "s", KERF_S8), "\x80\x7F", 2) == 0);
    CHECK(memcmp(constant(m, "b", KERF_BOOL), "\1\0", 2) == 0);
    CHECK(memcmp(constant(m, "n", KERF_S16), (const int16_t[]){INT16_MIN, INT16_MAX}, 4) == 0);
    CHECK(memcmp(constant(m, "v", KERF_U16), (const uint16_t[]){0, UINT16_MAX}, 4) == 0);
    const kerf_state_entry *f = kerf_state_find(m.s, "f"), *h = kerf_state_find(m.s, "h");
    CHECK(memcmp(kerf_tensor_data(f->tensor), "\0\0\0\x3F\0\0\0\x80", 8) == 0); /* 0.5, -0 */
    CHECK(kerf_tensor_type(h->tensor) == KERF_F16);
    CHECK(memcmp(kerf_tensor_data(h->tensor), "\x00\x3E\x00\xC0", 4) == 0);
    destroy(m);
}

/* The first element lies in the lowest bits, and nothing behind the last. */
static void test_packed(void)
{
    model m = read_good("packed_4");
    CHECK(memcmp(constant(m, "s4", KERF_S4), "\xE1\xC3\x05", 3) == 0);
    CHECK(memcmp(constant(m, "u4", KERF_U4), "\xE1\xC3\x05", 3) == 0);
    destroy(m);
    m = read_good("packed_2");
    CHECK(memcmp(constant(m, "s2", KERF_S2), "\xC9\x01", 2) == 0);
    CHECK(memcmp(constant(m, "u2", KERF_U2), "\xC9\x01", 2) == 0);
    destroy(m);
}

static void test_constants(void)
{
    model m = read_good("constants");
    CHECK(*(const float *)constant(m, "half", KERF_F32) == 0.5f);
    CHECK(memcmp(constant(m, "to", KERF_S64), (const int64_t[]){0, 4}, 16) == 0);
    CHECK(*(const int64_t *)constant(m, "two", KERF_S64) == 2);
    const float *three = constant(m, "three", KERF_F32);
    CHECK(three[0] == 1 && three[1] == 2 && three[2] == 3);
    CHECK(((const float *)constant(m, "b", KERF_F32))[1] == 0.25f);
    CHECK(kerf_state_num_ids(m.s) == 1 && kerf_graph_num_nodes(m.g) == 5);
    destroy(m);
}

/* Who reads an initializer decides what it becomes; a scalar is never trained. */
static void test_roles(void)
{
    model m = read_good("batch_norm");
    static const struct {
        const char *name;
        kerf_role role;
    } wanted[] = {{"scale", KERF_ROLE_WEIGHT},
                  {"bias", KERF_ROLE_WEIGHT},
                  {"mean", KERF_ROLE_STATISTIC},
                  {"var", KERF_ROLE_STATISTIC}};
    for (int i = 0; i < 4; i++)
        CHECK(kerf_state_find(m.s, wanted[i].name)->role == wanted[i].role);
    destroy(m);
    m = read_good("two_uses");
    for (int i = 0; i < 4; i++)
        CHECK(kerf_state_find(m.s, wanted[i].name)->role == KERF_ROLE_WEIGHT);
    destroy(m);
    m = read_good("paddle"); /* Constant nodes, too, if a layer reads them; and open dimensions */
    CHECK(kerf_state_find(m.s, "fc.w")->role == KERF_ROLE_WEIGHT);
    CHECK(kerf_state_find(m.s, "fc.b")->role == KERF_ROLE_WEIGHT);
    CHECK(((const float *)constant(m, "half", KERF_F32))[1] == 0.25f);
    CHECK(kerf_value_shape(kerf_graph_input(m.g, 0)).dims[0] !=
          kerf_value_shape(kerf_graph_output(m.g, 0)).dims[0]);
    destroy(m);
    m = read_good("unused");
    CHECK(kerf_state_num_ids(m.s) == 0 && kerf_graph_find(m.g, "i") == NULL);
    destroy(m);
    m = read_good("scalar_and_empty");
    CHECK(*(const float *)constant(m, "two", KERF_F32) == 2);
    const kerf_state_entry *none = kerf_state_find(m.s, "none");
    CHECK(none != NULL && kerf_tensor_size_bytes(none->tensor) == 0);
    destroy(m);
    m = read_good("initializers_as_inputs");
    CHECK(kerf_graph_num_inputs(m.g) == 1 && kerf_state_num_ids(m.s) == 2);
    destroy(m);
}

static void test_external(void)
{
    static const char *const names[] = {"external", "external_plain"};
    for (int i = 0; i < 2; i++) {
        model m = read_good(names[i]);
        const float *w = kerf_tensor_data(kerf_state_find(m.s, "w")->tensor);
        for (int k = 0; k < 12; k++)
            CHECK(w[k] == (float)(k * 7 % 11 - 5) / 8);
        destroy(m);
    }
}

static void test_graph_forms(void)
{
    model m = read_good("unsorted");
    static const char *const order[] = {"first", "second", "third"};
    for (int i = 0; i < 3; i++)
        check_same_text("node", kerf_node_name(kerf_graph_node(m.g, i)), order[i]);
    destroy(m);
    m = read_good("left_out");
    const kerf_node *clip = kerf_graph_node(m.g, 0), *drop = kerf_graph_node(m.g, 1);
    CHECK(kerf_node_num_inputs(clip) == 3 && kerf_node_input(clip, 1) == NULL);
    CHECK(*(const float *)constant(m, "top", KERF_F32) == 0.25f);
    CHECK(kerf_node_num_inputs(drop) == 1 && kerf_node_num_outputs(drop) == 1);
    destroy(m);
    m = read_good("foreign");
    check_same_text("operation", kerf_node_op(kerf_graph_node(m.g, 0)), "com.microsoft.Gelu");
    destroy(m);
    m = read_good("unnamed_dimensions");
    kerf_shape x = kerf_value_shape(kerf_graph_input(m.g, 0));
    kerf_shape y = kerf_value_shape(kerf_graph_output(m.g, 0));
    CHECK(x.dims[0] == -1 && x.dims[1] == 4 && x.dims[2] == -2);
    CHECK(y.dims[0] == -3 && y.dims[1] == -4 && y.dims[2] == -5);
    destroy(m);
    m = read_good("value_info");
    kerf_shape a = kerf_value_shape(kerf_graph_find(m.g, "a"));
    CHECK(a.rank == 2 && a.dims[1] == 4);
    CHECK(kerf_value_shape(kerf_graph_find(m.g, "b")).rank == -1); /* half a shape is none */
    destroy(m);
}

/* Two nodes of one name are read, but not written: ONNX Runtime refuses them. */
static void test_node_names(void)
{
    model m = read_good("node_names_twice"), back;
    static const char *const names[] = {"r", "r_1", "r_2", "r_3"};
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_onnx_serialize(m.g, m.s, &bytes, &num_bytes));
    CHECK_OK(kerf_onnx_parse(&back.g, &back.s, bytes, num_bytes, NULL, NULL));
    for (int i = 0; i < 4; i++) {
        check_same_text("node", kerf_node_name(kerf_graph_node(m.g, i)), "r");
        check_same_text("node", kerf_node_name(kerf_graph_node(back.g, i)), names[i]);
    }
    free(bytes);
    destroy(back);
    destroy(m);
}

/* ---- all of bad -------------------------------------------------------------------------- */

/* The line "NAME: MESSAGE" of messages.txt, with PATH and FOLDER put in. */
static int find_message(const char *path, char *message, size_t message_bytes)
{
    char folder[GOLDEN_PATH], list[2 * GOLDEN_PATH], key[GOLDEN_PATH];
    void *text;
    size_t num;
    snprintf(list, sizeof list, "%s/messages.txt", golden_folder("bad", folder));
    CHECK_OK(kerf__file_read(list, 0, &text, &num));
    snprintf(key, sizeof key, "\n%s: ", strrchr(path, '/') + 1);
    char *line = text != NULL ? strstr(text, key) : NULL;
    if (line == NULL) {
        free(text);
        return 0;
    }
    line += strlen(key);
    line[strcspn(line, "\n")] = '\0';
    const char *mark = strstr(line, "FOLDER");
    if (mark != NULL)
        snprintf(message, message_bytes, "%s: %.*s%s%s", path, (int)(mark - line), line, folder,
                 mark + strlen("FOLDER"));
    else
        snprintf(message, message_bytes, "%s: %s", path, line);
    free(text);
    return 1;
}

static void check_bad(const char *path)
{
    char message[8 * GOLDEN_PATH];
    model m;
    if (!find_message(path, message, sizeof message)) {
        printf("%s: messages.txt does not say what is wrong with it\n", path);
        check_failures++;
        return;
    }
    if (kerf_onnx_read(&m.g, &m.s, path, NULL) == KERF_OK) {
        printf("%s: was read, must be refused\n", path);
        check_failures++;
    } else {
        check_message(message);
    }
    CHECK(m.g == NULL && m.s == NULL);
    destroy(m);
}

/* ---- what no committed file can show ----------------------------------------------------- */

/* message NULL: is read. */
static void check_parse(const void *bytes, size_t num_bytes, const char *folder,
                        const char *message)
{
    model m;
    if (kerf_onnx_parse(&m.g, &m.s, bytes, num_bytes, folder, NULL) == KERF_OK)
        CHECK(message == NULL);
    else
        check_message(message);
    destroy(m);
}

/* Two bytes a message that become some hundred: refused before the memory is gone. */
static void test_bomb(void)
{
    size_t num_bytes = (size_t)8 << 20;
    unsigned char *bytes = malloc(num_bytes);
    for (size_t i = 0; i < num_bytes; i += 2) {
        bytes[i] = 14 << 3 | 2; /* metadata_props, an empty one */
        bytes[i + 1] = 0;
    }
    check_parse(bytes, num_bytes, NULL,
                "not a sound ONNX model: it unpacks to more than 16 times its size");
    free(bytes);
}

/* Links inside the folder are followed, those that leave it are not, nor is a folder data. */
static void test_links(void)
{
    char folder[] = "/tmp/kerf-test-XXXXXX", good[GOLDEN_PATH], path[2 * GOLDEN_PATH];
    char link[128], inside[128], sibling[128], data_of_sibling[256];
    void *bytes;
    size_t num_bytes;
    CHECK(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/external.onnx", golden_folder("good", good));
    CHECK_OK(kerf__file_read(path, 0, &bytes, &num_bytes));
    snprintf(link, sizeof link, "%s/external.bin", folder);
    snprintf(inside, sizeof inside, "%s/data", folder);
    snprintf(path, sizeof path, "%s/external.bin", good);
    char *absolute = realpath(path, NULL);
    CHECK(absolute != NULL && symlink(absolute, link) == 0);
    free(absolute);
    check_parse(
        bytes, num_bytes, folder,
        "initializer 'w': external data 'external.bin' is a link out of the model's folder");
    unlink(link);
    /* A folder whose name begins like the model's is not the model's. */
    snprintf(sibling, sizeof sibling, "%s2", folder);
    snprintf(data_of_sibling, sizeof data_of_sibling, "%s/data", sibling);
    CHECK(mkdir(sibling, 0700) == 0 && symlink(data_of_sibling, link) == 0);
    CHECK_OK(kerf__file_write(data_of_sibling, bytes, num_bytes));
    check_parse(
        bytes, num_bytes, folder,
        "initializer 'w': external data 'external.bin' is a link out of the model's folder");
    unlink(data_of_sibling);
    rmdir(sibling);
    unlink(link);
    void *data;
    size_t num_data;
    CHECK_OK(kerf__file_read(path, 0, &data, &num_data));
    CHECK_OK(kerf__file_write(inside, data, num_data));
    CHECK(symlink("data", link) == 0);
    check_parse(bytes, num_bytes, folder, NULL);
    unlink(link);
    CHECK(mkdir(link, 0700) == 0);
    check_parse(bytes, num_bytes, folder,
                "initializer 'w': external data 'external.bin' is not a file");
    rmdir(link);
    CHECK(mkfifo(link, 0600) == 0); /* must not wait for someone to write */
    check_parse(bytes, num_bytes, folder,
                "initializer 'w': external data 'external.bin' is not a file");
    check_parse(bytes, num_bytes, NULL,
                "initializer 'w': has external data, which a model from memory or a pipe cannot "
                "have");
    unlink(link);
    unlink(inside);
    rmdir(folder);
    free(data);
    free(bytes);
}

static void test_files(void)
{
    model m;
    CHECK_STATUS(KERF_ERR_FILE, kerf_onnx_read(&m.g, &m.s, "/nowhere.onnx", NULL));
    check_message("/nowhere.onnx: cannot be read: No such file or directory");
    CHECK_STATUS(KERF_ERR_FILE, kerf_onnx_read(&m.g, &m.s, "/tmp", NULL));
    check_message("/tmp: is a folder, must be a file");
}

/* ---- without memory ---------------------------------------------------------------------- */

static void check_no_memory(const char *path)
{
    for (long n = 1;; n++) {
        model m;
        kerf__alloc_fail_at(n);
        kerf_status status = kerf_onnx_read(&m.g, &m.s, path, NULL);
        kerf__alloc_fail_at(0);
        CHECK((status == KERF_OK) == (m.g != NULL) && (m.g != NULL) == (m.s != NULL));
        destroy(m);
        if (status == KERF_OK)
            return;
        CHECK(status == KERF_ERR_MEMORY);
    }
}

/* Of a form for training, what only training asks for is not there any more. */
static void test_training_form(void)
{
    model m = read_golden("pytorch", "mobilenet_training");
    int num_norms = 0, num_drops = 0;
    for (int i = 0; i < kerf_graph_num_nodes(m.g); i++) {
        const kerf_node *n = kerf_graph_node(m.g, i);
        const int norm = strcmp(kerf_node_op(n), "BatchNormalization") == 0;
        const int drop = strcmp(kerf_node_op(n), "Dropout") == 0;
        if (norm || drop)
            CHECK(kerf_node_num_outputs(n) == 1 && kerf_node_num_inputs(n) == (norm ? 5 : 2));
        CHECK(kerf_node_int(n, "training_mode", 0) == 0);
        num_norms += norm;
        num_drops += drop;
    }
    CHECK(num_norms == 10 && num_drops == 1);
    for (size_t i = 0; i < m.g->num_values; i++)
        CHECK(kerf__value_num_uses(m.g->values[i]) > 0);
    destroy(m);
}

int main(void)
{
    golden_each("good", 20, check_good);
    test_mlp();
    test_types();
    test_packed();
    test_constants();
    test_roles();
    test_training_form();
    test_external();
    test_graph_forms();
    test_node_names();
    golden_each("bad", 80, check_bad);
    test_bomb();
    test_links();
    test_files();
    golden_each("good", 20, check_no_memory);
    return check_result();
}
