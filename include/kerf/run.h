/* run.h -- includes what the small runtime has, libkerf-run (docs/runtime.md): reading models,
 * planning and running them.  It is a part of libkerf, under the same names.
 *
 * Threads: a device and all that lives on it (states, plans, tensors) belong to one thread at a
 * time; different devices, or the same one opened twice, may be used side by side.  kerf_set_log()
 * and kerf_set_cache_dir() come before the first other call.  Messages of kerf_last_error() belong
 * to the thread.  Where kerf_device_open() says KERF_ERR_NO_DEVICE an app goes on without. */
#ifndef KERF_RUN_H
#define KERF_RUN_H

#include "kerf/base.h"
#include "kerf/device.h"
#include "kerf/tensor.h"
#include "kerf/graph.h"
#include "kerf/state.h"
#include "kerf/io.h"
#include "kerf/packed.h"
#include "kerf/bundle.h"
#include "kerf/plan.h"

#endif
