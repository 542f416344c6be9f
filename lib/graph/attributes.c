/* graph/attributes.c -- a node's attributes: few, so a list searched from the front.
 *
 * Setting a key again replaces what it held, whatever kind that was. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/graph_internal.h"
#include "tensor/tensor_internal.h"

static void clear(kerf__attribute *a)
{
    free(a->ints);
    free(a->floats);
    free(a->string);
    kerf_tensor_destroy(a->tensor);
}

void kerf__node_destroy(kerf_node *n)
{
    if (n == NULL)
        return;
    for (size_t i = 0; i < n->num_attributes; i++) {
        clear(&n->attributes[i]);
        free(n->attributes[i].key);
    }
    free(n->attributes);
    free(n->inputs);
    free(n->outputs);
    free(n->op);
    free(n->name);
    free(n);
}

static kerf__attribute *find(const kerf_node *n, const char *key)
{
    for (size_t i = 0; i < n->num_attributes; i++)
        if (strcmp(n->attributes[i].key, key) == 0)
            return &n->attributes[i];
    return NULL;
}

const kerf__attribute *kerf__node_attribute(const kerf_node *n, const char *key)
{
    return find(n, key);
}

void kerf__node_remove_attribute(kerf_node *n, const char *key)
{
    kerf__attribute *a = find(n, key);
    if (a == NULL)
        return;
    clear(a);
    free(a->key);
    n->num_attributes--;
    memmove(a, a + 1, (size_t)(n->attributes + n->num_attributes - a) * sizeof *a);
}

/* ---- setting ------------------------------------------------------------------------------ */

/* Stores `fresh` under the key; its arrays are taken over, also on failure. */
static kerf_status set(kerf_node *n, const char *key, kerf__attribute fresh)
{
    kerf__attribute *a = find(n, key);
    if (a != NULL) {
        fresh.key = a->key;
        clear(a);
        *a = fresh;
        return KERF_OK;
    }
    fresh.key = kerf__strdup(key);
    if (fresh.key == NULL || !kerf__grow((void **)&n->attributes, &n->attribute_capacity,
                                         n->num_attributes, sizeof *n->attributes)) {
        free(fresh.key);
        clear(&fresh);
        return kerf__fail_memory(n->name, sizeof fresh);
    }
    n->attributes[n->num_attributes++] = fresh;
    return KERF_OK;
}

/* A copy of an array in *copy. */
static kerf_status duplicate(void **copy, const kerf_node *n, const void *src, size_t num,
                             size_t element_bytes)
{
    *copy = kerf__alloc(num, element_bytes);
    if (*copy == NULL)
        return kerf__fail_memory(n->name, num * element_bytes);
    if (num > 0)
        memcpy(*copy, src, num * element_bytes);
    return KERF_OK;
}

kerf_status kerf_node_set_int(kerf_node *n, const char *key, int64_t x)
{
    return set(n, key, (kerf__attribute){.kind = KERF__ATTRIBUTE_INT, .as_int = x, .num = 1});
}

kerf_status kerf_node_set_float(kerf_node *n, const char *key, float x)
{
    return set(n, key, (kerf__attribute){.kind = KERF__ATTRIBUTE_FLOAT, .as_float = x, .num = 1});
}

kerf_status kerf_node_set_ints(kerf_node *n, const char *key, const int64_t *x, size_t num)
{
    void *copy;
    KERF__TRY(duplicate(&copy, n, x, num, sizeof *x));
    return set(n, key, (kerf__attribute){.kind = KERF__ATTRIBUTE_INTS, .ints = copy, .num = num});
}

kerf_status kerf_node_set_floats(kerf_node *n, const char *key, const float *x, size_t num)
{
    void *copy;
    KERF__TRY(duplicate(&copy, n, x, num, sizeof *x));
    return set(n, key,
               (kerf__attribute){.kind = KERF__ATTRIBUTE_FLOATS, .floats = copy, .num = num});
}

kerf_status kerf_node_set_string(kerf_node *n, const char *key, const char *x)
{
    void *copy;
    KERF__TRY(duplicate(&copy, n, x, strlen(x) + 1, 1));
    return set(n, key, (kerf__attribute){.kind = KERF__ATTRIBUTE_STRING, .string = copy, .num = 1});
}

kerf_status kerf__node_set_tensor(kerf_node *n, const char *key, kerf_tensor *t)
{
    if (t == NULL || t->dev != NULL) {
        kerf_tensor_destroy(t);
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "graph: attribute '%s' of '%s' must lie in host memory", key, n->name);
    }
    return set(n, key, (kerf__attribute){.kind = KERF__ATTRIBUTE_TENSOR, .tensor = t, .num = 1});
}

static kerf_status copy_tensor(kerf_node *dst, const kerf__attribute *a)
{
    kerf_tensor *t;
    KERF__TRY(kerf_tensor_create(&t, NULL, a->tensor->type, a->tensor->shape));
    kerf_status status = kerf_tensor_copy(a->tensor, t);
    if (status != KERF_OK) {
        kerf_tensor_destroy(t);
        return status;
    }
    return kerf__node_set_tensor(dst, a->key, t);
}

static kerf_status copy_attribute(kerf_node *dst, const kerf__attribute *a)
{
    switch (a->kind) {
    case KERF__ATTRIBUTE_INT:
        return kerf_node_set_int(dst, a->key, a->as_int);
    case KERF__ATTRIBUTE_FLOAT:
        return kerf_node_set_float(dst, a->key, a->as_float);
    case KERF__ATTRIBUTE_INTS:
        return kerf_node_set_ints(dst, a->key, a->ints, a->num);
    case KERF__ATTRIBUTE_FLOATS:
        return kerf_node_set_floats(dst, a->key, a->floats, a->num);
    case KERF__ATTRIBUTE_STRING:
        return kerf_node_set_string(dst, a->key, a->string);
    case KERF__ATTRIBUTE_TENSOR:
        break;
    }
    return copy_tensor(dst, a);
}

kerf_status kerf__node_copy_attributes(kerf_node *dst, const kerf_node *src)
{
    for (size_t i = 0; i < src->num_attributes; i++)
        KERF__TRY(copy_attribute(dst, &src->attributes[i]));
    return KERF_OK;
}

/* ---- looking: an attribute of another kind counts as missing -------------------------------- */

static const kerf__attribute *find_kind(const kerf_node *n, const char *key,
                                        kerf__attribute_kind kind)
{
    const kerf__attribute *a = find(n, key);
    return a != NULL && a->kind == kind ? a : NULL;
}

int64_t kerf_node_int(const kerf_node *n, const char *key, int64_t otherwise)
{
    const kerf__attribute *a = find_kind(n, key, KERF__ATTRIBUTE_INT);
    return a != NULL ? a->as_int : otherwise;
}

float kerf_node_float(const kerf_node *n, const char *key, float otherwise)
{
    const kerf__attribute *a = find_kind(n, key, KERF__ATTRIBUTE_FLOAT);
    return a != NULL ? a->as_float : otherwise;
}

const char *kerf_node_string(const kerf_node *n, const char *key, const char *otherwise)
{
    const kerf__attribute *a = find_kind(n, key, KERF__ATTRIBUTE_STRING);
    return a != NULL ? a->string : otherwise;
}

const int64_t *kerf_node_ints(const kerf_node *n, const char *key, size_t *num)
{
    const kerf__attribute *a = find_kind(n, key, KERF__ATTRIBUTE_INTS);
    *num = a != NULL ? a->num : 0;
    return a != NULL ? a->ints : NULL;
}
