/* train/record.h -- the bytes of a checkpoint: written in one go with a running checksum,
 * read within bounds.  Other half: record.c.
 *
 * Numbers are little endian whatever the machine.  Both sides remember their first failure,
 * so that callers write or read many fields and ask once. */
#ifndef KERF_TRAIN_RECORD_H
#define KERF_TRAIN_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "kerf/base.h"

typedef struct kerf__record_writer {
    FILE *stream; /* borrowed */
    void *hash;   /* owned */
    int failed;
} kerf__record_writer;

kerf_status kerf__record_begin(kerf__record_writer *w, FILE *stream);
void kerf__record_put(kerf__record_writer *w, const void *bytes, size_t num_bytes);
void kerf__record_put_u32(kerf__record_writer *w, uint32_t x);
void kerf__record_put_i64(kerf__record_writer *w, int64_t x);
void kerf__record_put_f64(kerf__record_writer *w, double x);
/* A length, then so many bytes. */
void kerf__record_put_block(kerf__record_writer *w, const void *bytes, size_t num_bytes);
void kerf__record_put_text(kerf__record_writer *w, const char *text); /* NULL is "" */
/* Puts the checksum of all before behind it.  Returns 0 if anything failed; frees. */
int kerf__record_end(kerf__record_writer *w);

typedef struct kerf__record_reader {
    const unsigned char *at; /* borrowed */
    size_t left;
    int bad; /* something was asked that is not there */
} kerf__record_reader;

/* Checks the checksum in the last 8 bytes and reads what lies before it; 0 if it is wrong. */
int kerf__record_open(kerf__record_reader *r, const void *bytes, size_t num_bytes);
/* num_bytes of the record, borrowed; NULL if there are not so many. */
const void *kerf__record_get(kerf__record_reader *r, size_t num_bytes);
uint32_t kerf__record_get_u32(kerf__record_reader *r);
int64_t kerf__record_get_i64(kerf__record_reader *r);
double kerf__record_get_f64(kerf__record_reader *r);
const void *kerf__record_get_block(kerf__record_reader *r, size_t *num_bytes);
/* A copy with a 0 behind it; the caller frees it.  NULL if bad or without memory. */
char *kerf__record_get_text(kerf__record_reader *r);

#endif
