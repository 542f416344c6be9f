/* laid_bench.h -- as op_bench_end(), with operands in the layouts that a plan gives them; integers,
 * so the results are the reference's. */
#ifndef KERF_LAID_BENCH_H
#define KERF_LAID_BENCH_H

#include "../../tests/laid_check.h"
#include "op_bench.h"

static inline void laid_bench_end(op_bench *b, op_reference reference)
{
    char text[128];
    kerf__layouts layouts;
    op_check laid;
    bench_ok(kerf__node_infer(b->c.node));
    op_bench_name(&b->c, "u8s8", text, sizeof text);
    if (laid_wish(&b->c, &layouts)) {
        laid_begin(&laid, &b->c, &layouts);
        laid_run_all(&laid, &b->c, reference, 0);
        op_bench_case(&laid, text, &b->limit);
        op_check_end(&laid);
    } else {
        op_check_variants(&b->c, reference, 0);
        op_bench_case(&b->c, text, &b->limit);
    }
    op_check_end(&b->c);
}

#endif
