/* recipe/recipe_build.c -- what a recipe says, as options of the library. */
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
    o.accumulate = t->accumulate;
    o.clip = t->clip;
    o.precision = (kerf_precision)t->precision;
    o.lr = t->lr;
    o.schedule = (kerf_lr_schedule)t->schedule;
    o.warmup = t->warmup;
    o.optimizer.kind = (kerf_optimizer_kind)t->optimizer;
    o.optimizer.momentum = (float)t->momentum;
    o.optimizer.nesterov = t->momentum > 0;
    o.optimizer.weight_decay = (float)t->weight_decay;
    o.loss = t->loss == 0 ? KERF_LOSS_CROSS_ENTROPY : KERF_LOSS_MSE;
    o.batch_norm = (kerf_batch_norm)t->batch_norm;
    o.balance = t->balance;
    o.seed = (uint64_t)r->top.seed;
    o.keep_best = r->top.val > 0;
    o.augment = t->augment;
    o.smoothing = t->label_smoothing;
    o.mixup = t->mixup;
    o.memory_bytes = (size_t)t->memory;
    o.freeze = t->freeze.items;
    o.num_freeze = t->freeze.num;
    return o;
}

/* ---- stages --------------------------------------------------------------------------------- */

/* NULL when memory is short. */
static const char *name_round(kerf__recipe *r, const char *name, kerf__recipe_round round)
{
    if (round.num == 1)
        return name;
    const char *stem = name[0] != '\0' ? name : "round";
    const size_t num_bytes = strlen(stem) + 24;
    char *text = kerf__recipe_keep(r, num_bytes, 1);
    if (text != NULL)
        snprintf(text, num_bytes, "%s-%lld", stem, (long long)round.at);
    return text;
}

static kerf_status build_stage(kerf__recipe *r, kerf_recipe_stage *out,
                               const kerf__recipe_phase *phase, kerf__recipe_round round)
{
    out->name = name_round(r, phase->name != NULL ? phase->name : "", round);
    if (out->name == NULL)
        return kerf__fail_memory("recipe", 1);
    out->train = train_options(r, &phase->train);
    return kerf__recipe_add_steps(r, out, &phase->steps, round);
}

/* Those of a removal in steps have names that nobody wrote. */
static kerf_status check_name(const kerf__recipe *r, const kerf_recipe_stage *stages, size_t i,
                              size_t phase)
{
    const kerf__tree *all = kerf__tree_find(&r->tree, "stages");
    for (size_t k = 0; k < i; k++)
        if (strcmp(stages[k].name, stages[i].name) == 0)
            return kerf__tree_fail(&all->items[phase], KERF_ERR_ARGUMENT,
                                   "stages.name %s: is the name of two stages", stages[i].name);
    return KERF_OK;
}

static kerf_status build_stages(kerf__recipe *r, kerf_recipe_stage *stages,
                                const kerf__recipe_phases *phases)
{
    size_t num = 0;
    for (size_t i = 0; i < phases->num; i++) {
        kerf__recipe_round round = {1, kerf__recipe_num_rounds(&phases->items[i])};
        for (; round.at <= round.num; round.at++, num++) {
            KERF__TRY(build_stage(r, &stages[num], &phases->items[i], round));
            KERF__TRY(check_name(r, stages, num, i));
        }
    }
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
    }
    return KERF_OK;
}

static int has_format(const kerf__recipe_top *top, const char *format)
{
    for (size_t i = 0; i < top->formats.num; i++)
        if (strcmp(top->formats.items[i], format) == 0)
            return 1;
    return 0;
}

kerf__recipe_phases kerf__recipe_phases_of(const kerf__recipe *r)
{
    const kerf__recipe_phases whole = {(kerf__recipe_phase *)&r->top.whole, 1};
    return r->top.stages.num > 0 ? r->top.stages : whole;
}

kerf_status kerf__recipe_build(kerf__recipe *r)
{
    const kerf__recipe_top *top = &r->top;
    const kerf__recipe_phases all = kerf__recipe_phases_of(r), *phases = &all;
    size_t num = 0;
    for (size_t i = 0; i < phases->num; i++)
        num += (size_t)kerf__recipe_num_rounds(&phases->items[i]);
    kerf_recipe_stage *stages = kerf__recipe_keep(r, num, sizeof *stages);
    if (stages == NULL)
        return kerf__fail_memory("recipe", num * sizeof *stages);
    if (top->stages.num > 0)
        KERF__TRY(check_names(r, phases));
    KERF__TRY(build_stages(r, stages, phases));
    r->as = (kerf_recipe){.model = top->model,
                          .width = top->width,
                          .data = top->data,
                          .classes = top->classes,
                          .prep = top->prep,
                          .val = top->val,
                          .seed = (uint64_t)top->seed,
                          .keep_zeros = !top->no_keep_zeros,
                          .dir = top->dir,
                          .packs = has_format(top, "kerf"),
                          .reports = has_format(top, "report"),
                          .stages = stages,
                          .num_stages = num};
    return KERF_OK;
}
