/* cmd_eval.c -- `kerf eval`: accuracy, loss and confusion of a model on a split. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "crew.h"
#include "gate_report.h"
#include "guess.h"
#include "json.h"
#include "session.h"

static const char *const SPLITS[] = {"train", "val", "test"};

static int parse_split(const options *o, kerf_split *split)
{
    *split = KERF_SPLIT_TEST;
    for (int i = 0; o->split != NULL && i < 3; i++) {
        if (strcmp(o->split, SPLITS[i]) == 0) {
            *split = (kerf_split)i;
            return 0;
        }
    }
    return o->split == NULL ? 0 : fail_usage(o, "--split %s: must be train, val or test", o->split);
}

static const char *class_name(const session *s, int c, char *text, size_t text_bytes)
{
    const char *name = kerf_dataset_class_name(s->data, c);
    if (name != NULL)
        return name;
    snprintf(text, text_bytes, "%d", c);
    return text;
}

/* A line a class: how many are right, and what the others are most often taken for. */
static void print_confusion(const session *s, const int64_t *confusion, int num)
{
    table *t = table_create("class|>samples|>right|most often taken for");
    char text[16];
    for (int c = 0; c < num; c++) {
        const int64_t *row = confusion + (size_t)c * (size_t)num;
        int64_t total = 0, other = -1;
        for (int k = 0; k < num; k++) {
            total += row[k];
            if (k != c && row[k] > 0 && (other < 0 || row[k] > row[other]))
                other = k;
        }
        if (total == 0)
            continue;
        table_cell(t, "%s", class_name(s, c, text, sizeof text));
        table_cell(t, "%lld", (long long)total);
        table_cell(t, "%.1f %%", 100.0 * (double)row[c] / (double)total);
        if (other >= 0)
            table_cell(t, "%s (%lld)", class_name(s, (int)other, text, sizeof text),
                       (long long)row[other]);
        else
            table_cell(t, "%s", "");
    }
    table_print(t, stdout);
    table_destroy(t);
}

/* What is told of a split. */
typedef struct findings {
    evaluation e;
    crew crew;          /* the devices that measured */
    int64_t *confusion; /* owned */
    guess_list guesses;
    gate_frequencies gates;
} findings;

/* Shapes that the network leaves open are the samples'; multiply-adds are not known then. */
static gate_savings savings(const session *s, const kerf_evaluation *r)
{
    gate_savings gates =
        savings_of(s->m.g, &(kerf_plan_options){.batch = r->batch}, r->macs * (double)r->batch);
    gates.ms = r->ms_per_batch / (double)r->batch;
    return gates;
}

static int print_text(const session *s, const findings *f)
{
    const evaluation *e = &f->e;
    const kerf_evaluation *r = &e->e;
    const gate_savings gates = savings(s, r);
    guess_print(&f->guesses);
    print_confusion(s, f->confusion, kerf_dataset_num_classes(s->data));
    frequencies_print(&f->gates, stdout);
    printf("\ntop-1 %.2f %% (+- %.2f)  top-5 %.2f %%  loss %.4f  %lld samples, %.3f ms a batch of "
           "%lld\n",
           r->top1, r->top1_ci95, r->top5, r->loss, (long long)r->samples, r->ms_per_batch,
           (long long)r->batch);
    if (!isnan(e->agreement))
        printf("agreement with the reference %.2f %%\n", e->agreement);
    crew_print(&f->crew);
    savings_print(&gates, stdout);
    return EXIT_DONE;
}

static int print_json(const options *o, const session *s, const findings *f)
{
    const int num = kerf_dataset_num_classes(s->data);
    const gate_savings gates = savings(s, &f->e.e);
    json_t *object = json_begin(), *rows = json_array();
    evaluation_json(object, &f->e);
    json_object_set_new(object, "precision", json_text(kerf_precision_name(s->precision)));
    guess_json(object, &f->guesses);
    crew_json(object, &f->crew);
    savings_json(object, &gates);
    frequencies_json(object, &f->gates);
    for (int c = 0; c < num; c++) {
        json_t *row = json_array();
        for (int k = 0; k < num; k++)
            json_array_append_new(row, json_integer(f->confusion[c * num + k]));
        json_array_append_new(rows, row);
    }
    json_object_set_new(object, "confusion", rows);
    return json_finish(o, object);
}

static int compare_with_reference(const options *o, const session *s, kerf_split split,
                                  evaluation *e)
{
    model reference;
    int code = model_read(o, &reference, o->reference, s->dev);
    if (code == 0) {
        model_open_batch(o, &reference);
        kerf_status status = measure_agreement(s, &reference, split, e->e.batch, &e->agreement);
        code = status == KERF_OK ? 0 : fail_kerf(o, status);
    }
    model_free(&reference);
    return code;
}

/* Says which split could be had. */
static int fail_no_samples(const options *o, const session *s, kerf_split asked)
{
    for (int i = 0; i < 3; i++)
        if (kerf_dataset_num_samples(s->data, (kerf_split)i) > 0)
            return fail_work(o, "--data %s: has no %s samples, must be --split %s", o->data,
                             SPLITS[asked], SPLITS[i]);
    return fail_work(o, "--data %s: has no samples", o->data);
}

static int find_all(const options *o, session *s, kerf_split split, findings *f)
{
    int code = guess_prep(o, s, split, &f->guesses);
    if (code == 0)
        code = crew_evaluate(o, &f->crew, s, split, &f->e, f->confusion);
    if (code == 0 && !f->e.is_known)
        code = fail_no_samples(o, s, split);
    if (code == 0 && o->reference != NULL)
        code = compare_with_reference(o, s, split, &f->e);
    if (code != 0)
        return code;
    const kerf_status status = frequencies_count(&f->gates, s, split, f->e.e.batch, s->precision);
    return status == KERF_OK ? 0 : fail_kerf(o, status);
}

static int tell(const options *o, const session *s, const findings *f)
{
    int code = o->json ? print_json(o, s, f) : print_text(s, f);
    if (code == 0 && options_given(o, "min-top1") && f->e.e.top1 < o->min_top1) {
        fail_work(o, "--min-top1 %g: top-1 is %.2f %%", o->min_top1, f->e.e.top1);
        code = EXIT_TARGET;
    }
    return code;
}

static int evaluate_and_print(const options *o, session *s, const device_list *devices,
                              kerf_split split)
{
    const size_t num = (size_t)kerf_dataset_num_classes(s->data);
    findings f = {.confusion = calloc(num * num + 1, sizeof *f.confusion)};
    int code = f.confusion != NULL ? crew_open(o, &f.crew, s->dev, s->m.s, devices) : fail_memory(o);
    if (code == 0)
        code = find_all(o, s, split, &f);
    if (code == 0)
        code = tell(o, s, &f);
    frequencies_free(&f.gates);
    crew_close(o, &f.crew);
    free(f.confusion);
    return code;
}

/* What does not take every sample is the first device's work alone. */
static int evaluate_on(const options *o, const device_list *devices, kerf_split split)
{
    options first = *o;
    session s;
    first.device = devices->at[0];
    int code = session_open(&first, &s, o->words.items[0]);
    if (code == 0)
        code = session_set_precision(o, &s);
    if (code == 0)
        code = evaluate_and_print(o, &s, devices, split);
    session_close(o, &s);
    return code;
}

int cmd_eval(const options *o)
{
    kerf_split split;
    device_list devices;
    int code = parse_split(o, &split);
    if (code == 0 && o->data == NULL)
        code = fail_usage(o, "--data is missing, such as --data fashion-mnist");
    if (code != 0)
        return code;
    code = device_list_read(o, &devices);
    if (code == 0)
        code = evaluate_on(o, &devices, split);
    device_list_free(&devices);
    return code;
}
