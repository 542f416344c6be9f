/* cmd_devices.c -- `kerf devices`: what OpenCL offers here, with measured peaks. */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "crash.h"
#include "devices.h"

/* Opens and measures one device; unknown where that fails, with a warning. */
static device_facts measure(const options *o, const kerf_device_info *info)
{
    device_facts facts = {.kernels = {"?", "?", "?", "?", "?", "?"}};
    kerf_device *dev;
    char spec[16];
    snprintf(spec, sizeof spec, "%d", info->index);
    kerf_status status = open_device(&dev, o, spec);
    if (status == KERF_OK)
        status = o->measure ? kerf_device_measure_again(dev, &facts.peaks)
                            : kerf_device_measure(dev, &facts.peaks);
    if (status == KERF_OK)
        status = find_kernels(dev, &facts);
    if (status != KERF_OK)
        warn(o, "%s: %s", info->name, kerf_last_error());
    kerf_device_close(dev);
    return facts;
}

int cmd_devices(const options *o)
{
    kerf_device_info *list;
    size_t num;
    kerf_status status = kerf_device_list(&list, &num);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    warn_lines(o, kerf_device_left_out()); /* they would have taken the others along */
    json_t *devices = json_array();
    for (size_t i = 0; i < num; i++) {
        device_facts facts = measure(o, &list[i]);
        json_t *one = device_json(&list[i], &facts.peaks);
        json_object_set_new(one, "kernels", kernels_json(&facts));
        json_array_append_new(devices, one);
        if (!o->json)
            print_device(o, &list[i], &facts);
    }
    kerf_device_list_free(list);
    json_t *object = json_begin();
    json_object_set_new(object, "devices", devices);
    if (o->json)
        json_finish(o, object);
    else
        json_decref(object);
    if (num == 0)
        return fail_work(o, "no OpenCL device; on Debian, apt install pocl-opencl-icd gives one");
    return EXIT_DONE;
}
