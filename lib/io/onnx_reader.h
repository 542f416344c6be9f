/* io/onnx_reader.h -- the reading of one ONNX model: between onnx_read.c (the model, its
 * versions and texts), onnx_values.c (initializers, inputs, outputs), onnx_nodes.c,
 * onnx_versions.c, onnx_blocks.c and onnx_inference.c. */
#ifndef KERF_IO_ONNX_READER_H
#define KERF_IO_ONNX_READER_H

#include "base/names.h"
#include "io/io_internal.h"

/* What reads an initializer; where several do, the highest counts.  LAYER: where nothing but a
 * weight can stand, so that a Constant node there is one too. */
typedef enum kerf__use {
    KERF__USE_CONSTANT,
    KERF__USE_STATISTIC,
    KERF__USE_WEIGHT,
    KERF__USE_LAYER,
    KERF__NUM_USES
} kerf__use;

typedef struct kerf__onnx_reader {
    kerf_graph *graph; /* owned until reading has succeeded; so is state */
    kerf_state *state;
    const Onnx__ModelProto *model; /* borrowed */
    const Onnx__GraphProto *proto; /* the model's graph */
    const kerf__outside *outside;  /* borrowed; NULL: there is no data but the model's own */
    int64_t opset;
    kerf__names initializers; /* name -> its TensorProto */
    kerf__names uses;         /* name that is read -> &levels[use] */
    kerf__use levels[KERF__NUM_USES];
    size_t num_renamed; /* values that were given a name */
} kerf__onnx_reader;

/* A name for something new: not empty, and not taken. */
kerf_status kerf__onnx_check_name(const kerf__onnx_reader *r, const char *name, const char *what);

/* onnx_values.c, in the order of calls: who reads what; weights and constants; inputs; and
 * behind the nodes outputs and what is said of values between. */
kerf_status kerf__onnx_find_uses(kerf__onnx_reader *r);
kerf_status kerf__onnx_add_initializers(kerf__onnx_reader *r);
kerf_status kerf__onnx_add_inputs(kerf__onnx_reader *r);
kerf_status kerf__onnx_add_outputs(kerf__onnx_reader *r);
kerf_status kerf__onnx_set_value_infos(kerf__onnx_reader *r);

/* onnx_nodes.c: all nodes with their outputs, connected. */
kerf_status kerf__onnx_add_nodes(kerf__onnx_reader *r);
/* onnx_versions.c: what the file's opset meant, said in KERF__OPSET's words; puts all nodes in
 * order. */
kerf_status kerf__onnx_bring(kerf__onnx_reader *r);
/* A node in front of another one, named after it. */
kerf_status kerf__onnx_add_before(kerf__onnx_reader *r, const kerf_node *n, const char *op,
                                  kerf_value *const *inputs, int num_inputs, kerf_node **out);
/* onnx_blocks.c: a com.microsoft.MatMulNBits. */
kerf_status kerf__onnx_bring_blocks(kerf__onnx_reader *r, kerf_node *n);
/* onnx_inference.c: forms for training are left, and values whose index is -1. */
kerf_status kerf__onnx_set_inference(kerf__onnx_reader *r);
/* onnx_codebooks.c: numbers of entries that there are. */
kerf_status kerf__onnx_check_codebooks(kerf__onnx_reader *r);
/* A Constant node's value: a constant, or what a layer is trained by.  The array is freed. */
kerf_status kerf__onnx_add_constant(kerf__onnx_reader *r, const char *name, kerf__array *array);

#endif
