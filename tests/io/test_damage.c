/* Every golden model cut at every byte, and with every byte changed in several ways: it is
 * read or it is refused with a message; the sanitizers see to the rest.  What is read must
 * pass its own checks and can be written. */
#include <string.h>

#include "golden.h"
#include "kerf/io.h"
#include "kerf/nets.h"

static long num_read, num_refused;

static void parse_onnx(const void *bytes, size_t num_bytes, const char *folder)
{
    kerf_graph *g;
    kerf_state *s;
    void *written;
    size_t num_written;
    if (kerf_onnx_parse(&g, &s, bytes, num_bytes, folder, NULL) != KERF_OK) {
        CHECK(g == NULL && s == NULL && kerf_last_error()[0] != '\0');
        num_refused++;
        return;
    }
    num_read++;
    CHECK_OK(kerf_graph_verify(g));
    if (kerf_onnx_serialize(g, s, &written, &num_written) != KERF_OK)
        CHECK(written == NULL);
    free(written);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

static void parse_saved(const void *bytes, size_t num_bytes, const char *folder)
{
    kerf_graph *g;
    (void)folder;
    if (kerf_graph_parse(&g, bytes, num_bytes) != KERF_OK) {
        CHECK(g == NULL && kerf_last_error()[0] != '\0');
        num_refused++;
        return;
    }
    num_read++;
    CHECK_OK(kerf_graph_verify(g));
    kerf_graph_destroy(g);
}

typedef void (*parser)(const void *bytes, size_t num_bytes, const char *folder);

/* Each piece lies in memory of exactly its size, so that one byte too far is seen. */
static void cut(parser parse, const void *bytes, size_t num_bytes, const char *folder)
{
    for (size_t length = 0; length < num_bytes; length++) {
        void *piece = malloc(length + (length == 0));
        if (length > 0)
            memcpy(piece, bytes, length);
        parse(piece, length, folder);
        free(piece);
    }
}

static void change(parser parse, unsigned char *bytes, size_t num_bytes, const char *folder)
{
    static const unsigned char flips[] = {0x01, 0x02, 0x08, 0x40, 0x80, 0xFF};
    for (size_t i = 0; i < num_bytes; i++)
        for (size_t k = 0; k < sizeof flips; k++) {
            bytes[i] ^= flips[k];
            parse(bytes, num_bytes, folder);
            bytes[i] ^= flips[k];
        }
}

static void damage_onnx(const char *path)
{
    char folder[GOLDEN_PATH];
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf__file_read(path, 0, &bytes, &num_bytes));
    golden_folder("good", folder);
    cut(parse_onnx, bytes, num_bytes, folder);
    change(parse_onnx, bytes, num_bytes, folder);
    free(bytes);
}

static void damage_saved(void)
{
    const kerf_net_options small = {.classes = 2, .input = {1, 1, 2}, .width = 0.01};
    kerf_graph *g;
    kerf_state *s;
    void *bytes;
    size_t num_bytes;
    CHECK_OK(kerf_net_create(&g, &s, "lenet-300-100", &small, NULL));
    CHECK_OK(kerf_graph_serialize(g, &bytes, &num_bytes));
    cut(parse_saved, bytes, num_bytes, NULL);
    change(parse_saved, bytes, num_bytes, NULL);
    free(bytes);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
}

int main(void)
{
    golden_each("good", 20, damage_onnx);
    damage_saved();
    printf("%ld read, %ld refused\n", num_read, num_refused);
    CHECK(num_read > 1000 && num_refused > 1000);
    return check_result();
}
