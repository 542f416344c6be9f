/* train/teaching.h -- what a student learns from: teachers at work, and what is learned of each.
 *
 * A teacher is a plan of its own, in evaluation mode.  It takes each batch before the student's
 * plan does (flight.c).  On the same device and queue the student's plan reads its outputs where
 * they lie (kerf_tap), and all plans read the batch where the first teacher has it; of another
 * device, or of a file that has them, they are copied (teacher_relay.c).
 *
 * Other halves: teacher.c (plans, and which one it is), teacher_taps.c (layers, and what each
 * counts when), tap_text.c (taps as text), teacher_relay.c (batches to them, and what they say to
 * the student), teacher_keep.c (that in a file). */
#ifndef KERF_TRAIN_TEACHING_H
#define KERF_TRAIN_TEACHING_H

#include "kerf/train.h"
#include "train/schedule.h"
#include "train/teacher_cache.h"

/* Who teaches; a graph of its own, as its outputs are what is learned of it. */
typedef struct kerf__teacher {
    kerf_graph *g;   /* owned */
    kerf_state *s;   /* borrowed; of the student itself: owned */
    kerf_plan *plan; /* owned; NULL: a file says what it would */
} kerf__teacher;

/* A tap, and what it counts from when to when. */
typedef struct kerf__lesson {
    int from;
    kerf_tap_loss loss;
    const kerf_value *learned; /* of the teacher's graph */
    char *student;             /* owned; NULL: the output */
    double others, weight;
    kerf_time start, end; /* end 0: none */
} kerf__lesson;

/* What a tap's teacher says by way of the host. */
enum { KERF__RELAY_SLOTS = 4 };
typedef struct kerf__relay {
    kerf_tensor *place; /* owned, on the student's device; NULL: the teacher's own output is read */
    void *slots[KERF__RELAY_SLOTS]; /* owned; a batch each, taken in turns */
} kerf__relay;

typedef struct kerf__teaching {
    kerf_device *dev; /* borrowed: the student's */
    kerf__teacher teachers[KERF_MOST_TEACHERS];
    size_t num_teachers;
    int keeps_self;  /* the first one's state is owned */
    uint64_t digest; /* tells teachers apart: of their graphs and every weight */
    kerf__lesson lessons[KERF_MOST_TAPS];
    kerf_tap taps[KERF_MOST_TAPS]; /* for a plan's options */
    size_t num_taps;
    kerf__relay relays[KERF_MOST_TAPS];
    int turn;
    kerf__teacher_cache *cache; /* owned; NULL: teachers are asked */
} kerf__teaching;

/* 1 if there is something to learn from. */
int kerf__is_taught(const kerf_distillation *distill);

/* teacher_taps.c: lessons of the options; teachers' graphs are there, and get outputs. */
kerf_status kerf__teaching_find_lessons(kerf__teaching *t, const kerf_distillation *distill,
                                        const kerf_graph *student);
/* What lessons, and labels, count in a step of the schedule. */
void kerf__teaching_weigh(kerf_step *step, const kerf__teaching *t,
                          const kerf_distillation *distill, const kerf__schedule *schedule);
void kerf__teaching_free(kerf__teaching *t);

/* ---- teacher_relay.c ---- */
/* The tap's numbers will come by way of the host. */
kerf_status kerf__teaching_add_relay(kerf__teaching *t, size_t tap, kerf_shape shape);
void kerf__teaching_free_relays(kerf__teaching *t);
/* Where all plans of a device read the batch; NULL: no teacher has a plan there. */
const kerf_tensor *kerf__teaching_input(const kerf__teaching *t, const kerf_device *dev);
/* Teachers take a batch (has_batch 1: it lies where they read it); and what the tap's teacher says
 * of it, once they have. */
kerf_status kerf__teaching_ask(const kerf__teaching *t, const void *images, size_t num_bytes,
                               int has_batch);
const kerf_tensor *kerf__teaching_said(const kerf__teaching *t, size_t tap);
/* All that comes before the student's plan in a step; *has_batch 1 before: all have the batch, and
 * behind: so does the student. */
kerf_status kerf__teaching_take(kerf__teaching *t, const kerf_batch *batch, size_t num_bytes,
                                int *has_batch);

#endif
