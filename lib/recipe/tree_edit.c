/* recipe/tree_edit.c -- trees changed by "a.0.b=c", and written as YAML; see tree.h. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "recipe/tree.h"

static kerf__tree *add(kerf__tree *t, const char *key)
{
    if (!kerf__grow((void **)&t->items, &t->capacity, t->num, sizeof *t->items))
        return NULL;
    kerf__tree *item = &t->items[t->num];
    *item = (kerf__tree){.from = t->from, .line = t->line, .key = kerf__strdup(key)};
    t->num += item->key != NULL;
    return item->key != NULL ? item : NULL;
}

kerf__tree *kerf__tree_add_text(kerf__tree *map, const char *key, const char *text)
{
    kerf__tree *item = add(map, key);
    if (item != NULL)
        item->text = kerf__strdup(text);
    return item != NULL && item->text != NULL ? item : NULL;
}

/* ---- setting ------------------------------------------------------------------------------- */

/* The place of a list that a word names. */
static kerf_status find_place(kerf__tree *list, const char *word, const char *assignment,
                              kerf__tree **out)
{
    char *end;
    const unsigned long place = strtoul(word, &end, 10);
    if (isdigit((unsigned char)word[0]) && *end == '\0' && place < list->num) {
        *out = &list->items[place];
        return KERF_OK;
    }
    return kerf__fail(KERF_ERR_ARGUMENT, "--set %s: '%s' must be a place in a list of %zu, from 0",
                      assignment, word, list->num);
}

static kerf_status find_child(kerf__tree *t, const char *word, const char *assignment,
                              kerf__tree **out)
{
    if (t->kind == KERF__TREE_LIST)
        return find_place(t, word, assignment, out);
    if (t->kind == KERF__TREE_TEXT && t->text != NULL && t->text[0] != '\0')
        return kerf__fail(KERF_ERR_ARGUMENT, "--set %s: there is no '%s' below a plain value",
                          assignment, word);
    t->kind = KERF__TREE_MAP;
    *out = kerf__tree_find(t, word);
    if (*out == NULL)
        *out = add(t, word);
    return *out != NULL ? KERF_OK : kerf__fail_memory("recipe", strlen(word));
}

static kerf_status find_path(kerf__tree *root, char *path, const char *assignment, kerf__tree **out)
{
    *out = root;
    for (char *word = path; word != NULL;) {
        char *dot = strchr(word, '.');
        if (dot != NULL)
            *dot++ = '\0';
        if (word[0] == '\0')
            return kerf__fail(KERF_ERR_ARGUMENT, "--set %s: a word of the key is missing",
                              assignment);
        KERF__TRY(find_child(*out, word, assignment, out));
        word = dot;
    }
    return KERF_OK;
}

/* What was there goes, its key stays. */
static kerf_status replace(kerf__tree *at, const char *value, const char *assignment)
{
    kerf__tree fresh;
    kerf_status status = kerf__tree_parse(&fresh, value, strlen(value), assignment, 0);
    if (status != KERF_OK) {
        kerf__tree_free(&fresh);
        return status;
    }
    fresh.key = at->key;
    at->key = NULL;
    kerf__tree_free(at);
    *at = fresh;
    return KERF_OK;
}

kerf_status kerf__tree_set(kerf__tree *root, const char *assignment)
{
    kerf__tree *at;
    const char *equals = strchr(assignment, '=');
    if (equals == NULL || equals == assignment)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "--set %s: must be KEY=VALUE, such as steps.0.prune.sparsity=0.97",
                          assignment);
    char *path = kerf__strdup(assignment);
    if (path == NULL)
        return kerf__fail_memory("recipe", strlen(assignment));
    path[equals - assignment] = '\0';
    kerf_status status = find_path(root, path, assignment, &at);
    if (status == KERF_OK)
        status = replace(at, equals[1] != '\0' ? equals + 1 : "''", assignment);
    free(path);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Words, numbers and paths are plain; all else stands between quotes. */
static int is_plain(const char *text)
{
    static const char FIRST[] = "._/+";
    if (text[0] == '\0' || (!isalnum((unsigned char)text[0]) && !strchr(FIRST, text[0])) ||
        strcmp(text, "null") == 0)
        return 0;
    for (const char *p = text; *p != '\0'; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._/+-=", *p))
            return 0;
    return 1;
}

/* The character at text, which is UTF-8, and its bytes. */
static unsigned character_at(const char *text, int *num_bytes)
{
    const unsigned char *p = (const unsigned char *)text;
    const int more = (p[0] >= 0xC0) + (p[0] >= 0xE0) + (p[0] >= 0xF0);
    unsigned c = more == 0 ? p[0] : p[0] & (0x3Fu >> more);
    int i = 0;
    while (i < more && p[i + 1] != '\0')
        c = c << 6 | (p[++i] & 0x3Fu);
    *num_bytes = i + 1;
    return c;
}

/* What YAML takes for the end of a line, or does not take at all (YAML 1.1, 5.1 and 5.4). */
static int is_escaped(unsigned c)
{
    return c < ' ' || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 || c == 0xFEFF ||
           c == 0xFFFE || c == 0xFFFF;
}

static void print_text(const char *text, FILE *out)
{
    int num_bytes;
    if (is_plain(text)) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (const char *p = text; *p != '\0'; p += num_bytes) {
        const unsigned c = character_at(p, &num_bytes);
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", (int)c);
        else if (is_escaped(c))
            fprintf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
        else
            fprintf(out, "%.*s", num_bytes, p);
    }
    fputc('"', out);
}

static int is_flat(const kerf__tree *t)
{
    int flat = 1;
    for (size_t i = 0; i < t->num; i++)
        flat &= t->items[i].kind == KERF__TREE_TEXT;
    return flat;
}

/* In one line, between brackets. */
static void print_flat(const kerf__tree *t, FILE *out)
{
    const int is_map = t->kind == KERF__TREE_MAP;
    if (t->kind == KERF__TREE_TEXT) {
        print_text(t->text, out);
        return;
    }
    fputc(is_map ? '{' : '[', out);
    for (size_t i = 0; i < t->num; i++) {
        fputs(i > 0 ? ", " : "", out);
        if (is_map) {
            print_text(t->items[i].key, out);
            fputs(": ", out);
        }
        print_flat(&t->items[i], out);
    }
    fputc(is_map ? '}' : ']', out);
}

static void print_block(const kerf__tree *t, int indent, FILE *out);

/* An entry's value behind its key or dash. */
static void print_value(const kerf__tree *t, int indent, FILE *out)
{
    if (is_flat(t) || t->kind == KERF__TREE_TEXT) {
        fputc(' ', out);
        print_flat(t, out);
        fputc('\n', out);
        return;
    }
    fprintf(out, "\n%*s", indent + 2, "");
    print_block(t, indent + 2, out);
}

static void print_entry(const kerf__tree *item, int is_map, int indent, FILE *out)
{
    if (is_map) {
        print_text(item->key, out);
        fputc(':', out);
        print_value(item, indent, out);
    } else if (item->kind == KERF__TREE_MAP && item->num > 0) {
        fputs("- ", out); /* its first key stands behind the dash */
        print_block(item, indent + 2, out);
    } else {
        fputc('-', out);
        print_value(item, indent, out);
    }
}

/* The first line's indent is there already. */
static void print_block(const kerf__tree *t, int indent, FILE *out)
{
    for (size_t i = 0; i < t->num; i++) {
        fprintf(out, "%*s", i > 0 ? indent : 0, "");
        print_entry(&t->items[i], t->kind == KERF__TREE_MAP, indent, out);
    }
}

void kerf__tree_print(const kerf__tree *t, FILE *out)
{
    print_block(t, 0, out);
}
