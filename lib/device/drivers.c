/* device/drivers.c -- which drivers may be loaded, decided before OpenCL is.
 *
 * One driver that aborts when it is loaded takes every platform of its process along.  So
 * each is tried once by a helper process of its own (host/probe), and the verdict is kept
 * (verdict_store.c): a second start costs a stat and a small file a driver.  With a bad one
 * about, the loader is shown a folder of the others.
 *
 * Words: a driver is an .icd file, which is one line that names a library.  Where there is no
 * ICD loader, as on Android, the OpenCL library is the driver itself.  A verdict is what the
 * helper printed (trial.c) and two texts: `died`, how the driver ended even the plain trial;
 * `care`, how it ended the trial of its features, which it is then used without. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/helper.h"
#include "device/verdict.h"
#include "device/verdict_store.h"

enum { MAX_DRIVERS = 64 };

typedef struct driver {
    kerf__driver_file file;
    int is_bad; /* better not loaded at all */
} driver;

/* ---- finding them ---------------------------------------------------------------------- */

static int ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* Reads the one line; 0 if there is none. */
static int read_icd(kerf__driver_file *d)
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
    return strcmp(((const driver *)a)->file.icd, ((const driver *)b)->file.icd);
}

static size_t list_folder(const char *folder, driver *list)
{
    size_t num = 0;
    struct dirent *entry;
    DIR *dir = opendir(folder);
    if (dir == NULL)
        return 0;
    while ((entry = readdir(dir)) != NULL && num < MAX_DRIVERS) {
        kerf__driver_file *d = &list[num].file;
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
    if (strlen(vendors) >= sizeof list->file.icd)
        return 0;
    memcpy(list->file.icd, vendors, strlen(vendors) + 1);
    if (ends_with(vendors, ".icd"))
        return (size_t)read_icd(&list->file);
    memcpy(list->file.library, vendors, strlen(vendors) + 1);
    return 1;
}

static const char NO_ICD[] = "no .icd file";

static size_t list_itself(kerf__driver_file *d, const char *library)
{
    snprintf(d->icd, sizeof d->icd, "%s", NO_ICD);
    snprintf(d->library, sizeof d->library, "%s", library);
    return 1;
}

static int is_itself(const driver *d)
{
    return strcmp(d->file.icd, NO_ICD) == 0;
}

/* ---- judging --------------------------------------------------------------------------- */

/* One more line of left_out, without line ends that a file or a driver may have put there. */
static void note(kerf__drivers *drivers, const char *format, ...) KERF__PRINTF(2, 3);
static void note(kerf__drivers *drivers, const char *format, ...)
{
    va_list args;
    size_t start = strlen(drivers->left_out);
    if (start > 0 && start + 1 < sizeof drivers->left_out)
        drivers->left_out[start++] = '\n';
    va_start(args, format);
    vsnprintf(drivers->left_out + start, sizeof drivers->left_out - start, format, args);
    va_end(args);
    for (char *c = drivers->left_out + start; *c != '\0'; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
}

/* Takes a verdict over, fresh or kept; 0 if it is not one.  `*trouble`: people should know. */
static int apply(kerf__drivers *drivers, driver *d, const json_t *verdict, int *trouble)
{
    static const struct {
        const char *key, *words;
        int is_bad, is_news; /* is_news: of a library itself, too */
    } STATES[] = {{"died", "left out", 1, 1},
                  {"care", "used without its features", 0, 1},
                  {"why", "left out", 0, 0}}; /* a loader without drivers */
    const char *said[3] = {"", "", ""};
    const size_t first = drivers->num_verdicts;
    for (size_t i = 0; i < 3; i++) {
        const json_t *text = json_object_get(verdict, STATES[i].key);
        if (text != NULL && !json_is_string(text))
            return 0;
        said[i] = text != NULL ? json_string_value(text) : "";
    }
    if (!kerf__verdicts_add(drivers, json_object_get(verdict, "devices")))
        return 0;
    *trouble = 0;
    for (size_t i = 0; i < 3; i++) {
        if (said[i][0] == '\0')
            continue;
        if (STATES[i].is_news || !is_itself(d))
            note(drivers, "%s: %s (%s): %.500s", STATES[i].words, d->file.library, d->file.icd,
                 said[i]);
        d->is_bad |= STATES[i].is_bad;
        *trouble = 1;
    }
    for (size_t i = first; i < drivers->num_verdicts; i++) {
        const kerf__verdict *v = &drivers->verdicts[i];
        if (!v->works)
            note(drivers, "left out: %s (%s): %s", v->name, v->platform, v->why);
        *trouble |= !v->works;
    }
    return 1;
}

/* What the helper found, with how it ended; NULL if it did not run: then no driver is to
 * blame, and nothing is known of its features either.  A feature whose trial kills the driver does
 * not make it useless, so there is a second run without features. */
static json_t *ask_helper(const driver *d, int *is_outer)
{
    kerf__helper_end full, basic;
    const char *vendors = is_itself(d) ? vendors_told() : d->file.icd; /* it is found as we did */
    json_t *answer = kerf__helper_run(vendors, 0, &full);
    *is_outer = full.is_outer;
    if (answer != NULL || full.text[0] == '\0')
        return answer;
    answer = kerf__helper_run(vendors, 1, &basic);
    *is_outer |= basic.is_outer;
    if (answer != NULL)
        json_object_set_new(answer, "care", json_string(full.text));
    else if (basic.text[0] != '\0')
        answer = json_pack("{s:[], s:s}", "devices", "died", basic.text);
    return answer;
}

static kerf__verdict_kind kind_of(int is_bad, int is_outer, int trouble)
{
    if (is_bad)
        return is_outer ? KERF__VERDICT_ENDED : KERF__VERDICT_DIED;
    return trouble ? KERF__VERDICT_TROUBLE : KERF__VERDICT_GOOD;
}

static void judge(kerf__drivers *drivers, driver *d)
{
    char key[40];
    int trouble, is_outer;
    if (!kerf__verdict_key(&d->file, key))
        return;
    json_t *verdict = kerf__verdict_load(key);
    int known = verdict != NULL && apply(drivers, d, verdict, &trouble);
    json_decref(verdict);
    if (known || !kerf__helper_exists())
        return;
    verdict = ask_helper(d, &is_outer);
    if (verdict != NULL && apply(drivers, d, verdict, &trouble))
        kerf__verdict_save(key, verdict, kind_of(d->is_bad, is_outer, trouble));
    json_decref(verdict);
}

/* ---- leaving the bad ones out ---------------------------------------------------------- */

static int write_good(kerf__drivers *drivers, const driver *list, size_t num)
{
    char path[128];
    snprintf(drivers->good_folder, sizeof drivers->good_folder, "/tmp/kerf-icd-XXXXXX");
    if (mkdtemp(drivers->good_folder) == NULL)
        return 0;
    for (size_t i = 0; i < num; i++) {
        if (list[i].is_bad)
            continue;
        snprintf(path, sizeof path, "%s/%02zu.icd", drivers->good_folder, i);
        FILE *file = fopen(path, "w");
        if (file == NULL)
            return 0;
        fprintf(file, "%s\n", list[i].file.library);
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
        num = list_itself(&list->file, library);
    for (size_t i = 0; i < num; i++) {
        judge(drivers, &list[i]);
        drivers->num_bad += list[i].is_bad;
    }
    if (!itself && drivers->num_bad > 0 && !write_good(drivers, list, num)) {
        kerf__drivers_forget_folder(drivers);
        drivers->good_folder[0] = '\0';
    }
    kerf__message_put_back(&kept);
    free(list);
    return !itself || drivers->num_bad == 0;
}
