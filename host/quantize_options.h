/* quantize_options.h -- `kerf quantize`: its command line as options of the library.  Other half:
 * quantize_options.c. */
#ifndef HOST_QUANTIZE_OPTIONS_H
#define HOST_QUANTIZE_OPTIONS_H

#include "kerf/quantize.h"
#include "options.h"

/* 0 or an exit code after a message.  *q borrows from *o and *kept, which is freed in any
 * case. */
int quantize_options(const options *o, kerf_quantize_options *q, kerf_calibrate_options *how,
                     void **kept);
int quantize_is_calibrated(const options *o); /* the file of --ranges is there */
int quantize_is_trained(const options *o);    /* --mode qat */

#endif
