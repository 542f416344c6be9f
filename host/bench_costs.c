/* bench_costs.c -- `kerf bench M --costs`: what each layer of a model takes with fewer weights,
 * fewer channels and other types, on this device, so that a search on another finds what is fast
 * here (target.c).  The library measures and writes the file (kerf/costs.h).
 *
 * What is measured of a file that is not whole yet stands beside it, in FILE.part, written anew
 * behind each network: --resume goes on from there, however the one before has ended. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bench_model.h"
#include "files.h"
#include "interrupt.h"
#include "json.h"
#include "progress.h"
#include "table.h"
#include "text.h"

/* ---- what was stopped ------------------------------------------------------------------------ */

typedef struct keeper {
    const options *o;
    char *part;        /* owned; FILE.part, or NULL where there is no file to resume */
    kerf_costs *known; /* owned; what it said, or NULL */
    int code;          /* of a failure that was told */
    progress bar;
} keeper;

static int has_file(const options *o)
{
    return o->output != NULL && strcmp(o->output, "-") != 0;
}

static int read_part(keeper *k)
{
    char *text;
    int code = file_read_text(k->o, k->part, &text);
    if (code != 0)
        return code;
    if (kerf_costs_parse(&k->known, text) != KERF_OK)
        code = fail_work(k->o, "%s: %s", k->part, kerf_last_error());
    free(text);
    return code;
}

static int begin_keeping(keeper *k, const options *o)
{
    *k = (keeper){.o = o};
    if (!has_file(o))
        return o->resume ? fail_usage(o, "--resume: goes with -o FILE: what was measured before it "
                                         "was stopped is in FILE.part")
                         : 0;
    k->part = copy_text(o->output, strlen(o->output), 5);
    if (k->part == NULL)
        return fail_memory(o);
    strcat(k->part, ".part");
    const int is_there = file_exists(k->part);
    if (o->resume && !is_there)
        return fail_work(o, "--resume: %s is not there: nothing to go on from", k->part);
    if (!o->resume && is_there && !o->force)
        return fail_work(o,
                         "%s: holds costs that are not whole: --resume goes on with them, -f "
                         "starts over",
                         k->part);
    return o->resume ? read_part(k) : 0;
}

static kerf_status keep(void *context, const kerf_costs *so_far)
{
    keeper *k = context;
    char *text;
    if (k->part == NULL)
        return KERF_OK;
    kerf_status status = kerf_costs_print(so_far, &text);
    if (status != KERF_OK)
        return status;
    k->code = file_write(k->o, k->part, text, strlen(text));
    free(text);
    return k->code == 0 ? KERF_OK : KERF_ERR_FILE;
}

/* The file is whole, or -f has replaced what was there. */
static void end_keeping(keeper *k, int is_done)
{
    if (is_done && k->part != NULL)
        unlink(k->part);
    free(k->part);
    kerf_costs_destroy(k->known);
}

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
    keeper *k = context;
    progress_count(&k->bar, (double)done, (double)num, "of the networks");
    return interrupted();
}

static kerf_status measure(const options *o, const contender *c, keeper *k, kerf_costs **costs)
{
    kerf_dataset *noise = open_noise(c);
    const kerf_costs_options how = {.inputs = &c->known,
                                    .num_inputs = c->num_known,
                                    .data = noise,
                                    .seed = (uint64_t)o->seed,
                                    .network_ms =
                                        1e3 * (options_given(o, "duration") ? o->duration : 0.5),
                                    .known = k->known,
                                    .progress = on_progress,
                                    .keep = keep,
                                    .context = k};
    progress_begin(&k->bar, o, "costs");
    interrupt_catch();
    kerf_status status = kerf_costs_measure(costs, c->m.g, c->m.s, &how);
    progress_clear(&k->bar);
    kerf_dataset_close(noise);
    return status;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void print_costs(const kerf_costs *c, FILE *out)
{
    table *t = table_create("mode|>bits|precision|>density|>channels|>ms|>rest ms|>of the whole");
    for (size_t i = 0; i < kerf_costs_num_points(c); i++) {
        const kerf_costs_point *p = kerf_costs_get_point(c, i);
        table_cell(t, "%s", p->mode);
        table_cell(t, "%d", p->bits);
        table_cell(t, "%s", kerf_precision_name(p->precision));
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

static int measure_and_tell(const options *o, const contender *c, keeper *k)
{
    kerf_costs *costs;
    const kerf_status status = measure(o, c, k, &costs);
    if (status == KERF_ERR_CANCELLED) {
        if (k->part != NULL)
            say(o, "stopped; the same command with --resume goes on");
        return EXIT_INTERRUPTED;
    }
    if (status != KERF_OK)
        return k->code != 0 ? k->code : fail_kerf(o, status);
    if (o->verbose)
        warn_lines(o, kerf_costs_left_out(costs));
    const int code = tell(o, costs);
    kerf_costs_destroy(costs);
    return code;
}

int bench_costs(const options *o, contender *c)
{
    keeper k;
    int code = begin_keeping(&k, o);
    if (code == 0)
        code = measure_and_tell(o, c, &k);
    end_keeping(&k, code == 0);
    return code;
}
