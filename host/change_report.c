/* change_report.c -- what a command that changes a model prints at its end, and the table
 * after each pruning; see change.h. */
#include <math.h>

#include "change.h"
#include "ranks.h"
#include "files.h"
#include "json.h"

static double percent(int64_t part, int64_t all)
{
    return all > 0 ? 100.0 * (double)part / (double)all : 0;
}

static void pruned_row(table *t, const kerf_prune_layer *l)
{
    char text[96], all[32];
    table_cell(t, "%s", l->name);
    table_cell(t, "%s", kerf_shape_text(l->shape, text, sizeof text));
    if (isnan(l->threshold))
        table_cell(t, "%s", "");
    else
        table_cell(t, "%.5f", l->threshold);
    table_cell(t, "%s / %s (%.2f %%)", grouped((double)l->nonzeros, text, sizeof text),
               grouped((double)l->total, all, sizeof all), percent(l->nonzeros, l->total));
    table_cell(t, "%s", grouped((double)(l->total - l->nonzeros), text, sizeof text));
}

/* Where whole units end up half a point or more beside what was asked for. */
static void print_nearest(const kerf_pruner *p, FILE *out)
{
    kerf_prune_layer l;
    for (int i = 0; i < kerf_pruner_num_layers(p); i++)
        if (kerf_pruner_read_layer(p, i, &l) == KERF_OK && fabs(l.nearest - l.asked) >= 0.005)
            fprintf(out, "%s: %.2f %% go, the nearest to %.2f %% that whole units allow\n", l.name,
                    100 * l.nearest, 100 * l.asked);
}

void print_pruned(const kerf_pruner *p, FILE *out)
{
    table *t = table_create("layer|shape|>threshold|>non-zeros / total|>pruned");
    int64_t alive = 0, total = 0;
    for (int i = 0; i < kerf_pruner_num_layers(p); i++) {
        kerf_prune_layer l;
        if (kerf_pruner_read_layer(p, i, &l) != KERF_OK)
            break;
        pruned_row(t, &l);
        alive += l.nonzeros;
        total += l.total;
    }
    table_print(t, out);
    table_destroy(t);
    char a[32], b[32], c[32];
    fprintf(out, "alive %s  pruned %s  total %s", grouped((double)alive, a, sizeof a),
            grouped((double)(total - alive), b, sizeof b), grouped((double)total, c, sizeof c));
    if (alive > 0)
        fprintf(out, "  compression rate %.2fx", (double)total / (double)alive);
    fputs("\n", out);
    print_nearest(p, out);
    fputs("\n", out);
}

static json_t *standing_json(const standing *now)
{
    json_t *object = json_object();
    evaluation_json(object, &now->e);
    json_object_set_new(object, "val_top1",
                        json_number(now->held_back.is_known ? now->held_back.e.top1 : NAN));
    layers_json_totals(object, &now->layers);
    return object;
}

/* What ranks sent each other of gradients, each of them. */
static json_t *exchange_json(const change *c)
{
    const kerf_exchange *e = &c->exchange;
    json_t *object = json_pack("{s:i,s:I,s:f,s:f,s:f}", "ranks", ranks_of(c->o)->num, "steps",
                               (json_int_t)e->steps, "bytes", e->bytes, "dense_bytes",
                               e->dense_bytes, "last_step_bytes", e->last_bytes);
    if (c->balance != NULL)
        json_object_set_new(object, "balance", json_text(c->balance));
    return object;
}

/* {} of training in floats. */
static json_t *scale_json(const change *c)
{
    kerf_loss_scale now;
    const int is_mixed = kerf_loss_scale_read(&now, c->s.m.s) == KERF_OK && now.scale > 0;
    return is_mixed
               ? json_pack("{s:s,s:f,s:I}", "precision", kerf_precision_name(KERF_PRECISION_MIXED),
                           "loss_scale", now.scale, "skipped_steps", (json_int_t)now.skipped)
               : json_object();
}

json_t *change_json(const change *c)
{
    json_t *object = json_begin(), *scale = scale_json(c);
    json_object_update(object, scale);
    json_decref(scale);
    json_object_set_new(object, "before", standing_json(&c->before));
    json_object_set_new(object, "after", standing_json(&c->after));
    json_object_set_new(object, "seconds", json_number((now_ms() - c->start_ms) / 1e3));
    json_object_set(object, "epochs", c->epochs);
    json_object_set_new(object, "output", json_text(c->o->output));
    if (c->exchange.steps > 0)
        json_object_set_new(object, "exchange", exchange_json(c));
    if (c->more != NULL)
        json_object_update(object, c->more);
    return object;
}

static json_t *words_json(const options *o)
{
    json_t *words = json_pack("[s]", o->command);
    for (int i = 0; i < o->argc; i++)
        json_array_append_new(words, json_text(o->argv[i]));
    return words;
}

json_t *change_summary_json(const change *c)
{
    const kerf_device_info *dev = kerf_device_get_info(c->s.dev);
    json_t *object = change_json(c);
    json_object_set_new(object, "command", words_json(c->o));
    json_object_set_new(object, "seed", json_integer(c->o->seed));
    json_object_set_new(object, "environment",
                        json_pack("{s:s,s:o,s:o,s:o,s:o}", "kerf", kerf_version(), "device",
                                  json_text(dev->name), "platform", json_text(dev->platform),
                                  "driver", json_text(dev->driver), "opencl",
                                  json_text(dev->opencl)));
    return object;
}

json_t *change_layers_json(const change *c)
{
    network_values after;
    json_t *object = NULL;
    if (network_values_read(&after, c->s.m.g, c->s.m.s) == KERF_OK)
        object = layers_file_json(&c->before.layers, &c->after.layers, &c->values, &after);
    network_values_free(&after);
    return object;
}

static void print_text(const change *c, FILE *out)
{
    const evaluation *a = &c->before.e, *b = &c->after.e;
    layers_print_change(&c->before.layers, &c->after.layers, out);
    fputc('\n', out);
    if (a->is_known && b->is_known)
        fprintf(out,
                "top-1 %.2f %% \xe2\x86\x92 %.2f %%  loss %.4f \xe2\x86\x92 %.4f  (%lld test "
                "samples)\n",
                a->e.top1, b->e.top1, a->e.loss, b->e.loss, (long long)b->e.samples);
    kerf_loss_scale now;
    if (kerf_loss_scale_read(&now, c->s.m.s) == KERF_OK && now.scale > 0)
        fprintf(out, "mixed precision: the loss is scaled by %g, %lld step%s skipped\n", now.scale,
                (long long)now.skipped, now.skipped == 1 ? "" : "s");
    double compression = layers_compression(&c->after.layers);
    if (compression > 1)
        fprintf(out, "compression %.2fx: weights / non-zeros\n", compression);
    if (c->after.layers.bytes < c->before.layers.bytes)
        fprintf(out, "weights take %.2fx less\n",
                (double)c->before.layers.bytes / (double)c->after.layers.bytes);
    fprintf(out, "%s: written in %.1f s\n", c->o->output, (now_ms() - c->start_ms) / 1e3);
}

int change_report(const change *c)
{
    if (c->o->json)
        return json_finish(c->o, change_json(c));
    print_text(c, result_stream(c->o));
    return EXIT_DONE;
}
