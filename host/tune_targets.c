/* tune_targets.c -- plans to be tuned; see tune_targets.h. */
#include "tune_targets.h"

#include <stdlib.h>
#include <string.h>

#include "bench_node.h"
#include "model.h"

static const int64_t BATCHES[] = {64, 128, 256};
enum { NUM_BATCHES = sizeof BATCHES / sizeof BATCHES[0] };

static size_t count_nets(void)
{
    int num = 0;
    while (kerf_net_list(num) != NULL)
        num++;
    return (size_t)num;
}

static int make_room(tune_targets *t, size_t num_subjects, size_t num)
{
    t->subjects = calloc(num_subjects, sizeof *t->subjects);
    t->items = calloc(num, sizeof *t->items);
    t->gains = calloc(num, sizeof *t->gains);
    t->names = calloc(num, sizeof *t->names);
    return t->subjects != NULL && t->items != NULL && t->gains != NULL && t->names != NULL;
}

static void add(tune_targets *t, const char *name, kerf_mode mode, int64_t batch)
{
    const tune_subject *s = &t->subjects[t->num_subjects - 1];
    t->items[t->num] = (kerf_tune_target){s->g, s->s, {.mode = mode, .batch = batch}};
    if (mode == KERF_TRAIN) {
        t->items[t->num].options.loss = KERF_LOSS_CROSS_ENTROPY;
        t->items[t->num].options.optimizer = kerf_train_defaults().optimizer;
    }
    snprintf(t->names[t->num++], sizeof t->names[0], "%s", name);
}

static void add_batch(tune_targets *t, const char *name, kerf_mode mode, int64_t batch)
{
    char text[320];
    snprintf(text, sizeof text, "%.260s, batch %lld, %s", name, (long long)batch,
             mode == KERF_TRAIN ? "training" : "inference");
    add(t, text, mode, batch);
}

/* ---- a model ------------------------------------------------------------------------- */

/* A model that can only infer is tuned for that. */
static int can_be_trained(const options *o, const tune_subject *s, kerf_device *dev, int64_t batch)
{
    kerf_plan *p = NULL;
    kerf_state *copy;
    const kerf_plan_options plan_options = {.mode = KERF_TRAIN,
                                            .batch = batch,
                                            .loss = KERF_LOSS_CROSS_ENTROPY,
                                            .optimizer = kerf_train_defaults().optimizer};
    kerf_status status = kerf_state_copy(&copy, s->s, dev);
    if (status == KERF_OK)
        status = kerf_plan_create(&p, s->g, copy, &plan_options);
    if (status != KERF_OK)
        say(o, "it is tuned for inference alone: %s", kerf_last_error());
    kerf_plan_destroy(p);
    kerf_state_destroy(copy);
    return status == KERF_OK;
}

static int find_model(const options *o, const char *path, kerf_device *dev, tune_targets *t)
{
    const int64_t batch = options_given(o, "batch") ? o->batch : o->bundle ? 1 : 128;
    model m;
    if (!make_room(t, 1, 2))
        return fail_memory(o);
    int num_kept, code = model_read(o, &m, path, dev);
    if (code == 0 && !o->bundle)
        model_open_batch(o, &m);
    t->subjects[t->num_subjects++] = (tune_subject){m.g, m.s};
    if (code != 0)
        return code;
    if (o->bundle) { /* as kerf infer runs it */
        add_batch(t, path, KERF_EVALUATE, batch);
        return 0;
    }
    /* Zeros stay, as kerf train has it, or there would be none to skip. */
    kerf_status status = kerf_prune_keep_zeros(m.g, m.s, KEPT_ZEROS, &num_kept);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    add_batch(t, path, KERF_EVALUATE, batch);
    if (can_be_trained(o, &t->subjects[0], dev, batch))
        add_batch(t, path, KERF_TRAIN, batch);
    return 0;
}

/* ---- what all share ------------------------------------------------------------------ */

/* The LeNets: all networks together would fill the device, and take hours.  The layers of the
 * larger ones are among the cases; a model of one is tuned by naming it. */
static int is_small(const kerf_net_info *net)
{
    return net->input[1] <= 28;
}

static kerf_status add_nets(tune_targets *t, kerf_device *dev)
{
    kerf_status status = KERF_OK;
    const kerf_net_info *net;
    for (int i = 0; status == KERF_OK && (net = kerf_net_list(i)) != NULL; i++) {
        if (!is_small(net))
            continue;
        tune_subject *s = &t->subjects[t->num_subjects++];
        status = kerf_net_create(&s->g, &s->s, net->name, &(kerf_net_options){.seed = 1}, dev);
        for (size_t b = 0; status == KERF_OK && b < NUM_BATCHES; b++) {
            add_batch(t, net->name, KERF_EVALUATE, BATCHES[b]);
            add_batch(t, net->name, KERF_TRAIN, BATCHES[b]);
        }
    }
    return status;
}

/* Those that this device can hold. */
static kerf_status add_cases(tune_targets *t, const case_set *set, kerf_device *dev)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < set->num; i++) {
        tune_subject *s = &t->subjects[t->num_subjects];
        case_verdict v;
        status = case_fits(&set->items[i], dev, &v);
        if (status != KERF_OK || v.why[0] != '\0')
            continue;
        t->num_subjects++;
        status = case_graph(&set->items[i], dev, &s->g, &s->s);
        if (status == KERF_OK)
            add(t, set->items[i].name, KERF_EVALUATE, 1);
    }
    return status;
}

static int find_common(const options *o, kerf_device *dev, tune_targets *t)
{
    case_set set;
    const size_t nets = count_nets();
    int code = case_set_read(o, &(text_list){0}, &set);
    if (code == 0 && !make_room(t, nets + set.num, 2 * NUM_BATCHES * nets + set.num))
        code = fail_memory(o);
    kerf_status status = code == 0 ? add_nets(t, dev) : KERF_OK;
    if (code == 0 && status == KERF_OK)
        status = add_cases(t, &set, dev);
    case_set_free(&set);
    return status == KERF_OK ? code : fail_kerf(o, status);
}

/* ---- all ------------------------------------------------------------------------------ */

int tune_targets_find(const options *o, const char *path, kerf_device *dev, tune_targets *t)
{
    *t = (tune_targets){0};
    return path != NULL ? find_model(o, path, dev, t) : find_common(o, dev, t);
}

void tune_targets_free(tune_targets *t)
{
    for (size_t i = 0; i < t->num_subjects; i++) {
        kerf_graph_destroy(t->subjects[i].g);
        kerf_state_destroy(t->subjects[i].s);
    }
    free(t->subjects);
    free(t->items);
    free(t->gains);
    free(t->names);
}
