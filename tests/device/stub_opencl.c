/* stub_opencl.c -- two libraries of Android in one, for test_opencl.c.
 *
 * As Google's wrappers do, it shows no cl functions but gives them out once it was switched
 * on: those of the real library (KERF_TEST_OPENCL, else libOpenCL.so.1).  As libvndksupport.so
 * does, it opens what the dynamic linker alone does not find, here in the folder that
 * KERF_STUB_VENDOR names.
 *
 * KERF_STUB=abort ends the process at the first OpenCL call; =old keeps back what came with
 * OpenCL 1.2. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void enableOpenCL(void);
void *loadOpenCLPointer(const char *name);
void *android_load_sphal_library(const char *path, int flags);

static int enabled;

static int is_mode(const char *mode)
{
    const char *told = getenv("KERF_STUB");
    return told != NULL && strcmp(told, mode) == 0;
}

static int abort_at_once(unsigned capacity, void *platforms, unsigned *num)
{
    (void)capacity;
    (void)platforms;
    (void)num;
    abort();
}

void enableOpenCL(void)
{
    enabled = 1;
}

void *loadOpenCLPointer(const char *name)
{
    union {
        int (*function)(unsigned, void *, unsigned *);
        void *address;
    } broken = {abort_at_once};
    if (!enabled || (is_mode("old") && strcmp(name, "clEnqueueFillBuffer") == 0))
        return NULL;
    if (is_mode("abort") && strcmp(name, "clGetPlatformIDs") == 0)
        return broken.address;
    const char *told = getenv("KERF_TEST_OPENCL");
    void *real = dlopen(told != NULL ? told : "libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    return real != NULL ? dlsym(real, name) : NULL;
}

void *android_load_sphal_library(const char *path, int flags)
{
    char inside[1024];
    const char *folder = getenv("KERF_STUB_VENDOR");
    snprintf(inside, sizeof inside, "%s/%s", folder != NULL ? folder : "", path);
    return dlopen(inside, flags);
}
