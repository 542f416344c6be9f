/* ops/teacher_common.c -- see teacher_common.h. */
#include "ops/teacher_common.h"

#include "base/fail.h"

kerf_status kerf__teacher_infer(kerf_node *n, const char *what)
{
    char text[128];
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t at = kerf_node_int(n, "at", 0),
                  most = kerf_shape_num_elements(n->inputs[3]->shape);
    for (int i = 0; i < n->num_inputs; i++)
        KERF__TRY(kerf__node_check_type(n, i, i == 2 ? KERF_S32 : KERF_F32));
    if (src.rank != 2)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be (N, C)",
                               n->inputs[0]->name, kerf_shape_text(src, text, sizeof text));
    KERF__TRY(kerf__node_check_shape(n, 1, src));
    KERF__TRY(kerf__node_check_shape(n, 2, KERF_SHAPE(src.dims[0])));
    if (at < 0 || at > most - 3)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "%s are at %lld of %lld settings, must be three of them", what,
                               (long long)at, (long long)most);
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    kerf__set_output(n, 1, KERF_F32, src);
    return KERF_OK;
}

size_t kerf__teacher_scratch(const kerf__op_case *c)
{
    return sizeof(float) * (kerf__rows_of(c, c->node->inputs[0]).m + 1);
}
