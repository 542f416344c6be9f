/* device/buffer.h -- bytes on a device, without a word of OpenCL.  Other half: buffer.c.
 *
 * The queue is in order, so a read sees everything queued before it and no event has to be
 * kept.  Only functions named read, write or finish wait. */
#ifndef KERF_DEVICE_BUFFER_H
#define KERF_DEVICE_BUFFER_H

#include <stddef.h>

#include "kerf/device.h"

typedef struct kerf__buffer kerf__buffer;

/* Contents are undefined.  0 bytes are given one aligned block.  The device is borrowed and
 * must outlive the buffer.  On failure *out is NULL. */
kerf_status kerf__buffer_create(kerf__buffer **out, kerf_device *dev, size_t size_bytes);
/* A part of another buffer, which must outlive it; offset is a multiple of the device's
 * align_bytes. */
kerf_status kerf__buffer_create_view(kerf__buffer **out, kerf__buffer *parent, size_t offset_bytes,
                                     size_t size_bytes);
/* What is left of the device's memory, as far as Kerf took it. */
uint64_t kerf__device_free_bytes(const kerf_device *dev);
/* "1.5 GiB"; returns text. */
const char *kerf__size_text(uint64_t bytes, char text[32]);
void kerf__buffer_destroy(kerf__buffer *buffer); /* NULL is allowed */
/* 1 if both begin at the same byte: what is written to the one replaces the other. */
int kerf__buffer_same_start(const kerf__buffer *a, const kerf__buffer *b);
size_t kerf__buffer_size_bytes(const kerf__buffer *buffer);

/* To and from the host; both wait.  Out of range is an error. */
kerf_status kerf__buffer_write(kerf__buffer *buffer, size_t offset_bytes, const void *src,
                               size_t num_bytes);
kerf_status kerf__buffer_read(const kerf__buffer *buffer, size_t offset_bytes, void *dst,
                              size_t num_bytes);

/* The bytes where the host sees them, copied only where it does not share the device's memory;
 * waits for what was queued.  writes: all of them will be written, what was there is lost.  Until
 * the unmap, which is queued, no kernel may use them. */
kerf_status kerf__buffer_map(kerf__buffer *buffer, int writes, void **out);
/* Queued instead: *out is where they are once a later mark is done, to be read and written. */
kerf_status kerf__buffer_queue_map(kerf__buffer *buffer, void **out);
kerf_status kerf__buffer_unmap(kerf__buffer *buffer, void *mapped);

/* Queued, not waited for; src of an upload must stay until a later mark is done. */
kerf_status kerf__buffer_upload(kerf__buffer *buffer, size_t offset_bytes, const void *src,
                                size_t num_bytes);
/* The other way: dst holds them once a later mark is done, and must stay until then. */
kerf_status kerf__buffer_download(const kerf__buffer *buffer, size_t offset_bytes, void *dst,
                                  size_t num_bytes);
kerf_status kerf__buffer_copy(const kerf__buffer *src, size_t src_offset, kerf__buffer *dst,
                              size_t dst_offset, size_t num_bytes);
/* A few bytes, taken over before the call returns. */
kerf_status kerf__buffer_put(kerf__buffer *buffer, const void *src, size_t num_bytes);
kerf_status kerf__buffer_fill_zero(kerf__buffer *buffer, size_t offset_bytes, size_t num_bytes);

/* A point in the queue, and waiting for it.  mark also flushes.  Destroy without waiting is
 * allowed; NULL too. */
typedef struct kerf__mark kerf__mark;
kerf_status kerf__mark_create(kerf__mark **out, kerf_device *dev);
kerf_status kerf__mark_finish(kerf__mark *mark);
/* 1 if finish would not wait; a failure is for finish to say. */
int kerf__mark_is_done(const kerf__mark *mark);
void kerf__mark_destroy(kerf__mark *mark);

#endif
