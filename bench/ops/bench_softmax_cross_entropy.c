/* bench_softmax_cross_entropy.c -- the loss as loss_bench.h times it. */
#include "loss_bench.h"
#include "ref/ref.h"

static void run_all(op_bench *b)
{
    loss_bench_run(b, "SoftmaxCrossEntropyLoss", 2, ref_softmax_cross_entropy);
}

int main(void)
{
    return op_bench_main(run_all);
}
