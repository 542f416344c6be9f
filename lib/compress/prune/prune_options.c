/* compress/prune/prune_options.c -- what must hold for kerf_prune_options. */
#include <math.h>

#include "base/fail.h"
#include "compress/prune/prune_internal.h"

static kerf_status check_amount(kerf_prune_method method, const char *of, double amount)
{
    if (method == KERF_PRUNE_STD) {
        if (isfinite(amount) && amount >= 0)
            return KERF_OK;
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: s of %s is %g: must be at least 0", of,
                          amount);
    }
    if (amount >= 0 && amount < 1)
        return KERF_OK;
    return kerf__fail(KERF_ERR_ARGUMENT,
                      "prune: sparsity of %s is %g: must be at least 0 and "
                      "below 1",
                      of, amount);
}

/* Structures that a method or a scope has no use for, or that say the same twice. */
static kerf_status check_structure(const kerf_prune_options *o)
{
    const int64_t a = o->block[0], b = o->block[1];
    if ((unsigned)o->structure > KERF_STRUCTURE_CHANNEL)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: structure %d: must be one of kerf/prune.h's",
                          (int)o->structure);
    if (o->structure == KERF_STRUCTURE_WEIGHT)
        return KERF_OK;
    if (o->method == KERF_PRUNE_MASK)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: method mask with a structure: the file says "
                                             "which weights go; must be structure weight");
    if (o->biases)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: biases have no inputs to make blocks of; must "
                                             "be without them, or structure weight");
    if (o->structure == KERF_STRUCTURE_BLOCK && (a < 1 || b < 1 || a > 1024 || b > 1024))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: blocks of %lldx%lld: both must be from 1 to 1024", (long long)a,
                          (long long)b);
    if (o->structure != KERF_STRUCTURE_N_OF_M)
        return KERF_OK;
    if (a < 1 || b > 64 || a >= b)
        return kerf__fail(
            KERF_ERR_ARGUMENT,
            "prune: %lld of %lld: must keep at least 1, fewer than all, of at most 64",
            (long long)a, (long long)b);
    if (o->method == KERF_PRUNE_RIGL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: method rigl with %lld of %lld: what comes back is not counted by "
                          "groups; must be another structure",
                          (long long)a, (long long)b);
    if (o->method == KERF_PRUNE_STD || o->scope == KERF_SCOPE_GLOBAL || o->amount != 0 ||
        o->num_amounts > 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: %lld of %lld says how many weights of each layer go; must be "
                          "without a sparsity, a deviation or global scope",
                          (long long)a, (long long)b);
    return KERF_OK;
}

kerf_status kerf__prune_check_options(const kerf_prune_options *options)
{
    if ((unsigned)options->method >= KERF_NUM_PRUNE_METHODS ||
        (unsigned)options->scope > KERF_SCOPE_GLOBAL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: method %d with scope %d: must be one of those "
                          "that kerf/prune.h lists",
                          (int)options->method, (int)options->scope);
    KERF__TRY(check_structure(options));
    if (options->method == KERF_PRUNE_MASK) {
        if (options->mask_file != NULL)
            return KERF_OK;
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: method mask: must have a mask file");
    }
    if (!(options->min_keep >= 0 && options->min_keep < 1) ||
        (options->min_keep > 0 && options->scope != KERF_SCOPE_GLOBAL))
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: a share of %g that every layer keeps: must be at least 0 and "
                          "below 1, with global scope",
                          options->min_keep);
    if (kerf__prune_has_bounds(options) && options->method == KERF_PRUNE_RIGL)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: method rigl exchanges weights between layers "
                                             "freely; must be without bounds, or scope layer");
    if (options->scope == KERF_SCOPE_GLOBAL && options->method == KERF_PRUNE_STD)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: method std with global scope: must be scope "
                                             "layer, each layer has its own deviation");
    KERF__TRY(check_amount(options->method, "all layers", options->amount));
    for (size_t i = 0; i < options->num_amounts; i++)
        KERF__TRY(
            check_amount(options->method, options->amounts[i].pattern, options->amounts[i].value));
    return KERF_OK;
}
