/* ops/batch_norm_common.c -- batch normalisation: sizes of a node and its launches, whatever the
 * style; see batch_norm.c.
 *
 *     BatchNormalization       stats of parts, stats_join, apply
 *     kerf.BatchNormGrad       sums of parts, sums_join, grad
 *     kerf.BatchNormMoments    the first two of the first: stats_join leaves one part
 *     kerf.BatchNormSums       the first two of the second
 *
 * Where the last two have run for others to add to what they found, the first two take that: a
 * BatchNormalization goes on from stats_join, and a kerf.BatchNormGrad from grad. */
#include "ops/batch_norm_common.h"

#include <string.h>

#include "base/fail.h"

extern const kerf__source kerf__source_batch_norm;

enum { MEAN = 3, VARIANCE = 4, MOMENTS = 5, FACTORS = 5 }; /* inputs */
enum { NEXT_MEAN = 1, NEXT_VARIANCE, SAVED_MEAN, SAVED_INV };
/* What stats_join is asked for. */
enum { MOVES_ON = 1, IS_SAVED = 2, IS_PART = 4 };

static const kerf__batch_norm_kind KINDS[] = {
    {"BatchNormalization", 1, 4, 2},
    {"kerf.BatchNormGrad", 2, 3, 3},
    {"kerf.BatchNormMoments", 1, 0, 0},
    {"kerf.BatchNormSums", 2, 3, 0},
};
enum { NORM, GRAD, OWN_MOMENTS, OWN_SUMS };

const kerf__batch_norm_kind *kerf__batch_norm_kind_of(const kerf_node *n)
{
    const kerf__batch_norm_kind *kind = KINDS;
    while (strcmp(kind->op, n->op) != 0)
        kind++;
    return kind;
}

static int is_kind(const kerf_node *n, int kind)
{
    return kerf__batch_norm_kind_of(n) == &KINDS[kind];
}

/* ---- sizes --------------------------------------------------------------------------------- */

static size_t channels_of(const kerf_node *n)
{
    const kerf__batch_norm_kind *kind = kerf__batch_norm_kind_of(n);
    return kind->num_statistics > 0 ? (size_t)kerf__value_elements(n->inputs[kind->first])
                                    : (size_t)kerf_node_int(n, "channels", 0);
}

kerf__batch_norm kerf__batch_norm_read(const kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf__batch_norm b = {.images = (size_t)src.dims[0],
                          .channels = channels_of(n),
                          .pixels = 1,
                          .blocked = kerf__node_attribute(n, "layouts") != NULL,
                          .training = kerf_node_int(n, "training_mode", 0) != 0,
                          .epsilon = kerf_node_float(n, "epsilon", 1e-5f),
                          .momentum = kerf_node_float(n, "momentum", 0.9f)};
    for (int i = 2; i < src.rank - b.blocked; i++)
        b.pixels *= (size_t)src.dims[i];
    b.total = (size_t)kerf_node_int(n, "total", (int64_t)(b.images * b.pixels));
    return b;
}

void kerf__batch_norm_cut(kerf__batch_norm *b, size_t elements, size_t vector)
{
    const size_t row = kerf__ceil_div(b->pixels, vector) * vector;
    b->chunk = row < elements ? b->pixels : elements;
    b->per = row > 0 && row < elements ? elements / row : 1;
    if (b->per > b->images)
        b->per = b->images;
    b->parts = 0;
    if (b->per > 0 && b->chunk > 0)
        b->parts = kerf__ceil_div(b->images, b->per) * kerf__ceil_div(b->pixels, b->chunk);
    b->width = b->channels;
}

/* Scratch: the parts, then a few numbers a channel. */
static size_t part_floats(const kerf__batch_norm *b)
{
    return 2 * b->parts * b->width;
}

/* 1 if somebody else has looked at src, and at what lies elsewhere. */
static int is_given(const kerf_node *n)
{
    return n->num_inputs > MOMENTS;
}

size_t kerf__batch_norm_scratch(const kerf__op_case *c, const kerf__batch_norm_style *style)
{
    kerf__batch_norm b = kerf__batch_norm_read(c->node);
    style->cut(&b);
    if (is_given(c->node))
        return 2 * b.channels * sizeof(float);
    if (is_kind(c->node, NORM) && !b.training)
        return 0;
    return (part_floats(&b) + 3 * b.channels) * sizeof(float);
}

/* ---- forward ------------------------------------------------------------------------------- */

static kerf_status emit_stats(const kerf__op_case *c, const kerf__batch_norm_style *style,
                              const kerf__batch_norm *b)
{
    kerf__arg args[16] = {ARG(kerf__in(c, 0)), ARG(c->scratch)};
    kerf__grid grid;
    const int num = style->part_sizes(c, b, args, 2, &grid);
    return kerf__emit(c, style->source, style->stats, style->options, args, num, grid);
}

/* Where the parts are, and where what they come to goes. */
typedef struct joining {
    kerf__buffer *part, *stats;
    size_t stats_at;
    kerf__batch_norm sizes;
    unsigned given;
} joining;

/* What is not there, or not asked for, is neither read nor written: any buffer stands for it. */
static kerf__buffer *input_or(const kerf__op_case *c, int i, kerf__buffer *other)
{
    return i < c->node->num_inputs ? kerf__in(c, i) : other;
}

static kerf__buffer *output_or(const kerf__op_case *c, int i, kerf__buffer *other)
{
    return i < c->node->num_outputs ? kerf__out(c, i) : other;
}

static kerf_status emit_stats_join(const kerf__op_case *c, const joining *j)
{
    const kerf__batch_norm *b = &j->sizes;
    const double num = (double)b->total;
    const int unbiased = kerf_node_int(c->node, "unbiased", 0) != 0 && num > 1;
    return kerf__emit(
        c, &kerf__source_batch_norm, "stats_join", "",
        KERF__ARGS(
            ARG(j->part), ARG(input_or(c, MEAN, j->part)), ARG(input_or(c, VARIANCE, j->part)),
            ARG(j->stats), ARG(output_or(c, NEXT_MEAN, j->stats)),
            ARG(output_or(c, NEXT_VARIANCE, j->stats)), ARG(output_or(c, SAVED_MEAN, j->stats)),
            ARG(output_or(c, SAVED_INV, j->stats)), ARG(b->epsilon), ARG(b->momentum),
            ARG(unbiased ? (float)(num / (num - 1)) : 1.0f), ARG((unsigned)j->stats_at),
            ARG(j->given), ARG((unsigned)b->images), ARG((unsigned)b->channels),
            ARG((unsigned)b->pixels), ARG((unsigned)b->per), ARG((unsigned)b->chunk),
            ARG((unsigned)b->parts), ARG((unsigned)b->width)),
        kerf__grid_items(b->channels));
}

/* The moments are those of one part, as large as all that they are of. */
static joining join_given(const kerf__op_case *c, const kerf__batch_norm *b)
{
    joining j = {kerf__in(c, MOMENTS), c->scratch, 0, *b, 0};
    j.sizes.images = j.sizes.per = j.sizes.parts = 1;
    j.sizes.pixels = j.sizes.chunk = b->total;
    j.sizes.width = b->channels;
    return j;
}

/* *stats_at: where in the scratch memory mean and inverse deviation are. */
static kerf_status find_statistics(const kerf__op_case *c, const kerf__batch_norm_style *style,
                                   const kerf__batch_norm *b, size_t *stats_at)
{
    joining j = {c->scratch, c->scratch, part_floats(b), *b, 0};
    if (is_given(c->node))
        j = join_given(c, b);
    else
        KERF__TRY(emit_stats(c, style, b));
    j.given = (c->node->num_outputs > NEXT_MEAN ? MOVES_ON : 0u) |
              (c->node->num_outputs > SAVED_MEAN ? IS_SAVED : 0u);
    *stats_at = j.stats_at;
    return emit_stats_join(c, &j);
}

static kerf_status build_norm(const kerf__op_case *c, const kerf__batch_norm_style *style,
                              const kerf__batch_norm *b)
{
    size_t stats_at = 0;
    if (b->training)
        KERF__TRY(find_statistics(c, style, b, &stats_at));
    kerf__arg args[32] = {
        ARG(kerf__in(c, 0)),
        ARG(kerf__in(c, 1)),
        ARG(kerf__in(c, 2)),
        ARG(b->training ? c->scratch : kerf__in(c, MEAN)),
        ARG(b->training ? c->scratch : kerf__in(c, VARIANCE)),
        ARG(kerf__out(c, 0)),
        ARG(b->training ? -1.0f : b->epsilon),
        ARG((unsigned)stats_at),
        ARG((unsigned)(b->training ? stats_at + b->channels : 0)),
    };
    kerf__grid grid;
    const int num = style->item_sizes(c, b, args, 9, &grid);
    return kerf__emit(c, style->source, style->apply, style->options, args, num, grid);
}

static kerf_status build_moments(const kerf__op_case *c, const kerf__batch_norm_style *style,
                                 const kerf__batch_norm *b)
{
    const joining j = {c->scratch, kerf__out(c, 0), 0, *b, IS_PART};
    KERF__TRY(emit_stats(c, style, b));
    return emit_stats_join(c, &j);
}

/* ---- backward ------------------------------------------------------------------------------ */

/* Behind it factors (3, channels) are at `at`; first: which outputs the gradients of scale and bias
 * are. */
static kerf_status emit_sums(const kerf__op_case *c, const kerf__batch_norm_style *style,
                             const kerf__batch_norm *b, int first, kerf__buffer *factors, size_t at)
{
    kerf__grid grid;
    kerf__arg args[32] = {ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 3)),
                          ARG(c->scratch)};
    const int num = style->part_sizes(c, b, args, 4, &grid);
    KERF__TRY(kerf__emit(c, style->source, style->sums, style->options, args, num, grid));
    return kerf__emit(
        c, &kerf__source_batch_norm, "sums_join", "",
        KERF__ARGS(ARG(c->scratch), ARG(kerf__in(c, 2)), ARG(kerf__in(c, 4)), ARG(factors),
                   ARG(kerf__out(c, first)), ARG(kerf__out(c, first + 1)),
                   ARG(b->training ? -1.0f : b->epsilon),
                   ARG(b->training && b->total > 0 ? (float)(1 / (double)b->total) : 0.0f),
                   ARG((unsigned)at), ARG((unsigned)b->channels), ARG((unsigned)b->parts),
                   ARG((unsigned)b->width)),
        kerf__grid_items(b->channels));
}

static kerf_status build_gradient(const kerf__op_case *c, const kerf__batch_norm_style *style,
                                  const kerf__batch_norm *b)
{
    kerf__grid grid;
    kerf__buffer *factors = is_given(c->node) ? kerf__in(c, FACTORS) : c->scratch;
    const size_t at = is_given(c->node) ? 0 : part_floats(b);
    if (!is_given(c->node))
        KERF__TRY(emit_sums(c, style, b, 1, factors, at));
    kerf__arg args[32] = {ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)),  ARG(kerf__in(c, 3)),
                          ARG(factors),        ARG(kerf__out(c, 0)), ARG((unsigned)at)};
    const int num = style->item_sizes(c, b, args, 6, &grid);
    return kerf__emit(c, style->source, style->grad, style->options, args, num, grid);
}

static kerf_status build_sums(const kerf__op_case *c, const kerf__batch_norm_style *style,
                              const kerf__batch_norm *b)
{
    return emit_sums(c, style, b, 0, kerf__out(c, 2), 0);
}

kerf_status kerf__batch_norm_build(const kerf__op_case *c, const kerf__batch_norm_style *style)
{
    typedef kerf_status (*builder)(const kerf__op_case *, const kerf__batch_norm_style *,
                                   const kerf__batch_norm *);
    static const builder BUILDERS[] = {[NORM] = build_norm,
                                       [GRAD] = build_gradient,
                                       [OWN_MOMENTS] = build_moments,
                                       [OWN_SUMS] = build_sums};
    kerf__batch_norm b = kerf__batch_norm_read(c->node);
    style->cut(&b);
    return BUILDERS[kerf__batch_norm_kind_of(c->node) - KINDS](c, style, &b);
}
