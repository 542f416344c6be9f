/* base/near.h -- words that were perhaps meant, for messages about names that are not there.  Other
 * half: nearest.c. */
#ifndef KERF_BASE_NEAR_H
#define KERF_BASE_NEAR_H

#include <stddef.h>

/* The nearest words that were offered, best first; begins zeroed but for `word`. */
enum { KERF__MOST_NEAR = 3 };
typedef struct kerf__near {
    const char *word;                   /* borrowed, as those that are offered */
    const char *words[KERF__MOST_NEAR]; /* NULL behind the last */
    size_t distances[KERF__MOST_NEAR];
} kerf__near;

/* Letters to change, add or leave out (Levenshtein 1966). */
size_t kerf__word_distance(const char *a, const char *b);
/* Kept if it is near: less than half of it must change. */
void kerf__near_offer(kerf__near *near, const char *word);
/* "; near are 'conv1' and 'conv2'", or ""; returns text. */
const char *kerf__near_text(const kerf__near *near, char *text, size_t text_bytes);

#endif
