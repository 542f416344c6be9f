/* device/dot.h -- the forms of the dot product, host half of kernels/dot.clh; see dot.c. */
#ifndef KERF_DEVICE_DOT_H
#define KERF_DEVICE_DOT_H

#include "device/launch.h"

/* 1 where a trial of the form can do no harm. */
int kerf__dot_may_try(const kerf_device_info *info, kerf_dot dot);
/* Words side by side in one value: DOT_V of the form on this device. */
int kerf__dot_words(const kerf_device *dev, kerf_dot dot);
/* The definition: acc + the four products, as this form adds them up. */
int32_t kerf__dot_exact(kerf_dot dot, int sign, uint32_t a, uint32_t b, int32_t acc);
/* "dot_ss" and "dot_us". */
const char *kerf__dot_function(int sign);

#endif
