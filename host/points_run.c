/* points_run.c -- children that each run a recipe, one a device at a time; see points.h.  Of
 * several ranks each has a device, and takes the next run when that is free. */
#include <stdlib.h>
#include <time.h>

#include "device_list.h"
#include "files.h"
#include "interrupt.h"
#include "points.h"
#include "process.h"
#include "ranks.h"

/* ---- a child -------------------------------------------------------------------------------- */

typedef struct child {
    process p;
    point_run *of;
} child;

typedef struct crowd {
    const options *o;
    device_list devices; /* what children are told */
    char own[256];       /* that of a rank */
    child children[MOST_DEVICES];
    int has_logs; /* 1: several are at work, here or on other ranks */
    int is_over;  /* 1: none is begun any more */
    int told;     /* 1: children were told to stop */
} crowd;

/* The child's command line; the texts are borrowed.  NULL without memory. */
static const char **make_words(const crowd *c, const point_run *p, const char *device)
{
    const options *o = c->o;
    const size_t num_sets = o->sets.num + p->num_sets;
    const char **words = calloc(2 * num_sets + 16, sizeof *words), **at = words;
    if (words == NULL)
        return NULL;
    *at++ = "kerf";
    *at++ = "run";
    *at++ = o->words.items[0];
    *at++ = "-o";
    *at++ = p->dir;
    for (size_t i = 0; i < num_sets; i++) {
        *at++ = "--set";
        *at++ = i < o->sets.num ? o->sets.items[i] : p->sets[i - o->sets.num];
    }
    if (o->resume && folder_has(p->dir, "recipe.yaml"))
        *at++ = "--resume";
    else if (o->force)
        *at++ = "-f";
    if (o->quiet)
        *at++ = "-q";
    if (o->tensorboard)
        *at++ = "--tensorboard";
    if (device != NULL) {
        *at++ = "--device";
        *at++ = device;
    }
    return words;
}

/* What several say at once would be a mess, so it goes into files. */
static int start(crowd *c, child *one, point_run *p, const char *device)
{
    options alone = *c->o; /* this rank's own folder, whoever else writes */
    alone.ranks = NULL;
    const char **words = make_words(c, p, device);
    char *log = c->has_logs ? path_join(p->dir, "log.txt") : NULL;
    int code = words != NULL ? 0 : fail_memory(c->o);
    if (code == 0 && log != NULL)
        code = folders_make(&alone, p->dir);
    if (code == 0) {
        say(c->o, "%s%s%s", p->dir, device != NULL ? ": on device " : "",
            device != NULL ? device : "");
        code = process_start(c->o, &one->p, words, log);
    }
    one->of = p;
    free(log);
    free(words);
    return code;
}

static void tell_failure(const crowd *c, const point_run *p)
{
    if (p->code > 128)
        fail_work(c->o, "%s: was ended by signal %d", p->dir, p->code - 128);
    else
        fail_work(c->o, "%s: failed with exit code %d%s", p->dir, p->code,
                  c->has_logs ? "; its log.txt says why" : "");
}

/* Takes what has ended; how many are at work still. */
static size_t reap(crowd *c)
{
    size_t num = 0;
    for (size_t i = 0; i < c->devices.num; i++) {
        child *one = &c->children[i];
        if (one->p.id == 0)
            continue;
        if (interrupted() && !c->told)
            process_stop(&one->p);
        if (!process_has_ended(&one->p, &one->of->code)) {
            num++;
            continue;
        }
        if (one->of->code != 0 && one->of->code != EXIT_INTERRUPTED)
            tell_failure(c, one->of);
    }
    c->told |= interrupted();
    return num;
}

/* ---- all of them ---------------------------------------------------------------------------- */

/* The next run, where a device is free. */
static int start_next(crowd *c, point_run *points, size_t num)
{
    int code = 0;
    for (size_t i = 0; i < c->devices.num && code == 0 && !c->is_over; i++) {
        int64_t next = (int64_t)num;
        if (c->children[i].p.id != 0)
            continue;
        code = ranks_take_piece(c->o, &next, (int64_t)num);
        c->is_over = next == (int64_t)num;
        if (code == 0 && !c->is_over)
            code = start(c, &c->children[i], &points[next], c->devices.at[i]);
    }
    return code;
}

static int hand_out(crowd *c, point_run *points, size_t num)
{
    static const struct timespec A_WHILE = {0, 20000000};
    int code = 0;
    for (size_t at_work = 0; !ranks_attend(c->o, c->is_over && at_work == 0);) {
        reap(c);
        c->is_over |= code != 0 || interrupted();
        if (!c->is_over)
            code = start_next(c, points, num);
        at_work = reap(c);
        nanosleep(&A_WHILE, NULL);
    }
    return code != 0 ? code : interrupted() ? EXIT_INTERRUPTED : 0;
}

/* What others' runs ended with. */
static int share_codes(const crowd *c, point_run *points, size_t num)
{
    double *codes = calloc(num + 1, sizeof *codes);
    if (codes == NULL)
        return fail_memory(c->o);
    for (size_t i = 0; i < num; i++)
        codes[i] = points[i].code;
    const int code = ranks_share_codes(c->o, codes, num);
    for (size_t i = 0; code == 0 && i < num; i++) {
        const int is_news = points[i].code != (int)codes[i];
        points[i].code = (int)codes[i];
        if (is_news && points[i].code != EXIT_INTERRUPTED)
            tell_failure(c, &points[i]);
    }
    free(codes);
    return code;
}

/* Of several ranks each has one. */
static int choose_devices(crowd *c)
{
    c->has_logs = ranks_of(c->o) != NULL;
    if (c->has_logs) {
        c->devices.at[0] = ranks_device(c->o, c->own, sizeof c->own);
        c->devices.num = 1;
        return 0;
    }
    const int code = device_list_read(c->o, &c->devices);
    c->has_logs = c->devices.num > 1;
    return code;
}

size_t points_at_once(const options *o)
{
    device_list list;
    if (ranks_of(o) != NULL)
        return (size_t)ranks_of(o)->num;
    const size_t num = device_list_read(o, &list) == 0 ? list.num : 0;
    device_list_free(&list);
    return num;
}

/* Hours of others are not begun where one of them cannot be. */
static int check_folders(const options *o, const point_run *points, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (!o->resume && !o->force && folder_has(points[i].dir, "recipe.yaml"))
            return fail_work(o, "%s: holds a run: --resume goes on with it, -f starts over",
                             points[i].dir);
    return 0;
}

int points_run(const options *o, point_run *points, size_t num)
{
    crowd c = {.o = o};
    int code = ranks_agree(o, ranks_writes(o) ? check_folders(o, points, num) : 0);
    if (code == 0)
        code = choose_devices(&c);
    interrupt_catch();
    if (code == 0)
        code = hand_out(&c, points, num);
    if (code == 0)
        code = share_codes(&c, points, num);
    device_list_free(&c.devices);
    if (code == EXIT_INTERRUPTED)
        say(o, "stopped; the same command with --resume goes on");
    return code;
}
