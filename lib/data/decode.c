/* data/decode.c -- PNG, JPEG and PPM into planes of red, green and blue, by stb_image.
 *
 * The decoder is compiled into this file alone, without the formats that are not wanted; its
 * memory comes from ours.  Files are hostile: their size and that of the picture are bounded
 * before anything is decoded.  Transparency is dropped, 16 bits become 8, and a rotation in the
 * metadata is not followed, as in Pillow's convert("RGB"). */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"

enum { MOST_SIDE = 1 << 14, MOST_PIXELS = 1 << 26, MOST_FILE_BYTES = 1 << 28 };

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_STDIO
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_ONLY_PNM
#define STBI_NO_HDR
#define STBI_NO_LINEAR
#define STBI_FAILURE_USERMSG
#define STBI_MAX_DIMENSIONS    MOST_SIDE
#define STBI_MALLOC(bytes)     kerf__alloc(bytes, 1)
#define STBI_REALLOC(p, bytes) kerf__realloc(p, bytes, 1)
#define STBI_FREE(p)           free(p)
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#endif
#include <stb_image.h>

static kerf_status fail_decoding(const char *name)
{
    const char *why = stbi_failure_reason();
    if (why != NULL && strcmp(why, "Out of memory") == 0)
        return kerf__fail(KERF_ERR_MEMORY, "%s: cannot allocate memory for its pixels", name);
    return kerf__fail(KERF_ERR_FORMAT, "%s: is no whole PNG, JPEG or PPM image: %s", name,
                      why != NULL ? why : "not understood");
}

/* The decoder fills up what is missing with zeros in two formats, so that is found here. */

/* Within pixels 0xff stands before no marker but restarts: an end must follow the last start. */
static int is_whole_jpeg(const uint8_t *bytes, size_t num_bytes)
{
    for (size_t i = num_bytes - 1; i > 0; i--) {
        if (bytes[i - 1] == 0xff && bytes[i] == 0xd9)
            return 1;
        if (bytes[i - 1] == 0xff && bytes[i] == 0xda)
            return 0;
    }
    return 0;
}

/* 1 if a start of image stands in front, and no Huffman table (a DHT segment) counts more than the
 * 256 codes that the decoder has room for.  Between segments with a length lie pixels, in which
 * 0xff stands before 0 or a restart. */
static int has_room_for_codes(const uint8_t *bytes, size_t num_bytes)
{
    if (num_bytes < 4 || bytes[1] != 0xd8)
        return 0;
    for (size_t i = 2; i + 4 <= num_bytes;) {
        const int marker = bytes[i + 1];
        const size_t length = (size_t)bytes[i + 2] << 8 | bytes[i + 3];
        if (bytes[i] != 0xff || marker == 0xff || marker == 0 ||
            (marker >= 0xd0 && marker <= 0xd9)) {
            i++;
            continue;
        }
        const size_t end = i + 2 + length;
        for (size_t at = i + 4; marker == 0xc4 && at < end;) {
            size_t num_codes = 0;
            for (size_t k = at + 1; k <= at + 16 && k < num_bytes;
                 k++) /* behind the end lie zeros */
                num_codes += bytes[k];
            if (num_codes > 256)
                return 0;
            at += 17 + num_codes;
        }
        i = end;
    }
    return 1;
}

static int is_whole(const uint8_t *bytes, size_t num_bytes, size_t num_pixels, size_t channels)
{
    if (bytes[0] == 0xff)
        return is_whole_jpeg(bytes, num_bytes);
    size_t sample = stbi_is_16_bit_from_memory(bytes, (int)num_bytes) ? 2 : 1;
    return bytes[0] != 'P' || num_bytes > num_pixels * channels * sample; /* and its head */
}

/* The decoder adds the digits of PPM's three numbers up in an int, however many there are. */
static int has_short_numbers(const uint8_t *bytes, size_t num_bytes)
{
    enum { NUM_NUMBERS = 3, MOST_DIGITS = 9 };
    size_t i = 2; /* behind "P6" */
    for (int n = 0; n < NUM_NUMBERS; n++) {
        size_t digits = 0;
        while (i < num_bytes && (bytes[i] < '0' || bytes[i] > '9'))
            if (bytes[i++] == '#')
                while (i < num_bytes && bytes[i] != '\n' && bytes[i] != '\r')
                    i++;
        for (; i < num_bytes && bytes[i] >= '0' && bytes[i] <= '9'; i++)
            digits++;
        if (digits > MOST_DIGITS)
            return 0;
    }
    return 1;
}

static kerf_status look(const char *name, const void *bytes, size_t num_bytes, int *width,
                        int *height)
{
    int channels;
    if (num_bytes > MOST_FILE_BYTES)
        return kerf__fail(KERF_ERR_FORMAT, "%s: has %zu bytes, an image may have %d", name,
                          num_bytes, MOST_FILE_BYTES);
    if (num_bytes > 2 && ((const uint8_t *)bytes)[0] == 'P' && !has_short_numbers(bytes, num_bytes))
        return kerf__fail(KERF_ERR_FORMAT, "%s: a number in its head has more than 9 digits", name);
    /* Its conversion of such pixels to three channels reads behind them. */
    if (num_bytes > 2 && ((const uint8_t *)bytes)[0] == 'P' &&
        stbi_is_16_bit_from_memory(bytes, (int)num_bytes))
        return kerf__fail(KERF_ERR_FORMAT, "%s: has 16 bits a number, a PPM image must have 8",
                          name);
    if (num_bytes > 2 && ((const uint8_t *)bytes)[0] == 0xff &&
        !has_room_for_codes(bytes, num_bytes))
        return kerf__fail(
            KERF_ERR_FORMAT,
            "%s: is no JPEG image, or one of its Huffman tables has more than 256 codes", name);
    if (!stbi_info_from_memory(bytes, (int)num_bytes, width, height, &channels))
        return fail_decoding(name);
    if (*width < 1 || *height < 1 || *width > MOST_SIDE || *height > MOST_SIDE ||
        *width > MOST_PIXELS / *height)
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: is an image of %d x %d, must have sides of 1 to %d and at most %d "
                          "pixels",
                          name, *width, *height, MOST_SIDE, MOST_PIXELS);
    if (!is_whole(bytes, num_bytes, (size_t)*width * (size_t)*height, (size_t)channels))
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: is no whole PNG, JPEG or PPM image: its end is missing", name);
    return KERF_OK;
}

/* Pixels side by side into three planes. */
static void part(const uint8_t *src, uint8_t *dst, size_t area)
{
    for (size_t i = 0; i < area; i++)
        for (size_t c = 0; c < 3; c++)
            dst[c * area + i] = src[3 * i + c];
}

kerf_status kerf__picture_parse(kerf__picture *p, const char *name, const void *bytes,
                                size_t num_bytes)
{
    int width, height, channels;
    *p = (kerf__picture){0};
    KERF__TRY(look(name, bytes, num_bytes, &width, &height));
    size_t area = (size_t)width * (size_t)height;
    uint8_t *pixels = stbi_load_from_memory(bytes, (int)num_bytes, &width, &height, &channels, 3);
    if (pixels == NULL)
        return fail_decoding(name);
    uint8_t *planes = kerf__alloc(3, area);
    if (planes != NULL)
        part(pixels, planes, area);
    stbi_image_free(pixels);
    if (planes == NULL)
        return kerf__fail_memory(name, 3 * area);
    *p = (kerf__picture){planes, planes, 3, height, width};
    return KERF_OK;
}

kerf_status kerf__picture_read(kerf__picture *p, const char *path)
{
    void *bytes;
    size_t num_bytes;
    *p = (kerf__picture){0};
    KERF__TRY(kerf__file_read(path, MOST_FILE_BYTES, &bytes, &num_bytes));
    kerf_status status = kerf__picture_parse(p, path, bytes, num_bytes);
    free(bytes);
    return status;
}
