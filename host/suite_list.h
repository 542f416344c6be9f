/* suite_list.h -- the cases of a numbered suite (bench/suites/N.txt, parts of the command): single
 * nodes and whole networks.  Other halves: suite_list.c reads, suite_run.c measures, suite_check.c
 * holds results against them. */
#ifndef HOST_SUITE_LIST_H
#define HOST_SUITE_LIST_H

#include "bench_case.h"

typedef enum suite_form { SUITE_F32, SUITE_INT8, SUITE_SPARSE } suite_form;

typedef struct suite_case {
    bench_case c; /* of networks only family ("infer", "train"), name and flops: those of the dense
                   * network, 0 where zeros are skipped */
    int is_net, trains;
    char net[32];
    suite_form form;
    int64_t batch;
} suite_case;

typedef struct suite_list {
    suite_case *items; /* owned */
    size_t num;
    int version;
    char id[24]; /* the version and a digest of the names, as of a case_set */
} suite_list;

enum { NEWEST_SUITE = 1 };

/* 0 or an exit code after a message; suite_free() in any case. */
int suite_read(const options *o, int64_t version, suite_list *list);
void suite_free(suite_list *list);
/* NULL where it has no such case. */
const suite_case *suite_find(const suite_list *list, const char *op, const char *name);

#endif
