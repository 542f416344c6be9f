/* cmd_verify.c -- `kerf verify`: folders of ONNX tests (verify_folders.c), or every layer of a
 * model on every device, compared with what most kernels on all of them agree on; names the first
 * layer that is out of tolerance.
 *
 * On each device, too: the masks that pruning would choose, which must be the same bits
 * everywhere, and top-1 where there is data. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "crash.h"
#include "device_list.h"
#include "folder_case.h"
#include "interrupt.h"
#include "model.h"
#include "progress.h"
#include "verify_report.h"

typedef struct verifying {
    const options *o;
    model m;                  /* in host memory */
    kerf_dataset *data;       /* owned, or NULL */
    verify_subject *subjects; /* owned; the first num_asked are what was asked for */
    size_t num, num_asked;
    progress bar;
} verifying;

/* ---- devices ------------------------------------------------------------------------- */

static kerf_status open_subject(verifying *x, const char *spec)
{
    verify_subject *s = &x->subjects[x->num];
    *s = (verify_subject){.top1 = NAN};
    kerf_status status = open_device(&s->dev, x->o, spec);
    if (status != KERF_OK)
        return status;
    s->name = kerf_device_name(s->dev);
    x->num++;
    return KERF_OK;
}

/* Beside a single device the first other CPU device stands as a witness. */
static kerf_status open_witness(verifying *x, const kerf_device_info *list, size_t num)
{
    const int asked = kerf_device_get_info(x->subjects[0].dev)->index;
    for (size_t i = 0; i < num; i++) {
        char spec[16];
        snprintf(spec, sizeof spec, "%d", list[i].index);
        if (list[i].index != asked && list[i].type == KERF_DEVICE_CPU)
            return open_subject(x, spec);
    }
    return KERF_OK;
}

static kerf_status open_first_witness(verifying *x)
{
    kerf_device_info *list;
    size_t num;
    kerf_status status = kerf_device_list(&list, &num);
    if (status == KERF_OK) {
        status = open_witness(x, list, num);
        kerf_device_list_free(list);
    }
    return status;
}

static int open_devices(verifying *x)
{
    device_list list;
    int code = device_list_read(x->o, &list);
    kerf_status status = KERF_OK;
    x->subjects = calloc(list.num + 1, sizeof *x->subjects);
    if (code == 0 && x->subjects == NULL)
        code = fail_memory(x->o);
    for (size_t i = 0; i < list.num && code == 0 && status == KERF_OK; i++)
        status = open_subject(x, list.at[i]);
    x->num_asked = x->num;
    if (code == 0 && status == KERF_OK && x->num == 1)
        status = open_first_witness(x);
    device_list_free(&list);
    return status == KERF_OK ? code : fail_kerf(x->o, status);
}

/* ---- layers -------------------------------------------------------------------------- */

static int on_layer(void *context, const kerf_verify_layer *l)
{
    verifying *x = context;
    if (l->bad[0] != '\0' && x->o->verbose)
        say(x->o, "%s (%s): wrong on\n%s", l->name, l->direction, l->bad);
    progress_count(&x->bar, l->i + 1, l->num, l->name);
    return interrupted();
}

static kerf_status verify_mode(verifying *x, kerf_mode mode)
{
    kerf_plan_options plan_options = {.mode = mode,
                                      .batch = options_given(x->o, "batch") ? x->o->batch : 128};
    kerf_device **devs = calloc(x->num + 1, sizeof *devs);
    kerf_verify_result *results = calloc(x->num + 1, sizeof *results);
    kerf_status status = devs != NULL && results != NULL ? KERF_OK : KERF_ERR_MEMORY;
    if (mode == KERF_TRAIN) {
        plan_options.loss = KERF_LOSS_CROSS_ENTROPY;
        plan_options.optimizer = kerf_train_defaults().optimizer;
    }
    for (size_t i = 0; status == KERF_OK && i < x->num; i++)
        devs[i] = x->subjects[i].dev;
    if (status == KERF_OK)
        status = kerf_verify(x->m.g, x->m.s, &plan_options, devs, x->num, results, on_layer, x);
    for (size_t i = 0; status == KERF_OK && i < x->num; i++)
        *(mode == KERF_TRAIN ? &x->subjects[i].training : &x->subjects[i].forward) = results[i];
    free(devs);
    free(results);
    return status;
}

/* A model that can only infer has half as much to verify. */
static kerf_status verify_layers(verifying *x)
{
    kerf_status status = verify_mode(x, KERF_EVALUATE);
    if (status != KERF_OK)
        return status;
    status = verify_mode(x, KERF_TRAIN);
    if (status == KERF_OK || status == KERF_ERR_CANCELLED)
        return status;
    say(x->o, "inference alone is verified: %s", kerf_last_error());
    return KERF_OK;
}

/* ---- masks and accuracy ---------------------------------------------------------------- */

static kerf_status choose_masks(kerf_graph *g, kerf_state *s)
{
    const kerf_prune_options how = {
        .method = KERF_PRUNE_MAGNITUDE, .scope = KERF_SCOPE_GLOBAL, .amount = 0.9};
    kerf_pruner *p = NULL;
    kerf_status status = kerf_prune_mark(g, s, &how);
    if (status == KERF_OK)
        status = kerf_pruner_create(&p, g, s, &how);
    if (status == KERF_OK)
        status = kerf_pruner_apply(p, 1);
    if (status == KERF_OK)
        status = kerf_device_finish(kerf_state_device(s));
    kerf_pruner_destroy(p);
    return status;
}

/* What is left of 10 % of the weights, by magnitude over the whole network. */
static void find_masks(const verifying *x, verify_subject *s)
{
    kerf_graph *g = NULL;
    kerf_state *state = NULL;
    kerf_status status = kerf_graph_copy(&g, x->m.g);
    if (status == KERF_OK)
        status = kerf_state_copy(&state, x->m.s, s->dev);
    if (status == KERF_OK)
        status = choose_masks(g, state);
    if (status == KERF_OK)
        status = state_digest(state, &(kerf_role){KERF_ROLE_MASK}, &s->mask_digest);
    if (status != KERF_OK && x->o->verbose)
        say(x->o, "%s: no masks: %s", s->name, kerf_last_error());
    kerf_graph_destroy(g);
    kerf_state_destroy(state);
}

static void find_top1(const verifying *x, verify_subject *s)
{
    kerf_state *state = NULL;
    kerf_evaluation e;
    const int64_t batch = options_given(x->o, "batch") ? x->o->batch : 256;
    const char *prep = x->o->prep != NULL ? x->o->prep : kerf_graph_metadata(x->m.g, "kerf.prep");
    kerf_status status = kerf_state_copy(&state, x->m.s, s->dev);
    if (status == KERF_OK)
        status = kerf_evaluate(x->m.g, state, x->data, KERF_SPLIT_TEST, batch, prep, &e, NULL);
    if (status == KERF_OK)
        s->top1 = e.top1;
    else
        snprintf(s->why, sizeof s->why, "%.300s", kerf_last_error());
    kerf_state_destroy(state);
}

static void find_more(verifying *x)
{
    for (size_t i = 0; i < x->num_asked && !interrupted(); i++) {
        verify_subject *s = &x->subjects[i];
        find_masks(x, s);
        if (x->data != NULL)
            find_top1(x, s);
        if (s->why[0] == '\0' && s->mask_digest != x->subjects[0].mask_digest)
            snprintf(s->why, sizeof s->why, "pruning chooses other weights than on %.200s",
                     x->subjects[0].name);
    }
}

/* ---- the command ------------------------------------------------------------------------ */

static int run(verifying *x)
{
    const options *o = x->o;
    const int code = open_devices(x);
    if (code != 0)
        return code;
    kerf_status status = o->data != NULL ? kerf_dataset_open(&x->data, o->data) : KERF_OK;
    if (status == KERF_OK && o->classes != NULL && x->data != NULL)
        status = kerf_dataset_set_classes(x->data, o->classes);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    interrupt_catch();
    progress_begin(&x->bar, o, "verify");
    status = verify_layers(x);
    progress_clear(&x->bar);
    if (status == KERF_ERR_CANCELLED)
        return EXIT_INTERRUPTED;
    if (status != KERF_OK)
        return fail_kerf(o, status);
    find_more(x);
    return interrupted() ? EXIT_INTERRUPTED : verify_report(o, x->subjects, x->num_asked);
}

int cmd_verify(const options *o)
{
    const char *path = o->words.items[0];
    struct stat info;
    if (stat(path, &info) == 0 && S_ISDIR(info.st_mode))
        return verify_folders(o);
    if (o->words.num > 1)
        return fail_usage(o, "%s: one model at a time, or folders of ONNX tests",
                          o->words.items[1]);
    verifying x = {.o = o};
    int code = model_read(o, &x.m, path, NULL);
    if (code == 0)
        code = run(&x);
    for (size_t i = 0; i < x.num; i++)
        kerf_device_close(x.subjects[i].dev);
    free(x.subjects);
    kerf_dataset_close(x.data);
    model_free(&x.m);
    return code;
}
