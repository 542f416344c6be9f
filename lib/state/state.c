/* state/state.c -- the table of everything that outlives a plan; see kerf/state.h.
 *
 * (1) entries[id] is the entry with that id, or NULL once it was dropped.
 * (2) Names of living entries are unique.
 * (3) An entry's owner is a living entry: what belongs to a weight goes with it.
 *
 * The edits come from outside the training loop and are rare, so slicing passes through
 * the host: one definition for every type and device. */
#include "kerf/state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/names.h"
#include "state/compact.h"
#include "tensor/tensor_internal.h"

struct kerf_state {
    kerf_device *dev;           /* borrowed; NULL: host */
    kerf_state_entry **entries; /* owned, each too; pointers stay when the array grows */
    size_t num, capacity;
    kerf__names names; /* of living entries */
    uint64_t layouts;  /* tensors that were put in the place of others */
};

static void destroy_entry(kerf_state_entry *e)
{
    if (e == NULL)
        return;
    kerf_tensor_destroy(e->tensor);
    free(e->compact);
    free((char *)e->name); /* made by kerf__strdup below; const for those who look */
    free(e);
}

kerf_status kerf_state_create(kerf_state **out, kerf_device *dev)
{
    *out = kerf__alloc(1, sizeof **out);
    if (*out == NULL)
        return kerf__fail_memory("state", sizeof **out);
    (*out)->dev = dev;
    return KERF_OK;
}

void kerf_state_destroy(kerf_state *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->num; i++)
        destroy_entry(s->entries[i]);
    free(s->entries);
    kerf__names_free(&s->names);
    free(s);
}

kerf_device *kerf_state_device(const kerf_state *s)
{
    return s->dev;
}

/* ---- moments that are compact (compact.h) ---------------------------------------------------- */

static kerf_status read_compact(const kerf_state_entry *e, float *whole)
{
    float *kept = kerf__alloc(kerf_tensor_num_elements(e->tensor), sizeof *kept);
    if (kept == NULL)
        return kerf__fail_memory(e->name, kerf_tensor_size_bytes(e->tensor));
    kerf_status status = kerf_tensor_read(e->tensor, kept);
    if (status == KERF_OK) {
        memset(whole, 0, (size_t)kerf_shape_num_elements(e->shape) * sizeof *whole);
        kerf__compact_scatter(e->compact, kept, whole);
    }
    free(kept);
    return status;
}

/* Behind the elements that are kept there is 0. */
static kerf_status write_compact(const kerf__compact *c, kerf_tensor *dst, const float *whole)
{
    float *kept = kerf__alloc(kerf_tensor_num_elements(dst), sizeof *kept);
    if (kept == NULL)
        return kerf__fail_memory("state", kerf_tensor_size_bytes(dst));
    kerf__compact_gather(c, whole, kept);
    kerf_status status = kerf_tensor_write(dst, kept);
    free(kept);
    return status;
}

/* ---- adding ----------------------------------------------------------------------------- */

/* Says whose memory it is. */
static kerf_status create_tensor(kerf_tensor **out, kerf_device *dev, const char *name,
                                 kerf_type type, kerf_shape shape)
{
    char text[128];
    kerf_status status = kerf_tensor_create(out, dev, type, shape);
    if (status != KERF_ERR_MEMORY)
        return status;
    const kerf__message why = kerf__message_keep();
    return kerf__fail(status, "'%s' %s: %s", name, kerf_shape_text(shape, text, sizeof text),
                      why.text);
}

static kerf_status create_entry(kerf_state_entry **out, kerf_device *dev,
                                const kerf_state_entry *like, kerf_type type, kerf_shape shape)
{
    *out = NULL;
    kerf_state_entry *e = kerf__alloc(1, sizeof *e);
    if (e == NULL)
        return kerf__fail_memory(like->name, sizeof *e);
    *e = *like;
    e->tensor = NULL;
    e->compact = NULL;
    e->shape = shape;
    e->layout = 0;
    e->name = kerf__strdup(like->name);
    kerf_status status = e->name != NULL ? create_tensor(&e->tensor, dev, e->name, type, shape)
                                         : kerf__fail_memory(like->name, strlen(like->name));
    if (status != KERF_OK) {
        destroy_entry(e);
        return status;
    }
    *out = e;
    return KERF_OK;
}

/* Puts an entry (NULL: a hole) behind the others; its id is its place. */
static kerf_status append(kerf_state *s, kerf_state_entry *e)
{
    if (!kerf__grow((void **)&s->entries, &s->capacity, s->num, sizeof *s->entries) ||
        !kerf__names_reserve(&s->names)) {
        destroy_entry(e);
        return kerf__fail_memory("state", (s->num + 1) * sizeof *s->entries);
    }
    if (e != NULL) {
        e->id = (int)s->num;
        kerf__names_add(&s->names, e->name, e);
    }
    s->entries[s->num++] = e;
    return KERF_OK;
}

kerf_status kerf_state_add(kerf_state *s, const char *name, kerf_role role, int owner,
                           kerf_type type, kerf_shape shape, int *id)
{
    *id = -1;
    if (name == NULL || name[0] == '\0')
        return kerf__fail(KERF_ERR_ARGUMENT, "state: an entry must have a name");
    if (kerf__names_find(&s->names, name) != NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "state: '%s' is there already, names must be unique",
                          name);
    if (owner != -1 && kerf_state_get(s, owner) == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT, "state: owner %d of '%s' must be an entry or -1",
                          owner, name);
    kerf_state_entry like = {.owner = owner, .role = role, .name = name}, *e;
    KERF__TRY(create_entry(&e, s->dev, &like, type, shape));
    KERF__TRY(append(s, e));
    *id = e->id;
    return KERF_OK;
}

/* A moment that is compact, into a tensor of its shape. */
static kerf_status copy_whole(const kerf_state_entry *src, kerf_tensor *dst)
{
    float *whole = kerf__alloc(kerf_tensor_num_elements(dst), sizeof *whole);
    if (whole == NULL)
        return kerf__fail_memory(src->name, kerf_tensor_size_bytes(dst));
    kerf_status status = read_compact(src, whole);
    if (status == KERF_OK)
        status = kerf_tensor_write(dst, whole);
    free(whole);
    return status;
}

static kerf_status copy_entry(kerf_state *dst, const kerf_state_entry *src)
{
    if (src == NULL)
        return append(dst, NULL);
    kerf_state_entry *e;
    KERF__TRY(create_entry(&e, dst->dev, src, kerf_tensor_type(src->tensor), src->shape));
    KERF__TRY(append(dst, e));
    return src->compact == NULL ? kerf_tensor_copy(src->tensor, e->tensor)
                                : copy_whole(src, e->tensor);
}

kerf_status kerf_state_copy(kerf_state **out, const kerf_state *src, kerf_device *dev)
{
    KERF__TRY(kerf_state_create(out, dev));
    for (size_t i = 0; i < src->num; i++) {
        kerf_status status = copy_entry(*out, src->entries[i]);
        if (status != KERF_OK) {
            kerf_state_destroy(*out);
            *out = NULL;
            return status;
        }
    }
    return KERF_OK;
}

/* ---- looking ---------------------------------------------------------------------------- */

static kerf_state_entry *entry(const kerf_state *s, int id)
{
    return id >= 0 && (size_t)id < s->num ? s->entries[id] : NULL;
}

int kerf_state_num_ids(const kerf_state *s)
{
    return (int)s->num;
}

const kerf_state_entry *kerf_state_get(const kerf_state *s, int id)
{
    return entry(s, id);
}

size_t kerf_state_bytes(const kerf_state *s)
{
    size_t bytes = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++)
        if (kerf_state_get(s, id) != NULL)
            bytes += kerf_tensor_size_bytes(kerf_state_get(s, id)->tensor);
    return bytes;
}

const kerf_state_entry *kerf_state_find(const kerf_state *s, const char *name)
{
    return kerf__names_find(&s->names, name);
}

const kerf_state_entry *kerf_state_find_owned(const kerf_state *s, int owner, kerf_role role)
{
    for (size_t i = 0; i < s->num; i++) {
        const kerf_state_entry *e = s->entries[i];
        if (e != NULL && e->owner == owner && e->role == role)
            return e;
    }
    return NULL;
}

/* ---- contents --------------------------------------------------------------------------- */

static kerf_status no_entry(int id)
{
    return kerf__fail(KERF_ERR_ARGUMENT, "state: there is no entry %d", id);
}

kerf_status kerf_state_write(kerf_state *s, int id, const void *src)
{
    kerf_state_entry *e = entry(s, id);
    if (e == NULL)
        return no_entry(id);
    KERF__TRY(e->compact == NULL ? kerf_tensor_write(e->tensor, src)
                                 : write_compact(e->compact, e->tensor, src));
    e->version++;
    return KERF_OK;
}

kerf_status kerf_state_read(const kerf_state *s, int id, void *dst)
{
    const kerf_state_entry *e = entry(s, id);
    if (e == NULL)
        return no_entry(id);
    return e->compact == NULL ? kerf_tensor_read(e->tensor, dst) : read_compact(e, dst);
}

void kerf_state_touch(kerf_state *s, int id)
{
    kerf_state_entry *e = entry(s, id);
    assert(e != NULL);
    e->version++;
}

/* ---- forms ------------------------------------------------------------------------------ */

/* The entry has this tensor from now on, which is taken over. */
static void put_tensor(kerf_state *s, kerf_state_entry *e, kerf_tensor *t)
{
    kerf_tensor_destroy(e->tensor);
    e->tensor = t;
    e->layout = ++s->layouts;
    e->version++;
}

uint64_t kerf__state_layouts(const kerf_state *s)
{
    return s->layouts;
}

/* What its weight's mask holds. */
static kerf_status list_kept(kerf__compact **out, const kerf_state *s, const kerf_state_entry *mask,
                             kerf__compact_order order)
{
    const size_t num = kerf_tensor_num_elements(mask->tensor);
    unsigned char *alive = kerf__alloc(num, 1);
    *out = NULL;
    if (alive == NULL)
        return kerf__fail_memory(mask->name, num);
    kerf_status status = kerf_state_read(s, mask->id, alive);
    if (status == KERF_OK)
        status = kerf__compact_list(out, alive, mask->shape, order);
    if (status == KERF_OK)
        (*out)->mask_version = mask->version;
    free(alive);
    return status;
}

/* Takes over the list and, where there was no tensor of this size, makes one. */
static kerf_status pack(kerf_state *s, kerf_state_entry *e, kerf__compact *c, int64_t capacity,
                        const float *whole)
{
    kerf_tensor *t = e->tensor;
    const int stays = e->compact != NULL && (int64_t)kerf_tensor_num_elements(t) == capacity;
    if (!stays)
        KERF__TRY(create_tensor(&t, s->dev, e->name, KERF_F32, KERF_SHAPE(capacity)));
    kerf_status status = write_compact(c, t, whole);
    if (status != KERF_OK) {
        if (!stays)
            kerf_tensor_destroy(t);
        return status;
    }
    if (!stays)
        put_tensor(s, e, t);
    free(e->compact);
    e->compact = c;
    e->version++;
    return KERF_OK;
}

kerf_status kerf__state_pack(kerf_state *s, int id, int64_t capacity, kerf__compact_order order)
{
    kerf_state_entry *e = entry(s, id);
    const kerf_state_entry *mask = kerf_state_find_owned(s, e->owner, KERF_ROLE_MASK);
    const size_t num = (size_t)kerf_shape_num_elements(e->shape);
    kerf__compact *c;
    assert(mask != NULL && kerf_shape_equal(mask->shape, e->shape));
    if (e->compact != NULL && e->compact->mask_version == mask->version &&
        e->compact->order == order && (int64_t)kerf_tensor_num_elements(e->tensor) == capacity)
        return KERF_OK;
    KERF__TRY(list_kept(&c, s, mask, order));
    float *whole = kerf__alloc(num, sizeof *whole);
    kerf_status status =
        whole != NULL ? kerf_state_read(s, id, whole) : kerf__fail_memory(e->name, num * 4);
    if (status == KERF_OK && (int64_t)c->num > capacity)
        status =
            kerf__fail(KERF_ERR_ARGUMENT, "state: '%s' has %zu elements, must have %lld at most",
                       e->name, c->num, (long long)capacity);
    if (status == KERF_OK)
        status = pack(s, e, c, capacity, whole);
    if (status != KERF_OK)
        free(c);
    free(whole);
    return status;
}

int kerf__state_lags(const kerf_state *s, int id)
{
    const kerf_state_entry *e = entry(s, id);
    return e->compact != NULL &&
           kerf_state_find_owned(s, e->owner, KERF_ROLE_MASK)->version != e->compact->mask_version;
}

/* What the tensor holds goes to its new places, by way of `was` and `next`, of its size. */
static kerf_status move_kept(kerf_state_entry *e, const kerf__compact *to, float *was, float *next)
{
    if (was == NULL || next == NULL)
        return kerf__fail_memory(e->name, kerf_tensor_size_bytes(e->tensor));
    KERF__TRY(kerf_tensor_read(e->tensor, was));
    kerf__compact_move(e->compact, was, to, next, e->shape);
    return kerf_tensor_write(e->tensor, next);
}

kerf_status kerf__state_follow(kerf_state *s, int id, const int32_t *places, size_t num)
{
    kerf_state_entry *e = entry(s, id);
    const size_t room = kerf_tensor_num_elements(e->tensor);
    kerf__compact *c;
    assert(e->compact != NULL && num <= room);
    KERF__TRY(kerf__compact_create(&c, e->compact->order, num));
    memcpy(c->places, places, num * sizeof *places);
    c->mask_version = kerf_state_find_owned(s, e->owner, KERF_ROLE_MASK)->version;
    float *was = kerf__alloc(room, sizeof *was), *next = kerf__alloc(room, sizeof *next);
    const kerf_status status = move_kept(e, c, was, next);
    free(was);
    free(next);
    if (status != KERF_OK) {
        free(c);
        return status;
    }
    free(e->compact);
    e->compact = c;
    e->version++;
    return KERF_OK;
}

kerf_status kerf__state_unpack(kerf_state *s, int id)
{
    kerf_state_entry *e = entry(s, id);
    kerf_tensor *t;
    if (e->compact == NULL)
        return KERF_OK;
    KERF__TRY(create_tensor(&t, s->dev, e->name, KERF_F32, e->shape));
    kerf_status status = copy_whole(e, t);
    if (status != KERF_OK) {
        kerf_tensor_destroy(t);
        return status;
    }
    put_tensor(s, e, t);
    free(e->compact);
    e->compact = NULL;
    return KERF_OK;
}

/* Edits know whole tensors alone. */
static kerf_status unpack_owned(kerf_state *s, int owner)
{
    for (size_t i = 0; i < s->num; i++)
        if (s->entries[i] != NULL && s->entries[i]->owner == owner)
            KERF__TRY(kerf__state_unpack(s, (int)i));
    return KERF_OK;
}

/* ---- edits ------------------------------------------------------------------------------ */

/* 1 if e is entry `id` or belongs to it and has its shape: what an edit takes along. */
static int goes_along(const kerf_state_entry *e, int id, kerf_shape shape)
{
    return e != NULL && (e->id == id || e->owner == id) && kerf_shape_equal(e->shape, shape);
}

static kerf_status check_slice(const kerf_state_entry *e, int axis, const int64_t *keep, size_t num)
{
    kerf_shape shape = kerf_tensor_shape(e->tensor);
    if (axis < 0 || axis >= shape.rank)
        return kerf__fail(KERF_ERR_ARGUMENT, "state: axis %d of '%s', must be 0 to %d", axis,
                          e->name, shape.rank - 1);
    for (size_t i = 0; i < num; i++)
        if (keep[i] < 0 || keep[i] >= shape.dims[axis] || (i > 0 && keep[i] <= keep[i - 1]))
            return kerf__fail(KERF_ERR_ARGUMENT,
                              "state: index %lld to keep of '%s', must ascend from 0 to %lld",
                              (long long)keep[i], e->name, (long long)shape.dims[axis] - 1);
    return KERF_OK;
}

/* (outer, axis, inner) bytes seen as rows of `row` bytes: those in `keep` stay. */
static void gather(const char *src, char *dst, size_t outer, size_t axis, size_t row,
                   const int64_t *keep, size_t num)
{
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < num; i++)
            memcpy(dst + (o * num + i) * row, src + (o * axis + (size_t)keep[i]) * row, row);
}

/* A new tensor with the kept part of an old one. */
static kerf_status slice_tensor(kerf_tensor **out, const kerf_tensor *t, int axis,
                                const int64_t *keep, size_t num)
{
    size_t bits = kerf_type_bits(t->type);
    *out = NULL;
    if (bits < 8)
        return kerf__fail(KERF_ERR_UNSUPPORTED, "state: a tensor of packed %s cannot be cut",
                          kerf_type_name(t->type));
    kerf_shape shape = t->shape;
    size_t outer = 1, row = bits / 8;
    for (int i = 0; i < axis; i++)
        outer *= (size_t)shape.dims[i];
    for (int i = axis + 1; i < shape.rank; i++)
        row *= (size_t)shape.dims[i];
    shape.dims[axis] = (int64_t)num;
    KERF__TRY(kerf_tensor_create(out, t->dev, t->type, shape));
    char *bytes = kerf__alloc(t->size_bytes + (*out)->size_bytes, 1);
    kerf_status status =
        bytes != NULL ? kerf_tensor_read(t, bytes) : kerf__fail_memory("state", t->size_bytes);
    if (status == KERF_OK) {
        gather(bytes, bytes + t->size_bytes, outer, (size_t)t->shape.dims[axis], row, keep, num);
        status = kerf_tensor_write(*out, bytes + t->size_bytes);
    }
    free(bytes);
    if (status != KERF_OK) {
        kerf_tensor_destroy(*out);
        *out = NULL;
    }
    return status;
}

kerf_status kerf_state_slice(kerf_state *s, int id, int axis, const int64_t *keep, size_t num)
{
    const kerf_state_entry *weight = entry(s, id);
    if (weight == NULL)
        return no_entry(id);
    KERF__TRY(check_slice(weight, axis, keep, num));
    KERF__TRY(unpack_owned(s, id));
    kerf_shape shape = kerf_tensor_shape(weight->tensor);
    /* All new tensors first: a failure leaves every entry as it was. */
    kerf_tensor **fresh = kerf__alloc(s->num, sizeof *fresh);
    kerf_status status = fresh != NULL ? KERF_OK : kerf__fail_memory("state", s->num);
    for (size_t i = 0; status == KERF_OK && i < s->num; i++)
        if (goes_along(s->entries[i], id, shape))
            status = slice_tensor(&fresh[i], s->entries[i]->tensor, axis, keep, num);
    for (size_t i = 0; fresh != NULL && i < s->num; i++) {
        if (status == KERF_OK && fresh[i] != NULL) {
            s->entries[i]->shape = kerf_tensor_shape(fresh[i]);
            put_tensor(s, s->entries[i], fresh[i]);
        } else {
            kerf_tensor_destroy(fresh[i]);
        }
    }
    free(fresh);
    return status;
}

kerf_status kerf_state_replace(kerf_state *s, int id, kerf_tensor *t)
{
    kerf_state_entry *e = entry(s, id);
    if (e == NULL || kerf_tensor_device(t) != s->dev) {
        kerf_tensor_destroy(t);
        return e == NULL ? no_entry(id)
                         : kerf__fail(KERF_ERR_ARGUMENT,
                                      "state: the new '%s' must lie where the state lies", e->name);
    }
    e->shape = kerf_tensor_shape(t);
    put_tensor(s, e, t);
    for (size_t i = 0; i < s->num; i++) {
        const kerf_state_entry *other = s->entries[i];
        if (other != NULL && other->owner == id && !goes_along(other, id, kerf_tensor_shape(t)))
            kerf_state_drop(s, other->id);
    }
    return KERF_OK;
}

void kerf_state_drop(kerf_state *s, int id)
{
    kerf_state_entry *e = entry(s, id);
    if (e == NULL)
        return;
    s->entries[id] = NULL; /* before its dependants, so that a ring of owners would end too */
    for (size_t i = 0; i < s->num; i++)
        if (s->entries[i] != NULL && s->entries[i]->owner == id)
            kerf_state_drop(s, (int)i);
    kerf__names_remove(&s->names, e->name);
    destroy_entry(e);
}
