/* cmd_prune.c -- `kerf prune`: weights out, in one shot or with training in between. */
#include <math.h>
#include <string.h>

#include "boosting.h"
#include "change.h"
#include "command.h"
#include "distill.h"
#include "json.h"
#include "print_recipe.h"
#include "prune_analyse.h"
#include "prune_channels.h"
#include "target.h"

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
        .min_keep = o->min_keep,
        .biases = o->biases,
        .seed = (uint64_t)o->seed,
        .mask_file = o->mask,
    };
}

/* With a share to go to, --max-drop says where rounds of training stop. */
static int has_rounds(const options *o)
{
    return options_given(o, "max-drop") && options_given(o, "sparsity") && o->retrain > 0;
}

static int check_rounds(const options *o, const kerf_prune_options *p)
{
    static const char *const others[] = {"finetune", "lift", "rewind", "resume", "size", "latency"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o,
                              "--max-drop: with --sparsity it stops rounds of --retrain, must be "
                              "without --%s",
                              others[i]);
    if (p->structure == KERF_STRUCTURE_N_OF_M || o->method == KERF_PRUNE_MASK ||
        o->method == KERF_PRUNE_SNIP || o->method == KERF_PRUNE_RIGL)
        return fail_usage(o, "--max-drop: rounds take more and more, must be without n:m, and by a "
                             "method other than mask, snip and rigl");
    return 0;
}

/* Amounts are what it finds. */
static int check_target(const options *o, const kerf_prune_options *p)
{
    const char *name = options_given(o, "max-drop") ? "max-drop"
                       : o->size != NULL            ? "size"
                                                    : "latency";
    if (options_given(o, "sparsity") || options_given(o, "s") || options_given(o, "mask"))
        return fail_usage(o,
                          "--%s: finds how much goes, must be without --sparsity, --s and --mask; "
                          "with --retrain --max-drop stops before a --sparsity",
                          name);
    if (o->data == NULL)
        return fail_usage(o, "--%s: needs --data to measure on", name);
    if (o->scope == KERF_SCOPE_GLOBAL || p->structure == KERF_STRUCTURE_N_OF_M ||
        (o->method != KERF_PRUNE_MAGNITUDE && o->method != KERF_PRUNE_RANDOM))
        return fail_usage(o,
                          "--%s: finds a share of each layer; must be with method magnitude or "
                          "random, scope layer, and no n:m",
                          name);
    return target_check(o);
}

/* What each method must be told. */
static int check_method(const options *o, const kerf_prune_options *p)
{
    static const struct {
        const char *method, *wants, *example;
    } rules[KERF_NUM_PRUNE_METHODS] = {
        [KERF_PRUNE_MAGNITUDE] = {"magnitude", "sparsity", "--sparsity 0.9"},
        [KERF_PRUNE_RANDOM] = {"random", "sparsity", "--sparsity 0.9"},
        [KERF_PRUNE_STD] = {"std", "s", "--s 1.5"},
        [KERF_PRUNE_MASK] = {"mask", "mask", "--mask masks.npz"},
        [KERF_PRUNE_SOFT] = {"soft", "sparsity", "--sparsity 0.9"},
        [KERF_PRUNE_SURGERY] = {"surgery", "sparsity", "--sparsity 0.9"},
        [KERF_PRUNE_MOVEMENT] = {"movement", "sparsity", "--sparsity 0.9"},
        [KERF_PRUNE_TAYLOR] = {"taylor", "sparsity", "--sparsity 0.9"},
        [KERF_PRUNE_SNIP] = {"snip", "sparsity", "--sparsity 0.9"},
        [KERF_PRUNE_OBD] = {"obd", "sparsity", "--sparsity 0.9"},
        [KERF_PRUNE_RIGL] = {"rigl", "sparsity", "--sparsity 0.9"},
    };
    if (target_wanted(o) && !has_rounds(o))
        return check_target(o, p);
    if (has_rounds(o) && check_rounds(o, p) != 0)
        return EXIT_USAGE;
    /* N of M is an amount by itself. */
    if (p->structure == KERF_STRUCTURE_N_OF_M)
        return 0;
    if (!options_given(o, rules[o->method].wants))
        return fail_usage(o, "--%s is missing: method %s wants it, such as %s",
                          rules[o->method].wants, rules[o->method].method,
                          rules[o->method].example);
    if (o->scope == KERF_SCOPE_GLOBAL && o->sparsity.num > 0 && o->sparsity.value == 0)
        return fail_usage(o, "--scope global: takes one amount for all, and bounds by layer behind "
                             "it, such as 0.98,fc3=0.9");
    if (o->scope != KERF_SCOPE_GLOBAL && o->min_keep > 0)
        return fail_usage(o, "--min-keep: is a bound of --scope global; a layer keeps what its "
                             "--sparsity leaves");
    return 0;
}

static int wants_training(const options *o)
{
    return o->retrain > 0 || o->finetune > 0;
}

static int check_training(const options *o)
{
    static const char *const others[] = {"lr",     "optimizer", "schedule",
                                         "warmup", "penalty",   "distill"};
    if (o->data == NULL && wants_training(o))
        return fail_usage(o, "--%s: needs --data to train on",
                          o->retrain > 0 ? "retrain" : "finetune");
    if (kerf_prune_needs_training((kerf_prune_method)o->method) && !wants_training(o))
        return fail_usage(o, "--method: this one chooses by gradients, so it wants --retrain or "
                             "--finetune, and --data");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (!wants_training(o) && options_given(o, others[i]))
            return fail_usage(o, "--%s: nothing is trained without --retrain or --finetune",
                              others[i]);
    if (has_rounds(o) && o->distill != NULL && strcmp(o->distill, "self") == 0)
        return fail_usage(o, "--distill self: each round of --max-drop would learn from the one "
                             "before; name the file instead");
    if ((o->lift > 0 && o->lift >= o->finetune) ||
        (options_given(o, "rewind") && o->rewind >= o->retrain))
        return fail_usage(o, "--%s: must be below --%s", o->lift > 0 ? "lift" : "rewind",
                          o->lift > 0 ? "finetune" : "retrain");
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
    if (status == KERF_OK)
        status = kerf_prune_harden(c->s.m.g, c->s.m.s);
    if (status == KERF_OK && !c->o->json && !c->o->quiet)
        print_pruned(pruner, result_stream(c->o));
    kerf_pruner_destroy(pruner);
    return status;
}

/* When the first event is: at once, but gradients must be seen before they can choose. */
static double first_event(const change *c, kerf_prune_method method)
{
    enum { BATCHES = 8 };
    const double num = (double)kerf_dataset_num_samples(c->s.data, KERF_SPLIT_TRAIN);
    if (!kerf_prune_needs_training(method) && !options_given(c->o, "rewind"))
        return 0;
    if (method != KERF_PRUNE_SNIP && c->o->retrain > 0)
        return c->o->retrain;
    return num > 0 ? BATCHES * (double)c->train.batch / num : 0;
}

static int prune_and_train(change *c, const kerf_prune_options *p)
{
    const options *o = c->o;
    int64_t events = o->retrain > 0 && options_given(o, "events") ? o->events : 1;
    /* What exchanges weights does so at its full share from the beginning. */
    const kerf_prune_curve curve =
        p->method == KERF_PRUNE_RIGL ? KERF_CURVE_ONCE : KERF_CURVE_CUBIC;
    c->train.prune = (kerf_prune_schedule){
        .options = *p,
        .events = (int)events,
        .start = first_event(c, p->method),
        .every = o->retrain > 0 ? o->retrain : 1,
        .curve = options_given(o, "curve") ? (kerf_prune_curve)o->curve : curve,
    };
    c->train.epochs = (double)events * o->retrain + o->finetune;
    if (o->lift > 0)
        c->train.prune.lift = c->train.epochs - o->lift;
    c->train.prune.rewinds = options_given(o, "rewind");
    c->train.prune.rewind = o->rewind;
    return change_train(c);
}

static int prune_at_once(change *c, const kerf_prune_options *p)
{
    kerf_status status = prune_once(c, p);
    return status == KERF_OK ? 0 : fail_kerf(c->o, status);
}

/* What comes nearest to a target that was missed, untrained. */
static int keep_closest(change *c, const kerf_prune_options *p)
{
    int code = prune_at_once(c, p);
    if (code == 0)
        code = change_keep_missed(c);
    return code == 0 ? EXIT_TARGET : code;
}

static int prune_in_rounds(change *c, const kerf_prune_options *p)
{
    const kerf_prune_rounds *r = &c->rounds;
    int code = change_hold_back(c);
    c->in_rounds = 1;
    if (code == 0)
        code = prune_and_train(c, p);
    if (code != 0)
        return code;
    say(c->o, "round %d of %lld is kept, it loses %.2f points; the last that was tried loses %.2f",
        r->kept, (long long)c->train.prune.events, r->lost, r->lost_last);
    c->more = json_pack("{s:{s:i,s:i,s:f,s:f,s:f}}", "rounds", "tried", r->tried, "kept", r->kept,
                        "before", r->before, "lost", r->lost, "lost_last", r->lost_last);
    if (r->kept > 0)
        return 0;
    fail_work(c->o, "the first round loses %.2f points, must be %.2f at most", r->lost,
              c->o->max_drop);
    code = change_keep_missed(c);
    return code == 0 ? EXIT_TARGET : code;
}

static int prune(change *c, kerf_prune_options *p, kerf_prune_found **found)
{
    if (has_rounds(c->o))
        return prune_in_rounds(c, p);
    int code = target_wanted(c->o) ? prune_find(c, p, found) : 0;
    if (code == EXIT_TARGET)
        return keep_closest(c, p);
    if (code != 0)
        return code;
    return wants_training(c->o) ? prune_and_train(c, p) : prune_at_once(c, p);
}

/* What only --remove knows. */
static int check_channels(const options *o)
{
    static const char *const others[] = {"criterion", "macs", "round-to", "min-channels"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o, "--%s: is about channels that go, wants --remove", others[i]);
    if (o->scope > KERF_SCOPE_GLOBAL)
        return fail_usage(o, "--scope isomorphic: wants --remove; must be layer or global");
    return 0;
}

int cmd_prune(const options *o)
{
    change c;
    if (o->gates)
        return recipe_wanted(o) ? recipe_tell(o) : boosting_prune(o);
    if (channels_wanted(o))
        return recipe_wanted(o) ? recipe_tell(o) : prune_channels(o);
    if (options_given(o, "keep"))
        return fail_usage(o, "--keep: is about gates, wants --gates");
    kerf_prune_options p = prune_options(o);
    if (check_channels(o) != 0)
        return EXIT_USAGE;
    if (kerf_prune_structure_parse(&p, o->structure) != KERF_OK)
        return fail_usage(o, "--%s", kerf_last_error());
    if (o->analyse)
        return recipe_wanted(o) ? recipe_tell(o) : prune_analyse(o, &p);
    int code = check_method(o, &p);
    if (code == 0)
        code = check_training(o);
    if (code != 0 || recipe_wanted(o))
        return code != 0 ? code : recipe_tell(o);
    kerf_prune_found *found = NULL;
    distillation d;
    code = change_begin(&c, o);
    if (code == 0)
        code = distill_begin_option(o, &d, c.s.dev, &c.train.distill);
    else
        d = (distillation){.num = 0};
    if (code == 0)
        code = prune(&c, &p, &found);
    if (code == 0)
        code = change_finish(&c);
    distill_free(o, &d);
    change_close(&c);
    kerf_prune_found_destroy(found);
    return code;
}
