/* device/verdict_store.h -- verdicts on drivers, kept in the cache folder; see verdict_store.c. */
#ifndef KERF_DEVICE_VERDICT_STORE_H
#define KERF_DEVICE_VERDICT_STORE_H

#include <jansson.h>

typedef struct kerf__driver_file {
    char icd[1024];     /* the file, or what OCL_ICD_VENDORS says if that is a library */
    char library[1024]; /* as the file names it */
} kerf__driver_file;

/* How long a verdict counts.  A bad one is not for ever: the machine may only have been busy. */
typedef enum kerf__verdict_kind {
    KERF__VERDICT_GOOD,    /* until the driver changes */
    KERF__VERDICT_TROUBLE, /* ten minutes: an error, or a device that does not work */
    KERF__VERDICT_ENDED,   /* an hour: it did not answer, or was killed, and would be waited for */
    KERF__VERDICT_DIED     /* a day: it crashes even in the plain trial */
} kerf__verdict_kind;

/* The name of a driver's verdict: changes with the library's path, size and time, this CPU,
 * Kerf's version and the environment that drivers heed.  0 without memory. */
int kerf__verdict_key(const kerf__driver_file *d, char key[40]);
/* NULL if there is none, if it is damaged or if it no longer counts. */
json_t *kerf__verdict_load(const char *key);
/* Whether that worked is not told: a folder that cannot be written to only costs time. */
void kerf__verdict_save(const char *key, json_t *verdict, kerf__verdict_kind kind);

#endif
