/* run_page.h -- what a page says of runs, and parts of it for other pages.  Other half: run_page.c;
 * report.c makes the page. */
#ifndef HOST_RUN_PAGE_H
#define HOST_RUN_PAGE_H

#include "run_read.h"

/* All that report_write() wants. */
json_t *run_page(const run_record *runs, size_t num);

/* Entries of `tables`, `histograms`, of the layers of one run. */
json_t *run_layer_table(const run_record *r, const char *caption);
json_t *run_histograms(const run_record *r);
extern const char run_histograms_caption[];

/* Sums over the layers; NAN where one does not know. */
run_side run_sum(const run_record *r, int side);

#endif
