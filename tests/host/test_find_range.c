/* test_find_range.c -- bisections over every row of values, with every answer: the questions are
 * those of a plain one, and what runs ahead is never known, never twice, and enough to be asked for
 * next. */
#include "../../host/find_range.h"

#include <string.h>

#include "check.h"

enum { MOST = 45 };

/* The first value at which the search does not go on is `first`; asked[] gets all questions. */
static int plain(int last, int first, int *asked)
{
    int num = 0, low = 0, high = last;
    asked[num++] = 0;
    if (first == 0)
        return num;
    asked[num++] = last;
    if (first > last)
        return num;
    while (high - low > 1) {
        const int middle = low + (high - low) / 2;
        asked[num++] = middle;
        *(middle < first ? &low : &high) = middle;
    }
    return num;
}

static void check_ahead(const int *ahead, size_t num, const char *is_known)
{
    char seen[MOST + 1] = "";
    for (size_t k = 0; k < num; k++) {
        CHECK(!is_known[ahead[k]] && !seen[ahead[k]]);
        seen[ahead[k]] = 1;
    }
}

/* How many times runs were begun. */
static int search(int last, int first, size_t at_once)
{
    int asked[MOST], ahead[MOST], num = 0, rounds = 0;
    char is_known[MOST + 1] = "";
    const int num_asked = plain(last, first, asked);
    find_range range = find_range_of(last);
    for (int i; (i = find_range_asks(range)) >= 0; num++) {
        CHECK(num < num_asked && i == asked[num]);
        if (!is_known[i]) {
            const size_t more = find_range_ahead(range, is_known, ahead, at_once);
            CHECK(more >= 1 && more <= at_once && ahead[0] == i);
            check_ahead(ahead, more, is_known);
            for (size_t k = 0; k < more; k++)
                is_known[ahead[k]] = 1;
            rounds++;
        }
        range = find_range_behind(range, i < first);
    }
    CHECK(num == num_asked);
    CHECK(range.low == first - 1 && range.high == first);
    return rounds;
}

int main(void)
{
    int asked[MOST];
    for (int last = 1; last < MOST; last++)
        for (int first = 0; first <= last + 1; first++) {
            CHECK(search(last, first, 1) == plain(last, first, asked));
            for (size_t at_once = 2; at_once <= 8; at_once++)
                CHECK(search(last, first, at_once) <= search(last, first, at_once - 1));
        }
    CHECK(search(40, 17, 1) == 8 || search(40, 17, 1) == 7);
    CHECK(search(40, 17, 3) == 3); /* both ends and a middle, then two levels at a time */
    return check_result();
}
