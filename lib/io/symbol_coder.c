/* io/symbol_coder.c -- see symbol_coder.h.
 *
 * Two states take turns, so that one need not wait for the other.  What is encoded last is decoded
 * first, so symbols are encoded from the end, into the end of the bytes. */
#include "io/symbol_coder.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { BITS = 12, ONE = 1 << BITS, NUM_STATES = 2, MOST_KINDS = 256 };
static const uint32_t LEAST_STATE = 1u << 23; /* states are from it to 256 times it */

/* How a block is written. */
enum { PLAIN, CODED };

typedef struct kinds {
    uint32_t
        first[MOST_KINDS + 1]; /* where a symbol begins among ONE; the next one's: where it ends */
} kinds;

/* ---- frequencies
 * ---------------------------------------------------------------------------------- */

/* The largest gives what rounding has taken too much, or takes what is left.  None has all, so that
 * every symbol costs something: else a few bytes could stand for any number of symbols. */
static void settle(uint32_t *frequency, size_t num_kinds)
{
    size_t largest = 0;
    uint32_t sum = 0;
    for (size_t i = 0; i < num_kinds; i++) {
        sum += frequency[i];
        largest = frequency[i] > frequency[largest] ? i : largest;
    }
    frequency[largest] += ONE - sum; /* modulo 2^32, which is right below 0 too */
    if (frequency[largest] == ONE) {
        frequency[largest]--;
        frequency[(largest + 1) % num_kinds]++;
    }
}

/* At most half of ONE is lost to the least frequency, 1. */
static void count(uint32_t *frequency, const unsigned char *symbols, size_t num, size_t num_kinds)
{
    size_t counts[MOST_KINDS] = {0};
    for (size_t i = 0; i < num; i++)
        counts[symbols[i]]++;
    for (size_t i = 0; i < num_kinds; i++) {
        frequency[i] = (uint32_t)((double)counts[i] / (double)num * (ONE - (double)num_kinds));
        frequency[i] += counts[i] > 0;
    }
    settle(frequency, num_kinds);
}

static void begin(kinds *k, const uint32_t *frequency, size_t num_kinds)
{
    k->first[0] = 0;
    for (size_t i = 0; i < num_kinds; i++)
        k->first[i + 1] = k->first[i] + frequency[i];
}

static kerf_status read_kinds(kinds *k, size_t num_kinds, kerf__reading *in)
{
    uint32_t frequency[MOST_KINDS], sum = 0;
    uint64_t x;
    for (size_t i = 0; i < num_kinds; i++) {
        KERF__TRY(kerf__reading_number(in, ONE - 1, &x));
        frequency[i] = (uint32_t)x;
        sum += frequency[i];
    }
    if (sum != ONE)
        return kerf__fail(KERF_ERR_FORMAT, "packed weights: frequencies add up to %u, must be %d",
                          (unsigned)sum, (int)ONE);
    begin(k, frequency, num_kinds);
    return KERF_OK;
}

/* ---- coding
 * --------------------------------------------------------------------------------------- */

/* Fills the end of `room`; returns how many bytes, or 0 where they do not fit. */
static size_t encode(unsigned char *room, size_t room_bytes, const kinds *k,
                     const unsigned char *symbols, size_t num)
{
    uint32_t states[NUM_STATES] = {LEAST_STATE, LEAST_STATE};
    unsigned char *at = room + room_bytes;
    for (size_t i = num; i-- > 0;) {
        uint32_t *x = &states[i % NUM_STATES];
        const uint32_t first = k->first[symbols[i]], frequency = k->first[symbols[i] + 1] - first;
        for (; *x >= (LEAST_STATE >> BITS << 8) * frequency; *x >>= 8) {
            if (at == room)
                return 0;
            *--at = (unsigned char)*x;
        }
        *x = (*x / frequency << BITS) + *x % frequency + first;
    }
    if ((size_t)(at - room) < NUM_STATES * sizeof states[0])
        return 0;
    for (size_t i = NUM_STATES; i-- > 0;)
        for (int shift = 0; shift < 32; shift += 8)
            *--at = (unsigned char)(states[i] >> shift);
    return (size_t)(room + room_bytes - at);
}

static kerf_status add_coded(kerf__bytes *out, const uint32_t *frequency, size_t num_kinds,
                             const unsigned char *coded, size_t num_coded)
{
    static const unsigned char kind = CODED;
    KERF__TRY(kerf__bytes_add(out, &kind, 1));
    for (size_t i = 0; i < num_kinds; i++)
        KERF__TRY(kerf__bytes_add_number(out, frequency[i]));
    KERF__TRY(kerf__bytes_add_number(out, num_coded));
    return kerf__bytes_add(out, coded, num_coded);
}

static kerf_status add_plain(kerf__bytes *out, const unsigned char *symbols, size_t num)
{
    static const unsigned char kind = PLAIN;
    KERF__TRY(kerf__bytes_add(out, &kind, 1));
    return kerf__bytes_add(out, symbols, num);
}

kerf_status kerf__symbols_encode(kerf__bytes *out, const unsigned char *symbols, size_t num,
                                 size_t num_kinds)
{
    uint32_t frequency[MOST_KINDS];
    kinds k;
    if (num == 0 || num_kinds < 2)
        return add_plain(out, symbols, num);
    unsigned char *room = kerf__alloc(num + 16, 1);
    if (room == NULL)
        return kerf__fail_memory("packed weights", num);
    count(frequency, symbols, num, num_kinds);
    begin(&k, frequency, num_kinds);
    const size_t num_coded = encode(room, num + 16, &k, symbols, num), before = out->num;
    kerf_status status = KERF_OK;
    if (num_coded > 0)
        status = add_coded(out, frequency, num_kinds, room + num + 16 - num_coded, num_coded);
    if (status == KERF_OK && (num_coded == 0 || out->num - before > num + 1)) {
        out->num = before;
        status = add_plain(out, symbols, num);
    }
    free(room);
    return status;
}

/* Bytes behind the end are 0; then the states do not end as they began. */
static void decode(unsigned char *symbols, size_t num, const kinds *k, const unsigned char *kind_at,
                   uint32_t states[NUM_STATES], kerf__reading *in)
{
    for (size_t i = 0; i < num; i++) {
        uint32_t *x = &states[i % NUM_STATES];
        const uint32_t low = *x & (ONE - 1);
        const unsigned char symbol = kind_at[low];
        *x = (k->first[symbol + 1] - k->first[symbol]) * (*x >> BITS) + low - k->first[symbol];
        while (*x < LEAST_STATE) {
            *x = *x << 8 | (in->left > 0 ? *in->at : 0u);
            if (in->left == 0) {
                *x |= LEAST_STATE; /* ends the loop; it is an error anyway */
                states[0] = 0;
                return;
            }
            in->at++;
            in->left--;
        }
        symbols[i] = symbol;
    }
}

static kerf_status decode_coded(unsigned char *symbols, size_t num, size_t num_kinds,
                                kerf__reading *in)
{
    unsigned char kind_at[ONE];
    uint32_t states[NUM_STATES] = {0};
    uint64_t num_coded;
    const unsigned char *bytes;
    kinds k;
    KERF__TRY(read_kinds(&k, num_kinds, in));
    for (size_t i = 0; i < num_kinds; i++)
        memset(kind_at + k.first[i], (int)i, k.first[i + 1] - k.first[i]);
    KERF__TRY(kerf__reading_number(in, in->left, &num_coded));
    KERF__TRY(kerf__reading_take(in, (size_t)num_coded, &bytes));
    kerf__reading coded = {bytes, (size_t)num_coded};
    for (int i = 0; i < NUM_STATES; i++) {
        KERF__TRY(kerf__reading_take(&coded, 4, &bytes));
        for (int byte = 0; byte < 4; byte++)
            states[i] = states[i] << 8 | bytes[byte];
    }
    decode(symbols, num, &k, kind_at, states, &coded);
    return states[0] == LEAST_STATE && states[1] == LEAST_STATE && coded.left == 0
               ? KERF_OK
               : kerf__fail(KERF_ERR_FORMAT,
                            "packed weights: %zu symbols do not end where their "
                            "bytes do",
                            num);
}

kerf_status kerf__symbols_decode(unsigned char *symbols, size_t num, size_t num_kinds,
                                 kerf__reading *in)
{
    const unsigned char *kind, *bytes;
    KERF__TRY(kerf__reading_take(in, 1, &kind));
    if (*kind == CODED && num_kinds >= 2 && num_kinds <= MOST_KINDS)
        return decode_coded(symbols, num, num_kinds, in);
    if (*kind != PLAIN)
        return kerf__fail(KERF_ERR_FORMAT, "packed weights: a block of kind %d, must be %d or %d",
                          (int)*kind, (int)PLAIN, (int)CODED);
    KERF__TRY(kerf__reading_take(in, num, &bytes));
    if (num > 0)
        memcpy(symbols, bytes, num);
    return KERF_OK;
}
