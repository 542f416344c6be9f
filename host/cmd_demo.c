/* cmd_demo.c -- `kerf demo`: the tour.  A network learns to tell pictures of clothes apart,
 * then loses its weights in three ways; what is left is written, shown and explained. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "change.h"
#include "command.h"
#include "crash.h"
#include "demo.h"
#include "files.h"
#include "interrupt.h"
#include "json.h"

static const double dense_epochs = 20;

/* ---- training -------------------------------------------------------------------------- */

static int on_progress(void *context, const kerf_train_progress *t)
{
    demo *d = context;
    kerf_train_progress quiet = *t;
    quiet.finished = NULL; /* the demo's own lines tell what happens; the bar shows the rest */
    progress_train(&d->bar, &quiet);
    return interrupted();
}

kerf_status demo_train(demo *d, net *n, double epochs, const kerf_prune_schedule *prune)
{
    kerf_train_options t = kerf_train_defaults();
    t.epochs = epochs;
    t.optimizer.weight_decay = 1e-3f; /* what is not needed shrinks: it makes room for pruning */
    t.seed = (uint64_t)d->o->seed;
    t.keep_best = 1;
    t.callback = on_progress;
    t.context = d;
    if (prune != NULL)
        t.prune = *prune;
    d->epochs_trained += epochs;
    kerf_status status = kerf_train(n->g, n->s, d->data, &t);
    progress_clear(&d->bar);
    return status;
}

/* ---- the steps of the tour ----------------------------------------------------------------- */

static kerf_status open_all(demo *d)
{
    kerf_net_options net_options = {.seed = (uint64_t)d->o->seed};
    kerf_status status = open_device(&d->dev, d->o, d->o->device);
    if (status == KERF_OK)
        status = kerf_dataset_open(&d->data, "fashion-mnist");
    if (status == KERF_OK)
        status = kerf_dataset_hold_back(d->data, 5000, (uint64_t)d->o->seed);
    if (status == KERF_OK)
        status = kerf_net_create(&d->dense.g, &d->dense.s, "lenet-300-100", &net_options, d->dev);
    if (status == KERF_OK)
        status =
            kerf_graph_set_metadata(d->dense.g, "kerf.prep", kerf_dataset_default_prep(d->data));
    return status;
}

static kerf_status train_dense(demo *d)
{
    say(d->o,
        "1. Fashion-MNIST: pictures of clothes, 28x28 grey pixels, 10 kinds; %lld to learn from,\n"
        "   %lld held back to choose the best epoch, %lld for the test at the end.\n"
        "   The network is LeNet-300-100: 784-300-100-10, 266,200 weights.  The device is\n"
        "   %s.\n"
        "   Training it for %.0f epochs ...",
        (long long)kerf_dataset_num_samples(d->data, KERF_SPLIT_TRAIN),
        (long long)kerf_dataset_num_samples(d->data, KERF_SPLIT_VAL),
        (long long)kerf_dataset_num_samples(d->data, KERF_SPLIT_TEST), kerf_device_name(d->dev),
        dense_epochs);
    kerf_status status = demo_train(d, &d->dense, dense_epochs, NULL);
    if (status == KERF_OK)
        status = demo_top1(d, &d->dense, &d->dense_top1);
    if (status == KERF_OK)
        say(d->o, "   It gets %.2f %% of the test pictures right.\n", d->dense_top1);
    return status;
}

static kerf_status walk(demo *d)
{
    say(d->o,
        "2. Now the smallest weights go, more and more of them, in three ways.  Each number is\n"
        "   the share of test pictures that are still right (all weights: %.2f %%).",
        d->dense_top1);
    kerf_status status = demo_walk(d);
    if (status != KERF_OK)
        return status;
    say(d->o, "\n3. Once more step by step to %.0f %%, with twice the time to recover ...",
        demo_levels[DEMO_CHOSEN]);
    return demo_keep(d);
}

static kerf_status measure(demo *d)
{
    kerf_status status = layers_read(&d->before, d->dense.g, d->dense.s);
    if (status == KERF_OK)
        status = layers_read(&d->after, d->pruned.g, d->pruned.s);
    if (status == KERF_OK)
        status = layers_measure(&d->before, d->dense.g, d->dense.s, 1);
    return status == KERF_OK ? layers_measure(&d->after, d->pruned.g, d->pruned.s, 1) : status;
}

static int write_model(const demo *d, const net *n, const char *name)
{
    char *path = path_join(d->dir, name);
    int code = path != NULL ? model_write(d->o, n->g, n->s, path) : fail_memory(d->o);
    free(path);
    return code;
}

static json_t *demo_json(const demo *d)
{
    json_t *object = json_begin(), *curve = json_array();
    for (int i = 0; i < DEMO_LEVELS; i++)
        json_array_append_new(curve, json_pack("{s:f,s:f,s:f,s:f}", "removed", demo_levels[i],
                                               "pruned", d->top1[0][i], "retrained", d->top1[1][i],
                                               "stepwise", d->top1[2][i]));
    json_t *before = json_pack("{s:f}", "top1", d->dense_top1);
    json_t *after = json_pack("{s:f}", "top1", d->pruned_top1);
    layers_json_totals(before, &d->before);
    layers_json_totals(after, &d->after);
    json_object_set_new(object, "before", before);
    json_object_set_new(object, "after", after);
    json_object_set_new(object, "curve", curve);
    json_object_set_new(object, "seconds", json_real((now_ms() - d->start_ms) / 1e3));
    json_object_set_new(object, "output", json_text(d->dir));
    return object;
}

static int tell_result(const demo *d)
{
    if (d->o->json)
        return json_finish(d->o, demo_json(d));
    printf("   Layer by layer, before and after:\n\n");
    layers_print_change(&d->before, &d->after, stdout);
    printf("\n   %.2f %% of the weights are gone (compression %.1fx); top-1 %.2f %% \xe2\x86\x92 "
           "%.2f %%.\n\n"
           "   %s/report.html    the picture, the tables, the weights: open it in a browser\n"
           "   %s/pruned.onnx    runs in ONNX Runtime and anything else that reads ONNX\n"
           "   %s/dense.onnx     the network before\n\n"
           "   %.0f epochs and all else in %.0f s.  Next: kerf --help\n",
           100 * (1 - (double)d->after.nonzeros / (double)d->after.weights),
           layers_compression(&d->after), d->dense_top1, d->pruned_top1, d->dir, d->dir, d->dir,
           d->epochs_trained, (now_ms() - d->start_ms) / 1e3);
    return EXIT_DONE;
}

static int run_tour(demo *d)
{
    kerf_status status = open_all(d);
    if (status == KERF_OK)
        status = train_dense(d);
    if (status == KERF_OK)
        status = walk(d);
    if (status == KERF_OK)
        status = measure(d);
    if (status == KERF_ERR_CANCELLED)
        return fail_work(d->o, "interrupted; nothing was written"), EXIT_INTERRUPTED;
    if (status != KERF_OK)
        return fail_kerf(d->o, status);
    say(d->o, "%s", "");
    int code = write_model(d, &d->dense, "dense.onnx");
    if (code == 0)
        code = write_model(d, &d->pruned, "pruned.onnx");
    if (code == 0)
        code = demo_page(d);
    return code == 0 ? tell_result(d) : code;
}

/* The demo's own folder is made anew; one that was chosen keeps its files without -f. */
static int prepare_folder(const demo *d)
{
    static const char *const names[] = {"dense.onnx", "pruned.onnx", "report.html"};
    int code = folder_make(d->o, d->dir);
    for (size_t i = 0; code == 0 && d->o->output != NULL && i < sizeof names / sizeof names[0];
         i++) {
        char *path = path_join(d->dir, names[i]);
        code = path != NULL ? output_check(d->o, path) : fail_memory(d->o);
        free(path);
    }
    return code;
}

int cmd_demo(const options *o)
{
    demo d = {.o = o, .dir = o->output != NULL ? o->output : "kerf-demo", .start_ms = now_ms()};
    if (strcmp(d.dir, "-") == 0)
        return fail_usage(o, "-o -: must be a folder");
    int code = prepare_folder(&d);
    if (code != 0)
        return code;
    interrupt_catch();
    progress_begin(&d.bar, o, "  ");
    code = run_tour(&d);
    if (code != EXIT_DONE)
        rmdir(d.dir); /* only if nothing is in it */
    layers_free(&d.before);
    layers_free(&d.after);
    net_free(&d.dense);
    net_free(&d.pruned);
    kerf_dataset_close(d.data);
    close_device(o, d.dev);
    return code;
}
