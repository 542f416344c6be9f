/* crew.c -- one model on several devices; see crew.h.  The work is kerf_evaluate_together()'s, and
 * kerf_plan_run_samples()'s. */
#include "crew.h"

#include <math.h>

#include "crash.h"
#include "json.h"
#include "table.h"

/* ---- devices --------------------------------------------------------------------------------- */

/* The same device twice would have two threads wait for each other. */
static int check_once(const options *o, const crew *c, const char *spec)
{
    const int index = kerf_device_get_info(c->devs[c->num - 1])->index;
    for (size_t i = 0; i + 1 < c->num; i++)
        if (kerf_device_get_info(c->devs[i])->index == index)
            return fail_usage(
                o, "--device %s: is device %d, which is named already: must be named once", spec,
                index);
    return 0;
}

static int open_one(const options *o, crew *c, const char *spec)
{
    kerf_status status = open_device(&c->devs[c->num], o, spec);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    const size_t i = c->num++;
    const int code = check_once(o, c, spec);
    if (code != 0)
        return code;
    status = kerf_state_copy(&c->states[i], c->states[0], c->devs[i]);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

int crew_open(const options *o, crew *c, kerf_device *dev, kerf_state *s,
              const device_list *devices)
{
    int code = 0;
    *c = (crew){.devs = {dev}, .states = {s}, .num = 1};
    for (size_t i = 1; i < devices->num && code == 0; i++)
        code = open_one(o, c, devices->at[i]);
    return code;
}

void crew_close(const options *o, crew *c)
{
    for (size_t i = 1; i < c->num; i++) {
        kerf_state_destroy(c->states[i]);
        close_device(o, c->devs[i]);
    }
    c->num = 0;
}

/* ---- measuring ------------------------------------------------------------------------------- */

int crew_evaluate(const options *o, crew *c, const session *s, kerf_split split, evaluation *e,
                  int64_t *confusion)
{
    if (c->num == 1 || kerf_dataset_num_samples(s->data, split) == 0)
        return session_evaluate(o, s, split, e, confusion);
    *e = (evaluation){.agreement = NAN};
    const kerf_status status =
        kerf_evaluate_together(s->m.g, c->states, c->num, s->data, split, session_batch(o, s),
                               s->prep, s->precision, &e->e, confusion, c->taken);
    e->is_known = status == KERF_OK;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

void crew_print(const crew *c)
{
    if (c->num == 1)
        return;
    table *t = table_create("device|>samples");
    for (size_t i = 0; i < c->num; i++) {
        table_cell(t, "%s", kerf_device_name(c->devs[i]));
        table_cell(t, "%lld", (long long)c->taken[i]);
    }
    printf("\n");
    table_print(t, stdout);
    table_destroy(t);
}

void crew_json(json_t *object, const crew *c)
{
    if (c->num == 1)
        return;
    json_t *list = json_array();
    for (size_t i = 0; i < c->num; i++) {
        json_t *one = json_object();
        json_object_set_new(one, "index", json_integer(kerf_device_get_info(c->devs[i])->index));
        json_object_set_new(one, "name", json_text(kerf_device_name(c->devs[i])));
        json_object_set_new(one, "samples", json_integer(c->taken[i]));
        json_array_append_new(list, one);
    }
    json_object_set_new(object, "devices", list);
}
