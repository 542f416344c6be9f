/* run_page.h -- what a page says of runs, and parts of it for other pages.  Other halves:
 * run_page.c (one), side_page.c (several); report.c makes the page. */
#ifndef HOST_RUN_PAGE_H
#define HOST_RUN_PAGE_H

#include "run_groups.h"

/* All that report_write() wants; NULL when memory is short. */
json_t *run_page(const run_record *r);
json_t *side_page(const run_record *runs, size_t num);
/* What --json prints: means, deviations and intervals of runs that differ in their seed alone. */
json_t *side_json(const run_record *runs, size_t num);

/* Entries of `tables`, `histograms`, of the layers of one run. */
json_t *run_layer_table(const run_record *r, const char *caption);
json_t *run_histograms(const run_record *r);
extern const char run_histograms_caption[];

/* `lines` of several runs, those of a group in one colour. */
json_t *run_group_lines(const run_groups *groups);

#endif
