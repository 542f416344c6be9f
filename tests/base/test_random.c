/* test_random.c -- Philox against the vectors its authors published (Random123, kat_vectors),
 * and what is built on it. */
#include "check.h"

#include <string.h>

#include "base/random.h"

static void test_published(void)
{
    static const struct {
        uint32_t key[2];
        uint64_t high, low;
        uint32_t want[4];
    } VECTORS[] = {
        {{0, 0}, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff},
         UINT64_MAX,
         UINT64_MAX,
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0xa4093822, 0x299f31d0},
         0x0370734413198a2e,
         0x85a308d3243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof VECTORS / sizeof VECTORS[0]; i++) {
        uint32_t got[4];
        kerf__random r = {{VECTORS[i].key[0], VECTORS[i].key[1]}};
        kerf__random_block(r, VECTORS[i].high, VECTORS[i].low, got);
        CHECK(memcmp(got, VECTORS[i].want, sizeof got) == 0);
    }
}

/* Seed, purpose, id, stream and index each make other numbers. */
static void test_keys_differ(void)
{
    const kerf__random a = kerf__random_key(1, KERF__RANDOM_INIT, 0);
    const kerf__random others[] = {kerf__random_key(2, KERF__RANDOM_INIT, 0),
                                   kerf__random_key(1, KERF__RANDOM_SHUFFLE, 0),
                                   kerf__random_key(1, KERF__RANDOM_INIT, 1),
                                   kerf__random_key(UINT64_C(1) << 32 | 1, KERF__RANDOM_INIT, 0)};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK(kerf__random_u32(a, 0, 0) != kerf__random_u32(others[i], 0, 0));
    CHECK(kerf__random_u32(a, 0, 0) != kerf__random_u32(a, 1, 0));
    CHECK(kerf__random_u32(a, 0, 0) != kerf__random_u32(a, 0, 1));
    CHECK(kerf__random_u32(a, 5, 9) == kerf__random_u32(a, 5, 9));
    uint32_t block[4];
    kerf__random_block(a, 3, 2, block);
    for (uint64_t i = 0; i < 4; i++)
        CHECK(kerf__random_u32(a, 3, 8 + i) == block[i]);
}

/* Mean and variance of a uniform number within 5 standard errors. */
static void test_uniform(void)
{
    enum { NUM = 100000 };
    const kerf__random r = kerf__random_key(7, KERF__RANDOM_TEST, 0);
    double sum = 0, squares = 0;
    for (uint64_t i = 0; i < NUM; i++) {
        double x = (double)kerf__random_float(r, 0, i);
        CHECK(x >= 0 && x < 1);
        sum += x;
        squares += x * x;
    }
    double mean = sum / NUM, variance = squares / NUM - mean * mean;
    CHECK(fabs(mean - 0.5) < 5 * sqrt(1.0 / 12 / NUM));
    CHECK(fabs(variance - 1.0 / 12) < 5 * sqrt(1.0 / 180 / NUM));
}

static void test_below(void)
{
    enum { NUM = 60000, BOUND = 6 };
    const kerf__random r = kerf__random_key(8, KERF__RANDOM_TEST, 0);
    int counts[BOUND] = {0};
    for (uint64_t i = 0; i < NUM; i++) {
        uint64_t x = kerf__random_below(r, 0, i, BOUND);
        CHECK(x < BOUND);
        counts[x < BOUND ? x : 0]++;
    }
    for (int i = 0; i < BOUND; i++)
        CHECK(abs(counts[i] - NUM / BOUND) < 5 * sqrt(NUM / BOUND));
    CHECK(kerf__random_below(r, 0, 0, 1) == 0);
    /* The high half of the product: a bound of 2^63 halves the 64 bits that were drawn. */
    uint32_t block[4];
    kerf__random_block(r, 4, 5, block);
    CHECK(kerf__random_below(r, 4, 5, UINT64_C(1) << 63) ==
          ((uint64_t)block[0] << 32 | block[1]) >> 1);
}

static void test_permutation(void)
{
    enum { NUM = 1000 };
    const kerf__random r = kerf__random_key(9, KERF__RANDOM_SHUFFLE, 0);
    int64_t a[NUM], b[NUM];
    char seen[NUM] = {0};
    int moved = 0;
    kerf__random_permutation(r, 0, a, NUM);
    for (int i = 0; i < NUM; i++) {
        CHECK(a[i] >= 0 && a[i] < NUM && !seen[a[i]]);
        seen[a[i]] = 1;
        moved += a[i] != i;
    }
    CHECK(moved > NUM - 20);
    kerf__random_permutation(r, 0, b, NUM);
    CHECK(memcmp(a, b, sizeof a) == 0);
    kerf__random_permutation(r, 1, b, NUM);
    CHECK(memcmp(a, b, sizeof a) != 0);
    kerf__random_permutation(r, 0, b, 1);
    CHECK(b[0] == 0);
    kerf__random_permutation(r, 0, NULL, 0);
}

int main(void)
{
    test_published();
    test_keys_differ();
    test_uniform();
    test_below();
    test_permutation();
    return check_result();
}
