/* data/npy.c -- NumPy's .npy: a magic, a Python dictionary as text, then the items.
 *
 * The dictionary has three keys in any order.  Of Python's syntax we read what NumPy has
 * ever written: quoted texts, True and False, tuples of whole numbers. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"
#include "tensor/tensor_internal.h"

static const struct {
    const char *descr;
    kerf_type type;
} DESCRS[] = {
    {"<f4", KERF_F32}, {"<f2", KERF_F16}, {"<i4", KERF_S32},  {"<i8", KERF_S64},
    {"|u1", KERF_U8},  {"|i1", KERF_S8},  {"|b1", KERF_BOOL}, {"<u1", KERF_U8},
    {"<i1", KERF_S8},  {"=f4", KERF_F32}, {"<i2", KERF_S16},  {"<u2", KERF_U16},
};
enum { NUM_DESCRS = sizeof DESCRS / sizeof DESCRS[0] };

typedef struct header {
    char descr[16];
    int fortran_order;
    kerf_shape shape;
    unsigned seen; /* a bit a key */
} header;
enum { SEEN_DESCR = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4 };

/* ---- the dictionary ------------------------------------------------------------------------- */

static void skip_blanks(const char **at)
{
    while (**at == ' ' || **at == '\t' || **at == '\n')
        (*at)++;
}

/* Takes the mark if it comes next. */
static int take_mark(const char **at, char mark)
{
    skip_blanks(at);
    if (**at != mark)
        return 0;
    (*at)++;
    return 1;
}

static int take_word(const char **at, const char *word)
{
    skip_blanks(at);
    size_t length = strlen(word);
    if (strncmp(*at, word, length) != 0)
        return 0;
    *at += length;
    return 1;
}

static int take_quoted(const char **at, char *text, size_t text_bytes)
{
    skip_blanks(at);
    char quote = **at;
    if (quote != '\'' && quote != '"')
        return 0;
    size_t num = 0;
    for ((*at)++; **at != quote; (*at)++) {
        if (**at == '\0' || num + 1 == text_bytes)
            return 0;
        text[num++] = **at;
    }
    (*at)++;
    text[num] = '\0';
    return 1;
}

static int take_dimension(const char **at, int64_t *dim)
{
    skip_blanks(at);
    if (**at < '0' || **at > '9')
        return 0;
    *dim = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        if (*dim > (INT64_MAX - 9) / 10)
            return 0;
        *dim = *dim * 10 + (**at - '0');
    }
    if (**at == 'L') /* Python 2 */
        (*at)++;
    return 1;
}

static int take_shape(const char **at, kerf_shape *shape)
{
    *shape = KERF_SCALAR;
    if (!take_mark(at, '('))
        return 0;
    while (!take_mark(at, ')')) {
        if (shape->rank == KERF_MAX_RANK || !take_dimension(at, &shape->dims[shape->rank]))
            return 0;
        shape->rank++;
        skip_blanks(at);
        if (!take_mark(at, ',') && **at != ')')
            return 0;
    }
    return 1;
}

static int take_item(const char **at, header *h)
{
    char key[16];
    if (!take_quoted(at, key, sizeof key) || !take_mark(at, ':'))
        return 0;
    if (strcmp(key, "descr") == 0) {
        h->seen |= SEEN_DESCR;
        return take_quoted(at, h->descr, sizeof h->descr);
    }
    if (strcmp(key, "fortran_order") == 0) {
        h->seen |= SEEN_ORDER;
        h->fortran_order = take_word(at, "True");
        return h->fortran_order || take_word(at, "False");
    }
    h->seen |= SEEN_SHAPE;
    return strcmp(key, "shape") == 0 && take_shape(at, &h->shape);
}

static int take_header(const char *text, header *h)
{
    const char **at = &text;
    if (!take_mark(at, '{'))
        return 0;
    while (!take_mark(at, '}')) {
        if (!take_item(at, h))
            return 0;
        skip_blanks(at);
        if (!take_mark(at, ',') && **at != '}')
            return 0;
    }
    skip_blanks(at);
    return **at == '\0' && h->seen == (SEEN_DESCR | SEEN_ORDER | SEEN_SHAPE);
}

/* ---- reading ------------------------------------------------------------------------------ */

/* Where the dictionary lies: magic, version, its length in 2 or (from version 2) 4 bytes. */
static kerf_status find_header(const char *name, const unsigned char *b, size_t num_bytes,
                               size_t *start, size_t *length)
{
    if (num_bytes < 10 || memcmp(b, "\x93NUMPY", 6) != 0)
        return kerf__fail(KERF_ERR_FORMAT, "%s: is not a .npy file", name);
    if (b[6] < 1 || b[6] > 3)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: is .npy version %d, must be 1 to 3", name,
                          b[6]);
    *start = b[6] == 1 ? 10 : 12;
    *length = (size_t)b[8] | (size_t)b[9] << 8;
    if (b[6] > 1 && num_bytes >= 12)
        *length |= (size_t)b[10] << 16 | (size_t)b[11] << 24;
    if (num_bytes < *start || num_bytes - *start < *length)
        return kerf__fail(KERF_ERR_FORMAT, "%s: is cut inside its header", name);
    return KERF_OK;
}

static kerf_status read_header(const char *name, const char *bytes, size_t length, header *h)
{
    char *text = kerf__alloc(length + 1, 1);
    if (text == NULL)
        return kerf__fail_memory(name, length);
    memcpy(text, bytes, length);
    *h = (header){.shape = KERF_SCALAR};
    int good = memchr(text, '\0', length) == NULL && take_header(text, h);
    free(text);
    if (!good)
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: its header must be {'descr': TYPE, 'fortran_order': BOOL, 'shape': "
                          "TUPLE}, at most %d dimensions",
                          name, KERF_MAX_RANK);
    if (h->fortran_order && h->shape.rank > 1)
        return kerf__fail(KERF_ERR_UNSUPPORTED,
                          "%s: is in Fortran's order, must be in C's (numpy.ascontiguousarray)",
                          name);
    return KERF_OK;
}

/* float64 comes in as float32. */
static kerf_status find_type(const char *name, const char *descr, kerf_type *type, int *is_double)
{
    *is_double = strcmp(descr, "<f8") == 0;
    *type = KERF_F32;
    if (*is_double)
        return KERF_OK;
    for (int i = 0; i < NUM_DESCRS; i++) {
        if (strcmp(descr, DESCRS[i].descr) == 0) {
            *type = DESCRS[i].type;
            return KERF_OK;
        }
    }
    return kerf__fail(KERF_ERR_UNSUPPORTED,
                      "%s: holds items '%s', must be one of <f4 <f8 <f2 <i4 <i8 |u1 |i1 |b1", name,
                      descr);
}

static void narrow(const char *src, float *dst, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        double x;
        memcpy(&x, src + i * sizeof x, sizeof x); /* need not be aligned */
        dst[i] = (float)x;
    }
}

kerf_status kerf__npy_parse(kerf_tensor **out, const char *name, const void *bytes,
                            size_t num_bytes)
{
    size_t start = 0, length = 0;
    header h;
    kerf_type type = KERF_F32;
    int is_double = 0;
    *out = NULL;
    KERF__TRY(find_header(name, bytes, num_bytes, &start, &length));
    KERF__TRY(read_header(name, (const char *)bytes + start, length, &h));
    KERF__TRY(find_type(name, h.descr, &type, &is_double));
    const char *items = (const char *)bytes + start + length;
    size_t left = num_bytes - start - length;
    int64_t wanted = kerf__tensor_bytes(is_double ? KERF_S64 : type, h.shape);
    if (wanted < 0 || (uint64_t)wanted != left) { /* before anything is allocated */
        char text[256];
        return kerf__fail(KERF_ERR_FORMAT, "%s: has %zu bytes of items, must have %lld for %s",
                          name, left, (long long)wanted,
                          kerf_shape_text(h.shape, text, sizeof text));
    }
    KERF__TRY(kerf_tensor_create(out, NULL, type, h.shape));
    if (is_double)
        narrow(items, (*out)->data, (*out)->num_elements);
    else if (left > 0)
        memcpy((*out)->data, items, left);
    return KERF_OK;
}

kerf_status kerf_npy_read(kerf_tensor **out, const char *path)
{
    void *bytes;
    size_t num_bytes;
    *out = NULL;
    KERF__TRY(kerf__file_read(path, 0, &bytes, &num_bytes));
    kerf_status status = kerf__npy_parse(out, path, bytes, num_bytes);
    free(bytes);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------ */

/* Version 1; NumPy pads the header so that the items begin at a multiple of 64. */
enum { ALIGN = 64, MAX_HEADER = 4 * ALIGN };

static const unsigned char MAGIC[8] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};

static size_t format_header(unsigned char *bytes, const char *descr, kerf_shape shape)
{
    char *text = (char *)bytes + 10;
    const size_t room = MAX_HEADER - 10;
    int num = snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
    for (int i = 0; i < shape.rank; i++) { /* as Python writes: (), (5,), (2, 3) */
        const char *behind = i + 1 < shape.rank ? ", " : shape.rank == 1 ? "," : "";
        num += snprintf(text + num, room - (size_t)num, "%lld%s", (long long)shape.dims[i], behind);
    }
    num += snprintf(text + num, room - (size_t)num, "), }");
    /* The longest: 54 and 8 times 21 characters. */
    assert(num + 11 <= MAX_HEADER);
    size_t total = ((size_t)num + 11 + ALIGN - 1) / ALIGN * ALIGN, length = total - 10;
    memcpy(bytes, MAGIC, sizeof MAGIC);
    bytes[8] = (unsigned char)(length & 255);
    bytes[9] = (unsigned char)(length >> 8);
    memset(bytes + 10 + num, ' ', length - (size_t)num);
    bytes[total - 1] = '\n';
    return total;
}

kerf_status kerf_npy_write(const kerf_tensor *t, const char *path)
{
    const char *descr = NULL;
    for (int i = NUM_DESCRS - 1; i >= 0; i--) /* the first of a type is how NumPy writes it */
        if (DESCRS[i].type == t->type)
            descr = DESCRS[i].descr;
    if (descr == NULL)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: .npy cannot hold packed %s", path,
                          kerf_type_name(t->type));
    unsigned char *bytes = kerf__alloc(MAX_HEADER + t->size_bytes, 1);
    if (bytes == NULL)
        return kerf__fail_memory(path, MAX_HEADER + t->size_bytes);
    size_t header_bytes = format_header(bytes, descr, t->shape);
    kerf_status status = kerf_tensor_read(t, bytes + header_bytes);
    if (status == KERF_OK)
        status = kerf__file_write(path, bytes, header_bytes + t->size_bytes);
    free(bytes);
    return status;
}
