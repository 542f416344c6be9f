/* device/verdict_store.c -- verdicts on drivers, a sealed file each in CACHE/probe, named after
 * all that may change a verdict. */
#include "device/verdict_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <xxhash.h>

#include "device/cpu.h"
#include "device/device_internal.h"
#include "device/sealed.h"

enum { VERDICT_FORM = 5, LONGEST_SECONDS = 24 * 3600 };

/* ---- the key ------------------------------------------------------------------------------ */

/* Tells size and time of the library where it can be found: the dynamic linker does not say
 * without loading it, so its usual places are looked at. */
static void stat_library(const char *library, struct stat *info)
{
    static const char *const FOLDERS[] = {
#if defined(__x86_64__)
        "/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
        "/usr/lib/aarch64-linux-gnu",
#endif
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib64",
        "/lib",
        "/lib64"
    };
    char path[2048];
    if (stat(library, info) == 0)
        return;
    for (size_t i = 0; i < sizeof FOLDERS / sizeof FOLDERS[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", FOLDERS[i], library);
        if (stat(path, info) == 0)
            return;
    }
    memset(info, 0, sizeof *info);
}

/* Variables that change what a driver lists or how it compiles. */
static void add_environment(XXH3_state_t *state)
{
    static const char *const VARIABLES[] = {"LD_LIBRARY_PATH",           "RUSTICL_ENABLE",
                                            "RUSTICL_FEATURES",          "POCL_DEVICES",
                                            "CL_CONFIG_CPU_TARGET_ARCH", "CUDA_VISIBLE_DEVICES",
                                            "ROCR_VISIBLE_DEVICES",      "GPU_DEVICE_ORDINAL"};
    for (size_t i = 0; i < sizeof VARIABLES / sizeof VARIABLES[0]; i++) {
        const char *value = getenv(VARIABLES[i]);
        XXH3_128bits_update(state, value != NULL ? value : "", value != NULL ? strlen(value) : 0);
        XXH3_128bits_update(state, "\n", 1);
    }
}

int kerf__verdict_key(const kerf__driver_file *d, char key[40])
{
    struct stat info;
    char text[4096], cpu[512];
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL)
        return 0;
    stat_library(d->library, &info);
    kerf__cpu_identity(cpu, sizeof cpu);
    int length = snprintf(text, sizeof text, "%s\n%s\n%lld\n%lld.%ld\n%s\n%s\n%d\n", d->icd,
                          d->library, (long long)info.st_size, (long long)info.st_mtim.tv_sec,
                          info.st_mtim.tv_nsec, cpu, kerf_version(), VERDICT_FORM);
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, text, (size_t)length);
    add_environment(state);
    XXH128_hash_t digest = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    snprintf(key, 40, "%016llx%016llx", (unsigned long long)digest.high64,
             (unsigned long long)digest.low64);
    return 1;
}

/* ---- on disk ----------------------------------------------------------------------------- */

/* An end that lies further off than any verdict counts was made by another clock or hand. */
static int is_fresh(const json_t *verdict)
{
    const json_t *until = json_object_get(verdict, "until"); /* 0: no end */
    const json_int_t end = json_integer_value(until), left = end - (json_int_t)time(NULL);
    return json_is_integer(until) && (end == 0 || (left > 0 && left <= LONGEST_SECONDS));
}

json_t *kerf__verdict_load(const char *key)
{
    json_t *verdict = kerf__sealed_load("probe", key);
    if (is_fresh(verdict))
        return verdict;
    json_decref(verdict);
    return NULL;
}

void kerf__verdict_save(const char *key, json_t *verdict, kerf__verdict_kind kind)
{
    static const int SECONDS[] = {[KERF__VERDICT_GOOD] = 0,
                                  [KERF__VERDICT_TROUBLE] = 600,
                                  [KERF__VERDICT_ENDED] = 3600,
                                  [KERF__VERDICT_DIED] = LONGEST_SECONDS};
    const json_int_t now = (json_int_t)time(NULL);
    json_object_set_new(verdict, "until", json_integer(SECONDS[kind] ? now + SECONDS[kind] : 0));
    kerf__sealed_save("probe", key, verdict);
}
