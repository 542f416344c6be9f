/* device/device_internal.h -- what lies inside a device, a buffer, a program and a launch.
 *
 * For lib/device and the probe only.  Rooms above use buffer.h and launch.h, which name no
 * OpenCL type: exchanging OpenCL for another API would stop at this door.
 *
 * info.c describes devices, select.c finds the one a text names, device.c opens it,
 * program.c builds, program_cache.c keeps what was built, refusal.c what could not be. */
#ifndef KERF_DEVICE_INTERNAL_H
#define KERF_DEVICE_INTERNAL_H

#include "base/fail.h"
#include "device/guard.h"
#include "device/launch.h"
#include "device/opencl.h"

/* A way a kernel was launched that makes some drivers compile once more (PoCL does for each
 * group size).  A binary on disk is complete only for the uses it was saved with. */
typedef struct kerf__use {
    struct kerf__use *next; /* owned */
    char *text;             /* owned: entry and group size */
    int queued;             /* it ran in this process */
    int saved;              /* the file on disk has it */
} kerf__use;

/* A source with options, built on one device. */
typedef struct kerf__program {
    struct kerf__program *next; /* owned */
    const kerf__source *source; /* borrowed */
    char *options;              /* owned */
    char key[40];               /* the digest of all that decides what is built */
    cl_program program;         /* owned; NULL: it could not be built */
    kerf__use *uses;            /* owned */
    int from_cache;             /* nothing was compiled; for tests */
    char *refusal;              /* owned; why it is left alone (refusal.c), or NULL */
    int is_kept;                /* the refusal is on disk */
} kerf__program;

/* A file of the cache folder that came from elsewhere. */
typedef struct kerf__offer {
    struct kerf__offer *next; /* owned */
    void *bytes;              /* owned */
    size_t num_bytes;
} kerf__offer;

typedef struct kerf__tuning kerf__tuning;

struct kerf_device {
    const kerf__opencl *cl; /* borrowed */
    kerf_device_info info;
    cl_platform_id platform;
    cl_device_id id;
    cl_context context;      /* owned */
    cl_command_queue queue;  /* owned */
    kerf__program *programs; /* owned */
    kerf__offer *offers;     /* owned */
    int trusts_bundles;
    double keep_ms; /* closing asks for binaries no longer */
    kerf__tuning *tuning;    /* owned; NULL until it is asked for */
    kerf__guard guard;
    kerf_device_builds builds;
    kerf__program *refused; /* borrowed: the last one refused, see refusal.c */
    char *notes;            /* owned; NULL: none */
    uint64_t used_bytes;    /* of all buffers */
    double max_launch_ms;   /* 0: launches are never split */
    long fail_at;           /* see fault.h; 0: never */
    int is_lost;            /* all fail after that */
    int has_fma;            /* fma() is an instruction, not a routine */
    int can_divide_exactly; /* takes -cl-fp32-correctly-rounded-divide-sqrt */
};

struct kerf__buffer {
    kerf_device *dev;     /* borrowed */
    cl_mem mem;           /* owned */
    cl_mem root;          /* borrowed: the buffer a view lies in, or mem */
    size_t offset_bytes;  /* in root */
    size_t size_bytes;    /* as asked for; 0 is possible */
    size_t counted_bytes; /* in dev->used_bytes */
};

struct kerf__launch {
    kerf_device *dev;       /* borrowed */
    kerf__program *program; /* borrowed from dev */
    char *entry;            /* owned */
    cl_kernel kernel;       /* owned */
    kerf__arg *args;        /* owned; what they name is borrowed */
    int num_args;
    kerf__grid grid;
    size_t global[3];
    size_t pieces;  /* 0 and 1: whole */
    int split;      /* dimension that pieces are taken of */
    kerf__use *use; /* borrowed from program */
    int empty;
    kerf_status (*foreign)(void *context); /* NULL: a kernel */
    void (*foreign_destroy)(void *context);
    void *context; /* owned, by foreign_destroy */
};

/* One device as the drivers list it. */
typedef struct kerf__found {
    cl_platform_id platform;
    cl_device_id id;
} kerf__found;

/* What the drivers list; both arrays are the caller's to free. */
typedef struct kerf__listing {
    kerf_device_info *infos;
    kerf__found *found;
    size_t num;
    char why[256]; /* a driver could not list its devices; "" if each could */
} kerf__listing;

/* The devices at or above the floor that a trial did not show to be broken; all: those too. */
kerf_status kerf__device_enumerate(const kerf__opencl *cl, kerf__listing *list, int all);
/* 1 if a device is below the floor: then `why` says what of it. */
int kerf__device_is_unfit(const kerf__opencl *cl, cl_device_id id, char *why, size_t why_bytes);
kerf_status kerf__device_open_found(kerf_device **out, const kerf__opencl *cl,
                                    const kerf_device_info *info, kerf__found found);
/* The position in the list of the device that spec names; see kerf_device_open(). */
kerf_status kerf__device_select(const kerf_device_info *infos, size_t num, const char *spec,
                                size_t *index);

/* "CACHE/folder/name" in fresh memory; NULL where nothing is kept, or if the folder is to be
 * made and cannot be. */
char *kerf__cache_path(const char *folder, const char *name, int make);

/* A text of GetDeviceInfo without blanks around it; "" where there is none. */
void kerf__device_text(const kerf__opencl *cl, cl_device_id id, cl_device_info what, char *text,
                       size_t text_bytes);
/* The digest that keys caches: platform, name, driver, compute units, memory of its own and, for a
 * CPU, the CPU. */
void kerf__device_identify(kerf_device_info *info);

/* Status and message for an OpenCL call that failed. */
kerf_status kerf__fail_opencl(const kerf_device *dev, cl_int err, const char *format, ...)
    KERF__PRINTF(3, 4);

/* Stands in the options of a program whose launches come in pieces. */
#define KERF__SPLIT_OPTION "-DKERF_SPLIT="
/* Finds or builds; the program belongs to the device. */
kerf_status kerf__program_find(kerf__program **out, kerf_device *dev, const kerf__source *source,
                               const char *options);
/* A program that is linked of several texts (join_program.c): these and, behind `prefix`, its
 * source's own. */
typedef struct kerf__part {
    const char *text, *options; /* the whole line for the compiler */
} kerf__part;
typedef struct kerf__parts {
    const char *prefix;
    const kerf__part *list;
    size_t num;
} kerf__parts;
/* As kerf__program_find(); `options` tells it from programs of other parts. */
kerf_status kerf__program_find_linked(kerf__program **out, kerf_device *dev,
                                      const kerf__source *source, const char *options,
                                      const kerf__parts *parts);
/* Makes program->program of its parts. */
kerf_status kerf__program_link(kerf_device *dev, kerf__program *program, const kerf__parts *parts);
/* "NAME.cl: build failed ..." with the driver's log of `failed`. */
kerf_status kerf__program_build_failed(const kerf_device *dev, const kerf__program *program,
                                       cl_program failed, cl_int err);
/* A launch of a program that was found before. */
kerf_status kerf__launch_create_program(kerf__launch **out, kerf_device *dev,
                                        kerf__program *program, const char *entry,
                                        const kerf__arg *args, int num_args, kerf__grid grid);
/* The use with this text, made if new; NULL without memory. */
kerf__use *kerf__program_use(kerf__program *program, const char *text);
/* Saves what is new and frees all. */
void kerf__programs_close(kerf_device *dev);

void kerf__tuning_close(kerf_device *dev);

/* Milliseconds of one enqueue and finish; negative if that failed. */
double kerf__measure_launch(kerf_device *dev, const kerf__launch *launch);

/* Frees one that is in no list; NULL is allowed. */
void kerf__program_destroy(const kerf__opencl *cl, kerf__program *program);

/* The digest of all that decides what is built. */
void kerf__program_key(const kerf_device *dev, const kerf__program *program, char text[40]);
/* Makes program->program from its file, else from what was offered; 0 if those are missing, damaged
 * or refused. */
int kerf__program_cache_load(const kerf_device *dev, kerf__program *program);
void kerf__program_offers_close(kerf_device *dev);
/* What is saved of a program, in fresh memory; NULL where the driver does not give it out. */
void *kerf__program_file(const kerf_device *dev, const kerf__program *program, size_t *num_bytes);
/* Puts a program made from its own binary in its place; 0 if that cannot be done. */
int kerf__program_reload(const kerf_device *dev, kerf__program *program);
/* Writes the file if the program was used in new ways: then 1.  What goes wrong is not told:
 * the cache is only there to save time. */
int kerf__program_cache_save(const kerf_device *dev, kerf__program *program);
/* What all files together may have: KERF_CACHE_MIB, else 256 MiB; 0: none is written. */
uint64_t kerf__program_cache_bytes(void);
/* Removes what was not used for longest until all fits. */
void kerf__program_cache_trim(void);
/* 1 if these bytes may be the program's file; for tests. */
int kerf__program_file_is_whole(const kerf_device *dev, const kerf__program *program,
                                const void *bytes, size_t num_bytes);

#endif
