/* quantize_errors.c -- the error table of `kerf quantize --analyse`; see quantize_errors.h. */
#include "quantize_errors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "json.h"

/* ---- a layer alone --------------------------------------------------------------------- */

/* A name as a pattern that means it and nothing else. */
static void quote(char *pattern, const char *name)
{
    for (; *name != '\0'; name++) {
        if (strchr("*?[\\", *name) != NULL)
            *pattern++ = '\\';
        *pattern++ = *name;
    }
    *pattern = '\0';
}

static kerf_split split_of(const change *c)
{
    return kerf_dataset_num_samples(c->s.data, KERF_SPLIT_VAL) > 0 ? KERF_SPLIT_VAL
                                                                   : KERF_SPLIT_TEST;
}

static kerf_status top1_of(const change *c, const kerf_graph *g, kerf_state *s, double *top1)
{
    kerf_evaluation e = {0};
    kerf_status status =
        kerf_evaluate(g, s, c->s.data, split_of(c), c->before.e.e.batch, c->s.prep, &e, NULL);
    *top1 = e.top1;
    return status;
}

static kerf_status quantize_alone(const change *c, kerf_quantize_options q, const char *name,
                                  double *top1)
{
    char pattern[2 * sizeof((kerf_layer_error *)0)->name];
    const char *layers[] = {pattern};
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    quote(pattern, name);
    q.layers = layers;
    q.num_layers = 1;
    q.num_skip = 0;
    kerf_status status = kerf_graph_copy(&g, c->s.m.g);
    if (status == KERF_OK)
        status = kerf_state_copy(&s, c->s.m.s, c->s.dev);
    if (status == KERF_OK)
        status = kerf_quantize(g, s, &q);
    if (status == KERF_OK)
        status = top1_of(c, g, s, top1);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

static kerf_status measure_top1(const change *c, layer_errors *e, const kerf_quantize_options *q)
{
    double whole;
    kerf_status status = top1_of(c, c->s.m.g, c->s.m.s, &whole);
    for (size_t i = 0; status == KERF_OK && i < e->num; i++) {
        double top1;
        status =
            interrupted() ? KERF_ERR_CANCELLED : quantize_alone(c, *q, e->items[i].name, &top1);
        if (status == KERF_OK)
            e->top1_lost[i] = whole - top1;
    }
    return status;
}

kerf_status errors_measure(const change *c, layer_errors *out, const kerf_quantize_options *q,
                           const kerf_calibrate_options *how)
{
    *out = (layer_errors){0};
    kerf_status status =
        kerf_quantize_analyse(&out->items, &out->num, c->s.m.g, c->s.m.s, c->s.data, q, how);
    if (status != KERF_OK)
        return status;
    out->top1_lost = malloc(out->num * sizeof *out->top1_lost + 1);
    if (out->top1_lost == NULL)
        return KERF_ERR_MEMORY;
    for (size_t i = 0; i < out->num; i++)
        out->top1_lost[i] = NAN;
    return c->before.e.is_known ? measure_top1(c, out, q) : KERF_OK;
}

void errors_free(layer_errors *e)
{
    free(e->items);
    free(e->top1_lost);
    *e = (layer_errors){0};
}

/* ---- showing --------------------------------------------------------------------------- */

static void cell(table *t, const char *format, double x)
{
    char text[40];
    snprintf(text, sizeof text, "%.*f", format[0] - '0', x);
    table_cell(t, "%s", isnan(x) ? "" : isinf(x) ? "none" : text);
}

static void cell_small(table *t, double x)
{
    table_cell(t, "%.3g", x);
}

void errors_print(const layer_errors *e, FILE *out)
{
    table *t = table_create("layer|>weights SNR dB|>MSE|>MAE|>largest|>SNR dB|>cosine|>saturated|"
                            ">top-1 lost alone");
    for (size_t i = 0; i < e->num; i++) {
        const kerf_error *y = &e->items[i].outputs;
        table_cell(t, "%s", e->items[i].name);
        cell(t, "1", e->items[i].weights.snr_db);
        cell_small(t, y->mse);
        cell_small(t, y->mae);
        cell_small(t, y->largest);
        cell(t, "1", y->snr_db);
        cell(t, "5", y->cosine);
        cell(t, "5", y->saturated);
        cell(t, "2", e->top1_lost[i]);
    }
    fputs("what rounding costs: weights, and outputs with all layers rounded\n", out);
    table_print(t, out);
    table_destroy(t);
    fputc('\n', out);
}

static json_t *error_json(const kerf_error *x)
{
    json_t *object = json_object();
    json_object_set_new(object, "mse", json_number(x->mse));
    json_object_set_new(object, "mae", json_number(x->mae));
    json_object_set_new(object, "largest", json_number(x->largest));
    json_object_set_new(object, "snr_db", json_number(isinf(x->snr_db) ? NAN : x->snr_db));
    json_object_set_new(object, "cosine", json_number(x->cosine));
    json_object_set_new(object, "saturated", json_number(x->saturated));
    return object;
}

json_t *errors_json(const layer_errors *e)
{
    json_t *list = json_array();
    for (size_t i = 0; i < e->num; i++) {
        json_t *object = json_object();
        json_object_set_new(object, "name", json_text(e->items[i].name));
        json_object_set_new(object, "weights", error_json(&e->items[i].weights));
        json_object_set_new(object, "outputs", error_json(&e->items[i].outputs));
        json_object_set_new(object, "top1_lost", json_number(e->top1_lost[i]));
        json_array_append_new(list, object);
    }
    return list;
}
