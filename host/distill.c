/* distill.c -- `--tap STUDENT=TEACHER:LOSS`, and teachers that are files; see distill.h. */
#include "distill.h"

#include <stdlib.h>
#include <string.h>

#include "crash.h"

static int parse_taps(const options *o, distillation *d)
{
    if (o->taps.num > KERF_MOST_TAPS)
        return fail_usage(o, "--tap: there are %zu, must be at most %d", o->taps.num,
                          KERF_MOST_TAPS);
    for (; d->num_taps < o->taps.num; d->num_taps++) {
        kerf_learned_tap *tap = &d->taps[d->num_taps];
        void **kept = &d->texts[d->num_taps];
        if (kerf_learned_tap_parse(tap, o->taps.items[d->num_taps], kept) != KERF_OK) {
            free(*kept);
            return fail_usage(o, "--%s", kerf_last_error());
        }
        if (options_given(o, "beta"))
            tap->others = o->beta;
    }
    return 0;
}

static void set_options(const options *o, const distillation *d, kerf_distillation *out)
{
    *out = (kerf_distillation){.more = d->teachers,
                               .num_more = d->num,
                               .alpha = options_given(o, "alpha") ? o->alpha : 0.7,
                               .temperature = options_given(o, "temperature") ? o->temperature : 4,
                               .last_temperature = o->last_temperature,
                               .taps = d->taps,
                               .num_taps = d->num_taps,
                               .hint_epochs = o->hint_epochs,
                               .cache = o->cache};
}

int distill_read_teachers(const options *o, distillation *d, const char *const *paths, size_t num,
                          const char *spec, kerf_device *dev)
{
    int code = 0;
    if (spec != NULL) {
        kerf_status status = open_device(&d->dev, o, spec);
        if (status != KERF_OK)
            return fail_kerf(o, status);
        dev = d->dev;
    }
    for (; code == 0 && d->num < num; d->num++) {
        model *m = &d->models[d->num];
        code = model_read(o, m, paths[d->num], dev);
        if (code == 0)
            model_open_batch(o, m);
        d->teachers[d->num] = (kerf_teacher){m->g, m->s};
    }
    return code;
}

int distill_begin(const options *o, distillation *d, const char *const *paths, size_t num,
                  kerf_device *dev, kerf_distillation *out)
{
    *d = (distillation){.num = 0};
    if (num > KERF_MOST_TEACHERS)
        return fail_usage(o, "%zu teachers, must be at most %d", num, KERF_MOST_TEACHERS);
    int code = parse_taps(o, d);
    if (code == 0)
        code = distill_read_teachers(o, d, paths, num, o->teacher_device, dev);
    set_options(o, d, out);
    return code;
}

const char *const *distill_teacher(const options *o)
{
    return strcmp(o->distill, "self") == 0 ? (const char *const *)&o->words.items[0] : &o->distill;
}

int distill_begin_option(const options *o, distillation *d, kerf_device *dev,
                         kerf_distillation *out)
{
    static const char *const others[] = {"alpha", "temperature",   "last-temperature",
                                         "tap",   "beta",          "hint-epochs",
                                         "cache", "teacher-device"};
    *d = (distillation){.num = 0};
    *out = (kerf_distillation){.num_more = 0};
    for (size_t i = 0; o->distill == NULL && i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o, "--%s: acts with --distill alone, such as --distill self",
                              others[i]);
    if (o->distill == NULL)
        return 0;
    const int self = strcmp(o->distill, "self") == 0;
    if (self && o->teacher_device != NULL)
        return fail_usage(o, "--teacher-device: self teaches on the device that it is on");
    int code = distill_begin(o, d, &o->distill, self ? 0 : 1, dev, out);
    out->self = self;
    return code;
}

void distill_free(const options *o, distillation *d)
{
    for (size_t i = 0; i < d->num; i++)
        model_free(&d->models[i]);
    for (size_t i = 0; i < d->num_taps; i++)
        free(d->texts[i]);
    if (d->dev != NULL)
        close_device(o, d->dev);
    *d = (distillation){.num = 0};
}
