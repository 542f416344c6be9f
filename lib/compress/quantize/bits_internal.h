/* compress/quantize/bits_internal.h -- shared by the files that find a type for each layer.
 *
 * Words.  lost: points of top-1, of agreement where there are no labels.  noise: of the network's
 * output, the squared error over the square of what it was; that of several layers adds up (Lin et
 * al. 2016, equation 9), and it tells layers apart where no sample changes its class.  curve: ever
 * cheaper networks, from all floats on; each point is the one before it with one layer moved.
 *
 *   bits_judge.c   noise and loss of a network
 *   bits_cost.c    its bytes and milliseconds
 *   bits_curve.c   from the layers' noise and costs to the curve, by arithmetic alone
 *   bits_find.c    measures layers, walks the curve, chooses a point */
#ifndef KERF_BITS_INTERNAL_H
#define KERF_BITS_INTERNAL_H

#include "compress/quantize/calibrate_internal.h"

/* ---- judging --------------------------------------------------------------------------- */

typedef struct kerf__judge {
    const kerf_graph *g; /* borrowed: the floats that others are held against, and their state */
    kerf_state *s;
    kerf__samples samples;
    float *outputs; /* owned; of g, a row a sample */
    size_t row;
    double right; /* samples that g gets right; without labels, all */
} kerf__judge;

typedef struct kerf__verdict {
    double noise, lost;
} kerf__verdict;

/* Runs g on held back samples, or what comes nearest to them.  num_passes: for progress.  Close it
 * in any case. */
kerf_status kerf__judge_open(kerf__judge *j, const kerf_graph *g, kerf_state *s,
                             const kerf_dataset *d, const kerf_calibrate_options *how,
                             size_t num_passes);
void kerf__judge_close(kerf__judge *j);
kerf_status kerf__judge_network(kerf__judge *j, const kerf_graph *g, kerf_state *s,
                                kerf__verdict *out);
/* The copy of g that these options make. */
kerf_status kerf__judge_quantized(kerf__judge *j, const kerf_quantize_options *options,
                                  kerf__verdict *out);
kerf_status kerf__quantize_copy(kerf_graph **g_out, kerf_state **s_out, const kerf_graph *g,
                                const kerf_state *s, const kerf_quantize_options *options);

/* A name as a pattern that means it and nothing else; room for twice its length. */
void kerf__quote_pattern(char *pattern, const char *name);

/* ---- costs ----------------------------------------------------------------------------- */

kerf_status kerf__bits_bytes(const kerf_graph *g, const kerf_state *s, double *bytes);
/* Of a run with one sample: the median of some. */
kerf_status kerf__bits_ms(const kerf_graph *g, kerf_state *s, const kerf__samples *samples,
                          double *ms);
/* Of the steps that belong to each of these nodes. */
kerf_status kerf__bits_layers_ms(const kerf_graph *g, kerf_state *s, const kerf__samples *samples,
                                 const char *const *names, size_t num, double *ms);

/* ---- the curve ------------------------------------------------------------------------- */

/* By layer, then by type; type 0 is where the curve begins. */
typedef struct kerf__bits_table {
    const double *noise, *cost;
    size_t num_layers, num_types;
} kerf__bits_table;

typedef struct kerf__bits_move {
    size_t layer;
    int from, to;
} kerf__bits_move;

/* Fills in moves, with room for num_layers * (num_types - 1), and gives how many there are. */
size_t kerf__bits_curve(const kerf__bits_table *t, kerf__bits_move *moves);

#endif
