/* folder_report.c -- tells what `kerf verify DIR...` found: how many tests passed, failed and are
 * unsupported, by operator, and why those failed that did; see folder_case.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "folder_case.h"
#include "json.h"
#include "table.h"
#include "text.h"

static const char *const RESULTS[FOLDER_NUM_RESULTS] = {"passed", "failed", "unsupported"};

typedef struct op_count {
    const char *op; /* a case's */
    int num[FOLDER_NUM_RESULTS];
} op_count;

static void count(const folder_case *cases, size_t num, int *counts)
{
    for (size_t i = 0; i < num; i++)
        counts[cases[i].result]++;
}

/* ---- JSON -------------------------------------------------------------------------------- */

static json_t *case_json(const folder_case *c)
{
    return json_pack("{s:o,s:s,s:o,s:o,s:o,s:o}", "name", json_text(folder_case_name(c)), "result",
                     RESULTS[c->result], "why", c->why[0] != '\0' ? json_text(c->why) : json_null(),
                     "max_abs", json_number(c->max_abs), "max_rel", json_number(c->max_rel), "op",
                     c->outline.op[0] != '\0' ? json_text(c->outline.op) : json_null());
}

static int report_json(const options *o, const folder_case *cases, size_t num, const int *counts)
{
    json_t *object = json_begin(), *list = json_array();
    for (int r = 0; r < FOLDER_NUM_RESULTS; r++)
        json_object_set_new(object, RESULTS[r], json_integer(counts[r]));
    for (size_t i = 0; i < num; i++)
        json_array_append_new(list, case_json(&cases[i]));
    json_object_set_new(object, "cases", list);
    return json_finish(o, object);
}

/* ---- tables ------------------------------------------------------------------------------ */

static int compare_ops(const void *a, const void *b)
{
    return strcmp(((const op_count *)a)->op, ((const op_count *)b)->op);
}

/* A row each of `counts` (zeros before), sorted; how many there are. */
static size_t count_ops(const folder_case *cases, size_t num, op_count *counts)
{
    size_t num_ops = 0;
    for (size_t i = 0; i < num; i++) {
        counts[i].op = cases[i].outline.op[0] != '\0' ? cases[i].outline.op : "(several)";
        counts[i].num[cases[i].result] = 1;
    }
    qsort(counts, num, sizeof *counts, compare_ops);
    for (size_t i = 0; i < num; i++) {
        if (num_ops > 0 && strcmp(counts[num_ops - 1].op, counts[i].op) == 0)
            for (int r = 0; r < FOLDER_NUM_RESULTS; r++)
                counts[num_ops - 1].num[r] += counts[i].num[r];
        else
            counts[num_ops++] = counts[i];
    }
    return num_ops;
}

static void print_ops(const folder_case *cases, size_t num)
{
    op_count *counts = calloc(num, sizeof *counts);
    table *t = table_create("operator|>passed|>failed|>unsupported");
    const size_t num_ops = counts != NULL ? count_ops(cases, num, counts) : 0;
    for (size_t i = 0; i < num_ops; i++) {
        table_cell(t, "%s", counts[i].op);
        for (int r = 0; r < FOLDER_NUM_RESULTS; r++)
            table_number(t, "%.0f", counts[i].num[r] > 0 ? (double)counts[i].num[r] : (double)NAN,
                         "");
    }
    table_print(t, stdout);
    table_destroy(t);
    free(counts);
}

static void print_whys(const options *o, const folder_case *cases, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        char why[sizeof cases->why];
        if (cases[i].result == FOLDER_PASSED ||
            (cases[i].result == FOLDER_UNSUPPORTED && !o->verbose))
            continue;
        memcpy(why, cases[i].why, sizeof why);
        clean_text(why);
        printf("%s: %s: %s\n", RESULTS[cases[i].result], folder_case_name(&cases[i]), why);
    }
}

static int report_text(const options *o, const folder_case *cases, size_t num, const int *counts)
{
    print_ops(cases, num);
    print_whys(o, cases, num);
    printf("passed %d, failed %d, unsupported %d of %zu\n", counts[FOLDER_PASSED],
           counts[FOLDER_FAILED], counts[FOLDER_UNSUPPORTED], num);
    return EXIT_DONE;
}

int folder_report(const options *o, const folder_case *cases, size_t num)
{
    int counts[FOLDER_NUM_RESULTS] = {0};
    count(cases, num, counts);
    const int code =
        o->json ? report_json(o, cases, num, counts) : report_text(o, cases, num, counts);
    return code == EXIT_DONE && counts[FOLDER_FAILED] > 0 ? EXIT_FAILED : code;
}
