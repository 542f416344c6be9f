/* bench_top_k_mask.c -- one global event over the 53 convolutions of ResNet-50, 23.4 million
 * weights: the masks for 90 % zeros from masks that have 50 %.
 *
 * share: of a copy's bandwidth, when scores and masks are read once and masks written once. */
#include "op_bench.h"
#include "ref/ref.h"

/* Sizes as in He et al. 2016: a 7x7, then blocks of 1x1, 3x3, 1x1 and a 1x1 beside the
 * first of each stage. */
static int resnet50(int64_t *sizes)
{
    static const int BLOCKS[] = {3, 4, 6, 3};
    int num = 0;
    int64_t in = 64, width = 64;
    sizes[num++] = 64 * 3 * 7 * 7;
    for (int stage = 0; stage < 4; stage++, width *= 2)
        for (int block = 0; block < BLOCKS[stage]; block++) {
            sizes[num++] = in * width;
            sizes[num++] = width * width * 9;
            sizes[num++] = width * width * 4;
            if (block == 0)
                sizes[num++] = in * width * 4;
            in = width * 4;
        }
    return num;
}

/* Scores that are small more often than not, half of them masked before. */
static void add_tensor(op_bench *b, int64_t num)
{
    const size_t size = (size_t)num;
    float *x = malloc(2 * size * sizeof *x);
    unsigned char *mask = malloc(size);
    op_check_fill(x, 2 * size, (unsigned)b->c.num_inputs);
    for (size_t k = 0; k < size; k++) {
        x[k] = 0.1f * x[k] * x[size + k];
        mask[k] = fabsf(x[k]) > 0.015f;
    }
    op_check_input(&b->c, KERF_F32, KERF_SHAPE(num), x);
    op_check_input(&b->c, KERF_BOOL, KERF_SHAPE(num), mask);
    free(mask);
    free(x);
}

static void run_all(op_bench *b)
{
    int64_t sizes[64], total = 0;
    const int num = resnet50(sizes);
    char note[64];
    for (int i = 0; i < num; i++)
        total += sizes[i];
    const int32_t count = (int32_t)((double)total * 0.9);
    op_bench_begin(b);
    op_check_input(&b->c, KERF_S32, KERF_SCALAR, &count);
    for (int i = 0; i < num; i++)
        add_tensor(b, sizes[i]);
    op_check_node(&b->c, "kerf.TopKMask", num + 1);
    snprintf(note, sizeof note, "... %d tensors %lld weights", num, (long long)total);
    op_bench_end(b, ref_top_k_mask, 0, note);
}

int main(void)
{
    return op_bench_main(run_all);
}
