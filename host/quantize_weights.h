/* quantize_weights.h -- `kerf quantize --weights`: a type for all layers, or by layer.  Other half:
 * quantize_weights.c. */
#ifndef HOST_QUANTIZE_WEIGHTS_H
#define HOST_QUANTIZE_WEIGHTS_H

#include "kerf/quantize.h"
#include "options.h"

typedef struct weight_choices {
    kerf_quantize_choice *items; /* owned */
    size_t num;
    char *text; /* owned: what the patterns point into */
} weight_choices;

/* Fills in q's weights and choices, which are borrowed from *w; q's mode is there.  0 or an exit
 * code after a message.  Free it in any case. */
int weights_parse(const options *o, kerf_quantize_options *q, weight_choices *w);
void weights_free(weight_choices *w);

#endif
