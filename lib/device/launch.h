/* device/launch.h -- kernels with all arguments set, ready to be queued.  Other half:
 * launch.c, and program.c for building and the cache on disk.
 *
 * An operation names a kernel by its embedded source, its entry and its -D options; sizes
 * are arguments, so few programs serve all shapes.  A launch owns a kernel object of its
 * own: arguments are set once, when a plan is made, and queueing is one call.
 *
 * Every kernel is built for -cl-std=CL1.2 (unless its options name another) and is told, as
 * numbers for #if: KERF_CPU (1 on a CPU device), KERF_VECTOR_FLOATS (floats to a register
 * there, else 1), KERF_F16, KERF_F64, KERF_SUB_GROUPS (size or 0), KERF_EXACT_DIVISION (1 where
 * x / y is the nearest float); all found by trial (kerf/device.h).  A kernel with dot products is
 * given kerf__dot_options() of a form.
 *
 * lib/ops alone makes launches (the device probe apart). */
#ifndef KERF_DEVICE_LAUNCH_H
#define KERF_DEVICE_LAUNCH_H

#include "device/buffer.h"

/* An embedded file of kernels/, its #include "X.clh" lines already replaced. */
typedef struct kerf__source {
    const char *name; /* "gemm" for kernels/gemm.cl */
    const char *text;
} kerf__source;

/* One argument with its type.  Only types that C and OpenCL C lay out alike.  A local
 * argument is a number of bytes of local memory. */
typedef struct kerf__arg {
    enum { KERF__ARG_BUFFER, KERF__ARG_FLOAT, KERF__ARG_INT, KERF__ARG_UINT, KERF__ARG_LOCAL } type;
    union {
        const kerf__buffer *as_buffer; /* borrowed */
        float as_float;
        int as_int;
        unsigned as_uint;
        size_t as_local_bytes;
    } value;
} kerf__arg;

static inline kerf__arg kerf__arg_buffer(const kerf__buffer *x)
{
    return (kerf__arg){KERF__ARG_BUFFER, {.as_buffer = x}};
}

static inline kerf__arg kerf__arg_float(float x)
{
    return (kerf__arg){KERF__ARG_FLOAT, {.as_float = x}};
}

static inline kerf__arg kerf__arg_int(int x)
{
    return (kerf__arg){KERF__ARG_INT, {.as_int = x}};
}

static inline kerf__arg kerf__arg_uint(unsigned x)
{
    return (kerf__arg){KERF__ARG_UINT, {.as_uint = x}};
}

static inline kerf__arg kerf__arg_local(size_t num_bytes)
{
    return (kerf__arg){KERF__ARG_LOCAL, {.as_local_bytes = num_bytes}};
}

/* A size_t or a double does not compile here: no kernel takes the one, the baseline lacks
 * the other.  ARG has no prefix because launch lists are long, and because lib/ops alone
 * includes this header. */
/* clang-format off */
#define ARG(x) _Generic((x),                    \
        kerf__buffer *:       kerf__arg_buffer, \
        const kerf__buffer *: kerf__arg_buffer, \
        float:                kerf__arg_float,  \
        int:                  kerf__arg_int,    \
        unsigned:             kerf__arg_uint)(x)
/* clang-format on */
#define KERF__ARGS(...)                                                                            \
    (const kerf__arg[]){__VA_ARGS__},                                                              \
        (int)(sizeof((const kerf__arg[]){__VA_ARGS__}) / sizeof(kerf__arg))

/* How many groups of how many work-items, in up to 3 dimensions. */
typedef struct kerf__grid {
    int dims;
    size_t groups[3], group[3];
} kerf__grid;

/* Enough groups of 64 (1 on CPU devices would be slower here: drivers make vectors of the
 * items of a group) for num_items; the kernel skips what lies past the end. */
kerf__grid kerf__grid_items(size_t num_items);
/* One work-item a group: what wide kernels of CPU devices want. */
kerf__grid kerf__grid_wide(size_t x, size_t y, size_t z);

/* What a source that includes dot.clh is built with for this form of the dot product; chosen
 * among those in the device's features. */
const char *kerf__dot_options(const kerf_device *dev, kerf_dot dot);

typedef struct kerf__launch kerf__launch;

/* Builds (or finds) the program, makes a kernel and sets its arguments; the number of
 * arguments must be the one it declares.  An empty grid makes a launch that does nothing.
 * A build error carries the log.  A kernel that cannot be built, or a group that the device or
 * the kernel cannot take, is KERF_ERR_UNSUPPORTED (refusal.h). */
kerf_status kerf__launch_create(kerf__launch **out, kerf_device *dev, const kerf__source *source,
                                const char *entry, const char *options, const kerf__arg *args,
                                int num_args, kerf__grid grid);
/* The same, queued in so many pieces one after the other, as far as the dimension with most groups
 * has them (0 and 1: whole).  Kernels do not notice: groups and items have the numbers of the
 * whole. */
kerf_status kerf__launch_create_pieces(kerf__launch **out, kerf_device *dev,
                                       const kerf__source *source, const char *entry,
                                       const char *options, const kerf__arg *args, int num_args,
                                       kerf__grid grid, size_t pieces);
void kerf__launch_destroy(kerf__launch *launch); /* NULL is allowed */
/* In how many pieces it is queued. */
size_t kerf__launch_num_pieces(const kerf__launch *launch);
/* Does not wait, but for the first launch of a kernel in a process. */
kerf_status kerf__launch_enqueue(const kerf__launch *launch);

/* What kerf_device_set_max_launch() asked for, in milliseconds; 0: never in pieces. */
double kerf__device_max_launch(const kerf_device *dev);

/* Builds a program ahead of its use (KERF_OK if it is already there). */
kerf_status kerf__program_build(kerf_device *dev, const kerf__source *source, const char *options);

/* A foreign routine as a launch: `enqueue` may wait, allocate or compile (CLBlast). */
kerf_status kerf__launch_create_foreign(kerf__launch **out, kerf_device *dev,
                                        kerf_status (*enqueue)(void *context),
                                        void (*destroy)(void *context), void *context);

#endif
