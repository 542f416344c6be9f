/* plan/costs_text.c -- costs from and to JSON; see kerf/costs.h.
 *
 *     {"schema": 1, "kerf": VERSION, "device", "id", "driver", "structure",
 *      "points": [{"density", "channels", "bits", "mode", "precision", "ms", "rest_ms"}],
 *      "layers": [{"name", "op", "shape", "points": [{"density", "macs", "ms"}]}],
 *      "left_out": [line]}
 *
 * A layer's points are those of the list above it, in that order.  A file comes from anywhere, so
 * each number is looked at before it is believed. */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/costs_internal.h"

enum { MOST_POINTS = 256, MOST_LAYERS = 4096, MOST_BITS = 64 };

/* ---- writing --------------------------------------------------------------------------------- */

static json_t *point_json(const kerf_costs_point *p)
{
    return json_pack("{s:f,s:f,s:i,s:s,s:s,s:f,s:f}", "density", p->density, "channels",
                     p->channels, "bits", p->bits, "mode", p->mode, "precision",
                     kerf_precision_name(p->precision), "ms", p->ms, "rest_ms", p->rest_ms);
}

static json_t *layer_json(const kerf_costs *c, size_t i)
{
    const kerf__costs_layer *l = &c->layers[i];
    json_t *shape = json_array(), *points = json_array();
    for (int d = 0; d < l->shape.rank; d++)
        json_array_append_new(shape, json_integer((json_int_t)l->shape.dims[d]));
    for (size_t p = 0; p < c->num_points; p++)
        json_array_append_new(points, json_pack("{s:f,s:f,s:f}", "density", l->cells[p].density,
                                                "macs", l->cells[p].macs, "ms", l->cells[p].ms));
    return json_pack("{s:s,s:s,s:o,s:o}", "name", c->names[i], "op", l->op, "shape", shape,
                     "points", points);
}

static json_t *lines_json(const char *text)
{
    json_t *lines = json_array();
    while (*text != '\0') {
        const size_t length = strcspn(text, "\n");
        json_array_append_new(lines, json_stringn(text, length));
        text += length + (text[length] == '\n');
    }
    return lines;
}

kerf_status kerf_costs_print(const kerf_costs *c, char **json)
{
    json_t *points = json_array(), *layers = json_array();
    for (size_t p = 0; p < c->num_points; p++)
        json_array_append_new(points, point_json(&c->points[p]));
    for (size_t l = 0; l < c->num_layers; l++)
        json_array_append_new(layers, layer_json(c, l));
    json_t *object = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:o,s:o,s:o}", "schema", 1, "kerf",
                               kerf_version(), "device", c->device, "id", c->device_id, "driver",
                               c->driver, "structure", c->structure, "points", points, "layers",
                               layers, "left_out", lines_json(kerf_costs_left_out(c)));
    *json = object != NULL ? json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(object);
    return *json != NULL ? KERF_OK : kerf__fail_memory("costs", 1 << 16);
}

/* ---- reading --------------------------------------------------------------------------------- */

static kerf_status read_text(const json_t *object, const char *key, char **text)
{
    const char *there = json_string_value(json_object_get(object, key));
    if (there == NULL || there[0] == '\0')
        return kerf__fail(KERF_ERR_FORMAT,
                          "costs: '%s' must be a text; `kerf bench M --costs` "
                          "writes such files",
                          key);
    *text = kerf__strdup(there);
    return *text != NULL ? KERF_OK : kerf__fail_memory("costs", strlen(there));
}

typedef struct bound {
    const char *key;
    double least, most;
    int is_above; /* the least itself is too little */
} bound;

static kerf_status read_number(const json_t *object, const char *where, bound b, double *out)
{
    const json_t *x = json_object_get(object, b.key);
    *out = json_is_number(x) ? json_number_value(x) : (double)NAN;
    if (isfinite(*out) && *out <= b.most && (b.is_above ? *out > b.least : *out >= b.least))
        return KERF_OK;
    return kerf__fail(KERF_ERR_FORMAT,
                      "costs: %s: '%s' is %s, must be a number %s %g and at most %g", where, b.key,
                      x == NULL ? "missing" : "out of range", b.is_above ? "above" : "of at least",
                      b.least, b.most);
}

/* A week is more than any network takes. */
static const double MOST_MS = 6.048e8;

static kerf_status read_precision(const json_t *object, const char *where, kerf_precision *out)
{
    static const kerf_precision KNOWN[] = {KERF_PRECISION_F32, KERF_PRECISION_F16};
    const char *word = json_string_value(json_object_get(object, "precision"));
    for (size_t i = 0; word != NULL && i < sizeof KNOWN / sizeof KNOWN[0]; i++)
        if (strcmp(word, kerf_precision_name(KNOWN[i])) == 0) {
            *out = KNOWN[i];
            return KERF_OK;
        }
    return kerf__fail(KERF_ERR_FORMAT, "costs: %s: 'precision' must be f32 or f16", where);
}

static kerf_status read_point(const json_t *object, const char *where, kerf_costs_point *p)
{
    double bits;
    const char *mode = json_string_value(json_object_get(object, "mode"));
    KERF__TRY(read_number(object, where, (bound){"density", 0, 1, 1}, &p->density));
    KERF__TRY(read_number(object, where, (bound){"channels", 0, 1, 1}, &p->channels));
    KERF__TRY(read_number(object, where, (bound){"bits", 1, MOST_BITS, 0}, &bits));
    KERF__TRY(read_number(object, where, (bound){"ms", 0, MOST_MS, 1}, &p->ms));
    KERF__TRY(read_number(object, where, (bound){"rest_ms", -MOST_MS, MOST_MS, 0}, &p->rest_ms));
    p->bits = (int)bits;
    if (mode == NULL || strlen(mode) >= sizeof p->mode)
        return kerf__fail(KERF_ERR_FORMAT,
                          "costs: %s: 'mode' must be float, static, weight-only or "
                          "dynamic",
                          where);
    snprintf(p->mode, sizeof p->mode, "%s", mode);
    return read_precision(object, where, &p->precision);
}

static kerf_status read_cell(const json_t *object, const char *where, kerf_costs_cell *cell)
{
    KERF__TRY(read_number(object, where, (bound){"density", 0, 1, 0}, &cell->density));
    KERF__TRY(read_number(object, where, (bound){"macs", 0, 1, 0}, &cell->macs));
    return read_number(object, where, (bound){"ms", 0, MOST_MS, 0}, &cell->ms);
}

static kerf_status read_shape(const json_t *list, const char *where, kerf_shape *shape)
{
    const size_t rank = json_array_size(list);
    int is_good = rank >= 1 && rank <= KERF_MAX_RANK;
    double all = 1;
    *shape = (kerf_shape){.rank = is_good ? (int)rank : 0};
    for (int d = 0; d < shape->rank; d++) {
        const json_int_t x = json_integer_value(json_array_get(list, (size_t)d));
        is_good &= x >= 1 && (all *= (double)x) < 0x1p40;
        shape->dims[d] = x;
    }
    return is_good
               ? KERF_OK
               : kerf__fail(KERF_ERR_FORMAT,
                            "costs: %s: 'shape' must be a list of 1 to %d whole numbers above 0",
                            where, KERF_MAX_RANK);
}

static kerf_status read_cells(const kerf_costs *c, const json_t *list, const char *name,
                              kerf_costs_cell *cells)
{
    char where[128];
    if (json_array_size(list) != c->num_points)
        return kerf__fail(KERF_ERR_FORMAT,
                          "costs: layer %.60s has %zu points, must have all %zu of the file", name,
                          json_array_size(list), c->num_points);
    for (size_t p = 0; p < c->num_points; p++) {
        snprintf(where, sizeof where, "layer %.60s, point %zu", name, p);
        KERF__TRY(read_cell(json_array_get(list, p), where, &cells[p]));
    }
    return KERF_OK;
}

static kerf_status read_layer(kerf_costs *c, const json_t *object, size_t i)
{
    char where[96];
    kerf__costs_layer *l = &c->layers[i];
    KERF__TRY(read_text(object, "name", &c->names[i]));
    KERF__TRY(read_text(object, "op", &l->op));
    snprintf(where, sizeof where, "layer %.60s", c->names[i]);
    KERF__TRY(read_shape(json_object_get(object, "shape"), where, &l->shape));
    for (size_t k = 0; k < i; k++)
        if (strcmp(c->names[k], c->names[i]) == 0)
            return kerf__fail(KERF_ERR_FORMAT, "costs: %s stands there twice, must once", where);
    return read_cells(c, json_object_get(object, "points"), c->names[i], l->cells);
}

static kerf_status read_all(kerf_costs *c, const json_t *root)
{
    const json_t *points = json_object_get(root, "points"),
                 *layers = json_object_get(root, "layers");
    char where[32], *structure;
    KERF__TRY(read_text(root, "device", &c->device));
    KERF__TRY(read_text(root, "id", &c->device_id));
    KERF__TRY(read_text(root, "driver", &c->driver));
    KERF__TRY(read_text(root, "structure", &structure));
    snprintf(c->structure, sizeof c->structure, "%s", structure);
    free(structure);
    for (size_t p = 0; p < c->num_points; p++) {
        snprintf(where, sizeof where, "point %zu", p);
        KERF__TRY(read_point(json_array_get(points, p), where, &c->points[p]));
    }
    if (!kerf__costs_is_whole(&c->points[0]) || c->points[0].precision != KERF_PRECISION_F32)
        return kerf__fail(KERF_ERR_FORMAT,
                          "costs: point 0 must be of the whole network: density 1, "
                          "channels 1, mode float, precision f32");
    for (size_t l = 0; l < c->num_layers; l++)
        KERF__TRY(read_layer(c, json_array_get(layers, l), l));
    return KERF_OK;
}

/* Before there is room for anything. */
static kerf_status check_head(const json_t *root)
{
    const json_t *schema = json_object_get(root, "schema"),
                 *points = json_object_get(root, "points");
    const char *version = json_string_value(json_object_get(root, "kerf"));
    const size_t num_points = json_array_size(points);
    const size_t num_layers = json_array_size(json_object_get(root, "layers"));
    if (json_integer_value(schema) != 1 || version == NULL || points == NULL)
        return kerf__fail(KERF_ERR_FORMAT, "costs: must be what `kerf bench M --costs -o FILE` "
                                           "writes, with \"schema\": 1 and \"points\"");
    if (strcmp(version, kerf_version()) != 0)
        return kerf__fail(KERF_ERR_FORMAT,
                          "costs: were measured by kerf %.32s, must be by this version, %s",
                          version, kerf_version());
    if (num_points < 1 || num_points > MOST_POINTS || num_layers < 1 || num_layers > MOST_LAYERS)
        return kerf__fail(KERF_ERR_FORMAT,
                          "costs: of %zu layers at %zu points, must be 1 to %d at 1 to %d",
                          num_layers, num_points, MOST_LAYERS, MOST_POINTS);
    return KERF_OK;
}

static kerf_status parse(kerf_costs **out, const json_t *root)
{
    KERF__TRY(check_head(root));
    KERF__TRY(kerf__costs_create(out, json_array_size(json_object_get(root, "layers")),
                                 json_array_size(json_object_get(root, "points"))));
    kerf_status status = read_all(*out, root);
    if (status != KERF_OK) {
        kerf_costs_destroy(*out);
        *out = NULL;
    }
    return status;
}

kerf_status kerf_costs_parse(kerf_costs **out, const char *json)
{
    json_error_t error;
    json_t *root = json_loads(json, 0, &error);
    *out = NULL;
    if (root == NULL)
        return kerf__fail(KERF_ERR_FORMAT, "costs: line %d is no JSON: %.80s", error.line,
                          error.text);
    kerf_status status = parse(out, root);
    json_decref(root);
    return status;
}
