/* device/sealed.h -- small JSON files of the cache folder that are whole or not there.
 *
 * A file says which key and version of Kerf it belongs to and carries a digest of all it
 * says: a file that was cut, edited, renamed or written by another version is as good as
 * missing.  Other half: sealed.c; for verdicts (verdict_store.c) and peaks (measure.c). */
#ifndef KERF_DEVICE_SEALED_H
#define KERF_DEVICE_SEALED_H

#include <jansson.h>

/* CACHE/folder/key.json; NULL unless all of it is as it was saved. */
json_t *kerf__sealed_load(const char *folder, const char *key);
/* Adds "kerf", "key" and "digest" to the object and writes it.  Whether that worked is not
 * told: a folder that cannot be written to only costs time. */
void kerf__sealed_save(const char *folder, const char *key, json_t *object);

#endif
