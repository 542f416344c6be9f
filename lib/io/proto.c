/* io/proto.c -- bytes into protos, where the bytes may come from an enemy.
 *
 * protobuf-c checks every length, but it recurses as deep as the file says and turns two
 * bytes of an empty message into some hundred of a struct.  So the nesting is measured
 * before, by the same descriptors, and its memory is counted. */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io_internal.h"

enum { MAX_DEPTH = 64 }; /* a model without subgraphs needs 6 */

/* What a file of some size may take unpacked: one-byte varints become 8, names and nodes
 * grow about tenfold. */
static const size_t BUDGET_FACTOR = 16, BUDGET_BASE = (size_t)64 << 20;

typedef struct scan {
    const uint8_t *begin, *end;
    const uint8_t *at;   /* where reading stands; after a failure, what was wrong there */
    const char *problem; /* NULL: none yet */
} scan;

static int fail_scan(scan *s, const uint8_t *at, const char *problem)
{
    if (s->problem == NULL) {
        s->problem = problem;
        s->at = at;
    }
    return 0;
}

static int scan_varint(scan *s, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        if (s->at >= end)
            return fail_scan(s, s->at, "the data ends inside a number");
        uint8_t byte = *s->at++;
        *out |= shift < 64 ? (uint64_t)(byte & 0x7F) << shift : 0;
        if (byte < 0x80)
            return 1;
    }
    return fail_scan(s, s->at, "a number has more than ten bytes");
}

static int scan_skip(scan *s, const uint8_t *end, uint64_t num)
{
    if (num > (uint64_t)(end - s->at))
        return fail_scan(s, s->at, "a field runs past the end of the data");
    s->at += num;
    return 1;
}

static int scan_message(scan *s, const ProtobufCMessageDescriptor *type, const uint8_t *end,
                        int depth);

/* The field behind its tag: number and wire type. */
static int scan_field(scan *s, const ProtobufCMessageDescriptor *type, const uint8_t *end,
                      uint64_t tag, int depth)
{
    uint64_t num = 0;
    switch (tag & 7) {
    case 0:
        return scan_varint(s, end, &num);
    case 1:
        return scan_skip(s, end, 8);
    case 5:
        return scan_skip(s, end, 4);
    case 2:
        break;
    default:
        return fail_scan(s, s->at, "a field has an unknown encoding");
    }
    if (!scan_varint(s, end, &num))
        return 0;
    const uint8_t *content = s->at;
    if (!scan_skip(s, end, num))
        return 0;
    const ProtobufCFieldDescriptor *field =
        tag >> 3 <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3))
                               : NULL;
    if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE)
        return 1;
    s->at = content;
    return scan_message(s, field->descriptor, content + num, depth + 1);
}

static int scan_message(scan *s, const ProtobufCMessageDescriptor *type, const uint8_t *end,
                        int depth)
{
    if (depth > MAX_DEPTH)
        return fail_scan(s, s->at, "messages are nested deeper than 64 levels");
    while (s->at < end) {
        uint64_t tag = 0;
        if (!scan_varint(s, end, &tag) || !scan_field(s, type, end, tag, depth))
            return 0;
    }
    return 1;
}

/* ---- unpacking --------------------------------------------------------------------------- */

typedef struct budget {
    size_t left;
    int spent; /* 1: the bound was met, 2: the machine had no more */
} budget;

static void *budget_alloc(void *context, size_t num_bytes)
{
    budget *b = context;
    if (num_bytes > b->left) {
        b->spent = 1;
        return NULL;
    }
    b->left -= num_bytes;
    void *memory = kerf__alloc(num_bytes, 1);
    if (memory == NULL)
        b->spent = 2;
    return memory;
}

static void budget_free(void *context, void *memory)
{
    (void)context;
    free(memory);
}

/* what: the message's name for people, "ONNX model". */
static kerf_status unpack(ProtobufCMessage **out, const ProtobufCMessageDescriptor *type,
                          const char *what, const void *bytes, size_t num_bytes)
{
    *out = NULL;
    scan s = {.begin = bytes, .at = bytes};
    if (num_bytes == 0)
        return kerf__fail(KERF_ERR_FORMAT, "the file is empty, must be an %s", what);
    if (!scan_message(&s, type, s.begin + num_bytes, 0))
        return kerf__fail(KERF_ERR_FORMAT, "not an %s, or a damaged one: at byte %zu of %zu %s",
                          what, (size_t)(s.at - s.begin), num_bytes, s.problem);
    budget b = {.left = num_bytes > (SIZE_MAX - BUDGET_BASE) / BUDGET_FACTOR
                            ? SIZE_MAX
                            : BUDGET_BASE + BUDGET_FACTOR * num_bytes};
    ProtobufCAllocator allocator = {budget_alloc, budget_free, &b};
    *out = protobuf_c_message_unpack(type, &allocator, num_bytes, bytes);
    if (*out != NULL)
        return KERF_OK;
    if (b.spent == 2)
        return kerf__fail_memory(what, num_bytes);
    if (b.spent == 1)
        return kerf__fail(KERF_ERR_FORMAT,
                          "not a sound %s: it unpacks to more than 16 times its size", what);
    return kerf__fail(KERF_ERR_FORMAT, "not an %s, or a damaged one: a field has the wrong type",
                      what);
}

static void free_message(ProtobufCMessage *message)
{
    ProtobufCAllocator allocator = {budget_alloc, budget_free, NULL};
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, &allocator);
}

kerf_status kerf__proto_unpack(Onnx__ModelProto **out, const void *bytes, size_t num_bytes)
{
    ProtobufCMessage *message;
    kerf_status status =
        unpack(&message, &onnx__model_proto__descriptor, "ONNX model", bytes, num_bytes);
    *out = (Onnx__ModelProto *)message; /* it begins with the message */
    return status;
}

void kerf__proto_free(Onnx__ModelProto *model)
{
    free_message((ProtobufCMessage *)model);
}

kerf_status kerf__tensor_proto_unpack(Onnx__TensorProto **out, const void *bytes, size_t num_bytes)
{
    ProtobufCMessage *message;
    kerf_status status =
        unpack(&message, &onnx__tensor_proto__descriptor, "ONNX tensor", bytes, num_bytes);
    *out = (Onnx__TensorProto *)message;
    return status;
}

void kerf__tensor_proto_free(Onnx__TensorProto *tensor)
{
    free_message((ProtobufCMessage *)tensor);
}

kerf_status kerf__fail_clean(kerf_status status, const char *path)
{
    char text[2048];
    snprintf(text, sizeof text, "%s", kerf_last_error());
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            *c = '?';
    return kerf__fail(status, "%s%s%s", path, path[0] != '\0' ? ": " : "", text);
}
