/* cmd_infer.c -- `kerf infer`: arrays or an image in, arrays or class names out.
 *
 * The batch is the first dimension of the arrays.  More samples than BATCH_MOST run in
 * pieces of one plan, or of a plan for each device that --device names.  Nothing is measured or
 * probed on the way, unless --precision auto asks for it: the first result should be there in a
 * blink. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "boosting.h"
#include "command.h"
#include "crash.h"
#include "files.h"
#include "infer.h"
#include "json.h"

enum { BATCH_MOST = 256 };

/* ---- what goes in ------------------------------------------------------------------------ */

/* The array that --input names for an input: NAME=X, or X for the only one. */
static const char *path_for(const options *o, const char *name, int num_inputs)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < o->inputs.num; i++) {
        const char *item = o->inputs.items[i];
        if (strncmp(item, name, length) == 0 && item[length] == '=')
            return item + length + 1;
    }
    if (num_inputs == 1 && o->inputs.num == 1 && strchr(o->inputs.items[0], '=') == NULL)
        return o->inputs.items[0];
    return NULL;
}

static int wrong_shape(const options *o, const kerf_value *v, const char *path, kerf_shape found)
{
    char got[96], want[96];
    return fail_work(o, "--input %s: is %s, must be %s like input %s", path,
                     kerf_shape_text(found, got, sizeof got),
                     kerf_shape_text(kerf_value_shape(v), want, sizeof want), kerf_value_name(v));
}

static int check_array(const options *o, const inference *x, int i, const char *path)
{
    const kerf_value *v = kerf_graph_input(x->m.g, i);
    kerf_shape want = kerf_value_shape(v), found = kerf_tensor_shape(x->arrays[i]);
    if (kerf_tensor_type(x->arrays[i]) != kerf_value_type(v))
        return fail_work(o, "--input %s: is %s, must be %s like input %s", path,
                         kerf_type_name(kerf_tensor_type(x->arrays[i])),
                         kerf_type_name(kerf_value_type(v)), kerf_value_name(v));
    if (found.rank != want.rank)
        return wrong_shape(o, v, path, found);
    for (int d = 0; d < want.rank; d++)
        if (want.dims[d] >= 0 && want.dims[d] != found.dims[d])
            return wrong_shape(o, v, path, found);
    if (want.rank > 0 && want.dims[0] < 0 && found.dims[0] == 0)
        return fail_work(o, "--input %s: is empty, must hold at least one sample", path);
    return 0;
}

/* The one number of samples that all arrays with a free first dimension have. */
static int agree_on_samples(const options *o, inference *x, int i, const char *path)
{
    kerf_shape want = kerf_value_shape(kerf_graph_input(x->m.g, i));
    if (want.rank == 0 || want.dims[0] >= 0) {
        x->has_fixed_input = 1;
        return 0;
    }
    int64_t num = kerf_tensor_shape(x->arrays[i]).dims[0];
    if (x->num_samples != 0 && x->num_samples != num)
        return fail_work(o, "--input %s: has %lld samples, must have %lld like the others", path,
                         (long long)num, (long long)x->num_samples);
    x->num_samples = num;
    return 0;
}

/* How images become inputs: --prep, else what the file says; *known 0 where neither does. */
static int find_prep(const options *o, const inference *x, kerf_prep *prep, int *known)
{
    const char *text = o->prep != NULL ? o->prep : kerf_graph_metadata(x->m.g, "kerf.prep");
    *known = text != NULL;
    if (o->prep != NULL && strcmp(o->prep, "guess") == 0)
        return fail_usage(o, "--prep guess: kerf eval guesses, and tells what to give here");
    if (text == NULL || kerf_prep_parse(prep, text) == KERF_OK)
        return 0;
    return o->prep != NULL ? fail_usage(o, "--prep %s: %s", o->prep, kerf_last_error())
                           : fail_work(o, "%s: %s", o->words.items[0], kerf_last_error());
}

static int read_inputs(const options *o, inference *x)
{
    kerf_prep prep;
    int has_prep, code = find_prep(o, x, &prep, &has_prep);
    for (int i = 0; code == 0 && i < x->num_inputs; i++) {
        const char *name = kerf_value_name(kerf_graph_input(x->m.g, i));
        const char *path = path_for(o, name, x->num_inputs);
        if (path == NULL)
            return fail_usage(o, "--input is missing for input %s: --input %s%sX.npy", name,
                              x->num_inputs > 1 ? name : "", x->num_inputs > 1 ? "=" : "");
        kerf_status status = kerf_input_read(&x->arrays[i], path, has_prep ? &prep : NULL);
        if (status != KERF_OK)
            return fail_kerf(o, status);
        code = check_array(o, x, i, path);
        if (code == 0)
            code = agree_on_samples(o, x, i, path);
    }
    if ((int)o->inputs.num > x->num_inputs)
        return fail_usage(o, "--input %s: the model has %d input%s only",
                          o->inputs.items[o->inputs.num - 1], x->num_inputs,
                          x->num_inputs > 1 ? "s" : "");
    if (x->num_samples == 0)
        x->num_samples = 1;
    return code;
}

/* ---- running ----------------------------------------------------------------------------- */

/* Shapes as the arrays have them, but for the samples of one piece; numbers only where no piece
 * has others. */
static void list_known(const inference *x, kerf_known_input *known)
{
    for (int i = 0; i < x->num_inputs; i++) {
        const kerf_value *v = kerf_graph_input(x->m.g, i);
        const kerf_shape want = kerf_value_shape(v);
        known[i] = (kerf_known_input){kerf_value_name(v), kerf_tensor_shape(x->arrays[i]), NULL};
        if (want.rank > 0 && want.dims[0] < 0)
            known[i].shape.dims[0] = x->batch;
        if (x->batch == x->num_samples)
            known[i].data = kerf_tensor_data(x->arrays[i]);
    }
}

/* All alike, on each device of the crew. */
static kerf_status create_plans(inference *x, const kerf_plan_options *plan_options)
{
    kerf_status status = KERF_OK;
    for (size_t i = 0; i < x->crew.num && status == KERF_OK; i++)
        status = kerf_plan_create(&x->plans[i], x->m.g, x->crew.states[i], plan_options);
    return status;
}

static kerf_status make_results(inference *x)
{
    kerf_status status = KERF_OK;
    for (int i = 0; status == KERF_OK && i < x->num_outputs; i++) {
        const kerf_value *v = kerf_graph_output(x->m.g, i);
        const kerf_tensor *t = kerf_plan_output(x->plans[0], kerf_value_name(v));
        kerf_shape shape = kerf_tensor_shape(t);
        if (shape.rank > 0 && shape.dims[0] == x->batch)
            shape.dims[0] = x->num_samples;
        status = kerf_tensor_create(&x->results[i], NULL, kerf_tensor_type(t), shape);
    }
    return status;
}

static kerf_status make_plans(inference *x, const kerf_plan_options *plan_options)
{
    kerf_status status = create_plans(x, plan_options);
    if (status == KERF_OK)
        x->gates = savings_of(x->m.g, plan_options, kerf_plan_macs(x->plans[0]));
    return status == KERF_OK ? make_results(x) : status;
}

/* Inputs, then outputs. */
static void name_values(const inference *x, kerf_named_tensor *values)
{
    for (int i = 0; i < x->num_inputs; i++)
        *values++ = (kerf_named_tensor){kerf_value_name(kerf_graph_input(x->m.g, i)), x->arrays[i]};
    for (int i = 0; i < x->num_outputs; i++)
        *values++ =
            (kerf_named_tensor){kerf_value_name(kerf_graph_output(x->m.g, i)), x->results[i]};
}

static kerf_status run_plans(inference *x)
{
    const size_t num_inputs = (size_t)x->num_inputs, num_outputs = (size_t)x->num_outputs;
    kerf_named_tensor *values = calloc(num_inputs + num_outputs + 1, sizeof *values);
    if (values == NULL)
        return KERF_ERR_MEMORY;
    name_values(x, values);
    const kerf_sample_run run = {.inputs = values,
                                 .outputs = values + num_inputs,
                                 .num_inputs = num_inputs,
                                 .num_outputs = num_outputs,
                                 .num = x->num_samples,
                                 .batch = x->batch};
    const double begin_ms = now_ms();
    const kerf_status status = kerf_plan_run_samples(x->plans, x->crew.num, &run, x->crew.taken);
    x->gates.ms = (now_ms() - begin_ms) / (double)x->num_samples;
    free(values);
    return status;
}

/* Without a second piece there is nothing to do for a second device. */
static void choose_batch(inference *x, device_list *devices)
{
    const int is_whole = x->has_fixed_input || x->num_samples <= BATCH_MOST;
    x->batch = is_whole ? x->num_samples : BATCH_MOST;
    if (is_whole)
        devices->num = 1;
}

/* Every device has a copy of what a precision has made of the weights. */
static int run_as(const options *o, inference *x, const device_list *devices,
                  kerf_plan_options *plan_options)
{
    kerf_status status = model_set_precision(o, &x->m, plan_options);
    x->precision = plan_options->precision;
    if (status != KERF_OK)
        return fail_kerf(o, status);
    const int code = crew_open(o, &x->crew, x->dev, x->m.s, devices);
    if (code != 0)
        return code;
    status = make_plans(x, plan_options);
    if (status == KERF_OK)
        status = run_plans(x);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

static int run_all(const options *o, inference *x, device_list *devices)
{
    kerf_known_input *known = calloc((size_t)x->num_inputs + 1, sizeof *known);
    if (known == NULL)
        return fail_memory(o);
    choose_batch(x, devices);
    list_known(x, known);
    kerf_plan_options plan_options = {.mode = KERF_EVALUATE,
                                      .batch = x->batch,
                                      .inputs = known,
                                      .num_inputs = (size_t)x->num_inputs};
    const int code = run_as(o, x, devices, &plan_options);
    free(known);
    return code;
}

/* ---- the command ---------------------------------------------------------------------------- */

static int open_all(const options *o, inference *x, const device_list *devices)
{
    kerf_status status = open_device(&x->dev, o, devices->at[0]);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    int code = model_read(o, &x->m, o->words.items[0], x->dev);
    if (code == 0)
        code = boosting_keep(o, &x->m);
    if (code != 0)
        return code;
    x->num_inputs = kerf_graph_num_inputs(x->m.g);
    x->num_outputs = kerf_graph_num_outputs(x->m.g);
    x->arrays = calloc((size_t)x->num_inputs + 1, sizeof(kerf_tensor *));
    x->results = calloc((size_t)x->num_outputs + 1, sizeof(kerf_tensor *));
    return x->arrays != NULL && x->results != NULL ? 0 : fail_memory(o);
}

static void close_all(const options *o, inference *x)
{
    for (int i = 0; x->arrays != NULL && i < x->num_inputs; i++)
        kerf_tensor_destroy(x->arrays[i]);
    for (int i = 0; x->results != NULL && i < x->num_outputs; i++)
        kerf_tensor_destroy(x->results[i]);
    free(x->arrays);
    free(x->results);
    for (size_t i = 0; i < x->crew.num; i++)
        kerf_plan_destroy(x->plans[i]);
    crew_close(o, &x->crew);
    model_free(&x->m);
    close_device(o, x->dev);
}

static int check_streams(const options *o)
{
    int num_streams = strcmp(o->words.items[0], "-") == 0;
    for (size_t i = 0; i < o->inputs.num; i++) {
        const char *equals = strchr(o->inputs.items[i], '=');
        num_streams += strcmp(equals != NULL ? equals + 1 : o->inputs.items[i], "-") == 0;
    }
    if (num_streams > 1)
        return fail_usage(o, "- stands for standard input once only");
    if (o->inputs.num == 0)
        return fail_usage(o, "--input is missing: --input X.npy or an image");
    return 0;
}

int cmd_infer(const options *o)
{
    device_list devices;
    inference x = {0};
    int code = check_streams(o);
    if (code == 0)
        code = infer_check_output(o);
    if (code != 0)
        return code;
    code = device_list_read(o, &devices);
    if (code == 0)
        code = open_all(o, &x, &devices);
    if (code == 0)
        code = read_inputs(o, &x);
    if (code == 0)
        code = run_all(o, &x, &devices);
    if (code == 0)
        code = infer_report(o, &x);
    close_all(o, &x);
    device_list_free(&devices);
    return code;
}
