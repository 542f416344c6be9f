/* gate_report.c -- what gates keep and save, as text and as JSON; see gate_report.h.
 *
 * What a plan computes is counted, not guessed: a layer skips only where that pays, so it may be
 * more than what gates keep. */
#include "gate_report.h"

#include <math.h>

#include "json.h"

/* ---- the gates ------------------------------------------------------------------------------- */

void gates_print(const kerf_graph *g, FILE *out)
{
    kerf_boost_gate gate;
    table *t = table_create("gate behind|>channels|>kept");
    for (int i = 0; kerf_boost_get(g, i, &gate) == KERF_OK; i++) {
        table_cell(t, "%s", gate.name);
        table_cell(t, "%lld", (long long)gate.channels);
        table_cell(t, "%lld", (long long)gate.kept);
    }
    table_print(t, out);
    table_destroy(t);
}

json_t *gates_json(const kerf_graph *g)
{
    json_t *list = json_array();
    kerf_boost_gate gate;
    for (int i = 0; kerf_boost_get(g, i, &gate) == KERF_OK; i++)
        json_array_append_new(list, json_pack("{s:o,s:I,s:I}", "name", json_text(gate.name), "kept",
                                              (json_int_t)gate.kept, "channels",
                                              (json_int_t)gate.channels));
    return list;
}

/* ---- savings --------------------------------------------------------------------------------- */

/* Of all channels of a batch; NAN where shapes do not tell. */
static double whole_macs(const kerf_graph *g, const kerf_plan_options *how)
{
    kerf_graph *copy;
    double macs = 0;
    kerf_status status = kerf_graph_copy(&copy, g);
    if (status == KERF_OK)
        status = kerf_graph_bind(copy, how->inputs, how->num_inputs);
    if (status == KERF_OK)
        status = kerf_graph_infer(copy, how->batch);
    for (int i = 0; status == KERF_OK && i < kerf_graph_num_nodes(copy); i++)
        macs += kerf_node_macs(kerf_graph_node(copy, i));
    kerf_graph_destroy(copy);
    return status == KERF_OK ? macs : NAN;
}

gate_savings savings_of(const kerf_graph *g, const kerf_plan_options *how, double planned_macs)
{
    gate_savings s = {.ms = NAN};
    kerf_boost_gate gate;
    for (int i = 0; i < kerf_boost_num(g) && kerf_boost_get(g, i, &gate) == KERF_OK; i++) {
        s.channels += gate.channels;
        s.kept += gate.kept;
    }
    if (s.channels == 0)
        return s;
    s.macs = whole_macs(g, how) / (double)how->batch;
    s.computed = planned_macs / (double)how->batch;
    return s;
}

void savings_print(const gate_savings *s, FILE *out)
{
    char kept[40], channels[40], computed[40], macs[40];
    if (s->channels == 0)
        return;
    fprintf(out, "gates keep %s of %s channels: %s of %s multiply-adds an input are computed",
            grouped((double)s->kept, kept, sizeof kept),
            grouped((double)s->channels, channels, sizeof channels),
            grouped(s->computed, computed, sizeof computed),
            isnan(s->macs) ? "?" : grouped(s->macs, macs, sizeof macs));
    if (s->macs > 0)
        fprintf(out, " (%.1f %%)", 100 * s->computed / s->macs);
    fprintf(out, ", %.3f ms an input\n", s->ms);
}

void savings_json(json_t *object, const gate_savings *s)
{
    if (s->channels > 0)
        json_object_set_new(object, "gating",
                            json_pack("{s:I,s:I,s:o,s:o,s:o}", "channels", (json_int_t)s->channels,
                                      "kept", (json_int_t)s->kept, "macs", json_number(s->macs),
                                      "computed_macs", json_number(s->computed), "ms",
                                      json_number(s->ms)));
}

/* ---- how often ------------------------------------------------------------------------------- */

static float median_of(const gate_frequency *f)
{
    return (f->kept[(f->num - 1) / 2] + f->kept[f->num / 2]) / 2;
}

static int count_equal(const gate_frequency *f, float share)
{
    int num = 0;
    for (size_t i = 0; i < f->num; i++)
        num += f->kept[i] == share;
    return num;
}

void frequencies_print(const gate_frequencies *f, FILE *out)
{
    if (f->num == 0)
        return;
    fprintf(out, "\nhow often channels are kept, of %lld inputs\n", (long long)f->samples);
    table *t = table_create("gate behind|>channels|>least|>median|>most|>never|>always");
    for (int i = 0; i < f->num; i++) {
        const gate_frequency *gate = &f->gates[i];
        table_cell(t, "%s", gate->name);
        table_cell(t, "%zu", gate->num);
        table_cell(t, "%.1f %%", 100 * (double)gate->kept[0]);
        table_cell(t, "%.1f %%", 100 * (double)median_of(gate));
        table_cell(t, "%.1f %%", 100 * (double)gate->kept[gate->num - 1]);
        table_cell(t, "%d", count_equal(gate, 0));
        table_cell(t, "%d", count_equal(gate, 1));
    }
    table_print(t, out);
    table_destroy(t);
}

void frequencies_json(json_t *object, const gate_frequencies *f)
{
    if (f->num == 0)
        return;
    json_t *list = json_array();
    for (int i = 0; i < f->num; i++) {
        const gate_frequency *gate = &f->gates[i];
        json_array_append_new(
            list,
            json_pack("{s:o,s:I,s:f,s:f,s:f,s:i,s:i}", "name", json_text(gate->name), "channels",
                      (json_int_t)gate->num, "min", (double)gate->kept[0], "median",
                      (double)median_of(gate), "max", (double)gate->kept[gate->num - 1], "never",
                      count_equal(gate, 0), "always", count_equal(gate, 1)));
    }
    json_object_set_new(object, "kept_often", list);
}
