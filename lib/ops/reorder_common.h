/* ops/reorder_common.h -- what reorder.c and the files of its other variants share: those for
 * transformed filters, for bytes and for matrices of them.  Other halves: reorder_winograd.c,
 * reorder_bytes.c, reorder_words.c. */
#ifndef KERF_OPS_REORDER_COMMON_H
#define KERF_OPS_REORDER_COMMON_H

#include "ops/op.h"

/* 1 for float32 and float16. */
int kerf__reorder_is_float(kerf_type type);
/* Options for kernels/reorder.clh: what is read, and what is written. */
const char *kerf__reorder_types(const kerf_node *n);

int kerf__reorder_winograd_fits(const kerf__op_case *c);
kerf_status kerf__reorder_winograd_build(const kerf__op_case *c);
int kerf__reorder_words_fits(const kerf__op_case *c);
kerf_status kerf__reorder_words_build(const kerf__op_case *c);

int kerf__reorder_bytes_fits(const kerf__op_case *c);
kerf_status kerf__reorder_bytes_build(const kerf__op_case *c);

#endif
