/* train/tap_text.c -- "conv2=2#conv3:mse:0.5@0-5": what a student learns of a layer, as command
 * lines and recipes write it (kerf_learned_tap_parse). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "train/teaching.h"

/* What the second part of decoupled soft targets counts beside the first (Zhao et al. 2022). */
static const double USUAL_OTHERS = 8;

static const char *loss_name(const void *of, size_t i)
{
    (void)of;
    return kerf_tap_loss_name((kerf_tap_loss)i);
}

/* "soft, dkd, mse": all that there are, the last behind "and". */
static void list_losses(char *text, size_t text_bytes)
{
    size_t at = 0;
    for (size_t i = 0; i < KERF_NUM_TAP_LOSSES && at < text_bytes; i++) {
        const char *between = i == 0 ? "" : i + 1 < KERF_NUM_TAP_LOSSES ? ", " : " and ";
        at += (size_t)snprintf(text + at, text_bytes - at, "%s%s", between, loss_name(NULL, i));
    }
}

static kerf_status parse_loss(const char *whole, const char *word, kerf_tap_loss *loss)
{
    char all[160];
    for (size_t i = 0; i < KERF_NUM_TAP_LOSSES; i++)
        if (strcmp(loss_name(NULL, i), word) == 0) {
            *loss = (kerf_tap_loss)i;
            return KERF_OK;
        }
    const char *near = kerf_nearest_word(word, loss_name, NULL, KERF_NUM_TAP_LOSSES);
    list_losses(all, sizeof all);
    return kerf__fail(KERF_ERR_ARGUMENT, "tap %s: there is no loss '%s'%s%s%s; they are %s", whole,
                      word, near != NULL ? ", did you mean '" : "", near != NULL ? near : "",
                      near != NULL ? "'" : "", all);
}

/* The whole text is a number. */
static int parse_number(const char *text, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end != text && *end == '\0' && *out >= 0 && *out < 1e9;
}

/* Times of unlike units are compared when the run tells how long they are. */
static int is_behind(kerf_time end, kerf_time start)
{
    return end.value > (end.unit == start.unit ? start.value : 0);
}

/* "@FROM" or "@FROM-UNTIL", cut off the text. */
static int parse_times(char *text, kerf_learned_tap *tap)
{
    char *colon = strrchr(text, ':'), *at = strrchr(text, '@');
    if (colon == NULL || at == NULL || at < colon)
        return 1;
    *at = '\0';
    const char *end = kerf__time_read(at + 1, &tap->start);
    if (end == NULL || !(tap->start.value >= 0) || *end == '\0')
        return end != NULL && tap->start.value >= 0;
    end = *end == '-' ? kerf__time_read(end + 1, &tap->end) : NULL;
    return end != NULL && *end == '\0' && is_behind(tap->end, tap->start);
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

/* Cuts the copy into its words; NULL: it has not the parts that it must have. */
static const char *cut(kerf_learned_tap *tap, char *text)
{
    if (!parse_times(text, tap))
        return NULL;
    char *word = cut_last(text);
    if (word != NULL && parse_number(word, &tap->weight))
        word = cut_last(text);
    else
        tap->weight = 1;
    if (word == NULL)
        return NULL;
    char *equal = strchr(text, '=');
    if (equal != NULL)
        *equal = '\0';
    tap->student = text;
    tap->teacher = equal != NULL ? equal + 1 : text;
    parse_from(tap);
    return tap->student[0] != '\0' && tap->teacher[0] != '\0' ? word : NULL;
}

kerf_status kerf_learned_tap_parse(kerf_learned_tap *out, const char *text, void **kept)
{
    kerf_learned_tap tap = {.others = USUAL_OTHERS};
    char *copy = *kept = kerf__strdup(text);
    if (copy == NULL)
        return kerf__fail_memory("distill", strlen(text));
    const char *word = cut(&tap, copy);
    if (word == NULL)
        return kerf__fail(KERF_ERR_ARGUMENT,
                          "tap %s: must be STUDENT_LAYER=TEACHER_LAYER:LOSS, :WEIGHT and the times "
                          "@FROM-UNTIL behind it if wanted, such as conv2=conv3:mse:0.5@0-5",
                          text);
    KERF__TRY(parse_loss(text, word, &tap.loss));
    *out = tap;
    return KERF_OK;
}
