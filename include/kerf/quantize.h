/* quantize.h -- numbers of 8 bits and fewer in the place of floats.
 *
 * Each call rewrites a graph by ONNX's own nodes, so what comes out is an ONNX file that others
 * run as integers, too:
 *
 *   static       QuantizeLinear and DequantizeLinear ("QDQ") round what integer kernels take and
 *                give; activations have ranges that calibration found (Jacob et al. 2018)
 *   dynamic      DynamicQuantizeLinear and MatMulInteger: a matrix's range is found in each run
 *   weight-only  DequantizeLinear behind weights, MatMul in floats; or float16 and a Cast
 *
 * Weights are read, rounded and written anew as constants of the graph; the states they were
 * are dropped.  A weight that is 0, pruned ones too, stays exactly 0.
 *
 * Thread safety: that of the state's device. */
#ifndef KERF_QUANTIZE_H
#define KERF_QUANTIZE_H

#include "kerf/data.h"
#include "kerf/plan.h"
#include "kerf/ranks.h"
#include "kerf/state.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum kerf_quantize_mode {
    KERF_QUANTIZE_DYNAMIC,
    KERF_QUANTIZE_STATIC,
    KERF_QUANTIZE_WEIGHT_ONLY
} kerf_quantize_mode;
/* How many weights share a scale: all of a layer, those of an output channel, or `block` of them
 * in a row along the inner dimension of a matrix (convolutions then have one a channel). */
typedef enum kerf_quantize_per {
    KERF_PER_TENSOR,
    KERF_PER_CHANNEL,
    KERF_PER_BLOCK
} kerf_quantize_per;

/* ---- ranges of activations ------------------------------------------------------------- */

/* The range of each value that was observed, by name. */
typedef struct kerf_ranges kerf_ranges;
typedef struct kerf_range {
    const char *name; /* of the value; lives as long as the ranges */
    double low, high;
} kerf_range;
KERF_API void kerf_ranges_destroy(kerf_ranges *r); /* NULL is allowed */
KERF_API size_t kerf_ranges_num(const kerf_ranges *r);
KERF_API kerf_range kerf_ranges_get(const kerf_ranges *r, size_t i);
/* A JSON file {"ranges":{"conv1":{"low":0,"high":3.1},...}}; where means were found, with
 * "means":{"conv1":[0.3,...],...}, a number a channel of what a layer takes; where the ends of
 * weights were learned, with "weights":{"conv1.weight":[0.7,...],...}. */
KERF_API kerf_status kerf_ranges_read(kerf_ranges **out, const char *path);
KERF_API kerf_status kerf_ranges_write(const kerf_ranges *r, const char *path);

typedef enum kerf_observer {
    KERF_OBSERVE_MINMAX, /* all that was ever seen */
    KERF_OBSERVE_MOVING, /* a moving average of the batches' ranges, the bias of its start
                          * corrected as in Adam (Kingma and Ba 2015) */
    /* These count what comes how often, and cut what hardly comes: */
    KERF_OBSERVE_PERCENTILE, /* so many percent lie below the upper end, as many above the lower */
    KERF_OBSERVE_MSE,        /* least squared error of rounding and cutting (Banner et al. 2019) */
    KERF_OBSERVE_ENTROPY     /* least Kullback-Leibler divergence (Migacz 2017) */
} kerf_observer;

/* Samples of all looks (means are one more); steps of all layers, where roundings are learned.
 * Nonzero stops. */
typedef int (*kerf_calibrate_progress)(void *context, int64_t done, int64_t num);

/* Samples that the command and recipes look at at a time, where training takes `batch` (0: is not
 * told): so both find the same ranges, whose last bits depend on it. */
enum { KERF_CALIBRATE_BATCH = 32 };
KERF_API int64_t kerf_calibrate_batch(int64_t batch);

typedef struct kerf_calibrate_options {
    kerf_observer observer;
    double percentile;      /* KERF_OBSERVE_PERCENTILE: above 50, at most 100 */
    int64_t samples, batch; /* of the training split, chosen by seed; without one, of another */
    int64_t steps;          /* kerf_quantize_learn(): of each layer, a batch each */
    uint64_t seed;
    const kerf_costs *costs; /* kerf_quantize_find_bits(): of the device that ms are of; NULL: the
                              * state's */
    const kerf_ranks *ranks; /* borrowed: all call it, share the samples, and have the same result;
                              * what is learned is rank 0's (NULL: one alone) */
    int means;               /* 1: finds means, too, for bias_correct */
    const char *prep;        /* NULL: what the graph or the data set says */
    kerf_calibrate_progress progress; /* or NULL */
    void *context;
} kerf_calibrate_options;

/* ---- the rewrites ---------------------------------------------------------------------- */

/* Weights of the layers whose name fits a shell pattern; the first that fits counts. */
typedef struct kerf_quantize_choice {
    const char *pattern;
    kerf_type weights;       /* as below; KERF_F32: the layer stays as it is */
    kerf_quantize_mode mode; /* that of the options; in static ones, any */
} kerf_quantize_choice;

typedef struct kerf_quantize_options {
    kerf_quantize_mode mode;
    kerf_type weights; /* KERF_S8, KERF_S4 or KERF_S2; dynamic: KERF_S8; weight-only: KERF_F16, too,
                        * behind a Cast; KERF_F32: no layers but
                        * those that choices name */
    const kerf_quantize_choice *choices; /* by layer */
    size_t num_choices;
    kerf_type activations; /* static: KERF_U8 or KERF_S8, or of 16 bits, computed in floats */
    kerf_quantize_per per; /* blocks: some layer must be weight-only; others have channels then */
    int64_t block;         /* KERF_PER_BLOCK: 16, 32, 64, 128 or 256 */
    int asymmetric;        /* 1: weights have zero points; 0: they are in [-127, 127] and so on */
    int bias_correct; /* static, 1: what rounding its weights adds to a layer's outputs on average
                       * is taken off its bias (Nagel et al. 2019, section 4.2, with means that
                       * calibration found); Conv and Gemm */
    const char *const *layers, *const *skip; /* shell patterns; none: all layers */
    size_t num_layers, num_skip;
    int learn_ranges; /* 1: training learns where ranges of activations and weights end (below) */
    const kerf_ranges *ranges; /* static: of kerf_calibrate() with the same layers */
    const kerf_state *learned; /* of kerf_quantize_learn() with the same options; NULL: each weight
                                * goes to the nearest integer */
} kerf_quantize_options;

/* What a person means who says nothing: weights int8, one scale a channel, activations uint8. */
KERF_API kerf_quantize_options kerf_quantize_defaults(kerf_quantize_mode mode);

/* Choices as people write them.  "int4", or by layer "conv1=int8,fc1=int4:weight-only,*=float"; the
 * options' mode is there.  What they point into is *kept, which the caller frees with free(). */
KERF_API kerf_status kerf_quantize_parse_weights(kerf_quantize_options *options, const char *text,
                                                 void **kept);
/* "tensor", "channel" or "block=32". */
KERF_API kerf_status kerf_quantize_parse_per(kerf_quantize_options *options, const char *text);
/* "minmax", "moving", "percentile=99.9", "mse" or "entropy". */
KERF_API kerf_status kerf_quantize_parse_observer(kerf_calibrate_options *how, const char *text);

/* Batch normalisation with fixed statistics behind a convolution becomes part of its weights and
 * bias, in the state.  To be called before calibrating. */
KERF_API kerf_status kerf_quantize_fold(kerf_graph *g, kerf_state *s);
/* For a plan of precision f16: batch normalisation is folded, and weights of layers that are floats
 * become float16 (weight-only).  A network without any, as of halves or integers, stays as it is.
 */
KERF_API kerf_status kerf_quantize_halves(kerf_graph *g, kerf_state *s);

/* Layer by layer, what one layer's channel has too little of range in its weights the next has too
 * much of: factors that are powers of two even it out, and the network computes the same bits as
 * before (cross-layer equalization, Nagel et al. 2019).  Between both may stand what keeps such
 * factors: Relu, LeakyRelu, pooling, Flatten, Dropout; a Clip does not.  Among the layers that the
 * options choose.  To be called behind folding, before calibrating. */
KERF_API kerf_status kerf_quantize_equalize(kerf_graph *g, kerf_state *s,
                                            const kerf_quantize_options *options);

/* Runs the network, as it is, on samples and finds the range of each activation that a static
 * kerf_quantize() with these options rounds, whatever they choose by layer.  Nothing but ranges is
 * kept, on the device until the end.  Values that are no finite numbers are an error that names
 * where. */
KERF_API kerf_status kerf_calibrate(kerf_ranges **out, const kerf_graph *g, kerf_state *s,
                                    const kerf_dataset *d, const kerf_quantize_options *options,
                                    const kerf_calibrate_options *how);

/* Which weights go up to the next integer and which down, so that each layer gives what it gave as
 * floats: learned layer by layer from samples, by what the layers before give when they are
 * rounded (AdaRound, Nagel et al. 2020).  What a layer's weights learn is kept only if it is nearer
 * to the floats than nearest rounding, on these samples; weights that are shared or constant go to
 * the nearest.  *out is a copy of s with weights that kerf_quantize() rounds so, as
 * options->learned; g and s stay as they are.  Of `how` samples, batch, steps, seed, prep and
 * progress count.  The caller destroys *out. */
KERF_API kerf_status kerf_quantize_learn(kerf_state **out, const kerf_graph *g, kerf_state *s,
                                         const kerf_dataset *d,
                                         const kerf_quantize_options *options,
                                         const kerf_calibrate_options *how);

/* A copy of g for kerf_train(), with g's state: it rounds weights and activations as a static
 * kerf_quantize() of g with the same options will, and lets gradients pass (quantization-aware
 * training, Jacob et al. 2018).  The scales of weights follow them; activations keep the options'
 * ranges or, if `trained` is g's state and not NULL, begin with them and follow what is seen, as
 * moving averages that the state gains ("relu1.high"), until kerf_train_options freezes them.
 * With options->learn_ranges ends are learned instead, by gradients and the run's optimizer without
 * weight decay (LSQ, Esser et al. 2020, LSQ+, Bhalgat et al. 2020): those of activations, but for
 * the network's input, and those of weights, one a scale ("conv1.weight.end"), which begin at 2 *
 * mean |w| * sqrt(largest integer) or at the largest weight.  A step changes an end by an eighth
 * at most, so it keeps its sign and is finite; one that is 0 stays.  They, too, move until
 * kerf_train_options freezes them: with its 0 epochs, not at all.
 * Train it, then call kerf_quantize() with g, which has the trained weights, and with the trained
 * ranges.  What is pruned (kerf.Mask) stays exactly 0.  Weights must be symmetric.  The caller
 * destroys *out. */
KERF_API kerf_status kerf_quantize_rounding(kerf_graph **out, const kerf_graph *g,
                                            kerf_state *trained,
                                            const kerf_quantize_options *options);
/* The trained ranges, of weights, too, where they were learned, taken out of g's state, for
 * kerf_quantize() with otherwise the same options; means are those of the options' ranges.  The
 * caller destroys *out. */
KERF_API kerf_status kerf_quantize_take_ranges(kerf_ranges **out, const kerf_graph *g,
                                               kerf_state *s, const kerf_quantize_options *options);

/* Rewrites g in place.  Layers that cannot be integers (weights that are computed, Gemm with a
 * factor) stay floats; none that can is an error.  After a failure g and s may be discarded
 * only. */
KERF_API kerf_status kerf_quantize(kerf_graph *g, kerf_state *s,
                                   const kerf_quantize_options *options);

/* ---- what rounding costs ---------------------------------------------------------------- */

/* What is beside what was. */
typedef struct kerf_error {
    double mse, mae, largest; /* of the differences: mean square, mean, largest */
    double snr_db;            /* what was over the differences; INFINITY: there are none */
    double cosine;            /* of the angle between both */
    double saturated;         /* share that lies beyond the ends of the integers; NAN: no ends */
} kerf_error;
typedef struct kerf_layer_error {
    char name[128];              /* of the node */
    kerf_error weights, outputs; /* outputs: of the layer, behind its Relu, all layers rounded */
    double lost; /* points of top-1 when this layer alone is rounded; without labels, of agreement
                  * with g */
} kerf_layer_error;

/* Runs g as it is, and a copy that kerf_quantize() with these options has rewritten, on samples,
 * and compares layer by layer.  What is lost is counted on the validation split, or on the test
 * split, or the training split where there is no other.  The caller frees *out, an entry a layer,
 * with free(); *out is NULL on failure.  g and s stay as they are. */
KERF_API kerf_status kerf_quantize_analyse(kerf_layer_error **out, size_t *num, const kerf_graph *g,
                                           kerf_state *s, const kerf_dataset *d,
                                           const kerf_quantize_options *options,
                                           const kerf_calibrate_options *how);

/* ---- bits that are found ------------------------------------------------------------------ */

/* Types that layers are tried with: float32, int8, int4, int2; dynamic: the first two. */
enum { KERF_NUM_BITS = 4 };

/* A layer, with each of the types. */
typedef struct kerf_bits_part {
    double noise; /* of the network's output when this layer alone has the type: squared error over
                   * square */
    double lost;  /* points, likewise */
    double saved; /* bytes */
    double ms;    /* of the layer, where all have the type; 0: it has no steps of its own */
} kerf_bits_part;
typedef struct kerf_bits_layer {
    char name[128];
    kerf_type chosen;
    kerf_bits_part with[KERF_NUM_BITS];
} kerf_bits_layer;

/* A network that was made and measured. */
typedef struct kerf_bits_point {
    int num_of[KERF_NUM_BITS]; /* layers with each of the types */
    double noise, lost, bytes, ms;
    int is_chosen;
} kerf_bits_point;

/* Finds a type for each layer that the options choose, so that the target holds: its points as in
 * kerf_layer_error, its bytes those of the file that kerf_onnx_write() makes.  Layers are judged
 * one by one, then networks that are ever smaller (with a bound on ms, ever faster): of those
 * within the bounds on bytes and ms the first, with a bound on loss alone the last is chosen.
 * Samples as with kerf_quantize_analyse(); the options' types do not count.  Equal networks may
 * take unequal time, so with a bound on ms another call may choose another. */
typedef struct kerf_bits kerf_bits;
KERF_API kerf_status kerf_quantize_find_bits(kerf_bits **out, const kerf_graph *g, kerf_state *s,
                                             const kerf_dataset *d,
                                             const kerf_quantize_options *options,
                                             const kerf_target *target,
                                             const kerf_calibrate_options *how);
KERF_API void kerf_bits_destroy(kerf_bits *b); /* NULL is allowed */
KERF_API size_t kerf_bits_num_layers(const kerf_bits *b);
KERF_API const kerf_bits_layer *kerf_bits_get_layer(const kerf_bits *b, size_t i);
/* The trade-off, from floats on; what comes back lives as long as b, here and above. */
KERF_API size_t kerf_bits_num_points(const kerf_bits *b);
KERF_API const kerf_bits_point *kerf_bits_get_point(const kerf_bits *b, size_t i);
/* For kerf_quantize_options: one a layer; live as long as b. */
KERF_API const kerf_quantize_choice *kerf_bits_choices(const kerf_bits *b);
/* NULL, or which bound does not hold for what was chosen, and the best that can be had. */
KERF_API const char *kerf_bits_missed(const kerf_bits *b);

/* ---- leaving ---------------------------------------------------------------------------- */

/* Who is to run the file as integers.  TensorFlow Lite is not among them: it reads no ONNX. */
typedef enum kerf_profile {
    KERF_PROFILE_ORT,        /* ONNX Runtime on a CPU, all optimizations on */
    KERF_PROFILE_ORT_MOBILE, /* the same, where only what is needed was built in */
    KERF_PROFILE_TRT,        /* TensorRT, by its documents: not run by Kerf's tests */
    KERF_PROFILE_OPENVINO,   /* by what version 2026.4 makes of files */
    KERF_NUM_PROFILES
} kerf_profile;

/* What a reader makes of a node that has integers around it, by rules: tests hold ONNX Runtime's
 * and OpenVINO's against what they really make, TensorRT's come from its documents. */
typedef struct kerf_export_node {
    char name[128], op[64];
    int fuses;           /* 1: it computes on the integers; 0: floats, between conversions */
    const char *becomes; /* "QLinearConv"; lives for ever, as why */
    const char *why;     /* it does not, or what else is to know; "" */
} kerf_export_node;

/* A change that was made for the reader's sake. */
typedef struct kerf_export_change {
    char name[128];   /* of a node, or of the value that is rounded */
    const char *what; /* lives for ever */
} kerf_export_change;

/* Rewrites a quantized graph in place, so that the reader computes on integers what it can: the
 * numbers stay, or move within a step where ranges must be others.  The caller frees *changes with
 * free(); NULL on failure, after which g may be discarded only. */
KERF_API kerf_status kerf_export(kerf_graph *g, kerf_profile profile, kerf_export_change **changes,
                                 size_t *num_changes);
/* What the reader makes of g as it is, in the order of its nodes; freed with free() by the caller.
 */
KERF_API kerf_status kerf_export_predict(kerf_export_node **out, size_t *num, const kerf_graph *g,
                                         kerf_profile profile);

#ifdef __cplusplus
}
#endif
#endif
