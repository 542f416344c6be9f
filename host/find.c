/* find.c -- bisection over whole runs of a recipe; see find.h.
 *
 * From A to B values are expected to cost ever more accuracy and to leave ever fewer bytes and
 * milliseconds; that is believed, not proven, by the few runs that are made.  Values are the ends
 * and round numbers between, about MOST_PARTS of them, so seven or eight runs find one.  Each is a
 * run like those of a grid (points.c): what was stopped goes on with --resume.
 *
 * Where several run at once, on ranks or devices, the next is begun together with those that may
 * follow it (find_range.c).  The search asks for results in the same order as ever, and tells of
 * those alone that it has asked for; rank 0 reads them, and all decide by its numbers. */
#include "find.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "find_range.h"
#include "json.h"
#include "model.h"
#include "points.h"
#include "ranks.h"
#include "table.h"
#include "target.h"
#include "text.h"

enum { MOST_PARTS = 40 };

/* NAN: not known. */
typedef struct result {
    double top1, before; /* on held back samples: of what the run ended with, and began with */
    double bytes, start_bytes; /* of the file that it ended with, and began with */
    double ms;
} result;

/* A value. */
typedef struct attempt {
    int is_tried; /* the search has asked for it */
    int code;     /* that its run ended with, if that is known */
    char set[160], value[24];
    json_t *of; /* owned; as of a grid's run; rank 0's */
    result is;
} attempt;

typedef struct finder {
    const options *o;
    const char *dir;
    char key[128];
    double from, to, step, factor; /* step has the sign of to - from; factor 0: steps */
    int last;                      /* values 0 (from) to last (to) */
    attempt *tried;                /* owned, one a value */
    char *is_known;                /* owned; 1: how its run ended */
    int *ahead;                    /* owned: values that run at once */
    size_t at_once;
    kerf_target target;
    kerf_costs *costs; /* owned; that milliseconds come from; NULL: each run has measured them */
    double best;       /* top-1 on held back samples that losses are counted from */
} finder;

/* ---- values --------------------------------------------------------------------------------- */

/* 1, 2 or 5 times a power of 10, at least x. */
static double round_up(double x)
{
    const double power = pow(10, floor(log10(x)));
    const double parts[] = {1, 2, 5};
    for (int i = 0; i < 3; i++)
        if (parts[i] * power >= x * (1 - 1e-9))
            return parts[i] * power;
    return 10 * power;
}

static int parse_number(const char *text, size_t length, double *x)
{
    char copy[40], *end;
    if (length == 0 || length >= sizeof copy)
        return 0;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *x = strtod(copy, &end);
    return *end == '\0' && isfinite(*x);
}

/* "KEY=A..B". */
static int parse(finder *f)
{
    const char *text = f->o->find, *equals = strchr(text, '=');
    const char *dots = equals != NULL ? strstr(equals, "..") : NULL;
    const int has_all = dots != NULL && equals > text && (size_t)(equals - text) < sizeof f->key &&
                        parse_number(equals + 1, (size_t)(dots - equals - 1), &f->from) &&
                        parse_number(dots + 2, strlen(dots + 2), &f->to);
    if (!has_all || f->from == f->to)
        return fail_usage(f->o,
                          "--find %s: must be KEY=A..B, from what costs little to what saves much, "
                          "such as steps.0.prune.sparsity=0.8..0.99",
                          text);
    snprintf(f->key, sizeof f->key, "%.*s", (int)(equals - text), text);
    return 0;
}

/* Whole numbers have no others between them; where one end is a hundred times the other, all are
 * apart by the same factor. */
static void make_scale(finder *f)
{
    const double wide = fabs(f->to - f->from), ratio = f->to / f->from;
    const int are_whole = f->from == floor(f->from) && f->to == floor(f->to);
    double step = round_up(wide / MOST_PARTS);
    if (are_whole && step < 1)
        step = 1;
    f->factor = !are_whole && f->from != 0 && (ratio >= 100 || (ratio > 0 && ratio <= 0.01))
                    ? pow(ratio, 1.0 / MOST_PARTS)
                    : 0;
    f->last = f->factor != 0 ? MOST_PARTS : (int)ceil(wide / step - 1e-9);
    f->step = f->to > f->from ? step : -step;
}

static int check_options(const finder *f, const kerf_recipe *r)
{
    const options *o = f->o;
    if (!target_wanted(o))
        return fail_usage(o, "--find: wants a target: --max-drop, --size or --latency");
    if (o->sweeps.num > 0 || options_given(o, "seeds"))
        return fail_usage(o, "--find: must be without --sweep and --seeds");
    if (options_given(o, "max-drop") && r->val == 0)
        return fail_usage(o, "--max-drop: is measured on samples that are held back; the recipe "
                             "must have some, such as val: 5000");
    if (strcmp(o->words.items[0], "-") == 0)
        return fail_usage(o, "-: is read by each run, so it must be a file");
    if (f->at_once > 1 && o->latency != NULL && target_costs_file(o) == NULL)
        return fail_usage(
            o, "--latency: runs end on several devices, beside each other; must be MS@FILE, as "
               "`kerf bench M --costs -o FILE` writes it, or on one device");
    return target_check(o);
}

static void name_value(const finder *f, int i, attempt *a)
{
    const double next = f->factor != 0 ? f->from * pow(f->factor, i) : f->from + i * f->step;
    const int digits = f->factor != 0 && i != 0 && i != f->last ? 3 : 10;
    snprintf(a->value, sizeof a->value, "%.*g", digits, i == f->last ? f->to : next);
    snprintf(a->set, sizeof a->set, "%s=%s", f->key, a->value);
}

/* ---- a run ---------------------------------------------------------------------------------- */

static char *dir_of(const finder *f, const attempt *a)
{
    char name[40];
    snprintf(name, sizeof name, "point-%s", a->value);
    return path_join(f->dir, name);
}

/* Bytes of the packed file where there is one, else of the model; NAN without any. */
static double file_bytes(const char *dir, const char *const *names, size_t num)
{
    struct stat info;
    double bytes = NAN;
    for (size_t i = 0; isnan(bytes) && i < num; i++) {
        char *path = path_join(dir, names[i]);
        if (path != NULL && stat(path, &info) == 0)
            bytes = (double)info.st_size;
        free(path);
    }
    return bytes;
}

static double number_in(const json_t *object, const char *key)
{
    const json_t *x = json_object_get(object, key);
    return json_is_number(x) ? json_number_value(x) : (double)NAN;
}

/* What the run ended with takes on the device that the costs are of. */
static int predict(const finder *f, const char *dir, double *ms)
{
    model m = {0};
    if (f->costs == NULL)
        return 0;
    char *path = path_join(dir, "model.onnx");
    int code = path != NULL ? model_read(f->o, &m, path, NULL) : fail_memory(f->o);
    if (code == 0) {
        const kerf_status status = kerf_costs_predict(f->costs, m.g, m.s, ms);
        code = status != KERF_OK ? fail_kerf(f->o, status) : 0;
    }
    model_free(&m);
    free(path);
    return code;
}

static int open_costs(finder *f, const char *dir)
{
    model m = {0};
    if (f->costs != NULL || target_costs_file(f->o) == NULL)
        return 0;
    char *path = path_join(dir, "start.onnx");
    int code = path != NULL ? model_read(f->o, &m, path, NULL) : fail_memory(f->o);
    if (code == 0)
        code = target_costs(f->o, m.g, m.s, &f->costs);
    model_free(&m);
    free(path);
    return code;
}

static int read_folder(finder *f, attempt *a, const char *dir)
{
    static const char *const START[] = {"start.onnx"}, *const MODELS[] = {"model.kerf",
                                                                          "model.onnx"};
    int code = point_check(f->o, dir);
    if (code != 0)
        return code;
    a->of = point_json(dir, 0);
    a->is = (result){.top1 = number_in(a->of, "val_top1"),
                     .before = number_in(a->of, "val_top1_before"),
                     .bytes = file_bytes(dir, MODELS, 2),
                     .start_bytes = file_bytes(dir, START, 1),
                     .ms = number_in(a->of, "ms")};
    code = open_costs(f, dir);
    if (code == 0)
        code = predict(f, dir, &a->is.ms);
    json_object_set_new(a->of, "ms", json_number(a->is.ms));
    return code;
}

/* On one rank. */
static int read_result(finder *f, attempt *a)
{
    char *dir = dir_of(f, a);
    const int code = dir != NULL ? read_folder(f, a, dir) : fail_memory(f->o);
    free(dir);
    return code;
}

/* Names and folders of the values to run now; freed with points_free(), NULL without memory. */
static point_run *make_runs(finder *f, size_t num)
{
    point_run *runs = calloc(num, sizeof *runs);
    for (size_t k = 0; runs != NULL && k < num; k++) {
        attempt *a = &f->tried[f->ahead[k]];
        name_value(f, f->ahead[k], a);
        const char **sets = malloc(sizeof *sets);
        runs[k] = (point_run){.dir = dir_of(f, a), .sets = sets, .num_sets = 1};
        if (sets != NULL)
            sets[0] = a->set;
        if (sets == NULL || runs[k].dir == NULL) {
            points_free(runs, num);
            return NULL;
        }
        say(f->o, "%s", a->set);
    }
    return runs;
}

/* The value that the search asks for, and what it may ask for next. */
static int run_ahead(finder *f, find_range range)
{
    const size_t num = find_range_ahead(range, f->is_known, f->ahead, f->at_once);
    point_run *runs = num > 0 ? make_runs(f, num) : NULL;
    int code = runs != NULL ? points_run(f->o, runs, num) : fail_memory(f->o);
    for (size_t k = 0; code == 0 && k < num; k++) {
        f->is_known[f->ahead[k]] = 1;
        f->tried[f->ahead[k]].code = runs[k].code;
    }
    points_free(runs, num);
    return code;
}

static int try_value(finder *f, find_range range)
{
    const int i = find_range_asks(range);
    attempt *a = &f->tried[i];
    int code = f->is_known[i] ? 0 : run_ahead(f, range);
    if (code == 0 && a->code != 0)
        code = fail_work(f->o, "%s: nothing is known of it; --resume tries it again", a->set);
    if (code == 0)
        code = ranks_agree(f->o, ranks_writes(f->o) ? read_result(f, a) : 0);
    if (code == 0)
        code = ranks_take_first(f->o, &a->is, sizeof a->is);
    a->is_tried = code == 0;
    return code;
}

/* From the first value: what the network was before, which others are compared with. */
static int learn_start(finder *f)
{
    const result *first = &f->tried[0].is;
    f->best = first->before > first->top1 ? first->before : first->top1;
    return target_make(f->o, first->start_bytes, &f->target);
}

static double lost(const finder *f, int i)
{
    return f->best - f->tried[i].is.top1;
}

static int is_right(const finder *f, int i)
{
    return isnan(f->target.max_drop) || lost(f, i) <= f->target.max_drop;
}

static int is_small(const finder *f, int i)
{
    return (isnan(f->target.bytes) || f->tried[i].is.bytes <= f->target.bytes) &&
           (isnan(f->target.ms) || f->tried[i].is.ms <= f->target.ms);
}

static int wants_small(const finder *f)
{
    return !isnan(f->target.bytes) || !isnan(f->target.ms);
}

/* ---- the search ----------------------------------------------------------------------------- */

/* 1: what is looked for lies behind this value. */
static int goes_on(const finder *f, int i)
{
    return wants_small(f) ? !is_small(f, i) : is_right(f, i);
}

/* Which value is the answer, the first that is small enough, or the last that is right; or the
 * nearest to one. */
static int search(finder *f, int *found)
{
    int code = 0;
    find_range range = find_range_of(f->last);
    for (int i; code == 0 && (i = find_range_asks(range)) >= 0;) {
        code = try_value(f, range);
        if (code == 0 && i == 0)
            code = learn_start(f);
        if (code == 0)
            range = find_range_behind(range, goes_on(f, i));
    }
    *found = wants_small(f) ? range.high : range.low;
    *found = *found < 0 ? 0 : *found > f->last ? f->last : *found;
    return code;
}

/* ---- what came of it ------------------------------------------------------------------------ */

static int holds(const finder *f, int i)
{
    return is_right(f, i) && is_small(f, i);
}

static json_t *attempt_json(const finder *f, int i)
{
    json_t *object = json_object();
    const attempt *a = &f->tried[i];
    json_object_set_new(object, "value", json_text(a->value));
    json_object_update(object, a->of);
    json_object_set_new(object, "file_bytes", json_number(a->is.bytes));
    json_object_set_new(object, "lost", json_number(lost(f, i)));
    json_object_set_new(object, "holds", json_boolean(holds(f, i)));
    return object;
}

static void print_tried(const finder *f, int found, FILE *out)
{
    char header[192], bytes[32];
    snprintf(header, sizeof header, "%s|>top-1|>held back|>points lost|>bytes|>ms|holds|", f->key);
    table *t = table_create(header);
    for (int i = 0; i <= f->last; i++) {
        const attempt *a = &f->tried[i];
        if (!a->is_tried)
            continue;
        table_cell(t, "%s", a->value);
        table_number(t, "%.2f", number_in(a->of, "top1"), "");
        table_number(t, "%.2f", a->is.top1, "");
        table_number(t, "%.2f", lost(f, i), "");
        table_cell(t, "%s", grouped(a->is.bytes, bytes, sizeof bytes));
        table_number(t, "%.3f", a->is.ms, "");
        table_cell(t, "%s", holds(f, i) ? "yes" : "no");
        table_cell(t, "%s", i == found ? (holds(f, i) ? "found" : "nearest") : "");
    }
    table_print(t, out);
    table_destroy(t);
}

static int fail_target(const finder *f, int i)
{
    const attempt *a = &f->tried[i];
    if (is_small(f, i))
        return fail_work(f->o, "%s: loses %.2f points of top-1, must be %g at most", a->set,
                         lost(f, i), f->target.max_drop);
    if (!isnan(f->target.bytes) && a->is.bytes > f->target.bytes)
        return fail_work(f->o, "%s: takes %.0f bytes, must be %.0f at most", a->set, a->is.bytes,
                         f->target.bytes);
    return fail_work(f->o, "%s: takes %.3f ms, must be %.3f at most", a->set, a->is.ms,
                     f->target.ms);
}

/* The model of that run, as that of all. */
static int copy_model(const finder *f, const attempt *a)
{
    model m = {0};
    char *dir = dir_of(f, a), *to = path_join(f->dir, "model.onnx");
    char *from = dir != NULL ? path_join(dir, "model.onnx") : NULL;
    int code = from != NULL && to != NULL ? model_read(f->o, &m, from, NULL) : fail_memory(f->o);
    if (code == 0)
        code = model_write(f->o, m.g, m.s, to);
    model_free(&m);
    free(from);
    free(to);
    free(dir);
    return code;
}

static int write_found(const finder *f, int found, json_t *object)
{
    json_t *tried = json_array();
    char *path = path_join(f->dir, "find.json");
    for (int i = 0; i <= f->last; i++)
        if (f->tried[i].is_tried)
            json_array_append_new(tried, attempt_json(f, i));
    json_object_set_new(object, "key", json_text(f->key));
    json_object_set_new(object, "tried", tried);
    json_object_set_new(object, "costs",
                        target_costs_file(f->o) != NULL ? json_text(target_costs_file(f->o))
                                                        : json_null());
    json_object_set_new(object, "found", holds(f, found) ? attempt_json(f, found) : json_null());
    json_object_set_new(object, "nearest", attempt_json(f, found));
    int code = path != NULL ? file_write_json(f->o, path, object) : fail_memory(f->o);
    free(path);
    return code;
}

static int finish(const finder *f, int found)
{
    json_t *object = json_begin();
    int code = write_found(f, found, object);
    if (code == 0)
        code = copy_model(f, &f->tried[found]);
    if (code == 0 && f->o->json)
        code = json_finish(f->o, json_incref(object));
    else if (code == 0)
        print_tried(f, found, stdout);
    json_decref(object);
    if (code != 0)
        return code;
    if (!holds(f, found))
        fail_target(f, found);
    say(f->o, "%s %s/model.onnx", holds(f, found) ? "found:" : "the closest is", f->dir);
    return holds(f, found) ? 0 : EXIT_TARGET;
}

/* Both ends must be values of the key. */
static int check_ends(finder *f)
{
    const text_list *given = &f->o->sets;
    const char **sets = calloc(given->num + 1, sizeof *sets);
    kerf_status status = KERF_OK;
    kerf_recipe *r;
    if (sets == NULL)
        return fail_memory(f->o);
    for (size_t i = 0; i < given->num; i++)
        sets[i] = given->items[i];
    for (int end = 0; status == KERF_OK && end < 2; end++) {
        attempt a;
        name_value(f, end ? f->last : 0, &a);
        sets[given->num] = a.set;
        status = kerf_recipe_read(&r, f->o->words.items[0], sets, given->num + 1);
        kerf_recipe_destroy(r);
    }
    free(sets);
    return status == KERF_OK ? 0 : fail_kerf(f->o, status);
}

static int find(finder *f)
{
    int found;
    int code = check_ends(f);
    if (code == 0)
        code = folders_make(f->o, f->dir);
    if (code == 0)
        code = search(f, &found);
    if (code != 0)
        return code;
    return ranks_agree(f->o, ranks_writes(f->o) ? finish(f, found) : 0);
}

static int allocate(finder *f)
{
    const size_t num = (size_t)f->last + 1;
    f->tried = calloc(num, sizeof *f->tried);
    f->is_known = calloc(num, 1);
    f->ahead = calloc(f->at_once, sizeof *f->ahead);
    return f->tried != NULL && f->is_known != NULL && f->ahead != NULL ? 0 : fail_memory(f->o);
}

int find_run(const options *o, const kerf_recipe *r, const char *dir)
{
    finder f = {.o = o, .dir = dir, .at_once = points_at_once(o)};
    int code = f.at_once > 0 ? check_options(&f, r) : EXIT_USAGE;
    if (code == 0)
        code = parse(&f);
    if (code != 0)
        return code;
    make_scale(&f);
    code = allocate(&f);
    if (code == 0)
        code = find(&f);
    for (int i = 0; f.tried != NULL && i <= f.last; i++)
        json_decref(f.tried[i].of);
    free(f.tried);
    free(f.is_known);
    free(f.ahead);
    kerf_costs_destroy(f.costs);
    return code;
}
