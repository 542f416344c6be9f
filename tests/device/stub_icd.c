/* stub_icd.c -- an OpenCL driver that breaks as KERF_STUB tells, for test_probe.c: "abort" ends
 * its process when the ICD loader asks it for platforms, "hang" never answers; else it has no
 * platform.  It has the three functions an ICD loader looks for and no more. */
#include <stdlib.h>
#include <string.h>

void *clGetExtensionFunctionAddress(const char *name);
int clIcdGetPlatformIDsKHR(unsigned capacity, void **platforms, unsigned *num);
int clGetPlatformInfo(void *platform, unsigned what, size_t bytes, void *value, size_t *got);

int clGetPlatformInfo(void *platform, unsigned what, size_t bytes, void *value, size_t *got)
{
    (void)platform;
    (void)what;
    (void)bytes;
    (void)value;
    (void)got;
    return -32; /* CL_INVALID_PLATFORM: it has none */
}

int clIcdGetPlatformIDsKHR(unsigned capacity, void **platforms, unsigned *num)
{
    const char *mode = getenv("KERF_STUB");
    (void)capacity;
    (void)platforms;
    if (mode != NULL && strcmp(mode, "abort") == 0)
        abort();
    for (volatile int forever = mode != NULL && strcmp(mode, "hang") == 0; forever;)
        ;
    if (num != NULL)
        *num = 0;
    return -1001; /* CL_PLATFORM_NOT_FOUND_KHR */
}

void *clGetExtensionFunctionAddress(const char *name)
{
    union {
        int (*function)(unsigned, void **, unsigned *);
        void *address;
    } found = {clIcdGetPlatformIDsKHR};
    return strcmp(name, "clIcdGetPlatformIDsKHR") == 0 ? found.address : NULL;
}
