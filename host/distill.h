/* distill.h -- teachers, and what is learned of their layers: distill's words, `prune --distill`
 * and files of a recipe.  Other half: distill.c. */
#ifndef HOST_DISTILL_H
#define HOST_DISTILL_H

#include "model.h"

typedef struct distillation {
    model models[KERF_MOST_TEACHERS];
    kerf_teacher teachers[KERF_MOST_TEACHERS];
    size_t num;
    kerf_learned_tap taps[KERF_MOST_TAPS];
    void *texts[KERF_MOST_TAPS]; /* owned: what taps point into */
    size_t num_taps;
    kerf_device *dev; /* owned: of the teachers; NULL: the student's */
} distillation;

/* Reads teachers (paths) onto the device, and --tap and what stands beside it into *out, which
 * points into *d.  0 or an exit code after a message.  Free *d in any case. */
int distill_begin(const options *o, distillation *d, const char *const *paths, size_t num,
                  kerf_device *dev, kerf_distillation *out);
/* --distill of a network that is cut before it learns: `self` is the file that is given. */
const char *const *distill_teacher(const options *o);
/* `prune --distill self|TEACHER.onnx`; nothing without it. */
int distill_begin_option(const options *o, distillation *d, kerf_device *dev,
                         kerf_distillation *out);
/* Reads teachers into *d, at most KERF_MOST_TEACHERS, onto a device of their own (spec) or, if that
 * is NULL, onto `dev`. */
int distill_read_teachers(const options *o, distillation *d, const char *const *paths, size_t num,
                          const char *spec, kerf_device *dev);
void distill_free(const options *o, distillation *d);

#endif
