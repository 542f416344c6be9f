/* graph/sort.c -- nodes into an order in which each follows what it reads.
 *
 * Depth first from the front: a node is placed when all it reads is placed, so one that
 * stands well keeps its place among the others.  The way back is a list and not the C
 * stack, as a hostile file may hold a chain of any length. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/graph_internal.h"

enum { NEW = 0, OPEN, PLACED }; /* on the way from OPEN to OPEN lies a cycle */

typedef struct sorting {
    char *marks;        /* owned, by old index */
    kerf_node **path;   /* owned; open nodes, each read by the one before */
    int *next_input;    /* owned; where on the path to go on */
    kerf_node **placed; /* owned */
    size_t length, num_placed;
} sorting;

static void push(sorting *s, kerf_node *n)
{
    s->marks[n->index] = OPEN;
    s->path[s->length] = n;
    s->next_input[s->length++] = 0;
}

/* The next producer of the last node on the path that is not placed, or NULL. */
static kerf_node *next_missing(sorting *s)
{
    const kerf_node *n = s->path[s->length - 1];
    int *i = &s->next_input[s->length - 1];
    while (*i < n->num_inputs) {
        const kerf_value *v = n->inputs[(*i)++];
        if (v != NULL && v->producer != NULL && s->marks[v->producer->index] != PLACED)
            return v->producer;
    }
    return NULL;
}

static kerf_status place(sorting *s, kerf_node *root)
{
    push(s, root);
    while (s->length > 0) {
        kerf_node *missing = next_missing(s);
        if (missing == NULL) {
            kerf_node *n = s->path[--s->length];
            s->marks[n->index] = PLACED;
            s->placed[s->num_placed++] = n;
        } else if (s->marks[missing->index] == OPEN) {
            return kerf__fail(KERF_ERR_FORMAT,
                              "graph: %s '%s' lies on a cycle, it needs its own result",
                              missing->op, missing->name);
        } else {
            push(s, missing);
        }
    }
    return KERF_OK;
}

static kerf_status sort(sorting *s, kerf_graph *g)
{
    for (size_t i = 0; i < g->num_nodes; i++)
        if (s->marks[i] == NEW)
            KERF__TRY(place(s, g->nodes[i]));
    for (size_t i = 0; i < g->num_nodes; i++) {
        g->nodes[i] = s->placed[i];
        g->nodes[i]->index = (int)i;
    }
    return KERF_OK;
}

kerf_status kerf__graph_sort(kerf_graph *g)
{
    sorting s = {.marks = kerf__alloc(g->num_nodes, sizeof *s.marks),
                 .path = kerf__alloc(g->num_nodes, sizeof(kerf_node *)),
                 .next_input = kerf__alloc(g->num_nodes, sizeof(int)),
                 .placed = kerf__alloc(g->num_nodes, sizeof(kerf_node *))};
    kerf_status status = KERF_OK;
    if (s.marks == NULL || s.path == NULL || s.next_input == NULL || s.placed == NULL)
        status = kerf__fail_memory("graph", g->num_nodes * sizeof(kerf_node *));
    if (status == KERF_OK)
        status = sort(&s, g);
    free(s.marks);
    free(s.path);
    free(s.next_input);
    free(s.placed);
    return status;
}
