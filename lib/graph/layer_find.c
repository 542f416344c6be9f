/* graph/layer_find.c -- what a person means by a layer whose result is wanted: the value of that
 * name, the result of the node of that name, or what a node makes of a weight "NAME.weight".
 *
 * Shell patterns mean all that fit; of several nodes of one weight's name, such as a product and
 * the sum with its bias, the last one. */
#include <fnmatch.h>
#include <string.h>

#include "base/fail.h"
#include "base/near.h"
#include "graph/layer_find.h"

enum { LONGEST = 256 };

/* The state behind what a layer multiplies by: through masks, and roundings of weights. */
static const kerf_value *weight_of(const kerf_value *v)
{
    static const char *const SEEN_THROUGH[] = {"kerf.Mask", "DequantizeLinear", "QuantizeLinear"};
    for (int depth = 0; v != NULL && v->producer != NULL; depth++) {
        int is_seen = 0;
        for (size_t i = 0; i < sizeof SEEN_THROUGH / sizeof SEEN_THROUGH[0]; i++)
            is_seen |= kerf__node_is(v->producer, SEEN_THROUGH[i]);
        if (!is_seen || depth == 8)
            return NULL;
        v = v->producer->inputs[0];
    }
    return v != NULL && v->kind == KERF__VALUE_STATE ? v : NULL;
}

/* The name of a node's weights, less the part behind the last point; "" if it has none, or computes
 * nothing but of weights. */
static void find_stem(const kerf_node *n, char *stem)
{
    int is_layer = 0;
    stem[0] = '\0';
    for (int i = 0; i < n->num_inputs; i++) {
        const kerf_value *weight = weight_of(n->inputs[i]);
        is_layer |= n->inputs[i] != NULL && weight == NULL;
        const char *dot = weight != NULL ? strrchr(weight->name, '.') : NULL;
        if (stem[0] != '\0' || dot == NULL || dot - weight->name >= LONGEST)
            continue;
        memcpy(stem, weight->name, (size_t)(dot - weight->name));
        stem[dot - weight->name] = '\0';
    }
    if (!is_layer)
        stem[0] = '\0';
}

int kerf__node_hands_on(const kerf_node *n)
{
    static const char *const OPS[] = {"kerf.Mask", "kerf.Gate", "Transpose", "Reshape", "Flatten",
                                      "Identity",  "Squeeze",   "Unsqueeze", "Cast"};
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (strcmp(n->op, OPS[i]) == 0)
            return 1;
    return 0;
}

static int is_result(const kerf_value *v)
{
    return v != NULL && v->kind == KERF__VALUE_RESULT;
}

static kerf_value *find_exactly(const kerf_graph *g, const char *name)
{
    kerf_value *v = kerf_graph_find(g, name);
    if (is_result(v))
        return v;
    for (size_t i = 0; i < g->num_nodes; i++)
        if (strcmp(g->nodes[i]->name, name) == 0 && g->nodes[i]->num_outputs > 0)
            return g->nodes[i]->outputs[0];
    return NULL;
}

static size_t find_fitting(const kerf_graph *g, const char *pattern, kerf_value **out, size_t most)
{
    char stem[LONGEST], last[LONGEST] = "";
    size_t num = 0;
    for (size_t i = 0; i < g->num_nodes; i++) {
        const kerf_node *n = g->nodes[i];
        if (n->num_outputs == 0)
            continue;
        find_stem(n, stem);
        const int by_stem = stem[0] != '\0' && fnmatch(pattern, stem, 0) == 0;
        const int by_name = fnmatch(pattern, n->outputs[0]->name, 0) == 0 ||
                            (n->name != NULL && fnmatch(pattern, n->name, 0) == 0);
        if (!by_stem && (!by_name || weight_of(n->outputs[0]) != NULL))
            continue;
        if (num > 0 && by_stem && strcmp(stem, last) == 0)
            num--;
        if (num < most)
            out[num] = n->outputs[0];
        num++;
        strcpy(last, stem);
    }
    return num;
}

static kerf_status fail_missing(const kerf_graph *g, const char *pattern, const char *whose)
{
    char text[512];
    kerf__near near = {.word = pattern};
    for (size_t i = 0; i < g->num_nodes; i++)
        if (g->nodes[i]->num_outputs > 0) {
            kerf__near_offer(&near, g->nodes[i]->outputs[0]->name);
            kerf__near_offer(&near, g->nodes[i]->name);
        }
    return kerf__fail(KERF_ERR_ARGUMENT, "%s has no layer '%s'%s", whose, pattern,
                      kerf__near_text(&near, text, sizeof text));
}

kerf_status kerf__graph_find_layers(const kerf_graph *g, const char *pattern, const char *whose,
                                    kerf_value **out, size_t most, size_t *num)
{
    out[0] = find_exactly(g, pattern);
    *num = out[0] != NULL ? 1 : find_fitting(g, pattern, out, most);
    if (*num == 0)
        return fail_missing(g, pattern, whose);
    if (*num > most)
        return kerf__fail(KERF_ERR_ARGUMENT, "%s has %zu layers like '%s', must be at most %zu",
                          whose, *num, pattern, most);
    return KERF_OK;
}
