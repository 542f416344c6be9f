/* quantize/quantize_text.c -- choices as people write them: types of weights, also by layer, what
 * shares a scale, and observers. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "kerf/quantize.h"

/* ---- weights -------------------------------------------------------------------------------- */

static kerf_status parse_type(const char *all, const char *text, kerf_type *type)
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
            return KERF_OK;
        }
    return kerf__fail(
        KERF_ERR_ARGUMENT,
        "weights %s: '%s' must be int8, int4, int2, f16 or float, or by layer such as "
        "'conv1=int8,*=int4'",
        all, text);
}

static kerf_status parse_mode(const char *all, const char *text, kerf_quantize_mode *mode)
{
    static const char *const NAMES[] = {[KERF_QUANTIZE_DYNAMIC] = "dynamic",
                                        [KERF_QUANTIZE_STATIC] = "static",
                                        [KERF_QUANTIZE_WEIGHT_ONLY] = "weight-only"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(text, NAMES[i]) == 0) {
            *mode = (kerf_quantize_mode)i;
            return KERF_OK;
        }
    return kerf__fail(KERF_ERR_ARGUMENT, "weights %s: '%s' must be dynamic, static or weight-only",
                      all, text);
}

/* "LAYER=TYPE", "LAYER=TYPE:MODE", or "TYPE". */
static kerf_status add_entry(const char *all, char *entry, kerf_quantize_options *q,
                             kerf_quantize_choice *items)
{
    char *equals = strrchr(entry, '=');
    if (equals == NULL)
        return parse_type(all, entry, &q->weights);
    *equals++ = '\0';
    if (entry[0] == '\0')
        return kerf__fail(KERF_ERR_ARGUMENT, "weights %s: the layer's name is missing in '=%s'",
                          all, equals);
    kerf_quantize_choice *c = &items[q->num_choices++];
    *c = (kerf_quantize_choice){.pattern = entry, .mode = q->mode};
    char *colon = strchr(equals, ':');
    if (colon != NULL) {
        *colon++ = '\0';
        KERF__TRY(parse_mode(all, colon, &c->mode));
    }
    return parse_type(all, equals, &c->weights);
}

/* The choices and, behind them, the text that they point into. */
kerf_status kerf_quantize_parse_weights(kerf_quantize_options *q, const char *text, void **kept)
{
    size_t num_entries = 1;
    for (const char *p = text; *p != '\0'; p++)
        num_entries += *p == ',';
    const size_t bytes = num_entries * sizeof(kerf_quantize_choice) + strlen(text) + 1;
    kerf_quantize_choice *items = *kept = kerf__alloc(bytes, 1);
    if (items == NULL)
        return kerf__fail_memory("quantize", bytes);
    char *copy = strcpy((char *)(items + num_entries), text);
    q->choices = items;
    q->num_choices = 0;
    for (char *entry = copy; entry != NULL;) {
        char *comma = strchr(entry, ',');
        if (comma != NULL)
            *comma++ = '\0';
        KERF__TRY(add_entry(text, entry, q, items));
        entry = comma;
    }
    return KERF_OK;
}

/* ---- scales and observers ------------------------------------------------------------------- */

kerf_status kerf_quantize_parse_per(kerf_quantize_options *q, const char *text)
{
    char *end;
    const int is_tensor = strcmp(text, "tensor") == 0;
    if (is_tensor || strcmp(text, "channel") == 0) {
        q->per = is_tensor ? KERF_PER_TENSOR : KERF_PER_CHANNEL;
        return KERF_OK;
    }
    q->per = KERF_PER_BLOCK;
    if (strncmp(text, "block=", 6) == 0) {
        q->block = strtoll(text + 6, &end, 10);
        if (end != text + 6 && *end == '\0')
            return KERF_OK;
    }
    return kerf__fail(KERF_ERR_ARGUMENT, "per %s: must be tensor, channel or block=N", text);
}

static kerf_status parse_percentile(kerf_calibrate_options *how, const char *text)
{
    char *end;
    const char *number = text + strlen("percentile=");
    how->observer = KERF_OBSERVE_PERCENTILE;
    how->percentile = strtod(number, &end);
    if (end != number && *end == '\0' && how->percentile > 50 && how->percentile <= 100)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "observer %s: the percentile must be above 50 and at most 100", text);
}

kerf_status kerf_quantize_parse_observer(kerf_calibrate_options *how, const char *text)
{
    static const char *const NAMES[] = {[KERF_OBSERVE_MINMAX] = "minmax",
                                        [KERF_OBSERVE_MOVING] = "moving",
                                        [KERF_OBSERVE_PERCENTILE] = "percentile",
                                        [KERF_OBSERVE_MSE] = "mse",
                                        [KERF_OBSERVE_ENTROPY] = "entropy"};
    if (strncmp(text, "percentile=", 11) == 0)
        return parse_percentile(how, text);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(text, NAMES[i]) == 0) {
            how->observer = (kerf_observer)i;
            return KERF_OK;
        }
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "observer %s: must be minmax, moving, percentile=P, mse or entropy", text);
}
