/* cmd_tune.c -- `kerf tune`: measures all kernels that fit and remembers the fastest for
 * this device; training and inference never time anything themselves. */
#include <string.h>

#include "bench_node.h"
#include "command.h"
#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "model.h"
#include "progress.h"

typedef struct tuning {
    const options *o;
    kerf_device *dev; /* owned */
    table *t;         /* owned */
    json_t *cases;    /* owned */
    progress bar;
    double start_ms;
} tuning;

static int on_case(void *context, int i, int num, const char *which, const char *variant,
                   double was_ms, double is_ms)
{
    tuning *x = context;
    table_cell(x->t, "%s", which);
    table_cell(x->t, "%s", variant);
    table_cell(x->t, "%.4f", was_ms);
    table_cell(x->t, "%.4f", is_ms);
    table_cell(x->t, "%.2fx", is_ms > 0 ? was_ms / is_ms : 1);
    json_array_append_new(x->cases,
                          json_pack("{s:s,s:s,s:o,s:o}", "case", which, "variant", variant,
                                    "was_ms", json_number(was_ms), "ms", json_number(is_ms)));
    progress_count(&x->bar, i + 1, num, which);
    return interrupted();
}

/* Milliseconds of the budget that are left; 0 means no bound, so it is never exactly 0. */
static double budget_left(const tuning *x)
{
    if (!options_given(x->o, "budget"))
        return 0;
    double left = x->o->budget * 1e3 - (now_ms() - x->start_ms);
    return left > 0 ? left : 1e-3;
}

static int budget_spent(const tuning *x)
{
    return interrupted() ||
           (options_given(x->o, "budget") && now_ms() - x->start_ms > x->o->budget * 1e3);
}

static kerf_status tune_mode(tuning *x, const kerf_graph *g, kerf_state *s, kerf_mode mode,
                             int64_t batch)
{
    kerf_plan *p;
    kerf_plan_options plan_options = {.mode = mode, .batch = batch};
    if (mode == KERF_TRAIN) {
        plan_options.loss = KERF_LOSS_CROSS_ENTROPY;
        plan_options.optimizer = kerf_train_defaults().optimizer;
    }
    if (budget_spent(x))
        return KERF_OK;
    kerf_status status = kerf_plan_create(&p, g, s, &plan_options);
    if (status == KERF_OK)
        status = kerf_plan_tune(p, budget_left(x), on_case, x);
    kerf_plan_destroy(p);
    return status;
}

static int tune_model(tuning *x, const char *path)
{
    const options *o = x->o;
    int64_t batch = options_given(o, "batch") ? o->batch : 128;
    model m;
    int code = model_read(o, &m, path, x->dev);
    kerf_status status = KERF_OK;
    if (code == 0)
        status = tune_mode(x, m.g, m.s, KERF_EVALUATE, batch);
    if (code == 0 && status == KERF_OK)
        status = tune_mode(x, m.g, m.s, KERF_TRAIN, batch);
    model_free(&m);
    return code == 0 && status != KERF_OK && status != KERF_ERR_CANCELLED ? fail_kerf(o, status)
                                                                          : code;
}

static kerf_status tune_net(tuning *x, const char *name, int64_t batch)
{
    kerf_graph *g;
    kerf_state *s;
    kerf_net_options net_options = {.seed = 1};
    kerf_status status = kerf_net_create(&g, &s, name, &net_options, x->dev);
    if (status == KERF_OK)
        status = tune_mode(x, g, s, KERF_EVALUATE, batch);
    if (status == KERF_OK)
        status = tune_mode(x, g, s, KERF_TRAIN, batch);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

static kerf_status tune_cases(tuning *x, const case_set *set)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < set->num; i++) {
        kerf_graph *g;
        kerf_state *s;
        case_verdict v;
        status = case_fits(&set->items[i], x->dev, &v);
        if (status != KERF_OK || v.why[0] != '\0')
            continue;
        status = case_graph(&set->items[i], x->dev, &g, &s);
        if (status == KERF_OK)
            status = tune_mode(x, g, s, KERF_EVALUATE, 1);
        kerf_graph_destroy(g);
        kerf_state_destroy(s);
    }
    return status;
}

/* The built-in networks at three batches, then the cases of `kerf bench`. */
static int tune_common(tuning *x)
{
    static const int64_t batches[] = {64, 128, 256};
    kerf_status status = KERF_OK;
    const kerf_net_info *net;
    case_set set;
    int code = case_set_read(x->o, &(text_list){0}, &set);
    for (int i = 0; status == KERF_OK && (net = kerf_net_list(i)) != NULL; i++)
        for (size_t b = 0; status == KERF_OK && b < sizeof batches / sizeof batches[0]; b++)
            status = tune_net(x, net->name, batches[b]);
    if (code == 0 && status == KERF_OK)
        status = tune_cases(x, &set);
    case_set_free(&set);
    return code != 0 || status == KERF_OK || status == KERF_ERR_CANCELLED ? code
                                                                          : fail_kerf(x->o, status);
}

static int report(tuning *x)
{
    const options *o = x->o;
    if (o->json) {
        json_t *object = json_begin();
        json_object_set_new(object, "device", json_text(kerf_device_name(x->dev)));
        json_object_set(object, "cases", x->cases);
        return json_finish(o, object);
    }
    printf("%s\n", kerf_device_name(x->dev));
    table_print(x->t, stdout);
    const char *folder = kerf_cache_dir();
    if (folder[0] != '\0')
        printf("remembered in %s\n", folder);
    else
        warn(o, "there is no cache folder: nothing was remembered");
    return EXIT_DONE;
}

int cmd_tune(const options *o)
{
    tuning x = {.o = o, .start_ms = now_ms(), .cases = json_array()};
    kerf_status status = kerf_device_open(&x.dev, o->device);
    if (status != KERF_OK) {
        json_decref(x.cases);
        return fail_kerf(o, status);
    }
    interrupt_catch();
    x.t = table_create("case|fastest kernel|>was ms|>is ms|>gain");
    progress_begin(&x.bar, o, "tune");
    int code = o->words.num > 0 ? tune_model(&x, o->words.items[0]) : tune_common(&x);
    progress_clear(&x.bar);
    if (code == 0)
        code = report(&x);
    if (code == 0 && interrupted())
        code = EXIT_INTERRUPTED;
    table_destroy(x.t);
    json_decref(x.cases);
    kerf_device_close(x.dev);
    return code;
}
