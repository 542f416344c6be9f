/* demo_curve.c -- one network, pruned to many levels in three ways.
 *
 * Smallest weights first, all layers together (Han et al. 2015).  Both ways with training get
 * as many epochs and the same learning rates, so what differs is when the weights go: all at
 * the beginning, or a few at a time on the cubic curve of Zhu and Gupta 2017, with the last
 * third of the epochs left to recover. */
#include "demo.h"

const double demo_levels[DEMO_LEVELS] = {50, 70, 80, 90, 94, 96, 98, 99};
const char *const demo_ways[DEMO_WAYS] = {"pruned only", "pruned, then retrained",
                                          "pruned and retrained step by step"};

/* Epochs at each level, and for the network that is kept. */
static const double level_epochs = 10, kept_epochs = 20;

static kerf_prune_options all_together(double share)
{
    return (kerf_prune_options){
        .method = KERF_PRUNE_MAGNITUDE, .scope = KERF_SCOPE_GLOBAL, .amount = share, .seed = 1};
}

kerf_status net_copy(net *out, const net *src, kerf_device *dev)
{
    *out = (net){0};
    kerf_status status = kerf_graph_copy(&out->g, src->g);
    return status == KERF_OK ? kerf_state_copy(&out->s, src->s, dev) : status;
}

void net_free(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
    *n = (net){0};
}

kerf_status demo_top1(const demo *d, const net *n, double *top1)
{
    kerf_evaluation e = {0};
    kerf_status status = kerf_evaluate(n->g, n->s, d->data, KERF_SPLIT_TEST, 250, NULL, &e, NULL);
    *top1 = e.top1;
    return status;
}

static kerf_status prune_now(const net *n, double share)
{
    kerf_pruner *p = NULL;
    kerf_prune_options prune = all_together(share);
    kerf_status status = kerf_prune_mark(n->g, n->s, &prune);
    if (status == KERF_OK)
        status = kerf_pruner_create(&p, n->g, n->s, &prune);
    if (status == KERF_OK)
        status = kerf_pruner_apply(p, 1);
    if (status == KERF_OK)
        status = kerf_device_finish(kerf_state_device(n->s));
    kerf_pruner_destroy(p);
    return status;
}

static kerf_status prune_only(demo *d, int level)
{
    net n;
    kerf_status status = net_copy(&n, &d->dense, d->dev);
    if (status == KERF_OK)
        status = prune_now(&n, demo_levels[level] / 100);
    if (status == KERF_OK)
        status = demo_top1(d, &n, &d->top1[0][level]);
    net_free(&n);
    return status;
}

/* A copy of the dense network, pruned at once (way 1) or step by step (way 2) and trained. */
static kerf_status prune_and_train(demo *d, net *n, int way, int level, double epochs)
{
    kerf_prune_schedule prune = {.options = all_together(demo_levels[level] / 100),
                                 .curve = KERF_CURVE_CUBIC,
                                 .events = 1,
                                 .every = 1};
    if (way == 2) {
        prune.every = 0.5;
        prune.events = (int)(epochs * 2 / 3 / prune.every);
    }
    kerf_status status = net_copy(n, &d->dense, d->dev);
    if (status == KERF_OK)
        status = demo_train(d, n, epochs, &prune);
    return status == KERF_OK ? demo_top1(d, n, &d->top1[way][level]) : status;
}

static kerf_status walk_level(demo *d, int level)
{
    kerf_status status = prune_only(d, level);
    for (int way = 1; way < DEMO_WAYS && status == KERF_OK; way++) {
        net n;
        status = prune_and_train(d, &n, way, level, level_epochs);
        net_free(&n);
    }
    progress_clear(&d->bar);
    if (status == KERF_OK)
        say(d->o, "   %3.0f %%       %5.2f %%          %5.2f %%        %5.2f %%",
            demo_levels[level], d->top1[0][level], d->top1[1][level], d->top1[2][level]);
    return status;
}

kerf_status demo_walk(demo *d)
{
    kerf_status status = KERF_OK;
    say(d->o, "\n  removed   pruned only   then retrained   step by step");
    for (int level = 0; status == KERF_OK && level < DEMO_LEVELS; level++)
        status = walk_level(d, level);
    return status;
}

kerf_status demo_keep(demo *d)
{
    double curve = d->top1[2][DEMO_CHOSEN];
    kerf_status status = prune_and_train(d, &d->pruned, 2, DEMO_CHOSEN, kept_epochs);
    d->pruned_top1 = d->top1[2][DEMO_CHOSEN];
    d->top1[2][DEMO_CHOSEN] = curve; /* the curve shows equal epochs */
    return status;
}
