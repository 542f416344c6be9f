/* suite_check.c -- `kerf bench --check R.json...`: whether a file of a suite is whole and can be
 * true.
 *
 * Files come from strangers' devices, so nothing in them is believed: the digest says whether
 * somebody changed it since (by accident: who wants to can make another), and the numbers are held
 * against each other and against what the suite's cases are. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_suite.h"
#include "digest.h"
#include "files.h"
#include "json.h"
#include "suite_result.h"
#include "table.h"

/* More has no device of these years: it is a wrong unit. */
static const double MOST_GFLOPS = 1e8, MOST_GBPS = 1e6, MOST_WATTS = 1e5, MOST_SECONDS = 1e7;

/* ---- numbers -----------------------------------------------------------------------------------
 */

static double number_at(const json_t *object, const char *key)
{
    const json_t *x = json_object_get(object, key);
    return json_is_number(x) ? json_number_value(x) : (double)NAN;
}

int suite_digest(const json_t *object, char digest[20])
{
    json_t *rest = json_copy((json_t *)object); /* jansson has no const copy */
    json_object_del(rest, "digest");
    char *text = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(9));
    const int good = text != NULL;
    const uint64_t hash = good ? digest_add(DIGEST_EMPTY, text, strlen(text)) : DIGEST_EMPTY;
    json_decref(rest);
    free(text);
    snprintf(digest, 20, "%016" PRIx64, hash);
    return good;
}

static kerf_device_peaks peaks_of(const suite_result *s)
{
    const json_t *peaks = json_object_get(json_object_get(s->r.root, "probe"), "peaks");
    return (kerf_device_peaks){.f32_gflops = number_at(peaks, "f32_gflops"),
                               .int8_gops = number_at(peaks, "int8_gops"),
                               .copy_gbps = number_at(peaks, "copy_gbps")};
}

/* ---- the whole ---------------------------------------------------------------------------------
 */

/* A limit that could not be measured, as on a machine with other work, is null and bounds nothing.
 */
static int check_peaks(const options *o, const suite_result *s)
{
    const json_t *peaks = json_object_get(json_object_get(s->r.root, "probe"), "peaks");
    const struct {
        const char *name;
        const json_t *value;
        double most;
    } rows[] = {{"f32_gflops", json_object_get(peaks, "f32_gflops"), MOST_GFLOPS},
                {"int8_gops", json_object_get(peaks, "int8_gops"), MOST_GFLOPS},
                {"copy_gbps", json_object_get(peaks, "copy_gbps"), MOST_GBPS},
                {"seconds", json_object_get(s->r.root, "seconds"), MOST_SECONDS}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const double x = json_is_number(rows[i].value) ? json_number_value(rows[i].value) : 0;
        const int is_unknown = json_is_null(rows[i].value) && strcmp(rows[i].name, "seconds") != 0;
        if (!is_unknown && !(x > 0 && x < rows[i].most))
            return fail_work(o, "%s: '%s' must be a number above 0 and below %g", s->r.path,
                             rows[i].name, rows[i].most);
    }
    return 0;
}

static int check_head(const options *o, suite_result *s)
{
    const json_t *suite = json_object_get(s->r.root, "suite");
    const char *digest = json_string_value(json_object_get(s->r.root, "digest"));
    char want[20];
    if (!json_is_integer(suite))
        return fail_work(o, "%s: has no 'suite': must be a file that kerf bench --suite 1 -o wrote",
                         s->r.path);
    const json_int_t version = json_integer_value(suite);
    if (version < 1 || version > NEWEST_SUITE)
        return fail_work(o, "%s: is of suite %lld, must be 1", s->r.path, (long long)version);
    const int code = suite_read(o, version, &s->list);
    if (code != 0)
        return code;
    if (strcmp(s->r.case_set, s->list.id) != 0)
        return fail_work(o, "%s: has case set %s, suite %d is %s", s->r.path, s->r.case_set,
                         s->list.version, s->list.id);
    if (!suite_digest(s->r.root, want))
        return fail_memory(o);
    if (digest == NULL || strcmp(digest, want) != 0)
        return fail_work(o, "%s: was changed since it was written: its digest is %s, must be %s",
                         s->r.path, digest != NULL ? "another" : "missing", want);
    if (s->r.num != s->list.num)
        return fail_work(o, "%s: has %zu cases, suite %d has %zu", s->r.path, s->r.num,
                         s->list.version, s->list.num);
    return check_peaks(o, s);
}

/* ---- a case ------------------------------------------------------------------------------------
 */

/* No device is faster, where its limits are known; else NAN.  Layers of a network may do with fewer
 * multiplies, and what is integers may be computed in floats. */
static double most_gflops(const suite_case *of, const char *variant, const kerf_device_peaks *peaks)
{
    const double floats = multiply_peak(of->is_net ? "conv_winograd" : variant, peaks);
    if (of->form != SUITE_INT8)
        return floats;
    return isnan(floats) || isnan(peaks->int8_gops) ? (double)NAN : fmax(floats, peaks->int8_gops);
}

/* What is wrong with it, in `why`; "" if nothing is. */
static void judge(const suite_result *s, const json_t *object, const suite_case *of, char why[200])
{
    const kerf_device_peaks peaks = peaks_of(s);
    const char *variant = json_string_value(json_object_get(object, "variant"));
    const double low = number_at(object, "ms_min"), ms = number_at(object, "ms_median"),
                 high = number_at(object, "ms_p99"), mean = number_at(object, "ms_mean"),
                 runs = number_at(object, "runs"), gflops = number_at(object, "gflops"),
                 of_peak = number_at(object, "of_peak"), joules = number_at(object, "joules"),
                 seconds = number_at(s->r.root, "seconds");
    const double can = most_gflops(of, variant != NULL ? variant : "", &peaks);
    const double is = of->c.flops > 0 ? 1e-6 * of->c.flops / ms : (double)NAN;
    why[0] = '\0';
    if (!(low > 0 && low <= ms && ms <= high && low <= mean && mean <= high))
        snprintf(why, 200, "ms_min, ms_median, ms_mean and ms_p99 are in no order");
    else if (!(runs >= 1 && runs * mean <= 1.01e3 * seconds))
        snprintf(why, 200, "%g runs of %g ms are no part of %g s", runs, mean, seconds);
    else if (is > 1.001 * can)
        snprintf(why, 200, "%g ms are %.0f GFLOPS, the device has %.0f", ms, is, can);
    else if (isfinite(is) && !(fabs(gflops / is - 1) < 1e-3))
        snprintf(why, 200, "gflops are %g, must be %g at %g ms", gflops, is, ms);
    else if (!of->is_net && of_peak > 1)
        snprintf(why, 200, "of_peak is %g, must be at most 1", of_peak);
    else if (isfinite(joules) && !(joules > 0 && 1e3 * joules / mean < MOST_WATTS))
        snprintf(why, 200, "%g J in %g ms are no energy", joules, mean);
}

static int check_cases(const options *o, const suite_result *s)
{
    const json_t *cases = json_object_get(s->r.root, "cases");
    for (size_t i = 0; i < s->r.num; i++) {
        const result_case *c = &s->r.cases[i];
        const json_t *object = json_array_get(cases, i);
        const suite_case *of = suite_find(&s->list, c->op, c->name);
        char why[200] = "";
        if (of == NULL)
            snprintf(why, sizeof why, "is no case of suite %d", s->list.version);
        else if (json_is_true(json_object_get(object, "valid")))
            judge(s, object, of, why);
        else if (!json_is_string(json_object_get(object, "why")))
            snprintf(why, sizeof why, "is not valid and does not say why");
        if (why[0] != '\0')
            return fail_work(o, "%s: case %zu, %s %s: %s", s->r.path, i, c->op, c->name, why);
    }
    return 0;
}

/* ---- the command -------------------------------------------------------------------------------
 */

int suite_result_read(const options *o, const char *path, suite_result *s)
{
    *s = (suite_result){0};
    int code = results_read(o, path, &s->r);
    if (code == 0)
        code = check_head(o, s);
    return code == 0 ? check_cases(o, s) : code;
}

void suite_result_free(suite_result *s)
{
    results_free(&s->r);
    suite_free(&s->list);
}

static size_t num_valid(const suite_result *s)
{
    size_t num = 0;
    for (size_t i = 0; i < s->r.num; i++)
        num += isfinite(s->r.cases[i].ms) != 0;
    return num;
}

int bench_check_files(const options *o)
{
    int code = o->words.num > 0 ? 0 : fail_usage(o, "--check: must have a file of --suite 1 -o");
    json_t *object = json_begin(), *files = json_array();
    table *t = table_create("file|device|driver|kerf|>suite|>timed|>skipped");
    for (size_t i = 0; i < o->words.num && code == 0; i++) {
        suite_result s;
        code = suite_result_read(o, o->words.items[i], &s);
        if (code == 0) {
            table_cell(t, "%s", s.r.path);
            table_cell(t, "%s", s.r.device);
            table_cell(t, "%s", s.r.driver);
            table_cell(t, "%s", s.r.kerf);
            table_cell(t, "%d", s.list.version);
            table_cell(t, "%zu", num_valid(&s));
            table_cell(t, "%zu", s.r.num - num_valid(&s));
            json_array_append_new(
                files, json_pack("{s:o,s:s,s:i,s:I,s:I}", "file", json_text(s.r.path), "device",
                                 s.r.device, "suite", s.list.version, "timed",
                                 (json_int_t)num_valid(&s), "cases", (json_int_t)s.r.num));
        }
        suite_result_free(&s);
    }
    json_object_set_new(object, "files", files);
    if (code == 0 && o->json)
        code = json_finish(o, json_incref(object));
    else if (code == 0)
        table_print(t, result_stream(o));
    table_destroy(t);
    json_decref(object);
    return code;
}
