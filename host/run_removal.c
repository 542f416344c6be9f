/* run_removal.c -- see run_removal.h. */
#include "run_removal.h"

static void give(options *o, const char *name)
{
    if (o->num_given < MAX_GIVEN && !options_given(o, name))
        o->given[o->num_given++] = name;
}

void removal_say(options *o, const kerf_recipe_removal *removal)
{
    const kerf_channel_options *how = &removal->channels;
    o->remove = 1;
    o->structure = removal->blocks ? "residual" : "channel";
    o->criterion = (int)how->criterion;
    o->scope = (int)how->scope;
    o->sparsity = (amounts){how->amount, (kerf_prune_amount *)how->amounts, how->num_amounts, NULL};
    o->macs = removal->macs;
    o->layers = (text_list){(const char **)how->layers, how->num_layers};
    o->skip = (text_list){(const char **)how->skip, how->num_skip};
    o->min_channels = how->least;
    o->round_to = how->round_to;
    o->calibrate = removal->samples;
    give(o, "criterion");
    give(o, "calibrate");
    if (how->amount > 0 || how->num_amounts > 0)
        give(o, "sparsity");
}

static void what_goes(const kerf_recipe_removal *removal, char *text, size_t text_bytes)
{
    const char *what = removal->blocks ? "residual blocks" : "channels";
    const kerf_channel_options *how = &removal->channels;
    if (removal->macs != NULL)
        snprintf(text, text_bytes, "%s, until %s of the multiply-adds are left", what,
                 removal->macs);
    else if (how->num_amounts > 0)
        snprintf(text, text_bytes, "%s, by layer", what);
    else if (how->amount > 0)
        snprintf(text, text_bytes, "%g %% of the %s", 100 * how->amount, what);
    else
        snprintf(text, text_bytes, "%s that add nothing", what);
}

void removal_text(const kerf_recipe_removal *removal, char *text, size_t text_bytes)
{
    char what[128];
    what_goes(removal, what, sizeof what);
    if (removal->before <= 0 && removal->part >= 1)
        snprintf(text, text_bytes, "%s", what);
    else
        snprintf(text, text_bytes, "%s; from %.3g to %.3g %% of the way", what,
                 100 * removal->before, 100 * removal->part);
}
