/* ops/feature_loss.c -- how far a student's features are from a teacher's, and the gradient, in one
 * step.
 *
 *     kerf.FeatureLoss(student, teacher (student's shape), settings) -> loss (), diff_student
 *
 * Attribute loss:
 *     "mse"     weight scale mean((student - teacher)^2)  (Romero et al. 2015, "FitNets")
 *     "huber"   weight scale mean(d^2 / 2 up to |d| = 1, |d| - 1/2 above), of the same differences
 *     "cosine"  weight scale mean over rows of 1 - cos(student's row, teacher's row); a row is the
 *               last axis of up to three, else all that belongs to one place of the first
 * weight is settings[at] (attribute at, 0 unless given), a number on the device, so a schedule
 * moves it without a new plan; scale is an attribute (1).  Both are read, and the gradient
 * written, in the forward pass; the teacher gets none.
 *
 * Attention maps and similarities of samples (lib/plan/tap_loss.c) are compared by the cosine, too:
 * the squared distance of two directions is twice what their cosine lacks of 1.
 *
 * Device side: kernels/feature_loss.cl.  Definition: tests/ref/ref_feature_loss.c. */
#include <string.h>

#include "base/fail.h"
#include "ops/rows_common.h"

extern const kerf__source kerf__source_feature_loss;

static int is_cosine(const kerf_node *n)
{
    return strcmp(kerf_node_string(n, "loss", ""), "cosine") == 0;
}

static int is_huber(const kerf_node *n)
{
    return strcmp(kerf_node_string(n, "loss", ""), "huber") == 0;
}

static kerf_status infer(kerf_node *n)
{
    const kerf_shape src = n->inputs[0]->shape;
    const int64_t at = kerf_node_int(n, "at", 0),
                  most = kerf_shape_num_elements(n->inputs[2]->shape);
    const char *loss = kerf_node_string(n, "loss", "");
    for (int i = 0; i < n->num_inputs; i++)
        KERF__TRY(kerf__node_check_type(n, i, KERF_F32));
    KERF__TRY(kerf__node_check_shape(n, 1, src));
    if (!is_cosine(n) && !is_huber(n) && strcmp(loss, "mse") != 0)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "loss is '%s', must be mse, huber or cosine",
                               loss);
    if (at < 0 || at >= most)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "its weight is at %lld of %lld settings, must be one of them",
                               (long long)at, (long long)most);
    kerf__set_output(n, 0, KERF_F32, KERF_SCALAR);
    kerf__set_output(n, 1, KERF_F32, src);
    return KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* The case as rows (m, k): for squares, chunks of the whole, of which the last may be shorter. */
typedef struct layout {
    size_t num, m, k;
    unsigned rows; /* a group has */
} layout;

enum { GROUP = 64, CHUNK_WIDE = 4096, CHUNK_SIMT = 2048 };

static size_t num_rows(const kerf_shape s)
{
    int64_t m = 1;
    for (int i = 0; i + 1 < s.rank && (i == 0 || s.rank <= 3); i++)
        m *= s.dims[i];
    return (size_t)m;
}

static layout layout_of(const kerf__op_case *c)
{
    const kerf_shape s = c->node->inputs[0]->shape;
    const int wide = c->option.variant != NULL && kerf__is_wide(c);
    layout l = {.num = (size_t)kerf_shape_num_elements(s), .rows = 1};
    if (!is_cosine(c->node)) {
        l.k = wide ? CHUNK_WIDE : CHUNK_SIMT;
        l.m = kerf__ceil_div(l.num, l.k);
        return l;
    }
    l.m = num_rows(s);
    l.k = l.m > 0 ? l.num / l.m : 0;
    if (wide)
        l.rows = (unsigned)kerf__pieces_an_item(c, l.m, l.k / 8 + 2, 256 / (l.k + 1) + 1);
    return l;
}

/* A row has no more iterations than a kernel may make. */
static int fits(const kerf__op_case *c)
{
    const kerf_shape s = c->node->inputs[0]->shape;
    const size_t m = num_rows(s), num = (size_t)kerf_shape_num_elements(s);
    const size_t k = m > 0 ? num / m : 0;
    return kerf__fits_31_bits(c) && (!is_cosine(c->node) || kerf__loop_fits(c, (int)(k / 8)));
}

static size_t scratch_bytes(const kerf__op_case *c)
{
    return sizeof(float) * (layout_of(c).m + 1);
}

static const char *options_of(const kerf__op_case *c)
{
    static const char *const OPTIONS[2][2] = {{"-DV=1 -DGROUP=64", "-DV=1 -DGROUP=64 -DHUBER=1"},
                                              {"-DV=16 -DGROUP=1", "-DV=16 -DGROUP=1 -DHUBER=1"}};
    return OPTIONS[kerf__is_wide(c)][is_huber(c->node)];
}

static kerf_status emit_loss(const kerf__op_case *c, const layout *l, const char *entry,
                             const kerf__arg *args, int num_args, float scale_of_sum)
{
    const size_t group = kerf__is_wide(c) ? 1 : GROUP;
    const kerf__grid grid = {1, {kerf__ceil_div(l->m, l->rows), 1, 1}, {group, 1, 1}};
    KERF__TRY(
        kerf__emit(c, &kerf__source_feature_loss, entry, options_of(c), args, num_args, grid));
    return kerf__rows_mean(c, &kerf__source_feature_loss, options_of(c), scale_of_sum, l->m);
}

static kerf_status build(const kerf__op_case *c)
{
    const layout l = layout_of(c);
    const unsigned at = (unsigned)kerf_node_int(c->node, "at", 0);
    const float scale = kerf_node_float(c->node, "scale", 1), of_mean = scale / (float)l.num;
    if (is_cosine(c->node))
        return emit_loss(c, &l, "feature_cosine",
                         KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                                    ARG(kerf__out(c, 1)), ARG(c->scratch), ARG(scale), ARG(at),
                                    ARG((unsigned)l.m), ARG((unsigned)l.k), ARG(l.rows)),
                         1.0f / (float)l.m);
    return emit_loss(c, &l, "feature_mse",
                     KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__in(c, 2)),
                                ARG(kerf__out(c, 1)), ARG(c->scratch), ARG(of_mean), ARG(at),
                                ARG((unsigned)l.num), ARG((unsigned)l.k)),
                     of_mean);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("feature_loss", .fits = fits, .scratch_bytes = scratch_bytes, .build = build),
};

extern const kerf__op kerf__ops_feature_loss[];
const kerf__op kerf__ops_feature_loss[] = {
    {.op = "kerf.FeatureLoss",
     .min_inputs = 3,
     .max_inputs = 3,
     .num_outputs = 2,
     .infer = infer,
     .gradient = kerf__gradient_by_second,
     .variants = VARIANTS,
     .num_variants = 2},
    {.op = NULL},
};
