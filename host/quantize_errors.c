/* quantize_errors.c -- the error table of `kerf quantize --analyse`; see quantize_errors.h. */
#include "quantize_errors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

const char *errors_lost(int has_labels)
{
    return has_labels ? "top-1 lost" : "agreement lost";
}

kerf_status errors_measure(const change *c, layer_errors *out, const kerf_quantize_options *q,
                           const kerf_calibrate_options *how)
{
    *out = (layer_errors){.has_labels = kerf_dataset_num_classes(c->s.data) > 0};
    return kerf_quantize_analyse(&out->items, &out->num, c->s.m.g, c->s.m.s, c->s.data, q, how);
}

void errors_free(layer_errors *e)
{
    free(e->items);
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
    char header[160];
    snprintf(header, sizeof header,
             "layer|>weights SNR dB|>MSE|>MAE|>largest|>SNR dB|>cosine|>saturated|>%s alone",
             errors_lost(e->has_labels));
    table *t = table_create(header);
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
        cell(t, "2", e->items[i].lost);
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
        json_object_set_new(object, e->has_labels ? "top1_lost" : "agreement_lost",
                            json_number(e->items[i].lost));
        json_array_append_new(list, object);
    }
    return list;
}
