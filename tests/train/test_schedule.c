/* test_schedule.c -- learning rates against their formulas, and the order of events. */
#include <string.h>

#include "check.h"
#include "train/schedule.h"

static void check_rate(const kerf_lr_event *o, int64_t step, double want)
{
    double got = (double)kerf__learning_rate(o, step, 90, 30);
    if (fabs(got - want) <= 1e-7 * fabs(want))
        return;
    printf("schedule %d, step %d: %.9g, must be %.9g\n", (int)o->schedule, (int)step, got, want);
    check_failures++;
}

static void test_learning_rates(void)
{
    const double pi = 3.14159265358979323846;
    kerf_lr_event o = {.lr = 0.4, .schedule = KERF_LR_CONST};
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
    o.warmup = 0.5; /* 15 steps */
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
    return check_result();
}
