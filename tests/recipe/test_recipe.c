/* test_recipe.c -- recipes: what is read, what is refused and where, and that what is written out
 * says the same. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "kerf/recipe.h"

static char path[64], copy[64];

static kerf_status read_text(kerf_recipe **r, const char *text, const char *set)
{
    CHECK_OK(kerf__file_write(path, text, strlen(text)));
    return kerf_recipe_read(r, path, &set, set != NULL);
}

/* The message must be `want`, behind the file's name and a colon where `want` begins with a line.
 */
static void check_refused(const char *want, const char *text, const char *set)
{
    kerf_recipe *r;
    char line[512];
    const int is_line = want[0] >= '0' && want[0] <= '9';
    CHECK(read_text(&r, text, set) != KERF_OK);
    CHECK(r == NULL);
    snprintf(line, sizeof line, "%s%s%s", is_line ? path : "", is_line ? ":" : "", want);
    if (strcmp(kerf_last_error(), line) != 0) {
        printf("'%s' is not\n'%s'\n", kerf_last_error(), line);
        CHECK(!"the message");
    }
}

#define HEAD "model: lenet-5\ndata: random:1,8,8,4\n"

/* ---- what is read -----------------------------------------------------------------------------
 */

static void test_defaults(void)
{
    kerf_recipe *r;
    const kerf_train_options want = kerf_train_defaults();
    CHECK_OK(read_text(&r, HEAD, NULL));
    const kerf_train_options *t = &r->stages[0].train;
    CHECK(r->num_stages == 1 && r->stages[0].name[0] == '\0');
    CHECK(strcmp(r->model, "lenet-5") == 0 && strcmp(r->data, "random:1,8,8,4") == 0);
    CHECK(r->width == 1 && r->val == 0 && r->seed == 1 && r->keep_zeros && r->prep == NULL);
    CHECK(t->epochs == want.epochs && t->batch == want.batch && t->lr == want.lr);
    CHECK(memcmp(&t->optimizer, &want.optimizer, sizeof want.optimizer) == 0);
    CHECK(t->schedule == want.schedule && t->seed == 1 && t->num_events == 0);
    CHECK(t->keep_best == 0 && t->augment == NULL && t->num_freeze == 0);
    kerf_recipe_destroy(r);
}

/* Other optimizers have other defaults, as on the command line. */
static void test_adam(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(
        &r,
        HEAD "train: {optimizer: adamw, weight-decay: 0.01, label_smoothing: 0.1, mixup: 0.2, "
             "accumulate: 4, clip: 0.5, batch-norm: together, balance: '3,1', "
             "precision: mixed}\n"
             "val: 9\n",
        NULL));
    const kerf_train_options *t = &r->stages[0].train;
    CHECK(t->optimizer.kind == KERF_ADAMW && t->lr == 0.001 && t->keep_best == 1);
    CHECK(t->optimizer.weight_decay == 0.01f && t->smoothing == 0.1 && t->mixup == 0.2);
    CHECK(t->batch_norm == KERF_BATCH_NORM_TOGETHER);
    CHECK(t->accumulate == 4 && t->clip == 0.5 && t->precision == KERF_PRECISION_MIXED &&
          strcmp(t->balance, "3,1") == 0);
    kerf_recipe_destroy(r);
}

static void test_prune(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD "steps:\n"
                            "  - prune: {start: 1, end: 4, every: 0.5, scope: global,\n"
                            "            sparsity: '0.95,fc*=0.9', structure: block=4x1,\n"
                            "            skip: [conv1, conv2], rewind: 0.5}\n",
                       "steps.0.prune.curve=exp"));
    const kerf_event *e = r->stages[0].train.events;
    const kerf_prune_event *p = e->prune;
    CHECK(r->stages[0].train.num_events == 1 && e->kind == KERF_EVENT_PRUNE);
    CHECK(e->start.value == 1 && e->end.value == 4 && e->every.value == 0.5 &&
          p->curve == KERF_CURVE_EXP);
    CHECK(p->options.scope == KERF_SCOPE_GLOBAL && p->options.amount == 0.95);
    CHECK(p->options.num_amounts == 1 && p->options.amounts[0].value == 0.9);
    CHECK(strcmp(p->options.amounts[0].pattern, "fc*") == 0);
    CHECK(p->options.structure == KERF_STRUCTURE_BLOCK && p->options.block[0] == 4);
    CHECK(p->options.num_skip == 2 && strcmp(p->options.skip[1], "conv2") == 0);
    CHECK(p->rewinds == 1 && p->rewind.value == 0.5 && p->lift.value == 0);
    kerf_recipe_destroy(r);
}

static void test_penalty(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD "steps: [penalty: {kind: l0-group, strength: 1e-3, start: 1,\n"
                            "                  end: 50%, skip: [fc3, fc1]}]\n",
                       NULL));
    const kerf_event *e = r->stages[0].train.events;
    CHECK(e->kind == KERF_EVENT_PENALTY && e->start.value == 1 && e->end.unit == KERF_SHARES);
    CHECK(e->penalty->kind == KERF_PENALTY_L0_GROUP && e->penalty->strength == 1e-3);
    CHECK(e->penalty->num_skip == 2 && strcmp(e->penalty->skip[0], "fc3") == 0);
    kerf_recipe_destroy(r);
    check_refused("3: penalty.strength: is missing", HEAD "steps: [penalty: {kind: l1}]\n", NULL);
    check_refused("3: penalty.kind l2: must be one of l1|group|l0|l0-group|variational|bn|saliency",
                  HEAD "steps: [penalty: {kind: l2, strength: 1}]\n", NULL);
}

static void test_exchange(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD "steps:\n"
                            "  - exchange: {gradients: int8, end: 40 steps}\n"
                            "  - exchange: {start: 50%, local-steps: 8}\n",
                       NULL));
    const kerf_event *e = r->stages[0].train.events;
    CHECK(r->stages[0].train.num_events == 2);
    CHECK(e[0].kind == KERF_EVENT_EXCHANGE && e[0].end.value == 40 && e[0].end.unit == KERF_STEPS);
    CHECK(e[0].exchange.gradients == KERF_GRADIENTS_INT8 && e[0].exchange.local_steps == 1);
    CHECK(e[1].start.unit == KERF_SHARES && e[1].end.value == 0);
    CHECK(e[1].exchange.gradients == KERF_GRADIENTS_F32 && e[1].exchange.local_steps == 8);
    kerf_recipe_destroy(r);
    check_refused("3: exchange.local_steps 0: must be at least 1 and at most 1000000",
                  HEAD "steps: [exchange: {local_steps: 0}]\n", NULL);
    check_refused("3: exchange: behind local steps weights travel, as floats: gradients must be "
                  "f32, or local_steps 1",
                  HEAD "steps: [exchange: {local_steps: 2, gradients: int8}]\n", NULL);
    check_refused("4: exchange: in local steps each rank has weights of its own: local_steps "
                  "must be 1, or train.batch_norm apart",
                  HEAD "train: {batch_norm: together}\nsteps: [exchange: {local_steps: 2}]\n",
                  NULL);
    check_refused("4: exchange: mixed precision wants all gradients, as floats, in each step: "
                  "gradients must be f32 and local_steps 1, or train.precision f32",
                  HEAD "train: {precision: mixed}\nsteps: [exchange: {gradients: int8}]\n", NULL);
    check_refused("3: train.gradients: no such key", HEAD "train: {gradients: int8}\n", NULL);
}

/* A removal in steps is as many stages, which train by themselves but for the last. */
static void test_remove_in_steps(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD "train: {epochs: 5}\n"
                            "steps:\n"
                            "  - remove: {macs: 40%, events: 4, retrain: 0.5}\n"
                            "  - freeze: {layers: [fc*]}\n"
                            "  - prune: {start: 2, sparsity: 0.5}\n",
                       NULL));
    CHECK(r->num_stages == 4);
    for (size_t i = 0; i < r->num_stages; i++) {
        const kerf_recipe_stage *stage = &r->stages[i];
        CHECK(stage->name[0] == 'r' && stage->name[6] == (char)('1' + i));
        CHECK(stage->removal->before == 0.25 * (double)i);
        CHECK(stage->removal->part == 0.25 * (double)(i + 1));
        CHECK(stage->train.epochs == (i < 3 ? 0.5 : 5));
        CHECK(stage->train.num_events == (i < 3 ? 1 : 2));
        CHECK(stage->train.events[0].kind == KERF_EVENT_FREEZE);
    }
    kerf_recipe_destroy(r);
    check_refused("6: stages.name small-2: is the name of two stages",
                  HEAD "stages:\n  - name: small\n    steps: [remove: {sparsity: 0.5, events: 2}]\n"
                       "  - name: small-2\n",
                  NULL);
    check_refused("3: remove.events 0: must be at least 1 and at most 10000",
                  HEAD "steps: [remove: {sparsity: 0.5, events: 0}]\n", NULL);
    check_refused("3: distill.teacher self: would be what remove leaves, must be a file",
                  HEAD "steps: [distill: {teacher: self}, remove: {sparsity: 0.5}]\n", NULL);
}

/* What is removed is no event: times are those of the steps around it. */
static void test_remove(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD "steps:\n"
                            "  - prune: {start: 1, sparsity: 0.5}\n"
                            "  - remove: {sparsity: 'conv1=0.25,*=0.5', criterion: fpgm,\n"
                            "             scope: global, round_to: 4, skip: [fc1]}\n"
                            "  - lr: {start: 2, lr: 0.1}\n",
                       NULL));
    const kerf_recipe_stage *stage = &r->stages[0];
    const kerf_recipe_removal *removal = stage->removal;
    CHECK(stage->train.num_events == 2 && stage->train.events[1].kind == KERF_EVENT_LR);
    CHECK(stage->train.events[1].start.value == 2 && removal != NULL && !removal->blocks);
    CHECK(removal->channels.criterion == KERF_CHANNEL_FPGM && removal->channels.round_to == 4);
    CHECK(removal->channels.scope == KERF_CHANNEL_SCOPE_GLOBAL && removal->macs == NULL);
    CHECK(removal->channels.num_amounts == 2 && removal->channels.amounts[0].value == 0.25);
    CHECK(removal->channels.amounts[1].value == 0.5 && removal->channels.num_skip == 1);
    kerf_recipe_destroy(r);
    check_refused("3: remove.macs: finds how much goes, must be without sparsity",
                  HEAD "steps: [remove: {sparsity: 0.5, macs: 50%}]\n", NULL);
    check_refused("3: remove: stands twice in a stage, must be once",
                  HEAD "steps: [remove: {sparsity: 0.5}, remove: {}]\n", NULL);
    check_refused("3: remove.sparsity: is missing, or macs: residual blocks want how much goes",
                  HEAD "steps: [remove: {structure: residual}]\n", NULL);
    check_refused("3: remove.sparsity: residual blocks have one share, such as 0.25",
                  HEAD "steps: [remove: {structure: residual, sparsity: 'a=0.5'}]\n", NULL);
}

static int is(kerf_time t, double value, kerf_time_unit unit)
{
    return fabs(t.value - value) < 1e-12 && t.unit == unit;
}

static void test_times(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD
                       "train: {warmup: 200 steps}\n"
                       "steps:\n"
                       "  - prune: {start: 500 steps, end: 60%, every: 1 step, sparsity: 0.9,\n"
                       "            lift: '90 %'}\n"
                       "  - quantize: {start: 13.5 epochs, learn-ranges: true}\n"
                       "  - lr: {start: 80%, lr: 0.1, warmup: 1 epoch}\n",
                       "steps.0.prune.rewind=12 steps"));
    const kerf_event *e = r->stages[0].train.events;
    CHECK(is(r->stages[0].train.warmup, 200, KERF_STEPS));
    CHECK(is(e[0].start, 500, KERF_STEPS) && is(e[0].end, 0.6, KERF_SHARES));
    CHECK(is(e[0].every, 1, KERF_STEPS) && is(e[0].prune->lift, 0.9, KERF_SHARES));
    CHECK(e[0].prune->rewinds && is(e[0].prune->rewind, 12, KERF_STEPS));
    CHECK(is(e[1].start, 13.5, KERF_EPOCHS) && e[1].end.value == 0);
    CHECK(is(e[1].quantize->freeze_observers, 1, KERF_SHARES));
    CHECK(is(e[2].start, 0.8, KERF_SHARES) && is(e[2].lr.warmup, 1, KERF_EPOCHS));
    kerf_recipe_destroy(r);
}

static void test_times_refused(void)
{
    check_refused("3: evaluate.start soon: must be a time, such as 1.5 (epochs), 500 steps or 60%",
                  HEAD "steps: [evaluate: {start: soon}]\n", NULL);
    check_refused("3: evaluate.start 3 stepps: must be a time, such as 1.5 (epochs), 500 steps or "
                  "60%",
                  HEAD "steps: [evaluate: {start: 3 stepps}]\n", NULL);
    check_refused("3: evaluate.start 1.5 steps: must be whole steps",
                  HEAD "steps: [evaluate: {start: 1.5 steps}]\n", NULL);
    check_refused("3: evaluate.end 101%: must be at most 100 %",
                  HEAD "steps: [evaluate: {end: 101%}]\n", NULL);
    check_refused("3: evaluate.every 0 steps: must be above 0 and at most 1000000000",
                  HEAD "steps: [evaluate: {every: 0 steps}]\n", NULL);
    check_refused("3: freeze.end 40%: must be from 9, its start, to 20, the last epoch",
                  HEAD "steps: [freeze: {start: 9, end: 40%, layers: fc1}]\n", NULL);
}

/* 8,192 samples of which 592 are held back make 76 steps of 100: what a recipe says in steps is
 * looked at when the data is there. */
static void test_too_many_steps(void)
{
    kerf_recipe *r;
    kerf_dataset *d;
    kerf_graph *g;
    kerf_state *s;
    CHECK_OK(kerf_dataset_open(&d, "random:1,8,8,4"));
    CHECK_OK(read_text(&r,
                       "model: lenet-300-100\ndata: d\nval: 592\ntrain: {epochs: 2, batch: 100}\n"
                       "steps:\n  - evaluate: {start: 1, end: 152 steps}\n"
                       "  - freeze: {start: 153 steps, layers: fc1}\n",
                       NULL));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_recipe_make_model(&g, &s, r, d, NULL));
    CHECK(strstr(kerf_last_error(), ":7: freeze.start 153 steps: must be within the 2 epochs that "
                                    "are trained") != NULL);
    CHECK(g == NULL && s == NULL);
    kerf_recipe_destroy(r);
    kerf_dataset_close(d);
}

static void test_taps(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD "steps:\n"
                            "  - distill:\n"
                            "      teacher: [self, big.onnx]\n"
                            "      beta: 2\n"
                            "      hint-epochs: 5\n"
                            "      cache: true\n"
                            "      teacher_device: gpu\n"
                            "      taps:\n"
                            "        - conv1=2#layer1.0.conv1:cosine:0.5\n"
                            "        - 'relu*:mse@10%-500 steps'\n"
                            "        - fc1:mse\n",
                       "steps.0.distill.taps.2=fc2:dkd"));
    const kerf_distillation *d = r->stages[0].distill;
    const kerf_learned_tap *t = d->taps;
    CHECK(d->self == 1 && d->num_taps == 3 && d->hint_epochs == 5 && d->cache == 1);
    CHECK(strcmp(r->stages[0].teacher_device, "gpu") == 0);
    CHECK(r->stages[0].num_teachers == 1 && strcmp(r->stages[0].teachers[0], "big.onnx") == 0);
    CHECK(strcmp(t[0].student, "conv1") == 0 && strcmp(t[0].teacher, "layer1.0.conv1") == 0);
    CHECK(t[0].from == 1 && t[0].loss == KERF_TAP_COSINE && t[0].weight == 0.5);
    CHECK(t[0].start.value == 0 && t[0].end.value == 0);
    CHECK(strcmp(t[1].student, "relu*") == 0 && t[1].from == 0 && t[1].weight == 1);
    CHECK(t[1].loss == KERF_TAP_MSE && t[1].start.value == 0.1 && t[1].start.unit == KERF_SHARES);
    CHECK(t[1].end.value == 500 && t[1].end.unit == KERF_STEPS);
    CHECK(t[2].loss == KERF_TAP_DECOUPLED && t[2].others == 2);
    CHECK(strncmp(t[0].place, path, strlen(path)) == 0 && strstr(t[0].place, ":11") != NULL);
    CHECK(strstr(t[2].place, "--set steps.0.distill.taps.2") != NULL);
    kerf_recipe_destroy(r);
}

static void test_stages(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD "stages:\n- {name: dense, train: {epochs: 3}}\n"
                            "- name: pruned\n  steps: [{prune: {sparsity: 0.5}}]\n",
                       "stages.1.train.epochs=4"));
    CHECK(r->num_stages == 2 && strcmp(r->stages[1].name, "pruned") == 0);
    CHECK(r->stages[0].train.epochs == 3 && r->stages[1].train.epochs == 4);
    CHECK(r->stages[0].train.num_events == 0 && r->stages[1].train.num_events == 1);
    kerf_recipe_destroy(r);
}

/* As if the key did not stand there. */
static void test_empty_values(void)
{
    kerf_recipe *r;
    CHECK_OK(read_text(&r,
                       HEAD "steps:\n  - quantize: {weights: , per: '', observer: , start: 1}\n"
                            "output: {formats: [kerf]}\n",
                       NULL));
    CHECK(r->stages[0].train.num_events == 1 && r->packs && !r->reports);
    kerf_recipe_destroy(r);
}

static void test_environment(void)
{
    kerf_recipe *r;
    setenv("KERF_TEST_RATE", "0.25", 1);
    setenv("KERF_TEST_DATA", "${KERF_TEST_RATE}", 1); /* is not looked into again */
    CHECK_OK(read_text(&r,
                       "model: m\ndata: 'npy:${KERF_TEST_DATA}.${KERF_TEST_RATE}'\n"
                       "train:\n  lr: ${KERF_TEST_RATE}\n",
                       NULL));
    CHECK(r->stages[0].train.lr == 0.25);
    CHECK(strcmp(r->data, "npy:${KERF_TEST_RATE}.0.25") == 0);
    kerf_recipe_destroy(r);
    check_refused("2: ${KERF_NONE}: the environment has no KERF_NONE",
                  "model: m\ndata: ${KERF_NONE}\n", NULL);
    check_refused("1: '${KERF': must be ${NAME} with a name", "model: ${KERF\ndata: d\n", NULL);
}

/* ---- what is written --------------------------------------------------------------------------
 */

/* Written out and read, it is written out as the same bytes. */
static void check_complete(const char *text)
{
    kerf_recipe *r, *again;
    void *first, *second;
    size_t num_first, num_second;
    CHECK_OK(read_text(&r, text, NULL));
    CHECK_OK(kerf_recipe_write(r, copy));
    CHECK_OK(kerf_recipe_read(&again, copy, NULL, 0));
    CHECK_OK(kerf_recipe_write(again, path));
    CHECK_OK(kerf__file_read(copy, 0, &first, &num_first));
    CHECK_OK(kerf__file_read(path, 0, &second, &num_second));
    CHECK(num_first == num_second && memcmp(first, second, num_first) == 0);
    CHECK(strstr(first, "momentum: 0.9\n") != NULL);
    CHECK(again->num_stages == r->num_stages &&
          again->stages[0].train.epochs == r->stages[0].train.epochs);
    free(first);
    free(second);
    kerf_recipe_destroy(r);
    kerf_recipe_destroy(again);
}

static void test_written(void)
{
    check_complete(HEAD);
    check_complete("model: 'a \"b\" \\ c: #1'\ndata: \"tab\\there\"\nclasses: ~\n"
                   "train: {epochs: 1e1, freeze: ['fc*', conv1]}\n"
                   "steps:\n- prune: {sparsity: 'fc1=0.5,*=0.25', end: 3}\n");
    /* Ends of lines that are no line feeds, and what YAML takes between quotes alone. */
    check_complete(
        "model: \"a\\N\\L\\Pb\"\ndata: \"\\x7f\\x9f\\uFEFF\\uFFFF\\U0001F600 \xc3\xa9\"\n");
    check_complete(HEAD "steps:\n- distill: {teacher: [self, a.onnx], taps: ['*=2#*:mse@0-1']}\n");
    check_complete(HEAD
                   "stages: [{name: a, steps: [{prune: {s: 1.5, method: std}}]}, {name: b}]\n");
}

/* ---- what is refused --------------------------------------------------------------------------
 */

static void test_keys_refused(void)
{
    check_refused("1: data: is missing", "model: lenet-5\n", NULL);
    check_refused("3: epoch: no such key", HEAD "epoch: 3\n", NULL);
    check_refused("4: train.epoch: no such key; did you mean epochs?", HEAD "train:\n  epoch: 3\n",
                  NULL);
    check_refused("3: steps.purne: no such key; did you mean prune?", HEAD "steps: [purne: {}]\n",
                  NULL);
    check_refused("4: prune.sparsty: no such key; did you mean sparsity?",
                  HEAD "steps:\n- prune: {sparsty: 0.5}\n", NULL);
    check_refused("3: train: stands beside stages, must stand in one of them",
                  HEAD "train: {}\nstages: [{name: a}]\n", NULL);
    check_refused("3: seed: stands here twice", HEAD "seed: 1\nseed: 2\n", NULL);
    check_refused("3: share.bits 9: must be at least 1 and at most 8",
                  HEAD "steps: [share: {bits: 9}]\n", NULL);
    check_refused("3: distill.teacher: is missing", HEAD "steps: [distill: {alpha: 0.5}]\n", NULL);
    check_refused("3: distill.teacher: self stands behind another, must be first",
                  HEAD "steps: [distill: {teacher: [a.onnx, self]}]\n", NULL);
    check_refused("4: distill.cache: samples are changed at random, train.augment flip, and what "
                  "teachers say with them; must be without one of both",
                  HEAD "train: {augment: flip}\nsteps: [distill: {teacher: self, cache: true}]\n",
                  NULL);
    check_refused("3: distill.teacher: are 5, must be from 1 to 4",
                  HEAD "steps: [distill: {teacher: [a, b, c, d, e]}]\n", NULL);
    check_refused("5: distill.tap fc1:mze: there is no loss 'mze', did you mean 'mse'; they are "
                  "soft, mse, cosine, attention, similarity, distance, dkd and angle",
                  HEAD "steps:\n- distill: {teacher: self,\n  taps: [fc1:mze]}\n", NULL);
    check_refused("3: distill.tap fc1: must be STUDENT_LAYER=TEACHER_LAYER:LOSS, :WEIGHT and the "
                  "times @FROM-UNTIL behind it if wanted, such as conv2=conv3:mse:0.5@0-5",
                  HEAD "steps: [distill: {teacher: self, taps: fc1}]\n", NULL);
    for (size_t i = 0; i < 4; i++) {
        static const char *const WRONG[] = {"5-2", "5 stepz", "20%-10%", "1-2-3"};
        char text[160], words[240];
        snprintf(text, sizeof text,
                 HEAD "steps: [distill: {teacher: self, taps: ['fc1:mse@%s']}]\n", WRONG[i]);
        snprintf(
            words, sizeof words,
            "3: distill.tap fc1:mse@%s: must be STUDENT_LAYER=TEACHER_LAYER:LOSS, :WEIGHT and the "
            "times @FROM-UNTIL behind it if wanted, such as conv2=conv3:mse:0.5@0-5",
            WRONG[i]);
        check_refused(words, text, NULL);
    }
    check_refused("3: quantize.weights int5: 'int5' must be int8, int4, int2, f16 or float, or by "
                  "layer such as 'conv1=int8,*=int4'",
                  HEAD "steps: [quantize: {weights: int5}]\n", NULL);
    check_refused("3: lr.start 21: must be within the 20 epochs that are trained",
                  HEAD "steps: [lr: {start: 21, lr: 0.1}]\n", NULL);
    check_refused("3: freeze.end 1: must be from 2, its start, to 20, the last epoch",
                  HEAD "steps: [freeze: {start: 2, end: 1, layers: fc1}]\n", NULL);
    check_refused("1: kerf 2: a recipe for a newer version; this one reads 1",
                  "kerf: 2\nmodels: m\n", NULL);
}

static void test_values_refused(void)
{
    check_refused("3: train.lr fast: must be a number", HEAD "train: {lr: fast}\n", NULL);
    check_refused("3: train.batch 1.5: must be a whole number", HEAD "train: {batch: 1.5}\n", NULL);
    check_refused("3: train.momentum 1: must be at least 0 and below 1",
                  HEAD "train: {momentum: 1}\n", NULL);
    check_refused("3: train.loss mae: must be one of cross-entropy|mse",
                  HEAD "train: {loss: mae}\n", NULL);
    check_refused("3: no_keep_zeros maybe: must be true or false", HEAD "no-keep-zeros: maybe\n",
                  NULL);
    check_refused("3: train.lr is a list or a map: must be one value", HEAD "train: {lr: [1]}\n",
                  NULL);
    check_refused("3: train: must be a map of keys and values", HEAD "train: 3\n", NULL);
    check_refused("3: steps is no list: must be a list of steps, each behind a dash",
                  HEAD "steps: {prune: {}}\n", NULL);
    check_refused("3: prune.sparsity 1: must be at least 0 and below 1",
                  HEAD "steps: [prune: {sparsity: 'a=1'}]\n", NULL);
    check_refused("3: prune.sparsity: is missing, such as sparsity: 0.9", HEAD "steps: [prune: ]\n",
                  NULL);
    check_refused("3: prune.end 1: must be from 2, its start, to 20, the last epoch",
                  HEAD "steps: [prune: {sparsity: 0.5, start: 2, end: 1}]\n", NULL);
    check_refused(
        "3: prune.structure blocks: must be weight, block=4x1, n:m=2:4, kernel or channel",
        HEAD "steps: [prune: {sparsity: 0.5, structure: blocks}]\n", NULL);
    check_refused("3: stages.name a/b: must be of letters, digits, - and _",
                  HEAD "stages: [{name: a/b}]\n", NULL);
    check_refused("3: stages.name a: is the name of two stages",
                  HEAD "stages: [{name: a}, {name: a}]\n", NULL);
    check_refused("3: output.formats pdf: must be one of onnx|kerf|report",
                  HEAD "output: {formats: pdf}\n", NULL);
}

static void test_sets_refused(void)
{
    check_refused("--set seed: must be KEY=VALUE, such as steps.0.prune.sparsity=0.97", HEAD,
                  "seed");
    check_refused("--set seed=x: seed x: must be a whole number", HEAD, "seed=x");
    check_refused("--set steps.0.prune.end=1: there is no 'prune' below a plain value",
                  HEAD "steps: [a]\n", "steps.0.prune.end=1");
    check_refused("--set steps.1.prune.end=1: '1' must be a place in a list of 1, from 0",
                  HEAD "steps: [a]\n", "steps.1.prune.end=1");
    check_refused("--set train..lr=1: a word of the key is missing", HEAD, "train..lr=1");
}

static void test_yaml_refused(void)
{
    check_refused("2: is not YAML: did not find expected node content", "a: [\n", NULL);
    check_refused("1: is empty", "", NULL);
    check_refused("1: a recipe: must be a map of keys and values", "just words\n", NULL);
    check_refused("1: holds two documents, must be one", HEAD "---\na: b\n", NULL);
    check_refused("1: is more than a recipe can hold: 10000 values, 16 levels",
                  "[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]\n", NULL);
    check_refused("1: a key is a list or a map, must be a word", "[a]: b\n", NULL);
    /* Aliases of aliases: a billion of them in few bytes. */
    check_refused("1: is more than a recipe can hold: 10000 values, 16 levels",
                  "{a: &a [x,x,x,x,x,x,x,x,x,x], b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], c: &c "
                  "[*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], d: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]}\n",
                  NULL);
}

int main(void)
{
    snprintf(path, sizeof path, "/tmp/kerf-recipe-%ld.yaml", (long)getpid());
    snprintf(copy, sizeof copy, "/tmp/kerf-recipe-%ld-2.yaml", (long)getpid());
    test_defaults();
    test_adam();
    test_prune();
    test_taps();
    test_penalty();
    test_exchange();
    test_remove();
    test_remove_in_steps();
    test_times();
    test_times_refused();
    test_too_many_steps();
    test_stages();
    test_environment();
    test_empty_values();
    test_written();
    test_keys_refused();
    test_values_refused();
    test_sets_refused();
    test_yaml_refused();
    unlink(path);
    unlink(copy);
    return check_result();
}
