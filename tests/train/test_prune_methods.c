/* test_prune_methods.c -- every method as a part of a training: the amount is reached exactly, what
 * is masked is 0 in the end, two runs have the same bits, and so has one that was stopped. */
#include "train/small_run.h"
#include "train/test_folder.h"

static const struct {
    const char *name;
    kerf_prune_method method;
} METHODS[] = {
    {"soft", KERF_PRUNE_SOFT},         {"surgery", KERF_PRUNE_SURGERY},
    {"movement", KERF_PRUNE_MOVEMENT}, {"taylor", KERF_PRUNE_TAYLOR},
    {"snip", KERF_PRUNE_SNIP},         {"obd", KERF_PRUNE_OBD},
    {"rigl", KERF_PRUNE_RIGL},
};
enum { NUM_METHODS = sizeof METHODS / sizeof METHODS[0] };

static kerf_device *dev;

/* Zeros of all masks, where the weight must be 0, too. */
static int64_t count_gone(const small_run *r)
{
    int64_t gone = 0;
    for (int id = 0; id < kerf_state_num_ids(r->s); id++) {
        const kerf_state_entry *e = kerf_state_get(r->s, id);
        unsigned char mask[1024];
        float weights[1024];
        if (e == NULL || e->role != KERF_ROLE_MASK)
            continue;
        CHECK_OK(kerf_state_read(r->s, id, mask));
        CHECK_OK(kerf_state_read(r->s, e->owner, weights));
        for (size_t i = 0; i < kerf_tensor_num_elements(e->tensor); i++) {
            gone += mask[i] == 0;
            CHECK(mask[i] != 0 || weights[i] == 0);
        }
    }
    return gone;
}

static kerf_train_options options_of(kerf_prune_method method)
{
    kerf_train_options o = small_options(small_is_tiny() ? 3 : 1);
    o.prune.options.method = method;
    o.prune.start = small_is_tiny() ? 0.5 : o.prune.start;
    if (small_is_tiny())
        o.prune.events = 2;
    return o;
}

static uint64_t run(kerf_prune_method method)
{
    small_run r = small_begin(dev);
    const kerf_train_options o = options_of(method);
    const int64_t total = 16 * 30 + 30 * 10 + 10 * 3;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(count_gone(&r) == (int64_t)floor(0.8 * (double)total + 0.5));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

/* ---- stopped and gone on with -------------------------------------------------------------- */

static int stop_at_second(void *context, const kerf_train_progress *p)
{
    int *num = context;
    *num += p->pruned != NULL;
    return p->pruned != NULL && *num == 2;
}

static uint64_t run_in_two(kerf_prune_method method, const char *folder)
{
    int num = 0;
    kerf_train_options o = options_of(method);
    o.run_dir = folder;
    o.callback = stop_at_second;
    o.context = &num;
    small_run r = small_begin(dev);
    CHECK_STATUS(KERF_ERR_CANCELLED, kerf_train(r.g, r.s, r.d, &o));
    small_end(&r);
    o.callback = NULL;
    o.resume = 1;
    r = small_begin(dev);
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    const uint64_t digest = small_digest(r.s);
    small_end(&r);
    return digest;
}

/* ---- weights that go back, masks that are lifted ------------------------------------------- */

/* Weights as they are at each event, and at the end of epoch 1. */
typedef struct watch {
    kerf_state *s;
    float first[480], now[480];
    unsigned char mask[480];
    int num_prunings, num_epochs;
} watch;

static int look(void *context, const kerf_train_progress *p)
{
    watch *w = context;
    const int id = kerf_state_find(w->s, "fc1.weight")->id;
    if (p->finished != NULL && ++w->num_epochs == 1)
        CHECK_OK(kerf_state_read(w->s, id, w->first));
    if (p->pruned == NULL)
        return 0;
    w->num_prunings++;
    CHECK_OK(kerf_state_read(w->s, id, w->now));
    CHECK_OK(kerf_state_read(w->s, kerf_state_find_owned(w->s, id, KERF_ROLE_MASK)->id, w->mask));
    for (int i = 0; i < 480; i++)
        CHECK(w->now[i] == (w->mask[i] ? w->first[i] : 0));
    return 0;
}

static void test_rewind(void)
{
    static watch w;
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(4);
    o.prune.events = 2;
    o.prune.start = 2;
    o.prune.every = 1;
    o.prune.rewinds = 1;
    o.prune.rewind = 1;
    o.callback = look;
    o.context = &w;
    w.s = r.s;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(w.num_prunings == 2);
    o.prune.rewind = 2;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    CHECK(strstr(kerf_last_error(), "go back to epoch 2, must be before the first pruning") !=
          NULL);
    small_end(&r);
}

static void test_lift(void)
{
    small_run r = small_begin(dev);
    kerf_train_options o = small_options(4);
    o.prune.events = 1;
    o.prune.start = 1;
    o.prune.lift = 3;
    CHECK_OK(kerf_train(r.g, r.s, r.d, &o));
    CHECK(count_gone(&r) == 0);
    o.prune.lift = 1;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    CHECK(strstr(kerf_last_error(), "masks are lifted after 1 epochs, must be behind") != NULL);
    small_end(&r);
}

static void test_too_early(void)
{
    small_run r = small_begin(dev);
    kerf_train_options o = options_of(KERF_PRUNE_TAYLOR);
    o.prune.start = 0;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf_train(r.g, r.s, r.d, &o));
    CHECK(strstr(kerf_last_error(), "the first pruning must be after a step at least") != NULL);
    small_end(&r);
}

int main(void)
{
    dev = check_open_device();
    /* All of them once; two, of those that remember and come back, as often as it takes. */
    for (int i = 0; i < NUM_METHODS; i++) {
        const uint64_t digest = run(METHODS[i].method);
        const int is_tried_again = METHODS[i].method == KERF_PRUNE_MOVEMENT ||
                                   (METHODS[i].method == KERF_PRUNE_RIGL && !small_is_tiny());
        if (!is_tried_again)
            continue;
        CHECK(run(METHODS[i].method) == digest);
        test_folder folder;
        test_folder_make(&folder);
        CHECK(run_in_two(METHODS[i].method, folder.path) == digest);
        test_folder_remove(&folder);
    }
    test_rewind();
    test_lift();
    test_too_early();
    kerf_device_close(dev);
    return check_result();
}
