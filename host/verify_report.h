/* verify_report.h -- what `kerf verify` found, device by device.  Other half: verify_report.c;
 * cmd_verify.c finds it. */
#ifndef HOST_VERIFY_REPORT_H
#define HOST_VERIFY_REPORT_H

#include "kerf/kerf.h"
#include "say.h"

typedef struct verify_subject {
    kerf_device *dev;           /* owned */
    const char *name;           /* of the device; the device's */
    kerf_verify_result forward; /* inference, then a training step */
    kerf_verify_result training;
    uint64_t mask_digest; /* 0: none */
    double top1;          /* NAN: none */
    char why[320];        /* it fails apart from its layers; "" */
} verify_subject;

/* A table, or JSON; EXIT_FAILED if one of them failed. */
int verify_report(const options *o, const verify_subject *subjects, size_t num);

#endif
