/* quantize_weights.c -- "int4", or by layer "conv1=int8,fc1=int4:weight-only,*=float"; see
 * quantize_weights.h.  The first pattern that fits counts, as with amounts (amounts.c); a plain
 * type among them is the one for all others. */
#include "quantize_weights.h"

#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "text.h"

static int parse_type(const options *o, const char *text, kerf_type *type)
{
    static const struct {
        const char *name;
        kerf_type type;
    } TYPES[] = {{"int8", KERF_S8},
                 {"int4", KERF_S4},
                 {"int2", KERF_S2},
                 {"f16", KERF_F16},
                 {"float", KERF_F32}};
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++)
        if (strcmp(text, TYPES[i].name) == 0) {
            *type = TYPES[i].type;
            return 0;
        }
    return fail_usage(
        o,
        "--weights %s: '%s' must be int8, int4, int2, f16 or float, or by layer such as "
        "'conv1=int8,*=int4'",
        o->weights, text);
}

static int parse_mode(const options *o, const char *text, kerf_quantize_mode *mode)
{
    static const char *const NAMES[] = {[KERF_QUANTIZE_DYNAMIC] = "dynamic",
                                        [KERF_QUANTIZE_STATIC] = "static",
                                        [KERF_QUANTIZE_WEIGHT_ONLY] = "weight-only"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(text, NAMES[i]) == 0) {
            *mode = (kerf_quantize_mode)i;
            return 0;
        }
    return fail_usage(o, "--weights %s: '%s' must be dynamic, static or weight-only", o->weights,
                      text);
}

/* "LAYER=TYPE", "LAYER=TYPE:MODE", or "TYPE". */
static int add_entry(const options *o, char *entry, kerf_quantize_options *q, weight_choices *w)
{
    char *equals = strrchr(entry, '=');
    if (equals == NULL)
        return parse_type(o, entry, &q->weights);
    *equals++ = '\0';
    if (entry[0] == '\0')
        return fail_usage(o, "--weights %s: the layer's name is missing in '=%s'", o->weights,
                          equals);
    kerf_quantize_choice *c = &w->items[w->num];
    *c = (kerf_quantize_choice){.pattern = entry, .mode = q->mode};
    char *colon = strchr(equals, ':');
    int code = 0;
    if (colon != NULL) {
        *colon++ = '\0';
        code = parse_mode(o, colon, &c->mode);
    }
    w->num += code == 0;
    return code == 0 ? parse_type(o, equals, &c->weights) : code;
}

int weights_parse(const options *o, kerf_quantize_options *q, weight_choices *w)
{
    *w = (weight_choices){0};
    if (o->weights == NULL)
        return 0;
    size_t num_entries = 1;
    for (const char *p = o->weights; *p != '\0'; p++)
        num_entries += *p == ',';
    w->text = copy_text(o->weights, strlen(o->weights), 0);
    w->items = calloc(num_entries, sizeof *w->items);
    if (w->text == NULL || w->items == NULL)
        return fail_memory(o);
    int code = 0;
    for (char *entry = w->text; entry != NULL && code == 0;) {
        char *comma = strchr(entry, ',');
        if (comma != NULL)
            *comma++ = '\0';
        code = add_entry(o, entry, q, w);
        entry = comma;
    }
    q->choices = w->items;
    q->num_choices = w->num;
    return code;
}

void weights_free(weight_choices *w)
{
    free(w->items);
    free(w->text);
    *w = (weight_choices){0};
}
