/* cmd_pack.c -- `kerf pack` and `kerf unpack`: a model as one small file, and as ONNX again; no
 * device is touched. */
#include <stdlib.h>
#include <string.h>

#include "bundle_report.h"
#include "command.h"
#include "files.h"
#include "json.h"
#include "model.h"
#include "table.h"

typedef struct packed {
    void *bytes; /* owned, as the next */
    kerf_packed_tensor *tensors;
    size_t num_bytes, num;
} packed;

static double whole_bytes(const packed *p)
{
    double sum = 0;
    for (size_t i = 0; i < p->num; i++)
        sum += p->tensors[i].bytes;
    return sum;
}

static double times_smaller(const packed *p)
{
    return whole_bytes(p) / (double)p->num_bytes;
}

static void print(const options *o, const packed *p)
{
    char text[2][32];
    double tensors = 0;
    table *t = table_create("tensor|form|>bytes|>packed");
    for (size_t i = 0; i < p->num; i++) {
        const kerf_packed_tensor *x = &p->tensors[i];
        table_cell(t, "%s", x->name);
        table_cell(t, "%s", kerf_packed_form_name(x->form));
        table_cell(t, "%s", grouped(x->bytes, text[0], sizeof text[0]));
        table_cell(t, "%s", grouped(x->packed_bytes, text[1], sizeof text[1]));
        tensors += x->packed_bytes;
    }
    table_rule(t);
    table_cell(t, "graph");
    table_cell(t, "coded");
    table_cell(t, " ");
    table_cell(t, "%s", grouped((double)p->num_bytes - tensors, text[0], sizeof text[0]));
    table_cell(t, "total");
    table_cell(t, " ");
    table_cell(t, "%s", grouped(whole_bytes(p), text[0], sizeof text[0]));
    table_cell(t, "%s", grouped((double)p->num_bytes, text[1], sizeof text[1]));
    table_print(t, result_stream(o));
    table_destroy(t);
    if (p->num_bytes > 0)
        fprintf(result_stream(o), "\n%s: %.1fx smaller than its tensors\n", o->output,
                times_smaller(p));
}

static int print_json(const options *o, const packed *p, const char *name, const char *path,
                      json_t *devices)
{
    json_t *object = json_begin(), *list = json_array();
    for (size_t i = 0; i < p->num; i++) {
        const kerf_packed_tensor *x = &p->tensors[i];
        json_array_append_new(list, json_pack("{s:o,s:s,s:f,s:f}", "name", json_text(x->name),
                                              "form", kerf_packed_form_name(x->form), "bytes",
                                              x->bytes, "packed", x->packed_bytes));
    }
    json_object_set_new(object, "bytes", json_real(whole_bytes(p)));
    json_object_set_new(object, "packed", json_integer((json_int_t)p->num_bytes));
    json_object_set_new(object, "tensors", list);
    if (devices != NULL)
        json_object_set(object, "devices", devices);
    json_object_set_new(object, name, json_text(path));
    return json_finish(o, object);
}

static int put(const options *o, const packed *p)
{
    if (strcmp(o->output, "-") != 0)
        return file_write(o, o->output, p->bytes, p->num_bytes);
    return fwrite(p->bytes, 1, p->num_bytes, stdout) == p->num_bytes
               ? 0
               : fail_work(o, "standard output cannot be written");
}

static int pack(const options *o, const model *m)
{
    packed p = {0};
    kerf_status status =
        kerf_packed_serialize(m->g, m->s, &p.bytes, &p.num_bytes, &p.tensors, &p.num);
    int code = status == KERF_OK ? put(o, &p) : fail_kerf(o, status);
    if (code == 0 && o->json)
        code = print_json(o, &p, "output", o->output, NULL);
    else if (code == 0 && !o->quiet)
        print(o, &p);
    free(p.bytes);
    free(p.tensors);
    return code;
}

static int read_and(const options *o, int (*then)(const options *o, const model *m))
{
    model m;
    int code = output_needed(o);
    if (code != 0)
        return code;
    code = model_read(o, &m, o->words.items[0], NULL);
    if (code == 0)
        code = then(o, &m);
    model_free(&m);
    return code;
}

static void print_line(const options *o, const packed *p, size_t num_devices)
{
    char text[2][32];
    const char *path = o->words.items[0];
    printf("%s: whole; %zu tensors of %s bytes in %s, %.1fx smaller",
           strcmp(path, "-") == 0 ? "standard input" : path, p->num,
           grouped(whole_bytes(p), text[0], sizeof text[0]),
           grouped((double)p->num_bytes, text[1], sizeof text[1]), times_smaller(p));
    if (num_devices > 0)
        printf("; knows %zu device%s", num_devices, num_devices > 1 ? "s" : "");
    putchar('\n');
}

/* One line, and the devices that it knows. */
static int print_test(const options *o, const packed *p, const char *path)
{
    table *rows;
    json_t *devices;
    int code = bundle_tell(o, path, &rows, &devices);
    if (code == 0 && o->json)
        code = print_json(o, p, "file", path, devices);
    else if (code == 0 && !o->quiet)
        print_line(o, p, json_array_size(devices));
    if (code == 0 && rows != NULL && !o->json && !o->quiet)
        table_print(rows, stdout);
    table_destroy(rows);
    json_decref(devices);
    return code;
}

static int test(const options *o)
{
    packed p = {0};
    const char *path = o->words.items[0];
    if (o->output != NULL)
        return fail_usage(o, "--test writes nothing; must be without -o");
    const kerf_status status = kerf_packed_check(path, &p.tensors, &p.num, &p.num_bytes);
    const int code = status == KERF_OK ? print_test(o, &p, path) : fail_kerf(o, status);
    free(p.tensors);
    return code;
}

int cmd_pack(const options *o)
{
    if (o->test)
        return test(o);
    return read_and(o, pack);
}

static int unpack(const options *o, const model *m)
{
    const kerf_status status = kerf_onnx_write(m->g, m->s, o->output);
    if (status != KERF_OK)
        return fail_kerf(o, status);
    if (!o->json)
        return 0;
    json_t *object = json_begin();
    json_object_set_new(object, "output", json_text(o->output));
    return json_finish(o, object);
}

int cmd_unpack(const options *o)
{
    return read_and(o, unpack);
}
