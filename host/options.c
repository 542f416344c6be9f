/* options.c -- the one option parser: long options with `--key value` or `--key=value`,
 * letters, lists, numbers with ranges.  The rows are in option_table.c. */
#include "options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "say.h"

/* ---- looking up ----------------------------------------------------------------------- */

const option_row *option_find(unsigned groups, const char *name, size_t length)
{
    for (size_t i = 0; i < num_option_rows; i++) {
        const option_row *row = &option_rows[i];
        if ((row->groups & groups) != 0 && strlen(row->name) == length &&
            strncmp(row->name, name, length) == 0)
            return row;
    }
    return NULL;
}

static const option_row *find_letter(unsigned groups, char letter)
{
    for (size_t i = 0; i < num_option_rows; i++)
        if ((option_rows[i].groups & groups) != 0 && option_rows[i].letter == letter)
            return &option_rows[i];
    return NULL;
}

int options_given(const options *o, const char *name)
{
    for (size_t i = 0; i < o->num_given; i++)
        if (strcmp(o->given[i], name) == 0)
            return 1;
    return 0;
}

static const char *any_option_name(const void *rows, size_t i)
{
    return ((const option_row *)rows)[i].name;
}

static int no_such_option(const options *o, const char *word, size_t length)
{
    char name[64];
    size_t kept = length < sizeof name ? length : sizeof name - 1;
    memcpy(name, word, kept);
    name[kept] = '\0';
    if (option_find(~0u, name, strlen(name)) != NULL)
        return fail_usage(o, "--%s: not an option of this command; see kerf %s --help", name,
                          o->command);
    const char *near = kerf_nearest_word(name, any_option_name, option_rows, num_option_rows);
    if (near == NULL)
        return fail_usage(o, "--%s: no such option; see kerf %s --help", name, o->command);
    return fail_usage(o, "--%s: no such option; did you mean --%s?", name, near);
}

/* ---- values --------------------------------------------------------------------------- */

/* "at least 0 and below 1": the range of a row in words. */
static const char *range_text(const option_row *row, char *text, size_t text_bytes)
{
    const char *low = row->range & RANGE_ABOVE ? "above " : "at least ";
    const char *high = row->range & RANGE_BELOW ? "below " : "at most ";
    char min[48] = "", max[48] = "";
    if (row->range & (RANGE_MIN | RANGE_ABOVE))
        snprintf(min, sizeof min, "%s%.12g", low, row->min);
    if (row->range & (RANGE_MAX | RANGE_BELOW))
        snprintf(max, sizeof max, "%s%.12g", high, row->max);
    snprintf(text, text_bytes, "%s%s%s", min, min[0] && max[0] ? " and " : "", max);
    return text;
}

int number_in_range(const options *o, const option_row *row, const char *text, double x)
{
    int outside = !isfinite(x) || ((row->range & RANGE_MIN) && x < row->min) ||
                  ((row->range & RANGE_ABOVE) && x <= row->min) ||
                  ((row->range & RANGE_MAX) && x > row->max) ||
                  ((row->range & RANGE_BELOW) && x >= row->max);
    char range[112];
    if (outside)
        return fail_usage(o, "--%s %s: must be %s", row->name, text,
                          row->range ? range_text(row, range, sizeof range) : "a number");
    return 0;
}

/* Times may say their unit: --budget 60s, --warm 50ms. */
static int is_unit(const option_row *row, const char *end)
{
    const int is_time = strcmp(row->value, "S") == 0 || strcmp(row->value, "MS") == 0;
    return *end == '\0' || (is_time && strcasecmp(end, row->value) == 0);
}

static int parse_real(const options *o, const option_row *row, const char *text, double *x)
{
    char *end;
    *x = strtod(text, &end);
    if (end == text || !is_unit(row, end))
        return fail_usage(o, "--%s %s: must be a number", row->name, text);
    return number_in_range(o, row, text, *x);
}

static int parse_whole(const options *o, const option_row *row, const char *text, int64_t *x)
{
    char *end;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0')
        return fail_usage(o, "--%s %s: must be a whole number", row->name, text);
    *x = number;
    return number_in_range(o, row, text, (double)number);
}

/* A number with K, M or G behind it, powers of 1024. */
static int parse_bytes(const options *o, const option_row *row, const char *text, int64_t *x)
{
    static const char UNITS[] = "KMG";
    char *end;
    double number = strtod(text, &end);
    const char *unit = *end != '\0' ? strchr(UNITS, *end) : NULL;
    if (unit != NULL)
        number = ldexp(number, 10 * (int)(unit - UNITS + 1));
    if (end == text || end[unit != NULL] != '\0' || !(number >= 1 && number < 0x1p62))
        return fail_usage(o, "--%s %s: must be a number of bytes like 512M or 2G", row->name, text);
    *x = (int64_t)number;
    return 0;
}

static int parse_choice(const options *o, const option_row *row, const char *text, int *x)
{
    const char *choice = row->choices;
    for (int i = 0; *choice != '\0'; i++) {
        size_t length = strcspn(choice, "|");
        if (strlen(text) == length && strncmp(choice, text, length) == 0) {
            *x = i;
            return 0;
        }
        choice += length + (choice[length] == '|');
    }
    return fail_usage(o, "--%s %s: must be one of %s", row->name, text, row->choices);
}

static int list_add(const options *o, text_list *list, const char *text)
{
    const char **items = realloc(list->items, (list->num + 1) * sizeof *items);
    if (items == NULL)
        return fail_memory(o);
    list->items = items;
    list->items[list->num++] = text;
    return 0;
}

static int set_value(options *o, const option_row *row, const char *text)
{
    void *field = (char *)o + row->offset;
    switch (row->kind) {
    case OPTION_TEXT:
        *(const char **)field = text;
        return 0;
    case OPTION_LIST:
        return list_add(o, field, text);
    case OPTION_WHOLE:
        return parse_whole(o, row, text, field);
    case OPTION_REAL:
        return parse_real(o, row, text, field);
    case OPTION_BYTES:
        return parse_bytes(o, row, text, field);
    case OPTION_CHOICE:
        return parse_choice(o, row, text, field);
    case OPTION_AMOUNTS:
        return amounts_parse(o, row, text, field);
    case OPTION_FLAG:
        break; /* takes no value */
    }
    return 0;
}

/* ---- the command line ------------------------------------------------------------------- */

static int take_flag(options *o, const option_row *row, const char *inlined)
{
    if (inlined != NULL)
        return fail_usage(o, "--%s=%s: takes no value", row->name, inlined);
    *(int *)((char *)o + row->offset) = 1;
    return 0;
}

/* Takes one option whose value, if it needs one, is `inlined` or the next word. */
static int take_option(options *o, const option_row *row, const char *inlined, int *i, int argc,
                       char **argv)
{
    if (o->num_given < MAX_GIVEN && !options_given(o, row->name))
        o->given[o->num_given++] = row->name;
    if (row->kind == OPTION_FLAG)
        return take_flag(o, row, inlined);
    if (inlined != NULL)
        return set_value(o, row, inlined);
    if (*i + 1 >= argc)
        return fail_usage(o, "--%s: needs a value (%s)", row->name, row->value);
    return set_value(o, row, argv[++*i]);
}

static int take_long(options *o, int *i, int argc, char **argv)
{
    const char *name = argv[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t length = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const option_row *row = option_find(o->groups, name, length);
    if (row == NULL)
        return no_such_option(o, name, length);
    return take_option(o, row, equals != NULL ? equals + 1 : NULL, i, argc, argv);
}

/* Letters may stand together ("-fq"); one with a value takes the rest of the word. */
static int take_letters(options *o, int *i, int argc, char **argv)
{
    const char *letters = argv[*i] + 1;
    for (; *letters != '\0'; letters++) {
        const option_row *row = find_letter(o->groups, *letters);
        if (row == NULL)
            return fail_usage(o, "-%c: no such option; see kerf %s --help", *letters, o->command);
        if (row->kind != OPTION_FLAG)
            return take_option(o, row, letters[1] != '\0' ? letters + 1 : NULL, i, argc, argv);
        int code = take_option(o, row, NULL, i, argc, argv);
        if (code != 0)
            return code;
    }
    return 0;
}

int options_parse(options *o, int argc, char **argv)
{
    int only_words = 0, code = 0;
    for (int i = 0; i < argc && code == 0; i++) {
        const char *word = argv[i];
        if (only_words || word[0] != '-' || word[1] == '\0')
            code = list_add(o, &o->words, word);
        else if (strcmp(word, "--") == 0)
            only_words = 1;
        else if (word[1] == '-')
            code = take_long(o, &i, argc, argv);
        else
            code = take_letters(o, &i, argc, argv);
    }
    return code;
}

void options_free(options *o)
{
    text_list *lists[] = {&o->words, &o->freeze, &o->layers, &o->skip,  &o->inputs,
                          &o->cases, &o->beside, &o->sets,   &o->sweeps};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        free(lists[i]->items);
    amounts *all[] = {&o->sparsity, &o->s};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        free(all[i]->items);
        free(all[i]->text);
    }
}
