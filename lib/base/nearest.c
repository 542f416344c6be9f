/* base/nearest.c -- which word somebody meant who misspelt one; see kerf/base.h. */
#include <string.h>

#include "kerf/base.h"

/* Levenshtein's distance of two short words. */
static size_t word_distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    size_t row[LONGEST + 1];
    size_t length = strlen(b);
    if (length > LONGEST || strlen(a) > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= length; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= length; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            size_t shorter = row[j] < row[j - 1] ? row[j] : row[j - 1];
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
        size_t distance = name == NULL ? 99 : word_distance(word, name);
        if (distance <= best_distance) {
            best_distance = distance - (distance > 0);
            best = name;
        }
    }
    return best;
}
