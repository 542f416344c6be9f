/* device/sealed.c -- JSON files with a digest; see sealed.h. */
#include "device/sealed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "device/device_internal.h"

static char *file_path(const char *folder, const char *key, int make)
{
    char name[64];
    snprintf(name, sizeof name, "%s.json", key);
    return kerf__cache_path(folder, name, make);
}

/* Of all but "digest", in one way of writing it: layout does not count.  0 without memory; a
 * file without a digest is not read again. */
static int make_digest(const json_t *object, char digest[40])
{
    json_t *copy = json_copy((json_t *)object); /* shallow; only our reference is changed */
    if (copy == NULL)
        return 0;
    json_object_del(copy, "digest");
    char *text = json_dumps(copy, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(copy);
    if (text == NULL)
        return 0;
    XXH128_hash_t hash = XXH3_128bits(text, strlen(text));
    snprintf(digest, 40, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
    free(text);
    return 1;
}

static int says(const json_t *object, const char *key, const char *want)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL && strcmp(text, want) == 0;
}

json_t *kerf__sealed_load(const char *folder, const char *key)
{
    char digest[40];
    char *path = file_path(folder, key, 0);
    json_t *object = path != NULL ? json_load_file(path, JSON_REJECT_DUPLICATES, NULL) : NULL;
    free(path);
    if (says(object, "kerf", kerf_version()) && says(object, "key", key) &&
        make_digest(object, digest) && says(object, "digest", digest))
        return object;
    json_decref(object);
    return NULL;
}

void kerf__sealed_save(const char *folder, const char *key, json_t *object)
{
    char digest[40];
    kerf__message kept = kerf__message_keep();
    json_object_set_new(object, "kerf", json_string(kerf_version()));
    json_object_set_new(object, "key", json_string(key));
    if (make_digest(object, digest))
        json_object_set_new(object, "digest", json_string(digest));
    char *path = file_path(folder, key, 1);
    char *text = json_dumps(object, JSON_INDENT(1));
    if (path != NULL && text != NULL) {
        kerf_status status = kerf__file_write(path, text, strlen(text));
        (void)status;
    }
    kerf__message_put_back(&kept);
    free(text);
    free(path);
}
