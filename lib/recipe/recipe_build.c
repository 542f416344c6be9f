/* recipe/recipe_build.c -- what a recipe says, as options of the library. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "recipe/recipe_internal.h"

/* ---- training ------------------------------------------------------------------------------- */

static kerf_train_options train_options(const kerf__recipe *r, const kerf__recipe_train *t)
{
    kerf_train_options o = kerf_train_defaults();
    o.epochs = t->epochs;
    o.batch = t->batch;
    o.lr = t->lr;
    o.schedule = (kerf_lr_schedule)t->schedule;
    o.warmup = t->warmup;
    o.optimizer.kind = (kerf_optimizer_kind)t->optimizer;
    o.optimizer.momentum = (float)t->momentum;
    o.optimizer.nesterov = t->momentum > 0;
    o.optimizer.weight_decay = (float)t->weight_decay;
    o.loss = t->loss == 0 ? KERF_LOSS_CROSS_ENTROPY : KERF_LOSS_MSE;
    o.seed = (uint64_t)r->top.seed;
    o.keep_best = r->top.val > 0;
    o.augment = t->augment;
    o.memory_bytes = (size_t)t->memory;
    o.freeze = t->freeze.items;
    o.num_freeze = t->freeze.num;
    return o;
}

/* ---- pruning -------------------------------------------------------------------------------- */

/* How often from start to end, both counted. */
static int num_events(const kerf__recipe_prune *p)
{
    return 1 + (int)floor((p->end - p->start) / p->every + 1e-9);
}

static kerf_status check_prune(const kerf__recipe_prune *p, const kerf__tree *at,
                               const kerf_prune_options *o)
{
    const int has_amount = p->sparsity.value > 0 || p->sparsity.num > 0;
    const int has_s = p->s.value > 0 || p->s.num > 0;
    if (p->end < p->start)
        return kerf__tree_fail(at, KERF_ERR_ARGUMENT,
                               "prune.end %g: must be %g or later, the start", p->end, p->start);
    if ((p->end - p->start) / p->every > 1e5)
        return kerf__tree_fail(at, KERF_ERR_ARGUMENT,
                               "prune.every %g: makes more than 100000 prunings up to the end",
                               p->every);
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

static kerf_status add_prune(kerf__recipe *r, kerf_train_options *o, const kerf__recipe_step *step)
{
    const kerf__recipe_prune *p = &step->of.prune;
    kerf_prune_schedule *out = &o->prune;
    if (out->events > 0)
        return kerf__tree_fail(step->at, KERF_ERR_UNSUPPORTED,
                               "prune: stands twice; this version prunes once a stage");
    kerf_prune_options options = prune_options(r, p);
    if (kerf_prune_structure_parse(&options, p->structure) != KERF_OK)
        return kerf__tree_fail(step->at, KERF_ERR_ARGUMENT, "prune.%s", kerf_last_error());
    KERF__TRY(check_prune(p, step->at, &options));
    *out = (kerf_prune_schedule){.options = options,
                                 .curve = (kerf_prune_curve)p->curve,
                                 .events = num_events(p),
                                 .start = p->start,
                                 .every = p->every,
                                 .lift = p->lift,
                                 .rewinds = !isnan(p->rewind),
                                 .rewind = isnan(p->rewind) ? 0 : p->rewind};
    return KERF_OK;
}

/* ---- stages --------------------------------------------------------------------------------- */

static kerf_status build_stage(kerf__recipe *r, kerf_recipe_stage *out,
                               const kerf__recipe_phase *phase)
{
    out->name = phase->name != NULL ? phase->name : "";
    out->train = train_options(r, &phase->train);
    for (size_t i = 0; i < phase->steps.num; i++)
        KERF__TRY(add_prune(r, &out->train, &phase->steps.items[i]));
    return KERF_OK;
}

/* A stage's name is that of a folder. */
static kerf_status check_names(const kerf__recipe *r, const kerf__recipe_phases *phases)
{
    const kerf__tree *stages = kerf__tree_find(&r->tree, "stages");
    for (size_t i = 0; i < phases->num; i++) {
        const char *name = phases->items[i].name;
        if (name == NULL || strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-_") != strlen(name))
            return kerf__tree_fail(&stages->items[i], KERF_ERR_ARGUMENT,
                                   "stages.name %s: must be of letters, digits, - and _",
                                   name != NULL ? name : "''");
        for (size_t k = 0; k < i; k++)
            if (strcmp(name, phases->items[k].name) == 0)
                return kerf__tree_fail(&stages->items[i], KERF_ERR_ARGUMENT,
                                       "stages.name %s: is the name of two stages", name);
    }
    return KERF_OK;
}

kerf_status kerf__recipe_build(kerf__recipe *r)
{
    const kerf__recipe_top *top = &r->top;
    const kerf__recipe_phases whole = {&r->top.whole, 1};
    const kerf__recipe_phases *phases = top->stages.num > 0 ? &top->stages : &whole;
    kerf_recipe_stage *stages = kerf__recipe_keep(r, phases->num, sizeof *stages);
    if (stages == NULL)
        return kerf__fail_memory("recipe", phases->num * sizeof *stages);
    if (top->stages.num > 0)
        KERF__TRY(check_names(r, phases));
    for (size_t i = 0; i < phases->num; i++)
        KERF__TRY(build_stage(r, &stages[i], &phases->items[i]));
    r->as = (kerf_recipe){.model = top->model,
                          .width = top->width,
                          .data = top->data,
                          .classes = top->classes,
                          .prep = top->prep,
                          .val = top->val,
                          .seed = (uint64_t)top->seed,
                          .keep_zeros = !top->no_keep_zeros,
                          .dir = top->dir,
                          .stages = stages,
                          .num_stages = phases->num};
    return KERF_OK;
}
