/* bench_mse_loss.c -- the loss as loss_bench.h times it. */
#include "loss_bench.h"
#include "ref/ref.h"

static void run_all(op_bench *b)
{
    loss_bench_run(b, "kerf.MseLoss", 1, ref_mse_loss);
}

int main(void)
{
    return op_bench_main(run_all);
}
