/* suite_page.c -- the page of `kerf report R1.json R2.json...`: devices that ran one suite, side by
 * side.  Every file is checked first (suite_check.c); the first is what the others are measured by.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "json.h"
#include "report.h"
#include "report_text.h"
#include "suite_result.h"
#include "table.h"

/* ---- files -------------------------------------------------------------------------------------
 */

int suite_results_are(const options *o)
{
    struct stat info;
    return o->words.num > 0 && stat(o->words.items[0], &info) == 0 && S_ISREG(info.st_mode);
}

int suite_results_read(const options *o, suite_results *s)
{
    int code = 0;
    *s = (suite_results){.items = calloc(o->words.num, sizeof *s->items)};
    if (s->items == NULL)
        return fail_memory(o);
    for (size_t i = 0; code == 0 && i < o->words.num; i++) {
        s->num = i + 1;
        code = suite_result_read(o, o->words.items[i], &s->items[i]);
        if (code == 0 && s->items[i].list.version != s->items[0].list.version)
            code =
                fail_work(o, "%s: is of suite %d, must be %d like %s", s->items[i].r.path,
                          s->items[i].list.version, s->items[0].list.version, s->items[0].r.path);
    }
    return code;
}

void suite_results_free(suite_results *s)
{
    for (size_t i = 0; i < s->num; i++)
        suite_result_free(&s->items[i]);
    free(s->items);
    *s = (suite_results){0};
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

static double number_at(const json_t *object, const char *key)
{
    const json_t *x = json_object_get(object, key);
    return json_is_number(x) ? json_number_value(x) : (double)NAN;
}

/* What a file says of a case of the first one; NULL where the case has no time. */
static const json_t *case_of(const suite_results *s, size_t file, size_t row)
{
    const bench_results *r = &s->items[file].r;
    const result_case *c =
        results_find(r, s->items[0].r.cases[row].op, s->items[0].r.cases[row].name);
    return c != NULL && isfinite(c->ms)
               ? json_array_get(json_object_get(r->root, "cases"), (size_t)(c - r->cases))
               : NULL;
}

/* "1: NAME": two of one kind are told apart.  The cut may split a letter, which json_text() mends.
 */
static json_t *name_of(const suite_results *s, size_t file)
{
    char name[96];
    snprintf(name, sizeof name, "%zu: %.60s", file + 1, s->items[file].r.device);
    return json_text(name);
}

/* The limits of a device, with which nobody has to agree. */
static double peak_of(const suite_results *s, size_t file, const char *key)
{
    const json_t *probe = json_object_get(s->items[file].r.root, "probe");
    return number_at(json_object_get(probe, "peaks"), key);
}

/* ---- bars --------------------------------------------------------------------------------------
 */

typedef json_t *(*bar_value)(const suite_results *s, size_t file, size_t row);

static json_t *family_speed(const suite_results *s, size_t file, size_t row)
{
    size_t num;
    const bench_results *ref = &s->items[0].r;
    return json_number(results_mean(ref, &s->items[file].r, ref->cases[row].op, &num));
}

static json_t *case_speed(const suite_results *s, size_t file, size_t row)
{
    return json_number(results_ratio(&s->items[file].r, &s->items[0].r.cases[row]));
}

static json_t *share_of_peak(const suite_results *s, size_t file, size_t row)
{
    return json_number(100 * number_at(case_of(s, file, row), "of_peak"));
}

static int is_family(const suite_results *s, size_t row)
{
    return results_begin_family(&s->items[0].r, row);
}

static int is_net(const suite_results *s, size_t row)
{
    return s->items[0].list.items[row].is_net;
}

static int is_case(const suite_results *s, size_t row)
{
    return row < s->items[0].r.num;
}

static int has_value(const suite_results *s, size_t row, bar_value value)
{
    int known = 0;
    for (size_t i = 0; !known && i < s->num; i++) {
        json_t *x = value(s, i, row);
        known = json_is_number(x);
        json_decref(x);
    }
    return known;
}

/* Most nodes' names say what kind they are. */
static json_t *label_of(const suite_results *s, size_t row, int whole)
{
    const result_case *c = &s->items[0].r.cases[row];
    const int needs_op = is_net(s, row) || strcmp(c->op, "gemm") == 0;
    return !whole     ? json_text(c->op)
           : needs_op ? json_sprintf("%s %s", c->op, c->name)
                      : json_text(c->name);
}

/* A row of bars for each case that `wants` takes and some device has a number of, a bar a device.
 */
static json_t *bars(const suite_results *s, const char *title, const char *caption,
                    const char *unit, int (*wants)(const suite_results *s, size_t row),
                    bar_value value)
{
    json_t *labels = json_array(), *series = json_array();
    for (size_t k = 0; k < s->items[0].r.num; k++)
        if (wants(s, k) && has_value(s, k, value))
            json_array_append_new(labels, label_of(s, k, wants != is_family));
    for (size_t i = 0; i < s->num; i++) {
        json_t *values = json_array(), *name = name_of(s, i);
        for (size_t k = 0; k < s->items[0].r.num; k++)
            if (wants(s, k) && has_value(s, k, value))
                json_array_append_new(values, value(s, i, k));
        json_array_append_new(series, report_series(json_string_value(name), values));
        json_decref(name);
    }
    return json_pack("{s:s,s:s,s:s,s:o,s:o}", "title", title, "caption", caption, "unit", unit,
                     "labels", labels, "series", series);
}

static json_t *all_bars(const suite_results *s)
{
    json_t *list = json_array();
    if (s->num > 1) {
        json_array_append_new(list,
                              bars(s, "Kind by kind",
                                   "How many times as fast as the first device, in the geometric "
                                   "mean over the cases that both have a time for.",
                                   "times", is_family, family_speed));
        json_array_append_new(list,
                              bars(s, "Network by network", "How many times as fast as the first.",
                                   "times", is_net, case_speed));
    }
    json_array_append_new(list, bars(s, "Of the device's own limit",
                                     "The share of its measured multiply-adds or of its "
                                     "copy's bandwidth. Winograd's method needs fewer "
                                     "multiplications than are counted, so networks may "
                                     "reach more than 100 %.",
                                     "%", is_case, share_of_peak));
    return list;
}

/* ---- tables ------------------------------------------------------------------------------------
 */

static void cell(json_t *row, const char *format, double x)
{
    char text[40];
    snprintf(text, sizeof text, format, x);
    json_array_append_new(row, json_text(isfinite(x) ? text : ""));
}

static json_t *device_row(const suite_results *s, size_t i)
{
    const suite_result *x = &s->items[i];
    json_t *row = json_array();
    size_t num;
    const double mean = results_mean(&s->items[0].r, &x->r, NULL, &num);
    json_array_append_new(row, name_of(s, i));
    json_array_append_new(row, json_text(x->r.driver));
    json_array_append_new(row, json_text(x->r.kerf));
    cell(row, "%.2f", mean);
    cell(row, "%.0f", (double)num);
    cell(row, "%+.1f", number_at(x->r.root, "drift_pct"));
    return row;
}

static json_t *limits_row(const suite_results *s, size_t i)
{
    const json_t *root = s->items[i].r.root, *after = json_object_get(root, "after");
    const char *from = json_string_value(json_object_get(root, "energy_from"));
    json_t *row = json_array();
    json_array_append_new(row, name_of(s, i));
    cell(row, "%.0f", peak_of(s, i, "f32_gflops"));
    cell(row, "%.0f", peak_of(s, i, "int8_gops"));
    cell(row, "%.1f", peak_of(s, i, "copy_gbps"));
    cell(row, "%.1f", peak_of(s, i, "launch_us"));
    cell(row, "%.0f", number_at(after, "clock_mhz"));
    cell(row, "%.0f", number_at(after, "temperature_c"));
    json_array_append_new(row, json_text(from != NULL ? from : "not known"));
    return row;
}

/* A row a device; the header is taken. */
static json_t *devices_table(const suite_results *s, const char *title, const char *caption,
                             json_t *header, json_t *(*row)(const suite_results *s, size_t i))
{
    json_t *rows = json_array();
    for (size_t i = 0; i < s->num; i++)
        json_array_append_new(rows, row(s, i));
    return json_pack("{s:s,s:s,s:o,s:o}", "title", title, "caption", caption, "header", header,
                     "rows", rows);
}

/* A column a device: a number of each case, where some device has it. */
static json_t *cases_table(const suite_results *s, const char *title, const char *caption,
                           const char *key)
{
    json_t *header = json_pack("[s]", "case"), *rows = json_array();
    for (size_t i = 0; i < s->num; i++)
        json_array_append_new(header, name_of(s, i));
    for (size_t k = 0; k < s->items[0].r.num; k++) {
        json_t *row = json_array();
        int known = 0;
        json_array_append_new(row, label_of(s, k, 1));
        for (size_t i = 0; i < s->num; i++) {
            const double x = number_at(case_of(s, i, k), key);
            known |= isfinite(x) != 0;
            cell(row, "%.4g", x);
        }
        if (known)
            json_array_append(rows, row);
        json_decref(row);
    }
    return json_pack("{s:s,s:s,s:o,s:o}", "title", title, "caption", caption, "header", header,
                     "rows", rows);
}

static json_t *all_tables(const suite_results *s)
{
    json_t *list = json_array(), *energy;
    json_array_append_new(
        list, devices_table(s, "Devices",
                            "Times as fast as the first, in the geometric mean; how much slower "
                            "the first case was at the end.",
                            json_pack("[s,s,s,s,s,s]", "device", "driver", "kerf", "times", "cases",
                                      "drift, %"),
                            device_row));
    json_array_append_new(
        list,
        devices_table(
            s, "Limits",
            "As measured before the cases; clock and warmth at their end; where energy is from.",
            json_pack("[s,s,s,s,s,s,s,s]", "device", "GFLOPS", "int8 GOPS", "GB/s", "launch, us",
                      "MHz", "deg C", "energy"),
            limits_row));
    json_array_append_new(list,
                          cases_table(s, "Milliseconds",
                                      "Medians; of networks one batch with its copies in and out.",
                                      "ms_median"));
    energy = cases_table(s, "Joules", "Of one call, as the system counts it.", "joules");
    if (json_array_size(json_object_get(energy, "rows")) > 0)
        json_array_append(list, energy);
    json_decref(energy);
    return list;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

json_t *suite_page(const suite_results *s)
{
    json_t *facts = json_array();
    report_fact(facts, json_sprintf("%zu", s->num), s->num > 1 ? "devices" : "device");
    report_fact(facts, json_sprintf("%zu", s->items[0].r.num), "cases");
    return json_pack(
        "{s:o,s:s,s:o,s:o,s:o,s:b,s:o}", "title",
        json_sprintf("Kerf's suite %d", s->items[0].list.version), "lead",
        "The same operations and networks on each device, checked and timed.", "made",
        json_sprintf("Made by kerf %s; cases %s.", kerf_version(), s->items[0].list.id), "facts",
        facts, "bars", all_bars(s), "bars_first", 1, "tables", all_tables(s));
}

json_t *suite_page_json(const suite_results *s)
{
    json_t *object = json_begin(), *files = json_array();
    for (size_t i = 0; i < s->num; i++) {
        const bench_results *r = &s->items[i].r;
        size_t num;
        json_t *mean = json_number(results_mean(&s->items[0].r, r, NULL, &num));
        json_array_append_new(files, json_pack("{s:o,s:s,s:o,s:I}", "file", json_text(r->path),
                                               "device", r->device, "times_as_fast", mean,
                                               "num_cases", (json_int_t)num));
    }
    json_object_set_new(object, "suite", json_integer(s->items[0].list.version));
    json_object_set_new(object, "files", files);
    return object;
}

void suite_csv(FILE *out, const suite_results *s)
{
    static const char *const quantities[] = {"ms_min", "ms_median", "ms_p90", "gflops",
                                             "gbps",   "of_peak",   "joules"};
    fputs("file,device,op,case,quantity,value\n", out);
    for (size_t i = 0; i < s->num; i++)
        for (size_t k = 0; k < s->items[0].r.num; k++)
            for (size_t q = 0; q < sizeof quantities / sizeof quantities[0]; q++) {
                const double x = number_at(case_of(s, i, k), quantities[q]);
                if (!isfinite(x))
                    continue;
                csv_text(out, s->items[i].r.path);
                putc(',', out);
                csv_text(out, s->items[i].r.device);
                fprintf(out, ",%s,", s->items[0].r.cases[k].op);
                csv_text(out, s->items[0].r.cases[k].name);
                fprintf(out, ",%s,%.9g\n", quantities[q], x);
            }
}
