/* ops/trained_range.c -- ranges of activations that follow what is seen while a network is trained.
 *
 *     kerf.FollowRange   (end, ends (2), step?)  -> the end's next value, a moving average of the
 *                                                   end that attribute `of` tells: 0 or 1
 *     kerf.TrainedRange  (low, high)             -> scale, zero point of integers of ONNX type
 *                                                   `to`; the high end counts up to `most`
 *
 * The step buffer says how much a batch counts, 0 where ranges are frozen; the plan adds that input
 * (lib/plan/statistics.c).  Scale and zero point are those that lib/compress/quantize finds on the
 * host for the same range, bit for bit.  Neither has a gradient.
 *
 * Device side: kernels/trained_range.cl.  Definition: tests/ref/ref_trained_range.c. */
#include <math.h>
#include <stdio.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_trained_range;

enum { FIRST, SECOND, STEP }; /* inputs */
enum { SCALE, ZERO };         /* results of kerf.TrainedRange */
enum { INTEGERS = 1 << KERF_U8 | 1 << KERF_S8 | 1 << KERF_U16 | 1 << KERF_S16 };

static kerf_type integer_type(const kerf_node *n)
{
    return kerf__type_of_onnx(kerf_node_int(n, "to", 0));
}

static int64_t end_of(const kerf_node *n)
{
    return kerf_node_int(n, "of", 0);
}

static float most_of(const kerf_node *n)
{
    return kerf_node_float(n, "most", 0x1p56f);
}

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status check_floats(const kerf_node *n, int i, kerf_shape shape)
{
    KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    return kerf__node_check_shape(n, i, shape);
}

static kerf_status infer_follow(kerf_node *n)
{
    KERF__TRY(check_floats(n, FIRST, KERF_SCALAR));
    KERF__TRY(check_floats(n, SECOND, KERF_SHAPE(2)));
    if (end_of(n) != 0 && end_of(n) != 1)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "of is %lld, must be 0 or 1",
                               (long long)end_of(n));
    if (n->num_inputs > STEP)
        KERF__TRY(check_floats(n, STEP, KERF_SHAPE(KERF__STEP_FLOATS)));
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    return KERF_OK;
}

static kerf_status infer_range(kerf_node *n)
{
    const kerf_type type = integer_type(n);
    KERF__TRY(check_floats(n, FIRST, KERF_SCALAR));
    KERF__TRY(check_floats(n, SECOND, KERF_SCALAR));
    if (type >= KERF_NUM_TYPES || (INTEGERS >> type & 1) == 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "to is %lld, must be the number of an integer of 8 or 16 bits",
                               (long long)kerf_node_int(n, "to", 0));
    if (!(most_of(n) > 0))
        return kerf__fail_node(KERF_ERR_SHAPE, n, "most is %g, must be above 0",
                               (double)most_of(n));
    kerf__set_output(n, SCALE, KERF_F32, KERF_SCALAR);
    kerf__set_output(n, ZERO, type, KERF_SCALAR);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

static int fits_follow(const kerf__op_case *c)
{
    return c->node->num_inputs > STEP; /* else nobody has said how much a batch counts */
}

static kerf_status build_follow(const kerf__op_case *c)
{
    return kerf__emit(c, &kerf__source_trained_range, "follow_range", "",
                      KERF__ARGS(ARG(kerf__in(c, FIRST)), ARG(kerf__in(c, SECOND)),
                                 ARG(kerf__in(c, STEP)), ARG(kerf__out(c, 0)),
                                 ARG((unsigned)end_of(c->node))),
                      kerf__grid_wide(1, 1, 1));
}

static kerf_status build_range(const kerf__op_case *c)
{
    const kerf_type type = integer_type(c->node);
    char options[48];
    snprintf(options, sizeof options, "-DBITS=%zu -DSIGNED=%d", kerf_type_bits(type),
             kerf__type_has_sign(type));
    return kerf__emit(c, &kerf__source_trained_range, "trained_range", options,
                      KERF__ARGS(ARG(kerf__in(c, FIRST)), ARG(kerf__in(c, SECOND)),
                                 ARG(kerf__out(c, SCALE)), ARG(kerf__out(c, ZERO)),
                                 ARG(fminf(most_of(c->node), 0x1p56f))),
                      kerf__grid_wide(1, 1, 1));
}

/* A number each: one item on any device. */
static const kerf__variant FOLLOW_VARIANTS[] = {
    KERF__BOTH_STYLES("follow_range", .fits = fits_follow, .build = build_follow),
};
static const kerf__variant RANGE_VARIANTS[] = {
    KERF__BOTH_STYLES("trained_range", .fits = kerf__fits_31_bits, .build = build_range),
};

extern const kerf__op kerf__ops_trained_range[];
const kerf__op kerf__ops_trained_range[] = {
    {.op = "kerf.FollowRange",
     .min_inputs = 2,
     .max_inputs = 3,
     .num_outputs = 1,
     .infer = infer_follow,
     .variants = FOLLOW_VARIANTS,
     .num_variants = sizeof FOLLOW_VARIANTS / sizeof FOLLOW_VARIANTS[0],
     .in_place = 1},
    {.op = "kerf.TrainedRange",
     .min_inputs = 2,
     .max_inputs = 2,
     .num_outputs = 2,
     .infer = infer_range,
     .variants = RANGE_VARIANTS,
     .num_variants = sizeof RANGE_VARIANTS / sizeof RANGE_VARIANTS[0]},
    {.op = NULL},
};
