/* ops/shape_common.c -- see shape_common.h. */
#include "ops/shape_common.h"

#include <string.h>

#include "base/fail.h"
#include "device/quirks.h"

static kerf_status ints_of_constant(const kerf_node *n, const kerf_value *v, kerf__ints *out)
{
    if (v->kind != KERF__VALUE_CONSTANT)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s must be a constant", v->name);
    const kerf_tensor *t = v->constant;
    if ((t->type != KERF_S64 && t->type != KERF_S32) || t->num_elements > KERF_MAX_RANK)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "input %s is %zu of %s, must be up to %d of int64", v->name,
                               t->num_elements, kerf_type_name(t->type), KERF_MAX_RANK);
    out->num = t->num_elements;
    for (size_t i = 0; i < out->num; i++)
        out->items[i] =
            t->type == KERF_S64 ? ((const int64_t *)t->data)[i] : ((const int32_t *)t->data)[i];
    return KERF_OK;
}

kerf_status kerf__node_get_ints(const kerf_node *n, const char *key, int input, kerf__ints *out)
{
    *out = (kerf__ints){0};
    if (input < n->num_inputs && n->inputs[input] != NULL) {
        out->given = 1;
        return ints_of_constant(n, n->inputs[input], out);
    }
    const int64_t *items = kerf_node_ints(n, key, &out->num);
    if (out->num > KERF_MAX_RANK)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "%s has %zu numbers, must have up to %d", key,
                               out->num, KERF_MAX_RANK);
    out->given = items != NULL;
    for (size_t i = 0; items != NULL && i < out->num; i++)
        out->items[i] = items[i];
    return KERF_OK;
}

kerf_status kerf__node_axis(const kerf_node *n, int64_t axis, int rank, int *out)
{
    if (axis < -rank || axis >= rank)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "axis is %lld, must be in [%d, %d]",
                               (long long)axis, -rank, rank - 1);
    *out = (int)(axis < 0 ? axis + rank : axis);
    return KERF_OK;
}

kerf_status kerf__node_axes(const kerf_node *n, const char *key, int input, int rank,
                            unsigned *bits)
{
    kerf__ints axes;
    KERF__TRY(kerf__node_get_ints(n, key, input, &axes));
    *bits = axes.num == 0 ? (1u << rank) - 1u : 0u;
    for (size_t i = 0; i < axes.num; i++) {
        int axis = 0;
        KERF__TRY(kerf__node_axis(n, axes.items[i], rank, &axis));
        *bits |= 1u << axis;
    }
    return KERF_OK;
}

kerf_status kerf__node_check_type(const kerf_node *n, int input, kerf_type type)
{
    const kerf_value *v = n->inputs[input];
    if (v->type == type)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be %s", v->name,
                           kerf_type_name(v->type), kerf_type_name(type));
}

kerf_status kerf__node_check_bytes(const kerf_node *n, int input)
{
    const kerf_value *v = n->inputs[input];
    if (v->type == KERF_U8 || v->type == KERF_S8)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be uint8 or int8",
                           v->name, kerf_type_name(v->type));
}

kerf_status kerf__node_check_bounds(const kerf_node *n, kerf_type type)
{
    const int64_t least = type == KERF_S8 ? INT8_MIN : 0, most = least + UINT8_MAX;
    const int64_t low = kerf_node_int(n, "low", least), high = kerf_node_int(n, "high", most);
    if (least <= low && low <= high && high <= most)
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n, "low and high are %lld and %lld, must be in [%d, %d]",
                           (long long)low, (long long)high, (int)least, (int)most);
}

kerf_status kerf__node_check_shape(const kerf_node *n, int input, kerf_shape shape)
{
    char is[128], must[128];
    const kerf_value *v = n->inputs[input];
    if (kerf_shape_equal(v->shape, shape))
        return KERF_OK;
    return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s is %s, must be %s", v->name,
                           kerf_shape_text(v->shape, is, sizeof is),
                           kerf_shape_text(shape, must, sizeof must));
}

kerf_status kerf__node_broadcast(const kerf_node *n, kerf_shape a, kerf_shape b, kerf_shape *out)
{
    char text_a[128], text_b[128];
    kerf_shape dst = {a.rank > b.rank ? a.rank : b.rank, {0}};
    for (int i = 0; i < dst.rank; i++) {
        int ia = i - (dst.rank - a.rank), ib = i - (dst.rank - b.rank);
        int64_t da = ia < 0 ? 1 : a.dims[ia], db = ib < 0 ? 1 : b.dims[ib];
        if (da != db && da != 1 && db != 1)
            return kerf__fail_node(KERF_ERR_SHAPE, n, "shapes %s and %s do not broadcast",
                                   kerf_shape_text(a, text_a, sizeof text_a),
                                   kerf_shape_text(b, text_b, sizeof text_b));
        dst.dims[i] = da == 1 ? db : da;
    }
    *out = dst;
    return KERF_OK;
}

int kerf__is_cpu(const kerf__op_case *c)
{
    return kerf_device_get_info(c->dev)->type == KERF_DEVICE_CPU;
}

static int counts_in_31_bits(kerf_value *const *values, int num)
{
    for (int i = 0; i < num; i++)
        if (values[i] != NULL && kerf__value_elements(values[i]) >= (int64_t)1 << 31)
            return 0;
    return 1;
}

int kerf__fits_31_bits(const kerf__op_case *c)
{
    return counts_in_31_bits(c->node->inputs, c->node->num_inputs) &&
           counts_in_31_bits(c->node->outputs, c->node->num_outputs);
}

int kerf__loop_fits(const kerf__op_case *c, int turns)
{
    return turns <= KERF__MOST_ITERATIONS ||
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

size_t kerf__pieces_an_item(const kerf__op_case *c, size_t num, size_t iterations, size_t least)
{
    const size_t items = 8 * (size_t)kerf_device_get_info(c->dev)->compute_units;
    const size_t most = KERF__MOST_ITERATIONS / (iterations + 1) + 1;
    size_t pieces = kerf__ceil_div(num, items);
    if (pieces < least)
        pieces = least;
    if (pieces > most)
        pieces = most;
    return pieces > 1 ? pieces : 1;
}

kerf__grid kerf__grid_flat(const kerf__op_case *c, size_t num, unsigned *chunk)
{
    if (!kerf__is_wide(c)) {
        *chunk = 4;
        return kerf__grid_items(kerf__ceil_div(num, 4));
    }
    *chunk = 16 * (unsigned)kerf__pieces_an_item(c, kerf__ceil_div(num, 16), 1, 256);
    return kerf__grid_wide(kerf__ceil_div(num, *chunk), 1, 1);
}
