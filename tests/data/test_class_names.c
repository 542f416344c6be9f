/* A file of class names decides the numbers of classes, and what is wrong with one is told. */
#include "data/data_internal.h"
#include "data_files.h"

static char dir[] = "/tmp/kerf_class_names_XXXXXX";

static const char *write_names(const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/names.txt", dir);
    FILE *file = fopen(path, "w");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
        abort();
    return path;
}

/* Makes all folders on the way: "data/ant". */
static void add_image(const char *folder, const char *file_name)
{
    char path[256];
    blob b = {.num = 0};
    put(&b, "P6\n2 1\n255\n\1\2\3\4\5\6", 17);
    snprintf(path, sizeof path, "%s/%s/", dir, folder);
    for (char *at = path + strlen(dir) + 1; (at = strchr(at, '/')) != NULL; *at++ = '/') {
        *at = '\0';
        mkdir(path, 0700);
    }
    save(path, file_name, &b);
}

static kerf_dataset *open_folder(const char *folder)
{
    char spec[128];
    kerf_dataset *d;
    snprintf(spec, sizeof spec, "images:%s/%s", dir, folder);
    CHECK_OK(kerf_dataset_open(&d, spec));
    if (d == NULL)
        exit(check_result());
    return d;
}

static void test_folders(void)
{
    kerf_dataset *d = open_folder("data"); /* ant, cat, n01 */
    CHECK_OK(
        kerf_dataset_set_classes(d, write_names("cat\r\n\nn01 tench, Tinca tinca\nowl\nant\n")));
    CHECK(kerf_dataset_num_classes(d) == 4);
    CHECK(strcmp(kerf_dataset_class_name(d, 1), "n01 tench, Tinca tinca") == 0);
    CHECK(strcmp(kerf_dataset_class_name(d, 3), "ant") == 0);
    CHECK(d->train.num == 4); /* ant, ant, cat, n01 */
    CHECK(d->train.labels[0] == 3 && d->train.labels[1] == 3 && d->train.labels[2] == 0 &&
          d->train.labels[3] == 1);
    /* And once more, from these names: a whole line counts before a first word. */
    CHECK_OK(kerf_dataset_set_classes(
        d, write_names("ant hill\nant\nowl\ncat\nn01 tench, Tinca tinca\n")));
    CHECK(d->train.labels[0] == 1 && d->train.labels[2] == 3 && d->train.labels[3] == 4);
    kerf_dataset_close(d);
}

/* Both splits get the new numbers. */
static void test_splits(void)
{
    kerf_dataset *d = open_folder("split"); /* ant and cat; in the test split cat alone */
    CHECK_OK(kerf_dataset_set_classes(d, write_names("owl\nant\ncat\n")));
    CHECK(d->train.num == 2 && d->train.labels[0] == 1 && d->train.labels[1] == 2);
    CHECK(d->test.num == 1 && d->test.labels[0] == 2);
    kerf_dataset_close(d);
}

static void check_refused(kerf_dataset *d, const char *names, const char *message)
{
    const char *path = write_names(names);
    CHECK(kerf_dataset_set_classes(d, path) != KERF_OK);
    if (strstr(kerf_last_error(), message) == NULL) {
        printf("got '%s', must hold '%s'\n", kerf_last_error(), message);
        check_failures++;
    }
    CHECK(kerf_dataset_num_classes(d) == 3 && d->train.labels[2] == 1); /* as it was */
}

static void test_refused(void)
{
    kerf_dataset *d = open_folder("data");
    check_refused(d, "ant\ncat\n", "names.txt: has no line for class 'n01' of the data");
    check_refused(d, "ant\nant\ncat\n", "names.txt: names class 'ant' twice");
    check_refused(d, "", "has no line for class 'ant' of the data");
    CHECK_STATUS(KERF_ERR_FILE, kerf_dataset_set_classes(d, "/nowhere/names.txt"));
    kerf_dataset_close(d);
}

/* Numbers without names keep their numbers. */
static void test_numbers(void)
{
    kerf_dataset *d;
    CHECK_OK(kerf_dataset_open(&d, "random:1,4,4,3"));
    const int32_t first = d->train.labels[0];
    CHECK(kerf_dataset_set_classes(d, write_names("a\nb\n")) == KERF_ERR_FORMAT);
    CHECK(strstr(kerf_last_error(), "names.txt: names 2 classes, the data has 3") != NULL);
    CHECK_OK(kerf_dataset_set_classes(d, write_names("a\nb\nc d\ne")));
    CHECK(kerf_dataset_num_classes(d) == 4 && d->train.labels[0] == first);
    CHECK(strcmp(kerf_dataset_class_name(d, 2), "c d") == 0);
    kerf_dataset_close(d);
}

int main(void)
{
    char path[128];
    if (mkdtemp(dir) == NULL)
        return 1;
    add_image("data/n01", "1.ppm");
    add_image("data/cat", "1.ppm");
    add_image("data/ant", "1.ppm");
    add_image("data/ant", "2.ppm");
    add_image("split/train/ant", "1.ppm");
    add_image("split/train/cat", "1.ppm");
    add_image("split/test/cat", "1.ppm");
    test_folders();
    test_splits();
    test_refused();
    test_numbers();
    snprintf(path, sizeof path, "rm -r '%s'", dir);
    CHECK(system(path) == 0);
    return check_result();
}
