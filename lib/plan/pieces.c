/* plan/pieces.c -- in how many pieces a node's launches are queued, so that none takes longer than
 * the device's bound (kerf_device_set_max_launch()).
 *
 * The guess knows the node's work and what a compute unit does at the very least, a tenth of what
 * the slowest GPUs do: rather too many pieces than a screen that freezes.  A piece of a tenth of
 * the bound still takes a thousand times what queueing it costs. */
#include <math.h>

#include "ops/op.h" /* kerf__device_max_launch */
#include "plan/plan_internal.h"

static const double UNIT_GFLOPS = 2, UNIT_GBPS = 0.5;
enum { MOST_PIECES = 1 << 16 };

static double guess_ms(const kerf_plan *p, const kerf_node *n)
{
    const double units = kerf_device_get_info(p->dev)->compute_units;
    return (2 * kerf_node_macs(n) / UNIT_GFLOPS + kerf__node_bytes(n) / UNIT_GBPS) * 1e-6 / units;
}

size_t kerf__plan_pieces(const kerf_plan *p, const kerf_node *n)
{
    const double bound_ms = kerf__device_max_launch(p->dev);
    const double pieces = bound_ms > 0 ? ceil(guess_ms(p, n) / bound_ms) : 1;
    return pieces >= 1 ? (size_t)fmin(pieces, MOST_PIECES) : 1;
}
