/* device/buffer.c -- bytes on a device; the other half of buffer.h.
 *
 * A view is an OpenCL sub-buffer of the root: OpenCL does not nest them, so a view of a view
 * adds the offsets.  Bytes are counted a device, because CPU drivers hand out memory that
 * is not there and the process is killed when it is touched. */
#include "device/buffer.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "device/device_internal.h"
#include "device/fault.h"

const char *kerf__size_text(uint64_t bytes, char text[32])
{
    static const char *const UNITS[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    int unit = 0;
    while (size >= 1024 && unit < 4) {
        size /= 1024;
        unit++;
    }
    snprintf(text, 32, "%.*f %s", unit == 0 ? 0 : 1, size, UNITS[unit]);
    return text;
}

uint64_t kerf__device_free_bytes(const kerf_device *dev)
{
    return dev->used_bytes < dev->info.global_bytes ? dev->info.global_bytes - dev->used_bytes : 0;
}

/* What the device is known not to have is not asked for. */
static kerf_status check_room(const kerf_device *dev, size_t bytes)
{
    char wanted[32], limit[32];
    const kerf_device_info *info = &dev->info;
    if (bytes > info->max_alloc_bytes)
        return kerf__fail(KERF_ERR_MEMORY, "buffer: %s wanted, %s takes at most %s in one piece",
                          kerf__size_text(bytes, wanted), info->name,
                          kerf__size_text(info->max_alloc_bytes, limit));
    if (bytes > kerf__device_free_bytes(dev))
        return kerf__fail(KERF_ERR_MEMORY, "buffer: %s wanted, %s has %s left of its memory",
                          kerf__size_text(bytes, wanted), info->name,
                          kerf__size_text(kerf__device_free_bytes(dev), limit));
    return KERF_OK;
}

/* GPUs that share the host's memory map without a copy only what was asked for so (Arm's and
 * Intel's guides); a CPU device maps everything without. */
static cl_mem_flags memory_flags(const kerf_device *dev)
{
    const int shares = dev->info.type == KERF_DEVICE_GPU && dev->info.shares_memory;
    return CL_MEM_READ_WRITE | (shares ? CL_MEM_ALLOC_HOST_PTR : 0);
}

static kerf_status create_mem(kerf__buffer *buffer, size_t bytes)
{
    kerf_device *dev = buffer->dev;
    KERF__TRY(check_room(dev, bytes));
    cl_int err = CL_OUT_OF_RESOURCES;
    if (!kerf__fault_now(dev))
        buffer->mem = dev->cl->CreateBuffer(dev->context, memory_flags(dev), bytes, NULL, &err);
    if (err != CL_SUCCESS) {
        char wanted[32];
        return kerf__fail(KERF_ERR_MEMORY, "buffer: %s has no %s left (%s, %d)", dev->info.name,
                          kerf__size_text(bytes, wanted), kerf__opencl_error(err), err);
    }
    buffer->root = buffer->mem;
    buffer->counted_bytes = bytes;
    dev->used_bytes += bytes;
    return KERF_OK;
}

kerf_status kerf__buffer_create(kerf__buffer **out, kerf_device *dev, size_t size_bytes)
{
    *out = NULL;
    kerf__buffer *buffer = kerf__alloc(1, sizeof *buffer);
    if (buffer == NULL)
        return kerf__fail_memory("buffer", sizeof *buffer);
    buffer->dev = dev;
    buffer->size_bytes = size_bytes;
    kerf_status status = create_mem(buffer, size_bytes > 0 ? size_bytes : dev->info.align_bytes);
    if (status != KERF_OK) {
        free(buffer);
        return status;
    }
    *out = buffer;
    return KERF_OK;
}

/* The range of a view; empty ones get a buffer of their own, OpenCL has none. */
static kerf_status check_view(const kerf__buffer *parent, size_t offset, size_t bytes)
{
    size_t align = parent->dev->info.align_bytes;
    if (offset % align != 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "view: offset %zu, must be a multiple of %zu", offset,
                          align);
    if (offset > parent->size_bytes || bytes > parent->size_bytes - offset)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "view: %zu bytes at offset %zu, must lie within the %zu of the buffer",
                          bytes, offset, parent->size_bytes);
    return KERF_OK;
}

kerf_status kerf__buffer_create_view(kerf__buffer **out, kerf__buffer *parent, size_t offset_bytes,
                                     size_t size_bytes)
{
    *out = NULL;
    kerf_device *dev = parent->dev;
    KERF__TRY(check_view(parent, offset_bytes, size_bytes));
    if (size_bytes == 0)
        return kerf__buffer_create(out, dev, 0);
    kerf__buffer *view = kerf__alloc(1, sizeof *view);
    if (view == NULL)
        return kerf__fail_memory("view", sizeof *view);
    *view = (kerf__buffer){.dev = dev,
                           .root = parent->root,
                           .offset_bytes = parent->offset_bytes + offset_bytes,
                           .size_bytes = size_bytes};
    cl_buffer_region region = {view->offset_bytes, size_bytes};
    cl_int err = CL_OUT_OF_RESOURCES;
    if (!kerf__fault_now(dev))
        view->mem = dev->cl->CreateSubBuffer(view->root, CL_MEM_READ_WRITE,
                                             CL_BUFFER_CREATE_TYPE_REGION, &region, &err);
    if (err != CL_SUCCESS) {
        free(view);
        return kerf__fail_opencl(dev, err, "view of %zu bytes", size_bytes);
    }
    *out = view;
    return KERF_OK;
}

void kerf__buffer_destroy(kerf__buffer *buffer)
{
    if (buffer == NULL)
        return;
    buffer->dev->cl->ReleaseMemObject(buffer->mem);
    buffer->dev->used_bytes -= buffer->counted_bytes;
    free(buffer);
}

int kerf__buffer_same_start(const kerf__buffer *a, const kerf__buffer *b)
{
    return a->root == b->root && a->offset_bytes == b->offset_bytes;
}

size_t kerf__buffer_size_bytes(const kerf__buffer *buffer)
{
    return buffer->size_bytes;
}

/* ---- moving bytes ---------------------------------------------------------------------- */

static kerf_status check_range(const kerf__buffer *buffer, const char *what, size_t offset,
                               size_t bytes)
{
    if (offset <= buffer->size_bytes && bytes <= buffer->size_bytes - offset)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "%s: %zu bytes at offset %zu, must lie within the %zu of the buffer", what,
                      bytes, offset, buffer->size_bytes);
}

static kerf_status moved(kerf_device *dev, cl_int err, const char *what, size_t bytes)
{
    if (err == CL_SUCCESS)
        return KERF_OK;
    return kerf__fail_opencl(dev, err, "%s of %zu bytes", what, bytes);
}

static kerf_status send(kerf__buffer *buffer, size_t offset, const void *src, size_t bytes,
                        cl_bool wait, const char *what)
{
    kerf_device *dev = buffer->dev;
    KERF__TRY(check_range(buffer, what, offset, bytes));
    if (bytes == 0)
        return KERF_OK;
    cl_int err = kerf__fault_now(dev)
                     ? CL_OUT_OF_RESOURCES
                     : dev->cl->EnqueueWriteBuffer(dev->queue, buffer->mem, wait, offset, bytes,
                                                   src, 0, NULL, NULL);
    return moved(dev, err, what, bytes);
}

kerf_status kerf__buffer_write(kerf__buffer *buffer, size_t offset_bytes, const void *src,
                               size_t num_bytes)
{
    return send(buffer, offset_bytes, src, num_bytes, CL_TRUE, "write");
}

kerf_status kerf__buffer_upload(kerf__buffer *buffer, size_t offset_bytes, const void *src,
                                size_t num_bytes)
{
    return send(buffer, offset_bytes, src, num_bytes, CL_FALSE, "upload");
}

static kerf_status fetch(const kerf__buffer *buffer, size_t offset, void *dst, size_t bytes,
                         cl_bool wait, const char *what)
{
    kerf_device *dev = buffer->dev;
    KERF__TRY(check_range(buffer, what, offset, bytes));
    if (bytes == 0)
        return KERF_OK;
    cl_int err = kerf__fault_now(dev)
                     ? CL_OUT_OF_RESOURCES
                     : dev->cl->EnqueueReadBuffer(dev->queue, buffer->mem, wait, offset, bytes, dst,
                                                  0, NULL, NULL);
    return moved(dev, err, what, bytes);
}

kerf_status kerf__buffer_read(const kerf__buffer *buffer, size_t offset_bytes, void *dst,
                              size_t num_bytes)
{
    return fetch(buffer, offset_bytes, dst, num_bytes, CL_TRUE, "read");
}

kerf_status kerf__buffer_download(const kerf__buffer *buffer, size_t offset_bytes, void *dst,
                                  size_t num_bytes)
{
    return fetch(buffer, offset_bytes, dst, num_bytes, CL_FALSE, "download");
}

static kerf_status map(kerf__buffer *buffer, cl_bool wait, cl_map_flags flags, void **out)
{
    kerf_device *dev = buffer->dev;
    cl_int err = CL_OUT_OF_RESOURCES;
    *out = NULL;
    if (!kerf__fault_now(dev))
        *out = dev->cl->EnqueueMapBuffer(dev->queue, buffer->mem, wait, flags, 0,
                                         buffer->size_bytes, 0, NULL, NULL, &err);
    return moved(dev, err, "map", buffer->size_bytes);
}

kerf_status kerf__buffer_map(kerf__buffer *buffer, int writes, void **out)
{
    return map(buffer, CL_TRUE, writes ? CL_MAP_WRITE_INVALIDATE_REGION : CL_MAP_READ, out);
}

kerf_status kerf__buffer_queue_map(kerf__buffer *buffer, void **out)
{
    return map(buffer, CL_FALSE, CL_MAP_READ | CL_MAP_WRITE, out);
}

kerf_status kerf__buffer_unmap(kerf__buffer *buffer, void *mapped)
{
    kerf_device *dev = buffer->dev;
    cl_int err = kerf__fault_now(dev) ? CL_OUT_OF_RESOURCES
                                      : dev->cl->EnqueueUnmapMemObject(dev->queue, buffer->mem,
                                                                       mapped, 0, NULL, NULL);
    return moved(dev, err, "unmap", buffer->size_bytes);
}

kerf_status kerf__buffer_copy(const kerf__buffer *src, size_t src_offset, kerf__buffer *dst,
                              size_t dst_offset, size_t num_bytes)
{
    kerf_device *dev = src->dev;
    KERF__TRY(check_range(src, "copy from", src_offset, num_bytes));
    KERF__TRY(check_range(dst, "copy to", dst_offset, num_bytes));
    if (num_bytes == 0)
        return KERF_OK;
    cl_int err = kerf__fault_now(dev)
                     ? CL_OUT_OF_RESOURCES
                     : dev->cl->EnqueueCopyBuffer(dev->queue, src->mem, dst->mem, src_offset,
                                                  dst_offset, num_bytes, 0, NULL, NULL);
    return moved(dev, err, "copy", num_bytes);
}

/* Fills a range with a pattern of 1 to 128 bytes. */
static kerf_status fill(kerf__buffer *buffer, const void *pattern, size_t pattern_bytes,
                        size_t offset, size_t bytes)
{
    kerf_device *dev = buffer->dev;
    KERF__TRY(check_range(buffer, "fill", offset, bytes));
    if (bytes == 0)
        return KERF_OK;
    cl_int err = kerf__fault_now(dev)
                     ? CL_OUT_OF_RESOURCES
                     : dev->cl->EnqueueFillBuffer(dev->queue, buffer->mem, pattern, pattern_bytes,
                                                  offset, bytes, 0, NULL, NULL);
    return moved(dev, err, "fill", bytes);
}

/* Fills of one pattern each: OpenCL copies a pattern at the call, which no write promises. Patterns
 * have 2^n bytes, 128 at most, so what has others is several. */
kerf_status kerf__buffer_put(kerf__buffer *buffer, const void *src, size_t num_bytes)
{
    size_t pattern = 128;
    for (size_t at = 0; at < num_bytes; at += pattern) {
        while (pattern > num_bytes - at)
            pattern /= 2;
        KERF__TRY(fill(buffer, (const unsigned char *)src + at, pattern, at, pattern));
    }
    return KERF_OK;
}

kerf_status kerf__buffer_fill_zero(kerf__buffer *buffer, size_t offset_bytes, size_t num_bytes)
{
    static const unsigned char ZEROS[16] = {0};
    /* Offset and size are multiples of the pattern; the widest is the fastest. */
    size_t pattern = sizeof ZEROS;
    while (offset_bytes % pattern != 0 || num_bytes % pattern != 0)
        pattern /= 2;
    return fill(buffer, ZEROS, pattern, offset_bytes, num_bytes);
}

/* ---- marks ----------------------------------------------------------------------------- */

struct kerf__mark {
    kerf_device *dev; /* borrowed */
    cl_event event;   /* owned */
};

kerf_status kerf__mark_create(kerf__mark **out, kerf_device *dev)
{
    *out = NULL;
    kerf__mark *mark = kerf__alloc(1, sizeof *mark);
    if (mark == NULL)
        return kerf__fail_memory("mark", sizeof *mark);
    mark->dev = dev;
    cl_int err = kerf__fault_now(dev)
                     ? CL_OUT_OF_RESOURCES
                     : dev->cl->EnqueueMarkerWithWaitList(dev->queue, 0, NULL, &mark->event);
    if (err == CL_SUCCESS)
        err = dev->cl->Flush(dev->queue);
    if (err != CL_SUCCESS) {
        kerf__mark_destroy(mark);
        return kerf__fail_opencl(dev, err, "mark in the queue");
    }
    *out = mark;
    return KERF_OK;
}

kerf_status kerf__mark_finish(kerf__mark *mark)
{
    cl_int err = mark->dev->cl->WaitForEvents(1, &mark->event);
    if (kerf__fault_now(mark->dev)) /* after the wait, as in kerf_device_finish() */
        err = CL_OUT_OF_RESOURCES;
    if (err != CL_SUCCESS)
        return kerf__fail_opencl(mark->dev, err, "queued work");
    return KERF_OK;
}

int kerf__mark_is_done(const kerf__mark *mark)
{
    cl_int now = CL_QUEUED;
    const cl_int err = mark->dev->cl->GetEventInfo(mark->event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                                                   sizeof now, &now, NULL);
    return err != CL_SUCCESS || now <= CL_COMPLETE; /* below are errors */
}

void kerf__mark_destroy(kerf__mark *mark)
{
    if (mark == NULL)
        return;
    if (mark->event != NULL)
        mark->dev->cl->ReleaseEvent(mark->event);
    free(mark);
}
