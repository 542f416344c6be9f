/* compress/prune/depth_find.c -- residual blocks of a graph; see depth_internal.h.
 *
 * An Add ends a block if one of its operands was made of the other and of nothing else that comes
 * from the network's inputs.  Where both operands were made of a third value the shortcut has
 * layers of its own, so nothing could take the block's place; it is told all the same. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/prune/depth_internal.h"

/* A block has at most so many nodes, and so far back is looked for where two branches part: a file
 * may be made to keep others busy. */
enum { MOST_NODES = 1024, MOST_TRIED = 64 };

static int is_data(const kerf_depth *d, const kerf_value *v)
{
    return v != NULL && (v->kind == KERF__VALUE_INPUT ||
                         (v->producer != NULL && d->has_data[v->producer->index]));
}

static kerf_status mark_data(kerf_depth *d)
{
    d->has_data = kerf__alloc(d->graph->num_nodes + 1, 1);
    if (d->has_data == NULL)
        return kerf__fail_memory("depth", d->graph->num_nodes);
    for (size_t i = 0; i < d->graph->num_nodes; i++)
        for (int k = 0; k < d->graph->nodes[i]->num_inputs; k++)
            d->has_data[i] |= (char)is_data(d, d->graph->nodes[i]->inputs[k]);
    return KERF_OK;
}

/* ---- from the end of a branch to its beginning --------------------------------------------- */

static int place_of(const kerf_value *v)
{
    return v->producer != NULL ? v->producer->index : -1;
}

int kerf__depth_holds(const kerf__depth_block *block, int place)
{
    const int at = place - block->first;
    return at >= 0 && at < block->num && block->inside[at];
}

/* Marks the nodes that lead from `from` to `to` in inside[MOST_NODES], which begins behind `from`;
 * 0 if anything else of the network leads to it, or `from` does not.  Readers come behind, so one
 * walk from the end does it. */
static int mark_branch(const kerf_depth *d, const kerf_value *from, const kerf_value *to,
                       char *inside)
{
    const int before = place_of(from), num = place_of(to) - before;
    int reached = 0;
    if (!is_data(d, to) || num < 1 || num > MOST_NODES)
        return 0;
    memset(inside, 0, (size_t)num);
    inside[num - 1] = 1;
    for (int at = num - 1; at >= 0; at--) {
        const kerf_node *n = d->graph->nodes[before + 1 + at];
        for (int k = 0; inside[at] && k < n->num_inputs; k++) {
            const kerf_value *v = n->inputs[k];
            if (v == from)
                reached = 1;
            else if (is_data(d, v) && place_of(v) <= before)
                return 0;
            else if (is_data(d, v))
                inside[place_of(v) - before - 1] = 1;
        }
    }
    return reached;
}

/* ---- what makes it fixed -------------------------------------------------------------------- */

static int is_output(const kerf_graph *g, const kerf_value *v)
{
    for (size_t i = 0; i < g->num_outputs; i++)
        if (g->outputs[i] == v)
            return 1;
    return 0;
}

static int is_inside(const kerf__depth_block *block, const kerf_value *v)
{
    return v != NULL && v->producer != NULL && kerf__depth_holds(block, v->producer->index);
}

/* A result of the block that others read, or NULL. */
static const kerf_value *find_escape(const kerf_graph *g, const kerf__depth_block *block)
{
    for (int i = block->first; i < (int)g->num_nodes; i++)
        for (int k = 0; k < g->nodes[i]->num_inputs; k++)
            if (!kerf__depth_holds(block, i) && g->nodes[i] != block->out->producer &&
                is_inside(block, g->nodes[i]->inputs[k]))
                return g->nodes[i]->inputs[k];
    for (size_t i = 0; i < g->num_outputs; i++)
        if (is_inside(block, g->outputs[i]))
            return g->outputs[i];
    return NULL;
}

static void say_fixed(kerf__depth_block *block, const char *format, const char *what)
{
    snprintf(block->fixed, sizeof block->fixed, format, what);
}

static void check_block(const kerf_depth *d, kerf__depth_block *block)
{
    const kerf_value *escape = find_escape(d->graph, block);
    if (escape != NULL)
        say_fixed(block, "'%.128s' inside of it is read elsewhere", escape->name);
    else if (is_output(d->graph, block->out))
        say_fixed(block, "its sum is an output of the network%s", "");
    else if (!kerf_shape_equal(block->in->shape, block->out->shape))
        say_fixed(block, "the sum repeats what has fewer elements%s", "");
    else if (kerf_graph_find(d->model, block->in->name) == NULL ||
             kerf_graph_find(d->model, block->out->name) == NULL)
        say_fixed(block, "'%.128s' is made of several operations of the file", block->out->name);
}

static void check_parted(kerf__depth_block *block)
{
    char from[128], to[128];
    if (kerf_shape_equal(block->in->shape, block->out->shape)) {
        say_fixed(block, "its shortcut has layers of its own%s", "");
        return;
    }
    kerf_shape_text(block->in->shape, from, sizeof from);
    kerf_shape_text(block->out->shape, to, sizeof to);
    snprintf(block->fixed, sizeof block->fixed, "its shortcut makes %s of %s", to, from);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static size_t count_layers(const kerf_depth *d, const kerf__depth_block *block)
{
    size_t num = 0;
    for (size_t i = 0; i < d->targets.num; i++)
        num += kerf__depth_holds(block, d->targets.at[i].user->index) != 0;
    return num;
}

static kerf_status list_layers(const kerf_depth *d, kerf__depth_block *block, size_t num)
{
    block->layers = kerf__alloc(num, sizeof *block->layers);
    if (block->layers == NULL)
        return kerf__fail_memory("depth", num * sizeof *block->layers);
    for (size_t i = 0; i < d->targets.num; i++)
        if (kerf__depth_holds(block, d->targets.at[i].user->index))
            block->layers[block->told.num_layers++] = d->targets.at[i].weight->name;
    block->told.layers = block->layers;
    for (int at = 0; at < block->num; at++)
        block->told.macs +=
            block->inside[at] ? kerf_node_macs(d->graph->nodes[block->first + at]) : 0;
    return KERF_OK;
}

/* block->inside is borrowed; the new one has a copy. */
static kerf_status add_block(kerf_depth *d, const kerf__depth_block *block, int is_parted)
{
    const size_t num_layers = count_layers(d, block);
    if (num_layers == 0) /* an activation that is a sum */
        return KERF_OK;
    char *inside = kerf__alloc((size_t)block->num, 1);
    if (inside == NULL ||
        !kerf__grow((void **)&d->blocks, &d->block_capacity, d->num_blocks, sizeof *d->blocks)) {
        free(inside);
        return kerf__fail_memory("depth", d->num_blocks * sizeof *d->blocks);
    }
    kerf__depth_block *added = &d->blocks[d->num_blocks++];
    memcpy(inside, block->inside, (size_t)block->num);
    *added = *block;
    added->inside = inside;
    added->told = (kerf_depth_block){
        .name = block->out->producer->name, .lost = NAN, .harm = NAN, .stays = 1};
    if (is_parted)
        check_parted(added);
    else
        check_block(d, added);
    return list_layers(d, added, num_layers);
}

/* The last value that both operands of an Add were made of, and of nothing else; NULL: none.  Both
 * branches are marked. */
static const kerf_value *find_parting(const kerf_depth *d, const kerf_node *end, char *inside,
                                      char *other)
{
    const kerf_value *a = end->inputs[0], *b = end->inputs[1];
    if (place_of(a) < place_of(b)) {
        a = end->inputs[1];
        b = end->inputs[0];
    }
    for (int i = place_of(b) - 1; i >= 0 && i >= place_of(b) - MOST_TRIED; i--) {
        const kerf_value *in = d->graph->nodes[i]->outputs[0];
        if (!mark_branch(d, in, a, inside) || !mark_branch(d, in, b, other))
            continue;
        for (int at = 0; at < place_of(b) - i; at++)
            inside[at] |= other[at];
        return in;
    }
    return NULL;
}

static kerf_status look_at(kerf_depth *d, const kerf_node *n)
{
    char inside[MOST_NODES], other[MOST_NODES];
    kerf__depth_block block = {.out = n->outputs[0], .inside = inside};
    int is_parted = 0;
    for (int k = 0; block.in == NULL && k < 2; k++)
        if (mark_branch(d, n->inputs[k], n->inputs[1 - k], inside))
            block.in = n->inputs[k];
    if (block.in == NULL) {
        block.in = find_parting(d, n, inside, other);
        is_parted = 1;
    }
    if (block.in == NULL)
        return KERF_OK;
    const int a = place_of(n->inputs[0]), b = place_of(n->inputs[1]);
    block.first = place_of(block.in) + 1;
    block.num = (a > b ? a : b) - place_of(block.in);
    return add_block(d, &block, is_parted);
}

/* A block that lies within another would go with it. */
static void fix_inner(kerf_depth *d)
{
    for (size_t i = 0; i < d->num_blocks; i++)
        for (size_t k = 0; k < d->num_blocks; k++) {
            kerf__depth_block *inner = &d->blocks[k];
            if (d->blocks[i].fixed[0] == '\0' && inner->fixed[0] == '\0' && i != k &&
                is_inside(&d->blocks[i], inner->out))
                say_fixed(inner, "it lies within the block '%.128s'", d->blocks[i].told.name);
        }
}

static kerf_status find_blocks(kerf_depth *d)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < d->graph->num_nodes; i++) {
        const kerf_node *n = d->graph->nodes[i];
        if ((kerf__node_is(n, "Add") || kerf__node_is(n, "Sum")) && n->num_inputs == 2 &&
            is_data(d, n->inputs[0]) && is_data(d, n->inputs[1]))
            status = look_at(d, n);
    }
    fix_inner(d);
    for (size_t i = 0; i < d->num_blocks; i++)
        d->blocks[i].told.fixed = d->blocks[i].fixed[0] != '\0' ? d->blocks[i].fixed : NULL;
    return status;
}

/* ---- life ------------------------------------------------------------------------------------ */

static kerf_status find(kerf_depth *d, const kerf_graph *g, const kerf_state *s)
{
    KERF__TRY(kerf_graph_copy(&d->model, g));
    KERF__TRY(kerf__channel_infer(&d->graph, g));
    KERF__TRY(kerf__prune_find(&d->targets, d->graph, s, 0));
    KERF__TRY(mark_data(d));
    return find_blocks(d);
}

kerf_status kerf_depth_find(kerf_depth **out, const kerf_graph *g, const kerf_state *s)
{
    kerf_depth *d = kerf__alloc(1, sizeof *d);
    *out = NULL;
    if (d == NULL)
        return kerf__fail_memory("depth", sizeof *d);
    kerf_status status = find(d, g, s);
    if (status != KERF_OK) {
        kerf_depth_destroy(d);
        return status;
    }
    *out = d;
    return KERF_OK;
}

void kerf_depth_destroy(kerf_depth *d)
{
    if (d == NULL)
        return;
    for (size_t i = 0; i < d->num_blocks; i++) {
        free(d->blocks[i].inside);
        free(d->blocks[i].layers);
    }
    kerf__prune_targets_free(&d->targets);
    kerf_graph_destroy(d->model);
    kerf_graph_destroy(d->graph);
    free(d->has_data);
    free(d->blocks);
    free(d);
}

int kerf_depth_num_blocks(const kerf_depth *d)
{
    return (int)d->num_blocks;
}

kerf_status kerf_depth_get_block(const kerf_depth *d, int i, kerf_depth_block *block)
{
    if (i < 0 || (size_t)i >= d->num_blocks)
        return kerf__fail(KERF_ERR_ARGUMENT, "depth: there is no block %d, there are %zu", i,
                          d->num_blocks);
    *block = d->blocks[i].told;
    return KERF_OK;
}
