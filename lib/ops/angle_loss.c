/* ops/angle_loss.c -- how far the angles between a student's samples are from a teacher's, and the
 * gradient, in one step (Park et al. 2019, "Relational Knowledge Distillation", RKD-A).
 *
 *     kerf.AngleLoss(student (N, N), teacher (N, N), settings) -> loss (), diff_student (N, N)
 *
 * Inputs are the squared distances between all samples, in parts of their mean, symmetric.  The
 * loss is the mean over all (j, i, k) of Huber's, of the difference of both networks' cosines of
 * the angle at sample j between i and k; where two of the three are one, or nearer than 1e-5, it is
 * 0.  Distances say all that angles do, so the N^3 angles are never held: memory is N^2. Times
 * settings[at] (attribute at, 0 unless given) and the attribute scale (1), as in kerf.FeatureLoss;
 * the teacher gets no gradient.
 *
 * Device side: kernels/angle_loss.cl.  Definition: tests/ref/ref_angle_loss.c. */
#include "base/fail.h"
#include "ops/rows_common.h"

extern const kerf__source kerf__source_angle_loss;

enum { GROUP = 64 };

static kerf_status infer(kerf_node *n)
{
    char text[128];
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t at = kerf_node_int(n, "at", 0),
                  most = kerf_shape_num_elements(n->inputs[2]->shape);
    for (int i = 0; i < n->num_inputs; i++)
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    if (src.rank != 2 || src.dims[0] != src.dims[1])
        return kerf__fail_node(KERF_ERR_SHAPE, n, "input %s is %s, must be (N, N)",
                               n->inputs[0]->name, kerf_shape_text(src, text, sizeof text));
    KERF__TRY(kerf__node_check_shape(n, 1, src));
    if (at < 0 || at >= most)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "its weight is at %lld of %lld settings, must be one of them",
                               (long long)at, (long long)most);
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    kerf__set_output(n, 1, KERF_F32, src);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

static size_t num_samples(const kerf__op_case *c)
{
    return (size_t)c->node->inputs[0]->shape.dims[0];
}

static int fits(const kerf__op_case *c)
{
    return kerf__fits_31_bits(c) && kerf__loop_fits(c, (int)num_samples(c));
}

/* A sum an item: of SIMT's as many as there are elements. */
static size_t scratch_bytes(const kerf__op_case *c)
{
    return sizeof(float) * (num_samples(c) * num_samples(c) + 1);
}

static kerf_status build(const kerf__op_case *c)
{
    const int wide = kerf__is_wide(c);
    const size_t n = num_samples(c), blocks = wide ? kerf__ceil_div(n, 16) : n;
    const size_t group = wide ? 1 : GROUP;
    const char *options = wide ? "-DV=16 -DGROUP=1" : "-DV=1 -DGROUP=64";
    const double angles = (double)n * (double)n * (double)n;
    const float scale = (float)((double)kerf_node_float(c->node, "scale", 1) / angles);
    KERF__TRY(kerf__emit(c, &kerf__source_angle_loss, "angle_rows", options,
                         KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                                    ARG(kerf__out(c, 1)), ARG(c->scratch), ARG(scale),
                                    ARG((unsigned)kerf_node_int(c->node, "at", 0)),
                                    ARG((unsigned)n), ARG((unsigned)blocks)),
                         (kerf__grid){2, {kerf__ceil_div(blocks, group), n, 1}, {group, 1, 1}}));
    return kerf__rows_mean(c, &kerf__source_angle_loss, options, 1.0f, n * blocks);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("angle_loss", .fits = fits, .scratch_bytes = scratch_bytes, .build = build),
};

extern const kerf__op kerf__ops_angle_loss[];
const kerf__op kerf__ops_angle_loss[] = {
    {.op = "kerf.AngleLoss",
     .min_inputs = 3,
     .max_inputs = 3,
     .num_outputs = 2,
     .infer = infer,
     .gradient = kerf__gradient_by_second,
     .variants = VARIANTS,
     .num_variants = 2},
    {.op = NULL},
};
