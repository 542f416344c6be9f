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

/* "8", "8ms", "8ms@phone.json"; *file is NULL without one. */
static int parse_latency(const options *o, double *ms, const char **file)
{
    char *end;
    *ms = strtod(o->latency, &end);
    const int is_number = end != o->latency && *ms > 0 && isfinite(*ms);
    end += strncmp(end, "ms", 2) == 0 ? 2 : 0;
    *file = *end == '@' && end[1] != '\0' ? end + 1 : NULL;
    if (!is_number)
        return fail_usage(o, "--latency %s: must be milliseconds above 0", o->latency);
    return *end == '\0' || *file != NULL
               ? 0
               : fail_usage(o,
                            "--latency %s: must be milliseconds, or MS@FILE: those of the device "
                            "that `kerf bench M --costs -o FILE` ran on",
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

static int read_costs(const options *o, const char *path, kerf_costs **costs)
{
    char *text;
    int code = file_read_text(o, path, &text);
    if (code != 0)
        return code;
    if (kerf_costs_parse(costs, text) != KERF_OK)
        code = fail_work(o, "%s: %s", path, kerf_last_error());
    free(text);
    return code;
}

/* A file that cannot be believed is told before long work begins. */
static int check_latency(const options *o)
{
    double ms;
    const char *file;
    kerf_costs *costs = NULL;
    int code = parse_latency(o, &ms, &file);
    if (code == 0 && file != NULL)
        code = read_costs(o, file, &costs);
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
    const char *file = target_costs_file(o);
    *costs = NULL;
    if (file == NULL)
        return 0;
    int code = read_costs(o, file, costs);
    if (code == 0 && kerf_costs_check(*costs, g, s) != KERF_OK)
        code = fail_work(o, "%s: %s", file, kerf_last_error());
    if (code == 0)
        return 0;
    kerf_costs_destroy(*costs);
    *costs = NULL;
    return code;
}

int target_make(const options *o, double whole_bytes, kerf_target *target)
{
    double times = NAN;
    const char *file;
    int code = 0;
    *target = (kerf_target){NAN, NAN, NAN};
    if (options_given(o, "max-drop"))
        target->max_drop = o->max_drop;
    if (o->size != NULL)
        code = parse_size(o, &target->bytes, &times);
    if (code == 0 && o->latency != NULL)
        code = parse_latency(o, &target->ms, &file);
    if (!isnan(times))
        target->bytes = whole_bytes / times;
    return code;
}
