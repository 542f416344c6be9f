/* report_text.h -- what a page says, as Markdown and as a picture for a paper, and the numbers
 * behind it as CSV.  Other halves: report_markdown.c, report_svg.c, report_csv.c. */
#ifndef HOST_REPORT_TEXT_H
#define HOST_REPORT_TEXT_H

#include <jansson.h>
#include <stdio.h>

#include "run_read.h"

/* Of a page's data (report.h): title, facts, tables and texts; curves and points. */
void report_markdown(FILE *out, const json_t *data);
void report_svg(FILE *out, const json_t *data);
/* A line a number: run, seed, part (epoch, event, network, layer), name, quantity, value. */
/* A text of a line of CSV, quoted; one that a spreadsheet would compute stays a text. */
void csv_text(FILE *out, const char *text);
void report_csv(FILE *out, const run_record *runs, size_t num);

#endif
