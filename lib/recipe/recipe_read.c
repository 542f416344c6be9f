/* recipe/recipe_read.c -- a tree checked, completed and put into structs, by the table of keys.
 *
 * Completing comes first: a default is a text like one that a person writes, so the recipe that is
 * written out says exactly what was run. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "recipe/recipe_internal.h"
#include "train/schedule.h"

/* ---- keys ----------------------------------------------------------------------------------- */

/* "prune.sparsity", or at the top "seed". */
typedef struct key_name {
    char text[96];
} key_name;

static key_name name_of(const kerf__section *section, const char *key)
{
    key_name name;
    snprintf(name.text, sizeof name.text, "%s%s%.60s", section->name, section->name[0] ? "." : "",
             key);
    return name;
}

static kerf_status check_keys(const kerf__tree *map, const kerf__section *section)
{
    for (size_t i = 0; i < map->num; i++) {
        const kerf__tree *item = &map->items[i];
        if (kerf__key_find(section, item->key) != NULL)
            continue;
        const char *near = kerf__key_near(section, item->key);
        return kerf__tree_fail(item, KERF_ERR_ARGUMENT, "%s: no such key%s%s%s",
                               name_of(section, item->key).text, near ? "; did you mean " : "",
                               near ? near : "", near ? "?" : "");
    }
    return KERF_OK;
}

/* What a key is that does not stand there; what it looks at stands before it in the table. */
static const char *fallback_of(const kerf__key *key, const kerf__tree *done)
{
    const kerf__tree *optimizer = kerf__tree_find(done, "optimizer");
    if (key->adaptive != NULL && optimizer != NULL && optimizer->text != NULL &&
        strcmp(optimizer->text, "sgd") != 0)
        return key->adaptive;
    if (key->fallback == NULL || key->fallback[0] != '=')
        return key->fallback;
    const kerf__tree *twin = kerf__tree_find(done, key->fallback + 1);
    return twin != NULL && twin->text != NULL ? twin->text : "";
}

static kerf_status parse_fallback(kerf__tree *out, const char *text, int line)
{
    if (text[0] != '{' && text[0] != '[') {
        out->text = kerf__strdup(text);
        return out->text != NULL ? KERF_OK : kerf__fail_memory("recipe", strlen(text));
    }
    KERF__TRY(kerf__tree_parse(out, text, strlen(text), out->from, 1));
    out->line = line;
    return KERF_OK;
}

/* The key as the map has it, taken out of there, or its default. */
static kerf_status take_item(kerf__tree *out, const kerf__key *key, kerf__tree *map,
                             const kerf__tree *done, const kerf__section *section)
{
    kerf__tree *item = kerf__tree_find(map, key->name);
    const char *fallback = fallback_of(key, done);
    /* A text may be empty where it may be left out. */
    const int may_be_empty =
        key->kind == KERF__KEY_TEXT && (fallback == NULL || fallback[0] == '\0');
    const int is_empty =
        item == NULL || (item->kind == KERF__TREE_TEXT && item->text[0] == '\0' && !may_be_empty);
    kerf_status status = KERF_OK;
    if (is_empty && fallback == NULL)
        return kerf__tree_fail(map, KERF_ERR_ARGUMENT, "%s: is missing",
                               name_of(section, key->name).text);
    *out = is_empty ? (kerf__tree){.from = map->from, .line = map->line} : *item;
    if (is_empty)
        status = parse_fallback(out, fallback, map->line);
    else
        *item = (kerf__tree){.from = item->from, .key = item->key};
    out->key = kerf__strdup(key->name);
    return status != KERF_OK || out->key != NULL ? status
                                                 : kerf__fail_memory("recipe", strlen(key->name));
}

/* Every key of the section, in the table's order. */
static kerf_status complete(kerf__tree *map, const kerf__section *section)
{
    if (map->kind == KERF__TREE_TEXT && map->text[0] == '\0')
        map->kind = KERF__TREE_MAP;
    if (map->kind != KERF__TREE_MAP)
        return kerf__tree_fail(map, KERF_ERR_ARGUMENT, "%s: must be a map of keys and values",
                               section->name[0] ? section->name : "a recipe");
    KERF__TRY(check_keys(map, section));
    kerf__tree done = {.kind = KERF__TREE_MAP, .from = map->from, .line = map->line};
    done.items = kerf__alloc(section->num, sizeof *done.items);
    if (done.items == NULL)
        return kerf__fail_memory("recipe", section->num * sizeof *done.items);
    done.capacity = section->num;
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < section->num; i++) {
        status = take_item(&done.items[i], &section->keys[i], map, &done, section);
        done.num++;
    }
    done.key = map->key;
    map->key = NULL;
    kerf__tree_free(map);
    *map = done;
    return status;
}

/* ---- values --------------------------------------------------------------------------------- */

typedef struct value {
    kerf__recipe *r;
    const kerf__tree *at;
    const kerf__section *section;
    const kerf__key *key;
} value;

static kerf_status wrong(const value *v, const char *text, const char *must)
{
    return kerf__tree_fail(v->at, KERF_ERR_ARGUMENT, "%s %s: must be %s",
                           name_of(v->section, v->key->name).text, text, must);
}

/* "at least 0 and below 1". */
static const char *range_text(const kerf__key *key, char *text, size_t text_bytes)
{
    char min[48] = "", max[48] = "";
    if (key->range & (KERF__MIN | KERF__ABOVE))
        snprintf(min, sizeof min, "%s %.12g", key->range & KERF__MIN ? "at least" : "above",
                 key->min);
    if (key->range & (KERF__MAX | KERF__BELOW))
        snprintf(max, sizeof max, "%s %.12g", key->range & KERF__MAX ? "at most" : "below",
                 key->max);
    snprintf(text, text_bytes, "%s%s%s", min, min[0] && max[0] ? " and " : "", max);
    return text;
}

static kerf_status check_range(const value *v, const char *text, double x)
{
    const kerf__key *key = v->key;
    const int outside = ((key->range & KERF__MIN) && x < key->min) ||
                        ((key->range & KERF__ABOVE) && x <= key->min) ||
                        ((key->range & KERF__MAX) && x > key->max) ||
                        ((key->range & KERF__BELOW) && x >= key->max);
    char range[128];
    return outside ? wrong(v, text, range_text(key, range, sizeof range)) : KERF_OK;
}

static kerf_status parse_real(const value *v, const char *text, double *x)
{
    char *end;
    *x = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*x))
        return wrong(v, text, "a number");
    return check_range(v, text, *x);
}

/* "1.5" or "1.5 epochs", "500 steps", "60%". */
static kerf_status parse_time(const value *v, const char *text, kerf_time *out)
{
    const char *end = kerf__time_read(text, out);
    if (end == NULL || *end != '\0')
        return wrong(v, text, "a time, such as 1.5 (epochs), 500 steps or 60%");
    if (out->unit == KERF_SHARES && out->value > 1)
        return wrong(v, text, "at most 100 %");
    if (out->unit == KERF_STEPS && out->value != floor(out->value))
        return wrong(v, text, "whole steps");
    return check_range(v, text, strtod(text, NULL));
}

static kerf_status parse_whole(const value *v, const char *text, int64_t *x)
{
    char *end;
    *x = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        return wrong(v, text, "a whole number");
    return check_range(v, text, (double)*x);
}

static kerf_status parse_flag(const value *v, const char *text, int *x)
{
    static const char *const WORDS[] = {"false", "true", "no", "yes", "off", "on"};
    for (int i = 0; i < 6; i++)
        if (strcmp(text, WORDS[i]) == 0) {
            *x = i % 2;
            return KERF_OK;
        }
    return wrong(v, text, "true or false");
}

static kerf_status parse_choice(const value *v, const char *text, int *x)
{
    char must[200];
    const char *choice = v->key->choices;
    for (int i = 0; *choice != '\0'; i++) {
        const size_t length = strcspn(choice, "|");
        if (strlen(text) == length && strncmp(choice, text, length) == 0) {
            *x = i;
            return KERF_OK;
        }
        choice += length + (choice[length] == '|');
    }
    snprintf(must, sizeof must, "one of %s", v->key->choices);
    return wrong(v, text, must);
}

/* One value, or a list of them. */
static kerf_status parse_list(const value *v, kerf__texts *out)
{
    const kerf__tree *one = v->at->kind == KERF__TREE_LIST ? v->at->items : v->at;
    const size_t num = v->at->kind == KERF__TREE_LIST ? v->at->num : 1;
    int ignored;
    out->items = kerf__recipe_keep(v->r, num, sizeof *out->items);
    if (out->items == NULL)
        return kerf__fail_memory("recipe", num * sizeof *out->items);
    for (size_t i = 0; i < num; i++) {
        if (one[i].kind != KERF__TREE_TEXT)
            return wrong(v, "holds a list or a map", "a list of words");
        if (v->key->choices != NULL)
            KERF__TRY(parse_choice(v, one[i].text, &ignored));
        out->items[out->num++] = one[i].text;
    }
    return KERF_OK;
}

static kerf_status parse_amount(const value *v, char *entry, kerf__amounts *out)
{
    char *equals = strrchr(entry, '=');
    if (equals == NULL)
        return parse_real(v, entry, &out->value);
    *equals = '\0';
    if (entry[0] == '\0')
        return wrong(v, v->at->text, "a number, or by layer: fc1=0.9,*=0.7");
    out->items[out->num].pattern = entry;
    return parse_real(v, equals + 1, &out->items[out->num++].value);
}

static kerf_status parse_amounts(const value *v, const char *text, kerf__amounts *out)
{
    size_t num = 1;
    for (const char *p = text; *p != '\0'; p++)
        num += *p == ',';
    char *copy = kerf__recipe_keep(v->r, strlen(text) + 1, 1);
    out->items = kerf__recipe_keep(v->r, num, sizeof *out->items);
    if (copy == NULL || out->items == NULL)
        return kerf__fail_memory("recipe", strlen(text));
    strcpy(copy, text);
    for (char *entry = copy; entry != NULL;) {
        char *comma = strchr(entry, ',');
        if (comma != NULL)
            *comma++ = '\0';
        KERF__TRY(parse_amount(v, entry, out));
        entry = comma;
    }
    return KERF_OK;
}

static kerf_status parse_text(const value *v, void *field)
{
    const char *text = v->at->text;
    switch (v->key->kind) {
    case KERF__KEY_REAL:
        return parse_real(v, text, field);
    case KERF__KEY_TIME:
        *(kerf_time *)field = (kerf_time){.value = NAN};
        return text[0] != '\0' ? parse_time(v, text, field) : KERF_OK;
    case KERF__KEY_WHOLE:
        return parse_whole(v, text, field);
    case KERF__KEY_FLAG:
        return parse_flag(v, text, field);
    case KERF__KEY_CHOICE:
        return parse_choice(v, text, field);
    case KERF__KEY_AMOUNTS:
        return parse_amounts(v, text, field);
    default:
        *(const char **)field = text[0] != '\0' ? text : NULL;
        return KERF_OK;
    }
}

/* ---- sections ------------------------------------------------------------------------------- */

static kerf_status fill_section(kerf__recipe *r, kerf__tree *map, const kerf__section *section,
                                void *into);

static kerf_status need_list(const value *v, const char *must)
{
    return v->at->kind == KERF__TREE_LIST ? KERF_OK : wrong(v, "is no list", must);
}

/* "- prune: {...}": a map of one key. */
static kerf_status fill_step(kerf__recipe *r, kerf__tree *map, const kerf__section *kinds,
                             kerf__recipe_step *step)
{
    if (map->kind != KERF__TREE_MAP || map->num != 1)
        return kerf__tree_fail(map, KERF_ERR_ARGUMENT,
                               "steps: each must be one key with its map, such as - prune: "
                               "{sparsity: 0.9}");
    KERF__TRY(check_keys(map, kinds));
    step->key = kerf__key_find(kinds, map->items[0].key);
    step->at = &map->items[0];
    if (step->key->kind == KERF__KEY_LATER)
        return kerf__tree_fail(step->at, KERF_ERR_UNSUPPORTED, "%s: not in this version yet",
                               step->key->name);
    return fill_section(r, &map->items[0], step->key->section, &step->of);
}

static kerf_status fill_steps(const value *v, kerf__recipe_steps *out)
{
    KERF__TRY(need_list(v, "a list of steps, each behind a dash"));
    out->items = kerf__recipe_keep(v->r, v->at->num, sizeof *out->items);
    if (out->items == NULL)
        return kerf__fail_memory("recipe", v->at->num * sizeof *out->items);
    for (size_t i = 0; i < v->at->num; i++)
        KERF__TRY(fill_step(v->r, &v->at->items[i], v->key->section, &out->items[out->num++]));
    return KERF_OK;
}

static kerf_status fill_stages(const value *v, kerf__recipe_phases *out)
{
    KERF__TRY(need_list(v, "a list of {name, train, steps}"));
    if (v->at->num == 0)
        return wrong(v, "[]", "one stage at least");
    out->items = kerf__recipe_keep(v->r, v->at->num, sizeof *out->items);
    if (out->items == NULL)
        return kerf__fail_memory("recipe", v->at->num * sizeof *out->items);
    for (size_t i = 0; i < v->at->num; i++)
        KERF__TRY(fill_section(v->r, &v->at->items[i], v->key->section, &out->items[out->num++]));
    return KERF_OK;
}

static kerf_status fill_key(const value *v, kerf__tree *at, void *field)
{
    switch (v->key->kind) {
    case KERF__KEY_SECTION:
        return fill_section(v->r, at, v->key->section, field);
    case KERF__KEY_STEPS:
        return fill_steps(v, field);
    case KERF__KEY_STAGES:
        return fill_stages(v, field);
    case KERF__KEY_LIST:
        return parse_list(v, field);
    default:
        return at->kind == KERF__TREE_TEXT ? parse_text(v, field)
                                           : wrong(v, "is a list or a map", "one value");
    }
}

static kerf_status fill_section(kerf__recipe *r, kerf__tree *map, const kerf__section *section,
                                void *into)
{
    KERF__TRY(complete(map, section));
    for (size_t i = 0; i < section->num; i++) {
        const value v = {r, &map->items[i], section, &section->keys[i]};
        KERF__TRY(fill_key(&v, &map->items[i], (char *)into + v.key->offset));
    }
    return KERF_OK;
}

/* Before anything else is looked at: a newer recipe may have other keys. */
static kerf_status check_version(const kerf__tree *tree)
{
    enum { VERSION = 1 };
    const kerf__tree *version = kerf__tree_find(tree, "kerf");
    if (version == NULL || version->kind != KERF__TREE_TEXT ||
        strtol(version->text, NULL, 10) <= VERSION)
        return KERF_OK;
    return kerf__tree_fail(version, KERF_ERR_UNSUPPORTED,
                           "kerf %s: a recipe for a newer version; this one reads %d",
                           version->text, (int)VERSION);
}

kerf_status kerf__recipe_fill(kerf__recipe *r)
{
    KERF__TRY(check_version(&r->tree));
    const int has_stages = kerf__tree_find(&r->tree, "stages") != NULL;
    const char *const alone[] = {"train", "steps"};
    for (int i = 0; has_stages && i < 2; i++) {
        const kerf__tree *beside = kerf__tree_find(&r->tree, alone[i]);
        if (beside != NULL)
            return kerf__tree_fail(beside, KERF_ERR_ARGUMENT,
                                   "%s: stands beside stages, must stand in one of them", alone[i]);
    }
    return fill_section(r, &r->tree,
                        has_stages ? &kerf__recipe_staged_section : &kerf__recipe_plain_section,
                        &r->top);
}
