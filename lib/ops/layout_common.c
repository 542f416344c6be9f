/* ops/layout_common.c -- see layout_common.h. */
#include "ops/layout_common.h"

#include <stdio.h>
#include <string.h>

static const char *const NAMES[KERF__NUM_LAYOUTS] = {
    [KERF__PLAIN] = "plain", [KERF__C16] = "c16", [KERF__O16] = "o16", [KERF__I16] = "i16",
    [KERF__W16] = "w16",     [KERF__V16] = "v16", [KERF__K4] = "k4",   [KERF__N4] = "n4",
};

/* ---- the attribute ------------------------------------------------------------------- */

/* Word i of a list that ends with `end`; plain behind its end. */
static kerf__layout word(const char *list, char end, int i)
{
    const char *stop = strchr(list, end);
    for (; i > 0 && list != NULL; i--) {
        list = strchr(list, ',');
        list = list != NULL && (stop == NULL || list < stop) ? list + 1 : NULL;
    }
    for (int l = 0; l < KERF__NUM_LAYOUTS && list != NULL; l++) {
        const size_t length = strlen(NAMES[l]);
        if (strncmp(list, NAMES[l], length) == 0 && strchr(",>", list[length]) != NULL)
            return (kerf__layout)l;
    }
    return KERF__PLAIN;
}

kerf__layout kerf__input_layout(const kerf_node *n, int i)
{
    return word(kerf_node_string(n, "layouts", ""), '>', i);
}

kerf__layout kerf__output_layout(const kerf_node *n, int k)
{
    const char *outputs = strchr(kerf_node_string(n, "layouts", ""), '>');
    return outputs != NULL ? word(outputs + 1, '\0', k) : KERF__PLAIN;
}

/* Appends the words of the first `num` operands, as far as any is not plain. */
static void append_words(char *text, size_t text_bytes, const kerf__layout *layouts, int num)
{
    int last = num < KERF__MOST_LAID ? num : KERF__MOST_LAID;
    while (last > 0 && layouts[last - 1] == KERF__PLAIN)
        last--;
    for (int i = 0; i < last; i++) {
        const size_t length = strlen(text);
        snprintf(text + length, text_bytes - length, "%s%s", i > 0 ? "," : "", NAMES[layouts[i]]);
    }
}

kerf_status kerf__node_set_layouts(kerf_node *n, const kerf__layouts *layouts)
{
    char text[2 * KERF__MOST_LAID * sizeof "plain"] = "";
    append_words(text, sizeof text, layouts->inputs, n->num_inputs);
    strcat(text, ">");
    append_words(text, sizeof text, layouts->outputs, n->num_outputs);
    return strcmp(text, ">") != 0 ? kerf_node_set_string(n, "layouts", text) : KERF_OK;
}

/* ---- shapes --------------------------------------------------------------------------- */

int kerf__layout_is_words(kerf__layout layout)
{
    return layout == KERF__K4 || layout == KERF__N4;
}

int kerf__layout_axis(kerf__layout layout)
{
    return layout == KERF__O16 || layout == KERF__W16 || layout == KERF__V16 || layout == KERF__N4
               ? 0
               : 1;
}

static kerf_shape transformed_shape(kerf_shape plain)
{
    if (plain.rank != 4 || plain.dims[2] != 3 || plain.dims[3] != 3)
        return (kerf_shape){.rank = -1};
    return KERF_SHAPE((plain.dims[0] + KERF__LANES - 1) / KERF__LANES, 4, 4, plain.dims[1],
                      KERF__LANES);
}

/* (O, I, kernel...) */
static kerf_shape words_shape(kerf_shape plain)
{
    if (plain.rank < 3 || plain.rank >= KERF_MAX_RANK)
        return (kerf_shape){.rank = -1};
    plain.dims[0] = (plain.dims[0] + KERF__LANES - 1) / KERF__LANES;
    plain.dims[1] = (plain.dims[1] + KERF__WORD - 1) / KERF__WORD;
    plain.dims[plain.rank++] = KERF__LANES * KERF__WORD;
    return plain;
}

static kerf_shape matrix_shape(kerf__layout layout, kerf_shape plain)
{
    const int axis = kerf__layout_axis(layout);
    if (plain.rank != 2)
        return (kerf_shape){.rank = -1};
    return KERF_SHAPE((plain.dims[axis] + KERF__LANES - 1) / KERF__LANES,
                      (plain.dims[1 - axis] + KERF__WORD - 1) / KERF__WORD + 1,
                      KERF__WORD * KERF__LANES);
}

kerf_shape kerf__layout_shape(kerf__layout layout, kerf_shape plain)
{
    const int axis = kerf__layout_axis(layout);
    if (layout == KERF__PLAIN)
        return plain;
    if (layout == KERF__W16)
        return transformed_shape(plain);
    if (layout == KERF__V16)
        return words_shape(plain);
    if (kerf__layout_is_words(layout))
        return matrix_shape(layout, plain);
    if (plain.rank <= axis || plain.rank >= KERF_MAX_RANK)
        return (kerf_shape){.rank = -1};
    plain.dims[axis] = (plain.dims[axis] + KERF__LANES - 1) / KERF__LANES;
    plain.dims[plain.rank++] = KERF__LANES;
    if (layout == KERF__I16) {
        const int64_t outer = plain.dims[0];
        plain.dims[0] = plain.dims[1];
        plain.dims[1] = outer;
    }
    return plain;
}

kerf_shape kerf__layout_plain_shape(kerf__layout layout, kerf_shape laid, int64_t channels)
{
    if (layout == KERF__PLAIN || laid.rank < 2)
        return laid;
    if (kerf__layout_is_words(layout)) /* which does not tell k */
        return (kerf_shape){.rank = -1};
    if (layout == KERF__W16)
        return laid.rank == 5 ? KERF_SHAPE(channels, laid.dims[3], 3, 3) : (kerf_shape){.rank = -1};
    if (layout == KERF__I16)
        laid.dims[0] = laid.dims[1];
    if (layout == KERF__V16)
        laid.dims[1] *= KERF__WORD;
    laid.dims[kerf__layout_axis(layout)] = channels;
    laid.dims[--laid.rank] = 0;
    return laid;
}

/* ---- what inputs were ------------------------------------------------------------------- */

kerf_status kerf__node_note_channels(kerf_node *n, const kerf__layouts *layouts)
{
    int64_t channels[KERF__MOST_LAID] = {0};
    const int num = n->num_inputs < KERF__MOST_LAID ? n->num_inputs : KERF__MOST_LAID;
    for (int i = 0; i < num; i++)
        if (n->inputs[i] != NULL && layouts->inputs[i] != KERF__PLAIN)
            channels[i] = n->inputs[i]->shape.dims[kerf__layout_axis(layouts->inputs[i])];
    return kerf_node_set_ints(n, "laid_channels", channels, (size_t)num);
}

kerf_shape kerf__input_plain_shape(const kerf_node *n, int i)
{
    const kerf_shape laid = n->inputs[i]->shape;
    const kerf__layout layout = kerf__input_layout(n, i);
    size_t num;
    const int64_t *noted = kerf_node_ints(n, "laid_channels", &num);
    if (layout == KERF__PLAIN || laid.rank < 2)
        return laid;
    const int cut = layout == KERF__C16 ? 1 : 0; /* where the blocks are counted */
    const int64_t all = laid.dims[cut] * KERF__LANES;
    const int64_t channels = noted != NULL && (size_t)i < num ? noted[i] : all;
    const kerf_shape plain = kerf__layout_plain_shape(layout, laid, channels);
    const int fits = channels > 0 && kerf_shape_equal(kerf__layout_shape(layout, plain), laid);
    return fits ? plain : (kerf_shape){.rank = -1};
}

/* ---- wishes --------------------------------------------------------------------------- */

/* 1 if src goes along dst in blocks, too: the same dimensions, or 1 beside the channels. */
static int goes_along(kerf_shape src, kerf_shape dst)
{
    int same = src.rank == dst.rank && src.dims[1] == dst.dims[1];
    for (int i = 0; i < dst.rank && same; i++)
        same = src.dims[i] == dst.dims[i] || (src.dims[i] == 1 && i != 1);
    return same;
}

kerf__wish kerf__wish_elementwise(const kerf_node *n, kerf__layouts *out)
{
    const kerf_value *dst = n->outputs[0];
    if (dst->shape.rank < 3 || kerf__layout_shape(KERF__C16, dst->shape).rank < 0 ||
        dst->type != KERF_F32 || n->num_inputs > KERF__MOST_LAID)
        return KERF__STAYS;
    for (int i = 0; i < n->num_inputs; i++) {
        const kerf_value *src = n->inputs[i];
        if (src == NULL || kerf_shape_num_elements(src->shape) == 1)
            continue;
        if (src->type != KERF_F32 || !goes_along(src->shape, dst->shape))
            return KERF__STAYS;
        out->inputs[i] = KERF__C16;
    }
    out->outputs[0] = KERF__C16;
    return KERF__FOLLOWS;
}

kerf__wish kerf__wish_any_order(const kerf_node *n, kerf__layouts *out)
{
    const kerf_shape src = n->inputs[0]->shape;
    if (src.rank < 2 || src.rank >= KERF_MAX_RANK || src.dims[1] % KERF__LANES != 0)
        return KERF__STAYS;
    out->inputs[0] = KERF__C16;
    return KERF__FOLLOWS;
}
