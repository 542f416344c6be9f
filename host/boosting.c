/* boosting.c -- gates behind convolutions, trained with the network; see boosting.h. */
#include "boosting.h"

#include "change.h"
#include "command.h"
#include "json.h"

int boosting_keep(const options *o, model *m)
{
    if (!options_given(o, "keep"))
        return 0;
    return kerf_boost_keep(m->g, o->keep) == KERF_OK
               ? 0
               : fail_usage(o, "--keep: %s: %s", m->path, kerf_last_error());
}

/* ---- prune ------------------------------------------------------------------------------------
 */

static int check_options(const options *o)
{
    static const char *const others[] = {
        "method",       "sparsity", "s",      "scope", "min-keep", "structure", "remove", "groups",
        "criterion",    "macs",     "events", "curve", "retrain",  "lift",      "rewind", "mask",
        "min-channels", "round-to", "biases", "size",  "latency",  "max-drop",  "analyse"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o, "--%s: --gates takes no weights; it goes by --keep and --finetune",
                              others[i]);
    if (!options_given(o, "keep"))
        return fail_usage(o, "--keep is missing: the share of channels that gates leave, such as "
                             "--keep 0.5");
    if (o->finetune <= 0 || o->data == NULL)
        return fail_usage(o, "--gates: they are trained with the network, so it wants --finetune "
                             "and --data");
    return 0;
}

static json_t *gates_json(const kerf_graph *g)
{
    json_t *list = json_array();
    kerf_boost_gate gate;
    for (int i = 0; kerf_boost_get(g, i, &gate) == KERF_OK; i++)
        json_array_append_new(list, json_pack("{s:o,s:I,s:I}", "name", json_text(gate.name), "kept",
                                              (json_int_t)gate.kept, "channels",
                                              (json_int_t)gate.channels));
    return json_pack("{s:o}", "gates", list);
}

static void print_gates(const options *o, const kerf_graph *g)
{
    kerf_boost_gate gate;
    table *t = table_create("gate behind|>channels|>kept");
    for (int i = 0; kerf_boost_get(g, i, &gate) == KERF_OK; i++) {
        table_cell(t, "%s", gate.name);
        table_cell(t, "%lld", (long long)gate.channels);
        table_cell(t, "%lld", (long long)gate.kept);
    }
    table_print(t, result_stream(o));
    table_destroy(t);
}

static int mark_and_train(change *c)
{
    const options *o = c->o;
    const kerf_boost_options how = {.keep = o->keep,
                                    .layers = o->layers.items,
                                    .num_layers = o->layers.num,
                                    .skip = o->skip.items,
                                    .num_skip = o->skip.num};
    const kerf_status status = kerf_boost_mark(c->s.m.g, c->s.m.s, &how);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    c->more = gates_json(c->s.m.g);
    if (!o->json && !o->quiet)
        print_gates(o, c->s.m.g);
    c->train.epochs = o->finetune;
    return change_train(c);
}

int boosting_prune(const options *o)
{
    change c;
    int code = check_options(o);
    if (code != 0)
        return code;
    code = change_begin(&c, o);
    if (code == 0)
        code = mark_and_train(&c);
    if (code == 0)
        code = change_finish(&c);
    change_close(&c);
    return code;
}
