/* ops/pool_bytes.c -- maxima of bytes in blocks of 16 channels (layout_common.h), on CPU devices:
 * launches of kernels/pool_bytes.cl.  Of floats: pool_blocked.c. */
#include "ops/pool_common.h"

#include <stdio.h>

extern const kerf__source kerf__source_pool_bytes;

int kerf__pool_fits_bytes(const kerf__op_case *c)
{
    const kerf__pool p = kerf__pool_of(c->node);
    return kerf__fits_31_bits(c) && p.lanes > 1 && p.type != KERF_F32;
}

kerf_status kerf__pool_build_bytes(const kerf__op_case *c)
{
    enum { WORTH_AN_ITEM = 1024 }; /* taps */
    const kerf__pool p = kerf__pool_of(c->node);
    const size_t all = p.planes * (size_t)p.window.axes[1].dst;
    const size_t taps = (size_t)p.window.axes[2].dst * kerf__window_taps(&p.window) + 1;
    const size_t rows = kerf__pieces_an_item(c, all, taps, WORTH_AN_ITEM / taps + 1);
    char options[64];
    kerf__arg args[24] = {ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG((unsigned)p.planes),
                          ARG((unsigned)rows)};
    snprintf(options, sizeof options, "%s%s", kerf__pool_window_options(&p),
             kerf__pool_type_options(p.type));
    return kerf__emit(c, &kerf__source_pool_bytes, "pool_bytes", options, args,
                      kerf__window_args(&p.window, 2, args, 4),
                      kerf__grid_wide(kerf__ceil_div(all, rows), 1, 1));
}
