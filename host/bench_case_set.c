/* bench_case_set.c -- the files that hold cases, the command's own and those of --cases, which may
 * hold anything; see bench_case.h. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench_case.h"
#include "files.h"

enum { MAX_CASES = 10000 };

static int append(const options *o, case_set *set, const bench_case *c)
{
    if (set->num == set->capacity) {
        size_t capacity = set->capacity == 0 ? 64 : 2 * set->capacity;
        bench_case *larger = realloc(set->items, capacity * sizeof *larger);
        if (larger == NULL)
            return fail_memory(o);
        set->items = larger;
        set->capacity = capacity;
    }
    set->items[set->num++] = *c;
    return 0;
}

static int is_known(const case_set *set, const bench_case *c)
{
    for (size_t i = 0; i < set->num; i++)
        if (set->items[i].family == c->family && strcmp(set->items[i].name, c->name) == 0)
            return 1;
    return 0;
}

/* "cases 1 gemm" */
static int read_head(const options *o, const char *path, size_t line, char **words, int num,
                     const case_family **family)
{
    if (num != 3 || strcmp(words[0], "cases") != 0)
        return fail_work(o, "%s:%zu: must begin with 'cases %d FAMILY' like 'cases %d gemm'", path,
                         line, CASE_VERSION, CASE_VERSION);
    char version[16];
    snprintf(version, sizeof version, "%d", CASE_VERSION);
    if (strcmp(words[1], version) != 0)
        return fail_work(o, "%s:%zu: holds cases of version %.20s, must be %d", path, line,
                         words[1], CASE_VERSION);
    *family = case_family_find(words[2]);
    return *family != NULL ? 0
                           : fail_work(o, "%s:%zu: %.40s: no such family; see kerf bench --help",
                                       path, line, words[2]);
}

static int read_line(const options *o, const char *path, size_t line, const char *text,
                     const case_family **family, case_set *set)
{
    char copy[CASE_LINE], *words[CASE_WORDS];
    bench_case c;
    if (strcspn(text, "#") >= sizeof copy)
        return fail_work(o, "%s:%zu: has %zu characters, must have fewer than %zu", path, line,
                         strcspn(text, "#"), sizeof copy);
    snprintf(copy, sizeof copy, "%s", text);
    int num = case_words(copy, words);
    if (num == 0)
        return 0;
    if (*family == NULL)
        return read_head(o, path, line, words, num, family);
    if (!case_read(&c, *family, text))
        return fail_work(o, "%s:%zu: '%s' is no case, must be like '%s'", path, line, c.name,
                         (*family)->example);
    if (is_known(set, &c))
        return fail_work(o, "%s:%zu: '%s' is there twice", path, line, c.name);
    if (set->num >= MAX_CASES)
        return fail_work(o, "%s:%zu: must be at most %d cases", path, line, MAX_CASES);
    return append(o, set, &c);
}

static int read_lines(const options *o, const char *path, char *const *lines, size_t num,
                      case_set *set)
{
    const case_family *family = NULL;
    size_t before = set->num;
    for (size_t i = 0; i < num; i++) {
        int code = read_line(o, path, i + 1, lines[i], &family, set);
        if (code != 0)
            return code;
    }
    return set->num > before ? 0 : fail_work(o, "%s: holds no case", path);
}

static int read_file(const options *o, const char *path, case_set *set)
{
    char *text, **lines;
    size_t num;
    int code = file_read_lines(o, path, &text, &lines, &num);
    if (code == 0)
        code = read_lines(o, path, lines, num, set);
    free(lines);
    free(text);
    return code;
}

static int read_own(const options *o, const case_family *own, case_set *set)
{
    const case_family *family = NULL;
    const char *p = (const char *)own->text;
    int code = 0;
    for (size_t line = 1; code == 0 && *p != '\0'; line++) {
        char text[CASE_LINE];
        size_t length = strcspn(p, "\n");
        snprintf(text, sizeof text, "%.*s", (int)length, p);
        code = read_line(o, own->name, line, text, &family, set);
        p += length + (p[length] == '\n');
    }
    return code;
}

uint32_t case_hash(uint32_t hash, const bench_case *c)
{
    const char *parts[] = {c->family->name, " ", c->name, "\n"};
    for (int k = 0; k < 4; k++)
        for (const char *p = parts[k]; *p != '\0'; p++)
            hash = (hash ^ (unsigned char)*p) * 16777619u;
    return hash;
}

static void set_id(case_set *set)
{
    uint32_t hash = CASE_HASH;
    for (size_t i = 0; i < set->num; i++)
        hash = case_hash(hash, &set->items[i]);
    snprintf(set->id, sizeof set->id, "%d-%08" PRIx32, CASE_VERSION, hash);
}

int case_set_read(const options *o, const text_list *files, case_set *set)
{
    int code = 0;
    *set = (case_set){0};
    for (size_t i = 0; code == 0 && i < files->num; i++)
        code = read_file(o, files->items[i], set);
    for (size_t i = 0; code == 0 && files->num == 0 && i < num_case_families; i++)
        code = read_own(o, &case_families[i], set);
    set_id(set);
    return code;
}

void case_set_free(case_set *set)
{
    free(set->items);
    *set = (case_set){0};
}
