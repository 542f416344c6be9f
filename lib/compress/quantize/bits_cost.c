/* compress/quantize/bits_cost.c -- what a network takes: bytes of its file, and time on its device
 * (plan/trade_time.c). */
#include <stdlib.h>

#include "base/fail.h"
#include "compress/quantize/bits_internal.h"
#include "kerf/io.h"

kerf_status kerf__bits_bytes(const kerf_graph *g, const kerf_state *s, double *bytes)
{
    void *file;
    size_t num;
    KERF__TRY(kerf_onnx_serialize(g, s, &file, &num));
    free(file);
    *bytes = (double)num;
    return KERF_OK;
}

static kerf_status make_plan(kerf_plan **out, const kerf_graph *g, kerf_state *s,
                             const kerf__samples *samples)
{
    kerf_known_input known;
    kerf_plan_options options = {.mode = KERF_EVALUATE, .inputs = &known, .batch = 1};
    options.num_inputs = kerf__samples_known(samples, g, &known);
    return kerf_plan_create(out, g, s, &options);
}

kerf_status kerf__bits_ms(const kerf_graph *g, kerf_state *s, const kerf__samples *samples,
                          double *ms)
{
    kerf_plan *p;
    KERF__TRY(make_plan(&p, g, s, samples));
    kerf_status status = kerf__trade_run_ms(p, ms);
    kerf_plan_destroy(p);
    return status;
}

kerf_status kerf__bits_layers_ms(const kerf_graph *g, kerf_state *s, const kerf__samples *samples,
                                 const char *const *names, size_t num, double *ms)
{
    kerf_plan *p;
    KERF__TRY(make_plan(&p, g, s, samples));
    kerf_status status = kerf__trade_layers_ms(p, names, num, ms);
    kerf_plan_destroy(p);
    return status;
}
