/* ops/pool_common.h -- what the files of pooling share: pool.c (table, shapes, gradients,
 * SIMT), pool_wide.c (CPU devices) and, there, in blocks of channels pool_blocked.c and
 * pool_bytes.c. */
#ifndef KERF_OPS_POOL_COMMON_H
#define KERF_OPS_POOL_COMMON_H

#include "ops/layout_common.h"
#include "ops/window_common.h"

typedef enum kerf__pool_kind {
    KERF__POOL_MAX,
    KERF__POOL_AVERAGE,
    KERF__POOL_POWER
} kerf__pool_kind;

/* A pooling node, forward or gradient, seen from its source; lanes apart. */
typedef struct kerf__pool {
    kerf__pool_kind kind;
    kerf_shape src; /* of the forward operation's input */
    size_t planes;  /* images times channels, or blocks of them */
    size_t lanes;   /* KERF__LANES where channels lie in blocks, else 1 */
    kerf__window window;
    float p;            /* of KERF__POOL_POWER, else 0 */
    unsigned with_pads; /* padding counts in a mean */
    kerf_type type;     /* of the elements: float32, for a maximum uint8 and int8, too */
} kerf__pool;

/* The node's shape rule has taken it. */
kerf__pool kerf__pool_of(const kerf_node *n);
/* Elements of a plane of the source, of the result. */
size_t kerf__pool_src_plane(const kerf__pool *p);
size_t kerf__pool_dst_plane(const kerf__pool *p);
/* "-DPOOL=Max" */
const char *kerf__pool_options(kerf__pool_kind kind);
/* "-DKERNEL=3 -DSTRIDE=2": loops over usual windows are unrolled; 0 for others. */
const char *kerf__pool_window_options(const kerf__pool *p);
/* " -DT=uchar -DLEAST=0"; "" for floats. */
const char *kerf__pool_type_options(kerf_type type);

/* 1 if one window is the whole plane, nothing around it, and only its value is wanted. */
int kerf__pool_is_plane(const kerf__op_case *c, const kerf__pool *p);

/* How a gradient of maxima is cut into bands of rows, each an item's: as high as an item may
 * take if a row costs so many iterations, lower where planes are few.  Returns rows. */
size_t kerf__pool_bands(const kerf__op_case *c, const kerf__pool *p, size_t row_cost,
                        size_t *bands);

/* 1 if kernels of blocks take such windows. */
int kerf__pool_can_block(const kerf__pool *p);

/* For the table of variants. */
int kerf__pool_fits_blocked(const kerf__op_case *c);
int kerf__pool_fits_bytes(const kerf__op_case *c);
kerf_status kerf__pool_build_blocked(const kerf__op_case *c);
kerf_status kerf__pool_build_bytes(const kerf__op_case *c);
kerf_status kerf__pool_build_max_grad_blocked(const kerf__op_case *c);
kerf_status kerf__pool_build_average_grad_blocked(const kerf__op_case *c);
int kerf__pool_fits_lines(const kerf__op_case *c);
int kerf__pool_fits_grad_lines(const kerf__op_case *c);
int kerf__pool_fits_rows(const kerf__op_case *c);
kerf_status kerf__pool_build_lines(const kerf__op_case *c);
kerf_status kerf__pool_build_max_grad(const kerf__op_case *c);
kerf_status kerf__pool_build_average_grad(const kerf__op_case *c);
kerf_status kerf__pool_build_rows(const kerf__op_case *c);

#endif
