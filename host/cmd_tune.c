/* cmd_tune.c -- `kerf tune`: measures all kernels that fit and remembers the fastest for
 * this device; training and inference never time anything themselves. */
#include <math.h>
#include <string.h>

#include "command.h"
#include "crash.h"
#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "table.h"
#include "tune_bundle.h"
#include "tune_targets.h"

typedef struct tuning {
    const options *o;
    kerf_device *dev; /* owned */
    tune_targets targets;
    table *cases;       /* owned */
    json_t *json_cases; /* owned */
    progress bar;
} tuning;

/* ---- telling ------------------------------------------------------------------------- */

/* An array of the lines. */
static json_t *lines_json(const char *text)
{
    json_t *lines = json_array();
    for (const char *end; *text != '\0'; text = *end != '\0' ? end + 1 : end) {
        end = text + strcspn(text, "\n");
        json_array_append_new(lines, json_stringn(text, (size_t)(end - text)));
    }
    return lines;
}

static int on_case(void *context, const kerf_tune_case *c)
{
    tuning *x = context;
    table_cell(x->cases, "%s", c->which);
    table_cell(x->cases, "%s", c->variant);
    table_cell(x->cases, "%.4f", c->untuned_ms);
    table_cell(x->cases, "%.4f", c->ms);
    table_cell(x->cases, "%.2fx", c->ms > 0 ? c->untuned_ms / c->ms : 1);
    json_array_append_new(x->json_cases,
                          json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "case", c->which, "variant",
                                    c->variant, "untuned", c->untuned, "was_ms",
                                    json_number(c->untuned_ms), "ms", json_number(c->ms),
                                    "left_out", lines_json(c->left_out)));
    if (x->o->verbose && c->left_out[0] != '\0')
        say(x->o, "%s\nleft out of it:\n%s", c->which, c->left_out);
    progress_count(&x->bar, c->i + 1, c->num, x->targets.names[c->target]);
    return interrupted();
}

/* Faster by this factor: "1.31x [1.27, 1.36]"; or why there is none. */
static void gain_cells(table *t, const kerf_tune_gain *g)
{
    const int is_known = !isnan(g->untuned_ms);
    table_number(t, "%.3f", g->untuned_ms, "");
    table_number(t, "%.3f", g->tuned_ms, "");
    table_number(t, "%.2fx", is_known ? 1 / g->ratio : NAN, "");
    if (is_known)
        table_cell(t, "[%.2f, %.2f]%s", 1 / g->high, 1 / g->low,
                   g->taken_back ? ", slower: taken back" : "");
    else
        table_cell(t, "%s",
                   g->num_broken > 0 ? "untuned it does not work here"
                   : isnan(g->ratio) ? "not measured"
                                     : "nothing to gain");
}

/* Of many plans those are listed that have another kernel now. */
static void print_gains(const tuning *x, FILE *out)
{
    enum { FEW = 8 };
    table *t = table_create("plan|>untuned ms|>tuned ms|>faster|95 %");
    size_t num_left_out = 0;
    for (size_t i = 0; i < x->targets.num; i++) {
        const kerf_tune_gain *g = &x->targets.gains[i];
        if (x->targets.num > FEW && g->num_changed == 0 && g->num_broken == 0) {
            num_left_out++;
            continue;
        }
        table_cell(t, "%s", x->targets.names[i]);
        gain_cells(t, g);
    }
    fputc('\n', out);
    table_print(t, out);
    table_destroy(t);
    if (num_left_out > 0)
        fprintf(out, "%zu of %zu plans keep their kernels\n", num_left_out, x->targets.num);
}

static json_t *gains_json(const tuning *x)
{
    json_t *plans = json_array();
    for (size_t i = 0; i < x->targets.num; i++) {
        const kerf_tune_gain *g = &x->targets.gains[i];
        json_array_append_new(
            plans,
            json_pack("{s:s,s:i,s:i,s:i,s:o,s:o,s:o,s:[o,o],s:b}", "plan", x->targets.names[i],
                      "cases", g->num_cases, "measured", g->num_measured, "changed", g->num_changed,
                      "untuned_ms", json_number(g->untuned_ms), "tuned_ms",
                      json_number(g->tuned_ms), "ratio", json_number(g->ratio), "ci95",
                      json_number(g->low), json_number(g->high), "taken_back", g->taken_back));
    }
    return plans;
}

static void warn_of_budget(const tuning *x)
{
    int left = 0;
    for (size_t i = 0; i < x->targets.num; i++)
        left += x->targets.gains[i].num_measured < x->targets.gains[i].num_cases ||
                isnan(x->targets.gains[i].ratio);
    if (left > 0 && !interrupted())
        warn(x->o, "--budget %g: not enough for %d of %zu plans, which are tuned in part",
             x->o->budget, left, x->targets.num);
}

static int report(const tuning *x)
{
    const options *o = x->o;
    warn_of_budget(x);
    if (o->json) {
        json_t *object = json_begin();
        json_object_set_new(object, "device", json_text(kerf_device_name(x->dev)));
        json_object_set(object, "cases", x->json_cases);
        json_object_set_new(object, "plans", gains_json(x));
        if (o->output != NULL)
            json_object_set_new(object, "output", json_text(o->output));
        return json_finish(o, object);
    }
    FILE *out = result_stream(o);
    fprintf(out, "%s\n", kerf_device_name(x->dev));
    table_print(x->cases, out);
    print_gains(x, out);
    fprintf(out, "remembered in %s/tuning%s%s\n", kerf_cache_dir(),
            o->output != NULL ? " and " : "", o->output != NULL ? o->output : "");
    return EXIT_DONE;
}

/* ---- the command ---------------------------------------------------------------------- */

static int run(tuning *x)
{
    const options *o = x->o;
    int code =
        tune_targets_find(o, o->words.num > 0 ? o->words.items[0] : NULL, x->dev, &x->targets);
    if (code != 0)
        return code;
    const double budget_ms = options_given(o, "budget") ? 1e3 * o->budget : 0;
    x->cases = table_create("case|fastest kernel|>was ms|>is ms|>gain");
    x->json_cases = json_array();
    interrupt_catch();
    progress_begin(&x->bar, o, "tune");
    kerf_status status =
        kerf_tune(x->targets.items, x->targets.num, budget_ms, x->targets.gains, on_case, x);
    progress_clear(&x->bar);
    if (status != KERF_OK && status != KERF_ERR_CANCELLED)
        return fail_kerf(o, status);
    code = o->bundle ? tune_bundle_write(o) : 0;
    if (code == 0)
        code = report(x);
    return code == EXIT_DONE && interrupted() ? EXIT_INTERRUPTED : code;
}

int cmd_tune(const options *o)
{
    tuning x = {.o = o};
    const int wrong = tune_bundle_check(o);
    if (wrong != 0)
        return wrong;
    kerf_status status = open_device(&x.dev, o, o->device);
    const int code = status == KERF_OK ? run(&x) : fail_kerf(o, status);
    tune_targets_free(&x.targets);
    table_destroy(x.cases);
    json_decref(x.json_cases);
    close_device(o, x.dev);
    return code;
}
