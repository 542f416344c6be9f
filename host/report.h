/* report.h -- the HTML page of a run: one file, no network, light and dark.
 * Other halves: report.c fills report.html, which is embedded with the chart library; run_page.c
 * says what stands on a run's page, demo_page.c and others on theirs. */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include <jansson.h>

#include "layer_stats.h"

/* Writes the page of `data`, all parts but title, lead and made optional:
 *   title, lead, made       texts
 *   facts                   [{value, label}]
 *   curve                   {title, caption, removed [percent], dense, series [{name, values}]}
 *   lines                   [{title, caption, x, unit, from_zero, series [{name, style, points [[x,
 * y]]}], marks [{at, what}]}] scatter                 [{title, x, y, points [{name, x, y, low,
 * high, front}]}] bars                    [{title, caption, unit, labels, series [{name, values}]}]
 *   bars_first              true: above the tables
 *   tables                  [{title, caption, header, rows [[text]], total: last row is one}]
 *   histograms(_caption)    [{name, left, edges, before, after}]
 *   norms(_caption)         [{name, before, after}]
 *   map                     {title, caption, rows, columns, counts}
 *   texts                   [{title, caption, text}], shown as they are
 * 0 or an exit code after a message. */
int report_write(const options *o, const char *path, const json_t *data);
/* The page itself, for free(); NULL when memory is short. */
char *report_text(const json_t *data);

/* An entry of facts; one of a series.  Values are stolen. */
void report_fact(json_t *facts, json_t *value, const char *label);
json_t *report_series(const char *name, json_t *values);
/* How many weights each input of a layer (outputs, rows * columns) has left, as `map`. */
json_t *report_input_map(const layer_values *l, int rows, int columns);

#endif
