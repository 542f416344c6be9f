/* train/costs_networks.c -- the networks that costs are measured on: copies of one, changed as
 * those are that are made of it elsewhere, all layers alike.  Other half: costs_measure.c. */
#include <string.h>

#include "base/fail.h"
#include "kerf/channels.h"
#include "kerf/quantize.h"
#include "train/costs_networks.h"

/* density, channels, bits, mode, precision.  The whole stands first of its precision: others are
 * measured beside it.  Halves have fewer places between, as kernels are those of floats. */
#define F32 KERF_PRECISION_F32
#define F16 KERF_PRECISION_F16
static const kerf_costs_point POINTS[] = {
    {1, 1, 32, "float", F32, 0, 0},       {0.5, 1, 32, "float", F32, 0, 0},
    {0.3, 1, 32, "float", F32, 0, 0},     {0.2, 1, 32, "float", F32, 0, 0},
    {0.1, 1, 32, "float", F32, 0, 0},     {0.05, 1, 32, "float", F32, 0, 0},
    {0.02, 1, 32, "float", F32, 0, 0},    {1, 0.875, 32, "float", F32, 0, 0},
    {1, 0.75, 32, "float", F32, 0, 0},    {1, 0.625, 32, "float", F32, 0, 0},
    {1, 0.5, 32, "float", F32, 0, 0},     {1, 0.25, 32, "float", F32, 0, 0},
    {1, 0.125, 32, "float", F32, 0, 0},   {1, 1, 32, "float", F16, 0, 0},
    {0.3, 1, 32, "float", F16, 0, 0},     {0.1, 1, 32, "float", F16, 0, 0},
    {0.02, 1, 32, "float", F16, 0, 0},    {1, 0.75, 32, "float", F16, 0, 0},
    {1, 0.5, 32, "float", F16, 0, 0},     {1, 0.25, 32, "float", F16, 0, 0},
    {1, 1, 8, "static", F32, 0, 0},       {1, 1, 4, "static", F32, 0, 0},
    {1, 1, 2, "static", F32, 0, 0},       {1, 1, 8, "dynamic", F32, 0, 0},
    {1, 1, 16, "weight-only", F32, 0, 0}, {1, 1, 8, "weight-only", F32, 0, 0},
    {1, 1, 4, "weight-only", F32, 0, 0},  {1, 1, 2, "weight-only", F32, 0, 0},
    {1, 1, 8, "static", F16, 0, 0},       {1, 1, 8, "weight-only", F16, 0, 0}};

size_t kerf__costs_num_networks(void)
{
    return sizeof POINTS / sizeof POINTS[0];
}

const kerf_costs_point *kerf__costs_network(size_t i)
{
    return &POINTS[i];
}

/* ---- making them ----------------------------------------------------------------------------- */

typedef kerf_status (*make_network)(const kerf_costs_options *with, const kerf_costs_point *p,
                                    kerf_graph *g, kerf_state *s);

static kerf_status make_sparse(const kerf_costs_options *with, const kerf_costs_point *p,
                               kerf_graph *g, kerf_state *s)
{
    const kerf_prune_options how = {.method = KERF_PRUNE_RANDOM,
                                    .scope = KERF_SCOPE_LAYER,
                                    .amount = 1 - p->density,
                                    .seed = with->seed};
    kerf_pruner *pruner = NULL;
    KERF__TRY(kerf_prune_mark(g, s, &how));
    KERF__TRY(kerf_pruner_create(&pruner, g, s, &how));
    kerf_status status = kerf_pruner_apply(pruner, 1);
    kerf_pruner_destroy(pruner);
    return status;
}

static kerf_status make_narrow(const kerf_costs_options *with, const kerf_costs_point *p,
                               kerf_graph *g, kerf_state *s)
{
    const kerf_channel_options how = {.criterion = KERF_CHANNEL_RANDOM,
                                      .scope = KERF_CHANNEL_SCOPE_LAYER,
                                      .amount = 1 - p->channels,
                                      .seed = with->seed};
    kerf_channels *channels;
    KERF__TRY(kerf_channels_find(&channels, g, s));
    kerf_status status = kerf_channels_choose(channels, s, &how);
    if (status == KERF_OK)
        status = kerf_channels_remove(channels, g, s);
    kerf_channels_destroy(channels);
    return status;
}

static kerf_type type_of(int bits)
{
    return bits == 16 ? KERF_F16 : bits == 8 ? KERF_S8 : bits == 4 ? KERF_S4 : KERF_S2;
}

static kerf_status round_static(const kerf_costs_options *with, kerf_quantize_options *q,
                                kerf_graph *g, kerf_state *s)
{
    const kerf_calibrate_options how = {
        .observer = KERF_OBSERVE_MINMAX, .samples = 16, .batch = 16, .seed = with->seed};
    kerf_ranges *ranges;
    if (with->data == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "costs: there must be samples to find ranges on");
    KERF__TRY(kerf_quantize_fold(g, s));
    KERF__TRY(kerf_calibrate(&ranges, g, s, with->data, q, &how));
    q->ranges = ranges;
    kerf_status status = kerf_quantize(g, s, q);
    kerf_ranges_destroy(ranges);
    return status;
}

static kerf_status make_rounded(const kerf_costs_options *with, const kerf_costs_point *p,
                                kerf_graph *g, kerf_state *s)
{
    static const struct {
        const char *word;
        kerf_quantize_mode mode;
    } MODES[] = {{"static", KERF_QUANTIZE_STATIC},
                 {"dynamic", KERF_QUANTIZE_DYNAMIC},
                 {"weight-only", KERF_QUANTIZE_WEIGHT_ONLY}};
    size_t i = 0;
    while (strcmp(MODES[i].word, p->mode) != 0)
        i++;
    kerf_quantize_options q = kerf_quantize_defaults(MODES[i].mode);
    q.weights = type_of(p->bits);
    return MODES[i].mode == KERF_QUANTIZE_STATIC ? round_static(with, &q, g, s)
                                                 : kerf_quantize(g, s, &q);
}

static kerf_status make_nothing(const kerf_costs_options *with, const kerf_costs_point *p,
                                kerf_graph *g, kerf_state *s)
{
    (void)with, (void)p, (void)g, (void)s;
    return KERF_OK;
}

static make_network maker_of(const kerf_costs_point *p)
{
    return kerf__costs_is_whole(p) ? make_nothing
           : p->density < 1        ? make_sparse
           : p->channels < 1       ? make_narrow
                                   : make_rounded;
}

kerf_status kerf__costs_make(const kerf_costs_options *with, const kerf_costs_point *p,
                             kerf_graph *g, kerf_state *s)
{
    KERF__TRY(maker_of(p)(with, p, g, s));
    return p->precision == KERF_PRECISION_F16 ? kerf_quantize_halves(g, s) : KERF_OK;
}
