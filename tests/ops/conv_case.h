/* conv_case.h -- a convolution as a row of a table, for the tests of those of floats and of bytes.
 */
#ifndef KERF_OPS_CONV_CASE_H
#define KERF_OPS_CONV_CASE_H

#include "check.h"
#include "graph/graph_internal.h"

/* Zeros stand for what the node does not say. */
typedef struct conv_case {
    kerf_shape x, w, y; /* y: what must come out */
    int64_t group, strides[2], dilations[2], pads[4];
    const char *auto_pad;
    int64_t output_padding[2], output_shape[2];
} conv_case;

static inline void conv_case_set_list(kerf_node *n, const char *key, const int64_t *list,
                                      size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (list[i] != 0) {
            CHECK_OK(kerf_node_set_ints(n, key, list, num));
            return;
        }
}

static inline void conv_case_set_attributes(kerf_node *n, const conv_case *t)
{
    const size_t num_axes = t->x.rank == 3 ? 1 : 2; /* others are refused before they are read */
    if (t->group != 0)
        CHECK_OK(kerf_node_set_int(n, "group", t->group));
    if (t->auto_pad != NULL)
        CHECK_OK(kerf_node_set_string(n, "auto_pad", t->auto_pad));
    conv_case_set_list(n, "strides", t->strides, num_axes);
    conv_case_set_list(n, "dilations", t->dilations, num_axes);
    conv_case_set_list(n, "pads", t->pads, 2 * num_axes);
    conv_case_set_list(n, "output_padding", t->output_padding, num_axes);
    conv_case_set_list(n, "output_shape", t->output_shape, num_axes);
}

#endif
