/* ops/block_mask.c -- masks of more than single weights.
 *
 *     kerf.BlockScores(score, mask) -> scores (blocks), mask (blocks): the mean |score| of what
 *         is alive in a block, counted over the whole block; 1 where something is alive
 *     kerf.BlockMask(mask (blocks), mask) -> mask: both of them
 *     kerf.RankMask(keep () int32, score, mask) -> mask: of each block the `keep` weights of
 *         largest |score| that the mask has; a NaN counts as largest, of equals the later stays
 *
 * Attributes: `rows` and `columns`, the axes of the weight that are so; what is left are taps.
 * `block`: how many rows, columns and taps a block has, 0 for all; those at the ends hold less.
 * RankMask's are columns of one row at one tap, 64 at most.  `signed` 1: the score itself counts
 * in the place of |score|.
 *
 * Device side: kernels/block_mask.cl.  Definition: tests/ref/ref_block_mask.c. */
#include "ops/block_mask_common.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_block_mask;

enum { MOST_RANKED = 64 };

/* ---- geometry ------------------------------------------------------------------------------ */

/* The dimensions from `begin` to before `end` as one, and its stride. */
static kerf__extent extent_of(kerf_shape s, int begin, int end)
{
    return (kerf__extent){(int64_t)kerf__shape_product(s, begin, end),
                          (int64_t)kerf__shape_product(s, end, s.rank), 1};
}

kerf_status kerf__block_geometry_of(const kerf_node *n, kerf_shape s, kerf__block_geometry *out)
{
    const int64_t rows = kerf_node_int(n, "rows", 0), columns = kerf_node_int(n, "columns", 1);
    size_t num_block;
    const int64_t *block = kerf_node_ints(n, "block", &num_block);
    const int low = (int)(rows < columns ? rows : columns);
    const int side_by_side = rows - columns == 1 || columns - rows == 1;
    if (low < 0 || !side_by_side || low + 2 > s.rank || (low > 0 && low + 2 < s.rank))
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "rows are axis %lld and columns axis %lld of %d, must be the first "
                               "two or the last two",
                               (long long)rows, (long long)columns, s.rank);
    if (block == NULL || num_block != 3 || block[0] < 0 || block[1] < 0 || block[2] < 0)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "block must be a number of rows, of columns and of taps");
    out->of[KERF__ROWS] = extent_of(s, (int)rows, (int)rows + 1);
    out->of[KERF__COLUMNS] = extent_of(s, (int)columns, (int)columns + 1);
    out->of[KERF__TAPS] = low > 0 ? extent_of(s, 0, low) : extent_of(s, 2, s.rank);
    out->num_blocks = 1;
    for (int i = 0; i < 3; i++) {
        kerf__extent *e = &out->of[i];
        /* A block that the weight ends within keeps its size, which means are taken over. */
        e->block = block[i] > 0 ? block[i] : e->num > 0 ? e->num : 1;
        out->num_blocks *= (e->num + e->block - 1) / e->block;
    }
    return KERF_OK;
}

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status check_mask(const kerf_node *n, int input, kerf_shape shape)
{
    KERF__TRY(kerf__node_check_type(n, input, KERF_BOOL));
    return kerf__node_check_shape(n, input, shape);
}

static kerf_status infer_scores(kerf_node *n)
{
    kerf__block_geometry g;
    const kerf_shape shape = n->inputs[0]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(check_mask(n, 1, shape));
    KERF__TRY(kerf__block_geometry_of(n, shape, &g));
    kerf__set_output(n, 0, KERF_F32, KERF_SHAPE(g.num_blocks));
    kerf__set_output(n, 1, KERF_BOOL, KERF_SHAPE(g.num_blocks));
    return KERF_OK;
}

static kerf_status infer_spread(kerf_node *n)
{
    kerf__block_geometry g;
    const kerf_shape shape = n->inputs[1]->shape;
    KERF__TRY(kerf__block_geometry_of(n, shape, &g));
    KERF__TRY(check_mask(n, 0, KERF_SHAPE(g.num_blocks)));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_BOOL));
    kerf__set_output(n, 0, KERF_BOOL, shape);
    return KERF_OK;
}

static kerf_status infer_rank(kerf_node *n)
{
    kerf__block_geometry g;
    const kerf_shape shape = n->inputs[1]->shape;
    KERF__TRY(kerf__node_check_type(n, 0, KERF_S32));
    KERF__TRY(kerf__node_check_shape(n, 0, KERF_SCALAR));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    KERF__TRY(check_mask(n, 2, shape));
    KERF__TRY(kerf__block_geometry_of(n, shape, &g));
    if (g.of[KERF__ROWS].block != 1 || g.of[KERF__TAPS].block != 1 ||
        g.of[KERF__COLUMNS].block > MOST_RANKED)
        return kerf__fail_node(
            KERF_ERR_SHAPE, n, "a block is %lldx%lldx%lld, must be at most %d columns of one row",
            (long long)g.of[KERF__ROWS].block, (long long)g.of[KERF__COLUMNS].block,
            (long long)g.of[KERF__TAPS].block, (int)MOST_RANKED);
    kerf__set_output(n, 0, KERF_BOOL, shape);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* Which input has the weight's shape, and whether an item has elements or blocks. */
typedef struct form {
    const char *op, *entry;
    int like, by_element;
} form;

static const form FORMS[] = {
    {"kerf.BlockScores", "block_scores", 0, 0},
    {"kerf.BlockMask", "block_spread", 1, 1},
    {"kerf.RankMask", "block_rank", 1, 0},
};

static const form *form_of(const kerf_node *n)
{
    const form *f = FORMS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

static int add_geometry(kerf__arg *args, const kerf__block_geometry *g)
{
    int num = 0;
    for (int i = 0; i < 3; i++)
        args[num++] = ARG((unsigned)g->of[i].num);
    for (int i = 0; i < 3; i++)
        args[num++] = ARG((unsigned)g->of[i].stride);
    for (int i = 0; i < 3; i++)
        args[num++] = ARG((unsigned)g->of[i].block);
    return num;
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const form *f = form_of(n);
    kerf__block_geometry g;
    kerf__arg args[16];
    char options[32];
    int num_args = 0;
    KERF__TRY(kerf__block_geometry_of(n, n->inputs[f->like]->shape, &g));
    const size_t num =
        (size_t)(f->by_element ? kerf__value_elements(n->inputs[f->like]) : g.num_blocks);
    const size_t chunk = kerf__is_wide(c) ? kerf__pieces_an_item(c, num, 64, 1) : 1;
    for (int i = 0; i < n->num_inputs; i++)
        args[num_args++] = ARG(kerf__in(c, i));
    for (int i = 0; i < n->num_outputs; i++)
        args[num_args++] = ARG(kerf__out(c, i));
    num_args += add_geometry(args + num_args, &g);
    args[num_args++] = ARG((unsigned)num);
    args[num_args++] = ARG((unsigned)chunk);
    snprintf(options, sizeof options, "-DSIGNED=%d", kerf_node_int(n, "signed", 0) != 0);
    return kerf__emit(c, &kerf__source_block_mask, f->entry, options, args, num_args,
                      kerf__is_wide(c) ? kerf__grid_wide(kerf__ceil_div(num, chunk), 1, 1)
                                       : kerf__grid_items(num));
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("block_mask", .fits = kerf__fits_31_bits, .build = build),
};

#define ENTRY(name, num, outputs, rule, place)                                                     \
    {                                                                                              \
        .op = (name), .min_inputs = (num), .max_inputs = (num), .num_outputs = (outputs),          \
        .infer = (rule), .variants = VARIANTS, .num_variants = 2, .in_place = (place)              \
    }

extern const kerf__op kerf__ops_block_mask[];
const kerf__op kerf__ops_block_mask[] = {
    ENTRY("kerf.BlockMask", 2, 1, infer_spread, 2),
    ENTRY("kerf.BlockScores", 2, 2, infer_scores, 0),
    ENTRY("kerf.RankMask", 3, 1, infer_rank, 0),
    {.op = NULL},
};
