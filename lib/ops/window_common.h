/* ops/window_common.h -- a window that walks over the spatial axes of (N, C, D, H, W): what
 * pooling takes from a node's kernel_shape, strides, dilations, pads, auto_pad and ceil_mode.
 *
 * There are always three axes, z, y and x; a node that has fewer gets axes of one element in
 * front, so that kernels are written once.  Other half: window_common.c; device side:
 * kernels/window.clh. */
#ifndef KERF_OPS_WINDOW_COMMON_H
#define KERF_OPS_WINDOW_COMMON_H

#include "ops/shape_common.h"

enum { KERF__SPATIAL = 3 };

/* Step o of the window begins at o * stride - before and has a tap every `dilation`.  All
 * numbers, and all positions that follow from them, fit into 31 bits. */
typedef struct kerf__window_axis {
    int src, dst, kernel, stride, dilation, before, after;
} kerf__window_axis;

typedef struct kerf__window {
    int num;                               /* spatial axes the node has */
    kerf__window_axis axes[KERF__SPATIAL]; /* z, y, x */
} kerf__window;

/* Reads the node's attributes for a source of this shape and says by name what is wrong.
 * `kernel` is the spatial shape of the weights, or NULL for the attribute kernel_shape. */
kerf_status kerf__node_window(const kerf_node *n, kerf_shape src, const int64_t *kernel,
                              kerf__window *out);
/* The window over all of src at once: what Global... operations have. */
kerf_status kerf__node_global_window(const kerf_node *n, kerf_shape src, kerf__window *out);
/* src with its spatial dimensions as the window leaves them. */
kerf_shape kerf__window_dst(const kerf__window *w, kerf_shape src);

/* Taps of a window, over all axes; INT_MAX for that many and more. */
size_t kerf__window_taps(const kerf__window *w);
/* Appends the numbers of axes z, y and x (`num` of them, counted from the last) to an
 * argument list, in the order of AXIS in window.clh; returns the new length. */
enum { KERF__WINDOW_ARGS = 7 };
int kerf__window_args(const kerf__window *w, int num, kerf__arg *args, int at);

#endif
