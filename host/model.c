/* model.c -- models from and to files, with the command's rules; see model.h. */
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

int model_set_precision(const options *o, model *m)
{
    if (o->precision != KERF_PRECISION_F16 || o->train)
        return 0;
    const kerf_status status = kerf_quantize_halves(m->g, m->s);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

void model_free(model *m)
{
    kerf_graph_destroy(m->g);
    kerf_state_destroy(m->s);
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
    return output_check(o, o->output);
}

int model_write(const options *o, const kerf_graph *g, const kerf_state *s, const char *path)
{
    kerf_status status = kerf_model_write(g, s, path);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}
