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

int kerf__option_at(const kerf__op_case *c, int i, kerf__option *out)
{
    const kerf__op *op = kerf__op_find(c->node->op);
    const int stores_halves = kerf__stores_halves(c->node);
    for (int v = 0; v < op->num_variants; v++) {
        const kerf__variant *variant = &op->variants[v];
        const kerf__candidate *all = variant->candidates != NULL ? variant->candidates : &NAMELESS;
        const int num = variant->candidates != NULL ? variant->num_candidates : 1;
        if (!variant_fits(c, variant, stores_halves))
            continue;
        for (int k = 0; k < num; k++)
            if ((variant->takes == NULL || variant->takes(c, &all[k])) && i-- == 0) {
                *out = (kerf__option){variant, &all[k]};
                return 1;
            }
    }
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
