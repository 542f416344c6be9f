/* compress/quantize/quantize_internal.h -- shared by the files of this room.
 *
 * Words.  layer: a node that multiplies by a weight that is known, in a form that integer kernels
 * take.  site: an activation that is rounded.  Sites share a range where one is only handed on
 * as the other; they are a class then, and the first of them stands for all.
 *
 *   quantize_graph.c        options, and what each mode calls
 *   quantize_fold.c         batch normalisation into convolutions
 *   equalize.c              ranges of neighbouring layers, evened out
 *   learn.c, learn_layer.c  which weights go up and which down: learn_internal.h
 *   quantize_layers.c       finds layers, and which of them patterns choose
 *   quantize_sites.c        finds sites and classes
 *   quantize_numbers.c      from a range to scale and zero point; weights to integers
 *   quantize_edit.c         pieces of rewriting that modes share
 *   quantize_static.c, quantize_dynamic.c, quantize_weight_only.c   the rewrites
 *   quantize_half.c         weights as float16
 *   quantize_train.c        the network as it is trained with its roundings
 *   trained_ranges.c        ranges that follow what is seen there
 *   calibrate.c and more    watch sites while the network runs: calibrate_internal.h
 *   analyse.c               what rounding does to each layer
 *   bits_find.c and more    a type for each layer, found: bits_internal.h
 *   ranges.c                what it saw, and the file of it
 *   export.c and more       rewrites for other programs: export_internal.h */
#ifndef KERF_QUANTIZE_INTERNAL_H
#define KERF_QUANTIZE_INTERNAL_H

#include "graph/graph_internal.h"
#include "kerf/quantize.h"

/* ---- layers ---------------------------------------------------------------------------- */

typedef struct kerf__quantize_layer {
    kerf_node *node;           /* borrowed from the graph, as all here */
    kerf_value *weight, *bias; /* state or constant, seen through masks; bias may be NULL */
    int axis;                  /* of the weight: its output channels */
    int64_t channels, terms;   /* of a sum */
    kerf_type weights;         /* chosen for it, as both */
    kerf_quantize_mode mode;
} kerf__quantize_layer;

typedef struct kerf__quantize_layers {
    kerf__quantize_layer *at; /* owned */
    size_t num, capacity;
} kerf__quantize_layers;

kerf_status kerf__quantize_check_options(const kerf_quantize_options *options);
/* Those that the options choose, in the graph's order.  None, a pattern that fits none, or sums
 * that int32 may not hold are errors. */
kerf_status kerf__quantize_find(kerf__quantize_layers *out, const kerf_graph *g,
                                const kerf_quantize_options *options);
/* The same, whatever the choices by layer are: ranges that are found do not depend on them. */
kerf_status kerf__quantize_find_any(kerf__quantize_layers *out, const kerf_graph *g,
                                    const kerf_quantize_options *options);
void kerf__quantize_layers_free(kerf__quantize_layers *layers);

int kerf__layer_is_conv(const kerf__quantize_layer *l);
int kerf__layer_has_bias(const kerf__quantize_layer *l); /* or could be given one */
/* Channels, or columns, of what it takes. */
size_t kerf__layer_num_inputs(const kerf__quantize_layer *l);
/* Of weight i: which output channel it is of, and which input it multiplies. */
size_t kerf__layer_made(const kerf__quantize_layer *l, size_t i);
size_t kerf__layer_taken(const kerf__quantize_layer *l, size_t i);

/* ---- sites ----------------------------------------------------------------------------- */

typedef struct kerf__sites {
    int *parent;    /* owned; by index of the value: up to the class's first, -1: no site */
    char *is_first; /* owned; 1: its numbers are made here, not only handed on */
    size_t num;     /* of values when it was made */
} kerf__sites;

kerf_status kerf__sites_find(kerf__sites *out, const kerf_graph *g,
                             const kerf__quantize_layers *layers);
void kerf__sites_free(kerf__sites *sites);
/* The value that stands for v's class, by index; -1: v is no site. */
int kerf__sites_class(const kerf__sites *sites, const kerf_value *v);
/* 1 if calibration has to watch it. */
int kerf__sites_observed(const kerf__sites *sites, const kerf_value *v);

int kerf__is_sample(const kerf_value *v);     /* the network's input, whose range is not learned */
int kerf__is_activation(const kerf_value *v); /* and no weight; NULL: 0 */
/* What a layer gives, behind its activation function. */
const kerf_value *kerf__layer_end(const kerf_node *n);
/* The value that v only hands on; NULL: it is made here. */
const kerf_value *kerf__sites_source(const kerf_value *v);

/* ---- ranges ---------------------------------------------------------------------------- */

kerf_status kerf__ranges_create(kerf_ranges **out);
kerf_status kerf__ranges_add(kerf_ranges *r, const char *name, double low, double high);
const kerf_range *kerf__ranges_find(const kerf_ranges *r, const char *name); /* or NULL */
/* Of each channel of what a layer takes; means are taken over. */
kerf_status kerf__ranges_add_means(kerf_ranges *r, const char *name, double *means, size_t num);
/* NULL: there are none, or not so many. */
const double *kerf__ranges_find_means(const kerf_ranges *r, const char *name, size_t num);
/* The ends of a layer's weights that were learned, one or one a channel; values are taken over.
 * NULL (of no ranges, too): weights end where the largest does. */
kerf_status kerf__ranges_add_weights(kerf_ranges *r, const char *name, double *values, size_t num);
const double *kerf__ranges_find_weights(const kerf_ranges *r, const char *name, size_t num);

/* With the means of another. */
kerf_status kerf__ranges_copy_means(kerf_ranges *r, const kerf_ranges *src);

/* ---- trained ranges ---------------------------------------------------------------------- */

/* Of a class, while its sites are rounded: zeroed, then bound by each site that is observed, begin,
 * a watch of each, end. */
typedef struct kerf__trained {
    int is_positive;          /* no site has numbers below 0 */
    int is_learned;           /* by gradients, and not by what is seen */
    float most;               /* nor above this */
    kerf_value *scale, *zero; /* borrowed from the graph, as all here */
    kerf_value *ends[2], *seen;
} kerf__trained;
void kerf__trained_bound(kerf__trained *t, const kerf_value *v);
kerf_status kerf__trained_begin(kerf__trained *t, kerf_graph *g, kerf_state *s, const char *name,
                                double low, double high, kerf_type type);
/* v, which `quantize` rounds: it is looked at, or its gradient is asked for. */
kerf_status kerf__trained_watch(kerf__trained *t, kerf_value *v, kerf_node *quantize);
kerf_status kerf__trained_end(const kerf__trained *t);
/* The ends of a layer's weights, of this shape (one, or one a channel), as a state of g. */
kerf_status kerf__trained_weights(kerf_graph *g, kerf_state *s, const kerf__quantize_layer *l,
                                  kerf_shape shape, kerf_value **out);

/* ---- numbers --------------------------------------------------------------------------- */

/* Scale and zero point for a range, which is made to hold 0.  Symmetric: zero point 0, integers
 * in [-max, max].  The scale is `least` at least; a range of 0 alone has scale 1. */
kerf_quant kerf__quant_of_range(double low, double high, kerf_type type, int symmetric,
                                double least);

/* Below that the product of two scales would not be a normal float. */
#define KERF__LEAST_SCALE 0x1p-60

/* The largest integer of weights without zero points; the smallest is as far from 0. */
int kerf__quant_most(kerf_type type);

/* Weights as integers, with their scales and zero points; host tensors, owned.  Readers fuse 8 bits
 * only where zero points are told, even if they are 0; those of int32 are 0 and left out. */
typedef struct kerf__rounded {
    kerf_tensor *integers, *scales, *zeros;
} kerf__rounded;

/* How to round: a scale for all (axis -1), one an element of axis, or one a block of `block`
 * along it.  least: none below, an entry a scale, or NULL.  targets: what is rounded in the place
 * of the weights, by the scales that these have, or NULL.  ends: what scales have in the place of
 * the largest |weight|, or NULL; what lies beyond saturates, and all of the type's integers are
 * taken. */
typedef struct kerf__rounding {
    kerf_type type;
    int symmetric, axis;
    int64_t block;
    const double *least, *ends;
    const float *targets;
} kerf__rounding;
kerf_status kerf__round_weights(kerf__rounded *out, const float *weights, kerf_shape shape,
                                const kerf__rounding *how);
void kerf__rounded_free(kerf__rounded *r);
/* Element i of a tensor of 2 to 16 bits that was zeroed. */
void kerf__put_integer(kerf_tensor *t, size_t i, int x);
/* What weight i stands for. */
double kerf__rounded_number(const kerf__rounded *r, const kerf__rounding *how, size_t i);
/* What each weight becomes when it is rounded down, and how much more when up: 0 for one that is an
 * integer or beyond the last. */
void kerf__rounded_choices(const kerf__rounded *r, const kerf__rounding *how, const float *weights,
                           float *down, float *step);

/* ---- rewriting ------------------------------------------------------------------------- */

/* The state behind v, seen through a mask, that nobody else reads; NULL if there is none. */
kerf_value *kerf__quantize_own_state(kerf_value *v);

/* Reads a float32 state or constant into fresh memory; NaN and infinities are an error. */
kerf_status kerf__quantize_read(const kerf_state *s, const kerf_value *v, float **out);

/* A layer's weights as integers, each where options->learned has it or the nearest; as they lie,
 * by kerf__layer_rounding(), or of a Gemm or MatMul as (terms, channels), whichever way they lie.
 */
kerf_status kerf__layer_round(kerf__rounded *out, const kerf_state *s,
                              const kerf_quantize_options *options, const kerf__quantize_layer *l,
                              kerf__rounding how);
kerf_status kerf__layer_round_matrix(kerf__rounded *out, const kerf_state *s,
                                     const kerf_quantize_options *options,
                                     const kerf__quantize_layer *l, kerf__rounding how);
/* How the options round a layer's weights, in the order in which they lie. */
kerf__rounding kerf__layer_rounding(const kerf_quantize_options *options,
                                    const kerf__quantize_layer *l);

/* "BASE_SUFFIX" as a constant's name, with a number behind it where that is taken; t is taken over.
 */
kerf_status kerf__add_constant(kerf_graph *g, const char *base, const char *suffix, kerf_tensor *t,
                               kerf_value **out);
/* A node and its one output "BASE_SUFFIX" of that type and shape. */
kerf_status kerf__add_node(kerf_graph *g, const char *op, const char *base, const char *suffix,
                           kerf_value *const *inputs, int num_inputs, kerf_type type,
                           kerf_shape shape, kerf_node **out);
/* The rounded weights as constants named after `base`, through a DequantizeLinear. */
kerf_status kerf__add_dequantized(kerf_graph *g, const char *base, kerf__rounded *r /* emptied */,
                                  int axis, int64_t block, kerf_value **out);
/* The layer's result is `product` from here on, with the layer's bias, if it has one, added. */
kerf_status kerf__finish_matmul(kerf_graph *g, const kerf__quantize_layer *l, kerf_value *product);

/* quantize_half.c: the layer multiplies by float16, through a Cast; and the float16 next to x. */
kerf_status kerf__quantize_half(kerf_graph *g, const kerf_state *s, const kerf__quantize_layer *l);
double kerf__half_number(float x);

/* quantize_static.c and so on; of the layers that were chosen, each takes those of its mode. */
kerf_status kerf__quantize_static(kerf_graph *g, const kerf_state *s,
                                  const kerf_quantize_options *options,
                                  const kerf__quantize_layers *layers);
/* Activations alone, as static does it; by ranges in `trained` that follow what is seen, unless
 * that is NULL. */
kerf_status kerf__quantize_activations(kerf_graph *g, kerf_state *trained,
                                       const kerf_quantize_options *options,
                                       const kerf__quantize_layers *layers);
kerf_status kerf__quantize_dynamic(kerf_graph *g, const kerf_state *s,
                                   const kerf_quantize_options *options,
                                   const kerf__quantize_layers *layers);
kerf_status kerf__quantize_weight_only(kerf_graph *g, const kerf_state *s,
                                       const kerf_quantize_options *options,
                                       const kerf__quantize_layers *layers);

#endif
