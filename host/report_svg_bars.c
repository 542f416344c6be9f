/* report_svg_bars.c -- bars of a page as plain SVG, a row a label and in it a bar a series, each
 * with its number; see report_svg.h. */
#include "report_svg.h"

#include <math.h>

enum { MOST_NAMES = 400, ROOM = 60, BAR = 13, GAP = 6, HEAD = 42, FOOT = 18 };
static const double LETTER = 6.6;

static const char *text_of(const json_t *x)
{
    const char *text = json_string_value(x);
    return text != NULL ? text : "";
}

static size_t num_labels(const json_t *part)
{
    return json_array_size(json_object_get(part, "labels"));
}

static size_t height_of(const json_t *part)
{
    const size_t num = json_array_size(json_object_get(part, "series"));
    return HEAD + num_labels(part) * (num * BAR + GAP) + FOOT;
}

size_t svg_bars_height(const json_t *list)
{
    size_t height = 0;
    for (size_t i = 0; i < json_array_size(list); i++)
        height += height_of(json_array_get(list, i));
    return height;
}

static double value_at(const json_t *series, size_t i)
{
    const json_t *x = json_array_get(json_object_get(series, "values"), i);
    return json_is_number(x) ? json_number_value(x) : (double)NAN;
}

static double largest(const json_t *part)
{
    const json_t *series = json_object_get(part, "series");
    double most = 0;
    for (size_t k = 0; k < json_array_size(series); k++)
        for (size_t i = 0; i < num_labels(part); i++)
            most = fmax(most, value_at(json_array_get(series, k), i));
    return most > 0 ? most : 1;
}

/* Where bars begin: as far right as the longest label wants; of what is longer the end is seen. */
static double names_width(const json_t *part)
{
    size_t longest = 0;
    for (size_t i = 0; i < num_labels(part); i++) {
        const size_t length =
            json_string_length(json_array_get(json_object_get(part, "labels"), i));
        longest = length > longest ? length : longest;
    }
    return fmin(LETTER * (double)longest + 18, MOST_NAMES);
}

/* Names of the series in one line, as far as they fit. */
static void put_names(FILE *out, const json_t *series)
{
    double at = 10;
    for (size_t k = 0; k < json_array_size(series); k++) {
        const char *name = text_of(json_object_get(json_array_get(series, k), "name"));
        const double width = 24 + LETTER * (double)json_string_length(
                                               json_object_get(json_array_get(series, k), "name"));
        if (at + width > SVG_WIDTH)
            return;
        fprintf(
            out,
            "<path d=\"M%.1f 32h12\" stroke=\"%s\" stroke-width=\"8\"/><text x=\"%.1f\" y=\"36\">",
            at, svg_colour(k), at + 16);
        svg_text(out, name);
        fputs("</text>\n", out);
        at += width;
    }
}

static void put_bar(FILE *out, double begin, size_t y, size_t series, double value, double most)
{
    const double width = (SVG_WIDTH - begin - ROOM) * value / most;
    if (!isfinite(value))
        return;
    fprintf(out,
            "<rect x=\"%.1f\" y=\"%zu\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>"
            "<text x=\"%.1f\" y=\"%zu\">%.3g</text>\n",
            begin, y, width, BAR - 2, svg_colour(series), begin + width + 4, y + BAR - 3, value);
}

static void put_part(FILE *out, const json_t *part)
{
    const json_t *series = json_object_get(part, "series"),
                 *labels = json_object_get(part, "labels");
    const size_t num = json_array_size(series), row = num * BAR + GAP;
    const double most = largest(part), begin = names_width(part);
    fputs("<text x=\"10\" y=\"18\" font-weight=\"bold\">", out);
    svg_text(out, text_of(json_object_get(part, "title")));
    fputs("</text>\n", out);
    put_names(out, series);
    for (size_t i = 0; i < json_array_size(labels); i++) {
        fprintf(out, "<text x=\"%.1f\" y=\"%zu\" text-anchor=\"end\">", begin - 8,
                HEAD + i * row + num * BAR / 2 + 4);
        svg_text(out, text_of(json_array_get(labels, i)));
        fputs("</text>\n", out);
        for (size_t k = 0; k < num; k++)
            put_bar(out, begin, HEAD + i * row + k * BAR, k, value_at(json_array_get(series, k), i),
                    most);
    }
}

void svg_bars(FILE *out, const json_t *list)
{
    size_t y = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        fprintf(out, "<g transform=\"translate(0 %zu)\">\n", y);
        put_part(out, json_array_get(list, i));
        fputs("</g>\n", out);
        y += height_of(json_array_get(list, i));
    }
}
