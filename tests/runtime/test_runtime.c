/* test_runtime.c -- libkerf-run as an app uses it, linked with nothing else: a model in memory, its
 * input and output mapped, the cache in the app's folder, the log in the app's hands.  What it has
 * no part of is refused.  The files are those of tests/golden/packed, each in both forms. */
#include "golden_file.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kerf/run.h"

typedef struct model {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
} model;

static int num_lines;

static void listen(void *context, kerf_log_level level, const char *text)
{
    (void)level;
    CHECK(context == &num_lines && text[0] != '\0' && strchr(text, '\n') == NULL);
    num_lines++;
}

static model open_model(kerf_device *dev, const char *name)
{
    model m = {0};
    size_t num_bytes;
    void *bytes = golden_file_read(name, &num_bytes);
    CHECK_OK(kerf_model_parse(&m.g, &m.s, bytes, num_bytes, dev));
    free(bytes); /* the model stands alone */
    const kerf_plan_options options = {.mode = KERF_EVALUATE, .batch = 2};
    CHECK_OK(kerf_plan_create(&m.p, m.g, m.s, &options));
    return m;
}

static void close_model(model m)
{
    kerf_plan_destroy(m.p);
    kerf_state_destroy(m.s);
    kerf_graph_destroy(m.g);
}

/* Numbers in through a map, numbers out through one. */
static void run(const model *m, float *out, size_t most)
{
    kerf_tensor *in = kerf_plan_input(m->p, kerf_value_name(kerf_graph_input(m->g, 0)));
    kerf_tensor *to = kerf_plan_output(m->p, kerf_value_name(kerf_graph_output(m->g, 0)));
    void *data;
    CHECK_OK(kerf_tensor_map(in, KERF_MAP_WRITE, &data));
    for (size_t i = 0; i < kerf_tensor_num_elements(in); i++)
        ((float *)data)[i] = (float)(i % 11) / 11 - 0.5f;
    CHECK_OK(kerf_tensor_unmap(in, data));
    CHECK_OK(kerf_plan_run(m->p));
    CHECK(kerf_tensor_num_elements(to) <= most);
    CHECK_OK(kerf_tensor_map(to, KERF_MAP_READ, &data));
    memcpy(out, data, kerf_tensor_size_bytes(to));
    CHECK_OK(kerf_tensor_unmap(to, data));
    float read[16];
    CHECK_OK(kerf_tensor_read(to, read));
    CHECK(memcmp(read, out, kerf_tensor_size_bytes(to)) == 0);
}

/* A packed file and the ONNX file that it stands for: the same bits, which are no zeros. */
static void check_both_forms(kerf_device *dev, const char *onnx, const char *packed)
{
    float a[16] = {0}, b[16] = {0};
    const model from_onnx = open_model(dev, onnx), from_packed = open_model(dev, packed);
    run(&from_onnx, a, 16);
    run(&from_packed, b, 16);
    CHECK(memcmp(a, b, sizeof a) == 0 && a[0] != 0 && a[0] != a[1]);
    close_model(from_onnx);
    close_model(from_packed);
}

/* Training is no part of it, nor is a loss, and the message says so. */
static void check_training(kerf_device *dev)
{
    const model m = open_model(dev, "dense.onnx");
    kerf_plan *p;
    for (int trains = 0; trains < 2; trains++) {
        const kerf_plan_options options = {.mode = trains ? KERF_TRAIN : KERF_EVALUATE,
                                           .batch = 2,
                                           .loss = KERF_LOSS_CROSS_ENTROPY};
        CHECK_STATUS(KERF_ERR_UNSUPPORTED, kerf_plan_create(&p, m.g, m.s, &options));
        CHECK(strstr(kerf_last_error(), "no part of the small runtime") != NULL);
    }
    close_model(m);
}

static void check_damage(kerf_device *dev)
{
    model m = {0};
    size_t num_bytes;
    unsigned char *bytes = golden_file_read("conv.kerf", &num_bytes);
    CHECK_STATUS(KERF_ERR_FORMAT, kerf_model_parse(&m.g, &m.s, bytes, num_bytes / 2, dev));
    CHECK_STATUS(KERF_ERR_FORMAT, kerf_model_parse(&m.g, &m.s, "no model", 8, dev));
    free(bytes);
}

/* The folder is the one that the program said, whatever the environment says. */
static void check_cache(const char *folder)
{
    struct stat info;
    char path[1024];
    CHECK(strcmp(kerf_cache_dir(), folder) == 0);
    snprintf(path, sizeof path, "%s/guard", folder);
    CHECK(stat(path, &info) == 0 && S_ISDIR(info.st_mode));
    CHECK_OK(kerf_set_cache_dir(""));
    CHECK(kerf_cache_dir()[0] == '\0');
    CHECK_OK(kerf_set_cache_dir(NULL));
    CHECK(strcmp(kerf_cache_dir(), folder) != 0);
}

static void check_no_device(void)
{
    kerf_device *none;
    CHECK_STATUS(KERF_ERR_NO_DEVICE, kerf_device_open(&none, "a device that nobody has"));
    CHECK(none == NULL);
}

int main(void)
{
    char folder[] = "/tmp/kerf-runtime-XXXXXX", command[64];
    CHECK(mkdtemp(folder) != NULL);
    kerf_set_log(listen, &num_lines);
    CHECK_OK(kerf_set_cache_dir(folder));
    kerf_device *dev = check_open_device();
    check_no_device();
    check_both_forms(dev, "conv.onnx", "conv.kerf");
    check_both_forms(dev, "sparse.onnx", "sparse.kerf");
    check_training(dev);
    check_damage(dev);
    kerf_device_close(dev);
    CHECK(num_lines > 2); /* a device was opened, kernels were built */
    check_cache(folder);
    snprintf(command, sizeof command, "rm -r %s", folder);
    CHECK(system(command) == 0);
    return check_result();
}
