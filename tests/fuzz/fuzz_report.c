/* Fuzzes the reader of runs' folders and all that is made of them.  The input is the files
 * metrics.jsonl, summary.json, layers.json and recipe.yaml, parted by bytes of 0.
 *
 * Beyond "does not crash": nothing in them can end the page's script or begin another. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../host/report.h"
#include "../../host/report_text.h"
#include "../../host/run_page.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes);

static size_t count(const char *text, const char *word)
{
    size_t num = 0;
    for (const char *p = text; (p = strstr(p, word)) != NULL; p++)
        num++;
    return num;
}

static void check_page(json_t *data)
{
    char *page = data != NULL ? report_text(data) : NULL;
    const char *at = page != NULL ? strstr(page, "id=\"data\">") : NULL;
    if (at == NULL || strchr(at + 10, '<') != strstr(at, "</script>"))
        abort();
    free(page);
}

static void check_others(const json_t *data, const run_record *runs, size_t num)
{
    char *text;
    size_t num_bytes;
    FILE *out = open_memstream(&text, &num_bytes);
    report_svg(out, data);
    fflush(out);
    if (count(text, "<script") > 0 || count(text, "</svg>") != 1)
        abort();
    report_markdown(out, data);
    report_csv(out, runs, num);
    fclose(out);
    free(text);
}

static int parse(run_record *r, const char *texts[4])
{
    run_why why;
    run_init(r);
    snprintf(r->name, sizeof r->name, "fuzz");
    return run_parse_metrics(r, texts[0], &why) == 0 && run_parse_summary(r, texts[1], &why) == 0 &&
           run_parse_layers(r, texts[2], &why) == 0 && run_parse_recipe(r, texts[3], &why) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t num_bytes)
{
    char *copy = calloc(num_bytes + 4, 1);
    const char *texts[4] = {copy, "", "", ""};
    run_record runs[2];
    memcpy(copy, bytes, num_bytes);
    for (int i = 1; i < 4; i++)
        texts[i] = texts[i - 1] + strlen(texts[i - 1]) +
                   (texts[i - 1] + strlen(texts[i - 1]) < copy + num_bytes);
    run_init(&runs[1]);
    if (parse(&runs[0], texts)) {
        json_t *one = run_page(&runs[0]), *two = side_page(runs, 2);
        check_page(one);
        check_page(two);
        check_others(one, runs, 1);
        check_others(two, runs, 2);
        json_decref(one);
        json_decref(two);
    }
    run_free(&runs[0]);
    free(copy);
    return 0;
}
