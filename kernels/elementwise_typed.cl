/* elementwise_typed.cl -- dst = OP(a, b, c) with broadcasting, on elements of any type.
 *
 * What type an operand's elements have is an argument, its kind, so that a formula is one program
 * for all of them: they are loaded as numbers of one type, 64-bit integers or (-DFLOATS=1) floats,
 * and stored as what dst has.  The branch on the kind is the same for all items and is taken once
 * for 16 elements.  A formula of fewer than three inputs is given the first one again.
 *
 * dst is m rows of n; rows lie in up to 7 dimensions d1, d2, ... (innermost first), along which a
 * moves by a1, a2, ...; in a row an input is as wide as dst (a0 = 1) or one number (a0 = 0).
 * An item has `rows` rows and `columns` columns of them: with V = 16 many, with V = 1 (for GPUs)
 * one of each.  No pointer is `restrict`: an item reads an element before it writes it, so dst may
 * lie on an input of its shape and type.
 *
 * Numbers that a type cannot hold lose their upper bits.  What is divided by 0 is 0; what is left
 * over from that is all of it.
 *
 * Limit: memory, and with V = 1 the branches: with V = 16 Where of 64 MiB is at 0.78 of a copy's
 * speed, Less at 0.6 (two cores of Zen 4, PoCL).  Host side: lib/ops/elementwise_typed.c. */
#ifndef OP
#define OP op_Where
#endif
#ifndef FLOATS
#define FLOATS 0
#endif
#ifndef V
#define V 16
#endif

#if FLOATS
#define C    float
#define MASK int
#else
#define C    long
#define MASK long
#endif
#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

enum { U8, S8, U16, S16, U32, S32, S64, F16, F32, BOOL }; /* BOOL: of dst alone, 0 or 1 */

/* ---- formulas: T is C or 16 of them, M its truth values -------------------------------------- */

#define IS(T, M, cond, yes, no) select((T)(no), (T)(yes), (M)(cond))
#define TRUTH(T, M, cond)       IS(T, M, cond, 1, 0)
#define FLAG(M, p)              ((M)((p) != 0.0f ? -1 : 0))

#define op_Where(T, M, a, b, c, p, q)  IS(T, M, (a) != (T)(0), b, c)
#define op_Cast(T, M, a, b, c, p, q)   (a)
#define op_Expand(T, M, a, b, c, p, q) (a)

#define op_Equal(T, M, a, b, c, p, q)          TRUTH(T, M, (a) == (b))
#define op_Greater(T, M, a, b, c, p, q)        TRUTH(T, M, (a) > (b))
#define op_GreaterOrEqual(T, M, a, b, c, p, q) TRUTH(T, M, (a) >= (b))
#define op_Less(T, M, a, b, c, p, q)           TRUTH(T, M, (a) < (b))
#define op_LessOrEqual(T, M, a, b, c, p, q)    TRUTH(T, M, (a) <= (b))
#define op_IsNaN(T, M, a, b, c, p, q)          TRUTH(T, M, (a) != (a))
#define op_IsInf(T, M, a, b, c, p, q)                                                              \
    TRUTH(T, M, (((a) == (T)(INFINITY)) & FLAG(M, p)) | (((a) == (T)(-INFINITY)) & FLAG(M, q)))

#define op_Not(T, M, a, b, c, p, q) TRUTH(T, M, (a) == (T)(0))
#define op_And(T, M, a, b, c, p, q) ((a) & (b))
#define op_Or(T, M, a, b, c, p, q)  ((a) | (b))
#define op_Xor(T, M, a, b, c, p, q) ((a) ^ (b))

#define op_BitwiseAnd(T, M, a, b, c, p, q) ((a) & (b))
#define op_BitwiseOr(T, M, a, b, c, p, q)  ((a) | (b))
#define op_BitwiseXor(T, M, a, b, c, p, q) ((a) ^ (b))
#define op_BitwiseNot(T, M, a, b, c, p, q) (~(a))
/* p: to the right, where what is shifted is never below 0. */
#define op_BitShift(T, M, a, b, c, p, q)                                                           \
    IS(T, M, (b) > (T)(63), 0, (p) != 0.0f ? (a) >> ((b) & (T)(63)) : (a) << ((b) & (T)(63)))

#define op_Abs(T, M, a, b, c, p, q) IS(T, M, (a) < (T)(0), -(a), a)
#define op_Add(T, M, a, b, c, p, q) ((a) + (b))
#define op_Clip(T, M, a, b, c, p, q)                                                               \
    AT_MOST(T, M, IS(T, M, (a) < LONG(T, p), LONG(T, p), a), LONG(T, q))
#define op_Div(T, M, a, b, c, p, q)  QUOTIENT(T, M, a, b)
#define op_Max(T, M, a, b, c, p, q)  IS(T, M, (a) > (b), a, b)
#define op_Min(T, M, a, b, c, p, q)  IS(T, M, (a) < (b), a, b)
#define op_Mul(T, M, a, b, c, p, q)  ((a) * (b))
#define op_Neg(T, M, a, b, c, p, q)  (-(a))
#define op_Sign(T, M, a, b, c, p, q) (TRUTH(T, M, (a) > (T)(0)) - TRUTH(T, M, (a) < (T)(0)))
#define op_Sub(T, M, a, b, c, p, q)  ((a) - (b))
/* The sign is b's, with p a's as in C. */
#define op_Mod(T, M, a, b, c, p, q)                                                                \
    (REST(T, M, a, b) +                                                                            \
     IS(T, M,                                                                                      \
        (M)(REST(T, M, a, b) != (T)(0)) & (M)((REST(T, M, a, b) ^ (b)) < (T)(0)) & ~FLAG(M, p), b, \
        0))

/* The divisor is never 0, nor -1, by which the least number has no quotient. */
#define IS_UNFIT(M, T, b) ((M)((b) == (T)(0)) | (M)((b) == (T)(-1)))
#define QUOTIENT(T, M, a, b)                                                                       \
    IS(T, M, (b) == (T)(0), 0,                                                                     \
       IS(T, M, (b) == (T)(-1), -(a), (a) / IS(T, M, IS_UNFIT(M, T, b), 1, b)))
#define REST(T, M, a, b)    ((a) - (b)*QUOTIENT(T, M, a, b))
#define LONG(T, p)          ((T)(convert_long_sat(p)))
#define AT_MOST(T, M, a, q) IS(T, M, (a) > (q), q, a)

#if FLOATS
/* p: of a whole number, and so whole: what pow, good to 16 units, leaves a little below one is it.
 */
#define op_Pow(T, M, a, b, c, p, q) ((p) != 0.0f ? trunc(pow(a, b) * 1.000004f) : pow(a, b))
#else
/* By squaring; what has an exponent below 0 is 0. */
#define POWER(name, T)                                                                             \
    static inline __attribute__((unused)) T name(T a, T b)                                         \
    {                                                                                              \
        T power = (T)(1);                                                                          \
        for (int i = 0; i < 63; i++, a *= a)                                                       \
            power *= IS(T, T, -((b >> (T)(i)) & (T)(1)), a, 1);                                    \
        return IS(T, T, b < (T)(0), 0, power);                                                     \
    }
POWER(power_long, long)
POWER(power_long16, long16)
#define op_Pow(T, M, a, b, c, p, q) JOIN(power_, T)(a, b)
#endif

/* ---- loads and stores: one element, or 16 neighbours ----------------------------------------- */

#define TO(t, w)          JOIN(JOIN(convert_, t), w)
#define AT(t, p, i)       ((global t *)(global void *)(p) + (i))
#define HALF_AT(p, i)     ((global half *)(global void *)AT(ushort, p, i))
#define GET_1(p)          (*(p))
#define GET_16(p)         vload16(0, p)
#define PUT_1(x, p)       (*(p) = (x))
#define PUT_16(x, p)      vstore16(x, 0, p)
#define GET_HALF_1(p)     vload_half(0, p)
#define GET_HALF_16(p)    vload_half16(0, p)
#define PUT_HALF_1(x, p)  vstore_half(x, 0, p)
#define PUT_HALF_16(x, p) vstore_half16(x, 0, p)

#if FLOATS
#define LOAD_FLOATS(w, n)                                                                          \
    case F16:                                                                                      \
        return GET_HALF_##n(HALF_AT(p, i));                                                        \
    case F32:                                                                                      \
        return GET_##n(AT(float, p, i));
#define WHOLE(w) JOIN(TO(long, w), _sat)
#else
#define LOAD_FLOATS(w, n)
#define WHOLE(w)
#endif

#define LOAD_KIND(kind, t, w, n)                                                                   \
    case kind:                                                                                     \
        return TO(C, w)(GET_##n(AT(t, p, i)));
#define LOADER(w, n)                                                                               \
    static inline JOIN(C, w) load_##n(global uchar *p, uint kind, size_t i)                        \
    {                                                                                              \
        switch (kind) {                                                                            \
            LOAD_KIND(U8, uchar, w, n)                                                             \
            LOAD_KIND(S8, char, w, n)                                                              \
            LOAD_KIND(U16, ushort, w, n)                                                           \
            LOAD_KIND(S16, short, w, n)                                                            \
            LOAD_KIND(U32, uint, w, n)                                                             \
            LOAD_KIND(S32, int, w, n)                                                              \
            LOAD_FLOATS(w, n)                                                                      \
        default:                                                                                   \
            return TO(C, w)(GET_##n(AT(long, p, i)));                                              \
        }                                                                                          \
    }

#define STORE_KIND(kind, signed_kind, t, w, n, bits)                                               \
    case kind:                                                                                     \
    case signed_kind:                                                                              \
        PUT_##n(TO(t, w)(WHOLE(w)(x) & (JOIN(long, w))(bits)), AT(t, p, i));                       \
        break;
/* Of whole numbers the lower bits, whatever their sign. */
#define STORER(w, n)                                                                               \
    static inline void store_##n(JOIN(C, w) x, global uchar *p, uint kind, size_t i)               \
    {                                                                                              \
        switch (kind) {                                                                            \
            STORE_KIND(U8, S8, uchar, w, n, 0xFF)                                                  \
            STORE_KIND(U16, S16, ushort, w, n, 0xFFFF)                                             \
            STORE_KIND(U32, S32, uint, w, n, 0xFFFFFFFF)                                           \
        case BOOL:                                                                                 \
            PUT_##n(TO(uchar, w)(TRUTH(JOIN(C, w), JOIN(MASK, w), x != (JOIN(C, w))(0))),          \
                    AT(uchar, p, i));                                                              \
            break;                                                                                 \
        case F16:                                                                                  \
            PUT_HALF_##n(TO(float, w)(x), HALF_AT(p, i));                                          \
            break;                                                                                 \
        case F32:                                                                                  \
            PUT_##n(TO(float, w)(x), AT(float, p, i));                                             \
            break;                                                                                 \
        default:                                                                                   \
            PUT_##n(WHOLE(w)(x), AT(long, p, i));                                                  \
        }                                                                                          \
    }
LOADER(, 1)
STORER(, 1)
#if V == 16
LOADER(16, 16)
STORER(16, 16)
#endif

/* ---- the kernel ------------------------------------------------------------------------------ */

#define STRIDES(x)                                                                                 \
    uint x##0, uint x##1, uint x##2, uint x##3, uint x##4, uint x##5, uint x##6, uint x##7
#define STEP(k)                                                                                    \
    if (rank > k##u) {                                                                             \
        const uint here = rest % d##k;                                                             \
        rest /= d##k;                                                                              \
        at_a += here * a##k;                                                                       \
        at_b += here * b##k;                                                                       \
        at_c += here * c##k;                                                                       \
    }
#define ELEMENT(name, i) load_1(name, name##_kind, at_##name + (i)*name##0)
#define ELEMENTS(name, i)                                                                          \
    (name##0 ? load_16(name, name##_kind, at_##name + (i)) : (JOIN(C, 16))(ELEMENT(name, 0u)))

kernel void elementwise_typed(global uchar *a, global uchar *b, global uchar *c, global uchar *dst,
                              uint a_kind, uint b_kind, uint c_kind, uint dst_kind, float p,
                              float q, uint m, uint n, uint rows, uint columns, uint rank, uint d1,
                              uint d2, uint d3, uint d4, uint d5, uint d6, uint d7, STRIDES(a),
                              STRIDES(b), STRIDES(c))
{
    (void)p; /* most formulas have no numbers */
    (void)q;
    const uint across = (n + columns - 1u) / columns, item = (uint)get_global_id(0);
    const uint first = item % across * columns, last = min(first + columns, n);
    const uint begin = min(item / across * rows, m), end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        const size_t at = (size_t)r * n;
        uint rest = r, at_a = 0u, at_b = 0u, at_c = 0u, i = first;
        STEP(1)
        STEP(2)
        STEP(3)
        STEP(4)
        STEP(5)
        STEP(6)
        STEP(7)
#if V == 16
        for (; i + 16u <= last; i += 16u) {
            const JOIN(C, 16) x = ELEMENTS(a, i), y = ELEMENTS(b, i), z = ELEMENTS(c, i);
            (void)y;
            (void)z;
            store_16(OP(JOIN(C, 16), JOIN(MASK, 16), x, y, z, p, q), dst, dst_kind, at + i);
        }
#endif
        for (; i < last; i++) {
            const C x = ELEMENT(a, i), y = ELEMENT(b, i), z = ELEMENT(c, i);
            (void)y;
            (void)z;
            store_1(OP(C, MASK, x, y, z, p, q), dst, dst_kind, at + i);
        }
    }
}
