/* sweep.c -- a grid of runs, each in a folder of its own below that of all; see sweep.h.
 *
 * A point is an ordinary run (points.c), so a grid that was stopped goes on with --resume: finished
 * points are taken as they are.  sweep.json tells all of it to others. */
#include "sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "kerf/recipe.h"
#include "json.h"
#include "points.h"
#include "ranks.h"
#include "table.h"
#include "text.h"

enum { MOST_AXES = 8, MOST_POINTS = 10000 };

/* "KEY=[A,B,C]", taken apart: each value as "KEY=A". */
typedef struct axis {
    const char **sets; /* owned, with the texts */
    size_t num;
} axis;

typedef struct sweep {
    const options *o;
    const char *dir;
    axis axes[MOST_AXES];
    size_t num_axes, num_points;
    int64_t first_seed, num_seeds;
    char (*seeds)[40]; /* owned: "seed=1" */
    point_run *runs;   /* owned */
    size_t num_runs, num_failed;
    json_t *points;
} sweep;

int sweep_wanted(const options *o)
{
    return o->sweeps.num > 0 || options_given(o, "seeds");
}

/* ---- the grid ------------------------------------------------------------------------------- */

static int bad_axis(const options *o, const char *text)
{
    return fail_usage(o,
                      "--sweep %s: must be KEY=[A,B,...], such as "
                      "steps.0.prune.sparsity=[0.9,0.95]",
                      text);
}

/* Up to the next comma that stands in no quotes. */
static size_t value_length(const char *text)
{
    char quote = 0;
    size_t i = 0;
    for (; text[i] != '\0' && (quote != 0 || text[i] != ','); i++)
        if (text[i] == quote)
            quote = 0;
        else if (quote == 0 && (text[i] == '\'' || text[i] == '"'))
            quote = text[i];
    return i;
}

static int add_value(const options *o, axis *a, const char *key, size_t key_length,
                     const char *value, size_t length)
{
    const char **sets = realloc(a->sets, (a->num + 1) * sizeof *sets);
    char *set = copy_text(key, key_length, length + 1);
    if (sets != NULL)
        a->sets = sets;
    if (sets == NULL || set == NULL) {
        free(set);
        return fail_memory(o);
    }
    set[key_length] = '=';
    memcpy(set + key_length + 1, value, length);
    set[key_length + 1 + length] = '\0';
    a->sets[a->num++] = set;
    return 0;
}

static int parse_axis(const options *o, const char *text, axis *a)
{
    const char *equals = strchr(text, '=');
    const size_t length = strlen(text);
    if (equals == NULL || equals == text || equals[1] != '[' || text[length - 1] != ']' ||
        equals + 2 >= text + length - 1)
        return bad_axis(o, text);
    if (strncmp(text, "seed=", 5) == 0)
        return fail_usage(o,
                          "--sweep %s: each point has all seeds: must be --seeds N, from the "
                          "recipe's seed on",
                          text);
    char *values = copy_text(equals + 2, (size_t)(text + length - 1 - (equals + 2)), 0);
    int code = values == NULL ? fail_memory(o) : 0;
    for (const char *at = values; code == 0; at++) {
        const size_t num = value_length(at);
        code =
            num > 0 ? add_value(o, a, text, (size_t)(equals - text), at, num) : bad_axis(o, text);
        at += num;
        if (*at == '\0')
            break;
    }
    free(values);
    return code;
}

static int parse_axes(sweep *s)
{
    const options *o = s->o;
    s->num_points = 1;
    if (o->sweeps.num > MOST_AXES)
        return fail_usage(o, "--sweep: stands %zu times, must be %d at most", o->sweeps.num,
                          (int)MOST_AXES);
    for (size_t i = 0; i < o->sweeps.num; i++) {
        int code = parse_axis(o, o->sweeps.items[i], &s->axes[s->num_axes++]);
        if (code != 0)
            return code;
        s->num_points *= s->axes[i].num;
        if (s->num_points > MOST_POINTS)
            return fail_usage(o, "--sweep: makes more than %d points", (int)MOST_POINTS);
    }
    return 0;
}

/* The value of an axis at a point: the last axis changes fastest. */
static const char *set_of(const sweep *s, size_t point, size_t k)
{
    for (size_t i = s->num_axes; i-- > k + 1;)
        point /= s->axes[i].num;
    return s->axes[k].sets[point % s->axes[k].num];
}

/* ---- runs ----------------------------------------------------------------------------------- */

/* What a point sets, and its seed behind that; freed with free(), NULL without memory. */
static const char **list_sets(const sweep *s, size_t point, const char *seed)
{
    const char **items = calloc(s->num_axes + 1, sizeof *items);
    for (size_t k = 0; items != NULL && k < s->num_axes; k++)
        items[k] = set_of(s, point, k);
    if (items != NULL)
        items[s->num_axes] = seed;
    return items;
}

/* A value that cannot be is told before hours are spent on others. */
static int check_points(const sweep *s)
{
    kerf_recipe *r;
    kerf_status status = KERF_OK;
    const text_list *given = &s->o->sets;
    const size_t num = given->num + s->num_axes + 1;
    const char **all = calloc(num, sizeof *all);
    for (size_t i = 0; all != NULL && status == KERF_OK && i < s->num_points; i++) {
        for (size_t k = 0; k < num; k++)
            all[k] = k < given->num ? given->items[k]
                     : k + 1 < num  ? set_of(s, i, k - given->num)
                                    : "seed=1";
        status = kerf_recipe_read(&r, s->o->words.items[0], all, num);
        kerf_recipe_destroy(r);
    }
    free(all);
    if (all == NULL)
        return fail_memory(s->o);
    return status == KERF_OK ? 0 : fail_kerf(s->o, status);
}

/* Seed by seed of each point in turn; 0 or an exit code. */
static int make_runs(sweep *s)
{
    char name[64];
    s->num_runs = s->num_points * (size_t)s->num_seeds;
    s->runs = calloc(s->num_runs, sizeof *s->runs);
    s->seeds = calloc((size_t)s->num_seeds, sizeof *s->seeds);
    if (s->runs == NULL || s->seeds == NULL)
        return fail_memory(s->o);
    for (size_t i = 0; i < (size_t)s->num_seeds; i++)
        snprintf(s->seeds[i], sizeof s->seeds[i], "seed=%lld",
                 (long long)s->first_seed + (long long)i);
    for (size_t i = 0; i < s->num_runs; i++) {
        const size_t at = i / (size_t)s->num_seeds, seed = i % (size_t)s->num_seeds;
        snprintf(name, sizeof name, "point-%zu-seed-%s", at + 1, s->seeds[seed] + strlen("seed="));
        s->runs[i] = (point_run){.dir = path_join(s->dir, name),
                                 .sets = list_sets(s, at, s->seeds[seed]),
                                 .num_sets = s->num_axes + 1};
        if (s->runs[i].dir == NULL || s->runs[i].sets == NULL)
            return fail_memory(s->o);
    }
    return 0;
}

/* ---- what came of it ------------------------------------------------------------------------ */

typedef struct mean {
    double value, deviation; /* NAN: unknown */
} mean;

static mean mean_of(const json_t *seeds, const char *key)
{
    size_t i;
    json_t *one;
    double sum = 0, squares = 0, num = (double)json_array_size(seeds);
    json_array_foreach(seeds, i, one) sum += json_is_number(json_object_get(one, key))
                                                 ? json_number_value(json_object_get(one, key))
                                                 : (double)NAN;
    const double average = sum / num;
    json_array_foreach(seeds, i, one) squares +=
        pow(json_number_value(json_object_get(one, key)) - average, 2);
    return (mean){average, num > 1 ? sqrt(squares / (num - 1)) : (double)NAN};
}

static double figure_of(const json_t *point, const char *key, const char *which)
{
    const json_t *value = json_object_get(json_object_get(point, key), which);
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static double value_of(const json_t *point, const char *key)
{
    return figure_of(point, key, "mean");
}

/* 1 if a is as good as b in all that counts, and better in something. */
static int is_better(const json_t *a, const json_t *b)
{
    static const char *const COSTS[] = {"bytes", "nonzero_macs"};
    const double right = value_of(a, "top1") - value_of(b, "top1");
    int as_good = right >= 0, better = right > 0;
    for (int i = 0; i < 2; i++) {
        const double more = value_of(a, COSTS[i]) - value_of(b, COSTS[i]);
        as_good &= more <= 0;
        better |= more < 0;
    }
    return as_good && better;
}

static int is_front(const json_t *points, const json_t *point)
{
    size_t i;
    json_t *other;
    if (isnan(value_of(point, "top1"))) /* all its runs failed */
        return 0;
    json_array_foreach((json_t *)points, i, other)
    {
        if (is_better(other, point))
            return 0;
    }
    return 1;
}

static const char *const KEYS[] = {"top1", "bytes", "nonzeros", "nonzero_macs", "ms"};
enum { NUM_KEYS = sizeof KEYS / sizeof KEYS[0] };

/* Of the runs that came to their end. */
static void add_point(sweep *s, size_t at)
{
    json_t *sets = json_array(), *object = json_object(), *seeds = json_array();
    json_int_t num_failed = 0;
    for (size_t i = 0; i < (size_t)s->num_seeds; i++) {
        const point_run *run = &s->runs[at * (size_t)s->num_seeds + i];
        num_failed += run->code != 0;
        if (run->code == 0)
            json_array_append_new(seeds, point_json(run->dir, s->first_seed + (int64_t)i));
    }
    s->num_failed += (size_t)num_failed;
    for (size_t k = 0; k < s->num_axes; k++)
        json_array_append_new(sets, json_text(set_of(s, at, k)));
    json_object_set_new(object, "set", sets);
    for (int i = 0; i < NUM_KEYS; i++) {
        const mean m = mean_of(seeds, KEYS[i]);
        json_object_set_new(object, KEYS[i],
                            json_pack("{s:o,s:o}", "mean", json_number(m.value), "deviation",
                                      json_number(m.deviation)));
    }
    json_object_set_new(object, "seeds", seeds);
    json_object_set_new(object, "failed", json_integer(num_failed));
    json_array_append_new(s->points, object);
}

static void set_cell(table *t, const json_t *sets)
{
    char text[256] = "";
    size_t i, used = 0;
    json_t *one;
    json_array_foreach((json_t *)sets, i, one)
    {
        const int num = snprintf(text + used, sizeof text - used, "%s%s", i > 0 ? " " : "",
                                 json_string_value(one));
        used += num > 0 && (size_t)num < sizeof text - used ? (size_t)num : 0;
    }
    table_cell(t, "%s", text);
}

/* "" where no run came to its end. */
static void count_cell(table *t, double value)
{
    char text[32] = "";
    table_cell(t, "%s", isfinite(value) ? grouped(value, text, sizeof text) : "");
}

static void print_points(const sweep *s, FILE *out)
{
    size_t i;
    json_t *point;
    table *t = table_create("point|>top-1|>deviation|>bytes|>non-zeros|>MACs|>ms|front");
    json_array_foreach(s->points, i, point)
    {
        set_cell(t, json_object_get(point, "set"));
        table_number(t, "%.2f", value_of(point, "top1"), "");
        table_number(t, "%.2f", figure_of(point, "top1", "deviation"), "");
        count_cell(t, value_of(point, "bytes"));
        count_cell(t, value_of(point, "nonzeros"));
        count_cell(t, value_of(point, "nonzero_macs"));
        table_number(t, "%.3f", value_of(point, "ms"), "");
        table_cell(t, "%s", json_is_true(json_object_get(point, "front")) ? "*" : "");
    }
    table_print(t, out);
    table_destroy(t);
    fprintf(out, "* no other is as right for as few bytes and multiply-adds\n");
}

static int finish(sweep *s)
{
    size_t i;
    json_t *point, *object = json_begin();
    char *path = path_join(s->dir, "sweep.json");
    json_array_foreach(s->points, i, point)
        json_object_set_new(point, "front", json_boolean(is_front(s->points, point)));
    json_object_set(object, "points", s->points);
    int code = path != NULL ? file_write_json(s->o, path, object) : fail_memory(s->o);
    free(path);
    if (code == 0 && s->o->json)
        code = json_finish(s->o, json_incref(object));
    else if (code == 0)
        print_points(s, stdout);
    json_decref(object);
    if (code == 0 && s->num_failed > 0)
        return fail_work(s->o, "%zu of %zu runs failed; --resume runs them again", s->num_failed,
                         s->num_runs);
    return code;
}

/* On one rank. */
static int check_runs(const sweep *s)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < s->num_runs; i++)
        if (s->runs[i].code == 0)
            code = point_check(s->o, s->runs[i].dir);
    return code;
}

static int run_grid(sweep *s)
{
    int code = check_points(s);
    if (code == 0)
        code = make_runs(s);
    if (code == 0)
        code = folders_make(s->o, s->dir);
    if (code == 0)
        code = points_run(s->o, s->runs, s->num_runs);
    if (code == 0)
        code = ranks_agree(s->o, ranks_writes(s->o) ? check_runs(s) : 0);
    for (size_t i = 0; code == 0 && i < s->num_points; i++)
        add_point(s, i);
    return code == 0 ? finish(s) : code;
}

int sweep_run(const options *o, const char *dir, int64_t first_seed)
{
    sweep s = {.o = o,
               .dir = dir,
               .first_seed = first_seed,
               .num_seeds = options_given(o, "seeds") ? o->num_seeds : 1,
               .points = json_array()};
    int code = strcmp(o->words.items[0], "-") != 0
                   ? parse_axes(&s)
                   : fail_usage(o, "-: is read by each run of a grid, so it must be a file");
    if (code == 0)
        code = run_grid(&s);
    for (size_t i = 0; i < s.num_axes; i++) {
        for (size_t k = 0; k < s.axes[i].num; k++)
            free((char *)s.axes[i].sets[k]);
        free(s.axes[i].sets);
    }
    points_free(s.runs, s.num_runs);
    free(s.seeds);
    json_decref(s.points);
    return code;
}
