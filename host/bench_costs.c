/* bench_costs.c -- `kerf bench M --costs`: what each layer of a model takes with fewer weights,
 * fewer channels and other types, on this device, so that a search on another finds what is fast
 * here (target.c).  The library measures and writes the file (kerf/costs.h). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_model.h"
#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "table.h"

/* ---- measuring ------------------------------------------------------------------------------- */

/* Samples like those that the model takes: noise, as only times are asked.  NULL: it takes no
 * images, so there are none of mode static. */
static kerf_dataset *open_noise(const contender *c)
{
    kerf_dataset *noise;
    const kerf_shape want =
        c->num_known > 0 ? c->known.shape : kerf_value_shape(kerf_graph_input(c->m.g, 0));
    char spec[96];
    if (want.rank != 4 || want.dims[1] < 1 || want.dims[2] < 1 || want.dims[3] < 1)
        return NULL;
    snprintf(spec, sizeof spec, "random:%lld,%lld,%lld,10", (long long)want.dims[1],
             (long long)want.dims[2], (long long)want.dims[3]);
    return kerf_dataset_open(&noise, spec) == KERF_OK ? noise : NULL;
}

static int on_progress(void *context, int64_t done, int64_t num)
{
    progress_count(context, (double)done, (double)num, "of the networks");
    return interrupted();
}

static kerf_status measure(const options *o, const contender *c, kerf_costs **costs)
{
    progress bar;
    kerf_dataset *noise = open_noise(c);
    const kerf_costs_options how = {.inputs = &c->known,
                                    .num_inputs = c->num_known,
                                    .data = noise,
                                    .seed = (uint64_t)o->seed,
                                    .network_ms =
                                        1e3 * (options_given(o, "duration") ? o->duration : 0.5),
                                    .progress = on_progress,
                                    .context = &bar};
    progress_begin(&bar, o, "costs");
    interrupt_catch();
    kerf_status status = kerf_costs_measure(costs, c->m.g, c->m.s, &how);
    progress_clear(&bar);
    kerf_dataset_close(noise);
    return status;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void print_costs(const kerf_costs *c, FILE *out)
{
    table *t = table_create("mode|>bits|>density|>channels|>ms|>rest ms|>of the whole");
    for (size_t i = 0; i < kerf_costs_num_points(c); i++) {
        const kerf_costs_point *p = kerf_costs_get_point(c, i);
        table_cell(t, "%s", p->mode);
        table_cell(t, "%d", p->bits);
        table_cell(t, "%g", p->density);
        table_cell(t, "%g", p->channels);
        table_cell(t, "%.4f", p->ms);
        table_cell(t, "%.4f", p->rest_ms);
        table_cell(t, "%.2f", p->ms / kerf_costs_get_point(c, 0)->ms);
    }
    fprintf(out, "%s, batch 1: all layers alike; each of the %zu layers alone is in the file\n",
            kerf_costs_device(c), kerf_costs_num_layers(c));
    table_print(t, out);
    table_destroy(t);
}

/* The library's JSON, which is what --json prints, too. */
static int tell(const options *o, const kerf_costs *c)
{
    char *text;
    const kerf_status status = kerf_costs_print(c, &text);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    json_t *object = json_loads(text, 0, NULL);
    free(text);
    if (object == NULL)
        return fail_memory(o);
    if (!o->json)
        print_costs(c, result_stream(o));
    return bench_finish(o, object);
}

int bench_costs(const options *o, contender *c)
{
    kerf_costs *costs;
    const kerf_status status = measure(o, c, &costs);
    if (status != KERF_OK)
        return status == KERF_ERR_CANCELLED ? EXIT_INTERRUPTED : fail_kerf(o, status);
    if (o->verbose)
        warn_lines(o, kerf_costs_left_out(costs));
    const int code = tell(o, costs);
    kerf_costs_destroy(costs);
    return code;
}
