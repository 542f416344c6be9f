/* compress/prune/prune_words.c -- zeros at random for networks whose convolutions are of bytes.
 *
 * Pruners work on floats, before a network is quantized; who asks what zeros would be worth has
 * the quantized file alone.  Words go one by one, each with the chance that leaves the number
 * wanted among those still to come (selection sampling): exactly that many are left. */
#include <math.h>

#include "base/random.h"
#include "graph/graph_internal.h"
#include "kerf/prune.h"
#include "tensor/tensor_internal.h"

enum { WORD = 4 }; /* input channels that a dot product takes at once */

/* Filters (K, C, taps). */
typedef struct filters {
    signed char *weights; /* borrowed */
    int64_t num, channels, taps;
} filters;

static void clear_word(const filters *f, int64_t k, int64_t c, int64_t tap)
{
    for (int64_t i = c; i < f->channels && i < c + WORD; i++)
        f->weights[(k * f->channels + i) * f->taps + tap] = 0;
}

static void clear_words(const filters *f, double left, kerf__random random)
{
    int64_t coming = f->num * ((f->channels + WORD - 1) / WORD) * f->taps;
    int64_t wanted = llround(left * (double)coming);
    for (int64_t k = 0; k < f->num; k++)
        for (int64_t c = 0; c < f->channels; c += WORD)
            for (int64_t tap = 0; tap < f->taps; tap++, coming--) {
                const uint64_t at = (uint64_t)coming;
                if (kerf__random_below(random, 0, at, at) < (uint64_t)wanted)
                    wanted--;
                else
                    clear_word(f, k, c, tap);
            }
}

/* Numbers of an image's convolutions: what else is a constant has fewer dimensions, or other
 * types. */
static int is_filters(const kerf_value *v)
{
    enum { LEAST_RANK = 3 };
    return v->kind == KERF__VALUE_CONSTANT && v->type == KERF_S8 && v->shape.rank >= LEAST_RANK &&
           kerf_shape_num_elements(v->shape) > 0;
}

int kerf_prune_words(kerf_graph *g, double left, uint64_t seed)
{
    int num = 0;
    for (size_t i = 0; i < g->num_values; i++) {
        const kerf_value *v = g->values[i];
        if (!is_filters(v))
            continue;
        filters f = {v->constant->data, v->shape.dims[0], v->shape.dims[1], 1};
        for (int d = 2; d < v->shape.rank; d++)
            f.taps *= v->shape.dims[d];
        clear_words(&f, left, kerf__random_key(seed, KERF__RANDOM_DATA, (uint32_t)num++));
    }
    return num;
}
