/* on_files_posix.c -- see on_files.h.
 *
 * The command line for the other end is written from what was understood here, option by option, so
 * that letters and inlined values are all one; what names a file has the name that it gets there.
 */
#include "on_files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "digest.h"
#include "files.h"
#include "say.h"
#include "text.h"

/* ---- a file ---------------------------------------------------------------------------------- */

/* POSIX's cksum, which is there on phones, too, and a longer hash beside it (digest.h). */
typedef struct digests {
    uint32_t crc;
    uint64_t hash, num_bytes;
} digests;

static uint32_t add_crc(uint32_t crc, unsigned char byte)
{
    crc ^= (uint32_t)byte << 24;
    for (int i = 0; i < 8; i++)
        crc = crc & 0x80000000u ? crc << 1 ^ 0x04c11db7u : crc << 1;
    return crc;
}

static void add_bytes(digests *d, const uint32_t *table, const unsigned char *bytes, size_t num)
{
    for (size_t i = 0; i < num; i++)
        d->crc = d->crc << 8 ^ table[(d->crc >> 24 ^ bytes[i]) & 255];
    d->hash = digest_add(d->hash, bytes, num);
    d->num_bytes += num;
}

static int digest_file(const options *o, on_file *f)
{
    unsigned char bytes[1 << 16];
    uint32_t table[256];
    digests d = {0, DIGEST_EMPTY, 0};
    size_t num;
    FILE *file = fopen(f->path, "rb");
    if (file == NULL)
        return fail_work(o, "%s: cannot be read: %s", f->path, strerror(errno));
    for (int i = 0; i < 256; i++)
        table[i] = add_crc(0, (unsigned char)i);
    while ((num = fread(bytes, 1, sizeof bytes, file)) > 0)
        add_bytes(&d, table, bytes, num);
    const int failed = ferror(file);
    fclose(file);
    if (failed)
        return fail_work(o, "%s: cannot be read", f->path);
    uint32_t crc = d.crc;
    for (uint64_t n = d.num_bytes; n > 0; n >>= 8)
        crc = crc << 8 ^ table[(crc >> 24 ^ n) & 255];
    snprintf(f->digest, sizeof f->digest, "%016llx-%llu", (unsigned long long)d.hash,
             (unsigned long long)d.num_bytes);
    snprintf(f->check, sizeof f->check, "%lu %llu", (unsigned long)~crc & 0xffffffffu,
             (unsigned long long)d.num_bytes);
    return 0;
}

int on_files_add(const options *o, on_files *files, const char *path, const char *name)
{
    on_file *items = realloc(files->items, (files->num + 1) * sizeof *items);
    if (items == NULL)
        return fail_memory(o);
    files->items = items;
    on_file *f = &items[files->num++];
    *f = (on_file){.path = copy_text(path, strlen(path), 0),
                   .name = copy_text(name, strlen(name), 0)};
    return f->path != NULL && f->name != NULL ? digest_file(o, f) : fail_memory(o);
}

void on_files_free(on_files *files)
{
    for (size_t i = 0; i < files->num; i++) {
        free(files->items[i].path);
        free(files->items[i].name);
    }
    free(files->items);
    *files = (on_files){0};
}

/* ---- names there -------------------------------------------------------------------------------
 */

/* Its own, in a folder of its number, so that two of one name are two. */
static void name_file(const on_files *files, const char *path, char *name, size_t name_bytes)
{
    const char *slash = strrchr(path, '/');
    snprintf(name, name_bytes, "%zu/%s", files->num, slash != NULL ? slash + 1 : path);
}

static void add_value(script *line, const char *value)
{
    script_add(line, " ");
    script_add_word(line, value);
}

/* A word that names a file here names its copy there. */
static int add_file(const options *o, on_files *files, script *line, const char *path)
{
    char name[512];
    name_file(files, path, name, sizeof name);
    const int code = on_files_add(o, files, path, name);
    add_value(line, name);
    return code;
}

/* ---- data --------------------------------------------------------------------------------------
 */

enum { MOST_FILES = 256, MOST_DEPTH = 4 };

static int is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int add_folder(const options *o, on_files *files, const char *path, const char *name,
                      int depth);

static int add_entry(const options *o, on_files *files, const char *path, const char *name,
                     const char *entry, int depth)
{
    char *here = path_join(path, entry), *there = path_join(name, entry);
    int code = here != NULL && there != NULL ? 0 : fail_memory(o);
    if (code == 0 && is_folder(here))
        code = add_folder(o, files, here, there, depth + 1);
    else if (code == 0 && files->num >= MOST_FILES)
        code = fail_usage(o,
                          "--data %s: has more than %d files to take to the other end, must be "
                          "fewer, or one npz:FILE",
                          o->data, MOST_FILES);
    else if (code == 0)
        code = on_files_add(o, files, here, there);
    free(here);
    free(there);
    return code;
}

static int add_folder(const options *o, on_files *files, const char *path, const char *name,
                      int depth)
{
    DIR *dir = depth <= MOST_DEPTH ? opendir(path) : NULL;
    int code = 0;
    if (dir == NULL)
        return fail_work(o, "--data %s: %s cannot be read", o->data, path);
    for (struct dirent *entry; code == 0 && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.')
            code = add_entry(o, files, path, name, entry->d_name, depth);
    closedir(dir);
    return code;
}

/* "npy:X.npy,Y.npy": each of the files. */
static int add_list(const options *o, on_files *files, const char *paths, script *spec)
{
    char *list = copy_text(paths, strlen(paths), 0);
    int code = list != NULL ? 0 : fail_memory(o);
    for (char *path = list; code == 0 && path != NULL;) {
        char name[512], *comma = strchr(path, ',');
        if (comma != NULL)
            *comma++ = '\0';
        name_file(files, path, name, sizeof name);
        code = on_files_add(o, files, path, name);
        script_add(spec, name);
        script_add(spec, comma != NULL ? "," : "");
        path = comma;
    }
    free(list);
    return code;
}

/* What has no path (fashion-mnist, random:...) the other end finds by itself. */
static int add_data(const options *o, on_files *files, script *line)
{
    static const char *const PATHS[] = {"idx:", "cifar10:", "cifar100:", "images:", "npz:", "npy:"};
    script spec = {0};
    int code = 0;
    for (size_t i = 0; i < sizeof PATHS / sizeof PATHS[0]; i++) {
        const size_t length = strlen(PATHS[i]);
        const char *path = o->data + length;
        if (strncmp(o->data, PATHS[i], length) != 0)
            continue;
        script_add(&spec, PATHS[i]);
        code = is_folder(path) ? add_folder(o, files, path, "data", 0)
                               : add_list(o, files, path, &spec);
        script_add(&spec, is_folder(path) ? "data" : "");
    }
    add_value(line, spec.num > 0 && spec.text != NULL ? spec.text : o->data);
    free(spec.text);
    return code;
}

/* ---- the command line --------------------------------------------------------------------------
 */

/* What the other end does not do: standard output comes home, and is written here. */
static int stays_here(const option_row *row)
{
    static const char *const HERE[] = {"on", "on-binary", "output", "force"};
    for (size_t i = 0; i < sizeof HERE / sizeof HERE[0]; i++)
        if (strcmp(row->name, HERE[i]) == 0)
            return 1;
    return 0;
}

static int names_file(const option_row *row)
{
    static const char *const FILES[] = {"classes", "reference", "cases"};
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
        if (strcmp(row->name, FILES[i]) == 0)
            return 1;
    return 0;
}

static int add_text(const options *o, on_files *files, script *line, const option_row *row,
                    const char *text)
{
    script_add(line, " --");
    script_add(line, row->name);
    if (strcmp(row->name, "data") == 0)
        return add_data(o, files, line);
    if (names_file(row))
        return add_file(o, files, line, text);
    add_value(line, text);
    return 0;
}

/* Numbers as exactly as they were understood. */
static void number_text(const options *o, const option_row *row, char *text, size_t text_bytes)
{
    const void *field = (const char *)o + row->offset;
    const char *choice = row->choices;
    if (row->kind == OPTION_REAL)
        snprintf(text, text_bytes, "%.17g", *(const double *)field);
    else if (row->kind == OPTION_CHOICE) {
        for (int i = 0; i < *(const int *)field; i++)
            choice += strcspn(choice, "|") + 1;
        snprintf(text, text_bytes, "%.*s", (int)strcspn(choice, "|"), choice);
    } else
        snprintf(text, text_bytes, "%lld", (long long)*(const int64_t *)field);
}

static int add_option(const options *o, on_files *files, script *line, const option_row *row)
{
    const void *field = (const char *)o + row->offset;
    const text_list *list = field;
    char text[64];
    int code = 0;
    switch (row->kind) {
    case OPTION_FLAG:
        script_add(line, " --");
        script_add(line, row->name);
        return 0;
    case OPTION_TEXT:
        return add_text(o, files, line, row, *(const char *const *)field);
    case OPTION_LIST:
        for (size_t i = 0; code == 0 && i < list->num; i++)
            code = add_text(o, files, line, row, list->items[i]);
        return code;
    default:
        number_text(o, row, text, sizeof text);
        return add_text(o, files, line, row, text);
    }
}

static int add_words(const options *o, on_files *files, script *line)
{
    int code = 0;
    for (size_t i = 0; code == 0 && i < o->words.num; i++)
        if (strcmp(o->words.items[i], "-") == 0)
            code = fail_usage(o, "-: --on takes a file to the other end, must be its name");
        else if (file_exists(o->words.items[i]))
            code = add_file(o, files, line, o->words.items[i]);
        else
            add_value(line, o->words.items[i]);
    return code;
}

int on_files_take(const options *o, on_files *files, script *line)
{
    int code = 0;
    script_add(line, o->command);
    for (size_t i = 0; code == 0 && i < num_option_rows; i++)
        if ((option_rows[i].groups & o->groups) != 0 && options_given(o, option_rows[i].name) &&
            !stays_here(&option_rows[i]))
            code = add_option(o, files, line, &option_rows[i]);
    if (code == 0 && o->output != NULL)
        script_add(line, " --output -");
    script_add(line, " --");
    return code == 0 ? add_words(o, files, line) : code;
}
