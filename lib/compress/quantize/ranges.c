/* compress/quantize/ranges.c -- what calibration saw, by name, and the file of it. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "compress/quantize/quantize_internal.h"

/* Numbers by channel. */
typedef struct numbers {
    char *name; /* owned, as both */
    double *values;
    size_t num;
} numbers;
typedef struct lists {
    numbers *at; /* owned */
    size_t num, capacity;
} lists;

enum { MEANS, WEIGHTS, NUM_KINDS };
static const char *const KEYS[NUM_KINDS] = {[MEANS] = "means", [WEIGHTS] = "weights"};

struct kerf_ranges {
    kerf_range *items; /* owned, names too */
    size_t num, capacity;
    lists lists[NUM_KINDS];
};

kerf_status kerf__ranges_create(kerf_ranges **out)
{
    *out = kerf__alloc(1, sizeof **out);
    return *out != NULL ? KERF_OK : kerf__fail_memory("ranges", sizeof **out);
}

void kerf_ranges_destroy(kerf_ranges *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < r->num; i++)
        free((char *)r->items[i].name); /* made by kerf__strdup below */
    for (int k = 0; k < NUM_KINDS; k++) {
        for (size_t i = 0; i < r->lists[k].num; i++) {
            free(r->lists[k].at[i].name);
            free(r->lists[k].at[i].values);
        }
        free(r->lists[k].at);
    }
    free(r->items);
    free(r);
}

size_t kerf_ranges_num(const kerf_ranges *r)
{
    return r->num;
}

kerf_range kerf_ranges_get(const kerf_ranges *r, size_t i)
{
    return r->items[i];
}

kerf_status kerf__ranges_add(kerf_ranges *r, const char *name, double low, double high)
{
    char *copy = kerf__strdup(name);
    if (copy == NULL || !kerf__grow((void **)&r->items, &r->capacity, r->num, sizeof *r->items)) {
        free(copy);
        return kerf__fail_memory("ranges", strlen(name));
    }
    r->items[r->num++] = (kerf_range){copy, low, high};
    return KERF_OK;
}

const kerf_range *kerf__ranges_find(const kerf_ranges *r, const char *name)
{
    for (size_t i = 0; i < r->num; i++)
        if (strcmp(r->items[i].name, name) == 0)
            return &r->items[i];
    return NULL;
}

/* values are taken over. */
static kerf_status add(lists *l, const char *name, double *values, size_t num)
{
    char *copy = kerf__strdup(name);
    if (copy == NULL || !kerf__grow((void **)&l->at, &l->capacity, l->num, sizeof *l->at)) {
        free(copy);
        free(values);
        return kerf__fail_memory("ranges", strlen(name));
    }
    l->at[l->num++] = (numbers){copy, values, num};
    return KERF_OK;
}

static const double *find(const lists *l, const char *name, size_t num)
{
    for (size_t i = 0; i < l->num; i++)
        if (strcmp(l->at[i].name, name) == 0 && l->at[i].num == num)
            return l->at[i].values;
    return NULL;
}

kerf_status kerf__ranges_add_means(kerf_ranges *r, const char *name, double *values, size_t num)
{
    return add(&r->lists[MEANS], name, values, num);
}

const double *kerf__ranges_find_means(const kerf_ranges *r, const char *name, size_t num)
{
    return find(&r->lists[MEANS], name, num);
}

kerf_status kerf__ranges_add_weights(kerf_ranges *r, const char *name, double *values, size_t num)
{
    return add(&r->lists[WEIGHTS], name, values, num);
}

const double *kerf__ranges_find_weights(const kerf_ranges *r, const char *name, size_t num)
{
    return r != NULL ? find(&r->lists[WEIGHTS], name, num) : NULL;
}

kerf_status kerf__ranges_copy_means(kerf_ranges *r, const kerf_ranges *src)
{
    for (size_t i = 0; i < src->lists[MEANS].num; i++) {
        const numbers *m = &src->lists[MEANS].at[i];
        double *values = kerf__alloc(m->num, sizeof *values);
        if (values == NULL)
            return kerf__fail_memory("ranges", m->num * sizeof *values);
        memcpy(values, m->values, m->num * sizeof *values);
        KERF__TRY(kerf__ranges_add_means(r, m->name, values, m->num));
    }
    return KERF_OK;
}

/* ---- the file -------------------------------------------------------------------------- */

static kerf_status parse_ranges(kerf_ranges *r, const char *path, const json_t *root)
{
    json_t *all = json_object_get(root, "ranges"), *one;
    const char *name;
    if (!json_is_object(all))
        return kerf__fail(KERF_ERR_FORMAT,
                          "%s: holds no ranges; must be a file that calibrating "
                          "wrote, {\"ranges\":{\"NAME\":{\"low\":0,\"high\":1}}}",
                          path);
    json_object_foreach(all, name, one)
    {
        json_t *low = json_object_get(one, "low"), *high = json_object_get(one, "high");
        const double a = json_number_value(low), b = json_number_value(high);
        if (!json_is_number(low) || !json_is_number(high) || !(a <= b))
            return kerf__fail(KERF_ERR_FORMAT,
                              "%s: range of '%s': must have numbers low and high, low not above "
                              "high",
                              path, name);
        KERF__TRY(kerf__ranges_add(r, name, a, b));
    }
    return KERF_OK;
}

static kerf_status take_numbers(lists *l, const char *name, const json_t *list)
{
    const size_t num = json_array_size(list);
    double *values = kerf__alloc(num, sizeof *values);
    if (values == NULL)
        return kerf__fail_memory("ranges", num * sizeof *values);
    for (size_t i = 0; i < num; i++)
        values[i] = json_number_value(json_array_get(list, i));
    return add(l, name, values, num);
}

static int are_numbers(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_number(json_array_get(list, i)))
            return 0;
    return json_array_size(list) > 0;
}

static kerf_status parse_numbers(kerf_ranges *r, int kind, const char *path, const json_t *root)
{
    json_t *all = json_object_get(root, KEYS[kind]), *one;
    const char *name;
    json_object_foreach(all, name, one)
    {
        if (!are_numbers(one))
            return kerf__fail(KERF_ERR_FORMAT, "%s: %s of '%s': must be a list of numbers", path,
                              KEYS[kind], name);
        KERF__TRY(take_numbers(&r->lists[kind], name, one));
    }
    return KERF_OK;
}

static kerf_status parse(kerf_ranges *r, const char *path, const json_t *root)
{
    KERF__TRY(parse_ranges(r, path, root));
    for (int k = 0; k < NUM_KINDS; k++)
        KERF__TRY(parse_numbers(r, k, path, root));
    return KERF_OK;
}

kerf_status kerf_ranges_read(kerf_ranges **out, const char *path)
{
    enum { MOST_BYTES = 1 << 26 };
    void *bytes;
    size_t num_bytes;
    json_error_t error;
    *out = NULL;
    KERF__TRY(kerf__file_read(path, MOST_BYTES, &bytes, &num_bytes));
    json_t *root = json_loadb(bytes, num_bytes, JSON_REJECT_DUPLICATES, &error);
    free(bytes);
    if (root == NULL)
        return kerf__fail(KERF_ERR_FORMAT, "%s: line %d: %s; must be JSON", path, error.line,
                          error.text);
    kerf_status status = kerf__ranges_create(out);
    if (status == KERF_OK)
        status = parse(*out, path, root);
    json_decref(root);
    if (status != KERF_OK) {
        kerf_ranges_destroy(*out);
        *out = NULL;
    }
    return status;
}

static json_t *json_of_ranges(const kerf_ranges *r)
{
    json_t *all = json_object();
    for (size_t i = 0; i < r->num; i++)
        json_object_set_new(
            all, r->items[i].name,
            json_pack("{s:f, s:f}", "low", r->items[i].low, "high", r->items[i].high));
    return all;
}

static json_t *json_of_numbers(const lists *l)
{
    json_t *all = json_object();
    for (size_t i = 0; i < l->num; i++) {
        json_t *values = json_array();
        for (size_t k = 0; k < l->at[i].num; k++)
            json_array_append_new(values, json_real(l->at[i].values[k]));
        json_object_set_new(all, l->at[i].name, values);
    }
    return all;
}

kerf_status kerf_ranges_write(const kerf_ranges *r, const char *path)
{
    json_t *root = json_pack("{s:i, s:s, s:o}", "schema", 1, "kerf", kerf_version(), "ranges",
                             json_of_ranges(r));
    for (int k = 0; root != NULL && k < NUM_KINDS; k++)
        if (r->lists[k].num > 0)
            json_object_set_new(root, KEYS[k], json_of_numbers(&r->lists[k]));
    char *text = root != NULL ? json_dumps(root, JSON_INDENT(2)) : NULL;
    json_decref(root);
    if (text == NULL)
        return kerf__fail_memory("ranges", r->num * sizeof *r->items);
    kerf_status status = kerf__file_write(path, text, strlen(text));
    free(text);
    return status;
}
