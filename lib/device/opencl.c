/* device/opencl.c -- finding the OpenCL library once a process; see opencl.h.
 *
 * A library that is there already wins: a simulator such as oclgrind is preloaded and would
 * be passed by if libOpenCL.so were opened by name. */
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
    char why[512]; /* it could not be loaded; "" if it was */
} opencl;
static pthread_once_t opencl_once = PTHREAD_ONCE_INIT;

/* Where it lies: the loader's name first, then what Android vendors ship. */
static const char *const PATHS[] = {
    "libOpenCL.so.1",
    "libOpenCL.so",
    "/vendor/lib64/libOpenCL.so",
    "/system/vendor/lib64/libOpenCL.so",
    "/system/lib64/libOpenCL.so",
    "/vendor/lib64/egl/libGLES_mali.so",
    "/system/vendor/lib64/egl/libGLES_mali.so",
    "/system/vendor/lib64/libPVROCL.so",
};

static void *open_by_name(void)
{
    const char *path = getenv("KERF_OPENCL");
    if (path != NULL && *path != '\0')
        return dlopen(path, RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        void *library = dlopen(PATHS[i], RTLD_NOW | RTLD_LOCAL);
        if (library != NULL)
            return library;
    }
    return NULL;
}

/* A function that lies in a file named libOpenCL is the ICD loader's: the program links it. */
static int is_loader(void *function)
{
    Dl_info info;
    return dladdr(function, &info) != 0 && info.dli_fname != NULL &&
           strstr(info.dli_fname, "libOpenCL") != NULL;
}

/* Fills the table; returns the name of the first function that is missing, or NULL. */
static const char *fill_table(kerf__opencl *table, void *library)
{
#define X(name)                                                                                    \
    *(void **)&table->name = dlsym(library, "cl" #name);                                           \
    if (table->name == NULL)                                                                       \
        return "cl" #name;
    KERF__OPENCL_LIST(X)
#undef X
    return NULL;
}

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

static void load(void)
{
    static const char ADVICE[] = "install an OpenCL ICD loader and a driver "
                                 "(Debian: apt install ocl-icd-libopencl1 pocl-opencl-icd)";
    void *library = dlopen(NULL, RTLD_NOW);
    void *present = library != NULL ? dlsym(library, "clGetPlatformIDs") : NULL;
    opencl.table.preloaded = present != NULL && !is_loader(present);
    if (present == NULL)
        library = open_by_name();
    if (library == NULL) {
        const char *path = getenv("KERF_OPENCL");
        snprintf(opencl.why, sizeof opencl.why, "no OpenCL library (%s): %s",
                 path != NULL && *path != '\0' ? path : PATHS[0], ADVICE);
        return;
    }
    const char *missing = fill_table(&opencl.table, library);
    if (missing != NULL) {
        snprintf(opencl.why, sizeof opencl.why,
                 "the OpenCL library has no %s, must be OpenCL 1.2 or later: %s", missing, ADVICE);
        return;
    }
    if (!opencl.table.preloaded)
        kerf__drivers_check(&opencl.table.drivers);
    if (opencl.table.drivers.num_bad > 0)
        load_good_drivers(&opencl.table);
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
        {CL_MISALIGNED_SUB_BUFFER_OFFSET, "CL_MISALIGNED_SUB_BUFFER_OFFSET"},
        {CL_INVALID_VALUE, "CL_INVALID_VALUE"},
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
