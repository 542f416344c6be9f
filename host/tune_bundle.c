/* tune_bundle.c -- `kerf tune M --bundle -o M.kerf`; see tune_bundle.h.
 *
 * The device is opened once more, so that the programs it then has are those that the model's
 * plan launches, and not all that tuning tried. */
#include "tune_bundle.h"

#include <stdlib.h>
#include <string.h>

#include "crash.h"
#include "files.h"
#include "model.h"

int tune_bundle_check(const options *o)
{
    if (!o->bundle)
        return o->output == NULL ? 0
                                 : fail_usage(o, "-o: goes with --bundle; what is found is "
                                                 "remembered in any case");
    if (o->words.num != 1)
        return fail_usage(o, "--bundle: a model is missing: kerf tune M --bundle -o M.kerf");
    if (strcmp(o->words.items[0], "-") == 0)
        return fail_usage(o, "--bundle: the model is read more than once, must be a file");
    const int code = output_needed(o);
    if (code != 0)
        return code;
    return strcmp(o->output, "-") == 0 || kerf_packed_is_path(o->output)
               ? 0
               : fail_usage(o, "-o %s: a bundle is a part of packed files, must end in .kerf",
                            o->output);
}

/* ---- the plan ------------------------------------------------------------------------------- */

/* Numbers do not matter, but indices must be some. */
static kerf_status feed_zeros(const kerf_graph *g, kerf_plan *p)
{
    kerf_status status = KERF_OK;
    for (int i = 0; status == KERF_OK && i < kerf_graph_num_inputs(g); i++) {
        const char *name = kerf_value_name(kerf_graph_input(g, i));
        const kerf_tensor *t = kerf_plan_input(p, name);
        const size_t num_bytes = t != NULL ? kerf_tensor_size_bytes(t) : 0;
        void *zeros = calloc(num_bytes + 1, 1);
        if (zeros == NULL)
            return KERF_ERR_MEMORY;
        if (t != NULL)
            status = kerf_plan_feed(p, name, zeros, num_bytes);
        free(zeros);
    }
    return status;
}

/* Runs it once, as kerf infer does, and puts what the device then has into the bundle. */
static kerf_status learn(const options *o, kerf_bundle *b, const model *m, kerf_device *dev)
{
    kerf_plan *p;
    char *choices = NULL;
    const kerf_plan_options plan_options = {.mode = KERF_EVALUATE,
                                            .batch = options_given(o, "batch") ? o->batch : 1};
    kerf_status status = kerf_plan_create(&p, m->g, m->s, &plan_options);
    if (status == KERF_OK)
        status = feed_zeros(m->g, p);
    if (status == KERF_OK)
        status = kerf_plan_run(p);
    if (status == KERF_OK)
        status = kerf_device_finish(dev);
    if (status == KERF_OK)
        status = kerf_plan_choices(p, &choices);
    if (status == KERF_OK)
        status = kerf_bundle_set_device(b, dev, choices);
    free(choices);
    kerf_plan_destroy(p);
    return status;
}

/* ---- the file ------------------------------------------------------------------------------- */

static int put(const options *o, const void *bytes, size_t num_bytes)
{
    if (strcmp(o->output, "-") != 0)
        return file_write(o, o->output, bytes, num_bytes);
    return fwrite(bytes, 1, num_bytes, stdout) == num_bytes
               ? 0
               : fail_work(o, "standard output cannot be written");
}

static int write_file(const options *o, const kerf_bundle *b, const model *m)
{
    void *bytes = NULL;
    size_t num_bytes;
    kerf_status status = kerf_packed_serialize(m->g, m->s, &bytes, &num_bytes, NULL, NULL);
    if (status == KERF_OK)
        status = kerf_bundle_attach(b, &bytes, &num_bytes);
    const int code = status == KERF_OK ? put(o, bytes, num_bytes) : fail_kerf(o, status);
    free(bytes);
    return code;
}

static int bundle_on(const options *o, kerf_bundle *b, kerf_device *dev)
{
    model m;
    int code = model_read(o, &m, o->words.items[0], dev);
    const kerf_status status = code == 0 ? learn(o, b, &m, dev) : KERF_OK;
    if (status != KERF_OK)
        code = fail_kerf(o, status);
    if (code == 0)
        code = write_file(o, b, &m);
    model_free(&m);
    return code;
}

int tune_bundle_write(const options *o)
{
    kerf_bundle *b = NULL;
    kerf_device *dev = NULL;
    kerf_status status = kerf_bundle_read(&b, o->words.items[0]);
    if (status == KERF_OK)
        status = open_device(&dev, o, o->device);
    const int code = status == KERF_OK ? bundle_on(o, b, dev) : fail_kerf(o, status);
    close_device(o, dev);
    kerf_bundle_destroy(b);
    return code;
}
