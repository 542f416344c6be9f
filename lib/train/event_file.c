/* train/event_file.c -- a record is a message of tensorboard.proto in TensorFlow's frame; see
 * event_file.h:
 *
 *   bytes of the message (8) | checksum of these (4) | message | its checksum (4)
 *
 * all little endian.  The checksum is CRC32C, turned by 15 bits and moved, so that a frame within
 * a frame does not look like one. */
#include "train/event_file.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "tensorboard.pb-c.h"

/* A bit at a time: records are short and an epoch apart. */
static uint32_t crc32c(const unsigned char *bytes, size_t num_bytes)
{
    uint32_t crc = 0xffffffffu;
    for (size_t i = 0; i < num_bytes; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78u & (0u - (crc & 1)));
    }
    return ~crc;
}

static void put_number(FILE *stream, uint64_t x, int num_bytes)
{
    for (int i = 0; i < num_bytes; i++)
        putc((int)(x >> (8 * i) & 255), stream);
}

static void put_checksum(FILE *stream, const unsigned char *bytes, size_t num_bytes)
{
    const uint32_t crc = crc32c(bytes, num_bytes);
    put_number(stream, (uint32_t)((crc >> 15 | crc << 17) + 0xa282ead8u), 4);
}

static kerf_status put_event(FILE *stream, const Kerf__Board__Event *event)
{
    const size_t num_bytes = kerf__board__event__get_packed_size(event);
    unsigned char length[8], *bytes = malloc(num_bytes + 1);
    if (bytes == NULL)
        return kerf__fail_memory("tensorboard", num_bytes);
    kerf__board__event__pack(event, bytes);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)num_bytes >> (8 * i));
    fwrite(length, 1, sizeof length, stream);
    put_checksum(stream, length, sizeof length);
    fwrite(bytes, 1, num_bytes, stream);
    put_checksum(stream, bytes, num_bytes);
    free(bytes);
    return KERF_OK;
}

kerf_status kerf__event_put_version(FILE *stream, double wall_time)
{
    char version[] = "brain.Event:2"; /* what readers look for */
    Kerf__Board__Event event = KERF__BOARD__EVENT__INIT;
    event.wall_time = wall_time;
    event.what_case = KERF__BOARD__EVENT__WHAT_FILE_VERSION;
    event.file_version = version;
    return put_event(stream, &event);
}

kerf_status kerf__event_put_scalars(FILE *stream, double wall_time, int64_t step,
                                    const kerf__scalar *scalars, size_t num)
{
    Kerf__Board__Value values[KERF__MOST_SCALARS], *pointers[KERF__MOST_SCALARS];
    Kerf__Board__Summary summary = KERF__BOARD__SUMMARY__INIT;
    Kerf__Board__Event event = KERF__BOARD__EVENT__INIT;
    summary.value = pointers;
    for (size_t i = 0; i < num && summary.n_value < KERF__MOST_SCALARS; i++) {
        if (!isfinite(scalars[i].value))
            continue;
        Kerf__Board__Value *v = pointers[summary.n_value] = &values[summary.n_value];
        kerf__board__value__init(v);
        v->tag = (char *)scalars[i].tag;
        v->value_case = KERF__BOARD__VALUE__VALUE_SIMPLE_VALUE;
        v->simple_value = (float)scalars[i].value;
        summary.n_value++;
    }
    event.wall_time = wall_time;
    event.step = step;
    event.what_case = KERF__BOARD__EVENT__WHAT_SUMMARY;
    event.summary = &summary;
    return put_event(stream, &event);
}
