/* data/prep.c -- reading "scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225". */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/data_internal.h"

enum { NUM_CHANNELS = sizeof((kerf_prep){0}.mean) / sizeof(float) };

/* Names stand for texts. */
static const struct {
    const char *name, *text;
} NAMES[] = {
    {"unit", "scale=1/255"},
    {"signed", "scale=1/255,mean=0.5,std=0.5"},
    {"raw", "scale=1"},
};
enum { NUM_NAMES = sizeof NAMES / sizeof NAMES[0] };

static kerf_status fail_text(const char *text, const char *what)
{
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "prep '%s': %s; must be unit, signed, raw or like "
                      "scale=1/255,mean=0.5:0.5:0.5,std=0.2:0.2:0.2",
                      text, what);
}

/* A number or a quotient of two; *at moves behind it.  0 if there is none. */
static int take_number(const char **at, double *x)
{
    char *end;
    *x = strtod(*at, &end);
    if (end == *at)
        return 0;
    if (*end == '/') {
        const char *below = end + 1;
        double divisor = strtod(below, &end);
        if (end == below)
            return 0;
        *x /= divisor;
    }
    *at = end;
    return isfinite(*x) && isfinite((float)*x);
}

/* "0.485:0.456:0.406" into one number a channel; a single one is for all. */
static int take_channels(const char **at, float *channels)
{
    int num = 0;
    for (;; (*at)++) {
        double x;
        if (num == NUM_CHANNELS || !take_number(at, &x))
            return 0;
        channels[num++] = (float)x;
        if (**at != ':')
            break;
    }
    for (int i = num; i < NUM_CHANNELS; i++)
        channels[i] = num == 1 ? channels[0] : NAN;
    return 1;
}

static int take_item(kerf_prep *prep, const char **at)
{
    const char *from = strchr(*at, '=');
    if (from == NULL)
        return 0;
    size_t length = (size_t)(from - *at);
    const char *key = *at;
    *at = from + 1;
    if (length == 5 && strncmp(key, "scale", length) == 0) {
        double x;
        if (!take_number(at, &x))
            return 0;
        prep->scale = (float)x;
        return 1;
    }
    if (length == 4 && strncmp(key, "mean", length) == 0)
        return take_channels(at, prep->mean);
    if (length == 3 && strncmp(key, "std", length) == 0)
        return take_channels(at, prep->std);
    return 0;
}

kerf_status kerf_prep_parse(kerf_prep *prep, const char *text)
{
    kerf_prep p = {.scale = 1, .std = {1, 1, 1, 1}};
    const char *at = text;
    for (int i = 0; i < NUM_NAMES; i++)
        if (strcmp(text, NAMES[i].name) == 0)
            at = NAMES[i].text;
    for (;; at++) {
        if (!take_item(&p, &at) || (*at != ',' && *at != '\0'))
            return fail_text(text, "not understood");
        if (*at == '\0')
            break;
    }
    for (int i = 0; i < NUM_CHANNELS; i++)
        if (p.std[i] <= 0)
            return fail_text(text, "std is not above 0");
    *prep = p;
    return KERF_OK;
}
