/* base/nearest.c -- which word somebody meant who misspelt one; see kerf/base.h. */
#include <stdio.h>
#include <string.h>

#include "base/near.h"

#include "kerf/base.h"

enum { LONGEST = 128 };

size_t kerf__word_distance(const char *a, const char *b)
{
    size_t row[LONGEST + 1];
    const size_t length = strlen(b);
    if (length > LONGEST || strlen(a) > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            const size_t change = diagonal + (a[i - 1] != b[j - 1]);
            const size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];
            diagonal = row[j];
            row[j] = change < shorter + 1 ? change : shorter + 1;
        }
    }
    return row[length];
}

const char *kerf_nearest_word(const char *word, const char *(*get)(const void *of, size_t i),
                              const void *of, size_t num)
{
    const char *best = NULL;
    size_t best_distance = 1 + strlen(word) / 3; /* beyond that it is another word */
    for (size_t i = 0; i < num; i++) {
        const char *name = get(of, i);
        size_t distance = name == NULL ? 99 : kerf__word_distance(word, name);
        if (distance <= best_distance) {
            best_distance = distance - (distance > 0);
            best = name;
        }
    }
    return best;
}

void kerf__near_offer(kerf__near *near, const char *word)
{
    const size_t distance = kerf__word_distance(near->word, word);
    size_t i = KERF__MOST_NEAR;
    if (2 * distance >= strlen(word) + (strlen(word) < 4))
        return;
    for (size_t k = 0; k < KERF__MOST_NEAR && near->words[k] != NULL; k++)
        if (strcmp(near->words[k], word) == 0)
            return;
    while (i > 0 && (near->words[i - 1] == NULL || near->distances[i - 1] > distance))
        i--;
    if (i == KERF__MOST_NEAR)
        return;
    const size_t num = KERF__MOST_NEAR - 1 - i;
    memmove(near->words + i + 1, near->words + i, num * sizeof *near->words);
    memmove(near->distances + i + 1, near->distances + i, num * sizeof *near->distances);
    near->words[i] = word;
    near->distances[i] = distance;
}

const char *kerf__near_text(const kerf__near *near, char *text, size_t text_bytes)
{
    size_t at = 0;
    text[0] = '\0';
    for (size_t i = 0; i < KERF__MOST_NEAR && near->words[i] != NULL && at < text_bytes; i++) {
        const int more = snprintf(text + at, text_bytes - at, "%s'%s'",
                                  i == 0 ? "; near are " : ", ", near->words[i]);
        at += more > 0 ? (size_t)more : 0;
    }
    return text;
}
