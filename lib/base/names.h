/* base/names.h -- finding an object by its name among thousands.  Other half: names.c.
 *
 * An open table with linear probing.  It borrows both the names and the objects; a name
 * must not change while it is in. */
#ifndef KERF_BASE_NAMES_H
#define KERF_BASE_NAMES_H

#include <stddef.h>

typedef struct kerf__names_slot {
    const char *name; /* borrowed; NULL: empty */
    void *object;     /* borrowed */
} kerf__names_slot;

typedef struct kerf__names {
    kerf__names_slot *slots; /* owned; capacity is 0 or a power of two */
    size_t num, capacity;
} kerf__names;

/* Room for one more, so that the add that follows cannot fail.  0 without memory. */
int kerf__names_reserve(kerf__names *names);
/* The name must not be in yet; room must have been reserved. */
void kerf__names_add(kerf__names *names, const char *name, void *object);
void *kerf__names_find(const kerf__names *names, const char *name); /* or NULL */
void kerf__names_remove(kerf__names *names, const char *name);      /* one that is in */
void kerf__names_clear(kerf__names *names);                         /* keeps the room */
void kerf__names_free(kerf__names *names);

#endif
