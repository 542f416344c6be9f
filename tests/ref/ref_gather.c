/* ref_gather.c -- taking and putting by index, as numpy says it: every element of the part is asked
 * where in the whole it lies. */
#include "ref/ref.h"

#include <math.h>
#include <string.h>

enum { RANK = KERF_MAX_RANK };

static void coordinates(kerf_shape shape, int64_t i, int64_t *at)
{
    for (int k = shape.rank - 1; k >= 0; k--) {
        at[k] = i % shape.dims[k];
        i /= shape.dims[k];
    }
}

/* -1 if a coordinate, which may count from the end, is outside. */
static int64_t position(kerf_shape shape, const int64_t *at)
{
    int64_t i = 0;
    for (int k = 0; k < shape.rank; k++) {
        const int64_t here = at[k] < 0 ? at[k] + shape.dims[k] : at[k];
        if (here < 0 || here >= shape.dims[k])
            return -1;
        i = i * shape.dims[k] + here;
    }
    return i;
}

static int64_t index_at(kerf_shape shape, const double *indices, const int64_t *at)
{
    return (int64_t)indices[position(shape, at)];
}

/* data.take(indices, axis) */
static void by_rows(int axis, kerf_shape indices, const double *numbers, const int64_t *part,
                    int part_rank, int64_t *whole)
{
    for (int k = 0; k < axis; k++)
        whole[k] = part[k];
    whole[axis] = index_at(indices, numbers, part + axis);
    for (int k = axis + indices.rank; k < part_rank; k++)
        whole[k - indices.rank + 1] = part[k];
}

/* data[i][indices[i][j][k]][k] */
static void by_elements(int axis, kerf_shape indices, const double *numbers, const int64_t *part,
                        int64_t *whole)
{
    memcpy(whole, part, (size_t)indices.rank * sizeof *whole);
    whole[axis] = index_at(indices, numbers, part);
}

/* data[b][indices[b][i]], where an index has several numbers */
static void by_tuples(int batch, kerf_shape indices, const double *numbers, const int64_t *part,
                      int part_rank, int64_t *whole)
{
    const int last = indices.rank - 1, num = (int)indices.dims[last];
    int64_t at[RANK];
    memcpy(at, part, (size_t)last * sizeof *at);
    memcpy(whole, part, (size_t)batch * sizeof *whole);
    for (int k = 0; k < num; k++) {
        at[last] = k;
        whole[batch + k] = index_at(indices, numbers, at);
    }
    for (int k = last; k < part_rank; k++)
        whole[batch + num + k - last] = part[k];
}

/* Where element i of the part lies. */
static int64_t place(const kerf_node *n, kerf_shape whole, kerf_shape part, kerf_shape indices,
                     const double *numbers, int64_t i)
{
    int64_t from[RANK], to[RANK];
    int axis = (int)kerf_node_int(n, "axis", 0);
    axis += axis < 0 ? whole.rank : 0;
    coordinates(part, i, from);
    if (strstr(n->op, "ND") != NULL)
        by_tuples((int)kerf_node_int(n, "batch_dims", 0), indices, numbers, from, part.rank, to);
    else if (strstr(n->op, "Elements") != NULL)
        by_elements(axis, indices, numbers, from, to);
    else
        by_rows(axis, indices, numbers, from, part.rank, to);
    return position(whole, to);
}

static double put(const char *reduction, double was, double x)
{
    return strcmp(reduction, "add") == 0   ? was + x
           : strcmp(reduction, "mul") == 0 ? was * x
           : strcmp(reduction, "max") == 0 ? fmax(was, x)
           : strcmp(reduction, "min") == 0 ? fmin(was, x)
                                           : x;
}

REF(gather)
{
    const int adds = strncmp(n->op, "kerf.", 5) == 0, puts = strncmp(n->op, "Scatter", 7) == 0;
    const kerf_value *dst = n->outputs[0], *indices = n->inputs[adds ? 0 : 1];
    const kerf_value *part = adds ? n->inputs[1] : puts ? n->inputs[2] : dst;
    const kerf_shape whole = adds || puts ? dst->shape : n->inputs[0]->shape;
    const char *reduction = adds ? "add" : kerf_node_string(n, "reduction", "none");
    for (int64_t i = 0; (adds || puts) && i < kerf_shape_num_elements(whole); i++)
        outputs[0][i] = adds ? 0 : inputs[0][i];
    for (int64_t i = 0; i < kerf_shape_num_elements(part->shape); i++) {
        const int64_t at = place(n, whole, part->shape, indices->shape, inputs[adds ? 0 : 1], i);
        if (!adds && !puts)
            outputs[0][i] = at >= 0 ? inputs[0][at] : dst->type == KERF_F32 ? (double)NAN : 0;
        else if (at >= 0)
            outputs[0][at] = put(reduction, outputs[0][at], inputs[adds ? 1 : 2][i]);
    }
}
