/* option_print.c -- values of options as text; see option_print.h. */
#include "option_print.h"

#include <stdlib.h>
#include <string.h>

/* The shortest that is read back as the same. */
void print_real(double x, FILE *out)
{
    char text[40];
    for (int digits = 6; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (strtod(text, NULL) == x)
            break;
    }
    fputs(text, out);
}

void print_text(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text != '\0'; text++)
        fprintf(out, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    fputc('"', out);
}

void print_list(const char *const *items, size_t num, FILE *out)
{
    for (size_t i = 0; i < num; i++) {
        fputs(i > 0 ? ", " : "[", out);
        print_text(items[i], out);
    }
    fputs(num > 0 ? "]" : "[]", out);
}

static void print_amounts(const amounts *a, FILE *out)
{
    const int has_value = a->value > 0 || a->num == 0;
    fputc('"', out);
    if (has_value)
        print_real(a->value, out);
    for (size_t i = 0; i < a->num; i++) {
        fprintf(out, "%s%s=", has_value || i > 0 ? "," : "", a->items[i].pattern);
        print_real(a->items[i].value, out);
    }
    fputc('"', out);
}

void print_choice(const char *choices, int place, FILE *out)
{
    for (; place > 0; place--)
        choices += strcspn(choices, "|") + 1;
    fprintf(out, "%.*s", (int)strcspn(choices, "|"), choices);
}

void option_print(const options *o, const option_row *row, FILE *out)
{
    const void *field = (const char *)o + row->offset;
    switch (row->kind) {
    case OPTION_TEXT:
        print_text(*(const char *const *)field, out);
        break;
    case OPTION_LIST:
        print_list(((const text_list *)field)->items, ((const text_list *)field)->num, out);
        break;
    case OPTION_WHOLE:
    case OPTION_BYTES:
        fprintf(out, "%lld", (long long)*(const int64_t *)field);
        break;
    case OPTION_REAL:
        print_real(*(const double *)field, out);
        break;
    case OPTION_CHOICE:
        print_choice(row->choices, *(const int *)field, out);
        break;
    case OPTION_AMOUNTS:
        print_amounts(field, out);
        break;
    case OPTION_FLAG:
        fputs("true", out);
        break;
    }
}
