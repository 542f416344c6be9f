/* test_tune.c -- measuring variants: what wins is remembered and taken by the next plan; what
 * does not build, run or tell the truth is left out and named; a plan that got slower gets its
 * choices back; and one that dies on the way loses one case. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bad_variants.h"
#include "check.h"
#include "device/fault.h"
#include "device/tuning.h"
#include "plan/node_trial.h"

static kerf_device *dev;

static const char RELU[] = "Relu float32(5,7) > float32(5,7)";
static const char ADD[] = "Add float32(5,7) float32(7) > float32(5,7)";

typedef struct net {
    kerf_graph *g;
    kerf_state *s;
    kerf_tune_target target;
} net;

/* Two cases (Relu twice the same), one of them with broadcasting. */
static void begin(net *n, kerf_device *on)
{
    kerf_value *x, *bias;
    kerf_node *node;
    CHECK_OK(kerf_graph_create(&n->g));
    CHECK_OK(kerf_state_create(&n->s, on));
    CHECK_OK(kerf_graph_add_input(n->g, "x", KERF_F32, KERF_SHAPE(5, 7), &x));
    CHECK_OK(kerf_graph_add_input(n->g, "bias", KERF_F32, KERF_SHAPE(7), &bias));
    CHECK_OK(kerf_graph_add_node(n->g, "Relu", "a", &x, 1, 1, &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Add", "b", (kerf_value *[]){node->outputs[0], bias}, 2, 1,
                                 &node));
    CHECK_OK(kerf_graph_add_node(n->g, "Relu", "c", node->outputs, 1, 1, &node));
    CHECK_OK(kerf_graph_add_output(n->g, node->outputs[0]));
    n->target = (kerf_tune_target){n->g, n->s, {.batch = 1}};
}

static void end(net *n)
{
    kerf_graph_destroy(n->g);
    kerf_state_destroy(n->s);
    bad_variants = 0;
}

typedef struct seen {
    int num, stop_at;
    char cases[8][128], winners[8][64], left_out[8][1024];
} seen;

static int see(void *context, const kerf_tune_case *c)
{
    seen *s = context;
    CHECK(s->num < 8 && c->i == s->num && c->i < c->num && c->target == 0);
    CHECK(c->ms > 0 && (isnan(c->untuned_ms) || c->ms <= c->untuned_ms)); /* never a slower one */
    snprintf(s->cases[s->num], sizeof s->cases[0], "%s", c->which);
    snprintf(s->left_out[s->num], sizeof s->left_out[0], "%s", c->left_out);
    snprintf(s->winners[s->num++], sizeof s->winners[0], "%s", c->variant);
    return s->num == s->stop_at;
}

static void tune(const net *n, double budget_ms, kerf_tune_gain *gain, seen *s)
{
    *s = (seen){.stop_at = s->stop_at};
    CHECK_OK(kerf_tune(&n->target, 1, budget_ms, gain, see, s));
    CHECK(s->num == gain->num_measured);
}

static void expect_stored(const char *which, const char *want)
{
    kerf_device *fresh = check_open_device(); /* reads the file */
    const char *got = kerf__tuning_find(fresh, which);
    const int good = want == NULL ? got == NULL : got != NULL && strcmp(got, want) == 0;
    if (!good)
        printf("%s is %s, must be %s\n", which, got ? got : "unset", want ? want : "unset");
    CHECK(good);
    kerf_device_close(fresh);
}

/* The store of another test is not this one's; both halves are gone, memory and file. */
static void forget_store(void)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tuning/%s.txt", kerf_cache_dir(),
             kerf_device_get_info(dev)->id);
    unlink(path);
    kerf_device_close(dev);
    dev = check_open_device();
}

/* ---- the ballot --------------------------------------------------------------------------- */

static int vote(kerf__ballot *b, const kerf__variant *v, const float *numbers, kerf__gap *gap)
{
    int result = -1;
    float *bytes = malloc(35 * sizeof(float));
    CHECK(bytes != NULL);
    memcpy(bytes, numbers, 35 * sizeof(float));
    CHECK_OK(kerf__ballot_vote(b, (char *)bytes, dev, v, &result, gap));
    return result;
}

static void test_ballot(void)
{
    const kerf__variant one = {.name = "one"}, two = {.name = "two"}, three = {.name = "three"};
    float right[35], wrong[35];
    kerf__gap gap;
    net n;
    begin(&n, dev);
    kerf__ballot b = {.node = kerf_graph_node(n.g, 0)};
    CHECK_OK(kerf_graph_infer(n.g, 1));
    for (int i = 0; i < 35; i++)
        wrong[i] = right[i] = (float)(i - 17);
    wrong[30] += 0.001f;
    CHECK(vote(&b, &one, wrong, &gap) == 0); /* many candidates of one kernel, one vote */
    CHECK(vote(&b, &one, wrong, &gap) == 0);
    CHECK(vote(&b, &one, wrong, &gap) == 0);
    CHECK(vote(&b, &two, right, &gap) == 1);
    CHECK(kerf__ballot_winner(&b) == 0); /* a tie is the first's */
    right[3] += 1e-6f;                   /* rounding */
    CHECK(vote(&b, &three, right, &gap) == 1);
    CHECK(gap.is_within && gap.rel > 0 && gap.rel < 1e-6);
    CHECK(kerf__ballot_winner(&b) == 1);
    gap = kerf__ballot_gap(&b, 0, 1);
    CHECK(!gap.is_within && fabs(gap.rel - 0.001 / 17) < 1e-6 && gap.tolerance < 2e-6);
    right[0] = NAN;
    CHECK(vote(&b, &one, right, &gap) == 2);
    CHECK(isinf(kerf__ballot_gap(&b, 2, 1).rel) && !kerf__ballot_gap(&b, 1, 2).is_within);
    CHECK(vote(&b, &two, right, &gap) == 2); /* NaN where NaN must be */
    kerf__ballot_clear(&b);
    end(&n);
}

/* ---- tuning ------------------------------------------------------------------------------- */

static void test_tune(void)
{
    net n;
    seen s = {0};
    kerf_tune_gain gain;
    kerf_plan *next;
    begin(&n, dev);
    tune(&n, 0, &gain, &s);
    CHECK(s.num >= 1 && s.num <= 2); /* Add has one variant only where nothing wide fits */
    CHECK(gain.num_cases == s.num && gain.low <= gain.ratio && gain.ratio <= gain.high);
    CHECK_OK(kerf_plan_create(&next, n.g, n.s, &n.target.options));
    for (int i = 0; i < s.num; i++) {
        expect_stored(s.cases[i], s.winners[i]);
        for (size_t k = 0; k < next->num_nodes && !gain.taken_back; k++)
            if (strcmp(next->nodes[k].which, s.cases[i]) == 0)
                CHECK(strcmp(next->nodes[k].name, s.winners[i]) == 0);
        CHECK(s.left_out[i][0] == '\0');
    }
    kerf_plan_destroy(next);
    end(&n);
}

/* Stopped after the first case: that one is kept, the other is not there. */
static void test_stop(void)
{
    net n;
    seen s = {.stop_at = 1};
    kerf_tune_gain gain;
    forget_store();
    begin(&n, dev);
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_tune(&n.target, 1, 0, &gain, see, &s));
    CHECK(strstr(kerf_last_error(), "what was measured is kept") != NULL);
    CHECK(s.num == 1 && gain.num_measured == 1 && isnan(gain.ratio));
    expect_stored(RELU, s.winners[0]);
    expect_stored(ADD, NULL);
    end(&n);
}

static void test_budget(void)
{
    net n;
    seen s = {0};
    kerf_tune_gain gain;
    forget_store();
    begin(&n, dev);
    tune(&n, 1e-6, &gain, &s); /* not even the first case */
    CHECK(s.num == 0 && isnan(gain.ratio));
    expect_stored(RELU, NULL);
    end(&n);
}

/* Two plans with one case in common: it is measured once. */
static void test_common_case(void)
{
    net n;
    kerf_tune_gain gains[2];
    begin(&n, dev);
    const kerf_tune_target both[2] = {n.target, n.target};
    CHECK_OK(kerf_tune(both, 2, 0, gains, NULL, NULL));
    CHECK(gains[0].num_cases >= 1 && gains[1].num_cases == 0);
    end(&n);
}

static void expect_line(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        printf("no '%s' in '%s'\n", line, text);
    CHECK(strstr(text, line) != NULL);
}

/* Each stands before the good ones in the table, so the first is what an untuned plan takes. */
static void expect_left_out(int bad, const char *line)
{
    net n;
    seen s = {0};
    kerf_tune_gain gain;
    forget_store();
    begin(&n, dev);
    bad_variants = bad;
    tune(&n, 0, &gain, &s);
    CHECK(strstr(s.winners[0], "elementwise") == s.winners[0]);
    expect_line(s.left_out[0], line);
    CHECK(gain.num_broken == 2 && isnan(gain.ratio) && !gain.taken_back);
    expect_stored(RELU, s.winners[0]);
    end(&n);
}

static void test_left_out(void)
{
    static const char lies[] = "lies: the result is off by inf of its largest number, must be "
                               "within 9.5e-07";
    expect_left_out(BAD_LIES, lies);
    expect_left_out(BAD_NO_BUILD, "no_build: no_build: error: expected a better driver");
    expect_left_out(BAD_NO_LAUNCH, "no_launch: no_launch: the driver does not want to");
    expect_left_out(BAD_NO_BUILD | BAD_LIES | BAD_NO_LAUNCH, "\nno_build: no_build: error");
}

static void test_gain(void)
{
    net n;
    seen s = {0};
    kerf_tune_gain gain;
    forget_store();
    begin(&n, dev);
    bad_variants = BAD_SLOW; /* the first in the table, 2 ms each of two */
    tune(&n, 0, &gain, &s);
    CHECK(gain.untuned_ms > 4 && gain.high < 1 && !gain.taken_back && gain.num_changed >= 2);
    expect_stored(RELU, s.winners[0]);
    end(&n);
}

/* Fast while it is measured alone, slow in a plan. */
static void test_taken_back(void)
{
    net n;
    seen s = {0};
    kerf_tune_gain gain;
    forget_store();
    begin(&n, dev);
    bad_variants = BAD_SLOW | BAD_SLY | BAD_ALONE;
    bad_num_sly = 0;
    tune(&n, 0, &gain, &s);
    CHECK(strcmp(s.winners[0], "sly") == 0);
    CHECK(gain.taken_back && gain.low > 1 && gain.num_changed >= 2);
    expect_stored(RELU, "slow");
    end(&n);
}

/* ---- what comes of it ------------------------------------------------------------------- */

static void run_net(kerf_device *on, const float *x, float *y, char **choices)
{
    net n;
    kerf_plan *p;
    begin(&n, on);
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &n.target.options));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "x"), x));
    CHECK_OK(kerf_tensor_write(kerf_plan_input(p, "bias"), x));
    CHECK_OK(kerf_plan_run(p));
    CHECK_OK(kerf_tensor_read(kerf_plan_output(p, "c"), y));
    CHECK_OK(kerf_plan_choices(p, choices));
    kerf_plan_destroy(p);
    end(&n);
}

/* The same device and the same store: the same choices and the same bits. */
static void test_same_bits(void)
{
    float x[35], y[2][35];
    char *choices[2];
    kerf__fill_random(x, KERF_F32, 35, 9);
    for (int i = 0; i < 2; i++) {
        kerf_device *on = check_open_device();
        run_net(on, x, y[i], &choices[i]);
        kerf_device_close(on);
    }
    CHECK(memcmp(y[0], y[1], sizeof y[0]) == 0);
    CHECK(strcmp(choices[0], choices[1]) == 0);
    free(choices[0]);
    free(choices[1]);
}

/* What the store names and this version lacks is no advice. */
static void test_stale_store(void)
{
    net n;
    kerf_plan *p;
    begin(&n, dev);
    CHECK_OK(kerf__tuning_set(dev, RELU, "abacus/9", 0.1));
    CHECK_OK(kerf_plan_create(&p, n.g, n.s, &n.target.options));
    CHECK(p != NULL && strcmp(p->nodes[0].name, "abacus/9") != 0);
    kerf_plan_destroy(p);
    end(&n);
}

/* A device that fails once on the way: an error or one candidate less, and no more. */
static void test_faults(void)
{
    net n;
    kerf_tune_gain gain;
    begin(&n, dev);
    for (long i = 1; i < 60; i += 3) {
        kerf__fault_at(dev, i);
        kerf_status status = kerf_tune(&n.target, 1, 1, &gain, NULL, NULL);
        kerf__fault_at(dev, 0);
        CHECK(status == KERF_OK || status == KERF_ERR_OPENCL || status == KERF_ERR_MEMORY);
    }
    CHECK_OK(kerf_tune(&n.target, 1, 1, &gain, NULL, NULL));
    end(&n);
}

/* A folder that nothing can be written to is told of before anything is measured. */
static void test_no_folder(const char *folder)
{
    net n;
    seen s = {0};
    kerf_tune_gain gain;
    begin(&n, dev);
    setenv("KERF_CACHE_DIR", "/dev/null/kerf", 1);
    CHECK_STATUS(KERF_ERR_FILE, kerf_tune(&n.target, 1, 0, &gain, see, &s));
    CHECK(s.num == 0 && strstr(kerf_last_error(), "/dev/null/kerf") != NULL);
    setenv("KERF_CACHE_DIR", folder, 1);
    end(&n);
}

/* Before this process has opened a device: the second case ends the child. */
static void test_crash(void)
{
    const pid_t child = fork();
    if (child == 0) {
        net n;
        kerf_tune_gain gain;
        dev = check_open_device();
        begin(&n, dev);
        bad_variants = BAD_CRASHES;
        signal(SIGABRT, SIG_DFL);
        kerf_status status = kerf_tune(&n.target, 1, 0, &gain, NULL, NULL);
        _exit(status == KERF_OK ? 0 : 1);
    }
    int how = 0;
    CHECK(child > 0 && waitpid(child, &how, 0) == child);
    CHECK(WIFSIGNALED(how) && WTERMSIG(how) == SIGABRT);
    dev = check_open_device();
    CHECK(kerf__tuning_find(dev, RELU) != NULL && kerf__tuning_find(dev, ADD) == NULL);
}

int main(void)
{
    char folder[] = "/tmp/kerf-tune-XXXXXX"; /* what is measured here is nobody else's */
    if (mkdtemp(folder) != NULL)
        setenv("KERF_CACHE_DIR", folder, 1);
    test_crash();
    test_ballot();
    test_tune();
    test_stop();
    test_budget();
    test_common_case();
    test_left_out();
    test_gain();
    test_taken_back();
    test_same_bits();
    test_stale_store();
    test_faults();
    test_no_folder(folder);
    kerf_device_close(dev);
    return check_result();
}
