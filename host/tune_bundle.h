/* tune_bundle.h -- `kerf tune M --bundle`: what was found, in the packed file.  Other half:
 * tune_bundle.c. */
#ifndef HOST_TUNE_BUNDLE_H
#define HOST_TUNE_BUNDLE_H

#include "options.h"

/* Whether the options can be done; 0 or an exit code after a message. */
int tune_bundle_check(const options *o);
/* Writes the model with what is known of the tuned device, beside what its file knew of others. */
int tune_bundle_write(const options *o);

#endif
