/* gate_run.c -- runs one kernel of a file in two groups:
 *
 *     gate_run FILE.cl OPTIONS ENTRY GROUP ARGUMENT...
 *
 * OPTIONS is - for none.  An argument is buffer (64 KiB of zeros, each its own),
 * local:BYTES, int:N, uint:N or float:X.
 *
 * For tests/gate/broken: proves that the simulator and the small device find what is planted.
 * And for the probe's kernels, which are else run on real devices alone. */
#include <string.h>

#include "base/fail.h"
#include "base/file.h"
#include "check.h"
#include "device/launch.h"

enum { MOST_ARGUMENTS = 8, MOST_BYTES = 1 << 16 };

typedef struct arguments {
    kerf__arg args[MOST_ARGUMENTS];
    kerf__buffer *buffers[MOST_ARGUMENTS]; /* owned; NULL where the argument is a number */
    int num;
} arguments;

static int is(const char *text, const char *kind)
{
    return strncmp(text, kind, strlen(kind)) == 0;
}

static kerf_status read_argument(kerf_device *dev, arguments *a, const char *text)
{
    static const char ZEROS[MOST_BYTES];
    const char *colon = strchr(text, ':'), *number = colon != NULL ? colon + 1 : "0";
    kerf__buffer **buffer = &a->buffers[a->num];
    kerf__arg *arg = &a->args[a->num++];
    *arg = ARG((int)strtol(number, NULL, 10));
    if (is(text, "uint:"))
        *arg = ARG((unsigned)strtoul(number, NULL, 10));
    if (is(text, "float:"))
        *arg = ARG(strtof(number, NULL));
    if (is(text, "local:"))
        *arg = kerf__arg_local(strtoul(number, NULL, 10));
    if (!is(text, "buffer"))
        return KERF_OK;
    KERF__TRY(kerf__buffer_create(buffer, dev, sizeof ZEROS));
    *arg = ARG(*buffer);
    return kerf__buffer_write(*buffer, 0, ZEROS, sizeof ZEROS);
}

static kerf_status run(kerf_device *dev, const kerf__source *source, char **words, int num_words,
                       arguments *a, kerf__launch **launch)
{
    for (int i = 3; i < num_words; i++)
        KERF__TRY(read_argument(dev, a, words[i]));
    const char *options = strcmp(words[0], "-") != 0 ? words[0] : "";
    KERF__TRY(kerf__launch_create(launch, dev, source, words[1], options, a->args, a->num,
                                  (kerf__grid){1, {2, 1, 1}, {strtoul(words[2], NULL, 10), 1, 1}}));
    KERF__TRY(kerf__launch_enqueue(*launch));
    return kerf_device_finish(dev);
}

int main(int argc, char **argv)
{
    char text[MOST_BYTES + 1] = "", name[64] = "";
    void *bytes = NULL;
    size_t num_bytes = 0;
    arguments a = {.num = 0};
    kerf__launch *launch = NULL;
    if (argc < 5 || argc > 5 + MOST_ARGUMENTS ||
        kerf__file_read(argv[1], MOST_BYTES, &bytes, &num_bytes) != KERF_OK) {
        printf("usage: gate_run FILE.cl OPTIONS ENTRY GROUP ARGUMENT...\n");
        return 2;
    }
    memcpy(text, bytes, num_bytes);
    free(bytes);
    const char *slash = strrchr(argv[1], '/');
    snprintf(name, sizeof name, "%s", slash != NULL ? slash + 1 : argv[1]);
    name[strcspn(name, ".")] = '\0'; /* as launches are logged: "probe" for probe.cl */
    kerf_device *dev = check_open_device();
    CHECK_OK(run(dev, &(kerf__source){name, text}, argv + 2, argc - 2, &a, &launch));
    kerf__launch_destroy(launch);
    for (int i = 0; i < a.num; i++)
        kerf__buffer_destroy(a.buffers[i]);
    kerf_device_close(dev);
    return check_result();
}
