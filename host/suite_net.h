/* suite_net.h -- a network of a suite, made and timed.  Other half: suite_net.c. */
#ifndef HOST_SUITE_NET_H
#define HOST_SUITE_NET_H

#include "bench_suite.h"
#include "suite_list.h"

/* Makes it, times it and rates it; why not stands in r. */
void suite_net_run(const options *o, bench_suite *x, const suite_case *of, case_result *r);

#endif
