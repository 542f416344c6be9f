/* ops/sparse_pattern.c -- where a weight is not zero, as sparse kernels walk it, and its values
 * there.
 *
 *     kerf.SparsePattern(weight f32 or mask bool (K, C, ...))
 *         -> starts (rows + 1) int32, offsets (capacity) int32, sources (capacity) int32, count (1)
 *         attributes capacity, transposed, origin, stride_c, stride_r, stride_s, chunk
 *     kerf.SparseValues(weight, sources) -> values (capacity), zeros' among them behind the last
 *
 * Row k has entries starts[k] to before starts[k + 1], ascending by (c, r, s): the offset
 * origin + c * stride_c + r * stride_r + s * stride_s of what the weight there is multiplied with,
 * and its source, the element's place in the weight.  Strides are the weight's own where none are
 * given.
 *
 * With a `chunk` rows are cut into so many channels each: all rows of the first chunk come before
 * those of the second, and c counts from the first channel of its chunk.
 *
 * Transposed, rows are the channels, entries ascend by (k, r, s), and k takes the place of c
 * in the offset: the pattern of an input's gradient, for which origin and strides below 0 turn the
 * window round.
 *
 * `capacity` bounds the entries: those beyond are left away and rows end before them, but count
 * counts them all.  Entries that nothing uses are 0, of sources too.
 *
 * A pattern of a mask is data: in a plan that never writes the mask it is prepared, and made again
 * when the mask has another version (plan/prepare.c).
 *
 * Device side: kernels/sparse_pattern.cl.  Definition: tests/ref/ref_sparse_pattern.c. */
#include <limits.h>
#include <stdio.h>

#include "base/fail.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_sparse_pattern;

/* A filter as kernels see it. */
typedef struct filter {
    unsigned filters, channels, taps, width;
    int origin, strides[3]; /* of tap (0, 0); c, r, s */
    unsigned chunk;         /* channels */
    int is_transposed;
} filter;

static filter filter_of(const kerf_node *n)
{
    const kerf_shape s = n->inputs[0]->shape;
    const int width = s.rank > 2 ? (int)s.dims[s.rank - 1] : 1;
    const int taps = s.rank > 3 ? width * (int)s.dims[2] : width;
    const int64_t chunk = kerf_node_int(n, "chunk", 0);
    return (filter){
        .filters = (unsigned)s.dims[0],
        .channels = (unsigned)s.dims[1],
        .taps = (unsigned)taps,
        .origin = (int)kerf_node_int(n, "origin", 0),
        .width = (unsigned)width,
        .strides = {(int)kerf_node_int(n, "stride_c", taps),
                    (int)kerf_node_int(n, "stride_r", width), (int)kerf_node_int(n, "stride_s", 1)},
        .chunk = chunk > 0 && chunk < s.dims[1] ? (unsigned)chunk : (unsigned)s.dims[1],
        .is_transposed = kerf_node_int(n, "transposed", 0) != 0,
    };
}

/* Of all chunks. */
static unsigned num_rows(const filter *f)
{
    if (f->is_transposed)
        return f->channels;
    return (unsigned)kerf__ceil_div(f->channels, f->chunk) * f->filters;
}

static unsigned row_length(const filter *f)
{
    return (f->is_transposed ? f->filters : f->channels) * f->taps;
}

/* ---- shapes ---------------------------------------------------------------------------------- */

static kerf_status check_weight(const kerf_node *n)
{
    const kerf_value *v = n->inputs[0];
    char text[128];
    if (v->type != KERF_F32 && v->type != KERF_BOOL && v->type != KERF_U8)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "input %s is %s, must be float32, uint8 or bool", v->name,
                               kerf_type_name(v->type));
    if (v->shape.rank < 2 || v->shape.rank > 4 || kerf__value_elements(v) < 1 ||
        kerf__value_elements(v) > INT_MAX)
        return kerf__fail_node(KERF_ERR_SHAPE, n,
                               "input %s is %s, must have 2 to 4 dimensions, and 1 to 2^31 - 1 "
                               "elements",
                               v->name, kerf_shape_text(v->shape, text, sizeof text));
    return KERF_OK;
}

static kerf_status infer_pattern(kerf_node *n)
{
    const int64_t capacity = kerf_node_int(n, "capacity", 0);
    KERF__TRY(check_weight(n));
    if (n->num_outputs != 4)
        return kerf__fail_node(KERF_ERR_SHAPE, n, "has %d outputs, must have 4", n->num_outputs);
    if (capacity < 1 || capacity > INT_MAX)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n, "capacity is %lld, must be 1 to 2^31 - 1",
                               (long long)capacity);
    const filter f = filter_of(n);
    if ((f.is_transposed && f.chunk < f.channels) ||
        (int64_t)kerf__ceil_div(f.channels, f.chunk) * f.filters >= INT_MAX)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "chunk is %u of %u channels, supported are chunks of what is not "
                               "transposed",
                               f.chunk, f.channels);
    kerf__set_output(n, 0, KERF_S32, KERF_SHAPE((int64_t)num_rows(&f) + 1));
    kerf__set_output(n, 1, KERF_S32, KERF_SHAPE(capacity));
    kerf__set_output(n, 2, KERF_S32, KERF_SHAPE(capacity));
    kerf__set_output(n, 3, KERF_S32, KERF_SHAPE(1));
    return KERF_OK;
}

static kerf_status infer_values(kerf_node *n)
{
    KERF__TRY(kerf__node_check_type(n, 0, KERF_F32));
    KERF__TRY(kerf__node_check_type(n, 1, KERF_S32));
    kerf__set_output(n, 0, KERF_F32, n->inputs[1]->shape);
    return KERF_OK;
}

/* ---- launches -------------------------------------------------------------------------------- */

enum { GROUP = 64, PANEL = 16 }; /* as in the kernel */

static int is_values(const kerf_node *n)
{
    return n->num_outputs == 1;
}

/* Elements that a work-item looks at one by one, and rows that one scans. */
static int fits(const kerf__op_case *c)
{
    if (!kerf__fits_31_bits(c) || is_values(c->node))
        return kerf__fits_31_bits(c);
    const filter f = filter_of(c->node);
    const double elements = (double)row_length(&f) * (f.is_transposed ? PANEL : 1);
    return elements * 1.1 < INT_MAX && kerf__loop_fits(c, (int)(elements * 1.1)) &&
           kerf__loop_fits(c, (int)num_rows(&f));
}

static kerf_status emit(const kerf__op_case *c, const char *entry, const kerf__arg *args, int num,
                        kerf__grid grid)
{
    char options[64];
    snprintf(options, sizeof options, "-DWIDE=%d -DT=%s", kerf__is_wide(c),
             c->node->inputs[0]->type == KERF_F32 ? "float" : "uchar");
    return kerf__emit(c, &kerf__source_sparse_pattern, entry, options, args, num, grid);
}

/* Work-items for rows: a group a row as it lies, an item a row (or sixteen) turned. */
static kerf__grid grid_of(const kerf__op_case *c, const filter *f)
{
    const size_t rows = num_rows(f);
    if (kerf__is_wide(c))
        return kerf__grid_wide(f->is_transposed ? kerf__ceil_div(rows, PANEL) : rows, 1, 1);
    return kerf__grid_items(f->is_transposed ? rows : rows * GROUP);
}

static kerf_status emit_count(const kerf__op_case *c, const filter *f)
{
    kerf__buffer *src = kerf__in(c, 0), *starts = kerf__out(c, 0);
    if (f->is_transposed)
        return emit(
            c, "sparse_count_turned",
            KERF__ARGS(ARG(src), ARG(starts), ARG(f->channels), ARG(f->filters), ARG(f->taps)),
            grid_of(c, f));
    return emit(c, "sparse_count",
                KERF__ARGS(ARG(src), ARG(starts), ARG(f->filters), ARG(row_length(f)),
                           ARG(f->chunk * f->taps)),
                grid_of(c, f));
}

#define PLACES(f)                                                                                  \
    ARG((f)->taps), ARG((f)->width), ARG((f)->origin), ARG((f)->strides[0]), ARG((f)->strides[1]), \
        ARG((f)->strides[2])

static kerf_status emit_fill(const kerf__op_case *c, const filter *f, unsigned capacity)
{
    return emit(c, "sparse_fill",
                KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(kerf__out(c, 1)),
                           ARG(kerf__out(c, 2)), ARG(f->filters), ARG(row_length(f)),
                           ARG(f->chunk * f->taps), ARG(capacity), PLACES(f)),
                grid_of(c, f));
}

static kerf_status emit_fill_turned(const kerf__op_case *c, const filter *f, unsigned capacity)
{
    return emit(c, "sparse_fill_turned",
                KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__out(c, 0)), ARG(kerf__out(c, 1)),
                           ARG(kerf__out(c, 2)), ARG(f->channels), ARG(f->filters), ARG(capacity),
                           PLACES(f)),
                grid_of(c, f));
}

static kerf_status build_pattern(const kerf__op_case *c)
{
    const filter f = filter_of(c->node);
    const unsigned capacity = (unsigned)kerf__value_elements(c->node->outputs[1]);
    KERF__TRY(emit_count(c, &f));
    KERF__TRY(emit(
        c, "sparse_scan",
        KERF__ARGS(ARG(kerf__out(c, 0)), ARG(kerf__out(c, 3)), ARG(num_rows(&f)), ARG(capacity)),
        kerf__is_wide(c) ? kerf__grid_wide(1, 1, 1) : kerf__grid_items(GROUP)));
    return f.is_transposed ? emit_fill_turned(c, &f, capacity) : emit_fill(c, &f, capacity);
}

static kerf_status build_values(const kerf__op_case *c)
{
    const size_t num = (size_t)kerf__value_elements(c->node->outputs[0]);
    const unsigned chunk = kerf__is_wide(c) ? (unsigned)kerf__pieces_an_item(c, num, 1, 512) : 1;
    const size_t items = kerf__ceil_div(num, chunk);
    return emit(c, "sparse_values",
                KERF__ARGS(ARG(kerf__in(c, 0)), ARG(kerf__in(c, 1)), ARG(kerf__out(c, 0)),
                           ARG((unsigned)num), ARG(chunk)),
                kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static kerf_status build(const kerf__op_case *c)
{
    return is_values(c->node) ? build_values(c) : build_pattern(c);
}

static const kerf__variant VARIANTS[] = {
    KERF__BOTH_STYLES("sparse_pattern", .fits = fits, .build = build),
};

#define ENTRY(name, inputs, outputs, rule)                                                         \
    {                                                                                              \
        .op = (name), .min_inputs = (inputs), .max_inputs = (inputs), .num_outputs = (outputs),    \
        .infer = (rule), .variants = VARIANTS, .num_variants = 2                                   \
    }

extern const kerf__op kerf__ops_sparse_pattern[];
const kerf__op kerf__ops_sparse_pattern[] = {
    ENTRY("kerf.SparsePattern", 1, 4, infer_pattern),
    ENTRY("kerf.SparseValues", 2, 1, infer_values),
    {.op = NULL},
};
