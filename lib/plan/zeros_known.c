/* plan/zeros_known.c -- see zeros_known.h. */
#include "plan/zeros_known.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "device/tuning.h"

/* Percent that are left: a measurement counts for the least of them that is not far below it, and
 * takes the place of an older one there. */
static const int STEPS[KERF__MOST_CROSSINGS] = {1, 2, 5, 10, 15, 20, 30, 50, 100};

/* Attributes of a node, and what is known where nothing is. */
static const char MARK[] = "kerf.zeros", OWNER[] = "kerf.zeros_of", DENSITY[] = "kerf.density";
static const char NOTHING[] = "guess";

static int step_of(double density)
{
    for (int i = 0; i + 1 < KERF__MOST_CROSSINGS; i++)
        if (100 * density <= 1.05 * STEPS[i])
            return STEPS[i];
    return STEPS[KERF__MOST_CROSSINGS - 1];
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* Of the store with a step, of a run's choices without (0); the caller frees it. */
static char *make_key(kerf_mode mode, int step, const kerf_node *dense)
{
    const char *name = mode == KERF_TRAIN ? "zeros train" : "zeros";
    char *which = kerf__case_text(dense), *key = NULL;
    const size_t room = which != NULL ? strlen(which) + 32 : 0;
    if (which != NULL)
        key = kerf__alloc(room, 1);
    if (key != NULL && step > 0)
        snprintf(key, room, "%s %d%% %s", name, step, which);
    else if (key != NULL)
        snprintf(key, room, "%s %s", name, which);
    free(which);
    return key;
}

kerf_status kerf__zeros_mark(const kerf__planning *p, kerf_node *n, const kerf_node *of,
                             double density)
{
    char *key = make_key(p->plan->mode, step_of(density), of);
    if (key == NULL)
        return kerf__fail_memory("plan", 256);
    kerf_status status = kerf_node_set_string(n, MARK, key);
    free(key);
    KERF__TRY(status);
    KERF__TRY(kerf_node_set_string(n, OWNER, of->name));
    return kerf_node_set_float(n, DENSITY, (float)density);
}

kerf_status kerf__zeros_copy_mark(kerf_node *n, const kerf_node *from)
{
    const char *key = kerf__zeros_mark_of(from);
    if (key == NULL)
        return KERF_OK;
    KERF__TRY(kerf_node_set_string(n, MARK, key));
    KERF__TRY(kerf_node_set_string(n, OWNER, kerf__zeros_owner_of(from)));
    return kerf_node_set_float(n, DENSITY, kerf_node_float(from, DENSITY, 1.0f));
}

const char *kerf__zeros_mark_of(const kerf_node *n)
{
    return kerf_node_string(n, MARK, NULL);
}

const char *kerf__zeros_owner_of(const kerf_node *n)
{
    return kerf_node_string(n, OWNER, NULL);
}

double kerf__zeros_density_of(const kerf_node *n)
{
    return (double)kerf_node_float(n, DENSITY, 1.0f);
}

/* ---- the store ------------------------------------------------------------------------------- */

/* Up to `most` numbers parted by blanks and nothing else; how many, -1 for other texts. */
static int read_numbers(const char *text, double *numbers, int most)
{
    int num = 0;
    while (*text != '\0') {
        char *end;
        if (num == most)
            return -1;
        numbers[num] = strtod(text, &end);
        if (end == text || (*end != ' ' && *end != '\0') || !isfinite(numbers[num]) ||
            numbers[num] < 0)
            return -1;
        num++;
        text = end + strspn(end, " ");
    }
    return num;
}

kerf_status kerf__zeros_remember(kerf_device *dev, const char *key, double density, double dense_ms,
                                 double sparse_ms)
{
    char text[96];
    snprintf(text, sizeof text, "%.6g %.6g %.6g", density, dense_ms, sparse_ms);
    return kerf__tuning_set(dev, key, text, fmin(dense_ms, sparse_ms));
}

kerf_status kerf__zeros_forget(kerf_device *dev, const char *key)
{
    return kerf__tuning_set(dev, key, NOTHING, 0);
}

/* Adds one node's part; 0 if nothing was measured of it, or the line says what cannot be. */
static int add_stored(const kerf__planning *p, int step, const kerf_node *n, double sums[3])
{
    double numbers[3];
    char *key = make_key(p->plan->mode, step, n);
    const char *text = key != NULL ? kerf__tuning_find(p->plan->dev, key) : NULL;
    free(key);
    if (text == NULL || read_numbers(text, numbers, 3) != 3 || step_of(numbers[0]) != step ||
        numbers[1] <= 0 || numbers[2] <= 0)
        return 0;
    sums[0] = fmax(sums[0], numbers[0]);
    sums[1] += numbers[1];
    sums[2] += numbers[2];
    return 1;
}

static void ask_store(const kerf__planning *p, kerf_node *const *nodes, int num,
                      kerf__zeros_known *known)
{
    for (int i = 0; i < KERF__MOST_CROSSINGS; i++) {
        double sums[3] = {0};
        int is_whole = 1;
        for (int k = 0; k < num && is_whole; k++)
            is_whole = nodes[k] == NULL || add_stored(p, STEPS[i], nodes[k], sums);
        if (!is_whole)
            continue;
        known->density[known->num] = sums[0];
        known->ratio[known->num++] = sums[2] / sums[1];
    }
}

/* ---- a run's choices ------------------------------------------------------------------------- */

/* "0.05 0.41 0.1 0.83", or that nothing is known. */
static void write_answer(const kerf__zeros_known *known, char *text, size_t text_bytes)
{
    size_t length = (size_t)snprintf(text, text_bytes, "%s", known->num == 0 ? NOTHING : "");
    for (int i = 0; i < known->num; i++)
        length += (size_t)snprintf(text + length, text_bytes - length, "%s%.6g %.6g",
                                   i == 0 ? "" : " ", known->density[i], known->ratio[i]);
}

static kerf_status read_answer(const kerf_node *n, const char *text, kerf__zeros_known *known)
{
    double numbers[2 * KERF__MOST_CROSSINGS];
    const int num =
        strcmp(text, NOTHING) == 0 ? 0 : read_numbers(text, numbers, 2 * KERF__MOST_CROSSINGS);
    if (num < 0 || num % 2 != 0)
        return kerf__fail_node(KERF_ERR_ARGUMENT, n,
                               "the choices say '%.80s' of its zeros, must be pairs of a density "
                               "and a ratio, or '%s'",
                               text, NOTHING);
    known->num = num / 2;
    for (int i = 0; i < known->num; i++) {
        known->density[i] = numbers[2 * i];
        known->ratio[i] = numbers[2 * i + 1];
    }
    return KERF_OK;
}

/* Of layers alike one is noted. */
static kerf_status note(kerf_plan *p, const char *which, const char *answer)
{
    for (size_t i = 0; i < p->num_answers; i++)
        if (strcmp(p->answers[i].which, which) == 0)
            return KERF_OK;
    kerf__answer new = {kerf__strdup(which), kerf__strdup(answer)};
    if (new.which == NULL || new.answer == NULL ||
        !kerf__grow((void **)&p->answers, &p->answers_capacity, p->num_answers,
                    sizeof *p->answers)) {
        free(new.which);
        free(new.answer);
        return kerf__fail_memory("plan", 256);
    }
    p->answers[p->num_answers++] = new;
    return KERF_OK;
}

static kerf_status ask(const kerf__planning *p, kerf_node *const *nodes, int num, const char *which,
                       kerf__zeros_known *known)
{
    const char *replayed = json_string_value(json_object_get(p->choices, which));
    char text[32 * KERF__MOST_CROSSINGS];
    if (replayed != NULL)
        KERF__TRY(read_answer(nodes[0], replayed, known));
    else if (!p->options->untuned)
        ask_store(p, nodes, num, known);
    write_answer(known, text, sizeof text);
    if (replayed == NULL) /* as a run that goes on will read it */
        KERF__TRY(read_answer(nodes[0], text, known));
    return note(p->plan, which, text);
}

kerf_status kerf__zeros_ask(const kerf__planning *p, kerf_node *const *nodes, int num,
                            kerf__zeros_known *known)
{
    *known = (kerf__zeros_known){0};
    char *which = make_key(p->plan->mode, 0, nodes[0]);
    if (which == NULL)
        return kerf__fail_memory("plan", 256);
    kerf_status status = ask(p, nodes, num, which, known);
    free(which);
    return status;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* Fewer non-zeros never take longer, and more of them at most longer in proportion.  What is not
 * faster by more than the noise is not faster. */
double kerf__zeros_most_density(const kerf__zeros_known *known, double extra, double guess)
{
    const double gain = 0.97, below = 0.999;
    double fast = guess, slow = INFINITY;
    for (int i = 0; i < known->num; i++) {
        const double density = known->density[i], spare = gain - extra;
        if (known->ratio[i] < spare)
            fast = fmax(fast, density * spare / known->ratio[i]);
        else
            slow = fmin(slow, density);
    }
    return fmin(fast, below * slow);
}
