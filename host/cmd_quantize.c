/* cmd_quantize.c -- `kerf quantize`: small integers in the place of floats. */
#include <stdlib.h>

#include "change.h"
#include "command.h"
#include "interrupt.h"
#include "print_recipe.h"
#include "quantize_bits.h"
#include "quantize_errors.h"
#include "quantize_options.h"
#include "quantize_page.h"
#include "ranks.h"
#include "target.h"

static int on_progress(void *context, int64_t samples, int64_t num_samples)
{
    change *c = context;
    progress_count(&c->bar, (double)samples, (double)num_samples, "of the samples");
    return interrupted();
}

/* The file's ranges, or new ones. */
static kerf_status find_ranges(change *c, kerf_ranges **ranges, const kerf_quantize_options *q,
                               kerf_calibrate_options *how)
{
    if (quantize_is_calibrated(c->o))
        return kerf_ranges_read(ranges, c->o->ranges);
    progress_begin(&c->bar, c->o, "calibrate");
    kerf_status status = kerf_calibrate(ranges, c->s.m.g, c->s.m.s, c->s.data, q, how);
    progress_clear(&c->bar);
    if (status == KERF_OK && c->o->ranges != NULL && ranks_writes(c->o))
        status = kerf_ranges_write(*ranges, c->o->ranges);
    return status;
}

static int on_learning(void *context, int64_t steps, int64_t num_steps)
{
    change *c = context;
    progress_count(&c->bar, (double)steps, (double)num_steps, "of the steps");
    return interrupted();
}

static kerf_status learn(change *c, kerf_state **learned, kerf_quantize_options *q,
                         const kerf_calibrate_options *how)
{
    kerf_calibrate_options learning = *how;
    if (options_given(c->o, "batch"))
        learning.batch = c->o->batch;
    learning.progress = on_learning;
    progress_begin(&c->bar, c->o, "learn");
    kerf_status status = kerf_quantize_learn(learned, c->s.m.g, c->s.m.s, c->s.data, q, &learning);
    progress_clear(&c->bar);
    q->learned = *learned;
    return status;
}

static kerf_status analyse(change *c, layer_errors *errors, const kerf_quantize_options *q,
                           const kerf_calibrate_options *how)
{
    progress_begin(&c->bar, c->o, "analyse");
    kerf_status status = errors_measure(c, errors, q, how);
    progress_clear(&c->bar);
    if (status == KERF_OK && c->o->json) {
        if (c->more == NULL)
            c->more = json_object();
        json_object_set_new(c->more, "layers", errors_json(errors));
    } else if (status == KERF_OK)
        errors_print(errors, result_stream(c->o));
    return status;
}

/* Folded, evened out, ranges found: what static rounding begins with. */
static kerf_status prepare(change *c, kerf_quantize_options *q, kerf_calibrate_options *how,
                           kerf_ranges **ranges)
{
    kerf_status status = KERF_OK;
    how->prep = c->s.prep;
    how->progress = on_progress;
    how->context = c;
    if (q->mode == KERF_QUANTIZE_STATIC || c->o->equalize)
        status = kerf_quantize_fold(c->s.m.g, c->s.m.s);
    if (status == KERF_OK && c->o->equalize)
        status = kerf_quantize_equalize(c->s.m.g, c->s.m.s, q);
    if (status == KERF_OK && q->mode == KERF_QUANTIZE_STATIC)
        status = find_ranges(c, ranges, q, how);
    q->ranges = *ranges;
    return status;
}

/* Little is left to learn: a few epochs at a low rate. */
static void set_training(change *c)
{
    if (!options_given(c->o, "epochs"))
        c->train.epochs = 3;
    if (!options_given(c->o, "lr"))
        c->train.lr *= 0.1;
}

/* The event of a schedule, from its beginning on; the network is folded, its ranges known. */
static int train(change *c, const kerf_quantize_options *q)
{
    const int is_given = options_given(c->o, "freeze-observers");
    c->quantize = (kerf_quantize_event){.options = *q,
                                        .trains = 1,
                                        .freeze_observers =
                                            c->o->learn_ranges && !is_given
                                                ? (kerf_time){1, KERF_SHARES}
                                                : (kerf_time){c->o->freeze_observers, KERF_EPOCHS}};
    change_add_event(c, &(kerf_event){KERF_EVENT_QUANTIZE, .quantize = &c->quantize});
    set_training(c);
    return change_train(c);
}

static int end(const options *o, kerf_status status)
{
    if (status == KERF_ERR_CANCELLED)
        return EXIT_INTERRUPTED;
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

static int chooses_some(const kerf_quantize_options *q)
{
    int num = 0;
    for (size_t i = 0; i < q->num_choices; i++)
        num += q->choices[i].weights != KERF_F32;
    return num > 0;
}

/* What comes nearest to a target that was missed; nothing is learned on top of it.  It may be the
 * network as it is. */
static int keep_closest(change *c, const kerf_quantize_options *q)
{
    int code = chooses_some(q) ? end(c->o, kerf_quantize(c->s.m.g, c->s.m.s, q)) : 0;
    if (code == 0)
        code = change_keep_missed(c);
    return code == 0 ? EXIT_TARGET : code;
}

/* Without training, or by an event of one, whose roundings the table looks at before. */
static int round_all(change *c, layer_errors *errors, kerf_quantize_options *q,
                     kerf_calibrate_options *how)
{
    kerf_state *learned = NULL;
    int code = c->o->adaround ? end(c->o, learn(c, &learned, q, how)) : 0;
    if (code == 0 && c->o->analyse)
        code = end(c->o, analyse(c, errors, q, how));
    if (code == 0)
        code = quantize_is_trained(c->o) ? train(c, q)
                                         : end(c->o, kerf_quantize(c->s.m.g, c->s.m.s, q));
    kerf_state_destroy(learned);
    return code;
}

static int quantize(change *c, layer_errors *errors, kerf_quantize_options *q,
                    kerf_calibrate_options *how)
{
    kerf_ranges *ranges = NULL;
    kerf_bits *bits = NULL;
    int code = c->o->run_dir != NULL && !quantize_is_trained(c->o) ? change_make_folder(c) : 0;
    if (code == 0 && target_wanted(c->o))
        code = change_hold_back(c);
    if (code == 0)
        code = end(c->o, prepare(c, q, how, &ranges));
    if (code == 0 && target_wanted(c->o))
        code = bits_find(c, q, how, &bits);
    if (code == EXIT_TARGET)
        code = keep_closest(c, q);
    if (code == 0)
        code = round_all(c, errors, q, how);
    kerf_ranges_destroy(ranges);
    kerf_bits_destroy(bits);
    return code;
}

static int change_model(const options *o, kerf_quantize_options *q, kerf_calibrate_options *how)
{
    change c;
    layer_errors errors = {0};
    int code = change_begin(&c, o);
    if (code == 0)
        code = quantize(&c, &errors, q, how);
    if (code == 0)
        code = change_finish(&c);
    if (code == 0 && c.run_dir != NULL && errors.num > 0)
        code = errors_page(&c, &errors);
    errors_free(&errors);
    change_close(&c);
    return code;
}

int cmd_quantize(const options *o)
{
    kerf_quantize_options q;
    kerf_calibrate_options how;
    void *kept = NULL;
    int code = quantize_options(o, &q, &how, &kept);
    if (code == 0)
        code = recipe_wanted(o) ? recipe_tell(o) : change_model(o, &q, &how);
    free(kept);
    return code;
}
