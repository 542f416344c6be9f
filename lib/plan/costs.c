/* plan/costs.c -- what layers take on some device: the object, and whether it is of a network; see
 * costs_internal.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/costs_internal.h"

/* ---- life ------------------------------------------------------------------------------------ */

static kerf_status add_room(kerf_costs *c, size_t num_layers, size_t num_points)
{
    c->points = kerf__alloc(num_points, sizeof *c->points);
    c->names = kerf__alloc(num_layers, sizeof *c->names);
    c->layers = kerf__alloc(num_layers, sizeof *c->layers);
    if (c->points == NULL || c->names == NULL || c->layers == NULL)
        return kerf__fail_memory("costs", num_layers * sizeof *c->layers);
    c->num_points = num_points;
    c->num_layers = num_layers;
    for (size_t l = 0; l < num_layers; l++) {
        c->layers[l].cells = kerf__alloc(num_points, sizeof *c->layers[l].cells);
        if (c->layers[l].cells == NULL)
            return kerf__fail_memory("costs", num_points * sizeof *c->layers[l].cells);
    }
    return KERF_OK;
}

kerf_status kerf__costs_create(kerf_costs **out, size_t num_layers, size_t num_points)
{
    kerf_costs *c = kerf__alloc(1, sizeof *c);
    *out = NULL;
    if (c == NULL)
        return kerf__fail_memory("costs", sizeof *c);
    kerf_status status = add_room(c, num_layers, num_points);
    if (status == KERF_OK)
        *out = c;
    else
        kerf_costs_destroy(c);
    return status;
}

void kerf_costs_destroy(kerf_costs *c)
{
    if (c == NULL)
        return;
    for (size_t l = 0; l < c->num_layers; l++) {
        free(c->names[l]);
        free(c->layers[l].op);
        free(c->layers[l].cells);
    }
    free(c->names);
    free(c->layers);
    free(c->points);
    free(c->device);
    free(c->device_id);
    free(c->driver);
    free(c->left_out);
    free(c);
}

/* ---- which precision ------------------------------------------------------------------------- */

int kerf__costs_is_whole(const kerf_costs_point *p)
{
    return p->density >= 1 && p->channels >= 1 && strcmp(p->mode, "float") == 0;
}

kerf_status kerf_costs_set_precision(kerf_costs *c, kerf_precision precision)
{
    for (size_t p = 0; p < c->num_points; p++)
        if (c->points[p].precision == precision && kerf__costs_is_whole(&c->points[p])) {
            c->base = p;
            return KERF_OK;
        }
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "costs: nothing was measured in %s on %s; must be a precision that was",
                      kerf_precision_name(precision), c->device);
}

/* ---- which network --------------------------------------------------------------------------- */

/* XXH64 in a chain: two networks, told apart; it withstands no attack. */
static uint64_t add(uint64_t hash, const void *data, size_t num_bytes)
{
    return XXH64(data, num_bytes, hash);
}

static uint64_t add_text(uint64_t hash, const char *text)
{
    return add(hash, text, strlen(text) + 1);
}

static uint64_t hash_attribute(const kerf__attribute *a)
{
    uint64_t hash = add_text(0, a->key);
    hash = add(hash, &a->as_int, sizeof a->as_int);
    hash = add(hash, &a->as_float, sizeof a->as_float);
    if (a->ints != NULL)
        hash = add(hash, a->ints, a->num * sizeof *a->ints);
    if (a->floats != NULL)
        hash = add(hash, a->floats, a->num * sizeof *a->floats);
    return a->string != NULL ? add_text(hash, a->string) : hash;
}

/* In whatever order a file has the attributes. */
static uint64_t hash_node(const kerf_node *n)
{
    uint64_t hash = add_text(0, n->op);
    for (size_t k = 0; k < n->num_attributes; k++)
        hash += hash_attribute(&n->attributes[k]);
    return hash;
}

static int counts(const kerf_node *n)
{
    static const char *const NOT[] = {"kerf.Mask", "BatchNormalization"};
    int is = 1;
    for (size_t i = 0; i < sizeof NOT / sizeof NOT[0]; i++)
        is &= strcmp(n->op, NOT[i]) != 0;
    return is;
}

void kerf__costs_digest(const kerf_graph *g, char digest[20])
{
    uint64_t hash = 0;
    for (size_t i = 0; i < g->num_nodes; i++) {
        const uint64_t of_node = hash_node(g->nodes[i]);
        if (counts(g->nodes[i]))
            hash = add(hash, &of_node, sizeof of_node);
    }
    for (int i = 0; i < kerf_graph_num_inputs(g); i++) {
        const kerf_shape shape = kerf_value_shape(kerf_graph_input(g, i));
        for (int d = 1; d < shape.rank; d++) /* any batch; symbols are numbers by their order */
            hash = add(hash, &shape.dims[d], sizeof shape.dims[d]);
    }
    snprintf(digest, 20, "%016" PRIx64, hash);
}

static kerf_status fail_layer(const kerf_costs *c, size_t l, const kerf__layer_left *is)
{
    const kerf__costs_layer *was = &c->layers[l];
    char there[64], here[64];
    if (is == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "costs: are of another network: it has %zu layers, one of them %s that "
                          "this one lacks; must be measured of this one",
                          c->num_layers, c->names[l]);
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "costs: are of another network: %s is %s %s there and %s %s here; must be "
                      "measured of this one",
                      c->names[l], was->op, kerf_shape_text(was->shape, there, sizeof there),
                      is->node->op, kerf_shape_text(is->shape, here, sizeof here));
}

static kerf_status check_layers(const kerf_costs *c, const kerf__layer_left *left, size_t num)
{
    for (size_t l = 0; l < c->num_layers; l++) {
        const kerf__layer_left *found = NULL;
        for (size_t i = 0; i < num && found == NULL; i++)
            if (strcmp(left[i].node->name, c->names[l]) == 0)
                found = &left[i];
        if (found == NULL || strcmp(found->node->op, c->layers[l].op) != 0 ||
            !kerf_shape_equal(found->shape, c->layers[l].shape))
            return fail_layer(c, l, found);
    }
    return num == c->num_layers
               ? KERF_OK
               : kerf__fail(KERF_ERR_ARGUMENT,
                            "costs: are of another network: it has %zu layers and this one %zu; "
                            "must be measured of this one",
                            c->num_layers, num);
}

kerf_status kerf_costs_check(const kerf_costs *c, const kerf_graph *g, const kerf_state *s)
{
    kerf__layer_left *left;
    size_t num;
    char digest[20];
    KERF__TRY(kerf__costs_look(&left, &num, g, s));
    kerf_status status = check_layers(c, left, num);
    free(left);
    KERF__TRY(status);
    kerf__costs_digest(g, digest);
    return strcmp(digest, c->structure) == 0
               ? KERF_OK
               : kerf__fail(KERF_ERR_ARGUMENT,
                            "costs: are of another network: its layers are alike, and what stands "
                            "between them is not (structure %s, here %s); must be measured of "
                            "this one",
                            c->structure, digest);
}

/* ---- looking --------------------------------------------------------------------------------- */

const char *kerf_costs_device(const kerf_costs *c)
{
    return c->device;
}

const char *kerf_costs_left_out(const kerf_costs *c)
{
    return c->left_out != NULL ? c->left_out : "";
}

size_t kerf_costs_num_points(const kerf_costs *c)
{
    return c->num_points;
}

size_t kerf_costs_num_layers(const kerf_costs *c)
{
    return c->num_layers;
}

const kerf_costs_point *kerf_costs_get_point(const kerf_costs *c, size_t i)
{
    return &c->points[i];
}

const char *kerf_costs_layer_name(const kerf_costs *c, size_t layer)
{
    return c->names[layer];
}

const kerf_costs_cell *kerf_costs_get_cell(const kerf_costs *c, size_t layer, size_t point)
{
    return &c->layers[layer].cells[point];
}
