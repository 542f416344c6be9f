/* compress/prune/prune_blocks.c -- structures: how a layer's weights are taken in units.
 *
 * Rows are a layer's outputs and columns its inputs, wherever the weight's axes are; what is left
 * are taps.  So a block of 4x1 is four outputs of one input at one tap, N:M is counted along the
 * inputs at one tap, a kernel is what leads from one input to one output, and a channel is all
 * that leads to one output.  Where a layer ends within a block the rest counts as zeros: 2:4 of
 * six inputs keeps two of the first four and both of the last.
 *
 * A block's score is the sum over its weights, divided by its size, so that blocks of several
 * layers can be compared. */
#include <string.h>

#include "base/fail.h"
#include "compress/prune/prune_making.h"

int kerf__prune_has_blocks(const kerf_prune_options *o)
{
    return o->structure != KERF_STRUCTURE_WEIGHT && o->structure != KERF_STRUCTURE_N_OF_M;
}

/* ---- axes ---------------------------------------------------------------------------------- */

typedef struct axes {
    int rows, columns;
} axes;

/* 1 if v is the weight, perhaps masked or turned; *turned counts the turns.  A Reshape between
 * them hides which axes are what. */
static int leads_to(const kerf_value *v, const kerf_value *weight, int *turned)
{
    *turned = 0;
    while (v != NULL && v != weight && v->producer != NULL) {
        const kerf_node *n = v->producer;
        if (strcmp(n->op, "Transpose") == 0 && weight->shape.rank == 2)
            *turned ^= 1;
        else if (strcmp(n->op, "kerf.Mask") != 0 && strcmp(n->op, "kerf.Gate") != 0 &&
                 strcmp(n->op, "Identity") != 0)
            return 0;
        v = n->inputs[0];
    }
    return v == weight;
}

/* Rows and columns of input 0 or 1 of a node that multiplies by it. */
static axes axes_of_input(const kerf_node *n, int input, int rank)
{
    if (strcmp(n->op, "Conv") == 0)
        return (axes){0, 1};
    if (strcmp(n->op, "ConvTranspose") == 0)
        return (axes){1, 0};
    const int turns = kerf_node_int(n, input == 0 ? "transA" : "transB", 0) != 0;
    /* (rows, columns) as the left factor, (columns, rows) as the right one. */
    return (input == 0) != turns ? (axes){rank - 2, rank - 1} : (axes){rank - 1, rank - 2};
}

kerf_status kerf__prune_axes(const kerf__prune_target *t, int *rows, int *columns)
{
    const kerf_node *n = t->user;
    const int rank = t->weight->shape.rank;
    int turned;
    for (int i = 0; i < n->num_inputs && i < 2 && rank >= 2; i++) {
        if (n->inputs[i] == NULL || !leads_to(n->inputs[i], t->weight, &turned))
            continue;
        const axes a = axes_of_input(n, i, rank);
        *rows = turned ? a.columns : a.rows;
        *columns = turned ? a.rows : a.columns;
        return KERF_OK;
    }
    return kerf__fail(KERF_ERR_UNSUPPORTED,
                      "prune: '%s' reaches %s '%s' in another shape, so its inputs and outputs "
                      "cannot be told apart; must be pruned by structure weight, or skipped",
                      t->weight->name, n->op, n->name);
}

/* ---- units --------------------------------------------------------------------------------- */

/* Rows, columns and taps of a unit; 0: all. */
static void block_of(const kerf_prune_options *o, int64_t block[3])
{
    static const int64_t BLOCKS[][3] = {
        [KERF_STRUCTURE_WEIGHT] = {1, 1, 1},
        [KERF_STRUCTURE_KERNEL] = {1, 1, 0},
        [KERF_STRUCTURE_CHANNEL] = {1, 0, 0},
    };
    if (o->structure == KERF_STRUCTURE_BLOCK || o->structure == KERF_STRUCTURE_N_OF_M) {
        block[0] = o->structure == KERF_STRUCTURE_BLOCK ? o->block[0] : 1;
        block[1] = o->block[1];
        block[2] = 1;
        return;
    }
    memcpy(block, BLOCKS[o->structure], sizeof BLOCKS[0]);
}

kerf_status kerf__prune_num_units(const kerf_prune_options *o, const kerf__prune_target *t,
                                  int64_t *num)
{
    const kerf_shape shape = t->weight->shape;
    int rows, columns;
    int64_t block[3];
    *num = kerf_shape_num_elements(shape);
    if (!kerf__prune_has_blocks(o) || *num == 0)
        return KERF_OK;
    KERF__TRY(kerf__prune_axes(t, &rows, &columns));
    block_of(o, block);
    const int64_t r = shape.dims[rows], c = shape.dims[columns];
    const int64_t sizes[3] = {r, c, *num / (r * c)};
    *num = 1;
    for (int i = 0; i < 3; i++)
        *num *= block[i] > 0 ? (sizes[i] + block[i] - 1) / block[i] : 1;
    return KERF_OK;
}

static kerf_status set_geometry(const kerf__making *m, size_t i, kerf_node *n)
{
    int rows, columns;
    int64_t block[3];
    KERF__TRY(kerf__prune_axes(&m->targets->at[i], &rows, &columns));
    block_of(m->options, block);
    KERF__TRY(kerf_node_set_int(n, "rows", rows));
    KERF__TRY(kerf_node_set_int(n, "columns", columns));
    KERF__TRY(kerf_node_set_ints(n, "block", block, 3));
    return kerf_node_set_int(n, "signed", m->way->is_signed);
}

kerf_status kerf__making_pool(const kerf__making *m, size_t i, kerf_value *scores, kerf_value *mask,
                              kerf_value **unit_scores, kerf_value **unit_mask)
{
    kerf_node *n;
    *unit_scores = scores;
    *unit_mask = mask;
    if (!kerf__prune_has_blocks(m->options))
        return KERF_OK;
    KERF__TRY(kerf_graph_add_node(m->g, "kerf.BlockScores", NULL, (kerf_value *[]){scores, mask}, 2,
                                  2, &n));
    *unit_scores = n->outputs[0];
    *unit_mask = n->outputs[1];
    return set_geometry(m, i, n);
}

kerf_status kerf__making_spread(const kerf__making *m, size_t i, kerf_value *units,
                                kerf_value **out)
{
    kerf_node *n;
    *out = units;
    if (!kerf__prune_has_blocks(m->options))
        return KERF_OK;
    KERF__TRY(kerf_graph_add_node(m->g, "kerf.BlockMask", NULL,
                                  (kerf_value *[]){units, m->layers[i].may}, 2, 1, &n));
    *out = n->outputs[0];
    return set_geometry(m, i, n);
}

kerf_status kerf__making_rank(const kerf__making *m, size_t i)
{
    kerf__making_layer *l = &m->layers[i];
    kerf_value *keep;
    kerf_node *n;
    KERF__TRY(kerf__making_input(m, "count", i, KERF_S32, &keep));
    KERF__TRY(kerf_graph_add_node(m->g, "kerf.RankMask", NULL,
                                  (kerf_value *[]){keep, l->scores, l->was}, 3, 1, &n));
    l->next_mask = n->outputs[0];
    return set_geometry(m, i, n);
}
