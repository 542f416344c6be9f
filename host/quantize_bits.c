/* quantize_bits.c -- targets for the types of layers, and what was found; see quantize_bits.h. */
#include "quantize_bits.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "json.h"
#include "quantize_errors.h"
#include "target.h"
#include "text.h"

static const char *const TYPES[KERF_NUM_BITS] = {"float", "int8", "int4", "int2"};

/* ---- targets --------------------------------------------------------------------------- */

int bits_check(const options *o)
{
    if (o->weights != NULL)
        return fail_usage(o, "--weights: is what --max-drop, --size and --latency find; must be "
                             "left out, layers can be with --skip");
    if (o->data == NULL)
        return fail_usage(o, "--data is missing: what types of weights cost is found on samples");
    return target_check(o);
}

/* The bytes that "4x" is of are those of the file as it is. */
static int make_target(const change *c, kerf_target *target)
{
    void *file;
    size_t num;
    kerf_status status = kerf_onnx_serialize(c->s.m.g, c->s.m.s, &file, &num);
    if (status != KERF_OK)
        return fail_kerf(c->o, status);
    free(file);
    return target_make(c->o, (double)num, target);
}

/* ---- showing --------------------------------------------------------------------------- */

static double snr_db(double noise)
{
    return noise > 0 ? -10 * log10(noise) : NAN;
}

static void number(table *t, const char *format, double x)
{
    table_number(t, format, x, "");
}

static int place_of(kerf_type type)
{
    static const kerf_type ORDER[KERF_NUM_BITS] = {KERF_F32, KERF_S8, KERF_S4, KERF_S2};
    int i = 0;
    while (i < KERF_NUM_BITS - 1 && ORDER[i] != type)
        i++;
    return i;
}

static void print_layers(const kerf_bits *b, const char *lost, FILE *out)
{
    char header[256];
    snprintf(header, sizeof header,
             "layer|chosen|>SNR dB int8|>int4|>int2|>%s int8|>int4|>int2|>ms float|>int8|>int4|"
             ">int2",
             lost);
    table *t = table_create(header);
    for (size_t i = 0; i < kerf_bits_num_layers(b); i++) {
        const kerf_bits_layer *l = kerf_bits_get_layer(b, i);
        table_cell(t, "%s", l->name);
        table_cell(t, "%s", TYPES[place_of(l->chosen)]);
        for (int k = 1; k < KERF_NUM_BITS; k++)
            number(t, "%.1f", snr_db(l->with[k].noise));
        for (int k = 1; k < KERF_NUM_BITS; k++)
            number(t, "%.2f", l->with[k].lost);
        for (int k = 0; k < KERF_NUM_BITS; k++)
            number(t, "%.3f", l->with[k].ms > 0 ? l->with[k].ms : NAN);
    }
    fputs("each layer alone, and its time among others of its type\n", out);
    table_print(t, out);
    table_destroy(t);
}

static void print_curve(const options *o, const kerf_bits *b, const char *lost, FILE *out)
{
    char header[128], text[32];
    snprintf(header, sizeof header, ">float|>int8|>int4|>int2|>SNR dB|>%s|>bytes|>ms|", lost);
    table *t = table_create(header);
    for (size_t i = 0; i < kerf_bits_num_points(b); i++) {
        const kerf_bits_point *p = kerf_bits_get_point(b, i);
        for (int k = 0; k < KERF_NUM_BITS; k++)
            table_cell(t, "%d", p->num_of[k]);
        number(t, "%.1f", snr_db(p->noise));
        number(t, "%.2f", p->lost);
        table_cell(t, "%s", grouped(p->bytes, text, sizeof text));
        number(t, "%.3f", p->ms);
        table_cell(t, "%s", p->is_chosen ? "chosen" : "");
    }
    fputs("\nthe trade-off: layers of each type", out);
    target_tell_clock(o, out);
    fputs("\n", out);
    table_print(t, out);
    table_destroy(t);
}

/* The type that most layers have. */
static int commonest(const kerf_bits *b)
{
    size_t num[KERF_NUM_BITS] = {0};
    int best = 0;
    for (size_t i = 0; i < kerf_bits_num_layers(b); i++)
        num[place_of(kerf_bits_get_layer(b, i)->chosen)]++;
    for (int k = 1; k < KERF_NUM_BITS; k++)
        best = num[k] > num[best] ? k : best;
    return best;
}

/* What the shell or --weights would take apart fits any character instead. */
static char *add_choice(char *p, const kerf_quantize_choice *choice)
{
    for (const char *q = choice->pattern; *q != '\0'; q++)
        *p++ = *q == ',' || *q == '\'' ? '?' : *q;
    *p++ = '=';
    const char *type = TYPES[place_of(choice->weights)];
    memcpy(p, type, strlen(type));
    p += strlen(type);
    *p++ = ',';
    return p;
}

/* "conv1=int8,fc2=float,int4"; freed with free(). */
static char *weights_text(const kerf_bits *b)
{
    enum { MORE = 8 };
    const kerf_quantize_choice *choices = kerf_bits_choices(b);
    const int most = commonest(b);
    size_t length = MORE;
    for (size_t i = 0; i < kerf_bits_num_layers(b); i++)
        length += strlen(choices[i].pattern) + MORE;
    char *text = malloc(length), *p = text;
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < kerf_bits_num_layers(b); i++)
        if (place_of(choices[i].weights) != most)
            p = add_choice(p, &choices[i]);
    memcpy(p, TYPES[most], strlen(TYPES[most]) + 1);
    return text;
}

static void print_found(const change *c, const kerf_bits *b, const char *weights)
{
    FILE *out = result_stream(c->o);
    const char *lost = errors_lost(kerf_dataset_num_classes(c->s.data) > 0);
    print_layers(b, lost, out);
    print_curve(c->o, b, lost, out);
    fputs("\nthe same without looking:", out);
    if (c->held_back > 0)
        fprintf(out, " --val %lld", (long long)c->held_back);
    fprintf(out, " --weights '%s'\n\n", weights);
}

static json_t *layer_json(const kerf_bits_layer *l)
{
    json_t *object = json_object();
    json_object_set_new(object, "name", json_text(l->name));
    json_object_set_new(object, "weights", json_text(TYPES[place_of(l->chosen)]));
    for (int k = 0; k < KERF_NUM_BITS; k++)
        json_object_set_new(
            object, TYPES[k],
            json_pack("{s:o,s:o,s:o,s:o}", "snr_db", json_number(snr_db(l->with[k].noise)), "lost",
                      json_number(l->with[k].lost), "saved_bytes", json_number(l->with[k].saved),
                      "ms", json_number(l->with[k].ms)));
    return object;
}

static json_t *point_json(const kerf_bits_point *p)
{
    json_t *object = json_object();
    for (int k = 0; k < KERF_NUM_BITS; k++)
        json_object_set_new(object, TYPES[k], json_integer(p->num_of[k]));
    json_object_set_new(object, "snr_db", json_number(snr_db(p->noise)));
    json_object_set_new(object, "lost", json_number(p->lost));
    json_object_set_new(object, "bytes", json_number(p->bytes));
    json_object_set_new(object, "ms", json_number(p->ms));
    json_object_set_new(object, "chosen", json_boolean(p->is_chosen));
    return object;
}

static json_t *found_json(const change *c, const kerf_bits *b, const char *weights)
{
    json_t *layers = json_array(), *curve = json_array();
    for (size_t i = 0; i < kerf_bits_num_layers(b); i++)
        json_array_append_new(layers, layer_json(kerf_bits_get_layer(b, i)));
    for (size_t i = 0; i < kerf_bits_num_points(b); i++)
        json_array_append_new(curve, point_json(kerf_bits_get_point(b, i)));
    return json_pack("{s:o,s:o,s:o,s:I,s:s?}", "layers", layers, "curve", curve, "weights",
                     json_text(weights), "val", (json_int_t)c->held_back, "costs",
                     target_costs_file(c->o));
}

/* ---- finding --------------------------------------------------------------------------- */

static int show(change *c, const kerf_bits *b)
{
    char *weights = weights_text(b);
    if (weights == NULL)
        return fail_memory(c->o);
    if (c->o->json) {
        if (c->more == NULL)
            c->more = json_object();
        json_object_set_new(c->more, "found", found_json(c, b, weights));
    } else
        print_found(c, b, weights);
    free(weights);
    return 0;
}

int bits_find(change *c, kerf_quantize_options *q, const kerf_calibrate_options *calibrate,
              kerf_bits **out)
{
    kerf_target target;
    kerf_costs *costs = NULL;
    kerf_calibrate_options how = *calibrate;
    int code = make_target(c, &target);
    if (code == 0)
        code = target_costs(c->o, c->s.m.g, c->s.m.s, &costs);
    if (code != 0)
        return code;
    how.costs = costs;
    progress_begin(&c->bar, c->o, "find");
    kerf_status status =
        kerf_quantize_find_bits(out, c->s.m.g, c->s.m.s, c->s.data, q, &target, &how);
    progress_clear(&c->bar);
    kerf_costs_destroy(costs);
    if (status != KERF_OK)
        return status == KERF_ERR_CANCELLED ? EXIT_INTERRUPTED : fail_kerf(c->o, status);
    q->choices = kerf_bits_choices(*out);
    q->num_choices = kerf_bits_num_layers(*out);
    if (kerf_bits_missed(*out) == NULL)
        return show(c, *out);
    fail_work(c->o, "%s", kerf_bits_missed(*out));
    return EXIT_TARGET;
}
