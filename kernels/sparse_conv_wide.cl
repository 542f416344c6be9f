/* sparse_conv_wide.cl -- convolution with few weights that are not 0, for CPU devices: an item,
 * alone in its group, makes a tile of pixels for some rows of the pattern, that is output channels.
 *
 * A tile is one run of NV vectors over `rows` lines of dst.  For each non-zero the weight goes to
 * all lanes, and NV vectors of src, from where the tap lies, are multiplied and added to sums that
 * stay in registers: NV + 2 loads to NV multiply-adds, whatever the tap.
 *
 * src is read from the *band*, a copy in local memory of what the tile needs of `chunk` channels,
 * so small that it stays in the first cache.  Lines of the band are `pitch` floats apart, and zeros
 * behind a line are those before the next one; so are the sums between two lines of dst, which
 * nobody stores.  With a stride the band has a plane for each remainder (`phase`), in which
 * neighbouring pixels lie together.  Until all channels are done, sums wait in local memory, and a
 * cursor says how far each row has come.
 * DIRECT is for 1x1 filters of stride 1 without padding: pixels are one run over the plane, read in
 * place; the last tile of a plane begins early.
 *
 * The pattern is that of kerf.SparsePattern with 256 for stride_c: offset = channel * 256 + tap.
 * Entries ascend within a row.  Lanes that are no pixels are computed and not stored.
 *
 * Loads set the pace: nearly each of them crosses a line of the cache.  Measured on two cores of
 * Zen 5 under PoCL, 10 percent of non-zeros: 56x56x64 0.19 ms, 28x28x128 0.17, 14x14x256 0.17,
 * 7x7x512 0.24; docs/sparse.md tells what bounds them.  With the row's loop in the kernel itself,
 * where it has to reload what it needs from the stack, it was 0.22, 0.19, 0.19 and 0.29.  Blocks of
 * four output channels: 0.12, 0.10, 0.10 and 0.13.
 * Host side: lib/ops/sparse_conv_wide.c. */
#ifndef NV
#define NV 8 /* vectors to a tile */
#endif
#ifndef DIRECT
#define DIRECT 0
#endif
#define V 16
#include "sparse_axis.clh"
#include "sparse_tile.clh"

#define AHEAD    4 /* rows are asked for */
#define TAP_BITS 8 /* of an offset; the rest is the channel */
#define TAP_MASK 255

/* ---- the band -------------------------------------------------------------------------------- */

/* Pieces of a line that overlap where its length is no multiple. */
#define COPY_PIECES(n, piece)                                                                      \
    {                                                                                              \
        int i = 0;                                                                                 \
        for (; i + n <= num; i += n)                                                               \
            STORE(n, local, piece(i), to + i);                                                     \
        if (i < num)                                                                               \
            STORE(n, local, piece(num - n), to + num - n);                                         \
    }
#define PIECE16(i) vload16(0, src + (i))
#define PIECE8(i)  vload8(0, src + (i))
#define PIECE4(i)  vload4(0, src + (i))

static inline void copy_line(global const float *src, local float *to, int num)
{
    if (num >= 16)
        COPY_PIECES(16, PIECE16)
    else if (num >= 8)
        COPY_PIECES(8, PIECE8)
    else if (num >= 4)
        COPY_PIECES(4, PIECE4)
    else
        for (int i = 0; i < num; i++)
            to[i] = src[i];
}

/* Every second pixel.  `left` floats may be read; where the last pair of a piece, which is not the
 * first, lies behind them, it begins a float early. */
#define EVEN(n, i)                                                                                 \
    (2 * (i) + 2 * n <= left ? LOAD_PAIRS(n, src + 2 * (i)).even                                   \
                             : LOAD_PAIRS(n, src + 2 * (i)-1).odd)
#define LOAD_PAIRS(n, p) LOAD_PAIRS_##n(p)
#define LOAD_PAIRS_8(p)  vload16(0, p)
#define LOAD_PAIRS_4(p)  vload8(0, p)
#define EVEN8(i)         EVEN(8, i)
#define EVEN4(i)         EVEN(4, i)

static inline void copy_even(global const float *src, local float *to, int num, int left)
{
    if (num >= 8 && left >= 16)
        COPY_PIECES(8, EVEN8)
    else if (num >= 4 && left >= 8)
        COPY_PIECES(4, EVEN4)
    else
        for (int i = 0; i < num; i++)
            to[i] = src[2 * i];
}

/* One phase of a channel's plane: lines that src does not have stay 0. */
static inline void copy_phase(global const float *src, local float *to, const axis *y,
                              const axis *x, int phase_y, int phase_x, int pitch)
{
    const int begin = first_inside(x, phase_x), num = end_inside(x, phase_x) - begin;
    const int at = place(x, phase_x, begin), last = end_inside(y, phase_y);
    for (int i = first_inside(y, phase_y); i < last && num > 0; i++) {
        const int begins = place(y, phase_y, i) * x->src + at;
        global const float *line = src + begins;
        local float *out = to + i * pitch + begin;
        if (x->stride == 1)
            copy_line(line, out, num);
        else if (x->stride == 2)
            copy_even(line, out, num, y->src * x->src - begins);
        else
            for (int j = 0; j < num; j++)
                out[j] = line[j * x->stride];
    }
}

static inline void fill_band(global const float *src, local float *band, const axis *y,
                             const axis *x, int num_channels, int pitch, int phase_floats)
{
    for (int c = 0; c < num_channels; c++, src += y->src * x->src)
        for (int i = 0; i < num_phases(y); i++)
            for (int j = 0; j < num_phases(x); j++, band += phase_floats)
                copy_phase(src, band, y, x, i, j, pitch);
}

static inline void find_taps(local int *taps, const axis *y, const axis *x, int pitch,
                             int phase_floats)
{
    for (int r = 0; r < y->num_taps; r++)
        for (int s = 0; s < x->num_taps; s++) {
            const int v = r * y->dilation, u = s * x->dilation;
            const int phase = v % y->stride * num_phases(x) + u % x->stride;
            taps[r * x->num_taps + s] =
                phase * phase_floats + v / y->stride * pitch + u / x->stride;
        }
}

/* ---- a row ----------------------------------------------------------------------------------- */

/* Entries from `at` on of channels below `end_channel`; returns the first that is not.  src is of
 * `channel`. */
static INLINED int multiply(floatv *acc, BAND const float *src, local const int *taps,
                            global const float *values, global const int *offsets, int at, int end,
                            int channel, int end_channel, int plane)
{
    const int behind = end_channel << TAP_BITS;
    for (; at < end; at++) {
        const int offset = offsets[at];
        if (offset >= behind)
            break;
        BAND const float *x =
            src + ((offset >> TAP_BITS) - channel) * plane + (DIRECT ? 0 : taps[offset & TAP_MASK]);
        const floatv w = (floatv)(values[at]);
#pragma unroll
        for (int v = 0; v < NV; v++)
            acc[v] = fma(w, LOADV(x + v * V), acc[v]);
    }
    return at;
}

/* A row's entries of the band: a function of its own, whose few variables stay in registers. */
static __attribute__((noinline)) int add_row(BAND const float *src, local const int *taps,
                                             global const float *values, global const int *offsets,
                                             local float *sums, int at, int end, int channel,
                                             int end_channel, int plane, int is_first)
{
    floatv acc[NV];
    load_sums(acc, sums, is_first);
    at = multiply(acc, src, taps, values, offsets, at, end, channel, end_channel, plane);
    store_sums(acc, sums);
    return at;
}

/* Rows that have the same offsets, as where weights go in blocks of four output channels, share
 * their loads: then multiply-adds set the pace.  Sums of SHARE rows by SHARED vectors, weights and
 * a vector of src have a register each. */
static INLINED int multiply_shared(floatv *acc, BAND const float *src, local const int *taps,
                                   global const float *values, global const int *offsets, int at,
                                   int end, int row_length, int channel, int end_channel, int plane,
                                   const int num)
{
    const int behind = end_channel << TAP_BITS;
    for (; at < end; at++) {
        const int offset = offsets[at];
        if (offset >= behind)
            break;
        BAND const float *x =
            src + ((offset >> TAP_BITS) - channel) * plane + (DIRECT ? 0 : taps[offset & TAP_MASK]);
        floatv w[SHARE];
#pragma unroll
        for (int r = 0; r < SHARE; r++)
            w[r] = (floatv)(values[at + r * row_length]);
#pragma unroll
        for (int v = 0; v < num; v++) {
            const floatv pixels = LOADV(x + v * V);
#pragma unroll
            for (int r = 0; r < SHARE; r++)
                acc[r * num + v] = fma(w[r], pixels, acc[r * num + v]);
        }
    }
    return at;
}

/* `num` vectors of each row. */
static INLINED int add_vectors(BAND const float *src, local const int *taps,
                               global const float *values, global const int *offsets,
                               local float *sums, int at, int end, int row_length, int channel,
                               int end_channel, int plane, int is_first, const int num)
{
    floatv acc[SHARE * SHARED];
#pragma unroll
    for (int r = 0; r < SHARE; r++)
#pragma unroll
        for (int v = 0; v < num; v++)
            acc[r * num + v] = is_first ? (floatv)(0.0f) : LOADV(sums + (r * NV + v) * V);
    at = multiply_shared(acc, src, taps, values, offsets, at, end, row_length, channel, end_channel,
                         plane, num);
#pragma unroll
    for (int r = 0; r < SHARE; r++)
#pragma unroll
        for (int v = 0; v < num; v++)
            STORE(16, local, acc[r * num + v], sums + (r * NV + v) * V);
    return at;
}

static __attribute__((noinline)) int add_shared(BAND const float *src, local const int *taps,
                                                global const float *values,
                                                global const int *offsets, local float *sums,
                                                int at, int end, int row_length, int channel,
                                                int end_channel, int plane, int is_first)
{
    int v = 0, next = at;
    for (; v + SHARED <= NV; v += SHARED)
        next = add_vectors(src + v * V, taps, values, offsets, sums + v * V, at, end, row_length,
                           channel, end_channel, plane, is_first, SHARED);
#if NV % SHARED != 0
    next = add_vectors(src + v * V, taps, values, offsets, sums + v * V, at, end, row_length,
                       channel, end_channel, plane, is_first, NV % SHARED);
#endif
    return next;
}

/* 1 if the SHARE rows from k on have the same offsets. */
static inline int is_shared(global const int *starts, global const int *offsets, int k, int last)
{
    if (k + SHARE > last)
        return 0;
    const int num = starts[k + 1] - starts[k];
    offsets += starts[k];
    for (int r = 1; r < SHARE; r++)
        if (starts[k + r + 1] - starts[k + r] != num)
            return 0;
    for (int r = 1; r < SHARE; r++) {
        global const int *other = offsets + r * num;
        int i = 0;
        for (; i + V <= num; i += V)
            if (any(vload16(0, offsets + i) != vload16(0, other + i)))
                return 0;
        for (; i < num; i++)
            if (offsets[i] != other[i])
                return 0;
    }
    return 1;
}

/* Asks for a row's first entries: rows jump through the pattern where the next band begins, so no
 * CPU's own prefetcher sees them coming.  OpenCL's prefetch() does nothing on PoCL, and what Clang
 * has instead does not become SPIR-V. */
static inline void ask(global const float *values, global const int *offsets, int at)
{
#if IS_NATIVE
    __builtin_prefetch((const void *)(size_t)(values + at));
    __builtin_prefetch((const void *)(size_t)(values + at + V));
    __builtin_prefetch((const void *)(size_t)(offsets + at));
    __builtin_prefetch((const void *)(size_t)(offsets + at + V));
#endif
}

/* ---- the kernel ------------------------------------------------------------------------------ */

/* Group (x, y, z): tile x, columns fastest; rows y * num_rows and on; image and group of channels
 * z.  band, sums, cursors and taps are local memory; sums have NV vectors for each row, or for two
 * if there is one chunk. */
kernel void sparse_conv_wide(global const float *src, global const float *values,
                             global const int *starts, global const int *offsets,
                             global const float *bias, global const float *residual,
                             global float *dst, local float *band, local float *sums,
                             local int *cursors, local int *taps, int groups, int src_channels,
                             int dst_channels, int src_h, int dst_h, int kernel_h, int stride_h,
                             int pad_h, int dilation_h, int src_w, int dst_w, int kernel_w,
                             int stride_w, int pad_w, int dilation_w, int rows, int cols, int pitch,
                             int phase_floats, int chunk, int num_rows, int has_bias,
                             int has_residual, float slope, float low, float high)
{
    const int across = (dst_w + cols - 1) / cols, tile = (int)get_global_id(0);
    const int p = tile / across * rows, q = tile % across * cols;
    axis y = {src_h, dst_h, kernel_h, stride_h, pad_h, dilation_h, p, 0};
    axis x = {src_w, dst_w, kernel_w, stride_w, pad_w, dilation_w, q, 0};
    y.num = rows + (kernel_h - 1) * dilation_h / stride_h;
    x.num = cols + (kernel_w - 1) * dilation_w / stride_w;
    const int plane = DIRECT ? src_h * src_w : num_phases(&y) * num_phases(&x) * phase_floats;
    const int image = (int)get_global_id(2) / groups, group = (int)get_global_id(2) % groups;
    const int first = group * dst_channels + (int)get_global_id(1) * num_rows;
    const int last = min(first + num_rows, (group + 1) * dst_channels);
    const int end_y = min(rows, dst_h - p), end_x = min(cols, dst_w - q);
    /* Where the tile begins in its plane: DIRECT tiles do not reach behind it. */
    const int early = DIRECT ? max(q + NV * V - dst_w, 0) : 0;
    src += (long)(image * groups + group) * src_channels * src_h * src_w;

    /* A row's sums are finished behind the next row: read at once they would still be on their
     * way to the cache. */
    const int sums_mask = chunk < src_channels ? -1 : 2 * SHARE - 1;
    local int *shared = cursors + num_rows;
    int done = first;
    const outcome o = {has_bias ? bias : 0,
                       residual,
                       dst,
                       ((long)image * groups * dst_channels * dst_h + p) * dst_w + q,
                       dst_h * dst_w,
                       dst_w,
                       end_y,
                       end_x,
                       pitch,
                       {has_residual, 0.0f, slope, low, high}};
    for (int k = first; k < last; k++)
        cursors[k - first] = starts[k];
    for (int k = first; SHARES && k < last; k += SHARE)
        shared[(k - first) / SHARE] = is_shared(starts, offsets, k, last);
    if (!DIRECT) {
        for (int i = 0; i < chunk * plane; i++)
            band[i] = 0.0f;
        find_taps(taps, &y, &x, pitch, phase_floats);
    }
    for (int c = 0; c < src_channels; c += chunk) {
        const int end = min(c + chunk, src_channels);
        if (!DIRECT)
            fill_band(src + (long)c * src_h * src_w, band, &y, &x, end - c, pitch, phase_floats);
        for (int k = first, step; k < last; k += step) {
            local int *cursor = cursors + k - first;
            local float *own = sums + ((k - first) & sums_mask) * NV * V;
            const int is_four = SHARES && (k - first) % SHARE == 0 && shared[(k - first) / SHARE];
            step = is_four ? SHARE : 1;
            if (is_four)
                *cursor =
                    add_shared(CHOOSE(band, src + q - early), taps, values, offsets, own, *cursor,
                               starts[k + 1], starts[k + 1] - starts[k], c, end, plane, c == 0);
            else
                *cursor = add_row(CHOOSE(band, src + q - early), taps, values, offsets, own,
                                  *cursor, starts[k + 1], c, end, plane, c == 0);
            if (!DIRECT)
                ask(values, offsets, cursors[min(k + AHEAD, last - 1) - first]);
            for (; end == src_channels && done < k; done++)
                finish_tile(sums + ((done - first) & sums_mask) * NV * V + early, done, &o);
        }
    }
    for (; done < last; done++)
        finish_tile(sums + ((done - first) & sums_mask) * NV * V + early, done, &o);
}
