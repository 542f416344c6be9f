/* report_svg.h -- what the parts of a page's picture share: report_svg.c draws curves and points,
 * report_svg_bars.c bars, where there is nothing else. */
#ifndef HOST_REPORT_SVG_H
#define HOST_REPORT_SVG_H

#include <jansson.h>
#include <stdio.h>

enum { SVG_WIDTH = 800 };

const char *svg_colour(size_t i);
void svg_text(FILE *out, const char *text); /* what is markup in it is not */

/* Bars of a page (report.h), one card below the other; NULL: none. */
size_t svg_bars_height(const json_t *list);
void svg_bars(FILE *out, const json_t *list);

#endif
