/* bench_angle_loss.c -- loss and gradient together, of batches of 32 to 256 samples; n^3 angles of
 * n^2 distances, so the copy it stands beside is no limit. */
#include "op_bench.h"
#include "ref/ref.h"

enum { AXES = 8, MOST = 256 };

/* Squared distances of random points. */
static void add_squares(op_bench *b, int64_t n, unsigned seed)
{
    static float points[MOST * AXES], squares[MOST * MOST];
    op_check_fill(points, sizeof points / sizeof points[0], seed);
    for (int64_t i = 0; i < n * n; i++) {
        squares[i] = 0;
        for (int64_t a = 0; a < AXES; a++) {
            const float d = points[i / n * AXES + a] - points[i % n * AXES + a];
            squares[i] += d * d;
        }
    }
    op_check_input(&b->c, KERF_F32, KERF_SHAPE(n, n), squares);
}

static void run_all(op_bench *b)
{
    static const int64_t SIZES[] = {32, 128, MOST};
    const float settings[] = {0.5f};
    for (size_t i = 0; i < sizeof SIZES / sizeof SIZES[0]; i++) {
        op_bench_begin(b);
        add_squares(b, SIZES[i], 1);
        add_squares(b, SIZES[i], 2);
        op_check_input(&b->c, KERF_F32, KERF_SHAPE(1), settings);
        op_check_node(&b->c, "kerf.AngleLoss", 2);
        op_bench_end(b, ref_angle_loss, check_tolerance(8, (size_t)(SIZES[i] * SIZES[i])), "");
    }
}

int main(void)
{
    return op_bench_main(run_all);
}
