/* ops/conv_simt.h -- the variants of conv_simt.c and conv_direct.c, for the table in conv.c. */
#ifndef KERF_OPS_CONV_SIMT_H
#define KERF_OPS_CONV_SIMT_H

#include "ops/op.h"

/* conv_simt.c: tiles, all three directions. */
int kerf__conv_simt_fits(const kerf__op_case *c);
double kerf__conv_simt_guess(const kerf__op_case *c);
size_t kerf__conv_simt_scratch(const kerf__op_case *c);
kerf_status kerf__conv_simt_build(const kerf__op_case *c);

/* conv_direct.c: few channels a group. */
int kerf__conv_direct_fits(const kerf__op_case *c);
double kerf__conv_direct_guess(const kerf__op_case *c);
kerf_status kerf__conv_direct_build(const kerf__op_case *c);

#endif
