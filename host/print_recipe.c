/* print_recipe.c -- a command line as a recipe of one step, printed or measured; see
 * print_recipe.h.
 *
 * Keys of recipes are names of options, so what was given is printed by the table of options.  Only
 * times are others: a command counts epochs between prunings and behind them, a recipe from the
 * beginning of the run.  Defaults of the commands that a recipe does not have are written out. */
#include "print_recipe.h"

#include <stdlib.h>
#include <string.h>

#include "distill.h"
#include "kerf/train.h"
#include "option_print.h"
#include "penalty.h"
#include "run_dry.h"
#include "say.h"

/* ---- maps ----------------------------------------------------------------------------------- */

/* "{epochs: 3, lr: 0.1": what was given of the names, behind what stands there already. */
static void print_given(const options *o, const char *const *names, size_t num, int is_first,
                        FILE *out)
{
    for (size_t i = 0; i < num; i++) {
        if (!options_given(o, names[i]))
            continue;
        fprintf(out, "%s%s: ", is_first ? "" : ", ", names[i]);
        option_print(o, option_find(o->groups, names[i], strlen(names[i])), out);
        is_first = 0;
    }
}
#define PRINT_GIVEN(o, names, is_first, out)                                                       \
    print_given(o, names, sizeof names / sizeof names[0], is_first, out)

static void print_pair(const char *separator, const char *key, double x, FILE *out)
{
    fprintf(out, "%s%s: ", separator, key);
    print_real(x, out);
}

static void print_top(const options *o, FILE *out)
{
    static const char *const TOP[] = {"data", "classes", "prep", "val", "seed", "no-keep-zeros"};
    fputs("kerf: 1\nmodel: ", out);
    print_text(o->words.items[o->words.num - 1], out);
    for (size_t i = 0; i < sizeof TOP / sizeof TOP[0]; i++) {
        if (!options_given(o, TOP[i]))
            continue;
        fputc('\n', out);
        print_given(o, &TOP[i], 1, 1, out);
    }
}

/* lr 0: that of the options, or a recipe's. */
static void print_train(const options *o, double epochs, double lr, FILE *out)
{
    static const char *const TRAIN[] = {
        "batch",        "accumulate", "clip",    "precision", "optimizer", "momentum",
        "weight-decay", "schedule",   "warmup",  "augment",   "loss",      "label-smoothing",
        "mixup",        "batch-norm", "balance", "freeze",    "memory",    "lr"};
    fputs("\ntrain: {", out);
    print_pair("", "epochs", epochs, out);
    if (lr > 0)
        print_pair(", ", "lr", lr, out);
    PRINT_GIVEN(o, TRAIN, 0, out);
    fputs("}\nsteps:", out);
}

/* ---- steps ---------------------------------------------------------------------------------- */

/* When the first pruning is: at once, but gradients must be seen before they can choose. */
static void print_start(const options *o, FILE *out)
{
    if (!kerf_prune_needs_training((kerf_prune_method)o->method) && !options_given(o, "rewind"))
        fputs("start: 0", out);
    else if (o->method != KERF_PRUNE_SNIP && o->retrain > 0)
        print_pair("", "start", o->retrain, out);
    else
        fputs("start: 8 steps", out);
}

static double num_events(const options *o)
{
    return o->retrain > 0 && options_given(o, "events") ? (double)o->events : 1;
}

/* What is trained behind the last step stands in `train`. */
static void print_remove(const options *o, FILE *out)
{
    static const char *const STEPS[] = {"events", "retrain", "curve"};
    static const char *const REMOVE[] = {"sparsity",     "macs",      "criterion",
                                         "scope",        "calibrate", "round-to",
                                         "min-channels", "layers",    "skip"};
    print_train(o, o->retrain + o->finetune, 0, out);
    fputs("\n  - remove: {structure: ", out);
    fputs(o->structure != NULL ? o->structure : "channel", out);
    PRINT_GIVEN(o, REMOVE, 0, out);
    if (num_events(o) > 1)
        PRINT_GIVEN(o, STEPS, 0, out);
    fputc('}', out);
}

static void print_prune(const options *o, FILE *out)
{
    static const char *const PRUNE[] = {"method",   "scope",     "sparsity", "s",
                                        "min-keep", "structure", "layers",   "skip",
                                        "mask",     "biases",    "curve",    "rewind"};
    const double epochs = num_events(o) * o->retrain + o->finetune;
    const int waits =
        kerf_prune_needs_training((kerf_prune_method)o->method) || options_given(o, "rewind");
    print_train(o, epochs, 0, out);
    fputs("\n  - prune: {", out);
    print_start(o, out);
    if (num_events(o) > 1) {
        print_pair(", ", "end", (num_events(o) - (waits ? 0 : 1)) * o->retrain, out);
        print_pair(", ", "every", o->retrain, out);
    }
    if (o->lift > 0)
        print_pair(", ", "lift", epochs - o->lift, out);
    if (o->method == KERF_PRUNE_RIGL && !options_given(o, "curve"))
        fputs(", curve: once", out);
    PRINT_GIVEN(o, PRUNE, 0, out);
    fputc('}', out);
}

static void print_quantize(const options *o, FILE *out)
{
    static const char *const QUANTIZE[] = {
        "weights",          "activations",  "per",      "asymmetric",   "observer", "calibrate",
        "freeze-observers", "learn-ranges", "equalize", "bias-correct", "layers",   "skip"};
    const option_row *mode = option_find(o->groups, "mode", 4);
    const int trains = options_given(o, "mode") && o->mode > KERF_QUANTIZE_WEIGHT_ONLY;
    const double lr = o->optimizer == KERF_SGD ? 0.005 : 0.0001;
    print_train(o,
                !trains                      ? 0
                : options_given(o, "epochs") ? o->epochs
                                             : 3,
                trains && !options_given(o, "lr") ? lr : 0, out);
    fputs("\n  - quantize: {mode: ", out);
    print_choice(mode->choices, options_given(o, "mode") ? o->mode : KERF_QUANTIZE_STATIC, out);
    PRINT_GIVEN(o, QUANTIZE, 0, out);
    fputc('}', out);
}

static void print_distill(const options *o, const char *const *teachers, size_t num, FILE *out)
{
    static const char *const DISTILL[] = {"temperature",   "last-temperature", "alpha",
                                          "beta",          "hint-epochs",      "cache",
                                          "teacher-device"};
    fputs("\n  - distill: {teacher: ", out);
    print_list(teachers, num, out);
    PRINT_GIVEN(o, DISTILL, 0, out);
    if (o->taps.num > 0) {
        fputs(", taps: ", out);
        print_list(o->taps.items, o->taps.num, out);
    }
    fputc('}', out);
}

static void print_share(const options *o, FILE *out)
{
    static const char *const SHARE[] = {"bits", "init", "layers", "skip"};
    const int has_block = o->per != NULL && strncmp(o->per, "block=", 6) == 0;
    print_train(o, 0, 0, out);
    fprintf(out, "\n  - share: {block: %s", has_block ? o->per + 6 : "0");
    PRINT_GIVEN(o, SHARE, 0, out);
    fputc('}', out);
}

static void print_penalty(const options *o, FILE *out)
{
    const char *equals = o->penalty != NULL ? strchr(o->penalty, '=') : NULL;
    static const char *const LAYERS[] = {"layers", "skip"};
    if (equals == NULL)
        return;
    fprintf(out, "\n  - penalty: {kind: %.*s, strength: %s", (int)(equals - o->penalty), o->penalty,
            equals + 1);
    if (options_given(o, "penalty-from"))
        print_pair(", ", "start", o->penalty_from, out);
    if (options_given(o, "penalty-until"))
        print_pair(", ", "end", o->penalty_until, out);
    PRINT_GIVEN(o, LAYERS, 0, out);
    fputc('}', out);
}

static int has_exchange(const options *o)
{
    return options_given(o, "gradients") || options_given(o, "local-steps");
}

static void print_exchange(const options *o, FILE *out)
{
    static const char *const EXCHANGE[] = {"gradients", "local-steps"};
    if (!has_exchange(o))
        return;
    fputs("\n  - exchange: {", out);
    PRINT_GIVEN(o, EXCHANGE, 1, out);
    fputc('}', out);
}

/* ---- all ------------------------------------------------------------------------------------ */

/* What is found or written beside has no key. */
static int check(const options *o)
{
    static const char *const WITHOUT[] = {"max-drop", "size",   "latency", "analyse",
                                          "adaround", "ranges", "groups",  "gates"};
    const char *word = o->dry ? "dry" : "print-recipe";
    static const char *const OF_REMOVAL[] = {"criterion", "macs", "round-to", "min-channels"};
    kerf_penalty penalty;
    kerf_event event;
    if (o->data == NULL)
        return fail_usage(o, "--%s: a recipe has data; --data is missing", word);
    for (size_t i = 0; i < sizeof WITHOUT / sizeof WITHOUT[0]; i++)
        if (options_given(o, WITHOUT[i]))
            return fail_usage(o, "--%s: --%s has no place in a recipe", word, WITHOUT[i]);
    for (size_t i = 0; i < sizeof OF_REMOVAL / sizeof OF_REMOVAL[0] && !o->remove; i++)
        if (options_given(o, OF_REMOVAL[i]))
            return fail_usage(o, "--print-recipe: --%s: is about channels that go, wants --remove",
                              OF_REMOVAL[i]);
    if (strcmp(o->command, "share") == 0 && options_given(o, "epochs"))
        return fail_usage(o,
                          "--%s: a share and a training behind it are two stages; must be without "
                          "--epochs",
                          word);
    return penalty_parse(o, &penalty, &event);
}

/* The command's own step, behind its training. */
static void print_step(const options *o, FILE *out)
{
    const double epochs = options_given(o, "epochs") ? o->epochs : 20;
    if (strcmp(o->command, "prune") == 0) {
        if (o->remove)
            print_remove(o, out);
        else
            print_prune(o, out);
        if (o->distill != NULL)
            print_distill(o, o->remove ? distill_teacher(o) : &o->distill, 1, out);
    } else if (strcmp(o->command, "quantize") == 0) {
        print_quantize(o, out);
    } else if (strcmp(o->command, "share") == 0) {
        print_share(o, out);
    } else {
        print_train(o, epochs, 0, out);
        if (o->words.num > 1)
            print_distill(o, o->words.items, o->words.num - 1, out);
    }
}

static void print_all(const options *o, FILE *out)
{
    print_top(o, out);
    print_step(o, out);
    print_penalty(o, out);
    print_exchange(o, out);
    const int has_step = strcmp(o->command, "train") != 0 || o->penalty != NULL || has_exchange(o);
    fputs(has_step ? "\n" : " []\n", out);
}

/* The timetable of a text that was printed. */
static int dry_text(const options *o, const char *text, size_t num_bytes)
{
    kerf_recipe *r;
    kerf_status status = kerf_recipe_parse(&r, text, num_bytes, o->command, NULL, 0);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    const int code = run_dry(o, r);
    kerf_recipe_destroy(r);
    return code;
}

static int dry(const options *o)
{
    char *text = NULL;
    size_t num_bytes = 0;
    FILE *out = open_memstream(&text, &num_bytes);
    if (out == NULL)
        return fail_memory(o);
    print_all(o, out);
    const int code = fclose(out) == 0 ? dry_text(o, text, num_bytes) : fail_memory(o);
    free(text);
    return code;
}

int recipe_wanted(const options *o)
{
    return o->print_recipe || o->dry;
}

int recipe_tell(const options *o)
{
    const int code = check(o);
    if (code != 0)
        return code;
    if (o->dry)
        return dry(o);
    print_all(o, stdout);
    return 0;
}
