/* bad_variants.h -- kernels that no driver would be forgiven, for tests of tuning and verifying.
 *
 * A program that includes this is linked with --wrap=kerf__op_find (tests/CMakeLists.txt): the
 * library then finds Relu, its gradient and Add with variants in front of their own, of which those
 * that bad_variants asks for fit.  Each computes the right thing by the operation's own kernels
 * first, but for what its name says. */
#ifndef KERF_BAD_VARIANTS_H
#define KERF_BAD_VARIANTS_H

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/fail.h"
#include "ops/steps_common.h"

/* A set of these, and on which device (NULL: all). */
enum {
    BAD_LIES = 1,      /* leaves the result as it was */
    BAD_NO_BUILD = 2,  /* as if the compiler refused it */
    BAD_NO_LAUNCH = 4, /* as if the driver did */
    BAD_SLOW = 8,      /* takes 2 ms */
    BAD_SLY = 16,      /* takes 30 ms from the second time on that it is built */
    BAD_CRASHES = 32,  /* ends the process when it is built; Add alone */
    BAD_LATE_LIE = 64, /* the same as lies, for Add alone */
    BAD_ALONE = 128    /* not a variant: Relu's own are left out */
};
#ifndef BAD_AT_START
#define BAD_AT_START 0
#endif
static int bad_variants = BAD_AT_START;
static const kerf_device *bad_device;
static int bad_num_sly;

const kerf__op *__wrap_kerf__op_find(const char *op);

static const kerf__op *find_own(const char *name)
{
    const kerf__op *op;
    for (int i = 0; (op = kerf__op_at(i)) != NULL; i++)
        if (strcmp(op->op, name) == 0)
            return op;
    return NULL;
}

/* As the last of the operation's own variants that fits does it. */
static kerf_status build_well(const kerf__op_case *c)
{
    const kerf__op *op = find_own(c->node->op);
    static const kerf__candidate NAMELESS = {"", "", {0}};
    kerf__op_case well = *c;
    const kerf__variant *last = &op->variants[op->num_variants - 1];
    while (!last->fits(c)) /* the first would have to */
        last--;
    well.option = (kerf__option){last, &NAMELESS};
    return well.option.variant->build(&well);
}

static kerf_status sleep_ms(void *ms)
{
    nanosleep(&(struct timespec){0, 1000000 * (long)(size_t)ms}, NULL);
    return KERF_OK;
}

static kerf_status refuse(void *unused)
{
    (void)unused;
    return kerf__fail(KERF_ERR_OPENCL, "no_launch: the driver does not want to");
}

static void forget(void *unused)
{
    (void)unused;
}

static kerf_status emit_call(const kerf__op_case *c, kerf_status (*call)(void *), size_t number)
{
    kerf__launch *launch;
    KERF__TRY(kerf__launch_create_foreign(&launch, c->dev, call, forget, (void *)number));
    return kerf__emit_launch(c, launch);
}

static kerf_status build_lies(const kerf__op_case *c)
{
    (void)c;
    return KERF_OK;
}

static kerf_status build_no_build(const kerf__op_case *c)
{
    (void)c;
    return kerf__fail(KERF_ERR_OPENCL, "no_build: error: expected a better driver\nand a log");
}

static kerf_status build_no_launch(const kerf__op_case *c)
{
    return emit_call(c, refuse, 0);
}

static kerf_status build_slow(const kerf__op_case *c)
{
    KERF__TRY(build_well(c));
    return emit_call(c, sleep_ms, 2);
}

static kerf_status build_sly(const kerf__op_case *c)
{
    KERF__TRY(build_well(c));
    return bad_num_sly++ > 0 ? emit_call(c, sleep_ms, 30) : KERF_OK;
}

static kerf_status build_crashes(const kerf__op_case *c)
{
    (void)c;
    abort();
}

static int asked_for(const kerf__op_case *c, int what)
{
    return (bad_variants & what) != 0 && (bad_device == NULL || bad_device == c->dev);
}

#define BAD_FITS(name, what)                                                                       \
    static int fits_##name(const kerf__op_case *c)                                                 \
    {                                                                                              \
        return asked_for(c, what);                                                                 \
    }
BAD_FITS(lies, BAD_LIES)
BAD_FITS(no_build, BAD_NO_BUILD)
BAD_FITS(no_launch, BAD_NO_LAUNCH)
BAD_FITS(slow, BAD_SLOW)
BAD_FITS(sly, BAD_SLY)
BAD_FITS(crashes, BAD_CRASHES)
BAD_FITS(late_lie, BAD_LATE_LIE)

/* The operation with `bad` in front of its own variants, of which the first fits best. */
static const kerf__op *with_bad(kerf__op *op, kerf__variant *room, const kerf__op *own,
                                const kerf__variant *bad, int num_bad)
{
    memcpy(room, bad, (size_t)num_bad * sizeof *bad);
    memcpy(room + num_bad, own->variants, (size_t)own->num_variants * sizeof *bad);
    *op = *own;
    op->variants = room;
    op->num_variants = num_bad + own->num_variants;
    return op;
}

const kerf__op *__wrap_kerf__op_find(const char *name)
{
    static const kerf__variant RELU[] = {
        {.name = "lies", .fits = fits_lies, .build = build_lies},
        {.name = "no_build", .fits = fits_no_build, .build = build_no_build},
        {.name = "no_launch", .fits = fits_no_launch, .build = build_no_launch},
        {.name = "slow", .fits = fits_slow, .build = build_slow},
        {.name = "sly", .fits = fits_sly, .build = build_sly}};
    static const kerf__variant ADD[] = {
        {.name = "late_lie", .fits = fits_late_lie, .build = build_lies},
        {.name = "crashes", .fits = fits_crashes, .build = build_crashes}};
    enum { NUM_RELU = sizeof RELU / sizeof RELU[0], NUM_ADD = sizeof ADD / sizeof ADD[0] };
    static kerf__variant relu_room[32], grad_room[32], add_room[32];
    static kerf__op relu, grad, add;
    const kerf__op *own = find_own(name);
    if (strcmp(name, "Relu") == 0) {
        with_bad(&relu, relu_room, own, RELU, NUM_RELU);
        relu.num_variants = bad_variants & BAD_ALONE ? NUM_RELU : relu.num_variants;
        return &relu;
    }
    if (strcmp(name, "kerf.ReluGrad") == 0)
        return with_bad(&grad, grad_room, own, RELU, 1);
    if (strcmp(name, "Add") == 0)
        return with_bad(&add, add_room, own, ADD, NUM_ADD);
    return own;
}

#endif
