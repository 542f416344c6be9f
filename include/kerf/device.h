/* device.h -- finding, opening and measuring OpenCL devices.
 *
 * Thread safety: a device and everything made on it belongs to one thread at a
 * time.  One thread may own several devices; two threads use two devices, which
 * may name the same hardware. */
#ifndef KERF_DEVICE_H
#define KERF_DEVICE_H

#include <stddef.h>
#include <stdint.h>

#include "kerf/base.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_device kerf_device;

typedef enum kerf_device_type {
    KERF_DEVICE_CPU,
    KERF_DEVICE_GPU,
    KERF_DEVICE_OTHER
} kerf_device_type;

/* Ways to add up four products of bytes, each a feature of its own: plain C (compilers make
 * AMD's v_dot4 and Intel's dp4a of it), Khronos packed without and with the sum (OpenCL C 3.0),
 * Arm's arm_dot_acc, AMD's builtins, VNNI of x86 by assembly (PoCL), pairs of 16-bit products
 * (x86 without it).  kernels/dot.clh has them. */
#define KERF_DOT_LIST(X)                                                                           \
    X(PLAIN, "plain")                                                                              \
    X(KHR, "khr")                                                                                  \
    X(KHR_ACC, "khr_acc")                                                                          \
    X(ARM, "arm")                                                                                  \
    X(AMD, "amd")                                                                                  \
    X(X86, "x86")                                                                                  \
    X(PAIRS, "pairs")
typedef enum kerf_dot {
#define KERF_X(name, text) KERF_DOT_##name,
    KERF_DOT_LIST(KERF_X)
#undef KERF_X
        KERF_NUM_DOTS
} kerf_dot;
KERF_API const char *kerf_dot_name(kerf_dot dot);

/* Signed by signed bytes, and unsigned by signed ones. */
enum { KERF_S8S8, KERF_U8S8, KERF_NUM_SIGNS };

/* What a driver's compiler and device were seen to do: built, run and compared with
 * numbers.  Extension strings alone are never believed. */
typedef struct kerf_device_features {
    int divides_exactly;    /* x / y is the nearest float */
    int f16;                /* half arithmetic, right in every lane */
    int f64;                /* double arithmetic */
    int sub_groups;         /* size of a sub-group, 0 without */
    int vector_floats;      /* floats to one register of a CPU device, 1 on GPUs */
    int binaries;           /* a built program can be saved and loaded again */
    int streaming_stores;   /* stores that pass the caches by */
    int joins;              /* launches can be queued as one (kerf_plan_join()) */
    int dot[KERF_NUM_DOTS]; /* bits: 1 << KERF_S8S8, 1 << KERF_U8S8 */
} kerf_device_features;

/* Texts live as long as the list or the device they came from. */
typedef struct kerf_device_info {
    int index; /* position in kerf_device_list(), what --device N takes */
    char name[256], platform[256], vendor[256], driver[256], opencl[128];
    char pci[32];     /* "0000:03:00.0", "" where unknown */
    char id[40];      /* digest of the device identity: keys caches and tuning */
    char profile[32]; /* "cpu-pocl", "amd-rdna", "generic": sets first guesses only */
    kerf_device_type type;
    unsigned compute_units;
    uint64_t global_bytes, max_alloc_bytes;
    uint64_t cache_bytes; /* of all last-level caches together */
    uint64_t local_bytes; /* as many as were seen to work */
    size_t max_group;     /* work-items a group that were seen to work */
    size_t align_bytes;   /* what a sub-buffer's offset is a multiple of */
    int shares_memory;    /* 1: with the host, so kerf_tensor_map() copies nothing */
    kerf_device_features features;
} kerf_device_info;

/* Measured limits; 0 where unknown.  launch_us: queueing and running a kernel that does
 * nothing, many back to back; int8_gops: the fastest of dot_gops. */
typedef struct kerf_device_peaks {
    double f32_gflops, f16_gflops, int8_gops, copy_gbps, launch_us;
    double dot_gops[KERF_NUM_DOTS][KERF_NUM_SIGNS];
} kerf_device_peaks;
/* The form of the dot product that was fastest for this sign; KERF_NUM_DOTS if none is known. */
KERF_API kerf_dot kerf_device_best_dot(const kerf_device_peaks *peaks, int sign);

/* All devices of all drivers that work.  Drivers are tried one by one in a helper
 * process first, so that a broken one cannot take the others along; the verdict is
 * remembered.  No device at all is KERF_OK with *num 0.  The caller frees *out. */
KERF_API kerf_status kerf_device_list(kerf_device_info **out, size_t *num);
KERF_API void kerf_device_list_free(kerf_device_info *list); /* NULL is allowed */
/* Drivers and devices that were left out of the list, or are used with care, and why: a line
 * each; "" if there are none. */
KERF_API const char *kerf_device_left_out(void);

/* The index-th thing that this driver is known to say or do wrong and what Kerf does about it,
 * a sentence each; NULL behind the last.  With info NULL: of all drivers. */
KERF_API const char *kerf_device_quirk(const kerf_device_info *info, size_t index);

/* Opens the device that `spec` names: a number of the list, part of a name,
 * PLATFORM:NAME, pci:ADDR; NULL takes KERF_DEVICE, else the first GPU, else the first
 * of all.  A name that fits several is an error that lists them.
 * On failure *out is NULL.  Close it with kerf_device_close(). */
KERF_API kerf_status kerf_device_open(kerf_device **out, const char *spec);

/* Whether programs that packed files bring along (kerf/bundle.h) are loaded: 1 for files of people
 * whose code you would run.  Before they are read.  At first what KERF_TRUST_BUNDLES says, else 0.
 */
KERF_API void kerf_device_trust_bundles(kerf_device *dev, int trusts);

/* Closing keeps what was built, so that the next start compiles nothing; some drivers compile once
 * more for that.  It begins with no other program once so many milliseconds are over (10000 at
 * first; 0: none is kept); those left over are kept when they are built again. */
KERF_API void kerf_device_keep_programs(kerf_device *dev, double at_most_ms);

/* Everything made on the device must be destroyed first.  NULL is allowed. */
KERF_API void kerf_device_close(kerf_device *dev);

KERF_API const kerf_device_info *kerf_device_get_info(const kerf_device *dev);
KERF_API const char *kerf_device_name(const kerf_device *dev);

/* Kernels that this device's driver refuses, and what plans took in their place: a line each, of
 * this process; "" if there are none. */
KERF_API const char *kerf_device_notes(const kerf_device *dev);

/* Programs that were asked for since the device was opened. */
typedef struct kerf_device_builds {
    int num_compiled, num_loaded; /* by the driver; from the cache folder */
    double ms;                    /* both together */
} kerf_device_builds;
KERF_API kerf_device_builds kerf_device_get_builds(const kerf_device *dev);

/* What is guessed to take longer than so many milliseconds is queued in pieces, so that a screen
 * which the same device draws goes on; the bits stay.  0: never.  Counts for plans that are made
 * afterwards.  At first 50 on GPUs, 0 on others. */
KERF_API void kerf_device_set_max_launch(kerf_device *dev, double ms);

/* Waits until all queued work is done. */
KERF_API kerf_status kerf_device_finish(kerf_device *dev);

/* Measures the limits (about a second), or takes them from the cache where this very
 * device was measured before.  Results of the measuring kernels are checked, and twice the
 * work has to take twice the time.  A busy machine can only make a device look slower: then
 * the next calls measure once more (five times in all) and the best of each is kept. */
KERF_API kerf_status kerf_device_measure(kerf_device *dev, kerf_device_peaks *peaks);
/* Measures in any case and keeps the best of each: for when a kernel was seen to be faster
 * than the peak, or the machine was busy. */
KERF_API kerf_status kerf_device_measure_again(kerf_device *dev, kerf_device_peaks *peaks);

/* Opens every device that the ICD loader sees and tries its features, without asking for
 * earlier verdicts; basic: only whether it works.  `trying` (NULL is allowed) is told what
 * comes next.  The result is JSON; the caller frees it.
 * For the helper program kerf-probe: a broken driver ends the process that calls this. */
KERF_API kerf_status kerf_device_probe(char **json, int basic, void (*trying)(const char *what));
/* The program is its own kerf-probe, for one that is a single file: started with `word` first (and
 * perhaps --basic behind it) it does what host/probe/probe.c does, and nothing else.  The word is
 * kept, not copied.  Before the first device is opened or listed. */
KERF_API void kerf_set_probe_word(const char *word);

/* For a handler of fatal signals, and safe there: "while NAME built gemm.cl; ...", what a driver
 * was doing; "" if there is no device yet.  A kernel whose build or first launch crashed is then
 * left alone for a day; without a handler it is after the second time. */
KERF_API const char *kerf_device_crashed(void);

/* The folder that programs, verdicts and tuning are kept in: KERF_CACHE_DIR, else
 * XDG_CACHE_HOME/kerf, else HOME/.cache/kerf, else (Windows) LOCALAPPDATA/kerf.  "" (there is
 * none, or KERF_CACHE_DIR is empty) means nothing is kept; work goes on.  Of programs at most
 * KERF_CACHE_MIB (256; 0: none) are kept, those that were used last. */
KERF_API const char *kerf_cache_dir(void);
/* Takes their place: for apps, which have no HOME and know their own folder.  "" keeps nothing,
 * NULL asks the environment again.  Before the first device is opened or listed. */
KERF_API kerf_status kerf_set_cache_dir(const char *dir);

#ifdef __cplusplus
}
#endif
#endif
