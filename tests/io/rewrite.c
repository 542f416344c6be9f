/* rewrite IN OUT -- reads a model and writes it again, for tests/io/judge.py.  IN may be
 * net:NAME, a fresh built-in network; with --prune, a third of each weight matrix is masked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph_internal.h"
#include "kerf/io.h"
#include "kerf/nets.h"

/* A mask behind the weights of every Gemm, with a 0 at every third place. */
static kerf_status mask_weights(kerf_graph *g, kerf_state *s, kerf_node *gemm)
{
    kerf_value *w = gemm->inputs[1], *mask;
    kerf_node *n;
    char name[256];
    int id;
    size_t num = (size_t)kerf_shape_num_elements(w->shape);
    unsigned char *bits = malloc(num);
    for (size_t i = 0; i < num; i++)
        bits[i] = i % 3 != 0;
    snprintf(name, sizeof name, "%s.mask", w->name);
    kerf_status status =
        kerf_state_add(s, name, KERF_ROLE_MASK, w->state_id, KERF_BOOL, w->shape, &id);
    if (status == KERF_OK)
        status = kerf_state_write(s, id, bits);
    free(bits);
    if (status == KERF_OK)
        status = kerf_graph_add_state(g, name, id, KERF_BOOL, w->shape, &mask);
    if (status == KERF_OK)
        status = kerf_graph_add_node(g, "kerf.Mask", "", (kerf_value *[]){w, mask}, 2, 1, &n);
    if (status == KERF_OK)
        kerf__node_set_input(gemm, 1, kerf_node_output(n, 0));
    return status;
}

static kerf_status prune(kerf_graph *g, kerf_state *s)
{
    int num = kerf_graph_num_nodes(g);
    for (int i = 0; i < num; i++) {
        kerf_node *n = kerf_graph_node(g, i);
        kerf_status status = strcmp(n->op, "Gemm") == 0 ? mask_weights(g, s, n) : KERF_OK;
        if (status != KERF_OK)
            return status;
    }
    return kerf__graph_sort(g);
}

int main(int argc, char **argv)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    if (argc < 3) {
        fprintf(stderr, "usage: rewrite IN OUT [--prune]\n");
        return 2;
    }
    kerf_status status = strncmp(argv[1], "net:", 4) == 0
                             ? kerf_net_create(&g, &s, argv[1] + 4, NULL, NULL)
                             : kerf_onnx_read(&g, &s, argv[1], NULL);
    if (status == KERF_OK && argc > 3)
        status = prune(g, s);
    if (status == KERF_OK)
        status = kerf_onnx_write(g, s, argv[2]);
    if (status != KERF_OK)
        fprintf(stderr, "rewrite: %s\n", kerf_last_error());
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status == KERF_OK ? 0 : 1;
}
