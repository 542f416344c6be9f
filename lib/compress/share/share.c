/* compress/share/share.c -- the rewrite: weights become a codebook and the numbers of its entries.
 *
 *     weight --> Gemm        codebook [--> kerf.Mask] --> Gather --> Gemm
 *                            indices --> Cast -------------^
 *
 * Indices are constants of uint4 up to 4 bits, else uint8: they never change.  The codebook is a
 * weight of one dimension, trained as all are; where zeros are kept its first entry is masked. With
 * blocks it has their codebooks one behind the other, and each row of indices is moved to its own:
 *
 *     indices (blocks, block) --> Cast --> Add (first entries) --> Gather --> Reshape
 *
 * Evaluations gather once, before the first run (plan/prepare.c). */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/share/codebook.h"
#include "graph/graph_internal.h"
#include "tensor/tensor_internal.h"

/* ---- which weights --------------------------------------------------------------------------- */

typedef struct target {
    kerf_value *weight;
    const kerf_node *user;
} target;

typedef struct targets {
    target *at; /* owned */
    size_t num, capacity;
} targets;

static int multiplies(const kerf_node *n)
{
    static const char *const OPS[] = {"Gemm", "MatMul", "Conv", "ConvTranspose"};
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (strcmp(n->op, OPS[i]) == 0 && n->num_inputs > 1)
            return 1;
    return 0;
}

static int passes(const kerf_node *n)
{
    static const char *const OPS[] = {"kerf.Mask", "Transpose", "Reshape", "Flatten", "Identity"};
    for (size_t i = 0; i < sizeof OPS / sizeof OPS[0]; i++)
        if (strcmp(n->op, OPS[i]) == 0)
            return 1;
    return 0;
}

/* The trained weight that arrives at v, or NULL. */
static kerf_value *trace(const kerf_state *s, kerf_value *v)
{
    while (v != NULL && v->producer != NULL && passes(v->producer))
        v = v->producer->inputs[0];
    if (v == NULL || v->kind != KERF__VALUE_STATE || v->type != KERF_F32 || v->shape.rank < 1 ||
        kerf_shape_num_elements(v->shape) < 1)
        return NULL;
    return kerf_state_get(s, v->state_id)->role == KERF_ROLE_WEIGHT ? v : NULL;
}

static int has(const targets *t, const kerf_value *weight)
{
    for (size_t i = 0; i < t->num; i++)
        if (t->at[i].weight == weight)
            return 1;
    return 0;
}

static kerf_status find_all(targets *out, const kerf_graph *g, const kerf_state *s)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        const kerf_node *n = g->nodes[i];
        kerf_value *weight = multiplies(n) ? trace(s, n->inputs[1]) : NULL;
        if (weight == NULL || has(out, weight))
            continue;
        if (!kerf__grow((void **)&out->at, &out->capacity, out->num, sizeof *out->at))
            return kerf__fail_memory("share", out->num * sizeof *out->at);
        out->at[out->num++] = (target){weight, n};
    }
    return out->num > 0 ? KERF_OK
                        : kerf__fail(KERF_ERR_ARGUMENT,
                                     "share: the network has no layer with weights of its own");
}

/* -1: the pattern fits none. */
static int first_fit(const char *const *patterns, size_t num, const targets *all, size_t i)
{
    for (size_t k = 0; k < num; k++)
        if (kerf__layer_fits(patterns[k], all->at[i].weight, all->at[i].user, all->at[0].user,
                             all->at[all->num - 1].user))
            return (int)k;
    return -1;
}

static kerf_status check_patterns(const char *const *patterns, size_t num, const targets *all)
{
    for (size_t k = 0; k < num; k++) {
        int fits = 0;
        for (size_t i = 0; i < all->num && !fits; i++)
            fits = first_fit(&patterns[k], 1, all, i) == 0;
        if (!fits)
            return kerf__fail(
                KERF_ERR_ARGUMENT, "share: '%s' fits no layer; the first of them is %s (%s %s)",
                patterns[k], all->at[0].weight->name, all->at[0].user->op, all->at[0].user->name);
    }
    return KERF_OK;
}

/* All are judged before any goes: "last" means the last of all. */
static kerf_status choose(targets *t, const kerf_share_options *o)
{
    const targets all = *t;
    KERF__TRY(check_patterns(o->layers, o->num_layers, &all));
    KERF__TRY(check_patterns(o->skip, o->num_skip, &all));
    target *chosen = kerf__alloc(all.num, sizeof *chosen);
    if (chosen == NULL)
        return kerf__fail_memory("share", all.num * sizeof *chosen);
    t->num = 0;
    for (size_t i = 0; i < all.num; i++)
        if ((o->num_layers == 0 || first_fit(o->layers, o->num_layers, &all, i) >= 0) &&
            first_fit(o->skip, o->num_skip, &all, i) < 0)
            chosen[t->num++] = all.at[i];
    free(all.at);
    t->at = chosen;
    return KERF_OK;
}

/* ---- one layer ------------------------------------------------------------------------------- */

/* What a weight becomes; owned, all of it. */
typedef struct shared {
    float *codebook;
    kerf_tensor *indices; /* uint4 or uint8, (blocks, block) or the weight's shape */
    size_t blocks, block, entries;
    int has_zero;
} shared;

static void free_shared(shared *h)
{
    free(h->codebook);
    kerf_tensor_destroy(h->indices);
}

static kerf_status check_numbers(const kerf_value *v, const float *x, size_t num, int *has_zero)
{
    *has_zero = 0;
    for (size_t i = 0; i < num; i++) {
        *has_zero |= x[i] == 0;
        if (!isfinite(x[i]))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "share: element %zu of '%s' is %g, must be a finite number", i,
                              v->name, (double)x[i]);
    }
    return KERF_OK;
}

/* Two to a byte where they fit, the first in the lower half. */
static kerf_status store_indices(kerf_tensor **out, const unsigned char *indices, kerf_shape shape,
                                 int bits)
{
    KERF__TRY(kerf_tensor_create(out, NULL, bits <= 4 ? KERF_U4 : KERF_U8, shape));
    unsigned char *bytes = kerf_tensor_data(*out);
    const size_t num = (*out)->num_elements;
    if (bits > 4)
        memcpy(bytes, indices, num);
    for (size_t i = 0; i < num && bits <= 4; i++)
        bytes[i / 2] = (unsigned char)(bytes[i / 2] | indices[i] << (i % 2 * 4));
    return KERF_OK;
}

static kerf_status find_codebooks(shared *h, const float *x, const kerf_value *weight,
                                  const kerf_share_options *o)
{
    const kerf_shape shape =
        o->block > 0 ? KERF_SHAPE((int64_t)h->blocks, (int64_t)h->block) : weight->shape;
    unsigned char *indices = kerf__alloc(h->blocks * h->block, 1);
    h->codebook = kerf__alloc(h->blocks * h->entries, sizeof *h->codebook);
    kerf_status status = indices != NULL && h->codebook != NULL
                             ? KERF_OK
                             : kerf__fail_memory("share", h->blocks * h->block);
    for (size_t b = 0; status == KERF_OK && b < h->blocks; b++) {
        kerf__codebook found = {.entries = h->codebook + b * h->entries,
                                .indices = indices + b * h->block};
        status = kerf__codebook_find(x + b * h->block, h->block, o, h->has_zero,
                                     ((uint64_t)weight->state_id << 32) + b, &found);
    }
    if (status == KERF_OK)
        status = store_indices(&h->indices, indices, shape, o->bits);
    free(indices);
    return status;
}

static kerf_status find_shared(shared *h, const kerf_state *s, const kerf_value *weight,
                               const kerf_share_options *o)
{
    const size_t num = (size_t)kerf_shape_num_elements(weight->shape);
    *h = (shared){.blocks = 1, .block = num, .entries = (size_t)1 << o->bits};
    if (o->block > 0 && num % (size_t)o->block != 0)
        return kerf__fail(KERF_ERR_SHAPE,
                          "share: '%s' has %zu weights, must be a multiple of the block of %lld; "
                          "leave the layer out or take another block",
                          weight->name, num, (long long)o->block);
    if (o->block > 0) {
        h->block = (size_t)o->block;
        h->blocks = num / h->block;
    }
    float *x = kerf__alloc(num, sizeof *x);
    kerf_status status =
        x != NULL ? kerf_state_read(s, weight->state_id, x) : kerf__fail_memory("share", num * 4);
    if (status == KERF_OK)
        status = check_numbers(weight, x, num, &h->has_zero);
    if (status == KERF_OK)
        status = find_codebooks(h, x, weight, o);
    free(x);
    return status;
}

/* ---- rewriting ------------------------------------------------------------------------------- */

/* "fc1.weight" and "codebook": "fc1.weight.codebook", with a number behind it where that is taken.
 */
static char *name_of(const kerf_graph *g, const kerf_state *s, const char *base, const char *suffix)
{
    const size_t bytes = strlen(base) + strlen(suffix) + 24;
    char *name = kerf__alloc(bytes, 1);
    if (name == NULL)
        return NULL;
    snprintf(name, bytes, "%s.%s", base, suffix);
    for (int i = 1; kerf_graph_find(g, name) != NULL || kerf_state_find(s, name) != NULL; i++)
        snprintf(name, bytes, "%s.%s_%d", base, suffix, i);
    return name;
}

/* A state and its value. */
static kerf_status add_state(kerf_graph *g, kerf_state *s, const char *base, const char *suffix,
                             kerf_role role, int owner, kerf_tensor *numbers /* taken */,
                             kerf_value **out)
{
    int id = -1;
    char *name = name_of(g, s, base, suffix);
    const kerf_type type = numbers->type;
    const kerf_shape shape = numbers->shape;
    kerf_status status = name != NULL ? kerf_state_add(s, name, role, owner, type, shape, &id)
                                      : kerf__fail_memory("share", strlen(base));
    if (status == KERF_OK)
        status = kerf_state_write(s, id, kerf_tensor_data(numbers));
    if (status == KERF_OK)
        status = kerf_graph_add_state(g, name, id, type, shape, out);
    if (status != KERF_OK && id >= 0)
        kerf_state_drop(s, id);
    free(name);
    kerf_tensor_destroy(numbers);
    return status;
}

static kerf_status add_constant(kerf_graph *g, const kerf_state *s, const char *base,
                                const char *suffix, kerf_tensor *t /* taken */, kerf_value **out)
{
    char *name = name_of(g, s, base, suffix);
    if (name == NULL) {
        kerf_tensor_destroy(t);
        return kerf__fail_memory("share", strlen(base));
    }
    kerf_status status = kerf_graph_add_constant(g, name, t, out);
    free(name);
    return status;
}

/* A node whose result is of this type and shape. */
static kerf_status add_node(kerf_graph *g, const kerf_state *s, const char *op, const char *base,
                            const char *suffix, kerf_value *const *inputs, int num_inputs,
                            kerf_type type, kerf_shape shape, kerf_node **out)
{
    char *name = name_of(g, s, base, suffix);
    if (name == NULL)
        return kerf__fail_memory("share", strlen(base));
    kerf_status status = kerf_graph_add_node(g, op, name, inputs, num_inputs, 1, out);
    free(name);
    if (status != KERF_OK)
        return status;
    (*out)->outputs[0]->type = type;
    (*out)->outputs[0]->shape = shape;
    return KERF_OK;
}

/* Behind a codebook a mask that keeps the entries that are 0 where `kept` says so. */
static kerf_status add_mask(kerf_graph *g, kerf_state *s, kerf_value *codebook,
                            const float *numbers, kerf_value **out)
{
    kerf_tensor *t;
    kerf_value *mask;
    kerf_node *n;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_BOOL, codebook->shape));
    unsigned char *alive = kerf_tensor_data(t);
    for (size_t i = 0; i < t->num_elements; i++)
        alive[i] = numbers[i] != 0;
    KERF__TRY(
        add_state(g, s, codebook->name, "mask", KERF_ROLE_MASK, codebook->state_id, t, &mask));
    KERF__TRY(add_node(g, s, "kerf.Mask", codebook->name, "masked",
                       (kerf_value *[]){codebook, mask}, 2, KERF_F32, codebook->shape, &n));
    KERF__TRY(kerf_node_set_int(n, "hard", 1));
    *out = n->outputs[0];
    return KERF_OK;
}

static kerf_status add_codebook(kerf_graph *g, kerf_state *s, const char *base, const shared *h,
                                kerf_value **out)
{
    kerf_tensor *t;
    const size_t num = h->blocks * h->entries;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_F32, KERF_SHAPE((int64_t)num)));
    memcpy(kerf_tensor_data(t), h->codebook, num * sizeof *h->codebook);
    KERF__TRY(add_state(g, s, base, "codebook", KERF_ROLE_WEIGHT, -1, t, out));
    return h->has_zero ? add_mask(g, s, *out, h->codebook, out) : KERF_OK;
}

/* Row b of indices counts from entry b * entries. */
static kerf_status add_first_entries(kerf_graph *g, const kerf_state *s, const char *base,
                                     const shared *h, kerf_value **indices)
{
    kerf_tensor *t;
    kerf_value *first;
    kerf_node *n;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_S32, KERF_SHAPE((int64_t)h->blocks, 1)));
    int32_t *x = kerf_tensor_data(t);
    for (size_t b = 0; b < h->blocks; b++)
        x[b] = (int32_t)(b * h->entries);
    KERF__TRY(add_constant(g, s, base, "first", t, &first));
    KERF__TRY(add_node(g, s, "Add", base, "entries", (kerf_value *[]){*indices, first}, 2, KERF_S32,
                       (*indices)->shape, &n));
    *indices = n->outputs[0];
    return KERF_OK;
}

static kerf_status add_reshape(kerf_graph *g, const kerf_state *s, const char *base,
                               kerf_shape shape, kerf_value **v)
{
    kerf_tensor *t;
    kerf_value *dims;
    kerf_node *n;
    KERF__TRY(kerf_tensor_create(&t, NULL, KERF_S64, KERF_SHAPE(shape.rank)));
    memcpy(kerf_tensor_data(t), shape.dims, (size_t)shape.rank * sizeof shape.dims[0]);
    KERF__TRY(add_constant(g, s, base, "shape", t, &dims));
    KERF__TRY(add_node(g, s, "Reshape", base, "shaped", (kerf_value *[]){*v, dims}, 2, KERF_F32,
                       shape, &n));
    *v = n->outputs[0];
    return KERF_OK;
}

/* Codebook and indices, and what weights read of them. */
static kerf_status add_gather(kerf_graph *g, kerf_state *s, const kerf_value *weight, shared *h,
                              int in_blocks, kerf_value **out)
{
    enum { ONNX_INT32 = 6 };
    const char *base = weight->name;
    const kerf_shape shape = h->indices->shape;
    kerf_value *codebook, *indices;
    kerf_tensor *taken = h->indices;
    kerf_node *n;
    h->indices = NULL;
    KERF__TRY(add_constant(g, s, base, "indices", taken, &indices));
    KERF__TRY(add_codebook(g, s, base, h, &codebook));
    KERF__TRY(add_node(g, s, "Cast", base, "index", &indices, 1, KERF_S32, shape, &n));
    KERF__TRY(kerf_node_set_int(n, "to", ONNX_INT32));
    indices = n->outputs[0];
    if (in_blocks)
        KERF__TRY(add_first_entries(g, s, base, h, &indices));
    KERF__TRY(add_node(g, s, "Gather", base, "shared", (kerf_value *[]){codebook, indices}, 2,
                       KERF_F32, shape, &n));
    *out = n->outputs[0];
    return in_blocks ? add_reshape(g, s, base, weight->shape, out) : KERF_OK;
}

/* Whoever read the weight, behind its mask or not, reads `shared_weight`. */
static void replace(kerf_graph *g, kerf_value *weight, kerf_value *shared_weight)
{
    for (size_t i = 0; i < g->num_nodes; i++) {
        kerf_node *n = g->nodes[i];
        if (kerf__node_is(n, "kerf.Mask") && n->inputs[0] == weight)
            kerf__graph_replace_uses(g, n->outputs[0], shared_weight);
    }
    kerf__graph_replace_uses(g, weight, shared_weight);
}

static kerf_status share_layer(kerf_graph *g, kerf_state *s, kerf_value *weight,
                               const kerf_share_options *o)
{
    shared h;
    kerf_value *v = NULL;
    kerf_status status = find_shared(&h, s, weight, o);
    if (status == KERF_OK)
        status = add_gather(g, s, weight, &h, o->block > 0, &v);
    free_shared(&h);
    if (status == KERF_OK)
        replace(g, weight, v);
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static kerf_status check_options(const kerf_share_options *o)
{
    if (o->bits < 1 || o->bits > KERF_SHARE_MOST_BITS)
        return kerf__fail(KERF_ERR_ARGUMENT, "share: indices of %d bits, must be 1 to %d", o->bits,
                          KERF_SHARE_MOST_BITS);
    if ((unsigned)o->init >= KERF_NUM_SHARE_INITS)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "share: entries begin by way %d, must be one of "
                          "kerf/share.h",
                          (int)o->init);
    if (o->block != 0 && o->block < (int64_t)2 << o->bits)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "share: a block is of %lld weights, must be of %lld or more, twice the "
                          "entries of its codebook",
                          (long long)o->block, (long long)2 << o->bits);
    return KERF_OK;
}

static int is_read(const kerf_graph *g, int state_id)
{
    for (size_t i = 0; i < g->num_values; i++)
        if (g->values[i]->state_id == state_id)
            return 1;
    return 0;
}

kerf_status kerf_share_mark(kerf_graph *g, kerf_state *s, const kerf_share_options *options)
{
    targets t = {0};
    KERF__TRY(check_options(options));
    kerf_status status = find_all(&t, g, s);
    if (status == KERF_OK)
        status = choose(&t, options);
    int *ids = kerf__alloc(t.num, sizeof *ids);
    if (status == KERF_OK && ids == NULL)
        status = kerf__fail_memory("share", t.num * sizeof *ids);
    for (size_t i = 0; status == KERF_OK && i < t.num; i++) {
        ids[i] = t.at[i].weight->state_id;
        status = share_layer(g, s, t.at[i].weight, options);
    }
    if (status == KERF_OK)
        status = kerf__graph_sort(g);
    if (status == KERF_OK)
        kerf__graph_remove_dead(g);
    for (size_t i = 0; status == KERF_OK && i < t.num; i++)
        if (!is_read(g, ids[i]))
            kerf_state_drop(s, ids[i]); /* masks and moments with it */
    free(ids);
    free(t.at);
    return status;
}

/* ---- zeros that a file brings ---------------------------------------------------------------- */

/* The codebook that a Gather takes weights from, or NULL. */
static kerf_value *codebook_of(const kerf_node *n, const kerf_state *s)
{
    if (!kerf__node_is(n, "Gather") || n->inputs[0]->kind != KERF__VALUE_STATE ||
        n->inputs[0]->shape.rank != 1 || n->inputs[0]->type != KERF_F32)
        return NULL;
    const kerf_value *v = n->inputs[1];
    while (v->producer != NULL && v->producer->num_inputs > 0)
        v = v->producer->inputs[0];
    return v->kind == KERF__VALUE_CONSTANT && (v->type == KERF_U4 || v->type == KERF_U8) &&
                   kerf_state_get(s, n->inputs[0]->state_id)->role == KERF_ROLE_WEIGHT
               ? n->inputs[0]
               : NULL;
}

static kerf_status keep_zeros(kerf_graph *g, kerf_state *s, kerf_node *gather, kerf_value *codebook,
                              int *num_kept)
{
    const size_t num = (size_t)kerf_shape_num_elements(codebook->shape);
    kerf_value *masked;
    int has_zero = 0;
    float *x = kerf__alloc(num, sizeof *x);
    if (x == NULL)
        return kerf__fail_memory("share", num * sizeof *x);
    kerf_status status = num > 0 ? kerf_state_read(s, codebook->state_id, x) : KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < num; i++)
        has_zero |= x[i] == 0;
    if (status == KERF_OK && has_zero) {
        status = add_mask(g, s, codebook, x, &masked);
        if (status == KERF_OK)
            kerf__node_set_input(gather, 0, masked);
        *num_kept += status == KERF_OK;
    }
    free(x);
    return status;
}

kerf_status kerf_share_keep_zeros(kerf_graph *g, kerf_state *s, int *num_kept)
{
    const size_t num = g->num_nodes; /* masks come behind them */
    *num_kept = 0;
    for (size_t i = 0; i < num; i++) {
        kerf_value *codebook = codebook_of(g->nodes[i], s);
        if (codebook != NULL)
            KERF__TRY(keep_zeros(g, s, g->nodes[i], codebook, num_kept));
    }
    return kerf__graph_sort(g);
}
