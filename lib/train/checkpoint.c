/* train/checkpoint.c -- writing and reading the one file; see checkpoint.h for its layout. */
#include "train/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "graph/graph_internal.h"
#include "kerf/io.h"
#include "tensor/tensor_internal.h"
#include "train/record.h"

static const char MAGIC[8] = {'K', 'E', 'R', 'F', 'C', 'K', 'P', 'T'};
enum { VERSION = 1 };

/* ---- the state --------------------------------------------------------------------------- */

static kerf_status put_entry(kerf__record_writer *w, const kerf_state *s, const kerf_state_entry *e)
{
    const kerf_type type = kerf_tensor_type(e->tensor);
    const size_t num_bytes = (size_t)kerf__tensor_bytes(type, e->shape);
    kerf__record_put_text(w, e->name);
    kerf__record_put_u32(w, (uint32_t)e->role);
    kerf__record_put_i64(w, e->owner);
    kerf__record_put_u32(w, (uint32_t)type);
    kerf__record_put_u32(w, (uint32_t)e->shape.rank);
    for (int i = 0; i < e->shape.rank; i++)
        kerf__record_put_i64(w, e->shape.dims[i]);
    void *data = kerf__alloc(num_bytes, 1);
    if (data == NULL)
        return kerf__fail_memory("checkpoint", num_bytes);
    kerf_status status = kerf_state_read(s, e->id, data);
    if (status == KERF_OK)
        kerf__record_put_block(w, data, num_bytes);
    free(data);
    return status;
}

/* Ids are places: a dropped entry leaves a 0, and one that is nothing between steps. */
static kerf_status put_state(kerf__record_writer *w, const kerf_state *s)
{
    int num = kerf_state_num_ids(s);
    kerf__record_put_u32(w, (uint32_t)num);
    for (int id = 0; id < num; id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        const int is_kept = e != NULL && e->role != KERF_ROLE_GRADIENT;
        kerf__record_put_u32(w, (uint32_t)is_kept);
        if (is_kept)
            KERF__TRY(put_entry(w, s, e));
    }
    return KERF_OK;
}

static kerf_status damaged(const char *what)
{
    return kerf__fail(KERF_ERR_FORMAT, "checkpoint: %s", what);
}

static kerf_status get_shape(kerf__record_reader *r, kerf_shape *shape)
{
    uint32_t rank = kerf__record_get_u32(r);
    if (rank > KERF_MAX_RANK)
        return damaged("a shape has more than 8 dimensions");
    *shape = (kerf_shape){.rank = (int)rank};
    for (uint32_t i = 0; i < rank; i++)
        shape->dims[i] = kerf__record_get_i64(r);
    return KERF_OK;
}

/* The bytes must be there before a tensor is made for them: a shape alone may lie. */
static kerf_status get_data(kerf__record_reader *r, kerf_state *s, const char *name, int role,
                            int owner, uint32_t type, kerf_shape shape)
{
    size_t num_bytes;
    const void *data = kerf__record_get_block(r, &num_bytes);
    int64_t wanted = type < KERF_NUM_TYPES ? kerf__tensor_bytes((kerf_type)type, shape) : -1;
    if (r->bad || wanted < 0 || (uint64_t)wanted != num_bytes)
        return damaged("a tensor has not the bytes that its shape wants");
    int id;
    KERF__TRY(kerf_state_add(s, name, (kerf_role)role, owner, (kerf_type)type, shape, &id));
    return num_bytes > 0 ? kerf_state_write(s, id, data) : KERF_OK;
}

static kerf_status get_entry(kerf__record_reader *r, kerf_state *s)
{
    char *name = kerf__record_get_text(r);
    uint32_t role = kerf__record_get_u32(r);
    int64_t owner = kerf__record_get_i64(r);
    uint32_t type = kerf__record_get_u32(r);
    kerf_shape shape;
    kerf_status status = get_shape(r, &shape);
    if (status == KERF_OK && (r->bad || name == NULL || role > KERF_ROLE_METRIC || owner < -1 ||
                              owner >= kerf_state_num_ids(s)))
        status = damaged("an entry of the state is not whole");
    if (status == KERF_OK)
        status = get_data(r, s, name, (int)role, (int)owner, type, shape);
    free(name);
    return status;
}

static kerf_status skip_id(kerf_state *s)
{
    int id;
    KERF__TRY(kerf_state_add(s, "kerf.dropped", KERF_ROLE_METRIC, -1, KERF_U8, KERF_SCALAR, &id));
    kerf_state_drop(s, id);
    return KERF_OK;
}

static kerf_status get_state(kerf__record_reader *r, kerf_state **out)
{
    uint32_t num = kerf__record_get_u32(r);
    KERF__TRY(kerf_state_create(out, NULL));
    for (uint32_t id = 0; id < num; id++) {
        uint32_t there = kerf__record_get_u32(r);
        if (r->bad)
            return damaged("the state ends early");
        KERF__TRY(there ? get_entry(r, *out) : skip_id(*out));
    }
    return KERF_OK;
}

/* ---- position and epochs ------------------------------------------------------------------ */

static void put_position(kerf__record_writer *w, const kerf__position *p)
{
    kerf__record_put_i64(w, p->step);
    kerf__record_put_i64(w, p->next);
    kerf__record_put_f64(w, p->loss);
    kerf__record_put_i64(w, p->samples);
    kerf__record_put_f64(w, p->seconds);
    kerf__record_put_i64(w, p->best_epoch);
    kerf__record_put_f64(w, p->best_top1);
    kerf__record_put_f64(w, p->best_loss);
}

static void get_position(kerf__record_reader *r, kerf__position *p)
{
    p->step = kerf__record_get_i64(r);
    p->next = kerf__record_get_i64(r);
    p->loss = kerf__record_get_f64(r);
    p->samples = kerf__record_get_i64(r);
    p->seconds = kerf__record_get_f64(r);
    p->best_epoch = kerf__record_get_i64(r);
    p->best_top1 = kerf__record_get_f64(r);
    p->best_loss = kerf__record_get_f64(r);
}

/* The numbers of an epoch in the order of the file. */
enum { EPOCH_NUMBERS = 6, EPOCH_BYTES = 8 * (1 + EPOCH_NUMBERS) };

static void put_epoch(kerf__record_writer *w, const kerf_epoch *e)
{
    const double numbers[EPOCH_NUMBERS] = {e->loss, e->val_top1, e->val_loss,
                                           e->lr,   e->seconds,  e->sparsity};
    kerf__record_put_i64(w, e->epoch);
    for (int i = 0; i < EPOCH_NUMBERS; i++)
        kerf__record_put_f64(w, numbers[i]);
}

static void get_epoch(kerf__record_reader *r, kerf_epoch *e)
{
    double *const numbers[EPOCH_NUMBERS] = {&e->loss, &e->val_top1, &e->val_loss,
                                            &e->lr,   &e->seconds,  &e->sparsity};
    e->epoch = kerf__record_get_i64(r);
    for (int i = 0; i < EPOCH_NUMBERS; i++)
        *numbers[i] = kerf__record_get_f64(r);
}

static kerf_status get_epochs(kerf__record_reader *r, kerf__checkpoint *c)
{
    uint32_t num = kerf__record_get_u32(r);
    if (r->bad || num > r->left / EPOCH_BYTES)
        return damaged("the list of epochs ends early");
    c->epochs = kerf__alloc(num, sizeof *c->epochs);
    if (c->epochs == NULL)
        return kerf__fail_memory("checkpoint", num * sizeof *c->epochs);
    c->num_epochs = num;
    for (uint32_t i = 0; i < num; i++)
        get_epoch(r, &c->epochs[i]);
    return KERF_OK;
}

/* ---- the file ----------------------------------------------------------------------------- */

static kerf_status put_all(kerf__record_writer *w, const kerf__checkpoint *c)
{
    kerf__record_put(w, MAGIC, sizeof MAGIC);
    kerf__record_put_u32(w, VERSION);
    kerf__record_put_text(w, c->options);
    kerf__record_put_text(w, c->device);
    kerf__record_put_text(w, c->choices);
    kerf__record_put_block(w, c->graph, c->graph_bytes);
    put_position(w, &c->position);
    kerf__record_put_u32(w, (uint32_t)c->num_epochs);
    for (size_t i = 0; i < c->num_epochs; i++)
        put_epoch(w, &c->epochs[i]);
    KERF__TRY(put_state(w, c->state));
    kerf__record_put_u32(w, c->best != NULL);
    return c->best != NULL ? put_state(w, c->best) : KERF_OK;
}

/* Everything into the new file; on failure it is still only the temporary one. */
static kerf_status fill(kerf__new_file *f, const kerf__checkpoint *c)
{
    kerf__record_writer w;
    KERF__TRY(kerf__record_begin(&w, f->stream));
    kerf_status status = put_all(&w, c);
    int written = kerf__record_end(&w) && fflush(f->stream) == 0;
    if (status == KERF_OK && !written)
        status = kerf__fail(KERF_ERR_FILE, "%s: cannot be written: is the disk full?", f->path);
    return status;
}

kerf_status kerf__checkpoint_write(const kerf__checkpoint *c, const char *path,
                                   const char *previous)
{
    kerf__new_file f;
    KERF__TRY(kerf__new_file_begin(&f, path));
    kerf_status status = fill(&f, c);
    if (status != KERF_OK) {
        kerf__new_file_cancel(&f);
        return status;
    }
    /* Between the two renames only the previous one is there; readers look for it. */
    int moved = rename(path, previous) == 0;
    status = kerf__new_file_commit(&f);
    if (status != KERF_OK && moved)
        (void)rename(previous, path);
    return status;
}

static kerf_status get_header(kerf__record_reader *r)
{
    const void *magic = kerf__record_get(r, sizeof MAGIC);
    if (magic == NULL || memcmp(magic, MAGIC, sizeof MAGIC) != 0)
        return damaged("does not begin like one");
    uint32_t version = kerf__record_get_u32(r);
    if (version != VERSION)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "checkpoint: has version %u, this kerf reads %d",
                          (unsigned)version, (int)VERSION);
    return KERF_OK;
}

static kerf_status get_graph(kerf__record_reader *r, kerf__checkpoint *c)
{
    const void *graph = kerf__record_get_block(r, &c->graph_bytes);
    if (graph == NULL)
        return damaged("the graph ends early");
    c->graph = kerf__alloc(c->graph_bytes, 1);
    if (c->graph == NULL)
        return kerf__fail_memory("checkpoint", c->graph_bytes);
    memcpy(c->graph, graph, c->graph_bytes);
    return KERF_OK;
}

static kerf_status get_all(kerf__record_reader *r, kerf__checkpoint *c)
{
    KERF__TRY(get_header(r));
    c->options = kerf__record_get_text(r);
    c->device = kerf__record_get_text(r);
    c->choices = kerf__record_get_text(r);
    if (c->options == NULL || c->device == NULL || c->choices == NULL)
        return damaged("its texts end early");
    KERF__TRY(get_graph(r, c));
    get_position(r, &c->position);
    KERF__TRY(get_epochs(r, c));
    KERF__TRY(get_state(r, &c->state));
    if (kerf__record_get_u32(r))
        KERF__TRY(get_state(r, &c->best));
    return r->bad || r->left != 0 ? damaged("has not the length that it should") : KERF_OK;
}

kerf_status kerf__checkpoint_read(kerf__checkpoint *c, const char *path)
{
    void *bytes;
    size_t num_bytes;
    kerf__record_reader r;
    *c = (kerf__checkpoint){0};
    KERF__TRY(kerf__file_read(path, 0, &bytes, &num_bytes));
    kerf_status status = KERF_ERR_FORMAT;
    if (kerf__record_open(&r, bytes, num_bytes))
        status = get_all(&r, c);
    else
        status = kerf__fail(status, "%s: is not a whole checkpoint: the checksum is wrong", path);
    free(bytes);
    if (status != KERF_OK)
        kerf__checkpoint_free(c);
    return status;
}

void kerf__checkpoint_free(kerf__checkpoint *c)
{
    free(c->options);
    free(c->device);
    free(c->choices);
    free(c->graph);
    free(c->epochs);
    kerf_state_destroy(c->state);
    kerf_state_destroy(c->best);
    *c = (kerf__checkpoint){0};
}

/* ---- for everyone ------------------------------------------------------------------------- */

/* The graph's states must be what the graph says they are: both come from a file. */
static kerf_status check_states(const kerf_graph *g, const kerf_state *s)
{
    for (size_t i = 0; i < g->num_values; i++) {
        const kerf_value *v = g->values[i];
        if (v->kind != KERF__VALUE_STATE)
            continue;
        const kerf_state_entry *e = kerf_state_get(s, v->state_id);
        if (e == NULL || e->tensor->type != v->type ||
            !kerf_shape_equal(e->tensor->shape, v->shape))
            return kerf__fail(KERF_ERR_FORMAT,
                              "checkpoint: '%s' is not in the state as the graph "
                              "wants it",
                              v->name);
    }
    return KERF_OK;
}

kerf_status kerf_checkpoint_read(kerf_graph **g, kerf_state **s, const char *path, int best,
                                 kerf_device *dev)
{
    kerf__checkpoint c;
    *g = NULL;
    *s = NULL;
    KERF__TRY(kerf__checkpoint_read(&c, path));
    kerf_status status = KERF_OK;
    if (best && c.best == NULL)
        status = kerf__fail(KERF_ERR_ARGUMENT, "%s: holds no best epoch yet", path);
    if (status == KERF_OK)
        status = kerf_graph_parse(g, c.graph, c.graph_bytes);
    if (status == KERF_OK)
        status = check_states(*g, best ? c.best : c.state);
    if (status == KERF_OK)
        status = kerf_state_copy(s, best ? c.best : c.state, dev);
    kerf__checkpoint_free(&c);
    if (status != KERF_OK) {
        kerf_graph_destroy(*g);
        *g = NULL;
    }
    return status;
}
