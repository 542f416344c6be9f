/* ops/integer_common.h -- what operations on bytes share: their scales and zero points.  Other
 * half: integer_common.c. */
#ifndef KERF_OPS_INTEGER_COMMON_H
#define KERF_OPS_INTEGER_COMMON_H

#include <stdint.h>

#include "ops/op.h"

/* Every product of bytes is within 255 * 255: a longer sum of them might leave int32. */
enum { KERF__LONGEST_SUM = INT32_MAX / (255 * 255) };

enum { KERF__ALONE = -1 };
/* Input i, if it is there, must have this type and be one number, or `many` in a row, one a
 * channel say (KERF__ALONE: only one). */
kerf_status kerf__node_check_numbers(const kerf_node *n, int i, kerf_type type, int64_t many);

/* 1 if input i is there with more than one number; 1 if it is there and of int8. */
int kerf__has_many(const kerf_node *n, int i);
int kerf__has_sign(const kerf_node *n, int i);
/* The buffer of input i; for one that is left out some other, as kernels never read it. */
kerf__arg kerf__numbers_arg(const kerf__op_case *c, int i);

/* 1 if the zero points (input w_zero) of weights (input w) are known to vanish when the weights'
 * bytes have a sign, as those of uint8 get by taking off 128. */
int kerf__has_no_zero(const kerf_node *n, int w, int w_zero);

/* 1 if the device multiplies unsigned bytes by signed ones in this form (kernels/dot.clh); plain C
 * goes untried too. */
int kerf__has_dot_us(const kerf__op_case *c, kerf_dot form);
/* For guesses: cycles that a CPU device takes for a vector of 16 such products of four, and the
 * registers in which it keeps a word of each lane. */
double kerf__dot_cycles(kerf_dot form);
int kerf__dot_registers(kerf_dot form);

/* Candidates of the kernels for GPUs: the forms in which both sides have a sign, what a driver has
 * of its own first.  Their options ask for single words, on CPU devices, too. */
enum { KERF__NUM_DOTS_SS = 5 };
extern const kerf__candidate kerf__dots_ss[KERF__NUM_DOTS_SS];
int kerf__takes_dot_ss(const kerf__op_case *c, const kerf__candidate *form);

#endif
