/* test_schedule.c -- learning rates against their formulas, and the order of events. */
#include <string.h>

#include "check.h"
#include "train/schedule.h"

static void check_rate(const kerf__rate *o, int64_t step, double want)
{
    double got = (double)kerf__learning_rate(o, step, 90);
    if (fabs(got - want) <= 1e-7 * fabs(want))
        return;
    printf("schedule %d, step %d: %.9g, must be %.9g\n", (int)o->schedule, (int)step, got, want);
    check_failures++;
}

static void test_learning_rates(void)
{
    const double pi = 3.14159265358979323846;
    kerf__rate o = {.lr = 0.4, .schedule = KERF_LR_CONST};
    check_rate(&o, 1, 0.4);
    check_rate(&o, 90, 0.4);
    o.schedule = KERF_LR_COSINE;
    check_rate(&o, 1, 0.4);
    check_rate(&o, 46, 0.2);
    check_rate(&o, 90, 0.2 * (1 + cos(pi * 89 / 90)));
    o.schedule = KERF_LR_STEP;
    check_rate(&o, 30, 0.4);
    check_rate(&o, 31, 0.04);
    check_rate(&o, 61, 0.004);
    o.schedule = KERF_LR_EXP;
    check_rate(&o, 46, 0.4 * pow(0.01, 0.5));
    o.schedule = KERF_LR_LINEAR;
    check_rate(&o, 46, 0.2);
    check_rate(&o, 90, 0.4 / 90);
    o.warmup = 15;
    check_rate(&o, 1, 0.4 / 15);
    check_rate(&o, 15, 0.4);
    check_rate(&o, 16, 0.4);
    check_rate(&o, 90, 0.4 / 75);
}

static void check_event(const kerf__schedule *s, size_t i, int64_t step, kerf__event_kind kind,
                        int index)
{
    CHECK(i < s->num && s->events[i].step == step && s->events[i].kind == kind &&
          s->events[i].index == index);
}

/* 2.5 epochs of 120 steps; prunings on an epoch's end and in the middle of the third. */
static void test_order(void)
{
    kerf__schedule s;
    kerf_train_options o = kerf_train_defaults();
    o.epochs = 2.5;
    o.prune = (kerf_prune_schedule){.events = 3, .start = 0, .every = 1};
    CHECK_OK(kerf__schedule_create(&s, &o, 120));
    CHECK(s.num_steps == 300 && s.num_epochs == 3 && s.last_change == 240);
    check_event(&s, 0, 0, KERF__EVENT_PRUNE, 1);
    check_event(&s, 1, 100, KERF__EVENT_CHECK, 1);
    check_event(&s, 2, 120, KERF__EVENT_EPOCH, 1);
    check_event(&s, 3, 120, KERF__EVENT_PRUNE, 2);
    check_event(&s, 4, 200, KERF__EVENT_CHECK, 2);
    check_event(&s, 5, 240, KERF__EVENT_EPOCH, 2);
    check_event(&s, 6, 240, KERF__EVENT_PRUNE, 3);
    check_event(&s, 7, 300, KERF__EVENT_EPOCH, 3);
    CHECK(s.num == 8);
    kerf__schedule_free(&s);
}

static void test_pruning_by_steps(void)
{
    kerf__schedule s;
    kerf_train_options o = kerf_train_defaults();
    o.prune = (kerf_prune_schedule){.events = 57, .start = 100.0 / 468, .every = 100.0 / 468};
    CHECK_OK(kerf__schedule_create(&s, &o, 468));
    int64_t step = 100;
    for (size_t i = 0; i < s.num; i++)
        if (s.events[i].kind == KERF__EVENT_PRUNE) {
            CHECK(s.events[i].step == step);
            step += 100;
        }
    CHECK(step == 5800 && s.last_change == 5700);
    kerf__schedule_free(&s);
}

static void test_pruning_behind_the_end(void)
{
    kerf__schedule s;
    kerf_train_options o = kerf_train_defaults();
    o.epochs = 2;
    o.prune = (kerf_prune_schedule){.events = 4, .start = 0, .every = 1};
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__schedule_create(&s, &o, 10));
    CHECK(strstr(kerf_last_error(), "pruning 4 of 4 is due after 3 epochs: must be within the "
                                    "run's 2") != NULL);
}

/* No epochs: masks are chosen once and nothing is trained. */
static void test_pruning_alone(void)
{
    kerf__schedule s;
    kerf_train_options o = kerf_train_defaults();
    o.epochs = 0;
    o.prune = (kerf_prune_schedule){.events = 1};
    CHECK_OK(kerf__schedule_create(&s, &o, 10));
    check_event(&s, 0, 0, KERF__EVENT_PRUNE, 1);
    CHECK(s.num == 1 && s.num_steps == 0);
    kerf__schedule_free(&s);
}

/* 4 epochs of 30 steps: the same steps, in whatever unit they are told. */
static void test_units(void)
{
    static const kerf_time SAME[] = {{1.5, KERF_EPOCHS}, {45, KERF_STEPS}, {0.375, KERF_SHARES}};
    for (size_t i = 0; i < sizeof SAME / sizeof SAME[0]; i++) {
        kerf__schedule s;
        const kerf_prune_event prune = {.lift = {100, KERF_STEPS}};
        const kerf_event events[] = {
            {KERF_EVENT_PRUNE, SAME[i], {0.5, KERF_SHARES}, {5, KERF_STEPS}, .prune = &prune},
            {KERF_EVENT_LR, .start = SAME[i], .lr = {0.1, KERF_LR_CONST, SAME[i]}}};
        kerf_train_options o = kerf_train_defaults();
        o.epochs = 4;
        o.events = events;
        o.num_events = 2;
        CHECK_OK(kerf__schedule_create(&s, &o, 30));
        check_event(&s, 1, 45, KERF__EVENT_PRUNE, 1);
        check_event(&s, 2, 50, KERF__EVENT_PRUNE, 2);
        check_event(&s, 5, 60, KERF__EVENT_PRUNE, 4);
        CHECK(s.prunes[0].events == 4 && s.last_change == 100);
        CHECK(s.rates[1].begin == 45 && s.rates[1].warmup == 45);
        kerf__schedule_free(&s);
    }
}

static void check_refused(kerf_event event, const char *want)
{
    kerf__schedule s;
    kerf_train_options o = kerf_train_defaults();
    o.epochs = 4;
    o.events = &event;
    o.num_events = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__schedule_create(&s, &o, 30));
    if (strstr(kerf_last_error(), want) == NULL) {
        printf("'%s', not '%s'\n", kerf_last_error(), want);
        check_failures++;
    }
}

static void test_bad_times(void)
{
    check_refused((kerf_event){KERF_EVENT_EVALUATE, .start = {121, KERF_STEPS}},
                  "an evaluation begins after 121 steps: must be within the run's 4 epochs");
    check_refused((kerf_event){KERF_EVENT_CHECKPOINT,
                               {2, KERF_EPOCHS},
                               {0.4, KERF_SHARES},
                               {1, KERF_EPOCHS},
                               .call = {0}},
                  "a checkpoint ends after 0.4 of the run: must be from its start, 2 epochs, to");
    check_refused((kerf_event){KERF_EVENT_CALL, .start = {1, KERF_NUM_TIME_UNITS}},
                  "a call has a time of 1, in unit 3: must be at least 0, in a unit of");
}

static double share(double epochs, int64_t step)
{
    kerf_train_options o = kerf_train_defaults();
    o.freeze_observers = epochs;
    return (double)kerf__observe_share(&o, step, 30);
}

/* Frozen from the start, or behind so many epochs; the last step before counts. */
static void test_observers(void)
{
    CHECK(share(0, 1) == 0 && share(0, 90) == 0);
    CHECK(share(1.5, 1) == (double)0.01f && share(1.5, 45) == (double)0.01f);
    CHECK(share(1.5, 46) == 0);
}

int main(void)
{
    test_learning_rates();
    test_observers();
    test_order();
    test_pruning_by_steps();
    test_pruning_behind_the_end();
    test_pruning_alone();
    test_units();
    test_bad_times();
    return check_result();
}
