/* sparse_words_case.h -- weights of bytes with words of zeros, and their pattern made by hand, for
 * the test and the bench of sparse convolutions of bytes. */
#ifndef KERF_OPS_SPARSE_WORDS_CASE_H
#define KERF_OPS_SPARSE_WORDS_CASE_H

#include <stdint.h>
#include <stdlib.h>

#include "op_check.h"

typedef struct words_case {
    int8_t *words; /* owned, as what follows */
    int32_t *rows, *offsets;
    int num_rows, num;
} words_case;

/* The bytes of word `at`: numbers and zeros, but one that is not 0; none for channels behind the
 * last. */
static inline int words_case_fill(int8_t *word, uint32_t random, int num)
{
    int sum = 0;
    for (int i = 0; i < 4; i++) {
        word[i] = (int8_t)(i < num ? random >> 8 * i : 0);
        sum += word[i];
    }
    if (word[0] == 0) {
        word[0] = -128;
        sum -= 128;
    }
    return sum;
}

/* Of each thousand words about `kept` are not 0; rows that `is_empty` says have none. */
static inline words_case words_case_create(kerf_shape weights, unsigned kept,
                                           int (*is_empty)(int row))
{
    enum { TAPS = 256 };
    const int rows = (int)weights.dims[0], channels = (int)weights.dims[1];
    const int taps = (int)(weights.dims[2] * (weights.rank == 4 ? weights.dims[3] : 1));
    const int length = (channels + 3) / 4 * taps;
    const size_t most = (size_t)rows * (size_t)length + 1;
    words_case s = {calloc(most, 4), calloc((size_t)rows + 1, 2 * sizeof(int32_t)),
                    calloc(most, sizeof(int32_t)), rows, 0};
    uint32_t random = 1;
    for (int k = 0; k < rows; k++) {
        for (int i = 0; i < length; i++) {
            random = random * 1664525u + 1013904223u;
            if ((random >> 8) % 1000 >= kept || (is_empty != NULL && is_empty(k)))
                continue;
            s.offsets[s.num] = i / taps * TAPS + i % taps;
            s.rows[2 * k + 1] += words_case_fill(s.words + 4 * s.num++, random * 2654435761u,
                                                 channels - i / taps * 4);
        }
        s.rows[2 * k + 2] = s.num;
    }
    return s;
}

static inline void words_case_destroy(words_case *s)
{
    free(s->words);
    free(s->rows);
    free(s->offsets);
}

/* The inputs; one entry is behind the last that nobody may use. */
static inline void words_case_words(op_check *c, const words_case *s)
{
    memset(s->words + 4 * s->num, 77, 4);
    op_check_input(c, KERF_S8, KERF_SHAPE(s->num + 1, 4), s->words);
}

static inline void words_case_rows(op_check *c, const words_case *s)
{
    op_check_input(c, KERF_S32, KERF_SHAPE(s->num_rows + 1, 2), s->rows);
}

static inline void words_case_offsets(op_check *c, const words_case *s)
{
    op_check_input(c, KERF_S32, KERF_SHAPE(s->num + 1), s->offsets);
}

#endif
