/* io/weights_coder.c -- see weights_coder.h.
 *
 * Elements are taken as numbers of 1, 2, 4 or 8 bytes (smaller ones are brought apart first). Those
 * that are 0 may be told by flags (flag_coder.h); the others, or all, are symbols: the numbers of a
 * table of at most 256 values, or their bytes, all first bytes before all second ones. */
#include "io/weights_coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/flag_coder.h"
#include "io/symbol_coder.h"
#include "tensor/tensor_internal.h"

enum { MOST_VALUES = 256, WIDEST = 8, IN_FEW_BYTES = 64 };

/* What a tensor's first byte says. */
enum { SPARSE = 1, TABLE = 2, ALL_FORMS = SPARSE | TABLE };

/* Elements, each of `width` bytes. */
typedef struct elements {
    unsigned char *at; /* owned */
    size_t num, width, rows, columns;
} elements;

static size_t width_of(kerf_type type)
{
    return kerf_type_bits(type) < 8 ? 1 : kerf_type_bits(type) / 8;
}

static void shape_rows(elements *e, kerf_type type, kerf_shape shape)
{
    e->num = (size_t)kerf_shape_num_elements(shape);
    e->width = width_of(type);
    e->rows = shape.rank > 1 && shape.dims[0] > 0 ? (size_t)shape.dims[0] : 1;
    e->columns = e->num / e->rows;
}

/* Elements below a byte, apart and together. */
static void bring_apart(unsigned char *dst, const unsigned char *src, size_t num, size_t bits)
{
    const size_t each = 8 / bits;
    for (size_t i = 0; i < num; i++)
        dst[i] = (unsigned char)(src[i / each] >> i % each * bits & ((1u << bits) - 1));
}

static void bring_together(unsigned char *dst, const unsigned char *src, size_t num, size_t bits)
{
    const size_t each = 8 / bits;
    memset(dst, 0, (num + each - 1) / each);
    for (size_t i = 0; i < num; i++)
        dst[i / each] = (unsigned char)(dst[i / each] | src[i] << i % each * bits);
}

static int is_zero(const elements *e, size_t i)
{
    static const unsigned char zero[WIDEST] = {0};
    return memcmp(e->at + i * e->width, zero, e->width) == 0;
}

/* ---- tables ------------------------------------------------------------------------------------
 */

/* Values by their bytes, ascending. */
typedef struct table {
    uint64_t values[MOST_VALUES];
    size_t num;
} table;

static uint64_t value_at(const elements *e, size_t i)
{
    uint64_t x = 0;
    memcpy(&x, e->at + i * e->width, e->width);
    return x;
}

/* Where x stands, or would. */
static size_t find(const table *t, uint64_t x)
{
    size_t low = 0, high = t->num;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        *(t->values[middle] < x ? &low : &high) = t->values[middle] < x ? middle + 1 : middle;
    }
    return low;
}

/* 0 where there are too many values. */
static int make_table(table *t, const elements *e)
{
    t->num = 0;
    for (size_t i = 0; i < e->num; i++) {
        const uint64_t x = value_at(e, i);
        const size_t at = find(t, x);
        if (at < t->num && t->values[at] == x)
            continue;
        if (t->num == MOST_VALUES)
            return 0;
        memmove(t->values + at + 1, t->values + at, (t->num - at) * sizeof t->values[0]);
        t->values[at] = x;
        t->num++;
    }
    return 1;
}

/* ---- symbols -----------------------------------------------------------------------------------
 */

static kerf_status encode_table(kerf__bytes *out, const elements *e, const table *t)
{
    KERF__TRY(kerf__bytes_add_number(out, t->num));
    for (size_t i = 0; i < t->num; i++)
        KERF__TRY(kerf__bytes_add(out, &t->values[i], e->width)); /* little-endian */
    unsigned char *symbols = kerf__alloc(e->num, 1);
    if (symbols == NULL)
        return kerf__fail_memory("packed weights", e->num);
    for (size_t i = 0; i < e->num; i++)
        symbols[i] = (unsigned char)find(t, value_at(e, i));
    const kerf_status status = kerf__symbols_encode(out, symbols, e->num, t->num);
    free(symbols);
    return status;
}

static kerf_status encode_bytes(kerf__bytes *out, const elements *e)
{
    unsigned char *symbols = kerf__alloc(e->num, 1);
    kerf_status status = symbols != NULL ? KERF_OK : kerf__fail_memory("packed weights", e->num);
    for (size_t byte = 0; status == KERF_OK && byte < e->width; byte++) {
        for (size_t i = 0; i < e->num; i++)
            symbols[i] = e->at[i * e->width + byte];
        status = kerf__symbols_encode(out, symbols, e->num, 256);
    }
    free(symbols);
    return status;
}

static kerf_status decode_table(elements *e, kerf__reading *in)
{
    uint64_t num;
    const unsigned char *values;
    unsigned char *symbols = kerf__alloc(e->num, 1);
    if (symbols == NULL)
        return kerf__fail_memory("packed weights", e->num);
    kerf_status status = kerf__reading_number(in, MOST_VALUES, &num);
    if (status == KERF_OK)
        status = kerf__reading_take(in, (size_t)num * e->width, &values);
    if (status == KERF_OK)
        status = kerf__symbols_decode(symbols, e->num, (size_t)num, in);
    for (size_t i = 0; status == KERF_OK && i < e->num; i++)
        if (symbols[i] < num)
            memcpy(e->at + i * e->width, values + symbols[i] * e->width, e->width);
        else
            status = kerf__fail(KERF_ERR_FORMAT,
                                "packed weights: value %d of a table of %llu, must be below",
                                (int)symbols[i], (unsigned long long)num);
    free(symbols);
    return status;
}

static kerf_status decode_bytes(elements *e, kerf__reading *in)
{
    unsigned char *symbols = kerf__alloc(e->num, 1);
    kerf_status status = symbols != NULL ? KERF_OK : kerf__fail_memory("packed weights", e->num);
    for (size_t byte = 0; status == KERF_OK && byte < e->width; byte++) {
        status = kerf__symbols_decode(symbols, e->num, 256, in);
        for (size_t i = 0; status == KERF_OK && i < e->num; i++)
            e->at[i * e->width + byte] = symbols[i];
    }
    free(symbols);
    return status;
}

/* ---- zeros apart
 * ---------------------------------------------------------------------------------- */

static kerf_status encode_flags(kerf__bytes *out, const elements *e)
{
    void *bytes = NULL;
    size_t num_bytes = 0;
    unsigned char *flags = kerf__alloc(e->num, 1);
    kerf_status status = flags != NULL ? KERF_OK : kerf__fail_memory("packed weights", e->num);
    for (size_t i = 0; status == KERF_OK && i < e->num; i++)
        flags[i] = (unsigned char)!is_zero(e, i);
    if (status == KERF_OK)
        status = kerf__flags_encode(&bytes, &num_bytes, flags, e->rows, e->columns);
    if (status == KERF_OK)
        status = kerf__bytes_add_number(out, num_bytes);
    if (status == KERF_OK)
        status = kerf__bytes_add(out, bytes, num_bytes);
    free(bytes);
    free(flags);
    return status;
}

/* Those that are not 0, in a row of their own. */
static kerf_status keep_nonzeros(elements *out, const elements *e)
{
    *out = (elements){.at = kerf__alloc(e->num, e->width), .width = e->width};
    if (out->at == NULL)
        return kerf__fail_memory("packed weights", e->num * e->width);
    for (size_t i = 0; i < e->num; i++)
        if (!is_zero(e, i))
            memcpy(out->at + out->num++ * e->width, e->at + i * e->width, e->width);
    return KERF_OK;
}

static kerf_status decode_flags(unsigned char *flags, size_t *num_ones, const elements *e,
                                kerf__reading *in)
{
    uint64_t num_bytes;
    const unsigned char *bytes;
    KERF__TRY(kerf__reading_number(in, in->left, &num_bytes));
    KERF__TRY(kerf__reading_take(in, (size_t)num_bytes, &bytes));
    return kerf__flags_decode(flags, num_ones, e->rows, e->columns, bytes, (size_t)num_bytes);
}

/* ---- one form
 * ------------------------------------------------------------------------------------- */

static kerf_status encode_values(kerf__bytes *out, const elements *e, unsigned char form)
{
    table t;
    if ((form & TABLE) == 0)
        return encode_bytes(out, e);
    return make_table(&t, e) ? encode_table(out, e, &t)
                             : kerf__fail(KERF_ERR_UNSUPPORTED, "packed weights: too many values");
}

static kerf_status encode_form(kerf__bytes *out, const elements *e, unsigned char form)
{
    elements nonzeros;
    KERF__TRY(kerf__bytes_add(out, &form, 1));
    if ((form & SPARSE) == 0)
        return encode_values(out, e, form);
    KERF__TRY(encode_flags(out, e));
    kerf_status status = keep_nonzeros(&nonzeros, e);
    if (status == KERF_OK)
        status = encode_values(out, &nonzeros, form);
    free(nonzeros.at);
    return status;
}

static kerf_status decode_values(elements *e, unsigned char form, kerf__reading *in)
{
    return (form & TABLE) != 0 ? decode_table(e, in) : decode_bytes(e, in);
}

static kerf_status decode_sparse(elements *e, unsigned char form, unsigned char *flags,
                                 kerf__reading *in)
{
    elements nonzeros = {.width = e->width};
    KERF__TRY(decode_flags(flags, &nonzeros.num, e, in));
    nonzeros.at = kerf__alloc(nonzeros.num, e->width);
    kerf_status status = nonzeros.at != NULL
                             ? decode_values(&nonzeros, form, in)
                             : kerf__fail_memory("packed weights", nonzeros.num * e->width);
    memset(e->at, 0, e->num * e->width);
    for (size_t i = 0, k = 0; status == KERF_OK && i < e->num; i++)
        if (flags[i])
            memcpy(e->at + i * e->width, nonzeros.at + k++ * e->width, e->width);
    free(nonzeros.at);
    return status;
}

static kerf_status decode_form(elements *e, kerf__reading *in)
{
    const unsigned char *form;
    KERF__TRY(kerf__reading_take(in, 1, &form));
    if (*form > ALL_FORMS)
        return kerf__fail(KERF_ERR_FORMAT, "packed weights: form %d, must be 0 to %d", (int)*form,
                          (int)ALL_FORMS);
    if ((*form & SPARSE) == 0)
        return decode_values(e, *form, in);
    unsigned char *flags = kerf__alloc(e->num, 1);
    if (flags == NULL)
        return kerf__fail_memory("packed weights", e->num);
    const kerf_status status = decode_sparse(e, *form, flags, in);
    free(flags);
    return status;
}

/* ---- whole tensors
 * ---------------------------------------------------------------------------------- */

/* Forms that are worth trying. */
static int is_candidate(const elements *e, unsigned char form)
{
    enum { FEW = 16 }; /* with fewer zeros than one in so many flags do not pay */
    table t;
    elements nonzeros;
    size_t zeros = 0;
    for (size_t i = 0; i < e->num; i++)
        zeros += is_zero(e, i) != 0;
    if ((form & SPARSE) != 0 && zeros * FEW < e->num)
        return 0;
    if ((form & TABLE) == 0)
        return 1;
    if ((form & SPARSE) == 0)
        return make_table(&t, e);
    const int fits = keep_nonzeros(&nonzeros, e) == KERF_OK && make_table(&t, &nonzeros);
    free(nonzeros.at);
    return fits;
}

/* The shortest of all forms. */
static kerf_status encode_best(kerf__bytes *out, const elements *e)
{
    kerf__bytes best = {0};
    kerf_status status = KERF_OK;
    for (unsigned char form = 0; status == KERF_OK && form <= ALL_FORMS; form++) {
        kerf__bytes tried = {0};
        if (!is_candidate(e, form))
            continue;
        status = encode_form(&tried, e, form);
        const int is_better = status == KERF_OK && (best.at == NULL || tried.num < best.num);
        kerf__bytes_free(is_better ? &best : &tried);
        best = is_better ? tried : best;
    }
    if (status == KERF_OK)
        status = kerf__bytes_add(out, best.at, best.num);
    kerf__bytes_free(&best);
    return status;
}

kerf_status kerf__weights_encode(kerf__bytes *out, kerf_packed_form *form, const void *bytes,
                                 kerf_type type, kerf_shape shape)
{
    elements e;
    const size_t before = out->num, bits = kerf_type_bits(type);
    shape_rows(&e, type, shape);
    e.at = kerf__alloc(e.num, e.width);
    if (e.at == NULL)
        return kerf__fail_memory("packed weights", e.num * e.width);
    if (bits < 8)
        bring_apart(e.at, bytes, e.num, bits);
    else if (e.num > 0)
        memcpy(e.at, bytes, e.num * e.width);
    const kerf_status status = encode_best(out, &e);
    if (status == KERF_OK)
        *form = (kerf_packed_form)out->at[before];
    free(e.at);
    return status;
}

kerf_status kerf__weights_check(kerf_type type, kerf_shape shape, size_t num_bytes)
{
    elements e;
    shape_rows(&e, type, shape);
    /* A symbol and a flag cost at least the 2900th part of a bit. */
    return e.num / 8 / 2900 <= num_bytes + IN_FEW_BYTES
               ? KERF_OK
               : kerf__fail(KERF_ERR_FORMAT, "packed weights: %zu elements cannot lie in %zu bytes",
                            e.num, num_bytes);
}

kerf_status kerf__weights_decode(void *dst, kerf_type type, kerf_shape shape, kerf__reading in)
{
    elements e;
    const size_t bits = kerf_type_bits(type);
    shape_rows(&e, type, shape);
    e.at = bits < 8 ? kerf__alloc(e.num, 1) : dst;
    if (e.at == NULL)
        return kerf__fail_memory("packed weights", e.num);
    kerf_status status = decode_form(&e, &in);
    if (status == KERF_OK && in.left > 0)
        status = kerf__fail(KERF_ERR_FORMAT, "packed weights: %zu bytes are left over", in.left);
    if (status == KERF_OK && bits < 8)
        bring_together(dst, e.at, e.num, bits);
    if (bits < 8)
        free(e.at);
    return status;
}
