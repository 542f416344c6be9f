/* data/classes.c -- a file of class names, one a line: a class has the number of its line.
 *
 * Folders of images are numbered by name, and a folder may lack some of the classes that a
 * network was trained on.  The file says which output each folder belongs to: its name is a whole
 * line, or the first word of one ("n01440764 tench"). */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/file.h"
#include "base/names.h"
#include "data/data_internal.h"

enum { MOST_CLASSES = 1 << 20 };
static const size_t MOST_BYTES = (size_t)1 << 26;

typedef struct class_file {
    const char *path;         /* borrowed, for messages */
    char *text, *words;       /* owned; the file in lines, and in first words */
    const char **lines;       /* owned; (num) into text */
    kerf__names whole, first; /* a line, a first word -> where it stands in `lines` */
    int num;
} class_file;

static void free_file(class_file *f)
{
    kerf__names_free(&f->whole);
    kerf__names_free(&f->first);
    free(f->lines);
    free(f->words);
    free(f->text);
}

static kerf_status name_line(class_file *f, kerf__names *names, const char *name, int i)
{
    if (!kerf__names_reserve(names))
        return kerf__fail_memory(f->path, sizeof *names->slots);
    if (kerf__names_find(names, name) == NULL)
        kerf__names_add(names, name, &f->lines[i]);
    return KERF_OK;
}

/* The line at `at`, if it says anything. */
static kerf_status add_line(class_file *f, const char *at)
{
    char *word = f->words + (at - f->text);
    if (*at == '\0')
        return KERF_OK;
    if (f->num == MOST_CLASSES)
        return kerf__fail(KERF_ERR_FORMAT, "%s: names more than %d classes", f->path, MOST_CLASSES);
    if (kerf__names_find(&f->whole, at) != NULL)
        return kerf__fail(KERF_ERR_FORMAT, "%s: names class '%s' twice", f->path, at);
    word[strcspn(word, " \t")] = '\0';
    f->lines[f->num] = at;
    KERF__TRY(name_line(f, &f->whole, at, f->num));
    KERF__TRY(name_line(f, &f->first, word, f->num));
    f->num++;
    return KERF_OK;
}

static kerf_status split_lines(class_file *f, size_t num_bytes)
{
    size_t num_lines = 1;
    for (size_t i = 0; i < num_bytes; i++) {
        num_lines += f->text[i] == '\n';
        f->text[i] = f->text[i] == '\r' || f->text[i] == '\n' ? '\0' : f->text[i];
    }
    f->words = kerf__alloc(num_bytes + 1, 1);
    f->lines = kerf__alloc(num_lines, sizeof *f->lines);
    if (f->words == NULL || f->lines == NULL)
        return kerf__fail_memory(f->path, num_bytes + num_lines * sizeof *f->lines);
    memcpy(f->words, f->text, num_bytes);
    for (size_t at = 0; at < num_bytes; at += strlen(f->text + at) + 1)
        KERF__TRY(add_line(f, f->text + at));
    return KERF_OK;
}

static kerf_status read_file(class_file *f, const char *path)
{
    void *bytes;
    size_t num_bytes;
    *f = (class_file){.path = path};
    KERF__TRY(kerf__file_read(path, MOST_BYTES, &bytes, &num_bytes));
    f->text = bytes;
    return split_lines(f, num_bytes);
}

/* ---- numbers ------------------------------------------------------------------------------ */

static int find_number(const class_file *f, const char *name)
{
    const char **line = kerf__names_find(&f->whole, name);
    if (line == NULL)
        line = kerf__names_find(&f->first, name);
    return line != NULL ? (int)(line - f->lines) : -1;
}

/* What each class of the data becomes; its numbers stay where it has no names. */
static kerf_status map_classes(const kerf_dataset *d, const class_file *f, int32_t *numbers)
{
    if (d->class_names == NULL && f->num < d->num_classes)
        return kerf__fail(KERF_ERR_FORMAT, "%s: names %d classes, the data has %d", f->path, f->num,
                          d->num_classes);
    for (int c = 0; c < d->num_classes; c++) {
        numbers[c] = d->class_names != NULL ? find_number(f, d->class_names[c]) : c;
        if (numbers[c] < 0)
            return kerf__fail(KERF_ERR_FORMAT, "%s: has no line for class '%s' of the data",
                              f->path, d->class_names[c]);
    }
    return KERF_OK;
}

static void renumber(kerf__samples *s, const int32_t *numbers)
{
    for (int64_t i = 0; s->labels != NULL && i < s->num; i++)
        s->labels[i] = numbers[s->labels[i]];
}

static kerf_status apply(kerf_dataset *d, class_file *f)
{
    int32_t *numbers = kerf__alloc((size_t)d->num_classes, sizeof *numbers);
    kerf_status status = numbers != NULL
                             ? map_classes(d, f, numbers)
                             : kerf__fail_memory(f->path, (size_t)d->num_classes * sizeof *numbers);
    if (status == KERF_OK) {
        renumber(&d->train, numbers);
        renumber(&d->test, numbers);
        free(d->own_names);
        free(d->names_text);
        d->own_names = f->lines;
        d->names_text = f->text;
        d->class_names = d->own_names;
        d->num_classes = f->num;
        f->lines = NULL;
        f->text = NULL;
    }
    free(numbers);
    return status;
}

kerf_status kerf_dataset_set_classes(kerf_dataset *d, const char *path)
{
    class_file f;
    if (d->num_classes == 0)
        return kerf__fail(KERF_ERR_ARGUMENT, "data '%s': has no labels that classes could name",
                          d->spec);
    kerf_status status = read_file(&f, path);
    if (status == KERF_OK)
        status = apply(d, &f);
    free_file(&f);
    return status;
}
