/* plan/joints.c -- a plan's launches, queued as few: each run of launches that can be joined
 * (device/join.h) becomes one.
 *
 * The nodes keep their own launches: steps are timed by them, and they are queued again if a
 * device refuses one.  A joined launch is dropped whenever a node gets other launches. */
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/join.h"
#include "ops/steps_common.h"
#include "plan/plan_internal.h"

/* Fewer are not worth a program of their own. */
enum { LEAST_JOINED = 4 };
/* Coming together costs 5 to 10 us (bench/limits/launch_shared.c), which launches longer than this
 * do not feel; networks of such launches are spared the compiler's time. */
static const double LONG_US = 500;
/* Of a compute unit: about half of what CPUs do. */
static const double UNIT_GFLOPS = 50, UNIT_GOPS = 200, UNIT_GBPS = 10;

static double guess_us(const kerf_plan *p, const kerf_node *n)
{
    const double units = kerf_device_get_info(p->dev)->compute_units;
    const kerf_type type =
        n->num_inputs > 0 && n->inputs[0] != NULL ? n->inputs[0]->type : KERF_F32;
    const double rate = type == KERF_S8 || type == KERF_U8 ? UNIT_GOPS : UNIT_GFLOPS;
    return (2 * kerf_node_macs(n) / rate + kerf__node_bytes(n) / UNIT_GBPS) * 1e-3 / units;
}

/* Of all that a run launches: is the mean launch short? */
static int is_short(const kerf_plan *p)
{
    double us = 0;
    for (size_t i = p->num_prepared; i < p->num_nodes; i++)
        us += p->nodes[i].num_launches > 0 ? guess_us(p, p->graph->nodes[i]) : 0;
    return us < LONG_US * (double)(p->steps.num - p->num_prepared_launches);
}

/* Up to where launches from `first` on are queued at once: a run, or an update, and a run no
 * further than to where others are asked. */
static size_t end_of_stretch(const kerf_plan *p, size_t first)
{
    const size_t of_run = *kerf__plan_end_of_run(p);
    if (first >= of_run)
        return p->steps.num;
    for (size_t i = 0; (i = kerf__plan_next_partial(p, i, p->num_nodes)) < p->num_nodes; i++) {
        const size_t end = p->nodes[i].first_launch + p->nodes[i].num_launches;
        if (end > first)
            return end;
    }
    return of_run;
}

/* How many launches from `first` on may be joined, or may not, as that one. */
static size_t num_alike(const kerf_plan *p, size_t first, int joinable)
{
    size_t num = 1;
    const size_t end = end_of_stretch(p, first);
    while (first + num < end && kerf__launch_can_join(p->steps.launches[first + num]) == joinable)
        num++;
    return num;
}

/* Without a launch if there are few, or if the device refuses the program. */
static kerf_status join_part(kerf_plan *p, kerf__joint *j, size_t first, size_t num, int joinable)
{
    *j = (kerf__joint){NULL, first, num};
    if (!joinable || num < LEAST_JOINED)
        return KERF_OK;
    kerf_status status = kerf__launch_join(&j->launch, p->dev, p->steps.launches + first, num);
    return status == KERF_ERR_UNSUPPORTED ? KERF_OK : status;
}

kerf_status kerf_plan_join(kerf_plan *p)
{
    const size_t begin = p->num_prepared_launches;
    if (p->joints != NULL || !kerf_device_get_info(p->dev)->features.joins || !is_short(p))
        return KERF_OK;
    p->joints = kerf__alloc(p->steps.num - begin, sizeof *p->joints);
    if (p->joints == NULL)
        return kerf__fail_memory("plan", (p->steps.num - begin) * sizeof *p->joints);
    kerf_status status = KERF_OK;
    for (size_t first = begin, num; status == KERF_OK && first < p->steps.num; first += num) {
        const int joinable = kerf__launch_can_join(p->steps.launches[first]);
        num = num_alike(p, first, joinable);
        status = join_part(p, &p->joints[p->num_joints++], first, num, joinable);
    }
    if (status != KERF_OK)
        kerf__plan_unjoin(p);
    return status;
}

void kerf__plan_unjoin(kerf_plan *p)
{
    for (size_t i = 0; i < p->num_joints; i++)
        kerf__launch_destroy(p->joints[i].launch);
    free(p->joints);
    p->joints = NULL;
    p->num_joints = 0;
}

/* *next is the launch to go on from if it is refused. */
static kerf_status enqueue_joint(const kerf_plan *p, const kerf__joint *j, size_t *next)
{
    *next = j->first;
    if (j->launch != NULL)
        return kerf__launch_enqueue(j->launch);
    return kerf__steps_enqueue_until(&p->steps, next, j->first + j->num);
}

kerf_status kerf__plan_enqueue_joined(kerf_plan *p, size_t first, const size_t *end)
{
    size_t next = first;
    kerf_status status = KERF_OK;
    for (size_t i = 0; status == KERF_OK && i < p->num_joints; i++)
        if (p->joints[i].first >= first && p->joints[i].first < *end)
            status = enqueue_joint(p, &p->joints[i], &next);
    if (status != KERF_ERR_UNSUPPORTED)
        return status;
    kerf__plan_unjoin(p);
    return kerf__plan_enqueue(p, next, end);
}
