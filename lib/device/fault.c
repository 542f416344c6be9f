/* device/fault.c -- imposed limits and failures; see fault.h. */
#include "device/fault.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_internal.h"

void kerf__fault_at(kerf_device *dev, long n)
{
    dev->fail_at = n;
    dev->is_lost = 0;
}

void kerf__fault_lost_at(kerf_device *dev, long n)
{
    dev->fail_at = n;
    dev->is_lost = 1;
}

int kerf__fault_now(kerf_device *dev)
{
    if (dev->fail_at == 0)
        return 0;
    int fails = --dev->fail_at == 0;
    if (fails && dev->is_lost)
        dev->fail_at = 1; /* the next one */
    return fails;
}

void kerf__fault_limits(kerf_device_info *info)
{
    const char *text = getenv("KERF_TEST_LIMITS"), *type = getenv("KERF_TEST_TYPE");
    if (type != NULL)
        info->type = strcmp(type, "cpu") == 0 ? KERF_DEVICE_CPU : KERF_DEVICE_GPU;
    unsigned long group = 0, local = 0, memory = 0;
    if (text == NULL || sscanf(text, "%lu,%lu,%lu", &group, &local, &memory) < 1)
        return;
    if (group != 0 && group < info->max_group)
        info->max_group = group;
    if (local != 0 && local < info->local_bytes)
        info->local_bytes = local;
    if (memory != 0 && memory < info->global_bytes)
        info->global_bytes = memory;
    if (info->max_alloc_bytes > info->global_bytes)
        info->max_alloc_bytes = info->global_bytes;
}
