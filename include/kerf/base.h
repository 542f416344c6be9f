/* base.h -- how every kerf call reports success or failure.
 *
 * A function that can fail returns a kerf_status.  The number tells a program
 * what to do; kerf_last_error() tells a person what was wrong and what would be
 * right.  Thread safety: the message belongs to the calling thread. */
#ifndef KERF_BASE_H
#define KERF_BASE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A status that is dropped draws a warning.  Clang can tie that to the type and
 * so keeps every prototype free of decoration; gcc cannot. */
#if defined(__clang__)
#define KERF_NODISCARD __attribute__((warn_unused_result))
#else
#define KERF_NODISCARD
#endif

/* Functions of the public API leave the shared library; all others stay inside. */
#if defined(__GNUC__)
#define KERF_API __attribute__((visibility("default")))
#else
#define KERF_API
#endif

/* The one list of codes: name, fixed value, meaning.  Values never change. */
#define KERF_STATUS_LIST(X)                                                                        \
    X(KERF_OK, 0, "success")                                                                       \
    X(KERF_ERR_ARGUMENT, 1, "an argument is out of range")                                         \
    X(KERF_ERR_SHAPE, 2, "tensor shapes or types do not agree")                                    \
    X(KERF_ERR_MEMORY, 3, "out of host or device memory")                                          \
    X(KERF_ERR_NO_DEVICE, 4, "no matching OpenCL device")                                          \
    X(KERF_ERR_OPENCL, 5, "an OpenCL call failed")                                                 \
    X(KERF_ERR_FILE, 6, "a file cannot be read or written")                                        \
    X(KERF_ERR_FORMAT, 7, "a file's content is damaged or not what it claims")                     \
    X(KERF_ERR_UNSUPPORTED, 8, "valid, but not supported by this version")                         \
    X(KERF_ERR_CANCELLED, 9, "a callback asked to stop")                                           \
    X(KERF_ERR_DIVERGED, 10, "training diverged: the loss is not a number")                        \
    X(KERF_ERR_TARGET, 11, "finished, but a target was missed")

typedef enum KERF_NODISCARD kerf_status {
#define X(name, value, text) name = value,
    KERF_STATUS_LIST(X)
#undef X
} kerf_status;

/* "KERF_ERR_SHAPE" and its meaning for KERF_ERR_SHAPE; never NULL. */
KERF_API const char *kerf_status_name(kerf_status status);
KERF_API const char *kerf_status_text(kerf_status status);

/* The last failure of the calling thread, "" if there was none. */
KERF_API const char *kerf_last_error(void);

/* What the library does, told as it happens: a device opened, a kernel built, one left alone.  One
 * line without its end, on the thread that called Kerf; the callback must not call Kerf.  Before
 * the first other call; NULL: nobody listens, as at the beginning. */
typedef enum kerf_log_level { KERF_LOG_INFO, KERF_LOG_WARNING } kerf_log_level;
typedef void (*kerf_log)(void *context, kerf_log_level level, const char *text);
KERF_API void kerf_set_log(kerf_log log, void *context);

/* The nearest of `num` words to a misspelt one, for "did you mean"; NULL: none is near.  get(of, i)
 * is word i, or NULL where that is no word. */
KERF_API const char *kerf_nearest_word(const char *word,
                                       const char *(*get)(const void *of, size_t i), const void *of,
                                       size_t num);

/* "0.1.0": the version of the library that runs, which need not be the header's. */
KERF_API const char *kerf_version(void);

#ifdef __cplusplus
}
#endif
#endif
