/* quantize_page.h -- `kerf quantize --analyse --run-dir DIR`: DIR/report.html, what rounding costs
 * each layer as bars and a table.  Other half: quantize_page.c. */
#ifndef HOST_QUANTIZE_PAGE_H
#define HOST_QUANTIZE_PAGE_H

#include "quantize_errors.h"

/* Behind change_finish(), as the page tells what became of the whole network.  0 or an exit code
 * after a message. */
int errors_page(const change *c, const layer_errors *e);

#endif
