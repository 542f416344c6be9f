/* report.h -- the HTML page of a run: one file, no network, light and dark.
 * Other halves: report.c fills report.html, which is embedded with the chart library. */
#ifndef HOST_REPORT_H
#define HOST_REPORT_H

#include <jansson.h>

#include "model.h"

/* Writes the page of `data`, all parts but title, lead and made optional:
 *   title, lead, made       texts
 *   facts                   [{value, label}]
 *   curve                   {title, caption, removed [percent], dense, series [{name, values}]}
 *   bars                    [{title, caption, unit, labels, series [{name, values}]}]
 *   tables                  [{title, caption, header, rows [[text]], total: last row is one}]
 *   histograms(_caption)    [{name, left, edges, before, after}]
 *   map                     {title, caption, rows, columns, counts}
 *   commands                [text]
 * 0 or an exit code after a message. */
int report_write(const options *o, const char *path, const json_t *data);

/* The layers before and after, as an entry of `tables`. */
json_t *report_layer_table(const char *title, const char *caption, const layer_list *before,
                           const layer_list *after);
/* How the weights of a layer are spread, as an entry of `histograms`; zeros are left out.
 * NULL when memory is short or the state cannot be read. */
json_t *report_histogram(const layer *l, const kerf_state *before, const kerf_state *after);
/* How many weights each input of a layer (outputs, rows * columns) has left, as `map`. */
json_t *report_input_map(const layer *l, const kerf_state *s, int rows, int columns);

#endif
