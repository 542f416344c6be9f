/* bench_sparse_conv.c -- sparse convolutions beside the multiply-add limit: layers of ResNet-18 and
 * ResNet-50.  Counted is what is done; times 1 / density is what a dense one would do.
 *
 * Each is timed by any pattern, and by one made for its tile; with TILED in the environment by that
 * alone, and TILE=14,28,16 names vectors, columns and channels to a chunk of another tile.
 *
 *     bench_sparse_conv [FILE]       lines as in bench/shapes/sparse_conv.txt */
#include <inttypes.h>

#include "../../tests/ops/sparse_conv_case.h"
#include "op_bench.h"
#include "ops/sparse_conv.h"
#include "ref/ref.h"

typedef struct problem {
    int64_t n, c, h, w, k, group_c, r, s; /* of src and weights */
    int64_t stride, pad, lanes;           /* lanes: samples side by side, as in training */
    unsigned kept;
    int block; /* output channels with the same places */
} problem;

static void set_attributes(kerf_node *n, const problem *p)
{
    const kerf_shape weights = KERF_SHAPE(p->k, p->group_c, p->r, p->s);
    bench_ok(kerf_node_set_ints(n, "weights_shape", weights.dims, 4));
    bench_ok(kerf_node_set_ints(n, "strides", (int64_t[]){p->stride, p->stride}, 2));
    bench_ok(kerf_node_set_ints(n, "pads", (int64_t[]){p->pad, p->pad, p->pad, p->pad}, 4));
    bench_ok(kerf_node_set_int(n, "group", p->c / p->group_c));
    bench_ok(kerf_node_set_int(n, "percent", (p->kept + 9) / 10));
}

static void begin(op_bench *b, const problem *p, const sparse_case *s)
{
    op_bench_begin(b);
    kerf_shape src = KERF_SHAPE(p->n, p->c, p->h, p->w, p->lanes);
    src.rank -= p->lanes == 1;
    op_bench_random(b, src);
    sparse_case_inputs(&b->c, s);
    op_check_node(&b->c, "kerf.SparseConv", 1);
    set_attributes(b->c.node, p);
}

static void end(op_bench *b, const problem *p)
{
    op_bench_end(b, ref_sparse_conv, check_tolerance(4, (size_t)(p->group_c * p->r * p->s)), "");
}

/* The tile that a plan takes, or the one that TILE names: vectors,columns,channels. */
static kerf__sparse_tile choose(op_bench *b)
{
    kerf__sparse_tile t;
    const char *text = getenv("TILE");
    if (text != NULL && sscanf(text, "%d,%d,%d", &t.vectors, &t.cols, &t.chunk) == 3)
        return t;
    return kerf__sparse_choose_tile(b->dev, b->c.node, kerf__sparse_density(b->c.node));
}

/* By a pattern for a tile. */
static void run_tiled(op_bench *b, const problem *p, sparse_case *s)
{
    kerf__sparse_places places;
    begin(b, p, s);
    bench_ok(kerf__node_infer(b->c.node));
    const kerf__sparse_tile t = choose(b);
    const int fits = kerf__sparse_places_of(b->c.node, t, &places);
    op_check_end(&b->c);
    if (!fits)
        return;
    printf("tile,%d vectors,%d columns,%d channels\n", t.vectors, t.cols, t.chunk);
    sparse_case_cut(s, &places, (int)p->group_c);
    begin(b, p, s);
    bench_ok(kerf_node_set_ints(b->c.node, "tile", (int64_t[]){t.vectors, t.cols, t.chunk}, 3));
    bench_ok(kerf__sparse_set_places(b->c.node, &places));
    end(b, p);
}

static void run(op_bench *b, const problem *p)
{
    const kerf_shape weights = KERF_SHAPE(p->k, p->group_c, p->r, p->s);
    sparse_case s = sparse_case_create_blocks(weights, p->kept, p->block, NULL);
    begin(b, p, &s);
    if (getenv("TILED") == NULL)
        end(b, p);
    else
        op_check_end(&b->c);
    run_tiled(b, p, &s);
    sparse_case_destroy(&s);
}

static const char *path = "bench/shapes/sparse_conv.txt";

static void run_all(op_bench *b)
{
    char line[256];
    problem p;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "bench_sparse_conv: cannot read %s\n", path);
        exit(1);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        p.lanes = 1;
        if (sscanf(line,
                   "%" SCNd64 "x%" SCNd64 "x%" SCNd64 "x%" SCNd64 " %" SCNd64 "x%" SCNd64
                   "x%" SCNd64 "x%" SCNd64 " stride=%" SCNd64 " pad=%" SCNd64
                   " kept=%u block=%d lanes=%" SCNd64,
                   &p.n, &p.c, &p.h, &p.w, &p.k, &p.group_c, &p.r, &p.s, &p.stride, &p.pad, &p.kept,
                   &p.block, &p.lanes) >= 12)
            run(b, &p);
    }
    fclose(file);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        path = argv[1];
    return op_bench_main_beside(LIMITS_MULTIPLY_ADD, run_all);
}
