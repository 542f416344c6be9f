/* coder_size.c -- what the coder of weights makes of a pruned network, beside zstd and xz.
 *
 *     build/release/tests/coder_size PRUNED.onnx [BITS]
 *
 * Weights that are not 0 are rounded to BITS (4) bits in equal steps, each layer by its largest;
 * the coder gets them layer by layer.  zstd -19 and xz -9e get the same codes of all layers as one
 * file, a byte each and packed; the smaller counts.  The bound is that of order 0: where zeros lie
 * and what the others are, known by their shares alone. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "io/coder.h"
#include "kerf/kerf.h"

typedef struct layer {
    kerf__coding how;
    uint8_t *codes; /* owned, as the next */
    unsigned char *coded;
    size_t num, num_bytes;
} layer;

typedef struct network {
    layer *layers; /* owned */
    size_t num, weights, nonzeros, bytes;
    double bound; /* bytes */
} network;

/* ---- weights to codes --------------------------------------------------------------------------
 */

static uint8_t code_of(float w, float largest, int bits)
{
    const int most = (1 << (bits - 1)) - 1, zero = 1 << (bits - 1);
    const int step = (int)fmaxf(1, roundf(fabsf(w) / largest * (float)most));
    return (uint8_t)(w == 0 ? zero : w > 0 ? zero + step : zero - step);
}

static void add_layer(network *net, const float *w, kerf_shape shape, int bits)
{
    net->layers = realloc(net->layers, (net->num + 1) * sizeof *net->layers);
    layer *l = &net->layers[net->num++];
    float largest = 0;
    *l = (layer){.num = (size_t)kerf_shape_num_elements(shape)};
    l->how = (kerf__coding){(size_t)shape.dims[0], l->num / (size_t)shape.dims[0], bits,
                            (uint8_t)(1 << (bits - 1))};
    l->codes = malloc(l->num);
    for (size_t i = 0; i < l->num; i++)
        largest = fmaxf(largest, fabsf(w[i]));
    for (size_t i = 0; i < l->num; i++)
        l->codes[i] = code_of(w[i], largest, bits);
}

static double bits_of(double num, double all)
{
    return num > 0 ? -num * log2(num / all) : 0;
}

static void add_bound(network *net, const layer *l)
{
    size_t counts[256] = {0};
    for (size_t i = 0; i < l->num; i++)
        counts[l->codes[i]]++;
    double bits = 0;
    for (int c = 0; c < 256; c++)
        bits += bits_of((double)counts[c], (double)l->num);
    net->bound += bits / 8;
    net->weights += l->num;
    net->nonzeros += l->num - counts[l->how.zero];
}

static kerf_status read_network(network *net, const char *path, int bits)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    kerf_status status = kerf_onnx_read(&g, &s, path, NULL);
    for (int id = 0; status == KERF_OK && id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_WEIGHT && e->shape.rank > 1)
            add_layer(net, kerf_tensor_data(e->tensor), e->shape, bits);
    }
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

/* ---- both sides --------------------------------------------------------------------------------
 */

static kerf_status encode(network *net)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < net->num && status == KERF_OK; i++) {
        layer *l = &net->layers[i];
        add_bound(net, l);
        status = kerf__coder_encode(&l->coded, &l->num_bytes, &l->how, l->codes);
        net->bytes += l->num_bytes;
    }
    return status;
}

/* Megabytes of float weights a second, and whether they came back. */
static double decode(const network *net)
{
    const double start = kerf__now_ms();
    double times = 0, ms = 0;
    for (; ms < 1000; times++, ms = kerf__now_ms() - start)
        for (size_t i = 0; i < net->num; i++) {
            const layer *l = &net->layers[i];
            uint8_t *back = malloc(l->num);
            if (kerf__coder_decode(back, &l->how, l->coded, l->num_bytes) != KERF_OK ||
                memcmp(back, l->codes, l->num) != 0) {
                fprintf(stderr, "layer %zu does not come back\n", i);
                exit(1);
            }
            free(back);
        }
    return times * 4 * (double)net->weights / 1e3 / ms;
}

static void write_codes(const network *net, FILE *f, int bits)
{
    unsigned word = 0, held = 0;
    for (size_t i = 0; i < net->num; i++)
        for (size_t k = 0; k < net->layers[i].num; k++) {
            word |= (unsigned)net->layers[i].codes[k] << held;
            for (held += (unsigned)bits; held >= 8; held -= 8, word >>= 8)
                putc((int)(word & 255), f);
        }
    putc((int)(word & 255), f);
}

/* What a program makes of them; 0 where it is not there. */
static long peer_bytes(const network *net, const char *command, int bits)
{
    char name[] = "/tmp/coder_size_XXXXXX", line[256];
    long bytes = 0;
    const int file = mkstemp(name);
    FILE *f = file >= 0 ? fdopen(file, "wb") : NULL;
    if (f == NULL)
        return 0;
    write_codes(net, f, bits);
    fclose(f);
    snprintf(line, sizeof line, "%s -c %s 2>/dev/null | wc -c", command, name);
    FILE *pipe = popen(line, "r");
    if (pipe == NULL || fscanf(pipe, "%ld", &bytes) != 1)
        bytes = 0;
    if (pipe != NULL)
        pclose(pipe);
    unlink(name);
    return bytes;
}

static void print_peer(const network *net, const char *command, int bits)
{
    const long loose = peer_bytes(net, command, 8), packed = peer_bytes(net, command, bits);
    const long least = loose < packed ? loose : packed;
    if (least > 0)
        printf("%-8s %9ld bytes, %.3f of it\n", command, least, (double)net->bytes / (double)least);
}

int main(int argc, char **argv)
{
    network net = {0};
    const int bits = argc > 2 ? atoi(argv[2]) : 4;
    if (argc < 2 || bits < 2 || bits > 8) {
        fprintf(stderr, "usage: coder_size PRUNED.onnx [BITS, 2 to 8]\n");
        return 2;
    }
    if (read_network(&net, argv[1], bits) != KERF_OK || encode(&net) != KERF_OK) {
        fprintf(stderr, "%s\n", kerf_last_error());
        return 1;
    }
    printf("%zu weights, %zu not 0, %d bits\ncoder    %9zu bytes, decoding %.0f MB of floats a "
           "second\n"
           "bound    %9.0f bytes, %.3f of it\n",
           net.weights, net.nonzeros, bits, net.bytes, decode(&net), net.bound,
           (double)net.bytes / net.bound);
    print_peer(&net, "zstd -19", bits);
    print_peer(&net, "xz -9e", bits);
    for (size_t i = 0; i < net.num; i++) {
        free(net.layers[i].codes);
        free(net.layers[i].coded);
    }
    free(net.layers);
    return 0;
}
