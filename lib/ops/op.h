/* ops/op.h -- what an operation is made of: one static table entry, kerf__op.
 *
 * shape rule (infer), gradient rule (adds nodes to a graph), and variants: ways to compute
 * it, each with what it needs (fits), parameters to choose from (candidates) and the
 * launches it makes (build).  All variants compute the same definition, which stands in
 * tests/ref/ref_NAME.c.  ops.c holds the list of all; gradient_common.c what gradient rules
 * call, shape_common.h what shape rules call.
 *
 * The plan owns the buffers and asks in this order: infer, fits, guess, scratch_bytes,
 * build. */
#ifndef KERF_OPS_OP_H
#define KERF_OPS_OP_H

#include "device/launch.h"
#include "graph/graph_internal.h"
#include "tensor/tensor_internal.h"

/* ---- a node with bound shapes on a device ------------------------------------------- */

typedef struct kerf__steps kerf__steps; /* a growing list of launches: steps_common.h */
typedef struct kerf__variant kerf__variant;

/* Numbers that a variant may be built with. */
typedef struct kerf__candidate {
    const char *name;    /* "8x2"; variant and candidate make a choice: "gemm_wide/8x2" */
    const char *options; /* -D options for the kernels */
    int parameters[6];   /* the same numbers for the host side */
} kerf__candidate;

/* One way to compute a case. */
typedef struct kerf__option {
    const kerf__variant *variant;
    const kerf__candidate *candidate; /* a nameless one where the variant has no table of them */
} kerf__option;

typedef struct kerf__op_case {
    kerf_device *dev;
    const kerf_node *node;
    kerf__option option; /* guess, scratch_bytes and build read it; fits must not */
    /* Filled in before build only; entry NULL where the node leaves an input out. */
    kerf_tensor *const *inputs, *const *outputs;
    kerf__buffer *scratch; /* of scratch_bytes, or NULL */
    kerf__steps *steps;    /* where build puts its launches */
    size_t pieces;         /* that each launch is queued in (launch.h); 0: whole */
} kerf__op_case;

/* Appends a launch to the case's steps: the one call by which operations reach the device. */
kerf_status kerf__emit(const kerf__op_case *c, const kerf__source *source, const char *entry,
                       const char *options, const kerf__arg *args, int num_args, kerf__grid grid);
kerf_status kerf__emit_launch(const kerf__op_case *c, kerf__launch *launch /* taken */);

/* Buffers for argument lists. */
static inline kerf__buffer *kerf__in(const kerf__op_case *c, int i)
{
    return c->inputs[i]->buffer;
}
static inline kerf__buffer *kerf__out(const kerf__op_case *c, int i)
{
    return c->outputs[i]->buffer;
}

/* ---- variants -------------------------------------------------------------------------- */

struct kerf__variant {
    const char *name; /* op_method: "gemm_wide" */
    int wide;         /* for CPU devices alone: one work-item a group, explicit vectors */
    int halves;       /* 1 if it can compute what is stored as float16, too (halves.c) */
    /* 1 if it can compute this case on this device. */
    int (*fits)(const kerf__op_case *c);
    /* Expected relative cost, lower is better, without any measurement.  NULL: its place in
     * the table. */
    double (*guess)(const kerf__op_case *c);
    /* NULL: none. */
    size_t (*scratch_bytes)(const kerf__op_case *c);
    kerf_status (*build)(const kerf__op_case *c);
    const kerf__candidate *candidates; /* NULL: a nameless one */
    int num_candidates;
    /* 1 if it can compute a case that fits with this candidate, as it can with one at least.
     * NULL: with all. */
    int (*takes)(const kerf__op_case *c, const kerf__candidate *candidate);
    int foreign;         /* may wait, allocate or compile when run */
    double error_factor; /* of its results over a plain sum's; 0 is taken as 1 */
};

/* The two rows of a variant that is written once for both styles. */
#define KERF__BOTH_STYLES(method, ...)                                                             \
    {.name = method "_wide", .wide = 1, __VA_ARGS__},                                              \
    {                                                                                              \
        .name = method "_simt", __VA_ARGS__                                                        \
    }

/* The next option of a node on this device, in the order of the table; 0 behind the last.  A place
 * begins as {0}. */
typedef struct kerf__option_place {
    int variant, candidate;
} kerf__option_place;
int kerf__option_next(const kerf__op_case *c, kerf__option_place *at, kerf__option *out);
/* Option i; 0 behind the last. */
int kerf__option_at(const kerf__op_case *c, int i, kerf__option *out);
/* "gemm_wide/8x2" into fresh memory, NULL without memory. */
char *kerf__option_name(kerf__option option);
/* 1 if that is the option's name. */
int kerf__option_is_named(kerf__option option, const char *name);
/* Bytes of scratch that the case needs as its option computes it. */
size_t kerf__case_scratch(const kerf__op_case *c);
/* 1 if the case is computed in the wide style. */
static inline int kerf__is_wide(const kerf__op_case *c)
{
    return c->option.variant->wide;
}

/* ---- gradients ------------------------------------------------------------------------- */

typedef struct kerf__gradients {
    kerf_graph *graph;
    kerf_value **diffs; /* owned; by index of the value it is the gradient of */
    char *wanted;       /* owned; 1 where a gradient leads to something trained */
    size_t num;
} kerf__gradients;

/* 1 if the gradient of v is needed (v NULL: no). */
int kerf__gradient_wanted(const kerf__gradients *grads, const kerf_value *v);
/* The gradient that has arrived at v so far, or NULL for none (zero). */
kerf_value *kerf__gradient_of(const kerf__gradients *grads, const kerf_value *v);
/* Adds diff to the gradient of v (by an Add node from the second on). */
kerf_status kerf__gradient_add(kerf__gradients *grads, kerf_value *v, kerf_value *diff);
/* A node with one output, shapes inferred at once, named after `like` and `suffix`.  One
 * that needs attributes: gradient_add_node, set them, node_infer. */
kerf_status kerf__gradient_node(kerf__gradients *grads, const char *op, const kerf_node *like,
                                const char *suffix, kerf_value *const *inputs, int num_inputs,
                                kerf_node **out);
kerf_status kerf__gradient_add_node(kerf__gradients *grads, const char *op, const kerf_node *like,
                                    const char *suffix, kerf_value *const *inputs, int num_inputs,
                                    kerf_node **out);
/* v under another shape: a Reshape, or v itself if it has that shape. */
kerf_status kerf__gradient_reshape(kerf__gradients *grads, const kerf_node *like, kerf_value *v,
                                   kerf_shape shape, kerf_value **out);
/* Reduces diff to the shape of v where v was broadcast, then adds it to v. */
kerf_status kerf__gradient_add_broadcast(kerf__gradients *grads, kerf_value *v, kerf_value *diff);

/* ---- layouts (layout_common.h says what each is) ------------------------------------------ */

typedef enum kerf__layout {
    KERF__PLAIN,
    KERF__C16,
    KERF__O16,
    KERF__I16,
    KERF__W16,
    KERF__V16,
    KERF__K4,
    KERF__N4,
    KERF__NUM_LAYOUTS
} kerf__layout;

enum { KERF__MOST_LAID = 32 }; /* operands behind these are plain */
typedef struct kerf__layouts {
    kerf__layout inputs[KERF__MOST_LAID], outputs[KERF__MOST_LAID];
} kerf__layouts;

/* How much an operation cares: it stays plain, takes blocked values where they come from
 * blocked nodes anyway, or is so much faster that its operands are brought into blocks. */
typedef enum kerf__wish { KERF__STAYS, KERF__FOLLOWS, KERF__SEEKS } kerf__wish;

/* ---- the operation --------------------------------------------------------------------- */

typedef struct kerf__op {
    const char *op;                          /* "Gemm", "kerf.Mask" */
    int min_inputs, max_inputs, num_outputs; /* max -1: any number; outputs -1: variable */
    /* Sets types and shapes of the outputs from the inputs, all bound; says what is wrong
     * with the node by name. */
    kerf_status (*infer)(kerf_node *n);
    /* NULL: no gradient passes (an integer, a comparison). */
    kerf_status (*gradient)(kerf__gradients *grads, kerf_node *n);
    double (*macs)(const kerf_node *n);  /* NULL: none */
    double (*bytes)(const kerf_node *n); /* NULL: all inputs and outputs once */
    /* The layouts of all operands (plain before the call) if the node, plain so far and with
     * bound shapes, were computed in blocks on this CPU device.  NULL: stays plain. */
    kerf__wish (*layouts)(const kerf_node *n, kerf__layouts *out);
    const kerf__variant *variants; /* NULL: no work, output is input 0 in another shape */
    int num_variants;
    /* Writes what input i holds in a trial of the node that nothing comes before (`kerf tune`),
     * where random floats and zeros will not do.  NULL: they do. */
    void (*fill_trial)(const kerf_node *n, int input, void *bytes);
    /* Bit i: output 0 may lie on the bytes of input i if that dies here.  An output that is
     * the next value of a state always lies on that state's tensor, so kernels of update
     * nodes read an element before they write it. */
    unsigned in_place;
    /* Bit i: input i may be stored as float16 if output 0 is; all such inputs are then (halves.c).
     * 0: all is as the shape rule says. */
    unsigned halves;
} kerf__op;

/* The table entry of an operation, or NULL. */
const kerf__op *kerf__op_find(const char *op);
/* All of them, for docs and tests; NULL behind the end. */
const kerf__op *kerf__op_at(int i);

/* Finds the node's entry, checks its inputs' number and that their shapes are known, and
 * calls its shape rule. */
kerf_status kerf__node_infer(kerf_node *n);

/* 1 if the node reads and writes halves where floats are meant; input i is such an operand; bytes
 * of one of its stored numbers. */
int kerf__stores_halves(const kerf_node *n);
int kerf__is_half_input(const kerf_node *n, int i);
size_t kerf__stored_bytes(const kerf_node *n);
/* The input must be float32, or may be a half where the node stores those; says so by name. */
kerf_status kerf__node_check_stored(const kerf_node *n, int i);

/* Messages that name the node: kerf__fail_node(KERF_ERR_SHAPE, n, "weights have ...")
 * gives "Gemm fc1: weights have ...". */
kerf_status kerf__fail_node(kerf_status status, const kerf_node *n, const char *format, ...);
#ifdef __clang_analyzer__ /* as in base/fail.h */
#define kerf__fail_node(status, ...) ((void)kerf__fail_node(status, __VA_ARGS__), (status))
#endif

/* ---- the step buffer: what changes from step to step (value "kerf.step", float[16]) ------ */

enum {
    KERF__STEP_LR = 0,
    KERF__STEP_BIAS1 = 1,   /* 1 / (1 - beta1^t) */
    KERF__STEP_BIAS2 = 2,   /* 1 / (1 - beta2^t) */
    KERF__STEP_NUMBER = 3,  /* t, or of the micro-batch, for what is drawn; exact up to 2^24 */
    KERF__STEP_OBSERVE = 4, /* what a batch counts in trained ranges; 0: they are frozen */
    KERF__STEP_SHRINK = 5,  /* how far weights are drawn to 0 behind an update (plan/shrink.c) */
    KERF__STEP_SHARE = 6,   /* what the loss of this batch counts in summed gradients */
    KERF__STEP_SKIP = 7,    /* 1: updates change nothing (plan/loss_scale.c) */
    KERF__STEP_FLOATS = 16
};

#endif
