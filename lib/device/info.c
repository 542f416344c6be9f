/* device/info.c -- describing the devices that the drivers list: limits, identity.
 *
 * Nothing is compiled here and nothing believed that a trial has to show: what a device can
 * do comes from the probe's verdict (verdict.c), else from the guess at the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "device/cpu.h"
#include "device/device_internal.h"
#include "device/fault.h"
#include "device/profile.h"

enum { MAX_PLATFORMS = 64, MAX_DEVICES = 64 };

/* ---- single values --------------------------------------------------------------------- */

static void trim(char *text)
{
    size_t start = strspn(text, " \t\n"), length = strlen(text);
    while (length > start && strchr(" \t\n", text[length - 1]) != NULL)
        length--;
    memmove(text, text + start, length - start);
    text[length - start] = '\0';
}

/* In fresh memory, or NULL. */
static char *long_text(const kerf__opencl *cl, cl_device_id id, cl_device_info what)
{
    size_t bytes = 0;
    if (cl->GetDeviceInfo(id, what, 0, NULL, &bytes) != CL_SUCCESS)
        return NULL;
    char *text = kerf__alloc(bytes + 1, 1);
    if (text != NULL && cl->GetDeviceInfo(id, what, bytes, text, NULL) != CL_SUCCESS)
        text[0] = '\0';
    return text;
}

void kerf__device_text(const kerf__opencl *cl, cl_device_id id, cl_device_info what, char *text,
                       size_t text_bytes)
{
    char *whole = long_text(cl, id, what);
    snprintf(text, text_bytes, "%s", whole != NULL ? whole : "");
    free(whole);
    trim(text);
}

static int has_extension(const kerf__opencl *cl, cl_device_id id, const char *name)
{
    char *names = long_text(cl, id, CL_DEVICE_EXTENSIONS);
    int found = names != NULL && strstr(names, name) != NULL;
    free(names);
    return found;
}

static cl_uint get_uint(const kerf__opencl *cl, cl_device_id id, cl_device_info what)
{
    cl_uint value = 0;
    cl->GetDeviceInfo(id, what, sizeof value, &value, NULL);
    return value;
}

static cl_ulong get_ulong(const kerf__opencl *cl, cl_device_id id, cl_device_info what)
{
    cl_ulong value = 0;
    cl->GetDeviceInfo(id, what, sizeof value, &value, NULL);
    return value;
}

/* Simulators set every bit; only one that is alone tells something. */
static kerf_device_type get_type(const kerf__opencl *cl, cl_device_id id)
{
    cl_device_type type = 0;
    cl->GetDeviceInfo(id, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    type &= CL_DEVICE_TYPE_CPU | CL_DEVICE_TYPE_GPU | CL_DEVICE_TYPE_ACCELERATOR;
    return type == CL_DEVICE_TYPE_CPU   ? KERF_DEVICE_CPU
           : type == CL_DEVICE_TYPE_GPU ? KERF_DEVICE_GPU
                                        : KERF_DEVICE_OTHER;
}

/* Where the card is, as three vendors say it. */
static void get_pci(const kerf__opencl *cl, cl_device_id id, char *pci, size_t pci_bytes)
{
    enum { KHR_BUS_INFO = 0x410F, NV_BUS = 0x4008, NV_SLOT = 0x4009, AMD_TOPOLOGY = 0x4037 };
    cl_uint place[4] = {0}; /* domain, bus, device, function */
    unsigned char topology[24] = {0};
    cl_int err = CL_INVALID_VALUE;
    if (has_extension(cl, id, "cl_khr_pci_bus_info")) {
        err = cl->GetDeviceInfo(id, KHR_BUS_INFO, sizeof place, place, NULL);
    } else if (has_extension(cl, id, "cl_nv_device_attribute_query")) {
        err = cl->GetDeviceInfo(id, NV_BUS, sizeof place[0], &place[1], NULL);
        if (err == CL_SUCCESS)
            err = cl->GetDeviceInfo(id, NV_SLOT, sizeof place[0], &place[2], NULL);
        place[3] = place[2] & 7;
        place[2] >>= 3;
    } else if (has_extension(cl, id, "cl_amd_device_attribute_query")) {
        err = cl->GetDeviceInfo(id, AMD_TOPOLOGY, sizeof topology, topology, NULL);
        for (int i = 1; i < 4; i++)
            place[i] = topology[20 + i];
    }
    if (err == CL_SUCCESS)
        snprintf(pci, pci_bytes, "%04x:%02x:%02x.%x", place[0], place[1], place[2], place[3]);
}

/* ---- identity -------------------------------------------------------------------------- */

/* The host's memory is no part of the device that shares it: a virtual machine, or a container,
 * has more of it today than it had yesterday. */
void kerf__device_identify(kerf_device_info *info)
{
    char cpu[512] = "", text[2048];
    const uint64_t own_bytes = info->shares_memory ? 0 : info->global_bytes;
    if (info->type != KERF_DEVICE_GPU)
        kerf__cpu_identity(cpu, sizeof cpu);
    int length = snprintf(text, sizeof text, "%s\n%s\n%s\n%s\n%u\n%llu\n%s", info->platform,
                          info->name, info->vendor, info->driver, info->compute_units,
                          (unsigned long long)own_bytes, cpu);
    XXH128_hash_t digest = XXH3_128bits(text, (size_t)length);
    snprintf(info->id, sizeof info->id, "%016llx%016llx", (unsigned long long)digest.high64,
             (unsigned long long)digest.low64);
}

/* Without a trial nothing is taken for granted but the CPU's registers and what the
 * standard asks of every driver. */
static void apply_verdict(const kerf__opencl *cl, kerf_device_info *info)
{
    const kerf__verdict *verdict = kerf__verdict_find(&cl->drivers, info);
    if (verdict != NULL) {
        info->features = verdict->features;
        if (verdict->max_group < info->max_group)
            info->max_group = verdict->max_group;
        if (verdict->local_bytes < info->local_bytes)
            info->local_bytes = verdict->local_bytes;
        return;
    }
    info->features = (kerf_device_features){.binaries = 1};
    info->features.vector_floats = info->type == KERF_DEVICE_CPU ? kerf__cpu_vector_floats() : 1;
}

/* ---- the list -------------------------------------------------------------------------- */

/* OpenCL C 1.2 with a compiler is the floor. */
int kerf__device_is_unfit(const kerf__opencl *cl, cl_device_id id, char *why, size_t why_bytes)
{
    char version[64];
    int major = 0, minor = 0;
    kerf__device_text(cl, id, CL_DEVICE_VERSION, version, sizeof version);
    int known = sscanf(version, "OpenCL %d.%d", &major, &minor) == 2;
    if (!known || (major == 1 && minor < 2) || major < 1)
        snprintf(why, why_bytes, "its version is '%s', must be OpenCL 1.2 or later", version);
    else if (get_uint(cl, id, CL_DEVICE_AVAILABLE) == 0)
        snprintf(why, why_bytes, "it says that it is not available");
    else if (get_uint(cl, id, CL_DEVICE_COMPILER_AVAILABLE) == 0)
        snprintf(why, why_bytes, "it has no compiler");
    else
        return 0;
    return 1;
}

/* Drivers of CPUs tell of one of several caches, or of none. */
static uint64_t get_cache_bytes(const kerf__opencl *cl, cl_device_id id, kerf_device_type type)
{
    const uint64_t told = get_ulong(cl, id, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE);
    const uint64_t seen = type == KERF_DEVICE_CPU ? kerf__cpu_cache_bytes() : 0;
    return told > seen ? told : seen;
}

static void describe(const kerf__opencl *cl, kerf__found found, int index, kerf_device_info *info)
{
    cl_device_id id = found.id;
    *info = (kerf_device_info){.index = index};
    kerf__device_text(cl, id, CL_DEVICE_NAME, info->name, sizeof info->name);
    kerf__device_text(cl, id, CL_DEVICE_VENDOR, info->vendor, sizeof info->vendor);
    kerf__device_text(cl, id, CL_DRIVER_VERSION, info->driver, sizeof info->driver);
    kerf__device_text(cl, id, CL_DEVICE_VERSION, info->opencl, sizeof info->opencl);
    cl->GetPlatformInfo(found.platform, CL_PLATFORM_NAME, sizeof info->platform - 1, info->platform,
                        NULL);
    trim(info->platform);
    get_pci(cl, id, info->pci, sizeof info->pci);
    info->type = get_type(cl, id);
    info->compute_units = get_uint(cl, id, CL_DEVICE_MAX_COMPUTE_UNITS);
    info->global_bytes = get_ulong(cl, id, CL_DEVICE_GLOBAL_MEM_SIZE);
    info->max_alloc_bytes = get_ulong(cl, id, CL_DEVICE_MAX_MEM_ALLOC_SIZE);
    info->local_bytes = get_ulong(cl, id, CL_DEVICE_LOCAL_MEM_SIZE);
    info->cache_bytes = get_cache_bytes(cl, id, info->type);
    cl->GetDeviceInfo(id, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof info->max_group, &info->max_group,
                      NULL);
    size_t align = get_uint(cl, id, CL_DEVICE_MEM_BASE_ADDR_ALIGN) / 8; /* it is given in bits */
    info->align_bytes = align > 64 ? align : 64;                        /* a cache line */
    info->shares_memory = get_uint(cl, id, CL_DEVICE_HOST_UNIFIED_MEMORY) != 0;
    kerf__device_identify(info);
    snprintf(info->profile, sizeof info->profile, "%s", kerf__profile_of(info));
    apply_verdict(cl, info);
    kerf__fault_limits(info);
}

/* The devices of one platform.  One without any is no error. */
static void collect_platform(const kerf__opencl *cl, cl_platform_id platform, kerf__listing *list)
{
    cl_device_id ids[MAX_DEVICES];
    cl_uint num = 0;
    cl_int err = cl->GetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, MAX_DEVICES, ids, &num);
    if (err != CL_SUCCESS && err != CL_DEVICE_NOT_FOUND)
        snprintf(list->why, sizeof list->why, "listing its devices failed (%s, %d)",
                 kerf__opencl_error(err), err);
    for (cl_uint i = 0; err == CL_SUCCESS && i < num && list->num < MAX_DEVICES; i++)
        list->found[list->num++] = (kerf__found){platform, ids[i]};
}

/* A driver that fails takes no other along. */
static void collect(const kerf__opencl *cl, kerf__listing *list)
{
    cl_platform_id platforms[MAX_PLATFORMS];
    cl_uint num = 0;
    if (cl->GetPlatformIDs(MAX_PLATFORMS, platforms, &num) != CL_SUCCESS)
        num = 0;
    if (num == 0)
        snprintf(list->why, sizeof list->why, "it offers no platform");
    for (cl_uint i = 0; i < num && i < MAX_PLATFORMS; i++)
        collect_platform(cl, platforms[i], list);
}

/* A device below the floor, or one that a trial showed not to work, is not listed. */
static int is_listed(const kerf__opencl *cl, kerf__found found, const kerf_device_info *info)
{
    char why[256];
    const kerf__verdict *verdict = kerf__verdict_find(&cl->drivers, info);
    return !kerf__device_is_unfit(cl, found.id, why, sizeof why) &&
           (verdict == NULL || verdict->works);
}

kerf_status kerf__device_enumerate(const kerf__opencl *cl, kerf__listing *list, int all)
{
    *list = (kerf__listing){.infos = kerf__alloc(MAX_DEVICES, sizeof *list->infos),
                            .found = kerf__alloc(MAX_DEVICES, sizeof *list->found)};
    if (list->infos == NULL || list->found == NULL) {
        free(list->infos);
        free(list->found);
        *list = (kerf__listing){0};
        return kerf__fail_memory("device list", MAX_DEVICES * sizeof *list->infos);
    }
    collect(cl, list);
    const size_t num = list->num;
    list->num = 0;
    for (size_t i = 0; i < num; i++) {
        kerf_device_info *info = &list->infos[list->num];
        list->found[list->num] = list->found[i];
        describe(cl, list->found[i], (int)list->num, info);
        list->num += all || is_listed(cl, list->found[i], info);
    }
    return KERF_OK;
}
