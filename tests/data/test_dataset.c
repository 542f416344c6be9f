/* test_dataset.c -- data sets from every source, their splits, and what is refused. */
#include "base/alloc.h"
#include "data/data_internal.h"
#include "data_files.h"

enum { TRAIN = 12, TEST = 4, AREA = 6 };

/* A folder with 12 and 4 images of 2 x 3; sample i has label i % 3, its first byte is i. */
static void save_split(const char *dir, const char *split, uint32_t num, int packed_too)
{
    blob images = idx_head(3, num, 2, 3), labels = idx_head(1, num, 0, 0);
    char name[64];
    for (uint32_t i = 0; i < num; i++) {
        put(&images, (unsigned char[AREA]){(unsigned char)i, 1, 2, 3, 4, 255}, AREA);
        put(&labels, &(unsigned char){(unsigned char)(i % 3)}, 1);
    }
    if (packed_too)
        images = packed(&images, 31);
    snprintf(name, sizeof name, "%s-images-idx3-ubyte%s", split, packed_too ? ".gz" : "");
    save(dir, name, &images);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", split);
    save(dir, name, &labels);
}

static void clean(const char *dir)
{
    static const char *const NAMES[] = {"train-images-idx3-ubyte",
                                        "train-images-idx3-ubyte.gz",
                                        "train-labels-idx1-ubyte",
                                        "t10k-images-idx3-ubyte",
                                        "t10k-images-idx3-ubyte.gz",
                                        "t10k-labels-idx1-ubyte",
                                        "x.npy",
                                        "y.npy"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        erase(dir, NAMES[i]);
}

static const char *spec_of(const char *dir)
{
    static char spec[128];
    snprintf(spec, sizeof spec, "idx:%s", dir);
    return spec;
}

static void test_folder(const char *dir)
{
    kerf_dataset *d;
    save_split(dir, "train", TRAIN, 1);
    save_split(dir, "t10k", TEST, 0);
    CHECK_OK(kerf_dataset_open(&d, spec_of(dir)));
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) == TRAIN);
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TEST) == TEST);
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_VAL) == 0);
    CHECK(kerf_shape_equal(kerf_dataset_sample_shape(d), KERF_SHAPE(1, 2, 3)));
    CHECK(kerf_dataset_num_classes(d) == 3 && kerf_dataset_class_name(d, 0) == NULL);
    CHECK(strcmp(kerf_dataset_default_prep(d), "unit") == 0);
    CHECK_OK(kerf_dataset_check_labels(d, 3));
    CHECK_ERROR(KERF_ERR_FORMAT, "training sample 2 has label 2, must be 0 to 1",
                kerf_dataset_check_labels(d, 2));
    kerf_dataset_close(d);
    kerf_dataset_close(NULL);
    clean(dir);
    save_split(dir, "t10k", TEST, 0); /* one split alone */
    CHECK_OK(kerf_dataset_open(&d, spec_of(dir)));
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) == 0);
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TEST) == TEST);
    kerf_dataset_close(d);
    clean(dir);
}

static void test_folder_refused(const char *dir)
{
    kerf_dataset *d = (kerf_dataset *)dir;
    CHECK_ERROR(KERF_ERR_FILE, "has neither train-images-idx3-ubyte nor",
                kerf_dataset_open(&d, spec_of(dir)));
    CHECK(d == NULL);
    save_split(dir, "train", TRAIN, 0);
    erase(dir, "train-labels-idx1-ubyte");
    CHECK_ERROR(KERF_ERR_FILE, "has train-images-idx3-ubyte but no train-labels-idx1-ubyte",
                kerf_dataset_open(&d, spec_of(dir)));
    blob labels = idx_head(1, 2, 0, 0);
    put(&labels, "\0\1", 2);
    save(dir, "train-labels-idx1-ubyte", &labels);
    CHECK_ERROR(KERF_ERR_FORMAT, "has 12 train images but 2 labels, must be equal",
                kerf_dataset_open(&d, spec_of(dir)));
    save_split(dir, "train", TRAIN, 0);
    save_split(dir, "t10k", TEST, 0);
    labels = idx_head(1, TEST, 0, 0);
    put(&labels, "\0\1\2\3", 4);
    save(dir, "t10k-labels-idx1-ubyte", &labels);
    CHECK_ERROR(KERF_ERR_FORMAT, "test sample 3 has label 3, must be 0 to 2",
                kerf_dataset_open(&d, spec_of(dir)));
    blob images = idx_head(3, TEST, 3, 2);
    put(&images, (unsigned char[TEST * AREA]){0}, TEST * AREA);
    save(dir, "t10k-images-idx3-ubyte", &images);
    CHECK_ERROR(KERF_ERR_FORMAT, "t10k images are 3 x 2, must be 2 x 3 like the others",
                kerf_dataset_open(&d, spec_of(dir)));
    clean(dir);
}

static void test_fashion(const char *dir)
{
    kerf_dataset *d;
    setenv("KERF_DATA_DIR", dir, 1);
    CHECK_ERROR(KERF_ERR_FILE, "which holds neither the IDX files",
                kerf_dataset_open(&d, "fashion-mnist"));
    save_split(dir, "train", TRAIN, 0);
    CHECK_OK(kerf_dataset_open(&d, "fashion-mnist"));
    CHECK(kerf_dataset_num_classes(d) == 10);
    CHECK(strcmp(kerf_dataset_class_name(d, 0), "T-shirt/top") == 0);
    CHECK(strcmp(kerf_dataset_class_name(d, 9), "Ankle boot") == 0);
    CHECK(kerf_dataset_class_name(d, 10) == NULL && kerf_dataset_class_name(d, -1) == NULL);
    kerf_dataset_close(d);
    blob labels = idx_head(1, TRAIN, 0, 0);
    put(&labels, "\0\1\2\3\4\5\6\7\10\11\12\1", TRAIN);
    save(dir, "train-labels-idx1-ubyte", &labels);
    CHECK_ERROR(KERF_ERR_FORMAT,
                "data 'fashion-mnist': training sample 10 has label 10, must be 0 to 9",
                kerf_dataset_open(&d, "fashion-mnist"));
    clean(dir);
    /* One folder down, as the distribution has it. */
    char below[128];
    snprintf(below, sizeof below, "%s/fashion-mnist", dir);
    CHECK(mkdir(below, 0700) == 0);
    save_split(below, "t10k", TEST, 1);
    CHECK_OK(kerf_dataset_open(&d, "fashion-mnist"));
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TEST) == TEST);
    kerf_dataset_close(d);
    clean(below);
    CHECK(rmdir(below) == 0);
    unsetenv("KERF_DATA_DIR");
}

static void write_npy(const char *path, kerf_type type, kerf_shape shape, const void *items)
{
    kerf_tensor *t;
    CHECK_OK(kerf_tensor_create(&t, NULL, type, shape));
    CHECK_OK(kerf_tensor_write(t, items));
    CHECK_OK(kerf_npy_write(t, path));
    kerf_tensor_destroy(t);
}

static void test_npy(const char *dir)
{
    const float x[12] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
    const int64_t y[2] = {4, 0}, bad[2] = {0, -1};
    char both[256], alone[128];
    kerf_dataset *d;
    snprintf(both, sizeof both, "npy:%s/x.npy,%s/y.npy", dir, dir);
    snprintf(alone, sizeof alone, "npy:%s/x.npy", dir);
    write_npy(path_in(dir, "x.npy"), KERF_F32, KERF_SHAPE(2, 1, 2, 3), x);
    write_npy(path_in(dir, "y.npy"), KERF_S64, KERF_SHAPE(2), y);
    CHECK_OK(kerf_dataset_open(&d, both));
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) == 2 && kerf_dataset_num_classes(d) == 5);
    CHECK(kerf_shape_equal(kerf_dataset_sample_shape(d), KERF_SHAPE(1, 2, 3)));
    CHECK(strcmp(kerf_dataset_default_prep(d), "raw") == 0);
    kerf_dataset_close(d);
    CHECK_OK(kerf_dataset_open(&d, alone));
    CHECK(kerf_dataset_num_classes(d) == 0);
    kerf_dataset_close(d);
    write_npy(path_in(dir, "y.npy"), KERF_S64, KERF_SHAPE(2), bad);
    CHECK_ERROR(KERF_ERR_FORMAT, "y.npy: sample 1 has label -1", kerf_dataset_open(&d, both));
    write_npy(path_in(dir, "y.npy"), KERF_F32, KERF_SHAPE(2), x);
    CHECK_ERROR(KERF_ERR_SHAPE, "is float32 (2), must be int64, int32 or uint8 (2)",
                kerf_dataset_open(&d, both));
    write_npy(path_in(dir, "x.npy"), KERF_U8, KERF_SHAPE(6, 8), x);
    CHECK_OK(kerf_dataset_open(&d, alone));
    CHECK(kerf_shape_equal(kerf_dataset_sample_shape(d), KERF_SHAPE(8, 1, 1)));
    CHECK(strcmp(kerf_dataset_default_prep(d), "unit") == 0);
    kerf_dataset_close(d);
    write_npy(path_in(dir, "x.npy"), KERF_U8, KERF_SHAPE(4, 3, 4), x);
    CHECK_OK(kerf_dataset_open(&d, alone));
    CHECK(kerf_shape_equal(kerf_dataset_sample_shape(d), KERF_SHAPE(1, 3, 4)));
    kerf_dataset_close(d);
    write_npy(path_in(dir, "x.npy"), KERF_S32, KERF_SHAPE(3, 4), x);
    CHECK_ERROR(KERF_ERR_SHAPE, "has 2 dimensions of int32", kerf_dataset_open(&d, alone));
    write_npy(path_in(dir, "x.npy"), KERF_U8, KERF_SHAPE(0, 4), x);
    CHECK_ERROR(KERF_ERR_SHAPE, "is empty", kerf_dataset_open(&d, alone));
    clean(dir);
}

/* A class's samples resemble each other more than another's, so they can be told apart. */
static void test_random(void)
{
    kerf_dataset *d, *again;
    CHECK_OK(kerf_dataset_open(&d, "random:2,5,7,3"));
    CHECK_OK(kerf_dataset_open(&again, "random:2,5,7,3"));
    CHECK(kerf_shape_equal(kerf_dataset_sample_shape(d), KERF_SHAPE(2, 5, 7)));
    CHECK(kerf_dataset_num_classes(d) == 3 && d->train.num == 8192 && d->test.num == 2048);
    CHECK(memcmp(d->train.images, again->train.images, 8192 * 70) == 0);
    CHECK(memcmp(d->train.labels, again->train.labels, 8192 * sizeof(int32_t)) == 0);
    CHECK(memcmp(d->train.images, d->test.images, 2048 * 70) != 0);
    double mean[3][70] = {{0}};
    int num[3] = {0}, right = 0;
    const uint8_t *x = d->train.images;
    for (int i = 0; i < 8192; i++) {
        int c = d->train.labels[i];
        num[c]++;
        for (int k = 0; k < 70; k++)
            mean[c][k] += x[i * 70 + k];
    }
    x = d->test.images;
    for (int i = 0; i < 2048; i++) {
        double best = INFINITY;
        int nearest = 0;
        for (int c = 0; c < 3; c++) {
            double distance = 0;
            for (int k = 0; k < 70; k++)
                distance += pow(mean[c][k] / num[c] - x[i * 70 + k], 2);
            if (distance < best) {
                best = distance;
                nearest = c;
            }
        }
        right += nearest == d->test.labels[i];
    }
    CHECK(num[0] > 2500 && num[1] > 2500 && num[2] > 2500);
    CHECK(right > 2000);
    kerf_dataset_close(d);
    kerf_dataset_close(again);
    CHECK_OK(kerf_dataset_open(&d, "random:3,256,256,2")); /* fewer where they are large */
    CHECK(d->train.num == (32 << 20) / (3 << 16));
    kerf_dataset_close(d);
    static const char *const BAD[] = {"random:",        "random:1,2,3",      "random:1,2,3,4,5",
                                      "random:0,1,1,2", "random:1,1,1,-2",   "random:1,1,1,2x",
                                      "random:a,b,c,d", "random:1,99999,1,2"};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++)
        CHECK_ERROR(KERF_ERR_ARGUMENT, "must be random:C,H,W,CLASSES",
                    kerf_dataset_open(&d, BAD[i]));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "an image must have at most 2^23 bytes",
                kerf_dataset_open(&d, "random:65536,65536,65536,2"));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "data 'cifar11': must be fashion-mnist, idx:DIR",
                kerf_dataset_open(&d, "cifar11"));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_dataset_open(&d, "fashion-mnist2"));
}

/* Every sample is in one part, the parts depend on the seed, and giving back works. */
static void test_hold_back(void)
{
    kerf_dataset *d;
    int64_t first[8192], place;
    CHECK_OK(kerf_dataset_open(&d, "random:1,1,1,2"));
    for (int seed = 1; seed <= 2; seed++) {
        char seen[8192] = {0};
        int num = 0;
        CHECK_OK(kerf_dataset_hold_back(d, 1000, (uint64_t)seed));
        CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) == 7192);
        CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_VAL) == 1000);
        for (int i = 0; i < 8192; i++) {
            kerf_split split = i < 7192 ? KERF_SPLIT_TRAIN : KERF_SPLIT_VAL;
            CHECK(kerf__dataset_locate(d, split, i < 7192 ? i : i - 7192, &place) == &d->train);
            num += !seen[place];
            seen[place] = 1;
            CHECK(i == 0 || i == 7192 || d->order[i] > d->order[i - 1]); /* parts ascend */
            if (seed == 1)
                first[i] = place;
        }
        CHECK(num == 8192);
        CHECK((memcmp(first, d->order, sizeof first) == 0) == (seed == 1));
    }
    CHECK_OK(kerf_dataset_hold_back(d, 1000, 1));
    CHECK(memcmp(first, d->order, sizeof first) == 0);
    CHECK_OK(kerf_dataset_hold_back(d, 0, 1));
    for (int i = 0; i < 8192; i++)
        CHECK(kerf__dataset_locate(d, KERF_SPLIT_TRAIN, i, &place) == &d->train && place == i);
    CHECK_ERROR(KERF_ERR_ARGUMENT, "cannot hold back 8192 of 8192 training samples",
                kerf_dataset_hold_back(d, 8192, 1));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_dataset_hold_back(d, -1, 1));
    kerf_dataset_close(d);
}

static void test_no_memory(const char *dir, const char *spec)
{
    kerf_status status = KERF_ERR_MEMORY;
    int n = 0;
    save_split(dir, "train", TRAIN, 1);
    save_split(dir, "t10k", TEST, 0);
    while (status != KERF_OK && n < 200) {
        kerf_dataset *d;
        kerf__alloc_fail_at(++n);
        status = kerf_dataset_open(&d, spec);
        if (status == KERF_OK)
            status = kerf_dataset_hold_back(d, 3, 1);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        kerf_dataset_close(d);
    }
    CHECK(n > 5 && n < 200);
    clean(dir);
}

int main(void)
{
    const char *dir = make_folder();
    test_folder(dir);
    test_folder_refused(dir);
    test_fashion(dir);
    test_npy(dir);
    test_random();
    test_hold_back();
    test_no_memory(dir, spec_of(dir));
    test_no_memory(dir, "random:1,1,1,2");
    setenv("KERF_DATA_DIR", dir, 1);
    test_no_memory(dir, "fashion-mnist");
    CHECK(rmdir(dir) == 0);
    return check_result();
}
