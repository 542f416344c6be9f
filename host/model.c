/* model.c -- models from and to files, with the command's rules; see model.h. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "ranks.h"
#include "text.h"

int model_read(const options *o, model *m, const char *path, kerf_device *dev)
{
    *m = (model){.path = path};
    struct stat info;
    if (strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode))
        m->file_bytes = info.st_size;
    kerf_status status = kerf_model_read(&m->g, &m->s, path, dev);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

void model_open_batch(const options *o, model *m)
{
    const kerf_graph *before = m->g;
    if (kerf_graph_free_batch(&m->g) != KERF_OK)
        warn(o, "%s: %s", m->path, kerf_last_error());
    else if (m->g != before && o->verbose)
        say(o, "%s: the batch was fixed, and is free now", m->path);
}

/* Measures on a copy, which has halves; a network that has none, as weights are too large, is one
 * of floats. */
static kerf_status choose_precision(const model *m, const kerf_plan_options *plan_options,
                                    kerf_precision *precision)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    const kerf_tune_target trained = {m->g, m->s, *plan_options};
    *precision = KERF_PRECISION_F32;
    if (plan_options->mode == KERF_TRAIN)
        return kerf_plan_choose_precision(&trained, &trained, precision);
    kerf_status status = kerf_graph_copy(&g, m->g);
    if (status == KERF_OK)
        status = kerf_state_copy(&s, m->s, kerf_state_device(m->s));
    if (status == KERF_OK && kerf_quantize_halves(g, s) == KERF_OK) {
        const kerf_tune_target whole = {m->g, m->s, *plan_options}, half = {g, s, *plan_options};
        status = kerf_plan_choose_precision(&whole, &half, precision);
    }
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    return status;
}

kerf_status model_set_precision(const options *o, model *m, kerf_plan_options *plan_options)
{
    kerf_status status = KERF_OK;
    if (o->precision != KERF_PRECISION_AUTO)
        plan_options->precision = (kerf_precision)o->precision;
    else
        status = choose_precision(m, plan_options, &plan_options->precision);
    if (status == KERF_OK && o->precision == KERF_PRECISION_AUTO && o->verbose)
        say(o, "precision: %s", kerf_precision_name(plan_options->precision));
    return status == KERF_OK && plan_options->mode == KERF_EVALUATE &&
                   plan_options->precision == KERF_PRECISION_F16
               ? kerf_quantize_halves(m->g, m->s)
               : status;
}

void model_free(model *m)
{
    kerf_graph_destroy(m->g);
    kerf_state_destroy(m->s);
}

static kerf_status add_entry(const kerf_state *s, const kerf_state_entry *e, uint64_t *digest)
{
    const size_t bits = kerf_type_bits(kerf_tensor_type(e->tensor));
    const size_t num_bytes = ((size_t)kerf_shape_num_elements(e->shape) * bits + 7) / 8;
    void *bytes = malloc(num_bytes + 1);
    const kerf_status status = bytes != NULL ? kerf_state_read(s, e->id, bytes) : KERF_ERR_MEMORY;
    if (status == KERF_OK)
        *digest = digest_add(*digest, bytes, num_bytes);
    free(bytes);
    return status;
}

kerf_status state_digest(const kerf_state *s, const kerf_role *role, uint64_t *digest)
{
    kerf_status status = KERF_OK;
    *digest = DIGEST_EMPTY;
    for (int id = 0; status == KERF_OK && id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e != NULL && (role == NULL || e->role == *role))
            status = add_entry(s, e, digest);
    }
    return status;
}

/* The folder that a file would stand in must be there and writable. */
static int check_folder(const options *o, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    char *folder = copy_text(slash == NULL ? "." : path, length, 0);
    if (folder == NULL)
        return fail_memory(o);
    int code = 0;
    if (access(folder, W_OK) != 0)
        code = fail_work(o, "--output %s: %s: %s", path, folder,
                         errno == ENOENT ? "no such folder" : strerror(errno));
    free(folder);
    return code;
}

int output_check(const options *o, const char *path)
{
    if (strcmp(path, "-") == 0) {
        if (isatty(STDOUT_FILENO))
            return fail_usage(o, "--output -: standard output is a terminal, must be a file or "
                                 "a pipe");
        return 0;
    }
    struct stat info;
    if (stat(path, &info) != 0)
        return check_folder(o, path);
    if (S_ISDIR(info.st_mode))
        return fail_work(o, "--output %s: is a folder, must be a file", path);
    if (S_ISREG(info.st_mode) && !o->force)
        return fail_work(o, "--output %s: is already there; -f replaces it", path);
    return S_ISREG(info.st_mode) ? check_folder(o, path) : 0;
}

int output_needed(const options *o)
{
    if (o->output == NULL)
        return fail_usage(o, "-o is missing: where the result goes; see kerf %s --help",
                          o->command);
    return ranks_agree(o, ranks_writes(o) ? output_check(o, o->output) : 0);
}

int model_write(const options *o, const kerf_graph *g, const kerf_state *s, const char *path)
{
    kerf_status status = ranks_writes(o) ? kerf_model_write(g, s, path) : KERF_OK;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}
