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

kerf_status kerf__prune_check_options(const kerf_prune_options *options)
{
    if ((unsigned)options->method > KERF_PRUNE_MASK || (unsigned)options->scope > KERF_SCOPE_GLOBAL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "prune: method %d with scope %d: must be one of those "
                          "that kerf/prune.h lists",
                          (int)options->method, (int)options->scope);
    if (options->method == KERF_PRUNE_MASK) {
        if (options->mask_file != NULL)
            return KERF_OK;
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: method mask: must have a mask file");
    }
    if (options->scope == KERF_SCOPE_GLOBAL && options->num_amounts > 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: amounts by layer with global scope: must be "
                                             "one amount, or scope layer");
    if (options->scope == KERF_SCOPE_GLOBAL && options->method == KERF_PRUNE_STD)
        return kerf__fail(KERF_ERR_ARGUMENT, "prune: method std with global scope: must be scope "
                                             "layer, each layer has its own deviation");
    KERF__TRY(check_amount(options->method, "all layers", options->amount));
    for (size_t i = 0; i < options->num_amounts; i++)
        KERF__TRY(
            check_amount(options->method, options->amounts[i].pattern, options->amounts[i].value));
    return KERF_OK;
}
