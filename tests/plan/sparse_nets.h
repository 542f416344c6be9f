/* sparse_nets.h -- what tests of plans that skip zeros share: masks that keep a part of every
 * weight, nodes counted, and whole states compared. */
#ifndef KERF_SPARSE_NETS_H
#define KERF_SPARSE_NETS_H

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "plan/plan_internal.h"

/* Of each weight that has a mask about every `every`-th is kept, none with 0. */
static inline void sparse_nets_prune(kerf_state *s, unsigned every)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *entry = kerf_state_get(s, id);
        const kerf_state_entry *mask = kerf_state_find_owned(s, id, KERF_ROLE_MASK);
        if (mask == NULL)
            continue;
        const size_t num = (size_t)kerf_shape_num_elements(entry->shape);
        float *w = malloc(num * sizeof *w);
        unsigned char *bits = malloc(num);
        CHECK_OK(kerf_state_read(s, id, w));
        for (size_t i = 0; i < num; i++) {
            bits[i] = every != 0 && ((unsigned)i * 2654435761u >> 9) % every == 0;
            w[i] = bits[i] ? w[i] : 0;
        }
        CHECK_OK(kerf_state_write(s, id, w));
        CHECK_OK(kerf_state_write(s, mask->id, bits));
        free(w);
        free(bits);
    }
}

static inline int sparse_nets_count(const kerf_plan *p, const char *op)
{
    int num = 0;
    for (size_t i = 0; i < p->graph->num_nodes; i++)
        num += strcmp(p->graph->nodes[i]->op, op) == 0;
    return num;
}

/* All states of floats; tolerance 0: the same bits. */
static inline void sparse_nets_compare(const kerf_state *a, const kerf_state *b, double tolerance)
{
    for (int id = 0; id < kerf_state_num_ids(a); id++) {
        const kerf_state_entry *entry = kerf_state_get(a, id);
        if (kerf_tensor_type(entry->tensor) != KERF_F32 || entry->role == KERF_ROLE_METRIC)
            continue;
        const size_t num = (size_t)kerf_shape_num_elements(entry->shape);
        float *got = malloc(num * sizeof *got);
        double *want = malloc(num * sizeof *want);
        CHECK_OK(kerf_state_read(b, kerf_state_find(b, entry->name)->id, got));
        for (size_t i = 0; i < num; i++)
            want[i] = (double)got[i];
        CHECK_OK(kerf_state_read(a, id, got));
        check_close(entry->name, got, want, num, tolerance);
        free(got);
        free(want);
    }
}

#endif
