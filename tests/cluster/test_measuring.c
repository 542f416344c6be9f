/* test_measuring.c -- what ranks find out together outside of steps (mpirun -n N test_measuring):
 * evaluations, ranges, sensitivities, types and amounts by layer.  All ranks have the same bits,
 * also on unlike devices; where devices are alike, they are those of one alone, counts exactly and
 * sums to rounding. */
#include <math.h>

#include "../train/small_run.h"
#include "compress/prune/channels_internal.h"
#include "ranks_begin.h"

enum { BATCH = 96, NUM_VAL = 512 };

static small_run net;

static void check_near(double x, double y, size_t num)
{
    CHECK(ranks_are_unlike() || fabs(x - y) <= check_tolerance(8, num) * fmax(1, fabs(y)));
}

/* ---- evaluations --------------------------------------------------------------------------- */

static kerf_evaluation evaluate(const kerf_ranks *r, int64_t batch, int64_t confusion[9])
{
    kerf_evaluation e;
    CHECK_OK(kerf_evaluate_as(net.g, net.s, net.d, KERF_SPLIT_VAL, batch, NULL, KERF_PRECISION_F32,
                              r, &e, confusion));
    return e;
}

/* Five batches and a rest; one batch, of which most ranks have nothing. */
static void test_evaluate(void)
{
    static const int64_t BATCHES[] = {BATCH, NUM_VAL};
    for (int i = 0; i < 2; i++) {
        int64_t counts[9], counts_alone[9], num = 0;
        const kerf_evaluation e = evaluate(ranks, BATCHES[i], counts),
                              alone = evaluate(NULL, BATCHES[i], counts_alone);
        ranks_check_same(&e, sizeof e);
        ranks_check_same(counts, sizeof counts);
        CHECK(e.samples == NUM_VAL && e.macs == alone.macs);
        for (int k = 0; k < 9; k++)
            num += counts[k];
        CHECK(num == NUM_VAL);
        CHECK(ranks_are_unlike() || (e.top1 == alone.top1 && e.top5 == alone.top5));
        CHECK(ranks_are_unlike() || memcmp(counts, counts_alone, sizeof counts) == 0);
        check_near(e.loss, alone.loss, NUM_VAL);
    }
}

/* ---- ranges -------------------------------------------------------------------------------- */

static kerf_calibrate_options how_to_look(const kerf_ranks *r, kerf_observer observer)
{
    return (kerf_calibrate_options){.observer = observer,
                                    .percentile = 99,
                                    .samples = 208, /* six batches and a rest */
                                    .batch = 32,
                                    .steps = 3,
                                    .seed = 1,
                                    .ranks = r,
                                    .means = 1};
}

static kerf_ranges *look(const kerf_ranks *r, kerf_observer observer)
{
    kerf_ranges *out;
    const kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    const kerf_calibrate_options how = how_to_look(r, observer);
    CHECK_OK(kerf_calibrate(&out, net.g, net.s, net.d, &q, &how));
    return out;
}

/* Ends, and all counts that ends are cut by, are exact; an average is summed in another order. */
static void test_ranges(void)
{
    for (int o = KERF_OBSERVE_MINMAX; o <= KERF_OBSERVE_ENTROPY; o++) {
        kerf_ranges *all = look(ranks, (kerf_observer)o), *alone = look(NULL, (kerf_observer)o);
        CHECK(kerf_ranges_num(all) > 3 && kerf_ranges_num(all) == kerf_ranges_num(alone));
        for (size_t i = 0; i < kerf_ranges_num(all); i++) {
            const kerf_range a = kerf_ranges_get(all, i), b = kerf_ranges_get(alone, i);
            const double ends[] = {a.low, a.high};
            const int is_exact = o != KERF_OBSERVE_MOVING && !ranks_are_unlike();
            ranks_check_same(ends, sizeof ends);
            CHECK(!is_exact || (a.low == b.low && a.high == b.high));
            check_near(a.low, b.low, 7);
            check_near(a.high, b.high, 7);
        }
        kerf_ranges_destroy(all);
        kerf_ranges_destroy(alone);
    }
}

/* ---- what rounding costs ------------------------------------------------------------------- */

static void test_rounding(void)
{
    kerf_layer_error *all, *alone;
    size_t num, num_alone;
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    kerf_ranges *r = look(ranks, KERF_OBSERVE_MINMAX);
    kerf_calibrate_options how = how_to_look(ranks, KERF_OBSERVE_MINMAX);
    q.ranges = r;
    CHECK_OK(kerf_quantize_analyse(&all, &num, net.g, net.s, net.d, &q, &how));
    ranks_check_same(all, num * sizeof *all);
    how.ranks = NULL;
    CHECK_OK(kerf_quantize_analyse(&alone, &num_alone, net.g, net.s, net.d, &q, &how));
    CHECK(num == num_alone);
    for (size_t i = 0; i < num; i++) {
        check_near(all[i].outputs.mse, alone[i].outputs.mse, 208 * 30);
        CHECK(ranks_are_unlike() ||
              (all[i].outputs.largest == alone[i].outputs.largest && all[i].lost == alone[i].lost));
    }
    free(all);
    free(alone);
    kerf_ranges_destroy(r);
}

static void test_learned_rounding(void)
{
    kerf_state *learned;
    kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_STATIC);
    const kerf_calibrate_options how = how_to_look(ranks, KERF_OBSERVE_MINMAX);
    kerf_ranges *r = look(ranks, KERF_OBSERVE_MINMAX);
    q.ranges = r;
    CHECK_OK(kerf_quantize_learn(&learned, net.g, net.s, net.d, &q, &how));
    const uint64_t digest = small_digest(learned);
    ranks_check_same(&digest, sizeof digest);
    kerf_state_destroy(learned);
    kerf_ranges_destroy(r);
}

/* With a bound on time: rank 0's clock is that of all. */
static void test_types(void)
{
    kerf_bits *b;
    const kerf_quantize_options q = kerf_quantize_defaults(KERF_QUANTIZE_WEIGHT_ONLY);
    const kerf_calibrate_options how = how_to_look(ranks, KERF_OBSERVE_MINMAX);
    const kerf_target target = {.max_drop = NAN, .bytes = NAN, .ms = 1e-3};
    CHECK_OK(kerf_quantize_find_bits(&b, net.g, net.s, net.d, &q, &target, &how));
    ranks_check_same(kerf_bits_get_point(b, 0),
                     kerf_bits_num_points(b) * sizeof *kerf_bits_get_point(b, 0));
    for (size_t i = 0; i < kerf_bits_num_layers(b); i++)
        ranks_check_same(kerf_bits_get_layer(b, i), sizeof(kerf_bits_layer));
    kerf_bits_destroy(b);
}

/* ---- what layers and channels can lose ----------------------------------------------------- */

static void test_amounts(void)
{
    kerf_prune_found *found;
    const kerf_prune_options p = {.method = KERF_PRUNE_MAGNITUDE};
    const kerf_analyse_options how = {.ranks = ranks, .batch = BATCH};
    const kerf_target target = {.max_drop = 5, .bytes = NAN, .ms = 1e-3};
    CHECK_OK(kerf_prune_find_amounts(&found, net.g, net.s, net.d, &p, &target, &how));
    const double of_it[] = {found->lost, found->bytes, found->ms};
    ranks_check_same(of_it, sizeof of_it);
    for (size_t i = 0; i < found->num_amounts; i++)
        ranks_check_same(&found->amounts[i].value, sizeof found->amounts[i].value);
    CHECK(found->ms > 0);
    kerf_prune_found_destroy(found);
}

static void test_channels(void)
{
    kerf_channels *all, *alone;
    kerf_watch_options how = {.samples = 7 * 32, .batch = 32, .ranks = ranks};
    CHECK_OK(kerf_channels_find(&all, net.g, net.s));
    CHECK_OK(kerf_channels_find(&alone, net.g, net.s));
    CHECK_OK(kerf_channels_watch(all, net.g, net.s, net.d, KERF_CHANNEL_TAYLOR, &how));
    how.ranks = NULL;
    CHECK_OK(kerf_channels_watch(alone, net.g, net.s, net.d, KERF_CHANNEL_TAYLOR, &how));
    ranks_check_same(all->seen, all->num_slots * sizeof *all->seen);
    for (size_t i = 0; i < all->num_slots; i++) {
        CHECK(all->num_seen[i] == alone->num_seen[i]);
        check_near(all->seen[i], alone->seen[i], 7);
    }
    kerf_channels_destroy(all);
    kerf_channels_destroy(alone);
}

int main(void)
{
    if (!ranks_begin())
        return 77;
    net = small_begin(dev);
    test_evaluate();
    test_ranges();
    test_amounts();
    test_channels();
    if (!ranks_are_unlike()) { /* many kernels, for two compilers */
        test_rounding();
        test_learned_rounding();
        test_types();
    }
    small_end(&net);
    return ranks_end();
}
