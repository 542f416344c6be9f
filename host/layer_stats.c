/* layer_stats.c -- histograms and norms of weights; see layer_stats.h. */
#include "layer_stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"

/* ---- reading --------------------------------------------------------------------------- */

enum { MOST_WEIGHTS = 1 << 26 };

typedef struct reading {
    network_values *out;
    size_t num_weights;
} reading;

static int is_float(kerf_type type)
{
    return type == KERF_F32 || type == KERF_F16;
}

/* Which dimension of the weights counts outputs. */
static int output_axis(const kerf_node *n, int rank)
{
    static const struct {
        const char *op;
        int axis; /* below 0: from the end */
    } axes[] = {{"Conv", 0},          {"ConvInteger", 0}, {"QLinearConv", 0},
                {"ConvTranspose", 1}, {"MatMul", -1},     {"MatMulInteger", -1},
                {"Gather", 0},        {"LSTM", 1},        {"GRU", 1},
                {"RNN", 1},           {"Gemm", 1}};
    int axis = 0;
    for (size_t i = 0; i < sizeof axes / sizeof axes[0]; i++)
        if (strcmp(axes[i].op, kerf_node_op(n)) == 0)
            axis = axes[i].axis;
    if (strcmp(kerf_node_op(n), "Gemm") == 0 && kerf_node_int(n, "transB", 0) != 0)
        axis = 0;
    return axis < 0 ? axis + rank : axis;
}

static void fill_channels(layer_values *l, const kerf_node *n, kerf_shape shape)
{
    const int axis = output_axis(n, shape.rank);
    l->channels = l->inner = 1;
    l->axis = -1;
    if (axis < 0 || axis >= shape.rank || kerf_shape_num_elements(shape) != (int64_t)l->num)
        return;
    l->axis = axis;
    l->channels = (size_t)shape.dims[axis];
    for (int d = axis + 1; d < shape.rank; d++)
        l->inner *= (size_t)shape.dims[d];
}

static kerf_status add_values(void *context, const kerf_node *n, const stored_weights *w)
{
    reading *r = context;
    network_values *out = r->out;
    const kerf_type type = kerf_tensor_type(w->tensor);
    const size_t num = kerf_tensor_num_elements(w->tensor);
    if ((w->scales == NULL && w->codebook == NULL && !is_float(type)) || num == 0 ||
        num > MOST_WEIGHTS - r->num_weights)
        return KERF_OK;
    layer_values *items = realloc(out->items, (out->num + 1) * sizeof *items);
    if (items == NULL)
        return KERF_ERR_MEMORY;
    out->items = items;
    layer_values *l = &items[out->num++];
    *l = (layer_values){.num = num, .bits = weights_bits(w)};
    snprintf(l->name, sizeof l->name, "%s", layer_name(n, w));
    snprintf(l->weight, sizeof l->weight, "%s", kerf_value_name(w->value));
    fill_channels(l, n,
                  w->codebook != NULL ? kerf_value_shape(w->value) : kerf_tensor_shape(w->tensor));
    r->num_weights += num;
    return weights_read(w, &l->values);
}

kerf_status network_values_read(network_values *out, const kerf_graph *g, const kerf_state *s)
{
    *out = (network_values){0};
    return layers_visit(g, s, add_values, &(reading){.out = out});
}

void network_values_free(network_values *v)
{
    for (size_t i = 0; i < v->num; i++) {
        free(v->items[i].values);
        free(v->items[i].stays);
    }
    free(v->items);
    *v = (network_values){0};
}

/* ---- channels that go -------------------------------------------------------------------- */

/* Outputs that are there still. */
static size_t num_left(const layer_values *l)
{
    size_t num = 0;
    for (size_t i = 0; i < l->channels; i++)
        num += l->stays == NULL || l->stays[i];
    return num;
}

static kerf_status cut_layer(layer_values *l, const kerf_channels *c)
{
    char *now = malloc(l->channels + 1);
    if (l->stays == NULL && (l->stays = malloc(l->channels + 1)) != NULL)
        memset(l->stays, 1, l->channels);
    if (now == NULL || l->stays == NULL) {
        free(now);
        return KERF_ERR_MEMORY;
    }
    const int is_known =
        kerf_channels_read_stay(c, l->weight, l->axis, now, num_left(l)) == KERF_OK;
    for (size_t i = 0, k = 0; i < l->channels; i++)
        if (l->stays[i])
            l->stays[i] = is_known ? now[k++] : 1;
    free(now);
    return KERF_OK;
}

kerf_status network_values_cut(network_values *v, const kerf_channels *c)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < v->num; i++)
        if (v->items[i].axis >= 0)
            status = cut_layer(&v->items[i], c);
    return status;
}

/* ---- histograms ------------------------------------------------------------------------ */

/* NAN, which a file may hold, is the smallest, so that the order is one. */
static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* Where all but one in two thousand lie, so that a few strays do not squeeze the rest. */
static double end_of(const layer_values *l)
{
    float *sizes = malloc(l->num * sizeof *sizes);
    if (sizes == NULL)
        return 1;
    for (size_t i = 0; i < l->num; i++)
        sizes[i] = isfinite(l->values[i]) ? fabsf(l->values[i]) : 0;
    qsort(sizes, l->num, sizeof *sizes, by_size);
    const double end = (double)sizes[l->num - 1 - l->num / 2000];
    free(sizes);
    return end > 0 ? end : 1;
}

static json_t *bins_of(const layer_values *l, double end)
{
    json_int_t counts[LAYER_BINS] = {0};
    for (size_t i = 0; i < l->num; i++) {
        const double at = ((double)l->values[i] / end + 1) / 2 * LAYER_BINS;
        if (l->values[i] != 0 && !isnan(at))
            counts[(int)fmin(fmax(at, 0), LAYER_BINS - 1)]++;
    }
    json_t *list = json_array();
    for (int b = 0; b < LAYER_BINS; b++)
        json_array_append_new(list, json_integer(counts[b]));
    return list;
}

/* ---- norms and noise ------------------------------------------------------------------- */

/* Norms of l at the places of what it was; NULL: so many could not be told apart in a picture. */
static json_t *norms_of(const layer_values *l, const layer_values *was)
{
    double sums[LAYER_MOST_CHANNELS] = {0};
    const int is_spread = was->stays != NULL && num_left(was) == l->channels;
    if (was->channels > LAYER_MOST_CHANNELS || l->channels > LAYER_MOST_CHANNELS)
        return json_null();
    for (size_t i = 0; i < l->num; i++)
        sums[i / l->inner % l->channels] += (double)l->values[i] * (double)l->values[i];
    json_t *list = json_array();
    for (size_t i = 0, k = 0; i < (is_spread ? was->channels : l->channels); i++)
        json_array_append_new(list, is_spread && !was->stays[i] ? json_null()
                                                                : json_number(sqrt(sums[k++])));
    return list;
}

static double snr_db(const layer_values *a, const layer_values *b)
{
    double power = 0, noise = 0;
    if (a->bits <= b->bits || a->num != b->num)
        return NAN;
    for (size_t i = 0; i < a->num; i++) {
        const double x = (double)a->values[i], d = (double)b->values[i] - x;
        power += x * x;
        noise += d * d;
    }
    return power > 0 && noise > 0 ? 10 * log10(power / noise) : NAN;
}

/* ---- both ------------------------------------------------------------------------------ */

static json_t *pair(json_t *before, json_t *after)
{
    return json_pack("{s:o,s:o}", "before", before, "after", after);
}

static json_t *stats_of(const layer_values *a, const layer_values *b)
{
    const double end = 1.02 * fmax(end_of(a), end_of(b));
    return json_pack("{s:o,s:f,s:o,s:o,s:o}", "name", json_text(a->name), "end", end, "bins",
                     pair(bins_of(a, end), bins_of(b, end)), "norms",
                     pair(norms_of(a, &(layer_values){.channels = a->channels}), norms_of(b, a)),
                     "snr_db", json_number(snr_db(a, b)));
}

/* Layers may have gone or come; most stand where they stood. */
static const layer_values *find_layer(const network_values *v, const char *name, size_t guess)
{
    for (size_t i = 0; i < v->num; i++) {
        const layer_values *l = &v->items[(guess + i) % v->num];
        if (strcmp(l->name, name) == 0)
            return l;
    }
    return NULL;
}

json_t *layer_stats_json(const network_values *before, const network_values *after)
{
    json_t *list = json_array();
    for (size_t i = 0; i < before->num; i++) {
        const layer_values *b = find_layer(after, before->items[i].name, i);
        if (b != NULL)
            json_array_append_new(list, stats_of(&before->items[i], b));
    }
    return list;
}

json_t *layers_file_json(const layer_list *before, const layer_list *after,
                         const network_values *values_before, const network_values *values_after)
{
    json_t *object = json_begin();
    json_object_set_new(object, "before", layers_json(before));
    json_object_set_new(object, "after", layers_json(after));
    json_object_set_new(object, "weights", layer_stats_json(values_before, values_after));
    return object;
}
