/* quantize_options.c -- what the command line of `kerf quantize` says, checked; see
 * quantize_options.h. */
#include "quantize_options.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "quantize_bits.h"
#include "target.h"

static int parse_per(const options *o, kerf_quantize_options *q)
{
    char *end;
    if (o->per == NULL || strcmp(o->per, "channel") == 0)
        return 0;
    q->per = KERF_PER_TENSOR;
    if (strcmp(o->per, "tensor") == 0)
        return 0;
    q->per = KERF_PER_BLOCK;
    if (strncmp(o->per, "block=", 6) == 0) {
        q->block = strtoll(o->per + 6, &end, 10);
        if (end != o->per + 6 && *end == '\0')
            return 0;
    }
    return fail_usage(o, "--per %s: must be tensor, channel or block=N", o->per);
}

static int parse_percentile(const options *o, kerf_calibrate_options *how)
{
    char *end;
    const char *text = o->observer + strlen("percentile=");
    how->observer = KERF_OBSERVE_PERCENTILE;
    how->percentile = strtod(text, &end);
    if (end != text && *end == '\0' && how->percentile > 50 && how->percentile <= 100)
        return 0;
    return fail_usage(o, "--observer %s: the percentile must be above 50 and at most 100",
                      o->observer);
}

static int parse_observer(const options *o, kerf_calibrate_options *how)
{
    static const char *const NAMES[] = {[KERF_OBSERVE_MINMAX] = "minmax",
                                        [KERF_OBSERVE_MOVING] = "moving",
                                        [KERF_OBSERVE_PERCENTILE] = "percentile",
                                        [KERF_OBSERVE_MSE] = "mse",
                                        [KERF_OBSERVE_ENTROPY] = "entropy"};
    if (o->observer != NULL && strncmp(o->observer, "percentile=", 11) == 0)
        return parse_percentile(o, how);
    for (size_t i = 0; o->observer != NULL && i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (strcmp(o->observer, NAMES[i]) == 0) {
            how->observer = (kerf_observer)i;
            return 0;
        }
    return o->observer == NULL
               ? 0
               : fail_usage(o,
                            "--observer %s: must be minmax, moving, percentile=P, mse or entropy",
                            o->observer);
}

int quantize_is_calibrated(const options *o)
{
    return o->ranges != NULL && file_exists(o->ranges);
}

/* --mode's place behind the library's modes: static, and trained with its roundings. */
enum { MODE_QAT = KERF_QUANTIZE_WEIGHT_ONLY + 1 };

int quantize_is_trained(const options *o)
{
    return options_given(o, "mode") && o->mode == MODE_QAT;
}

static int refuse_given(const options *o, const char *const *names, size_t num, const char *modes)
{
    for (size_t i = 0; i < num; i++)
        if (options_given(o, names[i]))
            return fail_usage(o, "--%s: goes with %s alone", names[i], modes);
    return 0;
}

/* What a mode has no use for. */
static int check_mode(const options *o, kerf_quantize_mode mode)
{
    static const char *const ONLY_STATIC[] = {"activations", "calibrate", "observer", "ranges",
                                              "bias-correct"};
    static const char *const ONLY_TRAINED[] = {
        "epochs",        "optimizer",        "lr",          "schedule", "momentum", "weight-decay",
        "warmup",        "augment",          "freeze",      "memory",   "resume",   "loss",
        "no-keep-zeros", "freeze-observers", "learn-ranges"};
    int code = 0;
    if (mode != KERF_QUANTIZE_STATIC)
        code = refuse_given(o, ONLY_STATIC, sizeof ONLY_STATIC / sizeof ONLY_STATIC[0],
                            "--mode static");
    if (code == 0 && !quantize_is_trained(o))
        code = refuse_given(o, ONLY_TRAINED, sizeof ONLY_TRAINED / sizeof ONLY_TRAINED[0],
                            "--mode qat");
    return code;
}

/* What goes together. */
static int check_options(const options *o, kerf_quantize_mode mode)
{
    int code = check_mode(o, mode);
    if (code != 0)
        return code;
    if (o->symmetric && o->asymmetric)
        return fail_usage(o, "--symmetric, --asymmetric: must be one of them");
    if (o->adaround && quantize_is_trained(o))
        return fail_usage(o, "--adaround: goes with --mode static, dynamic and weight-only; qat "
                             "trains the weights themselves");
    if (o->adaround && o->data == NULL)
        return fail_usage(o, "--adaround: needs --data to learn from");
    if (o->run_dir != NULL && !quantize_is_trained(o) && !o->analyse && !target_wanted(o))
        return fail_usage(o, "--run-dir: goes with --mode qat, --analyse, --max-drop, --size and "
                             "--latency alone");
    if (o->analyse && o->data == NULL)
        return fail_usage(o, "--analyse: needs --data to compare on");
    if (target_wanted(o) && (code = bits_check(o)) != 0)
        return code;
    if (quantize_is_trained(o) && o->data == NULL)
        return fail_usage(o, "--data is missing: --mode qat trains on it");
    if (mode == KERF_QUANTIZE_STATIC && o->data == NULL && !quantize_is_calibrated(o))
        return fail_usage(o, "--data is missing: ranges of activations are found on samples");
    return 0;
}

int quantize_options(const options *o, kerf_quantize_options *q, kerf_calibrate_options *how,
                     weight_choices *weights)
{
    static const kerf_type ACTIVATIONS[] = {KERF_U8, KERF_S8, KERF_U16, KERF_S16};
    enum { SAMPLES = 512, BATCH = 32, STEPS = 1000 };
    kerf_quantize_mode mode = o->data != NULL || quantize_is_calibrated(o)
                                  ? KERF_QUANTIZE_STATIC
                                  : KERF_QUANTIZE_WEIGHT_ONLY;
    if (options_given(o, "mode"))
        mode = quantize_is_trained(o) ? KERF_QUANTIZE_STATIC : (kerf_quantize_mode)o->mode;
    *q = kerf_quantize_defaults(mode);
    q->activations = ACTIVATIONS[o->activations];
    q->asymmetric = o->asymmetric;
    q->bias_correct = o->bias_correct;
    q->learn_ranges = o->learn_ranges;
    q->layers = o->layers.items;
    q->num_layers = o->layers.num;
    q->skip = o->skip.items;
    q->num_skip = o->skip.num;
    *how = (kerf_calibrate_options){
        .percentile = 99.99,
        .samples = options_given(o, "calibrate") ? o->calibrate : SAMPLES,
        .batch = options_given(o, "batch") ? o->batch : BATCH,
        .steps = STEPS,
        .seed = (uint64_t)o->seed,
        .means = o->bias_correct,
    };
    int code = check_options(o, mode);
    if (code == 0)
        code = weights_parse(o, q, weights);
    if (code == 0)
        code = parse_per(o, q);
    return code == 0 ? parse_observer(o, how) : code;
}
