/* gate_report.h -- what gates that choose channels (kerf/boost.h) keep, and what that saves.  Other
 * halves: gate_report.c tells, gate_frequency.c counts which channels they keep. */
#ifndef HOST_GATE_REPORT_H
#define HOST_GATE_REPORT_H

#include "session.h"

/* A row, or an object, a gate: its layer, channels, and how many of them are kept. */
void gates_print(const kerf_graph *g, FILE *out);
json_t *gates_json(const kerf_graph *g);

/* Of one input. */
typedef struct gate_savings {
    int64_t channels, kept; /* of all gates; channels 0: there are none */
    double macs, computed;  /* multiply-adds of all channels (NAN: not known), and as planned */
    double ms;              /* NAN until the caller knows it */
} gate_savings;

/* Of a plan that was made of g so, with so many multiply-adds for its batch. */
gate_savings savings_of(const kerf_graph *g, const kerf_plan_options *how, double planned_macs);
/* One line; nothing where there are no gates. */
void savings_print(const gate_savings *s, FILE *out);
/* "gating": {channels, kept, macs, computed_macs, ms}; nothing where there are no gates. */
void savings_json(json_t *object, const gate_savings *s);

/* How often a gate keeps each of its channels, as shares of the inputs. */
typedef struct gate_frequency {
    char name[128]; /* of the layer */
    float *kept;    /* owned; by channel, the least often kept first */
    size_t num;
} gate_frequency;
typedef struct gate_frequencies {
    gate_frequency *gates; /* owned */
    int num;
    int64_t samples; /* that were looked at */
} gate_frequencies;

/* Runs the network on the first samples of a split, up to MOST_COUNTED or one batch; does nothing
 * where there are no gates.  Free it in any case. */
enum { MOST_COUNTED = 2048 };
kerf_status frequencies_count(gate_frequencies *out, const session *s, kerf_split split,
                              int64_t batch, kerf_precision precision);
void frequencies_free(gate_frequencies *f);
void frequencies_print(const gate_frequencies *f, FILE *out);
/* "kept_often": [{name, channels, min, median, max, never, always}]. */
void frequencies_json(json_t *object, const gate_frequencies *f);

#endif
