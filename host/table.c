/* table.c -- aligned tables for people; see table.h.
 *
 * Widths count characters, not bytes. */
#include "table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

enum { MAX_COLUMNS = 16, CELL_BYTES = 160 };

typedef struct row {
    char cells[MAX_COLUMNS][CELL_BYTES];
    int is_rule;
} row;

struct table {
    row *rows; /* owned; row 0 is the header */
    size_t num_rows;
    int num_columns, column, flush_right[MAX_COLUMNS];
};

/* Columns on the screen: characters, combining accents apart. */
static int width_of(const char *text)
{
    int width = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
        int combining = p[0] == 0xcc || (p[0] == 0xcd && p[1] < 0xb0);
        width += (*p & 0xc0) != 0x80 && !combining;
    }
    return width;
}

static row *add_row(table *t)
{
    row *rows = realloc(t->rows, (t->num_rows + 1) * sizeof *rows);
    if (rows == NULL)
        return NULL;
    t->rows = rows;
    memset(&rows[t->num_rows], 0, sizeof rows[0]);
    return &rows[t->num_rows++];
}

table *table_create(const char *header)
{
    table *t = calloc(1, sizeof *t);
    if (t == NULL || add_row(t) == NULL) {
        free(t);
        return NULL;
    }
    for (const char *p = header; p != NULL && t->num_columns < MAX_COLUMNS;) {
        int column = t->num_columns++;
        t->flush_right[column] = *p == '>';
        p += *p == '>';
        snprintf(t->rows[0].cells[column], CELL_BYTES, "%.*s", (int)strcspn(p, "|"), p);
        p = strchr(p, '|');
        p = p != NULL ? p + 1 : NULL;
    }
    return t;
}

void table_destroy(table *t)
{
    if (t != NULL)
        free(t->rows);
    free(t);
}

void table_cell(table *t, const char *format, ...)
{
    if (t == NULL || (t->column == 0 && add_row(t) == NULL))
        return;
    char *cell = t->rows[t->num_rows - 1].cells[t->column];
    va_list args;
    va_start(args, format);
    vsnprintf(cell, CELL_BYTES, format, args);
    va_end(args);
    clean_text(cell);
    t->column = (t->column + 1) % t->num_columns;
}

void table_number(table *t, const char *format, double value, const char *unknown)
{
    if (isfinite(value))
        table_cell(t, format, value);
    else
        table_cell(t, "%s", unknown);
}

void table_rule(table *t)
{
    row *r = t != NULL ? add_row(t) : NULL;
    if (r != NULL)
        r->is_rule = 1;
}

static void print_row(const table *t, const row *r, const int *widths, FILE *out)
{
    char line[MAX_COLUMNS * (CELL_BYTES + 4)];
    size_t used = 0;
    for (int c = 0; c < t->num_columns; c++) {
        int pad = widths[c] - width_of(r->cells[c]);
        used += (size_t)snprintf(line + used, sizeof line - used, "%*s%s%*s  ",
                                 t->flush_right[c] ? pad : 0, "", r->cells[c],
                                 t->flush_right[c] ? 0 : pad, "");
        if (used >= sizeof line)
            used = sizeof line - 1;
    }
    while (used > 0 && line[used - 1] == ' ')
        used--;
    fprintf(out, "%.*s\n", (int)used, line);
}

static void print_rule(const table *t, const int *widths, FILE *out)
{
    int total = -2;
    for (int c = 0; c < t->num_columns; c++)
        total += widths[c] + 2;
    for (int i = 0; i < total; i++)
        fputs("\xe2\x94\x80", out); /* U+2500 */
    fputc('\n', out);
}

void table_print(const table *t, FILE *out)
{
    if (t == NULL)
        return;
    int widths[MAX_COLUMNS] = {0};
    for (size_t r = 0; r < t->num_rows; r++) {
        for (int c = 0; c < t->num_columns; c++) {
            int width = width_of(t->rows[r].cells[c]);
            widths[c] = width > widths[c] ? width : widths[c];
        }
    }
    for (size_t r = 0; r < t->num_rows; r++) {
        if (t->rows[r].is_rule)
            print_rule(t, widths, out);
        else
            print_row(t, &t->rows[r], widths, out);
        if (r == 0)
            print_rule(t, widths, out);
    }
}

const char *grouped(double x, char *text, size_t text_bytes)
{
    char digits[64];
    int length = snprintf(digits, sizeof digits, "%.0f", x);
    size_t used = 0;
    for (int i = 0; i < length && used + 2 < text_bytes; i++) {
        int left = length - i;
        if (i > 0 && left % 3 == 0 && digits[i - 1] != '-')
            text[used++] = ',';
        text[used++] = digits[i];
    }
    text[used] = '\0';
    return text;
}

const char *bytes_text(double bytes, char *text, size_t text_bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int unit = 0;
    for (; bytes >= 1024 && unit < 4; unit++)
        bytes /= 1024;
    snprintf(text, text_bytes, unit == 0 ? "%.0f %s" : "%.2f %s", bytes, units[unit]);
    return text;
}
