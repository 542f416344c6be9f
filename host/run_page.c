/* run_page.c -- the page of a run: what became of the network, its curves with what happened when,
 * its layers before and after, its weights; see run_page.h. */
#include "run_page.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "report.h"
#include "table.h"
#include "text.h"

const char run_histograms_caption[] =
    "How many weights (upwards, a logarithmic scale) have which size (across). Zeros are left out, "
    "so where many were removed there is a gap in the middle.";

static const char arrow[] = " \xe2\x86\x92 ";

/* ---- texts --------------------------------------------------------------------------------- */

/* "235,200", or "235,200 -> 9,408" where it changed; "" for what is unknown. */
static json_t *count_text(double before, double after)
{
    char a[40], b[40];
    if (!isfinite(after) && !isfinite(before))
        return json_text("");
    if (!isfinite(before) || before == after)
        return json_text(grouped(after, a, sizeof a));
    if (!isfinite(after))
        return json_text(grouped(before, a, sizeof a));
    return json_sprintf("%s%s%s", grouped(before, a, sizeof a), arrow, grouped(after, b, sizeof b));
}

static json_t *ms_text(double before, double after)
{
    if (!isfinite(before) || !isfinite(after))
        return isfinite(after) ? json_sprintf("%.3f", after) : json_text("");
    return json_sprintf("%.3f%s%.3f", before, arrow, after);
}

static json_t *share_text(double part, double whole)
{
    return part >= 0 && whole > 0 ? json_sprintf("%.2f %%", 100 * part / whole) : json_text("");
}

/* ---- the layer table ----------------------------------------------------------------------- */

static json_t *layer_row(const char *name, const run_side *a, const run_side *b)
{
    json_t *row = json_array();
    json_array_append_new(row, json_text(name));
    json_array_append_new(row, count_text(a->weights, b->weights));
    json_array_append_new(row, count_text(a->nonzeros, b->nonzeros));
    json_array_append_new(row, share_text(b->weights - b->nonzeros, b->weights));
    json_array_append_new(row, count_text(a->bits, b->bits));
    json_array_append_new(row, count_text(a->bytes, b->bytes));
    json_array_append_new(row, count_text(a->macs, b->macs));
    json_array_append_new(row, ms_text(a->ms, b->ms));
    return row;
}

json_t *run_layer_table(const run_record *r, const char *caption)
{
    json_t *rows = json_array();
    const run_side before = run_sum(r, RUN_BEFORE), after = run_sum(r, RUN_AFTER);
    for (size_t i = 0; i < r->num_layers; i++) {
        const run_layer *l = &r->layers[i];
        json_array_append_new(rows, layer_row(l->name, &l->side[RUN_BEFORE], &l->side[RUN_AFTER]));
    }
    json_array_append_new(rows, layer_row("total", &before, &after));
    return json_pack("{s:s,s:s,s:[s,s,s,s,s,s,s,s],s:o,s:b}", "title", "Layer by layer", "caption",
                     caption, "header", "layer", "weights", "non-zeros", "zeros", "bits", "bytes",
                     "multiply-adds", "ms at batch 1", "rows", rows, "total", 1);
}

/* ---- curves -------------------------------------------------------------------------------- */

/* Of a run's two lines the first is the one that stands for it beside other runs. */
static const struct {
    const char *title, *caption, *unit;
    int compares; /* it is a picture of several runs, too */
    int from_zero;
    double factor;
    struct {
        size_t offset; /* of run_epoch */
        const char *name;
    } lines[2];
} curves[] = {
    {"Loss",
     "Of training as it was summed while weights changed, and of held back samples at an epoch's "
     "end.",
     "",
     1,
     0,
     1,
     {{offsetof(run_epoch, loss), "training"}, {offsetof(run_epoch, val_loss), "held back"}}},
    {"Accuracy",
     "Top-1 of held back samples at each epoch's end.",
     "%",
     1,
     0,
     1,
     {{offsetof(run_epoch, val_top1), "held back"}}},
    {"Zeros",
     "The share of the weights that are 0.",
     "%",
     1,
     1,
     100,
     {{offsetof(run_epoch, sparsity), "zeros"}}},
    {"Learning rate", "At each epoch's end.", "", 0, 1, 1, {{offsetof(run_epoch, lr), "rate"}}},
};
enum { NUM_CURVES = sizeof curves / sizeof curves[0] };

/* [[epoch, y]] of what is known. */
static json_t *points_of(const run_record *r, size_t offset, double factor)
{
    json_t *points = json_array();
    for (size_t i = 0; i < r->num_epochs; i++) {
        const double y = *(const double *)((const char *)&r->epochs[i] + offset);
        if (isfinite(y))
            json_array_append_new(points, json_pack("[f,f]", r->epochs[i].epoch, factor * y));
    }
    return points;
}

/* A line that has no points, or is 0 all over, is none. */
static int says_something(const json_t *points)
{
    int says = 0;
    for (size_t i = 0; i < json_array_size(points); i++)
        says |= json_number_value(json_array_get(json_array_get(points, i), 1)) != 0;
    return says;
}

/* Lines of one name have one style, and stand in the legend once. */
static void add_line(json_t *series, const char *name, size_t style, json_t *points)
{
    if (says_something(points))
        json_array_append_new(series, json_pack("{s:o,s:I,s:O}", "name", json_text(name), "style",
                                                (json_int_t)style, "points", points));
    json_decref(points);
}

static json_t *series_of(const run_record *r, size_t curve)
{
    json_t *series = json_array();
    for (size_t k = 0; k < 2 && curves[curve].lines[k].name != NULL; k++)
        add_line(series, curves[curve].lines[k].name, k + 1,
                 points_of(r, curves[curve].lines[k].offset, curves[curve].factor));
    return series;
}

static json_t *series_of_groups(const run_groups *groups, size_t curve)
{
    json_t *series = json_array();
    for (size_t k = 0; k < groups->num; k++)
        for (size_t i = 0; i < groups->items[k].num; i++)
            add_line(series, groups->items[k].name, k,
                     points_of(groups->items[k].runs[i], curves[curve].lines[0].offset,
                               curves[curve].factor));
    return series;
}

static json_t *marks_of(const run_record *r)
{
    json_t *marks = json_array();
    for (size_t i = 0; i < r->num_events; i++)
        json_array_append_new(marks, json_pack("{s:f,s:o}", "at", r->events[i].at, "what",
                                               json_text(r->events[i].what)));
    return marks;
}

/* Steals series and marks; without a line there is no picture. */
static void add_curve(json_t *lines, size_t curve, json_t *series, json_t *marks)
{
    if (json_array_size(series) > 0)
        json_array_append_new(lines,
                              json_pack("{s:s,s:s,s:s,s:s,s:b,s:O,s:O}", "title",
                                        curves[curve].title, "caption", curves[curve].caption, "x",
                                        "epoch", "unit", curves[curve].unit, "from_zero",
                                        curves[curve].from_zero, "series", series, "marks", marks));
    json_decref(series);
    json_decref(marks);
}

static json_t *lines_part(const run_record *r)
{
    json_t *lines = json_array();
    for (size_t c = 0; c < NUM_CURVES; c++)
        add_curve(lines, c, series_of(r, c), marks_of(r));
    return lines;
}

json_t *run_group_lines(const run_groups *groups)
{
    json_t *lines = json_array();
    for (size_t c = 0; c < NUM_CURVES; c++)
        if (curves[c].compares)
            add_curve(lines, c, series_of_groups(groups, c), json_array());
    return lines;
}

/* ---- weights ------------------------------------------------------------------------------- */

static json_t *numbers(const double *x, size_t num)
{
    json_t *list = json_array();
    for (size_t i = 0; i < num; i++)
        json_array_append_new(list, json_number(x[i]));
    return list;
}

static json_t *histogram_of(const run_layer *l)
{
    char a[40], b[40];
    const run_side *now = &l->side[RUN_AFTER], *was = &l->side[RUN_BEFORE];
    json_t *edges = json_array();
    for (int i = 0; i <= LAYER_BINS; i++)
        json_array_append_new(edges, json_real(l->weights->end * (2.0 * i / LAYER_BINS - 1)));
    return json_pack("{s:o,s:o,s:o,s:o,s:o}", "name", json_text(l->name), "left",
                     json_sprintf("%s of %s left", grouped(now->nonzeros, a, sizeof a),
                                  grouped(was->weights, b, sizeof b)),
                     "edges", edges, "before", numbers(l->weights->bins[RUN_BEFORE], LAYER_BINS),
                     "after", numbers(l->weights->bins[RUN_AFTER], LAYER_BINS));
}

json_t *run_histograms(const run_record *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->num_layers; i++)
        if (r->layers[i].weights != NULL && isfinite(r->layers[i].weights->end))
            json_array_append_new(list, histogram_of(&r->layers[i]));
    return list;
}

/* "conv1", or "conv1: 38 of 64 left". */
static json_t *norms_name(const run_layer *l)
{
    const run_weights *w = l->weights;
    size_t left = 0;
    for (size_t i = 0; i < w->num_norms[RUN_AFTER]; i++)
        left += isnan(w->norms[RUN_AFTER][i]) ? 0 : 1;
    return left < w->num_norms[RUN_BEFORE]
               ? json_sprintf("%s: %zu of %zu left", l->name, left, w->num_norms[RUN_BEFORE])
               : json_text(l->name);
}

static json_t *norms_part(const run_record *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < r->num_layers; i++) {
        const run_weights *w = r->layers[i].weights;
        if (w != NULL && w->num_norms[RUN_BEFORE] > 1)
            json_array_append_new(
                list, json_pack("{s:o,s:o,s:o}", "name", norms_name(&r->layers[i]), "before",
                                numbers(w->norms[RUN_BEFORE], w->num_norms[RUN_BEFORE]), "after",
                                numbers(w->norms[RUN_AFTER], w->num_norms[RUN_AFTER])));
    }
    return list;
}

/* ---- bars by layer ------------------------------------------------------------------------- */

static double ms_of(const run_layer *l, int side)
{
    return l->side[side].ms;
}

static double noise_of(const run_layer *l, int side)
{
    return side == RUN_AFTER && l->weights != NULL ? l->weights->snr_db : NAN;
}

static const struct {
    const char *title, *caption, *unit;
    double (*value)(const run_layer *l, int side);
    const char *names[RUN_SIDES]; /* NULL: no such bars */
} bars[] = {
    {"Milliseconds of each layer",
     "One sample at a time, the least of some measurements on the device below.",
     "ms",
     ms_of,
     {"before", "after"}},
    {"Rounding of weights",
     "How far the difference between a layer's weights before and after lies below the weights "
     "themselves: 20 dB more are a tenth of the error. Where the network was trained in between, "
     "that is part of the difference.",
     "dB",
     noise_of,
     {NULL, "signal over noise"}},
};

static json_t *bars_of(const run_record *r, size_t which)
{
    json_t *labels = json_array(), *series = json_array();
    size_t num_known = 0;
    for (size_t i = 0; i < r->num_layers; i++)
        json_array_append_new(labels, json_text(r->layers[i].name));
    for (int k = 0; k < RUN_SIDES; k++) {
        json_t *values = json_array();
        for (size_t i = 0; i < r->num_layers; i++) {
            const double x = bars[which].value(&r->layers[i], k);
            num_known += isfinite(x) ? 1 : 0;
            json_array_append_new(values, json_number(x));
        }
        if (bars[which].names[k] != NULL)
            json_array_append_new(series, report_series(bars[which].names[k], values));
        else
            json_decref(values);
    }
    json_t *part = json_pack("{s:s,s:s,s:s,s:o,s:o}", "title", bars[which].title, "caption",
                             bars[which].caption, "unit", bars[which].unit, "labels", labels,
                             "series", series);
    if (num_known > 0)
        return part;
    json_decref(part);
    return NULL;
}

static json_t *bars_part(const run_record *r)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof bars / sizeof bars[0]; i++) {
        json_t *part = bars_of(r, i);
        if (part != NULL)
            json_array_append_new(list, part);
    }
    return list;
}

/* ---- facts --------------------------------------------------------------------------------- */

static json_t *facts_part(const run_record *r)
{
    const run_standing *a = &r->standing[RUN_BEFORE], *b = &r->standing[RUN_AFTER];
    json_t *facts = json_array();
    if (isfinite(b->top1))
        report_fact(facts, json_sprintf("%.2f %%", b->top1), "top-1 on the test split");
    if (isfinite(a->top1) && isfinite(b->top1))
        report_fact(facts, json_sprintf("%+.2f", b->top1 - a->top1),
                    "percentage points against the network before");
    if (b->all.nonzeros > 0 && b->all.nonzeros < b->all.weights)
        report_fact(facts, json_sprintf("%.1fx", b->all.weights / b->all.nonzeros),
                    "fewer weights: weights / non-zeros");
    if (b->all.bytes > 0 && b->all.bytes < a->all.bytes)
        report_fact(facts, json_sprintf("%.1fx", a->all.bytes / b->all.bytes),
                    "fewer bytes of weights");
    const double before = run_sum(r, RUN_BEFORE).ms, after = run_sum(r, RUN_AFTER).ms;
    if (before > 0 && after > 0 &&
        (b->all.nonzeros < a->all.nonzeros || b->all.bytes < a->all.bytes))
        report_fact(facts, json_sprintf("%.2fx", before / after),
                    "the speed of its layers, one sample at a time");
    return facts;
}

/* ---- the page ------------------------------------------------------------------------------ */

static void add_text(json_t *texts, const char *title, const char *text)
{
    char *copy = text != NULL && text[0] != '\0' ? copy_text(text, strlen(text), 0) : NULL;
    if (copy == NULL)
        return;
    hide_folders(copy);
    json_array_append_new(texts, json_pack("{s:s,s:o}", "title", title, "text", json_text(copy)));
    free(copy);
}

static json_t *texts_part(const run_record *r)
{
    json_t *texts = json_array();
    char seed[64] = "";
    if (isfinite(r->seed))
        snprintf(seed, sizeof seed, "\nseed: %.0f", r->seed);
    if (r->recipe != NULL)
        add_text(texts, "The recipe", r->recipe);
    else if (r->command != NULL && r->command[0] != '\0') {
        json_t *line = json_sprintf("kerf %s", r->command);
        add_text(texts, "The command", json_string_value(line));
        json_decref(line);
    }
    if (r->environment != NULL && r->environment[0] != '\0') {
        json_t *lines = json_sprintf("%s%s", r->environment, seed);
        add_text(texts, "Where it ran", json_string_value(lines));
        json_decref(lines);
    }
    return texts;
}

static json_t *lead_part(const run_record *r)
{
    if (!r->is_finished)
        return json_sprintf("This run has not ended: what stands here is of its first %zu epochs.",
                            r->num_epochs);
    if (r->num_epochs == 0)
        return json_sprintf("The network before and after, in %.0f s.", r->seconds);
    return json_sprintf("%zu epochs, %.0f s in all. Numbers of a network are before%safter.",
                        r->num_epochs, r->seconds, arrow);
}

static void set_if_any(json_t *data, const char *key, json_t *list)
{
    if (json_array_size(list) > 0)
        json_object_set(data, key, list);
    json_decref(list);
}

json_t *run_page(const run_record *r)
{
    json_t *data = json_object();
    json_object_set_new(data, "title", json_text(r->name));
    json_object_set_new(data, "lead", lead_part(r));
    set_if_any(data, "facts", facts_part(r));
    set_if_any(data, "lines", lines_part(r));
    if (r->num_layers > 0)
        json_object_set_new(data, "tables",
                            json_pack("[o]", run_layer_table(r, "Biases and norms stay apart.")));
    set_if_any(data, "bars", bars_part(r));
    json_object_set_new(data, "histograms_caption", json_text(run_histograms_caption));
    set_if_any(data, "histograms", run_histograms(r));
    json_object_set_new(
        data, "norms_caption",
        json_text("A bar an output of the layer: the root of the sum of squares "
                  "of the weights that lead to it. Where an output is gone its grey bar "
                  "stands alone."));
    set_if_any(data, "norms", norms_part(r));
    set_if_any(data, "texts", texts_part(r));
    json_object_set_new(data, "made", json_sprintf("Made by kerf %s.", kerf_version()));
    return data;
}
