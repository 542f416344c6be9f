/* test_golden_packed.c -- the packed files of tests/golden/packed (make_packed.sh) are read with
 * the same bits for ever: each as the ONNX file beside it.  No changed byte of theirs does harm. */
#include <string.h>

#include "golden.h"
#include "io/packed_internal.h"
#include "kerf/io.h"
#include "kerf/packed.h"
#include "same_graph.h"

typedef struct model {
    kerf_graph *g;
    kerf_state *s;
} model;

static void free_model(model m)
{
    kerf_graph_destroy(m.g);
    kerf_state_destroy(m.s);
}

static const char *packed_beside(const char *onnx)
{
    static char path[2 * GOLDEN_PATH];
    snprintf(path, sizeof path, "%.*s.kerf", (int)(strlen(onnx) - strlen(".onnx")), onnx);
    return path;
}

static void check_same_model(const char *onnx)
{
    model got = {0}, want = {0};
    CHECK_OK(kerf_model_read(&got.g, &got.s, packed_beside(onnx), NULL));
    CHECK_OK(kerf_model_read(&want.g, &want.s, onnx, NULL));
    if (got.g != NULL && want.g != NULL) {
        check_same_graph(want.g, got.g);
        check_same_state(want.s, got.s);
        check_same_state(got.s, want.s);
    }
    free_model(got);
    free_model(want);
}

static kerf_status parse(const unsigned char *bytes, size_t num)
{
    model m;
    const kerf_status status = kerf_packed_parse(&m.g, &m.s, bytes, num, NULL);
    CHECK((status == KERF_OK) == (m.g != NULL));
    free_model(m);
    return status;
}

static void set_digest(unsigned char *bytes, size_t num)
{
    kerf__packed_seal(bytes, num, bytes[4]);
}

/* A byte becomes each other byte: the checksum tells. */
static void check_refused(unsigned char *bytes, size_t num, size_t at)
{
    for (int flip = 1; flip < 256; flip++) {
        bytes[at] ^= (unsigned char)flip;
        CHECK(parse(bytes, num) != KERF_OK);
        bytes[at] ^= (unsigned char)flip;
    }
}

/* Behind a checksum that knows of it, a bit: read or not, sanitizers look on. */
static void check_harmless(unsigned char *bytes, size_t num, size_t at)
{
    const unsigned char bit = (unsigned char)(1 << at * 5 % 8);
    bytes[at] ^= bit;
    set_digest(bytes, num);
    (void)parse(bytes, num);
    bytes[at] ^= bit;
    set_digest(bytes, num);
}

static void check_damage(const char *onnx)
{
    void *read;
    size_t num;
    CHECK_OK(kerf__file_read(packed_beside(onnx), 0, &read, &num));
    unsigned char *bytes = read;
    CHECK(num > KERF__PACKED_HEADER && num < 2048 && bytes[4] == 1);
    for (size_t at = 0; at < num; at++) {
        check_refused(bytes, num, at);
        if (at >= KERF__PACKED_HEADER)
            check_harmless(bytes, num, at);
    }
    CHECK_OK(parse(bytes, num));
    free(read);
}

int main(void)
{
    golden_each("packed", 12, check_same_model);
    golden_each("packed", 12, check_damage);
    return check_result();
}
