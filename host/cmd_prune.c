/* cmd_prune.c -- `kerf prune`: weights out, in one shot or with training in between. */
#include <math.h>

#include "change.h"
#include "command.h"

static kerf_prune_options prune_options(const options *o)
{
    const amounts *a = o->method == KERF_PRUNE_STD ? &o->s : &o->sparsity;
    return (kerf_prune_options){
        .method = (kerf_prune_method)o->method,
        .scope = (kerf_prune_scope)o->scope,
        .amount = a->value,
        .amounts = a->items,
        .num_amounts = a->num,
        .layers = o->layers.items,
        .num_layers = o->layers.num,
        .skip = o->skip.items,
        .num_skip = o->skip.num,
        .biases = o->biases,
        .seed = (uint64_t)o->seed,
        .mask_file = o->mask,
    };
}

/* What each method must be told. */
static int check_method(const options *o)
{
    static const struct {
        const char *method, *wants, *example;
    } rules[] = {
        {"magnitude", "sparsity", "--sparsity 0.9"},
        {"random", "sparsity", "--sparsity 0.9"},
        {"std", "s", "--s 1.5"},
        {"mask", "mask", "--mask masks.npz"},
    };
    if (!options_given(o, rules[o->method].wants))
        return fail_usage(o, "--%s is missing: method %s wants it, such as %s",
                          rules[o->method].wants, rules[o->method].method,
                          rules[o->method].example);
    if (o->scope == KERF_SCOPE_GLOBAL && (o->sparsity.num > 0 || o->s.num > 0))
        return fail_usage(o, "--scope global: takes one amount for all, not one by layer");
    return 0;
}

static int wants_training(const options *o)
{
    return o->retrain > 0 || o->finetune > 0;
}

static int check_training(const options *o)
{
    static const char *const others[] = {"lr", "optimizer", "schedule", "warmup"};
    if (o->data == NULL && wants_training(o))
        return fail_usage(o, "--%s: needs --data to train on",
                          o->retrain > 0 ? "retrain" : "finetune");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (!wants_training(o) && options_given(o, others[i]))
            return fail_usage(o, "--%s: nothing is trained without --retrain or --finetune",
                              others[i]);
    if (o->resume && !wants_training(o))
        return fail_usage(o, "--resume: nothing to go on with, without --retrain or --finetune");
    return 0;
}

/* Without training in between only the last event counts. */
static kerf_status prune_once(change *c, const kerf_prune_options *p)
{
    kerf_pruner *pruner = NULL;
    kerf_status status = change_keep_zeros(c);
    if (status == KERF_OK)
        status = kerf_prune_mark(c->s.m.g, c->s.m.s, p);
    if (status == KERF_OK)
        status = kerf_pruner_create(&pruner, c->s.m.g, c->s.m.s, p);
    if (status == KERF_OK)
        status = kerf_pruner_apply(pruner, 1);
    if (status == KERF_OK)
        status = kerf_device_finish(c->s.dev);
    if (status == KERF_OK && !c->o->json && !c->o->quiet)
        print_pruned(pruner, result_stream(c->o));
    kerf_pruner_destroy(pruner);
    return status;
}

static int prune_and_train(change *c, const kerf_prune_options *p)
{
    const options *o = c->o;
    int64_t events = o->retrain > 0 && options_given(o, "events") ? o->events : 1;
    c->train.prune = (kerf_prune_schedule){
        .options = *p,
        .events = (int)events,
        .every = o->retrain > 0 ? o->retrain : 1,
        .curve = options_given(o, "curve") ? (kerf_prune_curve)o->curve : KERF_CURVE_CUBIC,
    };
    c->train.epochs = (double)events * o->retrain + o->finetune;
    return change_train(c);
}

int cmd_prune(const options *o)
{
    int code = check_method(o);
    if (code == 0)
        code = check_training(o);
    if (code != 0)
        return code;
    change c;
    kerf_prune_options p = prune_options(o);
    code = change_begin(&c, o);
    if (code == 0 && wants_training(o))
        code = prune_and_train(&c, &p);
    else if (code == 0) {
        kerf_status status = prune_once(&c, &p);
        code = status == KERF_OK ? 0 : fail_kerf(o, status);
    }
    if (code == 0)
        code = change_finish(&c);
    change_close(&c);
    return code;
}
