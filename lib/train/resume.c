/* train/resume.c -- the run's checkpoint: written, and taken up again.
 *
 * Taking up starts from the same graph, options and data as the run did and refuses others
 * by name; then only numbers have to be put back: the state, the position, the best epoch
 * and the choices of kernels, which the tuning store may have forgotten or changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/lines.h"
#include "train/train_internal.h"

/* ---- writing ------------------------------------------------------------------------------- */

kerf_status kerf__run_save(kerf__run *run)
{
    if (run->folder.path == NULL ||
        (run->saved_step == run->position.step && run->saved_next == run->position.next))
        return KERF_OK;
    KERF__TRY(kerf__run_collect_choices(run));
    kerf__checkpoint c = {.options = run->options_text,
                          .device = (char *)kerf_device_get_info(kerf_state_device(run->s))->id,
                          .choices = run->choices,
                          .graph = run->graph,
                          .graph_bytes = run->graph_bytes,
                          .position = run->position,
                          .epochs = run->epochs,
                          .num_epochs = run->num_epochs,
                          .state = run->s,
                          .best = run->best};
    c.position.seconds += (kerf__now_ms() - run->epoch_ms) / 1e3;
    KERF__TRY(kerf__checkpoint_write(&c, run->folder.checkpoint, run->folder.previous));
    run->saved_step = run->position.step;
    run->saved_next = run->position.next;
    return KERF_OK;
}

/* ---- is it a checkpoint of this run -------------------------------------------------------- */

static kerf_status check_options(const kerf__run *run, const char *saved)
{
    char here[KERF__LINE], there[KERF__LINE];
    if (!kerf__lines_differ(run->options_text, saved, here, there))
        return KERF_OK;
    if (strncmp(here, "network=", 8) == 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "%s: is of another network; resume wants the same",
                          run->folder.checkpoint);
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "%s: is of a run with %s, this one has %s; resume wants "
                      "the same options",
                      run->folder.checkpoint, there, here);
}

static kerf_status check_same_run(const kerf__run *run, const kerf__checkpoint *c)
{
    const kerf__schedule *s = &run->schedule;
    const kerf__position *p = &c->position;
    KERF__TRY(check_options(run, c->options));
    int good = p->next >= 0 && p->next <= (int64_t)s->num && p->step >= 0 &&
               p->step <= s->num_steps && p->samples >= 0;
    if (good && p->next > 0)
        good = p->step >= s->events[p->next - 1].step;
    if (good && p->next < (int64_t)s->num)
        good = p->step <= s->events[p->next].step;
    if (good)
        return KERF_OK;
    return kerf__fail(KERF_ERR_FORMAT, "%s: its position is not one of this run",
                      run->folder.checkpoint);
}

/* ---- putting back -------------------------------------------------------------------------- */

void kerf__run_forget(kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && (e->role == KERF_ROLE_MOMENT || e->role == KERF_ROLE_METRIC ||
                          e->role == KERF_ROLE_FEEDBACK || e->role == KERF_ROLE_GRADIENT))
            kerf_state_drop(s, id);
    }
}

/* The state's entry that is `e` of another state: by name, made if it is not there. */
static kerf_status find_or_add(kerf_state *s, const kerf_state *from, const kerf_state_entry *e,
                               int *id)
{
    kerf_type type = kerf_tensor_type(e->tensor);
    const kerf_shape shape = e->shape;
    const kerf_state_entry *mine = kerf_state_find(s, e->name);
    if (mine == NULL) {
        const kerf_state_entry *owner = kerf_state_get(from, e->owner);
        if (owner != NULL)
            owner = kerf_state_find(s, owner->name);
        return kerf_state_add(s, e->name, e->role, owner != NULL ? owner->id : -1, type, shape, id);
    }
    *id = mine->id;
    if (kerf_tensor_type(mine->tensor) == type && kerf_shape_equal(mine->shape, shape))
        return KERF_OK;
    return kerf__fail(KERF_ERR_FORMAT, "checkpoint: '%s' has another type or shape", e->name);
}

kerf_status kerf__run_put_back(kerf_state *s, const kerf_state *from)
{
    for (int i = 0; i < kerf_state_num_ids(from); i++) {
        const kerf_state_entry *e = kerf_state_get(from, i);
        int id;
        if (e == NULL)
            continue;
        KERF__TRY(find_or_add(s, from, e, &id));
        if (kerf_tensor_size_bytes(e->tensor) > 0)
            KERF__TRY(kerf_state_write(s, id, kerf_tensor_data(e->tensor)));
    }
    return KERF_OK;
}

kerf_status kerf__run_restore_best(kerf__run *run)
{
    return kerf__run_put_back(run->s, run->best);
}

/* Takes over what the checkpoint owns. */
static void take(kerf__run *run, kerf__checkpoint *c)
{
    run->position = c->position;
    run->epochs = c->epochs;
    run->num_epochs = run->epoch_capacity = c->num_epochs;
    run->best = c->best;
    c->epochs = NULL;
    c->best = NULL;
    run->saved_step = run->position.step;
    run->saved_next = run->position.next;
}

/* Choices belong to a device; another one makes its own, and other last bits with them. */
static void take_choices(kerf__run *run, kerf__checkpoint *c)
{
    if (strcmp(c->device, kerf_device_get_info(kerf_state_device(run->s))->id) == 0) {
        run->choices = c->choices;
        c->choices = NULL;
        return;
    }
    snprintf(run->warning_text, sizeof run->warning_text,
             "%s: was written on another device or driver; the run goes on, its last bits differ",
             run->folder.checkpoint);
    run->warning = run->warning_text;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* The checkpoint, else the one before it and a word about why. */
static kerf_status read_either(kerf__run *run, kerf__checkpoint *c)
{
    const kerf__run_folder *f = &run->folder;
    if (access(f->checkpoint, F_OK) != 0 && access(f->previous, F_OK) != 0)
        return kerf__fail(KERF_ERR_FILE,
                          "%s: there is no checkpoint to resume from; start the run "
                          "without resume",
                          f->path);
    kerf_status status = kerf__checkpoint_read(c, f->checkpoint);
    if (status == KERF_OK || status == KERF_ERR_MEMORY)
        return status;
    char why[384];
    snprintf(why, sizeof why, "%s", kerf_last_error());
    if (access(f->previous, F_OK) != 0 || kerf__checkpoint_read(c, f->previous) != KERF_OK)
        return kerf__fail(status, "%s; %s cannot take its place", why, f->previous);
    snprintf(run->warning_text, sizeof run->warning_text,
             "%s; going on from the one before, at step %lld", why, (long long)c->position.step);
    run->warning = run->warning_text;
    return KERF_OK;
}

/* 1 if the checkpoint is from behind the event that brings roundings. */
static int is_rounded(const kerf__run *run, const kerf__checkpoint *c)
{
    int is = 0;
    for (int64_t i = 0; i < c->position.next; i++)
        is |= run->schedule.events[i].kind == KERF__EVENT_QUANTIZE;
    return is;
}

static kerf_status restore(kerf__run *run, const kerf__checkpoint *c)
{
    kerf__run_forget(run->s);
    if (is_rounded(run, c))
        KERF__TRY(kerf__run_round_again(run, c->state));
    return kerf__run_put_back(run->s, c->state);
}

kerf_status kerf__run_load(kerf__run *run)
{
    kerf__checkpoint c;
    KERF__TRY(read_either(run, &c));
    kerf_status status = check_same_run(run, &c);
    if (status == KERF_OK)
        status = restore(run, &c);
    if (status == KERF_OK) {
        take_choices(run, &c);
        take(run, &c);
    }
    kerf__checkpoint_free(&c);
    return status;
}
