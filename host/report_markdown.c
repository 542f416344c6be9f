/* report_markdown.c -- a page as Markdown; see report_text.h. */
#include <string.h>

#include "report_text.h"

/* Texts stay texts: what Markdown or HTML would take for its own is marked, a break is a space. */
static void put_text(FILE *out, const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        if (strchr("\\`*_{}[]<>#|~$", *p) != NULL)
            putc('\\', out);
        putc(*p == '\n' || *p == '\r' ? ' ' : *p, out);
    }
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

static void put_heading(FILE *out, const json_t *part)
{
    fputs("\n## ", out);
    put_text(out, text_at(part, "title"));
    fputs("\n\n", out);
    if (text_at(part, "caption")[0] != '\0') {
        put_text(out, text_at(part, "caption"));
        fputs("\n\n", out);
    }
}

static void put_row(FILE *out, const json_t *row)
{
    for (size_t i = 0; i < json_array_size(row); i++) {
        fputs("| ", out);
        put_text(out, json_string_value(json_array_get(row, i)));
        putc(' ', out);
    }
    fputs("|\n", out);
}

static void put_table(FILE *out, const json_t *t)
{
    const json_t *header = json_object_get(t, "header"), *rows = json_object_get(t, "rows");
    put_heading(out, t);
    put_row(out, header);
    for (size_t i = 0; i < json_array_size(header); i++)
        fputs(i == 0 ? "|---" : "|---:", out);
    fputs("|\n", out);
    for (size_t i = 0; i < json_array_size(rows); i++)
        put_row(out, json_array_get(rows, i));
}

static void put_facts(FILE *out, const json_t *facts)
{
    for (size_t i = 0; i < json_array_size(facts); i++) {
        fputs("- **", out);
        put_text(out, text_at(json_array_get(facts, i), "value"));
        fputs("** ", out);
        put_text(out, text_at(json_array_get(facts, i), "label"));
        putc('\n', out);
    }
}

/* Indented by four spaces: nothing in it can end it, as a fence could be ended. */
static void put_code(FILE *out, const json_t *part)
{
    put_heading(out, part);
    for (const char *p = text_at(part, "text"); *p != '\0';) {
        const size_t length = strcspn(p, "\n");
        fprintf(out, "    %.*s\n", (int)length, p);
        p += length + (p[length] == '\n');
    }
}

static void put_each(FILE *out, const json_t *list, void (*put)(FILE *out, const json_t *part))
{
    for (size_t i = 0; i < json_array_size(list); i++)
        put(out, json_array_get(list, i));
}

void report_markdown(FILE *out, const json_t *data)
{
    fputs("# ", out);
    put_text(out, text_at(data, "title"));
    fputs("\n\n", out);
    put_text(out, text_at(data, "lead"));
    fputs("\n\n", out);
    put_facts(out, json_object_get(data, "facts"));
    put_each(out, json_object_get(data, "tables"), put_table);
    put_each(out, json_object_get(data, "texts"), put_code);
    putc('\n', out);
    put_text(out, text_at(data, "made"));
    putc('\n', out);
}
