/* device/profile.h -- the family a device belongs to, from what it calls itself; profile.c. */
#ifndef KERF_DEVICE_PROFILE_H
#define KERF_DEVICE_PROFILE_H

#include "kerf/device.h"

/* "amd-rdna", "mali-valhall", ..., "generic"; looks at type, platform, vendor and name. */
const char *kerf__profile_of(const kerf_device_info *info);

/* 1 if one of the parts, "a|b|c", stands anywhere in text; case does not count.  A blank at the
 * end of a part stands for the end of a word, so that "Mali-G71 " is not in "Mali-G710".  "" is
 * in every text. */
int kerf__text_has(const char *text, const char *parts);

#endif
