/* guess.h -- `kerf eval --prep guess`: the usual preparations tried, and the best one taken.
 * Other half: guess.c. */
#ifndef HOST_GUESS_H
#define HOST_GUESS_H

#include "session.h"

typedef struct guess_list {
    kerf_prep_guess items[KERF_MOST_GUESSES]; /* the best one first */
    size_t num;                               /* 0: nothing was guessed */
} guess_list;

/* Where --prep asks for it: tries, and the session is prepared by the best from here on. */
int guess_prep(const options *o, session *s, kerf_split split, guess_list *list);
void guess_print(const guess_list *list);
/* "guesses" and "prep"; object is borrowed. */
void guess_json(json_t *object, const guess_list *list);

#endif
