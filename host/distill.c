/* distill.c -- `--tap STUDENT=TEACHER:LOSS`, and teachers that are files; see distill.h. */
#include "distill.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* ---- taps ----------------------------------------------------------------------------------- */

static const char *loss_name(const void *of, size_t i)
{
    (void)of;
    return kerf_tap_loss_name((kerf_tap_loss)i);
}

static int parse_loss(const options *o, const char *whole, const char *word, kerf_tap_loss *loss)
{
    for (size_t i = 0; i < KERF_NUM_TAP_LOSSES; i++)
        if (loss_name(NULL, i) != NULL && strcmp(loss_name(NULL, i), word) == 0) {
            *loss = (kerf_tap_loss)i;
            return 0;
        }
    const char *near = kerf_nearest_word(word, loss_name, NULL, KERF_NUM_TAP_LOSSES);
    return fail_usage(o,
                      "--tap %s: there is no loss '%s'%s%s%s; they are soft, dkd, mse, cosine, "
                      "attention, similarity and distance",
                      whole, word, near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                      near != NULL ? "'" : "");
}

/* A number that ends where the text does, or at `stop`. */
static int parse_number(const char *text, char stop, double *out, const char **end)
{
    char *behind;
    *out = strtod(text, &behind);
    *end = behind;
    return behind != text && (*behind == '\0' || *behind == stop) && *out >= 0 && *out < 1e9;
}

/* "@FROM" or "@FROM-UNTIL", cut off the text. */
static int parse_epochs(char *text, kerf_learned_tap *tap)
{
    char *colon = strrchr(text, ':'), *at = strrchr(text, '@');
    const char *end;
    if (colon == NULL || at == NULL || at < colon)
        return 1;
    *at = '\0';
    if (!parse_number(at + 1, '-', &tap->start, &end))
        return 0;
    return *end == '\0' || (parse_number(end + 1, '\0', &tap->end, &end) && tap->end > tap->start);
}

/* The last part behind a colon, cut off the text; NULL: there is none. */
static char *cut_last(char *text)
{
    char *colon = strrchr(text, ':');
    if (colon == NULL)
        return NULL;
    *colon = '\0';
    return colon + 1;
}

/* "2#conv1": of the second teacher. */
static void parse_from(kerf_learned_tap *tap)
{
    char *end;
    const long number = strtol(tap->teacher, &end, 10);
    if (end == tap->teacher || *end != '#' || number < 1 || number > KERF_MOST_TEACHERS)
        return;
    tap->from = (int)number - 1;
    tap->teacher = end + 1;
}

static int fail_tap(const options *o, const char *whole)
{
    return fail_usage(o,
                      "--tap %s: must be STUDENT_LAYER=TEACHER_LAYER:LOSS, :WEIGHT and the epochs "
                      "@FROM-UNTIL behind it if wanted, such as conv2=conv3:mse:0.5@0-5",
                      whole);
}

static int parse_tap(const options *o, const char *whole, char *text, kerf_learned_tap *tap)
{
    const char *end;
    *tap = (kerf_learned_tap){.weight = 1, .others = options_given(o, "beta") ? o->beta : 8};
    if (!parse_epochs(text, tap))
        return fail_tap(o, whole);
    char *word = cut_last(text);
    if (word != NULL && parse_number(word, '\0', &tap->weight, &end))
        word = cut_last(text);
    else
        tap->weight = 1;
    if (word == NULL || text[0] == '\0')
        return fail_tap(o, whole);
    char *equal = strchr(text, '=');
    if (equal != NULL)
        *equal = '\0';
    tap->student = text;
    tap->teacher = equal != NULL ? equal + 1 : text;
    parse_from(tap);
    if (tap->student[0] == '\0' || tap->teacher[0] == '\0')
        return fail_tap(o, whole);
    return parse_loss(o, whole, word, &tap->loss);
}

static int parse_taps(const options *o, distillation *d)
{
    for (size_t i = 0; i < o->taps.num; i++) {
        const char *whole = o->taps.items[i];
        if (d->num_taps == KERF_MOST_TAPS)
            return fail_usage(o, "--tap: there are %zu, must be at most %d", o->taps.num,
                              KERF_MOST_TAPS);
        char *text = copy_text(whole, strlen(whole), 0);
        if (text == NULL)
            return fail_memory(o);
        d->texts[d->num_taps] = text;
        int code = parse_tap(o, whole, text, &d->taps[d->num_taps]);
        d->num_taps++;
        if (code != 0)
            return code;
    }
    return 0;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void set_options(const options *o, const distillation *d, kerf_distillation *out)
{
    *out = (kerf_distillation){.more = d->teachers,
                               .num_more = d->num,
                               .alpha = options_given(o, "alpha") ? o->alpha : 0.7,
                               .temperature = options_given(o, "temperature") ? o->temperature : 4,
                               .last_temperature = o->last_temperature,
                               .taps = d->taps,
                               .num_taps = d->num_taps,
                               .hint_epochs = o->hint_epochs};
}

int distill_begin(const options *o, distillation *d, const char *const *paths, size_t num,
                  kerf_device *dev, kerf_distillation *out)
{
    *d = (distillation){.num = 0};
    if (num > KERF_MOST_TEACHERS)
        return fail_usage(o, "%zu teachers, must be at most %d", num, KERF_MOST_TEACHERS);
    int code = parse_taps(o, d);
    for (size_t i = 0; code == 0 && i < num; i++) {
        code = model_read(o, &d->models[i], paths[i], dev);
        d->num = i + 1;
        d->teachers[i] = (kerf_teacher){d->models[i].g, d->models[i].s};
    }
    set_options(o, d, out);
    return code;
}

int distill_begin_option(const options *o, distillation *d, kerf_device *dev,
                         kerf_distillation *out)
{
    static const char *const others[] = {"alpha", "temperature", "last-temperature",
                                         "tap",   "beta",        "hint-epochs"};
    *d = (distillation){.num = 0};
    *out = (kerf_distillation){.num_more = 0};
    for (size_t i = 0; o->distill == NULL && i < sizeof others / sizeof others[0]; i++)
        if (options_given(o, others[i]))
            return fail_usage(o, "--%s: acts with --distill alone, such as --distill self",
                              others[i]);
    if (o->distill == NULL)
        return 0;
    const int self = strcmp(o->distill, "self") == 0;
    int code = distill_begin(o, d, &o->distill, self ? 0 : 1, dev, out);
    out->self = self;
    return code;
}

void distill_free(distillation *d)
{
    for (size_t i = 0; i < d->num; i++)
        model_free(&d->models[i]);
    for (size_t i = 0; i < d->num_taps; i++)
        free(d->texts[i]);
    *d = (distillation){.num = 0};
}
