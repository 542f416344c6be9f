/* bench_results.c -- reads and checks a file of `kerf bench -o`; it may come from anywhere. */
#include "bench_results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

enum { MAX_RESULTS = 10000 };

static int fail_format(const options *o, const bench_results *r, const char *key)
{
    return fail_work(o, "%s: has no '%s': must be a file that kerf bench -o wrote", r->path, key);
}

static int read_texts(const options *o, bench_results *r)
{
    const struct {
        const char *key, **text;
    } texts[] = {{"kerf", &r->kerf},
                 {"case_set", &r->case_set},
                 {"device", &r->device},
                 {"driver", &r->driver}};
    const json_t *schema = json_object_get(r->root, "schema");
    if (!json_is_integer(schema))
        return fail_format(o, r, "schema");
    if (json_integer_value(schema) != 1)
        return fail_work(o, "%s: has schema %lld, must be 1", r->path,
                         (long long)json_integer_value(schema));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i].text = json_string_value(json_object_get(r->root, texts[i].key));
        if (*texts[i].text == NULL)
            return fail_format(o, r, texts[i].key);
    }
    return 0;
}

static int read_case(const options *o, bench_results *r, const json_t *object)
{
    result_case *c = &r->cases[r->num];
    const json_t *ms = json_object_get(object, "ms_median");
    const json_t *valid = json_object_get(object, "valid");
    c->op = json_string_value(json_object_get(object, "op"));
    c->name = json_string_value(json_object_get(object, "case"));
    c->ms = json_is_true(valid) ? json_number_value(ms) : (double)NAN;
    if (c->op == NULL || c->name == NULL || !json_is_boolean(valid))
        return fail_work(o, "%s: case %zu must have texts 'op' and 'case' and a boolean 'valid'",
                         r->path, r->num);
    if (json_is_true(valid) && !(json_is_number(ms) && c->ms > 0 && isfinite(c->ms)))
        return fail_work(o, "%s: case %zu, %s %s: 'ms_median' must be a number above 0", r->path,
                         r->num, c->op, c->name);
    if (results_find(r, c->op, c->name) != NULL)
        return fail_work(o, "%s: case %zu, %s %s, is there twice", r->path, r->num, c->op, c->name);
    r->num++;
    return 0;
}

static int read_cases(const options *o, bench_results *r)
{
    const json_t *list = json_object_get(r->root, "cases");
    size_t num = json_array_size(list);
    if (!json_is_array(list))
        return fail_format(o, r, "cases");
    if (num > MAX_RESULTS)
        return fail_work(o, "%s: has %zu cases, must be at most %d", r->path, num, MAX_RESULTS);
    r->cases = calloc(num + 1, sizeof *r->cases);
    int code = r->cases != NULL ? 0 : fail_memory(o);
    for (size_t i = 0; code == 0 && i < num; i++)
        code = read_case(o, r, json_array_get(list, i));
    return code;
}

int results_read(const options *o, const char *path, bench_results *r)
{
    char *text = NULL;
    json_error_t error;
    *r = (bench_results){.path = path};
    int code = file_read_text(o, path, &text);
    if (code == 0 && (r->root = json_loads(text, JSON_REJECT_DUPLICATES, &error)) == NULL)
        code = fail_work(o, "%s:%d: is not JSON: %s", path, error.line, error.text);
    if (code == 0)
        code = read_texts(o, r);
    if (code == 0)
        code = read_cases(o, r);
    free(text);
    return code;
}

void results_free(bench_results *r)
{
    free(r->cases);
    json_decref(r->root);
    *r = (bench_results){0};
}

const result_case *results_find(const bench_results *r, const char *op, const char *name)
{
    for (size_t i = 0; i < r->num; i++)
        if (strcmp(r->cases[i].op, op) == 0 && strcmp(r->cases[i].name, name) == 0)
            return &r->cases[i];
    return NULL;
}

double results_ratio(const bench_results *r, const result_case *row)
{
    const result_case *c = results_find(r, row->op, row->name);
    return c != NULL ? row->ms / c->ms : (double)NAN;
}

double results_mean(const bench_results *ref, const bench_results *r, const char *op, size_t *num)
{
    double sum = 0;
    *num = 0;
    for (size_t i = 0; i < ref->num; i++) {
        if (op != NULL && strcmp(ref->cases[i].op, op) != 0)
            continue;
        const double ratio = results_ratio(r, &ref->cases[i]);
        sum += isfinite(ratio) ? log(ratio) : 0;
        *num += isfinite(ratio) != 0;
    }
    return *num > 0 ? exp(sum / (double)*num) : (double)NAN;
}

int results_begin_family(const bench_results *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(r->cases[k].op, r->cases[i].op) == 0)
            return 0;
    return 1;
}
