/* target.c -- bounds on the command line; see target.h. */
#include "target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "say.h"

int target_wanted(const options *o)
{
    return options_given(o, "max-drop") || o->size != NULL || o->latency != NULL;
}

/* "60000", "60K", "4x": bytes, or how many times smaller. */
static int parse_size(const options *o, double *bytes, double *times)
{
    static const struct {
        const char *unit;
        double bytes;
    } UNITS[] = {{"", 1}, {"K", 0x1p10}, {"M", 0x1p20}, {"G", 0x1p30}};
    char *end;
    const double x = strtod(o->size, &end);
    *bytes = *times = NAN;
    if (end != o->size && x > 0 && isfinite(x)) {
        if (strcmp(end, "x") == 0)
            *times = x;
        for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
            if (strcmp(end, UNITS[i].unit) == 0)
                *bytes = x * UNITS[i].bytes;
    }
    return isnan(*bytes) && isnan(*times)
               ? fail_usage(o,
                            "--size %s: must be bytes such as 60000 or 60K, or 4x: so many "
                            "times smaller",
                            o->size)
               : 0;
}

typedef struct latency {
    double ms;
    kerf_precision precision;
    const char *file; /* in the option's text; NULL: measured here */
} latency;

/* ":f32" or ":f16" at *text, which moves behind it. */
static kerf_precision skip_precision(const char **text)
{
    static const kerf_precision KNOWN[] = {KERF_PRECISION_F32, KERF_PRECISION_F16};
    for (size_t i = 0; **text == ':' && i < sizeof KNOWN / sizeof KNOWN[0]; i++) {
        const char *word = kerf_precision_name(KNOWN[i]);
        if (strncmp(*text + 1, word, strlen(word)) == 0) {
            *text += 1 + strlen(word);
            return KNOWN[i];
        }
    }
    return KERF_PRECISION_F32;
}

/* "8", "8ms", "8ms@phone.json", "8ms:f16@phone.json". */
static int parse_latency(const options *o, latency *l)
{
    char *number;
    l->ms = strtod(o->latency, &number);
    const int is_number = number != o->latency && l->ms > 0 && isfinite(l->ms);
    const char *end = number + (strncmp(number, "ms", 2) == 0 ? 2 : 0);
    const int is_here = *end == '\0';
    l->precision = skip_precision(&end);
    l->file = *end == '@' && end[1] != '\0' ? end + 1 : NULL;
    if (!is_number)
        return fail_usage(o, "--latency %s: must be milliseconds above 0", o->latency);
    return is_here || l->file != NULL
               ? 0
               : fail_usage(o,
                            "--latency %s: must be milliseconds, or MS@FILE or MS:f16@FILE: those "
                            "of the device that `kerf bench M --costs -o FILE` ran on",
                            o->latency);
}

const char *target_costs_file(const options *o)
{
    const char *at = o->latency != NULL ? strchr(o->latency, '@') : NULL;
    return at != NULL ? at + 1 : NULL;
}

void target_tell_clock(const options *o, FILE *out)
{
    if (target_costs_file(o) != NULL)
        fprintf(out, " by %s", target_costs_file(o));
}

/* What the file says, and predicts in the precision that is asked for; the caller destroys it in
 * any case. */
static int read_costs(const options *o, const latency *l, kerf_costs **costs)
{
    char *text;
    int code = file_read_text(o, l->file, &text);
    if (code != 0)
        return code;
    if (kerf_costs_parse(costs, text) != KERF_OK ||
        kerf_costs_set_precision(*costs, l->precision) != KERF_OK)
        code = fail_work(o, "%s: %s", l->file, kerf_last_error());
    free(text);
    return code;
}

/* A file that cannot be believed is told before long work begins. */
static int check_latency(const options *o)
{
    latency l;
    kerf_costs *costs = NULL;
    int code = parse_latency(o, &l);
    if (code == 0 && l.file != NULL)
        code = read_costs(o, &l, &costs);
    kerf_costs_destroy(costs);
    return code;
}

int target_check(const options *o)
{
    double x, y;
    int code = o->size != NULL ? parse_size(o, &x, &y) : 0;
    return code == 0 && o->latency != NULL ? check_latency(o) : code;
}

int target_costs(const options *o, const kerf_graph *g, const kerf_state *s, kerf_costs **costs)
{
    latency l;
    *costs = NULL;
    if (target_costs_file(o) == NULL)
        return 0;
    int code = parse_latency(o, &l);
    if (code == 0)
        code = read_costs(o, &l, costs);
    if (code == 0 && kerf_costs_check(*costs, g, s) != KERF_OK)
        code = fail_work(o, "%s: %s", l.file, kerf_last_error());
    if (code == 0)
        return 0;
    kerf_costs_destroy(*costs);
    *costs = NULL;
    return code;
}

int target_make(const options *o, double whole_bytes, kerf_target *target)
{
    double times = NAN;
    latency l = {.ms = NAN};
    int code = 0;
    *target = (kerf_target){NAN, NAN, NAN};
    if (options_given(o, "max-drop"))
        target->max_drop = o->max_drop;
    if (o->size != NULL)
        code = parse_size(o, &target->bytes, &times);
    if (code == 0 && o->latency != NULL)
        code = parse_latency(o, &l);
    target->ms = l.ms;
    if (!isnan(times))
        target->bytes = whole_bytes / times;
    return code;
}
