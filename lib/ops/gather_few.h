/* ops/gather_few.h -- kerf.GatherGrad of few rows of one number; other half: gather_few.c. */
#ifndef KERF_OPS_GATHER_FEW_H
#define KERF_OPS_GATHER_FEW_H

#include "ops/op.h"

int kerf__gather_few_fits_wide(const kerf__op_case *c);
int kerf__gather_few_fits_simt(const kerf__op_case *c);
size_t kerf__gather_few_scratch(const kerf__op_case *c);
kerf_status kerf__gather_few_build(const kerf__op_case *c);

#endif
