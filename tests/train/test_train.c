/* test_train.c -- a run learns, repeats bit by bit, goes on from anywhere as if nothing had
 * happened, and says what it cannot do. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "train/small_run.h"
#include "train/test_folder.h"

static kerf_device *dev;
static test_folder folder;

/* ---- watching a run ----------------------------------------------------------------------- */

enum { MAX_EPOCHS = 32 };
typedef struct watch {
    kerf_epoch epochs[MAX_EPOCHS];
    int num_epochs, num_prunings, num_warnings;
    int stop_at_once, stop_at_pruning, stop_at_epoch; /* 0: never */
    char warning[512];
} watch;

static int look(void *context, const kerf_train_progress *p)
{
    watch *w = context;
    if (p->finished != NULL && w->num_epochs < MAX_EPOCHS)
        w->epochs[w->num_epochs++] = *p->finished;
    w->num_prunings += p->pruned != NULL;
    if (p->warning != NULL) {
        w->num_warnings++;
        snprintf(w->warning, sizeof w->warning, "%s", p->warning);
    }
    return w->stop_at_once || (p->pruned != NULL && w->num_prunings == w->stop_at_pruning) ||
           (p->finished != NULL && w->num_epochs == w->stop_at_epoch);
}

/* All of a run; returns the digest of its state. */
static uint64_t train(kerf_train_options o, watch *w, kerf_status want)
{
    small_run r = small_begin(dev);
    o.callback = w != NULL ? look : NULL;
    o.context = w;
    CHECK_STATUS(want, kerf_train(r.g, r.s, r.d, &o));
    uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

/* ---- learning and repeating ------------------------------------------------------------------ */

static void test_learns(void)
{
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(3);
    kerf_evaluation before, after;
    o.prune.events = 0;
    CHECK_OK(kerf_evaluate(r.g, r.s, r.d, KERF_SPLIT_TEST, 100, "signed", &before, NULL));
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK_OK(kerf_evaluate(r.g, r.s, r.d, KERF_SPLIT_TEST, 100, NULL, &after, NULL));
    CHECK(after.loss < 0.7 * before.loss && after.top1 > 90 && after.samples == 2048);
    CHECK(strcmp(kerf_graph_metadata(r.g, "kerf.prep"), "signed") == 0);
    small_end(&r);
}

static void test_same_seed_same_bits(void)
{
    kerf_train_options o = small_options(2.5);
    uint64_t first = train(o, NULL, KERF_OK);
    CHECK(train(o, NULL, KERF_OK) == first);
    o.seed = 2;
    CHECK(train(o, NULL, KERF_OK) != first);
}

/* A second training of one state starts without what the first one left. */
static void test_twice_on_one_state(void)
{
    small_run a = small_begin(dev), b = small_begin(dev);
    kerf_train_options o = small_options(1);
    o.keep_best = 0;
    CHECK_OK(kerf_train(a.g, a.s, a.d, &o));
    kerf_state *copy;
    CHECK_OK(kerf_state_copy(&copy, a.s, NULL));
    CHECK_OK(kerf_prune_mark(b.g, b.s, &o.prune.options));
    for (int id = 0; id < kerf_state_num_ids(copy); id++) {
        const kerf_state_entry *e = kerf_state_get(copy, id);
        const kerf_state_entry *to = kerf_state_find(b.s, e->name);
        if (to != NULL)
            CHECK_OK(kerf_state_write(b.s, to->id, kerf_tensor_data(e->tensor)));
    }
    CHECK_OK(kerf_train(a.g, a.s, a.d, &o));
    CHECK_OK(kerf_train(b.g, b.s, b.d, &o));
    CHECK(small_digest(a.s) == small_digest(b.s));
    kerf_state_destroy(copy);
    small_end(&a);
    small_end(&b);
}

/* ---- pruning inside a run ---------------------------------------------------------------- */

static void check_zero_behind_masks(const kerf_state *s)
{
    int num_masked = 0;
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *mask = kerf_state_get(s, id);
        if (mask == NULL || mask->role != KERF_ROLE_MASK)
            continue;
        size_t num = kerf_tensor_num_elements(mask->tensor);
        unsigned char *m = malloc(num);
        float *x = malloc(num * sizeof *x);
        CHECK_OK(kerf_state_read(s, id, m));
        for (int other = 0; other < kerf_state_num_ids(s); other++) {
            const kerf_state_entry *e = kerf_state_get(s, other);
            if (e == NULL ||
                (e->id != mask->owner && (e->owner != mask->owner || e->role != KERF_ROLE_MOMENT)))
                continue;
            CHECK_OK(kerf_state_read(s, other, x));
            for (size_t i = 0; i < num; i++)
                if (!m[i]) {
                    CHECK(x[i] == 0);
                    num_masked++;
                }
        }
        free(x);
        free(m);
    }
    CHECK(num_masked > 0);
}

static void test_pruned_stays_zero(void)
{
    static const kerf_optimizer OPTIMIZERS[] = {
        {.kind = KERF_SGD},
        {.kind = KERF_SGD, .momentum = 0.9f, .weight_decay = 0.01f},
        {.kind = KERF_SGD, .momentum = 0.9f, .weight_decay = 0.01f, .nesterov = 1},
        {.kind = KERF_ADAM, .weight_decay = 0.01f, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f},
        {.kind = KERF_ADAMW, .weight_decay = 0.1f, .beta1 = 0.9f, .beta2 = 0.99f, .epsilon = 1e-8f},
    };
    for (size_t i = 0; i < sizeof OPTIMIZERS / sizeof OPTIMIZERS[0]; i++) {
        small_run r = small_begin(dev);
        kerf_train_options o = small_options(2);
        o.optimizer = OPTIMIZERS[i];
        o.lr = 0.01;
        o.keep_best = 0;
        CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
        check_zero_behind_masks(r.s);
        small_end(&r);
    }
}

/* 80 % of 480 + 300 + 30 weights, and each epoch's line says how far it is. */
static void test_sparsity_is_exact(void)
{
    watch w = {.num_epochs = 0};
    train(small_options(2.5), &w, KERF_OK);
    CHECK(w.num_prunings == 5);
    CHECK(w.epochs[w.num_epochs - 1].sparsity == 648.0 / 810.0);
    CHECK(w.epochs[0].sparsity > 0 && w.epochs[0].sparsity < 0.8);
}

static void test_frozen_weights_do_not_move(void)
{
    static float before[480], after[480];
    const char *const patterns[] = {"fc1.weight"};
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(1);
    o.prune.events = 0;
    o.freeze = patterns;
    o.num_freeze = 1;
    int id = kerf_state_find(r.s, "fc1.weight")->id;
    CHECK_OK(kerf_state_read(r.s, id, before));
    uint64_t digest = small_digest(r.s);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK_OK(kerf_state_read(r.s, id, after));
    CHECK(memcmp(before, after, sizeof before) == 0);
    CHECK(small_digest(r.s) != digest);
    small_end(&r);
}

/* The state at the end is that of the best epoch behind the last pruning. */
static void test_best_epoch_is_kept(void)
{
    small_run r = small_begin(dev);
    watch w = {.num_epochs = 0};
    kerf_train_options o = small_options(5);
    kerf_evaluation result;
    o.lr = 0.5; /* rough enough for the last epoch not to be the best by nature */
    o.schedule = KERF_LR_CONST;
    o.callback = look;
    o.context = &w;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK_OK(kerf_evaluate(r.g, r.s, r.d, KERF_SPLIT_VAL, o.batch, NULL, &result, NULL));
    double best = 0;
    for (int i = 3; i < 5; i++) /* the last pruning is at 3.0: its own epoch's end comes before */
        best = fmax(best, w.epochs[i].val_top1);
    CHECK(w.num_epochs == 5 && result.top1 == best);
    small_end(&r);
}

/* ---- going on ---------------------------------------------------------------------------- */

/* What a run writes, apart from how long it took. */
static void check_same_epochs(const watch *a, const watch *b)
{
    CHECK(a->num_epochs == b->num_epochs);
    for (int i = 0; i < a->num_epochs && i < b->num_epochs; i++) {
        const kerf_epoch *x = &a->epochs[i], *y = &b->epochs[i];
        CHECK(x->epoch == y->epoch && x->loss == y->loss && x->val_top1 == y->val_top1 &&
              x->val_loss == y->val_loss && x->lr == y->lr && x->sparsity == y->sparsity);
    }
}

static int num_lines(const char *path)
{
    void *text;
    size_t num_bytes;
    int num = 0;
    CHECK_OK(kerf__file_read(path, 0, &text, &num_bytes));
    for (const char *c = text; *c != '\0'; c++)
        num += *c == '\n';
    free(text);
    return num;
}

/* Stops as told and goes on, again and again, each time as a new process would. */
static void check_interrupted(watch how, int times)
{
    kerf_train_options o = small_options(2.5);
    watch whole = {.num_epochs = 0}, pieces = how;
    uint64_t want = train(o, &whole, KERF_OK);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    for (int i = 0; i < times; i++) {
        pieces.num_prunings = 0;
        pieces.num_epochs = 0;
        train(o, &pieces, KERF_ERR_CANCELLED);
        CHECK(strstr(kerf_last_error(), "resume goes on from") != NULL);
        o.resume = 1;
    }
    pieces = (watch){.num_epochs = 0};
    CHECK(train(o, &pieces, KERF_OK) == want);
    CHECK(num_lines(test_folder_path(&folder, "metrics.jsonl")) == whole.num_epochs);
    /* The epochs that this part has seen are those of the whole. */
    watch tail = whole;
    tail.num_epochs = pieces.num_epochs;
    memcpy(tail.epochs, whole.epochs + whole.num_epochs - pieces.num_epochs,
           sizeof tail.epochs / 2);
    check_same_epochs(&pieces, &tail);
    test_folder_remove(&folder);
}

static void test_resume(void)
{
    check_interrupted((watch){.stop_at_once = 1}, 4);
    check_interrupted((watch){.stop_at_pruning = 1}, 2);
    check_interrupted((watch){.stop_at_pruning = 3}, 1);
    check_interrupted((watch){.stop_at_epoch = 1}, 1);
}

/* A finished run is finished: taken up again it only gives its result. */
static void test_resume_of_a_finished_run(void)
{
    kerf_train_options o = small_options(2.5);
    test_folder_make(&folder);
    o.run_dir = folder.path;
    uint64_t want = train(o, NULL, KERF_OK);
    o.resume = 1;
    CHECK(train(o, NULL, KERF_OK) == want);
    test_folder_remove(&folder);
}

static void change_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+b");
    fseek(f, at, SEEK_SET);
    int was = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(was ^ 1, f);
    fclose(f);
}

static void test_damaged_checkpoint(void)
{
    kerf_train_options o = small_options(2.5);
    uint64_t want = train(o, NULL, KERF_OK);
    watch w = {.stop_at_pruning = 3};
    test_folder_make(&folder);
    o.run_dir = folder.path;
    train(o, &w, KERF_ERR_CANCELLED);
    change_byte(test_folder_path(&folder, "checkpoint"), 1000);
    o.resume = 1;
    w = (watch){.num_epochs = 0};
    CHECK(train(o, &w, KERF_OK) == want);
    CHECK(w.num_warnings == 1 && strstr(w.warning, "going on from the one before") != NULL);
    change_byte(test_folder_path(&folder, "checkpoint"), 1000);
    change_byte(test_folder_path(&folder, "checkpoint.old"), 1000);
    train(o, NULL, KERF_ERR_FORMAT);
    CHECK(strstr(kerf_last_error(), "cannot take its place") != NULL);
    test_folder_remove(&folder);
}

/* The tuning store says something else, or nothing: the run keeps to its choices. */
static void test_resume_without_the_tuning_store(void)
{
    const char *was = getenv("KERF_CACHE_DIR");
    char kept[512];
    kerf_train_options o = small_options(2.5);
    watch w = {.stop_at_pruning = 2};
    test_folder empty;
    uint64_t want = train(o, NULL, KERF_OK);
    snprintf(kept, sizeof kept, "%s", was != NULL ? was : "");
    test_folder_make(&folder);
    test_folder_make(&empty);
    o.run_dir = folder.path;
    train(o, &w, KERF_ERR_CANCELLED);
    kerf_device *first = dev;
    setenv("KERF_CACHE_DIR", empty.path, 1);
    CHECK_OK(kerf_device_open(&dev, getenv("KERF_DEVICE")));
    o.resume = 1;
    CHECK(train(o, NULL, KERF_OK) == want);
    kerf_device_close(dev);
    dev = first;
    setenv("KERF_CACHE_DIR", kept, 1);
    test_folder_remove(&empty);
    test_folder_remove(&folder);
}

/* ---- what is refused --------------------------------------------------------------------- */

static void check_refused(kerf_train_options o, const char *must_say)
{
    small_run r = small_begin(dev);
    kerf_status status = kerf_train(r.g, r.s, r.d, &o);
    CHECK(status == KERF_ERR_ARGUMENT || status == KERF_ERR_FILE);
    if (strstr(kerf_last_error(), must_say) == NULL || strchr(kerf_last_error(), '\n') != NULL) {
        printf("'%s' does not say '%s'\n", kerf_last_error(), must_say);
        check_failures++;
    }
    small_end(&r);
}

#define REFUSED(change, must_say)                                                                  \
    do {                                                                                           \
        kerf_train_options o = small_options(2);                                                   \
        o.change;                                                                                  \
        check_refused(o, must_say);                                                                \
    } while (0)

static void test_bad_options(void)
{
    REFUSED(epochs = -1, "epochs is -1: must be at least 0");
    REFUSED(epochs = (double)NAN, "epochs is nan");
    REFUSED(batch = 0, "batch is 0: must be from 1 to the number of training samples");
    REFUSED(batch = 10000000, "batch is 1e+07");
    REFUSED(lr = -0.1, "lr is -0.1: must be at least 0");
    REFUSED(warmup.value = 3, "warmup is 3 epochs: must be from 0 to the run's 2 epochs");
    REFUSED(optimizer.momentum = 1, "momentum is 1: must be at least 0 and below 1");
    REFUSED(loss = KERF_LOSS_NONE, "loss must be cross-entropy or mse");
    REFUSED(prune.options.amount = 1.2, "sparsity of all layers is 1.2: must be at least 0 and");
    REFUSED(prune.events = 30, "must be within the run's 2");
    REFUSED(resume = 1, "to resume, a run's folder must be given");
    REFUSED(prep = "scale=banana", "prep");
    REFUSED(run_dir = "/dev/null/run", "/dev/null/run: cannot be written");
}

static void test_resume_of_another_run(void)
{
    kerf_train_options o = small_options(2);
    watch w = {.stop_at_pruning = 1};
    test_folder_make(&folder);
    o.run_dir = folder.path;
    o.resume = 1;
    check_refused(o, "there is no checkpoint to resume from");
    o.resume = 0;
    train(o, &w, KERF_ERR_CANCELLED);
    o.resume = 1;
    o.batch = 32;
    check_refused(o, "is of a run with batch=");
    o = small_options(2);
    o.run_dir = folder.path;
    o.resume = 1;
    o.prune.options.amount = 0.7;
    check_refused(o, "is of a run with amount=0.8");
    test_folder_remove(&folder);
}

static void test_divergence(void)
{
    kerf_train_options o = small_options(2);
    o.lr = 1e8;
    o.prune.events = 0;
    train(o, NULL, KERF_ERR_DIVERGED);
    CHECK(strstr(kerf_last_error(), "training diverged; try a smaller lr than 1e+08") != NULL);
}

static void test_weights_without_numbers(void)
{
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(1);
    float bias[3] = {0, (float)NAN, 0};
    CHECK_OK(kerf_state_write(r.s, kerf_state_find(r.s, "fc3.bias")->id, bias));
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    CHECK(strstr(kerf_last_error(), "'fc3.bias' holds 1 values that are not finite") != NULL);
    small_end(&r);
}

static void test_data_that_does_not_fit(void)
{
    small_run r = small_begin(dev);
    kerf_dataset *d;
    kerf_train_options o = small_options(1);
    CHECK_OK(kerf_dataset_open(&d, "random:1,5,4,3"));
    CHECK_STATUS(KERF_ERR_SHAPE, kerf_train(r.g, r.s, d, &o));
    CHECK(strstr(kerf_last_error(), "a sample of the data is (1, 5, 4)") != NULL);
    kerf_dataset_close(d);
    CHECK_OK(kerf_dataset_open(&d, "random:1,4,4,4"));
    CHECK_STATUS(KERF_ERR_FORMAT, kerf_train(r.g, r.s, d, &o));
    CHECK(strstr(kerf_last_error(), "has label 3, must be 0 to 2") != NULL);
    kerf_dataset_close(d);
    small_end(&r);
}

static void test_all(void)
{
    test_learns();
    test_twice_on_one_state();
    test_sparsity_is_exact();
    test_best_epoch_is_kept();
    test_resume();
    test_resume_of_a_finished_run();
    test_damaged_checkpoint();
    test_resume_without_the_tuning_store();
    test_bad_options();
    test_resume_of_another_run();
    test_divergence();
    test_weights_without_numbers();
    test_data_that_does_not_fit();
}

int main(void)
{
    dev = check_open_device();
    test_same_seed_same_bits();
    test_pruned_stays_zero();
    test_frozen_weights_do_not_move();
    if (!small_is_tiny())
        test_all();
    kerf_device_close(dev);
    return check_result();
}
