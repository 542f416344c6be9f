/* test_packed.c -- packed files: every form and type comes back bit for bit, few bytes are taken,
 * and no changed byte does harm. */
#include <string.h>
#include <xxhash.h>

#include "base/random.h"
#include "check.h"
#include "io/graph_coder.h"
#include "io/symbol_coder.h"
#include "io/weights_coder.h"
#include "kerf/kerf.h"

static uint32_t next(void)
{
    static uint64_t drawn;
    return kerf__random_u32(kerf__random_key(5, KERF__RANDOM_TEST, 2), 0, drawn++);
}

/* ---- symbols -----------------------------------------------------------------------------------
 */

static size_t check_symbols(const unsigned char *symbols, size_t num, size_t num_kinds)
{
    kerf__bytes out = {0};
    unsigned char *back = malloc(num + 1);
    CHECK_OK(kerf__symbols_encode(&out, symbols, num, num_kinds));
    kerf__reading in = {out.at, out.num};
    CHECK_OK(kerf__symbols_decode(back, num, num_kinds, &in));
    CHECK(in.left == 0 && memcmp(back, symbols, num) == 0);
    const size_t num_bytes = out.num;
    kerf__bytes_free(&out);
    free(back);
    return num_bytes;
}

static void test_symbols(void)
{
    enum { NUM = 20000 };
    static unsigned char symbols[NUM];
    for (size_t num = 0; num < 40; num++)
        check_symbols(symbols, num, 1 + num % 7);
    CHECK(check_symbols(symbols, NUM, 2) < 40);
    for (size_t i = 0; i < NUM; i++)
        symbols[i] = (unsigned char)next();
    CHECK(check_symbols(symbols, NUM, 256) <= NUM + 1); /* as they are */
    double bits = 0;
    for (size_t i = 0; i < NUM; i++) {
        symbols[i] = 0;
        while (symbols[i] < 15 && next() % 2 == 0)
            symbols[i]++;
        bits += symbols[i] < 15 ? symbols[i] + 1 : 15;
    }
    CHECK((double)check_symbols(symbols, NUM, 16) < 1.01 * bits / 8 + 40);
}

/* ---- graphs ------------------------------------------------------------------------------------
 */

static size_t check_graph(const unsigned char *graph, size_t num)
{
    kerf__bytes out = {0};
    unsigned char *back = malloc(num + 1);
    CHECK_OK(kerf__graph_encode(&out, graph, num));
    CHECK_OK(kerf__graph_decode(back, num, (kerf__reading){out.at, out.num}));
    CHECK(memcmp(back, graph, num) == 0);
    const kerf_status cut = kerf__graph_decode(back, num, (kerf__reading){out.at, out.num - 1});
    CHECK(cut == KERF_ERR_FORMAT);
    const size_t num_bytes = out.num;
    kerf__bytes_free(&out);
    free(back);
    return num_bytes;
}

static void test_graphs(void)
{
    enum { NUM = 40000 };
    static unsigned char graph[NUM];
    for (size_t num = 0; num < 20; num++)
        check_graph(graph, num);
    /* So much of so little would be refused: it lies there as it is. */
    CHECK(check_graph(graph, NUM) == NUM + 1);
    for (size_t i = 0; i < NUM; i++)
        graph[i] = (unsigned char)next();
    CHECK(check_graph(graph, NUM) == NUM + 1);
    for (size_t i = 0; i < NUM; i++)
        graph[i] = (unsigned char)((unsigned char)"layer1.conv2.weight"[i % 19] +
                                   (i % 19 == 5 ? i / 800 % 9 : 0));
    CHECK(check_graph(graph, NUM) < NUM / 40);
}

/* ---- tensors
 * ------------------------------------------------------------------------------------- */

static kerf_packed_form check_tensor(kerf_type type, kerf_shape shape, const void *bytes,
                                     size_t num_bytes)
{
    kerf__bytes out = {0};
    kerf_packed_form form = KERF_PACKED_DENSE;
    unsigned char *back = malloc(num_bytes + 1);
    CHECK_OK(kerf__weights_encode(&out, &form, bytes, type, shape));
    CHECK_OK(kerf__weights_check(type, shape, out.num));
    CHECK_OK(kerf__weights_decode(back, type, shape, (kerf__reading){out.at, out.num}));
    CHECK(memcmp(back, bytes, num_bytes) == 0);
    /* Cut anywhere, it is refused. */
    for (size_t num = 0; num < out.num; num += 1 + out.num / 37) {
        const kerf_status status =
            kerf__weights_decode(back, type, shape, (kerf__reading){out.at, num});
        CHECK(status == KERF_ERR_FORMAT || num_bytes == 0);
    }
    kerf__bytes_free(&out);
    free(back);
    return form;
}

static void test_every_type(void)
{
    enum { NUM = 61 * 7 };
    static unsigned char bytes[NUM * 8];
    for (int type = 0; type < KERF_NUM_TYPES; type++) {
        const size_t bits = kerf_type_bits((kerf_type)type);
        for (int sparse = 0; sparse < 2; sparse++) {
            for (size_t i = 0; i < NUM * bits / 8; i++)
                bytes[i] = sparse && i / 8 % 5 != 0 ? 0 : (unsigned char)(next() % 3 * 61);
            check_tensor((kerf_type)type, KERF_SHAPE(61, 7), bytes, NUM * bits / 8);
        }
        check_tensor((kerf_type)type, KERF_SHAPE(0), bytes, 0);
        check_tensor((kerf_type)type, KERF_SHAPE(3, 0, 2), bytes, 0);
        if (bits < 8) /* what is behind the last element is 0 */
            bytes[0] &= (unsigned char)((1u << bits) - 1);
        check_tensor((kerf_type)type, KERF_SCALAR, bytes, (bits + 7) / 8);
    }
}

/* What each is best at. */
static void test_forms(void)
{
    enum { ROWS = 60, COLUMNS = 100, NUM = ROWS * COLUMNS };
    static float x[NUM];
    const kerf_shape shape = KERF_SHAPE(ROWS, COLUMNS);
    for (int i = 0; i < NUM; i++)
        x[i] = (float)next() / 4294967296.0f - 0.5f;
    CHECK(check_tensor(KERF_F32, shape, x, sizeof x) == KERF_PACKED_DENSE);
    for (int i = 0; i < NUM; i++)
        x[i] = next() % 10 == 0 ? x[i] : 0;
    CHECK(check_tensor(KERF_F32, shape, x, sizeof x) == KERF_PACKED_SPARSE);
    for (int i = 0; i < NUM; i++)
        x[i] = (float)(next() % 16) / 8 - 1.03f;
    CHECK(check_tensor(KERF_F32, shape, x, sizeof x) == KERF_PACKED_TABLE);
    for (int i = 0; i < NUM; i++)
        x[i] = i % COLUMNS < 7 ? x[i] : 0;
    CHECK(check_tensor(KERF_F32, shape, x, sizeof x) == KERF_PACKED_SPARSE_TABLE);
    x[3] = -0.0f; /* a bit of its own */
    check_tensor(KERF_F32, shape, x, sizeof x);
}

/* A few bytes do not stand for a city of zeros. */
static void test_claims(void)
{
    CHECK_STATUS(KERF_ERR_FORMAT, kerf__weights_check(KERF_F32, KERF_SHAPE(1 << 30, 1 << 10), 100));
    CHECK_OK(kerf__weights_check(KERF_F32, KERF_SHAPE(1000, 1000), 100));
}

/* ---- files
 * --------------------------------------------------------------------------------------- */

typedef struct file {
    unsigned char *bytes;
    size_t num;
} file;

/* A pruned network, packed; onnx: the same unpacked. */
static file packed_network(const char *net, file *onnx)
{
    kerf_graph *g;
    kerf_state *s;
    file f;
    void *bytes;
    CHECK_OK(kerf_net_create(&g, &s, net, &(kerf_net_options){.seed = 3, .width = 0.2}, NULL));
    CHECK_OK(kerf_packed_serialize(g, s, &bytes, &f.num, NULL, NULL));
    f.bytes = bytes;
    CHECK_OK(kerf_onnx_serialize(g, s, &bytes, &onnx->num));
    onnx->bytes = bytes;
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return f;
}

static kerf_status parse(const unsigned char *bytes, size_t num, file *onnx)
{
    kerf_graph *g;
    kerf_state *s;
    void *written = NULL;
    const kerf_status status = kerf_packed_parse(&g, &s, bytes, num, NULL);
    if (status != KERF_OK) {
        CHECK(g == NULL && s == NULL);
        return status;
    }
    if (onnx != NULL)
        CHECK_OK(kerf_onnx_serialize(g, s, &written, &onnx->num));
    if (onnx != NULL)
        onnx->bytes = written;
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return KERF_OK;
}

static void test_the_same_bits(void)
{
    static const char *const NETS[] = {"lenet-300-100", "lenet-5", "resnet-18-cifar"};
    for (size_t i = 0; i < sizeof NETS / sizeof NETS[0]; i++) {
        file want, got = {0}, f = packed_network(NETS[i], &want);
        CHECK_OK(parse(f.bytes, f.num, &got));
        CHECK(got.num == want.num && memcmp(got.bytes, want.bytes, got.num) == 0);
        CHECK(f.num < want.num);
        free(got.bytes);
        free(want.bytes);
        free(f.bytes);
    }
}

static void set_digest(file f)
{
    const uint64_t digest = XXH64(f.bytes + 16, f.num - 16, 0);
    memcpy(f.bytes + 8, &digest, sizeof digest);
}

/* Each byte changed: refused, as the checksum tells.  With the checksum made anew: refused or not,
 * but never any harm (sanitizers look on). */
static void test_flips(void)
{
    file onnx, f = packed_network("lenet-300-100", &onnx);
    const size_t step = f.num / 1000 + 1;
    for (size_t at = 0; at < f.num; at += at < 500 ? 1 : step) {
        const unsigned char was = f.bytes[at];
        f.bytes[at] = (unsigned char)(was ^ (1u << next() % 8));
        CHECK(parse(f.bytes, f.num, NULL) != KERF_OK);
        if (at >= 16) {
            set_digest(f);
            (void)parse(f.bytes, f.num, NULL);
        }
        f.bytes[at] = was;
        set_digest(f);
    }
    CHECK_OK(parse(f.bytes, f.num, NULL));
    for (size_t num = 0; num < f.num; num += 1 + f.num / 97)
        CHECK_STATUS(KERF_ERR_FORMAT, parse(f.bytes, num, NULL));
    f.bytes[4] = 3;
    CHECK_STATUS(KERF_ERR_UNSUPPORTED, parse(f.bytes, f.num, NULL));
    CHECK(strstr(kerf_last_error(), "version 3") != NULL);
    free(f.bytes);
    free(onnx.bytes);
}

/* ---- a file that claims ------------------------------------------------------------------------
 */

static void add_text(kerf__bytes *to, unsigned char tag, const char *text)
{
    CHECK_OK(kerf__bytes_add(to, &tag, 1));
    CHECK_OK(kerf__bytes_add_number(to, strlen(text)));
    CHECK_OK(kerf__bytes_add(to, text, strlen(text)));
}

/* A field that has fields; they are freed. */
static void add_field(kerf__bytes *to, unsigned char tag, kerf__bytes *fields)
{
    CHECK_OK(kerf__bytes_add(to, &tag, 1));
    CHECK_OK(kerf__bytes_add_number(to, fields->num));
    CHECK_OK(kerf__bytes_add(to, fields->at, fields->num));
    kerf__bytes_free(fields);
}

static void add_entry(kerf__bytes *tensor, const char *key, const char *value)
{
    kerf__bytes entry = {0};
    add_text(&entry, 0x0A, key);
    add_text(&entry, 0x12, value);
    add_field(tensor, 0x6A, &entry);
}

/* A model whose only weight, float32 of rows x columns, lies in a packed file's part. */
static kerf__bytes claiming_model(uint64_t rows, uint64_t columns, const char *part)
{
    kerf__bytes model = {0}, graph = {0}, node = {0}, tensor = {0};
    add_text(&node, 0x0A, "w");
    add_text(&node, 0x12, "y");
    add_text(&node, 0x22, "Relu");
    add_field(&graph, 0x0A, &node);
    CHECK_OK(kerf__bytes_add(&tensor, "\x08", 1));
    CHECK_OK(kerf__bytes_add_number(&tensor, rows));
    CHECK_OK(kerf__bytes_add(&tensor, "\x08", 1));
    CHECK_OK(kerf__bytes_add_number(&tensor, columns));
    CHECK_OK(kerf__bytes_add(&tensor, "\x10\x01\x70\x01", 4)); /* float32, elsewhere */
    add_text(&tensor, 0x42, "w");
    add_entry(&tensor, "location", "kerf");
    add_entry(&tensor, "offset", part);
    add_field(&graph, 0x2A, &tensor);
    CHECK_OK(kerf__bytes_add(&model, "\x08\x08\x42\x02\x10\x11", 6)); /* IR 8, opset 17 */
    add_field(&model, 0x3A, &graph);
    return model;
}

/* Docs/format.md, word for word: the graph as it is, one part of 9 bytes. */
static void check_claim(uint64_t rows, uint64_t columns, const char *part, const char *words)
{
    static const unsigned char PART[9] = {0};
    kerf__bytes out = {0}, model = claiming_model(rows, columns, part);
    CHECK_OK(kerf__bytes_add(&out, "KERF\1\0\0\0........", 16));
    CHECK_OK(kerf__bytes_add_number(&out, model.num));
    CHECK_OK(kerf__bytes_add_number(&out, model.num + 1));
    CHECK_OK(kerf__bytes_add(&out, "\x01\x09\x00", 3));
    CHECK_OK(kerf__bytes_add(&out, model.at, model.num));
    CHECK_OK(kerf__bytes_add(&out, PART, sizeof PART));
    set_digest((file){out.at, out.num});
    CHECK_STATUS(KERF_ERR_FORMAT, parse(out.at, out.num, NULL));
    CHECK(strstr(kerf_last_error(), words) != NULL);
    kerf__bytes_free(&model);
    kerf__bytes_free(&out);
}

static void test_claims_of_files(void)
{
    const uint64_t k = 1 << 10, m = 1 << 20, g = 1 << 30;
    check_claim(
        g, g, "0",
        "initializer 'w': packed weights: 1152921504606846976 elements cannot lie in 9 bytes");
    check_claim(m, m, "0", "1099511627776 elements cannot lie in 9 bytes");
    check_claim(g << 32, 2, "0", "is too large to be true");
    check_claim(k, k, "0", "initializer 'w': packed file: 1048569 bytes are missing");
    check_claim(2, 2, "0", "initializer 'w': packed file: 2 bytes are missing");
    check_claim(2, 2, "1", "initializer 'w': lies in no part of the packed file");
}

/* ---- a file checked ----------------------------------------------------------------------------
 */

static size_t skip_number(file f, size_t at)
{
    while ((f.bytes[at++] & 0x80) != 0) {
    }
    return at;
}

/* The file with one more part, of a byte, that no tensor asks for. */
static file with_a_part_more(file f)
{
    const size_t num_at = skip_number(f, skip_number(f, 16));
    file out = {malloc(f.num + 2), f.num + 2};
    memcpy(out.bytes, f.bytes, num_at + 1);
    out.bytes[num_at]++;
    size_t sizes = num_at + 1; /* fewer than 127 parts */
    for (int i = 0; i < f.bytes[num_at]; i++)
        sizes = skip_number(f, sizes);
    memcpy(out.bytes, f.bytes, sizes);
    out.bytes[num_at]++;
    out.bytes[sizes] = 1;
    memcpy(out.bytes + sizes + 1, f.bytes + sizes, f.num - sizes);
    out.bytes[out.num - 1] = 0;
    set_digest(out);
    return out;
}

static kerf_status check_file(const char *path, file f, size_t *num)
{
    kerf_packed_tensor *told;
    size_t num_bytes;
    FILE *to = fopen(path, "wb");
    CHECK(to != NULL && fwrite(f.bytes, 1, f.num, to) == f.num && fclose(to) == 0);
    const kerf_status status = kerf_packed_check(path, &told, num, &num_bytes);
    CHECK(status == KERF_OK ? num_bytes == f.num : told == NULL && *num == 0);
    free(told);
    remove(path);
    return status;
}

static void test_check(void)
{
    const char *path = "packed_check.kerf";
    file onnx, f = packed_network("lenet-300-100", &onnx), more = with_a_part_more(f);
    size_t num;
    CHECK_OK(check_file(path, f, &num));
    CHECK(num == 6);
    CHECK_OK(parse(more.bytes, more.num, NULL)); /* to read it does no harm */
    CHECK_STATUS(KERF_ERR_FORMAT, check_file(path, more, &num));
    CHECK(strstr(kerf_last_error(), "packed_check.kerf: part 6 is no tensor's") != NULL);
    f.bytes[f.num / 2] ^= 1;
    CHECK_STATUS(KERF_ERR_FORMAT, check_file(path, f, &num));
    free(more.bytes);
    free(f.bytes);
    free(onnx.bytes);
}

int main(void)
{
    test_check();
    test_symbols();
    test_graphs();
    test_every_type();
    test_forms();
    test_claims();
    test_the_same_bits();
    test_flips();
    test_claims_of_files();
    return check_result();
}
