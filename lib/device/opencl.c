/* device/opencl.c -- finding the OpenCL library once a process; see opencl.h.
 *
 * A library that is there already wins: a simulator such as oclgrind is preloaded and would
 * be passed by if libOpenCL.so were opened by name.  Next comes KERF_OPENCL, and nothing else
 * if that is set; then the names and places of this system (opencl_posix.c, opencl_windows.c).
 *
 * Words: a loader is an ICD loader, which finds drivers by .icd files; what Android's vendors
 * ship is no loader but the driver itself, and is then judged as one (drivers.c). */
#define _GNU_SOURCE /* dladdr; NOLINT(bugprone-reserved-identifier) */
#include "device/opencl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* With the per-thread message the only thing of the library that is not on a handle. */
static struct {
    kerf__opencl table;
    char why[1024]; /* it could not be loaded; "" if it was */
} opencl;
static pthread_once_t opencl_once = PTHREAD_ONCE_INIT;

/* An open library, and how it gives out functions if not by their names. */
typedef struct source {
    void *library;
    void *(*give)(const char *name);
} source;

/* ---- finding the library --------------------------------------------------------------- */

/* From Android 8 on, the linker lets a program open a vendor's library by name or place only
 * through this library of the system; elsewhere there is none. */
static void *open_as_vendor(const char *path)
{
    void *(*load)(const char *path, int flags) = NULL;
    void *support = dlopen("libvndksupport.so", RTLD_NOW | RTLD_LOCAL);
    if (support != NULL)
        *(void **)&load = dlsym(support, "android_load_sphal_library");
    return load != NULL ? load(path, RTLD_NOW | RTLD_LOCAL) : NULL;
}

static void *find_function(const source *s, const char *name)
{
    return s->give != NULL ? s->give(name) : dlsym(s->library, name);
}

/* Google's wrappers have to be switched on and show no cl functions, but give them out. */
static void unwrap(source *s)
{
    void (*enable)(void) = NULL;
    *(void **)&enable = dlsym(s->library, "enableOpenCL");
    *(void **)&s->give = dlsym(s->library, "loadOpenCLPointer");
    if (enable != NULL && s->give != NULL)
        enable();
}

/* 1 if the path names a library with OpenCL in it: a driver for graphics may have none. */
static int open_path(const char *path, source *s)
{
    *s = (source){.library = dlopen(path, RTLD_NOW | RTLD_LOCAL)};
    if (s->library == NULL)
        s->library = open_as_vendor(path);
    if (s->library == NULL)
        return 0;
    unwrap(s);
    return find_function(s, "clGetPlatformIDs") != NULL;
}

/* As if it were a shared object of its own: what a library that is linked or preloaded has. */
static int open_present(source *s)
{
    *s = (source){.library = dlopen(NULL, RTLD_NOW)};
    return s->library != NULL && find_function(s, "clGetPlatformIDs") != NULL;
}

static int open_any(source *s)
{
    const char *told = getenv("KERF_OPENCL");
    if (told != NULL && *told != '\0')
        return open_path(told, s);
    for (size_t i = 0; kerf__opencl_paths[i] != NULL; i++)
        if (open_path(kerf__opencl_paths[i], s))
            return 1;
    return 0;
}

/* The file that a function lies in; "" if that cannot be told. */
static const char *file_of(void *function)
{
    Dl_info info;
    return dladdr(function, &info) != 0 && info.dli_fname != NULL ? info.dli_fname : "";
}

/* Fills the table; returns the name of the first function that is missing, or NULL. */
static const char *fill_table(kerf__opencl *table, const source *s)
{
#define X(name)                                                                                    \
    *(void **)&table->name = find_function(s, "cl" #name);                                         \
    if (table->name == NULL)                                                                       \
        return "cl" #name;
    KERF__OPENCL_LIST(X)
#undef X
    return NULL;
}

/* ---- loading it ------------------------------------------------------------------------ */

/* The loader reads its folder at the first call; it is shown the good drivers alone. */
static void load_good_drivers(const kerf__opencl *table)
{
    static const char VENDORS[] = "OCL_ICD_VENDORS";
    cl_uint num_platforms;
    char *before = getenv(VENDORS) != NULL ? kerf__strdup(getenv(VENDORS)) : NULL;
    setenv(VENDORS, table->drivers.good_folder, 1);
    table->GetPlatformIDs(0, NULL, &num_platforms);
    if (before != NULL)
        setenv(VENDORS, before, 1);
    else
        unsetenv(VENDORS);
    free(before);
    kerf__drivers_forget_folder(&table->drivers);
}

static void say_not_found(void)
{
    const char *told = getenv("KERF_OPENCL"), *reason = dlerror();
    if (told != NULL && *told != '\0')
        snprintf(opencl.why, sizeof opencl.why,
                 "no OpenCL library: KERF_OPENCL is '%.300s' (%.300s), must be the path of an ICD "
                 "loader or of a driver that works without one",
                 told, reason != NULL ? reason : "it has no clGetPlatformIDs");
    else
        snprintf(opencl.why, sizeof opencl.why, "no OpenCL library (%s): %s", kerf__opencl_paths[0],
                 kerf__opencl_advice);
}

/* Drivers are judged before the library is called: its first call loads them all. */
static void load_drivers(const char *file, int is_loader)
{
    kerf__drivers *drivers = &opencl.table.drivers;
    if (!kerf__drivers_check(drivers, file, is_loader))
        snprintf(opencl.why, sizeof opencl.why,
                 "the OpenCL library is a driver that does not work: %.900s", drivers->left_out);
    else if (drivers->num_bad > 0)
        load_good_drivers(&opencl.table);
}

static void load(void)
{
    source s;
    int present = open_present(&s);
    if (!present && !open_any(&s)) {
        say_not_found();
        return;
    }
    const char *missing = fill_table(&opencl.table, &s);
    if (missing != NULL) {
        snprintf(opencl.why, sizeof opencl.why,
                 "the OpenCL library has no %s, must be OpenCL 1.2 or later: %s", missing,
                 kerf__opencl_advice);
        return;
    }
    /* The loader's file is named so, and is linked by programs; a simulator's is not. */
    const char *file = file_of(*(void **)&opencl.table.GetPlatformIDs);
    int is_loader = strstr(file, "libOpenCL") != NULL;
    opencl.table.preloaded = present && !is_loader;
    if (!opencl.table.preloaded)
        load_drivers(file, is_loader);
}

const char *kerf__opencl_left_out(void)
{
    return opencl.table.drivers.left_out;
}

kerf_status kerf__opencl_get(const kerf__opencl **out)
{
    *out = NULL;
    pthread_once(&opencl_once, load);
    if (opencl.why[0] != '\0')
        return kerf__fail(KERF_ERR_NO_DEVICE, "%s", opencl.why);
    *out = &opencl.table;
    return KERF_OK;
}

const char *kerf__opencl_error(cl_int err)
{
    static const struct {
        cl_int err;
        const char *name;
    } ERRORS[] = {
        {CL_DEVICE_NOT_FOUND, "CL_DEVICE_NOT_FOUND"},
        {CL_DEVICE_NOT_AVAILABLE, "CL_DEVICE_NOT_AVAILABLE"},
        {CL_COMPILER_NOT_AVAILABLE, "CL_COMPILER_NOT_AVAILABLE"},
        {CL_MEM_OBJECT_ALLOCATION_FAILURE, "CL_MEM_OBJECT_ALLOCATION_FAILURE"},
        {CL_OUT_OF_RESOURCES, "CL_OUT_OF_RESOURCES"},
        {CL_OUT_OF_HOST_MEMORY, "CL_OUT_OF_HOST_MEMORY"},
        {CL_BUILD_PROGRAM_FAILURE, "CL_BUILD_PROGRAM_FAILURE"},
        {CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST,
         "CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST"},
        {CL_MISALIGNED_SUB_BUFFER_OFFSET, "CL_MISALIGNED_SUB_BUFFER_OFFSET"},
        {CL_INVALID_VALUE, "CL_INVALID_VALUE"},
        {CL_INVALID_CONTEXT, "CL_INVALID_CONTEXT"},
        {CL_INVALID_COMMAND_QUEUE, "CL_INVALID_COMMAND_QUEUE"},
        {CL_INVALID_BINARY, "CL_INVALID_BINARY"},
        {CL_INVALID_BUILD_OPTIONS, "CL_INVALID_BUILD_OPTIONS"},
        {CL_INVALID_KERNEL_NAME, "CL_INVALID_KERNEL_NAME"},
        {CL_INVALID_KERNEL_ARGS, "CL_INVALID_KERNEL_ARGS"},
        {CL_INVALID_ARG_SIZE, "CL_INVALID_ARG_SIZE"},
        {CL_INVALID_WORK_GROUP_SIZE, "CL_INVALID_WORK_GROUP_SIZE"},
        {CL_INVALID_WORK_ITEM_SIZE, "CL_INVALID_WORK_ITEM_SIZE"},
        {CL_INVALID_BUFFER_SIZE, "CL_INVALID_BUFFER_SIZE"},
    };
    for (size_t i = 0; i < sizeof ERRORS / sizeof ERRORS[0]; i++)
        if (ERRORS[i].err == err)
            return ERRORS[i].name;
    return "OpenCL error";
}
