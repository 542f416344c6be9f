/* base/names.c -- the table behind names.h.
 *
 * (1) At least a quarter of the slots is empty, so every search ends.
 * (2) Between the home of a name and its slot there is no empty one.  Removing keeps this
 *     by moving later names back, so no slot is ever "deleted" and the table cannot silt up. */
#include "base/names.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"

static size_t home_of(const kerf__names *names, const char *name)
{
    return (size_t)XXH64(name, strlen(name), 0) & (names->capacity - 1);
}

/* The slot that holds the name, or the empty one where it would go. */
static kerf__names_slot *slot_of(const kerf__names *names, const char *name)
{
    size_t i = home_of(names, name);
    while (names->slots[i].name != NULL && strcmp(names->slots[i].name, name) != 0)
        i = (i + 1) & (names->capacity - 1);
    return &names->slots[i];
}

int kerf__names_reserve(kerf__names *names)
{
    if ((names->num + 1) * 4 <= names->capacity * 3)
        return 1;
    kerf__names larger = {.capacity = names->capacity == 0 ? 16 : names->capacity * 2};
    larger.slots = kerf__alloc(larger.capacity, sizeof *larger.slots);
    if (larger.slots == NULL)
        return 0;
    for (size_t i = 0; i < names->capacity; i++)
        if (names->slots[i].name != NULL)
            kerf__names_add(&larger, names->slots[i].name, names->slots[i].object);
    free(names->slots);
    *names = larger;
    return 1;
}

void kerf__names_add(kerf__names *names, const char *name, void *object)
{
    kerf__names_slot *slot = slot_of(names, name);
    assert(slot->name == NULL && names->num < names->capacity);
    *slot = (kerf__names_slot){name, object};
    names->num++;
}

void *kerf__names_find(const kerf__names *names, const char *name)
{
    return names->capacity == 0 ? NULL : slot_of(names, name)->object;
}

void kerf__names_remove(kerf__names *names, const char *name)
{
    size_t last = names->capacity - 1;
    size_t hole = (size_t)(slot_of(names, name) - names->slots);
    assert(names->slots[hole].name != NULL);
    for (size_t i = (hole + 1) & last; names->slots[i].name != NULL; i = (i + 1) & last) {
        /* A name may move into the hole unless its home lies behind the hole. */
        size_t home = home_of(names, names->slots[i].name);
        if (((i - home) & last) >= ((i - hole) & last)) {
            names->slots[hole] = names->slots[i];
            hole = i;
        }
    }
    names->slots[hole] = (kerf__names_slot){NULL, NULL};
    names->num--;
}

void kerf__names_clear(kerf__names *names)
{
    if (names->capacity != 0)
        memset(names->slots, 0, names->capacity * sizeof *names->slots);
    names->num = 0;
}

void kerf__names_free(kerf__names *names)
{
    free(names->slots);
    *names = (kerf__names){0};
}
