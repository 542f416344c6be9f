/* model.h -- models from and to files, and what their layers weigh.  Other halves: model.c
 * (files), layers.c (the layer table), weights.c (how they are stored). */
#ifndef HOST_MODEL_H
#define HOST_MODEL_H

#include <jansson.h>

#include "kerf/kerf.h"
#include "say.h"
#include "table.h"

typedef struct model {
    const char *path;   /* borrowed */
    kerf_graph *g;      /* owned */
    kerf_state *s;      /* owned */
    int64_t file_bytes; /* 0: unknown, as with standard input */
} model;

/* 0 or an exit code after a message.  dev NULL: host memory.  Free it in any case. */
int model_read(const options *o, model *m, const char *path, kerf_device *dev);
/* A file for one batch is opened for any, for commands with a batch of their own; a warning where
 * that cannot be. */
void model_open_batch(const options *o, model *m);
/* --precision, into the options of the plan that will be made: auto measures, once.  With f16
 * weights become float16 on the device, too, and what normalises them is folded in. */
kerf_status model_set_precision(const options *o, model *m, kerf_plan_options *plan_options);
void model_free(model *m);
/* Of the bytes of all entries of a role, NULL: of every one, in the order of their ids. */
kerf_status state_digest(const kerf_state *s, const kerf_role *role, uint64_t *digest);

/* Checks what --output names before long work begins: there, or not there without -f, and
 * of a kind that can be written.  0 or an exit code after a message. */
int output_check(const options *o, const char *path);
/* A command that must have -o, which rank 0 writes and so checks for all. */
int output_needed(const options *o);
int model_write(const options *o, const kerf_graph *g, const kerf_state *s, const char *path);

/* A node that multiplies by weights. */
typedef struct layer {
    char name[128], op[32];
    kerf_shape shape;
    int64_t weights, nonzeros, bytes;
    int bits, state_id;            /* -1: not in the state */
    const kerf_tensor *tensor;     /* borrowed; of the weights, which layers may share */
    double macs, nonzero_macs, ms; /* NAN: unknown */
} layer;

/* Commands that train keep the zeros of a layer with more than this share of them. */
#define KEPT_ZEROS 0.05

typedef struct layer_list {
    layer *items; /* owned */
    size_t num;
    int64_t weights, nonzeros, bytes;
    double macs, nonzero_macs;
    char why_no_macs[256]; /* what shape inference said, "" if it worked */
} layer_list;

/* Weights as they are stored: floats, integers with scales, or numbers of a codebook's entries. */
typedef struct stored_weights {
    const kerf_value *value;
    const kerf_tensor *tensor;         /* borrowed, as all; NULL: none are stored */
    const kerf_tensor *scales, *zeros; /* or NULL */
    int axis;
    int64_t block;               /* of scales; 0: one an element of axis */
    const kerf_tensor *codebook; /* or NULL */
    size_t blocks;               /* of weights, each with its part of the codebook */
} stored_weights;
/* Those behind a value, seen through masks, DequantizeLinear and Gather of a codebook. */
stored_weights weights_find(const kerf_graph *g, const kerf_state *s, const kerf_value *v);
/* Bits of one, and bytes of all with what belongs to them; of shared weights those that tell
 * entries apart, though ONNX's files have uint4 or uint8. */
int weights_bits(const stored_weights *w);
int64_t weights_bytes(const stored_weights *w);
/* 1 if node n takes weights from a codebook: no layer by itself. */
int weights_are_shared(const kerf_graph *g, const kerf_state *s, const kerf_node *n);
/* How many stand for a number other than 0; waits. */
kerf_status weights_nonzeros(const stored_weights *w, int64_t *nonzeros);
/* The numbers that they stand for, one an element; waits.  The caller frees *values, in any case.
 */
kerf_status weights_read(const stored_weights *w, float **values);

/* Every node's weights, in the graph's order, until one fails. */
typedef kerf_status (*layer_visit)(void *context, const kerf_node *n, const stored_weights *w);
kerf_status layers_visit(const kerf_graph *g, const kerf_state *s, layer_visit visit,
                         void *context);
/* The node's name, or its weights', if it has none. */
const char *layer_name(const kerf_node *n, const stored_weights *w);

/* Reads all weights of g; waits.  Free it in any case. */
kerf_status layers_read(layer_list *list, const kerf_graph *g, const kerf_state *s);
void layers_free(layer_list *list);
/* Fills in ms of one batch, on the state's device. */
kerf_status layers_measure(layer_list *list, const kerf_graph *g, kerf_state *s, int64_t batch);
double layers_compression(const layer_list *list); /* weights / non-zeros; NAN without any */

/* The table of info, and the one that every command that changes a model ends with. */
void layers_print(const layer_list *list, FILE *out);
void layers_print_change(const layer_list *before, const layer_list *after, FILE *out);
json_t *layers_json(const layer_list *list);
/* weights, nonzeros, compression, macs, nonzero_macs, bytes into object. */
void layers_json_totals(json_t *object, const layer_list *list);

#endif
