/* data/source_random.c -- data that can be learned, out of nothing but its shape.
 *
 * Each class has a pattern of random bytes; a sample is its class's pattern and fresh noise
 * in equal parts.  The same shape gives the same bytes everywhere. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/random.h"
#include "data/data_internal.h"

/* As many samples as fit the bytes, within the two bounds. */
enum { FEWEST = 64, MOST = 8192 };
static const int64_t TRAIN_BYTES = 32 << 20, LARGEST_IMAGE = 8 << 20;

/* What the numbers are for: streams of one key. */
enum { STREAM_LABELS = 0, STREAM_PATTERNS, STREAM_NOISE };

static void random_bytes(kerf__random r, uint64_t high, uint8_t *dst, int64_t num)
{
    for (int64_t i = 0; i < num; i += 16) {
        uint32_t block[4];
        kerf__random_block(r, high, (uint64_t)i / 16, block);
        for (int64_t k = i; k < num && k < i + 16; k++)
            dst[k] = (uint8_t)(block[(k - i) / 4] >> 8 * ((k - i) % 4));
    }
}

static kerf_status fill(kerf__samples *s, const uint8_t *patterns, int64_t sample_bytes,
                        int num_classes, kerf__random r)
{
    uint8_t *images = s->images = kerf__alloc((size_t)s->num, (size_t)sample_bytes);
    s->labels = kerf__alloc((size_t)s->num, sizeof *s->labels);
    if (images == NULL || s->labels == NULL)
        return kerf__fail_memory("data", (size_t)(s->num * sample_bytes));
    random_bytes(r, STREAM_NOISE, images, s->num * sample_bytes);
    for (int64_t i = 0; i < s->num; i++) {
        int c = (int)kerf__random_below(r, STREAM_LABELS, (uint64_t)i, (uint64_t)num_classes);
        s->labels[i] = c;
        for (int64_t k = 0; k < sample_bytes; k++) {
            uint8_t *x = &images[i * sample_bytes + k];
            *x = (uint8_t)((*x + patterns[c * sample_bytes + k]) / 2);
        }
    }
    return KERF_OK;
}

/* Four numbers of 1 or more, small enough that nothing overflows. */
static kerf_status parse_shape(const char *text, int64_t numbers[4])
{
    const char *at = text;
    for (int i = 0; i < 4; i++) {
        char *end;
        long long x = strtoll(at, &end, 10);
        if (end == at || x < 1 || x > 1 << 16 || *end != (i < 3 ? ',' : '\0'))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "data 'random:%s': must be random:C,H,W,CLASSES, each 1 to 65536",
                              text);
        numbers[i] = x;
        at = end + 1;
    }
    if (numbers[0] * numbers[1] * numbers[2] > LARGEST_IMAGE)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "data 'random:%s': an image must have at most 2^23 bytes", text);
    return KERF_OK;
}

kerf_status kerf__source_random(kerf_dataset *d, const char *rest)
{
    int64_t numbers[4];
    KERF__TRY(parse_shape(rest, numbers));
    int64_t sample_bytes = numbers[0] * numbers[1] * numbers[2], num = TRAIN_BYTES / sample_bytes;
    d->type = KERF_U8;
    d->sample = KERF_SHAPE(numbers[0], numbers[1], numbers[2]);
    d->num_classes = (int)numbers[3];
    d->default_prep = "signed";
    d->train.num = num < FEWEST ? FEWEST : num > MOST ? MOST : num;
    d->test.num = d->train.num / 4;
    uint8_t *patterns = kerf__alloc((size_t)numbers[3], (size_t)sample_bytes);
    if (patterns == NULL)
        return kerf__fail_memory("data", (size_t)(numbers[3] * sample_bytes));
    kerf__random train = kerf__random_key(0, KERF__RANDOM_DATA, 0);
    kerf__random test = kerf__random_key(0, KERF__RANDOM_DATA, 1);
    random_bytes(train, STREAM_PATTERNS, patterns, numbers[3] * sample_bytes);
    kerf_status status = fill(&d->train, patterns, sample_bytes, d->num_classes, train);
    if (status == KERF_OK)
        status = fill(&d->test, patterns, sample_bytes, d->num_classes, test);
    free(patterns);
    return status;
}
