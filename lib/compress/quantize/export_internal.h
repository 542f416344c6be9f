/* compress/quantize/export_internal.h -- what the files of `kerf export` share.
 *
 * Words.  pair: QuantizeLinear and the DequantizeLinear behind it, which round an activation.
 * bound: a Relu or Clip.  A reader fuses a node with the pairs (or the stored weights) around it
 * when facts hold that its rules ask for.
 *
 *   export.c              a profile's rewrites, one after the other
 *   export_look.c         looking around
 *   export_facts.c        facts of a node
 *   export_rules.c        what readers ask for: the prediction
 *   export_moves.c        pairs behind what only moves numbers
 *   export_weights.c      Gemm to MatMul, and bounds behind products
 *   export_activations.c  types and zero points of activations
 *   export_biases.c       biases that follow them
 *   export_blocks.c       whole blocks, and 4 bits in the place of 2 */
#ifndef KERF_EXPORT_INTERNAL_H
#define KERF_EXPORT_INTERNAL_H

#include "compress/quantize/quantize_internal.h"

/* ---- facts ------------------------------------------------------------------------------ */

/* Name, and what is wrong where it does not hold. */
#define KERF__FACT_LIST(X)                                                                         \
    X(ROUNDED, "an input is a float: no QuantizeLinear and DequantizeLinear in front of it")       \
    X(BYTES, "its activations have 16 bits, must have 8")                                          \
    X(UNSIGNED, "its activations are int8, must be uint8")                                         \
    X(SIGNED, "its activations are uint8, must be int8")                                           \
    X(CENTRED, "its activations have a zero point other than 0")                                   \
    X(WEIGHTS, "its weights are floats, or computed")                                              \
    X(FLOAT_WEIGHTS, "its weights are computed")                                                   \
    X(WEIGHTS_8, "its weights have fewer than 8 bits: they are unpacked in each run")              \
    X(WEIGHTS_4, "its weights have 2 bits, must have 4 or 8")                                      \
    X(SIGNED_WEIGHTS, "its weights are uint8, must be int8")                                       \
    X(SYMMETRIC, "its weights have zero points other than 0")                                      \
    X(CHANNELS, "its weights have neither one scale for all nor one a channel of the result")      \
    X(TERMS, "its weights have neither one scale for all, nor one a channel, nor blocks of 4 "     \
             "terms or more: with one a term, the reader's sums are wrong")                        \
    X(ALPHA, "its alpha is not 1")                                                                 \
    X(BETA, "its beta is not 1")                                                                   \
    X(FLOAT_BIAS, "its bias is stored as integers, must be floats")                                \
    X(BIAS_SCALE, "its bias has another scale than its sums")                                      \
    X(BOUND, "the Relu or Clip behind it cuts where its integers do not end")                      \
    X(UNBOUND, "the Relu or Clip behind it is fused with it first")                                \
    X(AFTER, "its result stays a float: no QuantizeLinear behind it")                              \
    X(SAME, "it moves numbers, but their scale or zero point is another behind it")                \
    X(PACKED, "its scales do not lie along the sums' terms in blocks of 16, 32, 64, 128 or 256, "  \
              "nor along the channels")                                                            \
    X(WHOLE_BLOCKS, "the last block of its weights is not whole")                                  \
    X(SCALED, "no Cast and Mul by both scales behind it")                                          \
    X(KERNEL, "the reader has no kernel on integers for it")

enum {
#define X(name, text) KERF__PLACE_##name,
    KERF__FACT_LIST(X)
#undef X
        KERF__NUM_FACTS
};
typedef enum kerf__fact {
#define X(name, text) KERF__FACT_##name = 1 << KERF__PLACE_##name,
    KERF__FACT_LIST(X)
#undef X
} kerf__fact;

/* How a node meets integers. */
typedef enum kerf__form {
    KERF__FORM_NONE,    /* not at all, or it converts them */
    KERF__FORM_PAIRS,   /* an activation that it reads was rounded */
    KERF__FORM_BOTH,    /* the same, of a product of two activations */
    KERF__FORM_STORED,  /* only its weights are integers */
    KERF__FORM_INTEGERS /* it is an operator on integers */
} kerf__form;

kerf__form kerf__export_form(const kerf_node *n);
unsigned kerf__export_facts(const kerf_node *n); /* of kerf__fact */

/* ---- looking ------------------------------------------------------------------------------ */

int kerf__is_among(const char *op, const char *const *list, size_t num);
#define KERF__IS_AMONG(op, list) kerf__is_among(op, list, sizeof(list) / sizeof(list)[0])
int kerf__is_number(const kerf_value *v); /* a constant of one element */
/* The DequantizeLinear that makes v; NULL: none. */
kerf_node *kerf__dequantized_by(const kerf_value *v);
/* The same, of an activation or of stored integers. */
kerf_node *kerf__rounded_by(const kerf_value *v);
kerf_node *kerf__stored_by(const kerf_value *v);
/* 1 if v has readers, all QuantizeLinear, and is no output of the graph. */
int kerf__is_rounded_after(const kerf_value *v);
/* The bound that is the only reader of v and has readers itself; NULL. */
kerf_node *kerf__bound_behind(const kerf_value *v);
/* What a product gives in the end: behind the Add of a stored bias, if there is one. */
kerf_value *kerf__with_bias(const kerf_node *product);
/* 1 if the scale of a stored bias is that of the node's input times that of its stored weights. */
int kerf__has_scale_of_sums(const kerf_node *n, const kerf_node *bias, const kerf_node *weights);
/* 1 if n only moves what its input 0 holds, so integers keep their scale. */
int kerf__is_move(const kerf_node *n);

/* Scale and zero point of a QuantizeLinear or DequantizeLinear that has one for all.  Without a
 * zero point ONNX means uint8 and 0. */
typedef struct kerf__scaling {
    double scale;
    int64_t zero;
    kerf_type type;
} kerf__scaling;
int kerf__scaling_of(kerf__scaling *out,
                     const kerf_node *n); /* 0: it has several, or computes them */
int kerf__scaling_equal(kerf__scaling a, kerf__scaling b);
/* Ends of the integers of a type that activations have. */
int64_t kerf__lowest(kerf_type type);
int64_t kerf__highest(kerf_type type);

/* ---- rewriting ------------------------------------------------------------------------------ */

typedef struct kerf__exporting {
    kerf_graph *g;
    kerf_profile profile;
    kerf_export_change *changes; /* owned */
    size_t num, capacity;
} kerf__exporting;

kerf_status kerf__export_note(kerf__exporting *x, const char *name, const char *what);

/* Each looks through the graph and changes what the reader would leave in floats. */
kerf_status kerf__export_round_moves(kerf__exporting *x);
kerf_status kerf__export_split_gemm(kerf__exporting *x);
kerf_status kerf__export_unbind(kerf__exporting *x);
kerf_status kerf__export_activations(kerf__exporting *x);
kerf_status kerf__export_biases(kerf__exporting *x); /* behind activations */
kerf_status kerf__export_widen(kerf__exporting *x);
kerf_status kerf__export_pad(kerf__exporting *x);

#endif
