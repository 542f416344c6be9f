/* io/weights_coder.c -- see weights_coder.h.
 *
 * Elements are taken as numbers of 1, 2, 4 or 8 bytes (smaller ones are brought apart first). Where
 * many are 0, coder.h tells which, and with at most 256 values which of them each is; other numbers
 * are symbols (symbol_coder.h): those of a table, or their bytes, all first bytes before all second
 * ones. */
#include "io/weights_coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/coder.h"
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
        dst[i] = (unsigned char)((unsigned)src[i / each] >> i % each * bits & ((1u << bits) - 1));
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

static kerf_status add_table(kerf__bytes *out, const elements *e, const table *t)
{
    KERF__TRY(kerf__bytes_add_number(out, t->num));
    for (size_t i = 0; i < t->num; i++)
        KERF__TRY(kerf__bytes_add(out, &t->values[i], e->width)); /* little-endian */
    return KERF_OK;
}

/* Which value each element is; the caller frees them. */
static kerf_status number_values(unsigned char **symbols, const elements *e, const table *t)
{
    *symbols = kerf__alloc(e->num, 1);
    if (*symbols == NULL)
        return kerf__fail_memory("packed weights", e->num);
    for (size_t i = 0; i < e->num; i++)
        (*symbols)[i] = (unsigned char)find(t, value_at(e, i));
    return KERF_OK;
}

static kerf_status add_codes(kerf__bytes *out, const elements *e, unsigned char *codes, int bits,
                             size_t zero)
{
    const kerf__coding how = {e->rows, e->columns, bits, (uint8_t)zero};
    unsigned char *bytes;
    size_t num_bytes;
    KERF__TRY(kerf__coder_encode(&bytes, &num_bytes, &how, codes));
    kerf_status status = kerf__bytes_add_number(out, num_bytes);
    if (status == KERF_OK)
        status = kerf__bytes_add(out, bytes, num_bytes);
    free(bytes);
    return status;
}

/* Bits that tell so many values apart. */
static int bits_for(size_t num)
{
    int bits = 1;
    while ((size_t)1 << bits < num)
        bits++;
    return bits;
}

static kerf_status encode_table(kerf__bytes *out, const elements *e, int is_sparse)
{
    table t;
    unsigned char *symbols;
    if (!make_table(&t, e))
        return kerf__fail(KERF_ERR_UNSUPPORTED, "packed weights: too many values");
    KERF__TRY(add_table(out, e, &t));
    KERF__TRY(number_values(&symbols, e, &t));
    const kerf_status status = is_sparse ? add_codes(out, e, symbols, bits_for(t.num), find(&t, 0))
                                         : kerf__symbols_encode(out, symbols, e->num, t.num);
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

static kerf_status take_codes(unsigned char *codes, const elements *e, int bits, size_t zero,
                              kerf__reading *in)
{
    const kerf__coding how = {e->rows, e->columns, bits, (uint8_t)zero};
    uint64_t num_bytes;
    const unsigned char *bytes;
    KERF__TRY(kerf__reading_number(in, in->left, &num_bytes));
    KERF__TRY(kerf__reading_take(in, (size_t)num_bytes, &bytes));
    return kerf__coder_decode(codes, &how, bytes, (size_t)num_bytes);
}

static kerf_status take_table(table *t, const elements *e, kerf__reading *in)
{
    uint64_t num;
    const unsigned char *values;
    *t = (table){0};
    KERF__TRY(kerf__reading_number(in, MOST_VALUES, &num));
    KERF__TRY(kerf__reading_take(in, (size_t)num * e->width, &values));
    t->num = (size_t)num;
    for (size_t i = 0; i < t->num; i++)
        memcpy(&t->values[i], values + i * e->width, e->width);
    return KERF_OK;
}

static kerf_status look_up(elements *e, const unsigned char *symbols, const table *t)
{
    for (size_t i = 0; i < e->num; i++) {
        if (symbols[i] >= t->num)
            return kerf__fail(KERF_ERR_FORMAT,
                              "packed weights: value %d of a table of %zu, must be below",
                              (int)symbols[i], t->num);
        memcpy(e->at + i * e->width, &t->values[symbols[i]], e->width);
    }
    return KERF_OK;
}

static kerf_status decode_table(elements *e, int is_sparse, kerf__reading *in)
{
    table t;
    KERF__TRY(take_table(&t, e, in));
    unsigned char *symbols = kerf__alloc(e->num, 1);
    if (symbols == NULL)
        return kerf__fail_memory("packed weights", e->num);
    kerf_status status = is_sparse ? take_codes(symbols, e, bits_for(t.num), find(&t, 0) & 255, in)
                                   : kerf__symbols_decode(symbols, e->num, t.num, in);
    if (status == KERF_OK)
        status = look_up(e, symbols, &t);
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
    unsigned char *flags = kerf__alloc(e->num, 1);
    if (flags == NULL)
        return kerf__fail_memory("packed weights", e->num);
    for (size_t i = 0; i < e->num; i++)
        flags[i] = (unsigned char)!is_zero(e, i);
    const kerf_status status = add_codes(out, e, flags, 1, 0);
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

/* ---- one form
 * ------------------------------------------------------------------------------------- */

static kerf_status encode_sparse(kerf__bytes *out, const elements *e)
{
    elements nonzeros;
    KERF__TRY(encode_flags(out, e));
    kerf_status status = keep_nonzeros(&nonzeros, e);
    if (status == KERF_OK)
        status = encode_bytes(out, &nonzeros);
    free(nonzeros.at);
    return status;
}

static kerf_status encode_form(kerf__bytes *out, const elements *e, unsigned char form)
{
    KERF__TRY(kerf__bytes_add(out, &form, 1));
    if ((form & TABLE) != 0)
        return encode_table(out, e, (form & SPARSE) != 0);
    return (form & SPARSE) != 0 ? encode_sparse(out, e) : encode_bytes(out, e);
}

static kerf_status decode_nonzeros(elements *e, const unsigned char *flags, kerf__reading *in)
{
    elements nonzeros = {.width = e->width};
    for (size_t i = 0; i < e->num; i++)
        nonzeros.num += flags[i];
    nonzeros.at = kerf__alloc(nonzeros.num, e->width);
    kerf_status status = nonzeros.at != NULL
                             ? decode_bytes(&nonzeros, in)
                             : kerf__fail_memory("packed weights", nonzeros.num * e->width);
    memset(e->at, 0, e->num * e->width);
    for (size_t i = 0, k = 0; status == KERF_OK && i < e->num; i++)
        if (flags[i])
            memcpy(e->at + i * e->width, nonzeros.at + k++ * e->width, e->width);
    free(nonzeros.at);
    return status;
}

static kerf_status decode_sparse(elements *e, kerf__reading *in)
{
    unsigned char *flags = kerf__alloc(e->num, 1);
    if (flags == NULL)
        return kerf__fail_memory("packed weights", e->num);
    kerf_status status = take_codes(flags, e, 1, 0, in);
    if (status == KERF_OK)
        status = decode_nonzeros(e, flags, in);
    free(flags);
    return status;
}

static kerf_status decode_form(elements *e, kerf__reading *in)
{
    const unsigned char *form;
    KERF__TRY(kerf__reading_take(in, 1, &form));
    if (*form > ALL_FORMS)
        return kerf__fail(KERF_ERR_FORMAT, "packed weights: form %d, must be 0 to %d", (int)*form,
                          (int)ALL_FORMS);
    if ((*form & TABLE) != 0)
        return decode_table(e, (*form & SPARSE) != 0, in);
    return (*form & SPARSE) != 0 ? decode_sparse(e, in) : decode_bytes(e, in);
}

/* ---- whole tensors
 * ---------------------------------------------------------------------------------- */

/* Forms that are worth trying. */
static int is_candidate(const elements *e, unsigned char form)
{
    enum { FEW = 16 }; /* with fewer zeros than one in so many flags do not pay */
    table t;
    size_t zeros = 0;
    for (size_t i = 0; i < e->num; i++)
        zeros += is_zero(e, i) != 0;
    if ((form & SPARSE) != 0 && zeros * FEW <= e->num) /* none, too, where there are none */
        return 0;
    return (form & TABLE) == 0 || make_table(&t, e);
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
