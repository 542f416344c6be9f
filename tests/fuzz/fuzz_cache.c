/* Fuzzes what is read from the cache folder: verdicts as JSON, and the tuning file.
 *
 * Beyond "does not crash": a verdict that was taken holds what a verdict can hold; and of a
 * good tuning file that the input damages, only what was saved is found. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "device/device_internal.h"
#include "device/tuning.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static void must(int condition)
{
    if (!condition)
        abort();
}

static void check_verdicts(const uint8_t *bytes, size_t num_bytes)
{
    kerf__drivers drivers = {0};
    json_t *json = json_loadb((const char *)bytes, num_bytes, JSON_REJECT_DUPLICATES, NULL);
    const int taken = kerf__verdicts_add(&drivers, json);
    must(taken || drivers.num_verdicts == 0);
    for (size_t i = 0; i < drivers.num_verdicts; i++) {
        const kerf__verdict *v = &drivers.verdicts[i];
        must(memchr(v->name, 0, sizeof v->name) != NULL);
        must(v->works == 0 || v->works == 1);
        must(v->features.vector_floats >= 1 && v->features.sub_groups >= 0);
        json_t *again = kerf__verdict_json(v);
        must(again != NULL);
        json_decref(again);
    }
    free(drivers.verdicts);
    json_decref(json);
}

static void parse(kerf_device *dev, const void *bytes, size_t num_bytes)
{
    char *copy = malloc(num_bytes + 1);
    must(copy != NULL);
    memcpy(copy, bytes, num_bytes);
    copy[num_bytes] = '\0';
    kerf__tuning_parse(dev, copy, num_bytes);
    free(copy);
}

/* What the store itself writes, once. */
static char good[600];
static size_t good_bytes;

static void make_good(kerf_device *dev)
{
    char folder[] = "/tmp/kerf-fuzz-XXXXXX", path[128];
    void *bytes = NULL;
    must(mkdtemp(folder) != NULL);
    setenv("KERF_CACHE_DIR", folder, 1);
    must(kerf__tuning_set(dev, "m=1", "gemm_simt", 0.5) == KERF_OK);
    must(kerf__tuning_save(dev) == KERF_OK);
    snprintf(path, sizeof path, "%s/tuning/%s.txt", folder, dev->info.id);
    must(kerf__file_read(path, sizeof good - 1, &bytes, &good_bytes) == KERF_OK);
    memcpy(good, bytes, good_bytes);
    free(bytes);
    unlink(path);
    snprintf(path, sizeof path, "%s/tuning", folder);
    rmdir(path);
    rmdir(folder);
    kerf__tuning_close(dev);
    setenv("KERF_CACHE_DIR", "", 1);
}

/* The input is a list of (place, value) that a good file is damaged at, then cut. */
static void check_damaged_tuning(kerf_device *dev, const uint8_t *bytes, size_t num_bytes)
{
    char file[600];
    memcpy(file, good, good_bytes);
    const size_t length = good_bytes;
    for (size_t i = 0; i + 2 < num_bytes; i += 3)
        file[((size_t)bytes[i] << 8 | bytes[i + 1]) % length] = (char)bytes[i + 2];
    parse(dev, file, num_bytes % 2 ? length : (num_bytes * 7) % length);
    const char *choice = kerf__tuning_find(dev, "m=1");
    must(choice == NULL || strcmp(choice, "gemm_simt") == 0);
    kerf__tuning_close(dev);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    kerf_device dev = {.info = {.id = "0123456789abcdef0123456789abcdef"}};
    if (good_bytes == 0)
        make_good(&dev);
    check_verdicts(bytes, num_bytes);
    parse(&dev, bytes, num_bytes);
    kerf__tuning_close(&dev);
    check_damaged_tuning(&dev, bytes, num_bytes);
    return 0;
}
