/* test_tuning.c -- the store of measured choices: kept, merged, and never trusted. */
#include "check.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
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

static void test_edited(void)
{
    char text[2048], *bytes = NULL, *lines;
    size_t num_bytes = 0;
    CHECK_OK(kerf__file_read(path, 0, (void **)&bytes, &num_bytes));
    lines = strchr(bytes, '\n');
    *lines = '\0';
    snprintf(text, sizeof text,
             "%s\nnonsense\n\t\t\na\tb\n\nc\td\tnan\ne\tf\t-1\ng\th\t1x\ni\t\t1\n\tj\t1\n"
             "k\tl\t1\tm\ngood\tchoice\t2.5\ngood\tother\t1\n",
             bytes);
    CHECK_OK(kerf__file_write(path, text, strlen(text)));
    kerf_device *dev = check_open_device();
    const char *const bad[] = {"nonsense", "a", "c", "e", "g", "i", "", "k"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        expect(dev, bad[i], NULL);
    expect(dev, "good", "choice");
    kerf_device_close(dev);
    /* Another version's, and another device's under this name. */
    char *version = strstr(bytes, kerf_version());
    version[0] = '9';
    snprintf(text, sizeof text, "%s\ngood\tchoice\t2.5\n", bytes);
    CHECK_OK(kerf__file_write(path, text, strlen(text)));
    dev = check_open_device();
    expect(dev, "good", NULL);
    kerf_device_close(dev);
    free(bytes);
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
    test_edited();
    test_messages();
    char command[300];
    snprintf(command, sizeof command, "rm -r %.250s", folder);
    CHECK(system(command) == 0);
    return check_result();
}
