/* op_case.h -- one node and its inputs, which op_check.h checks: as bytes of their types, and the
 * same numbers as doubles. */
#ifndef KERF_OP_CASE_H
#define KERF_OP_CASE_H

#include <stdint.h>
#include <string.h>

#include "check.h"
#include "naive.h"

enum { OP_CHECK_MAX = 160 };

typedef struct op_check {
    kerf_device *dev;  /* borrowed */
    kerf_graph *graph; /* owned */
    kerf_node *node;   /* the graph's */
    kerf_value *inputs[OP_CHECK_MAX];
    void *data[OP_CHECK_MAX];      /* owned: the inputs' bytes */
    double *numbers[OP_CHECK_MAX]; /* owned: the same as doubles */
    int num_inputs;
    int runs;          /* how many times a variant was run: a test can see that some did */
    int rounds_halves; /* 1: a float16 result is a number that was rounded, and not moved bits */
    /* 1 if the case's option is worth building its program; NULL: all are. */
    int (*is_tried)(const kerf__op_case *c);
} op_check;

static inline int op_check_small(void)
{
    return getenv("KERF_TEST_SMALL") != NULL;
}

/* Pseudo-random floats in [-1, 1), the same everywhere. */
static inline void op_check_fill(float *x, size_t num, unsigned seed)
{
    uint32_t s = seed * 2654435761u + 12345u;
    for (size_t i = 0; i < num; i++) {
        s ^= s << 13;
        s ^= s >> 17;
        s ^= s << 5;
        x[i] = (float)(s >> 8) * (2.0f / 16777216.0f) - 1.0f;
    }
}

/* A float16: 5 bits of exponent, 10 of mantissa. */
static inline double op_check_half(uint16_t x)
{
    const int exponent = x >> 10 & 31, mantissa = x & 1023;
    const double size = exponent == 31  ? (mantissa != 0 ? (double)NAN : (double)INFINITY)
                        : exponent == 0 ? ldexp(mantissa, -24)
                                        : ldexp(1024 + mantissa, exponent - 25);
    return x >> 15 != 0 ? -size : size;
}

/* Of less than 8 bits, the first in the lowest. */
static inline double op_check_packed(kerf_type type, const uint8_t *data, size_t i)
{
    const unsigned bits = (unsigned)kerf_type_bits(type);
    const unsigned at = (unsigned)i * bits, x = data[at / 8] >> at % 8 & ((1u << bits) - 1u);
    const int has_sign = type == KERF_S4 || type == KERF_S2;
    return has_sign && x >> (bits - 1) != 0 ? (double)x - (double)(1u << bits) : (double)x;
}

static inline double op_check_number(kerf_type type, const void *data, size_t i)
{
    if (kerf_type_bits(type) < 8)
        return op_check_packed(type, data, i);
    switch (type) {
    case KERF_F32:
        return (double)((const float *)data)[i];
    case KERF_F16:
        return op_check_half(((const uint16_t *)data)[i]);
    case KERF_S8:
        return (double)((const int8_t *)data)[i];
    case KERF_S16:
        return (double)((const int16_t *)data)[i];
    case KERF_U16:
        return (double)((const uint16_t *)data)[i];
    case KERF_S32:
        return (double)((const int32_t *)data)[i];
    case KERF_S64:
        return (double)((const int64_t *)data)[i];
    default:
        return (double)((const uint8_t *)data)[i];
    }
}

static inline double *op_check_numbers(kerf_type type, const void *data, size_t num)
{
    double *out = calloc(num + 1, sizeof *out);
    for (size_t i = 0; i < num; i++)
        out[i] = op_check_number(type, data, i);
    return out;
}

static inline void op_check_begin(op_check *c, kerf_device *dev)
{
    memset(c, 0, sizeof *c);
    c->dev = dev;
    CHECK_OK(kerf_graph_create(&c->graph));
}

static inline void op_check_end(op_check *c)
{
    for (int i = 0; i < c->num_inputs; i++) {
        free(c->data[i]);
        free(c->numbers[i]);
    }
    kerf_graph_destroy(c->graph);
}

static inline void op_check_keep(op_check *c, kerf_type type, kerf_shape shape, const void *data)
{
    size_t num = (size_t)kerf_shape_num_elements(shape);
    size_t bytes = (size_t)kerf__tensor_bytes(type, shape);
    c->data[c->num_inputs] = malloc(bytes + 1);
    if (bytes > 0)
        memcpy(c->data[c->num_inputs], data, bytes);
    c->numbers[c->num_inputs] = op_check_numbers(type, data, num);
    c->num_inputs++;
}

static inline void op_check_input(op_check *c, kerf_type type, kerf_shape shape, const void *data)
{
    char name[16];
    snprintf(name, sizeof name, "in%d", c->num_inputs);
    CHECK_OK(kerf_graph_add_input(c->graph, name, type, shape, &c->inputs[c->num_inputs]));
    op_check_keep(c, type, shape, data);
}

/* An input whose value the shape rule may read. */
static inline void op_check_constant(op_check *c, kerf_type type, kerf_shape shape,
                                     const void *data)
{
    char name[16];
    kerf_tensor *t;
    snprintf(name, sizeof name, "in%d", c->num_inputs);
    CHECK_OK(kerf_tensor_create(&t, NULL, type, shape));
    CHECK_OK(kerf_tensor_write(t, data));
    CHECK_OK(kerf_graph_add_constant(c->graph, name, t, &c->inputs[c->num_inputs]));
    op_check_keep(c, type, shape, data);
}

/* The next input is left out. */
static inline void op_check_skip(op_check *c)
{
    c->num_inputs++;
}

/* What bytes mean: a scale and its zero point; a negative one is left out. */
static inline void op_check_scaling(op_check *c, float scale, kerf_type type, int zero)
{
    const uint8_t bytes[8] = {
        (uint8_t)zero}; /* as many as the widest type that compilers see read */
    op_check_input(c, KERF_F32, KERF_SCALAR, &scale);
    if (zero >= 0)
        op_check_input(c, type, KERF_SHAPE(1), bytes);
    else
        op_check_skip(c);
}

static inline void op_check_node(op_check *c, const char *op, int num_outputs)
{
    CHECK_OK(kerf_graph_add_node(c->graph, op, "checked", c->inputs, c->num_inputs, num_outputs,
                                 &c->node));
}

#endif
