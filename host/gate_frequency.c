/* gate_frequency.c -- which channels gates keep of a data set's samples, and how often; see
 * gate_report.h.
 *
 * What channels are multiplied by becomes an output of a copy of the network: 0 for those that are
 * dropped.  The last batch is filled up with zeros, and only what is real is counted. */
#include <stdlib.h>
#include <string.h>

#include "gate_report.h"

typedef struct counting {
    kerf_graph *g;   /* owned */
    kerf_plan *plan; /* owned */
    kerf_loader *l;  /* owned */
    float *images;   /* owned; a batch */
    size_t sample_bytes;
    int64_t batch;
} counting;

/* ---- getting ready --------------------------------------------------------------------------- */

static kerf_status list_gates(gate_frequencies *out, kerf_graph *g)
{
    const int num = kerf_boost_num(g);
    kerf_boost_gate gate;
    out->gates = calloc((size_t)num, sizeof *out->gates);
    if (out->gates == NULL)
        return KERF_ERR_MEMORY;
    for (int i = 0; i < num; i++) {
        kerf_status status = kerf_boost_get(g, i, &gate);
        if (status == KERF_OK && gate.scale == NULL)
            continue;
        if (status == KERF_OK)
            status = kerf_graph_add_output(g, kerf_graph_find(g, gate.scale));
        if (status != KERF_OK)
            return status;
        gate_frequency *f = &out->gates[out->num++];
        snprintf(f->name, sizeof f->name, "%s", gate.name);
        f->num = (size_t)gate.channels;
        f->kept = calloc(f->num, sizeof *f->kept);
        if (f->kept == NULL)
            return KERF_ERR_MEMORY;
    }
    return KERF_OK;
}

/* The samples' own shape, where the network leaves it open. */
static kerf_known_input known_of(const kerf_graph *g, const kerf_loader *l)
{
    const kerf_shape sample = kerf_loader_sample_shape(l);
    kerf_known_input known = {kerf_value_name(kerf_graph_input(g, 0)),
                              kerf_value_shape(kerf_graph_input(g, 0)), NULL};
    for (int d = 0; known.shape.rank == sample.rank + 1 && d < sample.rank; d++)
        known.shape.dims[d + 1] = sample.dims[d];
    return known;
}

static kerf_status open_all(counting *c, const session *s, kerf_split split,
                            kerf_precision precision)
{
    kerf_loader_options load = {.split = split, .batch = c->batch, .keep_rest = 1};
    kerf_known_input known;
    kerf_plan_options plan_options = {.mode = KERF_EVALUATE,
                                      .batch = c->batch,
                                      .precision = precision,
                                      .inputs = &known,
                                      .num_inputs = 1};
    kerf_status status = kerf_prep_parse(&load.prep, s->prep);
    if (status == KERF_OK)
        status = kerf_loader_create(&c->l, s->data, &load);
    if (status == KERF_OK)
        known = known_of(c->g, c->l);
    if (status == KERF_OK)
        status = kerf_plan_create(&c->plan, c->g, s->m.s, &plan_options);
    if (status != KERF_OK)
        return status;
    c->sample_bytes =
        (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(c->l)) * sizeof(float);
    c->images = calloc((size_t)c->batch, c->sample_bytes);
    return c->images != NULL ? kerf_loader_begin(c->l, 0, 0) : KERF_ERR_MEMORY;
}

static void close_all(counting *c)
{
    kerf_loader_destroy(c->l);
    kerf_plan_destroy(c->plan);
    kerf_graph_destroy(c->g);
    free(c->images);
}

/* ---- counting -------------------------------------------------------------------------------- */

static kerf_status count_gate(const counting *c, gate_frequency *f, int output, int64_t samples)
{
    const char *name = kerf_value_name(kerf_graph_output(c->g, output));
    const kerf_tensor *t = kerf_plan_output(c->plan, name);
    float *scale = malloc(kerf_tensor_size_bytes(t) + 1);
    kerf_status status = scale != NULL ? kerf_tensor_read(t, scale) : KERF_ERR_MEMORY;
    for (size_t i = 0; status == KERF_OK && i < (size_t)samples * f->num; i++)
        f->kept[i % f->num] += scale[i] != 0;
    free(scale);
    return status;
}

static kerf_status count_batch(counting *c, gate_frequencies *out, int64_t samples)
{
    const char *input = kerf_value_name(kerf_graph_input(c->g, 0));
    const int first = kerf_graph_num_outputs(c->g) - out->num;
    kerf_status status =
        kerf_plan_feed(c->plan, input, c->images, (size_t)c->batch * c->sample_bytes);
    if (status == KERF_OK)
        status = kerf_plan_run(c->plan);
    for (int i = 0; status == KERF_OK && i < out->num; i++)
        status = count_gate(c, &out->gates[i], first + i, samples);
    out->samples += samples;
    return status;
}

static kerf_status count_all(counting *c, gate_frequencies *out)
{
    kerf_status status = KERF_OK;
    while (status == KERF_OK && out->samples < MOST_COUNTED) {
        kerf_batch b;
        status = kerf_loader_next(c->l, &b);
        if (status != KERF_OK || b.num_samples == 0)
            return status;
        memset(c->images, 0, (size_t)c->batch * c->sample_bytes);
        memcpy(c->images, b.images, (size_t)b.num_samples * c->sample_bytes);
        kerf_loader_release(c->l, &b);
        status = count_batch(c, out, b.num_samples);
    }
    return status;
}

static int by_size(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

static void become_shares(gate_frequencies *f)
{
    for (int i = 0; i < f->num; i++) {
        gate_frequency *gate = &f->gates[i];
        for (size_t k = 0; k < gate->num; k++)
            gate->kept[k] /= (float)f->samples;
        qsort(gate->kept, gate->num, sizeof *gate->kept, by_size);
    }
}

kerf_status frequencies_count(gate_frequencies *out, const session *s, kerf_split split,
                              int64_t batch, kerf_precision precision)
{
    counting c = {.batch = batch < MOST_COUNTED ? batch : MOST_COUNTED};
    *out = (gate_frequencies){0};
    if (kerf_boost_num(s->m.g) == 0)
        return KERF_OK;
    kerf_status status = kerf_graph_copy(&c.g, s->m.g);
    if (status == KERF_OK)
        status = list_gates(out, c.g);
    if (status == KERF_OK)
        status = open_all(&c, s, split, precision);
    if (status == KERF_OK)
        status = count_all(&c, out);
    if (status == KERF_OK)
        become_shares(out);
    close_all(&c);
    return status;
}

void frequencies_free(gate_frequencies *f)
{
    for (int i = 0; i < f->num; i++)
        free(f->gates[i].kept);
    free(f->gates);
    *f = (gate_frequencies){0};
}
