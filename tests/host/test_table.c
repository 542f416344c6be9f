/* test_table.c -- what tables and timings look like: alignment by characters, names that
 * would talk to the terminal, medians and intervals. */
#include "check.h"

#include <string.h>

#include "../../host/stats.h"
#include "../../host/table.h"
#include "../../host/text.h"

static void check_text(const char *what, const char *got, const char *want)
{
    if (strcmp(got, want) == 0)
        return;
    printf("%s: \"%s\", must be \"%s\"\n", what, got, want);
    check_failures++;
}

static void test_alignment(void)
{
    table *t = table_create("name|>n");
    table_cell(t, "%s",
               "Stra\xc3\x9f"
               "e");
    table_cell(t, "%d", 7);
    table_cell(t, "%s", "e\xcc\x81"); /* e and a combining accent: one column */
    table_cell(t, "%d", 12345);
    char text[512] = "";
    FILE *f = tmpfile();
    table_print(t, f);
    rewind(f);
    size_t num = fread(text, 1, sizeof text - 1, f);
    text[num] = '\0';
    fclose(f);
    table_destroy(t);
    char *first = strchr(strchr(text, '\n') + 1, '\n') + 1; /* behind header and rule */
    check_text("rows", first,
               "Stra\xc3\x9f"
               "e      7\ne\xcc\x81       12345\n");
    CHECK(strncmp(text, "name        n\n", 14) == 0);
}

static void test_hostile_names(void)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"plain \xe2\x86\x92 text", "plain \xe2\x86\x92 text"},
        {"\033[2Jgone", "?[2Jgone"},
        {"a\tb\nc\x7f", "a?b?c?"},
        {"\xc2\x9b"
         "31m",
         "??31m"},                  /* the same escape as one C1 character */
        {"\xff\xfe", "??"},         /* no UTF-8 */
        {"cut \xe2\x86", "cut ??"}, /* ends within a character */
        {"\xc0\x80", "??"},         /* a 0 byte in disguise */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[64];
        snprintf(text, sizeof text, "%s", cases[i].from);
        clean_text(text);
        check_text("clean", text, cases[i].to);
    }
}

static void test_numbers(void)
{
    char text[40];
    check_text("grouped", grouped(1234567, text, sizeof text), "1,234,567");
    check_text("grouped", grouped(999, text, sizeof text), "999");
    check_text("grouped", grouped(-1000, text, sizeof text), "-1,000");
    check_text("grouped", grouped(0, text, sizeof text), "0");
    check_text("bytes", bytes_text(1023, text, sizeof text), "1023 B");
    check_text("bytes", bytes_text(1024, text, sizeof text), "1.00 KiB");
    check_text("bytes", bytes_text(1536.0 * 1024, text, sizeof text), "1.50 MiB");
}

static void test_summary(void)
{
    timing t = {0};
    for (int i = 0; i < 101; i++)
        CHECK(timing_add(&t, i < 50 ? 100 - i : i - 50 + 0.0)); /* 100..51, 0..50: 0 to 100 */
    timing_summary s = timing_summarize(&t);
    CHECK(s.min == 0 && s.median == 50 && s.mean == 50 && s.p90 == 90 && s.p99 == 99);
    CHECK(s.drift_pct < -60); /* the second half is far faster */
    timing_free(&t);
    timing empty = {0};
    CHECK(isnan(timing_summarize(&empty).median));
}

static void test_ratio(void)
{
    timing a = {0}, b = {0};
    for (int i = 0; i < 40; i++) {
        double base = 1 + 0.1 * (i % 7); /* both slow down together: the ratio does not */
        CHECK(timing_add(&b, base));
        CHECK(timing_add(&a, 2 * base * (1 + 0.01 * ((i * 5) % 3 - 1))));
    }
    ratio_summary r = timing_ratio(&a, &b);
    CHECK(fabs(r.median - 2) < 0.021 && r.low <= r.median && r.median <= r.high);
    CHECK(r.low >= 1.979 && r.high <= 2.021);
    ratio_summary again = timing_ratio(&a, &b);
    CHECK(again.low == r.low && again.high == r.high);
    ratio_summary same = timing_ratio(&b, &b);
    CHECK(same.median == 1 && same.low == 1 && same.high == 1);
    timing_free(&a);
    timing_free(&b);
}

int main(void)
{
    test_alignment();
    test_hostile_names();
    test_numbers();
    test_summary();
    test_ratio();
    return check_result();
}
