/* data/sample.c -- one sample, from the data set or from its file, into floats.
 *
 * Colours and size change whole pictures (picture.c).  All that is left is one pass over a
 * window of the picture: cropping in the middle, augmentation's shift and mirror, scale, mean
 * and std, and the layout.  Bytes go through a table of what each becomes. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "data/data_internal.h"

/* ---- augmentation ---------------------------------------------------------------------------- */

kerf_status kerf_augment_parse(kerf_augment *augment, const char *text)
{
    kerf_augment a = {0};
    const char *at = text;
    for (;; at++) {
        size_t length = strcspn(at, ",");
        char *end = NULL;
        long crop = strncmp(at, "crop=", 5) == 0 ? strtol(at + 5, &end, 10) : 0;
        if (length == 4 && strncmp(at, "flip", 4) == 0)
            a.flip = 1;
        else if (end == at + length && length > 5 && crop >= 1 && crop <= 1024)
            a.crop = (int)crop;
        else
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "augment '%s': must be flip, crop=PIXELS (1 to 1024) or both, like "
                              "flip,crop=4",
                              text);
        at += length;
        if (*at == '\0')
            break;
    }
    *augment = a;
    return KERF_OK;
}

/* What happens to a sample in an epoch: a function of seed, epoch and sample alone. */
typedef struct change {
    int flip;
    int64_t down, right;
} change;

static int64_t shift(uint32_t random, int most)
{
    return (int64_t)(random * (2 * (uint64_t)most + 1) >> 32) - most;
}

static change draw(const kerf__preparer *p, int64_t epoch, int64_t place)
{
    uint32_t random[4];
    if (!p->augment.flip && p->augment.crop == 0)
        return (change){0};
    kerf__random_block(p->random, (uint64_t)epoch, (uint64_t)place, random);
    return (change){.flip = p->augment.flip && (random[0] & 1),
                    .down = shift(random[1], p->augment.crop),
                    .right = shift(random[2], p->augment.crop)};
}

/* ---- numbers ------------------------------------------------------------------------------ */

static float prepare(const kerf_prep *prep, int64_t channel, float x)
{
    int c = channel < 4 ? (int)channel : 3;
    return (x * prep->scale - prep->mean[c]) / prep->std[c];
}

/* A row of the result: `num` places, `step` apart, of which [begin, end) have a source. */
typedef struct row {
    float *dst;
    int64_t step, num, begin, end;
    int64_t channel;
} row;

static void fill_around(const kerf__preparer *p, const row *r)
{
    const float zero = prepare(&p->prep, r->channel, 0.0f);
    for (int64_t x = 0; x < r->begin; x++)
        r->dst[x * r->step] = zero;
    for (int64_t x = r->end; x < r->num; x++)
        r->dst[x * r->step] = zero;
}

/* src is where place `begin` of the row comes from. */
static void fill_from_bytes(const kerf__preparer *p, const row *r, const uint8_t *src)
{
    const float *table = p->table + 256 * r->channel;
    for (int64_t x = r->begin; x < r->end; x++)
        r->dst[x * r->step] = table[*src++];
}

static void fill_from_floats(const kerf__preparer *p, const row *r, const float *src)
{
    for (int64_t x = r->begin; x < r->end; x++)
        r->dst[x * r->step] = prepare(&p->prep, r->channel, *src++);
}

/* Rows and columns outside of the picture are 0 before scale and mean. */
static void fill_row(const kerf__preparer *p, const kerf__picture *src, row r, int64_t y,
                     int64_t left)
{
    r.begin = left < 0 ? -left : 0;
    r.end = src->width - left < r.num ? src->width - left : r.num;
    if (y < 0 || y >= src->height || r.begin >= r.end)
        r.begin = r.end = r.num;
    fill_around(p, &r);
    if (r.begin == r.end)
        return;
    const int64_t start = (r.channel * src->height + y) * src->width + left + r.begin;
    if (p->type == KERF_U8)
        fill_from_bytes(p, &r, (const uint8_t *)src->planes + start);
    else
        fill_from_floats(p, &r, (const float *)src->planes + start);
}

static void fill_sample(const kerf__preparer *p, const kerf__picture *src, const kerf__frame *f,
                        change by, float *dst)
{
    const int64_t channels = p->channels, area = f->height * f->width;
    const int64_t pixel = p->prep.channels_last ? channels : 1;
    const int64_t plane = p->prep.channels_last ? 1 : area;
    for (int64_t c = 0; c < channels; c++) {
        for (int64_t y = 0; y < f->height; y++) {
            float *at = dst + c * plane + y * f->width * pixel;
            row r = {.dst = by.flip ? at + (f->width - 1) * pixel : at,
                     .step = by.flip ? -pixel : pixel,
                     .num = f->width,
                     .channel = c};
            fill_row(p, src, r, f->top + by.down + y, f->left + by.right);
        }
    }
}

/* ---- samples ------------------------------------------------------------------------------ */

kerf_status kerf__fail_of(kerf_status status, const char *name)
{
    if (status != KERF_ERR_SHAPE)
        return status;
    const kerf__message why = kerf__message_keep();
    return kerf__fail(status, "%s: %s", name, why.text);
}

static kerf_status check_prep(const kerf_dataset *d, const kerf_prep *prep, int64_t channels)
{
    if (d->type != KERF_U8 && (prep->resize_width > 0 || prep->colors != KERF_COLORS_KEEP))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prep: resize, rgb, bgr and gray are for bytes, the data is %s",
                          kerf_type_name(d->type));
    for (int64_t c = 0; c < channels; c++)
        if (!isfinite(prepare(prep, c, 1.0f)))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "prep: has no mean or std for channel %" PRId64 " of %" PRId64, c,
                              channels);
    return KERF_OK;
}

kerf_status kerf__preparer_create(kerf__preparer *p, const kerf_dataset *d, const kerf_prep *prep,
                                  const kerf_augment *augment, uint64_t seed)
{
    *p = (kerf__preparer){.prep = *prep, .augment = *augment, .type = d->type};
    p->random = kerf__random_key(seed, KERF__RANDOM_AUGMENT, 0);
    p->channels = kerf__prep_channels(prep, d->sample.dims[0]);
    KERF__TRY(kerf_prep_shape(&p->shape, prep, d->sample));
    KERF__TRY(check_prep(d, prep, p->channels));
    p->table = kerf__alloc((size_t)p->channels * 256, sizeof *p->table);
    if (p->table == NULL)
        return kerf__fail_memory("prep", (size_t)p->channels * 256 * sizeof *p->table);
    for (int64_t i = 0; i < p->channels * 256; i++)
        p->table[i] = prepare(prep, i / 256, (float)(i % 256));
    return KERF_OK;
}

void kerf__preparer_free(kerf__preparer *p)
{
    free(p->table);
    *p = (kerf__preparer){.table = NULL};
}

static kerf_status prepare_picture(const kerf__preparer *p, kerf__picture *src, change by,
                                   float *dst)
{
    kerf__frame f;
    kerf_shape shape = KERF_SHAPE(src->channels, src->height, src->width);
    KERF__TRY(kerf__picture_recolor(src, p->prep.colors));
    KERF__TRY(kerf_prep_shape(&shape, &p->prep, shape));
    if (!kerf_shape_equal(shape, p->shape))
        return kerf__fail(KERF_ERR_SHAPE,
                          "is %lld x %lld (width x height) and would not become as large as the "
                          "first image, must be alike, or made so by resize= and crop= of --prep",
                          (long long)src->width, (long long)src->height);
    KERF__TRY(kerf__prep_frame(&f, &p->prep, src->height, src->width));
    KERF__TRY(kerf__picture_resize(src, f.resized_height, f.resized_width));
    fill_sample(p, src, &f, by, dst);
    return KERF_OK;
}

kerf_status kerf__prepare(const kerf__preparer *p, const kerf_dataset *d, const kerf__samples *from,
                          int64_t place, int64_t epoch, float *dst)
{
    kerf__picture src = {
        .channels = d->sample.dims[0], .height = d->sample.dims[1], .width = d->sample.dims[2]};
    const char *path = from->paths != NULL ? from->paths[place] : NULL;
    if (path != NULL)
        KERF__TRY(kerf__picture_read(&src, path));
    else
        src.planes = (const char *)from->images + (size_t)place * d->sample_bytes;
    kerf_status status = prepare_picture(p, &src, draw(p, epoch, place), dst);
    kerf__picture_free(&src);
    return path != NULL ? kerf__fail_of(status, path) : status;
}
