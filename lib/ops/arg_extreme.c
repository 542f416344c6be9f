/* ops/arg_extreme.c -- ArgMax and ArgMin: where along an axis the largest or smallest stands.
 *
 *     ArgMax(src (m, k, n)) -> dst (m, n) int64, or (m, 1, n) with keepdims
 *
 * Of equal ones the first, or the last with select_last_index; a NaN stands above and below
 * all else, so the first (or last) NaN is found.  No gradient passes.
 *
 * Device side: kernels/arg_extreme.cl.  Definition: tests/ref/ref_arg_extreme.c. */
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_arg_extreme;

/* src as (m, k, n), k the axis, in parts of it that are joined. */
typedef struct sizes {
    size_t m, k, n, parts, part;
} sizes;

enum { ROW_PART = 1 << 14 };   /* elements: below, joining is felt */
enum { COLUMN_PART = 1 << 8 }; /* the same of a column */
enum { LONGEST_ROW_PART = KERF__MOST_ITERATIONS * 8, LONGEST_COLUMN_PART = 1 << 10 };
enum { SHORT_ROW = 64 }; /* elements: fewer leave items of a group idle */

/* ---- shapes -------------------------------------------------------------------------------- */

static const struct {
    kerf_type type;
    const char *options[2]; /* SIMT, wide */
} TYPES[] = {
    {KERF_F32, {"-DV=1 -DELEMENT=float -DFLOATS=1", "-DV=16 -DELEMENT=float -DFLOATS=1"}},
    {KERF_S32, {"-DV=1 -DELEMENT=int", "-DV=16 -DELEMENT=int"}},
    {KERF_S64, {"-DV=1 -DELEMENT=long -DKEY=long", "-DV=16 -DELEMENT=long -DKEY=long"}},
    {KERF_U8, {"-DV=1 -DELEMENT=uchar", "-DV=16 -DELEMENT=uchar"}},
    {KERF_S8, {"-DV=1 -DELEMENT=char", "-DV=16 -DELEMENT=char"}},
};
enum { NUM_TYPES = sizeof TYPES / sizeof TYPES[0] };

/* NUM_TYPES if it is none of them. */
static int index_of(kerf_type type)
{
    int i = 0;
    while (i < NUM_TYPES && TYPES[i].type != type)
        i++;
    return i;
}

static kerf_status infer(kerf_node *n)
{
    const kerf_value *src = n->inputs[0];
    kerf_shape dst = src->shape;
    int axis;
    if (index_of(src->type) == NUM_TYPES)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "input %s is %s, must be float32, int32, int64, uint8 or int8",
                               src->name, kerf_type_name(src->type));
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", 0), dst.rank, &axis));
    if (dst.dims[axis] == 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "axis %d has 0 elements, must have some", axis);
    dst.dims[axis] = 1;
    if (kerf_node_int(n, "keepdims", 1) == 0) {
        memmove(dst.dims + axis, dst.dims + axis + 1,
                (size_t)(dst.rank - axis - 1) * sizeof dst.dims[0]);
        dst.rank--;
    }
    kerf__set_output(n, 0, KERF_S64, dst);
    return KERF_OK;
}

static sizes sizes_of(const kerf_node *node)
{
    const kerf_shape src = node->inputs[0]->shape;
    sizes s = {.m = 1, .k = 1, .n = 1};
    int axis = (int)kerf_node_int(node, "axis", 0);
    if (axis < 0)
        axis += src.rank;
    for (int i = 0; i < src.rank; i++)
        *(i < axis ? &s.m : i == axis ? &s.k : &s.n) *= (size_t)src.dims[i];
    return s;
}

/* As many parts as give every core several, none too short to be joined or too long for an item. */
static sizes cut(const kerf__op_case *c)
{
    sizes s = sizes_of(c->node);
    const size_t units = (size_t)kerf_device_get_info(c->dev)->compute_units;
    const size_t shortest = s.n == 1 ? ROW_PART : COLUMN_PART;
    const size_t longest = s.n == 1 ? LONGEST_ROW_PART : LONGEST_COLUMN_PART;
    const size_t lines = s.m * (kerf__is_wide(c) || s.n == 1 ? 1 : kerf__ceil_div(s.n, 64)) + 1;
    size_t parts = (kerf__is_wide(c) ? 8 : 64) * units / lines;
    parts = parts < s.k / shortest ? parts : s.k / shortest;
    parts = parts > kerf__ceil_div(s.k, longest) ? parts : kerf__ceil_div(s.k, longest);
    s.part = kerf__ceil_div(s.k, parts);
    s.parts = kerf__ceil_div(s.k, s.part);
    return s;
}

/* Joining is a loop of an item as well. */
static int fits(const kerf__op_case *c)
{
    const sizes s = sizes_of(c->node);
    return kerf__fits_31_bits(c) &&
           (s.n == 1 || s.k <= (size_t)KERF__MOST_ITERATIONS * LONGEST_COLUMN_PART);
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    const sizes s = cut(c);
    return s.parts > 1 ? s.parts * s.m * s.n * sizeof(int64_t) : 0;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Buffers, what is looked for, then the kernel's sizes. */
static kerf_status emit(const kerf__op_case *c, const char *entry, const kerf__buffer *part,
                        const kerf__buffer *dst, const size_t *numbers, int num_numbers,
                        kerf__grid grid)
{
    const char *options = TYPES[index_of(c->node->inputs[0]->type)].options[kerf__is_wide(c)];
    kerf__arg args[10];
    int num = 0;
    args[num++] = ARG(kerf__in(c, 0));
    if (part != NULL)
        args[num++] = ARG(part);
    args[num++] = ARG(dst);
    args[num++] = ARG(strcmp(c->node->op, "ArgMin") == 0 ? -1 : 0);
    args[num++] = ARG(kerf_node_int(c->node, "select_last_index", 0) != 0 ? -1 : 0);
    for (int i = 0; i < num_numbers; i++)
        args[num++] = ARG((unsigned)numbers[i]);
    return kerf__emit(c, &kerf__source_arg_extreme, entry, options, args, num, grid);
}

#define SIZES(...) (size_t[]){__VA_ARGS__}, (int)(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t))

static kerf_status emit_rows(const kerf__op_case *c, const sizes *s, const kerf__buffer *dst)
{
    const size_t rows =
        kerf__pieces_an_item(c, s->m, s->part / 16 + s->part % 16 + 16, 4096 / (s->part + 1));
    return emit(c, "arg_rows", NULL, dst, SIZES(s->m, s->k, s->part, rows),
                kerf__grid_wide(kerf__ceil_div(s->m, rows), s->parts, 1));
}

/* Columns are shared out only where m and the parts leave cores idle. */
static kerf_status emit_columns(const kerf__op_case *c, const sizes *s, const kerf__buffer *dst)
{
    const size_t items = 8 * (size_t)kerf_device_get_info(c->dev)->compute_units;
    const size_t most = KERF__MOST_ITERATIONS / s->part * 16;
    size_t columns = s->n / kerf__ceil_div(items, s->m * s->parts);
    columns = kerf__ceil_div(columns > 256 ? columns : 256, 16) * 16;
    columns = columns < most ? columns : most;
    const size_t vectors = s->n < 16 ? s->n : kerf__ceil_div(s->n, 16);
    const size_t rows =
        columns < s->n ? 1 : kerf__pieces_an_item(c, s->m, vectors * s->part, 256 / s->part);
    return emit(
        c, "arg_columns", NULL, dst, SIZES(s->m, s->k, s->part, rows, s->n, columns),
        kerf__grid_wide(kerf__ceil_div(s->n, columns), s->parts, kerf__ceil_div(s->m, rows)));
}

static kerf_status emit_simt(const kerf__op_case *c, const sizes *s, const kerf__buffer *dst)
{
    if (s->n == 1 && s->k >= SHORT_ROW)
        return emit(c, "arg_group", NULL, dst, SIZES(s->m, s->k, s->part),
                    (kerf__grid){2, {s->m, s->parts, 1}, {64, 1, 1}});
    return emit(c, "arg_lines", NULL, dst, SIZES(s->m, s->k, s->part, s->n),
                (kerf__grid){2, {kerf__ceil_div(s->m * s->n, 64), s->parts, 1}, {64, 1, 1}});
}

static kerf_status build(const kerf__op_case *c)
{
    if (kerf__value_elements(c->node->outputs[0]) == 0)
        return KERF_OK;
    const sizes s = cut(c);
    const kerf__buffer *dst = s.parts > 1 ? c->scratch : kerf__out(c, 0);
    if (!kerf__is_wide(c))
        KERF__TRY(emit_simt(c, &s, dst));
    else if (s.n == 1)
        KERF__TRY(emit_rows(c, &s, dst));
    else
        KERF__TRY(emit_columns(c, &s, dst));
    if (s.parts == 1)
        return KERF_OK;
    return emit(c, "arg_join", c->scratch, kerf__out(c, 0), SIZES(s.m * s.n, s.k, s.n, s.parts),
                kerf__grid_items(s.m * s.n));
}

/* ---- the table ----------------------------------------------------------------------------- */

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("arg_extreme", .fits = fits, .scratch_bytes = scratch_bytes, .build = build),
};

#define ENTRY(name)                                                                                \
    {                                                                                              \
        .op = (name), .min_inputs = 1, .max_inputs = 1, .num_outputs = 1, .infer = infer,          \
        .variants = VARIANTS, .num_variants = sizeof VARIANTS / sizeof VARIANTS[0]                 \
    }

extern const kerf__op kerf__ops_arg_extreme[];
const kerf__op kerf__ops_arg_extreme[] = {
    ENTRY("ArgMax"),
    ENTRY("ArgMin"),
    {.op = NULL},
};
