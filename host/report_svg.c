/* report_svg.c -- the pictures of a page as one SVG: curves, and points of what networks know
 * against what they cost, a panel each, two side by side; see report_text.h.
 *
 * The page draws with a library in a browser; this is for papers, so it is plain: black axes,
 * colours that are told apart in print (Okabe and Ito 2008), no scripts, no style sheets. */
#include <math.h>
#include <string.h>

#include "report_svg.h"
#include "report_text.h"

/* SVG_WIDTH is two panels. */
enum { WIDTH = SVG_WIDTH / 2, HEIGHT = 270, LEFT = 62, RIGHT = 18, TOP = 58, BOTTOM = 44 };

static const char *const colours[] = {"#d55e00", "#0072b2", "#009e73", "#cc79a7",
                                      "#806000", "#56b4e9", "#6b4fbb", "#444444"};

const char *svg_colour(size_t i)
{
    return colours[i % (sizeof colours / sizeof colours[0])];
}

void svg_text(FILE *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++)
        if (strchr("<>&\"'", *p) != NULL)
            fprintf(out, "&#%d;", *p);
        else if ((unsigned char)*p >= 0x20)
            putc(*p, out);
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static double number_at(const json_t *object, const char *key)
{
    const json_t *x = json_object_get(object, key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

/* ---- axes --------------------------------------------------------------------------------------
 */

typedef struct axis {
    double low, high; /* of the numbers, of their logarithms where is_log */
    int is_log;
    double start, end; /* in the picture */
} axis;

static void widen(axis *a, double x)
{
    if (!isfinite(x))
        return;
    a->low = fmin(a->low, x);
    a->high = fmax(a->high, x);
}

/* Room around what is there, and numbers of one kind for all that follows. */
static void settle(axis *a, double margin)
{
    if (!(a->low <= a->high))
        a->low = a->high = 0;
    a->is_log &= a->low > 0 && a->high > 8 * a->low;
    if (a->is_log) {
        a->low = log10(a->low);
        a->high = log10(a->high);
    }
    const double room = a->high > a->low ? margin * (a->high - a->low) : fmax(fabs(a->low), 1) / 10;
    if (margin > 0 || a->high == a->low) {
        a->low -= room;
        a->high += room;
    }
}

static double place(const axis *a, double x)
{
    const double at = ((a->is_log ? log10(x) : x) - a->low) / (a->high - a->low);
    return a->start + at * (a->end - a->start);
}

/* 1, 2 or 5 times a power of ten, so that there are about five. */
static double step_of(const axis *a)
{
    const double raw = (a->high - a->low) / 5, power = pow(10, floor(log10(raw)));
    const double digit = raw / power;
    return power * (digit < 1.5 ? 1 : digit < 3.5 ? 2 : digit < 7.5 ? 5 : 10);
}

static void put_number(FILE *out, double x)
{
    static const struct {
        double from;
        const char *unit;
    } units[] = {{1e9, " G"}, {1e6, " M"}, {1e3, " k"}, {0, ""}};
    size_t i = 0;
    while (i < 3 && fabs(x) < units[i].from)
        i++;
    fprintf(out, "%.4g%s", fabs(x) < 1e-12 ? 0 : i < 3 ? x / units[i].from : x, units[i].unit);
}

static void put_x_tick(FILE *out, const axis *x, const axis *y, double at)
{
    fprintf(out,
            "<path d=\"M%.1f %.1fv4\" stroke=\"#000\"/><text x=\"%.1f\" y=\"%.1f\" "
            "text-anchor=\"middle\">",
            place(x, at), y->start, place(x, at), y->start + 16);
    put_number(out, at);
    fputs("</text>\n", out);
}

static void put_y_tick(FILE *out, const axis *x, const axis *y, double at)
{
    fprintf(out,
            "<path d=\"M%.1f %.1fH%.1f\" stroke=\"#ddd\"/><text x=\"%.1f\" y=\"%.1f\" "
            "text-anchor=\"end\">",
            x->start, place(y, at), x->end, x->start - 6, place(y, at) + 4);
    put_number(out, at);
    fputs("</text>\n", out);
}

static void put_ticks(FILE *out, const axis *x, const axis *y, int vertical)
{
    const axis *a = vertical ? y : x;
    const double step = a->is_log ? 1 : step_of(a);
    double at = ceil(a->low / step) * step;
    /* Beside huge numbers a step may be nothing, so they are counted, too. */
    for (int i = 0; i < 20 && at <= a->high + step / 1e6; i++, at += step)
        (vertical ? put_y_tick : put_x_tick)(out, x, y, a->is_log ? pow(10, at) : at);
}

/* ---- a panel -----------------------------------------------------------------------------------
 */

static void put_frame(FILE *out, const axis *x, const axis *y, const json_t *part,
                      const char *y_title)
{
    put_ticks(out, x, y, 1);
    put_ticks(out, x, y, 0);
    fprintf(out, "<path d=\"M%.1f %.1fV%.1fH%.1f\" fill=\"none\" stroke=\"#000\"/>\n", x->start,
            y->end, y->start, x->end);
    fprintf(out, "<text x=\"%.1f\" y=\"18\" font-weight=\"bold\">", x->start);
    svg_text(out, text_at(part, "title"));
    fprintf(out, "</text>\n<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">",
            (x->start + x->end) / 2, y->start + 34);
    svg_text(out, text_at(part, "x"));
    fprintf(out,
            "</text>\n<text transform=\"translate(14 %.1f) rotate(-90)\" text-anchor=\"middle\">",
            (y->start + y->end) / 2);
    svg_text(out, y_title);
    fputs("</text>\n", out);
}

/* Names below the title, two rows of them, as far as they fit. */
typedef struct names {
    double at;
    int row;
} names;

static void put_name(FILE *out, names *n, size_t style, const char *name)
{
    const double width = 24 + 6.2 * (double)strlen(name);
    if (n->row == 0 && n->at + width > WIDTH - RIGHT + 12)
        *n = (names){LEFT, 1};
    if (n->at + width > WIDTH - RIGHT + 12)
        return;
    const int y = 32 + 14 * n->row;
    fprintf(out,
            "<path d=\"M%.1f %dh12\" stroke=\"%s\" stroke-width=\"3\"/><text x=\"%.1f\" y=\"%d\">",
            n->at, y, svg_colour(style), n->at + 16, y + 4);
    svg_text(out, name);
    fputs("</text>\n", out);
    n->at += width;
}

static double element(const json_t *points, size_t i, size_t k)
{
    return json_number_value(json_array_get(json_array_get(points, i), k));
}

static void put_line(FILE *out, const axis *x, const axis *y, const json_t *series)
{
    const json_t *points = json_object_get(series, "points");
    fputs("<polyline points=\"", out);
    for (size_t i = 0; i < json_array_size(points); i++)
        fprintf(out, "%.1f,%.1f ", place(x, element(points, i, 0)),
                place(y, element(points, i, 1)));
    fprintf(out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n",
            svg_colour((size_t)number_at(series, "style")));
}

static void put_marks(FILE *out, const axis *x, const axis *y, const json_t *marks)
{
    for (size_t i = 0; i < json_array_size(marks); i++) {
        const double at = number_at(json_array_get(marks, i), "at");
        if (at >= x->low && at <= x->high)
            fprintf(out, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"#888\" stroke-dasharray=\"2 3\"/>\n",
                    place(x, at), y->start, y->end);
    }
}

static axis new_axis(double start, double end)
{
    return (axis){.low = INFINITY, .high = -INFINITY, .start = start, .end = end};
}

static void put_lines(FILE *out, const json_t *part)
{
    const json_t *series = json_object_get(part, "series"), *marks = json_object_get(part, "marks");
    axis x = new_axis(LEFT, WIDTH - RIGHT), y = new_axis(HEIGHT - BOTTOM, TOP);
    names n = {LEFT, 0};
    const char *before = NULL;
    for (size_t k = 0; k < json_array_size(series); k++) {
        const json_t *points = json_object_get(json_array_get(series, k), "points");
        for (size_t i = 0; i < json_array_size(points); i++) {
            widen(&x, element(points, i, 0));
            widen(&y, element(points, i, 1));
        }
    }
    for (size_t i = 0; i < json_array_size(marks); i++)
        widen(&x, number_at(json_array_get(marks, i), "at"));
    settle(&x, 0);
    settle(&y, 0.05);
    put_frame(out, &x, &y, part, text_at(part, "unit"));
    put_marks(out, &x, &y, marks);
    for (size_t k = 0; k < json_array_size(series); k++) {
        const json_t *s = json_array_get(series, k);
        const char *name = text_at(s, "name");
        put_line(out, &x, &y, s);
        if (before == NULL || strcmp(before, name) != 0) /* those of one group follow each other */
            put_name(out, &n, (size_t)number_at(s, "style"), name);
        before = name;
    }
}

static void put_point(FILE *out, const axis *x, const axis *y, const json_t *p, size_t style)
{
    const double at = place(x, number_at(p, "x")), low = number_at(p, "low");
    if (isfinite(low))
        fprintf(out, "<path d=\"M%.1f %.1fV%.1f\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", at,
                place(y, low), place(y, number_at(p, "high")), svg_colour(style));
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", at,
            place(y, number_at(p, "y")), svg_colour(style));
}

/* The next on the front is that of the next higher cost; NULL: it was the last. */
static const json_t *next_on_front(const json_t *points, double x)
{
    const json_t *next = NULL;
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *p = json_array_get(points, i);
        if (json_is_true(json_object_get(p, "front")) && number_at(p, "x") > x &&
            (next == NULL || number_at(p, "x") < number_at(next, "x")))
            next = p;
    }
    return next;
}

static void put_front(FILE *out, const axis *x, const axis *y, const json_t *points)
{
    fputs("<polyline points=\"", out);
    for (const json_t *p = NULL; (p = next_on_front(points, p ? number_at(p, "x") : -1)) != NULL;)
        fprintf(out, "%.1f,%.1f ", place(x, number_at(p, "x")), place(y, number_at(p, "y")));
    fputs("\" fill=\"none\" stroke=\"#888\" stroke-dasharray=\"3 3\"/>\n", out);
}

static void put_scatter(FILE *out, const json_t *part)
{
    const json_t *points = json_object_get(part, "points");
    axis x = new_axis(LEFT, WIDTH - RIGHT), y = new_axis(HEIGHT - BOTTOM, TOP);
    names n = {LEFT, 0};
    x.is_log = 1;
    for (size_t i = 0; i < json_array_size(points); i++) {
        const json_t *p = json_array_get(points, i);
        widen(&x, number_at(p, "x"));
        widen(&y, number_at(p, "y"));
        widen(&y, number_at(p, "low"));
        widen(&y, number_at(p, "high"));
    }
    settle(&x, 0.08);
    settle(&y, 0.1);
    put_frame(out, &x, &y, part, text_at(part, "y"));
    put_front(out, &x, &y, points);
    for (size_t i = 0; i < json_array_size(points); i++)
        put_point(out, &x, &y, json_array_get(points, i), i);
    for (size_t i = 0; i < json_array_size(points); i++)
        put_name(out, &n, i, text_at(json_array_get(points, i), "name"));
}

/* ---- the picture -------------------------------------------------------------------------------
 */

static void put_panels(FILE *out, const json_t *list, size_t *num,
                       void (*put)(FILE *out, const json_t *part))
{
    for (size_t i = 0; i < json_array_size(list); i++, (*num)++) {
        fprintf(out, "<g transform=\"translate(%zu %zu)\">\n", *num % 2 * WIDTH, *num / 2 * HEIGHT);
        put(out, json_array_get(list, i));
        fputs("</g>\n", out);
    }
}

void report_svg(FILE *out, const json_t *data)
{
    const json_t *scatter = json_object_get(data, "scatter"),
                 *lines = json_object_get(data, "lines");
    const size_t all = json_array_size(scatter) + json_array_size(lines);
    const json_t *bars = all == 0 ? json_object_get(data, "bars") : NULL;
    size_t num = 0;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%zu\" "
            "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\">\n<title>",
            2 * WIDTH, (all + 1) / 2 * HEIGHT + svg_bars_height(bars));
    svg_text(out, text_at(data, "title"));
    fputs("</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n", out);
    put_panels(out, scatter, &num, put_scatter);
    put_panels(out, lines, &num, put_lines);
    svg_bars(out, bars);
    fputs("</svg>\n", out);
}
