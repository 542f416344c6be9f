/* ops/gather.c -- taking elements by index, and putting them.
 *
 *     Gather, GatherElements, GatherND (data, indices) -> dst         any type
 *     ScatterElements, ScatterND (data, indices, updates) -> dst      any type; reductions: float32
 *     kerf.GatherGrad, kerf.GatherElementsGrad, kerf.GatherNDGrad (indices, diff_dst) -> diff_src
 *         shape   of data; else as the operation itself
 *
 * They differ in where an index stands and in how many numbers it has (sizes_of).  An index
 * outside its dimension gives NaN or 0 and puts nothing: a kernel cannot report it.  Of several
 * updates of one element the last counts, and sums go from the first to the last, so that the
 * bits are the same every time.
 *
 * A table of few numbers has a method of its own for its gradient: gather_few.c.
 *
 * Device side: kernels/gather.cl.  Definition: tests/ref/ref_gather.c. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "ops/gather_few.h"
#include "ops/shape_common.h"

extern const kerf__source kerf__source_gather;

/* ---- the family ---------------------------------------------------------------------------- */

typedef struct form {
    const char *op;
    enum { ROWS, ELEMENTS, TUPLES } by;
    enum { TAKES, PUTS, ADDS } does;
    const char *gradient;
} form;

static const form FORMS[] = {
    {"Gather", ROWS, TAKES, "kerf.GatherGrad"},
    {"GatherElements", ELEMENTS, TAKES, "kerf.GatherElementsGrad"},
    {"GatherND", TUPLES, TAKES, "kerf.GatherNDGrad"},
    {"ScatterElements", ELEMENTS, PUTS, "GatherElements"},
    {"ScatterND", TUPLES, PUTS, "GatherND"},
    {"kerf.GatherElementsGrad", ELEMENTS, ADDS, NULL},
    {"kerf.GatherGrad", ROWS, ADDS, NULL},
    {"kerf.GatherNDGrad", TUPLES, ADDS, NULL},
};

static const form *form_of(const kerf_node *n)
{
    const form *f = FORMS;
    while (strcmp(f->op, n->op) != 0)
        f++;
    return f;
}

static const kerf_value *indices_of(const kerf_node *n)
{
    return n->inputs[form_of(n)->does == ADDS ? 0 : 1];
}

static kerf_status whole_shape(const kerf_node *n, kerf_shape *out)
{
    kerf__ints shape;
    *out = n->inputs[0]->shape;
    if (form_of(n)->does != ADDS)
        return KERF_OK;
    KERF__TRY(kerf__node_get_ints(n, "shape", 2, &shape));
    out->rank = (int)shape.num;
    memcpy(out->dims, shape.items, sizeof out->dims);
    return shape.given && kerf_shape_num_elements(*out) >= 0
               ? KERF_OK
               : kerf__fail_node(KERF_ERR_SHAPE, n, "has no shape of dimensions of 0 or more");
}

/* ---- shapes -------------------------------------------------------------------------------- */

static kerf_status fail_indices(const kerf_node *n, kerf_shape whole, const char *must)
{
    char text[128], of[128];
    return kerf__fail_node(KERF_ERR_SHAPE, n, "indices are %s for %s, must be %s",
                           kerf_shape_text(indices_of(n)->shape, text, sizeof text),
                           kerf_shape_text(whole, of, sizeof of), must);
}

/* Takes dimensions [begin, end) of s into *out; 0 if there are too many. */
static int append(kerf_shape *out, kerf_shape s, int begin, int end)
{
    for (int i = begin; i < end; i++) {
        if (out->rank == KERF_MAX_RANK)
            return 0;
        out->dims[out->rank++] = s.dims[i];
    }
    return 1;
}

static kerf_status part_by_rows(const kerf_node *n, kerf_shape whole, kerf_shape *part)
{
    const kerf_shape indices = indices_of(n)->shape;
    int axis;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", 0), whole.rank, &axis));
    if (!append(part, whole, 0, axis) || !append(part, indices, 0, indices.rank) ||
        !append(part, whole, axis + 1, whole.rank))
        return fail_indices(n, whole, "such that the result has 8 dimensions or fewer");
    return KERF_OK;
}

static kerf_status part_by_elements(const kerf_node *n, kerf_shape whole, kerf_shape *part)
{
    kerf_shape must = whole;
    int axis;
    *part = indices_of(n)->shape;
    KERF__TRY(kerf__node_axis(n, kerf_node_int(n, "axis", 0), whole.rank, &axis));
    must.dims[axis] = part->rank == whole.rank ? part->dims[axis] : 0;
    return kerf_shape_equal(must, *part)
               ? KERF_OK
               : fail_indices(n, whole, "of the same shape but for the axis");
}

static kerf_status part_by_tuples(const kerf_node *n, kerf_shape whole, kerf_shape *part)
{
    const kerf_shape indices = indices_of(n)->shape;
    const int64_t batch = kerf_node_int(n, "batch_dims", 0);
    const int last = indices.rank - 1;
    if (last < 0 || batch < 0 || batch > last || batch > whole.rank || indices.dims[last] < 1 ||
        indices.dims[last] > whole.rank - batch)
        return fail_indices(n, whole, "tuples of 1 number to as many as there are dimensions");
    for (int i = 0; i < batch; i++)
        if (indices.dims[i] != whole.dims[i])
            return fail_indices(n, whole, "equal to it in the dimensions of the batch");
    if (!append(part, indices, 0, last) ||
        !append(part, whole, (int)(batch + indices.dims[last]), whole.rank))
        return fail_indices(n, whole, "such that the result has 8 dimensions or fewer");
    return KERF_OK;
}

/* What is taken of the whole, or put into it. */
static kerf_status part_shape(const kerf_node *n, kerf_shape whole, kerf_shape *part)
{
    static kerf_status (*const RULES[])(const kerf_node *, kerf_shape, kerf_shape *) = {
        [ROWS] = part_by_rows, [ELEMENTS] = part_by_elements, [TUPLES] = part_by_tuples};
    *part = KERF_SCALAR;
    return RULES[form_of(n)->by](n, whole, part);
}

static const char *reduction_of(const kerf_node *n)
{
    return form_of(n)->does == ADDS ? "add" : kerf_node_string(n, "reduction", "none");
}

static kerf_status check_types(const kerf_node *n)
{
    static const char *const REDUCTIONS[] = {"none", "add", "mul", "max", "min"};
    const kerf_value *indices = indices_of(n), *moved = n->inputs[form_of(n)->does == ADDS];
    int known = 0;
    if (indices->type != KERF_S32 && indices->type != KERF_S64)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be int32 or int64",
                               indices->name, kerf_type_name(indices->type));
    for (size_t i = 0; i < sizeof REDUCTIONS / sizeof REDUCTIONS[0]; i++)
        known |= strcmp(REDUCTIONS[i], reduction_of(n)) == 0;
    if (!known)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "reduction is %s, must be none, add, mul, max or min",
                               reduction_of(n));
    if (kerf_type_bits(moved->type) < 8 ||
        (strcmp(reduction_of(n), "none") != 0 && moved->type != KERF_F32))
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "input %s is %s, must be %s", moved->name,
                               kerf_type_name(moved->type),
                               kerf_type_bits(moved->type) < 8 ? "of 8 bits or more" : "float32");
    return KERF_OK;
}

static kerf_status infer(kerf_node *n)
{
    const form *f = form_of(n);
    kerf_shape whole, part;
    KERF__TRY(check_types(n));
    KERF__TRY(whole_shape(n, &whole));
    KERF__TRY(part_shape(n, whole, &part));
    if (f->does == PUTS)
        KERF__TRY(kerf__node_check_type(n, 2, n->inputs[0]->type));
    if (f->does != TAKES)
        KERF__TRY(kerf__node_check_shape(n, f->does == ADDS ? 1 : 2, part));
    kerf__set_output(n, 0, n->inputs[f->does == ADDS]->type, f->does == TAKES ? part : whole);
    return KERF_OK;
}

/* ---- gradients ----------------------------------------------------------------------------- */

/* A node that has this one's axis or batch_dims. */
static kerf_status add_like(kerf__gradients *grads, const char *op, const kerf_node *n,
                            kerf_value *const *inputs, int num_inputs, kerf_node **out)
{
    static const char *const KEYS[] = {"axis", "batch_dims"};
    KERF__TRY(kerf__gradient_add_node(grads, op, n, "grad", inputs, num_inputs, out));
    for (int i = 0; i < 2; i++)
        if (kerf__node_attribute(n, KEYS[i]) != NULL)
            KERF__TRY(kerf_node_set_int(*out, KEYS[i], kerf_node_int(n, KEYS[i], 0)));
    return KERF_OK;
}

static kerf_status gradient_take(kerf__gradients *grads, kerf_node *n, kerf_value *diff)
{
    const kerf_shape src = n->inputs[0]->shape;
    kerf_node *node;
    KERF__TRY(
        add_like(grads, form_of(n)->gradient, n, (kerf_value *[]){n->inputs[1], diff}, 2, &node));
    KERF__TRY(kerf_node_set_ints(node, "shape", src.dims, (size_t)src.rank));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

/* What was put over brings nothing: zeros are put there. */
static kerf_status gradient_data(kerf__gradients *grads, kerf_node *n, kerf_value *diff)
{
    kerf_tensor *t; /* is made of zeros */
    kerf_value *zeros;
    kerf_node *node;
    if (strcmp(reduction_of(n), "add") == 0)
        return kerf__gradient_add(grads, n->inputs[0], diff);
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, n->inputs[2]->shape));
    KERF__TRY(kerf_graph_add_constant(grads->graph, NULL, t, &zeros));
    KERF__TRY(add_like(grads, n->op, n, (kerf_value *[]){diff, n->inputs[1], zeros}, 3, &node));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[0], node->outputs[0]);
}

static kerf_status gradient_put(kerf__gradients *grads, kerf_node *n, kerf_value *diff)
{
    kerf_node *node;
    if (strcmp(reduction_of(n), "none") != 0 && strcmp(reduction_of(n), "add") != 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                               "passes no gradient with reduction %s, must be none or add",
                               reduction_of(n));
    if (kerf__gradient_wanted(grads, n->inputs[0]))
        KERF__TRY(gradient_data(grads, n, diff));
    if (!kerf__gradient_wanted(grads, n->inputs[2]))
        return KERF_OK;
    KERF__TRY(
        add_like(grads, form_of(n)->gradient, n, (kerf_value *[]){diff, n->inputs[1]}, 2, &node));
    KERF__TRY(kerf__node_infer(node));
    return kerf__gradient_add(grads, n->inputs[2], node->outputs[0]);
}

static kerf_status gradient(kerf__gradients *grads, kerf_node *n)
{
    kerf_value *diff = kerf__gradient_of(grads, n->outputs[0]);
    if (diff == NULL)
        return KERF_OK;
    if (form_of(n)->does == PUTS)
        return gradient_put(grads, n, diff);
    return kerf__gradient_wanted(grads, n->inputs[0]) ? gradient_take(grads, n, diff) : KERF_OK;
}

/* ---- launches ------------------------------------------------------------------------------ */

/* The whole as (b, k, n), the part as (b, j, n), and where indices stand; see the kernel. */
typedef struct sizes {
    size_t b, k, j, n, q;
    size_t index_b, index_j, index_n;
    int64_t dims[KERF_MAX_RANK]; /* q of them, whose product is k */
} sizes;

static sizes sizes_of(const kerf_node *n)
{
    const kerf_shape indices = indices_of(n)->shape;
    const form *f = form_of(n);
    kerf_shape whole;
    sizes s = {.q = 1};
    int first = (int)kerf_node_int(n, f->by == TUPLES ? "batch_dims" : "axis", 0);
    if (whole_shape(n, &whole) != KERF_OK)
        return s; /* cannot be: infer has read it */
    first += first < 0 ? whole.rank : 0;
    if (f->by == TUPLES)
        s.q = (size_t)indices.dims[indices.rank - 1];
    const int behind = first + (int)s.q;
    s.b = kerf__shape_product(whole, 0, first);
    s.k = kerf__shape_product(whole, first, behind);
    s.n = kerf__shape_product(whole, behind, whole.rank);
    memcpy(s.dims, whole.dims + first, s.q * sizeof s.dims[0]);
    s.j = f->by == ROWS       ? kerf__shape_product(indices, 0, indices.rank)
          : f->by == ELEMENTS ? (size_t)indices.dims[first]
                              : kerf__shape_product(indices, first, indices.rank - 1);
    s.index_n = f->by == ELEMENTS;
    s.index_j = f->by == ELEMENTS ? s.n : s.q;
    s.index_b = f->by == ROWS ? 0 : s.j * s.index_j;
    return s;
}

/* Floats are floats only where they are computed with. */
static kerf_status emit(const kerf__op_case *c, const char *entry, const char *more,
                        const kerf__arg *args, int num, kerf__grid grid)
{
    const kerf_node *n = c->node;
    const int adds = strcmp(reduction_of(n), "none") != 0;
    char options[96];
    snprintf(options, sizeof options, "-DT=%s -DINDEX=%s%s",
             adds ? "float" : kerf__unsigned_of_bits(kerf_type_bits(n->outputs[0]->type)),
             indices_of(n)->type == KERF_S64 ? "long" : "int", more);
    return kerf__emit(c, &kerf__source_gather, entry, options, args, num, grid);
}

static int dimension_args(const sizes *s, kerf__arg *args)
{
    args[0] = ARG((unsigned)s->q);
    for (size_t i = 0; i < KERF_MAX_RANK; i++)
        args[1 + i] = ARG(i < s->q ? (int)s->dims[i] : 1);
    return 1 + KERF_MAX_RANK;
}

enum { MOST_ARGS = 24 };

/* What an index outside gives. */
static unsigned missing(kerf_type type)
{
    return type == KERF_F32 ? 0x7FC00000u : type == KERF_F16 ? 0x7E00u : 0u;
}

static kerf_status build_take(const kerf__op_case *c)
{
    enum { SHORT = 16, LONG = 1 << 15 }; /* rows that are worth a loop, and not too long for one */
    const sizes s = sizes_of(c->node);
    const size_t m = s.b * s.j;
    const int by_rows = kerf__is_wide(c) && s.index_n == 0 && s.n >= SHORT && s.n <= LONG;
    const size_t pieces = by_rows ? kerf__pieces_an_item(c, m, s.n / 16 + 24, 4096 / s.n + 1)
                          : kerf__is_wide(c) ? kerf__pieces_an_item(c, m * s.n, 1, 1024)
                                             : 1;
    const size_t items = kerf__ceil_div(by_rows ? m : m * s.n, pieces);
    kerf__arg args[MOST_ARGS] = {
        ARG(kerf__in(c, 0)),      ARG(kerf__in(c, 1)),
        ARG(kerf__out(c, 0)),     ARG(missing(c->node->outputs[0]->type)),
        ARG((unsigned)m),         ARG((unsigned)s.k),
        ARG((unsigned)s.j),       ARG((unsigned)s.n),
        ARG((unsigned)s.index_b), ARG((unsigned)s.index_j),
    };
    int num = 10;
    if (!by_rows)
        args[num++] = ARG((unsigned)s.index_n);
    num += dimension_args(&s, args + num);
    args[num++] = ARG((unsigned)pieces);
    return emit(c, by_rows ? "gather_rows" : "gather_each", "", args, num,
                kerf__is_wide(c) ? kerf__grid_wide(m * s.n > 0 ? items : 0, 1, 1)
                                 : kerf__grid_items(items));
}

static kerf_status emit_begin(const kerf__op_case *c)
{
    const int adds = form_of(c->node)->does == ADDS;
    const size_t num = (size_t)kerf__value_elements(c->node->outputs[0]);
    const size_t pieces =
        kerf__is_wide(c) ? kerf__pieces_an_item(c, kerf__ceil_div(num, 16), 1, 256) : 1;
    const size_t items = kerf__ceil_div(num, 16 * pieces);
    return emit(c, "gather_begin", "",
                (kerf__arg[]){ARG(kerf__in(c, adds)), ARG(kerf__out(c, 0)), ARG((unsigned)adds),
                              ARG((unsigned)num), ARG((unsigned)(16 * pieces))},
                5, kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

/* Columns are vectors where all of them have the same index. */
static int has_vectors(const kerf__op_case *c, const sizes *s)
{
    return kerf__is_wide(c) && s->index_n == 0;
}

static kerf_status emit_scatter(const kerf__op_case *c, size_t first, size_t last)
{
    const sizes s = sizes_of(c->node);
    const form *f = form_of(c->node);
    const int vectors = has_vectors(c, &s);
    const size_t items = s.b * kerf__ceil_div(s.n, vectors ? 16 : 1);
    char more[48];
    kerf__arg args[MOST_ARGS] = {
        ARG(kerf__in(c, f->does == ADDS ? 1 : 2)),
        ARG(kerf__in(c, f->does == ADDS ? 0 : 1)),
        ARG(kerf__out(c, 0)),
        ARG((unsigned)s.b),
        ARG((unsigned)s.k),
        ARG((unsigned)s.j),
        ARG((unsigned)s.n),
        ARG((unsigned)s.index_b),
        ARG((unsigned)s.index_j),
        ARG((unsigned)s.index_n),
    };
    int num = 10 + dimension_args(&s, args + 10);
    args[num++] = ARG((unsigned)first);
    args[num++] = ARG((unsigned)last);
    snprintf(more, sizeof more, " -DV=%d -DPUT=put_%s", vectors ? 16 : 1, reduction_of(c->node));
    return emit(c, "scatter", more, args, num,
                kerf__is_wide(c) ? kerf__grid_wide(items, 1, 1) : kerf__grid_items(items));
}

static kerf_status build_put(const kerf__op_case *c)
{
    const sizes s = sizes_of(c->node);
    KERF__TRY(emit_begin(c));
    if (s.b * s.k * s.n == 0)
        return KERF_OK;
    /* What is left of the last vector is a loop in the loop. */
    const size_t rows = KERF__MOST_ITERATIONS / (has_vectors(c, &s) ? 1 + s.n % 16 : 1);
    for (size_t first = 0; first < s.j; first += rows)
        KERF__TRY(emit_scatter(c, first, s.j - first < rows ? s.j : first + rows));
    return KERF_OK;
}

static kerf_status build(const kerf__op_case *c)
{
    return form_of(c->node)->does == TAKES ? build_take(c) : build_put(c);
}

#define PLAIN KERF__BOTH_STYLES("gather", .fits = kerf__fits_31_bits, .build = build)

static const kerf__variant VARIANTS[] = {PLAIN};
static const kerf__variant ROWS_VARIANTS[] = {
    {.name = "gather_few_wide",
     .wide = 1,
     .fits = kerf__gather_few_fits_wide,
     .scratch_bytes = kerf__gather_few_scratch,
     .build = kerf__gather_few_build},
    {.name = "gather_few_simt",
     .fits = kerf__gather_few_fits_simt,
     .scratch_bytes = kerf__gather_few_scratch,
     .build = kerf__gather_few_build},
    PLAIN,
};

#define ENTRY(name, num, rule, table)                                                              \
    {                                                                                              \
        .op = (name), .min_inputs = (num), .max_inputs = (num), .num_outputs = 1, .infer = infer,  \
        .gradient = (rule), .variants = (table), .num_variants = sizeof(table) / sizeof(table)[0]  \
    }

extern const kerf__op kerf__ops_gather[];
const kerf__op kerf__ops_gather[] = {
    ENTRY("Gather", 2, gradient, VARIANTS),
    ENTRY("GatherElements", 2, gradient, VARIANTS),
    ENTRY("GatherND", 2, gradient, VARIANTS),
    ENTRY("ScatterElements", 3, gradient, VARIANTS),
    ENTRY("ScatterND", 3, gradient, VARIANTS),
    ENTRY("kerf.GatherElementsGrad", 2, NULL, VARIANTS),
    ENTRY("kerf.GatherGrad", 2, NULL, ROWS_VARIANTS),
    ENTRY("kerf.GatherNDGrad", 2, NULL, VARIANTS),
    {.op = NULL},
};
