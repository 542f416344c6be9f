/* device/quirks.h -- what drivers are known to say or do wrong; see quirks.c. */
#ifndef KERF_DEVICE_QUIRKS_H
#define KERF_DEVICE_QUIRKS_H

#include "kerf/device.h"

/* What code asks about.  A lie that is met by working so with every driver needs no name. */
typedef enum kerf__quirk {
    KERF__QUIRK_MET_BY_ALL,
    KERF__QUIRK_KERNEL_GROUP,   /* what it says of a kernel's largest group is not to be believed */
    KERF__QUIRK_LONG_LOOPS,     /* leaves a loop after 65535 turns */
    KERF__QUIRK_NO_SUB_GROUPS,  /* their trial would end the process */
    KERF__QUIRK_NO_F16,         /* the same of half arithmetic */
    KERF__QUIRK_NO_JOINS,       /* launches are not to be joined (join.h) */
    KERF__QUIRK_TELLS_WARNINGS, /* its compiler's count of them stands among what the command says
                                 */
} kerf__quirk;

int kerf__has_quirk(const kerf_device_info *info, kerf__quirk quirk);

#endif
