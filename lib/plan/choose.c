/* plan/choose.c -- which variant, with which candidate, computes each node.  (What is known of
 * zeros, the other kind of choice, is asked for while the graph is made: zeros_known.c.)
 *
 * In this order: what a run's choices say (replayed on resume, so the same bits come out),
 * what was measured on this very device (kerf tune), what the model's file knows of it or its
 * family (io/bundle.c), what was measured on one like it (known_choices.txt), the operation's
 * guess.  Nothing is timed here.  A choice from the run that cannot be made is an error, as going
 * on would silently give other bits; the others are only advice.
 *
 * What the device's driver then refuses to build or to launch is chosen once more, by the guess
 * among what is left (kerf__plan_choose_next). */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/refusal.h"
#include "device/tuning.h"
#include "plan/plan_internal.h"

/* ---- choosing ---------------------------------------------------------------------- */

static int find_named(const kerf__op_case *c, const char *name, kerf__option *out)
{
    kerf__option_place at = {0};
    while (kerf__option_next(c, &at, out))
        if (kerf__option_is_named(*out, name))
            return 1;
    return 0;
}

/* The cheapest by the guess of the operations; a foreign one only where nothing else fits,
 * as that is worth its waiting only if it was measured to be faster. */
static int guess(const kerf__op_case *c, const char *refused, kerf__option *out)
{
    kerf__op_case asked = *c;
    kerf__option *o = &asked.option;
    kerf__option_place at = {0};
    double best = 0;
    int found = 0;
    for (int i = 0; kerf__option_next(c, &at, o); i++) {
        const double cost = o->variant->guess != NULL ? o->variant->guess(&asked) : (double)i;
        const int better = found && out->variant->foreign != o->variant->foreign
                               ? out->variant->foreign
                               : cost < best;
        if ((found && !better) || (refused != NULL && refused[i]))
            continue;
        *out = *o;
        best = cost;
        found = 1;
    }
    return found;
}

static int find_tuned(const kerf__op_case *c, const char *which, kerf__option *out)
{
    const char *name = kerf__tuning_find(c->dev, which);
    return name != NULL && find_named(c, name, out);
}

static int find_known(const kerf__op_case *c, const char *which, kerf__option *out)
{
    kerf__known k = {.at = (const char *)kerf__known_choices};
    while (kerf__known_next(&k, kerf_device_get_info(c->dev), which))
        if (find_named(c, k.choice, out))
            return 1;
    return 0;
}

/* Why nothing fits: a value that no kernel can count, which need not be more than memory holds,
 * or something of the operation's own. */
static kerf_status fail_no_kernel(const kerf_node *n, const char *which)
{
    char shape[192];
    for (int i = 0; i < n->num_inputs + n->num_outputs; i++) {
        const kerf_value *v = i < n->num_inputs ? n->inputs[i] : n->outputs[i - n->num_inputs];
        if (v != NULL && kerf_shape_num_elements(v->shape) > INT32_MAX)
            return kerf__fail_node(KERF_ERR_UNSUPPORTED, n,
                                   "'%.80s' is %s, must have less than 2^31 elements", v->name,
                                   kerf_shape_text(v->shape, shape, sizeof shape));
    }
    return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "no kernel fits %s", which);
}

static kerf_status choose_option(const kerf__op_case *c, const json_t *choices, int untuned,
                                 kerf__planned *node)
{
    kerf__option *option = &node->option;
    const char *name = json_string_value(json_object_get(choices, node->which));
    node->is_replayed = name != NULL;
    if (name != NULL && find_named(c, name, option))
        return KERF_OK;
    if (name != NULL)
        return kerf__fail_node(KERF_ERR_ARGUMENT, c->node,
                               "the choices name '%s', which this version does not have on this "
                               "device",
                               name);
    if ((!untuned && find_tuned(c, node->which, option)) || find_known(c, node->which, option) ||
        guess(c, NULL, option))
        return KERF_OK;
    return fail_no_kernel(c->node, node->which);
}

static kerf_status choose_node(kerf_plan *p, size_t i, const json_t *choices, int untuned)
{
    const kerf__op_case c = {.dev = p->dev, .node = p->graph->nodes[i]};
    kerf__planned *node = &p->nodes[i];
    node->scratch = -1;
    if (kerf__op_find(c.node->op)->variants == NULL)
        return KERF_OK;
    node->which = kerf__case_text(c.node);
    if (node->which == NULL)
        return kerf__fail_memory("plan", 256);
    KERF__TRY(choose_option(&c, choices, untuned, node));
    node->name = kerf__option_name(node->option);
    return node->name != NULL ? KERF_OK : kerf__fail_memory("plan", 64);
}

/* ---- choosing once more ------------------------------------------------------------- */

/* Flags the node's option; 0 without memory. */
static int flag_refused(const kerf__op_case *c, kerf__planned *node)
{
    kerf__option o;
    kerf__option_place at = {0};
    int num = 0;
    while (kerf__option_next(c, &at, &o))
        num++;
    if (node->refused == NULL)
        node->refused = kerf__alloc((size_t)num, 1);
    at = (kerf__option_place){0};
    for (int i = 0; node->refused != NULL && kerf__option_next(c, &at, &o); i++)
        node->refused[i] |=
            (char)(o.variant == node->option.variant && o.candidate == node->option.candidate);
    return node->refused != NULL;
}

static void note_next(const kerf_plan *p, const kerf__planned *node, const char *next)
{
    char line[1024];
    const char *why = kerf_last_error();
    snprintf(line, sizeof line, "%.300s: %s takes the place of %s: %.*s", node->which, next,
             node->name, (int)strcspn(why, "\n"), why);
    kerf__device_note(p->dev, line);
}

kerf_status kerf__plan_choose_next(kerf_plan *p, size_t i)
{
    const kerf__op_case c = {.dev = p->dev, .node = p->graph->nodes[i]};
    const kerf__message why = kerf__message_keep();
    kerf__planned *node = &p->nodes[i];
    kerf__option next;
    kerf__refuse_last(p->dev);
    if (node->is_replayed)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, c.node,
                               "the choices name '%s', which this device refuses: %.*s", node->name,
                               (int)strcspn(why.text, "\n"), why.text);
    if (!flag_refused(&c, node))
        return kerf__fail_memory("plan", 64);
    if (!guess(&c, node->refused, &next)) {
        kerf__message_put_back(&why);
        return KERF_ERR_UNSUPPORTED;
    }
    char *name = kerf__option_name(next);
    if (name == NULL)
        return kerf__fail_memory("plan", 64);
    note_next(p, node, name);
    free(node->name);
    node->name = name;
    node->option = next;
    return KERF_OK;
}

/* ---- a run's choices ---------------------------------------------------------------- */

kerf_status kerf__plan_read_choices(kerf__planning *p)
{
    const char *text = p->options->choices;
    json_error_t error;
    if (text == NULL)
        return KERF_OK;
    p->choices = json_loads(text, 0, &error);
    if (json_is_object(p->choices))
        return KERF_OK;
    return kerf__fail(KERF_ERR_FORMAT, "choices: must be a JSON object (line %d: %s)", error.line,
                      error.text);
}

kerf_status kerf__plan_choose(const kerf__planning *planning)
{
    kerf_plan *p = planning->plan;
    p->nodes = kerf__alloc(p->graph->num_nodes, sizeof *p->nodes);
    if (p->nodes == NULL)
        return kerf__fail_memory("plan", p->graph->num_nodes * sizeof(kerf__planned));
    p->num_nodes = p->graph->num_nodes;
    for (size_t i = 0; i < p->num_nodes; i++)
        KERF__TRY(choose_node(p, i, planning->choices, planning->options->untuned));
    return KERF_OK;
}

static int put_all(json_t *object, const kerf_plan *p)
{
    int failed = 0;
    for (size_t i = 0; i < p->num_answers && !failed; i++)
        failed = json_object_set_new(object, p->answers[i].which,
                                     json_string(p->answers[i].answer)) != 0;
    for (size_t i = 0; i < p->num_nodes && !failed; i++)
        if (p->nodes[i].which != NULL)
            failed =
                json_object_set_new(object, p->nodes[i].which, json_string(p->nodes[i].name)) != 0;
    return failed;
}

kerf_status kerf_plan_choices(const kerf_plan *p, char **json)
{
    *json = NULL;
    json_t *object = json_object();
    if (object != NULL && !put_all(object, p))
        *json = json_dumps(object, JSON_INDENT(2) | JSON_SORT_KEYS);
    json_decref(object);
    return *json != NULL ? KERF_OK : kerf__fail_memory("choices", 0);
}
