/* run_list.h -- the runs that `kerf report` is given: folders, and grids of them that `kerf run
 * --sweep` left.  Other half: run_list.c. */
#ifndef HOST_RUN_LIST_H
#define HOST_RUN_LIST_H

#include "run_read.h"

typedef struct run_list {
    run_record *runs; /* owned */
    size_t num;
} run_list;

/* Reads them all; the runs of a grid are named after what it varied.  0 or an exit code after a
 * message.  Free it in any case. */
int run_list_read(const options *o, run_list *list);
void run_list_free(run_list *list);

#endif
