/* device/verdict.c -- verdicts as JSON; see verdict.h.
 *
 * A verdict comes from a file that anyone may have edited, so every value is checked. */
#include "device/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const struct {
    const char *name;
    size_t offset;
    int max;
} FEATURES[] = {
#define X(name) {#name, offsetof(kerf_device_features, name), 4096},
    KERF__FEATURE_LIST(X)
#undef X
#define X(name, text)                                                                              \
    {"dot_" text, offsetof(kerf_device_features, dot) + KERF_DOT_##name * sizeof(int),             \
     (1 << KERF_NUM_SIGNS) - 1},
        KERF_DOT_LIST(X)
#undef X
};
enum { NUM_FEATURES = sizeof FEATURES / sizeof FEATURES[0] };

static int *feature(kerf_device_features *features, size_t i)
{
    return (int *)((char *)features + FEATURES[i].offset);
}

json_t *kerf__verdict_json(const kerf__verdict *verdict)
{
    kerf__verdict copy = *verdict;
    json_t *features = json_object();
    for (size_t i = 0; i < NUM_FEATURES; i++)
        json_object_set_new(features, FEATURES[i].name, json_integer(*feature(&copy.features, i)));
    return json_pack("{s:s, s:s, s:s, s:b, s:s, s:I, s:I, s:o}", "platform", copy.platform, "name",
                     copy.name, "driver", copy.driver, "works", copy.works, "why", copy.why,
                     "max_group", (json_int_t)copy.max_group, "local_bytes",
                     (json_int_t)copy.local_bytes, "features", features);
}

static int read_text(const json_t *object, const char *key, char text[256])
{
    const char *value = json_string_value(json_object_get(object, key));
    if (value == NULL || strlen(value) >= 256)
        return 0;
    memcpy(text, value, strlen(value) + 1);
    return 1;
}

static int read_number(const json_t *object, const char *key, json_int_t max, json_int_t *number)
{
    const json_t *value = json_object_get(object, key);
    *number = json_integer_value(value);
    return json_is_integer(value) && *number >= 0 && *number <= max;
}

static int read_verdict(const json_t *object, kerf__verdict *verdict)
{
    json_int_t number, local_bytes;
    *verdict = (kerf__verdict){0};
    const json_t *features = json_object_get(object, "features");
    const json_t *works = json_object_get(object, "works");
    if (!read_text(object, "platform", verdict->platform) ||
        !read_text(object, "name", verdict->name) ||
        !read_text(object, "driver", verdict->driver) || !json_is_boolean(works) ||
        !read_text(object, "why", verdict->why) ||
        !read_number(object, "max_group", 1 << 20, &number) ||
        !read_number(object, "local_bytes", 1 << 30, &local_bytes))
        return 0;
    verdict->works = json_is_true(works);
    verdict->max_group = (size_t)number;
    verdict->local_bytes = (uint64_t)local_bytes;
    for (size_t i = 0; i < NUM_FEATURES; i++) {
        if (!read_number(features, FEATURES[i].name, FEATURES[i].max, &number))
            return 0;
        *feature(&verdict->features, i) = (int)number;
    }
    return verdict->features.vector_floats >= 1;
}

int kerf__verdicts_add(kerf__drivers *drivers, const json_t *devices)
{
    kerf__verdict verdict;
    if (!json_is_array(devices))
        return 0;
    for (size_t i = 0; i < json_array_size(devices); i++)
        if (!read_verdict(json_array_get(devices, i), &verdict))
            return 0;
    for (size_t i = 0; i < json_array_size(devices); i++) {
        if (!read_verdict(json_array_get(devices, i), &verdict) ||
            !kerf__grow((void **)&drivers->verdicts, &drivers->capacity, drivers->num_verdicts,
                        sizeof verdict))
            return 0;
        drivers->verdicts[drivers->num_verdicts++] = verdict;
    }
    return 1;
}

const kerf__verdict *kerf__verdict_find(const kerf__drivers *drivers, const kerf_device_info *info)
{
    for (size_t i = 0; i < drivers->num_verdicts; i++) {
        const kerf__verdict *v = &drivers->verdicts[i];
        if (strcmp(v->platform, info->platform) == 0 && strcmp(v->name, info->name) == 0 &&
            strcmp(v->driver, info->driver) == 0)
            return v;
    }
    return NULL;
}
