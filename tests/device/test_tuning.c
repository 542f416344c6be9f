/* test_tuning.c -- the store of measured choices: kept, merged, and never trusted. */
#include "check.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "device/device_internal.h"
#include "device/tuning.h"

static char folder[256], path[512];

static void expect(kerf_device *dev, const char *which, const char *want)
{
    const char *got = kerf__tuning_find(dev, which);
    int same = want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0;
    if (!same)
        printf("%s is %s, must be %s\n", which, got ? got : "unset", want ? want : "unset");
    CHECK(same);
}

static void test_kept_and_merged(void)
{
    kerf_device *a = check_open_device(), *b = check_open_device();
    expect(a, "m=64", NULL);
    CHECK_OK(kerf__tuning_set(a, "m=64", "gemm_wide/8x2", 0.25));
    CHECK_OK(kerf__tuning_set(a, "m=64", "gemm_wide/6x2", 0.125));
    expect(a, "m=64", "gemm_wide/6x2");
    CHECK_OK(kerf__tuning_save(a));
    expect(b, "m=64", "gemm_wide/6x2");
    CHECK_OK(kerf__tuning_set(b, "m=1", "gemm_simt", 1));
    CHECK_OK(kerf__tuning_save(b));
    /* a has not seen m=1, and must not lose it. */
    CHECK_OK(kerf__tuning_set(a, "m=64", "gemm_wide/4x4", 0.1));
    CHECK_OK(kerf__tuning_save(a));
    kerf_device_close(a);
    kerf_device_close(b);
    kerf_device *c = check_open_device();
    expect(c, "m=64", "gemm_wide/4x4");
    expect(c, "m=1", "gemm_simt");
    snprintf(path, sizeof path, "%s/tuning/%s.txt", folder, kerf_device_get_info(c)->id);
    kerf_device_close(c);
}

/* The file cut after every byte: a whole line counts, a cut one does not. */
static void test_cut(void)
{
    char *bytes = NULL;
    size_t num_bytes = 0;
    CHECK_OK(kerf__file_read(path, 0, (void **)&bytes, &num_bytes));
    const size_t first = (size_t)(strchr(bytes, '\n') + 1 - bytes);
    for (size_t cut = 0; cut < num_bytes; cut += cut < first ? 7 : 1) {
        size_t whole = 0; /* bytes in whole lines */
        for (size_t i = 0; i < cut; i++)
            whole = bytes[i] == '\n' ? i + 1 : whole;
        CHECK_OK(kerf__file_write(path, bytes, cut));
        kerf_device *dev = check_open_device();
        expect(dev, "m=64", whole > first ? "gemm_wide/4x4" : NULL);
        expect(dev, "m=1", NULL); /* the last line, which is cut always */
        kerf_device_close(dev);
    }
    CHECK_OK(kerf__file_write(path, bytes, num_bytes));
    free(bytes);
}

/* As if freshly opened. */
static void read_again(kerf_device *dev)
{
    kerf__tuning_close(dev);
}

/* Each bit of the file turned over: what is found then is what was saved, or nothing. */
static void test_turned_over(void)
{
    char *good = NULL, *bytes;
    size_t num_bytes = 0;
    int num_found = 0;
    kerf_device *dev = check_open_device();
    CHECK_OK(kerf__file_read(path, 0, (void **)&good, &num_bytes));
    bytes = malloc(num_bytes + 1);
    setenv("KERF_CACHE_DIR", "", 1); /* no file but these bytes */
    for (size_t i = 0; i < 8 * num_bytes; i++) {
        memcpy(bytes, good, num_bytes + 1);
        bytes[i / 8] ^= (char)(1 << i % 8);
        read_again(dev);
        kerf__tuning_parse(dev, bytes, num_bytes);
        const char *a = kerf__tuning_find(dev, "m=64"), *b = kerf__tuning_find(dev, "m=1");
        CHECK(a == NULL || strcmp(a, "gemm_wide/4x4") == 0);
        CHECK(b == NULL || strcmp(b, "gemm_simt") == 0);
        CHECK(a == NULL || b == NULL); /* the one that was touched is gone */
        CHECK(kerf__tuning_find(dev, "m=65") == NULL && kerf__tuning_find(dev, "m=0") == NULL);
        num_found += a != NULL || b != NULL;
    }
    CHECK(num_found > (int)num_bytes); /* damage to one line leaves the other */
    setenv("KERF_CACHE_DIR", folder, 1);
    free(bytes);
    free(good);
    kerf_device_close(dev);
}

/* Lines of no form, and lines that nobody has measured, between two good ones. */
static void test_edited(void)
{
    char text[2048], *bytes = NULL;
    size_t num_bytes = 0;
    CHECK_OK(kerf__file_read(path, 0, (void **)&bytes, &num_bytes));
    char *first = strchr(bytes, '\n') + 1, *second = strchr(first, '\n') + 1;
    snprintf(
        text, sizeof text,
        "%.*snonsense\n\t\t\na\tb\n\nc\td\tnan\ne\tf\t-1\ng\th\t1\t0123456789abcdef\n\t\t\t\n%s",
        (int)(second - bytes), bytes, second);
    CHECK_OK(kerf__file_write(path, text, strlen(text)));
    kerf_device *dev = check_open_device();
    const char *const bad[] = {"nonsense", "a", "c", "e", "g", ""};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(dev, bad[i], NULL);
    expect(dev, "m=64", "gemm_wide/4x4");
    expect(dev, "m=1", "gemm_simt");
    free(bytes);
    kerf_device_close(dev);
}

/* Its lines under the first line of another device or version. */
static void test_foreign(void)
{
    kerf_device *dev = check_open_device(), *other = check_open_device();
    char *bytes = NULL, *copy = NULL;
    size_t num_bytes = 0;
    CHECK_OK(kerf__file_read(path, 0, (void **)&bytes, &num_bytes));
    CHECK_OK(kerf__file_read(path, 0, (void **)&copy, &num_bytes));
    char *id = strstr(copy, other->info.id);
    id[0] = other->info.id[0] = id[0] == '0' ? '1' : '0';
    setenv("KERF_CACHE_DIR", "", 1);
    kerf__tuning_parse(dev, copy, num_bytes); /* another device's whole file */
    expect(dev, "m=64", NULL);
    free(copy);
    CHECK_OK(kerf__file_read(path, 0, (void **)&copy, &num_bytes));
    id = strstr(copy, dev->info.id);
    id[0] = other->info.id[0];
    kerf__tuning_parse(other, copy, num_bytes); /* our lines below its first line */
    expect(other, "m=64", NULL);
    kerf__tuning_parse(dev, bytes, num_bytes);
    expect(dev, "m=64", "gemm_wide/4x4");
    read_again(dev);
    free(bytes);
    CHECK_OK(kerf__file_read(path, 0, (void **)&bytes, &num_bytes));
    strstr(bytes, kerf_version())[0] = '9';
    kerf__tuning_parse(dev, bytes, num_bytes);
    expect(dev, "m=64", NULL);
    setenv("KERF_CACHE_DIR", folder, 1);
    free(bytes);
    free(copy);
    kerf_device_close(dev);
    kerf_device_close(other);
}

/* A folder in its place, or a link to nowhere: nothing is found, and saving says so. */
static void test_unreadable(void)
{
    kerf_device *dev = check_open_device();
    CHECK(unlink(path) == 0 && mkdir(path, 0700) == 0);
    expect(dev, "m=64", NULL);
    CHECK_OK(kerf__tuning_set(dev, "m=2", "gemm_simt", 1));
    CHECK_STATUS(KERF_ERR_FILE, kerf__tuning_save(dev));
    CHECK(strstr(kerf_last_error(), path) != NULL);
    CHECK(rmdir(path) == 0 && symlink(path, path) == 0);
    read_again(dev);
    expect(dev, "m=64", NULL);
    CHECK_OK(kerf__tuning_set(dev, "m=2", "gemm_simt", 1));
    CHECK_OK(kerf__tuning_save(dev)); /* a link is replaced */
    read_again(dev);
    expect(dev, "m=2", "gemm_simt");
    kerf_device_close(dev);
}

/* Seven shapes of four dimensions and attributes: an update of Adam's. */
static void test_long(void)
{
    char which[700];
    memset(which, 'x', sizeof which - 1);
    which[sizeof which - 1] = '\0';
    kerf_device *a = check_open_device();
    CHECK_OK(kerf__tuning_set(a, which, "optimizer_wide", 1));
    CHECK_OK(kerf__tuning_save(a));
    kerf_device_close(a);
    kerf_device *b = check_open_device();
    expect(b, which, "optimizer_wide");
    kerf_device_close(b);
}

static void test_messages(void)
{
    kerf_device *dev = check_open_device();
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__tuning_set(dev, "a\tb", "c", 1));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__tuning_set(dev, "a", "c\n", 1));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__tuning_set(dev, "a", "", 1));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__tuning_set(dev, "a", "c", NAN));
    CHECK(strstr(kerf_last_error(), "without tabs") != NULL);
    setenv("KERF_CACHE_DIR", "/dev/null/kerf", 1);
    CHECK_STATUS(KERF_ERR_FILE, kerf__tuning_save(dev));
    CHECK(strstr(kerf_last_error(), "/dev/null/kerf") != NULL);
    setenv("KERF_CACHE_DIR", "", 1);
    CHECK_STATUS(KERF_ERR_FILE, kerf__tuning_save(dev));
    CHECK(strstr(kerf_last_error(), "set KERF_CACHE_DIR") != NULL);
    kerf_device_close(dev);
}

int main(void)
{
    snprintf(folder, sizeof folder, "/tmp/kerf-test-XXXXXX");
    CHECK(mkdtemp(folder) != NULL);
    setenv("KERF_CACHE_DIR", folder, 1);
    setenv("KERF_PROBE", "", 1); /* a fresh folder would have every driver tried again */
    test_kept_and_merged();
    test_cut();
    test_turned_over();
    test_edited();
    test_foreign();
    test_unreadable();
    test_long();
    test_messages();
    char command[300];
    snprintf(command, sizeof command, "rm -r %.250s", folder);
    CHECK(system(command) == 0);
    return check_result();
}
