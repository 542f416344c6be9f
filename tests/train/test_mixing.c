/* test_mixing.c -- labels that are smoothed, and samples mixed in pairs: shares of the wanted
 * distribution, steps that are a mixed batch's, the same bits behind a stop, and teachers that see
 * what their students see. */
#include <math.h>
#include <string.h>

#include "small_run.h"
#include "test_folder.h"
#include "train/mixing.h"

static kerf_device *dev;

/* ---- shares -----------------------------------------------------------------------------------
 */

/* Mean 1/2 and variance 1 / (4 (2 alpha + 1)), within five standard errors or so. */
static void check_shares(double alpha)
{
    enum { NUM = 20000 };
    double sum = 0, squares = 0;
    for (int64_t step = 1; step <= NUM; step++) {
        const double x = (double)kerf__mix_share(alpha, 7, step);
        CHECK(x >= 0 && x <= 1);
        sum += x - 0.5;
        squares += (x - 0.5) * (x - 0.5);
    }
    const double variance = 1 / (4 * (2 * alpha + 1));
    CHECK(fabs(sum / NUM) < 5 * sqrt(variance / NUM));
    CHECK(fabs(squares / NUM - variance) < 0.05 * variance);
}

static void test_shares(void)
{
    check_shares(0.05);
    check_shares(0.2);
    check_shares(1);
    check_shares(8);
    CHECK(kerf__mix_share(0.2, 7, 3) == kerf__mix_share(0.2, 7, 3));
    CHECK(kerf__mix_share(0.2, 7, 3) != kerf__mix_share(0.2, 8, 3));
    CHECK(kerf__mix_share(0.2, 7, 3) != kerf__mix_share(0.2, 7, 4));
}

/* ---- a step -----------------------------------------------------------------------------------
 */

enum { BATCH = 6, INPUTS = 16, CLASSES = 3 };

/* Cross entropy of what each class is wanted to be. */
static double wanted_loss(const float *logits, const int32_t *labels, double share,
                          double smoothing)
{
    double loss = 0;
    for (int r = 0; r < BATCH; r++) {
        const float *x = logits + r * CLASSES;
        double sum = 0;
        for (int i = 0; i < CLASSES; i++)
            sum += exp((double)x[i]);
        for (int i = 0; i < CLASSES; i++) {
            const double is = (i == labels[r]) * share + (i == labels[BATCH - 1 - r]) * (1 - share);
            const double q = (1 - smoothing) * is + smoothing / CLASSES;
            loss -= q * ((double)x[i] - log(sum));
        }
    }
    return loss / BATCH;
}

static void check_step(float smoothing, float share, int is_taught)
{
    small_run r = small_begin(dev);
    const int32_t labels[BATCH] = {0, 1, 2, 2, 1, 1};
    float x[BATCH * INPUTS], logits[BATCH * CLASSES], loss;
    kerf_tensor *teacher;
    CHECK_OK(kerf_tensor_create(&teacher, dev, KERF_F32, KERF_SHAPE(BATCH, CLASSES)));
    const kerf_tap tap = {.loss = KERF_TAP_SOFT_TARGETS, .teacher = teacher};
    const kerf_plan_options o = {.mode = KERF_TRAIN,
                                 .batch = BATCH,
                                 .loss = KERF_LOSS_CROSS_ENTROPY,
                                 .smoothing = smoothing,
                                 .mixes = share < 1,
                                 .taps = &tap,
                                 .num_taps = (size_t)is_taught};
    const kerf_step step = {.step = 1, .labels = 1, .mix = share, .temperature = 2};
    kerf_plan *p;
    for (int i = 0; i < BATCH * INPUTS; i++)
        x[i] = (float)((i * 37 + i / 7 * 11) % 23) / 11.0f - 1.0f;
    CHECK_OK(kerf_plan_create(&p, r.g, r.s, &o));
    CHECK_OK(kerf_plan_feed(p, kerf_value_name(kerf_graph_input(r.g, 0)), x, sizeof x));
    CHECK_OK(kerf_plan_feed(p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(p, &step));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, "kerf.loss"), &loss));
    CHECK_OK(
        kerf_tensor_read(kerf_plan_output(p, kerf_value_name(kerf_graph_output(r.g, 0))), logits));
    const double want = wanted_loss(logits, labels, (double)share, (double)smoothing);
    CHECK(fabs((double)loss - want) <= 1e-5 * want);
    kerf_plan_destroy(p);
    kerf_tensor_destroy(teacher);
    small_end(&r);
}

static void test_steps(void)
{
    for (int is_taught = 0; is_taught <= 1; is_taught++) {
        check_step(0.1f, 1, is_taught);
        check_step(0, 0.3f, is_taught);
        check_step(0.2f, 0.75f, is_taught);
    }
}

/* ---- runs -------------------------------------------------------------------------------------
 */

static int stop_soon(void *context, const kerf_train_progress *progress)
{
    (void)context;
    return progress->step > 0;
}

static kerf_train_options mixed(void)
{
    kerf_train_options o = kerf_train_defaults();
    o.epochs = small_is_tiny() ? 1 : 0.2;
    o.batch = small_is_tiny() ? 64 : 100;
    o.keep_best = 0;
    o.smoothing = 0.1;
    o.mixup = 0.4;
    return o;
}

static uint64_t train(kerf_train_options o, kerf_status status)
{
    small_run r = small_begin(dev);
    CHECK_STATUS(status, kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

static void test_resume(void)
{
    test_folder folder;
    kerf_train_options o = mixed();
    const uint64_t want = train(o, KERF_OK);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.callback = stop_soon;
    train(o, KERF_ERR_CANCELLED);
    o.resume = 1;
    o.callback = NULL;
    CHECK(train(o, KERF_OK) == want);
    o.mixup = 0.3;
    train(o, KERF_ERR_ARGUMENT);
    CHECK(strstr(kerf_last_error(), "mixup=") != NULL);
    test_folder_remove(&folder);
    o = mixed();
    o.mixup = 0;
    const uint64_t smoothed = train(o, KERF_OK);
    o.smoothing = 0;
    CHECK(smoothed != want && train(o, KERF_OK) != smoothed);
}

/* The student is its own teacher at the beginning: of mixed samples it says what the student says,
 * so with a rate of 0 soft targets are all met and the loss is 0.  A teacher that saw others would
 * say other things.  On another device the same. */
static double last_loss;
static int remember(void *context, const kerf_train_progress *progress)
{
    (void)context;
    if (progress->finished != NULL)
        last_loss = progress->finished->loss;
    return 0;
}

static void test_teachers(void)
{
    small_run teacher = small_begin(dev);
    kerf_device *other = check_open_device();
    kerf_state *there;
    kerf_train_options o = mixed();
    CHECK_OK(kerf_state_copy(&there, teacher.s, other));
    o.lr = 0;
    o.callback = remember;
    o.distill =
        (kerf_distillation){.teacher = teacher.g, .state = teacher.s, .alpha = 1, .temperature = 2};
    const uint64_t want = train(o, KERF_OK);
    CHECK(fabs(last_loss) < 1e-6);
    o.distill.state = there;
    CHECK(train(o, KERF_OK) == want && fabs(last_loss) < 1e-6);
    o.distill.state = teacher.s; /* is asked, and counts nothing: the loss of labels is the same */
    o.distill.alpha = 0;
    train(o, KERF_OK);
    const double beside = last_loss;
    o.distill.teacher = NULL;
    train(o, KERF_OK);
    CHECK(fabs(beside - last_loss) < 1e-5);
    o.distill.teacher = teacher.g;
    o.distill.state = there;
    o.lr = 0.05;
    o.distill.alpha = 0.5;
    const uint64_t far = train(o, KERF_OK);
    o.distill.state = teacher.s;
    CHECK(train(o, KERF_OK) == far);
    kerf_state_destroy(there);
    kerf_device_close(other);
    small_end(&teacher);
}

/* ---- what is refused ---------------------------------------------------------------------------
 */

static void check_refused(kerf_train_options o, const char *words)
{
    train(o, KERF_ERR_ARGUMENT);
    small_check_says(words);
}

static void test_what_is_refused(void)
{
    kerf_train_options o = mixed();
    const kerf_learned_tap tap = {
        .student = "fc3", .teacher = "fc3", .loss = KERF_TAP_DECOUPLED, .weight = 1, .others = 8};
    o.smoothing = 1;
    check_refused(o, "label smoothing is 1: must be at least 0 and below 1");
    o = mixed();
    o.loss = KERF_LOSS_MSE;
    check_refused(o, "labels are smoothed, and mixed, beside cross entropy alone");
    o = mixed();
    o.run_dir = "/tmp/kerf-never-made";
    o.distill = (kerf_distillation){.self = 1, .alpha = 0.5, .temperature = 2, .cache = 1};
    check_refused(o, "cache: mixup makes other samples in each step");
    o.run_dir = NULL;
    o.distill.cache = 0;
    o.distill.taps = &tap;
    o.distill.num_taps = 1;
    check_refused(o, "wants one true class a sample, must be without mixed ones");
}

int main(void)
{
    dev = check_open_device();
    test_shares();
    test_steps();
    test_resume();
    test_teachers();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
