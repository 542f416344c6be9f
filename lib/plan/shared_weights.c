/* plan/shared_weights.c -- see shared_weights.h. */
#include "plan/shared_weights.h"

#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"

static const kerf_tensor *constant_of(const kerf_value *v, kerf_type type)
{
    return v != NULL && v->kind == KERF__VALUE_CONSTANT && v->type == type ? v->constant : NULL;
}

int kerf__plan_find_shared(const kerf_value *v, kerf__shared_weight *out)
{
    const kerf_node *n = v->producer;
    if (kerf__node_is(n, "Reshape"))
        n = n->inputs[0]->producer;
    if (!kerf__node_is(n, "Gather") || n->inputs[0]->kind != KERF__VALUE_STATE ||
        n->inputs[0]->type != KERF_F32 || n->inputs[0]->shape.rank != 1)
        return 0;
    *out = (kerf__shared_weight){.codebook = n->inputs[0]};
    n = n->inputs[1]->producer;
    if (kerf__node_is(n, "Add")) {
        out->first = constant_of(n->inputs[1], KERF_S32);
        n = out->first != NULL ? n->inputs[0]->producer : NULL;
    }
    out->indices = kerf__node_is(n, "Cast") ? constant_of(n->inputs[0], KERF_U8) : NULL;
    const size_t num = out->indices != NULL ? kerf_tensor_num_elements(out->indices) : 0;
    const size_t rows = out->first != NULL ? kerf_tensor_num_elements(out->first) : 1;
    return num > 0 && rows > 0 && num % rows == 0;
}

int kerf__plan_is_shared(const kerf_value *v)
{
    kerf__shared_weight h;
    return kerf__plan_find_shared(v, &h);
}

static int64_t count(const kerf__shared_weight *h, const float *codebook, size_t entries)
{
    const size_t num = kerf_tensor_num_elements(h->indices);
    const size_t row = num / (h->first != NULL ? kerf_tensor_num_elements(h->first) : 1);
    const unsigned char *indices = h->indices->data;
    const int32_t *first = h->first != NULL ? h->first->data : NULL;
    int64_t found = 0;
    for (size_t i = 0; i < num; i++) {
        const int64_t at = indices[i] + (first != NULL ? first[i / row] : 0);
        found += at < 0 || (size_t)at >= entries || codebook[at] != 0; /* outside: NaN */
    }
    return found;
}

kerf_status kerf__plan_count_weights(const kerf_plan *p, const kerf_value *v, int64_t *total_alive,
                                     int64_t *total)
{
    kerf__shared_weight h;
    if (v->state_id >= 0 || !kerf__plan_find_shared(v, &h))
        return kerf__plan_count_entries(p, v->state_id, total_alive, total);
    const size_t entries = (size_t)kerf_shape_num_elements(h.codebook->shape);
    float *codebook = kerf__alloc(entries, sizeof *codebook);
    if (codebook == NULL)
        return kerf__fail_memory("plan", entries * sizeof *codebook);
    kerf_status status = kerf_state_read(p->state, h.codebook->state_id, codebook);
    if (status == KERF_OK) {
        *total = (int64_t)kerf_tensor_num_elements(h.indices);
        *total_alive = count(&h, codebook, entries);
    }
    free(codebook);
    return status;
}
