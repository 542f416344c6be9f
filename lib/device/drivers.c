/* device/drivers.c -- which drivers may be loaded, decided before OpenCL is.
 *
 * One driver that aborts when it is loaded takes every platform of its process along.  So
 * each is tried once by a helper process of its own (host/probe), and the verdict is kept in
 * the cache folder under the library's path, size and time: a second start costs a stat and
 * a small file a driver.  With a bad one about, the loader is shown a folder of the others.
 *
 * Words: a driver is an .icd file, which is one line that names a library.  Where there is no
 * ICD loader, as on Android, the OpenCL library is the driver itself. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "device/cpu.h"
#include "device/device_internal.h"
#include "device/helper.h"
#include "device/verdict.h"

enum { MAX_DRIVERS = 64, VERDICT_FORM = 1, RETRY_SECONDS = 24 * 3600 };

typedef struct driver {
    char icd[1024];     /* the file, or what OCL_ICD_VENDORS says if that is a library */
    char library[1024]; /* as the file names it */
    char state[256];    /* "" is good; else what happened, for people */
} driver;

/* ---- finding them ---------------------------------------------------------------------- */

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Reads the one line; 0 if there is none. */
static int read_icd(driver *d)
{
    FILE *file = fopen(d->icd, "r");
    int good = file != NULL && fgets(d->library, sizeof d->library, file) != NULL;
    if (file != NULL)
        fclose(file);
    d->library[good ? strcspn(d->library, "\r\n \t") : 0] = '\0';
    return d->library[0] != '\0';
}

static int compare_drivers(const void *a, const void *b)
{
    return strcmp(((const driver *)a)->icd, ((const driver *)b)->icd);
}

static size_t list_folder(const char *folder, driver *list)
{
    size_t num = 0;
    struct dirent *entry;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL && num < MAX_DRIVERS) {
        driver *d = &list[num];
        int length = snprintf(d->icd, sizeof d->icd, "%s/%s", folder, entry->d_name);
        if (ends_with(entry->d_name, ".icd") && length < (int)sizeof d->icd && read_icd(d))
            num++;
    }
    closedir(dir);
    qsort(list, num, sizeof *list, compare_drivers);
    return num;
}

static const char *vendors_told(void)
{
    const char *vendors = getenv("OCL_ICD_VENDORS");
    return vendors != NULL && *vendors != '\0' ? vendors : "/etc/OpenCL/vendors";
}

/* What the ICD loader would load; it reads the variable in the same way. */
static size_t list_drivers(driver *list)
{
    struct stat info;
    const char *vendors = vendors_told();
    if (stat(vendors, &info) == 0 && S_ISDIR(info.st_mode))
        return list_folder(vendors, list);
    if (strlen(vendors) >= sizeof list->icd)
        return 0;
    memcpy(list->icd, vendors, strlen(vendors) + 1);
    if (ends_with(vendors, ".icd"))
        return (size_t)read_icd(list);
    memcpy(list->library, vendors, strlen(vendors) + 1);
    return 1;
}

static const char NO_ICD[] = "no .icd file";

static size_t list_itself(driver *d, const char *library)
{
    snprintf(d->icd, sizeof d->icd, "%s", NO_ICD);
    snprintf(d->library, sizeof d->library, "%s", library);
    return 1;
}

/* ---- the key of a verdict -------------------------------------------------------------- */

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

/* The name of the verdict's file; also stands in it. */
static int make_key(const driver *d, char key[40])
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

/* ---- verdicts on disk ------------------------------------------------------------------ */

static char *verdict_path(const char *key, int make)
{
    char name[64];
    snprintf(name, sizeof name, "%s.json", key);
    return kerf__cache_path("probe", name, make);
}

/* A bad verdict is not for ever: the machine may only have been busy. */
static int is_fresh(const json_t *verdict)
{
    json_int_t age = (json_int_t)time(NULL) - json_integer_value(json_object_get(verdict, "time"));
    const char *state = json_string_value(json_object_get(verdict, "state"));
    return state != NULL && (*state == '\0' || (age >= 0 && age < RETRY_SECONDS));
}

static json_t *read_verdict(const char *key)
{
    char *path = verdict_path(key, 0);
    json_t *verdict = path != NULL ? json_load_file(path, 0, NULL) : NULL;
    const char *own_key = json_string_value(json_object_get(verdict, "key"));
    if (verdict != NULL && (own_key == NULL || strcmp(own_key, key) != 0 || !is_fresh(verdict))) {
        json_decref(verdict);
        verdict = NULL;
    }
    free(path);
    return verdict;
}

static void write_verdict(const char *key, const driver *d, json_t *devices /* borrowed */)
{
    char *path = verdict_path(key, 1);
    json_t *verdict =
        json_pack("{s:s, s:s, s:s, s:I, s:O}", "key", key, "library", d->library, "state", d->state,
                  "time", (json_int_t)time(NULL), "devices", devices);
    char *text = verdict != NULL ? json_dumps(verdict, JSON_INDENT(1)) : NULL;
    if (path != NULL && text != NULL) {
        kerf_status status = kerf__file_write(path, text, strlen(text));
        (void)status; /* a folder that cannot be written to only costs the next start time */
    }
    free(text);
    json_decref(verdict);
    free(path);
}

/* ---- judging --------------------------------------------------------------------------- */

/* What a helper printed, as JSON with a list of devices; NULL if it is not that. */
static json_t *parse_answer(const char *text)
{
    json_t *answer = text != NULL ? json_loads(text, 0, NULL) : NULL;
    if (json_is_array(json_object_get(answer, "devices")))
        return answer;
    json_decref(answer);
    return NULL;
}

/* What the helper is told; the library itself it finds as we did. */
static const char *vendors_of(const driver *d)
{
    return strcmp(d->icd, NO_ICD) == 0 ? vendors_told() : d->icd;
}

/* Tries the driver and keeps what came out.  A feature whose trial kills the driver does not
 * make it useless, so there is a second run without features.  Where the helper itself does
 * not run, the driver is taken untried and nothing is kept. */
static void try_driver(kerf__drivers *drivers, driver *d, const char *key)
{
    json_t *answer = NULL;
    for (int basic = 0; basic < 2 && answer == NULL; basic++) {
        char *text = kerf__helper_run(vendors_of(d), basic, d->state, sizeof d->state);
        answer = parse_answer(text);
        free(text);
    }
    const json_t *found = json_object_get(answer, "devices");
    json_t *devices = found != NULL ? json_deep_copy(found) : json_array();
    if ((found != NULL && kerf__verdicts_add(drivers, devices)) || d->state[0] != '\0')
        write_verdict(key, d, devices);
    json_decref(devices);
    json_decref(answer);
}

static void judge(kerf__drivers *drivers, driver *d)
{
    char key[40];
    if (!make_key(d, key))
        return;
    json_t *kept = read_verdict(key);
    if (kept != NULL && kerf__verdicts_add(drivers, json_object_get(kept, "devices")))
        snprintf(d->state, sizeof d->state, "%s",
                 json_string_value(json_object_get(kept, "state")));
    else if (kerf__helper_exists())
        try_driver(drivers, d, key);
    json_decref(kept);
}

/* ---- leaving the bad ones out ---------------------------------------------------------- */

static void note_bad(kerf__drivers *drivers, const driver *d)
{
    size_t length = strlen(drivers->left_out);
    snprintf(drivers->left_out + length, sizeof drivers->left_out - length, "%s%s (%s): %s",
             length > 0 ? "\n" : "", d->library, d->icd, d->state);
    drivers->num_bad++;
}

static int write_good(kerf__drivers *drivers, const driver *list, size_t num)
{
    char path[128];
    snprintf(drivers->good_folder, sizeof drivers->good_folder, "/tmp/kerf-icd-XXXXXX");
    if (mkdtemp(drivers->good_folder) == NULL)
        return 0;
    for (size_t i = 0; i < num; i++) {
        if (list[i].state[0] != '\0')
            continue;
        snprintf(path, sizeof path, "%s/%02zu.icd", drivers->good_folder, i);
        FILE *file = fopen(path, "w");
        if (file == NULL)
            return 0;
        fprintf(file, "%s\n", list[i].library);
        if (fclose(file) != 0)
            return 0;
    }
    return 1;
}

void kerf__drivers_forget_folder(const kerf__drivers *drivers)
{
    char path[128];
    for (int i = 0; i < MAX_DRIVERS; i++) {
        snprintf(path, sizeof path, "%s/%02d.icd", drivers->good_folder, i);
        unlink(path);
    }
    rmdir(drivers->good_folder);
}

int kerf__drivers_check(kerf__drivers *drivers, const char *library, int is_loader)
{
    const char *helper = getenv("KERF_PROBE");
    driver *list = kerf__alloc(MAX_DRIVERS, sizeof *list);
    if (list == NULL || (helper != NULL && *helper == '\0')) {
        free(list);
        return 1;
    }
    kerf__message kept = kerf__message_keep();
    size_t num = is_loader ? list_drivers(list) : 0;
    const int itself = num == 0;
    if (itself)
        num = list_itself(list, library);
    for (size_t i = 0; i < num; i++) {
        judge(drivers, &list[i]);
        if (list[i].state[0] != '\0')
            note_bad(drivers, &list[i]);
    }
    if (!itself && drivers->num_bad > 0 && !write_good(drivers, list, num)) {
        kerf__drivers_forget_folder(drivers);
        drivers->good_folder[0] = '\0';
    }
    kerf__message_put_back(&kept);
    free(list);
    return !itself || drivers->num_bad == 0;
}
