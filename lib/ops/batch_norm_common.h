/* ops/batch_norm_common.h -- what the files of batch normalisation share: batch_norm.c (table,
 * shapes, gradient), batch_norm_common.c (launches) and batch_norm_wide.c (kernels of CPU devices).
 */
#ifndef KERF_OPS_BATCH_NORM_COMMON_H
#define KERF_OPS_BATCH_NORM_COMMON_H

#include "ops/layout_common.h"
#include "ops/shape_common.h"

/* src as (images, channels, pixels). */
typedef struct kerf__batch_norm {
    size_t images, channels, pixels;
    int blocked;  /* channels lie in blocks of KERF__LANES */
    int training; /* by the batch's own statistics */
    float epsilon, momentum;
    size_t total; /* elements of a channel that its statistics are of; more than those of src where
                   * others have the rest */
    /* Parts of a channel that are summed apart, each `per` images by `chunk` pixels; in `part`
     * channels have `width` places.  Device side: batch_norm.clh. */
    size_t per, chunk, parts, width;
} kerf__batch_norm;

/* What the four operations have: numbers a channel, (C) each, from input `first` on, and behind
 * them perhaps one of so many rows of them, of all whom the statistics are of. */
typedef struct kerf__batch_norm_kind {
    const char *op;
    int first, num_statistics, num_rows;
} kerf__batch_norm_kind;
const kerf__batch_norm_kind *kerf__batch_norm_kind_of(const kerf_node *n);

kerf__batch_norm kerf__batch_norm_read(const kerf_node *n);

/* The kernels of a variant: entries, and what they are given behind their tensors. */
typedef struct kerf__batch_norm_style {
    const kerf__source *source;
    const char *options;
    const char *stats, *apply, *sums, *grad;
    /* How channels are cut into parts. */
    void (*cut)(kerf__batch_norm *b);
    /* Appends the sizes of kernels over parts, and of kernels over elements, and their grid. */
    int (*part_sizes)(const kerf__op_case *c, const kerf__batch_norm *b, kerf__arg *args, int at,
                      kerf__grid *grid);
    int (*item_sizes)(const kerf__op_case *c, const kerf__batch_norm *b, kerf__arg *args, int at,
                      kerf__grid *grid);
} kerf__batch_norm_style;

/* Parts of about so many elements: some of an image's pixels, or several images, a row of
 * pixels counted in whole vectors. */
void kerf__batch_norm_cut(kerf__batch_norm *b, size_t elements, size_t vector);

/* Bytes and launches of a node in this style. */
size_t kerf__batch_norm_scratch(const kerf__op_case *c, const kerf__batch_norm_style *style);
kerf_status kerf__batch_norm_build(const kerf__op_case *c, const kerf__batch_norm_style *style);

extern const kerf__batch_norm_style kerf__batch_norm_planes, kerf__batch_norm_blocks;

#endif
