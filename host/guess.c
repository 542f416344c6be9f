/* guess.c -- which preparation a foreign classifier wants; see guess.h. */
#include "guess.h"

#include "json.h"

int guess_prep(const options *o, session *s, kerf_split split, guess_list *list)
{
    list->num = 0;
    if (!prep_is_guessed(o))
        return 0;
    const int64_t batch = options_given(o, "batch") ? o->batch : 100;
    kerf_status status =
        kerf_guess_prep(s->m.g, s->m.s, s->data, split, batch, list->items, &list->num);
    return status == KERF_OK ? session_keep_prep(o, s, list->items[0].prep) : fail_kerf(o, status);
}

void guess_print(const guess_list *list)
{
    if (list->num == 0)
        return;
    table *t = table_create("preparation|>top-1|>loss");
    for (size_t i = 0; i < list->num; i++) {
        table_cell(t, "%s", list->items[i].prep);
        table_cell(t, "%.2f %%", list->items[i].top1);
        table_cell(t, "%.4f", list->items[i].loss);
    }
    table_print(t, stdout);
    table_destroy(t);
    printf("\nthe best of %zu on %lld samples: --prep %s\n\n", list->num,
           (long long)list->items[0].samples, list->items[0].prep);
}

void guess_json(json_t *object, const guess_list *list)
{
    if (list->num == 0)
        return;
    json_t *guesses = json_array();
    for (size_t i = 0; i < list->num; i++) {
        json_t *guess = json_object();
        json_object_set_new(guess, "prep", json_text(list->items[i].prep));
        json_object_set_new(guess, "samples", json_integer(list->items[i].samples));
        json_object_set_new(guess, "top1", json_number(list->items[i].top1));
        json_object_set_new(guess, "loss", json_number(list->items[i].loss));
        json_array_append_new(guesses, guess);
    }
    json_object_set_new(object, "prep", json_text(list->items[0].prep));
    json_object_set_new(object, "guesses", guesses);
}
