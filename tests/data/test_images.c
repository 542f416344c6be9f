/* test_images.c -- pictures: decoding, colours, sizes, folders of images, and what augmentation
 * does.  The bytes of resized pictures are Pillow's (13.0, BILINEAR), as hashes. */
#include "base/alloc.h"
#include "data/data_internal.h"
#include "data_files.h"

/* ---- files -------------------------------------------------------------------------------- */

/* Pixel (y, x, c) of the pictures here; hashes below are of this formula. */
static uint8_t pixel(int y, int x, int c)
{
    return (uint8_t)(x * 7 + y * 31 + c * 57 + x * y * 3);
}

static blob ppm(int width, int height)
{
    blob b = {.num = 0};
    char head[32];
    put(&b, head, (size_t)snprintf(head, sizeof head, "P6\n%d %d\n255\n", width, height));
    for (int i = 0; i < width * height * 3; i++)
        put(&b, &(uint8_t){pixel(i / 3 / width, i / 3 % width, i % 3)}, 1);
    return b;
}

static void put_chunk(blob *b, const char *type, const blob *content)
{
    put_u32_big(b, (uint32_t)content->num);
    size_t from = b->num;
    put(b, type, 4);
    put(b, content->bytes, content->num);
    put_u32_big(b, (uint32_t)crc32(0, b->bytes + from, (unsigned)(b->num - from)));
}

/* RGBA; what is transparent keeps its colour. */
static blob png(int width, int height)
{
    blob b = {.num = 0}, head = {.num = 0}, rows = {.num = 0};
    for (int y = 0; y < height; y++) {
        put(&rows, "\0", 1);
        for (int x = 0; x < width; x++)
            put(&rows, (uint8_t[4]){pixel(y, x, 0), pixel(y, x, 1), pixel(y, x, 2), 0}, 4);
    }
    put_u32_big(&head, (uint32_t)width);
    put_u32_big(&head, (uint32_t)height);
    put(&head, "\x08\x06\0\0\0", 5);
    rows = packed(&rows, 15);
    put(&b, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(&b, "IHDR", &head);
    put_chunk(&b, "IDAT", &rows);
    put_chunk(&b, "IEND", &(blob){.num = 0});
    return b;
}

/* 16 x 8: (200, 100, 50) left, (20, 60, 220) right; made by Pillow. */
static const uint8_t JPEG[] = {
    255, 216, 255, 224, 0,   16,  74, 70, 73, 70, 0,  1,  1,  0,  0,  1,  0,  1,  0,  0,  255, 219,
    0,   67,  0,   3,   2,   2,   3,  2,  2,  3,  3,  3,  3,  4,  3,  3,  4,  5,  8,  5,  5,   4,
    4,   5,   10,  7,   7,   6,   8,  12, 10, 12, 12, 11, 10, 11, 11, 13, 14, 18, 16, 13, 14,  17,
    14,  11,  11,  16,  22,  16,  17, 19, 20, 21, 21, 21, 12, 15, 23, 24, 22, 20, 24, 18, 20,  21,
    20,  255, 219, 0,   67,  1,   3,  4,  4,  5,  4,  5,  9,  5,  5,  9,  20, 13, 11, 13, 20,  20,
    20,  20,  20,  20,  20,  20,  20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20,  20,
    20,  20,  20,  20,  20,  20,  20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20,  20,
    20,  20,  20,  20,  255, 192, 0,  17, 8,  0,  8,  0,  16, 3,  1,  17, 0,  2,  17, 1,  3,   17,
    1,   255, 196, 0,   21,  0,   1,  1,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,   0,
    4,   8,   255, 196, 0,   20,  16, 1,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,   0,
    0,   0,   255, 196, 0,   22,  1,  1,  1,  1,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,   0,
    0,   8,   7,   9,   255, 196, 0,  20, 17, 1,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,   0,
    0,   0,   0,   0,   255, 218, 0,  12, 3,  1,  0,  2,  17, 3,  17, 0,  63, 0,  34, 30, 72,  38,
    86,  172, 2,   239, 255, 217};

static void check_pixels(const blob *b, int width, int height)
{
    kerf__picture p;
    int num_wrong = 0;
    CHECK_OK(kerf__picture_parse(&p, "x", b->bytes, b->num));
    CHECK(p.channels == 3 && p.height == height && p.width == width);
    for (int i = 0; p.own != NULL && i < 3 * height * width; i++)
        num_wrong +=
            p.own[i] != pixel(i % (height * width) / width, i % width, i / (height * width));
    CHECK(num_wrong == 0);
    kerf__picture_free(&p);
}

static void test_decode(void)
{
    kerf__picture p;
    blob b = ppm(5, 3);
    check_pixels(&b, 5, 3);
    b = png(6, 4);
    check_pixels(&b, 6, 4);
    CHECK_OK(kerf__picture_parse(&p, "x", JPEG, sizeof JPEG));
    CHECK(p.channels == 3 && p.height == 8 && p.width == 16);
    static const uint8_t WANT[2][3] = {{200, 100, 50}, {20, 60, 220}};
    for (int side = 0; side < 2; side++)
        for (int c = 0; c < 3; c++)
            CHECK(abs(p.own[c * 128 + 4 * 16 + (side ? 12 : 2)] - WANT[side][c]) <= 2);
    kerf__picture_free(&p);
    blob gray = {.num = 0}; /* one channel becomes three */
    put(&gray, "P5\n2 1\n255\n\1\2", 13);
    CHECK_OK(kerf__picture_parse(&p, "x", gray.bytes, gray.num));
    CHECK(p.channels == 3 && memcmp(p.own, "\1\2\1\2\1\2", 6) == 0);
    kerf__picture_free(&p);
}

static void test_decode_refused(void)
{
    kerf__picture p;
    blob b = png(6, 4);
    CHECK_ERROR(KERF_ERR_FORMAT, "cat.png: is no whole PNG, JPEG or PPM image",
                kerf__picture_parse(&p, "cat.png", b.bytes, b.num - 30));
    CHECK(p.own == NULL);
    CHECK_STATUS(KERF_ERR_FORMAT, kerf__picture_parse(&p, "x", "", 0));
    CHECK_STATUS(KERF_ERR_FORMAT, kerf__picture_parse(&p, "x", "GIF89a\1\0\1\0\0\0\0", 13));
    CHECK_STATUS(KERF_ERR_FORMAT, kerf__picture_parse(&p, "x", "P6\n99999 9\n255\n", 15));
    CHECK_ERROR(KERF_ERR_FORMAT, "x: has 16 bits a number, a PPM image must have 8",
                kerf__picture_parse(&p, "x", "P5\n2 2\n257\n12345678", 19));
    CHECK_ERROR(KERF_ERR_FORMAT, "x: a number in its head has more than 9 digits",
                kerf__picture_parse(&p, "x", "P6\n#1\n2 2222222222\n255\n", 24));
    CHECK_ERROR(KERF_ERR_FORMAT, "is an image of 16000 x 16000, must have sides of 1 to 16384",
                kerf__picture_parse(&p, "x", "P6\n16000 16000\n255\n", 19));
    for (size_t num = 0; num < sizeof JPEG; num += 7) /* cut anywhere */
        CHECK_STATUS(KERF_ERR_FORMAT, kerf__picture_parse(&p, "x", JPEG, num));
    b = ppm(5, 3);
    CHECK_ERROR(KERF_ERR_FORMAT, "its end is missing",
                kerf__picture_parse(&p, "x", b.bytes, b.num / 2));
}

/* ---- sizes -------------------------------------------------------------------------------- */

static uint64_t hash(const uint8_t *bytes, size_t num)
{
    uint64_t h = 1;
    for (size_t i = 0; i < num; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

static kerf__picture make_picture(int width, int height)
{
    uint8_t *planes = malloc((size_t)(3 * width * height));
    for (int i = 0; i < 3 * width * height; i++)
        planes[i] = pixel(i % (width * height) / width, i % width, i / (width * height));
    return (kerf__picture){planes, planes, 3, height, width};
}

static void test_resize(void)
{
    static const struct {
        int width, height, to_width, to_height;
        uint64_t hash;
    } CASES[] = {
        {13, 9, 5, 4, 0x05f0f5ac13bb4fe1u},   {13, 9, 20, 17, 0x2d953564f73f13d1u},
        {13, 9, 13, 5, 0xf8a4bb881992ab31u},  {13, 9, 4, 9, 0x63c3290b8229aa76u},
        {64, 48, 7, 48, 0xcedef2e25345ed1du}, {300, 200, 33, 22, 0xff5e8d671b27c4e9u},
        {2, 2, 1, 1, 0xb694e300679bf480u},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        kerf__picture p = make_picture(CASES[i].width, CASES[i].height);
        CHECK_OK(kerf__picture_resize(&p, CASES[i].to_height, CASES[i].to_width));
        CHECK(p.width == CASES[i].to_width && p.height == CASES[i].to_height);
        CHECK(hash(p.planes, (size_t)(3 * p.width * p.height)) == CASES[i].hash);
        kerf__picture_free(&p);
    }
}

static kerf_prep prep_of(const char *text)
{
    kerf_prep prep;
    CHECK_OK(kerf_prep_parse(&prep, text));
    return prep;
}

/* A picture through a whole preparation, as kerf_input_read does it; freed by the caller. */
static kerf_tensor *prepared(const char *dir, const blob *file, const char *text)
{
    kerf_tensor *t;
    kerf_prep prep = prep_of(text);
    save(dir, "x.img", file);
    CHECK_OK(kerf_input_read(&t, path_in(dir, "x.img"), &prep));
    erase(dir, "x.img");
    return t;
}

static uint64_t hash_floats(kerf_tensor *t)
{
    const float *x = kerf_tensor_data(t);
    uint64_t h = 1;
    for (size_t i = 0; i < kerf_tensor_num_elements(t); i++)
        h = (h ^ (uint8_t)x[i]) * 0x100000001b3u;
    return h;
}

/* Shorter side to 24, the middle 16 x 16: Pillow's crop at (10, 4) of 36 x 24. */
static void test_prepared(const char *dir)
{
    static kerf__picture p;
    blob b = ppm(45, 30); /* as 300 x 200, but it fits a blob */
    kerf_tensor *t = prepared(dir, &b, "resize=24,crop=16,raw");
    CHECK(kerf_shape_equal(kerf_tensor_shape(t), KERF_SHAPE(1, 3, 16, 16)));
    p = make_picture(45, 30);
    CHECK_OK(kerf__picture_resize(&p, 24, 36));
    const float *x = kerf_tensor_data(t);
    for (int i = 0; i < 3 * 256; i++)
        CHECK(x[i] == (float)p.own[(i / 256) * 36 * 24 + (4 + i % 256 / 16) * 36 + 10 + i % 16]);
    kerf__picture_free(&p);
    kerf_tensor_destroy(t);
    b = ppm(13, 9);
    t = prepared(dir, &b, "crop=6,raw"); /* round(3.5) and round(1.5) of Python: 4 and 2 */
    CHECK(((float *)kerf_tensor_data(t))[0] == (float)pixel(2, 4, 0));
    kerf_tensor_destroy(t);
    t = prepared(dir, &b, "gray,raw");
    CHECK(kerf_shape_equal(kerf_tensor_shape(t), KERF_SHAPE(1, 1, 9, 13)));
    CHECK(hash_floats(t) == 0x8fb97b015082ba1fu); /* Pillow's mode L */
    kerf_tensor_destroy(t);
    t = prepared(dir, &b, "bgr,layout=nhwc,scale=2,mean=1:2:3,std=4:5:6");
    CHECK(kerf_shape_equal(kerf_tensor_shape(t), KERF_SHAPE(1, 9, 13, 3)));
    x = kerf_tensor_data(t);
    for (int c = 0; c < 3; c++) /* mean and std in the network's order */
        CHECK(x[(2 * 13 + 5) * 3 + c] ==
              ((float)pixel(2, 5, 2 - c) * 2 - (float)(1 + c)) / (float)(4 + c));
    kerf_tensor_destroy(t);
}

static void test_input(const char *dir)
{
    kerf_tensor *t;
    kerf_prep prep = prep_of("crop=14,raw");
    blob b = ppm(13, 9);
    save(dir, "x.img", &b);
    CHECK_ERROR(KERF_ERR_ARGUMENT, "must be said by --prep",
                kerf_input_read(&t, path_in(dir, "x.img"), NULL));
    CHECK(t == NULL);
    CHECK_ERROR(KERF_ERR_SHAPE, "x.img: is 13 x 9 (width x height), smaller than crop=14x14",
                kerf_input_read(&t, path_in(dir, "x.img"), &prep));
    prep = prep_of("mean=1:2,raw");
    CHECK_ERROR(KERF_ERR_ARGUMENT, "prep: has no mean or std for channel 2 of 3",
                kerf_input_read(&t, path_in(dir, "x.img"), &prep));
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SHAPE(2, 3)));
    CHECK_OK(kerf_npy_write(t, path_in(dir, "x.img")));
    kerf_tensor_destroy(t);
    CHECK_OK(kerf_input_read(&t, path_in(dir, "x.img"), NULL)); /* by content, not by name */
    CHECK(kerf_shape_equal(kerf_tensor_shape(t), KERF_SHAPE(2, 3)));
    kerf_tensor_destroy(t);
    erase(dir, "x.img");
}

/* ---- folders ------------------------------------------------------------------------------ */

static void make_class(const char *dir, const char *name, const char *const *files, int width)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    CHECK(mkdir(path, 0700) == 0);
    blob b = ppm(width, 4);
    for (int i = 0; files[i] != NULL; i++)
        save(path, files[i], &b);
}

static void remove_tree(const char *dir)
{
    char command[300];
    snprintf(command, sizeof command, "rm -r '%s'/*", dir);
    CHECK(system(command) == 0);
}

static const char *spec_of(const char *dir)
{
    static char spec[128];
    snprintf(spec, sizeof spec, "images:%s", dir);
    return spec;
}

static void test_classes(const char *dir)
{
    kerf_dataset *d;
    make_class(dir, "zebra", (const char *[]){"b.ppm", "a.PPM", "note.txt", NULL}, 6);
    make_class(dir, "ant", (const char *[]){"c.jpg", NULL}, 6); /* by content */
    CHECK_OK(kerf_dataset_open(&d, spec_of(dir)));
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) == 3);
    CHECK(kerf_dataset_num_classes(d) == 2);
    CHECK(strcmp(kerf_dataset_class_name(d, 0), "ant") == 0);
    CHECK(strcmp(kerf_dataset_class_name(d, 1), "zebra") == 0);
    CHECK(d->train.labels[0] == 0 && d->train.labels[1] == 1 && d->train.labels[2] == 1);
    CHECK(strstr(d->train.paths[1], "zebra/a.PPM") != NULL);
    CHECK(kerf_shape_equal(kerf_dataset_sample_shape(d), KERF_SHAPE(3, 4, 6)));
    kerf_dataset_close(d);
    remove_tree(dir);
}

static void test_splits(const char *dir)
{
    char train[128], val[128], test[128];
    kerf_dataset *d;
    snprintf(train, sizeof train, "%s/train", dir);
    snprintf(val, sizeof val, "%s/val", dir);
    snprintf(test, sizeof test, "%s/test", dir);
    CHECK(mkdir(train, 0700) == 0 && mkdir(val, 0700) == 0 && mkdir(test, 0700) == 0);
    make_class(train, "a", (const char *[]){"1.ppm", "2.ppm", NULL}, 6);
    make_class(train, "b", (const char *[]){"1.ppm", NULL}, 6);
    make_class(val, "b", (const char *[]){"1.ppm", NULL}, 6);
    make_class(test, "b", (const char *[]){"1.ppm", "2.ppm", NULL}, 6);
    CHECK_OK(kerf_dataset_open(&d, spec_of(dir)));
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) == 3);
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_VAL) == 1);
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TEST) == 2);
    int64_t place;
    CHECK(kerf__dataset_locate(d, KERF_SPLIT_VAL, 0, &place) == &d->train && place == 3);
    CHECK(d->train.labels[3] == 1 && d->test.labels[0] == 1);
    CHECK_ERROR(KERF_ERR_ARGUMENT, "has 1 validation samples of its own",
                kerf_dataset_hold_back(d, 1, 1));
    CHECK_OK(kerf_dataset_hold_back(d, 0, 1));
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_VAL) == 1);
    kerf_dataset_close(d);
    make_class(test, "c", (const char *[]){"1.ppm", NULL}, 6);
    CHECK_ERROR(KERF_ERR_FORMAT, "class c is none of the 2", kerf_dataset_open(&d, spec_of(dir)));
    remove_tree(test);
    CHECK_ERROR(KERF_ERR_FORMAT, "has no class folders", kerf_dataset_open(&d, spec_of(dir)));
    remove_tree(dir);
    CHECK_ERROR(KERF_ERR_FILE, "holds no images", kerf_dataset_open(&d, spec_of(dir)));
    CHECK_ERROR(KERF_ERR_FILE, "cannot be opened as a folder",
                kerf_dataset_open(&d, "images:/no/such"));
}

/* Flat, with one file that is larger and one that is broken: each is named when its turn comes,
 * and the loader goes on after it. */
static void test_lazy(const char *dir)
{
    kerf_dataset *d;
    kerf_loader *l;
    kerf_batch batch;
    blob small = ppm(6, 4), large = ppm(8, 4), broken = ppm(6, 4);
    broken.num = 20;
    save(dir, "1.ppm", &small);
    save(dir, "2.ppm", &large);
    save(dir, "3.ppm", &broken);
    save(dir, "4.ppm", &small);
    CHECK_OK(kerf_dataset_open(&d, spec_of(dir)));
    CHECK(kerf_dataset_num_classes(d) == 0 && d->train.labels == NULL);
    kerf_loader_options o = {.batch = 1, .prep = prep_of("raw")};
    CHECK_OK(kerf_loader_create(&l, d, &o));
    CHECK_OK(kerf_loader_begin(l, 0, 0));
    CHECK_OK(kerf_loader_next(l, &batch));
    CHECK(batch.num_samples == 1 && batch.labels == NULL && batch.images[1] == pixel(0, 1, 0));
    kerf_loader_release(l, &batch);
    CHECK_ERROR(KERF_ERR_SHAPE, "2.ppm: is 8 x 4 (width x height)", kerf_loader_next(l, &batch));
    CHECK_ERROR(KERF_ERR_FORMAT, "3.ppm: is no whole PNG, JPEG or PPM",
                kerf_loader_next(l, &batch));
    CHECK_OK(kerf_loader_next(l, &batch));
    CHECK(batch.num_samples == 1);
    kerf_loader_release(l, &batch);
    CHECK_OK(kerf_loader_next(l, &batch));
    CHECK(batch.num_samples == 0);
    kerf_loader_destroy(l);
    o.prep = prep_of("resize=3x2,raw"); /* makes all alike */
    CHECK_OK(kerf_loader_create(&l, d, &o));
    CHECK(kerf_shape_equal(kerf_loader_sample_shape(l), KERF_SHAPE(3, 2, 3)));
    CHECK_OK(kerf_loader_begin(l, 0, 1));
    CHECK_OK(kerf_loader_next(l, &batch));
    CHECK(batch.num_samples == 1);
    kerf_loader_destroy(l);
    kerf_dataset_close(d);
    remove_tree(dir);
}

static void test_no_memory(const char *dir)
{
    kerf_status status = KERF_ERR_MEMORY;
    kerf_prep prep = prep_of("resize=3x2,bgr,raw");
    make_class(dir, "a", (const char *[]){"1.ppm", "2.ppm", NULL}, 6);
    for (int n = 1; status != KERF_OK && n < 200; n++) {
        kerf_dataset *d;
        kerf__alloc_fail_at(n);
        status = kerf_dataset_open(&d, spec_of(dir));
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        kerf_dataset_close(d);
    }
    status = KERF_ERR_MEMORY;
    for (int n = 1; status != KERF_OK && n < 200; n++) {
        kerf_tensor *t;
        kerf__alloc_fail_at(n);
        status = kerf_input_read(&t, path_in(dir, "a/1.ppm"), &prep);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        kerf_tensor_destroy(t);
    }
    remove_tree(dir);
}

/* ---- augmentation --------------------------------------------------------------------------- */

static void test_augment_text(void)
{
    kerf_augment a;
    CHECK_OK(kerf_augment_parse(&a, "flip,crop=4"));
    CHECK(a.flip && a.crop == 4);
    CHECK_OK(kerf_augment_parse(&a, "crop=1"));
    CHECK(!a.flip && a.crop == 1);
    static const char *const BAD[] = {"",      "flips",   "crop",    "crop=",  "crop=0",
                                      "flip,", "crop=-1", "crop=4x", "flip=1", "crop=2000"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        CHECK_ERROR(KERF_ERR_ARGUMENT, "must be flip, crop=PIXELS", kerf_augment_parse(&a, BAD[i]));
    CHECK(a.crop == 1);
}

enum { SIDE = 7, AREA = SIDE * SIDE, SAMPLES = 200 };

/* Which of all possible changes made `got` of `src`: flip, down, right; -1: none of them. */
static int find_change(const uint8_t *src, const float *got)
{
    for (int n = 0; n < 2 * 5 * 5; n++) {
        int flip = n / 25, down = n / 5 % 5 - 2, right = n % 5 - 2, same = 1;
        for (int i = 0; same && i < AREA; i++) {
            int x = flip ? SIDE - 1 - i % SIDE : i % SIDE;
            int sy = i / SIDE + down, sx = x + right;
            int inside = sy >= 0 && sy < SIDE && sx >= 0 && sx < SIDE;
            same = got[i] == (float)(inside ? src[sy * SIDE + sx] : 0);
        }
        if (same)
            return n;
    }
    return -1;
}

/* The changes of an epoch by sample, whatever order and batch they came in. */
static void take_changes(const kerf_dataset *d, int shuffle, int64_t batch, int64_t epoch,
                         int changes[SAMPLES])
{
    kerf_loader *l;
    kerf_batch b;
    kerf_loader_options o = {.batch = batch,
                             .shuffle = shuffle,
                             .keep_rest = 1,
                             .seed = 9,
                             .prep = prep_of("raw"),
                             .augment = {.flip = 1, .crop = 2}};
    CHECK_OK(kerf_loader_create(&l, d, &o));
    CHECK_OK(kerf_loader_begin(l, epoch, 0));
    for (;;) {
        CHECK_OK(kerf_loader_next(l, &b));
        if (b.num_samples == 0)
            break;
        for (int64_t i = 0; i < b.num_samples; i++) {
            const int k = b.labels[i]; /* the sample's number */
            changes[k] =
                find_change((const uint8_t *)d->train.images + k * AREA, b.images + i * AREA);
        }
        kerf_loader_release(l, &b);
    }
    kerf_loader_destroy(l);
}

static void test_augment(void)
{
    uint8_t *images = malloc(SAMPLES * AREA);
    int32_t labels[SAMPLES];
    int a[SAMPLES], b[SAMPLES], seen[50] = {0}, num_flips = 0, num_same = 0;
    for (int i = 0; i < SAMPLES * AREA; i++)
        images[i] = (uint8_t)(i * 37 + i / AREA * 11 + 1 + i % 13 * 5);
    for (int i = 0; i < SAMPLES; i++)
        labels[i] = i;
    const kerf_dataset d = {.spec = (char[]){"made here"},
                            .type = KERF_U8,
                            .sample = KERF_SHAPE(1, SIDE, SIDE),
                            .sample_bytes = AREA,
                            .num_classes = SAMPLES,
                            .train = {.images = images, .labels = labels, .num = SAMPLES}};
    take_changes(&d, 0, 64, 3, a);
    take_changes(&d, 1, 7, 3, b); /* another order and batch: the same changes */
    CHECK(memcmp(a, b, sizeof a) == 0);
    take_changes(&d, 1, 7, 4, b); /* another epoch: others */
    for (int i = 0; i < SAMPLES; i++) {
        CHECK(a[i] >= 0 && b[i] >= 0);
        num_flips += a[i] >= 25;
        num_same += a[i] == b[i];
        if (a[i] >= 0)
            seen[a[i]]++;
    }
    CHECK(num_flips > SAMPLES * 2 / 5 && num_flips < SAMPLES * 3 / 5);
    CHECK(num_same < SAMPLES / 10);
    int num_seen = 0;
    for (int i = 0; i < 50; i++)
        num_seen += seen[i] > 0;
    CHECK(num_seen > 40); /* of 50 */
    free(images);
}

int main(void)
{
    const char *dir = make_folder();
    test_decode();
    test_decode_refused();
    test_resize();
    test_prepared(dir);
    test_input(dir);
    test_classes(dir);
    test_splits(dir);
    test_lazy(dir);
    test_no_memory(dir);
    test_augment_text();
    test_augment();
    CHECK(rmdir(dir) == 0);
    return check_result();
}
