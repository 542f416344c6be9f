/* boosting.c -- gates behind convolutions, trained with the network; see boosting.h. */
#include "boosting.h"

#include "change.h"
#include "command.h"
#include "gate_report.h"

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
    c->more = json_pack("{s:o}", "gates", gates_json(c->s.m.g));
    if (!o->json && !o->quiet)
        gates_print(c->s.m.g, result_stream(o));
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
