/* penalty.c -- `--penalty l1=F` and what stands beside it; see penalty.h. */
#include "penalty.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

static int check_alone(const options *o)
{
    static const char *const others[] = {"penalty-from", "penalty-until"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o, "--%s: acts with --penalty alone, such as --penalty l1=1e-4",
                              others[i]);
    return 0;
}

static void choose_layers(const options *o, kerf_penalty *p)
{
    p->layers = o->layers.items;
    p->num_layers = o->layers.num;
    p->skip = o->skip.items;
    p->num_skip = o->skip.num;
}

int penalty_parse(const options *o, kerf_penalty *out, kerf_event *event)
{
    static const struct {
        const char *text;
        kerf_penalty_kind kind;
    } KINDS[] = {{"l1=", KERF_PENALTY_L1},
                 {"group=", KERF_PENALTY_GROUP},
                 {"l0=", KERF_PENALTY_L0},
                 {"l0-group=", KERF_PENALTY_L0_GROUP},
                 {"variational=", KERF_PENALTY_VARIATIONAL},
                 {"bn=", KERF_PENALTY_BN},
                 {"saliency=", KERF_PENALTY_SALIENCY}};
    *out = (kerf_penalty){.kind = KERF_PENALTY_NONE};
    *event = (kerf_event){KERF_EVENT_PENALTY,
                          {o->penalty_from, KERF_EPOCHS},
                          {o->penalty_until, KERF_EPOCHS},
                          .penalty = out};
    if (o->penalty == NULL)
        return check_alone(o);
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        const size_t length = strlen(KINDS[i].text);
        char *end;
        if (strncmp(o->penalty, KINDS[i].text, length) != 0)
            continue;
        *out = (kerf_penalty){.kind = KINDS[i].kind, .strength = strtod(o->penalty + length, &end)};
        if (out->kind != KERF_PENALTY_SALIENCY) /* layers have chosen the gates that it is of */
            choose_layers(o, out);
        if (end != o->penalty + length && *end == '\0' && out->strength >= 0 &&
            isfinite(out->strength))
            return 0;
    }
    return fail_usage(o,
                      "--penalty %s: must be l1, group, l0, l0-group, variational, bn or "
                      "saliency with its strength, such as l1=1e-4",
                      o->penalty);
}
