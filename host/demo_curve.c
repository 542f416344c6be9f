/* demo_curve.c -- one network, pruned ever further in three ways.
 *
 * Smallest weights first, all layers together (Han et al. 2015).  Step by step goes on from
 * the level before; "then retrained" begins at the dense network each time and gets as many
 * epochs in all, so that what differs is the way and not the work. */
#include "demo.h"

const double demo_levels[DEMO_LEVELS] = {50, 70, 80, 90, 94, 96, 98, 99};
const char *const demo_ways[DEMO_WAYS] = {"pruned only", "pruned, then retrained",
                                          "pruned and retrained step by step"};

/* Epochs after each step, and the learning rate that each such training begins with. */
static const double step_epochs = 3, step_lr = 0.03, last_epochs = 10;

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
        status = kerf_pruner_apply(p, 1, 1);
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

static kerf_status prune_then_retrain(demo *d, int level)
{
    net n;
    kerf_status status = net_copy(&n, &d->dense, d->dev);
    if (status == KERF_OK)
        status = demo_train(d, &n, step_epochs * (level + 1), step_lr, demo_levels[level] / 100);
    if (status == KERF_OK)
        status = demo_top1(d, &n, &d->top1[1][level]);
    net_free(&n);
    return status;
}

/* One level further; at the chosen one a copy is trained a little longer and kept. */
static kerf_status prune_next_step(demo *d, net *walker, int level)
{
    kerf_status status = demo_train(d, walker, step_epochs, step_lr, demo_levels[level] / 100);
    if (status == KERF_OK)
        status = demo_top1(d, walker, &d->top1[2][level]);
    if (status != KERF_OK || level != DEMO_CHOSEN)
        return status;
    status = net_copy(&d->pruned, walker, d->dev);
    if (status == KERF_OK)
        status = demo_train(d, &d->pruned, last_epochs, step_lr, 0);
    return status == KERF_OK ? demo_top1(d, &d->pruned, &d->pruned_top1) : status;
}

kerf_status demo_walk(demo *d)
{
    net walker;
    kerf_status status = net_copy(&walker, &d->dense, d->dev);
    say(d->o, "\n  removed   pruned only   then retrained   step by step");
    for (int level = 0; status == KERF_OK && level < DEMO_LEVELS; level++) {
        status = prune_only(d, level);
        if (status == KERF_OK)
            status = prune_then_retrain(d, level);
        if (status == KERF_OK)
            status = prune_next_step(d, &walker, level);
        progress_clear(&d->bar);
        if (status == KERF_OK)
            say(d->o, "   %3.0f %%       %5.2f %%          %5.2f %%        %5.2f %%",
                demo_levels[level], d->top1[0][level], d->top1[1][level], d->top1[2][level]);
    }
    net_free(&walker);
    return status;
}
