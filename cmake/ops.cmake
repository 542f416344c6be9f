# The whole list of operations, in the order of the alphabet.  A name stands for
# lib/ops/NAME.c, kernels/NAME.cl, tests/ref/ref_NAME.c, tests/ops/test_NAME.c and
# bench/ops/bench_NAME.c; a missing file stops the configure step.
kerf_add_op(batch_norm wide)
kerf_add_op(conv simt direct)
kerf_add_op(elementwise)
kerf_add_op(gemm wide simt)
kerf_add_op(mask)
kerf_add_op(metrics)
kerf_add_op(move)
kerf_add_op(mse_loss)
kerf_add_op(nll_loss)
kerf_add_op(optimizer)
kerf_add_op(pool wide blocked)
kerf_add_op(reduce lines)
kerf_add_op(reorder)
kerf_add_op(softmax)
kerf_add_op(softmax_cross_entropy)
kerf_add_op(top_k_mask)
