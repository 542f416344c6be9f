/* quantize.cl -- QuantizeLinear, DequantizeLinear and what is made of them, one task a program:
 *
 *     QUANTIZE     float -> integer
 *     DEQUANTIZE   integer -> float
 *     FAKE         float -> float: there and back
 *     PASS         the gradient of QUANTIZE and of FAKE: diff where the integer was not saturated
 *     RANGE        smallest and largest number -> scale and zero point of uint8
 *
 * The arithmetic is that of quant.clh, integers lie as packed.clh has it.
 *
 * Elements lie in rows of n; `width` neighbours in a row have one scale.  The scales of a row begin
 * at row / d * outer + row % d / b * block: one for all, one a channel, or one a block of channels.
 * An item walks `chunk` elements, a multiple of V, by stretches of one scale (or, with width 1, of
 * scales that lie side by side).  What fills no vector goes one by one, a packed byte at a time.
 *
 * FAKE and PASS may work in place: an item reads an element before it writes it.
 *
 * Limit: memory; where less is written than read it is reading (bench/limits/narrow_writes.c), and
 * of blocks the arithmetic.  Of a copy's speed with 64 MiB of floats, two cores of Zen 5, PoCL:
 * FAKE 0.75 to 0.99, PASS 0.73 to 1.0 (0.55 to 0.6 before it asked ahead), QUANTIZE to uint8 0.79
 * to 0.85 where nothing that writes so little reaches more than 0.83, to int2 0.71 to 0.76 of 0.76,
 * to int4 in blocks of 32 0.65 to 0.76 of 0.77.  Walking several pieces of a tensor in turns, or
 * 4 to 16 vectors before their stores, gained nothing.  Host side: lib/ops/quantize.c. */
#define QUANTIZE   0
#define DEQUANTIZE 1
#define FAKE       2
#define PASS       3
#define RANGE      4
#ifndef TASK
#define TASK QUANTIZE
#endif

#include "common.clh"
#include "packed.clh"
#include "quant.clh"

#if TASK == RANGE

/* ONNX's DynamicQuantizeLinear: the range holds 0.  Where it is too narrow for a scale that every
 * device holds, as for zeros alone, the scale is 1; where it is too wide, or not finite, it is NaN
 * and the zero point 0. */
kernel void quantize_range(global const float *low, global const float *high, global float *scale,
                           global uchar *zero)
{
    if (get_global_id(0) > 0)
        return;
    const floatv steps = (floatv)(255.0f);
    const floatv bottom = (floatv)(fmin(low[0], 0.0f)), top = (floatv)(fmax(high[0], 0.0f));
    const floatv step = quant_divide(top - bottom, steps, quant_divisor(steps));
    const floatv s = select((floatv)(1.0f), step, step >= 0x1p-126f);
    const int is_finite = isfinite(low[0]) && isfinite(high[0]) && step.s0 <= 0x1p100f;
    const intv zero_point = quant_quantize(-bottom, s, quant_divisor(s), (floatv)(0.0f), steps * s);
    *scale = is_finite ? s.s0 : NAN;
    *zero = (uchar)(is_finite ? zero_point.s0 : 0);
}

#else

#if TASK == QUANTIZE || TASK == FAKE || TASK == PASS
typedef float source;
typedef floatv sourcev;
#define LOAD(i)     LOADV(src + (i))
#define LOAD_ONE(i) src[i]
#else
typedef packed source;
typedef intv sourcev;
#define LOAD(i)     packed_load(src, i)
#define LOAD_ONE(i) packed_load_one(src, i)
#endif

#if TASK == QUANTIZE
typedef packed target;
typedef intv targetv;
#define UNIT        PACKED_UNIT
#define STORE(x, i) packed_store(x, dst, i)
#else
typedef float target;
typedef floatv targetv;
#define UNIT 1
#ifdef STREAM
#define STORE(x, i) __builtin_nontemporal_store(x, (global floatv *)(global void *)(dst + (i)))
#else
#define STORE(x, i) STOREV(x, dst + (i))
#endif
#endif

/* One by one: an element, then the byte that it shares with its neighbours. */
#if UNIT > 1
#define STORE_ONE(x, k) (unit |= ((x)&PACKED_MASK) << (int)((k) % UNIT) * BITS)
#define STORE_UNIT(i)   (dst[(i) / UNIT] = (target)unit)
#else
#define STORE_ONE(x, k) (dst[k] = (target)(x))
#define STORE_UNIT(i)   ((void)unit)
#endif

#if TASK == PASS
#define DIFF        global const float *diff,
#define DIFFS(i)    LOADV(diff + (i))
#define ASK_DIFF(i) ASK(diff + (i)),
#define DIFF_ONE(i) diff[i]
#else
#define DIFF
#define DIFFS(i) (floatv)(0.0f)
#define ASK_DIFF(i)
#define DIFF_ONE(i) 0.0f
#endif

/* -DLIMIT=8, say: what a byte with a sign holds saturates at -8 and 7. */
#ifdef LIMIT
#define LOWEST  (-LIMIT)
#define HIGHEST (LIMIT - 1)
#else
#define LOWEST  PACKED_LOW
#define HIGHEST PACKED_HIGH
#endif

/* What is needed of a scale and its zero point.  PASS looks a step beyond the range. */
typedef struct grid {
    floatv scale, divisor, low, high, least, most;
    intv zero;
} grid;

static inline grid grid_of(floatv scale, intv zero)
{
    const int more = TASK == PASS ? 1 : 0;
    const floatv low = TO_FLOATV(LOWEST - zero), high = TO_FLOATV(HIGHEST - zero);
    const grid g = {
        scale, quant_divisor(scale), low, high, (low - more) * scale, (high + more) * scale, zero};
    return g;
}

#define GRID_ONE(at) grid_of((floatv)(scale[at]), (intv)(has_zero ? packed_load_one(zero, at) : 0))
#define GRIDS(at)    grid_of(LOADV(scale + (at)), has_zero ? packed_load(zero, at) : (intv)(0))

static inline targetv result(sourcev x, floatv diff, grid g)
{
    (void)diff;
#if TASK == QUANTIZE
    return quant_quantize(x, g.scale, g.divisor, g.least, g.most) + g.zero;
#elif TASK == DEQUANTIZE
    return quant_dequantize(x - g.zero, g.scale);
#elif TASK == FAKE
    return quant_dequantize(quant_quantize(x, g.scale, g.divisor, g.least, g.most), g.scale);
#else
    const floatv near = quant_divide(quant_clamp(x, g.least, g.most), g.scale, g.divisor);
    const floatv whole = TO_FLOATV(quant_round(near));
    return select((floatv)(0.0f), diff, (whole >= g.low) & (whole <= g.high) & (near == near));
#endif
}

typedef struct places {
    uint n, width, d, b, outer, block;
} places;

/* Where the scale of element i is. */
static inline uint place(uint i, places p)
{
    const uint row = i / p.n;
    return row / p.d * p.outer + row % p.d / p.b * p.block + i % p.n / p.width;
}

/* Elements from i on whose scales are one, or lie side by side. */
static inline uint stretch(uint i, places p)
{
    const uint column = i % p.n, in_row = p.n - column;
    return p.width == 1u ? in_row : min(in_row, p.width - column % p.width);
}

/* Elements at which a row's stretches end where a vector does, too: until there the next stretch
 * begins where one ends, and has the next scale. */
static inline uint even_end(uint i, uint end, places p)
{
    const int is_even = p.width % V == 0u && p.n % V == 0u;
    return is_even ? i + min(p.n - i % p.n, end - i) / V * V : i;
}

/* Two tensors that are read side by side are more than a CPU's own prefetchers follow, and what is
 * computed of floats keeps it from reading far ahead.  OpenCL's prefetch() does nothing on PoCL,
 * and what Clang has instead does not become SPIR-V. */
#if defined STREAM && (TASK == PASS || TASK == QUANTIZE)
#define AHEAD 512
#ifdef __SPIR__
#define ASK(p) prefetch((p) + AHEAD, V)
#else
#define ASK(p) __builtin_prefetch((const void *)(size_t)((p) + AHEAD))
#endif
#define VECTOR(i, g) (ASK(src + (i)), ASK_DIFF(i) result(LOAD(i), DIFFS(i), g))
#else
#define VECTOR(i, g) result(LOAD(i), DIFFS(i), g)
#endif
#if TASK == QUANTIZE && defined PACKED_JOINED
#define JOINED PACKED_JOINED
#else
#define JOINED 1
#endif

kernel void quantize(global const source *src, DIFF global const float *scale,
                     global const packed *zero, global target *dst, uint has_zero, uint num,
                     uint chunk, uint n, uint width, uint d, uint b, uint outer, uint block)
{
    const places p = {n, width, d, b, outer, block};
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    for (uint i = begin; i < end;) {
        uint at = place(i, p), last = i + min(stretch(i, p), end - i) / V * V;
        if (i < last && width > 1u) {
            for (const uint stop = even_end(i, end, p); i < last;
                 last = min(i + width, stop), at++) {
                const grid g = GRID_ONE(at);
#if JOINED > 1
                for (; i < last && i % (JOINED * V) != 0u; i += V)
                    STORE(VECTOR(i, g), i);
                for (; i + JOINED * V <= last; i += JOINED * V) {
                    intv x[JOINED];
#pragma unroll
                    for (uint k = 0; k < JOINED; k++)
                        x[k] = VECTOR(i + k * V, g);
                    packed_store_joined(x, dst, i);
                }
#endif
                for (; i < last; i += V)
                    STORE(VECTOR(i, g), i);
            }
        } else if (i < last && at % PACKED_UNIT == 0u) {
            for (; i < last; i += V, at += V)
                STORE(VECTOR(i, GRIDS(at)), i);
        } else {
            for (const uint stop = min(i + V, end); i < stop; i += UNIT) {
                int unit = 0;
                for (uint k = i; k < min(i + UNIT, num); k++) {
                    const grid g = GRID_ONE(place(k, p));
                    STORE_ONE(result((sourcev)(LOAD_ONE(k)), (floatv)(DIFF_ONE(k)), g).s0, k);
                }
                STORE_UNIT(i);
            }
        }
    }
}
#endif
