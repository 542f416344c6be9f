/* test_feature_taps.c -- plans that learn features of a teacher: each loss against its definition,
 * in double, and the step against the loss's own slope; what is refused. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "kerf/kerf.h"

enum { BATCH = 6, CLASSES = 10, MOST = 1 << 14, SIDE = 12, IMAGE = SIDE * SIDE };

static kerf_device *dev;
static float images[BATCH * IMAGE], theirs[MOST], mine[MOST];
static int32_t labels[BATCH];

static float number(int i)
{
    return (float)((i * 37 + i / 7 * 11) % 23) / 11.0f - 1.0f;
}

/* ---- definitions, of features (n, c, places) or (n, c) -------------------------------------- */

typedef struct features {
    int n, c, places;
} features;

static double mse(const double *x, const double *y, int num)
{
    double sum = 0;
    for (int i = 0; i < num; i++)
        sum += (x[i] - y[i]) * (x[i] - y[i]) / num;
    return sum;
}

static void normalize(double *x, int num)
{
    double sum = 0;
    for (int i = 0; i < num; i++)
        sum += x[i] * x[i];
    for (int i = 0; i < num; i++)
        x[i] /= sqrt(sum);
}

/* The mean squared difference of rows, each of length 1. */
static double directions(double *x, double *y, int rows, int num)
{
    double sum = 0;
    for (int r = 0; r < rows; r++) {
        normalize(x + r * num, num);
        normalize(y + r * num, num);
        sum += mse(x + r * num, y + r * num, num) / rows;
    }
    return sum;
}

static void attention_map(const float *x, double *map, features f)
{
    for (int i = 0; i < f.n * f.places; i++) {
        map[i] = 0;
        for (int c = 0; c < f.c; c++) {
            const double v = (double)x[(i / f.places * f.c + c) * f.places + i % f.places];
            map[i] += v * v;
        }
    }
}

static void products(const float *x, double *dst, features f)
{
    const int k = f.c * f.places;
    for (int i = 0; i < f.n * f.n; i++) {
        dst[i] = 0;
        for (int j = 0; j < k; j++)
            dst[i] += (double)x[i / f.n * k + j] * (double)x[i % f.n * k + j];
    }
}

static void distances(const float *x, double *dst, features f)
{
    const int k = f.c * f.places;
    double sum = 0;
    for (int i = 0; i < f.n * f.n; i++) {
        dst[i] = 0;
        for (int j = 0; j < k; j++)
            dst[i] += pow((double)x[i / f.n * k + j] - (double)x[i % f.n * k + j], 2);
        dst[i] = sqrt(dst[i]);
        sum += dst[i];
    }
    for (int i = 0; i < f.n * f.n; i++)
        dst[i] *= f.n * (f.n - 1) / sum;
}

static double huber(const double *x, const double *y, int num)
{
    double sum = 0;
    for (int i = 0; i < num; i++) {
        const double d = fabs(x[i] - y[i]);
        sum += (d < 1 ? d * d / 2 : d - 0.5) / num;
    }
    return sum;
}

/* Of squared distances: cosines at j of samples i and k, where all three are others. */
static void angles(const float *x, double *dst, features f)
{
    const int k = f.c * f.places;
    double s[BATCH * BATCH];
    for (int i = 0; i < f.n * f.n; i++) {
        s[i] = 0;
        for (int j = 0; j < k; j++)
            s[i] += pow((double)x[i / f.n * k + j] - (double)x[i % f.n * k + j], 2);
    }
    for (int a = 0; a < f.n * f.n * f.n; a++) {
        const int j = a / (f.n * f.n), i = a / f.n % f.n, l = a % f.n;
        const double u = s[j * f.n + i], v = s[j * f.n + l];
        dst[a] = i == j || l == j || i == l ? 0 : (u + v - s[i * f.n + l]) / (2 * sqrt(u * v));
    }
}

static double definition(kerf_tap_loss loss, features f, features g)
{
    static double a[MOST], b[MOST];
    const int num = f.n * f.c * f.places;
    switch (loss) {
    case KERF_TAP_ATTENTION:
        attention_map(mine, a, f);
        attention_map(theirs, b, g);
        return directions(a, b, f.n, f.places);
    case KERF_TAP_SIMILARITY:
        products(mine, a, f);
        products(theirs, b, g);
        return directions(a, b, f.n, f.n);
    case KERF_TAP_DISTANCE:
        distances(mine, a, f);
        distances(theirs, b, g);
        return huber(a, b, f.n * f.n);
    case KERF_TAP_ANGLE:
        angles(mine, a, f);
        angles(theirs, b, g);
        return huber(a, b, f.n * f.n * f.n);
    default:
        break;
    }
    for (int i = 0; i < num; i++) {
        a[i] = (double)mine[i];
        b[i] = (double)theirs[i];
    }
    if (loss == KERF_TAP_MSE)
        return mse(a, b, num);
    /* |x - y|^2 = 2 - 2 cos for directions; rows are whole samples here */
    return directions(a, b, f.n, num / f.n) * (num / f.n) / 2;
}

/* ---- a student ------------------------------------------------------------------------------ */

typedef struct student {
    kerf_graph *g;
    kerf_state *s;
    kerf_plan *p;
    kerf_tensor *teacher;
} student;

static void open_student(student *s)
{
    const kerf_net_options net = {
        .classes = CLASSES, .input = {1, SIDE, SIDE}, .width = 0.5, .seed = 5};
    *s = (student){.g = NULL};
    CHECK_OK(kerf_net_create(&s->g, &s->s, "lenet-5-classic", &net, dev));
}

static kerf_plan_options options(const kerf_tap *tap)
{
    return (kerf_plan_options){.mode = KERF_TRAIN,
                               .batch = BATCH,
                               .loss = KERF_LOSS_CROSS_ENTROPY,
                               .optimizer = {.kind = KERF_SGD},
                               .taps = tap,
                               .num_taps = 1};
}

static void close_student(student *s)
{
    kerf_plan_destroy(s->p);
    kerf_tensor_destroy(s->teacher);
    kerf_graph_destroy(s->g);
    kerf_state_destroy(s->s);
}

static double take_step(student *s, const kerf_step *step)
{
    float loss = NAN;
    CHECK_OK(
        kerf_plan_feed(s->p, kerf_value_name(kerf_graph_input(s->g, 0)), images, sizeof images));
    CHECK_OK(kerf_plan_feed(s->p, "labels", labels, sizeof labels));
    CHECK_OK(kerf_plan_set_step(s->p, step));
    CHECK_OK(kerf_plan_run(s->p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(s->p, "kerf.loss"), &loss));
    return (double)loss;
}

/* What the student has at `layer` by its weights as they are, and the loss of labels. */
static double read_features(const student *s, const char *layer)
{
    const kerf_plan_options plan = {.mode = KERF_EVALUATE, .batch = BATCH};
    float logits[BATCH * CLASSES];
    kerf_graph *g;
    kerf_plan *p;
    double loss = 0;
    CHECK_OK(kerf_graph_copy(&g, s->g));
    CHECK_OK(kerf_graph_add_output(g, kerf_graph_find(g, layer)));
    CHECK_OK(kerf_plan_create(&p, g, s->s, &plan));
    CHECK_OK(kerf_plan_feed(p, kerf_value_name(kerf_graph_input(g, 0)), images, sizeof images));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, layer), mine));
    CHECK_OK(
        kerf_tensor_read(kerf_plan_output(p, kerf_value_name(kerf_graph_output(g, 0))), logits));
    for (int i = 0; i < BATCH; i++) {
        double sum = 0;
        for (int k = 0; k < CLASSES; k++)
            sum += exp((double)logits[i * CLASSES + k]);
        loss += (log(sum) - (double)logits[i * CLASSES + labels[i]]) / BATCH;
    }
    kerf_plan_destroy(p);
    kerf_graph_destroy(g);
    return loss;
}

static double sum_of_squares(const kerf_state *s, float *before, int is_first)
{
    static float now[MOST];
    double sum = 0;
    for (int id = 0, at = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e == NULL || e->role != KERF_ROLE_WEIGHT)
            continue;
        const int num = (int)kerf_shape_num_elements(e->shape);
        CHECK_OK(kerf_state_read(s, id, now));
        for (int i = 0; i < num; i++, at++) {
            sum += pow((double)now[i] - (double)before[at], 2);
            before[at] = is_first ? now[i] : before[at];
        }
    }
    return sum;
}

/* The loss is its definition's, and a small step goes down as far as its length says. */
static void check_tap(kerf_tap_loss loss, const char *layer, features f, kerf_shape teacher)
{
    static float weights[MOST];
    student s;
    const double weight = 0.5, hard = 0.25, rate = 1e-3;
    const features g = {(int)teacher.dims[0], (int)teacher.dims[1],
                        teacher.rank == 4 ? (int)(teacher.dims[2] * teacher.dims[3]) : 1};
    kerf_step step = {.step = 1, .lr = (float)rate, .labels = (float)hard, .taps = {(float)weight}};
    open_student(&s);
    for (int i = 0; i < g.n * g.c * g.places; i++)
        theirs[i] = number(3 * i + 1);
    CHECK_OK(kerf_tensor_create(&s.teacher, dev, KERF_F32, teacher));
    CHECK_OK(kerf_tensor_write(s.teacher, theirs));
    const kerf_tap tap = {.loss = loss, .teacher = s.teacher, .student = layer};
    const kerf_plan_options o = options(&tap);
    CHECK_OK(kerf_plan_create(&s.p, s.g, s.s, &o));
    sum_of_squares(s.s, weights, 1);
    double want = hard * read_features(&s, layer);
    want += weight * definition(loss, f, g);
    const double got = take_step(&s, &step);
    double after = hard * read_features(&s, layer);
    after += weight * definition(loss, f, g);
    const double down = sum_of_squares(s.s, weights, 0) / rate;
    if (!(fabs(got - want) <= 2e-5 * (1 + fabs(want))) || !(down > 1e-7) ||
        !(fabs(want - after - down) <= 0.05 * down + 2e-6)) {
        printf("%s of %s: loss %.9g, must be %.9g; a step goes down by %.9g, its length says "
               "%.9g\n",
               kerf_tap_loss_name(loss), layer, got, want, want - after, down);
        check_failures++;
    }
    close_student(&s);
}

static void test_losses(void)
{
    static const features image = {BATCH, 8, 4}, row = {BATCH, 60, 1};
    check_tap(KERF_TAP_MSE, "fc1", row, KERF_SHAPE(BATCH, 60));
    check_tap(KERF_TAP_MSE, "conv2", image, KERF_SHAPE(BATCH, 8, 2, 2));
    check_tap(KERF_TAP_COSINE, "fc1", row, KERF_SHAPE(BATCH, 60));
    check_tap(KERF_TAP_COSINE, "conv2", image, KERF_SHAPE(BATCH, 8, 2, 2));
    check_tap(KERF_TAP_ATTENTION, "conv2", image, KERF_SHAPE(BATCH, 5, 2, 2));
    check_tap(KERF_TAP_SIMILARITY, "fc1", row, KERF_SHAPE(BATCH, 30));
    check_tap(KERF_TAP_SIMILARITY, "conv2", image, KERF_SHAPE(BATCH, 5, 3, 3));
    check_tap(KERF_TAP_DISTANCE, "fc1", row, KERF_SHAPE(BATCH, 30));
    check_tap(KERF_TAP_ANGLE, "fc1", row, KERF_SHAPE(BATCH, 30));
}

/* ---- widths that differ ---------------------------------------------------------------------- */

/* A layer between them is trained: the loss goes down; the graph knows nothing of it. */
static void check_regressor(const char *layer, kerf_shape teacher)
{
    student s;
    kerf_step step = {.step = 1, .lr = 0.1f, .taps = {1}};
    open_student(&s);
    const int num = (int)kerf_shape_num_elements(teacher), nodes = kerf_graph_num_nodes(s.g);
    for (int i = 0; i < num; i++)
        theirs[i] = number(3 * i + 1);
    CHECK_OK(kerf_tensor_create(&s.teacher, dev, KERF_F32, teacher));
    CHECK_OK(kerf_tensor_write(s.teacher, theirs));
    const kerf_tap tap = {.loss = KERF_TAP_MSE, .teacher = s.teacher, .student = layer};
    const kerf_plan_options o = options(&tap);
    CHECK_OK(kerf_plan_create(&s.p, s.g, s.s, &o));
    const double first = take_step(&s, &step);
    double last = first;
    for (step.step = 2; step.step < 8; step.step++)
        last = take_step(&s, &step);
    CHECK(last < 0.98 * first);
    CHECK(kerf_graph_num_nodes(s.g) == nodes);
    CHECK(kerf_state_find(s.s, "kerf.regressor.0.weight") != NULL);
    close_student(&s);
}

static void test_regressors(void)
{
    check_regressor("fc1", KERF_SHAPE(BATCH, 13));
    check_regressor("conv2", KERF_SHAPE(BATCH, 5, 2, 2));
}

/* ---- what is refused ------------------------------------------------------------------------ */

static void check_refused(kerf_tap_loss loss, const char *layer, kerf_shape teacher,
                          kerf_status status, const char *words)
{
    student s;
    open_student(&s);
    CHECK_OK(kerf_tensor_create(&s.teacher, dev, KERF_F32, teacher));
    const kerf_tap tap = {.loss = loss, .teacher = s.teacher, .student = layer};
    const kerf_plan_options o = options(&tap);
    CHECK_STATUS(status, kerf_plan_create(&s.p, s.g, s.s, &o));
    if (strstr(kerf_last_error(), words) == NULL) {
        printf("message \"%s\" does not say \"%s\"\n", kerf_last_error(), words);
        check_failures++;
    }
    close_student(&s);
}

static void test_what_is_refused(void)
{
    check_refused(KERF_TAP_COSINE, "fc1", KERF_SHAPE(BATCH, 13), KERF_ERR_SHAPE,
                  "the teacher's output is float32 (6, 13), must be float32 (6, 60), like 'fc1'");
    check_refused(KERF_TAP_ATTENTION, "conv2", KERF_SHAPE(BATCH, 5, 3, 2), KERF_ERR_SHAPE,
                  "must be float32 of images of the same sides, like 'conv2'");
    check_refused(KERF_TAP_ATTENTION, "fc1", KERF_SHAPE(BATCH, 60), KERF_ERR_SHAPE,
                  "must be float32 of images");
    check_refused(KERF_TAP_SIMILARITY, "fc1", KERF_SHAPE(BATCH + 1, 12), KERF_ERR_SHAPE,
                  "must be float32 of 6 samples");
    check_refused(KERF_TAP_MSE, "fc9", KERF_SHAPE(BATCH, 60), KERF_ERR_ARGUMENT,
                  "the graph has no value 'fc9' of float32 to tap");
    check_refused(KERF_NUM_TAP_LOSSES, "fc1", KERF_SHAPE(BATCH, 60), KERF_ERR_ARGUMENT,
                  "tap 0 has loss");
}

int main(void)
{
    dev = check_open_device();
    for (int i = 0; i < BATCH * IMAGE; i++)
        images[i] = number(i);
    for (int i = 0; i < BATCH; i++)
        labels[i] = i % CLASSES;
    test_losses();
    test_regressors();
    test_what_is_refused();
    kerf_device_close(dev);
    return check_result();
}
