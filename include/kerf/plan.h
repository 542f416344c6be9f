/* plan.h -- a graph with bound shapes, a mode and a device, ready to run many times.
 *
 * Making a plan derives the lowered graph from the model graph (loss, gradients, updates,
 * fusing), picks a kernel variant a node, lays all values into one arena by liveness and
 * sets every kernel argument.  Running it only queues: no allocation, no compile, no
 * look-up, no timing, no waiting.
 *
 * Choices (which variant for which case) come from `choices` if given, else the tuning
 * store of this device, else a table of known devices, else a guess; never from timing inside
 * a plan.  A choice
 * in `choices` that this version or device does not have is an error, as other bits would
 * come out; cases that it does not name are chosen as without it.
 *
 * The plan borrows graph (only while it is made), state and device.  Thread safety: that of
 * the device. */
#ifndef KERF_PLAN_H
#define KERF_PLAN_H

#include "kerf/graph.h"
#include "kerf/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct kerf_plan kerf_plan;

typedef enum kerf_mode { KERF_EVALUATE, KERF_TRAIN } kerf_mode;
typedef enum kerf_loss {
    KERF_LOSS_NONE,
    KERF_LOSS_CROSS_ENTROPY,
    KERF_LOSS_MSE,
    KERF_LOSS_GIVEN /* the output is the loss itself, one float that the graph computes */
} kerf_loss;
typedef enum kerf_optimizer_kind { KERF_SGD, KERF_ADAM, KERF_ADAMW } kerf_optimizer_kind;

/* SGD as in Sutskever et al. 2013 in PyTorch's form (v = m v + g; w -= lr (g + m v with
 * Nesterov, else v)), Adam: Kingma and Ba 2015, AdamW: Loshchilov and Hutter 2019.
 * weight_decay is added to the gradient, with AdamW taken off the weight. */
typedef struct kerf_optimizer {
    kerf_optimizer_kind kind;
    float momentum, weight_decay, beta1, beta2, epsilon;
    int nesterov;
} kerf_optimizer;

/* What a network that is looked for must hold; NAN: there is no such bound. */
typedef struct kerf_target {
    double max_drop; /* points of top-1 that may be lost */
    double bytes;
    double ms; /* of a run with one sample, copies in and out included, the median of some, on the
                * state's device; where a search is given kerf_costs, on the one that those were
                * measured on */
} kerf_target;
typedef struct kerf_costs kerf_costs; /* costs.h */

/* What is known of an input before the first run. */
typedef struct kerf_known_input {
    const char *name;
    kerf_shape shape; /* the input's own symbols become these numbers wherever they stand; a
                       * dimension below 0 stays as it is */
    const void *data; /* host memory, or NULL.  An input whose numbers decide shapes (the second
                       * one of a Reshape) becomes a constant with this; any other is fed */
} kerf_known_input;

/* A weight that is drawn to 0 behind each update, by kerf_step.shrink. */
typedef struct kerf_shrunk_weight {
    const char *weight; /* its state's name */
    int axis; /* all at one place of this axis goes together (group lasso); -1: each weight
               * alone (L1) */
} kerf_shrunk_weight;

/* What a student learns beside labels: to be like a teacher.  All are means over the batch. */
typedef enum kerf_tap_loss {
    KERF_TAP_SOFT_TARGETS, /* T^2 KL(softmax(teacher / T) || softmax(student / T)), of logits (N, C)
                            * (Hinton, Vinyals, Dean 2015) */
    KERF_TAP_MSE,          /* the mean squared difference of features (Romero et al. 2015) */
    KERF_TAP_COSINE,       /* 1 - the cosine of rows: of the last axis, of whole images */
    KERF_TAP_ATTENTION, /* the squared distance of directions of where squares of channels are large
                         * (Zagoruyko and Komodakis 2017) */
    KERF_TAP_SIMILARITY, /* the same of each sample's products with all others of the batch (Tung
                          * and Mori 2019) */
    KERF_TAP_DISTANCE, /* of distances between samples, in parts of their mean (Park et al. 2019) */
    KERF_TAP_DECOUPLED, /* soft targets in two parts: how sure of the true class, and how the others
                         * stand to each other (Zhao et al. 2022) */
    KERF_TAP_ANGLE,     /* of the cosines of angles between any three samples (Park et al. 2019) */
    KERF_NUM_TAP_LOSSES
} kerf_tap_loss;
/* Its word: "soft", "mse"; NULL: there is none. */
KERF_API const char *kerf_tap_loss_name(kerf_tap_loss loss);
typedef struct kerf_tap {
    kerf_tap_loss loss;
    const kerf_tensor *teacher; /* borrowed: what the teacher has there, on the plan's device; each
                                 * run reads what it holds then */
    const char *student; /* a value of the graph; NULL: what the loss of labels is taken of */
    double others;       /* KERF_TAP_DECOUPLED: what the second part counts beside the first */
} kerf_tap;
enum { KERF_MOST_TAPS = 16 };

/* How numbers are stored; all arithmetic is of floats. */
typedef enum kerf_precision {
    KERF_PRECISION_F32,
    KERF_PRECISION_F16,   /* KERF_EVALUATE only: weights and what lies between layers as float16,
                           * where the operation can; inputs and outputs stay as the graph has them.
                           * A number beyond 65504 becomes infinite (kerf_plan_check_halves) */
    KERF_PRECISION_MIXED, /* KERF_TRAIN only: the same of layers and of their gradients, and of what
                           * the backward pass reads of the forward pass; weights, moments and
                           * gradients of weights are float32.  The loss is scaled by a factor that
                           * follows the gradients (Micikevicius et al. 2018; kerf_loss_scale) */
    KERF_PRECISION_AUTO   /* kerf_train_options only: what kerf_plan_choose_precision() finds */
} kerf_precision;
/* The factor of KERF_PRECISION_MIXED, in the state: a checkpoint holds it, other plans of the state
 * go on with it.  A step in which a gradient is no number, or too large, changes no weight, moment,
 * statistic or sum of metrics, halves the factor, which stays at least 1, and is counted. */
typedef struct kerf_loss_scale {
    double scale;    /* 0: nothing was trained so */
    int64_t skipped; /* steps */
} kerf_loss_scale;
/* Waits. */
KERF_API kerf_status kerf_loss_scale_read(kerf_loss_scale *out, const kerf_state *s);
/* Its word: "f32". */
KERF_API const char *kerf_precision_name(kerf_precision precision);

/* What becomes of weights that are 0. */
typedef enum kerf_zeros {
    KERF_ZEROS_AUTO,  /* skipped where a layer has so many that this is faster */
    KERF_ZEROS_DENSE, /* multiplied like others */
    KERF_ZEROS_SPARSE /* skipped wherever a kernel can, however few: to compare */
} kerf_zeros;

typedef struct kerf_plan_options {
    kerf_mode mode;
    int64_t batch;  /* what every symbol of a first dimension becomes that `inputs` leave; >= 1 */
    kerf_loss loss; /* with one, but not a given one, the plan has an input "labels" (N)
                     * int32, an output "kerf.loss", and metrics */
    kerf_optimizer optimizer; /* KERF_TRAIN only */
    const char *output;       /* value the loss is taken of; NULL: the first output */
    const char *choices;      /* JSON from kerf_plan_choices(); NULL: as above */
    int untuned;              /* 1: as if this device had never been tuned */
    kerf_zeros zeros;
    kerf_precision precision;
    const char *const *freeze; /* shell patterns of weights that get no update, and of running
                                * statistics that stay and are taken; one that fits nothing is
                                * an error */
    size_t num_freeze;
    size_t memory_bytes; /* what plan and states may take on the device together; a training that
                          * needs more computes results of the forward pass twice (0: what the
                          * device has) */
    uint64_t seed;       /* KERF_TRAIN only: of what Dropout drops */
    const kerf_shrunk_weight *shrunk; /* KERF_TRAIN only */
    size_t num_shrunk;
    int shrinks_saliencies; /* KERF_TRAIN only; 1: the loss counts kerf_step.shrink times the sum of
                             * the saliencies of gates (kerf/boost.h), a mean over samples */
    const kerf_tap *taps; /* KERF_TRAIN with KERF_LOSS_CROSS_ENTROPY only; what labels and each tap
                           * count: kerf_step */
    size_t num_taps;
    float smoothing; /* KERF_TRAIN with KERF_LOSS_CROSS_ENTROPY only, as the next: what all classes
                      * alike take from each label, at least 0 and below 1 (Szegedy et al. 2016) */
    int mixes;   /* 1: the batch is of mixed samples, row r with row batch - 1 - r, and labels count
                  * by kerf_step.mix and the rest of 1 (kerf.Mix; Zhang et al. 2018) */
    double clip; /* KERF_TRAIN only: the length, all gradients together, to which longer ones are
                  * shortened before the update (Pascanu et al. 2013); 0: none */
    int runs_per_update;      /* KERF_TRAIN only; 0: kerf_plan_run() changes weights, n:
                               * kerf_plan_update() alone does, after n runs, whose gradients, each by
                               * its kerf_step.share, are in the state ("fc1.weight.gradient"): those of
                               * 1 as they are, those of more added up.  Pruned layers are trained as
                               * dense ones */
    int64_t statistics_batch; /* KERF_TRAIN only: of so many samples batch normalisation takes its
                               * statistics, together with other plans that have the rest and run at
                               * the same time (0: of the batch) */
    double loss_scale;   /* KERF_PRECISION_MIXED only: the factor in the first step of a state that
                          * has none, at least 1 (0: 65536) */
    int64_t scale_steps; /* so many good steps in a row double it (0: 2000) */
    const kerf_tensor *input_place; /* borrowed: where the first input lies, on the device, with as
                                     * many bytes; NULL: in a tensor of its own */
    const kerf_known_input *inputs; /* those whose shape is open; NULL: only batches are */
    size_t num_inputs;
} kerf_plan_options;

/* On failure *out is NULL.  In training the state gains moments ("fc1.weight.momentum"), with
 * labels the sums of kerf_plan_read_metrics() ("kerf.metrics.train", "kerf.metrics.evaluate"). */
KERF_API kerf_status kerf_plan_create(kerf_plan **out, const kerf_graph *g, kerf_state *s,
                                      const kerf_plan_options *options);
KERF_API void kerf_plan_destroy(kerf_plan *p); /* NULL is allowed */
/* 1 in *is_stale if a plan made now would skip the zeros of other layers, or if a mask has grown
 * beyond what this plan has room for (which a run would say); waits.  New masks with fewer ones,
 * and few more, are no reason: patterns follow them, in training at this call. */
KERF_API kerf_status kerf_plan_is_stale(kerf_plan *p, int *is_stale);

/* Tensors on the device, owned by the plan; write inputs, read outputs.  NULL if there is
 * no such name, or if the input has become a constant.  Inputs: the graph's, "labels", and
 * "kerf.step" in training.  Outputs: the graph's, in training only the value the loss is taken of;
 * with labels also "kerf.loss". They hold until the next run. */
KERF_API kerf_tensor *kerf_plan_input(const kerf_plan *p, const char *name);
KERF_API kerf_tensor *kerf_plan_output(const kerf_plan *p, const char *name);

/* What changes from step to step; queued without waiting. */
typedef struct kerf_step {
    float lr;
    int64_t step;  /* from 1; Adam's bias correction */
    float observe; /* what this batch counts in ranges that follow (kerf_quantize_rounding);
                    * 0: they stay */
    float shrink;  /* the learning rate times a penalty's strength (kerf_plan_options.shrunk), or
                    * what saliencies count (shrinks_saliencies) */
    float labels;  /* what the loss of labels counts in a plan with taps */
    float taps[KERF_MOST_TAPS]; /* and each tap */
    float temperature;          /* > 0, of all soft targets */
    float mix;                  /* what the first label counts in a plan that mixes */
    float share; /* what this run's loss, a mean, counts in a plan that sums gradients: its part of
                  * the step's samples */
    int64_t batch; /* from 1: which of all batches it is, for what is drawn at random; 0: step */
} kerf_step;
KERF_API kerf_status kerf_plan_set_step(kerf_plan *p, const kerf_step *step);

/* Queues the copy of a batch into an input; src must stay until a later mark is done. */
KERF_API kerf_status kerf_plan_feed(kerf_plan *p, const char *name, const void *src,
                                    size_t src_bytes);

/* Queues the whole plan; of one that sums gradients all but the updates. */
KERF_API kerf_status kerf_plan_run(kerf_plan *p);
/* Queues those, by the sums as they are, which are 0 behind it; clipping, moments and what pruning
 * remembers see the sums. */
KERF_API kerf_status kerf_plan_update(kerf_plan *p);
/* For a plan that will run many times: from now on its launches are queued as few, where the device
 * has the feature `joins` (CPU devices, whose cores take microseconds to come together for each).
 * Results keep their bits.  Compiles, so it takes as long as making the plan did; where there is
 * nothing to gain it does nothing. */
KERF_API kerf_status kerf_plan_join(kerf_plan *p);
/* Behind a run of an evaluation of precision f16: KERF_OK unless an output is no number because of
 * a layer whose result float16 does not hold, which the message names.  Reads the outputs, and runs
 * the plan once more, node by node, if one is no number; does nothing in other plans.  Waits. */
KERF_API kerf_status kerf_plan_check_halves(kerf_plan *p);
/* A token for all that was queued so far, and waiting until that is done.  At most 4
 * tokens are open at once; the training loop holds 3, so that 3 steps are in flight. */
KERF_API kerf_status kerf_plan_mark(kerf_plan *p, uint64_t *token);
KERF_API kerf_status kerf_plan_finish(kerf_plan *p, uint64_t token);

/* Sums since the last read: of the loss times samples, of hits, of samples.  Waits.
 * Needs labels; read_and_clear sets them to 0 (queued behind the read). */
typedef struct kerf_metrics {
    double loss, top1, top5; /* sums over samples */
    int64_t samples;
} kerf_metrics;
KERF_API kerf_status kerf_plan_read_metrics(kerf_plan *p, kerf_metrics *metrics);

/* An input or an output of a network, on the host. */
typedef struct kerf_named_tensor {
    const char *name;
    kerf_tensor *tensor; /* borrowed */
} kerf_named_tensor;
/* Many samples, in runs of `batch`, as the plans were made for.  All values have samples first; of
 * samples that are one run also those that have none. */
typedef struct kerf_sample_run {
    const kerf_named_tensor *inputs, *outputs; /* all that the graph has */
    size_t num_inputs, num_outputs;
    int64_t num, batch;
} kerf_sample_run;
/* Runs them on plans that evaluate and are alike but for their devices, each a device of its own:
 * whoever is free takes the next batch.  Results stand in the order of samples, each as its device
 * gives it alone.  taken: (num_plans) samples that each has run.  Waits. */
KERF_API kerf_status kerf_plan_run_samples(kerf_plan *const *plans, size_t num_plans,
                                           const kerf_sample_run *run, int64_t *taken);

/* Bytes of the arena and of all else that the plan holds on the device, states apart. */
KERF_API size_t kerf_plan_arena_bytes(const kerf_plan *p);

/* Multiply-adds of a run: what is skipped is not counted. */
KERF_API double kerf_plan_macs(const kerf_plan *p);

/* The choices as JSON {"case": "variant"}; the caller frees it with free(). */
KERF_API kerf_status kerf_plan_choices(const kerf_plan *p, char **json);

/* One step of the plan, for tables and timing.  Texts live as long as the plan. */
typedef struct kerf_plan_step {
    const char *name, *op, *variant, *direction; /* "forward", "backward" or "update" */
    double macs;
    double bytes; /* reads and writes that cannot be avoided */
} kerf_plan_step;
KERF_API int kerf_plan_num_steps(const kerf_plan *p);
KERF_API kerf_status kerf_plan_get_step(const kerf_plan *p, int i, kerf_plan_step *step);
/* Runs one step alone `repeat` times and waits; milliseconds of one. */
KERF_API kerf_status kerf_plan_time_step(kerf_plan *p, int i, int repeat, double *ms);

/* All invariants of a plan: readers before the writer of a state, one writer a state, no
 * two live values on the same bytes.  Checked by assert in debug builds. */
KERF_API kerf_status kerf_plan_verify(const kerf_plan *p);

/* ---- tuning -------------------------------------------------------------------------- */

/* What kerf_plan_create() would be given.  Training runs on a copy of the state. */
typedef struct kerf_tune_target {
    const kerf_graph *g;
    kerf_state *s;
    kerf_plan_options options;
} kerf_tune_target;

/* A case of a plan and what was measured of it. */
typedef struct kerf_tune_case {
    const char *which;             /* "Relu float32(5,7) > float32(5,7)" */
    const char *untuned, *variant; /* taken before, taken from now on */
    double untuned_ms, ms;         /* of each, alone; untuned NAN: it does not work */
    const char *left_out;          /* a line a candidate: "gemm_simt/8x4: why"; "" for none */
    size_t target;                 /* whose plan */
    int i, num;                    /* case i of num of that plan */
} kerf_tune_case;
/* Nonzero stops. */
typedef int (*kerf_tune_progress)(void *context, const kerf_tune_case *c);

/* A whole plan, untuned and tuned run in turn: medians, and the tuned time over the untuned
 * with its 95 % interval.  The same choices: exactly 1, and no times (NAN).  Not measured, or
 * untuned a plan does not work here: all NAN. */
typedef struct kerf_tune_gain {
    double untuned_ms, tuned_ms, ratio, low, high;
    int num_cases, num_measured; /* of this plan, that had their turn for the first time */
    int num_changed;             /* nodes that are computed another way than untuned */
    int num_broken;              /* nodes whose untuned kernel does not build, run or agree */
    int taken_back;              /* it was slower for sure: the choices are again what they were */
} kerf_tune_gain;

/* Measures every kernel that fits for each case of these plans, all on one device, and layers with
 * and without their zeros (told as a case between "dense" and "sparse"), and keeps
 * the winners in its tuning store, where later plans find them.  Only a kernel whose result
 * agrees with that of most others is timed; who does not build, run or agree is left out.  A
 * case is measured once, and the store written after each.  budget_ms 0: as long as it takes;
 * when it is spent, no further case is begun.  gains: one a target.  Cancelled by the
 * callback, or failed: what was measured stays. */
KERF_API kerf_status kerf_tune(const kerf_tune_target *targets, size_t num_targets,
                               double budget_ms, kerf_tune_gain *gains, kerf_tune_progress progress,
                               void *context);

/* Which precision to evaluate in: F16 where that is faster for sure and results agree, as far as
 * halves can, else F32.  whole and half are one network on one device, half as
 * kerf_quantize_halves() makes it; their options are alike, and their precision is not read.
 * Measured once, on random inputs, and kept in the tuning store for these weights and shapes.  With
 * options that train it is MIXED or F32, whole and half may be the same and stay as they are, and
 * the answer holds for the shapes. */
KERF_API kerf_status kerf_plan_choose_precision(const kerf_tune_target *whole,
                                                const kerf_tune_target *half,
                                                kerf_precision *precision);

/* A direction of a layer with and without its zeros, and all that only it needs. */
typedef struct kerf_zeros_time {
    const char *which;            /* the store's name for it: "zeros 10% Conv ..." */
    const char *name, *direction; /* as in kerf_plan_step */
    double density;               /* what is left of the weights */
    double dense_ms, sparse_ms;
} kerf_zeros_time;
/* Nonzero stops. */
typedef int (*kerf_zeros_progress)(void *context, const kerf_zeros_time *t);

/* Times every layer of a plan whose zeros a kernel can skip, both ways and in turns, and keeps that
 * in the tuning store, by which later plans choose.  kerf_tune() does so for layers with half of
 * their weights left or less.  `all` (may be NULL): all steps of either plan; NAN for density. */
KERF_API kerf_status kerf_tune_zeros(const kerf_tune_target *target, kerf_zeros_progress progress,
                                     void *context, kerf_zeros_time *all);

/* ---- verifying ----------------------------------------------------------------------- */

/* What was found of one device. */
typedef struct kerf_verify_result {
    kerf_status status;        /* not KERF_OK: it could not go on to the end; why says it */
    char first_bad_layer[128]; /* name of the node; "" where all agree */
    char why[320];             /* "gemm_wide/8x2: the result is off by ..."; "" */
    double
        max_rel; /* largest error of what a plan would run, relative to a result's largest number */
    int num_layers, num_kernels, num_bad_kernels; /* kernels: all that fit, chosen or not */
} kerf_verify_result;

/* A layer that was just tried. */
typedef struct kerf_verify_layer {
    const char *name, *op, *direction; /* "forward", "backward" or "update" */
    const char *bad; /* a device and its wrong kernels, a line each; "" where all agree */
    int i, num;
} kerf_verify_layer;
/* Nonzero stops. */
typedef int (*kerf_verify_progress)(void *context, const kerf_verify_layer *layer);

/* Runs a model node by node on all devices, by every kernel that fits, each with the same
 * inputs (random; the weights are the state's), and compares: the result that most kernels
 * agree on is right, within 8 eps sqrt(terms of a sum).  One device compares its kernels with
 * each other.  KERF_TRAIN: gradients and updates too.  The state stays as it is; results: one
 * a device.  KERF_OK also if a device is found to be wrong. */
KERF_API kerf_status kerf_verify(const kerf_graph *g, const kerf_state *s,
                                 const kerf_plan_options *options, kerf_device *const *devs,
                                 size_t num_devs, kerf_verify_result *results,
                                 kerf_verify_progress progress, void *context);

/* ---- graphs without a device ------------------------------------------------------ */

/* Binds shapes of inputs, in place (kerf_known_input). */
KERF_API kerf_status kerf_graph_bind(kerf_graph *g, const kerf_known_input *inputs, size_t num);
/* Makes a batch that the file fixes a symbol, constants of Reshape and Expand included; *g is
 * another graph then.  A model whose batch is open stays.  On failure *g is as it was, and the
 * message names the node that depends on the batch. */
KERF_API kerf_status kerf_graph_free_batch(kerf_graph **g);
/* Moves scale, mean and std of a preparation (NULL: the graph's own) into the first layer, in
 * place: the model takes bytes then, as they are.  Colours, size and layout stay in the graph's
 * "kerf.prep".  One input, of float32. */
KERF_API kerf_status kerf_graph_fold_prep(kerf_graph *g, kerf_state *s, const char *prep);
/* Binds the batch and infers all types and shapes of `g` in place; names the node that
 * cannot be, and what is unsupported.  Nodes that only compute shapes become constants. */
KERF_API kerf_status kerf_graph_infer(kerf_graph *g, int64_t batch);
/* Multiply-accumulates of a node of an inferred graph. */
KERF_API double kerf_node_macs(const kerf_node *n);

#ifdef __cplusplus
}
#endif
#endif
