/* data/picture.c -- what a preparation does to whole pictures: colours and size.
 *
 * Resizing is bilinear with antialiasing, by the arithmetic of Pillow's 8-bit resampling (which
 * torchvision uses on images): a triangle as wide as the reduction, weights of 22 bits, rows
 * first, rounded to bytes between the two passes.  The bytes are Pillow's. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/data_internal.h"

void kerf__picture_free(kerf__picture *p)
{
    free(p->own);
    *p = (kerf__picture){0};
}

/* A new picture takes the old one's place. */
static void replace(kerf__picture *p, uint8_t *planes, int64_t channels, int64_t height,
                    int64_t width)
{
    free(p->own);
    *p = (kerf__picture){planes, planes, channels, height, width};
}

static kerf_status allocate(uint8_t **planes, int64_t channels, int64_t height, int64_t width)
{
    size_t num = (size_t)(channels * height * width);
    *planes = kerf__alloc(num, 1);
    return *planes != NULL ? KERF_OK : kerf__fail_memory("prep", num);
}

/* ---- colours ------------------------------------------------------------------------------ */

/* ITU-R BT.601 in 16 bits, as Pillow computes its mode L. */
static uint8_t luminance(uint8_t r, uint8_t g, uint8_t b)
{
    return (uint8_t)((r * 19595u + g * 38470u + b * 7471u + 0x8000u) >> 16);
}

static void fill_colors(const kerf__picture *p, kerf_colors colors, uint8_t *dst)
{
    const uint8_t *src = p->planes;
    const size_t area = (size_t)(p->height * p->width);
    if (colors == KERF_COLORS_GRAY) {
        for (size_t i = 0; i < area; i++)
            dst[i] = luminance(src[i], src[area + i], src[2 * area + i]);
        return;
    }
    for (size_t c = 0; c < 3; c++) {
        const size_t from = p->channels == 1 ? 0 : colors == KERF_COLORS_BGR ? 2 - c : c;
        memcpy(dst + c * area, src + from * area, area);
    }
}

kerf_status kerf__picture_recolor(kerf__picture *p, kerf_colors colors)
{
    const int64_t channels = colors == KERF_COLORS_GRAY ? 1 : 3;
    if (colors == KERF_COLORS_KEEP || (p->channels == channels && colors != KERF_COLORS_BGR))
        return KERF_OK;
    if (p->channels != 1 && p->channels != 3)
        return kerf__fail(KERF_ERR_SHAPE,
                          "prep: rgb, bgr and gray are for 1 or 3 channels, not for %lld",
                          (long long)p->channels);
    uint8_t *planes;
    KERF__TRY(allocate(&planes, channels, p->height, p->width));
    fill_colors(p, colors, planes);
    replace(p, planes, channels, p->height, p->width);
    return KERF_OK;
}

/* ---- size --------------------------------------------------------------------------------- */

enum { WEIGHT_BITS = 22, HALF = 1 << (WEIGHT_BITS - 1) };

/* What each pixel of one output line is made of. */
typedef struct window {
    int64_t first, num;
} window;

typedef struct resampling {
    int64_t most;     /* taps of a window */
    window *windows;  /* owned; (size) */
    int32_t *weights; /* owned; (size, most) */
} resampling;

static void fill_window(double center, double support, int64_t src_size, window *w,
                        int32_t *weights, double *scratch)
{
    double sum = 0;
    int64_t first = (int64_t)(center - support + 0.5), end = (int64_t)(center + support + 0.5);
    w->first = first > 0 ? first : 0;
    w->num = (end < src_size ? end : src_size) - w->first;
    for (int64_t i = 0; i < w->num; i++) {
        double distance = fabs(((double)(w->first + i) - center + 0.5) / support);
        scratch[i] = distance < 1 ? 1 - distance : 0;
        sum += scratch[i];
    }
    for (int64_t i = 0; i < w->num; i++)
        weights[i] = (int32_t)(scratch[i] / sum * (1 << WEIGHT_BITS) + 0.5);
}

static kerf_status resampling_create(resampling *r, int64_t src_size, int64_t size)
{
    const double scale = (double)src_size / (double)size, support = scale > 1 ? scale : 1;
    r->most = (int64_t)ceil(support) * 2 + 1;
    r->windows = kerf__alloc((size_t)size, sizeof *r->windows);
    r->weights = kerf__alloc((size_t)(size * r->most), sizeof *r->weights);
    double *scratch = kerf__alloc((size_t)r->most, sizeof *scratch);
    kerf_status status = r->windows != NULL && r->weights != NULL && scratch != NULL
                             ? KERF_OK
                             : kerf__fail_memory("prep", (size_t)(size * r->most));
    for (int64_t i = 0; status == KERF_OK && i < size; i++)
        fill_window(((double)i + 0.5) * scale, support, src_size, &r->windows[i],
                    r->weights + i * r->most, scratch);
    free(scratch);
    return status;
}

static void resampling_free(resampling *r)
{
    free(r->windows);
    free(r->weights);
}

/* The weights are not negative and their sum is 1, so nothing leaves a byte's range but by
 * rounding. */
static uint8_t to_byte(int32_t sum)
{
    int32_t x = sum >> WEIGHT_BITS;
    return (uint8_t)(x > 255 ? 255 : x);
}

static void resample_row(const uint8_t *src, uint8_t *dst, const resampling *r, int64_t width)
{
    for (int64_t x = 0; x < width; x++) {
        const int32_t *weights = r->weights + x * r->most;
        const uint8_t *from = src + r->windows[x].first;
        int32_t sum = HALF;
        for (int64_t i = 0; i < r->windows[x].num; i++)
            sum += from[i] * weights[i];
        dst[x] = to_byte(sum);
    }
}

static kerf_status resample_rows(kerf__picture *p, int64_t width)
{
    resampling r = {0};
    uint8_t *planes = NULL;
    const int64_t num_rows = p->channels * p->height;
    kerf_status status = resampling_create(&r, p->width, width);
    if (status == KERF_OK)
        status = allocate(&planes, p->channels, p->height, width);
    for (int64_t y = 0; status == KERF_OK && y < num_rows; y++)
        resample_row((const uint8_t *)p->planes + y * p->width, planes + y * width, &r, width);
    if (status == KERF_OK)
        replace(p, planes, p->channels, p->height, width);
    resampling_free(&r);
    return status;
}

/* One output row from whole input rows: the loop over x is what a compiler makes vectors of. */
static void blend_rows(const uint8_t *src, uint8_t *dst, int32_t *sums, window w,
                       const int32_t *weights, int64_t width)
{
    for (int64_t x = 0; x < width; x++)
        sums[x] = HALF;
    for (int64_t i = 0; i < w.num; i++) {
        const uint8_t *row = src + (w.first + i) * width;
        for (int64_t x = 0; x < width; x++)
            sums[x] += row[x] * weights[i];
    }
    for (int64_t x = 0; x < width; x++)
        dst[x] = to_byte(sums[x]);
}

static void resample_plane(const uint8_t *src, uint8_t *dst, int32_t *sums, const resampling *r,
                           int64_t height, int64_t width)
{
    for (int64_t y = 0; y < height; y++)
        blend_rows(src, dst + y * width, sums, r->windows[y], r->weights + y * r->most, width);
}

static kerf_status resample_columns(kerf__picture *p, int64_t height)
{
    resampling r = {0};
    uint8_t *planes = NULL;
    int32_t *sums = kerf__alloc((size_t)p->width, sizeof *sums);
    kerf_status status =
        sums != NULL ? KERF_OK : kerf__fail_memory("prep", (size_t)p->width * sizeof *sums);
    if (status == KERF_OK)
        status = resampling_create(&r, p->height, height);
    if (status == KERF_OK)
        status = allocate(&planes, p->channels, height, p->width);
    for (int64_t c = 0; status == KERF_OK && c < p->channels; c++)
        resample_plane((const uint8_t *)p->planes + c * p->height * p->width,
                       planes + c * height * p->width, sums, &r, height, p->width);
    if (status == KERF_OK)
        replace(p, planes, p->channels, height, p->width);
    resampling_free(&r);
    free(sums);
    return status;
}

kerf_status kerf__picture_resize(kerf__picture *p, int64_t height, int64_t width)
{
    if (p->width != width)
        KERF__TRY(resample_rows(p, width));
    return p->height != height ? resample_columns(p, height) : KERF_OK;
}
