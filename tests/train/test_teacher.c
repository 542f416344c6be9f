/* test_teacher.c -- runs with a teacher: what the student learns from it alone, resuming, and what
 * is refused.  The loss itself: test_taps.c. */
#include <math.h>
#include <string.h>

#include "small_run.h"
#include "test_folder.h"

static kerf_device *dev;

/* ---- a teacher that knows something, and students ------------------------------------------- */

static kerf_train_options plain(double epochs)
{
    kerf_train_options o = kerf_train_defaults();
    o.epochs = epochs;
    o.batch = small_is_tiny() ? 64 : 128;
    o.keep_best = 0;
    return o;
}

static small_run trained_teacher(double epochs)
{
    small_run t = small_begin(dev);
    const kerf_train_options o = plain(epochs);
    CHECK_OK(kerf_train(t.g, t.s, t.d, &o));
    return t;
}

static kerf_train_options by(const small_run *teacher, double epochs, double alpha)
{
    kerf_train_options o = plain(epochs);
    o.distill = (kerf_distillation){
        .teacher = teacher->g, .state = teacher->s, .alpha = alpha, .temperature = 2};
    return o;
}

/* A student of other weights than the teacher's first. */
static small_run other_student(int classes)
{
    small_run r = small_begin(dev);
    const kerf_net_options net = {.classes = classes, .input = {1, 4, 4}, .width = 0.1, .seed = 9};
    kerf_graph_destroy(r.g);
    kerf_state_destroy(r.s);
    CHECK_OK(kerf_net_create(&r.g, &r.s, "lenet-300-100", &net, dev));
    return r;
}

static double top1(const small_run *r)
{
    kerf_evaluation e;
    CHECK_OK(kerf_evaluate(r->g, r->s, r->d, KERF_SPLIT_VAL, 64, NULL, &e, NULL));
    return e.top1;
}

/* ---- what a student learns ------------------------------------------------------------------- */

/* Labels count nothing, so what it knows it has from the teacher, which stays as it is. */
static void test_soft_targets_alone(void)
{
    if (small_is_tiny()) /* two steps an epoch teach nothing */
        return;
    small_run teacher = trained_teacher(3), r = other_student(3);
    kerf_train_options o = by(&teacher, 3, 1);
    o.distill.last_temperature = 1;
    const uint64_t before = small_digest(teacher.s);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(small_digest(teacher.s) == before);
    CHECK(top1(&r) > top1(&teacher) - 5);
    CHECK(top1(&teacher) > 45);
    small_end(&r);
    small_end(&teacher);
}

/* ---- stopping and resuming ------------------------------------------------------------------- */

static int stop_soon(void *context, const kerf_train_progress *progress)
{
    (void)context;
    return progress->step > 0;
}

static uint64_t train(const small_run *teacher, kerf_train_options o, kerf_status status)
{
    small_run r = other_student(3);
    o.distill.teacher = teacher->g;
    o.distill.state = teacher->s;
    CHECK_STATUS(status, kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

static void test_resume(void)
{
    test_folder folder;
    small_run teacher = trained_teacher(0.1), another = other_student(3);
    kerf_train_options o = by(&teacher, 1, 0.7);
    o.distill.last_temperature = 4;
    o.prune = small_options(1).prune;
    const uint64_t whole = train(&teacher, o, KERF_OK);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.callback = stop_soon;
    train(&teacher, o, KERF_ERR_CANCELLED);
    o.resume = 1;
    o.callback = NULL;
    train(&another, o, KERF_ERR_ARGUMENT);
    CHECK(strstr(kerf_last_error(), "is of a run with teacher=") != NULL);
    CHECK(train(&teacher, o, KERF_OK) == whole);
    CHECK(train(&another, by(&another, 1, 0.7), KERF_OK) != whole);
    test_folder_remove(&folder);
    small_end(&another);
    small_end(&teacher);
}

/* ---- layers, and who teaches ------------------------------------------------------------------
 */

static kerf_learned_tap tap(const char *student, const char *teacher, kerf_tap_loss loss)
{
    return (kerf_learned_tap){.student = student, .teacher = teacher, .loss = loss, .weight = 1};
}

/* All layers by a pattern; labels and outputs count nothing before the hints end, which is the
 * whole run, so the last layer, which no tap is behind, stays as it was. */
static void test_hints(void)
{
    small_run teacher = trained_teacher(0.1), r = other_student(3);
    float before[30], after[30];
    const kerf_learned_tap taps[] = {tap("relu*", "relu*", KERF_TAP_MSE)};
    kerf_train_options o = by(&teacher, 0.5, 0.7);
    const int id = kerf_state_find(r.s, "fc3.weight")->id;
    const int first = kerf_state_find(r.s, "fc2.bias")->id;
    float biases[10], biases_after[10];
    o.optimizer.weight_decay = 0;
    o.distill.taps = taps;
    o.distill.num_taps = 1;
    o.distill.hint_epochs = 1;
    CHECK_OK(kerf_state_read(r.s, id, before));
    CHECK_OK(kerf_state_read(r.s, first, biases));
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK_OK(kerf_state_read(r.s, id, after));
    CHECK_OK(kerf_state_read(r.s, first, biases_after));
    CHECK(memcmp(before, after, sizeof after) == 0);
    CHECK(memcmp(biases, biases_after, sizeof biases) != 0);
    small_end(&r);
    small_end(&teacher);
}

/* Of other widths: what is trained between them is gone when the run is over, and a run that was
 * stopped ends with the same bits. */
static void test_widths(void)
{
    const kerf_net_options wide = {.classes = 3, .input = {1, 4, 4}, .width = 0.2, .seed = 4};
    const kerf_learned_tap taps[] = {tap("fc2", "fc2", KERF_TAP_MSE)};
    small_run teacher = {NULL, NULL, NULL}, r = other_student(3);
    test_folder folder;
    CHECK_OK(kerf_net_create(&teacher.g, &teacher.s, "lenet-300-100", &wide, dev));
    kerf_train_options o = by(&teacher, 1, 0.7);
    o.distill.taps = taps;
    o.distill.num_taps = 1;
    o.prune = small_options(1).prune;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(kerf_state_find(r.s, "kerf.regressor.0.weight") == NULL);
    CHECK(kerf_state_find(r.s, "kerf.regressor.0.bias") == NULL);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.callback = stop_soon;
    train(&teacher, o, KERF_ERR_CANCELLED);
    o.resume = 1;
    o.callback = NULL;
    CHECK(train(&teacher, o, KERF_OK) == small_digest(r.s));
    test_folder_remove(&folder);
    small_end(&r);
    small_end(&teacher);
}

/* The student itself, and a copy of it, teach the same; two of them teach what one does. */
static void test_self(void)
{
    small_run copy = other_student(3);
    const kerf_learned_tap taps[] = {tap("fc2", "fc2", KERF_TAP_COSINE)};
    const kerf_teacher twins[] = {{copy.g, copy.s}, {copy.g, copy.s}};
    kerf_train_options o = by(&copy, 0.5, 0.7);
    o.distill.taps = taps;
    o.distill.num_taps = 1;
    o.prune = small_options(0.5).prune;
    const uint64_t by_copy = train(&copy, o, KERF_OK);
    for (int two = 0; two <= 1; two++) {
        small_run r = other_student(3);
        o.distill.teacher = NULL;
        o.distill.self = !two;
        o.distill.more = twins;
        o.distill.num_more = two ? 2 : 0;
        CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
        /* half of a loss and half of a loss are added in another order */
        CHECK(two || small_digest(r.s) == by_copy);
        small_end(&r);
    }
    small_end(&copy);
}

static void test_self_resumes(void)
{
    test_folder folder;
    kerf_train_options o = plain(1);
    o.distill = (kerf_distillation){.self = 1, .alpha = 0.5, .temperature = 3};
    o.prune = small_options(1).prune;
    const small_run nobody = {NULL, NULL, NULL};
    const uint64_t whole = train(&nobody, o, KERF_OK);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.callback = stop_soon;
    train(&nobody, o, KERF_ERR_CANCELLED);
    o.resume = 1;
    o.callback = NULL;
    CHECK(train(&nobody, o, KERF_OK) == whole);
    test_folder_remove(&folder);
}

/* ---- what is refused ------------------------------------------------------------------------- */

static void check_refused(const small_run *teacher, kerf_train_options o, const char *words)
{
    small_run r = other_student(3);
    o.distill.teacher = teacher->g;
    o.distill.state = teacher->s;
    CHECK(kerf_train(r.g, r.s, r.d, &o) != KERF_OK);
    small_check_says(words);
    small_end(&r);
}

static void check_refused_tap(const small_run *teacher, kerf_learned_tap tap, const char *words)
{
    kerf_train_options o = by(teacher, 1, 0.5);
    o.distill.taps = &tap;
    o.distill.num_taps = 1;
    check_refused(teacher, o, words);
}

static void test_refused_taps(const small_run *teacher)
{
    kerf_learned_tap t = tap("fc9", "fc1", KERF_TAP_MSE);
    check_refused_tap(teacher, t, "the student has no layer 'fc9'; near are 'fc1', 'fc2', 'fc3'");
    t = tap("fc1", "relu7", KERF_TAP_MSE);
    check_refused_tap(teacher, t, "the teacher has no layer 'relu7'; near are 'relu1', 'relu2'");
    t = tap("fc*", "relu*", KERF_TAP_MSE);
    check_refused_tap(teacher, t, "'fc*' is 3 layers of the student, must be as many as 'relu*'");
    t = tap("fc1", "fc1", KERF_TAP_MSE);
    t.from = 1;
    check_refused_tap(teacher, t, "'fc1' is of teacher 2, there are 1");
    t.from = 0;
    t.weight = -1;
    check_refused_tap(teacher, t, "tap of 'fc1' counts -1: must be at least 0");
    t.weight = 1;
    t.start = (kerf_time){2, KERF_EPOCHS};
    t.end = (kerf_time){1, KERF_EPOCHS};
    check_refused_tap(teacher, t, "counts from 2 epochs to 1 epochs: must end after it begins");
    t.end = (kerf_time){1, KERF_STEPS};
    check_refused_tap(teacher, t, "counts from 2 epochs to 1 steps: must end after it begins");
    t.end = (kerf_time){-1, KERF_STEPS};
    check_refused_tap(teacher, t, "counts from 2 epochs to -1 steps: must be at least 0");
    kerf_train_options o = plain(1);
    o.distill.num_taps = 1;
    o.distill.taps = &t;
    small_run r = other_student(3);
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    CHECK(strstr(kerf_last_error(), "taps want a teacher to learn from") != NULL);
    small_end(&r);
}

static void test_what_is_refused(void)
{
    small_run teacher = small_begin(dev), wide = other_student(5);
    kerf_train_options o = by(&teacher, 1, 1.5);
    check_refused(&teacher, o, "alpha is 1.5: must be from 0 to 1");
    o = by(&teacher, 1, 0.5);
    o.distill.temperature = 0;
    check_refused(&teacher, o, "temperature is 0: must be above 0");
    o = by(&teacher, 1, 0.5);
    o.loss = KERF_LOSS_MSE;
    check_refused(&teacher, o, "beside cross entropy alone");
    check_refused(&wide, by(&wide, 1, 0.5), "the teacher's output is (");
    test_refused_taps(&teacher);
    CHECK_OK(kerf_graph_set_metadata(teacher.g, "kerf.prep", "scale=1/2"));
    check_refused(&teacher, by(&teacher, 1, 0.5), "must be as the teacher knows them: 'scale=1/2'");
    small_end(&wide);
    small_end(&teacher);
}

int main(void)
{
    dev = check_open_device();
    test_soft_targets_alone();
    test_resume();
    test_hints();
    test_widths();
    test_self();
    test_self_resumes();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
