/* bench_model.c -- `kerf bench M...`: models timed whole and by layer, inference or a
 * training step, copies in and out included.  Several models run in turn, round by round,
 * so that a machine that gets warm or busy hits all alike. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_model.h"
#include "bench_node.h"
#include "boosting.h"
#include "files.h"

/* ---- getting ready ----------------------------------------------------------------------- */

/* --shape N,C,H,W: its N is the batch; what of the rest is a number must be the model's. */
static int choose_batch(const options *o, contender *c)
{
    c->batch = options_given(o, "batch") ? o->batch : o->train ? 128 : 1;
    if (o->shape == NULL)
        return 0;
    const kerf_shape want = kerf_value_shape(kerf_graph_input(c->m.g, 0));
    kerf_shape given = want;
    const char *p = o->shape;
    for (int d = 0; d < want.rank; d++) {
        char *end;
        long long x = strtoll(p, &end, 10);
        int good = end != p && x >= 1 && *end == (d + 1 < want.rank ? ',' : '\0');
        char text[96];
        if (!good || (want.dims[d] >= 0 && want.dims[d] != x))
            return fail_usage(o, "--shape %s: must be like %s of %s", o->shape,
                              kerf_shape_text(want, text, sizeof text), c->m.path);
        if (d == 0)
            c->batch = x;
        given.dims[d] = x;
        p = end + 1;
    }
    c->known = (kerf_known_input){kerf_value_name(kerf_graph_input(c->m.g, 0)), given, NULL};
    c->num_known = 1;
    return 0;
}

kerf_plan_options bench_plan_options(const options *o, const contender *c)
{
    kerf_plan_options plan_options = {.mode = KERF_EVALUATE,
                                      .precision = c->precision,
                                      .batch = c->batch,
                                      .inputs = &c->known,
                                      .num_inputs = c->num_known,
                                      .memory_bytes = (size_t)o->memory};
    if (o->train) {
        plan_options.mode = KERF_TRAIN;
        plan_options.loss = KERF_LOSS_CROSS_ENTROPY;
        plan_options.optimizer = kerf_train_defaults().optimizer;
    }
    return plan_options;
}

static kerf_status make_plan(const options *o, const contender *c, kerf_plan **p)
{
    kerf_plan_options plan_options = bench_plan_options(o, c);
    plan_options.zeros = o->dense ? KERF_ZEROS_DENSE : KERF_ZEROS_AUTO;
    kerf_status status = kerf_plan_create(p, c->m.g, c->m.s, &plan_options);
    /* Crossings and costs time steps one by one; a first result is there sooner without joining. */
    const int is_run_whole = !o->crossover && !o->costs && !o->start;
    return status == KERF_OK && is_run_whole ? kerf_plan_join(*p) : status;
}

/* What the device's programs take of it is told apart. */
static kerf_status time_planning(const options *o, contender *c, kerf_device *dev)
{
    const kerf_device_builds before = kerf_device_get_builds(dev);
    const double begin = now_ms();
    kerf_status status = make_plan(o, c, &c->plan);
    const kerf_device_builds now = kerf_device_get_builds(dev);
    c->start.build_ms = now.ms - before.ms;
    c->start.plan_ms = now_ms() - begin - c->start.build_ms;
    c->start.num_compiled = now.num_compiled - before.num_compiled;
    c->start.num_loaded = now.num_loaded - before.num_loaded;
    return status;
}

/* Random numbers for all inputs; labels are below the number of classes. */
static kerf_status make_data(const options *o, contender *c)
{
    c->num_inputs = kerf_graph_num_inputs(c->m.g);
    c->inputs = calloc((size_t)c->num_inputs + 1, sizeof *c->inputs);
    c->labels = calloc((size_t)c->batch, sizeof *c->labels);
    for (int i = 0; c->inputs != NULL && i < c->num_inputs; i++) {
        kerf_tensor *t = kerf_plan_input(c->plan, kerf_value_name(kerf_graph_input(c->m.g, i)));
        size_t num_bytes = kerf_tensor_size_bytes(t);
        c->inputs[i] = calloc(num_bytes + 1, 1);
        if (c->inputs[i] != NULL && kerf_tensor_type(t) == KERF_F32)
            fill_random(c->inputs[i], num_bytes / sizeof(float), (uint64_t)(o->seed + i));
    }
    const kerf_tensor *out =
        kerf_plan_output(c->plan, kerf_value_name(kerf_graph_output(c->m.g, 0)));
    size_t out_bytes = out != NULL ? kerf_tensor_size_bytes(out) : 0;
    c->room = malloc(out_bytes + 1);
    if (c->inputs == NULL || c->labels == NULL || c->room == NULL)
        return KERF_ERR_MEMORY;
    kerf_shape shape = kerf_value_shape(kerf_graph_output(c->m.g, 0));
    int64_t classes = shape.rank > 1 && shape.dims[1] > 0 ? shape.dims[1] : 1;
    for (int64_t i = 0; i < c->batch; i++)
        c->labels[i] = (int32_t)(i * 7 % classes);
    return KERF_OK;
}

void bench_close_model(contender *c)
{
    for (int i = 0; c->inputs != NULL && i < c->num_inputs; i++)
        free(c->inputs[i]);
    free(c->inputs);
    free(c->labels);
    free(c->room);
    timing_free(&c->times);
    kerf_plan_destroy(c->plan);
    model_free(&c->m);
}

/* ---- running -------------------------------------------------------------------------- */

static kerf_status feed(contender *c, int trains)
{
    kerf_status status = KERF_OK;
    for (int i = 0; status == KERF_OK && i < c->num_inputs; i++) {
        const char *name = kerf_value_name(kerf_graph_input(c->m.g, i));
        status = kerf_plan_feed(c->plan, name, c->inputs[i],
                                kerf_tensor_size_bytes(kerf_plan_input(c->plan, name)));
    }
    if (status == KERF_OK && trains)
        status = kerf_plan_feed(c->plan, "labels", c->labels, (size_t)c->batch * sizeof *c->labels);
    return status;
}

/* One batch through: copies in, the plan, the result out (a training step has none to copy;
 * its end is waited for).  The learning rate is tiny: speed is asked, not a network. */
kerf_status bench_run_once(contender *c, int trains, double *ms)
{
    double start = now_ms();
    kerf_step step = {.lr = 1e-6f, .step = ++c->step};
    kerf_status status = feed(c, trains);
    if (status == KERF_OK && trains)
        status = kerf_plan_set_step(c->plan, &step);
    if (trains) {
        if (status == KERF_OK)
            status = run_and_finish(c->plan);
    } else {
        if (status == KERF_OK)
            status = kerf_plan_run(c->plan);
        const char *name = kerf_value_name(kerf_graph_output(c->m.g, 0));
        if (status == KERF_OK)
            status = kerf_tensor_read(kerf_plan_output(c->plan, name), c->room);
    }
    *ms = now_ms() - start;
    return status;
}

static kerf_status warm_up(const options *o, contender *all, size_t num)
{
    double warm_ms = options_given(o, "warm") ? o->warm : 200, ms;
    for (size_t i = 0; i < num; i++) {
        kerf_status status = bench_run_once(&all[i], o->train, &all[i].start.first_ms);
        for (double begin = now_ms(); status == KERF_OK && now_ms() - begin < warm_ms;)
            status = bench_run_once(&all[i], o->train, &ms);
        if (status != KERF_OK)
            return status;
    }
    return KERF_OK;
}

static kerf_status time_rounds(const options *o, contender *all, size_t num)
{
    double measure_ms = 1e3 * (options_given(o, "duration") ? o->duration : 2) * (double)num;
    double begin = now_ms();
    for (int64_t round = 0;; round++) {
        int enough = options_given(o, "runs") ? round >= o->runs
                                              : round >= 15 && now_ms() - begin > measure_ms;
        if (enough)
            return KERF_OK;
        for (size_t k = 0; k < num; k++) { /* there and back: no model is always the first */
            size_t i = round % 2 == 0 ? k : num - 1 - k;
            double ms;
            kerf_status status = bench_run_once(&all[i], o->train, &ms);
            if (status == KERF_OK && !timing_add(&all[i].times, ms))
                status = KERF_ERR_MEMORY;
            if (status != KERF_OK)
                return status;
        }
    }
}

/* ---- all of them ---------------------------------------------------------------------- */

static int check_target(const options *o, const contender *all, size_t num)
{
    for (size_t i = 0; options_given(o, "max-ms") && i < num; i++) {
        double median = timing_summarize(&all[i].times).median;
        if (median > o->max_ms) {
            fail_work(o, "--max-ms %g: %s takes %.3f ms", o->max_ms, all[i].m.path, median);
            return EXIT_TARGET;
        }
    }
    return EXIT_DONE;
}

kerf_status bench_plan_model(const options *o, contender *c, kerf_device *dev)
{
    int num_kept; /* zeros stay, as kerf train has it, or there would be none to skip */
    kerf_status status =
        o->train ? kerf_prune_keep_zeros(c->m.g, c->m.s, KEPT_ZEROS, &num_kept) : KERF_OK;
    kerf_plan_options plan_options = bench_plan_options(o, c);
    if (status == KERF_OK)
        status = model_set_precision(o, &c->m, &plan_options);
    c->precision = plan_options.precision;
    if (status == KERF_OK)
        status = time_planning(o, c, dev);
    return status == KERF_OK ? make_data(o, c) : status;
}

int bench_open_model(const options *o, contender *c, const char *path, kerf_device *dev)
{
    double start = now_ms();
    int code = model_read(o, &c->m, path, dev);
    c->start.read_ms = now_ms() - start;
    if (code == 0)
        code = boosting_keep(o, &c->m);
    if (code == 0 && (o->train || options_given(o, "batch")))
        model_open_batch(o, &c->m);
    if (code == 0)
        code = choose_batch(o, c);
    if (code != 0)
        return code;
    const kerf_status status = bench_plan_model(o, c, dev);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

/* Of speed nothing changes, but who uses it should know. */
static void warn_of_overflow(const options *o, const contender *all, size_t num)
{
    for (size_t i = 0; i < num && !o->train; i++)
        if (kerf_plan_check_halves(all[i].plan) != KERF_OK)
            warn(o, "%s: %s", all[i].m.path, kerf_last_error());
}

static int time_all(const options *o, kerf_device *dev, contender *all, size_t num)
{
    kerf_status status = warm_up(o, all, num);
    if (status == KERF_OK)
        status = time_rounds(o, all, num);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    warn_of_overflow(o, all, num);
    const int code = bench_report(o, dev, all, num);
    return code == 0 ? check_target(o, all, num) : code;
}

static int check_options(const options *o)
{
    if (o->crossover && (o->words.num != 1 || o->dense))
        return fail_usage(o, "--crossover: takes one model, dense and sparse");
    if (o->resume && !o->costs)
        return fail_usage(o, "--resume: goes with --costs -o FILE");
    if (o->costs && (o->words.num != 1 || o->dense || o->train || o->crossover ||
                     options_given(o, "batch") || options_given(o, "max-ms")))
        return fail_usage(o, "--costs: takes one model, with one sample at a time: --shape, "
                             "--duration and --seed go with it");
    return 0;
}

/* What each kind of question does with the models that are open. */
static int answer(const options *o, kerf_device *dev, contender *all, size_t num)
{
    return o->crossover ? bench_crossover(o, dev, &all[0])
           : o->costs   ? bench_costs(o, &all[0])
                        : time_all(o, dev, all, num);
}

int bench_models(const options *o, kerf_device *dev, double open_ms)
{
    size_t num = o->words.num;
    int code = check_options(o);
    if (code != 0)
        return code;
    contender *all = calloc(num, sizeof *all);
    if (all == NULL)
        return fail_memory(o);
    for (size_t i = 0; code == 0 && i < num; i++) {
        all[i].start.open_ms = open_ms;
        all[i].start.total_ms = NAN; /* of one start among several that would not be true */
        code = bench_open_model(o, &all[i], o->words.items[i], dev);
    }
    if (code == 0)
        code = answer(o, dev, all, num);
    for (size_t i = 0; i < num; i++)
        bench_close_model(&all[i]);
    free(all);
    return code;
}
