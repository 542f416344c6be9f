/* io/io_internal.h -- what the readers and writers of this room share.
 *
 * Words.  proto: a message of onnx.proto as protobuf-c unpacked it.  array: type, shape and
 * plain little-endian bytes, on their way between a proto and a tensor.  what: the thing a
 * message is about, "initializer 'fc1.weight'".
 *
 * Reading: proto.c (bytes -> protos), tensor_proto.c and external.c (protos -> arrays),
 * node_proto.c with attribute_table.c (attributes), onnx_read.c (the rest of ONNX),
 * onnx_outline.c (what a file needs), onnx_tensor.c (tensors alone), graph_parse.c
 * (checkpoints).  Writing: build.c (-> protos -> bytes), onnx_write.c,
 * graph_serialize.c. */
#ifndef KERF_IO_INTERNAL_H
#define KERF_IO_INTERNAL_H

#include "base/fail.h"
#include "graph/graph_internal.h"
#include "kerf/io.h"
#include "onnx.pb-c.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "ONNX is little-endian and is read without swapping; so must the host be"
#endif

enum {
    KERF__OPSET = 17,     /* the meaning graphs have, and what is written unless more is needed */
    KERF__OPSET_MAX = 25, /* operators may be newer: what they mean is told by their name */
    KERF__IR_MIN = 3,
    KERF__IR_MAX = 14,
    KERF__IR = 8,         /* what is written */
    KERF__GRAPH_FORM = 1, /* of graph_serialize.c */
    KERF__WHAT_BYTES = 192
};

/* Metadata that onnx_read.c keeps and onnx_write.c turns back: the graph's name, and the
 * version of each foreign operator set. */
#define KERF__KEY_GRAPH "kerf.graph"
#define KERF__KEY_OPSET "kerf.opset."

/* ---- bytes and protos -------------------------------------------------------------------- */

/* Checks nesting and lengths first, then unpacks with a bound on memory.  Freed with
 * kerf__proto_free. */
kerf_status kerf__proto_unpack(Onnx__ModelProto **out, const void *bytes, size_t num_bytes);
void kerf__proto_free(Onnx__ModelProto *model); /* NULL is allowed */
/* The same for a tensor that is a file of its own. */
kerf_status kerf__tensor_proto_unpack(Onnx__TensorProto **out, const void *bytes, size_t num_bytes);
void kerf__tensor_proto_free(Onnx__TensorProto *tensor); /* NULL is allowed */

/* Says once more what failed, the file before it.  Names in a message come from the file, so
 * no line break and no escape sequence is left in it. */
kerf_status kerf__fail_clean(kerf_status status, const char *path);

/* 1 for the two names of ONNX's own operators. */
int kerf__is_onnx_domain(const char *domain);

/* Text of a proto's field: NULL becomes "". */
static inline const char *kerf__text(const char *text)
{
    return text != NULL ? text : "";
}

/* ---- types and arrays -------------------------------------------------------------------- */

/* "float64": the name of any type that ONNX numbers, or NULL. */
const char *kerf__onnx_type_name(int number);
/* KERF_ERR_UNSUPPORTED, saying the type's name, where Kerf has none for the number. */
kerf_status kerf__onnx_type(kerf_type *out, int number, const char *what);

typedef struct kerf__array {
    kerf_type type;
    kerf_shape shape;
    const void *bytes; /* borrowed from the proto, or owned */
    size_t num_bytes;
    void *owned; /* NULL where bytes are borrowed */
} kerf__array;

/* Where tensors may have their data, but in the model itself. */
typedef struct kerf__outside {
    const char *folder;                      /* NULL: in no file */
    const struct kerf__packed_parts *packed; /* NULL: the model is not from a packed file */
} kerf__outside;

/* The data of a tensor, whichever of the fields holds it.  outside: NULL for nowhere else.  The
 * values are not looked at (kerf__array_check). */
kerf_status kerf__array_take(kerf__array *out, const Onnx__TensorProto *t,
                             const kerf__outside *outside, const char *what);
/* The same; floats that are NaN are refused. */
kerf_status kerf__array_read(kerf__array *out, const Onnx__TensorProto *t,
                             const kerf__outside *outside, const char *what);
/* The values alone: NaN and bools other than 0 and 1 are refused. */
kerf_status kerf__array_check(const kerf__array *a, const char *what);
void kerf__array_free(kerf__array *a);
kerf_status kerf__array_to_tensor(kerf_tensor **out, const kerf__array *a);

/* num_bytes from the file that the entries name, freed with free(). */
kerf_status kerf__external_read(void **out, Onnx__StringStringEntryProto *const *entries,
                                size_t num_entries, size_t num_bytes, const char *folder,
                                const char *what);

/* packed_part.c: the part of a packed file that the tensor names, decoded for the array's type and
 * shape. */
kerf_status kerf__packed_take(kerf__array *a, const Onnx__TensorProto *t,
                              const struct kerf__packed_parts *parts, const char *what);
/* packed_write.c's entries, and where those parts begin. */
#define KERF__PACKED_LOCATION "kerf"

/* Dimensions of a value; symbols are looked up in g.  Dimensions without a name become
 * symbols of their own if `fresh`, else the whole shape is taken as unknown (rank -1). */
kerf_status kerf__shape_read(kerf_shape *out, kerf_graph *g, const Onnx__TensorShapeProto *proto,
                             int fresh, const char *what);
/* Type and shape of a graph's input or output, or of a value between. */
kerf_status kerf__value_type_read(kerf_type *type, kerf_shape *shape, kerf_graph *g,
                                  const Onnx__ValueInfoProto *info, int fresh, const char *what);

/* ---- nodes ------------------------------------------------------------------------------- */

/* "node 'fc1' (Gemm)" into text of KERF__WHAT_BYTES; returns text. */
const char *kerf__node_what(const Onnx__NodeProto *p, char *text);
/* Every attribute has a name of its own and is no subgraph; those of ONNX's own operators are
 * what this opset knows, unless it is 0. */
kerf_status kerf__attributes_check(const Onnx__NodeProto *p, int opset);

typedef struct kerf__opsets {
    int first, last;
} kerf__opsets;
/* The opsets that have an operator in a meaning that Kerf knows; 0 if none has it. */
int kerf__operator_opsets(const char *op, kerf__opsets *opsets);
/* ONNX's letter for the kind of an attribute in the table: f i s t F I S g p y, and the opsets
 * that have it; 0 if the operator has no such attribute, -1 if it is not in the table. */
int kerf__attribute_letter(const char *op, const char *attribute, kerf__opsets *opsets);
/* Takes all over into n, once they are checked. */
kerf_status kerf__attributes_read(kerf_node *n, const Onnx__NodeProto *p,
                                  const kerf__outside *outside);

/* A whole model; path is named in messages, "" for none. */
kerf_status kerf__onnx_parse(kerf_graph **g, kerf_state **s, const void *bytes, size_t num_bytes,
                             const kerf__outside *outside, kerf_device *dev, const char *path);
/* A protobuf message has less than 2 GiB; what is larger has its data outside. */
enum { KERF__MOST_FILE_BYTES = INT32_MAX };
/* The bytes of the file `path`, beside which external data may lie; "-" is standard input. */
kerf_status kerf__onnx_parse_file(kerf_graph **g, kerf_state **s, const void *bytes,
                                  size_t num_bytes, const char *path, kerf_device *dev);

/* ---- building protos ---------------------------------------------------------------------- */

/* Everything that is built lies in a pool, freed as one.  After a failure, calls give NULL
 * and status keeps the first one. */
typedef struct kerf__builder {
    void **blocks; /* owned, each too */
    size_t num_blocks, block_capacity;
    unsigned char *free_bytes; /* in the last block */
    size_t num_free;
    kerf_status status;
} kerf__builder;

void kerf__builder_free(kerf__builder *b);
void *kerf__build_memory(kerf__builder *b, size_t num, size_t element_bytes);
char *kerf__build_format(kerf__builder *b, const char *format, ...) KERF__PRINTF(2, 3);

/* An empty model with a graph; arrays in both are the caller's to set. */
Onnx__ModelProto *kerf__build_model(kerf__builder *b);
Onnx__StringStringEntryProto *kerf__build_entry(kerf__builder *b, const char *key,
                                                const char *text);
Onnx__OperatorSetIdProto *kerf__build_opset(kerf__builder *b, const char *domain, int64_t version);
/* The bytes are borrowed until packing, as are all names. */
Onnx__TensorProto *kerf__build_tensor(kerf__builder *b, const char *name, kerf_type type,
                                      kerf_shape shape, const void *bytes, size_t num_bytes);
/* Name, type and shape; no shape where it is not known. */
Onnx__ValueInfoProto *kerf__build_value_info(kerf__builder *b, const kerf_value *v,
                                             const char *name);
/* name: the node's own, or another; names[i]: what value i is called in the file. */
Onnx__NodeProto *kerf__build_node(kerf__builder *b, const kerf_node *n, const char *name,
                                  char *const *names);
/* The part of a node's operation before the last dot: "" for ONNX's own. */
const char *kerf__build_domain(kerf__builder *b, const kerf_node *n);
/* onnx_lowest.c: the lowest opset that has all a graph needs, the IR version that goes with it,
 * and a node in that opset's words (room for an initializer more a node is the caller's). */
int kerf__onnx_lowest_opset(const kerf_graph *g);
int kerf__onnx_lowest_ir(int opset);
void kerf__onnx_raise(kerf__builder *b, Onnx__GraphProto *graph, Onnx__NodeProto *p, int opset);
/* The model as bytes, freed with free(). */
kerf_status kerf__build_pack(kerf__builder *b, const Onnx__ModelProto *model, void **bytes,
                             size_t *num_bytes);

#endif
