/* base/file.h -- whole files in, whole files out.  Other half: file.c.
 *
 * A file is written beside its target and renamed when complete and on disk, so a reader,
 * a crash or a full disk never sees half of it. */
#ifndef KERF_BASE_FILE_H
#define KERF_BASE_FILE_H

#include <stddef.h>
#include <stdio.h>

#include "kerf/base.h"

/* The whole file into fresh memory with a 0 byte behind it; freed with free().
 * "-" is standard input.  Larger than max_bytes is an error (0: no bound). */
kerf_status kerf__file_read(const char *path, size_t max_bytes, void **bytes, size_t *num_bytes);

/* Replaces or makes `path` with all the bytes, or leaves it alone.  "-" is standard output. */
kerf_status kerf__file_write(const char *path, const void *bytes, size_t num_bytes);

/* The same in pieces: write to file->stream, then commit or cancel (also after commit). */
typedef struct kerf__new_file {
    FILE *stream;           /* owned */
    char *path, *temporary; /* owned; no temporary where path is a device or a pipe */
} kerf__new_file;
kerf_status kerf__new_file_begin(kerf__new_file *f, const char *path);
kerf_status kerf__new_file_commit(kerf__new_file *f);
void kerf__new_file_cancel(kerf__new_file *f);

/* Makes a folder and its parents; one that exists is fine. */
kerf_status kerf__make_dirs(const char *path);
/* "dir/name" into fresh memory, or NULL. */
char *kerf__path_join(const char *dir, const char *name);

/* The text of an errno, per thread. */
const char *kerf__errno_text(int number);

/* Milliseconds of a clock that never goes back. */
double kerf__now_ms(void);

#endif
