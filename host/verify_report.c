/* verify_report.c -- tells what `kerf verify` found; see verify_report.h. */
#include "verify_report.h"

#include <math.h>

#include "json.h"
#include "table.h"

static const kerf_verify_result *worse(const verify_subject *s)
{
    const kerf_verify_result *f = &s->forward;
    return f->first_bad_layer[0] != '\0' || f->status != KERF_OK ? f : &s->training;
}

static int has_failed(const verify_subject *s)
{
    return worse(s)->first_bad_layer[0] != '\0' || worse(s)->status != KERF_OK || s->why[0] != '\0';
}

/* Why it failed; "" if it did not. */
static const char *reason(const verify_subject *s)
{
    return worse(s)->why[0] != '\0' ? worse(s)->why : s->why;
}

static double max_rel(const verify_subject *s)
{
    return fmax(s->forward.max_rel, s->training.max_rel);
}

static void digest_text(const verify_subject *s, char *text, size_t text_bytes)
{
    snprintf(text, text_bytes, "%016llx", (unsigned long long)s->mask_digest);
}

static json_t *subject_json(const verify_subject *s)
{
    char digest[24];
    const char *bad = worse(s)->first_bad_layer;
    digest_text(s, digest, sizeof digest);
    return json_pack("{s:o,s:o,s:o,s:o,s:o,s:i,s:i,s:i,s:o}", "device", json_text(s->name),
                     "first_bad_layer", bad[0] != '\0' ? json_text(bad) : json_null(), "max_rel",
                     json_number(max_rel(s)), "top1", json_number(s->top1), "mask_digest",
                     s->mask_digest != 0 ? json_text(digest) : json_null(), "layers",
                     s->forward.num_layers + s->training.num_layers, "kernels",
                     s->forward.num_kernels + s->training.num_kernels, "bad_kernels",
                     s->forward.num_bad_kernels + s->training.num_bad_kernels, "why",
                     has_failed(s) ? json_text(reason(s)) : json_null());
}

static int report_json(const options *o, const verify_subject *subjects, size_t num)
{
    json_t *object = json_begin(), *devices = json_array();
    for (size_t i = 0; i < num; i++)
        json_array_append_new(devices, subject_json(&subjects[i]));
    json_object_set_new(object, "devices", devices);
    return json_finish(o, object);
}

static void print_subject(table *t, const verify_subject *s)
{
    char digest[24];
    digest_text(s, digest, sizeof digest);
    table_cell(t, "%s", s->name);
    table_cell(t, "%d", s->forward.num_layers + s->training.num_layers);
    table_cell(t, "%d", s->forward.num_kernels + s->training.num_kernels);
    table_cell(t, "%d", s->forward.num_bad_kernels + s->training.num_bad_kernels);
    table_cell(t, "%.2g", max_rel(s));
    table_number(t, "%.2f %%", s->top1, "");
    table_cell(t, "%s", s->mask_digest != 0 ? digest : "");
    table_cell(t, "%s",
               !has_failed(s)                         ? "none"
               : worse(s)->first_bad_layer[0] != '\0' ? worse(s)->first_bad_layer
                                                      : "failed");
}

static int report_text(const verify_subject *subjects, size_t num)
{
    table *t =
        table_create("device|>layers|>kernels|>wrong|>largest error|>top-1|mask|first bad layer");
    for (size_t i = 0; i < num; i++)
        print_subject(t, &subjects[i]);
    table_print(t, stdout);
    table_destroy(t);
    for (size_t i = 0; i < num; i++)
        if (has_failed(&subjects[i]))
            printf("%s: %s\n", subjects[i].name, reason(&subjects[i]));
    return EXIT_DONE;
}

int verify_report(const options *o, const verify_subject *subjects, size_t num)
{
    int code = o->json ? report_json(o, subjects, num) : report_text(subjects, num);
    int num_failed = 0;
    for (size_t i = 0; i < num; i++)
        num_failed += has_failed(&subjects[i]);
    return code == EXIT_DONE && num_failed > 0 ? EXIT_FAILED : code;
}
