/* infer.h -- what `kerf infer` holds.  Other halves: cmd_infer.c runs the model,
 * infer_report.c writes arrays and prints classes. */
#ifndef HOST_INFER_H
#define HOST_INFER_H

#include "crew.h"
#include "gate_report.h"

typedef struct inference {
    kerf_device *dev; /* owned */
    model m;
    crew crew;
    kerf_plan *plans[MOST_DEVICES]; /* owned; of the crew's devices */
    kerf_tensor **arrays;           /* owned, on the host, one an input */
    kerf_tensor **results;          /* owned, on the host, one an output */
    int num_inputs, num_outputs, has_fixed_input;
    int64_t num_samples, batch;
    kerf_precision precision; /* of the plan */
    gate_savings gates;       /* its time: copies and the first run's preparations included */
} inference;

/* Before the work: -o is a file, or a folder where there are several outputs. */
int infer_check_output(const options *o);
/* Writes -o, prints the likeliest classes or JSON. */
int infer_report(const options *o, const inference *x);

#endif
