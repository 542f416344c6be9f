/* quantize_bits.h -- `kerf quantize --max-drop, --size, --latency`: a type for each layer that is
 * found, not told.  Other half: quantize_bits.c. */
#ifndef HOST_QUANTIZE_BITS_H
#define HOST_QUANTIZE_BITS_H

#include "change.h"

/* What the command line says of them; 0 or an exit code after a message. */
int bits_check(const options *o);
/* Finds types, shows what it found, and has q choose them, which borrows them from *out.  An exit
 * code after a message: interrupted, failed, or EXIT_TARGET, where q chooses what comes nearest. */
int bits_find(change *c, kerf_quantize_options *q, const kerf_calibrate_options *how,
              kerf_bits **out);

#endif
