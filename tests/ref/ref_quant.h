/* ref/ref_quant.h -- the definition of kernels/quant.clh in plain C: how numbers become small
 * integers and come back.  Other half: ref_quant.c. */
#ifndef KERF_REF_QUANT_H
#define KERF_REF_QUANT_H

#include "kerf/tensor.h"

/* What an integer type holds. */
kerf_quant ref_quant_range(kerf_type type, double scale, double zero_point);
/* The integers as doubles, which hold them all. */
double ref_quant_of_float(double x, kerf_quant q);
double ref_quant_of_sum(double sum, double multiplier, kerf_quant q);
double ref_quant_unrounded(double sum, double multiplier, double y_scale);
double ref_quant_multiplier(double x_scale, double w_scale, double y_scale);
double ref_quant_to_float(double integer, kerf_quant q);
/* 1 if the integer of x was not saturated, and x is a number. */
int ref_quant_is_within(double x, kerf_quant q);

#endif
