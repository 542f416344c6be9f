/* test_taps.c -- plans with teachers: the loss against its definition, the step against the loss's
 * own slope, a teacher that is a plan, and what is refused. */
#include <math.h>
#include <string.h>

#include "small_run.h"

enum { INPUTS = 16, CLASSES = 3, BATCH = 8, LOGITS = BATCH * CLASSES, MOST = 16 * 30 };
enum { PARAMS = 6 };
static const char *const NAMES[PARAMS] = {"fc1.weight", "fc1.bias",   "fc2.weight",
                                          "fc2.bias",   "fc3.weight", "fc3.bias"};
static const int NUM[PARAMS] = {16 * 30, 30, 30 * 10, 10, 10 * 3, 3};

static kerf_device *dev;
static float teachers[2][LOGITS];
static int32_t labels[BATCH];

static float number(int i)
{
    return (float)((i * 37 + i / 7 * 11) % 23) / 11.0f - 1.0f;
}

/* ---- the definition -------------------------------------------------------------------------- */

static double log_prob(const float *x, int i, double t)
{
    double sum = 0;
    for (int j = 0; j < CLASSES; j++)
        sum += exp((double)x[j] / t);
    return (double)x[i] / t - log(sum);
}

static double soft_loss(const float *logits, const float *teacher, double t)
{
    double sum = 0;
    for (int i = 0; i < LOGITS; i++) {
        const int row = i / CLASSES * CLASSES;
        const double wanted = log_prob(teacher + row, i - row, t);
        sum += exp(wanted) * (wanted - log_prob(logits + row, i - row, t));
    }
    return t * t * sum / BATCH;
}

static double hard_loss(const float *logits)
{
    double sum = 0;
    for (int i = 0; i < BATCH; i++)
        sum -= log_prob(logits + i * CLASSES, labels[i], 1);
    return sum / BATCH;
}

static double loss_of(const float *logits, const kerf_step *step, int num_taps)
{
    double sum = (double)step->labels * hard_loss(logits);
    for (int i = 0; i < num_taps; i++)
        sum += (double)step->taps[i] * soft_loss(logits, teachers[i], (double)step->temperature);
    return sum;
}

/* ---- a plan with teachers -------------------------------------------------------------------- */

typedef struct student {
    small_run r;
    kerf_plan *p;
    kerf_tensor *teachers[2];
} student;

static kerf_plan_options options(const kerf_tap *taps, size_t num_taps)
{
    return (kerf_plan_options){.mode = KERF_TRAIN,
                               .batch = BATCH,
                               .loss = KERF_LOSS_CROSS_ENTROPY,
                               .optimizer = {.kind = KERF_SGD},
                               .taps = taps,
                               .num_taps = num_taps};
}

static student begin(size_t num_taps)
{
    student s = {.r = small_begin(dev)};
    kerf_tap taps[2] = {{KERF_TAP_SOFT_TARGETS, NULL, NULL, 0}, {KERF_TAP_SOFT_TARGETS, NULL, NULL, 0}};
    for (size_t i = 0; i < num_taps; i++) {
        CHECK_OK(kerf_tensor_create(&s.teachers[i], dev, KERF_F32, KERF_SHAPE(BATCH, CLASSES)));
        CHECK_OK(kerf_tensor_write(s.teachers[i], teachers[i]));
        taps[i].teacher = s.teachers[i];
    }
    const kerf_plan_options o = options(taps, num_taps);
    CHECK_OK(kerf_plan_create(&s.p, s.r.g, s.r.s, &o));
    return s;
}

static void end(student *s)
{
    kerf_plan_destroy(s->p);
    kerf_tensor_destroy(s->teachers[0]);
    kerf_tensor_destroy(s->teachers[1]);
    small_end(&s->r);
}

static void feed_images(kerf_plan *p, const kerf_graph *g)
{
    static float x[BATCH * INPUTS];
    for (int i = 0; i < BATCH * INPUTS; i++)
        x[i] = number(i);
    CHECK_OK(kerf_plan_feed(p, kerf_value_name(kerf_graph_input(g, 0)), x, sizeof x));
}

/* One step; the loss before it, as the plan says, and the logits. */
static float take_step(student *s, const kerf_step *step, float *logits)
{
    float loss;
    feed_images(s->p, s->r.g);
    CHECK_OK(kerf_plan_feed(s->p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(s->p, step));
    CHECK_OK(kerf_plan_run(s->p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(s->p, "kerf.loss"), &loss));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(s->p, kerf_value_name(kerf_graph_output(s->r.g, 0))),
                              logits));
    return loss;
}

static void read_weights(const student *s, float weights[PARAMS][MOST])
{
    for (int l = 0; l < PARAMS; l++)
        CHECK_OK(kerf_state_read(s->r.s, kerf_state_find(s->r.s, NAMES[l])->id, weights[l]));
}

static double square_of_difference(float a[PARAMS][MOST], float b[PARAMS][MOST])
{
    double sum = 0;
    for (int l = 0; l < PARAMS; l++)
        for (int i = 0; i < NUM[l]; i++)
            sum += pow((double)a[l][i] - (double)b[l][i], 2);
    return sum;
}

/* The loss is its definition's; a small step goes down as far as its length says. */
static void check_step(int num_taps, kerf_step step)
{
    float logits[LOGITS], before[PARAMS][MOST], after[PARAMS][MOST];
    student s = begin((size_t)num_taps);
    step.step = 1;
    step.lr = 1e-3f;
    read_weights(&s, before);
    const float loss = take_step(&s, &step, logits);
    const double want = loss_of(logits, &step, num_taps);
    read_weights(&s, after);
    step.step = 2;
    step.lr = 0;
    const float next = take_step(&s, &step, logits);
    CHECK(fabs((double)loss - want) <= 1e-5 * (1 + fabs(want)));
    CHECK(fabs((double)next - loss_of(logits, &step, num_taps)) <= 1e-5 * (1 + fabs(want)));
    const double down = square_of_difference(before, after) / 1e-3;
    CHECK(down > 1e-6);
    CHECK(fabs(want - loss_of(logits, &step, num_taps) - down) <= 0.05 * down + 2e-6);
    end(&s);
}

static void test_steps(void)
{
    check_step(1, (kerf_step){.labels = 0.3f, .taps = {0.7f}, .temperature = 3});
    check_step(1, (kerf_step){.labels = 0, .taps = {1}, .temperature = 1});
    check_step(1, (kerf_step){.labels = 1, .taps = {0}, .temperature = 4});
    check_step(2, (kerf_step){.labels = 0.5f, .taps = {0.2f, 0.3f}, .temperature = 2});
}

/* ---- a teacher that is a plan ---------------------------------------------------------------- */

static void test_plan_as_teacher(void)
{
    float logits[LOGITS], from_plan[LOGITS];
    const kerf_step step = {.step = 1, .lr = 0, .taps = {1}, .temperature = 2};
    small_run teacher = small_begin(dev), r = small_begin(dev);
    kerf_plan *from, *p;
    const char *output = kerf_value_name(kerf_graph_output(teacher.g, 0));
    const kerf_plan_options evaluate = {.mode = KERF_EVALUATE, .batch = BATCH};
    CHECK_OK(kerf_plan_create(&from, teacher.g, teacher.s, &evaluate));
    const kerf_tap tap = {KERF_TAP_SOFT_TARGETS, kerf_plan_output(from, output), NULL, 0};
    const kerf_plan_options o = options(&tap, 1);
    CHECK_OK(kerf_plan_create(&p, r.g, r.s, &o));
    feed_images(from, teacher.g);
    CHECK_OK(kerf_plan_run(from));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(from, output), from_plan));
    memcpy(teachers[0], from_plan, sizeof from_plan);
    student s = {.r = r, .p = p};
    const float loss = take_step(&s, &step, logits);
    CHECK(fabs((double)loss - loss_of(logits, &step, 1)) <= 1e-5);
    kerf_plan_destroy(p);
    kerf_plan_destroy(from);
    small_end(&r);
    small_end(&teacher);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void check_refused(kerf_plan_options o, kerf_status status, const char *words)
{
    small_run r = small_begin(dev);
    kerf_plan *p;
    CHECK_STATUS(status, kerf_plan_create(&p, r.g, r.s, &o));
    CHECK(p == NULL);
    small_check_says(words);
    small_end(&r);
}

static void test_what_is_refused(void)
{
    kerf_tensor *t;
    CHECK_OK(kerf_tensor_create(&t, dev, KERF_F32, KERF_SHAPE(BATCH, CLASSES + 1)));
    const kerf_tap taps[KERF_MOST_TAPS + 1] = {{KERF_TAP_SOFT_TARGETS, t, NULL, 0}};
    check_refused(options(taps, 1), KERF_ERR_SHAPE,
                  "the teacher's output is float32 (8, 4), must be float32 (8, 3)");
    check_refused(options(taps, KERF_MOST_TAPS + 1), KERF_ERR_ARGUMENT,
                  "17 taps, must be at most 16");
    kerf_plan_options o = options(taps, 1);
    o.loss = KERF_LOSS_MSE;
    check_refused(o, KERF_ERR_ARGUMENT, "taps are of training by cross entropy");
    kerf_tensor_destroy(t);
}

int main(void)
{
    dev = check_open_device();
    for (int i = 0; i < LOGITS; i++) {
        teachers[0][i] = 4 * number(i + 100);
        teachers[1][i] = 2 * number(5 * i + 3);
    }
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % CLASSES;
    test_steps();
    test_plan_as_teacher();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
