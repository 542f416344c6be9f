/* device/clblast.h -- CLBlast's SGEMM as a launch; see clblast.c.
 *
 * Optional: opened at run time when first wanted, so that programs that never use it do
 * not load it.  Foreign: its call may wait, allocate and compile. */
#ifndef KERF_DEVICE_CLBLAST_H
#define KERF_DEVICE_CLBLAST_H

#include "device/launch.h"

/* 1 if the library was found (and the build has it). */
int kerf__clblast_available(void);

/* dst (m, n) = op(a) op(b), row major; beta 0 or 1 on dst. */
typedef struct kerf__clblast_sgemm {
    kerf__buffer *a, *b, *dst; /* borrowed */
    int trans_a, trans_b;
    size_t m, n, k;
    float alpha, beta;
} kerf__clblast_sgemm;
kerf_status kerf__clblast_create_sgemm(kerf__launch **out, kerf_device *dev,
                                       const kerf__clblast_sgemm *gemm);

#endif
