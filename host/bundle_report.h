/* bundle_report.h -- the devices that a packed file knows; see kerf/bundle.h.  Other half:
 * bundle_report.c. */
#ifndef HOST_BUNDLE_REPORT_H
#define HOST_BUNDLE_REPORT_H

#include <jansson.h>

#include "say.h"
#include "table.h"

/* A row a device, or NULL where there is none; an object each.  0 or an exit code after a message;
 * both are the caller's in any case. */
int bundle_tell(const options *o, const char *path, table **rows, json_t **list);

#endif
