/* io/onnx_codebooks.c -- numbers of entries that their codebook does not have.
 *
 * ONNX leaves it to who runs a Gather to notice an index outside; kernels give NaN for it.  Where
 * the indices are weights of the file (compress/share.h), that is a damaged file and is told when
 * it is read, before a network answers in NaNs:
 *
 *     Gather(codebook (entries), Cast(numbers, uint4 or uint8) [+ first entries of rows, int32]) */
#include "base/fail.h"
#include "graph/graph_internal.h"
#include "io/onnx_reader.h"
#include "tensor/tensor_internal.h"

typedef struct numbers {
    const kerf_value *of;     /* borrowed: the constant */
    const kerf_tensor *first; /* borrowed; of each row, or NULL: 0 */
    const kerf_value *codebook;
    int64_t entries;
} numbers;

static const kerf_tensor *constant_of(const kerf_value *v)
{
    return v != NULL && v->kind == KERF__VALUE_CONSTANT ? v->constant : NULL;
}

static const kerf_node *producer_of(const kerf_value *v)
{
    return v != NULL ? v->producer : NULL;
}

static int is_list(const kerf_value *v)
{
    return v != NULL && v->shape.rank == 1 &&
           (v->kind == KERF__VALUE_STATE || v->kind == KERF__VALUE_CONSTANT);
}

/* 1 if n takes weights from a codebook. */
static int find_numbers(const kerf_node *n, numbers *out)
{
    if (!kerf__node_is(n, "Gather") || !is_list(kerf_node_input(n, 0)))
        return 0;
    *out = (numbers){.codebook = n->inputs[0], .entries = n->inputs[0]->shape.dims[0]};
    n = producer_of(kerf_node_input(n, 1));
    if (kerf__node_is(n, "Add")) {
        out->first = constant_of(kerf_node_input(n, 1));
        if (out->first == NULL || out->first->type != KERF_S32)
            return 0;
        n = producer_of(kerf_node_input(n, 0));
    }
    out->of = kerf__node_is(n, "Cast") ? kerf_node_input(n, 0) : NULL;
    if (constant_of(out->of) == NULL)
        return 0;
    const size_t rows = out->first != NULL ? out->first->num_elements : 1;
    return (out->of->type == KERF_U4 || out->of->type == KERF_U8) && rows > 0 &&
           out->of->constant->num_elements % rows == 0;
}

/* An index below 0 counts from the end. */
static int is_entry(const numbers *c, int64_t entry)
{
    return entry >= -c->entries && entry < c->entries;
}

static kerf_status check_row(const numbers *c, size_t row, size_t length)
{
    const int64_t first = c->first != NULL ? kerf__tensor_int(c->first, row) : 0;
    const int64_t most = c->of->type == KERF_U4 ? 15 : 255;
    if (is_entry(c, first) && is_entry(c, first + most)) /* most codebooks: none is looked at */
        return KERF_OK;
    for (size_t i = row * length; i < (row + 1) * length; i++) {
        const int64_t entry = first + kerf__tensor_int(c->of->constant, i);
        if (!is_entry(c, entry))
            return kerf__fail(
                KERF_ERR_FORMAT, "'%s': number %zu takes entry %lld of '%s', must be below %lld",
                c->of->name, i, (long long)entry, c->codebook->name, (long long)c->entries);
    }
    return KERF_OK;
}

kerf_status kerf__onnx_check_codebooks(kerf__onnx_reader *r)
{
    numbers c;
    for (size_t i = 0; i < r->graph->num_nodes; i++) {
        if (!find_numbers(r->graph->nodes[i], &c))
            continue;
        const size_t rows = c.first != NULL ? c.first->num_elements : 1;
        for (size_t row = 0; row < rows; row++)
            KERF__TRY(check_row(&c, row, c.of->constant->num_elements / rows));
    }
    return KERF_OK;
}
