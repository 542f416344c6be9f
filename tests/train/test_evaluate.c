/* test_evaluate.c -- hits, loss and confusion of every sample against the host, for batches
 * that divide the samples and for those that do not. */
#include <string.h>

#include "check.h"
#include "train/small_run.h"

static kerf_device *dev;
static kerf_split split; /* the files of the tiny run have no test split */

/* ---- the long way: 16 - hidden - hidden - 3 in double ---------------------------------------- */

typedef struct host_layer {
    float *weight, *bias;
    int rows, columns;
} host_layer;

static host_layer read_layer(const kerf_state *s, const char *name)
{
    char text[32];
    snprintf(text, sizeof text, "%s.weight", name);
    const kerf_state_entry *w = kerf_state_find(s, text);
    kerf_shape shape = kerf_tensor_shape(w->tensor);
    host_layer l = {NULL, NULL, (int)shape.dims[0], (int)shape.dims[1]};
    l.weight = malloc((size_t)(l.rows * l.columns) * sizeof(float));
    l.bias = malloc((size_t)l.rows * sizeof(float));
    CHECK_OK(kerf_state_read(s, w->id, l.weight));
    snprintf(text, sizeof text, "%s.bias", name);
    CHECK_OK(kerf_state_read(s, kerf_state_find(s, text)->id, l.bias));
    return l;
}

static void run_layer(const host_layer *l, const double *src, double *dst, int relu)
{
    for (int r = 0; r < l->rows; r++) {
        dst[r] = (double)l->bias[r];
        for (int c = 0; c < l->columns; c++)
            dst[r] += (double)l->weight[r * l->columns + c] * src[c];
        if (relu)
            dst[r] = fmax(dst[r], 0);
    }
}

static double log_sum(const double *x, int num)
{
    double largest = x[0], sum = 0;
    for (int i = 1; i < num; i++)
        largest = fmax(largest, x[i]);
    for (int i = 0; i < num; i++)
        sum += exp(x[i] - largest);
    return largest + log(sum);
}

static int first_largest(const double *x, int num)
{
    int best = 0;
    for (int i = 1; i < num; i++)
        best = x[i] > x[best] ? i : best;
    return best;
}

/* Loss summed, and the confusion table. */
static double evaluate_host(const small_run *r, int64_t *confusion)
{
    host_layer layers[] = {read_layer(r->s, "fc1"), read_layer(r->s, "fc2"),
                           read_layer(r->s, "fc3")};
    const kerf_loader_options o = {.split = split, .batch = 64, .keep_rest = 1};
    kerf_loader_options loader_options = o;
    kerf_loader *loader;
    kerf_batch b;
    double loss = 0, x[2][64];
    CHECK_OK(kerf_prep_parse(&loader_options.prep, "signed"));
    CHECK_OK(kerf_loader_create(&loader, r->d, &loader_options));
    CHECK_OK(kerf_loader_begin(loader, 0, 0));
    for (;;) {
        CHECK_OK(kerf_loader_next(loader, &b));
        if (b.num_samples == 0)
            break;
        for (int64_t i = 0; i < b.num_samples; i++) {
            for (int k = 0; k < 16; k++)
                x[0][k] = (double)b.images[i * 16 + k];
            run_layer(&layers[0], x[0], x[1], 1);
            run_layer(&layers[1], x[1], x[0], 1);
            run_layer(&layers[2], x[0], x[1], 0);
            loss += log_sum(x[1], 3) - x[1][b.labels[i]];
            confusion[b.labels[i] * 3 + first_largest(x[1], 3)]++;
        }
        kerf_loader_release(loader, &b);
    }
    kerf_loader_destroy(loader);
    for (int i = 0; i < 3; i++) {
        free(layers[i].weight);
        free(layers[i].bias);
    }
    return loss;
}

static void test_against_host(void)
{
    small_run r = small_begin(dev);
    const int64_t num = kerf_dataset_num_samples(r.d, split);
    const int64_t batches[] = {num / 2 - 24, 64, num, 5000};
    int64_t want[9] = {0}, got[9];
    double loss = evaluate_host(&r, want) / (double)num;
    double hits = (double)(want[0] + want[4] + want[8]);
    for (int i = 0; i < 4; i++) {
        kerf_evaluation result;
        CHECK_OK(kerf_evaluate(r.g, r.s, r.d, split, batches[i], "signed", &result, got));
        CHECK(result.samples == num && result.batch == batches[i]);
        CHECK(result.top1 == 100 * hits / (double)num && result.top5 == 100);
        CHECK(fabs(result.loss - loss) <= check_tolerance(8, (size_t)num) * loss);
        CHECK(memcmp(got, want, sizeof got) == 0);
        CHECK(result.ms_per_batch > 0);
        CHECK_OK(kerf_evaluate(r.g, r.s, r.d, split, batches[i], "signed", &result, NULL));
        CHECK(result.top1 == 100 * hits / (double)num);
    }
    small_end(&r);
}

/* Wilson's interval by its two ends. */
static void test_interval(void)
{
    small_run r = small_begin(dev);
    kerf_evaluation e;
    CHECK_OK(kerf_evaluate(r.g, r.s, r.d, split, 256, NULL, &e, NULL));
    double n = (double)e.samples, p = e.top1 / 100, z = 1.959963984540054;
    double middle = (p + z * z / (2 * n)) / (1 + z * z / n);
    double low = middle - e.top1_ci95 / 100;
    /* An end of the interval is where the distance to p is z deviations of that end. */
    CHECK(fabs(fabs(p - low) - z * sqrt(low * (1 - low) / n)) < 1e-9);
    small_end(&r);
}

/* ---- on several devices, which may be the same one, opened again -------------------------------
 */

enum { DEVICES = 3 };
typedef struct several {
    kerf_device *devs[DEVICES];
    kerf_state *states[DEVICES];
} several;

static several several_open(const small_run *r)
{
    several x;
    for (int i = 0; i < DEVICES; i++) {
        x.devs[i] = i > 0 ? check_open_device() : dev;
        CHECK_OK(kerf_state_copy(&x.states[i], r->s, x.devs[i]));
    }
    return x;
}

static void several_close(several *x)
{
    for (int i = 0; i < DEVICES; i++) {
        kerf_state_destroy(x->states[i]);
        if (i > 0)
            kerf_device_close(x->devs[i]);
    }
}

/* As one alone, whoever took what; with fewer batches than devices, too. */
static void test_together(void)
{
    small_run r = small_begin(dev);
    several x = several_open(&r);
    const int64_t num = kerf_dataset_num_samples(r.d, split);
    const int64_t batches[] = {64, 5000};
    for (int i = 0; i < 2; i++) {
        kerf_evaluation one, all;
        int64_t want[9], got[9] = {7}, taken[DEVICES];
        CHECK_OK(kerf_evaluate(r.g, r.s, r.d, split, batches[i], NULL, &one, want));
        for (int with = 0; with < 2; with++) {
            CHECK_OK(kerf_evaluate_together(r.g, x.states, DEVICES, r.d, split, batches[i], NULL,
                                            KERF_PRECISION_F32, &all, with ? got : NULL, taken));
            CHECK(all.top1 == one.top1 && all.top5 == one.top5 && all.samples == num);
            CHECK(fabs(all.loss - one.loss) <= check_tolerance(8, (size_t)num) * one.loss);
            CHECK(taken[0] + taken[1] + taken[2] == num && all.macs == one.macs);
            for (int k = 0; k < DEVICES; k++)
                CHECK(taken[k] % batches[i] == 0 || taken[k] % batches[i] == num % batches[i]);
        }
        CHECK(memcmp(got, want, sizeof got) == 0);
    }
    several_close(&x);
    small_end(&r);
}

/* One device cannot; the others do not wait for it. */
static void test_together_refused(void)
{
    small_run r = small_begin(dev);
    several x = several_open(&r);
    kerf_evaluation e;
    int64_t taken[DEVICES];
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_evaluate_together(r.g, x.states, 0, r.d, split, 64, NULL,
                                                           KERF_PRECISION_F32, &e, NULL, taken));
    const int id = kerf_state_find(x.states[2], "fc2.weight")->id;
    kerf_tensor *other;
    CHECK_OK(kerf_tensor_create(&other, x.devs[2], KERF_F32, KERF_SHAPE(2, 2)));
    CHECK_OK(kerf_state_replace(x.states[2], id, other));
    CHECK(kerf_evaluate_together(r.g, x.states, DEVICES, r.d, split, 64, NULL, KERF_PRECISION_F32,
                                 &e, NULL, taken) != KERF_OK);
    several_close(&x);
    small_end(&r);
}

static void test_what_is_refused(void)
{
    small_run r = small_begin(dev);
    kerf_dataset *d;
    kerf_evaluation e;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_evaluate(r.g, r.s, r.d, split, 0, NULL, &e, NULL));
    CHECK(strstr(kerf_last_error(), "batch 0: must be at least 1") != NULL);
    CHECK_OK(kerf_dataset_open(&d, "random:1,4,4,3"));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_evaluate(r.g, r.s, d, KERF_SPLIT_VAL, 8, NULL, &e, NULL));
    CHECK(strstr(kerf_last_error(), "this split of the data has no samples") != NULL);
    kerf_dataset_close(d);
    small_end(&r);
}

int main(void)
{
    dev = check_open_device();
    split = small_is_tiny() ? KERF_SPLIT_VAL : KERF_SPLIT_TEST;
    test_against_host();
    test_interval();
    if (check_takes_threads(dev)) {
        test_together();
        test_together_refused();
    }
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
