/* run_groups.c -- grouping by what a run was told, but for its seed and its files; means and
 * intervals; the front of Pareto; see run_groups.h. */
#include "run_groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- means ----------------------------------------------------------------------------------- */

/* The 97.5 % point of Student's t. */
static double t_of(size_t freedom)
{
    static const double points[] = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                    2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                    2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                    2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
    const size_t num = sizeof points / sizeof points[0];
    return freedom <= num ? points[freedom - 1] : 1.96 + 2.5 / (double)freedom;
}

run_mean mean_of(const double *x, size_t num)
{
    run_mean m = {NAN, NAN, NAN, NAN, num};
    double sum = 0, squares = 0;
    for (size_t i = 0; i < num; i++)
        sum += x[i];
    if (num > 0)
        m.mean = sum / (double)num;
    for (size_t i = 0; i < num; i++)
        squares += (x[i] - m.mean) * (x[i] - m.mean);
    if (num < 2)
        return m;
    m.sd = sqrt(squares / (double)(num - 1));
    const double half = t_of(num - 1) * m.sd / sqrt((double)num);
    m.low = m.mean - half;
    m.high = m.mean + half;
    return m;
}

/* ---- costs ----------------------------------------------------------------------------------- */

const char *const cost_names[NUM_COSTS] = {"bytes of the weights that are left",
                                           "multiply-adds with weights that are left",
                                           "milliseconds of the layers, one sample"};
const char *const cost_units[NUM_COSTS] = {"bytes", "multiply-adds", "ms"};

static double layer_cost(const run_side *l, int cost)
{
    if (cost == COST_BYTES)
        return l->nonzeros * l->bits / 8;
    return l->weights > 0 ? l->macs * l->nonzeros / l->weights : l->macs;
}

run_side run_sum(const run_record *r, int side)
{
    run_side sum = {0};
    for (size_t i = 0; i < r->num_layers; i++) {
        const run_side *l = &r->layers[i].side[side];
        if (isnan(l->weights))
            continue; /* the layer is not there */
        sum.weights += l->weights;
        sum.nonzeros += l->nonzeros;
        sum.bytes += l->bytes;
        sum.macs += l->macs;
        sum.ms += isfinite(l->ms) ? l->ms : 0;
    }
    sum.ms = sum.ms > 0 ? sum.ms : NAN;
    sum.bits = NAN;
    return sum;
}

double run_cost(const run_record *r, int side, int cost)
{
    double sum = 0;
    if (cost == COST_MS || r->num_layers == 0)
        return cost == COST_MS ? run_sum(r, side).ms : NAN;
    for (size_t i = 0; i < r->num_layers; i++)
        if (!isnan(r->layers[i].side[side].weights))
            sum += layer_cost(&r->layers[i].side[side], cost);
    return sum;
}

/* ---- grouping -------------------------------------------------------------------------------- */

static int is_one_of(const char *word, size_t length, const char *const *words, size_t num)
{
    for (size_t i = 0; i < num; i++)
        if (strlen(words[i]) == length && strncmp(word, words[i], length) == 0)
            return 1;
    return 0;
}

static int ends_with(const char *word, size_t length, const char *end)
{
    const size_t n = strlen(end);
    return length >= n && strncmp(word + length - n, end, n) == 0;
}

/* Writes one more part and gives where the next begins. */
static char *put(char *end, char between, const char *text, size_t length)
{
    *end++ = between;
    memcpy(end, text, length);
    end[length] = '\0';
    return end + length;
}

/* A command without what says nothing of how the network was made. */
static void put_command(char *end, const char *command)
{
    static const char *const with_value[] = {"--seed", "-o", "--output", "--run-dir"};
    static const char *const alone[] = {"-f",        "--force", "-q",       "--quiet",      "-v",
                                        "--verbose", "--json",  "--resume", "--tensorboard"};
    for (const char *p = command; *p != '\0';) {
        const size_t length = strcspn(p, " ");
        const int skips = is_one_of(p, length, with_value, sizeof with_value / sizeof *with_value);
        if (!skips && !is_one_of(p, length, alone, sizeof alone / sizeof *alone) &&
            strncmp(p, "--seed=", 7) != 0 && !ends_with(p, length, ".onnx"))
            end = put(end, ' ', p, length);
        p += length + (p[length] == ' ');
        if (skips)
            p += strcspn(p, " ");
        p += strspn(p, " ");
    }
}

/* A recipe without its lines of seed, model and output. */
static void put_recipe(char *end, const char *recipe)
{
    static const char *const others[] = {"seed", "dir", "output", "model"};
    for (const char *p = recipe; *p != '\0';) {
        const size_t length = strcspn(p, "\n"), indent = strspn(p, " ");
        if (!is_one_of(p + indent, strcspn(p + indent, ":\n"), others,
                       sizeof others / sizeof *others))
            end = put(end, '\n', p, length);
        p += length + (p[length] == '\n');
    }
}

/* For free(); NULL without memory.  Networks of other sizes are never one group. */
static char *key_of(const run_record *r)
{
    const char *command = r->command != NULL ? r->command : "";
    const char *recipe = r->recipe != NULL ? r->recipe : "";
    char *key = malloc(2 * (strlen(command) + strlen(recipe)) + 64);
    if (key == NULL)
        return NULL;
    char *end = key + snprintf(key, 64, "%g", r->standing[RUN_BEFORE].all.weights);
    if (recipe[0] != '\0')
        put_recipe(end, recipe);
    else
        put_command(end, command);
    return key;
}

/* What the runs' names begin with alike, without a dangling "-s" or the like. */
static void take_name(run_group *g, const char *name)
{
    size_t length = 0;
    while (g->name[length] != '\0' && g->name[length] == name[length])
        length++;
    while (length > 0 && strchr("-_. ", g->name[length - 1]) != NULL)
        length--;
    for (size_t i = 0; i < 2; i++) {
        const char *const end = i == 0 ? "-seed" : "-s";
        length -= ends_with(g->name, length, end) ? strlen(end) : 0;
    }
    if (length > 0)
        g->name[length] = '\0';
}

static int add_run(run_group *g, const run_record *r)
{
    const run_record **runs = realloc(g->runs, (g->num + 1) * sizeof *runs);
    if (runs == NULL)
        return 0;
    g->runs = runs;
    g->runs[g->num++] = r;
    if (g->num > 1)
        take_name(g, r->name);
    return 1;
}

/* A run that has not ended, or has no seed, stands alone. */
static int join(run_groups *g, char **keys, const run_record *runs, size_t i)
{
    for (size_t k = 0; k < g->num; k++) {
        const run_record *first = g->items[k].runs[0];
        if (runs[i].is_finished && first->is_finished && isfinite(runs[i].seed) &&
            strcmp(keys[first - runs], keys[i]) == 0)
            return add_run(&g->items[k], &runs[i]);
    }
    run_group *group = &g->items[g->num++];
    snprintf(group->name, sizeof group->name, "%s", runs[i].name);
    return add_run(group, &runs[i]);
}

/* ---- numbers of a group ------------------------------------------------------------------------
 */

static void fill_numbers(run_group *g, double *scratch)
{
    size_t num = 0, num_changes = 0;
    for (size_t i = 0; i < g->num; i++)
        if (isfinite(g->runs[i]->standing[RUN_AFTER].top1))
            scratch[num++] = g->runs[i]->standing[RUN_AFTER].top1;
    g->top1 = mean_of(scratch, num);
    for (size_t i = 0; i < g->num; i++) {
        const run_standing *s = g->runs[i]->standing;
        if (isfinite(s[RUN_AFTER].top1) && isfinite(s[RUN_BEFORE].top1))
            scratch[num_changes++] = s[RUN_AFTER].top1 - s[RUN_BEFORE].top1;
    }
    g->change = mean_of(scratch, num_changes);
    for (int c = 0; c < NUM_COSTS; c++) {
        for (size_t i = 0; i < g->num; i++)
            scratch[i] = run_cost(g->runs[i], RUN_AFTER, c);
        g->cost[c] = mean_of(scratch, g->num).mean;
    }
}

static int beats(const run_group *a, const run_group *b, int cost)
{
    const double x = a->cost[cost], y = b->cost[cost];
    return x <= y && a->top1.mean >= b->top1.mean && (x < y || a->top1.mean > b->top1.mean);
}

static void find_front(run_groups *g, int cost)
{
    for (size_t i = 0; i < g->num; i++) {
        run_group *group = &g->items[i];
        group->is_front[cost] = isfinite(group->cost[cost]) && isfinite(group->top1.mean);
        for (size_t k = 0; k < g->num; k++)
            group->is_front[cost] &= !beats(&g->items[k], group, cost);
    }
}

int run_groups_make(run_groups *g, const run_record *runs, size_t num)
{
    char **keys = calloc(num, sizeof *keys);
    double *scratch = calloc(num, sizeof *scratch);
    *g = (run_groups){.items = calloc(num, sizeof *g->items)};
    int good = keys != NULL && scratch != NULL && g->items != NULL;
    for (size_t i = 0; i < num && good; i++)
        good = (keys[i] = key_of(&runs[i])) != NULL && join(g, keys, runs, i);
    for (size_t i = 0; i < g->num && good; i++)
        fill_numbers(&g->items[i], scratch);
    for (int c = 0; c < NUM_COSTS && good; c++)
        find_front(g, c);
    for (size_t i = 0; i < num && keys != NULL; i++)
        free(keys[i]);
    free(keys);
    free(scratch);
    return good;
}

void run_groups_free(run_groups *g)
{
    for (size_t i = 0; i < g->num; i++)
        free(g->items[i].runs);
    free(g->items);
    *g = (run_groups){0};
}

static const run_record *with_seed(const run_group *g, double seed)
{
    for (size_t i = 0; i < g->num; i++)
        if (g->runs[i]->seed == seed)
            return g->runs[i];
    return NULL;
}

run_mean run_groups_paired(const run_group *a, const run_group *b)
{
    enum { MOST = 256 };
    double x[MOST];
    size_t num = 0;
    for (size_t i = 0; i < a->num && num < MOST; i++) {
        const run_record *other = with_seed(b, a->runs[i]->seed);
        const double top1 = a->runs[i]->standing[RUN_AFTER].top1;
        if (other != NULL && isfinite(top1 - other->standing[RUN_AFTER].top1))
            x[num++] = top1 - other->standing[RUN_AFTER].top1;
    }
    return mean_of(x, num);
}
