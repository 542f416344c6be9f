/* compress/quantize/bits_internal.h -- shared by the files that find a type for each layer.
 *
 * Words.  lost: points of top-1, of agreement where there are no labels.  noise: of the network's
 * output, the squared error over the square of what it was; that of several layers adds up (Lin et
 * al. 2016, equation 9), and it tells layers apart where no sample changes its class.  curve: as in
 * plan/trade.h, from all floats on, with noise as harm.
 *
 *   bits_judge.c   noise and loss of a network
 *   bits_cost.c    its bytes
 *   bits_find.c    measures layers, walks the curve, chooses a point */
#ifndef KERF_BITS_INTERNAL_H
#define KERF_BITS_INTERNAL_H

#include "compress/quantize/calibrate_internal.h"
#include "plan/trade.h"

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

/* ---- costs ----------------------------------------------------------------------------- */

kerf_status kerf__bits_bytes(const kerf_graph *g, const kerf_state *s, double *bytes);

#endif
