/* main.c -- somebody else's program: reads nothing but installed headers, needs no device. */
#include <kerf/kerf.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    kerf_graph *g;
    kerf_value *x;
    kerf_node *relu;
    if (kerf_graph_create(&g) != KERF_OK ||
        kerf_graph_add_input(g, "x", KERF_F32, KERF_SHAPE(2, 3), &x) != KERF_OK ||
        kerf_graph_add_node(g, "Relu", "y", &x, 1, 1, &relu) != KERF_OK ||
        kerf_graph_add_output(g, kerf_node_output(relu, 0)) != KERF_OK ||
        kerf_graph_verify(g) != KERF_OK)
        return 1;
    printf("kerf %s says: %s\n", kerf_version(), kerf_value_name(kerf_graph_output(g, 0)));
    kerf_graph_destroy(g);
    return strcmp(kerf_version(), KERF_WANTED_VERSION) != 0;
}
