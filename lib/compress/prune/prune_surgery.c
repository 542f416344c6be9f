/* compress/prune/prune_surgery.c -- dynamic network surgery: as prune_soft.c, but with two
 * thresholds, so that weights near the cut do not flicker: one that is out comes back ("splicing")
 * only if its magnitude is a tenth above that of the last one that stays.
 *
 * Guo et al. 2016, "Dynamic network surgery for efficient DNNs".  Theirs are given; here the lower
 * one is where the amount is reached, as for every method by rank. */
#include "base/fail.h"
#include "compress/prune/prune_making.h"

static kerf_status add_scores(const kerf__making *m, size_t layer, kerf_value **out)
{
    static const float MARGIN = 1 / 1.1f;
    const kerf__making_layer *l = &m->layers[layer];
    kerf_value *factor, *less;
    kerf_tensor *number;
    KERF__TRY(kerf_tensor_create(&number, NULL, KERF_F32, KERF_SCALAR));
    *(float *)kerf_tensor_data(number) = MARGIN;
    KERF__TRY(kerf_graph_add_constant(m->g, NULL, number, &factor));
    KERF__TRY(kerf__making_node(m, "Mul", (kerf_value *[]){l->weight, factor}, 2, &less));
    return kerf__making_node(m, "Where", (kerf_value *[]){l->mask, l->weight, less}, 3, out);
}

const kerf__prune_way kerf__prune_surgery = {.by_rank = 1, .is_soft = 1, .add_scores = add_scores};
