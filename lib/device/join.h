/* device/join.h -- launches that follow each other, queued as one.  Other halves: join.c,
 * join_program.c and kernels/join.cl.
 *
 * Bringing a CPU device's cores together for a launch takes several microseconds, as long as a
 * small layer's work.  A joined launch brings them together once: its kernel walks through a table
 * of the launches, and the cores take their items one by one.  What is computed stays the same, bit
 * for bit. */
#ifndef KERF_DEVICE_JOIN_H
#define KERF_DEVICE_JOIN_H

#include "device/launch.h"

/* 1 if the launch may be part of a joined one: on a device with the feature `joins`, a kernel,
 * whole, with one item a group. */
int kerf__launch_can_join(const kerf__launch *launch);
/* One launch that does what these do, which may join each.  Their buffers are borrowed and must
 * stay; the launches themselves need not.  KERF_ERR_UNSUPPORTED: the driver cannot build it. */
kerf_status kerf__launch_join(kerf__launch **out, kerf_device *dev, kerf__launch *const *launches,
                              size_t num);

#endif
