/* bench_conv.c -- convolutions beside the multiply-add limit: the layers of LeNet-5, ResNet and
 * MobileNet-v2 in all three directions.
 *
 *     bench_conv [FILE]       lines as in bench/shapes/conv.txt
 *
 * What is multiplied with padding counts, as in the published numbers of these networks. */
#include <inttypes.h>

#include "op_bench.h"
#include "ref/ref.h"

typedef struct problem {
    char op[32];
    int64_t n, c, h, w, k, group_c, r, s; /* of Conv's src and weights */
    int64_t stride, pad, group;
} problem;

static int64_t dst_size(int64_t src, int64_t kernel, const problem *p)
{
    return (src + 2 * p->pad - kernel) / p->stride + 1;
}

static void set_attributes(kerf_node *n, const problem *p)
{
    bench_ok(kerf_node_set_ints(n, "strides", (int64_t[]){p->stride, p->stride}, 2));
    bench_ok(kerf_node_set_ints(n, "pads", (int64_t[]){p->pad, p->pad, p->pad, p->pad}, 4));
    bench_ok(kerf_node_set_ints(n, "kernel_shape", (int64_t[]){p->r, p->s}, 2));
    bench_ok(kerf_node_set_int(n, "group", p->group));
    if (strcmp(n->op, "kerf.ConvGradInput") == 0)
        bench_ok(kerf_node_set_ints(n, "output_shape", (int64_t[]){p->h, p->w}, 2));
}

static void run(op_bench *b, const problem *p)
{
    const int64_t dst_h = dst_size(p->h, p->r, p), dst_w = dst_size(p->w, p->s, p);
    const kerf_shape src = KERF_SHAPE(p->n, p->c, p->h, p->w);
    const kerf_shape weights = KERF_SHAPE(p->k, p->group_c, p->r, p->s);
    const kerf_shape dst = KERF_SHAPE(p->n, p->k, dst_h, dst_w);
    const int to_src = strcmp(p->op, "kerf.ConvGradInput") == 0;
    const int to_weights = strcmp(p->op, "kerf.ConvGradWeights") == 0;
    const int64_t terms =
        to_weights ? p->n * dst_h * dst_w : (to_src ? p->k / p->group : p->group_c) * p->r * p->s;
    op_bench_begin(b);
    op_bench_random(b, to_src ? dst : src);
    op_bench_random(b, to_weights ? dst : weights);
    op_check_node(&b->c, p->op, 1);
    set_attributes(b->c.node, p);
    op_bench_end(b, ref_conv, check_tolerance(4, (size_t)terms), "");
}

/* "stride=2" and such, all optional. */
static int64_t option_of(const char *line, const char *key, int64_t otherwise)
{
    const char *at = strstr(line, key);
    return at != NULL ? atoll(at + strlen(key)) : otherwise;
}

static const char *path = "bench/shapes/conv.txt";

static void run_all(op_bench *b)
{
    char line[256];
    problem p;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "bench_conv: cannot read %s\n", path);
        exit(1);
    }
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line,
                   "%31s %" SCNd64 "x%" SCNd64 "x%" SCNd64 "x%" SCNd64 " %" SCNd64 "x%" SCNd64
                   "x%" SCNd64 "x%" SCNd64,
                   p.op, &p.n, &p.c, &p.h, &p.w, &p.k, &p.group_c, &p.r, &p.s) == 9) {
            p.stride = option_of(line, " stride=", 1);
            p.pad = option_of(line, " pad=", 0);
            p.group = option_of(line, " group=", 1);
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
