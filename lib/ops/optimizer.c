/* ops/optimizer.c -- the update of a weight as a node.
 *
 *     kerf.SgdUpdate(weight, grad, moment or none, mask or none, step)
 *         -> next weight, next moment if there is one
 *         attributes momentum, nesterov, weight_decay
 *     kerf.AdamUpdate(weight, grad, m, v, mask or none, step) -> next weight, m, v
 *         attributes beta1, beta2, epsilon, weight_decay, decoupled (AdamW)
 *
 * Both may have two inputs more, starts and sources of a pattern (sparse_pattern.c): gradient and
 * moments are then those of its entries, as kerf.SparseMatMulGrad makes it, and what has no entry
 * stays.  There is no mask beside a pattern.
 *
 * The formulas are PyTorch's (torch.optim); see kerf_optimizer.  step is the step buffer of
 * ops/op.h.  What the mask prunes becomes and stays exactly 0, moments too.
 *
 * In a step that is skipped (step[KERF__STEP_SKIP] 1) all stays what it was, but for what the
 * mask prunes.
 *
 * Attribute bounded: the weight is the end of a range that is learned.  In a step it changes
 * by an eighth of itself at most, so it keeps its sign and stays finite; what is no number leaves
 * it; 0 stays 0; and while ranges are frozen (the step's share of a batch is 0) it stays, too.
 *
 * Device side: kernels/optimizer.cl.  Definition: tests/ref/ref_optimizer.c. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_optimizer;

/* What is particular to each: how many moments, their place, the last input. */
typedef struct layout {
    const char *op, *entry;
    int num_moments, mask, step; /* moments are inputs 2 ... */
} layout;

static const layout LAYOUTS[] = {
    {"kerf.SgdUpdate", "sgd", 1, 3, 4},
    {"kerf.AdamUpdate", "adam", 2, 4, 5},
};

static const layout *layout_of(const kerf_node *n)
{
    return &LAYOUTS[strcmp(n->op, LAYOUTS[1].op) == 0];
}

static int has(const kerf_node *n, int input)
{
    return n->inputs[input] != NULL;
}

/* Inputs behind the step. */
static int is_sparse(const kerf_node *n)
{
    return n->num_inputs == layout_of(n)->step + 3;
}

static kerf_value *starts_of(const kerf_node *n)
{
    return n->inputs[layout_of(n)->step + 1];
}

/* The gradient has the shape of the sources. */
static kerf_status check_pattern(const kerf_node *n)
{
    const layout *l = layout_of(n);
    for (int i = l->step + 1; i < n->num_inputs; i++)
        KERF__TRY(kerf__node_check_type(n, i, KERF_S32));
    if (has(n, l->mask))
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "has a mask beside a pattern, must have one of them");
    if (starts_of(n)->shape.rank != 1 || starts_of(n)->shape.dims[0] < 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s must be a list, of a pattern",
                               starts_of(n)->name);
    KERF__TRY(kerf__node_check_type(n, 1, KERF_F32));
    return kerf__node_check_shape(n, 1, n->inputs[l->step + 2]->shape);
}

static kerf_status check_like(const kerf_node *n, int input, int other, kerf_type type)
{
    KERF__TRY(kerf__node_check_type(n, input, type));
    return kerf__node_check_shape(n, input, n->inputs[other]->shape);
}

static kerf_status infer(kerf_node *n)
{
    const layout *l = layout_of(n);
    if ((n->num_inputs != l->step + 1 && !is_sparse(n)) || !has(n, 0) || !has(n, 1) ||
        !has(n, l->step))
        return kerf__fail_node(KERF_ERR_SHAPE, n, "must have %d inputs, the step last",
                               l->step + 1);
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(is_sparse(n) ? check_pattern(n) : check_like(n, 1, 0, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, l->step, KERF_SHAPE(KERF__STEP_FLOATS)));
    if (has(n, l->mask))
        KERF__TRY(check_like(n, l->mask, 0, KERF_BOOL));
    kerf__set_output(n, 0, KERF_F32, n->inputs[0]->shape);
    int num_outputs = 1;
    for (int i = 2; i < 2 + l->num_moments; i++) {
        if (!has(n, i))
            continue;
        KERF__TRY(check_like(n, i, 1, KERF_F32)); /* like the gradient */
        kerf__set_output(n, num_outputs++, KERF_F32, n->inputs[1]->shape);
    }
    if (n->num_outputs != num_outputs)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %d outputs, must have %d", n->num_outputs,
                               num_outputs);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* The attributes that are kernel arguments, in their order there. */
static int numbers_of(const kerf_node *n, kerf__arg *args)
{
    int num = 0;
    if (layout_of(n)->num_moments == 1) {
        args[num++] = ARG(kerf_node_float(n, "momentum", 0));
    } else {
        args[num++] = ARG(kerf_node_float(n, "beta1", 0.9f));
        args[num++] = ARG(kerf_node_float(n, "beta2", 0.999f));
        args[num++] = ARG(kerf_node_float(n, "epsilon", 1e-8f));
    }
    args[num++] = ARG(kerf_node_float(n, "weight_decay", 0));
    return num;
}

/* The input that output i is the next value of. */
static int was(int i)
{
    return i == 0 ? 0 : 1 + i;
}

/* Outputs that lie elsewhere begin as what they were (in plans none does). */
static kerf_status emit_keep(const kerf__op_case *c, const char *options)
{
    for (int i = 0; i < c->node->num_outputs; i++) {
        const size_t num = (size_t)kerf__value_elements(c->node->outputs[i]);
        unsigned chunk;
        const kerf__grid grid = kerf__grid_flat(c, num, &chunk);
        if (kerf__out(c, i) != kerf__in(c, was(i)))
            KERF__TRY(kerf__emit(c, &kerf__source_optimizer, "optimizer_keep", options,
                                 KERF__ARGS(ARG(kerf__in(c, was(i))), ARG(kerf__out(c, i)),
                                            ARG((unsigned)num), ARG(chunk)),
                                 grid));
    }
    return KERF_OK;
}

static kerf_status build(const kerf__op_case *c)
{
    const kerf_node *n = c->node;
    const layout *l = layout_of(n);
    const size_t num = (size_t)kerf__value_elements(n->inputs[1]);
    char options[112];
    kerf__arg args[24];
    int num_args = 0;
    unsigned chunk;
    const kerf__grid grid = kerf__grid_flat(c, num, &chunk);
    for (int i = 0; i < n->num_inputs; i++)
        if (has(n, i))
            args[num_args++] = ARG(kerf__in(c, i));
    for (int i = 0; i < n->num_outputs; i++)
        args[num_args++] = ARG(kerf__out(c, i));
    num_args += numbers_of(n, args + num_args);
    args[num_args++] = ARG((unsigned)num);
    args[num_args++] = ARG(chunk);
    if (is_sparse(n))
        args[num_args++] = ARG((unsigned)starts_of(n)->shape.dims[0] - 1);
    snprintf(
        options, sizeof options, "-DV=%d -DMASK=%d -DMOMENT=%d -DNESTEROV=%d -DDECOUPLED=%d%s%s",
        kerf__is_wide(c) ? 16 : 4, has(n, l->mask), has(n, 2), kerf_node_int(n, "nesterov", 0) != 0,
        kerf_node_int(n, "decoupled", 0) != 0, is_sparse(n) ? " -DSPARSE=1" : "",
        kerf_node_int(n, "bounded", 0) != 0 ? " -DBOUNDED=1" : "");
    if (is_sparse(n))
        KERF__TRY(emit_keep(c, options));
    return kerf__emit(c, &kerf__source_optimizer, l->entry, options, args, num_args, grid);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("optimizer", .fits = kerf__fits_31_bits, .build = build),
};

#define ENTRY(name, num, outputs)                                                                  \
    {                                                                                              \
        .op = (name), .min_inputs = 2, .max_inputs = (num), .num_outputs = (outputs),              \
        .infer = infer, .variants = VARIANTS, .num_variants = 2, .in_place = 1                     \
    }

extern const kerf__op kerf__ops_optimizer[];
const kerf__op kerf__ops_optimizer[] = {
    ENTRY("kerf.AdamUpdate", 8, 3),
    ENTRY("kerf.SgdUpdate", 7, 2),
    {.op = NULL},
};
