/* cmd_report.c -- `kerf report`: the page of a run, or of several side by side, and the same as
 * Markdown, picture and numbers. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "files.h"
#include "json.h"
#include "report.h"
#include "report_text.h"
#include "run_list.h"
#include "run_page.h"
#include "text.h"

typedef struct reporting {
    const options *o;
    run_list list; /* owned, as data */
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
    if (code == 0 && o->output == NULL && num == 0 && o->words.num > 1)
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
    reporting r = {.o = o};
    int code = check_outputs(o, more);
    if (code == 0)
        code = read_runs(&r);
    if (code == 0)
        code = write_all(&r, more);
    if (code == 0 && o->json)
        code = json_finish(o, side_json(r.list.runs, r.list.num));
    run_list_free(&r.list);
    json_decref(r.data);
    return code;
}
