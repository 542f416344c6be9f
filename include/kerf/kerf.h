/* kerf.h -- includes the whole public API, floor by floor. */
#ifndef KERF_KERF_H
#define KERF_KERF_H

#include "kerf/base.h"
#include "kerf/device.h"
#include "kerf/tensor.h"
#include "kerf/data.h"
#include "kerf/graph.h"
#include "kerf/state.h"
#include "kerf/nets.h"
#include "kerf/io.h"
#include "kerf/packed.h"
#include "kerf/bundle.h"
#include "kerf/plan.h"
#include "kerf/costs.h"
#include "kerf/channels.h"
#include "kerf/boost.h"
#include "kerf/depth.h"
#include "kerf/prune.h"
#include "kerf/quantize.h"
#include "kerf/share.h"
#include "kerf/train.h"
#include "kerf/recipe.h"
#include "kerf/cluster.h"

#endif
