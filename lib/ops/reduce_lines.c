/* ops/reduce_lines.c -- reductions of rows, columns and planes: nearly all that networks have.
 *
 *     rows      (m, k) -> m           a mean over the last axes
 *     columns   (m, k, n) -> (m, n)   the gradient of a bias
 *     planes    (outer, m, k) -> m    batch norm's statistics: rows, then joined over outer;
 *                                     or, where k is short, the m k columns, then joined over k
 *
 * Every item gets much to read that lies together, so k is cut into parts only where the
 * rest would leave cores idle, and columns only where k is short.
 *
 * Device side: kernels/reduce_lines.cl. */
#include "base/fail.h"
#include "ops/reduce_common.h"

extern const kerf__source kerf__source_reduce_lines;

enum { ROWS = 8 };               /* of the kernel for columns */
enum { IN_CACHE = 1 << 18 };     /* elements: below, a second launch costs more than it gives */
enum { MOST_COLUMNS = 1 << 14 }; /* of an item */
enum { SHORTEST_PART = 64 };     /* rows: below, joining is felt */
enum { LONGEST_CHAIN = 256 };    /* additions: longer ones lose digits */
enum { SHORT_ROW = 512 };        /* floats: up to here rows go one by one */
enum { SHORT_PLANE = 256 };      /* floats: below, a plane is too short a row */
enum { MOST_PLANES = 1 << 10 };  /* of those: more would make joining long */

typedef struct lines {
    size_t outer, m, k, n; /* n = 1: rows, or planes where outer > 1; else columns */
    size_t parts, part;    /* of k, and terms in each */
    size_t columns;        /* of an item */
    size_t joins;          /* results in scratch for each output; 1: none are */
    size_t inner;          /* of each of these, side by side */
} lines;

static size_t at_most(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t at_least(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* 0 if the axes do not merge to one of the three. */
static int lines_of_axes(const kerf_node *node, lines *l)
{
    const kerf__reduce_dims g = kerf__reduce_merge(node);
    int at = 0;
    *l = (lines){.outer = 1, .m = 1, .k = 1, .n = 1, .inner = 1};
    if (at < g.num && !g.reduced[at])
        l->n = g.dims[at++];
    if (at < g.num && g.reduced[at])
        l->k = g.dims[at++];
    if (at < g.num && !g.reduced[at])
        l->m = g.dims[at++];
    if (at < g.num && g.reduced[at] && l->n == 1)
        l->outer = g.dims[at++];
    return at == g.num;
}

/* About that many parts of k, none so short that joining is felt or too long for an item; all
 * but the last a multiple of `step`, as `longest` is. */
static void cut(lines *l, size_t wanted, size_t shortest, size_t longest, size_t step)
{
    size_t parts = at_most(wanted, l->k / shortest);
    parts = at_least(parts, kerf__ceil_div(l->k, longest));
    l->part = kerf__ceil_div(kerf__ceil_div(l->k, at_least(parts, 1)), step) * step;
    l->parts = l->part > 0 ? kerf__ceil_div(l->k, l->part) : 1;
}

/* Narrow ones are taken several rows as one, so that lanes are filled: (k, n) is (k/8, 8 n).
 * Centers are laid out for n alone. */
static size_t folds(const kerf__op_case *c, const lines *l)
{
    size_t fold = 1;
    if (l->m > 1 || l->k * l->n < IN_CACHE || kerf__reduce_is_centred(c->node))
        return 1;
    while (l->k % (2 * fold) == 0 && (fold * l->n < 256 || fold * l->n % 16 != 0))
        fold *= 2;
    return fold * l->n % 16 == 0 ? fold : 1;
}

static void cut_wide_columns(const kerf__op_case *c, lines *l)
{
    const size_t items = 8 * (size_t)kerf_device_get_info(c->dev)->compute_units;
    const size_t fold = folds(c, l);
    l->k /= fold;
    l->n *= fold;
    const size_t step = l->n > SHORT_ROW ? ROWS : 1;
    const size_t pieces = at_most(l->n, MOST_COLUMNS) / 16 + (l->n % 16 != 0 ? 16 : 0);
    /* Of very many rows the parts get longer: joining is a loop as well. */
    const size_t chain =
        at_least(LONGEST_CHAIN, kerf__ceil_div(l->k * fold, KERF__MOST_ITERATIONS));
    const size_t longest = at_most(chain, KERF__MOST_ITERATIONS / pieces) * step;
    const size_t wanted = l->m * l->k * l->n < IN_CACHE ? 1 : items / l->m;
    cut(l, wanted, SHORTEST_PART, longest, step);
    const size_t strips = kerf__ceil_div(items, l->m * l->parts);
    const size_t least = wanted == 1 ? 16 : 2048; /* shorter pieces of a row are no pieces */
    l->columns = kerf__ceil_div(at_least(l->n / strips, least), 16) * 16;
    l->columns = at_most(l->columns, MOST_COLUMNS);
    l->joins = l->parts * fold;
}

static void cut_simt_columns(const kerf__op_case *c, lines *l)
{
    const size_t units = (size_t)kerf_device_get_info(c->dev)->compute_units;
    cut(l, 64 * units / at_least(l->m * kerf__ceil_div(l->n, 256), 1), 4096 / l->n + 64, 1024, 1);
    l->joins = l->parts;
}

static void cut_rows(const kerf__op_case *c, lines *l)
{
    const size_t units = (size_t)kerf_device_get_info(c->dev)->compute_units;
    const int wide = kerf__is_wide(c);
    cut(l, (wide ? 8 : 64) * units / (l->m * l->outer), (wide ? 16384 : 4096) + 64,
        (size_t)KERF__MOST_ITERATIONS * 8, 1);
    l->joins = l->parts * l->outer;
}

/* Planes of one image lie side by side as one long row.  A center belongs to an output, not to
 * a column. */
static int are_columns(const kerf__op_case *c, const lines *l)
{
    return kerf__is_wide(c) && !kerf__reduce_is_centred(c->node) && l->k > 1 &&
           l->k < SHORT_PLANE && l->outer >= ROWS && l->outer <= MOST_PLANES;
}

static int has_outputs(const lines *l)
{
    return l->outer > 0 && l->m > 0 && l->n > 0;
}

static int lines_of(const kerf__op_case *c, lines *l)
{
    if (!lines_of_axes(c->node, l))
        return 0;
    if (!has_outputs(l))
        return 1;
    if (l->n == 1 && are_columns(c, l))
        *l = (lines){.outer = 1, .m = 1, .k = l->outer, .n = l->m * l->k, .inner = l->k};
    if (l->n == 1)
        cut_rows(c, l);
    else if (kerf__is_wide(c))
        cut_wide_columns(c, l);
    else
        cut_simt_columns(c, l);
    return 1;
}

/* Joining, too, is a loop of an item; `fits` does not know the style yet, so it asks for what
 * rows leave before they are cut. */
int kerf__reduce_fits_lines(const kerf__op_case *c)
{
    lines l;
    return kerf__fits_31_bits(c) && lines_of_axes(c->node, &l) && l.outer <= KERF__MOST_ITERATIONS;
}

static size_t num_outputs(const kerf__op_case *c)
{
    return (size_t)kerf__value_elements(c->node->outputs[0]);
}

/* What a center is needed for cannot lie on it until the last launch. */
static int is_joined(const kerf__op_case *c, const lines *l)
{
    return l->joins * l->inner > 1 || kerf__reduce_is_centred(c->node);
}

size_t kerf__reduce_lines_bytes(const kerf__op_case *c)
{
    lines l;
    if (!lines_of(c, &l) || !has_outputs(&l) || !is_joined(c, &l))
        return 0;
    return l.joins * l.inner * num_outputs(c) * sizeof(float);
}

/* ---- launches ------------------------------------------------------------------------------ */

static kerf_status emit_rows(const kerf__op_case *c, const kerf__reduce_pass *p, kerf__buffer *dst,
                             const lines *l, int last)
{
    const int wide = kerf__is_wide(c);
    const size_t m = l->m * l->outer, part = l->part;
    const size_t rows =
        wide ? kerf__pieces_an_item(c, m, part / 16 + part % 16, 4096 / (part + 1)) : 1;
    const size_t x = kerf__ceil_div(m, rows);
    const kerf__grid grid =
        wide ? kerf__grid_wide(x, l->parts, 1) : (kerf__grid){2, {x, l->parts, 1}, {64, 1, 1}};
    return kerf__emit(
        c, &kerf__source_reduce_lines, wide ? "reduce_rows" : "reduce_rows_simt", p->options,
        KERF__ARGS(ARG(kerf__in(c, 0)), ARG(p->center != NULL ? p->center : kerf__in(c, 0)),
                   ARG(dst), ARG(p->scale), ARG((unsigned)last), ARG((unsigned)l->m),
                   ARG((unsigned)m), ARG((unsigned)l->k), ARG((unsigned)rows), ARG((unsigned)part)),
        grid);
}

static kerf_status emit_columns_simt(const kerf__op_case *c, const kerf__reduce_pass *p,
                                     kerf__buffer *dst, const lines *l, int last)
{
    return kerf__emit(c, &kerf__source_reduce_lines, "reduce_columns_simt", p->options,
                      KERF__ARGS(ARG(kerf__in(c, 0)),
                                 ARG(p->center != NULL ? p->center : kerf__in(c, 0)), ARG(dst),
                                 ARG(p->scale), ARG((unsigned)last), ARG((unsigned)l->k),
                                 ARG((unsigned)l->n), ARG((unsigned)l->part)),
                      (kerf__grid){3, {kerf__ceil_div(l->n, 64), l->parts, l->m}, {64, 1, 1}});
}

static kerf_status emit_columns(const kerf__op_case *c, const kerf__reduce_pass *p,
                                kerf__buffer *dst, const lines *l, int last)
{
    if (!kerf__is_wide(c))
        return emit_columns_simt(c, p, dst, l, last);
    return kerf__emit(c, &kerf__source_reduce_lines, "reduce_columns", p->options,
                      KERF__ARGS(ARG(kerf__in(c, 0)),
                                 ARG(p->center != NULL ? p->center : kerf__in(c, 0)), ARG(dst),
                                 ARG(p->scale), ARG((unsigned)last), ARG((unsigned)l->k),
                                 ARG((unsigned)l->n), ARG((unsigned)l->columns),
                                 ARG((unsigned)l->part), ARG((unsigned)(l->n > SHORT_ROW))),
                      kerf__grid_wide(kerf__ceil_div(l->n, l->columns), l->parts, l->m));
}

static kerf_status emit_join(const kerf__op_case *c, const kerf__reduce_pass *p, const lines *l)
{
    const size_t num = num_outputs(c);
    return kerf__emit(c, &kerf__source_reduce_lines, "reduce_join", p->options,
                      KERF__ARGS(ARG(c->scratch), ARG(p->center != NULL ? p->center : c->scratch),
                                 ARG(kerf__out(c, 0)), ARG(p->scale), ARG((unsigned)l->joins),
                                 ARG((unsigned)num), ARG((unsigned)l->inner)),
                      kerf__grid_items(num));
}

kerf_status kerf__reduce_build_lines(const kerf__op_case *c)
{
    lines l;
    kerf__reduce_pass passes[2];
    const int num = kerf__reduce_passes(c, passes);
    if (!lines_of(c, &l) || !has_outputs(&l))
        return KERF_OK;
    const int joined = is_joined(c, &l);
    kerf__buffer *dst = joined ? c->scratch : kerf__out(c, 0);
    for (int i = 0; i < num; i++) {
        if (l.n == 1)
            KERF__TRY(emit_rows(c, &passes[i], dst, &l, !joined));
        else
            KERF__TRY(emit_columns(c, &passes[i], dst, &l, !joined));
        if (joined)
            KERF__TRY(emit_join(c, &passes[i], &l));
    }
    return KERF_OK;
}
