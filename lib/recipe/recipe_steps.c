/* recipe/recipe_steps.c -- steps of a recipe as events of a run (kerf/schedule.h): a function a
 * kind.  What a stage removes is no event: the run begins behind it (recipe_remove.c). */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "recipe/recipe_internal.h"

/* What the stage has so far, and the event that a step becomes. */
typedef struct adding {
    kerf__recipe *r;
    kerf_recipe_stage *stage;
    const kerf__recipe_step *step;
    kerf_event *event;
} adding;

static kerf_status fail_memory(size_t num_bytes)
{
    return kerf__fail_memory("recipe", num_bytes);
}

/* A message of the library's about one of the step's keys. */
static kerf_status fail_key(const adding *a, const char *section)
{
    return kerf__tree_fail(a->step->at, KERF_ERR_ARGUMENT, "%s.%s", section, kerf_last_error());
}

static kerf_time or_zero(kerf_time t)
{
    return isnan(t.value) ? (kerf_time){0} : t;
}

/* ---- pruning -------------------------------------------------------------------------------- */

static kerf_status check_prune(const kerf__recipe_prune *p, const kerf__tree *at,
                               const kerf_prune_options *o)
{
    const int has_amount = p->sparsity.value > 0 || p->sparsity.num > 0;
    const int has_s = p->s.value > 0 || p->s.num > 0;
    if (o->method == KERF_PRUNE_MASK && p->mask == NULL)
        return kerf__tree_fail(at, KERF_ERR_ARGUMENT,
                               "prune.mask: is missing: method mask wants it");
    if (o->method == KERF_PRUNE_STD && !has_s)
        return kerf__tree_fail(at, KERF_ERR_ARGUMENT, "prune.s: is missing: method std wants it");
    if (o->method != KERF_PRUNE_MASK && o->method != KERF_PRUNE_STD &&
        o->structure != KERF_STRUCTURE_N_OF_M && !has_amount)
        return kerf__tree_fail(at, KERF_ERR_ARGUMENT,
                               "prune.sparsity: is missing, such as sparsity: 0.9");
    return KERF_OK;
}

static kerf_prune_options prune_options(const kerf__recipe *r, const kerf__recipe_prune *p)
{
    const kerf__amounts *a = p->method == KERF_PRUNE_STD ? &p->s : &p->sparsity;
    return (kerf_prune_options){
        .method = (kerf_prune_method)p->method,
        .scope = (kerf_prune_scope)p->scope,
        .amount = a->value,
        .amounts = a->items,
        .num_amounts = a->num,
        .layers = p->layers.items,
        .num_layers = p->layers.num,
        .skip = p->skip.items,
        .num_skip = p->skip.num,
        .min_keep = p->min_keep,
        .biases = p->biases,
        .seed = (uint64_t)r->top.seed,
        .mask_file = p->mask,
    };
}

static kerf_status add_prune(adding *a)
{
    const kerf__recipe_prune *p = &a->step->of.prune;
    kerf_prune_event *prune = kerf__recipe_keep(a->r, 1, sizeof *prune);
    if (prune == NULL)
        return fail_memory(sizeof *prune);
    *prune = (kerf_prune_event){.options = prune_options(a->r, p),
                                .curve = (kerf_prune_curve)p->curve,
                                .lift = p->lift,
                                .rewinds = !isnan(p->rewind.value),
                                .rewind = or_zero(p->rewind)};
    if (kerf_prune_structure_parse(&prune->options, p->structure) != KERF_OK)
        return fail_key(a, "prune");
    *a->event = (kerf_event){KERF_EVENT_PRUNE, p->start, p->end, p->every, .prune = prune};
    return check_prune(p, a->step->at, &prune->options);
}

/* ---- quantization --------------------------------------------------------------------------- */

/* `mode`'s place behind the library's modes: static, and trained with its roundings. */
enum { MODE_QAT = KERF_QUANTIZE_WEIGHT_ONLY + 1 };

static kerf_quantize_options quantize_options(const kerf__recipe_quantize *p)
{
    static const kerf_type ACTIVATIONS[] = {KERF_U8, KERF_S8, KERF_U16, KERF_S16};
    kerf_quantize_options q = kerf_quantize_defaults(
        p->mode == MODE_QAT ? KERF_QUANTIZE_STATIC : (kerf_quantize_mode)p->mode);
    q.activations = ACTIVATIONS[p->activations];
    q.asymmetric = p->asymmetric;
    q.learn_ranges = p->learn_ranges;
    q.bias_correct = p->bias_correct;
    q.layers = p->layers.items;
    q.num_layers = p->layers.num;
    q.skip = p->skip.items;
    q.num_skip = p->skip.num;
    return q;
}

/* Words that have a grammar of their own. */
static kerf_status parse_words(adding *a, kerf_quantize_event *e)
{
    const kerf__recipe_quantize *p = &a->step->of.quantize;
    void *kept = NULL;
    kerf_status status = kerf_quantize_parse_weights(&e->options, p->weights, &kept);
    if (kept != NULL && !kerf__recipe_take(a->r, kept))
        return fail_memory(sizeof kept);
    if (status == KERF_OK)
        status = kerf_quantize_parse_per(&e->options, p->per);
    if (status == KERF_OK)
        status = kerf_quantize_parse_observer(&e->calibrate, p->observer);
    return status == KERF_OK ? KERF_OK : fail_key(a, "quantize");
}

/* Ranges that are learned are so to the end, unless somebody says when they stay. */
static kerf_time frozen_from(const kerf__recipe_quantize *p)
{
    if (!isnan(p->freeze_observers.value))
        return p->freeze_observers;
    return (kerf_time){p->learn_ranges, KERF_SHARES};
}

static kerf_status add_quantize(adding *a)
{
    const kerf__recipe_quantize *p = &a->step->of.quantize;
    kerf_quantize_event *e = kerf__recipe_keep(a->r, 1, sizeof *e);
    if (e == NULL)
        return fail_memory(sizeof *e);
    *e = (kerf_quantize_event){.options = quantize_options(p),
                               .calibrate = {.percentile = 99.99,
                                             .samples = p->calibrate,
                                             .batch = kerf_calibrate_batch(a->stage->train.batch),
                                             .seed = (uint64_t)a->r->top.seed,
                                             .means = p->bias_correct},
                               .trains = p->mode == MODE_QAT,
                               .equalize = p->equalize,
                               .freeze_observers = frozen_from(p)};
    *a->event = (kerf_event){KERF_EVENT_QUANTIZE, .start = p->start, .quantize = e};
    return parse_words(a, e);
}

/* ---- the others ----------------------------------------------------------------------------- */

/* Files, behind "self" if the network is among its teachers. */
static kerf_status add_teachers(adding *a, kerf_distillation *d)
{
    const kerf__texts *teachers = &a->step->of.distill.teacher;
    d->self = teachers->num > 0 && strcmp(teachers->items[0], "self") == 0;
    a->stage->teachers = teachers->items + d->self;
    a->stage->num_teachers = teachers->num - (size_t)d->self;
    if (teachers->num == 0 || teachers->num > KERF_MOST_TEACHERS)
        return kerf__tree_fail(a->step->at, KERF_ERR_ARGUMENT,
                               "distill.teacher: are %zu, must be from 1 to %d", teachers->num,
                               (int)KERF_MOST_TEACHERS);
    for (size_t i = 0; i < a->stage->num_teachers; i++)
        if (strcmp(a->stage->teachers[i], "self") == 0)
            return kerf__tree_fail(a->step->at, KERF_ERR_ARGUMENT,
                                   "distill.teacher: self stands behind another, must be first");
    return KERF_OK;
}

/* "FILE:7", which messages about the tap's layers begin with; NULL without memory. */
static const char *keep_place(adding *a, const kerf__tree *at)
{
    const size_t num_bytes = strlen(at->from) + 32;
    char *place = kerf__recipe_keep(a->r, num_bytes, 1);
    if (place != NULL && at->line == 0)
        snprintf(place, num_bytes, "--set %s", at->from);
    else if (place != NULL)
        snprintf(place, num_bytes, "%s:%d", at->from, at->line);
    return place;
}

static kerf_status add_tap(adding *a, kerf_learned_tap *tap, const kerf__tree *at)
{
    void *kept;
    kerf_status status = kerf_learned_tap_parse(tap, at->text, &kept);
    if (kept != NULL && !kerf__recipe_take(a->r, kept))
        return fail_memory(strlen(at->text));
    if (status != KERF_OK)
        return kerf__tree_fail(at, status, "distill.%s", kerf_last_error());
    tap->others = a->step->of.distill.beta;
    tap->place = keep_place(a, at);
    return tap->place != NULL ? KERF_OK : fail_memory(strlen(at->from));
}

static kerf_status add_taps(adding *a, kerf_distillation *d)
{
    const kerf__tree *list = kerf__tree_find(a->step->at, "taps");
    const size_t num = a->step->of.distill.taps.num;
    kerf_learned_tap *taps = kerf__recipe_keep(a->r, num, sizeof *taps);
    if (taps == NULL)
        return fail_memory(num * sizeof *taps);
    if (num > KERF_MOST_TAPS)
        return kerf__tree_fail(list, KERF_ERR_ARGUMENT, "distill.taps: are %zu, must be at most %d",
                               num, (int)KERF_MOST_TAPS);
    d->taps = taps;
    for (; d->num_taps < num; d->num_taps++)
        KERF__TRY(add_tap(a, &taps[d->num_taps],
                          list->kind == KERF__TREE_LIST ? &list->items[d->num_taps] : list));
    return KERF_OK;
}

static kerf_status add_distill(adding *a)
{
    const kerf__recipe_distill *p = &a->step->of.distill;
    kerf_distillation *d = kerf__recipe_keep(a->r, 1, sizeof *d);
    if (d == NULL)
        return fail_memory(sizeof *d);
    *d = (kerf_distillation){.alpha = p->alpha,
                             .temperature = p->temperature,
                             .last_temperature = p->last_temperature,
                             .hint_epochs = p->hint_epochs,
                             .cache = p->cache};
    if (a->stage->distill != NULL)
        return kerf__tree_fail(a->step->at, KERF_ERR_ARGUMENT,
                               "distill: stands twice in a stage, must be once");
    if (p->cache && a->stage->train.augment != NULL)
        return kerf__tree_fail(
            a->step->at, KERF_ERR_ARGUMENT,
            "distill.cache: samples are changed at random, train.augment %s, and "
            "what teachers say with them; must be without one of both",
            a->stage->train.augment);
    a->stage->distill = d;
    a->stage->teacher_device = p->teacher_device;
    *a->event =
        (kerf_event){KERF_EVENT_DISTILL, .start = p->start, .end = or_zero(p->end), .distill = d};
    KERF__TRY(add_teachers(a, d));
    return add_taps(a, d);
}

static kerf_status add_share(adding *a)
{
    const kerf__recipe_share *p = &a->step->of.share;
    kerf_share_options *o = kerf__recipe_keep(a->r, 1, sizeof *o);
    if (o == NULL)
        return fail_memory(sizeof *o);
    *o = (kerf_share_options){.bits = (int)p->bits,
                              .init = (kerf_share_init)p->init,
                              .block = p->block,
                              .seed = (uint64_t)a->r->top.seed,
                              .layers = p->layers.items,
                              .num_layers = p->layers.num,
                              .skip = p->skip.items,
                              .num_skip = p->skip.num};
    *a->event = (kerf_event){KERF_EVENT_SHARE, .share = o};
    return KERF_OK;
}

static kerf_status add_lr(adding *a)
{
    const kerf__recipe_lr *p = &a->step->of.lr;
    *a->event = (kerf_event){KERF_EVENT_LR, .start = p->start,
                             .lr = {p->lr, (kerf_lr_schedule)p->schedule, p->warmup}};
    return KERF_OK;
}

static kerf_status add_freeze(adding *a)
{
    const kerf__recipe_freeze *p = &a->step->of.freeze;
    *a->event = (kerf_event){KERF_EVENT_FREEZE, .start = p->start, .end = or_zero(p->end),
                             .freeze = {p->layers.items, p->layers.num}};
    return KERF_OK;
}

static kerf_status add_repeated(adding *a)
{
    const kerf__recipe_repeat *p = &a->step->of.repeat;
    const int evaluates = kerf__recipe_kind_of(a->step) == KERF__STEP_EVALUATE;
    *a->event = (kerf_event){evaluates ? KERF_EVENT_EVALUATE : KERF_EVENT_CHECKPOINT, p->start,
                             or_zero(p->end), p->every, .quantize = NULL};
    return KERF_OK;
}

static kerf_status add_penalty(adding *a)
{
    const kerf__recipe_penalty *p = &a->step->of.penalty;
    kerf_penalty *penalty = kerf__recipe_keep(a->r, 1, sizeof *penalty);
    if (penalty == NULL)
        return fail_memory(sizeof *penalty);
    *penalty = (kerf_penalty){.kind = (kerf_penalty_kind)(p->kind + 1), /* behind NONE */
                              .strength = p->strength,
                              .layers = p->layers.items,
                              .num_layers = p->layers.num,
                              .skip = p->skip.items,
                              .num_skip = p->skip.num};
    *a->event = (kerf_event){KERF_EVENT_PENALTY, .start = p->start, .end = or_zero(p->end),
                             .penalty = penalty};
    return KERF_OK;
}

/* What the run would refuse, too, but behind its folder. */
static kerf_status check_exchange(const adding *a)
{
    const kerf__recipe_exchange *p = &a->step->of.exchange;
    const kerf_train_options *t = &a->stage->train;
    const int is_local = p->local_steps > 1, is_int8 = p->gradients == KERF_GRADIENTS_INT8;
    const char *wrong = NULL;
    if (is_local && is_int8)
        wrong = "behind local steps weights travel, as floats: gradients must be f32, or "
                "local_steps 1";
    else if (is_local && t->batch_norm == KERF_BATCH_NORM_TOGETHER)
        wrong = "in local steps each rank has weights of its own: local_steps must be 1, or "
                "train.batch_norm apart";
    else if ((is_local || is_int8) && t->precision == KERF_PRECISION_MIXED)
        wrong = "mixed precision wants all gradients, as floats, in each step: gradients must be "
                "f32 and local_steps 1, or train.precision f32";
    return wrong == NULL ? KERF_OK
                         : kerf__tree_fail(a->step->at, KERF_ERR_ARGUMENT, "exchange: %s", wrong);
}

static kerf_status add_exchange(adding *a)
{
    const kerf__recipe_exchange *p = &a->step->of.exchange;
    KERF__TRY(check_exchange(a));
    *a->event = (kerf_event){KERF_EVENT_EXCHANGE, .start = p->start, .end = or_zero(p->end),
                             .exchange = {(kerf_gradients)p->gradients, p->local_steps}};
    return KERF_OK;
}

static kerf_status (*const ADDERS[KERF__NUM_STEP_KINDS])(adding *a) = {
    [KERF__STEP_PRUNE] = add_prune,
    [KERF__STEP_QUANTIZE] = add_quantize,
    [KERF__STEP_DISTILL] = add_distill,
    [KERF__STEP_SHARE] = add_share,
    [KERF__STEP_LR] = add_lr,
    [KERF__STEP_FREEZE] = add_freeze,
    [KERF__STEP_EVALUATE] = add_repeated,
    [KERF__STEP_CHECKPOINT] = add_repeated,
    [KERF__STEP_PENALTY] = add_penalty,
    [KERF__STEP_EXCHANGE] = add_exchange,
};

/* ---- when ----------------------------------------------------------------------------------- */

/* A time in epochs; NAN: in steps of which nobody knows yet how many are an epoch. */
static double in_epochs(kerf_time t, double epochs, double steps_per_epoch)
{
    if (t.unit == KERF_STEPS)
        return steps_per_epoch > 0 ? t.value / steps_per_epoch : (double)NAN;
    return t.unit == KERF_SHARES ? t.value * epochs : t.value;
}

/* As a person wrote it. */
static const char *text_of(const kerf__tree *at, const char *key)
{
    const kerf__tree *item = kerf__tree_find(at, key);
    return item != NULL && item->text != NULL ? item->text : "";
}

/* A step behind the end is named by its line here, where there is one. */
static kerf_status check_time(const kerf__recipe_step *step, const kerf_event *e, double epochs,
                              double steps_per_epoch)
{
    const double start = in_epochs(e->start, epochs, steps_per_epoch);
    const double end = in_epochs(e->end, epochs, steps_per_epoch);
    const char *name = step->key->name, *begins = text_of(step->at, "start");
    if (start > epochs)
        return kerf__tree_fail(step->at, KERF_ERR_ARGUMENT,
                               "%s.start %s: must be within the %g epochs that are trained", name,
                               begins, epochs);
    if (end > 0 && (end < start || end > epochs))
        return kerf__tree_fail(step->at, KERF_ERR_ARGUMENT,
                               "%s.end %s: must be from %s, its start, to %g, the last epoch", name,
                               text_of(step->at, "end"), begins, epochs);
    return KERF_OK;
}

static int is_removal(const kerf__recipe_step *step)
{
    return kerf__recipe_kind_of(step) == KERF__STEP_REMOVE;
}

/* Before the last round only what says how is trained; what changes the network waits for it. */
static int is_event(const kerf__recipe_step *step, kerf__recipe_round round)
{
    static const int SAYS_HOW[KERF__NUM_STEP_KINDS] = {[KERF__STEP_DISTILL] = 1,
                                                       [KERF__STEP_FREEZE] = 1,
                                                       [KERF__STEP_PENALTY] = 1,
                                                       [KERF__STEP_EXCHANGE] = 1};
    const kerf__recipe_step_kind kind = kerf__recipe_kind_of(step);
    return kind != KERF__STEP_REMOVE && (round.at == round.num || SAYS_HOW[kind]);
}

/* `self` is what training begins with, and that is cut: it has no more to say than the labels. */
static kerf_status check_teacher(const kerf_recipe_stage *stage, const kerf__recipe_step *step)
{
    if (kerf__recipe_kind_of(step) != KERF__STEP_DISTILL || stage->removal == NULL ||
        stage->distill == NULL || !stage->distill->self)
        return KERF_OK;
    return kerf__tree_fail(step->at, KERF_ERR_ARGUMENT,
                           "distill.teacher self: would be what remove leaves, must be a file");
}

kerf_status kerf__recipe_add_steps(kerf__recipe *r, kerf_recipe_stage *stage,
                                   const kerf__recipe_steps *steps, kerf__recipe_round round)
{
    kerf_event *events = kerf__recipe_keep(r, steps->num, sizeof *events);
    if (events == NULL)
        return fail_memory(steps->num * sizeof *events);
    stage->train.events = events;
    for (size_t i = 0; i < steps->num; i++) {
        if (is_removal(&steps->items[i]))
            KERF__TRY(kerf__recipe_add_removal(r, stage, &steps->items[i], round));
        if (!is_event(&steps->items[i], round))
            continue;
        adding a = {r, stage, &steps->items[i], &events[stage->train.num_events]};
        KERF__TRY(ADDERS[kerf__recipe_kind_of(a.step)](&a));
        KERF__TRY(check_time(a.step, a.event, stage->train.epochs, 0));
        stage->train.num_events++;
    }
    for (size_t i = 0; i < steps->num; i++)
        KERF__TRY(check_teacher(stage, &steps->items[i]));
    return KERF_OK;
}

kerf_status kerf__recipe_check_steps(const kerf_recipe_stage *stage,
                                     const kerf__recipe_steps *steps, kerf__recipe_round round,
                                     int64_t num_samples)
{
    const double steps_per_epoch = floor((double)num_samples / (double)stage->train.batch);
    const kerf_event *event = stage->train.events;
    for (size_t i = 0; i < steps->num; i++)
        if (is_event(&steps->items[i], round))
            KERF__TRY(check_time(&steps->items[i], event++, stage->train.epochs, steps_per_epoch));
    return KERF_OK;
}
