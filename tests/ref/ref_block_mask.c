/* ref_block_mask.c -- the definitions of BlockScores, BlockMask and RankMask, weight by weight. */
#include "ref/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ops/block_mask_common.h"

/* The block that element i lies in. */
static int64_t block_of(const kerf__block_geometry *g, int64_t i)
{
    int64_t block = 0;
    for (int k = 0; k < 3; k++) {
        const kerf__extent *e = &g->of[k];
        block = block * ((e->num + e->block - 1) / e->block) + i / e->stride % e->num / e->block;
    }
    return block;
}

static void scores(const kerf_node *n, const kerf__block_geometry *g, int64_t num,
                   const double *const *in, double *const *out)
{
    const double size = (double)(g->of[0].block * g->of[1].block * g->of[2].block);
    memset(out[0], 0, (size_t)g->num_blocks * sizeof(double));
    memset(out[1], 0, (size_t)g->num_blocks * sizeof(double));
    for (int64_t i = 0; i < num; i++) {
        const int64_t b = block_of(g, i);
        if (in[1][i] == 0)
            continue;
        out[0][b] += (kerf_node_int(n, "signed", 0) ? in[0][i] : fabs(in[0][i])) / size;
        out[1][b] = 1;
    }
}

static double rank_score(const kerf_node *n, double x)
{
    return isnan(x) ? INFINITY : kerf_node_int(n, "signed", 0) ? x : fabs(x);
}

/* How many of its block stand above element i; memory order is that of columns within one. */
static double rank(const kerf_node *n, const kerf__block_geometry *g, int64_t num,
                   const double *const *in, int64_t i)
{
    const double mine = rank_score(n, in[1][i]);
    int above = 0;
    if (in[2][i] == 0)
        return 0;
    for (int64_t k = 0; k < num; k++) {
        const double other = rank_score(n, in[1][k]);
        above += in[2][k] != 0 && block_of(g, k) == block_of(g, i) &&
                 (other > mine || (other == mine && k > i));
    }
    return above < (int)in[0][0];
}

REF(block_mask)
{
    const int is_scores = strcmp(n->op, "kerf.BlockScores") == 0;
    const kerf_shape shape = n->inputs[is_scores ? 0 : 1]->shape;
    const int64_t num = kerf_shape_num_elements(shape);
    kerf__block_geometry g;
    if (kerf__block_geometry_of(n, shape, &g) != KERF_OK)
        abort();
    if (is_scores) {
        scores(n, &g, num, inputs, outputs);
        return;
    }
    for (int64_t i = 0; i < num; i++)
        outputs[0][i] = n->num_inputs == 2 ? inputs[1][i] != 0 && inputs[0][block_of(&g, i)] != 0
                                           : rank(n, &g, num, inputs, i);
}
