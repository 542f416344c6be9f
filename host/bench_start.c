/* bench_start.c -- `kerf bench M --start`: what a start takes, from a fresh process to its first
 * result (bench_start_posix.c).  The first has an empty cache folder; the others share that of the
 * user, behind one that fills it and does not count. */
#include "bench_start.h"

#include <math.h>
#include <stdio.h>

#include "bench.h"
#include "json.h"
#include "stats.h"
#include "text.h"

enum { DEFAULT_STARTS = 15 };

/* ---- telling ------------------------------------------------------------------------------ */

static const struct {
    const char *key, *words;
    size_t offset;
} PARTS[] = {
    {"open_ms", "open", offsetof(start_times, open_ms)},
    {"read_ms", "read", offsetof(start_times, read_ms)},
    {"build_ms", "build", offsetof(start_times, build_ms)},
    {"plan_ms", "plan", offsetof(start_times, plan_ms)},
    {"first_ms", "first run", offsetof(start_times, first_ms)},
    {"total_ms", "all together", offsetof(start_times, total_ms)},
};
enum { NUM_PARTS = sizeof PARTS / sizeof PARTS[0] };

static double *part(start_times *t, size_t i)
{
    return (double *)((char *)t + PARTS[i].offset);
}

json_t *start_json(const start_times *t)
{
    start_times copy = *t;
    json_t *object = json_object();
    for (size_t i = 0; i < NUM_PARTS; i++)
        json_object_set_new(object, PARTS[i].key, json_number(*part(&copy, i)));
    json_object_set_new(object, "compiled", json_integer(t->num_compiled));
    json_object_set_new(object, "loaded", json_integer(t->num_loaded));
    return object;
}

void start_print(const start_times *t, const char *what)
{
    start_times copy = *t;
    printf("%s:", what);
    for (size_t i = 0; i < NUM_PARTS; i++)
        if (!isnan(*part(&copy, i)))
            printf("%s %s %.1f ms", i > 0 ? "," : "", PARTS[i].words, *part(&copy, i));
    printf("; %d programs compiled, %d loaded\n", t->num_compiled, t->num_loaded);
}

/* ---- all of them -------------------------------------------------------------------------- */

/* Each part's median. */
static int start_warm(const options *o, size_t num, start_times *median)
{
    start_times one;
    timing times[NUM_PARTS] = {{0}};
    int code = start_apart(o, median);
    for (size_t n = 0; code == 0 && n < num; n++) {
        code = start_apart(o, &one);
        for (size_t i = 0; code == 0 && i < NUM_PARTS; i++)
            if (!timing_add(&times[i], *part(&one, i)))
                code = fail_memory(o);
        *median = one; /* counts of programs are the last one's */
    }
    for (size_t i = 0; i < NUM_PARTS; i++) {
        if (code == 0)
            *part(median, i) = timing_summarize(&times[i]).median;
        timing_free(&times[i]);
    }
    return code;
}

static int report(const options *o, const start_times *cold, const start_times *warm, size_t num)
{
    json_t *object = json_begin(), *start = start_json(warm);
    json_object_set_new(start, "runs", json_integer((json_int_t)num));
    json_object_set_new(start, "cold", start_json(cold));
    json_object_set_new(object, "model", json_text(o->words.items[0]));
    json_object_set_new(object, "start", start);
    if (!o->json) {
        start_print(cold, "cold start");
        start_print(warm, "warm start");
        printf("%.1fx as fast, medians of %zu warm starts\n", cold->total_ms / warm->total_ms, num);
    }
    return bench_finish(o, object);
}

int bench_starts(const options *o)
{
    const size_t num = options_given(o, "runs") ? (size_t)o->runs : DEFAULT_STARTS;
    start_times cold, warm;
    if (o->words.num != 1)
        return fail_usage(o, "--start: takes one model");
    int code = start_cold(o, &cold);
    if (code == 0)
        code = start_warm(o, num, &warm);
    return code == 0 ? report(o, &cold, &warm, num) : code;
}
