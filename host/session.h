/* session.h -- what a command that works on a model with data holds: device, data, model.
 * Other half: session.c. */
#ifndef HOST_SESSION_H
#define HOST_SESSION_H

#include "kerf/kerf.h"
#include "model.h"

typedef struct session {
    kerf_device *dev;   /* owned */
    kerf_dataset *data; /* owned; NULL without --data */
    model m;            /* on the device */
    int prep_is_data;   /* 1: nobody said how images are prepared, so it is as suits the data */
    kerf_precision precision; /* it is evaluated in */
    const char *prep;         /* how bytes become inputs; borrowed, NULL without data */
} session;

/* Opens --device, then --data, then the model, which then says how images are prepared.
 * 0 or an exit code after a message.  Close it in any case. */
int session_open(const options *o, session *s, const char *model_path);
/* The same with another file in the place of the model, which goes. */
int session_reopen(const options *o, session *s, const char *model_path);
void session_close(const options *o, session *s);

/* 1 if --prep asks kerf eval to find the preparation (guess.h). */
int prep_is_guessed(const options *o);
/* The model is prepared for so from here on; 0 or an exit code after a message. */
int session_keep_prep(const options *o, session *s, const char *prep);

typedef struct evaluation {
    int is_known;
    kerf_evaluation e;
    double agreement; /* percent, NAN: not asked for */
} evaluation;

/* A sample of the data as the network takes it, without the batch. */
kerf_status session_sample_shape(const session *s, kerf_shape *out);
/* What a network leaves open of its first input, the data says; how many inputs are known so, 0
 * where samples do not fit, of which evaluating says more. */
size_t session_known_input(const session *s, kerf_known_input *known);
/* --precision, for evaluating from here on; 0 or an exit code after a message. */
int session_set_precision(const options *o, session *s);
/* --batch, else what suits the samples' size. */
int64_t session_batch(const options *o, const session *s);
/* Every sample of a split; does nothing without data. */
int session_evaluate(const options *o, const session *s, kerf_split split, evaluation *e,
                     int64_t *confusion);
/* The keys of `eval`; object is borrowed. */
void evaluation_json(json_t *object, const evaluation *e);

/* Percent of the samples of a split for which both models choose the same class. */
kerf_status measure_agreement(const session *s, const model *reference, kerf_split split,
                              int64_t batch, double *percent);

#endif
