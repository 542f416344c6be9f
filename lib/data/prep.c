/* data/prep.c -- reading "resize=256,crop=224,rgb,scale=1/255,mean=0.485:0.456:0.406,...", and
 * the sizes that come of it.  What the words do to pixels: sample.c, picture.c. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/data_internal.h"

enum { NUM_CHANNELS = sizeof((kerf_prep){0}.mean) / sizeof(float), MOST_SIDE = 1 << 14 };

/* Names stand for texts, also in a list: "imagenet,layout=nhwc". */
static const struct {
    const char *name, *text;
} NAMES[] = {
    {"imagenet",
     "resize=256,crop=224,rgb,scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"},
    {"unit", "scale=1/255"},
    {"signed", "scale=1/255,mean=0.5,std=0.5"},
    {"raw", "scale=1"},
};
enum { NUM_NAMES = sizeof NAMES / sizeof NAMES[0] };

static kerf_status fail_text(const char *text, const char *what)
{
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "prep '%s': %s; must be imagenet, unit, signed, raw or like "
                      "resize=256,crop=224,rgb,scale=1/255,mean=0.5:0.5:0.5,std=0.2:0.2:0.2,"
                      "layout=nchw",
                      text, what);
}

/* ---- one item ----------------------------------------------------------------------------- */

/* Each takes what stands behind "KEY=", moves *at behind it, and is 0 where it makes no sense. */

/* A number or a quotient of two. */
static int take_number(const char **at, double *x)
{
    char *end;
    *x = strtod(*at, &end);
    if (end == *at)
        return 0;
    if (*end == '/') {
        const char *below = end + 1;
        double divisor = strtod(below, &end);
        if (end == below)
            return 0;
        *x /= divisor;
    }
    *at = end;
    return isfinite(*x) && isfinite((float)*x);
}

static int take_scale(kerf_prep *prep, const char **at)
{
    double x;
    if (!take_number(at, &x))
        return 0;
    prep->scale = (float)x;
    return prep->scale != 0; /* which would make all images one */
}

/* "0.485:0.456:0.406" into one number a channel; a single one is for all. */
static int take_channels(const char **at, float *channels)
{
    int num = 0;
    for (;; (*at)++) {
        double x;
        if (num == NUM_CHANNELS || !take_number(at, &x))
            return 0;
        channels[num++] = (float)x;
        if (**at != ':')
            break;
    }
    for (int i = num; i < NUM_CHANNELS; i++)
        channels[i] = num == 1 ? channels[0] : NAN;
    return 1;
}

static int take_mean(kerf_prep *prep, const char **at)
{
    return take_channels(at, prep->mean);
}

static int take_std(kerf_prep *prep, const char **at)
{
    return take_channels(at, prep->std);
}

static int take_side(const char **at, int *side)
{
    char *end;
    long x = strtol(*at, &end, 10);
    if (end == *at || x < 1 || x > MOST_SIDE)
        return 0;
    *side = (int)x;
    *at = end;
    return 1;
}

/* "256", or width and height: "320x240"; *num says which. */
static int take_size(const char **at, int *width, int *height, int *num)
{
    if (!take_side(at, width))
        return 0;
    *num = **at == 'x' ? 2 : 1;
    *height = *width;
    if (*num == 1)
        return 1;
    (*at)++;
    return take_side(at, height);
}

static int take_resize(kerf_prep *prep, const char **at)
{
    int num;
    if (!take_size(at, &prep->resize_width, &prep->resize_height, &num))
        return 0;
    prep->resize_shorter = num == 1;
    return 1;
}

static int take_crop(kerf_prep *prep, const char **at)
{
    int num;
    return take_size(at, &prep->crop_width, &prep->crop_height, &num);
}

static int take_layout(kerf_prep *prep, const char **at)
{
    if (strncmp(*at, "nchw", 4) != 0 && strncmp(*at, "nhwc", 4) != 0)
        return 0;
    prep->channels_last = (*at)[1] == 'h';
    *at += 4;
    return 1;
}

static const struct {
    const char *key;
    int (*take)(kerf_prep *prep, const char **at);
} KEYS[] = {
    {"scale=", take_scale},   {"mean=", take_mean}, {"std=", take_std},
    {"resize=", take_resize}, {"crop=", take_crop}, {"layout=", take_layout},
};
enum { NUM_KEYS = sizeof KEYS / sizeof KEYS[0] };

static const struct {
    const char *name;
    kerf_colors colors;
} COLORS[] = {{"rgb", KERF_COLORS_RGB}, {"bgr", KERF_COLORS_BGR}, {"gray", KERF_COLORS_GRAY}};
enum { NUM_COLORS = sizeof COLORS / sizeof COLORS[0] };

/* ---- all items ---------------------------------------------------------------------------- */

/* Takes the word if it is the whole item. */
static int take_word(const char **at, const char *word)
{
    size_t length = strcspn(*at, ",");
    if (strlen(word) != length || strncmp(*at, word, length) != 0)
        return 0;
    *at += length;
    return 1;
}

static int take_items(kerf_prep *prep, const char *text, int names_allowed);

static int take_item(kerf_prep *prep, const char **at, int names_allowed)
{
    for (int i = 0; names_allowed && i < NUM_NAMES; i++)
        if (take_word(at, NAMES[i].name))
            return take_items(prep, NAMES[i].text, 0);
    for (int i = 0; i < NUM_COLORS; i++) {
        if (take_word(at, COLORS[i].name)) {
            prep->colors = COLORS[i].colors;
            return 1;
        }
    }
    for (int i = 0; i < NUM_KEYS; i++) {
        size_t length = strlen(KEYS[i].key);
        if (strncmp(*at, KEYS[i].key, length) == 0) {
            *at += length;
            return KEYS[i].take(prep, at);
        }
    }
    return 0;
}

/* The texts of names hold no names, so this goes one step deep. */
static int take_items(kerf_prep *prep, const char *text, int names_allowed)
{
    for (const char *at = text;; at++) {
        if (!take_item(prep, &at, names_allowed) || (*at != ',' && *at != '\0'))
            return 0;
        if (*at == '\0')
            return 1;
    }
}

kerf_status kerf_prep_parse(kerf_prep *prep, const char *text)
{
    kerf_prep p = {.scale = 1, .std = {1, 1, 1, 1}};
    if (!take_items(&p, text, 1))
        return fail_text(text, "not understood");
    for (int i = 0; i < NUM_CHANNELS; i++)
        if (p.std[i] <= 0)
            return fail_text(text, "std is not above 0");
    *prep = p;
    return KERF_OK;
}

/* ---- sizes -------------------------------------------------------------------------------- */

/* The longer side keeps the ratio, rounded down as torchvision's Resize does. */
static void resized_size(const kerf_prep *prep, int64_t height, int64_t width, kerf__frame *f)
{
    f->resized_height = prep->resize_height;
    f->resized_width = prep->resize_width;
    if (prep->resize_width == 0) {
        f->resized_height = height;
        f->resized_width = width;
    } else if (prep->resize_shorter && height < width) {
        f->resized_width = width * prep->resize_height / height;
    } else if (prep->resize_shorter) {
        f->resized_height = height * prep->resize_width / width;
    }
}

/* Where the middle begins: halves go to the even number, as in torchvision's CenterCrop. */
static int64_t middle(int64_t size, int64_t part)
{
    int64_t half = (size - part) / 2;
    return (size - part) % 2 != 0 && half % 2 != 0 ? half + 1 : half;
}

kerf_status kerf__prep_frame(kerf__frame *f, const kerf_prep *prep, int64_t height, int64_t width)
{
    resized_size(prep, height, width, f);
    f->height = prep->crop_height > 0 ? prep->crop_height : f->resized_height;
    f->width = prep->crop_width > 0 ? prep->crop_width : f->resized_width;
    if (f->resized_height > MOST_SIDE || f->resized_width > MOST_SIDE)
        return kerf__fail(KERF_ERR_SHAPE, "is resized to %lld x %lld, must be at most %d a side",
                          (long long)f->resized_width, (long long)f->resized_height, MOST_SIDE);
    if (f->height > f->resized_height || f->width > f->resized_width)
        return kerf__fail(
            KERF_ERR_SHAPE,
            "is %lld x %lld (width x height), smaller than crop=%lldx%lld; resize= makes it larger",
            (long long)f->resized_width, (long long)f->resized_height, (long long)f->width,
            (long long)f->height);
    f->top = middle(f->resized_height, f->height);
    f->left = middle(f->resized_width, f->width);
    return KERF_OK;
}

int64_t kerf__prep_channels(const kerf_prep *prep, int64_t channels)
{
    switch (prep->colors) {
    case KERF_COLORS_KEEP:
        return channels;
    case KERF_COLORS_GRAY:
        return 1;
    case KERF_COLORS_RGB:
    case KERF_COLORS_BGR:
        return 3;
    }
    return channels;
}

kerf_status kerf_prep_shape(kerf_shape *out, const kerf_prep *prep, kerf_shape sample)
{
    kerf__frame f;
    KERF__TRY(kerf__prep_frame(&f, prep, sample.dims[1], sample.dims[2]));
    int64_t channels = kerf__prep_channels(prep, sample.dims[0]);
    *out = prep->channels_last ? KERF_SHAPE(f.height, f.width, channels)
                               : KERF_SHAPE(channels, f.height, f.width);
    return KERF_OK;
}
