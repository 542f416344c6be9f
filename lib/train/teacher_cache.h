/* train/teacher_cache.h -- what teachers say of every training sample, in a file: computed once,
 * then read by every epoch, and by every run of the same folder.
 *
 * The file: magic, version, key (a digest of all that decides the numbers), how many samples and
 * columns, each column's shape; then a row a sample, its columns behind each other, float32 in the
 * machine's order; in the last 8 bytes the checksum of all before.  It is written beside and
 * renamed, checked from one end to the other when it is opened, and read sample by sample, so it
 * takes no memory.  Other half: teacher_cache.c. */
#ifndef KERF_TRAIN_TEACHER_CACHE_H
#define KERF_TRAIN_TEACHER_CACHE_H

#include "base/file.h"
#include "kerf/train.h"
#include "train/record.h"

typedef struct kerf__teacher_cache {
    char *path; /* owned */
    int file;
    int64_t num_samples;
    size_t num_columns;
    kerf_shape shapes[KERF_MOST_TAPS]; /* of one sample */
    size_t begins[KERF_MOST_TAPS + 1]; /* of columns in a row, and its end; bytes */
    size_t rows_at;                    /* where the first row lies */
} kerf__teacher_cache;

/* KERF_OK with *out NULL: there is none that could be used here, and `why` says what is wrong with
 * the one that is there ("": none is).  `key` is what it must be of. */
kerf_status kerf__teacher_cache_open(kerf__teacher_cache **out, const char *path, uint64_t key,
                                     int64_t num_samples, size_t num_columns, char *why,
                                     size_t why_bytes);
void kerf__teacher_cache_close(kerf__teacher_cache *c); /* NULL is allowed */
/* A column of some samples, one behind the other. */
kerf_status kerf__teacher_cache_read(const kerf__teacher_cache *c, size_t column,
                                     const int64_t *samples, int64_t num, void *dst);

/* Writing: rows in the order of samples, then end; or cancel, which leaves nothing. */
typedef struct kerf__teacher_cache_writer {
    kerf__new_file file;
    kerf__record_writer record;
} kerf__teacher_cache_writer;
kerf_status kerf__teacher_cache_begin(kerf__teacher_cache_writer *w, const char *path, uint64_t key,
                                      int64_t num_samples, const kerf_shape *shapes,
                                      size_t num_columns);
void kerf__teacher_cache_add(kerf__teacher_cache_writer *w, const void *bytes, size_t num_bytes);
kerf_status kerf__teacher_cache_end(kerf__teacher_cache_writer *w);
void kerf__teacher_cache_cancel(kerf__teacher_cache_writer *w);

#endif
