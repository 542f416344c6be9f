/* device/device_internal.h -- what lies inside a device, a buffer and a program.
 *
 * For lib/device and the probe only.  Rooms above use buffer.h and launch.h, which name no
 * OpenCL type: exchanging OpenCL for another API would stop at this door.
 *
 * info.c describes devices, select.c finds the one a text names, device.c opens it,
 * program.c builds and program_cache.c keeps what was built. */
#ifndef KERF_DEVICE_INTERNAL_H
#define KERF_DEVICE_INTERNAL_H

#include "base/fail.h"
#include "device/launch.h"
#include "device/opencl.h"

/* A source with options, built on one device.  Each (entry, group size) that was launched
 * is a line of `launched`: some drivers compile only then, and the binary on disk is
 * complete for these alone. */
typedef struct kerf__program {
    struct kerf__program *next; /* owned */
    const kerf__source *source; /* borrowed */
    char *options;              /* owned */
    cl_program program;         /* owned */
    char *launched;             /* owned */
    int unsaved;                /* launched grew since the file was read or written */
} kerf__program;

struct kerf_device {
    const kerf__opencl *cl; /* borrowed */
    kerf_device_info info;
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;      /* owned */
    cl_command_queue queue;  /* owned */
    kerf__program *programs; /* owned */
    uint64_t used_bytes;     /* of all buffers */
    long fail_at;            /* see fault.h */
};

struct kerf__buffer {
    kerf_device *dev;     /* borrowed */
    cl_mem mem;           /* owned */
    cl_mem root;          /* borrowed: the buffer a view lies in, or mem */
    size_t offset_bytes;  /* in root */
    size_t size_bytes;    /* as asked for; 0 is possible */
    size_t counted_bytes; /* in dev->used_bytes */
};

/* One device as the drivers list it. */
typedef struct kerf__found {
    cl_platform_id platform;
    cl_device_id id;
} kerf__found;

/* All devices at or above the floor, both arrays of *num; the caller frees them. */
kerf_status kerf__device_enumerate(const kerf__opencl *cl, kerf_device_info **infos,
                                   kerf__found **found, size_t *num);
/* The position in the list of the device that spec names; see kerf_device_open(). */
kerf_status kerf__device_select(const kerf_device_info *infos, size_t num, const char *spec,
                                size_t *index);

/* A text of GetDeviceInfo without blanks around it; "" where there is none. */
void kerf__device_text(const kerf__opencl *cl, cl_device_id id, cl_device_info what, char *text,
                       size_t text_bytes);
/* The digest that keys caches: platform, name, driver, limits and, for a CPU, the CPU. */
void kerf__device_identify(kerf_device_info *info);
/* Which of the device's features can be told without a trial; the rest 0. */
void kerf__device_guess_features(kerf_device_info *info);

/* Status and message for an OpenCL call that failed. */
kerf_status kerf__fail_opencl(const kerf_device *dev, cl_int err, const char *format, ...)
    KERF__PRINTF(3, 4);

/* Finds or builds; the program belongs to the device. */
kerf_status kerf__program_find(kerf__program **out, kerf_device *dev, const kerf__source *source,
                               const char *options);
/* Takes note that a kernel of it ran with this group size. */
void kerf__program_launched(kerf__program *program, const char *entry, const kerf__grid *grid);
/* Saves what is new and frees all. */
void kerf__programs_close(kerf_device *dev);

#endif
