/* plan/verify_layers.c -- every layer of a model on every device, by every kernel that fits.
 *
 * Node by node, each device is given the same numbers, and what most kernels on all devices
 * agree on (node_trial.h) goes into the next node.  So errors do not add up, and a layer that
 * is out of tolerance is wrong by itself.  Nothing of a run's memory takes part: that plans lay
 * values out well is proven elsewhere (plan_verify.c), and is the same on all devices. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "plan/host_values.h"
#include "plan/node_trial.h"

/* One device and what is tried on it. */
typedef struct party {
    kerf_device *dev;           /* borrowed */
    kerf_state *state;          /* owned */
    kerf_plan *plan;            /* owned; a draft */
    kerf__trials trials;        /* of the node at hand */
    kerf_verify_result *result; /* borrowed; with another status than KERF_OK it is out */
} party;

typedef struct verifier {
    party *parties; /* owned */
    size_t num;
    const kerf_plan *plan; /* of the first device: its graph is that of all */
    kerf__host_values values;
    const void **inputs; /* owned; of the node at hand */
    kerf_verify_progress progress;
    void *context;
    int stop;
} verifier;

static int is_in(const party *p)
{
    return p->result->status == KERF_OK;
}

/* What goes wrong with one device is its result, and the others go on. */
static void set_status(party *p, kerf_status status)
{
    if (status == KERF_OK || !is_in(p))
        return;
    p->result->status = status;
    snprintf(p->result->why, sizeof p->result->why, "%.*s", (int)strcspn(kerf_last_error(), "\n"),
             kerf_last_error());
}

/* ---- one node ------------------------------------------------------------------------- */

static kerf_status gather_inputs(verifier *x, const kerf_node *n)
{
    free(x->inputs);
    x->inputs = kerf__alloc((size_t)n->num_inputs, sizeof *x->inputs);
    if (x->inputs == NULL)
        return kerf__fail_memory("verify", (size_t)n->num_inputs * sizeof *x->inputs);
    for (int i = 0; i < n->num_inputs; i++)
        if (n->inputs[i] != NULL)
            KERF__TRY(kerf__host_values_get(&x->values, n->inputs[i], &x->inputs[i]));
    return KERF_OK;
}

static void try_node(const verifier *x, party *p, size_t i, kerf__ballot *b)
{
    kerf_status status =
        kerf__trials_create(&p->trials, p->dev, p->plan->graph->nodes[i], x->inputs);
    if (status == KERF_OK)
        status = kerf__trials_vote(&p->trials, b);
    set_status(p, status);
}

/* The kernel that a plan would take makes the layer good or bad. */
static void judge_layer(const kerf__trials *t, const kerf_node *n, const kerf__planned *node,
                        kerf_verify_result *r)
{
    const kerf__trial *chosen = kerf__trials_find(t, node->option);
    r->num_layers++;
    r->num_kernels += t->num;
    for (int i = 0; i < t->num; i++)
        r->num_bad_kernels += !t->items[i].alive;
    if (chosen == NULL)
        return;
    r->max_rel = fmax(r->max_rel, chosen->gap.rel);
    if (chosen->alive || r->first_bad_layer[0] != '\0')
        return;
    snprintf(r->first_bad_layer, sizeof r->first_bad_layer, "%s", n->name);
    snprintf(r->why, sizeof r->why, "%s: %s", node->name, chosen->why);
}

/* "DEVICE: CHOICE: why" a line for each kernel that is wrong, into fresh memory. */
static char *list_bad(const verifier *x)
{
    char *all = kerf__alloc(1, 1);
    for (size_t d = 0; d < x->num && all != NULL; d++) {
        const char *name = kerf_device_get_info(x->parties[d].dev)->name;
        char *lines = kerf__trials_left_out(&x->parties[d].trials);
        const size_t length = strlen(all), more = lines != NULL ? strlen(lines) : 0;
        char *longer = more > 0 ? kerf__realloc(all, length + more + strlen(name) + 4, 1) : NULL;
        if (longer != NULL) {
            all = longer;
            sprintf(all + length, "%s%s:\n%s", length > 0 ? "\n" : "", name, lines);
        }
        free(lines);
    }
    return all;
}

static void tell(verifier *x, size_t i)
{
    char *bad = x->progress != NULL ? list_bad(x) : NULL;
    const kerf_node *n = x->plan->graph->nodes[i];
    const kerf_verify_layer layer = {
        .name = n->name,
        .op = n->op,
        .direction = kerf__pass_name(kerf__node_pass(n)),
        .bad = bad != NULL ? bad : "",
        .i = (int)i,
        .num = (int)x->plan->num_nodes,
    };
    if (x->progress != NULL)
        x->stop = x->progress(x->context, &layer);
    free(bad);
}

/* All devices try; what most agree on is the node's result. */
static kerf_status conclude(verifier *x, size_t i, kerf__ballot *b)
{
    const kerf_node *n = b->node;
    for (size_t d = 0; d < x->num; d++) {
        party *p = &x->parties[d];
        if (is_in(p))
            kerf__trials_judge(&p->trials, b);
        if (is_in(p))
            judge_layer(&p->trials, n, &p->plan->nodes[i], p->result);
    }
    tell(x, i);
    if (b->num == 0)
        return kerf__fail_node(KERF_ERR_UNSUPPORTED, n, "no kernel works on any of the devices");
    return kerf__host_values_set(&x->values, n, b->items[kerf__ballot_winner(b)].bytes);
}

static kerf_status verify_node(verifier *x, size_t i)
{
    const kerf_node *n = x->plan->graph->nodes[i];
    kerf__ballot ballot = {.node = n};
    KERF__TRY(gather_inputs(x, n));
    if (kerf__op_find(n->op)->variants == NULL) /* another shape of the same bytes */
        return kerf__host_values_set(&x->values, n, x->inputs[0]);
    for (size_t d = 0; d < x->num; d++)
        if (is_in(&x->parties[d]))
            try_node(x, &x->parties[d], i, &ballot);
    kerf_status status = conclude(x, i, &ballot);
    kerf__ballot_clear(&ballot);
    for (size_t d = 0; d < x->num; d++)
        kerf__trials_destroy(&x->parties[d].trials);
    return status;
}

/* ---- all ------------------------------------------------------------------------------- */

static kerf_status draft(party *p, const kerf_graph *g, const kerf_state *s,
                         const kerf_plan_options *options)
{
    KERF__TRY(kerf_state_copy(&p->state, s, p->dev));
    return kerf__plan_draft(&p->plan, g, p->state, options);
}

static kerf_status verify_nodes(verifier *x)
{
    KERF__TRY(kerf__host_values_create(&x->values, x->plan));
    for (size_t i = 0; i < x->plan->num_nodes && !x->stop; i++) {
        KERF__TRY(verify_node(x, i));
        kerf__host_values_used(&x->values, x->plan->graph->nodes[i]);
    }
    return x->stop ? kerf__fail(KERF_ERR_CANCELLED, "verify: stopped") : KERF_OK;
}

static void close_party(party *p)
{
    kerf_plan_destroy(p->plan);
    kerf_state_destroy(p->state);
}

kerf_status kerf_verify(const kerf_graph *g, const kerf_state *s, const kerf_plan_options *options,
                        kerf_device *const *devs, size_t num_devs, kerf_verify_result *results,
                        kerf_verify_progress progress, void *context)
{
    verifier x = {.num = num_devs, .progress = progress, .context = context};
    x.parties = kerf__alloc(num_devs, sizeof *x.parties);
    if (x.parties == NULL)
        return kerf__fail_memory("verify", num_devs * sizeof *x.parties);
    for (size_t d = 0; d < num_devs; d++) {
        party *p = &x.parties[d];
        results[d] = (kerf_verify_result){.status = KERF_OK};
        *p = (party){.dev = devs[d], .result = &results[d]};
        set_status(p, draft(p, g, s, options));
        if (is_in(p) && x.plan == NULL)
            x.plan = p->plan;
    }
    /* Where no device has a plan, the model is to blame, and the message is about it. */
    kerf_status status = x.plan != NULL ? verify_nodes(&x)
                         : num_devs > 0 ? results[0].status
                                        : KERF_OK;
    kerf__host_values_clear(&x.values);
    free(x.inputs);
    for (size_t d = 0; d < num_devs; d++)
        close_party(&x.parties[d]);
    free(x.parties);
    return status;
}
