/* ops/integer_common.c -- see integer_common.h. */
#include "ops/integer_common.h"

#include "base/fail.h"
#include "ops/shape_common.h"

kerf_status kerf__node_check_numbers(const kerf_node *n, int i, kerf_type type, int64_t many)
{
    const kerf_value *v = kerf_node_input(n, i);
    if (v == NULL)
        return KERF_OK;
    KERF__TRY(kerf__node_check_type(n, i, type));
    if (kerf__value_elements(v) == 1)
        return KERF_OK;
    return kerf__node_check_shape(n, i, many != KERF__ALONE ? KERF_SHAPE(many) : KERF_SCALAR);
}

int kerf__has_many(const kerf_node *n, int i)
{
    const kerf_value *v = kerf_node_input(n, i);
    return v != NULL && kerf__value_elements(v) > 1;
}

int kerf__has_sign(const kerf_node *n, int i)
{
    const kerf_value *v = kerf_node_input(n, i);
    return v != NULL && v->type == KERF_S8;
}

kerf__arg kerf__numbers_arg(const kerf__op_case *c, int i)
{
    return ARG(kerf__in(c, kerf_node_input(c->node, i) != NULL ? i : 0));
}

int kerf__has_no_zero(const kerf_node *n, int w, int w_zero)
{
    const kerf_value *zero = kerf_node_input(n, w_zero);
    const int none = n->inputs[w]->type == KERF_U8 ? 128 : 0;
    if (zero == NULL)
        return none == 0;
    if (zero->kind != KERF__VALUE_CONSTANT)
        return 0;
    for (size_t i = 0; i < zero->constant->num_elements; i++)
        if (kerf__tensor_int(zero->constant, i) != none)
            return 0;
    return 1;
}

int kerf__has_dot_us(const kerf__op_case *c, kerf_dot form)
{
    return form == KERF_DOT_PLAIN ||
           (kerf_device_get_info(c->dev)->features.dot[form] >> KERF_U8S8 & 1) != 0;
}

/* As measured on Zen 4: 850 GOPS by vpdpbusd, 310 (PoCL) and 425 (Intel) by pairs, 155 and 220 in
 * C. */
double kerf__dot_cycles(kerf_dot form)
{
    return form == KERF_DOT_X86 ? 1 : form == KERF_DOT_PAIRS ? 2.5 : 5;
}

int kerf__dot_registers(kerf_dot form)
{
    return form == KERF_DOT_X86 ? 1 : form == KERF_DOT_PAIRS ? 2 : 4;
}

const kerf__candidate kerf__dots_ss[KERF__NUM_DOTS_SS] = {
    {"khr_acc", "-cl-std=CL3.0 -DDOT_FORM=DOT_KHR_ACC", {KERF_DOT_KHR_ACC}},
    {"khr", "-cl-std=CL3.0 -DDOT_FORM=DOT_KHR", {KERF_DOT_KHR}},
    {"arm", "-DDOT_FORM=DOT_ARM", {KERF_DOT_ARM}},
    {"amd", "-DDOT_FORM=DOT_AMD", {KERF_DOT_AMD}},
    {"plain", "", {KERF_DOT_PLAIN}},
};

int kerf__takes_dot_ss(const kerf__op_case *c, const kerf__candidate *form)
{
    const int *dots = kerf_device_get_info(c->dev)->features.dot;
    return form->parameters[0] == KERF_DOT_PLAIN ||
           (dots[form->parameters[0]] >> KERF_S8S8 & 1) != 0;
}
