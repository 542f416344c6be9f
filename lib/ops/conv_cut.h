/* ops/conv_cut.h -- how convolutions of CPU devices are cut into items: what conv_wide.c and
 * conv_batch.c share, and conv_weights_wide.c and conv_weights_batch.c.  Other half: conv_cut.c.
 *
 * All of them compute in tiles, of some vectors of output channels by something else, whose sums
 * stay in registers.  An item is alone in its group and makes many tiles, which read the same part
 * of the input, the band, in local memory. */
#ifndef KERF_OPS_CONV_CUT_H
#define KERF_OPS_CONV_CUT_H

#include "ops/conv_common.h"

enum {
    KERF__MOST_LOCAL = 220 << 10, /* beside the filters in the second cache */
    KERF__ITEMS_A_UNIT = 4        /* so that cores end together; drivers deal out in large pieces */
};

/* Of so many channels, `vectors` vectors of `lanes` to a group. */
int kerf__num_vector_groups(int channels, int vectors, int lanes);
/* Local memory that an item may take, `reserved` left alone; 0 if there is no more than that. */
size_t kerf__item_local_bytes(const kerf__op_case *c, size_t reserved);
/* How much longer a tile of such vectors takes than if registers were as wide: there are too few
 * of them for vectors in parts. */
double kerf__wide_register_cost(const kerf__op_case *c, int lanes);
/* Vectors of multiply-adds a cycle, where those of all lanes take one: 2 of half the size, where
 * registers are no wider. */
double kerf__vectors_a_cycle(const kerf__op_case *c, int lanes);
/* As kerf__wide_register_cost(), of a tile of so many vectors of sums, which may be more than there
 * are registers. */
double kerf__tile_register_cost(const kerf__op_case *c, int lanes, int sums);

/* What kernels take of one direction of the image; of the result behind its sum. */
#define KERF__AXIS_ARGS(in, out, a)                                                                \
    ARG(in), ARG(out), ARG((a).kernel), ARG((a).stride), ARG((a).pad), ARG((a).dilation)
#define KERF__FINISH_ARGS(v)                                                                       \
    ARG((v).has_bias), ARG((v).has_residual), ARG((v).activation.slope), ARG((v).activation.low),  \
        ARG((v).activation.high)

/* 1 if every group begins with a block of channels. */
int kerf__conv_are_whole(const kerf__conv *v);

/* ---- from image to image: dst, or src -------------------------------------------------------- */

/* The kernel reads one image and writes another; which of them is the convolution's src depends
 * on the direction.  Here `in` and `out` are the two. */
typedef struct kerf__conv_side {
    int in, out;    /* pixels */
    int remainders; /* of out's pixels by the stride, where those have taps of their own */
    int step;       /* in in, from pixel to pixel of one remainder */
    int reach;      /* pixels of in that the taps of one remainder lie in */
} kerf__conv_side;

typedef struct kerf__conv_images {
    kerf__conv v;
    kerf__conv_side h, w;
    int is_gradient; /* by src */
    int in_channels, out_channels, in_lanes;
    int in_place;                 /* the band is the image itself: 0 until a variant says so */
    int block_pitch, group_pitch; /* of the filters */
} kerf__conv_images;

/* An item's share; see the kernels. */
typedef struct kerf__conv_cut {
    int rows, cols; /* of pixels of one remainder */
    int chunk;      /* blocks of channels in local memory at a time */
    int turns;      /* groups of vectors, one after the other */
    size_t band_bytes, sums_bytes;
} kerf__conv_cut;

/* 1 if the node makes dst or src in blocks of channels, in offsets of 31 bits. */
int kerf__conv_is_blocked(const kerf__op_case *c);
kerf__conv_images kerf__conv_images_of(const kerf__op_case *c);
/* Blocks of channels of in. */
int kerf__conv_num_blocks(const kerf__conv_images *p);
int kerf__pixels_a_remainder(const kerf__conv_side *s);
/* Local memory for where taps lie, and what band and sums may take beside it. */
size_t kerf__conv_taps_bytes(const kerf__conv *v);
size_t kerf__conv_local_bytes(const kerf__op_case *c, const kerf__conv *v);

/* Sets chunk and bytes, where a block has `band` bytes, all sums together `sums`, and a group of
 * vectors makes `channels` of them; 0 if not even one block has its place. */
int kerf__conv_size_chunk(const kerf__conv_images *p, int channels, size_t band, size_t sums,
                          size_t local_bytes, kerf__conv_cut *k);
/* Turns of an item if there are so many groups of vectors, and `others` items for each of them: a
 * band of all channels is copied once for several. */
int kerf__conv_num_turns(const kerf__op_case *c, const kerf__conv_images *p,
                         const kerf__conv_cut *k, int groups, double others);

/* ---- weights --------------------------------------------------------------------------------- */

/* An item's weights. */
typedef struct kerf__weights_share {
    int vector_groups; /* of dst's channels there are so many: one to an item */
    int channels;      /* of src */
    int rows_of_taps;  /* of the kernel */
} kerf__weights_share;

/* 1 if the node makes weights of images in blocks of channels. */
int kerf__weights_are_blocked(const kerf__op_case *c);
/* Channels of src that lie together: 16, or 1 where it is plain. */
int kerf__weights_lanes(const kerf__op_case *c);
/* As few items as keep all cores busy, whose channels are as many as a tile's or a multiple. */
kerf__weights_share kerf__weights_share_of(const kerf__op_case *c, const kerf__conv *v,
                                           int vector_groups, int tile_channels);
/* Makes it half as large; 0 if it cannot be. */
int kerf__weights_halve(kerf__weights_share *s);
double kerf__weights_num_items(const kerf__conv *v, const kerf__weights_share *s);
/* Of an item's sums, where a group of vectors has so many channels. */
size_t kerf__weights_sums_bytes(const kerf__conv *v, const kerf__weights_share *s,
                                int dst_channels);
kerf__grid kerf__weights_grid(const kerf__conv *v, const kerf__weights_share *s);

#endif
