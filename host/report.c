/* report.c -- fills the page: report.html with the chart library and the data put in; see
 * report.h.  Both texts are embedded at build time (cmake/EmbedText.cmake). */
#include "report.h"

#include <stdlib.h>
#include <string.h>

#include "files.h"
#include "json.h"

extern const unsigned char report_template[], report_chart[];

/* "</script>" inside the data would end it: '<' is written as JSON may write it. */
static char *script_text(const json_t *data)
{
    char *text = json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(7));
    if (text == NULL)
        return NULL;
    size_t num_marks = 0;
    for (const char *p = text; *p != '\0'; p++)
        num_marks += *p == '<';
    char *safe = malloc(strlen(text) + 5 * num_marks + 1), *out = safe;
    for (const char *p = text; safe != NULL && *p != '\0'; p++)
        out += *p == '<' ? sprintf(out, "\\u003c") : (*out = *p, 1);
    if (safe != NULL)
        *out = '\0';
    free(text);
    return safe;
}

char *report_text(const json_t *data)
{
    const char *template = (const char *)report_template, *library = (const char *)report_chart;
    const char *chart = strstr(template, "@CHART@"), *place = strstr(template, "@DATA@");
    char *text = script_text(data);
    size_t num_bytes = text != NULL ? strlen(template) + strlen(library) + strlen(text) + 1 : 0;
    char *page = text != NULL ? malloc(num_bytes) : NULL;
    if (page != NULL)
        snprintf(page, num_bytes, "%.*s%s%.*s%s%s", (int)(chart - template), template, library,
                 (int)(place - chart - 7), chart + 7, text, place + 6);
    free(text);
    return page;
}

int report_write(const options *o, const char *path, const json_t *data)
{
    char *page = report_text(data);
    int code = page != NULL ? file_write(o, path, page, strlen(page)) : fail_memory(o);
    free(page);
    return code;
}

/* ---- parts that several pages have --------------------------------------------------------- */

void report_fact(json_t *facts, json_t *value, const char *label)
{
    json_array_append_new(facts, json_pack("{s:o,s:s}", "value", value, "label", label));
}

json_t *report_series(const char *name, json_t *values)
{
    return json_pack("{s:o,s:o}", "name", json_text(name), "values", values);
}

json_t *report_input_map(const layer_values *l, int rows, int columns)
{
    const size_t num_inputs = (size_t)rows * (size_t)columns;
    if (num_inputs == 0 || l->num % num_inputs != 0)
        return NULL;
    json_t *counts = json_array();
    for (size_t i = 0; i < num_inputs; i++) {
        json_int_t num = 0;
        for (size_t k = i; k < l->num; k += num_inputs)
            num += l->values[k] != 0;
        json_array_append_new(counts, json_integer(num));
    }
    return json_pack("{s:i,s:i,s:o}", "rows", rows, "columns", columns, "counts", counts);
}
