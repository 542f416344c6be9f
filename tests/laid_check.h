/* laid_check.h -- checks an operation in the memory layouts that it wishes (layout_common.h)
 * against the definition, which knows plain values alone.
 *
 *     op_check_variants(&c, reference, tolerance);
 *     laid_check(&c, reference, tolerance);        the same inputs in blocks, every variant
 *
 * Pad lanes of activations hold NaN, so a kernel that lets them into another lane is seen.
 * Returns 1 if the operation wished for anything, on a device where the plan lays values out: a
 * test can see that it did. */
#ifndef KERF_LAID_CHECK_H
#define KERF_LAID_CHECK_H

#include "device/quirks.h"
#include "op_check.h"
#include "ops/layout_common.h"
#include "ops/shape_common.h"
#include "ref/ref.h"

/* Where element i of a plain value lies. */
static inline size_t laid_place(kerf__layout layout, kerf_shape plain, size_t i)
{
    size_t pixels = 1;
    if (layout == KERF__PLAIN)
        return i;
    for (int k = 2; k < plain.rank; k++)
        pixels *= (size_t)plain.dims[k];
    const size_t num_a = (size_t)plain.dims[0], num_b = (size_t)plain.dims[1];
    const size_t p = i % pixels, b = i / pixels % num_b, a = i / pixels / num_b;
    switch (layout) {
    case KERF__C16:
        return ((a * ((num_b + 15) / 16) + b / 16) * pixels + p) * 16 + b % 16;
    case KERF__O16:
        return ((a / 16 * num_b + b) * pixels + p) * 16 + a % 16;
    case KERF__I16:
        return ((b / 16 * num_a + a) * pixels + p) * 16 + b % 16;
    case KERF__V16:
        return ((a / 16 * ((num_b + 3) / 4) + b / 4) * pixels + p) * 64 + a % 16 * 4 + b % 4;
    default:
        return i;
    }
}

/* A plain value laid out; `data` has what pad lanes hold. */
static inline void laid_fill(kerf__layout layout, kerf_shape plain, const float *src, float *data)
{
    const size_t num = (size_t)kerf_shape_num_elements(plain);
    const size_t inner = (size_t)plain.dims[1];
    if (layout != KERF__W16)
        for (size_t k = 0; k < num; k++)
            data[laid_place(layout, plain, k)] = src[k];
    for (size_t f = 0; f < num / 9 && layout == KERF__W16; f++) {
        double taps[9], positions[16];
        for (int k = 0; k < 9; k++)
            taps[k] = (double)src[f * 9 + (size_t)k];
        ref_winograd_filter(taps, positions);
        for (size_t p = 0; p < 16; p++)
            data[((f / inner / 16 * 16 + p) * inner + f % inner) * 16 + f / inner % 16] =
                (float)positions[p];
    }
}

/* Bytes: pad lanes of activations hold anything. */
static inline void laid_add_bytes(op_check *to, const op_check *from, int i, kerf__layout layout)
{
    const kerf_shape plain = from->inputs[i]->shape, laid = kerf__layout_shape(layout, plain);
    const size_t num = (size_t)kerf_shape_num_elements(laid);
    const uint8_t flip = layout == KERF__V16 && from->inputs[i]->type == KERF_U8 ? 0x80 : 0;
    uint8_t *data = calloc(num + 1, 1);
    memset(data, layout == KERF__C16 ? 0x5A : 0, num);
    for (size_t k = 0; k < (size_t)kerf_shape_num_elements(plain); k++)
        data[laid_place(layout, plain, k)] = ((const uint8_t *)from->data[i])[k] ^ flip;
    op_check_input(to, from->inputs[i]->type, laid, data);
    free(data);
}

/* Adds input `i` of `from` to `to`, laid out. */
static inline void laid_add_input(op_check *to, const op_check *from, int i, kerf__layout layout)
{
    if (layout == KERF__PLAIN) {
        op_check_repeat(to, from, i);
        return;
    }
    if (from->inputs[i]->type != KERF_F32) {
        laid_add_bytes(to, from, i, layout);
        return;
    }
    const kerf_shape plain = from->inputs[i]->shape, laid = kerf__layout_shape(layout, plain);
    const size_t num = (size_t)kerf_shape_num_elements(laid);
    float *data = malloc((num + 1) * sizeof *data);
    for (size_t k = 0; k < num; k++)
        data[k] = layout == KERF__C16 ? NAN : 0.0f;
    laid_fill(layout, plain, from->data[i], data);
    op_check_input(to, KERF_F32, laid, data);
    free(data);
}

/* Output k against `want`, which is plain. */
static inline void laid_compare(const op_check *c, kerf__option option, const kerf_tensor *output,
                                int k, kerf_shape plain, const double *want, double tolerance)
{
    const kerf_value *out = c->node->outputs[k];
    const size_t num = (size_t)kerf_shape_num_elements(plain);
    void *laid = calloc(op_check_elements(out) + 1, sizeof(float));
    float *got = calloc(num + 1, sizeof *got);
    char what[256];
    CHECK_OK(kerf_tensor_read(output, laid));
    for (size_t i = 0; i < num; i++)
        got[i] = (float)op_check_number(out->type, laid,
                                        laid_place(kerf__output_layout(c->node, k), plain, i));
    snprintf(what, sizeof what, "%s (%s), %s/%s, output %d", c->node->op,
             kerf_node_string(c->node, "layouts", ""), option.variant->name, option.candidate->name,
             k);
    check_close(what, got, want, num, tolerance);
    free(got);
    free(laid);
}

/* One variant with one candidate; `plain` is the node that wants. */
static inline void laid_run(op_check *c, kerf__option option, const kerf_node *plain,
                            double *const *want, double tolerance)
{
    kerf_tensor *inputs[OP_CHECK_MAX] = {0}, *outputs[OP_CHECK_MAX] = {0};
    for (int i = 0; i < c->num_inputs; i++)
        if (c->inputs[i] != NULL) {
            CHECK_OK(
                kerf_tensor_create(&inputs[i], c->dev, c->inputs[i]->type, c->inputs[i]->shape));
            CHECK_OK(kerf_tensor_write(inputs[i], c->data[i]));
        }
    for (int k = 0; k < c->node->num_outputs; k++)
        CHECK_OK(kerf_tensor_create(&outputs[k], c->dev, c->node->outputs[k]->type,
                                    c->node->outputs[k]->shape));
    CHECK_OK(naive_run_option((kerf__op_case){
        .dev = c->dev, .node = c->node, .option = option, .inputs = inputs, .outputs = outputs}));
    for (int k = 0; k < c->node->num_outputs; k++) {
        laid_compare(c, option, outputs[k], k, plain->outputs[k]->shape, want[k], tolerance);
        kerf_tensor_destroy(outputs[k]);
    }
    for (int i = 0; i < c->num_inputs; i++)
        kerf_tensor_destroy(inputs[i]);
}

static inline void laid_run_all(op_check *laid, const op_check *c, op_reference reference,
                                double tolerance)
{
    double *want[OP_CHECK_MAX] = {0};
    kerf__op_case asked = {.dev = c->dev, .node = laid->node};
    int tried = 0;
    for (int k = 0; k < c->node->num_outputs; k++)
        want[k] = calloc(op_check_elements(c->node->outputs[k]) + 1, sizeof **want);
    reference(c->node, (const double *const *)c->numbers, want);
    for (int i = 0; kerf__option_at(&asked, i, &asked.option); i++) {
        if (c->is_tried != NULL && !c->is_tried(&asked))
            continue;
        tried++;
        const double factor = asked.option.variant->error_factor;
        laid_run(laid, asked.option, c->node, want, tolerance * (factor > 0 ? factor : 1));
    }
    CHECK(tried > 0); /* who wishes for blocks can take them */
    for (int k = 0; k < c->node->num_outputs; k++)
        free(want[k]);
}

/* 1 on a device where the plan lays values out. */
static inline int laid_is_done_on(const op_check *c)
{
    const kerf__op_case asked = {.dev = c->dev, .node = c->node};
    return kerf__is_cpu(&asked) &&
           !kerf__has_quirk(kerf_device_get_info(c->dev), KERF__QUIRK_LONG_LOOPS);
}

/* `c` has its node, with shapes inferred; the same in these layouts, for op_check_end(). */
static inline void laid_begin(op_check *laid, const op_check *c, const kerf__layouts *layouts)
{
    op_check_begin(laid, c->dev);
    for (int i = 0; i < c->num_inputs; i++)
        if (c->inputs[i] == NULL)
            op_check_skip(laid);
        else
            laid_add_input(laid, c, i, layouts->inputs[i]);
    op_check_node(laid, c->node->op, c->node->num_outputs);
    CHECK_OK(kerf__node_note_channels(c->node, layouts));
    CHECK_OK(kerf__node_copy_attributes(laid->node, c->node));
    CHECK_OK(kerf__node_set_layouts(laid->node, layouts));
    CHECK_OK(kerf__node_infer(laid->node));
    for (int k = 0; k < c->node->num_outputs; k++)
        CHECK(
            kerf_shape_equal(laid->node->outputs[k]->shape,
                             kerf__layout_shape(layouts->outputs[k], c->node->outputs[k]->shape)));
}

/* Inputs are rounded to halves where they lie, which the definition does not see: so much by a term
 * at random, and a result's rounding. */
static inline double laid_half_tolerance(const op_check *c)
{
    const double terms = kerf__op_find(c->node->op)->macs != NULL
                             ? kerf__op_find(c->node->op)->macs(c->node) /
                                   fmax(1, (double)op_check_elements(c->node->outputs[0]))
                             : 1;
    return 4 * 0x1p-11 * sqrt(fmax(1, terms));
}

static inline void laid_check_as(const op_check *c, const kerf__layouts *layouts,
                                 op_reference reference, double tolerance)
{
    op_check laid;
    laid_begin(&laid, c, layouts);
    laid_run_all(&laid, c, reference, tolerance);
    if (kerf__op_find(c->node->op)->halves != 0 && c->node->outputs[0]->type == KERF_F32) {
        op_check_store_halves(&laid);
        const kerf__op_case asked = {.dev = c->dev, .node = laid.node};
        kerf__option option;
        if (kerf__option_at(&asked, 0, &option))
            laid_run_all(&laid, c, reference, tolerance + laid_half_tolerance(c));
    }
    op_check_end(&laid);
}

/* 1 if the node wishes for layouts that the device's plan gives it. */
static inline int laid_wish(const op_check *c, kerf__layouts *layouts)
{
    const kerf__op *op = kerf__op_find(c->node->op);
    *layouts = (kerf__layouts){0};
    return laid_is_done_on(c) && op->layouts != NULL &&
           op->layouts(c->node, layouts) != KERF__STAYS;
}

/* The same in those that the node wishes. */
static inline int laid_check(const op_check *c, op_reference reference, double tolerance)
{
    kerf__layouts layouts;
    if (!laid_wish(c, &layouts))
        return 0;
    laid_check_as(c, &layouts, reference, tolerance);
    return 1;
}

#endif
