/* train/teacher_keep.c -- what teachers say, taken down once (teacher_cache.h): where samples stay
 * as they are it is the same in each epoch, so a file of the run's folder says it from then on, and
 * teachers need no memory on the device. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "data/data_internal.h"
#include "train/train_internal.h"

/* How often somebody is told who waits. */
static const double TELL_MS = 250;

/* ---- which file ------------------------------------------------------------------------------ */

static void add_text(XXH64_state_t *hash, const char *text)
{
    XXH64_update(hash, text, strlen(text) + 1);
}

/* All that decides what teachers say, and in which order it stands. */
static kerf_status take_key(const kerf__run *run, uint64_t *key)
{
    const kerf__teaching *t = &run->teaching;
    uint64_t numbers[3] = {t->digest, 0, (uint64_t)kerf__own_rows(run)};
    KERF__TRY(kerf__dataset_digest(run->d, KERF_SPLIT_TRAIN, &numbers[1]));
    XXH64_state_t *hash = XXH64_createState();
    if (hash == NULL)
        return kerf__fail_memory("distill", 64);
    XXH64_reset(hash, 0);
    XXH64_update(hash, numbers, sizeof numbers);
    add_text(hash, kerf_version());
    add_text(hash, kerf_graph_metadata(run->g, "kerf.prep"));
    for (size_t i = 0; i < t->num_teachers; i++)
        add_text(hash, kerf_device_get_info(kerf_state_device(t->teachers[i].s))->id);
    for (size_t i = 0; i < t->num_taps; i++) {
        XXH64_update(hash, &t->lessons[i].from, sizeof t->lessons[i].from);
        add_text(hash, kerf_value_name(t->lessons[i].learned));
    }
    *key = XXH64_digest(hash);
    XXH64_freeState(hash);
    return KERF_OK;
}

/* ---- taking down ----------------------------------------------------------------------------- */

typedef struct listening {
    kerf__run *run;
    kerf__teacher_cache_writer writer;
    kerf_loader *loader;
    float *rest;                  /* of the last batch, which is not full */
    char *said[KERF_MOST_TAPS];   /* of a batch */
    size_t bytes[KERF_MOST_TAPS]; /* of a sample */
} listening;

static kerf_status find_columns(listening *l, kerf_shape shapes[KERF_MOST_TAPS])
{
    const kerf__teaching *t = &l->run->teaching;
    const int64_t batch = kerf__own_rows(l->run);
    char text[128];
    for (size_t i = 0; i < t->num_taps; i++) {
        const kerf_tensor *said = kerf__teaching_said(t, i);
        const kerf_shape whole = kerf_tensor_shape(said);
        if (whole.rank < 1 || whole.dims[0] != batch || kerf_tensor_type(said) != KERF_F32)
            return kerf__fail(KERF_ERR_SHAPE,
                              "distill: cache: the teacher's '%s' is %s, must be float32 with "
                              "%lld samples",
                              kerf_value_name(t->lessons[i].learned),
                              kerf_shape_text(whole, text, sizeof text), (long long)batch);
        shapes[i] = (kerf_shape){.rank = whole.rank - 1};
        memcpy(shapes[i].dims, whole.dims + 1, sizeof(int64_t) * (size_t)shapes[i].rank);
        l->bytes[i] = kerf_tensor_size_bytes(said) / (size_t)batch;
        l->said[i] = kerf__alloc(kerf_tensor_size_bytes(said), 1);
        if (l->said[i] == NULL)
            return kerf__fail_memory("distill", kerf_tensor_size_bytes(said));
    }
    return KERF_OK;
}

/* The samples in their own order; the last ones in a batch that is filled up with zeros, as the
 * teachers' plans take whole ones. */
static kerf_status take_batch(listening *l, const kerf_batch *batch)
{
    const kerf__teaching *t = &l->run->teaching;
    const size_t sample = (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(l->loader));
    const size_t num = (size_t)kerf__own_rows(l->run) * sample;
    const void *images = batch->images;
    if (batch->num_samples < kerf__own_rows(l->run)) {
        memcpy(l->rest, batch->images, (size_t)batch->num_samples * sample * sizeof(float));
        images = l->rest;
    }
    KERF__TRY(kerf__teaching_ask(t, images, num * sizeof(float), 0));
    for (size_t i = 0; i < t->num_taps; i++)
        KERF__TRY(kerf_tensor_read(kerf__teaching_said(t, i), l->said[i]));
    for (int64_t n = 0; n < batch->num_samples; n++)
        for (size_t i = 0; i < t->num_taps; i++)
            kerf__teacher_cache_add(&l->writer, l->said[i] + (size_t)n * l->bytes[i], l->bytes[i]);
    return KERF_OK;
}

static kerf_status take_batches(listening *l)
{
    kerf_batch batch;
    KERF__TRY(kerf_loader_begin(l->loader, 0, 0));
    for (;;) {
        KERF__TRY(kerf_loader_next(l->loader, &batch));
        if (batch.num_samples == 0)
            return KERF_OK;
        kerf_status status = take_batch(l, &batch);
        kerf_loader_release(l->loader, &batch);
        KERF__TRY(status);
        if (kerf__now_ms() - l->run->told_ms >= TELL_MS)
            kerf__run_tell(l->run, &(kerf_train_progress){0});
        if (l->run->cancelled)
            return kerf__fail(KERF_ERR_CANCELLED,
                              "train: stopped before the first step, while the teacher was asked");
    }
}

static kerf_status make_loader(listening *l)
{
    kerf_loader_options o = {
        .split = KERF_SPLIT_TRAIN, .batch = kerf__own_rows(l->run), .keep_rest = 1};
    KERF__TRY(kerf_prep_parse(&o.prep, kerf_graph_metadata(l->run->g, "kerf.prep")));
    KERF__TRY(kerf_loader_create(&l->loader, l->run->d, &o));
    const size_t num =
        (size_t)kerf_shape_num_elements(kerf_loader_sample_shape(l->loader)) * (size_t)o.batch;
    l->rest = kerf__alloc(num, sizeof *l->rest);
    return l->rest != NULL ? KERF_OK : kerf__fail_memory("distill", num * sizeof *l->rest);
}

static kerf_status write_all(listening *l, const char *path, uint64_t key)
{
    kerf_shape shapes[KERF_MOST_TAPS];
    const int64_t num_samples = kerf_dataset_num_samples(l->run->d, KERF_SPLIT_TRAIN);
    KERF__TRY(make_loader(l));
    KERF__TRY(find_columns(l, shapes));
    KERF__TRY(kerf__teacher_cache_begin(&l->writer, path, key, num_samples, shapes,
                                        l->run->teaching.num_taps));
    kerf_status status = take_batches(l);
    if (status == KERF_OK)
        return kerf__teacher_cache_end(&l->writer);
    kerf__teacher_cache_cancel(&l->writer);
    return status;
}

static kerf_status take_down(kerf__run *run, const char *path, uint64_t key, const char *choices)
{
    listening l = {.run = run};
    KERF__TRY(kerf__run_open_teacher_plans(run, choices));
    kerf_status status = write_all(&l, path, key);
    kerf_loader_destroy(l.loader);
    free(l.rest);
    for (size_t i = 0; i < KERF_MOST_TAPS; i++)
        free(l.said[i]);
    for (size_t i = 0; i < run->teaching.num_teachers; i++) {
        kerf_plan_destroy(run->teaching.teachers[i].plan);
        run->teaching.teachers[i].plan = NULL;
    }
    return status;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static void note(kerf__run *run, const char *path, const char *why)
{
    if (why[0] == '\0' || run->warning != NULL)
        return;
    snprintf(run->warning_text, sizeof run->warning_text, "%s: %s; it is made anew", path, why);
    run->warning = run->warning_text;
}

static kerf_status open_or_make(kerf__run *run, const char *path, const char *choices)
{
    kerf__teaching *t = &run->teaching;
    const int64_t num = kerf_dataset_num_samples(run->d, KERF_SPLIT_TRAIN);
    uint64_t key = 0;
    char why[160];
    KERF__TRY(take_key(run, &key));
    KERF__TRY(kerf__teacher_cache_open(&t->cache, path, key, num, t->num_taps, why, sizeof why));
    if (t->cache != NULL)
        return KERF_OK;
    note(run, path, why);
    KERF__TRY(take_down(run, path, key, choices));
    KERF__TRY(kerf__teacher_cache_open(&t->cache, path, key, num, t->num_taps, why, sizeof why));
    return t->cache != NULL ? KERF_OK
                            : kerf__fail(KERF_ERR_FILE, "%s: %s as soon as it is written", path,
                                         why[0] != '\0' ? why : "is gone");
}

kerf_status kerf__run_open_cache(kerf__run *run, const char *choices)
{
    kerf__teaching *t = &run->teaching;
    char *path = kerf__path_join(run->folder.path, "teacher.cache");
    if (path == NULL)
        return kerf__fail_memory("distill", strlen(run->folder.path));
    kerf_status status = open_or_make(run, path, choices);
    free(path);
    for (size_t i = 0; status == KERF_OK && i < t->num_taps; i++) {
        kerf_shape shape = {.rank = t->cache->shapes[i].rank + 1, .dims = {kerf__own_rows(run)}};
        memcpy(shape.dims + 1, t->cache->shapes[i].dims,
               sizeof(int64_t) * (size_t)t->cache->shapes[i].rank);
        status = kerf__teaching_add_relay(t, i, shape);
    }
    return status;
}
