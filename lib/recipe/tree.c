/* recipe/tree.c -- YAML text to a tree, by libyaml's documents; see tree.h. */
#include "recipe/tree.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/alloc.h"
#include "base/fail.h"

/* A recipe of a person is far below both; aliases of aliases are not. */
enum { MOST_NODES = 10000, MOST_DEPTH = 16 };

kerf_status kerf__tree_fail(const kerf__tree *t, kerf_status status, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (t->line == 0)
        return kerf__fail(status, "--set %s: %s", t->from, text);
    return kerf__fail(status, "%s:%d: %s", t->from, t->line, text);
}

void kerf__tree_free(kerf__tree *t)
{
    for (size_t i = 0; i < t->num; i++)
        kerf__tree_free(&t->items[i]);
    free(t->items);
    free(t->key);
    free(t->text);
    *t = (kerf__tree){0};
}

int kerf__tree_same_key(const char *a, const char *b)
{
    for (; *a != '\0' && (*a == *b || (strchr("-_", *a) && *b != '\0' && strchr("-_", *b))); a++)
        b++;
    return *a == *b;
}

kerf__tree *kerf__tree_find(const kerf__tree *map, const char *key)
{
    for (size_t i = 0; map->kind == KERF__TREE_MAP && i < map->num; i++)
        if (kerf__tree_same_key(map->items[i].key, key))
            return &map->items[i];
    return NULL;
}

/* ---- the environment ------------------------------------------------------------------------ */

/* A text with `length` bytes from `at` on replaced. */
static char *replace(const char *text, size_t at, size_t length, const char *by)
{
    const size_t rest = strlen(text + at + length), by_length = strlen(by);
    char *out = kerf__alloc(at + by_length + rest + 1, 1);
    if (out == NULL)
        return NULL;
    memcpy(out, text, at);
    memcpy(out + at, by, by_length);
    memcpy(out + at + by_length, text + at + length, rest);
    return out;
}

/* Once from left to right: what the environment holds is not looked into again. */
static kerf_status expand(kerf__tree *t)
{
    char name[64];
    for (char *begin = strstr(t->text, "${"); begin != NULL;) {
        const size_t at = (size_t)(begin - t->text), length = strcspn(begin + 2, "}");
        if (begin[2 + length] == '\0' || length == 0 || length >= sizeof name)
            return kerf__tree_fail(t, KERF_ERR_FORMAT, "'%s': must be ${NAME} with a name", begin);
        snprintf(name, sizeof name, "%.*s", (int)length, begin + 2);
        const char *value = getenv(name);
        if (value == NULL)
            return kerf__tree_fail(t, KERF_ERR_ARGUMENT, "${%s}: the environment has no %s", name,
                                   name);
        char *text = replace(t->text, at, length + 3, value);
        if (text == NULL)
            return kerf__fail_memory("recipe", strlen(t->text) + strlen(value));
        free(t->text);
        t->text = text;
        begin = strstr(text + at + strlen(value), "${");
    }
    return KERF_OK;
}

/* ---- from libyaml's nodes ------------------------------------------------------------------- */

typedef struct reader {
    yaml_document_t *document;
    const char *from;
    int is_file, num_nodes;
} reader;

static kerf_status copy_node(reader *r, kerf__tree *out, const yaml_node_t *node, int depth);

static kerf_status add_item(reader *r, kerf__tree *out, int id, int depth, kerf__tree **item)
{
    if (!kerf__grow((void **)&out->items, &out->capacity, out->num, sizeof *out->items))
        return kerf__fail_memory("recipe", out->num * sizeof *out->items);
    *item = &out->items[out->num++];
    **item = (kerf__tree){.from = r->from};
    return copy_node(r, *item, yaml_document_get_node(r->document, id), depth + 1);
}

static kerf_status copy_list(reader *r, kerf__tree *out, const yaml_node_t *node, int depth)
{
    kerf__tree *item;
    const yaml_node_item_t *items = node->data.sequence.items.start;
    out->kind = KERF__TREE_LIST;
    for (; items < node->data.sequence.items.top; items++)
        KERF__TRY(add_item(r, out, *items, depth, &item));
    return KERF_OK;
}

static kerf_status copy_pair(reader *r, kerf__tree *out, const yaml_node_pair_t *pair, int depth)
{
    kerf__tree *item;
    const yaml_node_t *key = yaml_document_get_node(r->document, pair->key);
    if (key == NULL || key->type != YAML_SCALAR_NODE)
        return kerf__tree_fail(out, KERF_ERR_FORMAT, "a key is a list or a map, must be a word");
    const char *name = (const char *)key->data.scalar.value;
    const kerf__tree *twin = kerf__tree_find(out, name);
    if (twin != NULL)
        return kerf__tree_fail(twin, KERF_ERR_FORMAT, "%s: stands here twice", name);
    KERF__TRY(add_item(r, out, pair->value, depth, &item));
    item->line = r->is_file ? (int)key->start_mark.line + 1 : 0;
    item->key = kerf__strdup(name);
    return item->key != NULL ? KERF_OK : kerf__fail_memory("recipe", strlen(name));
}

static kerf_status copy_map(reader *r, kerf__tree *out, const yaml_node_t *node, int depth)
{
    const yaml_node_pair_t *pairs = node->data.mapping.pairs.start;
    out->kind = KERF__TREE_MAP;
    for (; pairs < node->data.mapping.pairs.top; pairs++)
        KERF__TRY(copy_pair(r, out, pairs, depth));
    return KERF_OK;
}

/* "~" and "null" say nothing, unless they are quoted. */
static kerf_status copy_text(kerf__tree *out, const yaml_node_t *node)
{
    const char *text = (const char *)node->data.scalar.value;
    if (node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
        (strcmp(text, "~") == 0 || strcmp(text, "null") == 0))
        text = "";
    if (strlen(text) != node->data.scalar.length && *text != '\0')
        return kerf__tree_fail(out, KERF_ERR_FORMAT, "a text holds a 0 byte");
    out->text = kerf__strdup(text);
    return out->text != NULL ? expand(out) : kerf__fail_memory("recipe", strlen(text));
}

static kerf_status copy_node(reader *r, kerf__tree *out, const yaml_node_t *node, int depth)
{
    out->from = r->from;
    out->line = r->is_file && node != NULL ? (int)node->start_mark.line + 1 : 0;
    if (node == NULL || ++r->num_nodes > MOST_NODES || depth > MOST_DEPTH)
        return kerf__tree_fail(out, KERF_ERR_FORMAT,
                               "is more than a recipe can hold: %d values, %d levels",
                               (int)MOST_NODES, (int)MOST_DEPTH);
    if (node->type == YAML_SEQUENCE_NODE)
        return copy_list(r, out, node, depth);
    return node->type == YAML_MAPPING_NODE ? copy_map(r, out, node, depth) : copy_text(out, node);
}

static kerf_status fail_parser(const yaml_parser_t *p, const kerf__tree *where)
{
    const kerf__tree here = {.from = where->from,
                             .line = where->line ? (int)p->problem_mark.line + 1 : 0};
    if (p->error == YAML_MEMORY_ERROR)
        return kerf__fail_memory("recipe", 0);
    return kerf__tree_fail(&here, KERF_ERR_FORMAT, "is not YAML: %s",
                           p->problem != NULL ? p->problem : "cannot be read");
}

static kerf_status copy_document(kerf__tree *out, yaml_document_t *document, int is_file)
{
    reader r = {document, out->from, is_file, 0};
    const yaml_node_t *root = yaml_document_get_root_node(document);
    return root != NULL ? copy_node(&r, out, root, 0)
                        : kerf__tree_fail(out, KERF_ERR_FORMAT, "is empty");
}

static kerf_status parse(kerf__tree *out, yaml_parser_t *p)
{
    yaml_document_t document, second;
    const int is_file = out->line;
    if (!yaml_parser_load(p, &document))
        return fail_parser(p, out);
    kerf_status status = copy_document(out, &document, is_file);
    yaml_document_delete(&document);
    if (status != KERF_OK)
        return status;
    if (!yaml_parser_load(p, &second))
        return fail_parser(p, out);
    const int has_more = yaml_document_get_root_node(&second) != NULL;
    yaml_document_delete(&second);
    return has_more ? kerf__tree_fail(out, KERF_ERR_FORMAT, "holds two documents, must be one")
                    : KERF_OK;
}

kerf_status kerf__tree_parse(kerf__tree *out, const char *text, size_t num_bytes, const char *from,
                             int is_file)
{
    yaml_parser_t p;
    *out = (kerf__tree){.from = from, .line = is_file != 0};
    if (!yaml_parser_initialize(&p))
        return kerf__fail_memory("recipe", sizeof p);
    yaml_parser_set_input_string(&p, (const unsigned char *)text, num_bytes);
    kerf_status status = parse(out, &p);
    yaml_parser_delete(&p);
    return status;
}
