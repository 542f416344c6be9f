/* compress/quantize/quantize_graph.c -- options, and the rewrites of modes; see kerf/quantize.h. */
#include <string.h>

#include "base/fail.h"
#include "compress/quantize/quantize_internal.h"

/* What a mode can do. */
static const struct {
    const char *name;
    kerf_status (*rewrite)(kerf_graph *g, const kerf_state *s, const kerf_quantize_options *options,
                           const kerf__quantize_layers *layers);
    int bytes_only; /* what the file says multiplies integers of 8 bits */
    int in_floats;  /* products are, so the scale may change within a sum, or be none */
} MODES[] = {
    [KERF_QUANTIZE_DYNAMIC] = {"dynamic", kerf__quantize_dynamic, 1, 0},
    [KERF_QUANTIZE_STATIC] = {"static", kerf__quantize_static, 0, 0},
    [KERF_QUANTIZE_WEIGHT_ONLY] = {"weight-only", kerf__quantize_weight_only, 0, 1},
};

kerf_quantize_options kerf_quantize_defaults(kerf_quantize_mode mode)
{
    return (kerf_quantize_options){
        .mode = mode, .weights = KERF_S8, .activations = KERF_U8, .per = KERF_PER_CHANNEL};
}

/* ---- options --------------------------------------------------------------------------- */

static kerf_status check_weights(kerf_type weights, kerf_quantize_mode mode)
{
    if (weights == KERF_F16 && MODES[mode].in_floats)
        return KERF_OK;
    if (weights != KERF_S8 && weights != KERF_S4 && weights != KERF_S2)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "quantize: weights are %s, must be int8, int4 or int2, or float16 in mode "
            "weight-only",
            kerf_type_name(weights));
    if (MODES[mode].bytes_only && weights != KERF_S8)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: weights are %s, must be int8 in mode %s; fewer bits go with "
                          "modes static and weight-only",
                          kerf_type_name(weights), MODES[mode].name);
    return KERF_OK;
}

static kerf_status check_choice(const kerf_quantize_options *o, const kerf_quantize_choice *c)
{
    if ((unsigned)c->mode > KERF_QUANTIZE_WEIGHT_ONLY)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: '%s' has mode %d, must be one of kerf/quantize.h", c->pattern,
                          (int)c->mode);
    if (c->mode != o->mode && o->mode != KERF_QUANTIZE_STATIC)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: '%s' has mode %s, must be %s like the network; others go with "
                          "mode static",
                          c->pattern, MODES[c->mode].name, MODES[o->mode].name);
    return c->weights == KERF_F32 ? KERF_OK : check_weights(c->weights, c->mode);
}

/* For all, and by layer. */
static kerf_status check_choices(const kerf_quantize_options *o)
{
    if (o->weights != KERF_F32 || o->num_choices == 0)
        KERF__TRY(check_weights(o->weights, o->mode));
    for (size_t i = 0; i < o->num_choices; i++)
        KERF__TRY(check_choice(o, &o->choices[i]));
    return KERF_OK;
}

static int may_have_blocks(const kerf_quantize_options *o)
{
    int may = MODES[o->mode].in_floats;
    for (size_t i = 0; i < o->num_choices; i++)
        may |= MODES[o->choices[i].mode].in_floats;
    return may;
}

/* A power of two, as readers have kernels for no other. */
static kerf_status check_block(const kerf_quantize_options *o)
{
    enum { LEAST = 16, MOST = 256 };
    if (o->per != KERF_PER_BLOCK)
        return KERF_OK;
    if (!may_have_blocks(o))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: weights have a scale a block, must have one a channel or "
                          "tensor in mode %s",
                          MODES[o->mode].name);
    if (o->block < LEAST || o->block > MOST || (o->block & (o->block - 1)) != 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: blocks are of %lld weights, must be of 16, 32, 64, 128 or 256",
                          (long long)o->block);
    return KERF_OK;
}

kerf_status kerf__quantize_check_options(const kerf_quantize_options *o)
{
    if ((unsigned)o->mode > KERF_QUANTIZE_WEIGHT_ONLY || (unsigned)o->per > KERF_PER_BLOCK)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: mode %d with scales per %d: must be those of kerf/quantize.h",
                          (int)o->mode, (int)o->per);
    KERF__TRY(check_choices(o));
    KERF__TRY(check_block(o));
    if (o->mode != KERF_QUANTIZE_STATIC)
        return KERF_OK;
    if (o->activations != KERF_U8 && o->activations != KERF_S8 && o->activations != KERF_U16 &&
        o->activations != KERF_S16)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: activations are %s, must be uint8, int8, uint16 or int16",
                          kerf_type_name(o->activations));
    if (o->ranges == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: mode static must have ranges; calibrate first");
    return KERF_OK;
}

/* ---- the rewrites ---------------------------------------------------------------------- */

static int is_read(const kerf_graph *g, int state_id)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->state_id == state_id)
            return 1;
    return 0;
}

/* Weights of layers and their biases were states, as floats; what belongs to them goes along. */
static void drop_floats(const kerf_graph *g, kerf_state *s)
{
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && e->role == KERF_ROLE_WEIGHT && !is_read(g, id))
            kerf_state_drop(s, id);
    }
}

/* Static first: it knows values by their names, which the others change. */
static kerf_status rewrite(kerf_graph *g, const kerf_state *s, const kerf_quantize_options *options,
                           const kerf__quantize_layers *layers)
{
    static const kerf_quantize_mode ORDER[] = {KERF_QUANTIZE_STATIC, KERF_QUANTIZE_DYNAMIC,
                                               KERF_QUANTIZE_WEIGHT_ONLY};
    for (size_t i = 0; i < sizeof ORDER / sizeof ORDER[0]; i++)
        KERF__TRY(MODES[ORDER[i]].rewrite(g, s, options, layers));
    return KERF_OK;
}

kerf_status kerf_quantize(kerf_graph *g, kerf_state *s, const kerf_quantize_options *options)
{
    kerf__quantize_layers layers;
    KERF__TRY(kerf__quantize_check_options(options));
    KERF__TRY(kerf__quantize_find(&layers, g, options));
    kerf_status status = rewrite(g, s, options, &layers);
    kerf__quantize_layers_free(&layers);
    if (status == KERF_OK)
        status = kerf__graph_sort(g);
    if (status != KERF_OK)
        return status;
    kerf__graph_remove_dead(g);
    drop_floats(g, s);
    return KERF_OK;
}
