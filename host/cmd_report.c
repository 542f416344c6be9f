/* cmd_report.c -- `kerf report`: the page of a run, or of several side by side. */
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "files.h"
#include "report.h"
#include "run_page.h"
#include "text.h"

/* Without -o the page of one run goes into its folder, where it may take the place of an earlier
 * one. */
static int find_output(const options *o, char **path)
{
    *path = NULL;
    if (o->output == NULL && o->words.num > 1)
        return fail_usage(o, "-o is missing: a page of several runs belongs to none of their "
                             "folders");
    if (o->output != NULL && file_exists(o->output) && !o->force)
        return fail_work(o, "%s: is there already; -f replaces it", o->output);
    *path = o->output != NULL ? copy_text(o->output, strlen(o->output), 0)
                              : path_join(o->words.items[0], "report.html");
    return *path != NULL ? 0 : fail_memory(o);
}

static int read_runs(const options *o, run_record *runs)
{
    int code = 0;
    for (size_t i = 0; i < o->words.num; i++)
        run_init(&runs[i]);
    for (size_t i = 0; i < o->words.num && code == 0; i++)
        code = run_read(o, &runs[i], o->words.items[i]);
    return code;
}

static int write_page(const options *o, const run_record *runs)
{
    char *path;
    int code = find_output(o, &path);
    json_t *data = code == 0 ? run_page(runs, o->words.num) : NULL;
    if (code == 0)
        code = report_write(o, path, data);
    if (code == 0)
        say(o, "%s", path);
    json_decref(data);
    free(path);
    return code;
}

int cmd_report(const options *o)
{
    run_record *runs = calloc(o->words.num, sizeof *runs);
    int code = runs != NULL ? read_runs(o, runs) : fail_memory(o);
    if (code == 0)
        code = write_page(o, runs);
    for (size_t i = 0; runs != NULL && i < o->words.num; i++)
        run_free(&runs[i]);
    free(runs);
    return code;
}
