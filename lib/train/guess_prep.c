/* train/guess_prep.c -- which preparation a foreign classifier was trained with: the usual ones are
 * tried on some samples, and the one by which most are told right is it.
 *
 * A candidate is colours and size, which follow from what the network takes and the data has, and
 * numbers, which only trying tells. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "data/data_internal.h"
#include "train/evaluate.h"

/* Enough to tell preparations apart, and few enough for a large network. */
enum { MOST_SAMPLES = 1000, MOST_BATCH = 250 };

/* What frameworks and model zoos do to bytes; for_colors: only with three channels. */
static const struct {
    const char *text;
    int for_colors;
} NUMBERS[] = {
    {"scale=1/255", 0},
    {"scale=1/255,mean=0.5,std=0.5", 0},
    {"scale=1", 0},
    {"scale=1/255,mean=0.485:0.456:0.406,std=0.229:0.224:0.225", 1},
    {"bgr,scale=1/255,mean=0.406:0.456:0.485,std=0.225:0.224:0.229", 1}, /* Paddle */
    {"bgr,scale=1,mean=103.939:116.779:123.68", 1},                      /* Caffe */
};
enum { NUM_NUMBERS = sizeof NUMBERS / sizeof NUMBERS[0], NUM_SIZES = 2, COLORS = 3 };

/* What the network takes; a side of 0 is open. */
typedef struct wish {
    int64_t channels, height, width;
    int is_last; /* channels */
} wish;

static int is_channels(int64_t size)
{
    return size == 1 || size == COLORS;
}

static wish read_wish(const kerf_graph *g, const kerf_dataset *d)
{
    const kerf_shape shape = kerf_value_shape(kerf_graph_input(g, 0));
    wish w = {.channels = d->sample.dims[0]};
    if (shape.rank != 4)
        return w;
    w.is_last = !is_channels(shape.dims[1]) && is_channels(shape.dims[3]);
    const int64_t *side = shape.dims + (w.is_last ? 1 : 2);
    const int64_t channels = shape.dims[w.is_last ? 3 : 1];
    w.channels = channels > 0 ? channels : w.channels;
    w.height = side[0] > 0 ? side[0] : 0;
    w.width = side[1] > 0 ? side[1] : 0;
    return w;
}

/* "resize=256,crop=224," as most are trained, or the whole picture pressed into the input; ""
 * where the data has the size already. */
static void write_size(char *text, size_t text_bytes, const wish *w, const kerf_dataset *d, int i)
{
    const int64_t largest = w->height > w->width ? w->height : w->width;
    const int fits =
        w->height == 0 || (w->height == d->sample.dims[1] && w->width == d->sample.dims[2]);
    text[0] = '\0';
    if (fits || d->type != KERF_U8)
        return;
    if (i == 0)
        snprintf(text, text_bytes, "resize=%" PRId64 ",crop=%" PRId64 "x%" PRId64 ",",
                 (largest * 256 + 112) / 224, w->width, w->height);
    else
        snprintf(text, text_bytes, "resize=%" PRId64 "x%" PRId64 ",", w->width, w->height);
}

static const char *color_word(const wish *w, const kerf_dataset *d)
{
    if (d->type != KERF_U8 || w->channels == d->sample.dims[0])
        return "";
    return w->channels == 1 ? "gray," : w->channels == COLORS ? "rgb," : "";
}

/* ---- the list ------------------------------------------------------------------------------ */

typedef struct guess_list {
    kerf_prep_guess *items; /* borrowed; room for KERF_MOST_GUESSES */
    size_t num;
} guess_list;

static void add(guess_list *l, const char *text)
{
    if (text == NULL || l->num == KERF_MOST_GUESSES || strlen(text) >= sizeof l->items->prep)
        return;
    for (size_t i = 0; i < l->num; i++)
        if (strcmp(l->items[i].prep, text) == 0)
            return;
    kerf_prep_guess *guess = &l->items[l->num++];
    *guess = (kerf_prep_guess){.samples = 0};
    strcpy(guess->prep, text);
}

static void list_guesses(guess_list *l, const kerf_graph *g, const kerf_dataset *d)
{
    const wish w = read_wish(g, d);
    char size[96], text[sizeof l->items->prep];
    add(l, kerf_graph_metadata(g, "kerf.prep"));
    add(l, d->default_prep);
    for (int i = 0; i < NUM_NUMBERS; i++) {
        for (int k = 0; k < NUM_SIZES; k++) {
            if (NUMBERS[i].for_colors && (w.channels != COLORS || d->type != KERF_U8))
                continue;
            write_size(size, sizeof size, &w, d, k);
            snprintf(text, sizeof text, "%s%s%s%s", size, color_word(&w, d), NUMBERS[i].text,
                     w.is_last ? ",layout=nhwc" : "");
            add(l, text);
        }
    }
}

/* ---- trying -------------------------------------------------------------------------------- */

static kerf_status try_guess(const kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                             kerf_split split, int64_t batch, kerf_prep_guess *guess)
{
    kerf__evaluator e;
    kerf_evaluation result;
    const kerf__evaluator_options options = {.split = split,
                                             .batch = batch < MOST_BATCH ? batch : MOST_BATCH,
                                             .prep = guess->prep,
                                             .loss = KERF_LOSS_CROSS_ENTROPY,
                                             .most_samples = MOST_SAMPLES};
    KERF__TRY(kerf__evaluator_create(&e, g, s, d, &options));
    kerf_status status = kerf__evaluator_run(&e, &result, NULL);
    kerf__evaluator_free(&e);
    guess->samples = result.samples;
    guess->top1 = result.top1;
    guess->loss = result.loss;
    return status;
}

/* Most are right, then the smaller loss; a loss that is no number comes last. */
static int by_result(const void *a, const void *b)
{
    const kerf_prep_guess *x = a, *y = b;
    if (x->top1 != y->top1)
        return x->top1 > y->top1 ? -1 : 1;
    if (isnan(x->loss) || isnan(y->loss))
        return isnan(x->loss) - isnan(y->loss);
    return (x->loss > y->loss) - (x->loss < y->loss);
}

kerf_status kerf_guess_prep(const kerf_graph *g, kerf_state *s, const kerf_dataset *d,
                            kerf_split split, int64_t batch, kerf_prep_guess *guesses, size_t *num)
{
    guess_list l = {.items = guesses};
    kerf_status last = KERF_OK;
    *num = 0;
    if (kerf_graph_num_inputs(g) > 0)
        list_guesses(&l, g, d);
    for (size_t i = 0; i < l.num; i++) {
        kerf_prep_guess guess = guesses[i];
        kerf_status status = try_guess(g, s, d, split, batch, &guess);
        if (status == KERF_OK)
            guesses[(*num)++] = guess;
        else if (status != KERF_ERR_SHAPE && status != KERF_ERR_ARGUMENT)
            return status;
        else /* a preparation that these samples or this network cannot take */
            last = status;
    }
    if (*num == 0)
        return last != KERF_OK
                   ? last
                   : kerf__fail(KERF_ERR_ARGUMENT, "network has no input to prepare for");
    qsort(guesses, *num, sizeof *guesses, by_result);
    return KERF_OK;
}
