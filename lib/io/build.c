/* io/build.c -- protos from graphs, and bytes from protos.
 *
 * All structs, arrays and made-up texts lie in one pool that is freed as a whole; names and
 * tensor data are borrowed from the graph, so a model is copied once, into its bytes.
 * Packing is protobuf-c's and always gives the same bytes for the same model. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io_internal.h"
#include "tensor/tensor_internal.h"

/* ---- the pool ---------------------------------------------------------------------------- */

enum { BLOCK_BYTES = 65536, ALIGNMENT = 16 };

static int add_block(kerf__builder *b, size_t num_bytes)
{
    if (!kerf__grow((void **)&b->blocks, &b->block_capacity, b->num_blocks, sizeof *b->blocks))
        return 0;
    void *block = kerf__alloc(num_bytes, 1);
    if (block == NULL)
        return 0;
    b->blocks[b->num_blocks++] = block;
    b->free_bytes = block;
    b->num_free = num_bytes;
    return 1;
}

void *kerf__build_memory(kerf__builder *b, size_t num, size_t element_bytes)
{
    if (b->status != KERF_OK)
        return NULL;
    size_t num_bytes = num * element_bytes + ALIGNMENT;
    int fits = num <= (SIZE_MAX / 2) / element_bytes;
    num_bytes -= num_bytes % ALIGNMENT;
    if (!fits || (num_bytes > b->num_free &&
                  !add_block(b, num_bytes > BLOCK_BYTES ? num_bytes : BLOCK_BYTES))) {
        b->status = kerf__fail_memory("ONNX model", num_bytes);
        return NULL;
    }
    void *memory = b->free_bytes;
    b->free_bytes += num_bytes;
    b->num_free -= num_bytes;
    return memory;
}

void kerf__builder_free(kerf__builder *b)
{
    for (size_t i = 0; i < b->num_blocks; i++)
        free(b->blocks[i]);
    free(b->blocks);
    *b = (kerf__builder){0};
}

char *kerf__build_format(kerf__builder *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    assert(length >= 0);
    char *text = kerf__build_memory(b, (size_t)length + 1, 1);
    if (text == NULL)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

/* protobuf-c's structs are not const, but packing changes nothing in them. */
static char *borrow_text(const char *text)
{
    return (char *)text;
}

/* ---- small protos ------------------------------------------------------------------------ */

Onnx__ModelProto *kerf__build_model(kerf__builder *b)
{
    Onnx__ModelProto *model = kerf__build_memory(b, 1, sizeof *model);
    Onnx__GraphProto *graph = kerf__build_memory(b, 1, sizeof *graph);
    if (graph == NULL)
        return NULL;
    onnx__model_proto__init(model);
    onnx__graph_proto__init(graph);
    model->graph = graph;
    model->has_ir_version = 1;
    model->ir_version = KERF__IR;
    model->producer_name = borrow_text("kerf");
    model->producer_version = borrow_text(kerf_version());
    return model;
}

Onnx__StringStringEntryProto *kerf__build_entry(kerf__builder *b, const char *key, const char *text)
{
    Onnx__StringStringEntryProto *entry = kerf__build_memory(b, 1, sizeof *entry);
    if (entry == NULL)
        return NULL;
    onnx__string_string_entry_proto__init(entry);
    entry->key = borrow_text(key);
    entry->value = borrow_text(text);
    return entry;
}

Onnx__OperatorSetIdProto *kerf__build_opset(kerf__builder *b, const char *domain, int64_t version)
{
    Onnx__OperatorSetIdProto *set = kerf__build_memory(b, 1, sizeof *set);
    if (set == NULL)
        return NULL;
    onnx__operator_set_id_proto__init(set);
    set->domain = borrow_text(domain);
    set->has_version = 1;
    set->version = version;
    return set;
}

Onnx__TensorProto *kerf__build_tensor(kerf__builder *b, const char *name, kerf_type type,
                                      kerf_shape shape, const void *bytes, size_t num_bytes)
{
    Onnx__TensorProto *t = kerf__build_memory(b, 1, sizeof *t);
    int64_t *dims = kerf__build_memory(b, (size_t)shape.rank, sizeof *dims);
    if (dims == NULL)
        return NULL;
    onnx__tensor_proto__init(t);
    memcpy(dims, shape.dims, (size_t)shape.rank * sizeof *dims);
    t->name = borrow_text(name);
    t->dims = dims;
    t->n_dims = (size_t)shape.rank;
    t->has_data_type = 1;
    t->data_type = kerf__onnx_number(type);
    t->has_raw_data = 1;
    t->raw_data.len = num_bytes;
    t->raw_data.data = (uint8_t *)bytes; /* borrowed and only read, like texts */
    return t;
}

/* ---- values ------------------------------------------------------------------------------ */

static Onnx__TensorShapeProto__Dimension *build_dim(kerf__builder *b, const kerf_graph *g,
                                                    int64_t size)
{
    Onnx__TensorShapeProto__Dimension *dim = kerf__build_memory(b, 1, sizeof *dim);
    if (dim == NULL)
        return NULL;
    onnx__tensor_shape_proto__dimension__init(dim);
    if (size < 0) {
        dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
        dim->dim_param = borrow_text(kerf_graph_symbol_name(g, size));
    } else {
        dim->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        dim->dim_value = size;
    }
    return dim;
}

static Onnx__TensorShapeProto *build_shape(kerf__builder *b, const kerf_graph *g, kerf_shape shape)
{
    Onnx__TensorShapeProto *proto = kerf__build_memory(b, 1, sizeof *proto);
    Onnx__TensorShapeProto__Dimension **dims =
        kerf__build_memory(b, (size_t)shape.rank, sizeof *dims);
    if (dims == NULL)
        return NULL;
    onnx__tensor_shape_proto__init(proto);
    for (int d = 0; d < shape.rank; d++)
        dims[d] = build_dim(b, g, shape.dims[d]);
    proto->dim = dims;
    proto->n_dim = (size_t)shape.rank;
    return proto;
}

Onnx__ValueInfoProto *kerf__build_value_info(kerf__builder *b, const kerf_value *v,
                                             const char *name)
{
    Onnx__ValueInfoProto *info = kerf__build_memory(b, 1, sizeof *info);
    Onnx__TypeProto *type = kerf__build_memory(b, 1, sizeof *type);
    Onnx__TypeProto__Tensor *tensor = kerf__build_memory(b, 1, sizeof *tensor);
    if (tensor == NULL)
        return NULL;
    onnx__value_info_proto__init(info);
    onnx__type_proto__init(type);
    onnx__type_proto__tensor__init(tensor);
    info->name = borrow_text(name);
    info->type = type;
    type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    type->tensor_type = tensor;
    tensor->has_elem_type = 1;
    tensor->elem_type = kerf__onnx_number(v->type);
    if (v->shape.rank >= 0)
        tensor->shape = build_shape(b, v->graph, v->shape);
    return info;
}

/* ---- nodes ------------------------------------------------------------------------------- */

static void set_content(kerf__builder *b, Onnx__AttributeProto *p, const kerf__attribute *a)
{
    switch (a->kind) {
    case KERF__ATTRIBUTE_INT:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        p->has_i = 1;
        p->i = a->as_int;
        break;
    case KERF__ATTRIBUTE_FLOAT:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        p->has_f = 1;
        p->f = a->as_float;
        break;
    case KERF__ATTRIBUTE_INTS:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        p->ints = a->ints;
        p->n_ints = a->num;
        break;
    case KERF__ATTRIBUTE_FLOATS:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        p->floats = a->floats;
        p->n_floats = a->num;
        break;
    case KERF__ATTRIBUTE_STRING:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        p->has_s = 1;
        p->s = (ProtobufCBinaryData){strlen(a->string), (uint8_t *)a->string};
        break;
    case KERF__ATTRIBUTE_TENSOR:
        p->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__TENSOR;
        p->t = kerf__build_tensor(b, "", kerf_tensor_type(a->tensor), kerf_tensor_shape(a->tensor),
                                  kerf_tensor_data(a->tensor), kerf_tensor_size_bytes(a->tensor));
        break;
    }
}

static Onnx__AttributeProto *build_attribute(kerf__builder *b, const kerf__attribute *a)
{
    Onnx__AttributeProto *p = kerf__build_memory(b, 1, sizeof *p);
    if (p == NULL)
        return NULL;
    onnx__attribute_proto__init(p);
    p->name = a->key;
    p->has_type = 1;
    set_content(b, p, a);
    return p;
}

const char *kerf__build_domain(kerf__builder *b, const kerf_node *n)
{
    const char *dot = strrchr(n->op, '.');
    return dot == NULL ? "" : kerf__build_format(b, "%.*s", (int)(dot - n->op), n->op);
}

static char **build_names(kerf__builder *b, kerf_value *const *values, int num, char *const *names)
{
    char **list = kerf__build_memory(b, (size_t)num, sizeof *list);
    for (int i = 0; list != NULL && i < num; i++)
        list[i] = values[i] != NULL ? names[values[i]->index] : borrow_text("");
    return list;
}

Onnx__NodeProto *kerf__build_node(kerf__builder *b, const kerf_node *n, const char *name,
                                  char *const *names)
{
    Onnx__NodeProto *p = kerf__build_memory(b, 1, sizeof *p);
    Onnx__AttributeProto **attributes =
        kerf__build_memory(b, n->num_attributes, sizeof *attributes);
    if (attributes == NULL)
        return NULL;
    onnx__node_proto__init(p);
    const char *dot = strrchr(n->op, '.');
    p->op_type = borrow_text(dot != NULL ? dot + 1 : n->op);
    p->domain = dot != NULL ? borrow_text(kerf__build_domain(b, n)) : NULL;
    p->name = borrow_text(name);
    p->n_input = (size_t)n->num_inputs;
    p->n_output = (size_t)n->num_outputs;
    p->input = build_names(b, n->inputs, n->num_inputs, names);
    p->output = build_names(b, n->outputs, n->num_outputs, names);
    for (size_t i = 0; i < n->num_attributes; i++)
        attributes[i] = build_attribute(b, &n->attributes[i]);
    p->attribute = attributes;
    p->n_attribute = n->num_attributes;
    return p;
}

/* ---- bytes ------------------------------------------------------------------------------- */

kerf_status kerf__build_pack(kerf__builder *b, const Onnx__ModelProto *model, void **bytes,
                             size_t *num_bytes)
{
    *bytes = NULL;
    *num_bytes = 0;
    if (b->status != KERF_OK)
        return b->status;
    size_t size = onnx__model_proto__get_packed_size(model);
    if (size > INT32_MAX)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "the model takes %zu bytes, an ONNX file holds less than 2 GiB", size);
    uint8_t *packed = kerf__alloc(size, 1);
    if (packed == NULL)
        return kerf__fail_memory("ONNX model", size);
    onnx__model_proto__pack(model, packed);
    *bytes = packed;
    *num_bytes = size;
    return KERF_OK;
}
