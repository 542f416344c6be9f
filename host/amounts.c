/* amounts.c -- an amount on the command line: one value, or by layer
 * ("fc1=0.92,fc2=0.91,*=0.74").  A plain value among them is the one for all others. */
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "say.h"
#include "text.h"

static int parse_value(const options *o, const option_row *row, const char *text, double *x)
{
    char *end;
    *x = strtod(text, &end);
    if (end == text || *end != '\0')
        return fail_usage(o, "--%s %s: must be a number, or LAYER=NUMBER,...", row->name, text);
    return number_in_range(o, row, text, *x);
}

static int add_entry(const options *o, const option_row *row, char *entry, amounts *a)
{
    char *equals = strrchr(entry, '=');
    if (equals == NULL)
        return parse_value(o, row, entry, &a->value);
    *equals = '\0';
    if (entry[0] == '\0')
        return fail_usage(o, "--%s =%s: the layer's name is missing", row->name, equals + 1);
    a->items[a->num].pattern = entry;
    int code = parse_value(o, row, equals + 1, &a->items[a->num].value);
    a->num += code == 0;
    return code;
}

int amounts_parse(const options *o, const option_row *row, const char *text, amounts *a)
{
    size_t num_entries = 1;
    for (const char *p = text; *p != '\0'; p++)
        num_entries += *p == ',';
    free(a->items);
    free(a->text);
    *a = (amounts){.value = a->value};
    a->text = copy_text(text, strlen(text), 0);
    a->items = calloc(num_entries, sizeof *a->items);
    if (a->text == NULL || a->items == NULL)
        return fail_memory(o);
    int code = 0;
    for (char *entry = a->text; entry != NULL && code == 0;) {
        char *comma = strchr(entry, ',');
        if (comma != NULL)
            *comma++ = '\0';
        code = add_entry(o, row, entry, a);
        entry = comma;
    }
    return code;
}
