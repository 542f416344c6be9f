/* side_page.c -- the page of several runs: pictures of what they cost against what they know, a
 * table, their curves; see run_page.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "report.h"
#include "run_groups.h"
#include "run_page.h"
#include "table.h"

/* ---- pictures ----------------------------------------------------------------------------------
 */

static json_t *point_of(const run_group *g, int cost)
{
    return json_pack("{s:o,s:f,s:f,s:o,s:o,s:b}", "name", json_text(g->name), "x", g->cost[cost],
                     "y", g->top1.mean, "low", json_number(g->top1.mean - g->top1.sd), "high",
                     json_number(g->top1.mean + g->top1.sd), "front", g->is_front[cost]);
}

static json_t *scatter_of(const run_groups *groups, int cost)
{
    json_t *points = json_array();
    for (size_t i = 0; i < groups->num; i++)
        if (isfinite(groups->items[i].cost[cost]) && isfinite(groups->items[i].top1.mean))
            json_array_append_new(points, point_of(&groups->items[i], cost));
    return json_pack("{s:s,s:s,s:s,s:o}", "title", cost_names[cost], "x", cost_units[cost], "y",
                     "top-1, %", "points", points);
}

static json_t *scatter_part(const run_groups *groups)
{
    json_t *list = json_array();
    for (int c = 0; c < NUM_COSTS; c++) {
        json_t *scatter = scatter_of(groups, c);
        if (json_array_size(json_object_get(scatter, "points")) > 0)
            json_array_append(list, scatter);
        json_decref(scatter);
    }
    return list;
}

/* ---- tables ------------------------------------------------------------------------------------
 */

static json_t *mean_text(const run_mean *m, int has_sign)
{
    if (!isfinite(m->mean))
        return json_text("");
    const char *format = has_sign ? "%+.2f" : "%.2f";
    char mean[32];
    snprintf(mean, sizeof mean, format, m->mean);
    return m->num > 1 ? json_sprintf("%s \xc2\xb1 %.2f", mean, m->sd) : json_text(mean);
}

static json_t *interval_text(const run_mean *m)
{
    return m->num > 1 ? json_sprintf("%+.2f to %+.2f", m->low, m->high) : json_text("");
}

static json_t *cost_text(double x, int cost)
{
    char text[40];
    if (!isfinite(x))
        return json_text("");
    return cost == COST_MS ? json_sprintf("%.3f", x) : json_text(grouped(x, text, sizeof text));
}

static json_t *cost_row(const run_group *g, const run_group *first)
{
    json_t *row = json_array();
    (void)first;
    json_array_append_new(row, json_text(g->name));
    json_array_append_new(row, json_sprintf("%zu", g->num));
    json_array_append_new(row, mean_text(&g->top1, 0));
    for (int c = 0; c < NUM_COSTS; c++)
        json_array_append_new(row, cost_text(g->cost[c], c));
    return row;
}

static json_t *change_row(const run_group *g, const run_group *first)
{
    const run_mean paired = run_groups_paired(g, first);
    json_t *row = json_array();
    json_array_append_new(row, json_text(g->name));
    json_array_append_new(row, mean_text(&g->change, 1));
    json_array_append_new(row, interval_text(&g->change));
    json_array_append_new(row, g == first ? json_text("") : mean_text(&paired, 1));
    json_array_append_new(row, g == first ? json_text("") : interval_text(&paired));
    return row;
}

/* A row a group; the header is taken. */
static json_t *groups_table(const run_groups *groups, const char *title, const char *caption,
                            json_t *header,
                            json_t *(*row)(const run_group *g, const run_group *first))
{
    json_t *rows = json_array();
    for (size_t i = 0; i < groups->num; i++)
        json_array_append_new(rows, row(&groups->items[i], &groups->items[0]));
    return json_pack("{s:s,s:s,s:o,s:o}", "title", title, "caption", caption, "header", header,
                     "rows", rows);
}

static const run_layer *layer_named(const run_record *r, const char *name)
{
    for (size_t i = 0; i < r->num_layers; i++)
        if (strcmp(r->layers[i].name, name) == 0)
            return &r->layers[i];
    return NULL;
}

static json_t *left_text(const run_layer *l)
{
    const run_side *s = l != NULL ? &l->side[RUN_AFTER] : NULL;
    if (s == NULL || !(s->weights > 0) || !isfinite(s->nonzeros))
        return json_text("");
    return json_sprintf("%.2f %%, %.0f bits", 100 * s->nonzeros / s->weights, s->bits);
}

/* Each layer of the first run, and what is left of it in each. */
static json_t *layers_table(const run_groups *groups)
{
    json_t *header = json_pack("[s]", "layer"), *rows = json_array();
    const run_record *first = groups->items[0].runs[0];
    for (size_t k = 0; k < groups->num; k++)
        json_array_append_new(header, json_text(groups->items[k].name));
    for (size_t i = 0; i < first->num_layers; i++) {
        const char *name = first->layers[i].name;
        json_t *row = json_array();
        json_array_append_new(row, json_text(name));
        for (size_t k = 0; k < groups->num; k++)
            json_array_append_new(row, left_text(layer_named(groups->items[k].runs[0], name)));
        json_array_append_new(rows, row);
    }
    return json_pack(
        "{s:s,s:s,s:o,s:o}", "title", "What is left of each layer", "caption",
        "Share of the weights that are not 0, and their bits; of the first run of each "
        "row above.",
        "header", header, "rows", rows);
}

static json_t *all_tables(const run_groups *groups)
{
    json_t *list = json_array();
    json_array_append_new(
        list,
        groups_table(groups, "Side by side",
                     "Runs that differ in their seed alone are one row: mean \xc2\xb1 deviation.",
                     json_pack("[s,s,s,s,s,s]", "run", "runs", "top-1, %", cost_units[0],
                               cost_units[1], cost_units[2]),
                     cost_row));
    json_array_append_new(
        list,
        groups_table(
            groups, "Changes of top-1",
            "In percentage points, of the same run before and after, and "
            "against the first row by the same seeds; 95 % intervals are those of the paired "
            "differences (Student's t).",
            json_pack("[s,s,s,s,s]", "run", "change", "95 %", "to the first", "95 %"), change_row));
    if (groups->items[0].runs[0]->num_layers > 0)
        json_array_append_new(list, layers_table(groups));
    return list;
}

json_t *side_page(const run_record *runs, size_t num)
{
    run_groups groups;
    json_t *data = NULL;
    if (run_groups_make(&groups, runs, num)) {
        data = json_object();
        json_object_set_new(data, "title", json_sprintf("%zu runs side by side", num));
        json_object_set_new(data, "lead",
                            json_text("What each network knows, and what it costs. Dotted are "
                                      "those that no other beats at both."));
        json_object_set_new(data, "scatter", scatter_part(&groups));
        json_object_set_new(data, "tables", all_tables(&groups));
        json_object_set_new(data, "lines", run_group_lines(&groups));
        json_object_set_new(data, "made", json_sprintf("Made by kerf %s.", kerf_version()));
    }
    run_groups_free(&groups);
    return data;
}

/* ---- JSON --------------------------------------------------------------------------------------
 */

static json_t *mean_json(const run_mean *m)
{
    return json_pack("{s:o,s:o,s:[o,o]}", "mean", json_number(m->mean), "sd", json_number(m->sd),
                     "ci95", json_number(m->low), json_number(m->high));
}

static json_t *group_json(const run_group *g)
{
    return json_pack("{s:o,s:I,s:o,s:o,s:o,s:o,s:o}", "name", json_text(g->name), "runs",
                     (json_int_t)g->num, "top1", mean_json(&g->top1), "change",
                     mean_json(&g->change), "bytes", json_number(g->cost[COST_BYTES]), "macs",
                     json_number(g->cost[COST_MACS]), "ms", json_number(g->cost[COST_MS]));
}

json_t *side_json(const run_record *runs, size_t num)
{
    run_groups groups;
    json_t *object = json_begin(), *list = json_array();
    if (run_groups_make(&groups, runs, num))
        for (size_t i = 0; i < groups.num; i++)
            json_array_append_new(list, group_json(&groups.items[i]));
    json_object_set_new(object, "groups", list);
    run_groups_free(&groups);
    return object;
}
