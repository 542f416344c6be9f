/* plan/plan_internal.h -- what lies inside a plan, and the passes that make one.
 *
 * Words.  block: bytes that one or more values lie on, one after the other or as views of
 * the same content.  arena: the buffer that blocks of short life share.  step: a node that
 * launches something.  end: an input or output under the name the caller knows.
 *
 * kerf_plan_create() (plan.c) calls the passes in the order of this file.  Each takes the
 * graph one stage further and is one file; graph passes know nothing of memory, memory
 * passes nothing of what nodes mean. */
#ifndef KERF_PLAN_INTERNAL_H
#define KERF_PLAN_INTERNAL_H

#include "kerf/plan.h"
#include "ops/steps_common.h"

/* Which part of a step a node belongs to; kept in its attribute "kerf.pass". */
typedef enum kerf__pass { KERF__FORWARD, KERF__BACKWARD, KERF__UPDATE } kerf__pass;

typedef enum kerf__block_kind {
    KERF__BLOCK_ARENA, /* lives from its first to its last node */
    KERF__BLOCK_OWN,   /* an input or a constant: a tensor of its own, always there */
    KERF__BLOCK_KEPT,  /* made by a prepared node, read in every run: outside of the arena */
    KERF__BLOCK_STATE  /* an entry of the state; a next value is written over it */
} kerf__block_kind;

typedef struct kerf__block {
    kerf__block_kind kind;
    int state_id;                    /* BLOCK_STATE, else -1 */
    int first, last;                 /* BLOCK_ARENA: places of the nodes between which it is live */
    size_t size_bytes, offset_bytes; /* in the arena */
    /* What the offset counts in, from bind.c on; borrowed, but owned by BLOCK_KEPT. */
    kerf__buffer *buffer;
} kerf__block;

/* What the plan knows of a node, by its place in the graph. */
typedef struct kerf__planned {
    char *which;                  /* owned; text of the case; NULL: no work */
    char *name;                   /* owned; of the choice: "gemm_wide/8x2" */
    kerf__option option;          /* variant NULL: the node does no work */
    int is_replayed;              /* by a run's choices, which nothing else may replace */
    char *refused;                /* owned; 1 for each option the device refuses; NULL: none */
    int scratch;                  /* its block, or -1 */
    kerf__buffer *scratch_buffer; /* owned; view of the arena, or its own behind fallback.c */
    size_t first_launch, num_launches;
    int32_t num_entries; /* of a pattern, when it was made last (kerf__plan_count_patterns) */
} kerf__planned;

/* A state that prepared nodes read, and its version when they ran last. */
typedef struct kerf__prepared {
    int state_id;
    uint64_t version;
} kerf__prepared;

/* A layer that is sparse, or would be if its weights had more zeros (sparse_layer.c,
 * use_zeros.c). */
typedef struct kerf__zeros {
    int state_id; /* what the pattern is made of */
    int is_sparse;
    int64_t capacity;    /* entries of the pattern */
    int percent;         /* of a convolution: what is left of its weights; else -1 */
    double most_density; /* else: up to which it is sparse */
} kerf__zeros;

/* What this plan was told of a layer's zeros (zeros_known.h); a choice like that of a kernel. */
typedef struct kerf__answer {
    char *which, *answer; /* owned */
} kerf__answer;

typedef struct kerf__end {
    char *name;        /* owned */
    kerf_value *value; /* the graph's */
} kerf__end;

typedef struct kerf__ends {
    kerf__end *items; /* owned */
    size_t num, capacity;
} kerf__ends;

/* An input that is another plan's tensor. */
typedef struct kerf__shared {
    const kerf_value *value;  /* the graph's */
    const kerf_tensor *place; /* borrowed */
} kerf__shared;

/* What a plan's value "kerf.taps" holds: for each tap what it counts, what labels count with it
 * (the first alone), the temperature; then what labels count by themselves. */
enum {
    KERF__TAP_FLOATS = 3,
    KERF__TAPS_LABELS = KERF_MOST_TAPS * KERF__TAP_FLOATS,
    KERF__TAPS_FLOATS
};

/* Launches of a run that follow each other: joined, or as they are (joints.c). */
typedef struct kerf__joint {
    kerf__launch *launch; /* owned; NULL: one by one */
    size_t first, num;
} kerf__joint;

/* What a run has of its own batch, where others have the rest (partials.c). */
typedef struct kerf__partial {
    kerf_tensor *tensor; /* borrowed; on the device */
    int has_moments;     /* 1: (2, C), mean and sum of squares about it, of so many elements each */
    int64_t elements;    /* 0: (3, C), of which rows 1 and 2 are sums */
} kerf__partial;
/* Puts what all have into its place; may wait. */
typedef kerf_status (*kerf__completer)(void *context, const kerf__partial *part);

enum { KERF__NUM_MARKS = 4 };

struct kerf_plan {
    kerf_device *dev;  /* borrowed */
    kerf_state *state; /* borrowed */
    kerf_mode mode;
    kerf_optimizer optimizer;
    kerf_graph *graph; /* owned: first the model's copy, then training, then lowered */
    kerf__ends inputs, outputs;
    kerf_value *step;         /* the value "kerf.step", or NULL */
    kerf_value *tap_settings; /* the value "kerf.taps", or NULL */
    int labels_in_tap;        /* 1: the first tap's loss is of labels, too */
    kerf_value *mix;          /* the value "kerf.mix", or NULL */
    kerf__shared shared[KERF_MOST_TAPS + 1];
    size_t num_shared;
    int metrics; /* id of the state with the sums, or -1 */
    int runs_per_update;

    kerf__planned *nodes; /* owned; by place of the node */
    size_t num_nodes;     /* entries of `nodes`: graph->num_nodes, 0 before */

    kerf__block *blocks; /* owned */
    size_t num_blocks, block_capacity;
    int *block_of; /* owned; by index of the value */
    size_t arena_bytes;

    kerf__buffer *arena;   /* owned */
    kerf_tensor **tensors; /* owned; by index of the value; those of states are borrowed */
    size_t num_tensors;
    kerf__steps steps;
    kerf__joint *joints; /* owned; all launches of a run in order; NULL: not joined */
    size_t num_joints;
    int *written; /* owned; ids of states that a run writes, then those that an update does */
    size_t num_written, num_written_by_runs;
    int *step_nodes; /* owned; places of the nodes that launch something */
    int num_steps;

    /* The first nodes are prepared (prepare.c): they run when states have changed. */
    size_t num_prepared, num_prepared_launches, num_prepared_states;
    size_t num_before_update; /* nodes that a run runs; all, unless it has no updates */
    size_t next_node;         /* where a run in parts stands */
    kerf__completer complete; /* NULL: partial results are all there is */
    void *completer;          /* borrowed; its context */
    kerf__prepared *prepared; /* owned */
    int is_prepared;

    /* The state's count of layouts when tensors were taken, and when they were looked at last. */
    uint64_t layouts, checked_layouts;

    kerf__zeros *zeros; /* owned */
    size_t num_zeros, zeros_capacity;
    kerf__answer *answers; /* owned */
    size_t num_answers, answers_capacity;

    kerf__mark *marks[KERF__NUM_MARKS]; /* owned; token t is at t % NUM */
    uint64_t tokens[KERF__NUM_MARKS], last_token;
};

/* What a Mask's attribute "score" asks to be remembered of its weight; update.c. */
typedef struct kerf__score {
    const char *name; /* "taylor": kerf.ScoreUpdate's value, too */
    float keep, take;
} kerf__score;

/* What passes tell each other while a plan is made. */
typedef struct kerf__planning {
    kerf_plan *plan;
    const kerf_plan_options *options;
    struct json_t *choices;     /* owned; the run's, or NULL */
    kerf_value **masks;         /* owned; by state id of the weight: its hard mask, or NULL */
    const kerf__score **scores; /* owned; the same: what pruning remembers of it, or NULL */
    size_t num_masks;
    kerf_value *target; /* what the loss is taken of */
    kerf_value *labels, *loss;
    kerf_value *mix;  /* how pairs of labels count; NULL: labels are single ones, and sharp */
    kerf_value *step; /* the step buffer as updates read it */
    kerf_value *scale, *good_steps, *skipped_steps; /* states (loss_scale.c); NULL: gradients are as
                                                     * they are */
    kerf_value *squares; /* of this run's gradients, of sums so far; NULL: not asked for */
    kerf_value *unscale, *is_good; /* 1 / scale, and whether the step counts; NULL: the same */
    int level;                     /* of giving results up to save memory: recompute.c */
} kerf__planning;

/* ---- graph passes, in this order --------------------------------------------------- */

/* expand.c: operators that others say become those. */
kerf_status kerf__plan_expand(kerf_graph *g);
kerf_status kerf__expand_einsum(kerf_node *n); /* expand_einsum.c */
kerf_status
kerf__expand_dynamic_quantize(kerf_node *n); /* this and what follows: expand_integer.c */
kerf_status kerf__expand_qgemm(kerf_node *n);
kerf_status kerf__expand_qlinear(kerf_node *n);
/* A node in front of n, named after it. */
kerf_status kerf__plan_add_before(const kerf_node *n, const char *op, kerf_value *const *inputs,
                                  int num_inputs, kerf_node **out);
/* infer.c is public: kerf_graph_infer().  fold.c: 1 in *folded if the node only computes
 * shapes; whoever read its result reads a constant then. */
kerf_status kerf__plan_fold(kerf_graph *g, kerf_node *n, int *folded);
/* Whoever read `old` reads the other, which takes its name if it is a graph's output (fold.c). */
kerf_status kerf__plan_replace(kerf_graph *g, kerf_value *old, kerf_value *replacement);

/* known_inputs.c: open dimensions of a network's input that a sample of data, prepared, settles; 1,
 * or 0 for none. */
size_t kerf__known_input(const kerf_graph *g, kerf_shape sample, kerf_known_input *known);
/* Whether an input whose dimensions are settled takes such samples. */
kerf_status kerf__check_sample(const kerf_value *input, kerf_shape sample);

/* update.c: the input "kerf.step" of a plan that trains. */
kerf_status kerf__plan_add_step(kerf_plan *plan);
/* dropping.c: what drops takes the place of Dropout in a plan that trains. */
kerf_status kerf__plan_set_dropout(kerf__planning *p);
/* update.c: the score of this name, or NULL. */
const kerf__score *kerf__plan_score(const char *name);
/* derive.c: hard masks become their weights; the value of the loss is found. */
kerf_status kerf__plan_derive(kerf__planning *p);
/* What a Softmax at the end of v is taken of; v itself if there is none. */
kerf_value *kerf__before_softmax(kerf_value *v);
/* statistics.c: batch normalisation takes the batch's statistics or the running ones; trained
 * ranges follow what is seen, or stay. */
kerf_status kerf__plan_set_statistics(const kerf__planning *p);
/* loss.c: labels, loss and metrics. */
kerf_status kerf__plan_add_loss(kerf__planning *p);
/* training.c: the loss, and in training gradients and updates. */
kerf_status kerf__plan_add_objective(kerf__planning *p);
/* tap_loss.c: p->loss gains what taps add; with labels in it from the first one, or before. */
kerf_status kerf__plan_add_taps(kerf__planning *p);
/* 1 if the first tap's loss is of labels, too. */
int kerf__plan_taps_take_labels(const kerf__planning *p);
/* An input under a fresh name like `base` (tap_loss.c). */
kerf_status kerf__plan_add_input(kerf_graph *g, const char *base, kerf_type type, kerf_shape shape,
                                 kerf_value **out);
/* A node at the end of the graph under a fresh name like `base`; its shapes are still to be
 * inferred (loss.c). */
kerf_status kerf__plan_append(kerf_graph *g, const char *op, const char *base,
                              kerf_value *const *inputs, int num_inputs, int num_outputs,
                              kerf_node **out);
/* The first input lies where the options say. */
kerf_status kerf__plan_share_input(kerf__planning *p);
/* autodiff.c: gradients of all trained weights; update.c: their next values. */
kerf_status kerf__plan_add_gradients(kerf__planning *p, kerf__gradients *grads);
/* gradient_sums.c: gradients become what states keep of them up to the update. */
kerf_status kerf__plan_keep_gradients(const kerf__planning *p, kerf__gradients *grads);
/* clip.c: the squares of all gradients added up, of what masks leave (NULL: there are none), and by
 * what gradients of such a sum are multiplied so that they are not too long together. */
kerf_status kerf__plan_add_squares(const kerf__planning *p, const kerf__gradients *grads,
                                   kerf_value **squares);
kerf_status kerf__plan_clip(const kerf__planning *p, kerf_value *squares, kerf_value **shorter);
/* loss_scale.c: the states that a scaled loss needs, before all gradients. */
kerf_status kerf__plan_add_scale(kerf__planning *p);
/* Behind them: what the run writes by itself stays in a step that is skipped. */
kerf_status kerf__plan_guard_states(kerf__planning *p, const kerf__gradients *grads);
/* What updates need to know, and the scale's next value, by the sum of the gradients' squares. */
kerf_status kerf__plan_follow_scale(kerf__planning *p, kerf_value *squares);
/* `next` becomes the next value of the state `was`, where is_good (NULL: always). */
kerf_status kerf__plan_set_next(const kerf__planning *p, kerf_value *is_good, kerf_value *next,
                                kerf_value *was);
/* update.c: the state's entry NAME.suffix of a weight, made on first use, as a value of the graph.
 */
kerf_status kerf__plan_add_owned(const kerf__planning *p, const kerf_value *weight, kerf_role role,
                                 const char *suffix, kerf_value **out);
kerf_status kerf__plan_add_updates(kerf__planning *p, const kerf__gradients *grads);
/* What a penalty on saliencies adds to the loss (saliency.c). */
kerf_status kerf__plan_add_saliencies(kerf__planning *p);
/* A penalty's part of a weight's update, if the options have one (shrink.c). */
kerf_status kerf__plan_add_shrink(kerf__planning *p, const kerf_value *weight, kerf_node *update);
void kerf__gradients_free(kerf__gradients *grads);
/* 1 if training changes this value: a float weight, or the end of a range that is learned, that is
 * not frozen (update.c). */
int kerf__plan_trains(const kerf__planning *p, const kerf_value *v);
/* 1 if a pattern of `freeze` fits the name. */
int kerf__plan_is_frozen(const kerf_plan_options *options, const char *name);
/* recompute.c: results of the forward pass are made again in the backward pass; level 0: none,
 * up to kerf__recompute_levels - 1. */
kerf_status kerf__plan_recompute(kerf_graph *g, int level);
extern const int kerf__recompute_levels;
/* fuse.c: nodes that one kernel does together. */
kerf_status kerf__plan_fuse(kerf_graph *g);
/* What becomes of the nodes of an operation. */
typedef struct kerf__plan_rule {
    const char *op; /* of the later node, where there are several */
    kerf_status (*apply)(kerf_graph *g, kerf_node *n);
} kerf__plan_rule;
/* One rule after the other, each for the nodes that are there when it begins. */
kerf_status kerf__plan_apply(kerf_graph *g, const kerf__plan_rule *rules, size_t num_rules);
/* 1 if v has one reader, and is nothing's next value: it may vanish. */
int kerf__plan_is_read_once(const kerf_value *v);
/* 1 if `n` is such a node, with one reader and room for a residual or an activation. */
int kerf__plan_may_extend(const kerf_node *n, const char *op);
/* fuse_batch_norm.c: one with fixed statistics behind a convolution. */
kerf_status kerf__plan_fuse_batch_norm(kerf_graph *g, kerf_node *norm);
/* The bounds of a Clip; 0 if they are not known while planning (fuse.c). */
int kerf__plan_read_clip(const kerf_node *clip, float *low, float *high);
/* fuse_gate.c: a gate that chooses channels, and the Relu behind it. */
kerf_status kerf__plan_fuse_gate(kerf_graph *g, kerf_node *where);
kerf_status kerf__plan_fuse_gated_relu(kerf_graph *g, kerf_node *relu);
/* fuse_blocks.c: few rows by weights of few bits. */
kerf_status kerf__plan_fuse_blocks(kerf_graph *g, kerf_node *product);
/* 1 if n is a, maybe with a bias of all columns and relu, times its second input and no more. */
int kerf__plan_is_plain_product(const kerf_node *n, int64_t columns);
int64_t kerf__plan_num_rows(const kerf_value *a);
/* n, which has its inputs and attributes, takes the place of such a product. */
kerf_status kerf__plan_take_product(kerf_graph *g, kerf_node *n, const kerf_node *product);
/* use_codes.c: few rows by numbers of a codebook's entries. */
kerf_status kerf__plan_use_codes(kerf_graph *g, const kerf_device *dev);
/* fuse_integer.c: floats between a QuantizeLinear and what its result was made of. */
kerf_status kerf__plan_fuse_integer(kerf_graph *g, kerf_node *quantize);
/* The same where gradients read the floats between: they get others. */
kerf_status kerf__plan_fuse_trained(kerf_graph *g, kerf_node *quantize);
/* train_integers.c: the integers of a plan that trains, and what gradients read of them. */
kerf_status kerf__plan_train_integers(kerf_graph *g);
/* fuse_integer_sum.c: a sum of bytes becomes a part of the convolution before it. */
kerf_status kerf__plan_fuse_integer_sum(kerf_graph *g, kerf_node *sum);
/* fuse_passing.c: an operation that only moves numbers, on integers. */
kerf_status kerf__plan_fuse_passing(kerf_graph *g, kerf_node *quantize);
/* fuse_quant.c: one that takes back what a QuantizeLinear made. */
kerf_status kerf__plan_fuse_quant(kerf_graph *g, kerf_node *dequantize);
/* The same value (or none), or constants that hold the same. */
int kerf__plan_holds_same(const kerf_value *a, const kerf_value *b);
/* 1 if v is one float from 2^-100 to `most`, which is 2^57 or more: known, or of a trained range.
 */
int kerf__plan_is_plain_scale(const kerf_value *v, float most);
/* skip_channels.c: what gates drop of one sample is not computed. */
kerf_status kerf__plan_skip_channels(kerf__planning *p);
/* sparse_linear.c: linear layers of which little is left become sparse. */
kerf_status kerf__plan_sparse_linear(kerf__planning *p);
/* sparse_train.c: convolutions of which little is left become sparse in training. */
kerf_status kerf__plan_sparse_train(kerf__planning *p);
/* pack_samples.c: nodes whose images have 16 samples side by side.  images[i] has a bit for each
 * input of node i that is such an image, and KERF__MAKES_IMAGE; 0: it may follow its neighbours. */
enum { KERF__MAKES_IMAGE = 1 << 16 };
kerf_status kerf__plan_pack_samples(kerf_graph *g, unsigned *images);
/* 1 if images of this shape can be packed. */
int kerf__plan_can_pack(kerf_shape shape);
/* sparse_layer.c: how many entries patterns have that were prepared; waits, once for all. */
kerf_status kerf__plan_count_patterns(kerf_plan *p);
/* The pattern that has no room for what its mask holds by now, or NULL. */
const kerf_node *kerf__plan_find_overflow(const kerf_plan *p);
/* Elements of a state that are not 0, and all; waits. */
kerf_status kerf__plan_count_entries(const kerf_plan *p, int state_id, int64_t *count,
                                     int64_t *total);
kerf_status kerf__plan_note_zeros(kerf_plan *p, const kerf__zeros *zeros);
/* compact_moments.c: the state keeps moments as this plan wants them; they follow patterns that
 * were made again. */
kerf_status kerf__plan_lay_moments(const kerf_plan *p);
kerf_status kerf__plan_follow_patterns(const kerf_plan *p);
/* The entry whose tensor has given its place to another since the plan was made, or NULL. */
const kerf_state_entry *kerf__plan_find_moved(kerf_plan *p);
/* use_zeros.c: convolutions whose weights are mostly 0 become sparse. */
kerf_status kerf__plan_use_zeros(kerf__planning *p);
/* use_zeros_bytes.c: those of bytes, by words of four zeros. */
kerf_status kerf__plan_use_zero_words(kerf__planning *p);
/* Whole percents of a convolution's weights that are left, as far as they matter. */
int kerf__plan_percent_left(int64_t count, int64_t total);
/* layout.c: blocked memory layouts where they pay; 1 if this device has any. */
kerf_status kerf__plan_lay(kerf_graph *g, const kerf_device *dev);
int kerf__plan_lays(const kerf_device *dev);
/* store_halves.c: what lies between nodes becomes float16 where they can read it; trains 1: and
 * what waits for the backward pass. */
kerf_status kerf__plan_store_halves(kerf_graph *g, kerf_device *dev, int trains);
/* overflow.c: 1 if a run writes float16. */
int kerf__plan_makes_halves(const kerf_plan *p);
/* precision.c: what stands for a network's weights and shapes in the tuning store; the caller frees
 * it. */
kerf_status kerf__plan_precision_key(char **key, const kerf_tune_target *whole);
/* order.c: all readers of a state before the node that writes its next value; updates_last 1: those
 * of KERF__UPDATE behind all others. */
kerf_status kerf__plan_order(kerf_graph *g, int updates_last);

/* prepare.c: nodes whose results no run changes come first; plan->num_prepared. */
kerf_status kerf__plan_prepare(kerf_plan *p);
/* Behind bind.c: which states they read.  Run queues them if one has another version. */
kerf_status kerf__plan_list_prepared(kerf_plan *p);
kerf_status kerf__plan_run_prepared(kerf_plan *p);
/* The same where it is no error if the plan cannot run: 0 in *is_ready if it must be made anew. */
kerf_status kerf__plan_try_prepared(kerf_plan *p, int *is_ready);

/* A node and a graph's attribute that says which part of a step it is. */
kerf_status kerf__node_set_pass(kerf_node *n, kerf__pass pass);
kerf__pass kerf__node_pass(const kerf_node *n);
const char *kerf__pass_name(kerf__pass pass); /* "forward" (run.c) */
/* Marks all nodes from `first` on. */
kerf_status kerf__plan_set_pass(kerf_graph *g, size_t first, kerf__pass pass);

/* ---- kernels ----------------------------------------------------------------------- */

/* case.c: the text that stands for a node's operation, attributes, types and shapes, into
 * fresh memory; NULL without memory.  Freed with free(). */
char *kerf__case_text(const kerf_node *n);

/* choose.c: takes the run's choices out of the options, before all passes. */
kerf_status kerf__plan_read_choices(kerf__planning *p);
/* Fills in plan->nodes. */
kerf_status kerf__plan_choose(const kerf__planning *p);
/* The next best option of node i, as the device has just refused the one it has (the message
 * says why).  Fails with that message if there is none, or if the choice was a run's. */
kerf_status kerf__plan_choose_next(kerf_plan *p, size_t i);

/* A plan whose kernels are chosen and not built: it can be looked at, not run (plan.c). */
kerf_status kerf__plan_draft(kerf_plan **out, const kerf_graph *g, kerf_state *s,
                             const kerf_plan_options *options);

/* known.c: the committed table of choices.  Begin: .at = the text. */
typedef struct kerf__known {
    const char *at;  /* what is still to be read */
    int is_ours;     /* the lines are for this device */
    char choice[64]; /* of the line that was found */
} kerf__known;
/* Finds the next line for this device and case; 0 behind the last. */
int kerf__known_next(kerf__known *k, const kerf_device_info *info, const char *which);
extern const unsigned char kerf__known_choices[]; /* made from known_choices.txt */

/* ---- memory ------------------------------------------------------------------------ */

/* blocks.c: which values lie on which blocks, and how long those live. */
kerf_status kerf__plan_make_blocks(kerf_plan *p);
/* arena.c: offsets for blocks of BLOCK_ARENA so that no two that live at the same time
 * overlap; returns through *arena_bytes. */
kerf_status kerf__arena_pack(kerf__block *blocks, size_t num, size_t align_bytes,
                             size_t *arena_bytes);
/* room.c: whether arena and all else fit into memory_bytes (0: no bound) and on the device, and the
 * failure that names what is largest. */
size_t kerf__plan_needed_bytes(const kerf_plan *p);
int kerf__plan_fits(const kerf_plan *p, size_t memory_bytes);
kerf_status kerf__plan_fail_room(const kerf_plan *p, size_t memory_bytes);
/* pieces.c: in how many pieces each launch of the node is queued. */
size_t kerf__plan_pieces(const kerf_plan *p, const kerf_node *n);
/* Reads and writes of a node that cannot be avoided (run.c). */
double kerf__node_bytes(const kerf_node *n);
/* bind.c: buffers, tensors and launches. */
kerf_status kerf__plan_bind(kerf_plan *p);
/* Appends the launches of node i to `steps`, by its option or the next that can be built. */
kerf_status kerf__plan_build_node(kerf_plan *p, size_t i, kerf__steps *steps);
/* fallback.c: queues launches first to *end - 1, which is the plan's own number of them: an option
 * that is refused at its first launch gives its place to another, which may have more. */
kerf_status kerf__plan_enqueue(kerf_plan *p, size_t first, const size_t *end);
/* The first launch behind the nodes that a run runs (run.c). */
const size_t *kerf__plan_end_of_run(const kerf_plan *p);
/* run.c: a run in parts, for one who wants gradients as soon as they are there.  The states of all
 * sums (gradient_sums.c) in the order in which a run is through with them; num_written_by_runs at
 * most. */
size_t kerf__plan_gradients(const kerf_plan *p, int *ids);
/* All floats in the state that a step changes for the next one: weights, moments, statistics,
 * ranges; ascending, num_written at most. */
size_t kerf__plan_lasting(const kerf_plan *p, int *ids);
/* The mask's state by which updates leave places of this weight's gradient out, and nobody else
 * reads them; -1: there is none. */
int kerf__plan_mask_of(const kerf_plan *p, int weight);
/* begin, through the sums in their order as far as wanted, each with what stands before it, end. */
kerf_status kerf__plan_run_begin(kerf_plan *p);
kerf_status kerf__plan_run_through(kerf_plan *p, int id);
kerf_status kerf__plan_run_end(kerf_plan *p);
/* partials.c: 1 if others add to what the node makes, and a run asks them behind it. */
int kerf__node_is_partial(const kerf_node *n);
/* The first such node from `first` on, or `end`. */
size_t kerf__plan_next_partial(const kerf_plan *p, size_t first, size_t end);
/* From the next run on. */
void kerf__plan_complete_by(kerf_plan *p, kerf__completer complete, void *context);
/* Of such a node, which is queued. */
kerf_status kerf__plan_complete(const kerf_plan *p, size_t node);
/* joints.c: queues launches first to *end - 1 as kerf_plan_join() laid them out; forgets that
 * layout (none is allowed). */
kerf_status kerf__plan_enqueue_joined(kerf_plan *p, size_t first, const size_t *end);
void kerf__plan_unjoin(kerf_plan *p);

/* ---- small things (plan.c) --------------------------------------------------------- */

/* 1 if the node only gives its input another shape, on the same bytes. */
int kerf__node_is_view(const kerf_node *n);
/* 1 if it does so elsewhere: over a state, or where order.c asks for it ("kerf.copy"). */
int kerf__node_copies(const kerf_node *n);
/* 1 if the node may write an output over exactly the bytes of an input. */
int kerf__node_may_overwrite(const kerf_node *n, int input, int output);
/* What the value "kerf.step" holds: KERF__STEP_FLOATS numbers (run.c). */
void kerf__step_numbers(const kerf_optimizer *o, const kerf_step *step, float *numbers);
kerf_status kerf__ends_add(kerf__ends *ends, const char *name, kerf_value *v);
void kerf__ends_free(kerf__ends *ends);

#endif
