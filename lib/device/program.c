/* device/program.c -- building programs, once a device and set of options.
 *
 * Programs of a device are a short list searched in order: a network has tens of them, and
 * they are looked for at planning only.  program_cache.c keeps them on disk. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/log.h"
#include "device/device_internal.h"
#include "device/quirks.h"

/* What every kernel is told about the device; kernels may test these without #ifdef. */
static void feature_options(const kerf_device *dev, char *text, size_t text_bytes)
{
    const kerf_device_features *f = &dev->info.features;
    snprintf(text, text_bytes,
             "-DKERF_CPU=%d -DKERF_VECTOR_FLOATS=%d -DKERF_F16=%d -DKERF_F64=%d "
             "-DKERF_SUB_GROUPS=%d -DKERF_EXACT_DIVISION=%d",
             dev->info.type == KERF_DEVICE_CPU, f->vector_floats, f->f16, f->f64, f->sub_groups,
             f->divides_exactly);
}

/* The whole line for the compiler, in fresh memory.  The default of -cl-std differs from
 * driver to driver, so it is always given; a variant may ask for more than the floor. */
static char *compiler_options(const kerf_device *dev, const char *options)
{
    char features[256];
    const int tells_warnings = kerf__has_quirk(&dev->info, KERF__QUIRK_TELLS_WARNINGS);
    size_t bytes = sizeof features + strlen(options) + 128;
    char *text = kerf__alloc(bytes, 1);
    if (text == NULL)
        return NULL;
    feature_options(dev, features, sizeof features);
    snprintf(text, bytes, "%s%s%s%s%s%s", tells_warnings ? "-w " : "",
             strstr(options, "-cl-std=") ? "" : "-cl-std=CL1.2 ",
             dev->can_divide_exactly ? "-cl-fp32-correctly-rounded-divide-sqrt " : "", features,
             *options != '\0' ? " " : "", options);
    return text;
}

void kerf__program_destroy(const kerf__opencl *cl, kerf__program *program)
{
    if (program == NULL)
        return;
    if (program->program != NULL)
        cl->ReleaseProgram(program->program);
    while (program->uses != NULL) {
        kerf__use *use = program->uses;
        program->uses = use->next;
        free(use->text);
        free(use);
    }
    free(program->options);
    free(program->refusal);
    free(program);
}

/* The end of a log is where compilers count, its start says what is wrong. */
kerf_status kerf__program_build_failed(const kerf_device *dev, const kerf__program *program,
                                       cl_program failed, cl_int err)
{
    char *log = NULL;
    size_t bytes = 0;
    const kerf__opencl *cl = dev->cl;
    cl->GetProgramBuildInfo(failed, dev->id, CL_PROGRAM_BUILD_LOG, 0, NULL, &bytes);
    log = kerf__alloc(bytes + 1, 1);
    if (log != NULL)
        cl->GetProgramBuildInfo(failed, dev->id, CL_PROGRAM_BUILD_LOG, bytes, log, NULL);
    kerf_status status = kerf__fail(
        err == CL_OUT_OF_HOST_MEMORY ? KERF_ERR_MEMORY : KERF_ERR_UNSUPPORTED,
        "%s.cl: build failed on %s (%s, %d) with %s\n%.2048s", program->source->name,
        dev->info.name, kerf__opencl_error(err), err, program->options, log != NULL ? log : "");
    free(log);
    return status;
}

/* In front of a source whose launches come in pieces (launch.c): numbers are those of the whole.
 * A macro's own name is not expanded again in what it stands for. */
static const char IN_PIECES[] =
    "#define get_group_id(d) (get_group_id(d) + get_global_offset(d) / get_local_size(d))\n"
    "#define get_global_size(d) ((d) == KERF_SPLIT ? (size_t)KERF_WHOLE : get_global_size(d))\n"
    "#line 1\n";

static kerf_status build_whole(kerf_device *dev, kerf__program *program)
{
    cl_int err;
    const char *texts[] = {IN_PIECES, program->source->text};
    const int is_whole = strstr(program->options, KERF__SPLIT_OPTION) == NULL;
    program->program = dev->cl->CreateProgramWithSource(dev->context, is_whole ? 1 : 2,
                                                        texts + is_whole, NULL, &err);
    if (err != CL_SUCCESS)
        return kerf__fail_opencl(dev, err, "%s.cl: making a program", program->source->name);
    err = dev->cl->BuildProgram(program->program, 1, &dev->id, program->options, NULL, NULL);
    return err == CL_SUCCESS ? KERF_OK
                             : kerf__program_build_failed(dev, program, program->program, err);
}

static kerf_status build(kerf_device *dev, kerf__program *program, const kerf__parts *parts)
{
    char deed[80];
    snprintf(deed, sizeof deed, "built %.60s.cl", program->source->name);
    KERF__TRY(kerf__guard_begin(dev, program->key, program->source->name, deed));
    const double start = kerf__now_ms();
    kerf_status status =
        parts != NULL ? kerf__program_link(dev, program, parts) : build_whole(dev, program);
    kerf__guard_end(dev);
    if (status == KERF_OK)
        kerf__log(KERF_LOG_INFO, "%s in %.0f ms", deed, kerf__now_ms() - start);
    return status;
}

static kerf__program *search(const kerf_device *dev, const kerf__source *source,
                             const char *options)
{
    for (kerf__program *p = dev->programs; p != NULL; p = p->next)
        if (p->source->text == source->text && strcmp(p->options, options) == 0)
            return p;
    return NULL;
}

static void count(kerf_device *dev, const kerf__program *program, double ms)
{
    dev->builds.num_loaded += program->from_cache;
    dev->builds.num_compiled += !program->from_cache;
    dev->builds.ms += ms;
}

static kerf_status load_or_build(kerf_device *dev, kerf__program *program, const kerf__parts *parts)
{
    const double begin = kerf__now_ms();
    kerf__program_key(dev, program, program->key);
    kerf_status status = kerf__guard_check(dev, program->key, program->source->name);
    program->is_kept = status != KERF_OK;
    if (status == KERF_OK) {
        program->from_cache = kerf__program_cache_load(dev, program);
        status = program->from_cache ? KERF_OK : build(dev, program, parts);
        count(dev, program, kerf__now_ms() - begin);
    }
    if (status != KERF_ERR_UNSUPPORTED)
        return status;
    kerf__log(KERF_LOG_WARNING, "left alone: %.400s", kerf_last_error());
    program->refusal = kerf__strdup(kerf_last_error());
    return program->refusal != NULL ? KERF_OK : kerf__fail_memory("program", sizeof *program);
}

/* One that is refused is in the list, too: nobody compiles it twice to hear the same. */
static kerf_status add(kerf__program **out, kerf_device *dev, const kerf__source *source,
                       char *line /* taken */, const kerf__parts *parts)
{
    kerf__program *program = kerf__alloc(1, sizeof *program);
    if (program == NULL) {
        free(line);
        return kerf__fail_memory("program", sizeof *program);
    }
    program->source = source;
    program->options = line;
    kerf_status status = load_or_build(dev, program, parts);
    if (status != KERF_OK) {
        kerf__program_destroy(dev->cl, program);
        return status;
    }
    program->next = dev->programs;
    dev->programs = program;
    *out = program;
    return KERF_OK;
}

kerf_status kerf__program_find(kerf__program **out, kerf_device *dev, const kerf__source *source,
                               const char *options)
{
    return kerf__program_find_linked(out, dev, source, options, NULL);
}

kerf_status kerf__program_find_linked(kerf__program **out, kerf_device *dev,
                                      const kerf__source *source, const char *options,
                                      const kerf__parts *parts)
{
    char *line = compiler_options(dev, options != NULL ? options : "");
    if (line == NULL)
        return kerf__fail_memory("program", strlen(source->name));
    *out = search(dev, source, line);
    if (*out != NULL)
        free(line);
    else
        KERF__TRY(add(out, dev, source, line, parts));
    if ((*out)->refusal == NULL)
        return KERF_OK;
    kerf_status status = kerf__fail(KERF_ERR_UNSUPPORTED, "%s", (*out)->refusal);
    dev->refused = *out;
    *out = NULL;
    return status;
}

kerf_status kerf__program_build(kerf_device *dev, const kerf__source *source, const char *options)
{
    kerf__program *program;
    return kerf__program_find(&program, dev, source, options);
}

kerf__use *kerf__program_use(kerf__program *program, const char *text)
{
    for (kerf__use *use = program->uses; use != NULL; use = use->next)
        if (strcmp(use->text, text) == 0)
            return use;
    kerf__use *use = kerf__alloc(1, sizeof *use);
    char *copy = kerf__strdup(text);
    if (use == NULL || copy == NULL) {
        free(use);
        free(copy);
        return NULL;
    }
    *use = (kerf__use){.next = program->uses, .text = copy};
    program->uses = use;
    return use;
}

void kerf__programs_close(kerf_device *dev)
{
    int written = 0;
    const double end = kerf__now_ms() + dev->keep_ms;
    while (dev->programs != NULL) {
        kerf__program *program = dev->programs;
        dev->programs = program->next;
        if (kerf__now_ms() < end)
            written |= kerf__program_cache_save(dev, program);
        kerf__program_destroy(dev->cl, program);
    }
    if (written || kerf__program_cache_bytes() == 0)
        kerf__program_cache_trim();
}
