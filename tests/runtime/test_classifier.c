/* test_classifier.c -- the native half of the Android example (examples/android), without a phone:
 * opens a model from memory, runs it, says what is wrong with one that is none, and that there is
 * no device where there is none. */
#include "golden_file.h"

#include <string.h>

#include "classifier.h"

/* The same picture scores the same, another one others. */
static void check_runs(classifier *c)
{
    enum { MOST = 1024 };
    float picture[MOST], first[16], second[16], other[16];
    const size_t num = classifier_num_inputs(c), classes = classifier_num_classes(c);
    CHECK(num == 16 * 16 && classes == 2);
    for (size_t i = 0; i < num && i < MOST; i++)
        picture[i] = (float)(i % 7) - 3;
    CHECK_OK(classifier_run(c, picture, first));
    CHECK_OK(classifier_run(c, picture, second));
    CHECK(memcmp(first, second, classes * sizeof *first) == 0);
    memset(picture, 0, sizeof picture);
    CHECK_OK(classifier_run(c, picture, other));
    CHECK(memcmp(first, other, classes * sizeof *first) != 0);
}

int main(void)
{
    classifier *c;
    size_t num_bytes;
    kerf_device_close(check_open_device()); /* skips where there is none */
    unsigned char *bytes = golden_file_read("conv.kerf", &num_bytes);
    CHECK_OK(classifier_open(&c, bytes, num_bytes));
    memset(bytes, 0, num_bytes); /* it may go */
    if (c != NULL)
        check_runs(c);
    classifier_close(c);
    CHECK_STATUS(KERF_ERR_FORMAT, classifier_open(&c, bytes, num_bytes));
    CHECK(c == NULL);
    free(bytes);
    setenv("KERF_DEVICE", "a device that nobody has", 1);
    CHECK_STATUS(KERF_ERR_NO_DEVICE, classifier_open(&c, "", 1));
    CHECK(c == NULL);
    return check_result();
}
