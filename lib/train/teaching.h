/* train/teaching.h -- what a student learns from: teachers at work, and what is learned of each.
 *
 * A teacher is a plan of its own, in evaluation mode.  It takes each batch before the student's
 * plan does (flight.c), on the same device and queue; the student's plan reads its outputs where
 * they lie (kerf_tap), and all plans read the batch where the first teacher has it.
 *
 * Other halves: teacher.c (plans, and which one it is), teacher_taps.c (layers, and what each
 * counts when), tap_text.c (taps as text). */
#ifndef KERF_TRAIN_TEACHING_H
#define KERF_TRAIN_TEACHING_H

#include "kerf/train.h"

/* Who teaches; a graph of its own, as its outputs are what is learned of it. */
typedef struct kerf__teacher {
    kerf_graph *g;   /* owned */
    kerf_state *s;   /* borrowed; of the student itself: owned */
    kerf_plan *plan; /* owned */
} kerf__teacher;

/* A tap, and what it counts from when to when. */
typedef struct kerf__lesson {
    int from;
    kerf_tap_loss loss;
    const kerf_value *learned;         /* of the teacher's graph */
    char *student;                     /* owned; NULL: the output */
    double others, weight, start, end; /* end: INFINITY */
} kerf__lesson;

typedef struct kerf__teaching {
    kerf__teacher teachers[KERF_MOST_TEACHERS];
    size_t num_teachers;
    int keeps_self;  /* the first one's state is owned */
    uint64_t digest; /* tells teachers apart: of their graphs and every weight */
    kerf__lesson lessons[KERF_MOST_TAPS];
    kerf_tap taps[KERF_MOST_TAPS]; /* for a plan's options */
    size_t num_taps;
} kerf__teaching;

/* 1 if there is something to learn from. */
int kerf__is_taught(const kerf_distillation *distill);

/* teacher_taps.c: lessons of the options; teachers' graphs are there, and get outputs. */
kerf_status kerf__teaching_find_lessons(kerf__teaching *t, const kerf_distillation *distill,
                                        const kerf_graph *student);
/* What lessons, and labels, count in a step behind so many epochs. */
void kerf__teaching_weigh(kerf_step *step, const kerf__teaching *t,
                          const kerf_distillation *distill, double epochs);
void kerf__teaching_free(kerf__teaching *t);

#endif
