/* ops/gather_few.c -- the gradient of a table of few numbers that many indices take: a codebook.
 *
 * The plain method walks all indices in one item, as there is one column.  This one sums parts of
 * them first, each into a row of sums (in scratch), then those.  Device side:
 * kernels/gather_few.cl. Definition, test and timing are those of gather.c. */
#include "ops/gather_few.h"

#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_gather_few;

enum { MOST_ROWS = 256, LEAST_INDICES = 1024, GROUPS = 128, TILE = 256, LANES = 16, ITEMS = 64 };

/* How the indices are cut. */
typedef struct cut {
    unsigned rows, num, chunk, parts;
} cut;

static cut cut_of(const kerf__op_case *c, int wide)
{
    const size_t num = (size_t)kerf__value_elements(c->node->inputs[0]);
    const size_t unit = wide ? LANES : TILE, units = kerf__ceil_div(num, unit);
    const size_t pieces =
        wide ? kerf__pieces_an_item(c, units, LANES, 128) : kerf__ceil_div(units, GROUPS);
    return (cut){.rows = (unsigned)kerf__value_elements(c->node->outputs[0]),
                 .num = (unsigned)num,
                 .chunk = (unsigned)(unit * pieces),
                 .parts = (unsigned)kerf__ceil_div(units, pieces)};
}

static int fits(const kerf__op_case *c, int wide)
{
    const kerf_node *n = c->node;
    const int64_t rows = kerf__value_elements(n->outputs[0]);
    const int64_t num = kerf__value_elements(n->inputs[0]);
    if (strcmp(n->op, "kerf.GatherGrad") != 0 || n->outputs[0]->shape.rank != 1 || rows < 1 ||
        rows > MOST_ROWS || num < LEAST_INDICES || !kerf__fits_31_bits(c))
        return 0;
    const cut k = cut_of(c, wide);
    return kerf__loop_fits(c, (int)k.parts) && kerf__loop_fits(c, (int)k.chunk);
}

int kerf__gather_few_fits_wide(const kerf__op_case *c)
{
    return fits(c, 1);
}

int kerf__gather_few_fits_simt(const kerf__op_case *c)
{
    return fits(c, 0);
}

size_t kerf__gather_few_scratch(const kerf__op_case *c)
{
    const cut k = cut_of(c, kerf__is_wide(c));
    return (size_t)k.parts * k.rows * (kerf__is_wide(c) ? LANES : 1) * sizeof(float);
}

kerf_status kerf__gather_few_build(const kerf__op_case *c)
{
    const cut k = cut_of(c, kerf__is_wide(c));
    char options[64];
    snprintf(options, sizeof options, "-DWIDE=%d -DINDEX=%s -DPER=%d", kerf__is_wide(c),
             c->node->inputs[0]->type == KERF_S64 ? "long" : "int",
             kerf__is_wide(c) || k.rows <= ITEMS ? 1 : MOST_ROWS / ITEMS);
    KERF__TRY(kerf__emit(c, &kerf__source_gather_few, "few_parts", options,
                         KERF__ARGS(ARG(kerf__in(c, 1)), ARG(kerf__in(c, 0)), ARG(c->scratch),
                                    ARG(k.rows), ARG(k.num), ARG(k.chunk)),
                         kerf__is_wide(c) ? kerf__grid_wide(k.parts, 1, 1)
                                          : kerf__grid_items((size_t)k.parts * ITEMS)));
    return kerf__emit(c, &kerf__source_gather_few, "few_total", options,
                      KERF__ARGS(ARG(c->scratch), ARG(kerf__out(c, 0)), ARG(k.rows), ARG(k.parts)),
                      kerf__is_wide(c) ? kerf__grid_wide(k.rows, 1, 1) : kerf__grid_items(k.rows));
}
