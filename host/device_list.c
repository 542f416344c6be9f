/* device_list.c -- which devices --device names; see device_list.h. */
#include "device_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kerf/device.h"
#include "text.h"

/* "0,1,2" of all that there are. */
static int number_all(const options *o, device_list *list)
{
    kerf_device_info *found;
    size_t num;
    kerf_status status = kerf_device_list(&found, &num);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    num = num < MOST_DEVICES ? num : MOST_DEVICES;
    list->text = calloc(num + 1, 12);
    for (size_t i = 0; list->text != NULL && i < num; i++)
        sprintf(list->text + strlen(list->text), "%s%d", i > 0 ? "," : "", found[i].index);
    kerf_device_list_free(found);
    if (list->text == NULL)
        return fail_memory(o);
    return num > 0 ? 0 : fail_work(o, "--device all: there is no OpenCL device");
}

static int read_text(const options *o, device_list *list)
{
    const char *spec = o->device != NULL ? o->device : getenv("KERF_DEVICE");
    if (spec == NULL || spec[0] == '\0')
        return 0;
    if (strcmp(spec, "all") == 0)
        return number_all(o, list);
    list->text = copy_text(spec, strlen(spec), 0);
    return list->text != NULL ? 0 : fail_memory(o);
}

int device_list_read(const options *o, device_list *list)
{
    *list = (device_list){.num = 0};
    const int code = read_text(o, list);
    for (char *at = list->text; code == 0 && at != NULL; list->num++) {
        char *comma = strchr(at, ',');
        if (list->num == MOST_DEVICES)
            return fail_usage(o, "--device: names more than %d devices", (int)MOST_DEVICES);
        list->at[list->num] = at;
        if (comma != NULL)
            *comma++ = '\0';
        at = comma;
    }
    if (list->num == 0)
        list->num = 1;
    return code;
}

void device_list_free(device_list *list)
{
    free(list->text);
    *list = (device_list){.num = 0};
}
