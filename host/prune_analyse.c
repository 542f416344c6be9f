/* prune_analyse.c -- the table, JSON and page of `kerf prune --analyse`; see prune_analyse.h. */
#include "prune_analyse.h"

#include <math.h>
#include <stdlib.h>

#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "ranks.h"
#include "report.h"
#include "table.h"
#include "target.h"
#include "text.h"

typedef struct scan {
    kerf_sensitivity *items; /* owned */
    size_t num;
    progress bar;
} scan;

enum { NUM_SHARES = KERF_NUM_SENSITIVITY_SHARES };

static int on_progress(void *context, int64_t done, int64_t num)
{
    scan *x = context;
    progress_count(&x->bar, (double)done, (double)num, "of the measurements");
    return interrupted();
}

/* ---- showing --------------------------------------------------------------------------- */

static void print_scan(const scan *x, FILE *out)
{
    table *t = table_create("layer|>weights|>50 %|>60 %|>70 %|>80 %|>90 %|>95 %|>98 %");
    for (size_t i = 0; i < x->num; i++) {
        table_cell(t, "%s", x->items[i].name);
        table_cell(t, "%lld", (long long)x->items[i].total);
        for (int k = 0; k < NUM_SHARES; k++)
            table_cell(t, "%.2f", x->items[i].lost[k]);
    }
    fputs("points of top-1 lost when a layer alone is pruned, without training\n", out);
    table_print(t, out);
    table_destroy(t);
}

static json_t *scan_json(const scan *x)
{
    json_t *object = json_begin(), *layers = json_array();
    for (size_t i = 0; i < x->num; i++) {
        json_t *lost = json_array();
        for (int k = 0; k < NUM_SHARES; k++)
            json_array_append_new(lost,
                                  json_pack("{s:f,s:o}", "sparsity", kerf_sensitivity_share(k),
                                            "top1_lost", json_number(x->items[i].lost[k])));
        json_array_append_new(layers,
                              json_pack("{s:o,s:I,s:o}", "name", json_text(x->items[i].name),
                                        "weights", (json_int_t)x->items[i].total, "lost", lost));
    }
    json_object_set_new(object, "layers", layers);
    return object;
}

/* ---- the page -------------------------------------------------------------------------- */

static json_t *bars_part(const scan *x)
{
    json_t *labels = json_array(), *series = json_array();
    for (size_t i = 0; i < x->num; i++)
        json_array_append_new(labels, json_text(x->items[i].name));
    for (int k = 0; k < NUM_SHARES; k++) {
        if (kerf_sensitivity_share(k) < 0.8 || k == NUM_SHARES - 2)
            continue; /* three are enough to look at; the table has all */
        json_t *values = json_array();
        for (size_t i = 0; i < x->num; i++)
            json_array_append_new(values, json_number(x->items[i].lost[k]));
        json_array_append_new(
            series, json_pack("{s:o,s:o}", "name",
                              json_sprintf("%g %% of the layer", 100 * kerf_sensitivity_share(k)),
                              "values", values));
    }
    return json_pack("{s:s,s:s,s:s,s:o,s:o}", "title", "Top-1 lost when one layer alone is pruned",
                     "caption",
                     "In percentage points, without training afterwards. A layer whose bars are "
                     "long is delicate: it wants a smaller share than its neighbours.",
                     "unit", "points", "labels", labels, "series", series);
}

static json_t *table_part(const scan *x)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < x->num; i++) {
        char total[40];
        json_t *row = json_array();
        json_array_append_new(row, json_text(x->items[i].name));
        json_array_append_new(row,
                              json_text(grouped((double)x->items[i].total, total, sizeof total)));
        for (int k = 0; k < NUM_SHARES; k++)
            json_array_append_new(row, json_sprintf("%.2f", x->items[i].lost[k]));
        json_array_append_new(rows, row);
    }
    return json_pack("{s:s,s:s,s:[s,s,s,s,s,s,s,s,s],s:o}", "title", "Layer by layer", "caption",
                     "Points of top-1 lost at each share of the layer's weights.", "header",
                     "layer", "weights", "50 %", "60 %", "70 %", "80 %", "90 %", "95 %", "98 %",
                     "rows", rows);
}

static int write_page(const options *o, const session *s, const scan *x)
{
    char *path = path_join(o->run_dir, "report.html");
    json_t *data = json_object();
    json_object_set_new(data, "title", json_text("What each layer can lose"));
    json_object_set_new(data, "lead", json_text(o->words.items[0]));
    json_object_set_new(data, "bars", json_pack("[o]", bars_part(x)));
    json_object_set_new(data, "tables", json_pack("[o]", table_part(x)));
    json_object_set_new(data, "made",
                        json_sprintf("Made by kerf %s on %s, seed %lld.", kerf_version(),
                                     kerf_device_name(s->dev), (long long)o->seed));
    int code = path != NULL ? folder_make(o, o->run_dir) : fail_memory(o);
    if (code == 0)
        code = report_write(o, path, data);
    json_decref(data);
    free(path);
    return code;
}

/* ---- all of it ------------------------------------------------------------------------- */

static int measure(const options *o, const session *s, const kerf_prune_options *p, scan *x)
{
    const kerf_analyse_options how = {.batch = options_given(o, "batch") ? o->batch : 0,
                                      .prep = s->prep,
                                      .ranks = ranks_of(o),
                                      .progress = on_progress,
                                      .context = x};
    interrupt_catch();
    progress_begin(&x->bar, o, "analyse");
    kerf_status status = kerf_prune_analyse(&x->items, &x->num, s->m.g, s->m.s, s->data, p, &how);
    progress_clear(&x->bar);
    if (status == KERF_ERR_CANCELLED)
        return EXIT_INTERRUPTED;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

static int measure_and_show(const options *o, const session *s, const kerf_prune_options *p)
{
    scan x = {0};
    int code = measure(o, s, p, &x);
    if (code == 0 && o->run_dir != NULL)
        code = write_page(o, s, &x);
    if (code == 0 && o->json)
        code = json_finish(o, scan_json(&x));
    else if (code == 0)
        print_scan(&x, stdout);
    free(x.items);
    return code;
}

int prune_analyse(const options *o, const kerf_prune_options *p)
{
    static const char *const others[] = {"output", "sparsity", "s", "mask", "retrain", "finetune"};
    session s;
    if (o->data == NULL)
        return fail_usage(o, "--analyse: needs --data to measure on");
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o, "--analyse: writes no model, must be without --%s", others[i]);
    int code = session_open(o, &s, o->words.items[0]);
    if (code == 0)
        code = measure_and_show(o, &s, p);
    session_close(o, &s);
    return code;
}

/* ---- targets ------------------------------------------------------------------------ */

static json_t *found_json(const options *o, const kerf_prune_found *found)
{
    json_t *shares = json_object();
    for (size_t i = 0; i < found->num_amounts; i++)
        json_object_set_new(shares, found->amounts[i].pattern, json_real(found->amounts[i].value));
    return json_pack("{s:o,s:f,s:f,s:o,s:s?}", "amounts", shares, "lost", found->lost, "bytes",
                     found->bytes, "ms", json_number(found->ms), "costs", target_costs_file(o));
}

/* As it could be typed. */
static void print_found(const change *c, const kerf_prune_found *found)
{
    FILE *out = result_stream(c->o);
    char text[32];
    fputs("found: --sparsity '", out);
    for (size_t i = 0; i < found->num_amounts; i++)
        fprintf(out, "%s%s=%g", i > 0 ? "," : "", found->amounts[i].pattern,
                found->amounts[i].value);
    fprintf(out, "', which loses %.2f points of top-1 on held back samples", found->lost);
    fprintf(out, " and leaves %s bytes of weights", grouped(found->bytes, text, sizeof text));
    if (!isnan(found->ms)) {
        fprintf(out, ", in %.3f ms", found->ms);
        target_tell_clock(c->o, out);
    }
    fputs("\n\n", out);
}

int prune_find(change *c, kerf_prune_options *p, kerf_prune_found **found)
{
    scan x = {0};
    kerf_analyse_options how = {
        .prep = c->s.prep, .ranks = ranks_of(c->o), .progress = on_progress, .context = &x};
    kerf_target target;
    kerf_costs *costs = NULL;
    int code = target_make(c->o, 4.0 * (double)c->before.layers.weights, &target);
    if (code == 0)
        code = change_hold_back(c);
    if (code == 0)
        code = target_costs(c->o, c->s.m.g, c->s.m.s, &costs);
    if (code != 0)
        return code;
    how.costs = costs;
    progress_begin(&x.bar, c->o, "find");
    kerf_status status =
        kerf_prune_find_amounts(found, c->s.m.g, c->s.m.s, c->s.data, p, &target, &how);
    progress_clear(&x.bar);
    kerf_costs_destroy(costs);
    if (status == KERF_ERR_CANCELLED)
        return EXIT_INTERRUPTED;
    if (status != KERF_OK)
        return fail_kerf(c->o, status);
    p->amounts = (*found)->amounts;
    p->num_amounts = (*found)->num_amounts;
    if (c->more == NULL)
        c->more = json_object();
    json_object_set_new(c->more, "found", found_json(c->o, *found));
    if (!c->o->json && !c->o->quiet)
        print_found(c, *found);
    if ((*found)->missed[0] == '\0')
        return 0;
    fail_work(c->o, "%s", (*found)->missed);
    return EXIT_TARGET;
}
