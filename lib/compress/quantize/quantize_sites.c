/* compress/quantize/quantize_sites.c -- which activations are rounded, and which of them have the
 * same range.
 *
 * Rounded is what a chosen layer takes and gives (behind its activation function, which then is a
 * bound of the integers), and from there on what readers like ONNX Runtime compute on integers
 * when it stands between roundings: pooling, sums, what only moves numbers.  Without a rounding
 * behind a Flatten, say, the layer after it would fall back to floats.
 *
 * What only moves numbers keeps their integers, so both sides are one class; so are the parts of a
 * Concat and the whole. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"

typedef enum part {
    NO_PART,
    POOLS, /* takes integers, gives others */
    ADDS,  /* two activations */
    JOINS, /* moves several */
    MOVES  /* input 0 */
} part;

static part part_of(const char *op)
{
    static const struct {
        const char *op;
        part part;
    } PARTS[] = {
        {"Add", ADDS},       {"AveragePool", POOLS}, {"Concat", JOINS},
        {"Dropout", MOVES},  {"Flatten", MOVES},     {"GlobalAveragePool", POOLS},
        {"Identity", MOVES}, {"MaxPool", MOVES},     {"Reshape", MOVES},
        {"Squeeze", MOVES},  {"Transpose", MOVES},   {"Unsqueeze", MOVES},
    };
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++)
        if (strcmp(PARTS[i].op, op) == 0)
            return PARTS[i].part;
    return NO_PART;
}

const kerf_value *kerf__sites_source(const kerf_value *v)
{
    return v->producer != NULL && part_of(v->producer->op) == MOVES ? v->producer->inputs[0] : NULL;
}

/* ---- classes --------------------------------------------------------------------------- */

int kerf__sites_class(const kerf__sites *sites, const kerf_value *v)
{
    if (v == NULL || (size_t)v->index >= sites->num || sites->parent[v->index] < 0)
        return -1;
    int i = v->index;
    while (sites->parent[i] != i)
        i = sites->parent[i];
    return i;
}

int kerf__sites_observed(const kerf__sites *sites, const kerf_value *v)
{
    return kerf__sites_class(sites, v) >= 0 && sites->is_first[v->index];
}

static int is_site(const kerf__sites *sites, const kerf_value *v)
{
    return kerf__sites_class(sites, v) >= 0;
}

/* Rounded from here on, where its numbers are made. */
static void mark(kerf__sites *sites, const kerf_value *v)
{
    if (is_site(sites, v))
        return;
    sites->parent[v->index] = v->index;
    sites->is_first[v->index] = 1;
}

/* `to` holds what `from` holds. */
static void hand_on(kerf__sites *sites, const kerf_value *from, const kerf_value *to)
{
    if (!is_site(sites, to)) {
        sites->parent[to->index] = to->index;
        sites->is_first[to->index] = 0;
    }
    sites->parent[kerf__sites_class(sites, to)] = kerf__sites_class(sites, from);
}

/* ---- walking ---------------------------------------------------------------------------- */

int kerf__is_sample(const kerf_value *v)
{
    return v->kind == KERF__VALUE_INPUT;
}

int kerf__is_activation(const kerf_value *v)
{
    return v != NULL && (v->kind == KERF__VALUE_RESULT || v->kind == KERF__VALUE_INPUT);
}

static int is_bound(const kerf_node *n)
{
    if (!kerf__node_is(n, "Clip"))
        return kerf__node_is(n, "Relu");
    for (int i = 1; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL && n->inputs[i]->kind != KERF__VALUE_CONSTANT)
            return 0;
    return 1;
}

const kerf_value *kerf__layer_end(const kerf_node *n)
{
    const kerf_value *v = n->outputs[0];
    const kerf_node *bound = kerf__value_only_reader(v);
    return is_bound(bound) && bound->inputs[0] == v ? bound->outputs[0] : v;
}

static void walk_sum(kerf__sites *sites, const kerf_node *n)
{
    const kerf_value *a = n->inputs[0], *b = n->inputs[1];
    if (!kerf__is_activation(a) || !kerf__is_activation(b) ||
        (!is_site(sites, a) && !is_site(sites, b)))
        return;
    mark(sites, a);
    mark(sites, b);
    mark(sites, kerf__layer_end(n));
}

static void walk_join(kerf__sites *sites, const kerf_node *n)
{
    int any = 0;
    for (int i = 0; i < n->num_inputs; i++) {
        if (!kerf__is_activation(n->inputs[i]))
            return;
        any |= is_site(sites, n->inputs[i]);
    }
    for (int i = 0; any && i < n->num_inputs; i++) {
        mark(sites, n->inputs[i]);
        hand_on(sites, n->inputs[i], n->outputs[0]);
    }
}

static int is_static(const kerf__quantize_layers *layers, const kerf_node *n)
{
    for (size_t i = 0; i < layers->num; i++)
        if (layers->at[i].node == n)
            return layers->at[i].mode == KERF_QUANTIZE_STATIC;
    return 0;
}

static void walk(kerf__sites *sites, const kerf_node *n, const kerf__quantize_layers *layers)
{
    if (is_static(layers, n)) {
        mark(sites, n->inputs[0]);
        mark(sites, kerf__layer_end(n));
        return;
    }
    switch (part_of(n->op)) {
    case POOLS:
        if (is_site(sites, n->inputs[0]))
            mark(sites, n->outputs[0]);
        break;
    case ADDS:
        walk_sum(sites, n);
        break;
    case JOINS:
        walk_join(sites, n);
        break;
    case MOVES:
        if (is_site(sites, n->inputs[0]))
            hand_on(sites, n->inputs[0], n->outputs[0]);
        break;
    case NO_PART:
        break;
    }
}

kerf_status kerf__sites_find(kerf__sites *out, const kerf_graph *g,
                             const kerf__quantize_layers *layers)
{
    *out = (kerf__sites){.num = g->num_values};
    out->parent = kerf__alloc(g->num_values, sizeof *out->parent);
    out->is_first = kerf__alloc(g->num_values, 1);
    if (out->parent == NULL || out->is_first == NULL) {
        kerf__sites_free(out);
        return kerf__fail_memory("quantize", g->num_values * sizeof *out->parent);
    }
    for (size_t i = 0; i < g->num_values; i++)
        out->parent[i] = -1;
    for (size_t i = 0; i < g->num_nodes; i++)
        walk(out, g->nodes[i], layers);
    return KERF_OK;
}

void kerf__sites_free(kerf__sites *sites)
{
    free(sites->parent);
    free(sites->is_first);
    *sites = (kerf__sites){0};
}
