/* channel_goal.c -- bounds on what is left when channels go; see channel_goal.h. */
#include "channel_goal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "ranks.h"
#include "table.h"
#include "target.h"

#define FOUND_FILE "found.json"

int goal_wanted(const options *o)
{
    return o->macs != NULL || o->size != NULL || o->latency != NULL;
}

/* "50%" or "0.5". */
static int parse_macs(const options *o, double *share)
{
    char *end;
    *share = NAN;
    if (o->macs == NULL)
        return 0;
    *share = strtod(o->macs, &end);
    if (end != o->macs && strcmp(end, "%") == 0) {
        *share /= 100;
        end++;
    }
    return end != o->macs && *end == '\0' && *share > 0 && *share < 1
               ? 0
               : fail_usage(o,
                            "--macs %s: must be a share of the multiply-adds that is left, such "
                            "as 50%%",
                            o->macs);
}

int goal_check(const options *o)
{
    double share;
    int code = parse_macs(o, &share);
    return code == 0 ? target_check(o) : code;
}

/* ---- making it --------------------------------------------------------------------------- */

static int on_progress(void *context, int64_t done, int64_t num)
{
    progress_count(context, (double)done, (double)num, "of the networks");
    return interrupted();
}

void goal_know(channel_goal *goal, const change *c)
{
    if (c->o->latency == NULL || c->s.data == NULL)
        return;
    goal->how.inputs = &goal->input;
    goal->how.num_inputs = session_known_input(&c->s, &goal->input);
}

static kerf_status measure_whole(channel_goal *goal, const change *c)
{
    kerf_channels *channels;
    const kerf_channel_target asked = {NAN, c->o->size != NULL ? 1 : NAN,
                                       c->o->latency != NULL ? 1 : NAN};
    kerf_status status = kerf_channels_find(&channels, c->s.m.g, c->s.m.s);
    if (status == KERF_OK)
        status =
            kerf_channels_measure(channels, c->s.m.g, c->s.m.s, &asked, &goal->how, &goal->whole);
    kerf_channels_destroy(channels);
    return status;
}

int goal_make(channel_goal *goal, change *c)
{
    const options *o = c->o;
    kerf_target target;
    *goal = (channel_goal){.whole = {1, NAN, NAN}, .end = {NAN, NAN, NAN}};
    goal->how = (kerf_channel_search){.packed = o->output != NULL && kerf_packed_is_path(o->output),
                                      .ranks = ranks_of(o),
                                      .progress = on_progress,
                                      .context = &c->bar};
    int code = parse_macs(o, &goal->end.macs);
    if (code == 0)
        code = target_costs(o, c->s.m.g, c->s.m.s, &goal->costs);
    goal->how.costs = goal->costs;
    goal_know(goal, c);
    if (code != 0 || (o->size == NULL && o->latency == NULL))
        return code;
    const kerf_status status = measure_whole(goal, c);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    code = target_make(o, goal->whole.bytes, &target);
    goal->end.bytes = target.bytes;
    goal->end.ms = target.ms;
    goal->whole.macs = 1;
    return code;
}

void goal_free(channel_goal *goal)
{
    kerf_costs_destroy(goal->costs);
    goal->costs = NULL;
}

double goal_step(double amount, const removal_step *step)
{
    const double before = amount * step->before, behind = amount * step->part;
    return before < 1 ? 1 - (1 - behind) / (1 - before) : 0;
}

/* On the way from the whole to the end. */
static double between(double whole, double end, double part)
{
    return whole + part * (end - whole);
}

kerf_channel_target goal_at(const channel_goal *goal, const removal_step *step)
{
    const kerf_channel_target *w = &goal->whole, *e = &goal->end;
    const double before = step->before, part = step->part;
    return (kerf_channel_target){between(w->macs, e->macs, part) /
                                     between(w->macs, e->macs, before),
                                 between(w->bytes, e->bytes, part), between(w->ms, e->ms, part)};
}

/* ---- showing it ---------------------------------------------------------------------------- */

void goal_print(const options *o, const kerf_channels_found *found, FILE *out)
{
    char text[32];
    if (!goal_wanted(o))
        return;
    fprintf(out, "found: --sparsity %.4g", found->amount);
    if (!isnan(found->left.macs))
        fprintf(out, ", which leaves %.1f %% of the multiply-adds", 100 * found->left.macs);
    if (!isnan(found->left.bytes))
        fprintf(out, ", a file of %s bytes", grouped(found->left.bytes, text, sizeof text));
    if (!isnan(found->left.ms)) {
        fprintf(out, ", %.3f ms a run", found->left.ms);
        target_tell_clock(o, out);
    }
    fputs("\n\n", out);
}

json_t *goal_json(const options *o, const kerf_channels_found *found)
{
    return json_pack("{s:f,s:o,s:o,s:o,s:s?}", "sparsity", found->amount, "macs",
                     json_number(found->left.macs), "bytes", json_number(found->left.bytes), "ms",
                     json_number(found->left.ms), "costs", target_costs_file(o));
}

static double number_of(const json_t *object, const char *key)
{
    const json_t *number = json_object_get(object, key);
    return json_is_number(number) ? json_number_value(number) : NAN;
}

int goal_recall(const change *c, const removal_step *step, kerf_channels_found *found)
{
    json_t *object =
        step->dir != NULL && c->o->resume ? folder_read_json(step->dir, FOUND_FILE) : NULL;
    *found = (kerf_channels_found){
        .amount = number_of(object, "sparsity"),
        .left = {number_of(object, "macs"), number_of(object, "bytes"), number_of(object, "ms")}};
    json_decref(object);
    return found->amount >= 0 && found->amount <= 1;
}

void goal_keep(change *c, const char *name, json_t *taken, const kerf_channels_found *found)
{
    if (c->more == NULL)
        c->more = json_pack("{s:[]}", name);
    json_array_append_new(json_object_get(c->more, name), taken);
    if (!goal_wanted(c->o))
        return;
    if (json_object_get(c->more, "found") == NULL)
        json_object_set_new(c->more, "found", json_array());
    json_array_append_new(json_object_get(c->more, "found"), goal_json(c->o, found));
}

int goal_end(const options *o, kerf_status status, const kerf_channels_found *found)
{
    if (status == KERF_ERR_CANCELLED)
        return EXIT_INTERRUPTED;
    if (status != KERF_OK)
        return fail_kerf(o, status);
    if (found->missed[0] == '\0')
        return 0;
    fail_work(o, "%s", found->missed);
    return EXIT_TARGET;
}

static int remember(const change *c, const char *dir, const kerf_channels_found *found)
{
    char *path = path_join(dir, FOUND_FILE);
    json_t *object = goal_json(c->o, found);
    const int code =
        path != NULL && object != NULL ? file_write_json(c->o, path, object) : fail_memory(c->o);
    json_decref(object);
    free(path);
    return code;
}

int goal_end_step(const change *c, kerf_status status, const removal_step *step,
                  const kerf_channels_found *found)
{
    const int code = goal_end(c->o, status, found);
    return code == 0 && step->dir != NULL && goal_wanted(c->o) ? remember(c, step->dir, found)
                                                               : code;
}
