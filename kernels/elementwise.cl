/* elementwise.cl -- one formula a program: dst = OP(a, b), with broadcasting.
 *
 * -DOP=op_NAME picks the formula, -DBINARY=1 says that it has a second input.  A formula is
 * a macro over a type T (float or a vector of floats), the inputs a and b and a number p.
 *
 * No pointer is `restrict`: an item reads an element before it writes it, so dst may lie on
 * an input of its shape.  Limit: memory.  Host side: lib/ops/elementwise.c. */
#include "common.clh"

#ifndef OP
#define OP     op_Add
#define BINARY 1
#endif

#define IS(T, cond, yes, no) select((T)(no), (T)(yes), cond)

#define op_Add(T, a, b, p) ((a) + (b))
#define op_Sub(T, a, b, p) ((a) - (b))
#define op_Mul(T, a, b, p) ((a) * (b))
#define op_Div(T, a, b, p) ((a) / (b))
#define op_Pow(T, a, b, p) pow(a, b)
/* A NaN in either comes through, as in numpy. */
#define op_Max(T, a, b, p) IS(T, ((a) > (b)) | ((a) != (a)), a, b)
#define op_Min(T, a, b, p) IS(T, ((a) < (b)) | ((a) != (a)), a, b)

#define op_Abs(T, a, b, p)        fabs(a)
#define op_Exp(T, a, b, p)        exp(a)
#define op_Expand(T, a, b, p)     (a)
#define op_LeakyRelu(T, a, b, p)  IS(T, (a) < (T)(0.0f), (a) * (p), a)
#define op_Log(T, a, b, p)        log(a)
#define op_Neg(T, a, b, p)        (-(a))
#define op_Reciprocal(T, a, b, p) ((T)(1.0f) / (a))
#define op_Relu(T, a, b, p)       IS(T, (a) < (T)(0.0f), 0.0f, a)
#define op_Scale(T, a, b, p)      ((a) * (p))
#define op_Sigmoid(T, a, b, p)    ((T)(1.0f) / ((T)(1.0f) + exp(-(a))))
#define op_Sign(T, a, b, p)       IS(T, (a) > (T)(0.0f), 1.0f, IS(T, (a) < (T)(0.0f), -1.0f, 0.0f))
#define op_Sqrt(T, a, b, p)       sqrt(a)
#define op_Tanh(T, a, b, p)       tanh(a)

/* Gradients: a is the input or the output of the forward operation, b what arrives. */
#define op_AbsGrad(T, a, b, p)        IS(T, (a) > (T)(0.0f), b, IS(T, (a) < (T)(0.0f), -(b), 0.0f))
#define op_LeakyReluGrad(T, a, b, p)  IS(T, (a) > (T)(0.0f), b, (b) * (p))
#define op_LogGrad(T, a, b, p)        ((b) / (a))
#define op_ReciprocalGrad(T, a, b, p) (-(b) * (a) * (a))
#define op_ReluGrad(T, a, b, p)       IS(T, (a) > (T)(0.0f), b, 0.0f)
#define op_SigmoidGrad(T, a, b, p)    ((b) * (a) * ((T)(1.0f) - (a)))
#define op_SqrtGrad(T, a, b, p)       ((T)(0.5f) * (b) / (a))
#define op_TanhGrad(T, a, b, p)       ((b) * ((T)(1.0f) - (a) * (a)))
/* d(a^b)/da. */
#define op_PowGrad(T, a, b, p) ((b)*pow(a, (b) - (T)(1.0f)))
/* 0 / 0 is 0: the slope of a norm at its corner. */
#define op_DivOrZero(T, a, b, p) IS(T, (b) == (T)(0.0f), 0.0f, (a) / (b))
#define op_Equal(T, a, b, p)     IS(T, (a) == (b), 1.0f, 0.0f)
/* 1 where a is above, one half at a tie: how Max shares its gradient. */
#define op_Above(T, a, b, p) IS(T, (a) > (b), 1.0f, IS(T, (a) == (b), 0.5f, 0.0f))

#if BINARY
#define SECOND global const float *b,
#else
#define SECOND
#endif

/* Rows of n elements; in a row an input is as wide as dst (column stride 1) or one number
 * (0).  An item has `rows` rows and `columns` columns of them. */
kernel void elementwise_rows(global const float *a, SECOND global float *dst, float p, uint m,
                             uint n, uint rows, uint columns, uint a_row, uint a_column, uint b_row,
                             uint b_column)
{
    (void)p; /* most formulas have no number */
    const uint first = (uint)get_global_id(0) * columns, begin = (uint)get_global_id(1) * rows;
    const uint last = min(first + columns, n), end = min(begin + rows, m);
    for (uint r = begin; r < end; r++) {
        global const float *a_at = a + (size_t)r * a_row;
        global float *dst_at = dst + (size_t)r * n;
#if BINARY
        global const float *b_at = b + (size_t)r * b_row;
#else
        const float y = 0.0f;
        const floatv yv = (floatv)(0.0f);
#endif
        uint c = first;
        for (; c + V <= last; c += V) {
            const floatv xv = a_column ? LOADV(a_at + c) : (floatv)(*a_at);
#if BINARY
            const floatv yv = b_column ? LOADV(b_at + c) : (floatv)(*b_at);
#endif
            STOREV(OP(floatv, xv, yv, p), dst_at + c);
        }
        for (; c < last; c++) {
            const float x = a_at[c * a_column];
#if BINARY
            const float y = b_at[c * b_column];
#endif
            dst_at[c] = OP(float, x, y, p);
        }
    }
}

/* Any broadcasting: up to 8 dimensions, outermost first, with the inputs' strides. */
kernel void elementwise_any(global const float *a, SECOND global float *dst, float p, uint num,
                            uint chunk, uint d1, uint d2, uint d3, uint d4, uint d5, uint d6,
                            uint d7, uint a0, uint a1, uint a2, uint a3, uint a4, uint a5, uint a6,
                            uint a7, uint b0, uint b1, uint b2, uint b3, uint b4, uint b5, uint b6,
                            uint b7)
{
    (void)p;
    const uint dims[8] = {1, d1, d2, d3, d4, d5, d6, d7};
    const uint a_strides[8] = {a0, a1, a2, a3, a4, a5, a6, a7};
    const uint b_strides[8] = {b0, b1, b2, b3, b4, b5, b6, b7};
    const uint begin = min((uint)get_global_id(0) * chunk, num), end = min(begin + chunk, num);
    for (uint i = begin; i < end; i++) {
        uint rest = i, at_a = 0, at_b = 0;
        for (int k = 7; k > 0; k--) {
            const uint here = rest % dims[k];
            rest /= dims[k];
            at_a += here * a_strides[k];
            at_b += here * b_strides[k];
        }
        at_a += rest * a_strides[0];
        at_b += rest * b_strides[0];
        const float x = a[at_a];
#if BINARY
        const float y = b[at_b];
#else
        const float y = 0.0f;
#endif
        dst[i] = OP(float, x, y, p);
    }
}
