/* cmd_quantize.c -- `kerf quantize`: small integers in the place of floats. */
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "command.h"
#include "files.h"
#include "interrupt.h"
#include "quantize_bits.h"
#include "quantize_errors.h"
#include "quantize_page.h"
#include "quantize_weights.h"

/* ---- options --------------------------------------------------------------------------- */

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

static int is_calibrated(const options *o)
{
    return o->ranges != NULL && file_exists(o->ranges);
}

/* --mode's place behind the library's modes: static, and trained with its roundings. */
enum { MODE_QAT = KERF_QUANTIZE_WEIGHT_ONLY + 1 };

static int is_trained(const options *o)
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
        "epochs",  "optimizer", "lr",     "schedule", "momentum", "weight-decay", "warmup",
        "augment", "freeze",    "memory", "resume",   "loss",     "no-keep-zeros"};
    int code = 0;
    if (mode != KERF_QUANTIZE_STATIC)
        code = refuse_given(o, ONLY_STATIC, sizeof ONLY_STATIC / sizeof ONLY_STATIC[0],
                            "--mode static");
    if (code == 0 && !is_trained(o))
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
    if (o->adaround && is_trained(o))
        return fail_usage(o, "--adaround: goes with --mode static, dynamic and weight-only; qat "
                             "trains the weights themselves");
    if (o->adaround && o->data == NULL)
        return fail_usage(o, "--adaround: needs --data to learn from");
    if (o->run_dir != NULL && !is_trained(o) && !o->analyse)
        return fail_usage(o, "--run-dir: goes with --mode qat and --analyse alone");
    if (o->analyse && o->data == NULL)
        return fail_usage(o, "--analyse: needs --data to compare on");
    if (bits_wanted(o) && (code = bits_check(o)) != 0)
        return code;
    if (is_trained(o) && o->data == NULL)
        return fail_usage(o, "--data is missing: --mode qat trains on it");
    if (mode == KERF_QUANTIZE_STATIC && o->data == NULL && !is_calibrated(o))
        return fail_usage(o, "--data is missing: ranges of activations are found on samples");
    return 0;
}

static int quantize_options(const options *o, kerf_quantize_options *q, kerf_calibrate_options *how,
                            weight_choices *weights)
{
    static const kerf_type ACTIVATIONS[] = {KERF_U8, KERF_S8, KERF_U16, KERF_S16};
    enum { SAMPLES = 512, BATCH = 32, STEPS = 1000 };
    kerf_quantize_mode mode =
        o->data != NULL || is_calibrated(o) ? KERF_QUANTIZE_STATIC : KERF_QUANTIZE_WEIGHT_ONLY;
    if (options_given(o, "mode"))
        mode = is_trained(o) ? KERF_QUANTIZE_STATIC : (kerf_quantize_mode)o->mode;
    *q = kerf_quantize_defaults(mode);
    q->activations = ACTIVATIONS[o->activations];
    q->asymmetric = o->asymmetric;
    q->bias_correct = o->bias_correct;
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

/* ---- the work -------------------------------------------------------------------------- */

static int on_progress(void *context, int64_t samples, int64_t num_samples)
{
    change *c = context;
    progress_count(&c->bar, (double)samples, (double)num_samples, "of the samples");
    return interrupted();
}

/* The file's ranges, or new ones. */
static kerf_status find_ranges(change *c, kerf_ranges **ranges, const kerf_quantize_options *q,
                               kerf_calibrate_options *how)
{
    if (is_calibrated(c->o))
        return kerf_ranges_read(ranges, c->o->ranges);
    progress_begin(&c->bar, c->o, "calibrate");
    kerf_status status = kerf_calibrate(ranges, c->s.m.g, c->s.m.s, c->s.data, q, how);
    progress_clear(&c->bar);
    if (status == KERF_OK && c->o->ranges != NULL)
        status = kerf_ranges_write(*ranges, c->o->ranges);
    return status;
}

static int on_learning(void *context, int64_t steps, int64_t num_steps)
{
    change *c = context;
    progress_count(&c->bar, (double)steps, (double)num_steps, "of the steps");
    return interrupted();
}

static kerf_status learn(change *c, kerf_state **learned, kerf_quantize_options *q,
                         const kerf_calibrate_options *how)
{
    kerf_calibrate_options learning = *how;
    learning.progress = on_learning;
    progress_begin(&c->bar, c->o, "learn");
    kerf_status status = kerf_quantize_learn(learned, c->s.m.g, c->s.m.s, c->s.data, q, &learning);
    progress_clear(&c->bar);
    q->learned = *learned;
    return status;
}

static kerf_status analyse(change *c, layer_errors *errors, const kerf_quantize_options *q,
                           const kerf_calibrate_options *how)
{
    progress_begin(&c->bar, c->o, "analyse");
    kerf_status status = errors_measure(c, errors, q, how);
    progress_clear(&c->bar);
    if (status == KERF_OK && c->o->json) {
        if (c->more == NULL)
            c->more = json_object();
        json_object_set_new(c->more, "layers", errors_json(errors));
    } else if (status == KERF_OK)
        errors_print(errors, result_stream(c->o));
    return status;
}

/* Folded, evened out, ranges found: what static rounding begins with. */
static kerf_status prepare(change *c, kerf_quantize_options *q, kerf_calibrate_options *how,
                           kerf_ranges **ranges)
{
    kerf_status status = KERF_OK;
    how->prep = c->s.prep;
    how->progress = on_progress;
    how->context = c;
    if (q->mode == KERF_QUANTIZE_STATIC || c->o->equalize)
        status = kerf_quantize_fold(c->s.m.g, c->s.m.s);
    if (status == KERF_OK && c->o->equalize)
        status = kerf_quantize_equalize(c->s.m.g, c->s.m.s, q);
    if (status == KERF_OK && q->mode == KERF_QUANTIZE_STATIC)
        status = find_ranges(c, ranges, q, how);
    q->ranges = *ranges;
    return status;
}

/* Little is left to learn: a few epochs at a low rate. */
static void set_training(change *c)
{
    if (!options_given(c->o, "epochs"))
        c->train.epochs = 3;
    if (!options_given(c->o, "lr"))
        c->train.lr *= 0.1;
}

/* Trains a copy of the network with its roundings, by the network's own weights. */
static int train(change *c, const kerf_quantize_options *q)
{
    kerf_graph *plain = c->s.m.g, *rounding;
    kerf_status status = change_keep_zeros(c);
    if (status == KERF_OK)
        status = kerf_quantize_rounding(&rounding, plain, q);
    if (status != KERF_OK)
        return fail_kerf(c->o, status);
    set_training(c);
    c->s.m.g = rounding;
    int code = change_train(c);
    c->s.m.g = plain;
    /* What prepared the samples belongs to the network; where it knew, others borrow its text. */
    if (kerf_graph_metadata(plain, "kerf.prep") == NULL)
        status =
            kerf_graph_set_metadata(plain, "kerf.prep", kerf_graph_metadata(rounding, "kerf.prep"));
    kerf_graph_destroy(rounding);
    return code != 0 || status == KERF_OK ? code : fail_kerf(c->o, status);
}

static int end(const options *o, kerf_status status)
{
    if (status == KERF_ERR_CANCELLED)
        return EXIT_INTERRUPTED;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

static int quantize(change *c, layer_errors *errors, kerf_quantize_options *q,
                    kerf_calibrate_options *how)
{
    kerf_ranges *ranges = NULL;
    kerf_bits *bits = NULL;
    kerf_state *learned = NULL;
    int code = c->o->run_dir != NULL && !is_trained(c->o) ? change_make_folder(c) : 0;
    if (code == 0 && bits_wanted(c->o))
        code = bits_hold_back(c);
    if (code == 0)
        code = end(c->o, prepare(c, q, how, &ranges));
    if (code == 0 && bits_wanted(c->o))
        code = bits_find(c, q, how, &bits);
    if (code == 0 && c->o->adaround)
        code = end(c->o, learn(c, &learned, q, how));
    if (code == 0 && is_trained(c->o))
        code = train(c, q);
    if (code == 0 && c->o->analyse)
        code = end(c->o, analyse(c, errors, q, how));
    if (code == 0)
        code = end(c->o, kerf_quantize(c->s.m.g, c->s.m.s, q));
    kerf_ranges_destroy(ranges);
    kerf_state_destroy(learned);
    kerf_bits_destroy(bits);
    return code;
}

static int change_model(const options *o, kerf_quantize_options *q, kerf_calibrate_options *how)
{
    change c;
    layer_errors errors = {0};
    int code = change_begin(&c, o);
    if (code == 0)
        code = quantize(&c, &errors, q, how);
    if (code == 0)
        code = change_finish(&c);
    if (code == 0 && c.run_dir != NULL && errors.num > 0)
        code = errors_page(&c, &errors);
    errors_free(&errors);
    change_close(&c);
    return code;
}

int cmd_quantize(const options *o)
{
    kerf_quantize_options q;
    kerf_calibrate_options how;
    weight_choices weights = {0};
    int code = quantize_options(o, &q, &how, &weights);
    if (code == 0)
        code = change_model(o, &q, &how);
    weights_free(&weights);
    return code;
}
