/* io/bundle.h -- what packed files know of devices, inside; see kerf/bundle.h.  Other halves:
 * bundle.c (a bundle from bytes, and its devices), bundle_write.c (from a device, into a file). */
#ifndef KERF_IO_BUNDLE_H
#define KERF_IO_BUNDLE_H

#include "io/bytes.h"
#include "kerf/bundle.h"

typedef struct kerf__bundle_choice {
    char *which, *choice; /* owned */
} kerf__bundle_choice;

typedef struct kerf__bundle_program {
    unsigned char *at; /* owned */
    size_t num;
} kerf__bundle_program;

enum {
    KERF__BUNDLE_ID,
    KERF__BUNDLE_PROFILE,
    KERF__BUNDLE_NAME,
    KERF__BUNDLE_DRIVER,
    KERF__BUNDLE_VERSION,
    KERF__BUNDLE_TEXTS
};

typedef struct kerf__bundle_device {
    char *texts[KERF__BUNDLE_TEXTS]; /* owned, as all */
    kerf__bundle_choice *choices;
    kerf__bundle_program *programs;
    size_t num_choices, num_programs;
} kerf__bundle_device;

struct kerf_bundle {
    kerf__bundle_device *devices; /* owned */
    size_t num, capacity;
};

enum { KERF__BUNDLE_FORM = 1, KERF__BUNDLE_MOST_DEVICES = 256 };

void kerf__bundle_device_free(kerf__bundle_device *d);
kerf_status kerf__bundle_create(kerf_bundle **out);
/* The section of a file; a form that is not known is an empty bundle. */
kerf_status kerf__bundle_parse(kerf_bundle **out, kerf__reading in);
/* The section of a packed file whose frame is right; left 0: there is none. */
kerf_status kerf__packed_bundle(kerf__reading *out, const void *bytes, size_t num_bytes);
/* Tells the device what concerns it; NULL: checks the section alone. */
kerf_status kerf__bundle_offer(kerf_device *dev, kerf__reading in);

#endif
