/* infer_report.c -- results of `kerf infer`: .npy files, and the likeliest classes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files.h"
#include "infer.h"
#include "json.h"

/* ---- arrays -------------------------------------------------------------------------- */

static int is_folder(const char *path)
{
    struct stat info;
    size_t length = strlen(path);
    return (length > 0 && path[length - 1] == '/') ||
           (stat(path, &info) == 0 && S_ISDIR(info.st_mode));
}

int infer_check_output(const options *o)
{
    if (o->output == NULL || is_folder(o->output))
        return 0;
    return output_check(o, o->output);
}

/* DIR/NAME.npy; what no file name can hold becomes '_'. */
static int write_into_folder(const options *o, const inference *x, int i)
{
    const char *name = kerf_value_name(kerf_graph_output(x->m.g, i));
    char file[160];
    snprintf(file, sizeof file, "%.120s.npy", name);
    for (char *p = file; *p != '\0'; p++)
        if (*p == '/' || (unsigned char)*p < 0x20)
            *p = '_';
    char *path = path_join(o->output, file);
    if (path == NULL)
        return fail_memory(o);
    int code = output_check(o, path);
    if (code == 0) {
        kerf_status status = kerf_npy_write(x->results[i], path);
        code = status == KERF_OK ? 0 : fail_kerf(o, status);
    }
    free(path);
    return code;
}

static int write_arrays(const options *o, const inference *x)
{
    if (!is_folder(o->output)) {
        if (x->num_outputs > 1)
            return fail_usage(o, "-o %s: the model has %d outputs, so -o must be a folder: -o %s/",
                              o->output, x->num_outputs, o->output);
        kerf_status status = kerf_npy_write(x->results[0], o->output);
        return status == KERF_OK ? 0 : fail_kerf(o, status);
    }
    int code = folder_make(o, o->output);
    for (int i = 0; code == 0 && i < x->num_outputs; i++)
        code = write_into_folder(o, x, i);
    return code;
}

/* ---- classes ------------------------------------------------------------------------- */

typedef struct ranked {
    int64_t c;
    double share;
} ranked;

static int by_share(const void *a, const void *b)
{
    const ranked *x = a, *y = b;
    if (x->share != y->share)
        return x->share < y->share ? 1 : -1;
    return x->c < y->c ? -1 : x->c > y->c;
}

/* Shares of the classes, the largest first.  An output that already is shares (0 or more,
 * sum 1) stays as it is, any other goes through a softmax. */
static void rank(const float *row, int64_t num, ranked *out)
{
    double sum = 0, largest = -INFINITY, all = 0;
    int is_share = 1;
    for (int64_t c = 0; c < num; c++) {
        largest = fmax(largest, row[c]);
        all += row[c];
        is_share &= row[c] >= 0;
    }
    is_share &= fabs(all - 1) < 1e-3;
    for (int64_t c = 0; c < num; c++) {
        out[c] = (ranked){c, is_share ? row[c] : exp(row[c] - largest)};
        sum += out[c].share;
    }
    for (int64_t c = 0; c < num; c++)
        out[c].share /= sum;
    qsort(out, (size_t)num, sizeof *out, by_share);
}

typedef struct label_list {
    char *text, **lines; /* owned */
    size_t num;
} label_list;

static const char *label_of(const label_list *labels, int64_t c)
{
    return labels->lines != NULL && c < (int64_t)labels->num ? labels->lines[c] : "";
}

/* Rows of classes: two dimensions of floats, or more that are 1. */
static int64_t num_classes(const inference *x)
{
    const kerf_tensor *t = x->num_outputs > 0 ? x->results[0] : NULL;
    if (t == NULL || kerf_tensor_type(t) != KERF_F32 || x->num_samples == 0)
        return 0;
    kerf_shape shape = kerf_tensor_shape(t);
    int64_t num = (int64_t)kerf_tensor_num_elements(t);
    return shape.rank >= 2 && shape.dims[0] == x->num_samples &&
                   num / shape.dims[0] == shape.dims[1]
               ? shape.dims[1]
               : 0;
}

static json_t *classes_json(const ranked *r, int64_t top, const label_list *labels)
{
    json_t *list = json_array();
    for (int64_t k = 0; k < top; k++) {
        json_t *object = json_object();
        json_object_set_new(object, "class", json_integer(r[k].c));
        json_object_set_new(object, "label",
                            labels->num > 0 ? json_text(label_of(labels, r[k].c)) : json_null());
        json_object_set_new(object, "share", json_number(r[k].share));
        json_array_append_new(list, object);
    }
    return list;
}

static void classes_rows(table *t, int64_t sample, const ranked *r, int64_t top,
                         const label_list *labels)
{
    for (int64_t k = 0; k < top; k++) {
        if (k == 0)
            table_cell(t, "%lld", (long long)sample);
        else
            table_cell(t, "%s", "");
        table_cell(t, "%lld", (long long)r[k].c);
        table_cell(t, "%s", label_of(labels, r[k].c));
        table_cell(t, "%.2f %%", 100 * r[k].share);
    }
}

static int rank_all(const options *o, const inference *x, const label_list *labels, table *t,
                    json_t *samples)
{
    int64_t num = num_classes(x), top = options_given(o, "top") ? o->top : 5;
    top = top < num ? top : num;
    ranked *r = malloc(((size_t)num + 1) * sizeof *r);
    if (r == NULL)
        return fail_memory(o);
    const float *data = num > 0 ? kerf_tensor_data(x->results[0]) : NULL;
    for (int64_t i = 0; num > 0 && i < x->num_samples; i++) {
        rank(data + i * num, num, r);
        if (o->json)
            json_array_append_new(samples, classes_json(r, top, labels));
        else
            classes_rows(t, i, r, top, labels);
    }
    free(r);
    return 0;
}

static json_t *outputs_json(const inference *x)
{
    json_t *list = json_array();
    for (int i = 0; i < x->num_outputs; i++)
        json_array_append_new(list,
                              json_pack("{s:o,s:o}", "name",
                                        json_text(kerf_value_name(kerf_graph_output(x->m.g, i))),
                                        "shape", json_shape(kerf_tensor_shape(x->results[i]))));
    return list;
}

static int print_classes(const options *o, const inference *x)
{
    label_list labels = {0};
    int code = o->labels != NULL
                   ? file_read_lines(o, o->labels, &labels.text, &labels.lines, &labels.num)
                   : 0;
    table *t = table_create("sample|>class|label|>share");
    json_t *object = json_begin(), *samples = json_array();
    if (code == 0)
        code = rank_all(o, x, &labels, t, samples);
    json_object_set_new(object, "samples", json_integer(x->num_samples));
    json_object_set_new(object, "precision", json_text(kerf_precision_name(x->precision)));
    json_object_set_new(object, "outputs", outputs_json(x));
    json_object_set_new(object, "top", samples);
    json_object_set_new(object, "output", o->output != NULL ? json_text(o->output) : json_null());
    savings_json(object, &x->gates);
    crew_json(object, &x->crew);
    if (code == 0 && o->json)
        json_finish(o, json_incref(object));
    else if (code == 0 && num_classes(x) > 0)
        table_print(t, stdout);
    else if (code == 0)
        say(o, "the output is no row of classes: -o Y.npy writes it");
    json_decref(object);
    table_destroy(t);
    free(labels.lines);
    free(labels.text);
    return code;
}

int infer_report(const options *o, const inference *x)
{
    int code = o->output != NULL ? write_arrays(o, x) : 0;
    int wants_classes =
        o->output == NULL || o->json || o->labels != NULL || options_given(o, "top");
    if (o->output != NULL && strcmp(o->output, "-") == 0)
        return code;
    if (code == 0 && wants_classes)
        code = print_classes(o, x);
    if (code == 0 && !o->json && !o->quiet) {
        savings_print(&x->gates, stdout);
        crew_print(&x->crew);
    }
    return code;
}
