/* test_graph_edit.c -- edits and sorting, and that verify notices each broken promise. */
#include <string.h>

#include "base/fail.h"
#include "check.h"
#include "graph/graph_internal.h"
#include "tensor/tensor_internal.h"

/* x -> a -> b -> c (output), x -> side, w read by b only. */
typedef struct chain {
    kerf_graph *g;
    kerf_value *x, *w;
    kerf_node *a, *b, *c, *side;
} chain;

static kerf_node *add(kerf_graph *g, const char *name, kerf_value *first, kerf_value *second)
{
    kerf_node *n;
    CHECK_OK(kerf_graph_add_node(g, "Add", name, (kerf_value *[]){first, second}, 2, 1, &n));
    return n;
}

static chain make(void)
{
    chain m;
    CHECK_OK(kerf_graph_create(&m.g));
    CHECK_OK(kerf_graph_add_input(m.g, "x", KERF_F32, KERF_SHAPE(2), &m.x));
    CHECK_OK(kerf_graph_add_state(m.g, "w", 0, KERF_F32, KERF_SHAPE(2), &m.w));
    m.a = add(m.g, "a", m.x, NULL);
    m.side = add(m.g, "side", m.x, NULL);
    m.b = add(m.g, "b", m.a->outputs[0], m.w);
    m.c = add(m.g, "c", m.b->outputs[0], m.a->outputs[0]);
    CHECK_OK(kerf_graph_add_output(m.g, m.c->outputs[0]));
    CHECK_OK(kerf_graph_verify(m.g));
    return m;
}

/* "x w a": names of values or nodes in their order. */
static const char *order(const kerf_graph *g, int nodes)
{
    static char text[256];
    text[0] = '\0';
    for (size_t i = 0; i < (nodes ? g->num_nodes : g->num_values); i++) {
        strcat(text, i > 0 ? " " : "");
        strcat(text, nodes ? g->nodes[i]->name : g->values[i]->name);
    }
    return text;
}

static void test_uses(void)
{
    chain m = make();
    CHECK(kerf__value_num_uses(m.x) == 2 && kerf__value_num_uses(m.a->outputs[0]) == 2);
    CHECK(kerf__value_num_uses(m.c->outputs[0]) == 1);
    CHECK(kerf__value_num_uses(m.side->outputs[0]) == 0);
    kerf__graph_replace_uses(m.g, m.a->outputs[0], m.x);
    CHECK(kerf__value_num_uses(m.a->outputs[0]) == 0 && m.b->inputs[0] == m.x);
    kerf__graph_replace_uses(m.g, m.c->outputs[0], m.b->outputs[0]);
    CHECK(kerf_graph_output(m.g, 0) == m.b->outputs[0]);
    kerf__node_set_input(m.b, 1, NULL);
    CHECK(kerf__value_num_uses(m.w) == 0);
    CHECK_OK(kerf_graph_verify(m.g));
    kerf_graph_destroy(m.g);
}

static void test_remove(void)
{
    chain m = make();
    kerf__graph_remove_node(m.g, m.side);
    CHECK(strcmp(order(m.g, 1), "a b c") == 0 && strcmp(order(m.g, 0), "x w a b c") == 0);
    CHECK(kerf_graph_find(m.g, "side") == NULL);
    CHECK_OK(kerf_graph_verify(m.g));
    kerf_graph_destroy(m.g);
}

static void test_remove_dead(void)
{
    chain m = make();
    kerf__graph_remove_dead(m.g);
    CHECK(strcmp(order(m.g, 1), "a b c") == 0);
    CHECK_OK(kerf_graph_verify(m.g));
    kerf__graph_replace_uses(m.g, m.c->outputs[0], m.a->outputs[0]);
    kerf__graph_remove_dead(m.g); /* b and c lead nowhere, and nobody reads w any more */
    CHECK(strcmp(order(m.g, 1), "a") == 0 && strcmp(order(m.g, 0), "x a") == 0);
    CHECK_OK(kerf_graph_verify(m.g));
    kerf_graph_destroy(m.g);

    m = make();
    kerf_value *unread;
    CHECK_OK(kerf_graph_add_input(m.g, "unread", KERF_F32, KERF_SHAPE(2), &unread));
    m.side->outputs[0]->next_of = 0; /* a next value is wanted as an output is */
    m.g->num_outputs = 0;
    kerf__graph_remove_dead(m.g);
    CHECK(strcmp(order(m.g, 1), "side") == 0 && strcmp(order(m.g, 0), "x side unread") == 0);
    CHECK_OK(kerf_graph_verify(m.g));
    kerf_graph_destroy(m.g);
}

static void test_sort(void)
{
    chain m = make();
    CHECK_OK(kerf__graph_sort(m.g));
    CHECK(strcmp(order(m.g, 1), "a side b c") == 0); /* nothing had to move */
    kerf_node *late = add(m.g, "late", m.x, NULL);
    kerf__node_set_input(m.b, 1, late->outputs[0]);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_graph_verify(m.g));
    CHECK_OK(kerf__graph_sort(m.g));
    CHECK(strcmp(order(m.g, 1), "a side late b c") == 0);
    CHECK_OK(kerf_graph_verify(m.g));

    kerf__node_set_input(m.a, 1, m.c->outputs[0]);
    CHECK_STATUS(KERF_ERR_FORMAT, kerf__graph_sort(m.g));
    CHECK(strcmp(kerf_last_error(), "graph: Add 'a' lies on a cycle, it needs its own result") ==
          0);
    CHECK(strcmp(order(m.g, 1), "a side late b c") == 0);
    kerf__node_set_input(m.a, 1, m.a->outputs[0]);
    CHECK_STATUS(KERF_ERR_FORMAT, kerf__graph_sort(m.g));
    kerf__node_set_input(m.a, 1, NULL);
    CHECK_OK(kerf_graph_verify(m.g));
    kerf_graph_destroy(m.g);
}

/* A long chain in the worst order: no recursion that could run out of stack. */
static void test_sort_deep(void)
{
    enum { DEEP = 200000 };
    kerf_graph *g;
    kerf_value *x;
    CHECK_OK(kerf_graph_create(&g));
    CHECK_OK(kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(2), &x));
    kerf_node *before = NULL;
    for (int i = 0; i < DEEP; i++) { /* each reads the one that is added after it */
        char name[24];
        kerf_node *n;
        snprintf(name, sizeof name, "n%d", i);
        CHECK_OK(kerf_graph_add_node(g, "Relu", name, &x, 1, 1, &n));
        if (before != NULL)
            kerf__node_set_input(before, 0, n->outputs[0]);
        before = n;
    }
    CHECK_OK(kerf__graph_sort(g));
    CHECK_OK(kerf_graph_verify(g));
    CHECK(strcmp(g->nodes[DEEP - 1]->name, "n0") == 0);
    kerf_graph_destroy(g);
}

/* ---- verify: one break at a time ------------------------------------------------------------ */

static void break_value_index(chain *m)
{
    m->x->index = 1;
}
static void mend_value_index(chain *m)
{
    m->x->index = 0;
}
static void break_node_index(chain *m)
{
    m->a->index = 1;
}
static void mend_node_index(chain *m)
{
    m->a->index = 0;
}
static void break_order(chain *m)
{
    m->a->inputs[1] = m->b->outputs[0];
}
static void mend_order(chain *m)
{
    m->a->inputs[1] = NULL;
}
static void break_producer(chain *m)
{
    m->a->outputs[0]->producer = m->b;
}
static void mend_producer(chain *m)
{
    m->a->outputs[0]->producer = m->a;
}
static void break_name(chain *m)
{
    m->x->name[0] = 'y';
}
static void mend_name(chain *m)
{
    m->x->name[0] = 'x';
}
static void break_kind(chain *m)
{
    m->w->kind = KERF__VALUE_INPUT;
}
static void mend_kind(chain *m)
{
    m->w->kind = KERF__VALUE_STATE;
}
static void break_state(chain *m)
{
    m->x->state_id = 2;
}
static void mend_state(chain *m)
{
    m->x->state_id = -1;
}
static void break_next_of_input(chain *m)
{
    m->x->next_of = 0;
}
static void mend_next_of_input(chain *m)
{
    m->x->next_of = -1;
}
static void break_rank(chain *m)
{
    m->x->shape.rank = 9;
}
static void mend_rank(chain *m)
{
    m->x->shape.rank = 1;
}
static void break_symbol(chain *m)
{
    m->x->shape.dims[0] = -3;
}
static void mend_symbol(chain *m)
{
    m->x->shape.dims[0] = 2;
}
static void break_output(chain *m)
{
    m->g->outputs[0] = NULL;
}
static void mend_output(chain *m)
{
    m->g->outputs[0] = m->c->outputs[0];
}
static void break_input(chain *m)
{
    m->g->inputs[0] = m->w;
}
static void mend_input(chain *m)
{
    m->g->inputs[0] = m->x;
}
static void break_next(chain *m)
{
    m->a->outputs[0]->next_of = m->b->outputs[0]->next_of = 0;
}
static void mend_next(chain *m)
{
    m->a->outputs[0]->next_of = m->b->outputs[0]->next_of = -1;
}
static void break_num_names(chain *m)
{
    m->g->names.num++;
}
static void mend_num_names(chain *m)
{
    m->g->names.num--;
}

static const struct {
    const char *words;
    void (*broken)(chain *), (*mended)(chain *);
} BREAKS[] = {
    {"wrong place is written in value 'x'", break_value_index, mend_value_index},
    {"wrong place is written in node 'a'", break_node_index, mend_node_index},
    {"made later or by itself: node 'a'", break_order, mend_order},
    {"do not agree in value 'a'", break_producer, mend_producer},
    {"names must be unique, not so value 'y'", break_name, mend_name},
    {"do not agree in value 'w'", break_kind, mend_kind},
    {"fields of two kinds are set in value 'x'", break_state, mend_state},
    {"fields of two kinds are set in value 'x'", break_next_of_input, mend_next_of_input},
    {"impossible type or shape of value 'x'", break_rank, mend_rank},
    {"unknown symbol in the shape of value 'x'", break_symbol, mend_symbol},
    {"output 0 is not in the graph", break_output, mend_output},
    {"do not agree in value 'x'", break_input, mend_input},
    {"state 0 has two next values, must have one", break_next, mend_next},
    {"7 names for 6 values", break_num_names, mend_num_names},
};

static void test_verify_notices(void)
{
    chain m = make();
    for (size_t i = 0; i < sizeof BREAKS / sizeof BREAKS[0]; i++) {
        BREAKS[i].broken(&m);
        CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_graph_verify(m.g));
        if (strstr(kerf_last_error(), BREAKS[i].words) == NULL) {
            printf("'%s' lacks '%s'\n", kerf_last_error(), BREAKS[i].words);
            check_failures++;
        }
        BREAKS[i].mended(&m);
        CHECK_OK(kerf_graph_verify(m.g));
    }
    kerf_value *again;
    CHECK_OK(kerf_graph_add_state(m.g, "w2", 0, KERF_F32, KERF_SHAPE(2), &again));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_graph_verify(m.g));
    CHECK(strcmp(kerf_last_error(), "graph: state 0 has two values, must have one") == 0);
    kerf_graph_destroy(m.g);
}

int main(void)
{
    test_uses();
    test_remove();
    test_remove_dead();
    test_sort();
    test_sort_deep();
    test_verify_notices();
    return check_result();
}
