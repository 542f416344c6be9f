/* channel_report.c -- groups of channels as tables, bars and JSON; see prune_channels.h. */
#include <math.h>
#include <string.h>

#include "json.h"
#include "prune_channels.h"
#include "table.h"

/* ---- text -------------------------------------------------------------------------------- */

/* "layer1.0.bn1" of "layer1.0.bn1.running_mean": what belongs to one layer is told once. */
static int stem_length(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot != NULL ? (int)(dot - name) : (int)strlen(name);
}

static int is_told(const kerf_channel_group *group, size_t i)
{
    const char *name = group->members[i].weight;
    for (size_t k = 0; k < i; k++)
        if (group->members[k].is_output == group->members[i].is_output &&
            stem_length(group->members[k].weight) == stem_length(name) &&
            strncmp(group->members[k].weight, name, (size_t)stem_length(name)) == 0)
            return 1;
    return 0;
}

/* Members that make the channels, or the others, in one cell. */
static void list_members(const kerf_channel_group *group, int is_output, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < group->num_members && used + 1 < bytes; i++) {
        const char *name = group->members[i].weight;
        if (group->members[i].is_output != is_output || is_told(group, i))
            continue;
        const int more = snprintf(text + used, bytes - used, "%s%.*s", used > 0 ? ", " : "",
                                  stem_length(name), name);
        used += more > 0 ? (size_t)more : 0;
    }
    if (used >= bytes) /* cut */
        memcpy(text + bytes - 4, "...", 4);
}

static void print_group(table *t, const kerf_channel_group *group)
{
    char makes[64], others[96];
    list_members(group, 1, makes, sizeof makes);
    list_members(group, 0, others, sizeof others);
    table_cell(t, "%s", makes);
    table_cell(t, "%lld", (long long)group->num);
    table_cell(t, "%lld", (long long)group->kept);
    if (group->fixed != NULL)
        table_cell(t, "stay: %s", group->fixed);
    else
        table_cell(t, "%s", others);
}

/* The largest number is 40 characters long. */
static void print_bars(const kerf_channels *c, int at, FILE *out)
{
    enum { WIDTH = 40 };
    static const char BAR[] = "########################################";
    kerf_channel_group group;
    const double *scores = kerf_channels_scores(c, at);
    const char *stay = kerf_channels_stay(c, at);
    double most = 0;
    if (scores == NULL || kerf_channels_get_group(c, at, &group) != KERF_OK)
        return;
    for (int64_t i = 0; i < group.num; i++)
        most = fmax(most, scores[i]);
    fprintf(out, "\n%s\n", group.members[0].weight);
    for (int64_t i = 0; i < group.num; i++)
        fprintf(out, "%5lld  %-*.*s %-10.4g %s\n", (long long)i, WIDTH,
                most > 0 ? (int)(WIDTH * scores[i] / most + 0.5) : 0, BAR, scores[i],
                stay[i] ? "" : "goes");
}

void channels_print(const kerf_channels *c, int all, int bars, FILE *out)
{
    table *t = table_create("made by|>channels|>left|with them");
    kerf_channel_group group;
    double before, after;
    for (int i = 0; i < kerf_channels_num_groups(c); i++)
        if (kerf_channels_get_group(c, i, &group) == KERF_OK && (all || group.kept < group.num))
            print_group(t, &group);
    table_print(t, out);
    table_destroy(t);
    for (int i = 0; bars && i < kerf_channels_num_groups(c); i++)
        print_bars(c, i, out);
    if (kerf_channels_macs(c, &before, &after) == KERF_OK)
        fprintf(out, "multiply-adds of a sample: %.4g M, %.4g M without what goes (%.1f %%)\n\n",
                before / 1e6, after / 1e6, 100 * after / before);
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *members_json(const kerf_channel_group *group)
{
    json_t *list = json_array();
    for (size_t i = 0; i < group->num_members; i++)
        json_array_append_new(
            list, json_pack("{s:o,s:i,s:b}", "weight", json_text(group->members[i].weight), "axis",
                            group->members[i].axis, "output", group->members[i].is_output));
    return list;
}

static json_t *channels_of(const kerf_channels *c, int at, const kerf_channel_group *group)
{
    const double *scores = kerf_channels_scores(c, at);
    const char *stay = kerf_channels_stay(c, at);
    json_t *list = json_array();
    for (int64_t i = 0; stay != NULL && i < group->num; i++)
        json_array_append_new(list, json_pack("{s:o,s:b}", "score",
                                              json_number(scores != NULL ? scores[i] : NAN),
                                              "stays", stay[i]));
    return list;
}

json_t *channels_json(const kerf_channels *c, int all)
{
    json_t *list = json_array();
    kerf_channel_group group;
    for (int i = 0; i < kerf_channels_num_groups(c); i++) {
        if (kerf_channels_get_group(c, i, &group) != KERF_OK || (!all && group.kept == group.num))
            continue;
        json_array_append_new(
            list, json_pack("{s:I,s:I,s:o,s:o,s:o}", "channels", (json_int_t)group.num, "left",
                            (json_int_t)group.kept, "fixed",
                            group.fixed != NULL ? json_text(group.fixed) : json_null(), "members",
                            members_json(&group), "numbers", channels_of(c, i, &group)));
    }
    return list;
}
