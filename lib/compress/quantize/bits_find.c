/* compress/quantize/bits_find.c -- finds a type for each layer; see kerf/quantize.h.
 *
 * Each layer alone, with each type, is judged and weighed; from that follows the curve.  Points of
 * the curve are judged as they are, some evenly and more where the target's bound lies between two
 * of them: what is chosen was measured, sums only say where to look. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "compress/quantize/bits_internal.h"

struct kerf_bits {
    kerf_bits_layer *layers; /* owned, as all here */
    size_t num_layers;
    kerf_quantize_choice *choices; /* one a layer */
    char *patterns;                /* what choices point into */
    kerf_bits_point *points;       /* those that were measured, from floats on */
    size_t num_points;
    char missed[256]; /* "" or what */
};

typedef struct search {
    kerf_bits *out;
    const kerf_graph *g; /* borrowed, as all but what is marked */
    kerf_state *s;
    kerf_quantize_options options; /* with the choices of `out` */
    const kerf_target *target;
    size_t num_types;
    kerf_known_input known; /* of the clock */
    kerf__trade_clock clock;
    kerf__judge judge;       /* owned, as all from here on */
    double *noise, *cost;    /* the curve's table */
    kerf__trade_move *moves; /* point n is behind the first n */
    size_t num_moves;
    kerf_bits_point *at; /* by number of moves; num_of all 0: not measured */
} search;

static const kerf_type TYPES[KERF_NUM_BITS] = {KERF_F32, KERF_S8, KERF_S4, KERF_S2};

/* ---- layers ---------------------------------------------------------------------------- */

static kerf_status take_layers(search *f, const kerf__quantize_layers *layers)
{
    enum { NAME = sizeof f->out->layers->name, PATTERN = 2 * NAME };
    kerf_bits *b = f->out;
    b->num_layers = layers->num;
    b->layers = kerf__alloc(layers->num, sizeof *b->layers);
    b->choices = kerf__alloc(layers->num, sizeof *b->choices);
    b->patterns = kerf__alloc(layers->num, PATTERN);
    if (b->layers == NULL || b->choices == NULL || b->patterns == NULL)
        return kerf__fail_memory("quantize", layers->num * sizeof *b->layers);
    for (size_t i = 0; i < layers->num; i++) {
        char *pattern = b->patterns + i * PATTERN;
        snprintf(b->layers[i].name, NAME, "%s", layers->at[i].node->name);
        kerf__quote_pattern(pattern, b->layers[i].name);
        b->choices[i] = (kerf_quantize_choice){pattern, KERF_F32, f->options.mode};
    }
    f->options.choices = b->choices;
    f->options.num_choices = b->num_layers;
    return KERF_OK;
}

static void choose_for_all(search *f, kerf_type type)
{
    for (size_t i = 0; i < f->out->num_layers; i++)
        f->out->choices[i].weights = type;
}

/* ---- measuring ------------------------------------------------------------------------- */

static kerf_status weigh(search *f, const kerf_graph *g, kerf_state *s, kerf_bits_point *p)
{
    KERF__TRY(kerf__bits_bytes(g, s, &p->bytes));
    return kerf__trade_run_ms(&f->clock, g, s, &p->ms);
}

static kerf_status judge_layer(search *f, size_t l, size_t t)
{
    kerf_bits_part *part = &f->out->layers[l].with[t];
    kerf__verdict verdict;
    kerf_graph *g;
    kerf_state *s;
    double bytes;
    choose_for_all(f, KERF_F32);
    f->out->choices[l].weights = TYPES[t];
    KERF__TRY(kerf__quantize_copy(&g, &s, f->g, f->s, &f->options));
    kerf_status status = kerf__judge_network(&f->judge, g, s, &verdict);
    if (status == KERF_OK)
        status = kerf__bits_bytes(g, s, &bytes);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    KERF__TRY(status);
    part->noise = verdict.noise;
    part->lost = verdict.lost;
    part->saved = f->at[0].bytes - bytes;
    return KERF_OK;
}

/* All layers with one type, so that none has its numbers converted for others. */
static kerf_status time_layers(search *f, size_t t, const char *const *names, double *ms)
{
    kerf_graph *g = NULL;
    kerf_state *s = NULL;
    choose_for_all(f, TYPES[t]);
    if (t > 0)
        KERF__TRY(kerf__quantize_copy(&g, &s, f->g, f->s, &f->options));
    kerf_status status = kerf__trade_layers_ms(&f->clock, t > 0 ? g : f->g, t > 0 ? s : f->s, names,
                                               f->out->num_layers, ms);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    for (size_t l = 0; status == KERF_OK && l < f->out->num_layers; l++)
        f->out->layers[l].with[t].ms = ms[l];
    return status;
}

static kerf_status time_all(search *f)
{
    const size_t num = f->out->num_layers;
    const char **names = kerf__alloc(num, sizeof *names);
    double *ms = kerf__alloc(num, sizeof *ms);
    kerf_status status =
        names != NULL && ms != NULL ? KERF_OK : kerf__fail_memory("quantize", num * sizeof *names);
    for (size_t l = 0; status == KERF_OK && l < num; l++)
        names[l] = f->out->layers[l].name;
    for (size_t t = 0; status == KERF_OK && t < f->num_types; t++)
        status = time_layers(f, t, names, ms);
    free(names);
    free(ms);
    return status;
}

static kerf_status measure_layers(search *f)
{
    for (size_t l = 0; l < f->out->num_layers; l++)
        for (size_t t = 1; t < f->num_types; t++)
            KERF__TRY(judge_layer(f, l, t));
    return time_all(f);
}

/* ---- the curve ------------------------------------------------------------------------- */

/* Of what the target bounds, each as a share of what the floats take; bytes, if it bounds neither.
 */
static double cost_of(const search *f, const kerf_bits_part *part)
{
    const kerf_bits_point *floats = &f->at[0];
    const int counts_ms = isfinite(f->target->ms), counts_bytes = isfinite(f->target->bytes);
    double cost = 0;
    if (counts_ms)
        cost += part->ms / floats->ms;
    if (counts_bytes || !counts_ms)
        cost -= part->saved / floats->bytes;
    return cost;
}

static void draw_curve(search *f)
{
    const kerf__trade_table table = {f->noise, f->cost, f->out->num_layers, f->num_types};
    for (size_t l = 0; l < f->out->num_layers; l++)
        for (size_t t = 0; t < f->num_types; t++) {
            const kerf_bits_part *part = &f->out->layers[l].with[t];
            f->noise[l * f->num_types + t] = part->noise;
            f->cost[l * f->num_types + t] = cost_of(f, part);
        }
    f->num_moves = kerf__trade_curve(&table, f->moves);
}

static int is_measured(const search *f, size_t n)
{
    int num = 0;
    for (int t = 0; t < KERF_NUM_BITS; t++)
        num += f->at[n].num_of[t];
    return num > 0;
}

static void go_to(search *f, size_t n)
{
    kerf_bits_point *p = &f->at[n];
    choose_for_all(f, TYPES[0]);
    for (size_t i = 0; i < n; i++)
        f->out->choices[f->moves[i].layer].weights = TYPES[f->moves[i].to];
    for (int t = 0; t < KERF_NUM_BITS; t++) {
        p->num_of[t] = 0;
        for (size_t l = 0; l < f->out->num_layers; l++)
            p->num_of[t] += f->out->choices[l].weights == TYPES[t];
    }
}

static kerf_status measure_point(search *f, size_t n)
{
    kerf_graph *g;
    kerf_state *s;
    kerf__verdict verdict;
    if (is_measured(f, n))
        return KERF_OK;
    go_to(f, n);
    KERF__TRY(kerf__quantize_copy(&g, &s, f->g, f->s, &f->options));
    kerf_status status = kerf__judge_network(&f->judge, g, s, &verdict);
    if (status == KERF_OK)
        status = weigh(f, g, s, &f->at[n]);
    kerf_graph_destroy(g);
    kerf_state_destroy(s);
    KERF__TRY(status);
    f->at[n].noise = verdict.noise;
    f->at[n].lost = verdict.lost;
    return KERF_OK;
}

/* ---- choosing -------------------------------------------------------------------------- */

static kerf__trade_point point_of(const kerf_bits_point *p)
{
    return (kerf__trade_point){p->lost, p->bytes, p->ms};
}

static kerf_status measure_for(void *context, size_t n, kerf__trade_point *out)
{
    search *f = context;
    KERF__TRY(measure_point(f, n));
    *out = point_of(&f->at[n]);
    return KERF_OK;
}

static void tell_missed(search *f, size_t chosen)
{
    char *text = f->out->missed;
    const size_t num = sizeof f->out->missed;
    const kerf__trade_point p = point_of(&f->at[chosen]);
    kerf__trade_tell_missed(text, num, f->target, &p, "the file takes");
    if (text[0] == '\0' && chosen == 0)
        snprintf(text, num, "no layer gains by integers here, must be at least one");
}

/* Floats are no choice; where nothing is within the bounds, what is nearest to them. */
static kerf_status choose(search *f)
{
    size_t chosen;
    KERF__TRY(kerf__trade_find(&chosen, f->target, f->num_moves, measure_for, f));
    if (!kerf__trade_has_cost(f->target) && chosen > 1)
        chosen--;
    if (chosen > f->num_moves)
        chosen = f->num_moves;
    f->at[chosen].is_chosen = 1;
    tell_missed(f, chosen);
    go_to(f, chosen);
    for (size_t l = 0; l < f->out->num_layers; l++)
        f->out->layers[l].chosen = f->out->choices[l].weights;
    return KERF_OK;
}

/* Points all along the curve, for who looks at it. */
static kerf_status measure_evenly(search *f)
{
    enum { PIECES = 8 };
    for (size_t i = 1; i <= PIECES; i++)
        if (f->num_moves * i / PIECES > 0)
            KERF__TRY(measure_point(f, f->num_moves * i / PIECES));
    return KERF_OK;
}

static void keep_points(search *f)
{
    kerf_bits *b = f->out;
    for (size_t n = 0; n <= f->num_moves; n++)
        if (is_measured(f, n))
            b->points[b->num_points++] = f->at[n];
}

/* ---- all of it ------------------------------------------------------------------------- */

static kerf_status allocate(search *f)
{
    const size_t cells = f->out->num_layers * f->num_types;
    f->noise = kerf__alloc(cells, sizeof *f->noise);
    f->cost = kerf__alloc(cells, sizeof *f->cost);
    f->moves = kerf__alloc(cells, sizeof *f->moves);
    f->at = kerf__alloc(cells + 1, sizeof *f->at);
    f->out->points = kerf__alloc(cells + 1, sizeof *f->out->points);
    if (f->noise == NULL || f->cost == NULL || f->moves == NULL || f->at == NULL ||
        f->out->points == NULL)
        return kerf__fail_memory("quantize", cells * sizeof *f->at);
    return KERF_OK;
}

static kerf_status find(search *f, const kerf_dataset *d, const kerf_quantize_options *options,
                        const kerf_calibrate_options *how)
{
    enum { POINTS = 14 }; /* about so many are judged, besides layers */
    kerf__quantize_layers layers;
    KERF__TRY(kerf__quantize_find(&layers, f->g, options));
    kerf_status status = take_layers(f, &layers);
    kerf__quantize_layers_free(&layers);
    KERF__TRY(status);
    KERF__TRY(allocate(f));
    KERF__TRY(kerf__judge_open(&f->judge, f->g, f->s, d, how,
                               f->out->num_layers * (f->num_types - 1) + POINTS));
    f->clock = (kerf__trade_clock){
        how->costs, &f->known, kerf__samples_known(&f->judge.samples, f->g, &f->known), how->ranks};
    go_to(f, 0);
    KERF__TRY(weigh(f, f->g, f->s, &f->at[0]));
    KERF__TRY(measure_layers(f));
    draw_curve(f);
    KERF__TRY(measure_evenly(f));
    KERF__TRY(choose(f));
    keep_points(f);
    return KERF_OK;
}

static kerf_status check(const kerf_quantize_options *options, const kerf_target *t)
{
    KERF__TRY(kerf__quantize_check_options(options));
    if (options->num_choices > 0)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "quantize: types by layer are given, must be left to be found");
    return kerf__trade_check(t, "quantize");
}

kerf_status kerf_quantize_find_bits(kerf_bits **out, const kerf_graph *g, kerf_state *s,
                                    const kerf_dataset *d, const kerf_quantize_options *options,
                                    const kerf_target *target, const kerf_calibrate_options *how)
{
    *out = NULL;
    KERF__TRY(check(options, target));
    search f = {.g = g, .s = s, .options = *options, .target = target};
    f.num_types = options->mode == KERF_QUANTIZE_DYNAMIC ? 2 : KERF_NUM_BITS;
    f.out = kerf__alloc(1, sizeof *f.out);
    if (f.out == NULL)
        return kerf__fail_memory("quantize", sizeof *f.out);
    kerf_status status = find(&f, d, options, how);
    kerf__judge_close(&f.judge);
    free(f.noise);
    free(f.cost);
    free(f.moves);
    free(f.at);
    if (status == KERF_OK)
        *out = f.out;
    else
        kerf_bits_destroy(f.out);
    return status;
}

/* ---- what was found -------------------------------------------------------------------- */

void kerf_bits_destroy(kerf_bits *b)
{
    if (b == NULL)
        return;
    free(b->layers);
    free(b->choices);
    free(b->patterns);
    free(b->points);
    free(b);
}

size_t kerf_bits_num_layers(const kerf_bits *b)
{
    return b->num_layers;
}

const kerf_bits_layer *kerf_bits_get_layer(const kerf_bits *b, size_t i)
{
    return &b->layers[i];
}

size_t kerf_bits_num_points(const kerf_bits *b)
{
    return b->num_points;
}

const kerf_bits_point *kerf_bits_get_point(const kerf_bits *b, size_t i)
{
    return &b->points[i];
}

const kerf_quantize_choice *kerf_bits_choices(const kerf_bits *b)
{
    return b->choices;
}

const char *kerf_bits_missed(const kerf_bits *b)
{
    return b->missed[0] != '\0' ? b->missed : NULL;
}
