/* on_posix.c -- see on.h.
 *
 * Three kinds of scripts: one asks which files are missing there, one takes a file, one runs. Files
 * lie by their content's digest, so what was taken once is not taken again; a run has a folder of
 * its own, in which they have their names.  All of it is POSIX and in a phone's toybox.
 *
 * The other end knows that this one has gone, or was interrupted, by the end of its input. */
#include "on.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "interrupt.h"
#include "model.h"
#include "on_files.h"
#include "on_shell.h"
#include "text.h"

/* A phone's folder for shells, else the usual one; none else may write there. */
static const char PRELUDE[] =
    "umask 077\n"
    "d=/data/local/tmp\n"
    "[ -d $d ] && [ -w $d ] || d=${TMPDIR:-/tmp}\n"
    "d=$d/kerf-on-$(id -u)\n"
    "mkdir -p \"$d/files\" \"$d/cache\" && [ -O \"$d\" ] || {\n"
    "echo \"kerf: $d: cannot be written at the other end\" >&2; exit 1; }\n"
    "cd \"$d/files\" || exit 1\n";

/* ---- taking files there ------------------------------------------------------------------------
 */

static int run_script(const options *o, script *s, const char *from, told *out)
{
    script_add(s, on_end);
    int code = s->text != NULL ? on_shell(o, s->text, from, out) : fail_memory(o);
    free(s->text);
    *s = (script){0};
    return code;
}

/* A line for each that is not there yet. */
static int ask_missing(const options *o, const on_files *files, told *missing)
{
    script s = {0};
    script_add(&s, PRELUDE);
    script_add(&s, "c=0\nfor f in");
    for (size_t i = 0; i < files->num; i++) {
        script_add(&s, " ");
        script_add_word(&s, files->items[i].digest);
    }
    script_add(&s, "; do [ -f \"$f\" ] || echo \"$f\"; done\n");
    return run_script(o, &s, NULL, missing);
}

/* What did not arrive whole goes again. */
static int send(const options *o, const on_file *f)
{
    script s = {0};
    told out;
    script_add(&s, PRELUDE);
    script_add(&s, "f=");
    script_add_word(&s, f->digest);
    script_add(&s, "\ncat >\"$f.$$\"\nset -- $(cksum <\"$f.$$\")\n[ \"$1 $2\" = ");
    script_add_word(&s, f->check);
    script_add(&s, " ] && chmod 700 \"$f.$$\" && mv \"$f.$$\" \"$f\"\n"
                   "c=$?\n[ $c = 0 ] || rm -f \"$f.$$\"\n");
    int code = run_script(o, &s, f->path, &out);
    free(out.text);
    if (code == 0 && out.code != 0)
        code = fail_work(o, "%s: did not arrive whole at the other end; is there room?", f->path);
    return code;
}

static int send_missing(const options *o, const on_files *files)
{
    told missing;
    int code = ask_missing(o, files, &missing);
    for (size_t i = 0; code == 0 && i < files->num; i++) {
        const on_file *f = &files->items[i];
        if (strstr(missing.text, f->digest) == NULL)
            continue;
        say(o, "%s: taken to the other end", f->path);
        code = send(o, f);
        for (char *at = missing.text; code == 0 && (at = strstr(at, f->digest)) != NULL;)
            *at = ' '; /* the same content under another name is there now */
    }
    free(missing.text);
    return code;
}

/* ---- running there -----------------------------------------------------------------------------
 */

static void add_names(script *s, const on_files *files)
{
    for (size_t i = 0; i < files->num; i++) {
        script_add(s, "mkdir -p \"$(dirname ");
        script_add_word(s, files->items[i].name);
        script_add(s, ")\" && ln -s \"$d/files/");
        script_add(s, files->items[i].digest);
        script_add(s, "\" ");
        script_add_word(s, files->items[i].name);
        script_add(s, " || exit 1\n");
    }
}

/* The command, and beside it one who waits for the end of standard input, and then ends it. */
static int run_there(const options *o, const on_files *files, const char *line, told *out)
{
    script s = {0};
    script_add(&s, PRELUDE);
    script_add(&s, "r=$d/run-$$\nmkdir \"$r\" && cd \"$r\" || exit 1\n");
    add_names(&s, files);
    script_add(&s, "[ ! -e kerf-probe ] || export KERF_PROBE=\"$r/kerf-probe\"\n"
                   "export KERF_CACHE_DIR=\"$d/cache\"\nexec 3<&0\n./kerf ");
    script_add(&s, line);
    script_add(&s, " </dev/null 3<&- &\np=$!\n"
                   "{ cat <&3; kill $p; } >/dev/null 2>&1 &\nw=$!\nexec 3<&-\n"
                   "wait $p\nc=$?\nkill $w 2>/dev/null\ncd \"$d\"\nrm -rf \"$r\"\n");
    return run_script(o, &s, NULL, out);
}

/* -o FILE gets what the command would have written to it. */
static int bring_home(const options *o, const told *out)
{
    if (o->output != NULL && strcmp(o->output, "-") != 0)
        return out->num > 0 ? file_write(o, o->output, out->text, out->num) : 0;
    fwrite(out->text, 1, out->num, stdout);
    return 0;
}

/* ---- all of it ---------------------------------------------------------------------------------
 */

/* This program, or the one that suits the other end, and the helper that lies beside it. */
static int add_program(const options *o, on_files *files)
{
    char self[4096];
    const char *path = o->on_binary != NULL ? o->on_binary : getenv("KERF_ON_BINARY");
    const ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    path = path != NULL && path[0] != '\0' ? path : self;
    int code = on_files_add(o, files, path, "kerf");
    const char *slash = strrchr(path, '/');
    char *dir = copy_text(path, slash != NULL ? (size_t)(slash - path) : 0, 2);
    char *probe = dir != NULL ? path_join(slash != NULL ? dir : ".", "kerf-probe") : NULL;
    if (code == 0 && probe == NULL)
        code = fail_memory(o);
    if (code == 0 && file_exists(probe))
        code = on_files_add(o, files, probe, "kerf-probe");
    free(probe);
    free(dir);
    return code;
}

static int run_with(const options *o, const on_files *files, const char *line)
{
    told out;
    int code = send_missing(o, files);
    if (code != 0)
        return code;
    code = run_there(o, files, line, &out);
    if (code == 0)
        code = bring_home(o, &out);
    free(out.text);
    return code == 0 ? out.code : code;
}

int on_run(const options *o)
{
    on_files files = {0};
    script line = {0};
    if (o->compare)
        return fail_usage(o, "--compare: only reads files, must be without --on");
    int code = o->output != NULL ? output_check(o, o->output) : 0;
    if (code == 0)
        code = add_program(o, &files);
    if (code == 0)
        code = on_files_take(o, &files, &line);
    if (code == 0 && line.text == NULL)
        code = fail_memory(o);
    interrupt_catch();
    if (code == 0)
        code = run_with(o, &files, line.text);
    on_files_free(&files);
    free(line.text);
    return code;
}
