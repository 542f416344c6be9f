/* target.c -- bounds on the command line; see target.h. */
#include "target.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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

static int parse_latency(const options *o, double *ms)
{
    char *end;
    *ms = strtod(o->latency, &end);
    return end != o->latency && *end == '\0' && *ms > 0 && isfinite(*ms)
               ? 0
               : fail_usage(o, "--latency %s: must be milliseconds above 0", o->latency);
}

int target_check(const options *o)
{
    double x, y;
    int code = o->size != NULL ? parse_size(o, &x, &y) : 0;
    return code == 0 && o->latency != NULL ? parse_latency(o, &x) : code;
}

int target_make(const options *o, double whole_bytes, kerf_target *target)
{
    double times = NAN;
    int code = 0;
    *target = (kerf_target){NAN, NAN, NAN};
    if (options_given(o, "max-drop"))
        target->max_drop = o->max_drop;
    if (o->size != NULL)
        code = parse_size(o, &target->bytes, &times);
    if (code == 0 && o->latency != NULL)
        code = parse_latency(o, &target->ms);
    if (!isnan(times))
        target->bytes = whole_bytes / times;
    return code;
}
