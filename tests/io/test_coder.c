/* test_coder.c -- codes come back as they went in, in few bytes, and bad bytes do no harm. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "io/coder.h"

/* Numbers that are the same everywhere. */
static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Shares of zeros by column, from none to all, or the same in each. */
static uint8_t *make_codes(const kerf__coding *how, double zeros, int by_column, uint32_t seed)
{
    uint8_t *codes = malloc(how->rows * how->columns + 1);
    for (size_t i = 0; i < how->rows * how->columns; i++) {
        const double share = by_column ? (double)(i % how->columns) / (double)how->columns : zeros;
        const uint32_t code = next(&seed) & ((1u << how->bits) - 1);
        codes[i] = (double)next(&seed) / (1 << 24) < share ? how->zero : (uint8_t)code;
    }
    return codes;
}

static size_t check_round(const kerf__coding *how, const uint8_t *codes)
{
    const size_t num = how->rows * how->columns;
    unsigned char *bytes;
    size_t num_bytes;
    uint8_t *back = malloc(num + 1);
    memset(back, 0xee, num + 1);
    CHECK_OK(kerf__coder_encode(&bytes, &num_bytes, how, codes));
    CHECK_OK(kerf__coder_decode(back, how, bytes, num_bytes));
    CHECK(memcmp(back, codes, num) == 0 && back[num] == 0xee);
    free(bytes);
    free(back);
    return num_bytes;
}

static void test_round_trips(void)
{
    static const size_t shapes[][2] = {{0, 0},  {0, 5},  {5, 0},   {1, 1},
                                       {1, 77}, {77, 1}, {31, 63}, {64, 64}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int bits = 1; bits <= 8; bits++)
            for (int share = 0; share <= 4; share++) {
                const kerf__coding how = {shapes[i][0], shapes[i][1], bits,
                                          (uint8_t)(1 << bits >> 1)};
                uint8_t *codes = make_codes(&how, share / 4.0, 0, (uint32_t)(bits + 9 * share));
                check_round(&how, codes);
                free(codes);
            }
}

static double bits_of(double p)
{
    return p > 0 && p < 1 ? -p * log2(p) - (1 - p) * log2(1 - p) : 0;
}

/* Near to what theory allows where there is nothing to know but shares: 3 % above it at most. */
static void test_sizes(void)
{
    const kerf__coding how = {300, 784, 4, 8};
    for (int share = 1; share < 100; share += 14) {
        const double zeros = share / 100.0, left = (1 - zeros) * 15 / 16; /* some are 0 by chance */
        uint8_t *codes = make_codes(&how, zeros, 0, 7);
        const double bound = 300 * 784 * (bits_of(left) + left * log2(15)) / 8;
        const double got = (double)check_round(&how, codes);
        if (got > 1.03 * bound || got < 0.98 * bound) {
            printf("%d %% zeros: %.0f bytes, theory %.0f\n", share, got, bound);
            check_failures++;
        }
        free(codes);
    }
}

/* Columns of their own shares cost less than the same shares anywhere. */
static void test_columns(void)
{
    const kerf__coding how = {300, 784, 4, 8};
    uint8_t *codes = make_codes(&how, 0, 1, 3);
    double bound = 0;
    for (int i = 0; i < 784; i++) {
        const double left = (1 - i / 784.0) * 15 / 16;
        bound += 300 * (bits_of(left) + left * log2(15)) / 8;
    }
    const double got = (double)check_round(&how, codes);
    if (got > 1.03 * bound) {
        printf("columns: %.0f bytes, theory %.0f\n", got, bound);
        check_failures++;
    }
    free(codes);
}

static void test_all_zeros(void)
{
    const kerf__coding how = {1000, 1000, 8, 128};
    uint8_t *codes = malloc(1000000);
    memset(codes, 128, 1000000);
    CHECK(check_round(&how, codes) < 400);
    free(codes);
}

/* Every length but the right one is refused, altered bytes give something and do no harm. */
static void test_bad_bytes(void)
{
    const kerf__coding how = {20, 30, 5, 16};
    uint8_t *codes = make_codes(&how, 0.7, 0, 5), back[600];
    unsigned char *bytes, longer[1024] = {0};
    size_t num_bytes;
    CHECK_OK(kerf__coder_encode(&bytes, &num_bytes, &how, codes));
    CHECK(num_bytes < sizeof longer - 1);
    memcpy(longer, bytes, num_bytes);
    for (size_t n = 0; n < num_bytes; n++) {
        unsigned char *cut = malloc(n + 1);
        memcpy(cut, bytes, n);
        CHECK_STATUS(KERF_ERR_FORMAT, kerf__coder_decode(back, &how, cut, n));
        free(cut);
    }
    CHECK(strstr(kerf_last_error(), "bytes for 20 x 30 codes, must be ") != NULL);
    CHECK_STATUS(KERF_ERR_FORMAT, kerf__coder_decode(back, &how, longer, num_bytes + 1));
    for (size_t i = 0; i < num_bytes; i++) {
        bytes[i] ^= 0x55;
        kerf_status status = kerf__coder_decode(back, &how, bytes, num_bytes);
        CHECK(status == KERF_OK || status == KERF_ERR_FORMAT);
        for (int k = 0; k < 600; k++)
            CHECK(back[k] < 32);
        bytes[i] ^= 0x55;
    }
    free(bytes);
    free(codes);
}

static void check_refused(kerf__coding how, const char *words)
{
    const uint8_t code = 9;
    unsigned char *bytes;
    size_t num_bytes;
    CHECK_STATUS(KERF_ERR_ARGUMENT, kerf__coder_encode(&bytes, &num_bytes, &how, &code));
    CHECK(strcmp(kerf_last_error(), words) == 0);
    CHECK(bytes == NULL && num_bytes == 0);
}

static void test_bad_arguments(void)
{
    check_refused((kerf__coding){1, 1, 9, 0}, "coder: 9 bits, must be 1 to 8");
    check_refused((kerf__coding){1, 1, 0, 0}, "coder: 0 bits, must be 1 to 8");
    check_refused((kerf__coding){1, 1, 4, 16}, "coder: 0 is 16, must be below 16");
    check_refused((kerf__coding){1, 1, 3, 0}, "coder: code 9, must be below 8");
    check_refused((kerf__coding){(size_t)1 << 60, 4, 4, 0},
                  "coder: 1152921504606846976 x 4 codes, must be fewer");
}

int main(void)
{
    test_round_trips();
    test_sizes();
    test_columns();
    test_all_zeros();
    test_bad_bytes();
    test_bad_arguments();
    return check_result();
}
