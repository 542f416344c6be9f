/* device/device.c -- listing, opening and closing devices.
 *
 * Opening compiles nothing: a program is built when the first launch wants it (program.c).
 * A device has one queue, in order, which is why no event has to be kept. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "device/device_internal.h"
#include "device/launch.h"
#include "device/fault.h"

kerf_status kerf__fail_opencl(const kerf_device *dev, cl_int err, const char *format, ...)
{
    char what[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    int no_memory = err == CL_MEM_OBJECT_ALLOCATION_FAILURE || err == CL_OUT_OF_HOST_MEMORY ||
                    err == CL_OUT_OF_RESOURCES;
    return kerf__fail(no_memory ? KERF_ERR_MEMORY : KERF_ERR_OPENCL, "%s: %s failed (%s, %d)",
                      dev->info.name, what, kerf__opencl_error(err), err);
}

kerf_status kerf_device_list(kerf_device_info **out, size_t *num)
{
    const kerf__opencl *cl;
    kerf__listing list;
    *out = NULL;
    *num = 0;
    if (kerf__opencl_get(&cl) != KERF_OK)
        return KERF_OK; /* no library, no device; the message says so */
    KERF__TRY(kerf__device_enumerate(cl, &list, 0));
    *out = list.infos;
    *num = list.num;
    free(list.found);
    return KERF_OK;
}

const char *kerf_device_left_out(void)
{
    const kerf__opencl *cl;
    kerf_status status = kerf__opencl_get(&cl);
    (void)status; /* without a library no driver is left out */
    return kerf__opencl_left_out();
}

kerf_status kerf_device_probe(char **json, int basic, void (*trying)(const char *what))
{
    json_t *result = kerf__trial_all(basic, trying);
    *json = result != NULL ? json_dumps(result, JSON_INDENT(1)) : NULL;
    json_decref(result);
    return *json != NULL ? KERF_OK : kerf__fail_memory("probe", 4096);
}

void kerf_device_list_free(kerf_device_info *list)
{
    free(list);
}

/* Three frames of a screen that the same GPU draws. */
enum { DEFAULT_MAX_LAUNCH_MS = 50 };

/* Of closing: long enough for a large network on PoCL in two starts or three. */
enum { KEEP_MS = 10000 };

void kerf_device_set_max_launch(kerf_device *dev, double ms)
{
    dev->max_launch_ms = ms > 0 ? ms : 0;
}

double kerf__device_max_launch(const kerf_device *dev)
{
    return dev->max_launch_ms;
}

static kerf_status open_queue(kerf_device *dev)
{
    cl_int err;
    cl_device_fp_config precision = 0;
    dev->cl->GetDeviceInfo(dev->id, CL_DEVICE_SINGLE_FP_CONFIG, sizeof precision, &precision, NULL);
    dev->has_fma = (precision & CL_FP_FMA) != 0;
    dev->can_divide_exactly = (precision & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT) != 0;
    dev->context = dev->cl->CreateContext(NULL, 1, &dev->id, NULL, NULL, &err);
    if (err == CL_SUCCESS)
        dev->queue = dev->cl->CreateCommandQueue(dev->context, dev->id, 0, &err);
    if (err != CL_SUCCESS)
        return kerf__fail_opencl(dev, err, "opening a queue");
    return KERF_OK;
}

static int bundles_are_trusted(void)
{
    const char *told = getenv("KERF_TRUST_BUNDLES");
    return told != NULL && strcmp(told, "1") == 0;
}

kerf_status kerf__device_open_found(kerf_device **out, const kerf__opencl *cl,
                                    const kerf_device_info *info, kerf__found found)
{
    *out = NULL;
    kerf_device *dev = kerf__alloc(1, sizeof *dev);
    if (dev == NULL)
        return kerf__fail_memory("device", sizeof *dev);
    dev->cl = cl;
    dev->info = *info;
    dev->platform = found.platform;
    dev->id = found.id;
    dev->trusts_bundles = bundles_are_trusted();
    dev->keep_ms = KEEP_MS;
    dev->max_launch_ms = info->type == KERF_DEVICE_GPU ? DEFAULT_MAX_LAUNCH_MS : 0;
    kerf__guard_open(dev);
    kerf_status status = open_queue(dev);
    if (status != KERF_OK) {
        kerf_device_close(dev);
        return status;
    }
    kerf__log(KERF_LOG_INFO, "opened %s, driver %s", info->name, info->driver);
    *out = dev;
    return KERF_OK;
}

kerf_status kerf_device_open(kerf_device **out, const char *spec)
{
    const kerf__opencl *cl;
    kerf__listing list;
    size_t index = 0;
    *out = NULL;
    KERF__TRY(kerf__opencl_get(&cl));
    KERF__TRY(kerf__device_enumerate(cl, &list, 0));
    kerf_status status = kerf__device_select(list.infos, list.num, spec, &index);
    if (status == KERF_OK)
        status = kerf__device_open_found(out, cl, &list.infos[index], list.found[index]);
    free(list.found);
    free(list.infos);
    return status;
}

void kerf_device_close(kerf_device *dev)
{
    if (dev == NULL)
        return;
    if (dev->queue != NULL)
        dev->cl->Finish(dev->queue);
    kerf__programs_close(dev);
    kerf__program_offers_close(dev);
    kerf__tuning_close(dev);
    if (dev->queue != NULL)
        dev->cl->ReleaseCommandQueue(dev->queue);
    if (dev->context != NULL)
        dev->cl->ReleaseContext(dev->context);
    kerf__guard_close(dev);
    free(dev->notes);
    free(dev);
}

const kerf_device_info *kerf_device_get_info(const kerf_device *dev)
{
    return &dev->info;
}

const char *kerf_device_name(const kerf_device *dev)
{
    return dev->info.name;
}

void kerf_device_trust_bundles(kerf_device *dev, int trusts)
{
    dev->trusts_bundles = trusts;
}

void kerf_device_keep_programs(kerf_device *dev, double at_most_ms)
{
    dev->keep_ms = at_most_ms;
}

kerf_device_builds kerf_device_get_builds(const kerf_device *dev)
{
    return dev->builds;
}

kerf_status kerf_device_finish(kerf_device *dev)
{
    cl_int err = dev->cl->Finish(dev->queue);
    if (kerf__fault_now(dev)) /* one that only plays lost still reads what the caller frees next */
        err = CL_OUT_OF_RESOURCES;
    if (err != CL_SUCCESS)
        return kerf__fail_opencl(dev, err, "queued work");
    return KERF_OK;
}
