/* report.c -- fills the page: report.html with the chart library and the data put in; see
 * report.h.  Both texts are embedded at build time (cmake/EmbedText.cmake). */
#include "report.h"

#include <math.h>
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

int report_write(const options *o, const char *path, const json_t *data)
{
    const char *template = (const char *)report_template, *library = (const char *)report_chart;
    const char *chart = strstr(template, "@CHART@"), *place = strstr(template, "@DATA@");
    char *text = script_text(data);
    size_t num_bytes = text != NULL ? strlen(template) + strlen(library) + strlen(text) + 1 : 0;
    char *page = text != NULL ? malloc(num_bytes) : NULL;
    int code = EXIT_FAILED;
    if (page != NULL) {
        int used = snprintf(page, num_bytes, "%.*s%s%.*s%s%s", (int)(chart - template), template,
                            library, (int)(place - chart - 7), chart + 7, text, place + 6);
        code = file_write(o, path, page, (size_t)used);
    } else {
        code = fail_memory(o);
    }
    free(page);
    free(text);
    return code;
}

/* ---- the layer table --------------------------------------------------------------------- */

static json_t *text_of(double x)
{
    char text[40];
    return json_text(isfinite(x) ? grouped(x, text, sizeof text) : "");
}

static json_t *ms_of(double x)
{
    return isfinite(x) ? json_sprintf("%.3f", x) : json_text("");
}

static json_t *layer_row(const char *name, double weights, double before, double after,
                         double nonzero_macs, double ms_before, double ms_after)
{
    json_t *row = json_array();
    json_array_append_new(row, json_text(name));
    json_array_append_new(row, text_of(weights));
    json_array_append_new(row, text_of(before));
    json_array_append_new(row, text_of(after));
    json_array_append_new(row, json_sprintf("%.2f %%", 100 * (1 - after / weights)));
    json_array_append_new(row, text_of(nonzero_macs));
    json_array_append_new(row, ms_of(ms_before));
    json_array_append_new(row, ms_of(ms_after));
    return row;
}

json_t *report_layer_table(const char *title, const char *caption, const layer_list *before,
                           const layer_list *after)
{
    json_t *rows = json_array();
    double ms_before = 0, ms_after = 0;
    for (size_t i = 0; i < before->num && i < after->num; i++) {
        const layer *a = &before->items[i], *b = &after->items[i];
        ms_before += a->ms;
        ms_after += b->ms;
        json_array_append_new(rows, layer_row(a->name, (double)a->weights, (double)a->nonzeros,
                                              (double)b->nonzeros, b->nonzero_macs, a->ms, b->ms));
    }
    json_array_append_new(rows, layer_row("total", (double)before->weights,
                                          (double)before->nonzeros, (double)after->nonzeros,
                                          after->nonzero_macs, ms_before, ms_after));
    return json_pack("{s:s,s:s,s:[s,s,s,s,s,s,s,s],s:o,s:b}", "title", title, "caption", caption,
                     "header", "layer", "weights", "non-zeros before", "after", "removed",
                     "multiply-adds left", "ms before", "ms after", "rows", rows, "total", 1);
}

/* ---- histograms ---------------------------------------------------------------------------- */

enum { BINS = 60 };

static float *read_weights(const layer *l, const kerf_state *s)
{
    if (l->bits != 32 || l->state_id < 0)
        return NULL;
    float *w = malloc((size_t)l->weights * sizeof *w + 1);
    if (w != NULL && kerf_state_read(s, l->state_id, w) != KERF_OK) {
        free(w);
        return NULL;
    }
    return w;
}

static json_t *count_bins(const float *w, int64_t num, double end)
{
    json_int_t counts[BINS] = {0};
    for (int64_t i = 0; i < num; i++) {
        int bin = (int)((w[i] / end + 1) / 2 * BINS);
        if (w[i] != 0 && bin >= 0 && bin < BINS)
            counts[bin]++;
    }
    json_t *list = json_array();
    for (int b = 0; b < BINS; b++)
        json_array_append_new(list, json_integer(counts[b]));
    return list;
}

/* The ends: where all but one in two thousand of both lie, so that a few strays do not
 * squeeze the rest. */
static int by_magnitude(const void *a, const void *b)
{
    double x = fabs((double)*(const float *)a), y = fabs((double)*(const float *)b);
    return x < y ? -1 : x > y;
}

static double end_of(const float *w, int64_t num)
{
    float *sorted = malloc((size_t)num * sizeof *sorted + 1);
    if (sorted == NULL || num == 0) {
        free(sorted);
        return 1;
    }
    memcpy(sorted, w, (size_t)num * sizeof *w);
    qsort(sorted, (size_t)num, sizeof *sorted, by_magnitude);
    double end = fabs((double)sorted[num - 1 - num / 2000]);
    free(sorted);
    return end > 0 ? end : 1;
}

json_t *report_histogram(const layer *l, const kerf_state *before, const kerf_state *after)
{
    float *a = read_weights(l, before), *b = read_weights(l, after);
    json_t *object = NULL;
    if (a != NULL && b != NULL) {
        double end = 1.02 * fmax(end_of(a, l->weights), end_of(b, l->weights));
        int64_t left = 0;
        for (int64_t i = 0; i < l->weights; i++)
            left += b[i] != 0;
        json_t *edges = json_array();
        for (int i = 0; i <= BINS; i++)
            json_array_append_new(edges, json_real(end * (2.0 * i / BINS - 1)));
        char x[32], y[32];
        object = json_pack("{s:s,s:o,s:o,s:o,s:o}", "name", l->name, "left",
                           json_sprintf("%s of %s left", grouped((double)left, x, sizeof x),
                                        grouped((double)l->weights, y, sizeof y)),
                           "edges", edges, "before", count_bins(a, l->weights, end), "after",
                           count_bins(b, l->weights, end));
    }
    free(a);
    free(b);
    return object;
}

json_t *report_input_map(const layer *l, const kerf_state *s, int rows, int columns)
{
    int64_t num_inputs = (int64_t)rows * columns;
    float *w = read_weights(l, s);
    if (w == NULL || num_inputs == 0 || l->weights % num_inputs != 0) {
        free(w);
        return NULL;
    }
    json_t *counts = json_array();
    for (int64_t i = 0; i < num_inputs; i++) {
        int64_t num = 0;
        for (int64_t k = i; k < l->weights; k += num_inputs)
            num += w[k] != 0;
        json_array_append_new(counts, json_integer(num));
    }
    free(w);
    return json_pack("{s:i,s:i,s:o}", "rows", rows, "columns", columns, "counts", counts);
}
