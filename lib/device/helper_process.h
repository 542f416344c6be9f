/* device/helper_process.h -- one program run to its end, for helper.c; other halves:
 * helper_posix.c, helper_windows.c. */
#ifndef KERF_DEVICE_HELPER_PROCESS_H
#define KERF_DEVICE_HELPER_PROCESS_H

#include <stddef.h>

#include "device/helper.h"

typedef struct kerf__process_end {
    int is_late;    /* it was ended: its time was up, or it printed more than there is room for */
    int is_outer;   /* ended by us for that, or by the system for its memory */
    char crash[80]; /* "signal 11, Segmentation fault"; "": it ended by itself */
    int code;       /* then, its exit code */
} kerf__process_end;

/* Starts `path` with its words and environment, both ended by NULL; all that it prints goes to
 * `text`, which is all 0 before and ended by 0.  0: it could not be started. */
int kerf__process_run(const char *path, char **words, char **environment, double timeout_ms,
                      char *text, size_t text_bytes, kerf__process_end *end);

#endif
