/* elementwise.cl -- one formula a program: dst = OP(a, b), with broadcasting.
 *
 * -DOP=op_NAME picks the formula, -DBINARY=1 says that it has a second input.  A formula is
 * a macro over a type T (float or a vector of floats), the inputs a and b and numbers p and q.
 *
 * No pointer is `restrict`: an item reads an element before it writes it, so dst may lie on
 * an input of its shape.
 *
 * Limit: memory.  A plain store to a line that is in no cache reads it first: on two Zen 4 cores
 * Relu of 64 MiB is at 0.6 of a copy's speed with plain stores and at 0.9 with streaming ones
 * (-DSTREAM=1), which in place are slower.  Host side: lib/ops/elementwise.c. */
#include "common.clh"

#ifndef OP
#define OP     op_Add
#define BINARY 1
#endif

#define IS(T, cond, yes, no) select((T)(no), (T)(yes), cond)

#define op_Add(T, a, b, p, q) ((a) + (b))
#define op_Sub(T, a, b, p, q) ((a) - (b))
#define op_Mul(T, a, b, p, q) ((a) * (b))
#define op_Div(T, a, b, p, q) ((a) / (b))
#define op_Pow(T, a, b, p, q) pow(a, b)
/* A NaN in either comes through, as in numpy. */
#define op_Max(T, a, b, p, q) IS(T, ((a) > (b)) | ((a) != (a)), a, b)
#define op_Min(T, a, b, p, q) IS(T, ((a) < (b)) | ((a) != (a)), a, b)

#define op_Abs(T, a, b, p, q)        fabs(a)
#define op_Exp(T, a, b, p, q)        exp(a)
#define op_Expand(T, a, b, p, q)     (a)
#define op_LeakyRelu(T, a, b, p, q)  IS(T, (a) < (T)(0.0f), (a) * (p), a)
#define op_Log(T, a, b, p, q)        log(a)
#define op_Neg(T, a, b, p, q)        (-(a))
#define op_Reciprocal(T, a, b, p, q) ((T)(1.0f) / (a))
#define op_Relu(T, a, b, p, q)       IS(T, (a) < (T)(0.0f), 0.0f, a)
#define op_Scale(T, a, b, p, q)      ((a) * (p))
#define op_Sigmoid(T, a, b, p, q)    ((T)(1.0f) / ((T)(1.0f) + exp(-(a))))
#define op_Sign(T, a, b, p, q)       IS(T, (a) > (T)(0.0f), 1.0f, IS(T, (a) < (T)(0.0f), -1.0f, 0.0f))
#define op_Sqrt(T, a, b, p, q)       sqrt(a)
#define op_Tanh(T, a, b, p, q)       tanh(a)

#define op_Acos(T, a, b, p, q)  acos(a)
#define op_Acosh(T, a, b, p, q) acosh(a)
#define op_Asin(T, a, b, p, q)  asin(a)
#define op_Asinh(T, a, b, p, q) asinh(a)
#define op_Atan(T, a, b, p, q)  atan(a)
#define op_Atanh(T, a, b, p, q) atanh(a)
#define op_Ceil(T, a, b, p, q)  ceil(a)
#define op_Cos(T, a, b, p, q)   cos(a)
#define op_Cosh(T, a, b, p, q)  cosh(a)
#define op_Erf(T, a, b, p, q)   erf(a)
#define op_Floor(T, a, b, p, q) floor(a)
#define op_Round(T, a, b, p, q) rint(a)
#define op_Sin(T, a, b, p, q)   sin(a)
#define op_Sinh(T, a, b, p, q)  sinh(a)
#define op_Tan(T, a, b, p, q)   tan(a)
#define op_Mod(T, a, b, p, q)   fmod(a, b)
/* Bounds that cross give the upper one. */
#define op_Clip(T, a, b, p, q) AT_MOST(T, IS(T, (a) < (T)(p), p, a), q)
#define AT_MOST(T, a, q)       IS(T, (a) > (T)(q), q, a)
/* Activations.  expm1 keeps what exp - 1 loses near 0. */
#define op_Celu(T, a, b, p, q)            IS(T, (a) > (T)(0.0f), a, (p)*expm1((a) / (p)))
#define op_Elu(T, a, b, p, q)             IS(T, (a) > (T)(0.0f), a, (p)*expm1(a))
#define op_Selu(T, a, b, p, q)            ((q)*IS(T, (a) > (T)(0.0f), a, (p)*expm1(a)))
#define op_Gelu(T, a, b, p, q)            ((a) * ((p) != 0.0f ? TANH_STEP(T, a) : ERF_STEP(T, a)))
#define op_HardSigmoid(T, a, b, p, q)     op_Clip(T, (a) * (p) + (q), b, 0.0f, 1.0f)
#define op_HardSwish(T, a, b, p, q)       ((a)*op_HardSigmoid(T, a, b, 0.16666667f, 0.5f))
#define op_Mish(T, a, b, p, q)            ((a)*tanh(op_Softplus(T, a, b, p, q)))
#define op_PRelu(T, a, b, p, q)           IS(T, (a) < (T)(0.0f), (a) * (b), a)
#define op_Shrink(T, a, b, p, q)          IS(T, fabs(a) > (T)(p), (a)-copysign((T)(q), a), 0.0f)
#define op_Softplus(T, a, b, p, q)        (fmax(a, (T)(0.0f)) + log1p(exp(-fabs(a))))
#define op_Softsign(T, a, b, p, q)        ((a) / ((T)(1.0f) + fabs(a)))
#define op_ThresholdedRelu(T, a, b, p, q) IS(T, (a) > (T)(p), a, 0.0f)
/* Steps from 0 to 1 that Gelu multiplies by. */
#define ERF_STEP(T, a)   ((T)(0.5f) * ((T)(1.0f) + erf((a)*0.70710678f)))
#define TANH_INNER(T, a) ((a)*0.79788456f * ((T)(1.0f) + (a) * (a)*0.044715f))
#define TANH_STEP(T, a)  ((T)(0.5f) * ((T)(1.0f) + tanh(TANH_INNER(T, a))))

/* Gradients: a is the input or the output of the forward operation, b what arrives. */
#define op_AbsGrad(T, a, b, p, q)        IS(T, (a) > (T)(0.0f), b, IS(T, (a) < (T)(0.0f), -(b), 0.0f))
#define op_LeakyReluGrad(T, a, b, p, q)  IS(T, (a) > (T)(0.0f), b, (b) * (p))
#define op_LogGrad(T, a, b, p, q)        ((b) / (a))
#define op_ReciprocalGrad(T, a, b, p, q) (-(b) * (a) * (a))
#define op_ReluGrad(T, a, b, p, q)       IS(T, (a) > (T)(0.0f), b, 0.0f)
#define op_SigmoidGrad(T, a, b, p, q)    ((b) * (a) * ((T)(1.0f) - (a)))
#define op_SqrtGrad(T, a, b, p, q)       ((T)(0.5f) * (b) / (a))
#define op_TanhGrad(T, a, b, p, q)       ((b) * ((T)(1.0f) - (a) * (a)))
#define op_AcosGrad(T, a, b, p, q)       (-(b) / sqrt((T)(1.0f) - (a) * (a)))
#define op_AcoshGrad(T, a, b, p, q)      ((b) / sqrt((a) * (a) - (T)(1.0f)))
#define op_AsinGrad(T, a, b, p, q)       ((b) / sqrt((T)(1.0f) - (a) * (a)))
#define op_AsinhGrad(T, a, b, p, q)      ((b) / sqrt((a) * (a) + (T)(1.0f)))
#define op_AtanGrad(T, a, b, p, q)       ((b) / ((T)(1.0f) + (a) * (a)))
#define op_AtanhGrad(T, a, b, p, q)      ((b) / ((T)(1.0f) - (a) * (a)))
#define op_CosGrad(T, a, b, p, q)        (-(b)*sin(a))
#define op_CoshGrad(T, a, b, p, q)       ((b)*sinh(a))
#define op_ErfGrad(T, a, b, p, q)        ((b)*1.12837917f * exp(-(a) * (a)))
#define op_SinGrad(T, a, b, p, q)        ((b)*cos(a))
#define op_SinhGrad(T, a, b, p, q)       ((b)*cosh(a))
#define op_TanGrad(T, a, b, p, q)        ((b) / (cos(a) * cos(a)))
#define op_ClipGrad(T, a, b, p, q)       IS(T, ((a) >= (T)(p)) & ((a) <= (T)(q)), b, 0.0f)
#define op_CeluGrad(T, a, b, p, q)       IS(T, (a) > (T)(0.0f), b, (b)*exp((a) / (p)))
#define op_EluGrad(T, a, b, p, q)        IS(T, (a) > (T)(0.0f), b, (b) * (p)*exp(a))
#define op_SeluGrad(T, a, b, p, q)       ((q)*IS(T, (a) > (T)(0.0f), b, (b) * (p)*exp(a)))
#define op_GeluGrad(T, a, b, p, q)       ((b) * ((p) != 0.0f ? TANH_SLOPE(T, a) : ERF_SLOPE(T, a)))
#define ERF_SLOPE(T, a)                  (ERF_STEP(T, a) + (a)*0.39894228f * exp((T)(-0.5f) * (a) * (a)))
#define TANH_SLOPE(T, a)                                                                           \
    (TANH_STEP(T, a) * ((T)(1.0f) + ((T)(2.0f) - (T)(2.0f) * TANH_STEP(T, a)) * (a) *              \
                                        ((T)(0.79788456f) + (a) * (a)*0.10703222f)))
#define op_HardSigmoidGrad(T, a, b, p, q)                                                          \
    IS(T, ((a) * (p) + (q) > (T)(0.0f)) & ((a) * (p) + (q) < (T)(1.0f)), (b) * (p), 0.0f)
#define op_HardSwishGrad(T, a, b, p, q)                                                            \
    IS(T, (a) >= (T)(3.0f), b, IS(T, (a) > (T)(-3.0f), (b) * ((a)*0.33333333f + (T)(0.5f)), 0.0f))
#define op_MishGrad(T, a, b, p, q)                                                                 \
    ((b) * (tanh(op_Softplus(T, a, b, p, q)) +                                                     \
            (a)*SECH2(T, op_Softplus(T, a, b, p, q)) * op_Sigmoid(T, a, b, p, q)))
#define SECH2(T, a)                           ((T)(1.0f) - tanh(a) * tanh(a))
#define op_ShrinkGrad(T, a, b, p, q)          IS(T, fabs(a) > (T)(p), b, 0.0f)
#define op_SoftplusGrad(T, a, b, p, q)        ((b)*op_Sigmoid(T, a, b, p, q))
#define op_SoftsignGrad(T, a, b, p, q)        ((b) / (((T)(1.0f) + fabs(a)) * ((T)(1.0f) + fabs(a))))
#define op_ThresholdedReluGrad(T, a, b, p, q) IS(T, (a) > (T)(p), b, 0.0f)
#define op_PReluSlope(T, a, b, p, q)          IS(T, (a) > (T)(0.0f), 1.0f, b)
#define op_Negative(T, a, b, p, q)            IS(T, (a) < (T)(0.0f), a, 0.0f)
/* d(a^b)/da, at 0 too where the power is 0; and the factor of d(a^b)/db that keeps 0^b at 0. */
#define op_PowGrad(T, a, b, p, q)   IS(T, (b) == (T)(0.0f), 0.0f, (b)*pow(a, (b) - (T)(1.0f)))
#define op_LogOrZero(T, a, b, p, q) IS(T, (a) == (T)(0.0f), 0.0f, log(a))
/* 0 / 0 is 0: the slope of a norm at its corner. */
#define op_DivOrZero(T, a, b, p, q) IS(T, (b) == (T)(0.0f), 0.0f, (a) / (b))
#define op_Equal(T, a, b, p, q)     IS(T, (a) == (b), 1.0f, 0.0f)
/* 1 where a is above, one half at a tie: how Max shares its gradient. */
#define op_Above(T, a, b, p, q) IS(T, (a) > (b), 1.0f, IS(T, (a) == (b), 0.5f, 0.0f))

#ifndef STREAM
#define STREAM 0
#endif

#if STREAM
#define PUTV(x, p) __builtin_nontemporal_store(x, (global floatv *)(global void *)(p))
#else
#define PUTV(x, p) STOREV(x, p)
#endif

#if BINARY
#define SECOND       global const float *b,
#define B(c)         b[c]
#define B_COLUMN(c)  b[(c)*b_column]
#define B_COLUMNS(c) (b_column ? LOADV(b + (c)) : (floatv)(*b))
#define B_ROW(r)     (b + ROW(r, b))
#else
#define SECOND
#define B(c)         0.0f
#define B_COLUMN(c)  0.0f
#define B_COLUMNS(c) (floatv)(0.0f)
#define B_ROW(r)     a
#endif

/* Rows: dst is (outer, inner, n), and row r is (r / inner, r % inner).  In a row an input is as
 * wide as dst (its column stride is 1) or one number (0). */
#define ROW(r, x) ((size_t)((r) / inner) * x##_outer + (size_t)((r) % inner) * x##_inner)

#define ONE_COLUMN(c)                                                                              \
    {                                                                                              \
        const float x = a[(c)*a_column], y = B_COLUMN(c);                                          \
        dst[c] = OP(float, x, y, p, q);                                                            \
    }

/* Columns c to last of a row that begins at a, b and dst. */
static inline void columns_of(global const float *a, global const float *b, global float *dst,
                              float p, float q, uint c, uint last, uint a_column, uint b_column)
{
    (void)p; /* most formulas have no numbers, some no second input */
    (void)q;
    (void)b;
    (void)b_column;
#if STREAM /* whole lines, so up to where one begins */
    const uint past = (uint)((uintptr_t)(dst + c) / sizeof(float));
    const uint line = min(c + (15u & (0u - past)), last);
    for (; c < line; c++)
        ONE_COLUMN(c)
#endif
    for (; c + V <= last; c += V) {
        const floatv x = a_column ? LOADV(a + c) : (floatv)(*a);
        const floatv y = B_COLUMNS(c);
        PUTV(OP(floatv, x, y, p, q), dst + c);
    }
    for (; c < last; c++)
        ONE_COLUMN(c)
}

/* A program has the one kernel that its V is for, so that a compiler puts a formula in its place
 * and calls nothing.
 *
 * V = 16, for CPU devices: an item has `rows` of the m rows and `columns` columns of them. */
#if V == 16
kernel void elementwise_rows(global const float *a, SECOND global float *dst, float p, float q,
                             uint m, uint inner, uint n, uint a_outer, uint a_inner, uint a_column,
                             uint b_outer, uint b_inner, uint b_column, uint rows, uint columns)
{
    const uint first = (uint)get_global_id(0) * columns, begin = (uint)get_global_id(1) * rows;
    const uint last = min(first + columns, n), end = min(begin + rows, m);
    for (uint r = begin; r < end; r++)
        columns_of(a + ROW(r, a), B_ROW(r), dst + (size_t)r * n, p, q, first, last, a_column,
                   b_column);
}

/* V = 4, for GPUs: an item has one vector, so that neighbours have neighbouring bytes. */
#elif V == 4
kernel void elementwise_vectors(global const float *a, SECOND global float *dst, float p, float q,
                                uint m, uint inner, uint n, uint a_outer, uint a_inner,
                                uint a_column, uint b_outer, uint b_inner, uint b_column)
{
    const uint i = (uint)get_global_id(0), vectors = (n + V - 1u) / V;
    const uint r = i / vectors, first = i % vectors * V;
    if (r < m)
        columns_of(a + ROW(r, a), B_ROW(r), dst + (size_t)r * n, p, q, first, min(first + V, n),
                   a_column, b_column);
}

/* V = 1, any broadcasting: up to 8 dimensions, outermost first, with the inputs' strides.  Spelled
 * out, because Mesa's compilers for phones keep arrays in memory. */
#else
#define STEP(k)                                                                                    \
    {                                                                                              \
        const uint here = rest % d##k;                                                             \
        rest /= d##k;                                                                              \
        at_a += here * a##k;                                                                       \
        at_b += here * b##k;                                                                       \
    }
kernel void elementwise_any(global const float *a, SECOND global float *dst, float p, float q,
                            uint num, uint chunk, uint d1, uint d2, uint d3, uint d4, uint d5,
                            uint d6, uint d7, uint a0, uint a1, uint a2, uint a3, uint a4, uint a5,
                            uint a6, uint a7, uint b0, uint b1, uint b2, uint b3, uint b4, uint b5,
                            uint b6, uint b7)
{
    (void)p;
    (void)q;
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    for (uint i = begin; i < end; i++) {
        uint rest = i, at_a = 0u, at_b = 0u;
        STEP(7)
        STEP(6)
        STEP(5)
        STEP(4)
        STEP(3)
        STEP(2)
        STEP(1)
        at_a += rest * a0;
        at_b += rest * b0;
        const float x = a[at_a], y = B(at_b);
        dst[i] = OP(float, x, y, p, q);
    }
}
#endif
