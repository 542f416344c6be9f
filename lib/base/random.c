/* base/random.c -- Philox4x32-10; the constants are those of the paper (see random.h). */
#include "base/random.h"

kerf__random kerf__random_key(uint64_t seed, kerf__purpose purpose, uint32_t id)
{
    /* Seed, purpose and id are mixed by one Philox block of their own, so that nearby
     * seeds and ids give unrelated keys. */
    kerf__random plain = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    uint32_t block[4];
    kerf__random_block(plain, (uint64_t)purpose, id, block);
    return (kerf__random){{block[0], block[1]}};
}

void kerf__random_block(kerf__random r, uint64_t high, uint64_t low, uint32_t out[4])
{
    uint32_t c[4] = {(uint32_t)low, (uint32_t)(low >> 32), (uint32_t)high, (uint32_t)(high >> 32)};
    uint32_t k0 = r.key[0], k1 = r.key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k0, (uint32_t)p1,
                            (uint32_t)(p0 >> 32) ^ c[3] ^ k1, (uint32_t)p0};
        for (int i = 0; i < 4; i++)
            c[i] = next[i];
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int i = 0; i < 4; i++)
        out[i] = c[i];
}

uint32_t kerf__random_u32(kerf__random r, uint64_t stream, uint64_t i)
{
    uint32_t block[4];
    kerf__random_block(r, stream, i / 4, block);
    return block[i % 4];
}

float kerf__random_float(kerf__random r, uint64_t stream, uint64_t i)
{
    return (float)(kerf__random_u32(r, stream, i) >> 8) * (1.0f / 16777216.0f);
}

uint64_t kerf__random_below(kerf__random r, uint64_t stream, uint64_t i, uint64_t bound)
{
    uint32_t block[4];
    kerf__random_block(r, stream, i, block);
    uint64_t x = (uint64_t)block[0] << 32 | block[1];
    /* High half of a 64 x 64 bit product, from 32-bit halves: C11 has no wider type. */
    uint64_t a = x >> 32, b = x & 0xFFFFFFFFu, c = bound >> 32, d = bound & 0xFFFFFFFFu;
    uint64_t middle = a * d + ((b * d) >> 32), other = b * c + (middle & 0xFFFFFFFFu);
    return a * c + (middle >> 32) + (other >> 32);
}

void kerf__random_permutation(kerf__random r, uint64_t stream, int64_t *order, int64_t num)
{
    for (int64_t i = 0; i < num; i++)
        order[i] = i;
    for (int64_t i = num - 1; i > 0; i--) {
        int64_t j = (int64_t)kerf__random_below(r, stream, (uint64_t)i, (uint64_t)i + 1);
        int64_t swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
}
