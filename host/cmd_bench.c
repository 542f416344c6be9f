/* cmd_bench.c -- `kerf bench`: nodes (bench_suite.c), models (bench_model.c), the numbered suite
 * (suite_run.c), or files of results side by side (bench_compare.c) and checked (suite_check.c). */
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_case.h"
#include "bench_start.h"
#include "command.h"
#include "crash.h"
#include "devices.h"
#include "files.h"
#include "json.h"
#include "model.h"

void bench_tell_device(json_t *object, const kerf_device *dev, const kerf_device_peaks *peaks)
{
    const kerf_device_info *info = kerf_device_get_info(dev);
    json_object_set_new(object, "device", json_text(info->name));
    json_object_set_new(object, "driver", json_text(info->driver));
    json_object_set_new(object, "probe", device_json(info, peaks));
}

int bench_finish(const options *o, json_t *object)
{
    int code = 0;
    if (o->output != NULL && strcmp(o->output, "-") == 0)
        return json_finish(o, object); /* tables went to standard error */
    if (o->output != NULL)
        code = file_write_json(o, o->output, object);
    if (code == 0 && o->json)
        return json_finish(o, object);
    json_decref(object);
    return code;
}

/* What each kind of bench does not take. */
typedef enum bench_kind {
    BENCH_SUITE,
    BENCH_MODELS,
    BENCH_COMPARE,
    BENCH_NUMBERED,
    BENCH_CHECK
} bench_kind;

static const struct {
    const char *option;
    bench_kind kind;
    const char *goes_with;
} owners[] = {
    {"train", BENCH_MODELS, "a model: kerf bench M.onnx"},
    {"dense", BENCH_MODELS, "a model: kerf bench M.onnx"},
    {"start", BENCH_MODELS, "a model: kerf bench M.onnx"},
    {"crossover", BENCH_MODELS, "a model: kerf bench M.onnx"},
    {"costs", BENCH_MODELS, "a model: kerf bench M.onnx"},
    {"resume", BENCH_MODELS, "a model: kerf bench M.onnx --costs -o FILE"},
    {"shape", BENCH_MODELS, "a model: kerf bench M.onnx"},
    {"batch", BENCH_MODELS, "a model: kerf bench M.onnx"},
    {"max-ms", BENCH_MODELS, "a model: kerf bench M.onnx"},
    {"cases", BENCH_SUITE, "families, not with a model or --compare"},
    {"beside", BENCH_SUITE, "families, not with a model or --compare"},
    {"reference", BENCH_COMPARE, "--compare"},
    {"budget", BENCH_NUMBERED, "--suite"},
};

static int check_options(const options *o, bench_kind kind)
{
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++)
        if (owners[i].kind != kind && options_given(o, owners[i].option))
            return fail_usage(o, "--%s: goes with %s", owners[i].option, owners[i].goes_with);
    return o->output != NULL ? output_check(o, o->output) : 0;
}

/* All words name families, or none does. */
static int choose_kind(const options *o, bench_kind *kind)
{
    size_t families = 0, first_other = 0;
    *kind = o->compare                     ? BENCH_COMPARE
            : o->check                     ? BENCH_CHECK
            : options_given(o, "suite")    ? BENCH_NUMBERED
            : o->words.num == 0            ? BENCH_SUITE
                                           : BENCH_MODELS;
    if (o->compare + o->check + options_given(o, "suite") > 1)
        return fail_usage(o, "--suite, --check and --compare: must be one of them");
    if (*kind == BENCH_NUMBERED && o->words.num > 0)
        return fail_usage(o, "%s: --suite has cases of its own", o->words.items[0]);
    for (size_t i = 0; (*kind == BENCH_SUITE || *kind == BENCH_MODELS) && i < o->words.num; i++)
        if (case_family_find(o->words.items[i]) != NULL)
            families++;
        else
            first_other = i;
    if (families == 0)
        return 0;
    *kind = BENCH_SUITE;
    return families == o->words.num
               ? 0
               : fail_usage(o, "%s: no family of cases; models are timed by a call of their own",
                            o->words.items[first_other]);
}

int cmd_bench(const options *o)
{
    bench_kind kind;
    int code = choose_kind(o, &kind);
    if (code == 0)
        code = check_options(o, kind);
    if (code != 0)
        return code;
    int (*const kinds[])(const options *) = {[BENCH_SUITE] = bench_suite_run,
                                             [BENCH_COMPARE] = bench_compare,
                                             [BENCH_NUMBERED] = bench_numbered_run,
                                             [BENCH_CHECK] = bench_check_files};
    if (kind != BENCH_MODELS)
        return kinds[kind](o);
    if (o->start)
        return bench_starts(o);
    kerf_device *dev;
    const double begin = now_ms();
    kerf_status status = open_device(&dev, o, o->device);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    code = bench_models(o, dev, now_ms() - begin);
    close_device(o, dev);
    return code;
}
