/* device_list.h -- --device where it may name several: one, several with commas between, or all.
 * Other half: device_list.c. */
#ifndef HOST_DEVICE_LIST_H
#define HOST_DEVICE_LIST_H

#include <stddef.h>

#include "say.h"

enum { MOST_DEVICES = 64 };

/* One text a device, as kerf_device_open() takes them; NULL: nothing was named, so it chooses. */
typedef struct device_list {
    const char *at[MOST_DEVICES];
    size_t num; /* 1 at least */
    char *text; /* owned: what they point into */
} device_list;

/* --device, else KERF_DEVICE.  0 or an exit code after a message; free it in any case. */
int device_list_read(const options *o, device_list *list);
void device_list_free(device_list *list);

#endif
