/* base/log.h -- telling the program what is going on; see kerf_set_log() and log.c. */
#ifndef KERF_BASE_LOG_H
#define KERF_BASE_LOG_H

#include "base/fail.h"

/* One line without its end.  Costs a comparison where nobody listens. */
void kerf__log(kerf_log_level level, const char *format, ...) KERF__PRINTF(2, 3);

#endif
