/* ops/conv_gather.h -- dst and src of a convolution computed in one way.  Other half:
 * conv_gather.c.
 *
 * A pixel of dst adds what its taps find in src, stride pixels further for the next pixel of
 * dst.  A pixel of src finds some taps in dst: those where the stride divides.  Which ones is
 * the same for all pixels of src that are a stride apart; so src falls into stride * stride
 * classes, and in each of them neighbours find neighbours.  A gather is dst, or one such class:
 *
 *     out[out_first + i * out_step] = sum over channels and taps of
 *         weights[weight_first + tap * weight_step] * in[in_first + i * in_step + tap * tap_step]
 *
 * with i from 0 to num - 1, along both axes. */
#ifndef KERF_OPS_CONV_GATHER_H
#define KERF_OPS_CONV_GATHER_H

#include "ops/conv_common.h"

enum { KERF__MOST_GATHERS = 256 }; /* that a node may launch */

typedef struct kerf__gather_axis {
    int in, out; /* pixels of the planes */
    int num, out_first, out_step;
    int in_first, in_step;
    int taps, tap_step; /* 0 taps: nothing is found, the sum is 0 */
    int weight_first, weight_step;
} kerf__gather_axis;

typedef struct kerf__gather {
    int rows, channels; /* of one group: computed, summed over */
    int weight_group, weight_row, weight_channel;
    kerf__gather_axis h, w;
} kerf__gather;

/* How many gathers make the result: 1 for dst; more than KERF__MOST_GATHERS for large strides. */
int64_t kerf__conv_num_gathers(const kerf__conv *v);
kerf__gather kerf__conv_gather(const kerf__conv *v, int i);

/* 1 if the node is plain, is not a gradient of weights, and takes few launches of loops that
 * turn as often as `turns_a_term` says for every term of a sum. */
int kerf__gather_fits(const kerf__op_case *c, const kerf__conv *v, int turns_a_term);
/* 1 if a kernel may turn so often through its loops (llvmpipe leaves after 65535). */
int kerf__conv_loop_fits(const kerf__op_case *c, int64_t turns);

/* Launches `entry`, which takes GATHER of kernels/conv.clh and then what its grid counts, once
 * for each class. */
typedef kerf__grid (*kerf__gather_grid)(const kerf__conv *v, const kerf__gather *g, int *num);
kerf_status kerf__gather_build(const kerf__op_case *c, const kerf__source *source,
                               const char *entry, const char *options, kerf__gather_grid grid);

#endif
