/* cmd_share.c -- `kerf share`: each layer keeps few values, and weights are their numbers. */
#include <stdlib.h>
#include <string.h>

#include "change.h"
#include "command.h"
#include "print_recipe.h"

/* tensor, or block=N; 0 or an exit code. */
static int parse_per(const options *o, int64_t *block)
{
    char *end;
    *block = 0;
    if (o->per == NULL || strcmp(o->per, "tensor") == 0)
        return 0;
    if (strncmp(o->per, "block=", 6) == 0) {
        *block = strtoll(o->per + 6, &end, 10);
        if (end != o->per + 6 && *end == '\0' && *block > 0)
            return 0;
    }
    return fail_usage(o, "--per %s: must be tensor or block=N, such as block=1024", o->per);
}

static int share(change *c, const kerf_share_options *s)
{
    const options *o = c->o;
    kerf_status status = kerf_share_mark(c->s.m.g, c->s.m.s, s);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    if (!options_given(o, "epochs"))
        return 0;
    if (!options_given(o, "optimizer")) { /* sums of thousands of gradients: steps of a size */
        c->train.optimizer =
            (kerf_optimizer){.kind = KERF_ADAM, .beta1 = 0.9f, .beta2 = 0.999f, .epsilon = 1e-8f};
        c->train.lr = options_given(o, "lr") ? o->lr : 1e-4;
    }
    return change_train(c);
}

int cmd_share(const options *o)
{
    change c;
    kerf_share_options s = {.bits = (int)o->bits,
                            .init = (kerf_share_init)o->init,
                            .seed = (uint64_t)o->seed,
                            .layers = o->layers.items,
                            .num_layers = o->layers.num,
                            .skip = o->skip.items,
                            .num_skip = o->skip.num};
    int code = parse_per(o, &s.block);
    if (code == 0 && options_given(o, "epochs") && o->data == NULL)
        code = fail_usage(o, "--epochs: needs --data to train on");
    if (code != 0)
        return code;
    if (recipe_wanted(o))
        return recipe_tell(o);
    code = change_begin(&c, o);
    if (code == 0)
        code = share(&c, &s);
    if (code == 0)
        code = change_finish(&c);
    change_close(&c);
    return code;
}
