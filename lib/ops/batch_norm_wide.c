/* ops/batch_norm_wide.c -- batch normalisation on CPU devices: sizes and grids of
 * kernels/batch_norm_wide.cl.
 *
 * Planes are walked 16 pixels at a time; where channels lie side by side, in blocks or because
 * an image is one pixel, 16 channels at a time, and images of one pixel are taken for pixels. */
#include "ops/batch_norm_common.h"

extern const kerf__source kerf__source_batch_norm_wide;

enum { V = KERF__LANES, PART_VECTORS = 1024 /* 64 KiB: they stay in the cache */ };

static void cut_planes(kerf__batch_norm *b)
{
    kerf__batch_norm_cut(b, PART_VECTORS * V, V);
}

static int plane_sizes(const kerf__op_case *c, const kerf__batch_norm *b, kerf__arg *args, int at,
                       kerf__grid *grid)
{
    const size_t all = b->channels * b->parts, cost = 2 * b->per * (b->chunk / V + 1);
    const size_t pairs = kerf__pieces_an_item(c, all, cost, 1024 / (cost + 1) + 1);
    const size_t sizes[] = {b->images, b->channels, b->pixels, b->per, b->chunk, b->parts, pairs};
    for (int i = 0; i < 7; i++)
        args[at++] = ARG((unsigned)sizes[i]);
    *grid = kerf__grid_wide(kerf__ceil_div(all, pairs), 1, 1);
    return at;
}

static void cut_blocks(kerf__batch_norm *b)
{
    if (!b->blocked) {
        b->pixels = b->images;
        b->images = 1;
    }
    kerf__batch_norm_cut(b, PART_VECTORS, 1);
    b->width = kerf__ceil_div(b->channels, V) * V;
}

static int block_sizes(const kerf__op_case *c, const kerf__batch_norm *b, kerf__arg *args, int at,
                       kerf__grid *grid)
{
    const size_t blocks = kerf__ceil_div(b->channels, V), all = blocks * b->parts;
    const size_t cost = 2 * b->per * (b->chunk + 1);
    const size_t pairs = kerf__pieces_an_item(c, all, cost, 1024 / (cost + 1) + 1);
    const size_t sizes[] = {b->images,
                            b->channels,
                            b->pixels,
                            b->per,
                            b->chunk,
                            b->parts,
                            pairs,
                            b->blocked ? blocks * b->pixels * V : 0,
                            b->blocked ? b->pixels * V : V,
                            b->blocked ? V : b->channels,
                            (size_t)b->blocked};
    for (int i = 0; i < 11; i++)
        args[at++] = ARG((unsigned)sizes[i]);
    *grid = kerf__grid_wide(kerf__ceil_div(all, pairs), 1, 1);
    return at;
}

const kerf__batch_norm_style kerf__batch_norm_planes = {&kerf__source_batch_norm_wide,
                                                        "",
                                                        "stats_planes",
                                                        "apply_planes",
                                                        "sums_planes",
                                                        "grad_planes",
                                                        cut_planes,
                                                        plane_sizes,
                                                        plane_sizes};
const kerf__batch_norm_style kerf__batch_norm_blocks = {&kerf__source_batch_norm_wide,
                                                        "",
                                                        "stats_blocks",
                                                        "apply_blocks",
                                                        "sums_blocks",
                                                        "grad_blocks",
                                                        cut_blocks,
                                                        block_sizes,
                                                        block_sizes};
