/* train/train_options.c -- defaults, what must hold, and the text that a checkpoint keeps.
 *
 * The text has a line for everything that decides the result beside graph and state, so
 * that a run which is taken up with another option can say which one. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "train/train_internal.h"

kerf_train_options kerf_train_defaults(void)
{
    return (kerf_train_options){
        .epochs = 20,
        .batch = 128,
        .lr = 0.05,
        .schedule = KERF_LR_COSINE,
        .optimizer = {.kind = KERF_SGD,
                      .momentum = 0.9f,
                      .weight_decay = 1e-4f,
                      .beta1 = 0.9f,
                      .beta2 = 0.999f,
                      .epsilon = 1e-8f,
                      .nesterov = 1},
        .loss = KERF_LOSS_CROSS_ENTROPY,
        .seed = 1,
        .keep_best = 1,
    };
}

kerf_train_options kerf__train_own_options(const kerf_train_options *given)
{
    kerf_train_options own = *given;
    for (size_t i = 0; i < given->num_events; i++) {
        const kerf_event *e = &given->events[i];
        if (e->kind == KERF_EVENT_DISTILL)
            own.distill = *e->distill;
    }
    return own;
}

int64_t kerf__num_parts(const kerf_train_options *options)
{
    return options->accumulate > 0 ? options->accumulate : 1;
}

int64_t kerf__part_size(const kerf_train_options *options)
{
    return options->batch / kerf__num_parts(options);
}

/* One part alone is a whole step. */
static int runs_per_update(const kerf_train_options *o)
{
    const int64_t parts = kerf__num_parts(o);
    return parts * kerf__num_ranks(o) > 1 ? (int)parts : 0;
}

kerf_plan_options kerf__plan_options_of(const kerf_train_options *o)
{
    const int shares_norms = o->batch_norm == KERF_BATCH_NORM_TOGETHER && kerf__num_ranks(o) > 1;
    return (kerf_plan_options){.mode = KERF_TRAIN,
                               .loss = o->loss,
                               .optimizer = o->optimizer,
                               .seed = o->seed,
                               .memory_bytes = o->memory_bytes,
                               .smoothing = (float)o->smoothing,
                               .mixes = o->mixup > 0,
                               .clip = o->clip,
                               .loss_scale = o->loss_scale,
                               .scale_steps = o->scale_steps,
                               .statistics_batch = shares_norms ? kerf__part_size(o) : 0,
                               .runs_per_update = runs_per_update(o)};
}

/* ---- checking ----------------------------------------------------------------------------- */

/* A number and the range it must lie in. */
typedef struct range {
    const char *name;
    double value, least, below;
    const char *must; /* "must be ..." */
} range;

static kerf_status check_ranges(const kerf_train_options *o, double num_samples)
{
    const kerf_optimizer *p = &o->optimizer;
    const double most = 1e9;
    const range ranges[] = {
        {"epochs", o->epochs, 0, most, "at least 0"},
        {"batch", (double)o->batch, 1, num_samples + 1, "from 1 to the number of training samples"},
        {"accumulate", (double)o->accumulate, 0, most, "at least 1"},
        {"clip", o->clip, 0, most, "at least 0"},
        {"loss scale", o->loss_scale, 0, most, "at least 1, or 0"},
        {"good steps that double the loss scale", (double)o->scale_steps, 0, most, "at least 0"},
        {"lr", o->lr, 0, most, "at least 0"},
        {"warmup", o->warmup.value, 0, most, "at least 0"},
        {"momentum", (double)p->momentum, 0, 1, "at least 0 and below 1"},
        {"weight decay", (double)p->weight_decay, 0, most, "at least 0"},
        {"beta1", (double)p->beta1, 0, 1, "at least 0 and below 1"},
        {"beta2", (double)p->beta2, 0, 1, "at least 0 and below 1"},
        {"epsilon", (double)p->epsilon, 0, most, "at least 0"},
        {"epochs with observers", o->freeze_observers, 0, most, "at least 0"},
        {"pruning events", (double)o->prune.events, 0, 1e6, "at least 0"},
        {"pruning start", o->prune.start, 0, most, "at least 0"},
        {"epoch in which masks are lifted", o->prune.lift, 0, most, "at least 0"},
        {"epoch that weights go back to", o->prune.rewind, 0, most, "at least 0"},
        {"alpha", o->distill.alpha, 0, 1 + 1e-9, "from 0 to 1"},
        {"epochs of hints", o->distill.hint_epochs, 0, most, "at least 0"},
        {"last temperature", o->distill.last_temperature, 0, most, "at least 0"},
        {"label smoothing", o->smoothing, 0, 1, "at least 0 and below 1"},
        {"mixup", o->mixup, 0, 1000, "at least 0 and below 1000"},
        {"epochs between prunings", o->prune.every, 0, most, "at least 0"},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (!(ranges[i].value >= ranges[i].least && ranges[i].value < ranges[i].below))
            return kerf__fail(KERF_ERR_ARGUMENT, "train: %s is %g: must be %s", ranges[i].name,
                              ranges[i].value, ranges[i].must);
    return KERF_OK;
}

static kerf_status check_taps(const kerf_distillation *d)
{
    for (size_t i = 0; i < d->num_taps; i++) {
        const kerf_learned_tap *t = &d->taps[i];
        if (kerf_tap_loss_name(t->loss) == NULL)
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "train: tap of '%s' has loss %d: must be one of "
                              "kerf/plan.h's",
                              t->student, (int)t->loss);
        if (!(t->weight >= 0 && t->weight < 1e9))
            return kerf__fail(KERF_ERR_ARGUMENT, "train: tap of '%s' counts %g: must be at least 0",
                              t->student, t->weight);
        if (!(t->start.value >= 0) || !(t->end.value >= 0))
            return kerf__fail(
                KERF_ERR_ARGUMENT, "train: tap of '%s' counts from %s to %s: must be at least 0",
                t->student, kerf__time_print(t->start).at, kerf__time_print(t->end).at);
    }
    return KERF_OK;
}

/* What is different each time is not said once. */
static kerf_status check_cache(const kerf_train_options *o)
{
    kerf_augment augment = {0};
    if (!o->distill.cache)
        return KERF_OK;
    if (o->run_dir == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: cache: the file of what teachers say lies in "
                                             "the run's folder, which must be given");
    if (o->augment != NULL)
        KERF__TRY(kerf_augment_parse(&augment, o->augment));
    if (o->mixup > 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: cache: mixup makes other samples in each step, of which teachers "
                          "say other things; must be without one of both");
    if (!augment.flip && augment.crop == 0)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "train: cache: augment %s makes other samples in each epoch, of which "
                      "teachers say other things; must be without one of both",
                      o->augment);
}

static kerf_status check_teacher(const kerf_train_options *o)
{
    if (!kerf__is_taught(&o->distill) && o->distill.num_taps == 0)
        return KERF_OK;
    if (!kerf__is_taught(&o->distill))
        return kerf__fail(KERF_ERR_ARGUMENT, "train: taps want a teacher to learn from");
    if (o->loss != KERF_LOSS_CROSS_ENTROPY)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: a teacher is learned from beside cross entropy "
                          "alone");
    if (!(o->distill.temperature > 0 && o->distill.temperature < 1e9))
        return kerf__fail(KERF_ERR_ARGUMENT, "train: temperature is %g: must be above 0",
                          o->distill.temperature);
    KERF__TRY(check_cache(o));
    return check_taps(&o->distill);
}

kerf_status kerf__train_check_options(const kerf_train_options *options, const kerf_dataset *d)
{
    int64_t num = kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN);
    if (num < 1)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: the data has no training samples");
    KERF__TRY(check_ranges(options, (double)num));
    const int64_t num_ranks = kerf__num_ranks(options);
    KERF__TRY(kerf__balance_parse(NULL, options->balance, 0));
    if (num < num_ranks)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: %lld training samples for %lld ranks: must be one for each at "
                          "least",
                          (long long)num, (long long)num_ranks);
    if (num_ranks > 1 && options->batch < kerf__num_parts(options) * num_ranks)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "train: batch %lld has no sample for each of %lld ranks: must be at least "
            "accumulate times ranks, %lld",
            (long long)options->batch, (long long)num_ranks,
            (long long)(kerf__num_parts(options) * num_ranks));
    if (num_ranks > 1 && options->distill.cache)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: cache is of one rank alone");
    if (options->batch % kerf__num_parts(options) != 0)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "train: batch %lld cannot be cut into %lld equal parts: must be a multiple "
            "of accumulate",
            (long long)options->batch, (long long)options->accumulate);
    if (options->loss != KERF_LOSS_CROSS_ENTROPY && options->loss != KERF_LOSS_MSE)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: loss must be cross-entropy or mse");
    if (options->precision == KERF_PRECISION_AUTO && kerf__num_ranks(options) > 1)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: precision auto is what one device is faster by: "
                          "must be f32 or mixed where ranks train together");
    KERF__TRY(check_teacher(options));
    if ((options->smoothing > 0 || options->mixup > 0) && options->loss != KERF_LOSS_CROSS_ENTROPY)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "train: labels are smoothed, and mixed, beside cross entropy alone");
    if ((unsigned)options->schedule > KERF_LR_LINEAR)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: schedule %d: must be one of kerf/train.h's",
                          (int)options->schedule);
    if (options->resume && options->run_dir == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "train: to resume, a run's folder must be given");
    return KERF_OK;
}

/* ---- text --------------------------------------------------------------------------------- */

typedef struct text {
    char *at; /* owned */
    size_t num, capacity;
    int failed;
} text;

static void KERF__PRINTF(2, 3) print(text *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int more = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t wanted = t->num + (size_t)(more > 0 ? more : 0) + 1;
    if (wanted > t->capacity) {
        char *larger = kerf__realloc(t->at, wanted * 2, 1);
        if (larger == NULL) {
            t->failed = 1;
            return;
        }
        t->at = larger;
        t->capacity = wanted * 2;
    }
    va_start(args, format);
    vsnprintf(t->at + t->num, t->capacity - t->num, format, args);
    va_end(args);
    t->num = wanted - 1;
}

/* Epochs have no unit. */
static void print_time(text *t, const char *name, kerf_time time)
{
    static const char *const units[KERF_NUM_TIME_UNITS] = {"", " steps", " of the run"};
    print(t, "%s=%.17g%s ", name, time.value, units[time.unit]);
}

static void print_list(text *t, const char *name, const char *const *items, size_t num)
{
    print(t, "%s=", name);
    for (size_t i = 0; i < num; i++)
        print(t, "%s%s", i > 0 ? "," : "", items[i]);
    print(t, "\n");
}

static void print_distillation(text *t, const kerf_distillation *d)
{
    print(t, "alpha=%.17g\ntemperature=%.17g to %.17g\n", d->alpha, d->temperature,
          d->last_temperature);
    if (d->self || d->hint_epochs > 0)
        print(t, "self=%d hint-epochs=%.17g\n", d->self, d->hint_epochs);
    for (size_t i = 0; i < d->num_taps; i++) {
        const kerf_learned_tap *tap = &d->taps[i];
        print(t, "tap=%s=%d#%s:%s:%.17g from=%.17g/%d until=%.17g/%d\n", tap->student, tap->from,
              tap->teacher, kerf_tap_loss_name(tap->loss), tap->weight, tap->start.value,
              (int)tap->start.unit, tap->end.value, (int)tap->end.unit);
        if (tap->loss == KERF_TAP_DECOUPLED)
            print(t, "beta=%.17g\n", tap->others);
    }
}

static void print_training(text *t, const kerf_train_options *o)
{
    const kerf_optimizer *p = &o->optimizer;
    print(t, "epochs=%.17g\nbatch=%lld\nlr=%.17g\nschedule=%d\n", o->epochs, (long long)o->batch,
          o->lr, (int)o->schedule);
    print_time(t, "warmup", o->warmup);
    print(t, "\noptimizer=%d\nmomentum=%.9g\nweight-decay=%.9g\nbeta1=%.9g\nbeta2=%.9g\n",
          (int)p->kind, (double)p->momentum, (double)p->weight_decay, (double)p->beta1,
          (double)p->beta2);
    print(t, "epsilon=%.9g\nnesterov=%d\nloss=%d\nseed=%llu\nkeep-best=%d\n", (double)p->epsilon,
          p->nesterov, (int)o->loss, (unsigned long long)o->seed, o->keep_best);
    if (kerf__is_taught(&o->distill))
        print_distillation(t, &o->distill);
    if (o->smoothing > 0 || o->mixup > 0)
        print(t, "label-smoothing=%.17g mixup=%.17g\n", o->smoothing, o->mixup);
    if (kerf__num_parts(o) > 1 || o->clip > 0)
        print(t, "accumulate=%lld clip=%.17g\n", (long long)kerf__num_parts(o), o->clip);
    if (o->batch_norm != KERF_BATCH_NORM_APART)
        print(t, "batch-norm=%d\n", (int)o->batch_norm);
    if (o->precision != KERF_PRECISION_F32)
        print(t, "precision=%s loss-scale=%.17g scale-steps=%lld\n",
              kerf_precision_name(o->precision), o->loss_scale, (long long)o->scale_steps);
    print_list(t, "freeze", o->freeze, o->num_freeze);
    print(t, "freeze-observers=%.17g\n", o->freeze_observers);
}

static void print_pruning(text *t, const kerf_prune_schedule *prune)
{
    const kerf_prune_options *o = &prune->options;
    print(t, "pruning-events=%d\n", prune->events);
    print(t, "curve=%d\npruning-start=%.17g\npruning-every=%.17g\n", (int)prune->curve,
          prune->start, prune->every);
    print(t, "method=%d\nscope=%d\namount=%.17g\nbiases=%d\npruning-seed=%llu\nmask=%s\n",
          (int)o->method, (int)o->scope, o->amount, o->biases, (unsigned long long)o->seed,
          o->mask_file != NULL ? o->mask_file : "");
    if (prune->lift > 0 || prune->rewinds)
        print(t, "lift=%.17g rewind=%d,%.17g\n", prune->lift, prune->rewinds, prune->rewind);
    if (o->min_keep > 0)
        print(t, "min-keep=%.17g\n", o->min_keep);
    if (o->structure != KERF_STRUCTURE_WEIGHT)
        print(t, "structure=%d block=%lld,%lld\n", (int)o->structure, (long long)o->block[0],
              (long long)o->block[1]);
    for (size_t i = 0; i < o->num_amounts; i++)
        print(t, "amount of %s=%.17g\n", o->amounts[i].pattern, o->amounts[i].value);
    print_list(t, "layers", o->layers, o->num_layers);
    print_list(t, "skip", o->skip, o->num_skip);
}

static void print_rounding(text *t, const kerf_quantize_event *e)
{
    const kerf_quantize_options *q = &e->options;
    const kerf_calibrate_options *c = &e->calibrate;
    print(t, "mode=%d weights=%d activations=%d per=%d block=%lld\n", (int)q->mode, (int)q->weights,
          (int)q->activations, (int)q->per, (long long)q->block);
    print(t, "asymmetric=%d bias-correct=%d learn-ranges=%d trains=%d equalize=%d\n", q->asymmetric,
          q->bias_correct, q->learn_ranges, e->trains, e->equalize);
    print(t, "observer=%d percentile=%.17g samples=%lld batch=%lld seed=%llu\n", (int)c->observer,
          c->percentile, (long long)c->samples, (long long)c->batch, (unsigned long long)c->seed);
    for (size_t i = 0; i < q->num_choices; i++)
        print(t, "weights of %s=%d mode=%d\n", q->choices[i].pattern, (int)q->choices[i].weights,
              (int)q->choices[i].mode);
    print_list(t, "layers", q->layers, q->num_layers);
    print_list(t, "skip", q->skip, q->num_skip);
}

static void print_penalty(text *t, const kerf_penalty *p)
{
    print(t, "penalty=%d strength=%.17g\n", (int)p->kind, p->strength);
    print_list(t, "layers", p->layers, p->num_layers);
    print_list(t, "skip", p->skip, p->num_skip);
}

/* Prunings are told by the schedule's own. */
static void print_event(text *t, const kerf_event *e)
{
    if (e->kind == KERF_EVENT_PRUNE)
        return;
    if (e->kind == KERF_EVENT_EXCHANGE)
        print(t, "exchange=%s local-steps=%lld ",
              e->exchange.gradients == KERF_GRADIENTS_INT8 ? "int8" : "f32",
              (long long)e->exchange.local_steps);
    else
        print(t, "event=%d ", (int)e->kind);
    print_time(t, "start", e->start);
    print_time(t, "end", e->end);
    print_time(t, "every", e->every);
    print(t, "\n");
    if (e->kind == KERF_EVENT_QUANTIZE)
        print_rounding(t, e->quantize);
    if (e->kind == KERF_EVENT_PENALTY)
        print_penalty(t, e->penalty);
    if (e->kind == KERF_EVENT_SHARE)
        print(t, "bits=%d init=%d block=%lld\n", e->share->bits, (int)e->share->init,
              (long long)e->share->block);
    if (e->kind == KERF_EVENT_LR) {
        print_time(t, "warmup", e->lr.warmup);
        print(t, "lr=%.17g schedule=%d\n", e->lr.lr, (int)e->lr.schedule);
    }
    if (e->kind == KERF_EVENT_FREEZE)
        print_list(t, "freeze", e->freeze.patterns, e->freeze.num_patterns);
}

kerf_status kerf__train_options_text(char **out, const kerf__run *run)
{
    const kerf_train_options *options = run->options;
    const kerf_dataset *d = run->d;
    text t = {0};
    char shape[128];
    print_training(&t, options);
    for (size_t i = 0; i < run->schedule.num_prunes; i++)
        print_pruning(&t, &run->schedule.prunes[i]);
    for (size_t i = 0; i < options->num_events; i++)
        print_event(&t, &options->events[i]);
    if (kerf__is_taught(&options->distill))
        print(&t, "teacher=%016llx\n", (unsigned long long)run->teaching.digest);
    print(&t, "prep=%s\n", kerf__choose_prep(options->prep, run->g, d));
    print(&t, "augment=%s\n", options->augment != NULL ? options->augment : "");
    print(&t, "training-samples=%lld\nvalidation-samples=%lld\nsample=%s\nclasses=%d\n",
          (long long)kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN),
          (long long)kerf_dataset_num_samples(d, KERF_SPLIT_VAL),
          kerf_shape_text(kerf_dataset_sample_shape(d), shape, sizeof shape),
          kerf_dataset_num_classes(d));
    print(&t, "network=%016llx\n", (unsigned long long)XXH64(run->graph, run->graph_bytes, 0));
    if (t.failed) {
        free(t.at);
        return kerf__fail_memory("train", t.capacity);
    }
    *out = t.at;
    return KERF_OK;
}
