/* test_source_files.c -- CIFAR's binary files, and arrays for training and testing in .npy and
 * .npz: small files in the exact formats, and what is refused. */
#include "base/alloc.h"
#include "data/data_internal.h"
#include "data_files.h"

enum { IMAGE = 3 * 32 * 32 };

static const char *spec(const char *kind, const char *dir, const char *rest)
{
    static char text[512];
    snprintf(text, sizeof text, "%s:%s%s", kind, dir, rest);
    return text;
}

/* ---- CIFAR ------------------------------------------------------------------------------- */

/* A record whose pixels count up from `first`; num_labels 2 puts a coarse label before. */
static void put_record(blob *b, int num_labels, int label, int first)
{
    if (num_labels == 2)
        put(b, &(unsigned char){19}, 1);
    put(b, &(unsigned char){(unsigned char)label}, 1);
    for (int i = 0; i < IMAGE; i++)
        put(b, &(unsigned char){(unsigned char)(first + i)}, 1);
}

static void save_text(const char *dir, const char *name, const char *text)
{
    blob b = {.num = 0};
    put(&b, text, strlen(text));
    save(dir, name, &b);
}

static const char *const CIFAR10_FILES[] = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
    "data_batch_5.bin", "test_batch.bin",   "batches.meta.txt"};

/* Batch k has two records, labels 2k and 2k + 1; the test batch one. */
static void save_cifar10(const char *dir)
{
    for (int k = 0; k < 5; k++) {
        blob b = {.num = 0};
        put_record(&b, 1, 2 * k, 2 * k);
        put_record(&b, 1, 2 * k + 1, 2 * k + 1);
        save(dir, CIFAR10_FILES[k], &b);
    }
    blob b = {.num = 0};
    put_record(&b, 1, 9, 99);
    save(dir, "test_batch.bin", &b);
    save_text(dir, "batches.meta.txt",
              "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
}

static void clean_cifar10(const char *dir)
{
    for (size_t i = 0; i < sizeof CIFAR10_FILES / sizeof CIFAR10_FILES[0]; i++)
        erase(dir, CIFAR10_FILES[i]);
}

static void check_cifar10(const char *dir)
{
    kerf_dataset *d;
    CHECK_OK(kerf_dataset_open(&d, spec("cifar10", dir, "")));
    if (d == NULL)
        return;
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) == 10);
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TEST) == 1);
    CHECK(kerf_shape_equal(kerf_dataset_sample_shape(d), KERF_SHAPE(3, 32, 32)));
    CHECK(kerf_dataset_num_classes(d) == 10);
    CHECK(strcmp(kerf_dataset_class_name(d, 0), "airplane") == 0);
    CHECK(strcmp(kerf_dataset_class_name(d, 9), "truck") == 0);
    for (int i = 0; i < 10; i++) {
        const uint8_t *x = (const uint8_t *)d->train.images + i * IMAGE;
        CHECK(d->train.labels[i] == i && x[0] == i && x[IMAGE - 1] == (uint8_t)(i + IMAGE - 1));
    }
    CHECK(d->test.labels[0] == 9 && ((const uint8_t *)d->test.images)[0] == 99);
    kerf_dataset_close(d);
}

static void test_cifar10(const char *dir)
{
    kerf_dataset *d;
    save_cifar10(dir);
    check_cifar10(dir);
    clean_cifar10(dir);
    char below[128]; /* as the archive unpacks */
    snprintf(below, sizeof below, "%s/cifar-10-batches-bin", dir);
    CHECK(mkdir(below, 0700) == 0);
    save_cifar10(below);
    check_cifar10(dir);
    erase(below, "batches.meta.txt"); /* works without names, and with the test split alone */
    for (int k = 0; k < 5; k++)
        erase(below, CIFAR10_FILES[k]);
    CHECK_OK(kerf_dataset_open(&d, spec("cifar10", dir, "")));
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TRAIN) == 0);
    CHECK(kerf_dataset_num_samples(d, KERF_SPLIT_TEST) == 1);
    CHECK(kerf_dataset_class_name(d, 0) == NULL);
    kerf_dataset_close(d);
    clean_cifar10(below);
    CHECK(rmdir(below) == 0);
}

static void test_cifar10_refused(const char *dir)
{
    kerf_dataset *d;
    CHECK_ERROR(KERF_ERR_FILE, "has neither data_batch_1.bin nor test_batch.bin",
                kerf_dataset_open(&d, spec("cifar10", dir, "")));
    save_cifar10(dir);
    erase(dir, "data_batch_3.bin"); /* a split is not made smaller in silence */
    CHECK_ERROR(KERF_ERR_FILE, "data_batch_3.bin", kerf_dataset_open(&d, spec("cifar10", dir, "")));
    blob b = {.num = 0};
    put_record(&b, 1, 10, 0);
    save(dir, "data_batch_3.bin", &b);
    CHECK_ERROR(KERF_ERR_FORMAT, "training sample 4 has label 10, must be 0 to 9",
                kerf_dataset_open(&d, spec("cifar10", dir, "")));
    b.num--;
    save(dir, "data_batch_3.bin", &b);
    CHECK_ERROR(KERF_ERR_FORMAT,
                "data_batch_3.bin: has 3072 bytes, must have a whole number of records of 3073",
                kerf_dataset_open(&d, spec("cifar10", dir, "")));
    b.num = 0;
    save(dir, "data_batch_3.bin", &b);
    CHECK_ERROR(KERF_ERR_FORMAT, "has 0 bytes", kerf_dataset_open(&d, spec("cifar10", dir, "")));
    save_cifar10(dir);
    save_text(dir, "batches.meta.txt", "airplane\ncat");
    CHECK_ERROR(KERF_ERR_FORMAT, "batches.meta.txt: must name 10 classes, one a line, names fewer",
                kerf_dataset_open(&d, spec("cifar10", dir, "")));
    save_text(dir, "batches.meta.txt", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n");
    CHECK_ERROR(KERF_ERR_FORMAT, "names more", kerf_dataset_open(&d, spec("cifar10", dir, "")));
    clean_cifar10(dir);
}

static void test_cifar100(const char *dir)
{
    kerf_dataset *d;
    blob b = {.num = 0}, names = {.num = 0};
    put_record(&b, 2, 99, 1);
    put_record(&b, 2, 0, 2);
    save(dir, "train.bin", &b);
    for (int i = 0; i < 100; i++) {
        char line[16];
        put(&names, line, (size_t)snprintf(line, sizeof line, "class_%d\r\n", i));
    }
    save(dir, "fine_label_names.txt", &names);
    CHECK_OK(kerf_dataset_open(&d, spec("cifar100", dir, "")));
    CHECK(kerf_dataset_num_classes(d) == 100);
    CHECK(strcmp(kerf_dataset_class_name(d, 99), "class_99") == 0);
    CHECK(d->train.num == 2 && d->test.num == 0);
    CHECK(d->train.labels[0] == 99 && d->train.labels[1] == 0); /* the fine one */
    CHECK(((const uint8_t *)d->train.images)[IMAGE] == 2);
    kerf_dataset_close(d);
    erase(dir, "train.bin");
    erase(dir, "fine_label_names.txt");
}

/* ---- NumPy ------------------------------------------------------------------------------- */

/* An array of n samples of (1, 2, 2) bytes, or n labels; all count up from `first`. */
static blob array_file(const char *dir, int n, int is_labels, int first)
{
    kerf_tensor *t;
    blob b = {.num = 0};
    kerf_shape shape = is_labels ? KERF_SHAPE(n, 1) : KERF_SHAPE(n, 1, 2, 2);
    CHECK_OK(kerf_tensor_create(&t, NULL, KERF_U8, shape));
    for (size_t i = 0; i < kerf_tensor_num_elements(t); i++)
        ((uint8_t *)kerf_tensor_data(t))[i] = (uint8_t)(first + (int)i);
    CHECK_OK(kerf_npy_write(t, path_in(dir, "scratch.npy")));
    kerf_tensor_destroy(t);
    FILE *f = fopen(path_in(dir, "scratch.npy"), "rb");
    if (f == NULL)
        abort();
    b.num = fread(b.bytes, 1, sizeof b.bytes, f);
    fclose(f);
    erase(dir, "scratch.npy");
    return b;
}

static void put_u16_little(blob *b, unsigned x)
{
    put(b, (unsigned char[2]){(unsigned char)x, (unsigned char)(x >> 8)}, 2);
}

static void put_u32_little(blob *b, uint32_t x)
{
    put_u16_little(b, x & 0xffff);
    put_u16_little(b, x >> 16);
}

/* A zip of stored files: local heads, then the directory. */
static blob zip_of(const char *const *names, const blob *files, int num)
{
    blob b = {.num = 0};
    uint32_t offsets[8], start;
    for (int pass = 0; pass < 2; pass++) {
        start = (uint32_t)b.num;
        for (int i = 0; i < num; i++) {
            uint32_t sum = (uint32_t)crc32(0, files[i].bytes, (unsigned)files[i].num);
            if (pass == 0)
                offsets[i] = (uint32_t)b.num;
            put(&b, pass == 0 ? "PK\3\4\24\0" : "PK\1\2\24\0\24\0", pass == 0 ? 6 : 8);
            put(&b, "\0\0\0\0\0\0\0\0", 8); /* flags, method, time, date */
            put_u32_little(&b, sum);
            put_u32_little(&b, (uint32_t)files[i].num);
            put_u32_little(&b, (uint32_t)files[i].num);
            put_u16_little(&b, (unsigned)strlen(names[i]));
            put(&b, "\0\0\0\0\0\0\0\0\0\0\0\0", pass == 0 ? 2 : 12);
            if (pass == 1)
                put_u32_little(&b, offsets[i]);
            put(&b, names[i], strlen(names[i]));
            if (pass == 0)
                put(&b, files[i].bytes, files[i].num);
        }
    }
    uint32_t bytes = (uint32_t)b.num - start;
    put(&b, "PK\5\6\0\0\0\0", 8);
    put_u16_little(&b, (unsigned)num);
    put_u16_little(&b, (unsigned)num);
    put_u32_little(&b, bytes);
    put_u32_little(&b, start);
    put_u16_little(&b, 0);
    return b;
}

static void check_arrays(const char *text)
{
    kerf_dataset *d;
    CHECK_OK(kerf_dataset_open(&d, text));
    if (d == NULL)
        return;
    CHECK(d->train.num == 3 && d->test.num == 2 && kerf_dataset_num_classes(d) == 8);
    CHECK(kerf_shape_equal(kerf_dataset_sample_shape(d), KERF_SHAPE(1, 2, 2)));
    CHECK(((uint8_t *)d->train.images)[11] == 11 && ((uint8_t *)d->test.images)[0] == 50);
    CHECK(d->train.labels[2] == 7 && d->test.labels[1] == 3);
    kerf_dataset_close(d);
}

/* The labels of the archive stand before the images. */
static void test_npz(const char *dir)
{
    static const char *const NAMES[] = {"y_train.npy", "x_train.npy", "y_test.npy", "x_test.npy",
                                        "note.npy"};
    static const char *const TWICE[] = {"x.npy", "x_train.npy"};
    kerf_dataset *d;
    blob files[] = {array_file(dir, 3, 1, 5), array_file(dir, 3, 0, 0), array_file(dir, 2, 1, 2),
                    array_file(dir, 2, 0, 50), array_file(dir, 1, 1, 0)};
    blob all = zip_of(NAMES, files, 5);
    save(dir, "all.npz", &all);
    check_arrays(spec("npz", dir, "/all.npz"));
    all = zip_of(NAMES, files, 1);
    save(dir, "all.npz", &all);
    CHECK_ERROR(KERF_ERR_FORMAT, "must hold x and y, or x_train, y_train, x_test and y_test",
                kerf_dataset_open(&d, spec("npz", dir, "/all.npz")));
    all = zip_of(TWICE, (blob[]){files[1], files[1]}, 2);
    save(dir, "all.npz", &all);
    CHECK_ERROR(KERF_ERR_FORMAT, "has 'x_train' twice",
                kerf_dataset_open(&d, spec("npz", dir, "/all.npz")));
    all = zip_of((const char *const[]){"x.npy", "y.npy"}, (blob[]){files[1], files[2]}, 2);
    save(dir, "all.npz", &all);
    CHECK_ERROR(KERF_ERR_SHAPE, "is uint8 (2, 1), must be int64, int32 or uint8 (3)",
                kerf_dataset_open(&d, spec("npz", dir, "/all.npz")));
    all = zip_of((const char *const[]){"x.npy"}, &files[1], 1);
    save(dir, "all.npz", &all);
    CHECK_OK(kerf_dataset_open(&d, spec("npz", dir, "/all.npz"))); /* unlabelled */
    CHECK(kerf_dataset_num_classes(d) == 0 && d->train.num == 3);
    kerf_dataset_close(d);
    erase(dir, "all.npz");
}

static void test_npy_test_split(const char *dir)
{
    static const char *const NAMES[] = {"x.npy", "y.npy", "xt.npy", "yt.npy"};
    char text[512];
    kerf_dataset *d;
    blob files[] = {array_file(dir, 3, 0, 0), array_file(dir, 3, 1, 5), array_file(dir, 2, 0, 50),
                    array_file(dir, 2, 1, 2)};
    for (int i = 0; i < 4; i++)
        save(dir, NAMES[i], &files[i]);
    snprintf(text, sizeof text, "npy:%s/x.npy,%s/y.npy,%s/xt.npy,%s/yt.npy", dir, dir, dir, dir);
    check_arrays(text);
    *strrchr(text, ',') = '\0';
    CHECK_ERROR(KERF_ERR_ARGUMENT, "must be npy:X.npy[,Y.npy[,XTEST.npy,YTEST.npy]]",
                kerf_dataset_open(&d, text));
    snprintf(text, sizeof text, "npy:%s/x.npy,%s/y.npy,%s/yt.npy,%s/yt.npy", dir, dir, dir, dir);
    CHECK_ERROR(KERF_ERR_SHAPE, "a sample is uint8 (1, 1, 1), must be uint8 (1, 2, 2)",
                kerf_dataset_open(&d, text));
    CHECK_ERROR(KERF_ERR_ARGUMENT, "must be npy:", kerf_dataset_open(&d, "npy:a,b,c,d,e"));
    for (int i = 0; i < 4; i++)
        erase(dir, NAMES[i]);
}

/* ---- without memory -------------------------------------------------------------------------- */

static void fail_everywhere(const char *text)
{
    kerf_status status = KERF_ERR_MEMORY;
    int n = 0;
    while (status != KERF_OK && n < 200) {
        kerf_dataset *d;
        kerf__alloc_fail_at(++n);
        status = kerf_dataset_open(&d, text);
        kerf__alloc_fail_at(0);
        CHECK(status == KERF_OK || status == KERF_ERR_MEMORY);
        kerf_dataset_close(d);
    }
    CHECK(n > 5 && n < 200);
}

static void test_no_memory(const char *dir)
{
    save_cifar10(dir);
    fail_everywhere(spec("cifar10", dir, ""));
    clean_cifar10(dir);
    blob files[] = {array_file(dir, 3, 0, 0), array_file(dir, 3, 1, 5)};
    blob all = zip_of((const char *const[]){"x.npy", "y.npy"}, files, 2);
    save(dir, "all.npz", &all);
    fail_everywhere(spec("npz", dir, "/all.npz"));
    erase(dir, "all.npz");
}

int main(void)
{
    const char *dir = make_folder();
    test_cifar10(dir);
    test_cifar10_refused(dir);
    test_cifar100(dir);
    test_npz(dir);
    test_npy_test_split(dir);
    test_no_memory(dir);
    CHECK(rmdir(dir) == 0);
    return check_result();
}
