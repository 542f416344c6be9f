/* plan/room.c -- whether a plan finds room on its device, asked before anything is allocated: CPU
 * drivers hand out memory that is not there, and the process is killed when it is touched. */
#include <stdio.h>

#include "base/fail.h"
#include "plan/plan_internal.h"
#include "tensor/tensor_internal.h"

/* Arena, what lies beside it, and the states: all that a run needs on the device. */
size_t kerf__plan_needed_bytes(const kerf_plan *p)
{
    size_t bytes = kerf_plan_arena_bytes(p);
    for (size_t i = 0; i < p->num_blocks; i++)
        if (p->blocks[i].kind == KERF__BLOCK_STATE)
            bytes += p->blocks[i].size_bytes;
    return bytes;
}

static size_t largest_piece(const kerf_plan *p)
{
    size_t bytes = p->arena_bytes;
    for (size_t i = 0; i < p->num_blocks; i++)
        if (p->blocks[i].kind != KERF__BLOCK_ARENA && p->blocks[i].size_bytes > bytes)
            bytes = p->blocks[i].size_bytes;
    return bytes;
}

int kerf__plan_fits(const kerf_plan *p, size_t memory_bytes)
{
    return (memory_bytes == 0 || kerf__plan_needed_bytes(p) <= memory_bytes) &&
           largest_piece(p) <= kerf_device_get_info(p->dev)->max_alloc_bytes &&
           kerf_plan_arena_bytes(p) <= kerf__device_free_bytes(p->dev);
}

/* States apart, which another batch would not make smaller; NULL where there is nothing else. */
static const kerf_value *largest_value(const kerf_graph *g, size_t *bytes)
{
    const kerf_value *largest = NULL;
    *bytes = 0;
    for (size_t i = 0; i < g->num_values; i++) {
        const kerf_value *v = g->values[i];
        if (v->shape.rank < 0 || v->state_id >= 0 || v->next_of >= 0)
            continue;
        const size_t own = (size_t)kerf__tensor_bytes(v->type, v->shape);
        if (largest == NULL || own > *bytes) {
            largest = v;
            *bytes = own;
        }
    }
    return largest;
}

/* "'y' (64, 64, 112, 112) of Conv conv1, 196.0 MiB" */
static void tell_largest(const kerf_plan *p, char *text, size_t text_bytes)
{
    size_t bytes;
    char shape[128], size[32];
    const kerf_value *v = largest_value(p->graph, &bytes);
    const kerf_node *n = v != NULL ? v->producer : NULL;
    if (v == NULL) {
        snprintf(text, text_bytes, "what outlives the plan");
        return;
    }
    snprintf(text, text_bytes, "'%.80s' %s%s%.40s%s%.80s, %s", v->name,
             kerf_shape_text(v->shape, shape, sizeof shape), n != NULL ? " of " : "",
             n != NULL ? n->op : "", n != NULL ? " " : "", n != NULL ? n->name : "",
             kerf__size_text(bytes, size));
}

kerf_status kerf__plan_fail_room(const kerf_plan *p, size_t memory_bytes)
{
    const kerf_device_info *info = kerf_device_get_info(p->dev);
    char needed[32], limit[32], largest[400];
    tell_largest(p, largest, sizeof largest);
    if (memory_bytes != 0 && kerf__plan_needed_bytes(p) > memory_bytes)
        return kerf__fail(KERF_ERR_MEMORY,
                          "plan: needs at least %s on the device, must fit in %s; the largest "
                          "is %s; a smaller batch needs less",
                          kerf__size_text(kerf__plan_needed_bytes(p), needed),
                          kerf__size_text(memory_bytes, limit), largest);
    if (largest_piece(p) > info->max_alloc_bytes)
        return kerf__fail(KERF_ERR_MEMORY,
                          "plan: needs at least %s in one piece, %s takes at most %s; the largest "
                          "is %s; a smaller batch needs less",
                          kerf__size_text(largest_piece(p), needed), info->name,
                          kerf__size_text(info->max_alloc_bytes, limit), largest);
    return kerf__fail(KERF_ERR_MEMORY,
                      "plan: needs at least %s, %s has %s left; the largest is %s; a smaller batch "
                      "needs less",
                      kerf__size_text(kerf_plan_arena_bytes(p), needed), info->name,
                      kerf__size_text(kerf__device_free_bytes(p->dev), limit), largest);
}
