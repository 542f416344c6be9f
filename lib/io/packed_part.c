/* io/packed_part.c -- one tensor of a packed file, decoded when the graph comes to it.  Other half:
 * packed_read.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/io_internal.h"
#include "io/packed_internal.h"
#include "io/weights_coder.h"

/* Plain decimal digits; SIZE_MAX for anything else. */
static size_t part_number(const char *text)
{
    size_t x = 0;
    if (*text == '\0')
        return SIZE_MAX;
    for (; *text >= '0' && *text <= '9' && x < KERF__MOST_PARTS; text++)
        x = x * 10 + (size_t)(*text - '0');
    return *text == '\0' ? x : SIZE_MAX;
}

static size_t part_of(Onnx__StringStringEntryProto *const *entries, size_t num_entries)
{
    size_t part = SIZE_MAX;
    int is_here = 0;
    for (size_t i = 0; i < num_entries; i++) {
        const char *key = kerf__text(entries[i]->key), *text = kerf__text(entries[i]->value);
        is_here |= strcmp(key, "location") == 0 && strcmp(text, KERF__PACKED_LOCATION) == 0;
        if (strcmp(key, "offset") == 0)
            part = part_number(text);
    }
    return is_here ? part : SIZE_MAX;
}

static void tell(kerf_packed_tensor *told, const char *name, const kerf__array *a, size_t num_bytes)
{
    told->bytes = (double)a->num_bytes;
    told->packed_bytes = (double)num_bytes;
    snprintf(told->name, sizeof told->name, "%s", name);
}

static kerf_status decode(kerf__array *a, const kerf__packed_parts *parts, size_t part)
{
    void *owned;
    const unsigned char *bytes;
    const size_t num = parts->num_bytes[part];
    KERF__TRY(kerf__packed_fetch(parts->source, parts->at[part], num, &owned, &bytes));
    if (parts->told != NULL && num > 0)
        parts->told[part].form = (kerf_packed_form)bytes[0];
    const kerf_status status =
        kerf__weights_decode(a->owned, a->type, a->shape, (kerf__reading){bytes, num});
    free(owned);
    return status;
}

/* The coders know no names. */
static kerf_status named(kerf_status status, const char *what)
{
    return status == KERF_OK ? KERF_OK : kerf__fail_clean(status, what);
}

kerf_status kerf__packed_take(kerf__array *a, const Onnx__TensorProto *t,
                              const kerf__packed_parts *parts, const char *what)
{
    const size_t part = part_of(t->external_data, t->n_external_data);
    if (part >= parts->num)
        return kerf__fail(KERF_ERR_FORMAT, "%s: lies in no part of the packed file", what);
    KERF__TRY(named(kerf__weights_check(a->type, a->shape, parts->num_bytes[part]), what));
    a->owned = kerf__alloc(a->num_bytes, 1);
    if (a->owned == NULL)
        return kerf__fail_memory(what, a->num_bytes);
    a->bytes = a->owned;
    KERF__TRY(named(decode(a, parts, part), what));
    if (parts->told != NULL)
        tell(&parts->told[part], kerf__text(t->name), a, parts->num_bytes[part]);
    return KERF_OK;
}
