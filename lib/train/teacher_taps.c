/* train/teacher_taps.c -- which layers of a student learn of which of a teacher, and what each
 * counts when (teaching.h).
 *
 * Soft targets of the outputs come first: a plan computes the labels' loss with them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "graph/layer_find.h"
#include "plan/plan_internal.h"
#include "train/teaching.h"

static kerf_status add_lesson(kerf__teaching *t, const kerf__lesson *lesson, const char *student)
{
    kerf_graph *g = t->teachers[lesson->from].g;
    kerf_value *v = kerf_graph_find(g, kerf_value_name(lesson->learned));
    int is_output = 0;
    if (t->num_taps == KERF_MOST_TAPS)
        return kerf__fail(KERF_ERR_ARGUMENT, "distill: more than %d taps, must be at most so many",
                          KERF_MOST_TAPS);
    for (int i = 0; i < kerf_graph_num_outputs(g); i++)
        is_output |= kerf_graph_output(g, i) == v;
    if (!is_output)
        KERF__TRY(kerf_graph_add_output(g, v));
    kerf__lesson *l = &t->lessons[t->num_taps];
    *l = *lesson;
    l->student = student != NULL ? kerf__strdup(student) : NULL;
    if (student != NULL && l->student == NULL)
        return kerf__fail_memory("distill", strlen(student));
    t->taps[t->num_taps++] =
        (kerf_tap){.loss = l->loss, .student = l->student, .others = l->others};
    return KERF_OK;
}

/* Each teacher's as much as the others'; none where they count nothing, and other things do. */
static kerf_status add_soft_targets(kerf__teaching *t, const kerf_distillation *distill)
{
    if (distill->alpha == 0 && distill->num_taps > 0)
        return KERF_OK;
    for (size_t i = 0; i < t->num_teachers; i++) {
        const kerf__lesson lesson = {
            .from = (int)i,
            .loss = KERF_TAP_SOFT_TARGETS,
            .learned = kerf__before_softmax(kerf_graph_output(t->teachers[i].g, 0)),
            .weight = distill->alpha / (double)t->num_teachers,
            .start = {distill->hint_epochs, KERF_EPOCHS}};
        KERF__TRY(add_lesson(t, &lesson, NULL));
    }
    return KERF_OK;
}

static const char *place_of(const kerf_learned_tap *tap)
{
    return tap->place != NULL ? tap->place : "distill";
}

static kerf_status find_layers(const kerf_graph *g, const kerf_learned_tap *tap,
                               const char *pattern, const char *whose, kerf_value **out,
                               size_t *num)
{
    char who[256];
    snprintf(who, sizeof who, "%.200s: %s", place_of(tap), whose);
    return kerf__graph_find_layers(g, pattern, who, out, KERF_MOST_TAPS, num);
}

/* Layers in the order of both networks, the first of the one to the first of the other. */
static kerf_status add_tap(kerf__teaching *t, const kerf_learned_tap *tap,
                           const kerf_graph *student)
{
    kerf_value *mine[KERF_MOST_TAPS], *theirs[KERF_MOST_TAPS];
    size_t num_mine, num_theirs;
    if (tap->from < 0 || (size_t)tap->from >= t->num_teachers)
        return kerf__fail(KERF_ERR_ARGUMENT, "%s: '%s' is of teacher %d, there are %zu",
                          place_of(tap), tap->teacher, tap->from + 1, t->num_teachers);
    KERF__TRY(find_layers(student, tap, tap->student, "the student", mine, &num_mine));
    KERF__TRY(find_layers(t->teachers[tap->from].g, tap, tap->teacher, "the teacher", theirs,
                          &num_theirs));
    if (num_mine != num_theirs)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "%s: '%s' is %zu layers of the student, must be as many as '%s' is "
                          "of the teacher: %zu",
                          place_of(tap), tap->student, num_mine, tap->teacher, num_theirs);
    for (size_t i = 0; i < num_mine; i++) {
        const kerf__lesson lesson = {.from = tap->from,
                                     .loss = tap->loss,
                                     .learned = theirs[i],
                                     .others = tap->others,
                                     .weight = tap->weight,
                                     .start = tap->start,
                                     .end = tap->end};
        KERF__TRY(add_lesson(t, &lesson, kerf_value_name(mine[i])));
    }
    return KERF_OK;
}

kerf_status kerf__teaching_find_lessons(kerf__teaching *t, const kerf_distillation *distill,
                                        const kerf_graph *student)
{
    KERF__TRY(add_soft_targets(t, distill));
    for (size_t i = 0; i < distill->num_taps; i++)
        KERF__TRY(add_tap(t, &distill->taps[i], student));
    return KERF_OK;
}

/* 1 in the step behind `done` others. */
static int is_on(const kerf__lesson *l, const kerf__schedule *schedule, int64_t done)
{
    return done >= kerf__schedule_at(schedule, l->start) &&
           (l->end.value == 0 || done < kerf__schedule_at(schedule, l->end));
}

void kerf__teaching_weigh(kerf_step *step, const kerf__teaching *t,
                          const kerf_distillation *distill, const kerf__schedule *schedule)
{
    const int64_t done = step->step - 1;
    const double epochs = (double)done / (double)schedule->steps_per_epoch;
    step->labels = epochs < distill->hint_epochs ? 0 : (float)(1 - distill->alpha);
    for (size_t i = 0; i < t->num_taps; i++)
        step->taps[i] = is_on(&t->lessons[i], schedule, done) ? (float)t->lessons[i].weight : 0;
}

void kerf__teaching_free(kerf__teaching *t)
{
    kerf__teaching_free_relays(t);
    kerf__teacher_cache_close(t->cache);
    for (size_t i = 0; i < t->num_taps; i++)
        free(t->lessons[i].student);
    for (size_t i = 0; i < KERF_MOST_TEACHERS; i++) {
        kerf_plan_destroy(t->teachers[i].plan);
        kerf_graph_destroy(t->teachers[i].g);
    }
    if (t->keeps_self)
        kerf_state_destroy(t->teachers[0].s);
    *t = (kerf__teaching){0};
}
