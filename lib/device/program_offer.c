/* device/program_offer.c -- programs from elsewhere, and those of a device for elsewhere; see
 * program_offer.h. */
#include "device/program_offer.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "device/device_internal.h"

kerf_status kerf__program_offer(kerf_device *dev, const void *bytes, size_t num_bytes)
{
    if (!dev->trusts_bundles)
        return KERF_OK;
    kerf__offer *o = kerf__alloc(1, sizeof *o);
    void *copy = kerf__alloc(num_bytes, 1);
    if (o == NULL || copy == NULL) {
        free(o);
        free(copy);
        return kerf__fail_memory("program", num_bytes);
    }
    memcpy(copy, bytes, num_bytes);
    *o = (kerf__offer){dev->offers, copy, num_bytes};
    dev->offers = o;
    return KERF_OK;
}

void kerf__program_offers_close(kerf_device *dev)
{
    while (dev->offers != NULL) {
        kerf__offer *o = dev->offers;
        dev->offers = o->next;
        free(o->bytes);
        free(o);
    }
}

size_t kerf__program_count(const kerf_device *dev)
{
    size_t num = 0;
    for (const kerf__program *p = dev->programs; p != NULL; p = p->next)
        num++;
    return num;
}

static int was_launched(const kerf__program *program)
{
    for (const kerf__use *use = program->uses; use != NULL; use = use->next)
        if (use->queued)
            return 1;
    return 0;
}

void *kerf__program_export(kerf_device *dev, size_t i, size_t *num_bytes)
{
    const kerf__program *p = dev->programs;
    while (i-- > 0)
        p = p->next;
    return was_launched(p) ? kerf__program_file(dev, p, num_bytes) : NULL;
}
