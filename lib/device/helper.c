/* device/helper.c -- running kerf-probe: find it, listen for a limited time, say how it ended.
 * Processes are the system's: helper_posix.c, helper_windows.c (helper_process.h).
 *
 * A driver that hangs is ended after a minute, or after KERF_PROBE_TIMEOUT_MS.
 *
 * A program that is one file has nothing beside it, so it may be its own helper: it says by which
 * first word it then knows itself. */
#include "device/helper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "device/helper_process.h"
#include "kerf/device.h"

#ifndef environ
extern char **environ; /* POSIX has every program declare it; on Windows it is a macro */
#endif

enum { MAX_VERDICT_BYTES = 1 << 20, DEFAULT_TIMEOUT_MS = 60000 };

/* ---- where it is ----------------------------------------------------------------------- */

/* What to start, and the word that it wants first; NULL if it is a program of its own. */
typedef struct helper {
    char path[4096];
    char *word; /* borrowed */
} helper;

/* What the running program said of itself. */
static const char *own_word;

void kerf_set_probe_word(const char *word)
{
    own_word = word;
}

static int is_program(const char *path)
{
    return access(path, X_OK) == 0;
}

static int find_running(helper *h)
{
    ssize_t length = readlink("/proc/self/exe", h->path, sizeof h->path - 1);
    h->path[length > 0 ? length : 0] = '\0';
    return length > 0 && is_program(h->path);
}

/* Below the folder of the running program; the tree may have been moved as a whole. */
static int find_beside(const char *below, helper *h)
{
    if (!find_running(h))
        return 0;
    char *name = strrchr(h->path, '/');
    size_t room = sizeof h->path - (size_t)(name - h->path);
    return snprintf(name, room, "/%s", below) < (int)room && is_program(h->path);
}

static int find(helper *h)
{
    const char *told = getenv("KERF_PROBE");
    h->word = NULL;
    if (told != NULL) {
        snprintf(h->path, sizeof h->path, "%s", told);
        return is_program(h->path);
    }
    if (own_word != NULL) {
        h->word = (char *)own_word; /* execve() changes none of its words */
        return find_running(h);
    }
    if (find_beside("kerf-probe", h) || find_beside("../libexec/kerf/kerf-probe", h))
        return 1;
    snprintf(h->path, sizeof h->path, "%s/kerf-probe", KERF_LIBEXEC_DIR);
    return is_program(h->path);
}

int kerf__helper_exists(void)
{
    helper h;
    return find(&h);
}

/* ---- running it ------------------------------------------------------------------------ */

/* Our environment but for what concerns the helper itself; the strings are borrowed, the
 * last one from the caller.  What a test imposes (fault.h) is no trait of the device. */
static char **make_environment(char *vendors)
{
    static const char *const DROPPED[] = {
        "OCL_ICD_VENDORS=", "KERF_TEST_LIMITS=", "KERF_TEST_TYPE=", "KERF_DEVICE="};
    size_t num = 0, kept = 0;
    while (environ[num] != NULL)
        num++;
    char **list = kerf__alloc(num + 2, sizeof *list);
    for (size_t i = 0; list != NULL && i < num; i++) {
        int dropped = 0;
        for (size_t j = 0; j < sizeof DROPPED / sizeof DROPPED[0]; j++)
            dropped |= strncmp(environ[i], DROPPED[j], strlen(DROPPED[j])) == 0;
        if (!dropped)
            list[kept++] = environ[i];
    }
    if (list != NULL)
        list[kept] = vendors;
    return list;
}

static double timeout_ms(void)
{
    const char *text = getenv("KERF_PROBE_TIMEOUT_MS");
    double told = text != NULL ? atof(text) : 0;
    return told > 0 ? told : DEFAULT_TIMEOUT_MS;
}

/* 126 and 127 are a shell's and the dynamic linker's: the helper did not come to its work. */
static void describe_end(const kerf__process_end *how, kerf__helper_end *end)
{
    end->is_outer = how->is_outer;
    if (how->is_late)
        snprintf(end->text, sizeof end->text, "it did not answer within %.3g s",
                 timeout_ms() / 1000);
    else if (how->crash[0] != '\0')
        snprintf(end->text, sizeof end->text, "it crashed (%s)", how->crash);
    else if (how->code != 0 && how->code != 126 && how->code != 127)
        snprintf(end->text, sizeof end->text, "its trial ended with status %d", how->code);
}

/* 1 if it ended well; all that it printed is in text, and how it ended else in `end`. */
static int run(const helper *h, char *variable, int basic, char *text, kerf__helper_end *end)
{
    char program[] = "kerf-probe", mode[] = "--basic", *words[4] = {program};
    int num = 1;
    kerf__process_end how = {0};
    if (h->word != NULL)
        words[num++] = h->word;
    if (basic)
        words[num++] = mode;
    char **environment = make_environment(variable);
    const int started =
        environment != NULL &&
        kerf__process_run(h->path, words, environment, timeout_ms(), text, MAX_VERDICT_BYTES, &how);
    free(environment);
    if (started)
        describe_end(&how, end);
    return started && !how.is_late && how.crash[0] == '\0' && how.code == 0;
}

/* ---- what it said ---------------------------------------------------------------------- */

/* Cuts the lines "# WHAT" off its beginning; `what` is the last of them or NULL. */
static const char *cut_steps(char *text, const char **what)
{
    *what = NULL;
    while (text[0] == '#') {
        char *end = strchr(text, '\n');
        if (end == NULL)
            break;
        *end = '\0';
        *what = text + strspn(text, "# ");
        text = end + 1;
    }
    return text;
}

json_t *kerf__helper_run(const char *vendors, int basic, kerf__helper_end *end)
{
    helper h;
    char variable[1100];
    const char *what;
    json_t *answer = NULL;
    char *text = kerf__alloc(MAX_VERDICT_BYTES, 1);
    *end = (kerf__helper_end){0};
    snprintf(variable, sizeof variable, "OCL_ICD_VENDORS=%s", vendors);
    if (text != NULL && find(&h)) {
        int good = run(&h, variable, basic, text, end);
        const size_t length = strlen(end->text);
        const char *json = cut_steps(text, &what);
        if (good)
            answer = json_loads(json, 0, NULL);
        else if (length > 0 && what != NULL)
            snprintf(end->text + length, sizeof end->text - length, ", trying %.300s", what);
    }
    free(text);
    if (json_is_array(json_object_get(answer, "devices")))
        return answer;
    json_decref(answer);
    return NULL;
}
