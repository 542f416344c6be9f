/* session.c -- device, data and model of a command; see session.h. */
#include "session.h"

#include <math.h>
#include <string.h>

#include "boosting.h"
#include "crash.h"
#include "json.h"
#include "ranks.h"

int prep_is_guessed(const options *o)
{
    return (o->groups & GROUP_EVAL) != 0 && o->prep != NULL && strcmp(o->prep, "guess") == 0;
}

/* --prep, else what the file says, else what suits the data; kept in the file from here. */
static int choose_prep(const options *o, session *s)
{
    kerf_prep ignored;
    const char *told = prep_is_guessed(o) ? NULL : o->prep;
    s->prep = told != NULL ? told : kerf_graph_metadata(s->m.g, "kerf.prep");
    s->prep_is_data = s->prep == NULL;
    if (s->prep == NULL)
        s->prep = kerf_dataset_default_prep(s->data);
    if (s->prep == NULL)
        return 0;
    if (told != NULL && strcmp(told, "guess") == 0)
        return fail_usage(o, "--prep guess: kerf eval guesses, and tells what to give here");
    if (told != NULL && kerf_prep_parse(&ignored, told) != KERF_OK)
        return fail_usage(o, "--prep %s: %s", told, kerf_last_error());
    return session_keep_prep(o, s, s->prep);
}

int session_keep_prep(const options *o, session *s, const char *prep)
{
    if (kerf_graph_set_metadata(s->m.g, "kerf.prep", prep) != KERF_OK)
        return fail_memory(o);
    s->prep = kerf_graph_metadata(s->m.g, "kerf.prep");
    return 0;
}

static kerf_status open_data(const options *o, session *s)
{
    kerf_status status = kerf_dataset_open(&s->data, o->data);
    if (status == KERF_OK && o->classes != NULL)
        status = kerf_dataset_set_classes(s->data, o->classes);
    if (status == KERF_OK && o->val > 0)
        status = kerf_dataset_hold_back(s->data, o->val, (uint64_t)o->seed);
    return status;
}

static int open_model(const options *o, session *s, const char *path)
{
    int code = model_read(o, &s->m, path, s->dev);
    if (code == 0 && !o->gates)
        code = boosting_keep(o, &s->m);
    if (code == 0 && s->data != NULL) {
        model_open_batch(o, &s->m);
        code = choose_prep(o, s);
    }
    return code;
}

int session_open(const options *o, session *s, const char *model_path)
{
    *s = (session){0};
    kerf_status status = open_device(&s->dev, o, o->device);
    if (status == KERF_OK && o->data != NULL)
        status = open_data(o, s);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    if (o->verbose)
        say(o, "device: %s", kerf_device_name(s->dev));
    const int code = open_model(o, s, model_path);
    return code == 0 ? ranks_compare_session(o, s) : code;
}

int session_reopen(const options *o, session *s, const char *model_path)
{
    model_free(&s->m);
    return open_model(o, s, model_path);
}

void session_close(const options *o, session *s)
{
    model_free(&s->m);
    kerf_dataset_close(s->data);
    close_device(o, s->dev);
}

kerf_status session_sample_shape(const session *s, kerf_shape *out)
{
    kerf_prep prep;
    const kerf_status status = kerf_prep_parse(&prep, s->prep);
    return status == KERF_OK ? kerf_prep_shape(out, &prep, kerf_dataset_sample_shape(s->data))
                             : status;
}

/* 256 samples, or what makes 32 MiB of floats: several batches are in memory at once. */
static int64_t default_batch(const session *s)
{
    kerf_shape shape;
    int64_t batch = 256;
    if (session_sample_shape(s, &shape) != KERF_OK)
        return batch; /* evaluating will say what is wrong */
    while (batch > 1 && batch * kerf_shape_num_elements(shape) > 1 << 23)
        batch /= 2;
    return batch;
}

int64_t session_batch(const options *o, const session *s)
{
    return options_given(o, "batch") ? o->batch : default_batch(s);
}

size_t session_known_input(const session *s, kerf_known_input *known)
{
    kerf_shape sample;
    const kerf_value *v = kerf_graph_input(s->m.g, 0);
    if (v == NULL)
        return 0;
    kerf_shape shape = kerf_value_shape(v);
    if (session_sample_shape(s, &sample) != KERF_OK || shape.rank != sample.rank + 1)
        return 0; /* evaluating will say what is wrong */
    for (int d = 0; d < shape.rank; d++)
        shape.dims[d] = d > 0 && shape.dims[d] < 0 ? sample.dims[d - 1] : -1;
    *known = (kerf_known_input){kerf_value_name(v), shape, NULL};
    return 1;
}

int session_set_precision(const options *o, session *s)
{
    kerf_known_input known;
    kerf_plan_options plan_options = {
        .mode = KERF_EVALUATE, .batch = session_batch(o, s), .inputs = &known};
    plan_options.num_inputs = session_known_input(s, &known);
    const kerf_status status = model_set_precision(o, &s->m, &plan_options);
    s->precision = plan_options.precision;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

int session_evaluate(const options *o, const session *s, kerf_split split, evaluation *e,
                     int64_t *confusion)
{
    *e = (evaluation){.agreement = NAN};
    if (s->data == NULL || kerf_dataset_num_samples(s->data, split) == 0)
        return 0;
    kerf_status status = kerf_evaluate_as(s->m.g, s->m.s, s->data, split, session_batch(o, s),
                                          s->prep, s->precision, ranks_of(o), &e->e, confusion);
    e->is_known = status == KERF_OK;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

void evaluation_json(json_t *object, const evaluation *e)
{
    const kerf_evaluation *r = &e->e;
    int known = e->is_known;
    json_object_set_new(object, "samples", known ? json_integer(r->samples) : json_null());
    json_object_set_new(object, "top1", json_number(known ? r->top1 : NAN));
    json_object_set_new(object, "top1_ci95", json_number(known ? r->top1_ci95 : NAN));
    json_object_set_new(object, "top5", json_number(known ? r->top5 : NAN));
    json_object_set_new(object, "loss", json_number(known ? r->loss : NAN));
    json_object_set_new(object, "ms_per_batch", json_number(known ? r->ms_per_batch : NAN));
    json_object_set_new(object, "batch", known ? json_integer(r->batch) : json_null());
    json_object_set_new(object, "agreement", json_number(e->agreement));
}
