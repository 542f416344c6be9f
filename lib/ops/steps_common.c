/* ops/steps_common.c -- the growing list of launches (steps_common.h), and kerf__emit, the
 * one door from operations to the device. */
#include "ops/steps_common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

kerf_status kerf__steps_append(kerf__steps *steps, kerf__launch *launch)
{
    if (!kerf__grow((void **)&steps->launches, &steps->capacity, steps->num,
                    sizeof *steps->launches)) {
        kerf__launch_destroy(launch);
        return kerf__fail_memory("the list of launches", steps->num * sizeof *steps->launches);
    }
    steps->launches[steps->num++] = launch;
    return KERF_OK;
}

kerf_status kerf__steps_enqueue(const kerf__steps *steps, size_t first, size_t num)
{
    return kerf__steps_enqueue_until(steps, &first, first + num);
}

kerf_status kerf__steps_enqueue_until(const kerf__steps *steps, size_t *next, size_t end)
{
    for (; *next < end; ++*next)
        KERF__TRY(kerf__launch_enqueue(steps->launches[*next]));
    return KERF_OK;
}

kerf_status kerf__steps_replace(kerf__steps *steps, size_t first, size_t num, kerf__steps *fresh)
{
    const size_t rest = steps->num - first - num, total = first + fresh->num + rest;
    kerf__launch **launches = kerf__alloc(total, sizeof(kerf__launch *));
    if (launches == NULL)
        return kerf__fail_memory("the list of launches", total * sizeof(kerf__launch *));
    memcpy(launches, steps->launches, first * sizeof *launches);
    if (fresh->num > 0)
        memcpy(launches + first, fresh->launches, fresh->num * sizeof *launches);
    memcpy(launches + first + fresh->num, steps->launches + first + num, rest * sizeof *launches);
    for (size_t i = first; i < first + num; i++)
        kerf__launch_destroy(steps->launches[i]);
    free(steps->launches);
    free(fresh->launches);
    *steps = (kerf__steps){.launches = launches, .num = total, .capacity = total};
    *fresh = (kerf__steps){0};
    return KERF_OK;
}

void kerf__steps_clear(kerf__steps *steps)
{
    if (steps == NULL)
        return;
    for (size_t i = 0; i < steps->num; i++)
        kerf__launch_destroy(steps->launches[i]);
    free(steps->launches);
    *steps = (kerf__steps){0};
}

kerf_status kerf__emit(const kerf__op_case *c, const kerf__source *source, const char *entry,
                       const char *options, const kerf__arg *args, int num_args, kerf__grid grid)
{
    kerf__launch *launch;
    char with_halves[256];
    if (kerf__stores_halves(c->node)) {
        snprintf(with_halves, sizeof with_halves, "%s%s-DHALVES=1", options,
                 options[0] != '\0' ? " " : "");
        options = with_halves;
    }
    KERF__TRY(kerf__launch_create_pieces(&launch, c->dev, source, entry, options, args, num_args,
                                         grid, c->pieces));
    return kerf__steps_append(c->steps, launch);
}

kerf_status kerf__emit_launch(const kerf__op_case *c, kerf__launch *launch)
{
    return kerf__steps_append(c->steps, launch);
}
