/* small_run.h -- a run that takes a moment: random data, 16-30-10-3, 60 steps an epoch.
 *
 * With KERF_TEST_SMALL (oclgrind, a thousand times slower) there are 128 samples, which
 * makes two steps. */
#ifndef KERF_SMALL_RUN_H
#define KERF_SMALL_RUN_H

#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "check.h"
#include "kerf/kerf.h"

typedef struct small_run {
    kerf_graph *g;
    kerf_state *s;
    kerf_dataset *d;
} small_run;

static inline int small_is_tiny(void)
{
    return getenv("KERF_TEST_SMALL") != NULL;
}

static inline void small_write_npy(const char *path, kerf_type type, kerf_shape shape,
                                   const void *data)
{
    kerf_tensor *t;
    CHECK_OK(kerf_tensor_create(&t, NULL, type, shape));
    CHECK_OK(kerf_tensor_write(t, data));
    CHECK_OK(kerf_npy_write(t, path));
    kerf_tensor_destroy(t);
}

/* 192 samples in files of this process alone. */
static inline void small_open_tiny(kerf_dataset **d)
{
    enum { NUM = 192 };
    float images[NUM * 16];
    int32_t labels[NUM];
    char x[64], y[64], spec[160];
    for (int i = 0; i < NUM; i++) {
        labels[i] = i % 3;
        for (int k = 0; k < 16; k++)
            images[i * 16 + k] = (float)((i * 7 + k * (labels[i] + 1)) % 11) / 5.0f - 1.0f;
    }
    snprintf(x, sizeof x, "/tmp/kerf-x-%ld.npy", (long)getpid());
    snprintf(y, sizeof y, "/tmp/kerf-y-%ld.npy", (long)getpid());
    snprintf(spec, sizeof spec, "npy:%s,%s", x, y);
    small_write_npy(x, KERF_F32, KERF_SHAPE(NUM, 1, 4, 4), images);
    small_write_npy(y, KERF_S32, KERF_SHAPE(NUM), labels);
    CHECK_OK(kerf_dataset_open(d, spec));
    unlink(x);
    unlink(y);
}

/* What the last failure says. */
static inline void small_check_says(const char *words)
{
    if (strstr(kerf_last_error(), words) == NULL) {
        printf("message \"%s\" does not say \"%s\"\n", kerf_last_error(), words);
        check_failures++;
    }
}

static inline small_run small_begin(kerf_device *dev)
{
    small_run r = {NULL, NULL, NULL};
    const kerf_net_options net = {.classes = 3, .input = {1, 4, 4}, .width = 0.1, .seed = 5};
    if (small_is_tiny())
        small_open_tiny(&r.d);
    else
        CHECK_OK(kerf_dataset_open(&r.d, "random:1,4,4,3"));
    CHECK_OK(kerf_dataset_hold_back(r.d, small_is_tiny() ? 64 : 512, 1));
    CHECK_OK(kerf_net_create(&r.g, &r.s, "lenet-300-100", &net, dev));
    return r;
}

static inline void small_end(small_run *r)
{
    kerf_graph_destroy(r->g);
    kerf_state_destroy(r->s);
    kerf_dataset_close(r->d);
}

/* Gradual pruning to 80 %: five events, the last after 60 % of the run. */
static inline kerf_train_options small_options(double epochs)
{
    kerf_train_options o = kerf_train_defaults();
    o.epochs = epochs;
    o.batch = small_is_tiny() ? 64 : 128;
    o.prune = (kerf_prune_schedule){.options = {.amount = 0.8, .scope = KERF_SCOPE_GLOBAL},
                                    .curve = KERF_CURVE_CUBIC,
                                    .events = 5,
                                    .start = 0.2 * epochs,
                                    .every = 0.1 * epochs};
    return o;
}

/* Every bit of every weight, mask and moment. */
static inline uint64_t small_digest(const kerf_state *s)
{
    XXH64_state_t *hash = XXH64_createState();
    XXH64_reset(hash, 0);
    for (int id = 0; id < kerf_state_num_ids(s); id++) {
        const kerf_state_entry *e = kerf_state_get(s, id);
        if (e == NULL || e->role == KERF_ROLE_METRIC || e->role == KERF_ROLE_GRADIENT)
            continue;
        size_t num_bytes = kerf_tensor_size_bytes(e->tensor);
        void *bytes = malloc(num_bytes);
        CHECK_OK(kerf_state_read(s, id, bytes));
        XXH64_update(hash, e->name, strlen(e->name));
        XXH64_update(hash, bytes, num_bytes);
        free(bytes);
    }
    uint64_t digest = XXH64_digest(hash);
    XXH64_freeState(hash);
    return digest;
}

#endif
