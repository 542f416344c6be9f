/* device/opencl.h -- OpenCL through a table of function pointers, opened at run time.
 *
 * Nothing links libOpenCL: one binary runs where there is none (and says so), where Android
 * keeps it in a strange place, and under simulators that are preloaded.  For lib/device and
 * the probe only; the rooms above use buffer.h and launch.h.  Other half: opencl.c. */
#ifndef KERF_DEVICE_OPENCL_H
#define KERF_DEVICE_OPENCL_H

#ifndef CL_TARGET_OPENCL_VERSION
#define CL_TARGET_OPENCL_VERSION 120 /* the floor; later calls are not to be had */
#endif
#include <CL/cl.h>

#include "device/verdict.h"

#define KERF__OPENCL_LIST(X)                                                                       \
    X(GetPlatformIDs)                                                                              \
    X(GetPlatformInfo)                                                                             \
    X(GetDeviceIDs)                                                                                \
    X(GetDeviceInfo)                                                                               \
    X(CreateContext)                                                                               \
    X(ReleaseContext)                                                                              \
    X(CreateCommandQueue)                                                                          \
    X(ReleaseCommandQueue)                                                                         \
    X(CreateBuffer)                                                                                \
    X(CreateSubBuffer)                                                                             \
    X(ReleaseMemObject)                                                                            \
    X(EnqueueReadBuffer)                                                                           \
    X(EnqueueWriteBuffer)                                                                          \
    X(EnqueueCopyBuffer)                                                                           \
    X(EnqueueFillBuffer)                                                                           \
    X(EnqueueMapBuffer)                                                                            \
    X(EnqueueUnmapMemObject)                                                                       \
    X(EnqueueNDRangeKernel)                                                                        \
    X(EnqueueMarkerWithWaitList)                                                                   \
    X(WaitForEvents)                                                                               \
    X(GetEventInfo)                                                                                \
    X(ReleaseEvent)                                                                                \
    X(Flush)                                                                                       \
    X(Finish)                                                                                      \
    X(CreateProgramWithSource)                                                                     \
    X(CreateProgramWithBinary)                                                                     \
    X(BuildProgram)                                                                                \
    X(CompileProgram)                                                                              \
    X(LinkProgram)                                                                                 \
    X(GetProgramInfo)                                                                              \
    X(GetProgramBuildInfo)                                                                         \
    X(ReleaseProgram)                                                                              \
    X(CreateKernel)                                                                                \
    X(ReleaseKernel)                                                                               \
    X(SetKernelArg)                                                                                \
    X(GetKernelInfo)                                                                               \
    X(GetKernelWorkGroupInfo)

typedef struct kerf__opencl {
#define X(name) __typeof__(cl##name) *name;
    KERF__OPENCL_LIST(X)
#undef X
    int preloaded;         /* something else than an ICD loader stands in its place (oclgrind) */
    kerf__drivers drivers; /* what is known of them; nothing if preloaded */
} kerf__opencl;

/* The table, loaded by the first call of the process.  KERF_ERR_NO_DEVICE says what to
 * install when there is no OpenCL library. */
kerf_status kerf__opencl_get(const kerf__opencl **out);

/* Drivers left out and why, also where no table could be loaded. */
const char *kerf__opencl_left_out(void);

/* Names of the library and places that it may lie in, the likeliest first, ended by NULL; and what
 * to do if it is not there.  opencl_posix.c, opencl_windows.c. */
extern const char *const kerf__opencl_paths[];
extern const char kerf__opencl_advice[];

/* "CL_OUT_OF_RESOURCES" for -5. */
const char *kerf__opencl_error(cl_int err);

#endif
