/* compress/quantize/calibrate.c -- runs the network on samples, with observers at its sites.
 *
 * The watched graph is the network's copy: what is seen is what the float network computes.
 * Nothing of a batch is kept, and a site is two numbers or KERF__BINS counts, so samples may be as
 * many as time allows. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/calibrate_internal.h"

/* ---- sites ----------------------------------------------------------------------------- */

static kerf_status list_sites(kerf__watching *w, const kerf_graph *g, const kerf__sites *sites)
{
    w->sites = kerf__alloc(g->num_values, sizeof *w->sites);
    if (w->sites == NULL)
        return kerf__fail_memory("calibrate", g->num_values * sizeof *w->sites);
    for (size_t i = 0; i < g->num_values; i++)
        if (kerf__sites_observed(sites, g->values[i]))
            w->sites[w->num++].name = g->values[i]->name;
    return KERF_OK;
}

static kerf_status find_sites(kerf__watching *w, const kerf_graph *g,
                              const kerf__quantize_layers *layers)
{
    kerf__sites sites = {0};
    kerf_status status = kerf__sites_find(&sites, g, layers);
    if (status == KERF_OK)
        status = list_sites(w, g, &sites);
    kerf__sites_free(&sites);
    return status;
}

static int is_listed(const kerf__watching *w, const char *name)
{
    for (size_t i = 0; i < w->num; i++)
        if (strcmp(w->sites[i].name, name) == 0)
            return 1;
    return 0;
}

/* What layers with a bias take, in the place of the sites. */
static void list_inputs(kerf__watching *w, const kerf__quantize_layers *layers)
{
    w->num = 0;
    for (size_t i = 0; i < layers->num; i++) {
        const kerf__quantize_layer *l = &layers->at[i];
        const char *name = l->node->inputs[0]->name;
        if (kerf__layer_has_bias(l) && !is_listed(w, name))
            w->sites[w->num++] = (kerf__watched){
                .name = name, .channels = kerf__layer_num_inputs(l), .rank = l->weight->shape.rank};
    }
}

/* ---- a pass ---------------------------------------------------------------------------- */

static kerf_status take_batch(void *context, const float *images, int64_t num)
{
    const kerf__watching *w = context;
    kerf_plan *ran;
    return kerf__sample_plans_run(&w->plans, images, num, &ran);
}

static kerf_status run_pass(kerf__watching *w, const kerf_graph *g, const kerf__pass_rules *pass)
{
    KERF__TRY(kerf_graph_copy(&w->g, g));
    for (size_t i = 0; i < w->num; i++)
        KERF__TRY(pass->add(w, &w->sites[i], kerf_graph_find(w->g, w->sites[i].name)));
    KERF__TRY(kerf__sample_plans_create(&w->plans, &w->samples, w->g, w->s));
    KERF__TRY(kerf__samples_each(&w->samples, take_batch, w));
    for (size_t i = 0; i < w->num; i++)
        KERF__TRY(pass->read(w, &w->sites[i]));
    return KERF_OK;
}

/* What the pass made goes; it may have failed anywhere. */
static void end_pass(kerf__watching *w)
{
    kerf__sample_plans_destroy(&w->plans);
    kerf_graph_destroy(w->g);
    w->g = NULL;
    for (size_t i = 0; i < w->num; i++)
        while (w->sites[i].num_ids > 0)
            kerf_state_drop(w->s, w->sites[i].ids[--w->sites[i].num_ids]);
}

static kerf_status look(kerf__watching *w, const kerf_graph *g, const kerf__pass_rules *pass)
{
    kerf_status status = run_pass(w, g, pass);
    end_pass(w);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------- */

/* Counts are int32. */
static kerf_status check_counts(const kerf__watching *w, const kerf_graph *g)
{
    kerf_graph *inferred;
    kerf_known_input known;
    KERF__TRY(kerf_graph_copy(&inferred, g));
    kerf_status status =
        kerf_graph_bind(inferred, &known, kerf__samples_known(&w->samples, g, &known));
    if (status == KERF_OK)
        status = kerf_graph_infer(inferred, 1);
    for (size_t i = 0; status == KERF_OK && i < w->num; i++) {
        const kerf_value *v = kerf_graph_find(inferred, w->sites[i].name);
        if (v != NULL && kerf_shape_num_elements(v->shape) > INT32_MAX / w->samples.num)
            status = kerf__fail(KERF_ERR_UNSUPPORTED,
                                "calibrate: '%s' has %lld numbers in a sample; of so many this "
                                "observer counts up to %lld samples",
                                v->name, (long long)kerf_shape_num_elements(v->shape),
                                (long long)(INT32_MAX / kerf_shape_num_elements(v->shape)));
    }
    kerf_graph_destroy(inferred);
    return status;
}

static kerf_status check_how(const kerf_calibrate_options *how)
{
    if ((unsigned)how->observer > KERF_OBSERVE_ENTROPY)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "calibrate: observer %d: must be one of those that kerf/quantize.h lists",
                          (int)how->observer);
    if (how->observer == KERF_OBSERVE_PERCENTILE &&
        !(how->percentile > 50 && how->percentile <= 100))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "calibrate: percentile %g: must be above 50 and at most 100",
                          how->percentile);
    return KERF_OK;
}

static kerf_status calibrate(kerf__watching *w, const kerf_graph *g, const kerf_dataset *d,
                             const kerf__quantize_layers *layers)
{
    const kerf_calibrate_options *how = w->how;
    const int counts = kerf__observer_counts(how->observer);
    KERF__TRY(check_how(how));
    KERF__TRY(kerf__samples_open(&w->samples, g, d, how));
    KERF__TRY(find_sites(w, g, layers));
    w->samples.to_see = (1 + (how->means != 0)) * w->samples.num;
    if (counts)
        KERF__TRY(check_counts(w, g));
    KERF__TRY(look(w, g, counts ? &kerf__pass_counts : &kerf__pass_ranges));
    for (size_t i = 0; i < w->num; i++)
        KERF__TRY(kerf__ranges_add(w->out, w->sites[i].name, w->sites[i].span.low,
                                   w->sites[i].span.high));
    if (how->means == 0)
        return KERF_OK;
    list_inputs(w, layers);
    return look(w, g, &kerf__pass_means);
}

int64_t kerf_calibrate_batch(int64_t batch)
{
    return batch > 0 && batch < KERF_CALIBRATE_BATCH ? batch : KERF_CALIBRATE_BATCH;
}

kerf_status kerf_calibrate(kerf_ranges **out, const kerf_graph *g, kerf_state *s,
                           const kerf_dataset *d, const kerf_quantize_options *options,
                           const kerf_calibrate_options *how)
{
    kerf__watching w = {.s = s, .how = how};
    kerf__quantize_layers layers;
    *out = NULL;
    KERF__TRY(kerf__quantize_find_any(&layers, g, options));
    kerf_status status = kerf__ranges_create(&w.out);
    if (status == KERF_OK)
        status = calibrate(&w, g, d, &layers);
    kerf__quantize_layers_free(&layers);
    kerf__samples_close(&w.samples);
    free(w.sites);
    *out = w.out;
    if (status != KERF_OK) {
        kerf_ranges_destroy(*out);
        *out = NULL;
    }
    return status;
}
