/* sweep.c -- a grid of runs, each in a folder of its own below that of all; see sweep.h.
 *
 * A point is an ordinary run, so a grid that was stopped goes on with --resume: finished points
 * are taken as they are.  sweep.json tells all of it to others. */
#include "sweep.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "kerf/recipe.h"
#include "json.h"
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
    int (*run)(const options *point);
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

/* ---- a run ---------------------------------------------------------------------------------- */

static double last_ms(const char *dir)
{
    size_t i;
    double sum = 0;
    json_t *one;
    char *path = path_join(dir, "layers.json");
    json_t *layers = path != NULL ? json_load_file(path, 0, NULL) : NULL;
    json_array_foreach(json_object_get(layers, "after"), i, one) sum +=
        json_number_value(json_object_get(one, "ms"));
    free(path);
    json_decref(layers);
    return sum > 0 ? sum : NAN;
}

static json_t *run_json(const char *dir, int64_t seed)
{
    char *path = path_join(dir, "summary.json");
    json_t *summary = path != NULL ? json_load_file(path, 0, NULL) : NULL;
    json_t *after = json_object_get(summary, "after");
    json_t *run = json_pack(
        "{s:I,s:o,s:O?,s:O?,s:O?,s:O?,s:o}", "seed", (json_int_t)seed, "run", json_text(dir),
        "top1", json_object_get(after, "top1"), "bytes", json_object_get(after, "bytes"),
        "nonzeros", json_object_get(after, "nonzeros"), "nonzero_macs",
        json_object_get(after, "nonzero_macs"), "ms", json_number(last_ms(dir)));
    free(path);
    json_decref(summary);
    return run;
}

/* What a point sets, behind what all of them do; *seed holds the text of its seed.  Freed with
 * free(); NULL without memory. */
static const char **list_sets(const sweep *s, size_t point, const char *seed, size_t *num)
{
    const text_list *given = &s->o->sets;
    *num = given->num + s->num_axes + 1;
    const char **items = calloc(*num, sizeof *items);
    for (size_t i = 0; items != NULL && i < given->num; i++)
        items[i] = given->items[i];
    for (size_t k = 0; items != NULL && k < s->num_axes; k++)
        items[given->num + k] = set_of(s, point, k);
    if (items != NULL)
        items[*num - 1] = seed;
    return items;
}

/* A value that cannot be is told before hours are spent on others. */
static int check_points(const sweep *s)
{
    kerf_recipe *r;
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < s->num_points; i++) {
        size_t num;
        const char **sets = list_sets(s, i, "seed=1", &num);
        if (sets == NULL)
            return fail_memory(s->o);
        status = kerf_recipe_read(&r, s->o->words.items[0], sets, num);
        kerf_recipe_destroy(r);
        free(sets);
    }
    return status == KERF_OK ? 0 : fail_kerf(s->o, status);
}

static int run_in(const sweep *s, size_t point, int64_t seed, const char *dir)
{
    char text[40];
    options o = *s->o;
    snprintf(text, sizeof text, "seed=%lld", (long long)seed);
    o.sets.items = list_sets(s, point, text, &o.sets.num);
    if (o.sets.items == NULL)
        return fail_memory(s->o);
    o.sweeps.num = 0;
    o.output = dir;
    char *recipe = path_join(dir, "recipe.yaml");
    o.resume = s->o->resume && recipe != NULL && file_exists(recipe);
    free(recipe);
    int code = s->run(&o);
    free(o.sets.items);
    return code;
}

static int run_point(const sweep *s, size_t point, json_t *seeds)
{
    char name[64];
    int code = 0;
    for (int64_t i = 0; code == 0 && i < s->num_seeds; i++) {
        const int64_t seed = s->first_seed + i;
        snprintf(name, sizeof name, "point-%zu-seed-%lld", point + 1, (long long)seed);
        char *dir = path_join(s->dir, name);
        if (dir == NULL)
            return fail_memory(s->o);
        say(s->o, "point %zu of %zu, seed %lld", point + 1, s->num_points, (long long)seed);
        code = run_in(s, point, seed, dir);
        if (code == 0)
            json_array_append_new(seeds, run_json(dir, seed));
        free(dir);
    }
    return code;
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

static double value_of(const json_t *point, const char *key)
{
    const json_t *value = json_object_get(json_object_get(point, key), "mean");
    return json_is_number(value) ? json_number_value(value) : (double)NAN;
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
    json_array_foreach((json_t *)points, i, other)
    {
        if (is_better(other, point))
            return 0;
    }
    return 1;
}

static const char *const KEYS[] = {"top1", "bytes", "nonzeros", "nonzero_macs", "ms"};
enum { NUM_KEYS = sizeof KEYS / sizeof KEYS[0] };

static void add_point(sweep *s, size_t point, json_t *seeds)
{
    json_t *sets = json_array(), *object = json_object();
    for (size_t k = 0; k < s->num_axes; k++)
        json_array_append_new(sets, json_text(set_of(s, point, k)));
    json_object_set_new(object, "set", sets);
    for (int i = 0; i < NUM_KEYS; i++) {
        const mean m = mean_of(seeds, KEYS[i]);
        json_object_set_new(object, KEYS[i],
                            json_pack("{s:o,s:o}", "mean", json_number(m.value), "deviation",
                                      json_number(m.deviation)));
    }
    json_object_set(object, "seeds", seeds);
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

static void print_points(const sweep *s, FILE *out)
{
    size_t i;
    json_t *point;
    table *t = table_create("point|>top-1|>deviation|>bytes|>non-zeros|>MACs|>ms|front");
    json_array_foreach(s->points, i, point)
    {
        char text[32];
        set_cell(t, json_object_get(point, "set"));
        table_number(t, "%.2f", value_of(point, "top1"), "");
        table_number(
            t, "%.2f",
            json_number_value(json_object_get(json_object_get(point, "top1"), "deviation")), "");
        table_cell(t, "%s", grouped(value_of(point, "bytes"), text, sizeof text));
        table_cell(t, "%s", grouped(value_of(point, "nonzeros"), text, sizeof text));
        table_cell(t, "%s", grouped(value_of(point, "nonzero_macs"), text, sizeof text));
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
        return json_finish(s->o, object);
    if (code == 0)
        print_points(s, stdout);
    json_decref(object);
    return code;
}

static int run_grid(sweep *s)
{
    int code = check_points(s);
    if (code == 0)
        code = folders_make(s->o, s->dir);
    for (size_t i = 0; code == 0 && i < s->num_points; i++) {
        json_t *seeds = json_array();
        code = run_point(s, i, seeds);
        if (code == 0)
            add_point(s, i, seeds);
        json_decref(seeds);
    }
    return code == 0 ? finish(s) : code;
}

int sweep_run(const options *o, const char *dir, int64_t first_seed,
              int (*run)(const options *point))
{
    sweep s = {.o = o,
               .dir = dir,
               .run = run,
               .first_seed = first_seed,
               .num_seeds = options_given(o, "seeds") ? o->num_seeds : 1,
               .points = json_array()};
    int code = parse_axes(&s);
    if (code == 0)
        code = run_grid(&s);
    for (size_t i = 0; i < s.num_axes; i++) {
        for (size_t k = 0; k < s.axes[i].num; k++)
            free((char *)s.axes[i].sets[k]);
        free(s.axes[i].sets);
    }
    json_decref(s.points);
    return code;
}
