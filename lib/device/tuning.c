/* device/tuning.c -- the store of measured choices; see tuning.h.
 *
 *     kerf-tuning 2 VERSION DEVICE-IDENTITY
 *     case TAB choice TAB milliseconds TAB check
 *
 * The first line is of this very version and device or the file is not read; of the rest only
 * whole lines count whose check fits them and this device: a line that was cut, edited or
 * copied from elsewhere was measured by nobody.  A choice that no longer exists is for its
 * operation to see. */
#include "device/tuning.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/file.h"
#include "device/device_internal.h"

/* A case of a node with many inputs of many dimensions is long. */
enum { MAX_FILE_BYTES = 16 << 20, MAX_TEXT = 1000 };

typedef struct entry {
    char *which, *choice; /* owned */
    double ms;
} entry;

typedef struct entries {
    entry *items; /* owned */
    size_t num, capacity;
} entries;

struct kerf__tuning {
    entries measured, offered;
};

static int is_plain(const char *text)
{
    size_t length = strlen(text);
    return length > 0 && length < MAX_TEXT && strpbrk(text, "\t\r\n") == NULL;
}

static entry *find(const entries *t, const char *which)
{
    for (size_t i = 0; i < t->num; i++)
        if (strcmp(t->items[i].which, which) == 0)
            return &t->items[i];
    return NULL;
}

/* A choice that is there already is replaced only if asked to. */
static kerf_status put(entries *t, const char *which, const char *choice, double ms, int replace)
{
    entry *e = find(t, which);
    if (e != NULL && !replace)
        return KERF_OK;
    entry fresh = {NULL, kerf__strdup(choice), ms};
    if (e == NULL)
        fresh.which = kerf__strdup(which);
    if (fresh.choice == NULL || (e == NULL && fresh.which == NULL) ||
        !kerf__grow((void **)&t->items, &t->capacity, t->num, sizeof *t->items)) {
        free(fresh.which);
        free(fresh.choice);
        return kerf__fail_memory("tuning", MAX_TEXT);
    }
    if (e == NULL) {
        t->items[t->num++] = fresh;
        return KERF_OK;
    }
    e = find(t, which); /* growing may have moved it */
    free(e->choice);
    e->choice = fresh.choice;
    e->ms = ms;
    return KERF_OK;
}

/* ---- the file -------------------------------------------------------------------------- */

static void first_line(const kerf_device *dev, char *line, size_t line_bytes)
{
    snprintf(line, line_bytes, "kerf-tuning 2 %s %s", kerf_version(), dev->info.id);
}

static char *file_path(const kerf_device *dev, int make)
{
    char name[64];
    snprintf(name, sizeof name, "%s.txt", dev->info.id);
    return kerf__cache_path("tuning", name, make);
}

/* Of a line's first three columns, on this device. */
static void make_check(const kerf_device *dev, const char *columns, char check[20])
{
    const uint64_t seed = XXH3_64bits(dev->info.id, strlen(dev->info.id));
    const uint64_t hash = XXH3_64bits_withSeed(columns, strlen(columns), seed);
    snprintf(check, 20, "%016llx", (unsigned long long)hash);
}

/* Cuts the check off; 0 if it is not the line's. */
static int cut_check(const kerf_device *dev, char *line)
{
    char want[20], *last = strrchr(line, '\t');
    if (last == NULL)
        return 0;
    *last = '\0';
    make_check(dev, line, want);
    return strcmp(last + 1, want) == 0;
}

/* Takes one line apart in place; what is not of the form is passed over. */
static void read_line(kerf__tuning *t, const kerf_device *dev, char *line)
{
    if (!cut_check(dev, line))
        return;
    char *choice = strchr(line, '\t'), *number = choice != NULL ? strchr(choice + 1, '\t') : NULL;
    char *end = NULL;
    if (number == NULL)
        return;
    *choice++ = '\0';
    *number++ = '\0';
    double ms = strtod(number, &end);
    if (end == number || *end != '\0' || !isfinite(ms) || ms < 0 || !is_plain(line) ||
        !is_plain(choice))
        return;
    kerf_status status = put(&t->measured, line, choice, ms, 0);
    (void)status; /* a line that finds no memory is as good as missing */
}

static kerf__tuning *open_empty(kerf_device *dev)
{
    if (dev->tuning == NULL)
        dev->tuning = kerf__alloc(1, sizeof *dev->tuning);
    return dev->tuning;
}

void kerf__tuning_parse(kerf_device *dev, char *bytes, size_t num_bytes)
{
    char head[128], *line = bytes, *end = memchr(line, '\n', num_bytes);
    kerf__tuning *t = open_empty(dev);
    int known = 0;
    first_line(dev, head, sizeof head);
    for (int first = 1; t != NULL && end != NULL; first = 0) { /* a last line without end was cut */
        *end = '\0';
        if (first)
            known = strcmp(line, head) == 0;
        else if (known)
            read_line(t, dev, line);
        line = end + 1;
        end = memchr(line, '\n', num_bytes - (size_t)(line - bytes));
    }
}

/* Adds what the file has and we do not. */
static void read_file(kerf_device *dev)
{
    void *bytes = NULL;
    size_t num_bytes = 0;
    kerf__message kept = kerf__message_keep();
    char *path = file_path(dev, 0);
    if (path != NULL && kerf__file_read(path, MAX_FILE_BYTES, &bytes, &num_bytes) == KERF_OK)
        kerf__tuning_parse(dev, bytes, num_bytes);
    free(bytes);
    free(path);
    kerf__message_put_back(&kept);
}

static kerf_status write_file(const entries *t, const kerf_device *dev, const char *path)
{
    char head[128], columns[2 * MAX_TEXT + 32], check[20];
    kerf__new_file file;
    first_line(dev, head, sizeof head);
    KERF__TRY(kerf__new_file_begin(&file, path));
    fprintf(file.stream, "%s\n", head);
    for (size_t i = 0; i < t->num; i++) {
        const entry *e = &t->items[i];
        snprintf(columns, sizeof columns, "%s\t%s\t%.6g", e->which, e->choice, e->ms);
        make_check(dev, columns, check);
        fprintf(file.stream, "%s\t%s\n", columns, check);
    }
    return kerf__new_file_commit(&file); /* sees what fprintf could not write */
}

/* ---- the store ------------------------------------------------------------------------- */

static kerf__tuning *open_store(kerf_device *dev)
{
    if (dev->tuning == NULL && open_empty(dev) != NULL)
        read_file(dev);
    return dev->tuning;
}

const char *kerf__tuning_find(kerf_device *dev, const char *which)
{
    const kerf__tuning *t = open_store(dev);
    const entry *e = t != NULL ? find(&t->measured, which) : NULL;
    if (t != NULL && e == NULL)
        e = find(&t->offered, which);
    return e != NULL ? e->choice : NULL;
}

kerf_status kerf__tuning_offer(kerf_device *dev, const char *which, const char *choice)
{
    kerf__tuning *t = open_store(dev);
    if (t == NULL)
        return kerf__fail_memory("tuning", sizeof *t);
    return is_plain(which) && is_plain(choice) ? put(&t->offered, which, choice, 0, 0) : KERF_OK;
}

kerf_status kerf__tuning_set(kerf_device *dev, const char *which, const char *choice, double ms)
{
    kerf__tuning *t = open_store(dev);
    if (t == NULL)
        return kerf__fail_memory("tuning", sizeof *t);
    if (!is_plain(which) || !is_plain(choice) || !isfinite(ms) || ms < 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "tuning: '%s' = '%s' (%g ms), must be two short texts without tabs and a "
                          "time",
                          which, choice, ms);
    return put(&t->measured, which, choice, ms, 1);
}

kerf_status kerf__tuning_save(kerf_device *dev)
{
    kerf__tuning *t = open_store(dev);
    if (t == NULL)
        return kerf__fail_memory("tuning", sizeof *t);
    if (*kerf_cache_dir() == '\0')
        return kerf__fail(KERF_ERR_FILE, "tuning: nothing is kept without a folder; set "
                                         "KERF_CACHE_DIR or HOME");
    char *path = file_path(dev, 1);
    if (path == NULL)
        return kerf__fail(KERF_ERR_FILE, "tuning: %s cannot be made or written to",
                          kerf_cache_dir());
    read_file(dev); /* what another process has written since */
    kerf_status status = write_file(&t->measured, dev, path);
    free(path);
    return status;
}

static void free_entries(entries *t)
{
    for (size_t i = 0; i < t->num; i++) {
        free(t->items[i].which);
        free(t->items[i].choice);
    }
    free(t->items);
}

void kerf__tuning_close(kerf_device *dev)
{
    if (dev->tuning != NULL) {
        free_entries(&dev->tuning->measured);
        free_entries(&dev->tuning->offered);
    }
    free(dev->tuning);
    dev->tuning = NULL;
}
