/* ops/option.c -- ways to compute a node: its operation's variants that fit, each with each of
 * its candidates.  Names of options are what the tuning store and choices.json hold. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "ops/shape_common.h"

static const kerf__candidate NAMELESS = {"", "", {0}};

static int variant_fits(const kerf__op_case *c, const kerf__variant *variant, int stores_halves)
{
    return (!variant->wide || kerf__is_cpu(c)) && (!stores_halves || variant->halves) &&
           variant->fits(c);
}

int kerf__option_next(const kerf__op_case *c, kerf__option_place *at, kerf__option *out)
{
    const kerf__op *op = kerf__op_find(c->node->op);
    const int stores_halves = kerf__stores_halves(c->node);
    for (; at->variant < op->num_variants; at->variant++, at->candidate = 0) {
        const kerf__variant *variant = &op->variants[at->variant];
        const kerf__candidate *all = variant->candidates != NULL ? variant->candidates : &NAMELESS;
        const int num = variant->candidates != NULL ? variant->num_candidates : 1;
        if (at->candidate == 0 && !variant_fits(c, variant, stores_halves))
            continue;
        while (at->candidate < num) {
            const kerf__candidate *one = &all[at->candidate++];
            if (variant->takes == NULL || variant->takes(c, one)) {
                *out = (kerf__option){variant, one};
                return 1;
            }
        }
    }
    return 0;
}

int kerf__option_at(const kerf__op_case *c, int i, kerf__option *out)
{
    kerf__option_place at = {0};
    while (kerf__option_next(c, &at, out))
        if (i-- == 0)
            return 1;
    return 0;
}

char *kerf__option_name(kerf__option option)
{
    const char *variant = option.variant->name, *candidate = option.candidate->name;
    const size_t bytes = strlen(variant) + strlen(candidate) + 2;
    char *name = kerf__alloc(bytes, 1);
    if (name != NULL)
        snprintf(name, bytes, "%s%s%s", variant, candidate[0] != '\0' ? "/" : "", candidate);
    return name;
}

int kerf__option_is_named(kerf__option option, const char *name)
{
    const size_t length = strlen(option.variant->name);
    const char *candidate = option.candidate->name;
    if (strncmp(name, option.variant->name, length) != 0)
        return 0;
    if (candidate[0] == '\0')
        return name[length] == '\0';
    return name[length] == '/' && strcmp(name + length + 1, candidate) == 0;
}

size_t kerf__case_scratch(const kerf__op_case *c)
{
    const kerf__variant *variant = c->option.variant;
    return variant->scratch_bytes != NULL ? variant->scratch_bytes(c) : 0;
}
