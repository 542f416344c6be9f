/* ops/top_k_mask.c -- chooses masks for several weights at once.
 *
 *     kerf.TopKMask(count () int32, score_1, mask_1, ..., score_n, mask_n)
 *         -> mask_1, ..., mask_n, threshold ()
 *
 * Over all n tensors together those with the smallest |score| are masked out until `count`
 * are 0.  What was masked stays masked and counts, even if that is more than `count`; a NaN
 * counts as largest; at a tie the lower (tensor, element) goes first.  threshold is the
 * largest |score| that was taken, NaN for none.  count is data: the node is planned once.
 * Attribute `signed` 1: the score itself counts in the place of |score|, to 23 bits of it.
 *
 * A global event is one node, one of layers a node each.  Device side:
 * kernels/top_k_mask.cl.  Definition: tests/ref/ref_top_k_mask.c. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_top_k_mask;

static int num_tensors(const kerf_node *n)
{
    return (n->num_inputs - 1) / 2;
}

static size_t num_of(const kerf_node *n, int tensor)
{
    return (size_t)kerf__value_elements(n->inputs[1 + 2 * tensor]);
}

static size_t num_all(const kerf_node *n)
{
    size_t num = 0;
    for (int t = 0; t < num_tensors(n); t++)
        num += num_of(n, t);
    return num;
}

static kerf_status infer(kerf_node *n)
{
    const int num = num_tensors(n);
    if (n->num_inputs != 1 + 2 * num || n->num_outputs != num + 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "has %d inputs and %d outputs, must have a count "
                               "and pairs, and a mask a pair and a threshold",
                               n->num_inputs, n->num_outputs);
    KERF__TRY(kerf__node_check_type(n, 0, KERF_S32));
    if (kerf__value_elements(n->inputs[0]) != 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "count has %lld elements, must have 1",
                               (long long)kerf__value_elements(n->inputs[0]));
    for (int t = 0; t < num; t++) {
        KERF__TRY(kerf__node_check_type(n, 1 + 2 * t, KERF_F32));
        KERF__TRY(kerf__node_check_type(n, 2 + 2 * t, KERF_BOOL));
        KERF__TRY(kerf__node_check_shape(n, 2 + 2 * t, n->inputs[1 + 2 * t]->shape));
        kerf__set_output(n, t, KERF_BOOL, n->inputs[1 + 2 * t]->shape);
    }
    kerf__set_output(n, num, KERF_F32, KERF_SCALAR);
    return KERF_OK;
}

/* ---- how the work is cut --------------------------------------------------------------------- */

enum { NUM_PASSES = 3, TIE_CHUNK = 8192, STATE_WORDS = 16 };

/* Digits from the top, 31 bits in all.  The wide style takes a first digit that splits
 * octaves into 32 parts, so that few keys are left for the second pass; the SIMT style what
 * 8 KiB of local memory hold. */
typedef struct style {
    const char *options;
    unsigned bins, sub; /* counters of a slot: bins times sub */
    unsigned shifts[NUM_PASSES], digits[NUM_PASSES];
} style;

static const style SIMT = {"-DWIDE=0 -DBINS=2048u -DV=4", 2048, 1, {20, 10, 0}, {2048, 1024, 1024}};
static const style WIDE = {"-DWIDE=1 -DBINS=8192u -DV=16", 8192, 4, {18, 9, 0}, {8192, 512, 512}};

static const style *style_of(const kerf__op_case *c)
{
    return kerf__is_wide(c) ? &WIDE : &SIMT;
}

/* Elements of tensor t that an item (wide) or a group (SIMT) counts.  Items that count are few, as
 * each has a slot of BINS * SUB words that is emptied and added up three times. */
static size_t chunk_of(const kerf__op_case *c, int t)
{
    const size_t vectors = kerf__ceil_div(num_of(c->node, t), 16);
    const size_t items = 2 * (size_t)kerf_device_get_info(c->dev)->compute_units;
    size_t chunk = kerf__ceil_div(vectors, items);
    if (!kerf__is_wide(c))
        return 16384;
    if (chunk < 1024)
        chunk = 1024;
    if (!kerf__loop_fits(c, (int)(16 * chunk)))
        chunk = KERF__MOST_ITERATIONS / 16;
    return 16 * chunk;
}

static size_t num_slots(const kerf__op_case *c)
{
    size_t most = 1;
    for (int t = 0; kerf__is_wide(c) && t < num_tensors(c->node); t++) {
        const size_t items = kerf__ceil_div(num_of(c->node, t), chunk_of(c, t));
        most = items > most ? items : most;
    }
    return most;
}

static size_t num_tie_chunks(const kerf_node *n)
{
    size_t num = 0;
    for (int t = 0; t < num_tensors(n); t++)
        num += kerf__ceil_div(num_of(n, t), TIE_CHUNK);
    return num;
}

/* Places in scratch, in words; the state stands at 0. */
typedef struct places {
    unsigned slots, totals, ties, end;
} places;

static places places_of(const kerf__op_case *c)
{
    const style *s = style_of(c);
    places p = {.slots = STATE_WORDS};
    p.totals = p.slots + (unsigned)num_slots(c) * s->bins * s->sub;
    p.ties = p.totals + s->bins;
    p.end = p.ties + (unsigned)num_tie_chunks(c->node) + 1;
    return p;
}

/* ---- launches ------------------------------------------------------------------------------- */

static kerf_status emit(const kerf__op_case *c, const char *entry, const kerf__arg *args,
                        int num_args, kerf__grid grid)
{
    char options[64];
    snprintf(options, sizeof options, "%s -DSIGNED=%d", style_of(c)->options,
             kerf_node_int(c->node, "signed", 0) != 0);
    return kerf__emit(c, &kerf__source_top_k_mask, entry, options, args, num_args, grid);
}

static kerf_status begin(const kerf__op_case *c, const places *p)
{
    const unsigned words = p->totals - p->slots, chunk = 16384;
    const size_t items = kerf__ceil_div(words, chunk);
    return emit(c, "top_k_begin",
                KERF__ARGS(ARG(kerf__in(c, 0)), ARG(c->scratch), ARG(p->slots),
                           ARG((unsigned)num_all(c->node)), ARG(words), ARG(chunk)),
                kerf__grid_wide(items, 1, 1));
}

static kerf_status count_digits(const kerf__op_case *c, const places *p, int pass)
{
    const style *s = style_of(c);
    const unsigned shift = s->shifts[pass], digits = s->digits[pass];
    /* The bits that earlier passes have settled. */
    const unsigned above = pass == 0 ? 0u : ~((digits << shift) - 1u);
    for (int t = 0; t < num_tensors(c->node); t++) {
        const size_t num = num_of(c->node, t), chunk = chunk_of(c, t);
        const size_t groups = kerf__ceil_div(num, chunk);
        KERF__TRY(emit(c, "top_k_histogram",
                       KERF__ARGS(ARG(kerf__in(c, 1 + 2 * t)), ARG(kerf__in(c, 2 + 2 * t)),
                                  ARG(c->scratch), ARG(p->slots), ARG(shift), ARG(digits),
                                  ARG(above), ARG((unsigned)num), ARG((unsigned)chunk)),
                       (kerf__grid){1, {groups, 1, 1}, {kerf__is_wide(c) ? 1 : 64, 1, 1}}));
    }
    return KERF_OK;
}

static kerf_status pick(const kerf__op_case *c, const places *p, int pass)
{
    enum { FEW = 8192 }; /* counters that one item adds up in no time */
    const style *s = style_of(c);
    const kerf__buffer *count = kerf__in(c, 0), *threshold = kerf__out(c, num_tensors(c->node));
    const unsigned shift = s->shifts[pass], digits = s->digits[pass];
    const unsigned slots = (unsigned)num_slots(c), chunk = kerf__is_wide(c) ? 256 : 16;
    if (kerf__is_wide(c) && (size_t)slots * digits * s->sub <= FEW)
        return emit(c, "top_k_sum_pick",
                    KERF__ARGS(ARG(count), ARG(c->scratch), ARG(threshold), ARG(p->slots),
                               ARG(p->totals), ARG(slots), ARG(shift), ARG(digits)),
                    kerf__grid_wide(1, 1, 1));
    KERF__TRY(emit(c, "top_k_sum",
                   KERF__ARGS(ARG(c->scratch), ARG(p->slots), ARG(p->totals), ARG(slots),
                              ARG(digits), ARG(chunk)),
                   kerf__grid_wide(kerf__ceil_div(digits, chunk), 1, 1)));
    return emit(c, "top_k_pick",
                KERF__ARGS(ARG(count), ARG(c->scratch), ARG(threshold), ARG(p->totals), ARG(shift),
                           ARG(digits)),
                kerf__grid_wide(1, 1, 1));
}

static kerf_status apply(const kerf__op_case *c)
{
    for (int t = 0; t < num_tensors(c->node); t++) {
        const size_t num = num_of(c->node, t);
        unsigned chunk;
        const kerf__grid grid = kerf__grid_flat(c, num, &chunk);
        KERF__TRY(
            emit(c, "top_k_apply",
                 KERF__ARGS(ARG(kerf__in(c, 1 + 2 * t)), ARG(kerf__in(c, 2 + 2 * t)),
                            ARG(c->scratch), ARG(kerf__out(c, t)), ARG((unsigned)num), ARG(chunk)),
                 grid));
    }
    return KERF_OK;
}

/* One item a chunk, whatever the style: it must walk in order. */
static kerf__grid tie_grid(const kerf__op_case *c, size_t num)
{
    const size_t chunks = kerf__ceil_div(num, TIE_CHUNK);
    return kerf__is_wide(c) ? kerf__grid_wide(chunks, 1, 1) : kerf__grid_items(chunks);
}

/* Few elements: ties are rare, and one walk that finds none is over at once. */
static int walks_in_order(const kerf__op_case *c)
{
    enum { FEW = 1 << 14 };
    const size_t num = num_all(c->node);
    return kerf__is_wide(c) && num <= FEW && kerf__loop_fits(c, (int)num);
}

static kerf_status walk_ties(const kerf__op_case *c)
{
    for (int t = 0; t < num_tensors(c->node); t++)
        KERF__TRY(emit(c, "top_k_ties_in_order",
                       KERF__ARGS(ARG(kerf__in(c, 1 + 2 * t)), ARG(c->scratch),
                                  ARG(kerf__out(c, t)), ARG((unsigned)num_of(c->node, t))),
                       kerf__grid_wide(1, 1, 1)));
    return KERF_OK;
}

static kerf_status order_ties(const kerf__op_case *c, const places *p)
{
    const kerf_node *n = c->node;
    const unsigned chunk = TIE_CHUNK;
    unsigned at = p->ties;
    for (int t = 0; t < num_tensors(n); t++) {
        const size_t num = num_of(n, t);
        KERF__TRY(emit(c, "top_k_count_ties",
                       KERF__ARGS(ARG(kerf__in(c, 1 + 2 * t)), ARG(kerf__out(c, t)),
                                  ARG(c->scratch), ARG(at), ARG((unsigned)num), ARG(chunk)),
                       tie_grid(c, num)));
        at += (unsigned)kerf__ceil_div(num, chunk);
    }
    KERF__TRY(emit(c, "top_k_scan_ties",
                   KERF__ARGS(ARG(c->scratch), ARG(p->ties), ARG(at - p->ties)),
                   kerf__grid_wide(1, 1, 1)));
    at = p->ties;
    for (int t = 0; t < num_tensors(n); t++) {
        const size_t num = num_of(n, t);
        KERF__TRY(emit(c, "top_k_ties",
                       KERF__ARGS(ARG(kerf__in(c, 1 + 2 * t)), ARG(c->scratch),
                                  ARG(kerf__out(c, t)), ARG(at), ARG((unsigned)num), ARG(chunk)),
                       tie_grid(c, num)));
        at += (unsigned)kerf__ceil_div(num, chunk);
    }
    return KERF_OK;
}

static kerf_status build(const kerf__op_case *c)
{
    const places p = places_of(c);
    KERF__TRY(begin(c, &p));
    for (int pass = 0; pass < NUM_PASSES; pass++) {
        KERF__TRY(count_digits(c, &p, pass));
        KERF__TRY(pick(c, &p, pass));
    }
    KERF__TRY(apply(c));
    return walks_in_order(c) ? walk_ties(c) : order_ties(c, &p);
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    return places_of(c).end * sizeof(uint32_t);
}

static int fits(const kerf__op_case *c)
{
    return num_all(c->node) < (size_t)1 << 31;
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("top_k_mask", .fits = fits, .scratch_bytes = scratch_bytes, .build = build),
};

extern const kerf__op kerf__ops_top_k_mask[];
const kerf__op kerf__ops_top_k_mask[] = {
    {.op = "kerf.TopKMask",
     .min_inputs = 3,
     .max_inputs = -1,
     .num_outputs = -1,
     .infer = infer,
     .variants = VARIANTS,
     .num_variants = 2,
     .in_place = 4},
    {.op = NULL},
};
