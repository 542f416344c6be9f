/* recipe/recipe_keys.c -- the table of keys; see recipe_keys.h. */
#include "recipe/recipe_keys.h"

#include "kerf/share.h"
#include "recipe/tree.h"

#define TOP(field)      offsetof(kerf__recipe_top, field)
#define TRAIN(field)    offsetof(kerf__recipe_train, field)
#define PRUNE(field)    offsetof(kerf__recipe_prune, field)
#define QUANTIZE(field) offsetof(kerf__recipe_quantize, field)
#define DISTILL(field)  offsetof(kerf__recipe_distill, field)
#define SHARE(field)    offsetof(kerf__recipe_share, field)
#define LR(field)       offsetof(kerf__recipe_lr, field)
#define FREEZE(field)   offsetof(kerf__recipe_freeze, field)
#define REPEAT(field)   offsetof(kerf__recipe_repeat, field)
#define PENALTY(field)  offsetof(kerf__recipe_penalty, field)
#define EXCHANGE(field) offsetof(kerf__recipe_exchange, field)
#define REMOVE(field)   offsetof(kerf__recipe_remove, field)
#define SECTION(NAME, KEYS)                                                                        \
    {                                                                                              \
        NAME, KEYS, sizeof KEYS / sizeof KEYS[0]                                                   \
    }
#define LAST_EPOCH 1e9

/* clang-format off */
static const kerf__key TRAIN_KEYS[] = {
    {"epochs", KERF__KEY_REAL, TRAIN(epochs), "20", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"batch", KERF__KEY_WHOLE, TRAIN(batch), "128", NULL, NULL, KERF__MIN | KERF__MAX, 1, 1 << 20, NULL},
    {"accumulate", KERF__KEY_WHOLE, TRAIN(accumulate), "1", NULL, NULL, KERF__MIN | KERF__MAX, 1, 1 << 20, NULL},
    {"clip", KERF__KEY_REAL, TRAIN(clip), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, 1e9, NULL},
    {"optimizer", KERF__KEY_CHOICE, TRAIN(optimizer), "sgd", NULL, "sgd|adam|adamw", 0, 0, 0, NULL},
    {"lr", KERF__KEY_REAL, TRAIN(lr), "0.05", "0.001", NULL, KERF__MIN, 0, 0, NULL},
    {"momentum", KERF__KEY_REAL, TRAIN(momentum), "0.9", NULL, NULL, KERF__MIN | KERF__BELOW, 0, 1, NULL},
    {"weight_decay", KERF__KEY_REAL, TRAIN(weight_decay), "0.0001", "0", NULL, KERF__MIN, 0, 0, NULL},
    {"schedule", KERF__KEY_CHOICE, TRAIN(schedule), "cosine", NULL, "const|step|cosine|exp|linear", 0, 0, 0, NULL},
    {"warmup", KERF__KEY_TIME, TRAIN(warmup), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"augment", KERF__KEY_TEXT, TRAIN(augment), "", NULL, NULL, 0, 0, 0, NULL},
    {"label_smoothing", KERF__KEY_REAL, TRAIN(label_smoothing), "0", NULL, NULL, KERF__MIN | KERF__BELOW, 0, 1, NULL},
    {"mixup", KERF__KEY_REAL, TRAIN(mixup), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, 100, NULL},
    {"loss", KERF__KEY_CHOICE, TRAIN(loss), "cross-entropy", NULL, "cross-entropy|mse", 0, 0, 0, NULL},
    {"batch_norm", KERF__KEY_CHOICE, TRAIN(batch_norm), "apart", NULL, "apart|together", 0, 0, 0, NULL},
    {"balance", KERF__KEY_TEXT, TRAIN(balance), "even", NULL, NULL, 0, 0, 0, NULL},
    {"freeze", KERF__KEY_LIST, TRAIN(freeze), "[]", NULL, NULL, 0, 0, 0, NULL},
    {"precision", KERF__KEY_CHOICE, TRAIN(precision), "f32", NULL, "f32|f16|mixed|auto", 0, 0, 0, NULL},
    {"memory", KERF__KEY_WHOLE, TRAIN(memory), "0", NULL, NULL, KERF__MIN, 0, 0, NULL},
};
static const kerf__section TRAIN_SECTION = SECTION("train", TRAIN_KEYS);

static const kerf__key PRUNE_KEYS[] = {
    {"start", KERF__KEY_TIME, PRUNE(start), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"end", KERF__KEY_TIME, PRUNE(end), "=start", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"every", KERF__KEY_TIME, PRUNE(every), "1", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"method", KERF__KEY_CHOICE, PRUNE(method), "magnitude", NULL, "magnitude|random|std|mask|soft|surgery|movement|taylor|snip|obd|rigl", 0, 0, 0, NULL},
    {"scope", KERF__KEY_CHOICE, PRUNE(scope), "layer", NULL, "layer|global", 0, 0, 0, NULL},
    {"sparsity", KERF__KEY_AMOUNTS, PRUNE(sparsity), "0", NULL, NULL, KERF__MIN | KERF__BELOW, 0, 1, NULL},
    {"s", KERF__KEY_AMOUNTS, PRUNE(s), "0", NULL, NULL, KERF__MIN, 0, 0, NULL},
    {"min_keep", KERF__KEY_REAL, PRUNE(min_keep), "0", NULL, NULL, KERF__MIN | KERF__BELOW, 0, 1, NULL},
    {"structure", KERF__KEY_TEXT, PRUNE(structure), "weight", NULL, NULL, 0, 0, 0, NULL},
    {"curve", KERF__KEY_CHOICE, PRUNE(curve), "cubic", NULL, "once|linear|cubic|exp", 0, 0, 0, NULL},
    {"layers", KERF__KEY_LIST, PRUNE(layers), "[]", NULL, NULL, 0, 0, 0, NULL},
    {"skip", KERF__KEY_LIST, PRUNE(skip), "[]", NULL, NULL, 0, 0, 0, NULL},
    {"mask", KERF__KEY_TEXT, PRUNE(mask), "", NULL, NULL, 0, 0, 0, NULL},
    {"biases", KERF__KEY_FLAG, PRUNE(biases), "false", NULL, NULL, 0, 0, 0, NULL},
    {"lift", KERF__KEY_TIME, PRUNE(lift), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"rewind", KERF__KEY_TIME, PRUNE(rewind), "", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
};
static const kerf__section PRUNE_SECTION = SECTION("prune", PRUNE_KEYS);

static const kerf__key QUANTIZE_KEYS[] = {
    {"start", KERF__KEY_TIME, QUANTIZE(start), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"mode", KERF__KEY_CHOICE, QUANTIZE(mode), "qat", NULL, "dynamic|static|weight-only|qat", 0, 0, 0, NULL},
    {"weights", KERF__KEY_TEXT, QUANTIZE(weights), "int8", NULL, NULL, 0, 0, 0, NULL},
    {"activations", KERF__KEY_CHOICE, QUANTIZE(activations), "uint8", NULL, "uint8|int8|uint16|int16", 0, 0, 0, NULL},
    {"per", KERF__KEY_TEXT, QUANTIZE(per), "channel", NULL, NULL, 0, 0, 0, NULL},
    {"asymmetric", KERF__KEY_FLAG, QUANTIZE(asymmetric), "false", NULL, NULL, 0, 0, 0, NULL},
    {"observer", KERF__KEY_TEXT, QUANTIZE(observer), "minmax", NULL, NULL, 0, 0, 0, NULL},
    {"calibrate", KERF__KEY_WHOLE, QUANTIZE(calibrate), "512", NULL, NULL, KERF__MIN, 1, 0, NULL},
    {"freeze_observers", KERF__KEY_TIME, QUANTIZE(freeze_observers), "", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"learn_ranges", KERF__KEY_FLAG, QUANTIZE(learn_ranges), "false", NULL, NULL, 0, 0, 0, NULL},
    {"equalize", KERF__KEY_FLAG, QUANTIZE(equalize), "false", NULL, NULL, 0, 0, 0, NULL},
    {"bias_correct", KERF__KEY_FLAG, QUANTIZE(bias_correct), "false", NULL, NULL, 0, 0, 0, NULL},
    {"layers", KERF__KEY_LIST, QUANTIZE(layers), "[]", NULL, NULL, 0, 0, 0, NULL},
    {"skip", KERF__KEY_LIST, QUANTIZE(skip), "[]", NULL, NULL, 0, 0, 0, NULL},
};
static const kerf__section QUANTIZE_SECTION = SECTION("quantize", QUANTIZE_KEYS);

static const kerf__key DISTILL_KEYS[] = {
    {"start", KERF__KEY_TIME, DISTILL(start), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"end", KERF__KEY_TIME, DISTILL(end), "", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"teacher", KERF__KEY_LIST, DISTILL(teacher), NULL, NULL, NULL, 0, 0, 0, NULL},
    {"temperature", KERF__KEY_REAL, DISTILL(temperature), "4", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, 1000, NULL},
    {"last_temperature", KERF__KEY_REAL, DISTILL(last_temperature), "=temperature", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, 1000, NULL},
    {"alpha", KERF__KEY_REAL, DISTILL(alpha), "0.7", NULL, NULL, KERF__MIN | KERF__MAX, 0, 1, NULL},
    {"taps", KERF__KEY_LIST, DISTILL(taps), "[]", NULL, NULL, 0, 0, 0, NULL},
    {"beta", KERF__KEY_REAL, DISTILL(beta), "8", NULL, NULL, KERF__MIN | KERF__MAX, 0, 1e6, NULL},
    {"hint_epochs", KERF__KEY_REAL, DISTILL(hint_epochs), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"cache", KERF__KEY_FLAG, DISTILL(cache), "false", NULL, NULL, 0, 0, 0, NULL},
    {"teacher_device", KERF__KEY_TEXT, DISTILL(teacher_device), "", NULL, NULL, 0, 0, 0, NULL},
};
static const kerf__section DISTILL_SECTION = SECTION("distill", DISTILL_KEYS);

static const kerf__key SHARE_KEYS[] = {
    {"bits", KERF__KEY_WHOLE, SHARE(bits), "4", NULL, NULL, KERF__MIN | KERF__MAX, 1, KERF_SHARE_MOST_BITS, NULL},
    {"init", KERF__KEY_CHOICE, SHARE(init), "linear", NULL, "linear|density|random", 0, 0, 0, NULL},
    {"block", KERF__KEY_WHOLE, SHARE(block), "0", NULL, NULL, KERF__MIN, 0, 0, NULL},
    {"layers", KERF__KEY_LIST, SHARE(layers), "[]", NULL, NULL, 0, 0, 0, NULL},
    {"skip", KERF__KEY_LIST, SHARE(skip), "[]", NULL, NULL, 0, 0, 0, NULL},
};
static const kerf__section SHARE_SECTION = SECTION("share", SHARE_KEYS);

static const kerf__key LR_KEYS[] = {
    {"start", KERF__KEY_TIME, LR(start), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"lr", KERF__KEY_REAL, LR(lr), NULL, NULL, NULL, KERF__MIN, 0, 0, NULL},
    {"schedule", KERF__KEY_CHOICE, LR(schedule), "cosine", NULL, "const|step|cosine|exp|linear", 0, 0, 0, NULL},
    {"warmup", KERF__KEY_TIME, LR(warmup), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
};
static const kerf__section LR_SECTION = SECTION("lr", LR_KEYS);

static const kerf__key FREEZE_KEYS[] = {
    {"start", KERF__KEY_TIME, FREEZE(start), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"end", KERF__KEY_TIME, FREEZE(end), "", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"layers", KERF__KEY_LIST, FREEZE(layers), NULL, NULL, NULL, 0, 0, 0, NULL},
};
static const kerf__section FREEZE_SECTION = SECTION("freeze", FREEZE_KEYS);

#define REPEAT_KEYS                                                                                         \
    {                                                                                                       \
        {"start", KERF__KEY_TIME, REPEAT(start), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL}, \
        {"end", KERF__KEY_TIME, REPEAT(end), "", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, LAST_EPOCH, NULL},   \
        {"every", KERF__KEY_TIME, REPEAT(every), "1", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, LAST_EPOCH, NULL}, \
    }
static const kerf__key EVALUATE_KEYS[] = REPEAT_KEYS, CHECKPOINT_KEYS[] = REPEAT_KEYS;
static const kerf__section EVALUATE_SECTION = SECTION("evaluate", EVALUATE_KEYS),
                           CHECKPOINT_SECTION = SECTION("checkpoint", CHECKPOINT_KEYS);

static const kerf__key PENALTY_KEYS[] = {
    {"start", KERF__KEY_TIME, PENALTY(start), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"end", KERF__KEY_TIME, PENALTY(end), "", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"kind", KERF__KEY_CHOICE, PENALTY(kind), "l1", NULL, "l1|group|l0|l0-group|variational|bn|saliency", 0, 0, 0, NULL},
    {"strength", KERF__KEY_REAL, PENALTY(strength), NULL, NULL, NULL, KERF__MIN, 0, 0, NULL},
    {"layers", KERF__KEY_LIST, PENALTY(layers), "[]", NULL, NULL, 0, 0, 0, NULL},
    {"skip", KERF__KEY_LIST, PENALTY(skip), "[]", NULL, NULL, 0, 0, 0, NULL},
};
static const kerf__section PENALTY_SECTION = SECTION("penalty", PENALTY_KEYS);

static const kerf__key EXCHANGE_KEYS[] = {
    {"start", KERF__KEY_TIME, EXCHANGE(start), "0", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"end", KERF__KEY_TIME, EXCHANGE(end), "", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"gradients", KERF__KEY_CHOICE, EXCHANGE(gradients), "f32", NULL, "f32|int8", 0, 0, 0, NULL},
    {"local_steps", KERF__KEY_WHOLE, EXCHANGE(local_steps), "1", NULL, NULL, KERF__MIN | KERF__MAX, 1, 1000000, NULL},
};
static const kerf__section EXCHANGE_SECTION = SECTION("exchange", EXCHANGE_KEYS);

/* Choices in the order of kerf/channels.h. */
static const kerf__key REMOVE_KEYS[] = {
    {"structure", KERF__KEY_CHOICE, REMOVE(structure), "channel", NULL, "channel|residual", 0, 0, 0, NULL},
    {"sparsity", KERF__KEY_AMOUNTS, REMOVE(sparsity), "0", NULL, NULL, KERF__MIN | KERF__BELOW, 0, 1, NULL},
    {"macs", KERF__KEY_TEXT, REMOVE(macs), "", NULL, NULL, 0, 0, 0, NULL},
    {"criterion", KERF__KEY_CHOICE, REMOVE(criterion), "l2", NULL, "l1|l2|linf|fpgm|bn|lamp|random|taylor|rank|zeros", 0, 0, 0, NULL},
    {"scope", KERF__KEY_CHOICE, REMOVE(scope), "layer", NULL, "layer|global|isomorphic", 0, 0, 0, NULL},
    {"events", KERF__KEY_WHOLE, REMOVE(events), "1", NULL, NULL, KERF__MIN | KERF__MAX, 1, 10000, NULL},
    {"retrain", KERF__KEY_REAL, REMOVE(retrain), "1", NULL, NULL, KERF__MIN | KERF__MAX, 0, LAST_EPOCH, NULL},
    {"curve", KERF__KEY_CHOICE, REMOVE(curve), "linear", NULL, "once|linear|cubic|exp", 0, 0, 0, NULL},
    {"calibrate", KERF__KEY_WHOLE, REMOVE(calibrate), "256", NULL, NULL, KERF__MIN, 1, 0, NULL},
    {"round_to", KERF__KEY_WHOLE, REMOVE(round_to), "1", NULL, NULL, KERF__MIN | KERF__MAX, 1, 4096, NULL},
    {"min_channels", KERF__KEY_WHOLE, REMOVE(min_channels), "1", NULL, NULL, KERF__MIN, 1, 0, NULL},
    {"layers", KERF__KEY_LIST, REMOVE(layers), "[]", NULL, NULL, 0, 0, 0, NULL},
    {"skip", KERF__KEY_LIST, REMOVE(skip), "[]", NULL, NULL, 0, 0, 0, NULL},
};
static const kerf__section REMOVE_SECTION = SECTION("remove", REMOVE_KEYS);

/* In the order of kerf__recipe_step_kind. */
static const kerf__key STEP_KEYS[] = {
    {"prune", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &PRUNE_SECTION},
    {"quantize", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &QUANTIZE_SECTION},
    {"distill", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &DISTILL_SECTION},
    {"share", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &SHARE_SECTION},
    {"lr", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &LR_SECTION},
    {"freeze", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &FREEZE_SECTION},
    {"evaluate", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &EVALUATE_SECTION},
    {"checkpoint", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &CHECKPOINT_SECTION},
    {"penalty", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &PENALTY_SECTION},
    {"exchange", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &EXCHANGE_SECTION},
    {"remove", KERF__KEY_SECTION, 0, NULL, NULL, NULL, 0, 0, 0, &REMOVE_SECTION},
};
static const kerf__section STEP_SECTION = SECTION("steps", STEP_KEYS);

static const kerf__key STAGE_KEYS[] = {
    {"name", KERF__KEY_TEXT, offsetof(kerf__recipe_phase, name), NULL, NULL, NULL, 0, 0, 0, NULL},
    {"train", KERF__KEY_SECTION, offsetof(kerf__recipe_phase, train), "{}", NULL, NULL, 0, 0, 0, &TRAIN_SECTION},
    {"steps", KERF__KEY_STEPS, offsetof(kerf__recipe_phase, steps), "[]", NULL, NULL, 0, 0, 0, &STEP_SECTION},
};
static const kerf__section STAGE_SECTION = SECTION("stages", STAGE_KEYS);

static const kerf__key OUTPUT_KEYS[] = {
    {"dir", KERF__KEY_TEXT, TOP(dir), "", NULL, NULL, 0, 0, 0, NULL},
    {"formats", KERF__KEY_LIST, TOP(formats), "[onnx]", NULL, "onnx|kerf|report", 0, 0, 0, NULL},
};
static const kerf__section OUTPUT_SECTION = SECTION("output", OUTPUT_KEYS);

#define TOP_KEYS                                                                                        \
    {"kerf", KERF__KEY_WHOLE, TOP(version), "1", NULL, NULL, KERF__MIN, 1, 0, NULL},                    \
    {"model", KERF__KEY_TEXT, TOP(model), NULL, NULL, NULL, 0, 0, 0, NULL},                             \
    {"width", KERF__KEY_REAL, TOP(width), "1", NULL, NULL, KERF__ABOVE | KERF__MAX, 0, 64, NULL},       \
    {"data", KERF__KEY_TEXT, TOP(data), NULL, NULL, NULL, 0, 0, 0, NULL},                               \
    {"classes", KERF__KEY_TEXT, TOP(classes), "", NULL, NULL, 0, 0, 0, NULL},                           \
    {"prep", KERF__KEY_TEXT, TOP(prep), "", NULL, NULL, 0, 0, 0, NULL},                                 \
    {"val", KERF__KEY_WHOLE, TOP(val), "0", NULL, NULL, KERF__MIN, 0, 0, NULL},                         \
    {"seed", KERF__KEY_WHOLE, TOP(seed), "1", NULL, NULL, KERF__MIN, 0, 0, NULL},                       \
    {"no_keep_zeros", KERF__KEY_FLAG, TOP(no_keep_zeros), "false", NULL, NULL, 0, 0, 0, NULL}

static const kerf__key PLAIN_KEYS[] = {
    TOP_KEYS,
    {"train", KERF__KEY_SECTION, TOP(whole.train), "{}", NULL, NULL, 0, 0, 0, &TRAIN_SECTION},
    {"steps", KERF__KEY_STEPS, TOP(whole.steps), "[]", NULL, NULL, 0, 0, 0, &STEP_SECTION},
    {"output", KERF__KEY_SECTION, 0, "{}", NULL, NULL, 0, 0, 0, &OUTPUT_SECTION},
};
const kerf__section kerf__recipe_plain_section = SECTION("", PLAIN_KEYS);

static const kerf__key STAGED_KEYS[] = {
    TOP_KEYS,
    {"stages", KERF__KEY_STAGES, TOP(stages), NULL, NULL, NULL, 0, 0, 0, &STAGE_SECTION},
    {"output", KERF__KEY_SECTION, 0, "{}", NULL, NULL, 0, 0, 0, &OUTPUT_SECTION},
};
const kerf__section kerf__recipe_staged_section = SECTION("", STAGED_KEYS);
/* clang-format on */

kerf__recipe_step_kind kerf__recipe_kind_of(const kerf__recipe_step *step)
{
    return (kerf__recipe_step_kind)(step->key - STEP_KEYS);
}

const kerf__key *kerf__key_find(const kerf__section *section, const char *name)
{
    for (size_t i = 0; i < section->num; i++)
        if (kerf__tree_same_key(section->keys[i].name, name))
            return &section->keys[i];
    return NULL;
}

static const char *key_name(const void *keys, size_t i)
{
    return ((const kerf__key *)keys)[i].name;
}

const char *kerf__key_near(const kerf__section *section, const char *name)
{
    return kerf_nearest_word(name, key_name, section->keys, section->num);
}
