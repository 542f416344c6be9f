/* ops/reorder_common.h -- the variants of kerf.Reorder for transformed filters, for bytes and for
 * matrices of them, as reorder.c lists them.  Other halves: reorder_winograd.c, reorder_bytes.c,
 * reorder_words.c. */
#ifndef KERF_OPS_REORDER_COMMON_H
#define KERF_OPS_REORDER_COMMON_H

#include "ops/op.h"

int kerf__reorder_winograd_fits(const kerf__op_case *c);
kerf_status kerf__reorder_winograd_build(const kerf__op_case *c);
int kerf__reorder_words_fits(const kerf__op_case *c);
kerf_status kerf__reorder_words_build(const kerf__op_case *c);

int kerf__reorder_bytes_fits(const kerf__op_case *c);
kerf_status kerf__reorder_bytes_build(const kerf__op_case *c);

#endif
