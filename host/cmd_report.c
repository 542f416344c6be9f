/* cmd_report.c -- `kerf report`: the page of a run, of several side by side, or of devices that ran a
 * suite, and the same as Markdown, picture and numbers. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "files.h"
#include "json.h"
#include "report.h"
#include "report_text.h"
#include "run_list.h"
#include "run_page.h"
#include "suite_result.h"
#include "text.h"

typedef struct reporting {
    const options *o;
    run_list list; /* owned, as all below */
    suite_results suites;
    int is_suite; /* the one or the other */
    json_t *data;
} reporting;

/* ---- forms -------------------------------------------------------------------------------------
 */

static void put_html(FILE *out, const reporting *r)
{
    char *page = report_text(r->data);
    fputs(page != NULL ? page : "", out);
    free(page);
}

static void put_csv(FILE *out, const reporting *r)
{
    if (r->is_suite)
        suite_csv(out, &r->suites);
    else
        report_csv(out, r->list.runs, r->list.num);
}

static void put_svg(FILE *out, const reporting *r)
{
    report_svg(out, r->data);
}

static void put_markdown(FILE *out, const reporting *r)
{
    report_markdown(out, r->data);
}

/* In the order of --format. */
static const struct {
    const char *suffix;
    void (*put)(FILE *out, const reporting *r);
} forms[] = {{".html", put_html}, {".csv", put_csv}, {".svg", put_svg}, {".md", put_markdown}};
enum { NUM_FORMS = sizeof forms / sizeof forms[0] };

/* What --format says, else the name's end, else a page. */
static size_t form_of(const options *o, const char *path)
{
    const char *dot = strrchr(path, '.');
    if (options_given(o, "format"))
        return (size_t)o->format;
    for (size_t i = 0; dot != NULL && i < NUM_FORMS; i++)
        if (strcmp(dot, forms[i].suffix) == 0)
            return i;
    return 0;
}

/* ---- writing -----------------------------------------------------------------------------------
 */

static int write_form(const reporting *r, size_t form, const char *path)
{
    const options *o = r->o;
    char *text = NULL;
    size_t num_bytes = 0;
    FILE *out = open_memstream(&text, &num_bytes);
    if (out != NULL)
        forms[form].put(out, r);
    int code = out != NULL && fclose(out) == 0 && num_bytes > 0 ? 0 : fail_memory(o);
    if (code == 0 && strcmp(path, "-") == 0)
        fwrite(text, 1, num_bytes, stdout); /* main() sees whether it went out */
    else if (code == 0 && (code = file_write(o, path, text, num_bytes)) == 0)
        say(o, "%s", path);
    free(text);
    return code;
}

static int check_new(const options *o, const char *path)
{
    if (path == NULL || strcmp(path, "-") == 0 || o->force || !file_exists(path))
        return 0;
    return fail_work(o, "%s: is there already; -f replaces it", path);
}

/* Before runs are read. */
static int check_outputs(const options *o, const char *const *more)
{
    int num = 0, code = check_new(o, o->output);
    for (size_t i = 0; i < NUM_FORMS && code == 0; i++) {
        num += more[i] != NULL;
        code = check_new(o, more[i]);
    }
    const int has_none = code == 0 && o->output == NULL && num == 0;
    if (has_none && suite_results_are(o))
        return fail_usage(o, "-o is missing: what the page of %s is to be called",
                          o->words.items[0]);
    if (has_none && o->words.num > 1)
        return fail_usage(o, "-o is missing: a page of several runs belongs to none of their "
                             "folders");
    return code;
}

/* Without any name one run's page goes into its folder, where it may take the place of an earlier
 * one. */
static int write_in_folder(const reporting *r)
{
    char name[32], *path;
    const size_t form = form_of(r->o, "");
    snprintf(name, sizeof name, "report%s", forms[form].suffix);
    path = path_join(r->o->words.items[0], name);
    int code = path != NULL ? write_form(r, form, path) : fail_memory(r->o);
    free(path);
    return code;
}

static int write_all(const reporting *r, const char *const *more)
{
    int code = 0, num = 0;
    for (size_t i = 0; i < NUM_FORMS && code == 0; i++) {
        num += more[i] != NULL;
        code = more[i] != NULL ? write_form(r, i, more[i]) : 0;
    }
    if (code == 0 && r->o->output != NULL)
        return write_form(r, form_of(r->o, r->o->output), r->o->output);
    return code == 0 && num == 0 ? write_in_folder(r) : code;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

static int read_suites(reporting *r)
{
    int code = suite_results_read(r->o, &r->suites);
    if (code == 0 && (r->data = suite_page(&r->suites)) == NULL)
        code = fail_memory(r->o);
    return code;
}

static int read_runs(reporting *r)
{
    int code = run_list_read(r->o, &r->list);
    if (code == 0)
        r->data = r->list.num > 1 ? side_page(r->list.runs, r->list.num) : run_page(r->list.runs);
    return code == 0 && r->data == NULL ? fail_memory(r->o) : code;
}

int cmd_report(const options *o)
{
    const char *const more[NUM_FORMS] = {NULL, o->csv, o->svg, o->markdown};
    reporting r = {.o = o, .is_suite = suite_results_are(o)};
    int code = check_outputs(o, more);
    if (code == 0)
        code = r.is_suite ? read_suites(&r) : read_runs(&r);
    if (code == 0)
        code = write_all(&r, more);
    if (code == 0 && o->json)
        code = json_finish(o, r.is_suite ? suite_page_json(&r.suites)
                                         : side_json(r.list.runs, r.list.num));
    run_list_free(&r.list);
    suite_results_free(&r.suites);
    json_decref(r.data);
    return code;
}
