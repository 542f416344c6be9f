/* device/launch.c -- kernels with their arguments set, and queueing them; see launch.h.
 *
 * Each launch has a kernel object of its own: setting arguments is the one OpenCL call that
 * may not be shared, and so it happens once.  Whatever a driver might take badly at queueing
 * (PoCL ends the process on too much local memory) is checked when the launch is made. */
#include "device/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "device/device_internal.h"
#include "device/fault.h"
#include "device/quirks.h"

kerf__grid kerf__grid_items(size_t num_items)
{
    return (kerf__grid){1, {(num_items + 63) / 64, 1, 1}, {64, 1, 1}};
}

kerf__grid kerf__grid_wide(size_t x, size_t y, size_t z)
{
    return (kerf__grid){3, {x, y, z}, {1, 1, 1}};
}

/* ---- refusing -------------------------------------------------------------------------- */

/* Answers that a driver gives of a kernel that is too large for it, be it registers, memory or
 * its group; where they are told at all, it is when the kernel is made or first queued. */
static int is_refusal(cl_int err)
{
    return err == CL_OUT_OF_RESOURCES || err == CL_INVALID_WORK_GROUP_SIZE ||
           err == CL_INVALID_WORK_ITEM_SIZE || err == CL_INVALID_PROGRAM_EXECUTABLE;
}

static kerf_status fail_or_refuse(const kerf__launch *launch, cl_int err, const char *what)
{
    kerf_status status = kerf__fail_opencl(launch->dev, err, "%s: %s", launch->entry, what);
    return is_refusal(err) ? KERF_ERR_UNSUPPORTED : status;
}

/* ---- making ---------------------------------------------------------------------------- */

static const size_t ARG_BYTES[] = {
    [KERF__ARG_BUFFER] = sizeof(cl_mem),
    [KERF__ARG_FLOAT] = sizeof(cl_float),
    [KERF__ARG_INT] = sizeof(cl_int),
    [KERF__ARG_UINT] = sizeof(cl_uint),
};

static cl_int set_arg(const kerf__launch *launch, int i, const kerf__arg *arg)
{
    const kerf__opencl *cl = launch->dev->cl;
    if (arg->type == KERF__ARG_LOCAL)
        return cl->SetKernelArg(launch->kernel, (cl_uint)i, arg->value.as_local_bytes, NULL);
    const void *value = &arg->value;
    if (arg->type == KERF__ARG_BUFFER)
        value = &arg->value.as_buffer->mem;
    return cl->SetKernelArg(launch->kernel, (cl_uint)i, ARG_BYTES[arg->type], value);
}

static kerf_status set_args(kerf__launch *launch, const kerf__arg *args, int num_args)
{
    launch->args = kerf__alloc((size_t)num_args, sizeof *args);
    if (launch->args == NULL)
        return kerf__fail_memory(launch->entry, (size_t)num_args * sizeof *args);
    memcpy(launch->args, args, (size_t)num_args * sizeof *args);
    launch->num_args = num_args;
    cl_uint declared = 0;
    cl_int err = launch->dev->cl->GetKernelInfo(launch->kernel, CL_KERNEL_NUM_ARGS, sizeof declared,
                                                &declared, NULL);
    if (err != CL_SUCCESS)
        return kerf__fail_opencl(launch->dev, err, "%s: counting its arguments", launch->entry);
    if (declared != (cl_uint)num_args)
        return kerf__fail(KERF_ERR_ARGUMENT, "%s: was given %d arguments, must be %u",
                          launch->entry, num_args, (unsigned)declared);
    for (int i = 0; i < num_args; i++) {
        err = set_arg(launch, i, &args[i]);
        if (err != CL_SUCCESS)
            return kerf__fail_opencl(launch->dev, err, "%s: setting argument %d", launch->entry, i);
    }
    return KERF_OK;
}

/* Local memory that the kernel declares and that its arguments bring.  Asked before any
 * argument of local memory is set: drivers count those in as they like. */
static kerf_status check_local(const kerf__launch *launch, const kerf__arg *args, int num_args)
{
    const kerf_device *dev = launch->dev;
    cl_ulong bytes = 0;
    dev->cl->GetKernelWorkGroupInfo(launch->kernel, dev->id, CL_KERNEL_LOCAL_MEM_SIZE, sizeof bytes,
                                    &bytes, NULL);
    for (int i = 0; i < num_args; i++)
        if (args[i].type == KERF__ARG_LOCAL)
            bytes += args[i].value.as_local_bytes;
    if (bytes <= dev->info.local_bytes)
        return KERF_OK;
    return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: wants %llu bytes of local memory, %s has %llu",
                      launch->entry, (unsigned long long)bytes, dev->info.name,
                      (unsigned long long)dev->info.local_bytes);
}

/* A kernel that wants many registers may take smaller groups than the device. */
static size_t kernel_max_group(const kerf__launch *launch)
{
    const kerf_device *dev = launch->dev;
    size_t largest = dev->info.max_group, own = 0;
    cl_int err = dev->cl->GetKernelWorkGroupInfo(launch->kernel, dev->id, CL_KERNEL_WORK_GROUP_SIZE,
                                                 sizeof own, &own, NULL);
    int nonsense =
        err != CL_SUCCESS || own == 0 || kerf__has_quirk(&dev->info, KERF__QUIRK_KERNEL_GROUP);
    return nonsense || own > largest ? largest : own;
}

static kerf_status check_group(kerf__launch *launch)
{
    const kerf__grid *grid = &launch->grid;
    size_t items = 1, largest = kernel_max_group(launch);
    if (grid->dims < 1 || grid->dims > 3)
        return kerf__fail(KERF_ERR_ARGUMENT, "%s: grid has %d dimensions, must be 1 to 3",
                          launch->entry, grid->dims);
    for (int i = 0; i < grid->dims; i++) {
        items *= grid->group[i];
        launch->global[i] = grid->groups[i] * grid->group[i];
        launch->empty |= grid->groups[i] == 0;
    }
    if (items >= 1 && items <= largest)
        return KERF_OK;
    return kerf__fail(KERF_ERR_UNSUPPORTED, "%s: wants groups of %zu, %s takes 1 to %zu",
                      launch->entry, items, launch->dev->info.name, largest);
}

/* Along the dimension with most groups. */
static void choose_split(kerf__launch *launch, size_t pieces)
{
    const kerf__grid *grid = &launch->grid;
    for (int i = 1; i < grid->dims && grid->dims <= 3; i++)
        if (grid->groups[i] > grid->groups[launch->split])
            launch->split = i;
    const size_t most = grid->groups[launch->split];
    launch->pieces = pieces < most ? pieces : most;
}

/* A launch in pieces has a program of its own, which is told the size of the whole. */
static kerf_status find_program(kerf__launch *launch, const kerf__source *source,
                                const char *options)
{
    const int d = launch->split;
    if (launch->pieces <= 1)
        return kerf__program_find(&launch->program, launch->dev, source, options);
    const size_t bytes = (options != NULL ? strlen(options) : 0) + 96;
    char *line = kerf__alloc(bytes, 1);
    if (line == NULL)
        return kerf__fail_memory(launch->entry, bytes);
    snprintf(line, bytes, "%s%s" KERF__SPLIT_OPTION "%d -DKERF_WHOLE=%zu",
             options != NULL ? options : "", options != NULL && options[0] != '\0' ? " " : "", d,
             launch->grid.groups[d] * launch->grid.group[d]);
    kerf_status status = kerf__program_find(&launch->program, launch->dev, source, line);
    free(line);
    return status;
}

static kerf_status make_kernel(kerf__launch *launch)
{
    kerf_device *dev = launch->dev;
    const char *name = launch->program->source->name;
    cl_int err;
    if (kerf__fault_now(dev))
        return kerf__fail_opencl(dev, CL_OUT_OF_RESOURCES, "%s: making the kernel", launch->entry);
    launch->kernel = dev->cl->CreateKernel(launch->program->program, launch->entry, &err);
    if (err == CL_INVALID_KERNEL_NAME)
        return kerf__fail(KERF_ERR_ARGUMENT, "%s.cl: has no kernel %s", name, launch->entry);
    return err == CL_SUCCESS ? KERF_OK : fail_or_refuse(launch, err, "making the kernel");
}

/* PoCL compiles a kernel again for each group size, and for grids above 65535. */
static kerf_status note_use(kerf__launch *launch)
{
    char text[256];
    const size_t *group = launch->grid.group;
    int dims = launch->grid.dims, large = 0;
    for (int i = 0; i < dims; i++)
        large |= launch->global[i] > 65535;
    snprintf(text, sizeof text, "%s %zu %zu %zu%s", launch->entry, group[0],
             dims > 1 ? group[1] : 1, dims > 2 ? group[2] : 1, large ? " large" : "");
    launch->use = kerf__program_use(launch->program, text);
    return launch->use != NULL ? KERF_OK : kerf__fail_memory(launch->entry, sizeof *launch->use);
}

static kerf__launch *create(kerf_device *dev, const char *entry)
{
    kerf__launch *launch = kerf__alloc(1, sizeof *launch);
    if (launch == NULL)
        return NULL;
    launch->dev = dev;
    launch->entry = kerf__strdup(entry);
    if (launch->entry == NULL) {
        free(launch);
        return NULL;
    }
    return launch;
}

kerf_status kerf__launch_create(kerf__launch **out, kerf_device *dev, const kerf__source *source,
                                const char *entry, const char *options, const kerf__arg *args,
                                int num_args, kerf__grid grid)
{
    return kerf__launch_create_pieces(out, dev, source, entry, options, args, num_args, grid, 1);
}

/* The program is found. */
static kerf_status prepare(kerf__launch *launch, const kerf__arg *args, int num_args)
{
    KERF__TRY(make_kernel(launch));
    KERF__TRY(check_group(launch));
    KERF__TRY(check_local(launch, args, num_args));
    KERF__TRY(set_args(launch, args, num_args));
    return note_use(launch);
}

/* Gives the launch, or destroys it if it is a failure's. */
static kerf_status give(kerf__launch **out, kerf__launch *launch, kerf_status status)
{
    if (status == KERF_OK) {
        *out = launch;
        return KERF_OK;
    }
    if (status == KERF_ERR_UNSUPPORTED && launch->program != NULL)
        launch->dev->refused = launch->program;
    kerf__launch_destroy(launch);
    return status;
}

kerf_status kerf__launch_create_pieces(kerf__launch **out, kerf_device *dev,
                                       const kerf__source *source, const char *entry,
                                       const char *options, const kerf__arg *args, int num_args,
                                       kerf__grid grid, size_t pieces)
{
    *out = NULL;
    dev->refused = NULL;
    kerf__launch *launch = create(dev, entry);
    if (launch == NULL)
        return kerf__fail_memory(entry, sizeof *launch);
    launch->grid = grid;
    choose_split(launch, pieces);
    kerf_status status = find_program(launch, source, options);
    return give(out, launch, status == KERF_OK ? prepare(launch, args, num_args) : status);
}

kerf_status kerf__launch_create_program(kerf__launch **out, kerf_device *dev,
                                        kerf__program *program, const char *entry,
                                        const kerf__arg *args, int num_args, kerf__grid grid)
{
    *out = NULL;
    dev->refused = NULL;
    kerf__launch *launch = create(dev, entry);
    if (launch == NULL)
        return kerf__fail_memory(entry, sizeof *launch);
    launch->grid = grid;
    launch->program = program;
    return give(out, launch, prepare(launch, args, num_args));
}

kerf_status kerf__launch_create_foreign(kerf__launch **out, kerf_device *dev,
                                        kerf_status (*enqueue)(void *context),
                                        void (*destroy)(void *context), void *context)
{
    *out = create(dev, "foreign");
    if (*out == NULL)
        return kerf__fail_memory("foreign launch", sizeof **out);
    (*out)->foreign = enqueue;
    (*out)->foreign_destroy = destroy;
    (*out)->context = context;
    return KERF_OK;
}

size_t kerf__launch_num_pieces(const kerf__launch *launch)
{
    return launch->pieces > 1 ? launch->pieces : 1;
}

void kerf__launch_destroy(kerf__launch *launch)
{
    if (launch == NULL)
        return;
    if (launch->foreign_destroy != NULL)
        launch->foreign_destroy(launch->context);
    if (launch->kernel != NULL)
        launch->dev->cl->ReleaseKernel(launch->kernel);
    free(launch->args);
    free(launch->entry);
    free(launch);
}

/* ---- queueing -------------------------------------------------------------------------- */

/* For tests: the file that KERF_TEST_LAUNCHES names gets a line for each kernel that was
 * queued, "source, options, entry and group" parted by tabs.  tests/gate/coverage.py asks it
 * whether all kernels ran. */
static void log_use(const kerf__launch *launch)
{
    const char *path = getenv("KERF_TEST_LAUNCHES");
    FILE *file = path != NULL ? fopen(path, "a") : NULL;
    if (file == NULL)
        return;
    fprintf(file, "%s\t%s\t%s\n", launch->program->source->name, launch->program->options,
            launch->use->text);
    fclose(file);
}

/* Each piece is handed over at once, so that others of the device's users come in between. */
static cl_int enqueue_pieces(const kerf__launch *launch)
{
    const kerf_device *dev = launch->dev;
    const kerf__grid *grid = &launch->grid;
    const int d = launch->split;
    size_t offset[3] = {0}, global[3];
    cl_int err = CL_SUCCESS;
    memcpy(global, launch->global, sizeof global);
    for (size_t i = 0; i < launch->pieces && err == CL_SUCCESS; i++) {
        const size_t first = grid->groups[d] * i / launch->pieces;
        const size_t end = grid->groups[d] * (i + 1) / launch->pieces;
        offset[d] = first * grid->group[d];
        global[d] = (end - first) * grid->group[d];
        err = dev->cl->EnqueueNDRangeKernel(dev->queue, launch->kernel, (cl_uint)grid->dims, offset,
                                            global, grid->group, 0, NULL, NULL);
        if (err == CL_SUCCESS)
            err = dev->cl->Flush(dev->queue);
    }
    return err;
}

static cl_int enqueue(const kerf__launch *launch)
{
    const kerf_device *dev = launch->dev;
    if (launch->pieces > 1)
        return enqueue_pieces(launch);
    return dev->cl->EnqueueNDRangeKernel(dev->queue, launch->kernel, (cl_uint)launch->grid.dims,
                                         NULL, launch->global, launch->grid.group, 0, NULL, NULL);
}

/* A kernel's first launch in this process, by this group size, is waited for under a guard: if
 * the process ends here, the next one knows of which kernel, and if the driver says no, nothing
 * that was queued behind has to be taken back. */
static kerf_status enqueue_first(const kerf__launch *launch)
{
    kerf_device *dev = launch->dev;
    const kerf__program *program = launch->program;
    char deed[160];
    if (program->refusal != NULL)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "%s", program->refusal);
    snprintf(deed, sizeof deed, "launched %.60s of %.60s.cl", launch->entry, program->source->name);
    KERF__TRY(kerf__guard_begin(dev, program->key, program->source->name, deed));
    cl_int err = enqueue(launch);
    if (err == CL_SUCCESS)
        err = dev->cl->Finish(dev->queue);
    kerf__guard_end(dev);
    if (err != CL_SUCCESS)
        return fail_or_refuse(launch, err, "queueing");
    log_use(launch);
    launch->use->queued = 1;
    return KERF_OK;
}

kerf_status kerf__launch_enqueue(const kerf__launch *launch)
{
    kerf_device *dev = launch->dev;
    if (launch->empty)
        return KERF_OK;
    if (kerf__fault_now(dev))
        return kerf__fail_opencl(dev, CL_OUT_OF_RESOURCES, "%s: queueing", launch->entry);
    if (launch->foreign != NULL) {
        dev->refused = NULL;
        return launch->foreign(launch->context);
    }
    if (!launch->use->queued) {
        kerf_status status = enqueue_first(launch);
        dev->refused = status == KERF_ERR_UNSUPPORTED ? launch->program : NULL;
        return status;
    }
    const cl_int err = enqueue(launch);
    return err == CL_SUCCESS ? KERF_OK : kerf__fail_opencl(dev, err, "%s: queueing", launch->entry);
}
