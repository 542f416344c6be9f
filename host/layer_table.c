/* layer_table.c -- the layer table as text and as JSON; layers.c reads what it shows. */
#include <math.h>
#include <string.h>

#include "json.h"
#include "model.h"

static double sparsity_of(int64_t weights, int64_t nonzeros)
{
    return weights > 0 ? 1 - (double)nonzeros / (double)weights : 0;
}

static void cell_count(table *t, double x)
{
    char text[40];
    table_cell(t, "%s", isfinite(x) ? grouped(x, text, sizeof text) : "?");
}

void layers_print(const layer_list *list, FILE *out)
{
    table *t = table_create("layer|op|shape|>weights|>non-zeros|>sparsity|>bits|>bytes|>MACs");
    char text[96];
    for (size_t i = 0; i < list->num; i++) {
        const layer *l = &list->items[i];
        table_cell(t, "%s", l->name);
        table_cell(t, "%s", l->op);
        table_cell(t, "%s", kerf_shape_text(l->shape, text, sizeof text));
        cell_count(t, (double)l->weights);
        cell_count(t, (double)l->nonzeros);
        table_cell(t, "%.2f %%", 100 * sparsity_of(l->weights, l->nonzeros));
        table_cell(t, "%d", l->bits);
        cell_count(t, (double)l->bytes);
        cell_count(t, l->macs);
    }
    table_rule(t);
    table_cell(t, "total");
    table_cell(t, "%s", "");
    table_cell(t, "%s", "");
    cell_count(t, (double)list->weights);
    cell_count(t, (double)list->nonzeros);
    table_cell(t, "%.2f %%", 100 * sparsity_of(list->weights, list->nonzeros));
    table_cell(t, "%s", "");
    cell_count(t, (double)list->bytes);
    cell_count(t, list->macs);
    table_print(t, out);
    table_destroy(t);
}

/* "235,200 → 9,408", or one number where nothing changed. */
static void cell_change(table *t, double before, double after)
{
    char a[40], b[40];
    if (before == after || (isnan(before) && isnan(after)))
        cell_count(t, before);
    else
        table_cell(t, "%s \xe2\x86\x92 %s", grouped(before, a, sizeof a),
                   grouped(after, b, sizeof b));
}

static void cell_ms(table *t, double before, double after)
{
    if (isnan(before) || isnan(after))
        table_cell(t, "%s", "");
    else
        table_cell(t, "%.3f \xe2\x86\x92 %.3f", before, after);
}

static void change_row(table *t, const layer *a, const layer *b)
{
    table_cell(t, "%s", a->name);
    cell_change(t, (double)a->weights, (double)b->weights);
    cell_change(t, (double)a->nonzeros, (double)b->nonzeros);
    table_cell(t, "%.2f %%", 100 * sparsity_of(b->weights, b->nonzeros));
    cell_change(t, a->bits, b->bits);
    cell_change(t, (double)a->bytes, (double)b->bytes);
    cell_change(t, a->macs, b->macs);
    cell_ms(t, a->ms, b->ms);
}

static double total_ms(const layer_list *list)
{
    double ms = 0;
    for (size_t i = 0; i < list->num; i++)
        ms += list->items[i].ms;
    return ms;
}

/* What became of layer i: the one of its name; where none has gone, the one in its place. */
static const layer *find_after(const layer_list *before, const layer_list *after, size_t i)
{
    for (size_t k = 0; k < after->num; k++) {
        const layer *l = &after->items[(i + k) % after->num];
        if (strcmp(l->name, before->items[i].name) == 0)
            return l;
    }
    return before->num == after->num ? &after->items[i] : NULL;
}

static void row_of(table *t, const layer_list *before, const layer_list *after, size_t i)
{
    const layer *a = &before->items[i], *b = find_after(before, after, i);
    const layer gone = {.bits = a->bits, .ms = isnan(a->ms) ? NAN : 0};
    change_row(t, a, b != NULL ? b : &gone);
}

void layers_print_change(const layer_list *before, const layer_list *after, FILE *out)
{
    table *t =
        table_create("layer|>weights|>non-zeros|>sparsity|>bits|>bytes|>MACs|>ms at batch 1");
    for (size_t i = 0; i < before->num; i++)
        row_of(t, before, after, i);
    table_rule(t);
    table_cell(t, "total");
    cell_change(t, (double)before->weights, (double)after->weights);
    cell_change(t, (double)before->nonzeros, (double)after->nonzeros);
    table_cell(t, "%.2f %%", 100 * sparsity_of(after->weights, after->nonzeros));
    table_cell(t, "%s", "");
    cell_change(t, (double)before->bytes, (double)after->bytes);
    cell_change(t, before->macs, after->macs);
    cell_ms(t, total_ms(before), total_ms(after));
    table_print(t, out);
    table_destroy(t);
}

json_t *layers_json(const layer_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->num; i++) {
        const layer *l = &list->items[i];
        json_t *object = json_object();
        json_object_set_new(object, "name", json_text(l->name));
        json_object_set_new(object, "op", json_text(l->op));
        json_object_set_new(object, "shape", json_shape(l->shape));
        json_object_set_new(object, "weights", json_integer(l->weights));
        json_object_set_new(object, "nonzeros", json_integer(l->nonzeros));
        json_object_set_new(object, "sparsity", json_number(sparsity_of(l->weights, l->nonzeros)));
        json_object_set_new(object, "bits", json_integer(l->bits));
        json_object_set_new(object, "bytes", json_integer(l->bytes));
        json_object_set_new(object, "macs", json_number(l->macs));
        if (isfinite(l->ms))
            json_object_set_new(object, "ms", json_number(l->ms));
        json_array_append_new(array, object);
    }
    return array;
}

void layers_json_totals(json_t *object, const layer_list *list)
{
    json_object_set_new(object, "bytes", json_integer(list->bytes));
    json_object_set_new(object, "weights", json_integer(list->weights));
    json_object_set_new(object, "nonzeros", json_integer(list->nonzeros));
    json_object_set_new(object, "compression", json_number(layers_compression(list)));
    json_object_set_new(object, "macs", json_number(list->macs));
    json_object_set_new(object, "nonzero_macs", json_number(list->nonzero_macs));
}
