/* ops/move.c -- operations that only move data: how their boxes (move_common.h) are copied.
 *
 * A box becomes planes of rows x columns, columns being the innermost dimension of the output.
 * How its strides lie decides the kernel: whole rows, 16 x 16 tiles that are turned, or element
 * by element.  An element has 1, 2, 4 or 8 bytes; small ones that lie in even pairs on both
 * sides are moved as one of twice the size.
 *
 * Device side: kernels/move.cl.  Definition: tests/ref/ref_move.c. */
#include "ops/move_common.h"

#include "base/fail.h"

extern const kerf__source kerf__source_move;

/* ---- planes ------------------------------------------------------------------------------ */

enum { TILE = 16, GROUP = 64, MOST_ARGS = 40 };

typedef struct planes {
    kerf__box box; /* of larger elements */
    size_t bytes;  /* an element */
    int row_dim;   /* which dimension of the box is the rows; the rank where there is none */
    int turned;    /* rows lie side by side in src, columns in dst */
    size_t rows, columns, num;
} planes;

static int is_even(const kerf__box *b)
{
    int64_t odd = b->src_at | b->dst_at | b->dims[0];
    if (b->rank == 0 || b->src_strides[0] != 1 || b->dst_strides[0] != 1)
        return 0;
    for (int i = 1; i < b->rank; i++)
        odd |= b->src_strides[i] | b->dst_strides[i];
    return (odd & 1) == 0;
}

static void halve(kerf__box *b)
{
    b->src_at /= 2;
    b->dst_at /= 2;
    b->dims[0] /= 2;
    for (int i = 1; i < b->rank; i++) {
        b->src_strides[i] /= 2;
        b->dst_strides[i] /= 2;
    }
}

/* The dimension whose elements lie side by side in src, if columns do in dst alone. */
static int turned_dim(const kerf__box *b)
{
    if (b->rank < 2 || b->dst_strides[0] != 1 || b->src_strides[0] == 1 || b->dims[0] < TILE)
        return 0;
    for (int i = 1; i < b->rank; i++)
        if (b->src_strides[i] == 1 && b->dims[i] >= TILE)
            return i;
    return 0;
}

static planes planes_of(const kerf_node *n, int i)
{
    planes p = {.box = kerf__move_box(n, i), .num = 1};
    p.bytes = kerf_type_bits(n->inputs[0]->type) / 8;
    for (; p.bytes < 8 && is_even(&p.box); p.bytes *= 2)
        halve(&p.box);
    p.turned = turned_dim(&p.box) > 0;
    p.row_dim = p.turned ? turned_dim(&p.box) : 1;
    p.columns = p.box.rank > 0 ? (size_t)p.box.dims[0] : 1;
    p.rows = p.box.rank > 1 ? (size_t)p.box.dims[p.row_dim] : 1;
    for (int k = 1; k < p.box.rank; k++)
        p.num *= k == p.row_dim ? 1 : (size_t)p.box.dims[k];
    return p;
}

/* ---- launches ---------------------------------------------------------------------------- */

/* How planes are cut up, and by which kernel. */
typedef struct cut {
    const char *entry;
    size_t rows, columns; /* of a block */
    size_t an_item;       /* blocks that an item of a wide launch has; 0: SIMT */
    int streams;          /* stores pass the caches by */
} cut;

static size_t num_blocks(const planes *p, const cut *k)
{
    return p->num * kerf__ceil_div(p->rows, k->rows) * kerf__ceil_div(p->columns, k->columns);
}

static const char *type_options(size_t bytes, int streams)
{
    static const char *const OPTIONS[4][2] = {{"-DT=uchar", "-DT=uchar -DSTREAM=1"},
                                              {"-DT=ushort", "-DT=ushort -DSTREAM=1"},
                                              {"-DT=uint", "-DT=uint -DSTREAM=1"},
                                              {"-DT=ulong", "-DT=ulong -DSTREAM=1"}};
    return OPTIONS[bytes == 1 ? 0 : bytes == 2 ? 1 : bytes == 4 ? 2 : 3][streams];
}

/* Strides may be below 0: the kernel adds modulo 2^32. */
static kerf__arg stride_arg(int64_t stride)
{
    return ARG((unsigned)(uint64_t)stride);
}

/* rank, then sizes and strides in src and dst of up to six dimensions of planes. */
static int plane_args(const planes *p, kerf__arg *args)
{
    enum { MOST = KERF__BOX_RANK - 2 };
    const kerf__box *b = &p->box;
    kerf__arg *sizes = args + 1, *src = sizes + MOST, *dst = src + MOST;
    unsigned rank = 0;
    for (int k = 1; k < b->rank; k++) {
        if (k == p->row_dim)
            continue;
        sizes[rank] = ARG((unsigned)b->dims[k]);
        src[rank] = stride_arg(b->src_strides[k]);
        dst[rank++] = stride_arg(b->dst_strides[k]);
    }
    args[0] = ARG(rank);
    for (; rank < MOST; rank++)
        sizes[rank] = src[rank] = dst[rank] = ARG(0u);
    return 1 + 3 * MOST;
}

static kerf_status emit(const kerf__op_case *c, const planes *p, const cut *k)
{
    const kerf__box *b = &p->box;
    const int has_rows = b->rank > 1;
    const size_t blocks = num_blocks(p, k);
    kerf__arg args[MOST_ARGS] = {
        ARG(kerf__in(c, b->src)),
        ARG(kerf__out(c, b->dst)),
        ARG((unsigned)b->src_at),
        ARG((unsigned)b->dst_at),
        ARG((unsigned)p->rows),
        ARG((unsigned)p->columns),
        stride_arg(has_rows ? b->src_strides[p->row_dim] : 0),
        stride_arg(b->rank > 0 ? b->src_strides[0] : 0),
        stride_arg(has_rows ? b->dst_strides[p->row_dim] : 0),
        stride_arg(b->rank > 0 ? b->dst_strides[0] : 0),
        ARG((unsigned)k->rows),
        ARG((unsigned)k->columns),
        ARG((unsigned)blocks),
    };
    int num = 13;
    if (k->an_item > 0)
        args[num++] = ARG((unsigned)k->an_item);
    num += plane_args(p, args + num);
    const kerf__grid grid = k->an_item > 0
                                ? kerf__grid_wide(kerf__ceil_div(blocks, k->an_item), 1, 1)
                                : (kerf__grid){1, {blocks, 1, 1}, {GROUP, 1, 1}};
    return kerf__emit(c, &kerf__source_move, k->entry, type_options(p->bytes, k->streams), args,
                      num, grid);
}

/* 1 if every row of a tile begins where a vector of 64 bytes or more does. */
static int turns_whole_vectors(const planes *p)
{
    int64_t rest = p->box.dst_at % TILE;
    for (int i = 1; i < p->box.rank; i++)
        rest |= p->box.dst_strides[i] % TILE;
    return rest == 0 && p->bytes >= 4;
}

/* Blocks of about LEAST elements, and as many an item as give every core several items.  What is
 * turned is read in longer pieces than it is written in: rows are cut at DOWN, columns at
 * ACROSS.  Of 64 MiB, blocks of 64 x 64 reach 25 % of a copy, 16 x 256 13 %, 256 x 64 35 %, and
 * with stores that pass the caches by 1024 x 16 49 % (two cores of Zen 4, PoCL). */
static cut cut_wide(const kerf__op_case *c, const planes *p, int may_stream)
{
    enum { LEAST = 4096, DOWN = 256, ACROSS = 64, STREAM_DOWN = 1024 };
    const kerf__box *b = &p->box;
    const int in_line = b->rank == 0 || (b->dst_strides[0] == 1 &&
                                         (b->src_strides[0] == 1 || b->src_strides[0] == 0));
    cut k = {.entry = p->turned ? "move_turned" : in_line ? "move_rows" : "move_any"};
    k.streams = may_stream && (p->turned ? turns_whole_vectors(p) : in_line);
    k.columns = p->columns < LEAST ? p->columns : LEAST;
    k.rows = kerf__ceil_div(LEAST, k.columns);
    if (p->turned) {
        const size_t across = k.streams ? TILE : ACROSS;
        k.columns = p->columns < across ? p->columns : across;
        k.rows = k.streams ? STREAM_DOWN : DOWN;
    }
    k.rows = k.rows < p->rows ? k.rows : p->rows;
    const size_t area = k.rows * k.columns;
    const size_t turns = in_line ? k.rows * (k.columns / 16 + k.columns % 16) : area;
    k.an_item = kerf__pieces_an_item(c, num_blocks(p, &k), turns, LEAST / area + 1);
    return k;
}

/* As many columns as a group has items, but no more than there are, rounded up. */
static cut cut_planes(const planes *p)
{
    size_t columns = 1;
    while (columns < p->columns && columns < GROUP)
        columns *= 2;
    return (cut){"move_planes", GROUP / columns, columns, 0, 0};
}

static const cut CUT_TILES = {"move_tiles", TILE, TILE, 0, 0};

static kerf_status emit_fill(const kerf__op_case *c, uint64_t bits)
{
    const size_t num = (size_t)kerf__value_elements(c->node->outputs[0]);
    const size_t pieces =
        kerf__is_wide(c) ? kerf__pieces_an_item(c, kerf__ceil_div(num, 16), 1, 256) : 1;
    const size_t items = kerf__ceil_div(num, 16 * pieces);
    return kerf__emit(c, &kerf__source_move, "move_fill",
                      type_options(kerf_type_bits(c->node->outputs[0]->type) / 8, 0),
                      KERF__ARGS(ARG(kerf__out(c, 0)), ARG((unsigned)bits),
                                 ARG((unsigned)(bits >> 32)), ARG((unsigned)num),
                                 ARG((unsigned)(16 * pieces))),
                      kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static kerf_status build_boxes(const kerf__op_case *c, int by_tiles, int may_stream)
{
    uint64_t bits;
    if (kerf__move_fills(c->node, &bits))
        KERF__TRY(emit_fill(c, bits));
    for (int i = 0; i < kerf__move_num_boxes(c->node); i++) {
        const planes p = planes_of(c->node, i);
        if (kerf__box_is_empty(&p.box))
            continue;
        const cut k = kerf__is_wide(c)       ? cut_wide(c, &p, may_stream)
                      : by_tiles && p.turned ? CUT_TILES
                                             : cut_planes(&p);
        KERF__TRY(emit(c, &p, &k));
    }
    return KERF_OK;
}

static kerf_status build(const kerf__op_case *c)
{
    return build_boxes(c, 0, 0);
}

static kerf_status build_tiles(const kerf__op_case *c)
{
    return build_boxes(c, 1, 0);
}

static int fits_tiles(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && planes_of(c->node, 0).turned;
}

static double guess(const kerf__op_case *c)
{
    return kerf__is_wide(c) ? 0 : 2;
}

static double guess_tiles(const kerf__op_case *c)
{
    (void)c;
    return 1;
}

static kerf_status build_stream(const kerf__op_case *c)
{
    return build_boxes(c, 0, 1);
}

static int fits_stream(const kerf__op_case *c)
{
    return kerf_device_get_info(c->dev)->features.streaming_stores && kerf__fits_31_bits(c);
}

/* First where the output takes half of the caches, as with formulas (elementwise.c), else last. */
static double guess_stream(const kerf__op_case *c)
{
    uint64_t bytes = 0;
    for (int i = 0; i < c->node->num_outputs; i++)
        bytes +=
            (uint64_t)kerf__tensor_bytes(c->node->outputs[i]->type, c->node->outputs[i]->shape);
    return 2 * bytes > kerf_device_get_info(c->dev)->cache_bytes ? -1 : 100;
}

/* Only Transpose ever turns planes. */
static const kerf__variant VARIANTS[] = {
    {.name = "move_tiles", .fits = fits_tiles, .guess = guess_tiles, .build = build_tiles},
    {.name = "move_stream",
     .wide = 1,
     .fits = fits_stream,
     .guess = guess_stream,
     .build = build_stream},
    KERF__BOTH_STYLES("move", .fits = kerf__fits_31_bits, .guess = guess, .build = build),
};

#define ENTRY(name, most, outputs, rule, first)                                                    \
    {                                                                                              \
        .op = (name), .min_inputs = 1, .max_inputs = (most), .num_outputs = (outputs),             \
        .infer = kerf__move_infer, .gradient = (rule), .variants = &VARIANTS[first],               \
        .num_variants = (int)(sizeof VARIANTS / sizeof VARIANTS[0]) - (first)                      \
    }

extern const kerf__op kerf__ops_move[];
const kerf__op kerf__ops_move[] = {
    ENTRY("Concat", -1, 1, kerf__move_gradient, 1),
    ENTRY("DepthToSpace", 1, 1, kerf__move_gradient, 1),
    ENTRY("Pad", 4, 1, kerf__move_gradient, 1),
    ENTRY("Slice", 5, 1, kerf__move_gradient, 1),
    ENTRY("SpaceToDepth", 1, 1, kerf__move_gradient, 1),
    ENTRY("Split", 2, -1, kerf__move_gradient, 1),
    ENTRY("Tile", 2, 1, kerf__move_gradient, 1),
    ENTRY("Transpose", 1, 1, kerf__move_gradient, 0),
    ENTRY("kerf.SliceGrad", 1, 1, NULL, 1),
    {.op = NULL},
};
