/* test_loader.c -- batches: what is in them, in which order, and taking up in the middle. */
#include "base/alloc.h"
#include "data/data_internal.h"
#include "data_files.h"

static kerf_prep prep_of(const char *text)
{
    kerf_prep prep;
    CHECK_OK(kerf_prep_parse(&prep, text));
    return prep;
}

/* Takes whole epochs from a batch on; hashes are compared instead of the floats. */
static uint64_t hash_batch(uint64_t h, const kerf_batch *b, size_t sample_floats)
{
    const unsigned char *bytes = (const unsigned char *)b->images;
    size_t num = (size_t)b->num_samples * sample_floats * sizeof(float);
    for (size_t i = 0; i < num; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    for (int64_t i = 0; i < b->num_samples; i++)
        h = (h ^ (uint64_t)b->labels[i]) * 0x100000001b3u;
    return h;
}

enum { MAX_BATCHES = 128 };

static int64_t take_epoch(kerf_loader *l, int64_t epoch, int64_t first, size_t sample_floats,
                          uint64_t hashes[MAX_BATCHES])
{
    kerf_batch b;
    int64_t num = 0;
    CHECK_OK(kerf_loader_begin(l, epoch, first));
    for (;;) {
        CHECK_OK(kerf_loader_next(l, &b));
        if (b.num_samples == 0)
            return num;
        hashes[num++] = hash_batch(1, &b, sample_floats);
        kerf_loader_release(l, &b);
    }
}

static const kerf_loader_options SHUFFLED = {
    .split = KERF_SPLIT_TRAIN, .batch = 128, .shuffle = 1, .seed = 5};

static void test_order(const kerf_dataset *d)
{
    kerf_loader_options o = SHUFFLED;
    o.prep = prep_of("unit");
    uint64_t a[MAX_BATCHES], b[MAX_BATCHES];
    kerf_loader *l, *other;
    CHECK_OK(kerf_loader_create(&l, d, &o));
    CHECK_OK(kerf_loader_create(&other, d, &o));
    CHECK(kerf_loader_num_batches(l) == 64);
    CHECK(take_epoch(l, 0, 0, 12, a) == 64);
    CHECK(take_epoch(other, 0, 0, 12, b) == 64);
    CHECK(memcmp(a, b, 64 * sizeof *a) == 0); /* seed and epoch decide, nothing else */
    CHECK(take_epoch(other, 1, 0, 12, b) == 64);
    CHECK(a[0] != b[0] && a[63] != b[63]);
    CHECK(take_epoch(l, 1, 40, 12, a) == 24); /* taken up in the middle */
    CHECK(memcmp(a, b + 40, 24 * sizeof *a) == 0);
    CHECK(take_epoch(l, 1, 64, 12, a) == 0);
    kerf_loader_destroy(other);
    o.seed = 6;
    CHECK_OK(kerf_loader_create(&other, d, &o));
    CHECK(take_epoch(l, 0, 0, 12, a) == 64);
    CHECK(take_epoch(other, 0, 0, 12, b) == 64);
    CHECK(a[0] != b[0]);
    kerf_loader_destroy(other);
    kerf_loader_destroy(l);
    kerf_loader_destroy(NULL);
}

/* Every sample of a split once, with its own label, prepared as the formula says. */
static void test_content(const kerf_dataset *d, int shuffle, int64_t batch)
{
    kerf_loader_options o = {.split = KERF_SPLIT_TEST,
                             .batch = batch,
                             .shuffle = shuffle,
                             .keep_rest = 1,
                             .prep = prep_of("scale=1/255,mean=0.1:0.2:0.3,std=0.5:0.6:0.7")};
    kerf_loader *l;
    kerf_batch b;
    const uint8_t *images = d->test.images;
    char seen[2048] = {0};
    int64_t num = 0, in_order = 0;
    CHECK_OK(kerf_loader_create(&l, d, &o));
    CHECK(kerf_loader_num_batches(l) == (2048 + batch - 1) / batch);
    CHECK_OK(kerf_loader_begin(l, 3, 0));
    for (;;) {
        CHECK_OK(kerf_loader_next(l, &b));
        if (b.num_samples == 0)
            break;
        for (int64_t i = 0; i < b.num_samples; i++, num++) {
            float want[12];
            int64_t found = -1;
            for (int64_t k = num; found < 0 && k < num + 2048; k++) {
                int64_t at = k % 2048;
                for (int j = 0; j < 12; j++)
                    want[j] = ((float)images[at * 12 + j] * (1.0f / 255.0f) - o.prep.mean[j / 4]) /
                              o.prep.std[j / 4];
                if (memcmp(want, b.images + i * 12, sizeof want) == 0)
                    found = at;
            }
            CHECK(found >= 0 && !seen[found] && b.labels[i] == d->test.labels[found]);
            if (found < 0)
                continue;
            seen[found] = 1;
            in_order += found == num;
        }
        kerf_loader_release(l, &b);
    }
    CHECK(num == 2048 && (in_order == 2048) == !shuffle);
    kerf_loader_destroy(l);
}

/* Rows of each batch, cut anywhere, are those of the whole batch, the last included. */
static void test_rows(const kerf_dataset *d)
{
    enum { BATCH = 300, CUT = 217, LAST = 2048 - 6 * BATCH };
    kerf_loader_options o = {
        .split = KERF_SPLIT_TEST, .batch = BATCH, .shuffle = 1, .keep_rest = 1};
    o.prep = prep_of("raw");
    kerf_loader *l[3];
    kerf_batch b[3];
    CHECK_OK(kerf_loader_create(&l[0], d, &o));
    o.num_rows = CUT;
    CHECK_OK(kerf_loader_create(&l[1], d, &o));
    o.first_row = CUT;
    o.num_rows = 0;
    CHECK_OK(kerf_loader_create(&l[2], d, &o));
    for (int i = 0; i < 3; i++)
        CHECK_OK(kerf_loader_begin(l[i], 1, 2));
    for (int64_t num = 2; num < 7; num++) {
        for (int i = 0; i < 3; i++)
            CHECK_OK(kerf_loader_next(l[i], &b[i]));
        const size_t first = (size_t)b[1].num_samples, second = (size_t)b[2].num_samples;
        CHECK(first == CUT && second == (size_t)(num < 6 ? BATCH : LAST) - CUT);
        CHECK(b[0].num_samples == (int64_t)(first + second));
        CHECK(memcmp(b[0].samples, b[1].samples, first * sizeof *b[0].samples) == 0);
        CHECK(memcmp(b[0].samples + first, b[2].samples, second * sizeof *b[0].samples) == 0);
        CHECK(memcmp(b[0].labels + first, b[2].labels, second * sizeof *b[0].labels) == 0);
        CHECK(memcmp(b[0].images + first * 12, b[2].images, second * 12 * sizeof(float)) == 0);
        for (int i = 0; i < 3; i++)
            kerf_loader_release(l[i], &b[i]);
    }
    for (int i = 0; i < 3; i++) {
        CHECK_OK(kerf_loader_next(l[i], &b[i]));
        CHECK(b[i].num_samples == 0);
        kerf_loader_destroy(l[i]);
    }
    o.first_row = BATCH;
    CHECK_ERROR(KERF_ERR_ARGUMENT, "0 rows from 300 on, must lie in a batch of 300",
                kerf_loader_create(&l[0], d, &o));
    o.first_row = CUT;
    o.num_rows = BATCH;
    CHECK_ERROR(KERF_ERR_ARGUMENT, "300 rows from 217 on", kerf_loader_create(&l[0], d, &o));
}

/* Four batches may be out; the fifth call says so instead of waiting for ever. */
static void test_out(const kerf_dataset *d)
{
    kerf_loader_options o = SHUFFLED;
    o.prep = prep_of("raw");
    kerf_loader *l;
    kerf_batch b[5];
    uint64_t hashes[4], all[MAX_BATCHES];
    CHECK_OK(kerf_loader_create(&l, d, &o));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "begin an epoch before", kerf_loader_next(l, &b[0]));
    CHECK(take_epoch(l, 0, 0, 12, all) == 64);
    CHECK_OK(kerf_loader_begin(l, 0, 0));
    for (int i = 0; i < 4; i++) {
        CHECK_OK(kerf_loader_next(l, &b[i]));
        hashes[i] = hash_batch(1, &b[i], 12);
    }
    CHECK(memcmp(hashes, all, sizeof hashes) == 0);
    CHECK_ERROR(KERF_ERR_ARGUMENT, "4 batches are out", kerf_loader_next(l, &b[4]));
    CHECK(b[4].num_samples == 0);
    kerf_loader_release(l, &b[4]); /* nothing came, nothing goes */
    /* A new epoch while three are still in use, as after the last step of an epoch. */
    kerf_loader_release(l, &b[0]);
    CHECK_OK(kerf_loader_begin(l, 0, 7));
    CHECK_OK(kerf_loader_next(l, &b[0]));
    CHECK(hash_batch(1, &b[0], 12) == all[7]);
    for (int i = 1; i < 4; i++)
        CHECK(hash_batch(1, &b[i], 12) == all[i]);
    for (int i = 1; i < 4; i++)
        kerf_loader_release(l, &b[i]);
    CHECK_OK(kerf_loader_next(l, &b[1]));
    CHECK(hash_batch(1, &b[1], 12) == all[8]);
    kerf_loader_destroy(l); /* with batches out and others in the making */
}

/* Beginning again and again catches the thread in every state; samples are large, so that
 * most of the time it is filling. */
static void test_begin_often(void)
{
    enum { LOOKED_AT = 1, NUM_BATCHES = 16 }; /* floats a sample: labels tell batches apart */
    kerf_dataset *d;
    kerf_loader_options o = SHUFFLED;
    o.prep = prep_of("raw");
    o.batch = 512;
    kerf_loader *l;
    uint64_t all[MAX_BATCHES];
    CHECK_OK(kerf_dataset_open(&d, "random:1,64,64,10"));
    CHECK_OK(kerf_loader_create(&l, d, &o));
    CHECK(take_epoch(l, 2, 0, LOOKED_AT, all) == NUM_BATCHES);
    for (int i = 0; i < 60; i++) {
        kerf_batch b;
        CHECK_OK(kerf_loader_begin(l, 2, i % 12));
        for (int k = 0; k < i % 4; k++) {
            CHECK_OK(kerf_loader_next(l, &b));
            CHECK(hash_batch(1, &b, LOOKED_AT) == all[i % 12 + k]);
            kerf_loader_release(l, &b);
        }
    }
    kerf_loader_destroy(l);
    kerf_dataset_close(d);
}

static void test_refused(kerf_dataset *d)
{
    kerf_loader *l;
    kerf_loader_options o = SHUFFLED;
    o.prep = prep_of("raw");
    o.split = KERF_SPLIT_VAL;
    CHECK_ERROR(KERF_ERR_ARGUMENT, "has no validation samples", kerf_loader_create(&l, d, &o));
    CHECK(l == NULL);
    o.split = KERF_SPLIT_TRAIN;
    o.batch = 0;
    CHECK_ERROR(KERF_ERR_ARGUMENT, "batch of 0, must be 1 to the 8192 training samples",
                kerf_loader_create(&l, d, &o));
    o.batch = 8193;
    CHECK_ERROR(KERF_ERR_ARGUMENT, "batch of 8193", kerf_loader_create(&l, d, &o));
    o.keep_rest = 1;
    CHECK_OK(kerf_loader_create(&l, d, &o)); /* one batch with what there is */
    CHECK(kerf_loader_num_batches(l) == 1);
    CHECK_ERROR(KERF_ERR_ARGUMENT, "batch 2 of epoch 0, must be 0 to 1",
                kerf_loader_begin(l, 0, 2));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_loader_begin(l, -1, 0));
    kerf_loader_destroy(l);
    o.prep = prep_of("mean=1:2");
    CHECK_ERROR(KERF_ERR_ARGUMENT, "prep: has no mean or std for channel 2 of 3",
                kerf_loader_create(&l, d, &o));
}

static void test_no_memory(const kerf_dataset *d)
{
    kerf_status status = KERF_ERR_MEMORY;
    int n = 0;
    kerf_loader_options o = SHUFFLED;
    o.prep = prep_of("raw");
    while (status != KERF_OK && n < 100) {
        kerf_loader *l;
        kerf__alloc_fail_at(++n);
        status = kerf_loader_create(&l, d, &o);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        kerf_loader_destroy(l);
    }
    CHECK(n > 10 && n < 100);
}

static void test_prep(void)
{
    kerf_prep p = prep_of("scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225");
    CHECK(p.scale == (float)(1.0 / 255) && p.mean[1] == 0.456f && p.std[2] == 0.225f);
    CHECK(isnan(p.mean[3]) && isnan(p.std[3]));
    p = prep_of("std=2,scale=0.5");
    CHECK(p.scale == 0.5f && p.std[0] == 2 && p.std[3] == 2 && p.mean[0] == 0);
    p = prep_of("unit");
    CHECK(p.scale == (float)(1.0 / 255) && p.mean[0] == 0 && p.std[0] == 1);
    p = prep_of("signed");
    CHECK(p.mean[3] == 0.5f && p.std[3] == 0.5f);
    p = prep_of("raw");
    CHECK(p.scale == 1 && p.resize_width == 0 && p.crop_height == 0 && !p.channels_last);
    p = prep_of("imagenet,layout=nhwc"); /* a name in a list */
    CHECK(p.scale == (float)(1.0 / 255) && p.mean[2] == 0.406f && p.colors == KERF_COLORS_RGB);
    CHECK(p.resize_width == 256 && p.resize_height == 256 && p.resize_shorter);
    CHECK(p.crop_width == 224 && p.crop_height == 224 && p.channels_last);
    p = prep_of("resize=320x240,crop=300x200,gray,raw");
    CHECK(p.resize_width == 320 && p.resize_height == 240 && !p.resize_shorter);
    CHECK(p.crop_width == 300 && p.crop_height == 200 && p.colors == KERF_COLORS_GRAY);
    static const char *const BAD[] = {
        "scale=0",        "",          "scale",  "scale=",  "scale=x",     "scale=1/0",
        "mean=1:2:3:4:5", "std=0",     "std=-1", "std=nan", "scale=1,",    "scale=1;mean=2",
        "resize=0",       "units",     "=1",     "std=1:0", "scale=1e99",  "resize=2x",
        "crop=99999",     "layout=nc", "grey",   "bgrx",    "layout=nchwx"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        CHECK_ERROR(KERF_ERR_ARGUMENT, "must be imagenet, unit, signed, raw or like",
                    kerf_prep_parse(&p, BAD[i]));
    CHECK(p.scale == 1 && p.std[0] == 1 && p.resize_width == 320); /* untouched by failures */
}

/* Floats pass through the same formula, and a set without labels gives none. */
static void test_floats(void)
{
    const char *dir = make_folder();
    char spec[128];
    kerf_tensor *t;
    kerf_dataset *d;
    kerf_loader *l;
    kerf_batch b;
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SHAPE(5, 2, 1, 1)));
    for (int i = 0; i < 10; i++)
        ((float *)kerf_tensor_data(t))[i] = (float)i * 0.25f;
    CHECK_OK(kerf_npy_write(t, path_in(dir, "x.npy")));
    snprintf(spec, sizeof spec, "npy:%s/x.npy", dir);
    CHECK_OK(kerf_dataset_open(&d, spec));
    kerf_loader_options o = {
        .batch = 2, .keep_rest = 1, .prep = prep_of("scale=2,mean=1:0,std=4:8")};
    CHECK_OK(kerf_loader_create(&l, d, &o));
    CHECK_OK(kerf_loader_begin(l, 0, 0));
    for (int i = 0; i < 3; i++) {
        CHECK_OK(kerf_loader_next(l, &b));
        CHECK(b.num_samples == (i < 2 ? 2 : 1) && b.labels == NULL);
        for (int64_t k = 0; k < 2 * b.num_samples; k++) {
            float x = (float)(4 * i + k) * 0.25f;
            CHECK(b.images[k] == (k % 2 == 0 ? (x * 2 - 1) / 4 : x * 2 / 8));
        }
        kerf_loader_release(l, &b);
    }
    kerf_loader_destroy(l);
    kerf_dataset_close(d);
    kerf_tensor_destroy(t);
    erase(dir, "x.npy");
    CHECK(rmdir(dir) == 0);
}

int main(void)
{
    kerf_dataset *d;
    test_prep();
    CHECK_OK(kerf_dataset_open(&d, "random:3,2,2,10"));
    test_order(d);
    test_content(d, 0, 100);
    test_content(d, 1, 2048);
    test_rows(d);
    test_out(d);
    test_begin_often();
    test_refused(d);
    test_no_memory(d);
    CHECK_OK(kerf_dataset_hold_back(d, 100, 1));
    kerf_dataset_close(d);
    test_floats();
    return check_result();
}
