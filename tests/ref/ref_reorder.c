/* ref_reorder.c -- the definition of kerf.Reorder: element by element, where it lies on either
 * side; 3x3 filters transformed for Winograd's method; and bytes in words of four. */
#include "ref/ref.h"

#include <string.h>

typedef struct sides {
    int64_t outer, channels, pixels, blocks;
    int from_blocks, blocks_first;
} sides;

static sides sides_of(const kerf_node *n)
{
    const char *layouts = kerf_node_string(n, "layouts", "");
    const int axis = strstr(layouts, "o16") != NULL ? 0 : 1;
    sides s = {1, 0, 1, 0, strncmp(layouts, "plain>", 6) != 0, strstr(layouts, "i16") != NULL};
    const kerf_shape plain = s.from_blocks ? n->outputs[0]->shape : n->inputs[0]->shape;
    for (int i = 0; i < axis; i++)
        s.outer *= plain.dims[i];
    s.channels = plain.dims[axis];
    for (int i = axis + 1; i < plain.rank; i++)
        s.pixels *= plain.dims[i];
    s.blocks = (s.channels + 15) / 16;
    return s;
}

/* G taps G' with G = (1, 0, 0; 1/2, 1/2, 1/2; 1/2, -1/2, 1/2; 0, 0, 1). */
void ref_winograd_filter(const double *taps, double *out)
{
    static const double G[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    for (int i = 0; i < 16; i++) {
        out[i] = 0;
        for (int k = 0; k < 9; k++)
            out[i] += G[i / 4][k / 3] * taps[k] * G[i % 4][k % 3];
    }
}

/* Filter (o, i) of 3x3 filters (O, I, 3, 3) to (ceil(O/16), 4, 4, I, 16). */
static void transform_filters(const kerf_shape shape, const double *src, double *dst)
{
    const int64_t inner = shape.dims[1];
    memset(dst, 0, sizeof *dst * (size_t)((shape.dims[0] + 15) / 16 * 16 * 16 * inner));
    for (int64_t f = 0; f < shape.dims[0] * inner; f++) {
        const int64_t o = f / inner, i = f % inner;
        double positions[16];
        ref_winograd_filter(src + f * 9, positions);
        for (int p = 0; p < 16; p++)
            dst[((o / 16 * 16 + p) * inner + i) * 16 + o % 16] = positions[p];
    }
}

/* Byte b of filter (o, 4 i + b) of bytes (O, I, taps) to (ceil(O/16), ceil(I/4), taps, 16, 4), with
 * a sign. */
static void pack_filters(const kerf_node *n, const double *src, double *dst)
{
    const kerf_shape s = n->inputs[0]->shape;
    const int is_unsigned = n->inputs[0]->type == KERF_U8;
    const int64_t words = (s.dims[1] + 3) / 4,
                  taps = kerf_shape_num_elements(s) / s.dims[0] / s.dims[1];
    memset(dst, 0, sizeof *dst * (size_t)((s.dims[0] + 15) / 16 * words * taps * 64));
    for (int64_t at = 0; at < kerf_shape_num_elements(s); at++) {
        const int64_t o = at / taps / s.dims[1], i = at / taps % s.dims[1], tap = at % taps;
        const double with_sign = src[at] - (is_unsigned ? 128 : 0);
        dst[(((o / 16 * words + i / 4) * taps + tap) * 16 + o % 16) * 4 + i % 4] =
            is_unsigned && with_sign < 0 ? with_sign + 256 : with_sign; /* as its type reads it */
    }
}

/* Byte i, as a number of this type, of what is a number with a sign. */
static double byte_of(int64_t x, int i, kerf_type type)
{
    const int byte = (int)((uint64_t)x >> 8 * i & 255);
    return type == KERF_S8 && byte > 127 ? byte - 256 : byte;
}

void ref_pack_words(kerf_type type, kerf_shape plain, int axis, const double *src, double *dst)
{
    const int64_t n = plain.dims[axis], k = plain.dims[1 - axis], words = (k + 3) / 4;
    const int64_t from = type == KERF_U8 ? 128 : 0;
    for (int64_t column = 0; column < (n + 15) / 16 * 16; column++) {
        double *lane = dst + (column / 16 * (words + 1) * 16 + column % 16) * 4;
        int64_t sum = 0;
        for (int64_t p = 0; p < 4 * words; p++) {
            const int64_t at = axis == 1 ? p * n + column : column * k + p;
            const int64_t x = p < k && column < n ? (int64_t)src[at] - from : 0;
            lane[p / 4 * 64 + p % 4] = byte_of(x, 0, type);
            sum += x;
        }
        for (int i = 0; i < 4; i++)
            lane[words * 64 + i] = byte_of(sum, i, type);
    }
}

REF(reorder)
{
    if (strcmp(kerf_node_string(n, "layouts", ""), "plain>v16") == 0) {
        pack_filters(n, inputs[0], outputs[0]);
        return;
    }
    if (strcmp(kerf_node_string(n, "layouts", ""), "plain>w16") == 0) {
        transform_filters(n->inputs[0]->shape, inputs[0], outputs[0]);
        return;
    }
    if (strstr(kerf_node_string(n, "layouts", ""), "4") != NULL) {
        const int axis = strcmp(kerf_node_string(n, "layouts", ""), "plain>k4") == 0;
        ref_pack_words(n->inputs[0]->type, n->inputs[0]->shape, axis, inputs[0], outputs[0]);
        return;
    }
    const sides s = sides_of(n);
    for (int64_t o = 0; o < s.outer; o++)
        for (int64_t c = 0; c < 16 * s.blocks; c++)
            for (int64_t p = 0; p < s.pixels; p++) {
                const int64_t plain = (o * s.channels + c) * s.pixels + p;
                const int64_t block = s.blocks_first ? c / 16 * s.outer + o : o * s.blocks + c / 16;
                const int64_t blocked = (block * s.pixels + p) * 16 + c % 16;
                if (s.from_blocks && c < s.channels)
                    outputs[0][plain] = inputs[0][blocked];
                else if (!s.from_blocks)
                    outputs[0][blocked] = c < s.channels ? inputs[0][plain] : 0;
            }
}
