/* quantize_page.c -- the page of `kerf quantize --analyse`; see quantize_page.h. */
#include "quantize_page.h"

#include <math.h>
#include <stdlib.h>

#include "files.h"
#include "json.h"
#include "report.h"

/* ---- texts ----------------------------------------------------------------------------- */

/* Nothing for what is unknown; what has no end has no noise. */
static json_t *number_text(double x, int digits)
{
    if (isnan(x))
        return json_text("");
    return isinf(x) ? json_text("none") : json_sprintf("%.*f", digits, x);
}

static json_t *small_text(double x)
{
    return json_sprintf("%.3g", x);
}

/* The layer whose outputs suffer most; errors are one at least. */
static const kerf_layer_error *worst_of(const layer_errors *e)
{
    const kerf_layer_error *worst = &e->items[0];
    for (size_t i = 1; i < e->num; i++)
        if (e->items[i].outputs.snr_db < worst->outputs.snr_db)
            worst = &e->items[i];
    return worst;
}

/* ---- parts ----------------------------------------------------------------------------- */

static json_t *facts_part(const change *c, const layer_errors *e)
{
    const kerf_evaluation *before = &c->before.e.e, *after = &c->after.e.e;
    json_t *facts = json_array();
    if (c->before.e.is_known && c->after.e.is_known) {
        report_fact(facts, json_sprintf("%.2f %%", before->top1), "top-1 as floats");
        report_fact(facts, json_sprintf("%.2f %%", after->top1), "top-1 with all layers rounded");
    }
    report_fact(facts, json_sprintf("%.1f dB", worst_of(e)->outputs.snr_db),
                "signal over noise where it is least");
    report_fact(facts, json_integer((json_int_t)e->num), "layers with rounded weights");
    return facts;
}

static json_t *names_of(const layer_errors *e)
{
    json_t *names = json_array();
    for (size_t i = 0; i < e->num; i++)
        json_array_append_new(names, json_text(e->items[i].name));
    return names;
}

static json_t *noise_part(const layer_errors *e)
{
    json_t *weights = json_array(), *outputs = json_array();
    for (size_t i = 0; i < e->num; i++) {
        json_array_append_new(weights, json_number(e->items[i].weights.snr_db));
        json_array_append_new(outputs, json_number(e->items[i].outputs.snr_db));
    }
    return json_pack(
        "{s:s,s:s,s:s,s:o,s:[o,o]}", "title", "Signal over noise", "caption",
        "How far the rounding error lies below the numbers themselves: 20 dB more are a tenth of "
        "the error. Weights are those of the layer; outputs are what it gives when all layers "
        "before it are rounded, too. A layer whose bar is short beside its neighbours' wants more "
        "bits, or one of the repairs.",
        "unit", "dB", "labels", names_of(e), "series", report_series("weights", weights),
        report_series("outputs", outputs));
}

/* NULL: it is not known. */
static json_t *lost_part(const layer_errors *e)
{
    json_t *lost = json_array();
    int is_known = 0;
    for (size_t i = 0; i < e->num; i++) {
        is_known |= !isnan(e->items[i].lost);
        json_array_append_new(lost, json_number(e->items[i].lost));
    }
    if (is_known)
        return json_pack(
            "{s:s,s:s,s:s,s:o,s:[o]}", "title",
            e->has_labels ? "Top-1 lost when one layer alone is rounded"
                          : "Agreement lost when one layer alone is rounded",
            "caption",
            e->has_labels
                ? "In percentage points; below 0 the rounded network was right more often."
                : "In percentage points: how often the rounded network answers otherwise than the "
                  "floats.",
            "unit", "points", "labels", names_of(e), "series",
            report_series(errors_lost(e->has_labels), lost));
    json_decref(lost);
    return NULL;
}

static json_t *row_of(const kerf_layer_error *item)
{
    const kerf_error *y = &item->outputs;
    return json_pack("[o,o,o,o,o,o,o,o,o]", json_text(item->name),
                     number_text(item->weights.snr_db, 1), small_text(y->mse), small_text(y->mae),
                     small_text(y->largest), number_text(y->snr_db, 1), number_text(y->cosine, 5),
                     number_text(y->saturated, 5), number_text(item->lost, 2));
}

static json_t *table_part(const layer_errors *e)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < e->num; i++)
        json_array_append_new(rows, row_of(&e->items[i]));
    return json_pack("{s:s,s:s,s:[s,s,s,s,s,s,s,s,o],s:o}", "title", "Layer by layer", "caption",
                     "Errors are of outputs against the floats: mean square, mean, the largest. "
                     "Saturated is the "
                     "share of outputs beyond the ends of the integers.",
                     "header", "layer", "weights, dB", "MSE", "MAE", "largest", "outputs, dB",
                     "cosine", "saturated", json_sprintf("%s alone", errors_lost(e->has_labels)),
                     "rows", rows);
}

/* Names of files need not be UTF-8. */
static json_t *lead_part(const change *c)
{
    char text[512];
    snprintf(text, sizeof text, "%.200s, rounded into %.200s, beside the same network as floats.",
             c->o->words.items[0], c->o->output);
    return json_text(text);
}

static json_t *page_data(const change *c, const layer_errors *e)
{
    json_t *data = json_object(), *bars = json_array(), *lost = lost_part(e);
    json_array_append_new(bars, noise_part(e));
    if (lost != NULL)
        json_array_append_new(bars, lost);
    json_object_set_new(data, "title", json_text("What rounding costs, layer by layer"));
    json_object_set_new(data, "lead", lead_part(c));
    json_object_set_new(data, "facts", facts_part(c, e));
    json_object_set_new(data, "bars", bars);
    json_object_set_new(data, "tables", json_pack("[o]", table_part(e)));
    json_object_set_new(data, "made",
                        json_sprintf("Made by kerf %s on %s, seed %lld.", kerf_version(),
                                     kerf_device_name(c->s.dev), (long long)c->o->seed));
    return data;
}

int errors_page(const change *c, const layer_errors *e)
{
    char *path = path_join(c->run_dir, "report.html");
    json_t *data = page_data(c, e);
    int code = path != NULL ? report_write(c->o, path, data) : fail_memory(c->o);
    json_decref(data);
    free(path);
    return code;
}
