/* compress/prune/prune_layers.c -- which weights of a graph can be pruned, and which of
 * them patterns mean.
 *
 * A weight counts by what is done with it, not by its rank: files hold biases of shape
 * (1, 100) and layers with a single output.  So nodes are asked which inputs they multiply
 * by, and the way back from there to a state may lead through nodes that only move. */
#include "compress/prune/prune_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/layer_find.h"

/* Operations with trained factors: which of their inputs those may be. */
static const struct {
    const char *op;
    unsigned inputs; /* bit i: input i */
} MULTIPLIES[] = {{"Gemm", 3}, {"MatMul", 3}, {"Conv", 2}, {"ConvTranspose", 2}};

#define LENGTH(array) (sizeof(array) / sizeof(array)[0])

static int multiplies(const kerf_node *n, int input)
{
    for (size_t i = 0; i < LENGTH(MULTIPLIES); i++)
        if (strcmp(n->op, MULTIPLIES[i].op) == 0)
            return input < 2 && (MULTIPLIES[i].inputs >> input & 1u) != 0;
    return 0;
}

/* The trained weight that arrives at v, with its mask if it passes one; else NULL. */
static kerf_value *trace(const kerf_state *s, kerf_value *v, kerf_value **mask)
{
    *mask = NULL;
    while (v != NULL && v->producer != NULL && kerf__node_hands_on(v->producer)) {
        if (strcmp(v->producer->op, "kerf.Mask") == 0)
            *mask = v->producer->inputs[1];
        v = v->producer->inputs[0];
    }
    if (v == NULL || v->kind != KERF__VALUE_STATE || v->type != KERF_F32)
        return NULL;
    const kerf_state_entry *e = kerf_state_get(s, v->state_id);
    return e != NULL && e->role == KERF_ROLE_WEIGHT ? v : NULL;
}

static int has(const kerf__prune_targets *targets, const kerf_value *weight)
{
    for (size_t i = 0; i < targets->num; i++)
        if (targets->at[i].weight == weight)
            return 1;
    return 0;
}

static kerf_status find_inputs(kerf__prune_targets *out, const kerf_state *s, const kerf_node *n,
                               int biases)
{
    for (int i = 0; i < n->num_inputs; i++) {
        kerf_value *mask, *weight = trace(s, n->inputs[i], &mask);
        if (weight == NULL || (!multiplies(n, i) && !biases) || has(out, weight))
            continue;
        if (!kerf__grow((void **)&out->at, &out->capacity, out->num, sizeof *out->at))
            return kerf__fail_memory("prune", out->num * sizeof *out->at);
        out->at[out->num++] = (kerf__prune_target){weight, n, mask};
    }
    return KERF_OK;
}

kerf_status kerf__prune_find(kerf__prune_targets *out, const kerf_graph *g, const kerf_state *s,
                             int biases)
{
    *out = (kerf__prune_targets){0};
    for (size_t i = 0; i < g->num_nodes; i++) {
        if (kerf__node_hands_on(g->nodes[i]))
            continue;
        kerf_status status = find_inputs(out, s, g->nodes[i], biases);
        if (status != KERF_OK) {
            kerf__prune_targets_free(out);
            return status;
        }
    }
    return KERF_OK;
}

void kerf__prune_targets_free(kerf__prune_targets *targets)
{
    free(targets->at);
    *targets = (kerf__prune_targets){0};
}

/* ---- patterns -------------------------------------------------------------------------- */

int kerf__prune_fits(const char *pattern, const kerf__prune_targets *all, size_t i)
{
    return kerf__layer_fits(pattern, all->at[i].weight, all->at[i].user, all->at[0].user,
                            all->at[all->num - 1].user);
}

/* "fc1.weight (Gemm fc1), fc2.weight (Gemm fc2)", cut where text ends. */
static void list_targets(char *text, size_t text_bytes, const kerf__prune_targets *all)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < all->num && used < text_bytes; i++) {
        const kerf__prune_target *t = &all->at[i];
        int more = snprintf(text + used, text_bytes - used, "%s%s (%s %s)", i > 0 ? ", " : "",
                            t->weight->name, t->user->op, t->user->name);
        used += more > 0 ? (size_t)more : 0;
    }
}

static kerf_status check_fits_some(const char *pattern, const kerf__prune_targets *all)
{
    for (size_t i = 0; i < all->num; i++)
        if (kerf__prune_fits(pattern, all, i))
            return KERF_OK;
    char text[2048];
    list_targets(text, sizeof text, all);
    return kerf__fail(KERF_ERR_ARGUMENT, "prune: '%s' fits no layer; there are %s", pattern,
                      all->num > 0 ? text : "none");
}

static kerf_status check_patterns(const kerf__prune_targets *all, const kerf_prune_options *options)
{
    for (size_t i = 0; i < options->num_layers; i++)
        KERF__TRY(check_fits_some(options->layers[i], all));
    for (size_t i = 0; i < options->num_skip; i++)
        KERF__TRY(check_fits_some(options->skip[i], all));
    for (size_t i = 0; i < options->num_amounts; i++)
        KERF__TRY(check_fits_some(options->amounts[i].pattern, all));
    return KERF_OK;
}

static int fits_any(const char *const *patterns, size_t num, const kerf__prune_targets *all,
                    size_t i)
{
    for (size_t k = 0; k < num; k++)
        if (kerf__prune_fits(patterns[k], all, i))
            return 1;
    return 0;
}

int kerf__prune_has_bounds(const kerf_prune_options *o)
{
    return o->scope == KERF_SCOPE_GLOBAL && (o->num_amounts > 0 || o->min_keep > 0);
}

double kerf__prune_amount_of(const kerf_prune_options *options, const kerf__prune_targets *all,
                             size_t i)
{
    const int is_bound = kerf__prune_has_bounds(options);
    double amount = is_bound ? 1 - options->min_keep : options->amount;
    for (size_t k = 0; k < options->num_amounts; k++)
        if (kerf__prune_fits(options->amounts[k].pattern, all, i)) {
            const double of_layer = options->amounts[k].value;
            return is_bound && amount < of_layer ? amount : of_layer;
        }
    return amount;
}

kerf_status kerf__prune_choose(kerf__prune_targets *targets, const kerf_prune_options *options)
{
    KERF__TRY(check_patterns(targets, options));
    char *keep = kerf__alloc(targets->num, 1);
    if (keep == NULL)
        return kerf__fail_memory("prune", targets->num);
    /* All are judged before any goes: "last" means the last of all. */
    for (size_t i = 0; i < targets->num; i++)
        keep[i] = (options->num_layers == 0 ||
                   fits_any(options->layers, options->num_layers, targets, i)) &&
                  !fits_any(options->skip, options->num_skip, targets, i);
    size_t num = 0;
    for (size_t i = 0; i < targets->num; i++)
        if (keep[i])
            targets->at[num++] = targets->at[i];
    targets->num = num;
    free(keep);
    if (num == 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: no layer is left to prune; the network must have a layer that "
                          "--layers chooses and --skip leaves");
    return KERF_OK;
}
