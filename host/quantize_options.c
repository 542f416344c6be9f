/* quantize_options.c -- what the command line of `kerf quantize` says, checked; see
 * quantize_options.h. */
#include "quantize_options.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "quantize_bits.h"
#include "ranks.h"
#include "target.h"

/* What the library could not read, as an option. */
static int check_text(const options *o, kerf_status status)
{
    return status == KERF_OK ? 0 : fail_usage(o, "--%s", kerf_last_error());
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
        "epochs",        "optimizer",        "lr",           "schedule", "momentum", "weight-decay",
        "warmup",        "augment",          "freeze",       "memory",   "resume",   "loss",
        "no-keep-zeros", "freeze-observers", "learn-ranges", "balance"};
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
                     void **kept)
{
    static const kerf_type ACTIVATIONS[] = {KERF_U8, KERF_S8, KERF_U16, KERF_S16};
    enum { SAMPLES = 512, STEPS = 1000 };
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
        .batch = kerf_calibrate_batch(options_given(o, "batch") ? o->batch : 0),
        .steps = STEPS,
        .seed = (uint64_t)o->seed,
        .ranks = ranks_of(o),
        .means = o->bias_correct,
    };
    int code = check_options(o, mode);
    if (code == 0 && o->weights != NULL)
        code = check_text(o, kerf_quantize_parse_weights(q, o->weights, kept));
    if (code == 0 && o->per != NULL)
        code = check_text(o, kerf_quantize_parse_per(q, o->per));
    if (code == 0 && o->observer != NULL)
        code = check_text(o, kerf_quantize_parse_observer(how, o->observer));
    return code;
}
