/* bench_compare.c -- `kerf bench --compare A.json B.json...`: devices side by side, and how many
 * times as fast each is as the reference, in the geometric mean over the cases both have.
 *
 * Rows are the reference's cases.  Files of different sets of cases are refused: a mean over
 * other cases is another mean.  How files are read: bench_results.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_results.h"
#include "json.h"
#include "table.h"

typedef struct comparison {
    bench_results *files; /* owned */
    size_t num, reference;
} comparison;

/* ---- numbers ------------------------------------------------------------------------------- */

static double times_as_fast(const comparison *x, size_t file, const result_case *row)
{
    return results_ratio(&x->files[file], row);
}

static double mean(const comparison *x, size_t file, const char *op, size_t *num)
{
    return results_mean(&x->files[x->reference], &x->files[file], op, num);
}

/* ---- JSON ---------------------------------------------------------------------------------- */

static json_t *device_row_json(const comparison *x, size_t file)
{
    const bench_results *r = &x->files[file], *ref = &x->files[x->reference];
    size_t num;
    json_t *families = json_object();
    for (size_t i = 0; i < ref->num; i++)
        if (results_begin_family(ref, i))
            json_object_set_new(families, ref->cases[i].op,
                                json_number(mean(x, file, ref->cases[i].op, &num)));
    json_t *all = json_number(mean(x, file, NULL, &num));
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:I,s:o}", "file", r->path, "device", r->device,
                     "driver", r->driver, "kerf", r->kerf, "times_as_fast", all, "num_cases",
                     (json_int_t)num, "families", families);
}

static json_t *case_row_json(const comparison *x, const result_case *row)
{
    json_t *ms = json_array(), *ratios = json_array();
    for (size_t i = 0; i < x->num; i++) {
        const result_case *c = results_find(&x->files[i], row->op, row->name);
        json_array_append_new(ms, json_number(c != NULL ? c->ms : (double)NAN));
        json_array_append_new(ratios, json_number(times_as_fast(x, i, row)));
    }
    return json_pack("{s:s,s:s,s:o,s:o}", "op", row->op, "case", row->name, "ms", ms,
                     "times_as_fast", ratios);
}

static json_t *comparison_json(const comparison *x)
{
    const bench_results *ref = &x->files[x->reference];
    json_t *object = json_begin(), *devices = json_array(), *cases = json_array();
    for (size_t i = 0; i < x->num; i++)
        json_array_append_new(devices, device_row_json(x, i));
    for (size_t i = 0; i < ref->num; i++)
        json_array_append_new(cases, case_row_json(x, &ref->cases[i]));
    json_object_set_new(object, "case_set", json_text(ref->case_set));
    json_object_set_new(object, "reference", json_text(ref->path));
    json_object_set_new(object, "devices", devices);
    json_object_set_new(object, "cases", cases);
    return object;
}

/* ---- the table ----------------------------------------------------------------------------- */

/* Columns are numbered: devices' names are long. */
static table *create_table(const comparison *x)
{
    char header[1024] = "op|case";
    for (size_t i = 0; i < x->num; i++) {
        size_t length = strlen(header);
        snprintf(header + length, sizeof header - length, "|>%zu: ms", i + 1);
    }
    for (size_t i = 0; i < x->num; i++) {
        size_t length = strlen(header);
        if (i != x->reference)
            snprintf(header + length, sizeof header - length, "|>%zu / %zu", i + 1,
                     x->reference + 1);
    }
    return table_create(header);
}

static void print_row(table *t, const comparison *x, const result_case *row)
{
    table_cell(t, "%s", row->op);
    table_cell(t, "%s", row->name);
    for (size_t i = 0; i < x->num; i++) {
        const result_case *c = results_find(&x->files[i], row->op, row->name);
        table_number(t, "%.4f", c != NULL ? c->ms : (double)NAN, "-");
    }
    for (size_t i = 0; i < x->num; i++)
        if (i != x->reference)
            table_number(t, "%.2fx", times_as_fast(x, i, row), "-");
}

static void print_mean(table *t, const comparison *x, const char *op)
{
    table_cell(t, "%s", op != NULL ? op : "all");
    table_cell(t, "%s", "geometric mean");
    for (size_t i = 0; i < x->num; i++)
        table_cell(t, "%s", "");
    for (size_t i = 0; i < x->num; i++) {
        size_t num;
        if (i != x->reference)
            table_number(t, "%.2fx", mean(x, i, op, &num), "-");
    }
}

/* What the columns stand for; a table, since it cleans what files say. */
static void print_devices(const comparison *x, FILE *out)
{
    table *t = table_create(">#|device|driver|kerf|file|>times as fast|>cases");
    for (size_t i = 0; i < x->num; i++) {
        const bench_results *r = &x->files[i];
        size_t num;
        double ratio = mean(x, i, NULL, &num);
        table_cell(t, "%zu", i + 1);
        table_cell(t, "%s", r->device);
        table_cell(t, "%s", r->driver);
        table_cell(t, "%s", r->kerf);
        table_cell(t, "%s", r->path);
        if (i == x->reference)
            table_cell(t, "%s", "reference");
        else
            table_number(t, "%.2fx", ratio, "-");
        table_cell(t, "%zu", num);
    }
    table_print(t, out);
    table_destroy(t);
}

static void print_comparison(const comparison *x, FILE *out)
{
    const bench_results *ref = &x->files[x->reference];
    table *t = create_table(x);
    for (size_t i = 0; i < ref->num; i++)
        print_row(t, x, &ref->cases[i]);
    table_rule(t);
    for (size_t i = 0; i < ref->num; i++)
        if (results_begin_family(ref, i))
            print_mean(t, x, ref->cases[i].op);
    print_mean(t, x, NULL);
    print_devices(x, out);
    fprintf(out, "cases %s\n\n", ref->case_set);
    table_print(t, out);
    table_destroy(t);
}

/* ---- the command --------------------------------------------------------------------------- */

static int read_files(const options *o, comparison *x)
{
    x->files = calloc(o->words.num, sizeof *x->files);
    if (x->files == NULL)
        return fail_memory(o);
    for (size_t i = 0; i < o->words.num; i++) {
        x->num = i + 1;
        int code = results_read(o, o->words.items[i], &x->files[i]);
        if (code != 0)
            return code;
        if (strcmp(x->files[i].case_set, x->files[0].case_set) != 0)
            return fail_work(o, "%s: has case set %s, must be %s like %s", x->files[i].path,
                             x->files[i].case_set, x->files[0].case_set, x->files[0].path);
    }
    return 0;
}

/* A file's name, or a part of just one device's name. */
static int choose_reference(const options *o, comparison *x)
{
    size_t num = 0;
    for (size_t i = 0; o->reference != NULL && i < x->num; i++) {
        if (strcmp(x->files[i].path, o->reference) == 0) {
            x->reference = i;
            return 0;
        }
        if (strstr(x->files[i].device, o->reference) != NULL) {
            x->reference = i;
            num++;
        }
    }
    if (o->reference == NULL || num == 1)
        return 0;
    return fail_usage(o,
                      "--reference %s: fits %zu devices, must be a file or part of one device's "
                      "name",
                      o->reference, num);
}

int bench_compare(const options *o)
{
    comparison x = {0};
    if (o->words.num < 2)
        return fail_usage(o, "--compare: must have at least two files of kerf bench -o");
    int code = read_files(o, &x);
    if (code == 0)
        code = choose_reference(o, &x);
    if (code == 0 && !o->json)
        print_comparison(&x, result_stream(o));
    if (code == 0 && (o->json || o->output != NULL))
        code = bench_finish(o, comparison_json(&x));
    for (size_t i = 0; i < x.num; i++)
        results_free(&x.files[i]);
    free(x.files);
    return code;
}
