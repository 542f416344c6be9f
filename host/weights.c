/* weights.c -- how a layer's weights are stored: floats of the state, or float16 or integers among
 * the graph's constants, these with scales and zero points, or as numbers of a codebook's entries.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* ---- finding --------------------------------------------------------------------------- */

static const kerf_node *producer_of(const kerf_graph *g, const kerf_value *v)
{
    for (int i = 0; i < kerf_graph_num_nodes(g); i++) {
        const kerf_node *n = kerf_graph_node(g, i);
        if (kerf_node_num_outputs(n) > 0 && kerf_node_output(n, 0) == v)
            return n;
    }
    return NULL;
}

static const kerf_tensor *tensor_of(const kerf_state *s, const kerf_value *v)
{
    if (v == NULL)
        return NULL;
    return kerf_value_state(v) >= 0 ? kerf_state_get(s, kerf_value_state(v))->tensor
                                    : kerf_value_constant(v);
}

static int is_op(const kerf_node *n, const char *op)
{
    return n != NULL && strcmp(kerf_node_op(n), op) == 0;
}

/* A codebook's Gather, as kerf_share_mark() writes it: uint8 behind Cast, and Add where there are
 * blocks. */
static void find_shared(const kerf_graph *g, const kerf_state *s, const kerf_node *gather,
                        stored_weights *w)
{
    const kerf_value *codebook = kerf_node_input(gather, 0), *indices = kerf_node_input(gather, 1);
    const kerf_node *n = producer_of(g, codebook), *add = producer_of(g, indices);
    if (is_op(n, "kerf.Mask"))
        codebook = kerf_node_input(n, 0);
    const kerf_tensor *first = is_op(add, "Add") ? tensor_of(s, kerf_node_input(add, 1)) : NULL;
    n = first != NULL ? producer_of(g, kerf_node_input(add, 0)) : add;
    const kerf_tensor *stored =
        is_op(n, "Cast") ? kerf_value_constant(kerf_node_input(n, 0)) : NULL;
    const kerf_tensor *entries = kerf_value_state(codebook) >= 0 ? tensor_of(s, codebook) : NULL;
    const size_t blocks = first != NULL ? kerf_tensor_num_elements(first) : 1;
    const kerf_type type = stored != NULL ? kerf_tensor_type(stored) : KERF_F32;
    if (entries == NULL || (type != KERF_U4 && type != KERF_U8) ||
        kerf_tensor_type(entries) != KERF_F32 || blocks == 0 ||
        kerf_tensor_num_elements(stored) < blocks || kerf_tensor_num_elements(entries) < blocks)
        return;
    w->tensor = stored;
    w->codebook = entries;
    w->blocks = blocks;
}

int weights_are_shared(const kerf_graph *g, const kerf_state *s, const kerf_node *n)
{
    stored_weights w = {0};
    if (is_op(n, "Gather"))
        find_shared(g, s, n, &w);
    return w.codebook != NULL;
}

stored_weights weights_find(const kerf_graph *g, const kerf_state *s, const kerf_value *v)
{
    stored_weights w = {.value = v, .tensor = tensor_of(s, v)};
    const kerf_node *n = v != NULL && w.tensor == NULL ? producer_of(g, v) : NULL;
    if (n == NULL)
        return w;
    if (strcmp(kerf_node_op(n), "kerf.Mask") == 0)
        return weights_find(g, s, kerf_node_input(n, 0));
    const kerf_node *gather = is_op(n, "Reshape") ? producer_of(g, kerf_node_input(n, 0)) : n;
    if (is_op(gather, "Gather"))
        find_shared(g, s, gather, &w);
    if (strcmp(kerf_node_op(n), "Cast") == 0) /* of float16 */
        w.tensor = tensor_of(s, kerf_node_input(n, 0));
    if (strcmp(kerf_node_op(n), "DequantizeLinear") != 0)
        return w;
    w.tensor = tensor_of(s, kerf_node_input(n, 0));
    w.scales = tensor_of(s, kerf_node_input(n, 1));
    w.zeros = tensor_of(s, kerf_node_input(n, 2));
    w.axis = (int)kerf_node_int(n, "axis", 1);
    w.block = kerf_node_int(n, "block_size", 0);
    return w;
}

/* ---- zeros ----------------------------------------------------------------------------- */

/* Element i of host bytes, as the number that its bits are: enough to tell two apart. */
static unsigned element(const unsigned char *bytes, size_t bits, size_t i)
{
    unsigned x = 0;
    if (bits < 8)
        return (unsigned)bytes[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1);
    for (size_t k = 0; k < bits / 8 && k < sizeof x; k++)
        x |= (unsigned)bytes[i * (bits / 8) + k] << (8 * k);
    return x;
}

static int is_zero(unsigned x, kerf_type type)
{
    const unsigned sign = type == KERF_F32 ? 0x80000000u : type == KERF_F16 ? 0x8000u : 0;
    return (x & ~sign) == 0; /* -0 is a zero, too */
}

/* Which zero point (or scale) is whose: element i stands at i / inner % size on the axis. */
typedef struct places {
    size_t inner, size, block, num_blocks;
} places;

static places places_of(const stored_weights *w, const kerf_tensor *points)
{
    const kerf_shape shape = kerf_tensor_shape(w->tensor);
    const int axis = w->axis < 0 ? w->axis + shape.rank : w->axis;
    places p = {1, 1, 1, 0}; /* one for all */
    if (axis < 0 || axis >= shape.rank || kerf_tensor_num_elements(points) == 1)
        return p;
    for (int d = axis + 1; d < shape.rank; d++)
        p.inner *= (size_t)shape.dims[d];
    p.size = (size_t)shape.dims[axis];
    p.block = w->block > 0 ? (size_t)w->block : 1;
    p.num_blocks = (p.size + p.block - 1) / p.block;
    return p;
}

static size_t place_of(const places *p, const stored_weights *w, size_t i)
{
    const size_t at = i / p->inner % p->size / p->block;
    return w->block > 0 ? (i / p->inner / p->size * p->num_blocks + at) * p->inner + i % p->inner
                        : at;
}

/* A file may bring anything: zero points that are not there are 0. */
static unsigned zero_of(const places *p, const stored_weights *w, const unsigned char *zeros,
                        size_t bits, size_t i)
{
    const size_t at = place_of(p, w, i);
    return at < kerf_tensor_num_elements(w->zeros) ? element(zeros, bits, at) : 0;
}

static int64_t count(const stored_weights *w, const unsigned char *bytes,
                     const unsigned char *zeros)
{
    const kerf_type type = kerf_tensor_type(w->tensor);
    const size_t num = kerf_tensor_num_elements(w->tensor), bits = kerf_type_bits(type);
    const int has_zeros = zeros != NULL && kerf_tensor_type(w->zeros) == type;
    const places p = has_zeros ? places_of(w, w->zeros) : (places){1, 1, 1, 0};
    int64_t nonzeros = (int64_t)num;
    for (size_t i = 0; i < num; i++) {
        const unsigned x = element(bytes, bits, i);
        nonzeros -= has_zeros ? x == zero_of(&p, w, zeros, bits, i) : is_zero(x, type);
    }
    return nonzeros;
}

/* Entries that are not 0 are counted through the numbers of them. */
static int64_t count_shared(const stored_weights *w, const unsigned char *indices,
                            const float *codebook)
{
    const size_t num = kerf_tensor_num_elements(w->tensor);
    const size_t bits = kerf_type_bits(kerf_tensor_type(w->tensor));
    const size_t entries = kerf_tensor_num_elements(w->codebook) / w->blocks;
    int64_t nonzeros = 0;
    for (size_t i = 0; i < num; i++) {
        const size_t row = i * w->blocks / num;
        const unsigned at = element(indices, bits, i);
        nonzeros += at >= entries || codebook[row * entries + at] != 0;
    }
    return nonzeros;
}

static kerf_status read_bytes(const kerf_tensor *t, unsigned char **bytes)
{
    *bytes = NULL;
    if (t == NULL)
        return KERF_OK;
    *bytes = malloc(kerf_tensor_size_bytes(t) + 1);
    if (*bytes == NULL)
        return KERF_ERR_MEMORY;
    return kerf_tensor_size_bytes(t) > 0 ? kerf_tensor_read(t, *bytes) : KERF_OK;
}

kerf_status weights_nonzeros(const stored_weights *w, int64_t *nonzeros)
{
    unsigned char *bytes = NULL, *zeros = NULL, *codebook = NULL;
    kerf_status status = read_bytes(w->tensor, &bytes);
    if (status == KERF_OK)
        status = read_bytes(w->zeros, &zeros);
    if (status == KERF_OK)
        status = read_bytes(w->codebook, &codebook);
    if (status == KERF_OK)
        *nonzeros = codebook != NULL ? count_shared(w, bytes, (const float *)(const void *)codebook)
                                     : count(w, bytes, zeros);
    free(codebook);
    free(bytes);
    free(zeros);
    return status;
}

/* ---- sizes ----------------------------------------------------------------------------- */

static int64_t bytes_of(const kerf_tensor *t)
{
    return t != NULL ? (int64_t)kerf_tensor_size_bytes(t) : 0;
}

int weights_bits(const stored_weights *w)
{
    if (w->codebook == NULL)
        return (int)kerf_type_bits(kerf_tensor_type(w->tensor));
    const size_t entries = kerf_tensor_num_elements(w->codebook) / w->blocks;
    int bits = 1;
    while ((size_t)1 << bits < entries)
        bits++;
    return bits;
}

int64_t weights_bytes(const stored_weights *w)
{
    if (w->codebook == NULL)
        return bytes_of(w->tensor) + bytes_of(w->scales) + bytes_of(w->zeros);
    const int64_t bits = (int64_t)kerf_tensor_num_elements(w->tensor) * weights_bits(w);
    return (bits + 7) / 8 + bytes_of(w->codebook);
}

/* ---- numbers --------------------------------------------------------------------------- */

static float half_to_float(unsigned bits)
{
    const unsigned sign = bits >> 15, exponent = bits >> 10 & 31, mantissa = bits & 1023;
    const float x = exponent == 0    ? ldexpf((float)mantissa, -24)
                    : exponent == 31 ? (mantissa != 0 ? NAN : INFINITY)
                                     : ldexpf((float)(mantissa + 1024), (int)exponent - 25);
    return sign ? -x : x;
}

static float number_of(unsigned x, kerf_type type)
{
    float f;
    const unsigned bits = (unsigned)kerf_type_bits(type);
    switch (type) {
    case KERF_F32:
        memcpy(&f, &x, sizeof f);
        return f;
    case KERF_F16:
        return half_to_float(x);
    case KERF_S8:
    case KERF_S4:
    case KERF_S2:
    case KERF_S16:
    case KERF_S32:
        return (float)((int64_t)x - (x >> (bits - 1) != 0 ? (int64_t)1 << bits : 0));
    default:
        return (float)x;
    }
}

static void fill(const stored_weights *w, const unsigned char *bytes, const unsigned char *scales,
                 const unsigned char *zeros, float *out)
{
    const kerf_type type = kerf_tensor_type(w->tensor);
    const size_t num = kerf_tensor_num_elements(w->tensor), bits = kerf_type_bits(type);
    const size_t num_scales = w->scales != NULL ? kerf_tensor_num_elements(w->scales) : 0;
    const int has_zeros = zeros != NULL && kerf_tensor_type(w->zeros) == type;
    const places p = num_scales > 1 ? places_of(w, w->scales) : (places){1, 1, 1, 0};
    for (size_t i = 0; i < num; i++) {
        const size_t at = place_of(&p, w, i);
        out[i] = number_of(element(bytes, bits, i), type);
        if (has_zeros)
            out[i] -= number_of(zero_of(&p, w, zeros, bits, i), type);
        if (at < num_scales)
            out[i] *= number_of(element(scales, kerf_type_bits(kerf_tensor_type(w->scales)), at),
                                kerf_tensor_type(w->scales));
    }
}

/* Numbers of entries that are not there are 0. */
static void fill_shared(const stored_weights *w, const unsigned char *indices,
                        const float *codebook, float *out)
{
    const size_t num = kerf_tensor_num_elements(w->tensor);
    const size_t bits = kerf_type_bits(kerf_tensor_type(w->tensor));
    const size_t entries = kerf_tensor_num_elements(w->codebook) / w->blocks;
    for (size_t i = 0; i < num; i++) {
        const unsigned at = element(indices, bits, i);
        out[i] = at < entries ? codebook[i * w->blocks / num * entries + at] : 0;
    }
}

static kerf_status read_shared(const stored_weights *w, const unsigned char *indices, float *out)
{
    unsigned char *codebook;
    kerf_status status = read_bytes(w->codebook, &codebook);
    if (status == KERF_OK)
        fill_shared(w, indices, (const float *)(const void *)codebook, out);
    free(codebook);
    return status;
}

kerf_status weights_read(const stored_weights *w, float **values)
{
    unsigned char *bytes = NULL, *scales = NULL, *zeros = NULL;
    *values = malloc(kerf_tensor_num_elements(w->tensor) * sizeof **values + 1);
    kerf_status status = *values != NULL ? read_bytes(w->tensor, &bytes) : KERF_ERR_MEMORY;
    if (status == KERF_OK)
        status = read_bytes(w->scales, &scales);
    if (status == KERF_OK)
        status = read_bytes(w->zeros, &zeros);
    if (status == KERF_OK && w->codebook != NULL)
        status = read_shared(w, bytes, *values);
    else if (status == KERF_OK)
        fill(w, bytes, scales, zeros, *values);
    free(bytes);
    free(scales);
    free(zeros);
    return status;
}
