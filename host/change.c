/* change.c -- a run that changes a model: open, measure, train, measure, write; see
 * change.h.
 *
 * The run's folder is OUT.run beside the output.  A folder that holds an unfinished run
 * (a checkpoint without summary.json) is taken up with --resume, or given up with -f. */
#include "change.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "penalty.h"
#include "ranks.h"
#include "text.h"

/* ---- progress ------------------------------------------------------------------------- */

/* What would give the same bits again. */
static void keep_balance(change *c, const char *text)
{
    free(c->balance);
    c->balance = copy_text(text, strlen(text), 0);
    progress_clear(&c->bar);
    say(c->o, "ranks take %s samples, as measured (--balance repeats it)", text);
}

static int on_progress(void *context, const kerf_train_progress *t)
{
    change *c = context;
    c->epoch = t->epoch;
    c->num_epochs = t->num_epochs;
    if (t->pruned != NULL && !c->o->json && !c->o->quiet) {
        progress_clear(&c->bar);
        print_pruned(t->pruned, stderr);
    }
    if (t->balance != NULL)
        keep_balance(c, t->balance);
    progress_train(&c->bar, t);
    return interrupted();
}

/* ---- options -------------------------------------------------------------------------- */

static void set_optimizer(kerf_train_options *t, const options *o)
{
    t->optimizer.kind = (kerf_optimizer_kind)o->optimizer;
    if (o->optimizer != KERF_SGD) {
        t->lr = 0.001;
        t->optimizer.beta1 = 0.9f;
        t->optimizer.beta2 = 0.999f;
        t->optimizer.epsilon = 1e-8f;
        t->optimizer.weight_decay = 0;
    }
    if (options_given(o, "momentum")) {
        t->optimizer.momentum = (float)o->momentum;
        t->optimizer.nesterov = o->momentum > 0;
    }
    if (options_given(o, "weight-decay"))
        t->optimizer.weight_decay = (float)o->weight_decay;
    if (options_given(o, "lr"))
        t->lr = o->lr;
}

void change_add_event(change *c, const kerf_event *event)
{
    c->events[c->train.num_events++] = *event;
    c->train.events = c->events;
}

/* --epochs and so on into options of the library; callbacks print progress, keep the
 * epochs and stop at Ctrl-C. */
static void set_training(change *c, const kerf_event *penalty)
{
    const options *o = c->o;
    kerf_train_options *t = &c->train;
    *t = kerf_train_defaults();
    t->epochs = options_given(o, "epochs") ? o->epochs : 20;
    if (options_given(o, "batch"))
        t->batch = o->batch;
    if (options_given(o, "schedule"))
        t->schedule = (kerf_lr_schedule)o->schedule;
    if (options_given(o, "loss"))
        t->loss = o->loss == 0 ? KERF_LOSS_CROSS_ENTROPY : KERF_LOSS_MSE;
    set_optimizer(t, o);
    t->warmup = (kerf_time){o->warmup, KERF_EPOCHS};
    t->seed = (uint64_t)o->seed;
    t->resume = o->resume;
    t->tensorboard = o->tensorboard;
    t->keep_best = c->s.data != NULL && kerf_dataset_num_samples(c->s.data, KERF_SPLIT_VAL) > 0;
    t->augment = o->augment;
    t->accumulate = o->accumulate;
    t->clip = o->clip;
    t->precision = (kerf_precision)o->precision;
    t->smoothing = o->label_smoothing;
    t->mixup = o->mixup;
    t->memory_bytes = (size_t)o->memory;
    t->freeze = o->freeze.items;
    t->num_freeze = o->freeze.num;
    t->ranks = ranks_of(o);
    t->batch_norm = (kerf_batch_norm)o->batch_norm;
    t->balance = o->balance;
    t->exchange = &c->exchange;
    t->callback = on_progress;
    t->context = c;
    if (c->penalty.kind != KERF_PENALTY_NONE)
        change_add_event(c, penalty);
    const kerf_exchange_event exchange = {(kerf_gradients)o->gradients, o->local_steps};
    if (exchange.gradients != KERF_GRADIENTS_F32 || exchange.local_steps > 1)
        change_add_event(c, &(kerf_event){KERF_EVENT_EXCHANGE, .exchange = exchange});
}

/* ---- the run's folder ------------------------------------------------------------------- */

static char *default_run_dir(const options *o)
{
    const char *name = strcmp(o->output, "-") == 0 ? "kerf" : o->output;
    size_t length = strlen(name);
    if (length > 5 && strcmp(name + length - 5, ".onnx") == 0)
        length -= 5;
    char *dir = copy_text(name, length, 4);
    if (dir != NULL)
        memcpy(dir + length, ".run", 5);
    return dir;
}

/* From here on the folder belongs to this run: an old summary would say it is finished. */
static void forget_summary(const char *dir)
{
    char *path = path_join(dir, "summary.json");
    if (path != NULL)
        unlink(path);
    free(path);
}

/* What --remove does in steps has a checkpoint in the first one's folder first of all. */
static int has_round(const change *c)
{
    char *dir = path_join(c->run_dir, "round-1");
    const int has = dir != NULL && folder_has_checkpoint(dir);
    free(dir);
    return has;
}

/* On one rank: from here on there is something in it. */
static int take_folder(const change *c)
{
    const options *o = c->o;
    const int is_begun = folder_has_checkpoint(c->run_dir) || (!c->in_rounds && has_round(c));
    if (o->resume && !is_begun)
        return fail_work(o, "--resume: %s holds no checkpoint to go on from", c->run_dir);
    if (!o->resume && is_begun && !folder_has(c->run_dir, "summary.json") && !o->force)
        return fail_work(o, "%s: holds an unfinished run: --resume goes on with it, -f starts over",
                         c->run_dir);
    int code = folder_make(o, c->run_dir);
    if (code == 0)
        forget_summary(c->run_dir);
    return code;
}

int change_make_folder(change *c)
{
    const options *o = c->o;
    c->train.run_dir = c->run_dir;
    if (c->run_dir != NULL)
        return 0;
    c->run_dir =
        o->run_dir != NULL ? copy_text(o->run_dir, strlen(o->run_dir), 0) : default_run_dir(o);
    if (c->run_dir == NULL)
        return fail_memory(o);
    c->train.run_dir = c->run_dir;
    return ranks_agree(o, ranks_writes(o) ? take_folder(c) : 0);
}

/* A word as a shell would need it. */
static void print_word(const char *word)
{
    int plain = word[0] != '\0';
    for (const char *p = word; *p != '\0'; p++)
        plain &= strchr("*?[]()$&;|<>\"'\\ `!#{}~", *p) == NULL;
    fprintf(stderr, plain ? " %s" : " '%s'", word);
}

static void say_how_to_resume(const change *c, const char *what)
{
    const options *o = c->o;
    fprintf(stderr,
            "kerf: %s: %s in epoch %lld of %lld; the checkpoint is in %s.  Go on with:\n  kerf %s",
            o->command, what, (long long)c->epoch, (long long)c->num_epochs, c->train.run_dir,
            o->command);
    for (int i = 0; i < o->argc; i++)
        if (strcmp(o->argv[i], "--resume") != 0)
            print_word(o->argv[i]);
    fputs(" --resume\n", stderr);
}

/* A device that is lost, or a full disk, takes only the time since the last checkpoint along. */
static int fail_run(const change *c, kerf_status status)
{
    int code = fail_kerf(c->o, status);
    const int from_outside =
        status == KERF_ERR_OPENCL || status == KERF_ERR_MEMORY || status == KERF_ERR_FILE;
    if (from_outside && (c->epoch > 1 || (c->epoch > 0 && c->o->resume)))
        say_how_to_resume(c, "it failed");
    return code;
}

/* All epochs, those before a resume too, stand in the folder's metrics.jsonl. */
static int read_metrics(change *c, const char *name)
{
    char *path = path_join(c->run_dir, name), *text, **lines;
    size_t num;
    if (path == NULL)
        return fail_memory(c->o);
    int code = file_read_lines(c->o, path, &text, &lines, &num);
    for (size_t i = 0; code == 0 && i < num; i++) {
        json_t *epoch = json_loads(lines[i], 0, NULL);
        if (json_is_object(epoch))
            json_array_append_new(c->epochs, epoch);
        else
            json_decref(epoch);
    }
    free(lines);
    free(text);
    free(path);
    return code;
}

static int read_epochs(change *c)
{
    char name[64];
    int code = 0;
    for (int i = 1; code == 0 && i <= c->rounds.tried; i++) {
        snprintf(name, sizeof name, "round-%d/metrics.jsonl", i);
        code = read_metrics(c, name);
    }
    return code == 0 && !c->in_rounds ? read_metrics(c, "metrics.jsonl") : code;
}

/* ---- the run -------------------------------------------------------------------------- */

static int measure(const change *c, standing *now)
{
    const options *o = c->o;
    int code = session_evaluate(o, &c->s, KERF_SPLIT_TEST, &now->e, NULL);
    if (code == 0)
        code = session_evaluate(o, &c->s, KERF_SPLIT_VAL, &now->held_back, NULL);
    if (code != 0)
        return code;
    kerf_status status = layers_read(&now->layers, c->s.m.g, c->s.m.s);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    /* Time is told where it can be; a model that cannot run yet still has a table. */
    if (layers_measure(&now->layers, c->s.m.g, c->s.m.s, 1) != KERF_OK && o->verbose)
        warn(o, "%s", kerf_last_error());
    return 0;
}

int change_begin(change *c, const options *o)
{
    *c = (change){.o = o, .start_ms = now_ms(), .epochs = json_array()};
    interrupt_catch();
    kerf_event penalty;
    int code = output_needed(o);
    if (code == 0)
        code = penalty_parse(o, &c->penalty, &penalty);
    if (code == 0)
        code = session_open(o, &c->s, o->words.items[o->words.num - 1]); /* behind a teacher */
    if (code == 0)
        code = measure(c, &c->before);
    if (code == 0 && network_values_read(&c->values, c->s.m.g, c->s.m.s) != KERF_OK)
        code = fail_memory(o);
    if (code == 0)
        set_training(c, &penalty);
    return code;
}

void change_use(change *c, const kerf_train_options *train)
{
    const kerf_train_options was = c->train;
    c->train = *train;
    c->train.callback = was.callback;
    c->train.context = was.context;
    c->train.resume = was.resume;
    c->train.ranks = was.ranks;
    c->train.exchange = was.exchange;
    c->train.tensorboard = was.tensorboard;
    c->train.keep_best = was.keep_best; /* whatever the samples are held back by */
}

kerf_status change_keep_zeros(change *c)
{
    int num_kept = 0;
    if (c->o->no_keep_zeros)
        return KERF_OK;
    int num_codebooks = 0;
    kerf_status status = kerf_prune_keep_zeros(c->s.m.g, c->s.m.s, KEPT_ZEROS, &num_kept);
    if (status == KERF_OK)
        status = kerf_share_keep_zeros(c->s.m.g, c->s.m.s, &num_codebooks);
    num_kept += num_codebooks;
    if (status == KERF_OK && num_kept > 0)
        say(c->o, "%d layer%s with zeros: they stay 0 (--no-keep-zeros lets them grow)", num_kept,
            num_kept > 1 ? "s" : "");
    return status;
}

int change_hold_back(change *c)
{
    enum { MOST = 5000, SHARE = 6 };
    const int64_t train = kerf_dataset_num_samples(c->s.data, KERF_SPLIT_TRAIN);
    if (kerf_dataset_num_samples(c->s.data, KERF_SPLIT_VAL) > 0 || train < SHARE)
        return 0;
    c->held_back = train / SHARE < MOST ? train / SHARE : MOST;
    kerf_status status = kerf_dataset_hold_back(c->s.data, c->held_back, (uint64_t)c->o->seed);
    return status == KERF_OK ? 0 : fail_kerf(c->o, status);
}

int change_train_round(change *c)
{
    const options *o = c->o;
    const int code = ranks_compare_devices(o, kerf_state_device(c->s.m.s));
    if (code != 0)
        return code;
    kerf_status status = change_keep_zeros(c);
    progress_begin(&c->bar, o, o->command);
    if (status == KERF_OK)
        status = c->in_rounds ? kerf_prune_until(&c->rounds, c->s.m.g, c->s.m.s, c->s.data,
                                                 &c->train, o->max_drop)
                              : kerf_train(c->s.m.g, c->s.m.s, c->s.data, &c->train);
    progress_clear(&c->bar);
    if (status == KERF_ERR_CANCELLED && c->in_rounds)
        return EXIT_INTERRUPTED; /* rounds are short, and begin anew */
    if (status == KERF_ERR_CANCELLED) {
        say_how_to_resume(c, "interrupted");
        return EXIT_INTERRUPTED;
    }
    return status == KERF_OK ? 0 : fail_run(c, status);
}

int change_train(change *c)
{
    int code = change_make_folder(c);
    if (code == 0)
        code = change_train_round(c);
    return code == 0 && ranks_writes(c->o) ? read_epochs(c) : code;
}

static int put_json(const change *c, const char *name, json_t *object)
{
    char *path = path_join(c->run_dir, name);
    int code =
        path != NULL && object != NULL ? file_write_json(c->o, path, object) : fail_memory(c->o);
    json_decref(object);
    free(path);
    return code;
}

/* The folder's own copy of what came out; the summary last, as it says that all is there. */
static int fill_run_dir(const change *c)
{
    if (c->run_dir == NULL)
        return 0;
    char *model_path = path_join(c->run_dir, "model.onnx");
    int code =
        model_path != NULL ? model_write(c->o, c->s.m.g, c->s.m.s, model_path) : fail_memory(c->o);
    free(model_path);
    if (code == 0)
        code = put_json(c, "layers.json", change_layers_json(c));
    if (code == 0)
        code = put_json(c, "summary.json", change_summary_json(c));
    return code;
}

/* It still runs, but nobody wants it. */
static void warn_empty(const change *c)
{
    const layer_list *after = &c->after.layers;
    for (size_t i = 0; i < after->num; i++)
        if (after->items[i].weights > 0 && after->items[i].nonzeros == 0)
            warn(c->o, "%s: no weight is left; the layer gives its biases alone",
                 after->items[i].name);
}

int change_store(change *c)
{
    int code = measure(c, &c->after);
    if (code == 0)
        warn_empty(c);
    if (code == 0)
        code = model_write(c->o, c->s.m.g, c->s.m.s, c->o->output);
    if (code == 0)
        code = fill_run_dir(c);
    return ranks_agree(c->o, code);
}

int change_finish(change *c)
{
    int code = change_store(c);
    return code == 0 ? change_report(c) : code;
}

int change_keep_missed(change *c)
{
    int code = c->run_dir == NULL ? change_make_folder(c) : 0;
    if (code == 0)
        code = measure(c, &c->after);
    if (code == 0)
        code = fill_run_dir(c);
    if (code == 0)
        say(c->o, "the closest is %s/model.onnx", c->run_dir);
    return code;
}

void change_close(change *c)
{
    layers_free(&c->before.layers);
    layers_free(&c->after.layers);
    network_values_free(&c->values);
    session_close(c->o, &c->s);
    json_decref(c->epochs);
    json_decref(c->more);
    free(c->run_dir);
    free(c->balance);
}
