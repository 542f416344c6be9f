/* costs.h -- what the layers of a network take on some device, by how much is left of them:
 * measured there, kept as JSON, and believed elsewhere.
 *
 *     kerf_costs_measure(&c, g, s, &how);     on the device, as `kerf bench M --costs` does
 *     kerf_costs_print(c, &json);
 *     kerf_costs_parse(&c, json);             where the network is trained
 *     kerf_costs_check(c, g, s);              it is of this very network
 *     kerf_costs_predict(c, pruned, s, &ms);  what a network made of it takes there
 *
 * A prediction adds up layers, each by its own time whole times what is left of that with its share
 * of non-zeros, with its share of multiply-adds, and with its type: factors, each between those
 * that were measured next to it, all in one precision.  What is no layer (pooling, reordering,
 * queueing) is the rest of each network that was measured, and follows the layers' means.
 *
 * Thread safety: none writes but the one that makes it. */
#ifndef KERF_COSTS_H
#define KERF_COSTS_H

#include "kerf/data.h"
#include "kerf/plan.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A network that was measured: all its layers alike. */
typedef struct kerf_costs_point {
    double density, channels; /* shares of weights and of channels that are left */
    int bits;                 /* of weights */
    char mode[16];            /* "float", or as `kerf quantize --mode`: "static" and so on */
    kerf_precision precision; /* of its plan */
    double ms, rest_ms;       /* of a run with one sample, and what of it no layer takes */
} kerf_costs_point;

/* A layer in one of those networks. */
typedef struct kerf_costs_cell {
    double density, macs; /* shares of its weights that are not 0, of its multiply-adds */
    double ms;            /* alone */
} kerf_costs_cell;

typedef struct kerf_costs_options {
    const kerf_known_input *inputs; /* those whose shape is open */
    size_t num_inputs;
    const kerf_dataset *data; /* samples that ranges of activations are found on; NULL: no network
                               * of mode static is measured */
    uint64_t seed;
    double network_ms; /* each is timed so long, in turns with the whole; 0: a few dozen runs */
    const kerf_costs *known; /* what `keep` was given before a measuring was stopped: its networks
                              * are not measured again; NULL: none */
    /* Networks that were measured, and all; nonzero stops; may be NULL. */
    int (*progress)(void *context, int64_t done, int64_t num);
    /* What there is behind each network, to be kept; may be NULL.  A failure stops. */
    kerf_status (*keep)(void *context, const kerf_costs *so_far);
    void *context;
} kerf_costs_options;

/* Measures copies of g, of floats, on the state's device: whole, with fewer non-zeros, with fewer
 * channels, with other types, in halves; and each layer in them.  What cannot be made of g is left
 * out, and kerf_costs_left_out() says why.  g and s stay as they are. */
KERF_API kerf_status kerf_costs_measure(kerf_costs **out, const kerf_graph *g, const kerf_state *s,
                                        const kerf_costs_options *how);
/* Takes nothing on trust: what is missing, of another version, or no number fails, and the message
 * names it.  On failure *out is NULL. */
KERF_API kerf_status kerf_costs_parse(kerf_costs **out, const char *json);
/* The caller frees *json with free(). */
KERF_API kerf_status kerf_costs_print(const kerf_costs *c, char **json);
KERF_API void kerf_costs_destroy(kerf_costs *c); /* NULL is allowed */

/* Fails where they are of another network than g: masks, folded norms and numbers do not count. */
KERF_API kerf_status kerf_costs_check(const kerf_costs *c, const kerf_graph *g,
                                      const kerf_state *s);
/* Predictions are of plans of that precision from here on (f32).  Fails where the file has none. */
KERF_API kerf_status kerf_costs_set_precision(kerf_costs *c, kerf_precision precision);
/* Of g, which was made of that network by pruning, cutting or quantizing: milliseconds of a run
 * with one sample on the device that was measured.  Reads weights; waits. */
KERF_API kerf_status kerf_costs_predict(const kerf_costs *c, const kerf_graph *g,
                                        const kerf_state *s, double *ms);

/* ---- looking; texts live as long as the costs --------------------------------------------- */

KERF_API const char *kerf_costs_device(const kerf_costs *c);   /* its name */
KERF_API const char *kerf_costs_left_out(const kerf_costs *c); /* a line each; "" if nothing */
KERF_API size_t kerf_costs_num_points(const kerf_costs *c);
KERF_API size_t kerf_costs_num_layers(const kerf_costs *c);
KERF_API const kerf_costs_point *kerf_costs_get_point(const kerf_costs *c, size_t i);
KERF_API const char *kerf_costs_layer_name(const kerf_costs *c, size_t layer);
KERF_API const kerf_costs_cell *kerf_costs_get_cell(const kerf_costs *c, size_t layer,
                                                    size_t point);

#ifdef __cplusplus
}
#endif
#endif
